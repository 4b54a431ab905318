//! Command lines for a machine whose server is declared dead: what is left of it is ended, and its disk is read.

use super::argv::{Deed, Look};
use super::death::plain_position;
use super::line::{Argv, Hole};
use crate::model::{Flavour, Server};

/// Where distributions keep data and binary logs, where nothing else tells.
const PLACES: [&str; 3] = ["/var/lib/mysql", "/var/log/mysql", "/var/lib/mysql-files"];

/// Units that may run a server, with their main process and the sockets that start them when somebody connects (Debian's
/// MariaDB has one), where the machine has systemd: a few lines each, then an end.
#[must_use]
pub fn units() -> Look {
    Look::Script(
        "if [ -d /run/systemd/system ]; then for u in mysql.service mysqld.service mariadb.service \
         $(systemctl list-units --all --plain --no-legend 'mysql@*.service' 'mysqld@*.service' 'mariadb@*.service' | \
         cut -d ' ' -f 1); do case $(systemctl show -p LoadState $u) in *=loaded|*=masked) \
         systemctl show -p Id -p LoadState -p MainPID -p TriggeredBy $u; \
         for s in $(systemctl show -p TriggeredBy $u | cut -d = -f 2); do systemctl show -p Listen $s; done; \
         echo;; esac; done; fi; echo units 1",
    )
}

/// A unit of systemd's that may run a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, `mariadb.service`.
    pub name: String,
    /// Its main process, where it runs.
    pub process: Option<u32>,
    /// It cannot be started.
    pub masked: bool,
    /// Sockets of systemd's that start it, `mariadb.socket`.
    pub sockets: Vec<String>,
    /// The ports of these.
    pub ports: Vec<u16>,
}

/// The names of all that is stopped where these are: they themselves, and what starts them.
#[must_use]
pub fn names_of(units: &[Unit]) -> Vec<String> {
    units.iter().flat_map(|unit| std::iter::once(&unit.name).chain(&unit.sockets)).cloned().collect()
}

/// It starts a server and is none: where its service is masked it need not be, and it has no process to end.
pub(super) fn is_socket(name: &str) -> bool {
    name.ends_with(".socket")
}

/// What keeps such a unit from running.
#[must_use]
pub fn keep_down(sudo: bool, name: &str) -> Vec<Deed> {
    let mask = (!is_socket(name)).then(|| mask_unit(sudo, name));
    mask.into_iter().chain([stop_unit(sudo, name)]).collect()
}

/// Reads the answer to [`units`]; each unit once. `None`: it is not whole.
#[must_use]
pub fn parse_units(text: &str) -> Option<Vec<Unit>> {
    let (told, _) = text.rsplit_once("units 1")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    let mut units: Vec<Unit> = vec![];
    for block in told.split("\n\n") {
        let value = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let is_name = |unit: &&str| !unit.starts_with('-') && unit.chars().all(plain);
        let name = value("Id").filter(is_name);
        let Some(name) = name.filter(|name| units.iter().all(|known| known.name != *name)) else { continue };
        let sockets = value("TriggeredBy").unwrap_or_default().split(' ').filter(|unit| unit.ends_with(".socket"));
        let listens = block.lines().filter_map(|line| line.strip_prefix("Listen=")?.strip_suffix(" (Stream)"));
        units.push(Unit {
            name: name.to_owned(),
            sockets: sockets.filter(is_name).map(str::to_owned).collect(),
            ports: listens.filter_map(|at| at.rsplit_once(':')?.1.parse().ok()).collect(),
            process: value("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 1),
            masked: value("LoadState") == Some("masked"),
        });
    }
    Some(units)
}

/// Who listens on which port, whatever it is, with the ids of the processes.
#[must_use]
pub fn all_who_listen(sudo: bool) -> Look {
    Look::Command(all_listen(sudo))
}

pub(super) fn all_listen(sudo: bool) -> Argv {
    Argv::of(["ss", "-Hltnp"]).run_by(sudo)
}

/// Reads the answer to [`all_who_listen`]: the ports of each process that is told.
#[must_use]
pub fn parse_ports(text: &str) -> Vec<(u32, u16)> {
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        // state, two queues, then the local end
        let port = words.nth(3)?.rsplit_once(':')?.1.parse().ok()?;
        let users = line.split_once(" users:((").and_then(|(_, users)| users.trim_end().strip_suffix("))"));
        let pids = users.into_iter().flat_map(|users| users.split("),(")).filter_map(pid_of);
        Some(pids.map(|pid| (pid, port)).collect::<Vec<_>>())
    };
    text.lines().filter(|line| line.starts_with("LISTEN")).filter_map(of).flatten().collect()
}

/// Ends all processes of a unit. A server that was told to stop takes no connections any more and may write for minutes
/// what is in its memory: nobody will need that, and everybody waits for its end.
#[must_use]
pub fn end_unit(sudo: bool, unit: &str) -> Deed {
    Deed::waited(Argv::of(["systemctl", "kill", "-s", "KILL", unit]).run_by(sudo))
}

/// Keeps a unit from being started, until the machine starts anew (hazard H-89).
pub(super) fn mask_unit(sudo: bool, unit: &str) -> Deed {
    Deed::waited(Argv::of(["systemctl", "mask", "--runtime", unit]).run_by(sudo))
}

/// Stops a unit, without waiting for a server that hangs.
pub(super) fn stop_unit(sudo: bool, unit: &str) -> Deed {
    Deed::waited(Argv::of(["systemctl", "stop", "--no-block", unit]).run_by(sudo))
}

/// Who listens on the server's port, with the ids of the processes, which only root sees of others.
#[must_use]
pub fn who_listens(sudo: bool, port: u16) -> Look {
    Look::Command(listens(sudo, port))
}

pub(super) fn listens(sudo: bool, port: u16) -> Argv {
    Argv::of(["ss", "-Hltnp", "sport", "=", &format!(":{port}")]).run_by(sudo)
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listening {
    /// Processes of which one may be a server.
    pub processes: Vec<u32>,
    /// systemd itself holds the port, beside its server or alone: it starts one when somebody connects.
    pub systemd: bool,
}

/// Reads the answer to [`who_listens`]: nobody, where it is empty. `None`: somebody does, and nobody says who, or it is no
/// such answer. What `sudo` says of itself, of a name that it cannot resolve, comes the same way and is passed over.
#[must_use]
pub fn parse_listening(text: &str) -> Option<Listening> {
    let (mut pids, mut systemd) = (vec![], false);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("sudo: ")) {
        let socket = line.strip_prefix("LISTEN ")?;
        // a process is called what it likes, also `pid=1`: only what stands behind its name counts
        let (_, users) = socket.split_once(" users:((")?;
        for user in users.trim_end().strip_suffix("))")?.split("),(") {
            match numbered(user)? {
                // in a container the first process may be a server
                ("\"systemd" | "\"init", 1) => systemd = true,
                (_, pid) => pids.push(Some(pid).filter(|pid| *pid > 1)?),
            }
        }
    }
    pids.sort_unstable();
    pids.dedup();
    Some(Listening { processes: pids, systemd })
}

/// `"NAME",pid=4711,fd=22`; never the first process of a machine.
fn pid_of(user: &str) -> Option<u32> {
    numbered(user).map(|(_, pid)| pid).filter(|pid| *pid > 1)
}

/// The same with its name, which keeps the quote before it.
fn numbered(user: &str) -> Option<(&str, u32)> {
    let (rest, fd) = user.rsplit_once(",fd=")?;
    let (name, pid) = rest.rsplit_once("\",pid=")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let whole = name.starts_with('"') && is_number(fd) && is_number(pid);
    Some((name, pid.parse().ok()?)).filter(|_| whole)
}

/// Ends whoever listens on the server's port: asks it to (`TERM`), or does not (`KILL`). By the port and not by the ids
/// of processes: so it is one and the same command every time, and an account can be allowed just that.
///
/// The braces matter: `sudo` compares words and does not see where one ends, but no beginning of this is a command.
#[must_use]
pub fn end_listeners(sudo: bool, port: u16, ask: bool) -> Deed {
    let signal = if ask { "TERM" } else { "KILL" };
    // Whoever listens there may be called `pid=4711`: what counts stands between its name and the next one, or the end. No
    // name is long enough to look like that with an id of more than one digit. And never the first process of a machine.
    let user = r#"",pid=[0-9]*,fd=[0-9]*)"#;
    let pids = format!(
        "ss -Hltnp sport = :{port} | grep -o -e '{user}) *$' -e '{user},(\"' | cut -d = -f 2 | cut -d , -f 1 | grep -vx 1"
    );
    // no file where it happens to run may change the pattern
    let script = format!("{{ set -f; kill -s {signal} $({pids}); }}");
    Deed::waited(Argv::of(["/bin/sh", "-c", &script]).run_by(sudo))
}

/// What is in the binary logs of a server that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// So many transactions more than are known; where, for whoever wants to save them.
    Count(u64, String),
    /// Nobody can say, and why.
    Unclear(String),
}

/// Counts what is in a dead server's binary logs beyond what its replica has, which knows the log and the position in it
/// that it has read up to. `known`: MySQL's set of all that the replica has or has received; MariaDB's position of
/// the receiver. `None` for what is no log's name or no position: nothing else reaches a shell.
///
/// A log that ends where the replica has read up to holds nothing more, and needs no tool. Beyond that transactions are
/// counted one by one, because a position in the middle of one says nothing. Only a log that the dead server itself
/// (`source`, its id) has begun is looked at: a log of that name may be anybody's.
#[must_use]
pub fn left_behind(
    server: &Server,
    (source, port): (u32, u16),
    (log, position): (&str, u64),
    known: &str,
    folders: &[&str],
) -> Option<Look> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let numbered = log.rsplit_once('.').is_some_and(|(base, n)| !base.is_empty() && n.parse::<u64>().is_ok());
    if log.starts_with('-') || !log.chars().all(plain) || !numbered {
        return None;
    }
    let known = plain_position(known)?;
    let kind = match server.flavour {
        Flavour::MySql => "mysql",
        Flavour::MariaDb => "mariadb",
    };
    let argv = Argv::of(["sh", "-c", COUNT, "flipper", &port.to_string(), kind]).hole(Hole::Log, log);
    let numbers = [position, server.server_id.into(), source.into()];
    let argv = numbers.iter().fold(argv, |argv, number: &u64| argv.hole(Hole::Number, &number.to_string()));
    let folders = folders.iter().filter(|folder| !folder.contains(' ') && Hole::Folder.fits(folder));
    let argv = folders.fold(argv.hole(Hole::Gtids, &known), |argv, folder| argv.hole(Hole::Folder, folder));
    Some(Look::Command(argv.with(PLACES)))
}

const COUNT: &str = "port=$1 kind=$2 log=$3 pos=$4 own=$5 source=$6 known=$7; shift 7; \
    say() { echo \"left $*\"; exit 0; }; \
    ss -Hltn \"sport = :$port\" | grep -q . && say running; \
    set -- $(my_print_defaults mysqld server mariadb mariadbd 2>/dev/null | \
    sed -n -e 's/^--datadir=//p' -e 's/^--log[-_]bin=\\(\\/.*\\)\\/[^/]*$/\\1/p') \"$@\"; \
    at=; for d; do if [ -r \"$d/$log\" ] && [ \"$(od -An -tu4 -j9 -N4 \"$d/$log\" | tr -d ' ')\" = \"$source\" ]; \
    then at=$d; break; fi; done; \
    [ -n \"$at\" ] || say nowhere; \
    set --; for f in \"$at/${log%.*}\".[0-9]*; do n=${f##*.}; case $n in *[!0-9]*) continue;; esac; \
    if [ \"$n\" -ge \"${log##*.}\" ]; then set -- \"$@\" \"$f\"; fi; done; \
    size=$(stat -c %s \"$1\") || say unreadable; \
    if [ $# -eq 1 ] && [ \"$size\" -le \"$pos\" ]; then say 0 \"$1\"; fi; \
    tool=$(command -v mysqlbinlog || command -v mariadb-binlog) || say more $((size - pos)) \"$@\"; \
    if [ $kind = mysql ]; then \
    n=$({ \"$tool\" --no-defaults --base64-output=decode-rows --exclude-gtids=\"$known\" \"$@\" 2>/dev/null || echo torn; } | \
    awk '/^SET @@SESSION.GTID_NEXT= .[0-9a-f]+-/ { c++ } /^torn$/ { t = \" torn\" } END { print c + 0 t }'); else \
    n=$({ \"$tool\" --no-defaults --base64-output=decode-rows \"$@\" 2>/dev/null || echo torn; } | \
    awk -v known=\"$known\" -v own=\"$own\" 'BEGIN { n = split(known, a, \",\"); \
    for (i = 1; i <= n; i++) { split(a[i], g, \"-\"); s[g[1]] = g[3] } } \
    /end_log_pos/ && match($0, /GTID [0-9]+-[0-9]+-[0-9]+/) { split(substr($0, RSTART + 5, RLENGTH - 5), g, \"-\"); \
    if (g[2] != own && g[3] + 0 > s[g[1]] + 0) c++ } /^torn$/ { t = \" torn\" } END { print c + 0 t }'); fi; \
    case $n in *torn) say torn \"${n% torn}\" \"$@\";; *) say \"$n\" \"$@\";; esac";

/// Reads the answer to [`left_behind`].
#[must_use]
pub fn parse_left(text: &str) -> Left {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("left ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let files = |from: usize| crate::model::printable(&words.get(from..).unwrap_or_default().join(" "));
    let unclear = |why: &str| Left::Unclear(why.to_owned());
    match &words[..] {
        ["running"] => unclear("its server's process is there, and may still write"),
        ["nowhere"] => unclear("its binary logs were not found there, or may not be read"),
        ["unreadable"] => unclear("its binary logs may not be read"),
        ["more", bytes, ..] => Left::Unclear(format!(
            "there is more in its binary logs ({bytes} bytes in the first), and no mysqlbinlog there to count it: {}",
            files(2)
        )),
        ["torn", count, ..] => Left::Unclear(format!(
            "its binary logs end in the middle of something; {count} transactions before that are not here: {}",
            files(2)
        )),
        [count, ..] if count.parse::<u64>().is_ok() => Left::Count(count.parse().unwrap_or(u64::MAX), files(1)),
        _ => Left::Unclear(format!("the answer is `{}`", crate::model::printable(text.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Version;

    #[test]
    fn who_listens_is_told_by_its_process() {
        let text = "LISTEN 0 151 0.0.0.0:3306 0.0.0.0:* users:((\"mysqld\",pid=4711,fd=22),(\"x\",pid=5,fd=3))\n";
        assert_eq!(parse_listening(text), only(&[5, 4711]));
        assert_eq!(parse_listening("\n"), only(&[]));
        assert_eq!(parse_listening("LISTEN 0 151 0.0.0.0:3306 0.0.0.0:*\n"), None);
        assert_eq!(parse_listening("x pid=1,"), None);
    }

    #[test]
    fn what_sudo_says_of_itself_is_no_socket() {
        let said = "sudo: unable to resolve host db1: Temporary failure in name resolution\n";
        assert_eq!(parse_listening(said), only(&[]));
        assert_eq!(parse_listening(&format!("{said}{TWO}")), only(&[77, 4711]));
        // whatever else it is, it does not say that nobody listens
        for odd in ["Cannot open netlink socket: Operation not permitted\n", "Error: x\n", "0 151 0.0.0.0:3306\n"] {
            assert_eq!(parse_listening(odd), None, "{odd}");
        }
        for cut in 1..TWO.trim_end().len() {
            assert_eq!(parse_listening(&TWO[..cut]), None, "cut at {cut}");
        }
    }

    fn only(processes: &[u32]) -> Option<Listening> {
        Some(Listening { processes: processes.to_vec(), systemd: false })
    }

    /// As Debian's MariaDB stands there, with its server and without; the first process of a container is no systemd.
    #[test]
    fn systemd_may_hold_the_port() {
        let line = |users: &str| format!("LISTEN 0      4096               *:3306            *:*    users:({users})");
        let held = |processes: &[u32]| Some(Listening { processes: processes.to_vec(), systemd: true });
        let (systemd, server) = ("(\"systemd\",pid=1,fd=35)", "(\"mariadbd\",pid=77,fd=5)");
        assert_eq!(parse_listening(&line(&format!("{server},{systemd}"))), held(&[77]));
        assert_eq!(parse_listening(&line(systemd)), held(&[]));
        assert_eq!(parse_listening(&line("(\"init\",pid=1,fd=35)")), held(&[]));
        for other in ["(\"mysqld\",pid=1,fd=22)", "(\"systemd\",pid=0,fd=3)", "(\"a\"systemd\",pid=1,fd=3)"] {
            assert_eq!(parse_listening(&line(other)), None, "{other}");
        }
        assert_eq!(parse_listening(&line("(\"systemd\",pid=12,fd=3)")), only(&[12]));
    }

    const TWO: &str =
        "LISTEN 0      80     0.0.0.0:3306 0.0.0.0:* users:((\"mariadbd\",pid=4711,fd=22),(\"sh\",pid=77,fd=3))  \n";

    /// What a process may be called: up to 15 bytes of anything, as `ss` shows it (6.1 ends a name at its first bracket).
    const NAMES: [&str; 6] =
        ["pid=4242", ",pid=4242,fd=3)", "\",pid=424,fd=3)", "\",pid=42,fd=3))", "a b", "users:((\"x\",pi"];

    #[test]
    fn a_process_is_not_whom_it_is_called() {
        for name in NAMES {
            assert!(name.len() <= 15, "{name}");
            let text = format!("LISTEN 0 80 [::]:3306 [::]:* users:((\"{name}\",pid=99,fd=3),(\"b\",pid=98,fd=3))\n");
            let read = parse_listening(&text);
            assert!(read == only(&[98, 99]) || read.is_none(), "{name}: {read:?}");
            assert_eq!(ended(&text), [99, 98], "{name}");
        }
        assert_eq!(ended("LISTEN 0 80 *:3306 *:* users:((\"init\",pid=1,fd=3),(\"a\",pid=10,fd=3))\n"), [10]);
        assert_eq!(ended("sudo: pid=4242\n"), [] as [u32; 0]);
    }

    /// Whom the command itself would end, where `ss` says this: a real shell, with another word for `kill`.
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn ended(said: &str) -> Vec<u32> {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("said"), said).unwrap();
        let ss = dir.path().join("ss");
        std::fs::write(&ss, format!("#!/bin/sh\ncat {}/said\n", dir.path().display())).unwrap();
        std::fs::set_permissions(&ss, std::fs::Permissions::from_mode(0o755)).unwrap();
        let deed = end_listeners(false, 3306, true);
        let script = deed.argv().words().last().unwrap().replace("kill -s TERM", "echo");
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let out = std::process::Command::new("sh").args(["-c", &script]).env("PATH", path).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    #[test]
    fn units_are_named_once_and_with_their_process() {
        let block = |id: &str, state: &str, pid: u32| format!("MainPID={pid}\nId={id}\nLoadState={state}\n\n");
        let unit = |name: &str, process, masked| Unit {
            name: name.to_owned(),
            process,
            masked,
            sockets: vec![],
            ports: vec![],
        };
        let text = block("mariadb.service", "loaded", 0) + &block("mariadb.service", "loaded", 0) + "units 1\n";
        assert_eq!(parse_units(&text), Some(vec![unit("mariadb.service", None, false)]));
        let text = block("mysql.service", "masked", 0) + &block("mysqld@b.service", "loaded", 4711) + "units 1\n";
        let both = vec![unit("mysql.service", None, true), unit("mysqld@b.service", Some(4711), false)];
        assert_eq!(parse_units(&text), Some(both));
        assert_eq!(parse_units("Id=x; rm\nunits 1\n"), Some(vec![]));
        assert_eq!(parse_units("Id=mariadb.service\n"), None);
    }

    /// What Debian 12 says of its MariaDB.
    #[test]
    fn a_unit_has_the_sockets_that_start_it() {
        let text = "MainPID=1669\nId=mariadb.service\nTriggeredBy=mariadb.socket mariadb-check.timer -x.socket\n\
                    LoadState=loaded\nListen=@mariadb (Stream)\nListen=/run/mysqld/mysqld.sock (Stream)\n\
                    Listen=[::]:3306 (Stream)\n\nunits 1\n";
        let units = parse_units(text).unwrap();
        assert_eq!(names_of(&units), ["mariadb.service", "mariadb.socket"]);
        assert_eq!((units[0].process, &units[0].ports[..]), (Some(1669), &[3306][..]));
        let said = |name: &str| keep_down(true, name).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert_eq!(said("mariadb.socket"), "sudo -n systemctl stop --no-block mariadb.socket");
        assert!(said("mariadb.service").starts_with("sudo -n systemctl mask --runtime mariadb.service; "));
    }

    #[test]
    fn each_process_has_its_ports() {
        let text = "LISTEN 0 151 0.0.0.0:3306 0.0.0.0:* users:((\"mysqld\",pid=4711,fd=22),(\"x\",pid=5,fd=3))\n\
                    LISTEN 0 70 [::]:33060 [::]:* users:((\"mysqld\",pid=4711,fd=20))\n\
                    LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nsudo: pid=1\n";
        assert_eq!(parse_ports(text), [(4711, 3306), (5, 3306), (4711, 33060)]);
    }

    /// The script itself, where systemd is played by a few lines of shell.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn the_script_asks_for_every_kind_of_unit() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let program = "#!/bin/sh\n\
            case \"$*\" in\n\
            list-units*) echo 'mysqld@b.service loaded active running MySQL';;\n\
            *'-p LoadState mysqld@b.service'|*'-p LoadState mariadb.service') echo LoadState=loaded;;\n\
            *'-p LoadState mysql.service') echo LoadState=masked;;\n\
            *'-p LoadState my'*) echo LoadState=not-found;;\n\
            'show -p TriggeredBy mariadb.service') echo TriggeredBy=mariadb.socket;;\n\
            *'-p Listen mariadb.socket') echo 'Listen=[::]:3306 (Stream)';;\n\
            'show -p TriggeredBy '*) ;;\n\
            *) for unit; do :; done; printf 'MainPID=7\\nId=%s\\nLoadState=loaded\\n' \"$unit\";;\n\
            esac\n";
        let path = dir.path().join("systemctl");
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let script = units().to_string().replace("/run/systemd/system", &dir.path().display().to_string());
        let search = format!("{}:/usr/bin:/bin", dir.path().display());
        let out = std::process::Command::new("sh").args(["-f", "-c", &script]).env("PATH", search).output().unwrap();
        let found = parse_units(&String::from_utf8_lossy(&out.stdout)).unwrap();
        let names: Vec<&str> = found.iter().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["mysql.service", "mariadb.service", "mysqld@b.service"], "{out:?}");
        assert!(found.iter().all(|unit| unit.process == Some(7)), "{found:?}");
        assert_eq!(found.iter().map(|unit| unit.ports.len()).collect::<Vec<_>>(), [0, 1, 0], "{found:?}");
    }

    #[test]
    fn only_names_and_positions_reach_the_shell() {
        let server =
            |flavour| Server { flavour, version: Version(9, 7, 0), server_id: 2, uuid: None, hostname: String::new() };
        let look = |log: &str, known: &str| {
            left_behind(&server(Flavour::MySql), (1, 3306), (log, 4), known, &["/a;b", "/data"])
        };
        let good = look("binlog.000003", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5").map(|look| look.to_string());
        let good = good.unwrap();
        assert!(good.contains(" /data /var/lib/mysql ") && !good.contains("/a;b") && !good.contains('\n'), "{good}");
        for (log, known) in [("-x.1", ""), ("binlog", ""), ("b;.1", ""), ("../b.1/x", ""), ("b.1", "$(x)")] {
            assert!(look(log, known).is_none(), "{log} {known}");
        }
    }

    #[test]
    fn what_is_left_is_counted_or_unclear() {
        assert_eq!(parse_left("left 0 /d/binlog.000001\n"), Left::Count(0, "/d/binlog.000001".to_owned()));
        assert_eq!(parse_left("left 7 /d/b.1 /d/b.2\n"), Left::Count(7, "/d/b.1 /d/b.2".to_owned()));
        for unclear in ["left running", "left nowhere", "left more 12 /d/b.1", "left torn 3 /d/b.1", "", "sh: x"] {
            assert!(matches!(parse_left(unclear), Left::Unclear(_)), "{unclear}");
        }
    }

    /// The script itself, with files that a shell really looks at.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn a_log_that_ends_where_it_was_read_up_to_holds_nothing_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for (name, size, server) in
            [("binlog.000001", 30, 1), ("binlog.000002", 100, 1), ("own.000001", 50, 2), ("binlog.index", 30, 0)]
        {
            let mut bytes = vec![0; size];
            bytes[9] = server;
            std::fs::write(path(name), bytes).unwrap();
        }
        let server = Server {
            flavour: Flavour::MySql,
            version: Version(9, 7, 0),
            server_id: 2,
            uuid: None,
            hostname: String::new(),
        };
        let folder = dir.path().display().to_string();
        // nothing listens on port 1
        let ask = |log: &str, position| {
            let look = left_behind(&server, (1, 1), (log, position), "", &[&folder]).unwrap();
            let out = std::process::Command::new("sh").arg("-c").arg(look.to_string()).output().unwrap();
            parse_left(&String::from_utf8_lossy(&out.stdout))
        };
        assert_eq!(ask("binlog.000002", 100), Left::Count(0, path("binlog.000002").display().to_string()));
        assert!(matches!(ask("binlog.000002", 99), Left::Unclear(_)));
        assert!(matches!(ask("binlog.000001", 30), Left::Unclear(_)), "there is a newer one");
        assert!(matches!(ask("own.000001", 50), Left::Unclear(_)), "another server's");
        assert!(matches!(ask("other.000001", 10), Left::Unclear(_)));
    }
}
