//! A lab that stays up for somebody to work in: a shell on the operator's host.
//!
//! Two commands are there: `flipper`, and `lab` for what a person would do at the machines themselves. `lab` leaves its words
//! in a file and waits for the answer, so that a plain shell is all it needs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::error::{Doing, LabError, Result};
use super::load::Load;
use super::{Host, Lab, Node, net};

/// What `lab` does.
pub(crate) const HELP: &str = "  lab crash NODE           kill its server, as a power cut would
  lab start NODE           start it again; it comes back read-only
  lab unplug NODE          pull the machine's network cable
  lab plug NODE            and put it back
  lab sql NODE STATEMENT   ask its server, as root
  lab run NODE COMMAND     run a command on the machine, by ssh
  lab clients              how many rows a second the clients write
  lab quiet                end them, and say what they saw
  lab busy                 and have others begin
";

const CLIENTS: u32 = 4;
/// Few enough for somebody who stays for hours: each one is remembered.
const WRITES_PER_SECOND: u32 = 100;

const NOBODY: &str = "no client writes\n";

/// A shell on the operator's host, and who answers to `lab` meanwhile.
pub(crate) struct Stay<'a> {
    lab: &'a Lab,
    load: Mutex<Option<Load>>,
}

impl<'a> Stay<'a> {
    /// Writes config and scripts, and lets clients write. `flipper` is the program and its first words.
    pub(crate) fn prepare(lab: &'a Lab, flipper: &[String]) -> Result<Self> {
        lab.write_config()?;
        let dir = lab.dir();
        let home = dir.display();
        for folder in ["bin", "asked"] {
            fs::create_dir(dir.join(folder)).doing(|| format!("creating {folder}"))?;
        }
        let flipper: Vec<String> = flipper.iter().map(|word| quoted(word)).collect();
        script(&dir.join("bin/flipper"), &format!("exec {} \"$@\"\n", flipper.join(" ")))?;
        script(
            &dir.join("bin/lab"),
            &format!(
                "ask=$(mktemp {home}/asked/XXXXXX) || exit\n\
                 [ $# = 0 ] || printf '%s\\0' \"$@\" >\"$ask\"\n\
                 mv \"$ask\" \"$ask.ask\"\n\
                 until [ -e \"$ask.code\" ]; do sleep 0.05; [ -d {home} ] || exit 1; done\n\
                 cat \"$ask.text\"\n\
                 exit \"$(cat \"$ask.code\")\"\n"
            ),
        )?;
        let greeting = format!(
            "PS1='op$ '\nunset PROMPT_COMMAND\n. <(flipper completions bash)\ncat <<'END'\n{}END\n",
            greeting(lab)
        );
        fs::write(dir.join("bashrc"), greeting).doing(|| "writing bashrc".to_owned())?;
        script(
            &dir.join("shell"),
            &format!(
                "cd {home} || exit\n\
                 export PATH={home}/bin:\"$PATH\" FLIPPER_CONFIG={home}/flipper.ron FLIPPER_PASSWORD={}\n\
                 export XDG_STATE_HOME={home}/state XDG_RUNTIME_DIR={home}/run\n\
                 unset SSH_AUTH_SOCK\n\
                 exec ip netns exec {} bash --rcfile {home}/bashrc\n",
                lab.secrets().flipper,
                net::namespace(lab.id(), Host::Operator.name()),
            ),
        )?;
        let stay = Self { lab, load: Mutex::new(None) };
        stay.busy()?;
        Ok(stay)
    }

    /// The shell, with nothing said yet about its input and output.
    pub(crate) fn shell(&self) -> Command {
        Command::new(self.lab.dir().join("shell"))
    }

    /// Answers to `lab` as long as `work` takes.
    pub(crate) fn answering<T>(&self, work: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // who asks waits for ever rather than being told wrong: the next round may do better
                    let _ = self.answer_all();
                    std::thread::sleep(Duration::from_millis(30));
                }
            });
            let result = work();
            over.store(true, Ordering::Relaxed);
            result
        })
    }

    fn load(&self) -> MutexGuard<'_, Option<Load>> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> Result<()> {
        let mut load = self.load();
        if load.is_none() {
            *load = Some(self.lab.load(CLIENTS, WRITES_PER_SECOND)?);
        }
        Ok(())
    }

    /// Ends the clients; what they saw, as a sentence.
    pub(crate) fn quiet(&self) -> Result<String> {
        let Some(load) = self.load().take() else { return Ok(NOBODY.to_owned()) };
        let report = load.stop()?;
        // whoever looks next finds both alike
        self.lab.settle()?;
        Ok(format!(
            "{} rows were acknowledged; the slowest client was without an answer for {} ms; the answering server changed {} \
             time(s)\n",
            report.acked(),
            report.slowest().as_millis(),
            report.changes().len(),
        ))
    }

    fn clients(&self) -> Result<String> {
        let load = self.load();
        let Some(load) = &*load else { return Ok(NOBODY.to_owned()) };
        let before = load.acked();
        std::thread::sleep(Duration::from_secs(1));
        Ok(format!("{} rows in a second\n", load.acked() - before))
    }

    fn answer_all(&self) -> Result<()> {
        let asked = self.lab.dir().join("asked");
        for entry in fs::read_dir(&asked).doing(|| "listening".to_owned())?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|end| end != "ask") {
                continue;
            }
            let text = fs::read_to_string(&path).doing(|| "listening".to_owned())?;
            fs::remove_file(&path).doing(|| "listening".to_owned())?;
            let words: Vec<&str> = text.split_terminator('\0').collect();
            let (code, said) = match self.act(&words) {
                Ok(said) => ("0", said),
                Err(error) => ("1", format!("{error}\n")),
            };
            fs::write(path.with_extension("text"), said).doing(|| "answering".to_owned())?;
            let unfinished = path.with_extension("new");
            fs::write(&unfinished, code).doing(|| "answering".to_owned())?;
            fs::rename(&unfinished, path.with_extension("code")).doing(|| "answering".to_owned())?;
        }
        Ok(())
    }

    fn act(&self, words: &[&str]) -> Result<String> {
        let lab = self.lab;
        match words {
            ["clients"] => return self.clients(),
            ["quiet"] => return self.quiet(),
            ["busy"] => return self.busy().map(|()| String::new()),
            _ => {}
        }
        let (verb, node, rest) = match words {
            [] | ["help" | "--help" | "-h"] => return Ok(HELP.to_owned()),
            [verb, node, rest @ ..] => (*verb, *node, rest),
            [verb] => return Err(LabError::new(*verb, "which node? `lab help` lists everything")),
        };
        let Some(node) = Node::BOTH.into_iter().find(|known| known.name() == node) else {
            return Err(LabError::new(verb, format!("no node `{node}`: db1 or db2")));
        };
        match (verb, rest) {
            ("crash", []) => lab.stop_server(node, Signal::KILL).map(|()| String::new()),
            ("start", []) => lab.start_server(node).map(|()| String::new()),
            ("unplug", []) => lab.cable(node.host(), false).map(|()| String::new()),
            ("plug", []) => lab.cable(node.host(), true).map(|()| String::new()),
            ("sql", [statement]) => {
                let rows = lab.admin(node).rows(statement)?;
                let line = |row: &Vec<Option<String>>| {
                    row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("\t") + "\n"
                };
                Ok(rows.iter().map(line).collect())
            }
            ("run", [_, ..]) => {
                let output = lab.ssh(node, rest)?;
                Ok([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
            }
            _ => Err(LabError::new(words.join(" "), "`lab help` lists what can be asked")),
        }
    }
}

fn greeting(lab: &Lab) -> String {
    format!(
        "\nThis is a shell on the operator's host, {}. flipper.ron describes the pair `lab`, whose clients write all the \
         while.\n\n{HELP}\nAnother shell like this one, in another terminal: {}/shell\n`exit` removes all of it.\n\n",
        Host::Operator.address(),
        lab.dir().display(),
    )
}

fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{text}"))
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .doing(|| format!("writing {}", path.display()))
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
