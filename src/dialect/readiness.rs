//! Whether what only `fail` says to a machine could be carried out there, asked without doing any of it.

use super::argv::{Deed, Look};
use super::gate::Allowed;
use super::line::{Argv, Hole, Line};
use super::{isolate, may_run, signs};

impl Allowed<'_> {
    /// What ends this node's server and keeps it from starting.
    pub(super) fn isolation(&self) -> Vec<Deed> {
        let (sudo, port) = (self.sudo, self.pair.node(self.side).port);
        let of_unit = |unit: &String| {
            let end = (!isolate::is_socket(unit)).then(|| isolate::end_unit(sudo, unit));
            isolate::keep_down(sudo, unit).into_iter().chain(end)
        };
        let units = self.units.iter().flat_map(of_unit);
        units.chain([true, false].map(|ask| isolate::end_listeners(sudo, port, ask))).collect()
    }

    /// All that is said to this node to keep it out, for a gate to be asked about.
    #[must_use]
    pub fn said_to_isolate(&self) -> Vec<Line> {
        let port = self.pair.node(self.side).port;
        let looks = [isolate::units(), isolate::who_listens(self.sudo, port), isolate::all_who_listen(self.sudo)];
        let deeds = self.isolation();
        looks.iter().map(|look| look.within(1)).chain(deeds.iter().map(|deed| deed.within(1))).collect()
    }

    /// The question whether `sudo` would run it, for each command of it that `sudo` runs; the command comes first.
    #[must_use]
    pub fn may_isolate(&self) -> Vec<(String, Look)> {
        let port = self.pair.node(self.side).port;
        let deeds = self.isolation();
        let deeds = deeds.iter().filter_map(|deed| Some((deed.to_string(), may_run(deed)?)));
        // which unit is another server's is seen by the ports of all
        let all = (!self.units.is_empty()).then(|| isolate::all_listen(self.sudo));
        let listens = std::iter::once(isolate::listens(self.sudo, port)).chain(all);
        deeds.chain(listens.filter_map(|argv| asked(&argv))).collect()
    }

    /// All that is said to this node to find out whether anybody answers in the other one's place.
    #[must_use]
    pub fn said_to_listen(&self) -> Vec<Line> {
        self.signs().iter().map(|some| signs::signs(self.system, self.sudo, some).within(1)).collect()
    }

    /// As [`Self::may_isolate`].
    #[must_use]
    pub fn may_listen(&self) -> Vec<(String, Look)> {
        let mut all: Vec<(String, Look)> = vec![];
        for argv in self.signs().iter().flatten().flat_map(|sign| sign.as_root(self.system)) {
            let ask = asked(&argv.run_by(self.sudo));
            all.extend(ask.filter(|ask| !all.contains(ask)));
        }
        all
    }
}

fn asked(argv: &Argv) -> Option<(String, Look)> {
    argv.may_run().map(|ask| (argv.to_string(), Look::Command(ask)))
}

/// Programs that only `fail` needs, and whether the account may read what is in this folder of binary logs. `None` for
/// what is no plain absolute path: nothing else reaches a shell.
#[must_use]
pub fn tools(folder: &str) -> Option<Look> {
    let argv = Argv::of(["sh", "-c", TOOLS, "flipper"]);
    (folder.len() < 1000 && Hole::Folder.fits(folder)).then(|| Look::Command(argv.hole(Hole::Folder, folder)))
}

const TOOLS: &str = "echo \"bash $(command -v bash)\"; \
    echo \"mysqlbinlog $(command -v mysqlbinlog || command -v mariadb-binlog)\"; logs=none; \
    if [ -d \"$1\" ] && [ -r \"$1\" ] && [ -x \"$1\" ]; then for f in \"$1\"/*.[0-9]*; do \
    case ${f##*.} in *[!0-9]*) continue;; esac; if [ -r \"$f\" ]; then logs=readable; break; fi; logs=hidden; done; \
    else logs=hidden; fi; echo \"logs $logs\"; echo tools 1";

/// What the account finds in a folder of binary logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsFolder {
    /// It may read them.
    Readable,
    /// It may not.
    Hidden,
    /// There are none.
    Empty,
}

/// What [`tools`] has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tools {
    /// `bash`, with which it is seen whether a server greets.
    pub bash: bool,
    /// `mysqlbinlog`, or MariaDB's.
    pub mysqlbinlog: bool,
    /// The binary logs.
    pub logs: LogsFolder,
}

/// Reads the answer to [`tools`]. `None`: it is not whole.
#[must_use]
pub fn parse_tools(text: &str) -> Option<Tools> {
    let rest = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim);
    let there = |name: &str| rest(name).map(|path| path.starts_with('/'));
    rest("tools").filter(|end| *end == "1")?;
    Some(Tools {
        bash: there("bash")?,
        mysqlbinlog: there("mysqlbinlog")?,
        logs: match rest("logs")? {
            "readable" => LogsFolder::Readable,
            "hidden" => LogsFolder::Hidden,
            "none" => LogsFolder::Empty,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script itself, with folders that a shell really looks at.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn logs_are_readable_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for (folder, file) in [("a", "binlog.000001"), ("b", "binlog.index"), ("c", "binlog.1000000")] {
            std::fs::create_dir(at(folder)).unwrap();
            std::fs::write(dir.path().join(folder).join(file), "").unwrap();
        }
        let said = ["a", "b", "c", "gone"].map(|folder| {
            let look = tools(&at(folder)).unwrap();
            let out = std::process::Command::new("sh").arg("-c").arg(look.to_string()).output().unwrap();
            parse_tools(&String::from_utf8_lossy(&out.stdout)).unwrap()
        });
        let logs = said.map(|said| said.logs);
        assert_eq!(logs, [LogsFolder::Readable, LogsFolder::Empty, LogsFolder::Readable, LogsFolder::Hidden]);
        assert!(said[0].bash);
        for bad in ["a", "-x", "/a;b", "/a\nb", "/$x"] {
            assert!(tools(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let text = "bash /bin/bash\nmysqlbinlog \nlogs hidden\ntools 1";
        let logs = LogsFolder::Hidden;
        assert_eq!(parse_tools(text), Some(Tools { bash: true, mysqlbinlog: false, logs }));
        for cut in 0..text.len() {
            assert_eq!(parse_tools(&text[..cut]), None, "cut at {cut}");
        }
    }
}
