//! What a server reads when it starts: its own process, its option files, what was persisted.

use super::argv::Look;
use super::line::{Argv, Hole};
use super::sql::Question;
use crate::model::{Flavour, Server};

/// What matters of it, as a pattern: everything else stays where it is, passwords above all.
const MATTERS: &str = "read[-_]o|super[-_]read|skip[-_](re|sl)|persisted[-_]globals";

/// The process of a server, from its id, a line each: `root same` or `root other` (a container), `env NAME=VALUE` and
/// `word WORD` of what decides about option files and these settings, `unit NAME STATE` or `unit -`, `starter NAME STATE`
/// of what else starts that unit (a socket), then an end.
/// The words of a process may be seen by everybody, the rest by root only.
#[must_use]
pub fn server_process(pid: u32) -> Look {
    Look::Command(Argv::of(["sh", "-c", PROCESS, "flipper", MATTERS]).hole(Hole::Number, &pid.to_string()))
}

const PROCESS: &str = "p=/proc/$2; \
    own=$(stat -Lc %d:%i /.); its=$(stat -Lc %d:%i $p/root/. 2>/dev/null); \
    case $its in '') echo root unseen;; \"$own\") echo root same;; *) echo root other;; esac; \
    tr '\\000\\n' '\\n ' <$p/environ 2>/dev/null | LC_ALL=C grep -aE \
    '^(HOME|MYSQL_HOME|MARIADB_HOME|MYSQL_GROUP_SUFFIX|MARIADB_GROUP_SUFFIX)=' | sed 's/^/env /'; \
    tr '\\000\\n' '\\n ' <$p/cmdline | LC_ALL=C grep -aEi \
    \"^--(no-defaults|defaults-)|^--[a-z_-]*($1)|(^|/)(mysqld|mariadbd)[^/]*$\" | sed 's/^/word /'; \
    unit=$(sed -n 's,.*/\\([^/]*\\.service\\)$,\\1,p' $p/cgroup | head -n 1); \
    if [ -d /run/systemd/system ] && [ -n \"$unit\" ]; \
    then echo \"unit $unit $(systemctl is-enabled -- \"$unit\" 2>/dev/null)\"; \
    for s in $(systemctl show -p TriggeredBy -- \"$unit\" | cut -d = -f 2); \
    do echo \"starter $s $(systemctl is-enabled -- \"$s\" 2>/dev/null)\"; done; else echo unit -; fi; \
    echo process 1";

/// An option file, or a folder of them (`/etc/my.cnf.d/`, with a slash behind), as a server would read it: for each file
/// `file PATH`, then its groups, its includes and the settings that matter as `LINE:text`; `ignored PATH` for one that
/// everybody may write to; `folder PATH` before those of a folder; `none PATH`, `unclear PATH`; then an end. `None` for
/// what is no plain absolute path: nothing else reaches a shell.
#[must_use]
pub fn option_files(path: &str) -> Option<Look> {
    let keeps = format!("^[[:space:]]*(\\[|!include|[^#;=]*({MATTERS}))");
    let argv = Argv::of(["sh", "-c", FILES, "flipper", &keeps]);
    is_plain(path).then(|| Look::Command(argv.hole(Hole::Folder, path)))
}

fn is_plain(path: &str) -> bool {
    path.len() < 1000 && Hole::Folder.fits(path)
}

const FILES: &str = "keeps=$1 p=$2; \
    one() { if [ -f \"$1\" ] && [ -r \"$1\" ]; then case $(stat -Lc %a -- \"$1\") in *[2367]) echo \"ignored $1\";; \
    *[0145]) echo \"file $1\"; LC_ALL=C grep -anEi -e \"$keeps\" -- \"$1\"; [ $? -le 1 ] || echo \"unclear $1\";; \
    *) echo \"unclear $1\";; esac; elif [ -e \"$1\" ]; then echo \"unclear $1\"; else echo \"none $1\"; fi; }; \
    case $p in */) if [ -d \"$p\" ] && [ -r \"$p\" ]; then echo \"folder $p\"; \
    for f in \"$p\".*.cnf \"$p\"*.cnf; do [ ! -e \"$f\" ] || one \"$f\"; done; \
    elif [ -e \"$p\" ]; then echo \"unclear $p\"; else echo \"none $p\"; fi;; *) one \"$p\";; esac; echo option-files 1";

/// What was persisted, as it is on disk in a server's data folder: JSON, or nothing. `None` as with [`option_files`].
#[must_use]
pub fn persisted(data: &str) -> Option<Look> {
    let argv = Argv::of(["sh", "-c", PERSISTED, "flipper"]);
    is_plain(data).then(|| Look::Command(argv.hole(Hole::Folder, data)))
}

const PERSISTED: &str = "f=$1/mysqld-auto.cnf; [ ! -e \"$f\" ] || cat -- \"$f\"";

/// Option files that the server names as those from which it took a setting when it started: `path`.
#[must_use]
pub fn option_paths(server: &Server) -> Question {
    match server.flavour {
        Flavour::MySql => Question::of(["SELECT DISTINCT VARIABLE_PATH AS path FROM \
                                         performance_schema.variables_info WHERE VARIABLE_PATH <> '' AND \
                                         VARIABLE_SOURCE <> 'PERSISTED'"]),
        Flavour::MariaDb => Question::of(["SELECT DISTINCT GLOBAL_VALUE_PATH AS path FROM \
                                           information_schema.SYSTEM_VARIABLES WHERE GLOBAL_VALUE_PATH <> ''"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_reach_a_shell() {
        let look = option_files("/etc/my.cnf.d/").map(|look| look.to_string()).unwrap();
        assert!(look.ends_with(" /etc/my.cnf.d/") && !look.contains('\n'), "{look}");
        for bad in ["", "my.cnf", "-x", "/a;b", "/a'b", "/a\nb", "/$x", "/*"] {
            assert!(option_files(bad).is_none() && persisted(bad).is_none(), "{bad}");
        }
    }

    /// The script itself, with files that a shell really looks at.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn what_matters_of_files_and_nothing_else() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::create_dir(at("d")).unwrap();
        for (name, text, mode) in [
            ("my.cnf", "[client]\npassword=read\n# read_only=1\n[mysqld]\n Read_Only = 1\n!includedir d\n", 0o644),
            ("d/b.cnf", "[mysqld]\nread-only", 0o600),
            ("d/a.b.cnf", "[mysqld]\nssl-key=x\nloose-skip_replica_start\n", 0o644),
            ("d/.h.cnf", "", 0o644),
            ("d/w.cnf", "[mysqld]\nread_only=0\n", 0o666),
            ("d/x.txt", "[mysqld]\nread_only=0\n", 0o644),
        ] {
            std::fs::write(at(name), text).unwrap();
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let said = ["my.cnf", "d/", "none.cnf", "gone/"].map(|name| {
            let look = option_files(&at(name)).unwrap();
            let out = std::process::Command::new("sh").arg("-c").arg(look.to_string()).output().unwrap();
            let text = String::from_utf8_lossy(&out.stdout).replace(&at(""), "/");
            text.strip_suffix("option-files 1\n").unwrap_or("no end").to_owned()
        });
        let expected = "file /my.cnf\n1:[client]\n4:[mysqld]\n5: Read_Only = 1\n6:!includedir d\nfolder /d/\n\
                        file /d/.h.cnf\nfile /d/a.b.cnf\n1:[mysqld]\n3:loose-skip_replica_start\nfile /d/b.cnf\n\
                        1:[mysqld]\n2:read-only\nignored /d/w.cnf\nnone /none.cnf\nnone /gone/\n";
        assert_eq!(said.concat(), expected);
    }
}
