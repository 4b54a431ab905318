//! What a server will be after its next start: whom it lets write, whether it replicates by itself.
//!
//! By all that it reads then, in the order in which it counts: option files, its command line, what was persisted. Each
//! rule was tried on real servers of both families. The command line is the one of the process that runs now.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::options::{self, Given, OptionFiles, Taken};
use super::server::Read;
use crate::dialect;
use crate::link::{Answer, Shell, SshError};
use crate::model::{
    BootAccess, BootReplication, BootUnit, Flavour, Origin, Ruling, Server, Version, WriteAccess, printable,
};

/// Files that every build reads, in that order.
pub(super) const EVERYWHERE: [&str; 2] = ["/etc/my.cnf", "/etc/mysql/my.cnf"];

/// Files that some builds read after them, as they were compiled.
pub(super) const SOMEWHERE: [&str; 3] = ["/usr/etc/my.cnf", "/usr/local/etc/my.cnf", "/usr/local/mysql/etc/my.cnf"];

/// How often files may lead to other files.
const ROUNDS: usize = 12;

/// Why one that is not root knows nothing of it.
const ROOT_ONLY: &str = "only root on the machine may see what its server is started with";

/// Which files the words of a command line lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Defaults {
    /// `--no-defaults`: none, and nothing that was persisted.
    None,
    /// `--defaults-file`.
    Only(String),
    /// The usual ones, with `--defaults-extra-file` among them.
    Usual(Option<String>),
}

/// How a server was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) defaults: Defaults,
    suffix: Option<String>,
    /// Folders from its environment that may have option files: before the extra file, and behind it.
    pub(super) homes: [Option<String>; 2],
    /// Settings on the command line.
    pub(super) given: Vec<Given>,
    pub(super) unit: Read<BootUnit>,
}

/// All that a machine says of its server's next start.
pub(super) struct Restart {
    access: Read<BootAccess>,
    follows: Read<BootReplication>,
    unit: Read<BootUnit>,
}

impl Restart {
    pub(super) fn unseen(why: &str) -> Self {
        let why = || why.to_owned();
        Self { access: Err(why()), follows: Err(why()), unit: Err(why()) }
    }

    pub(super) fn parts(self) -> (Read<BootAccess>, Read<BootReplication>, Read<BootUnit>) {
        (self.access, self.follows, self.unit)
    }
}

/// What the server itself says of its files.
pub(super) struct Told {
    /// Where its data is.
    pub(super) data: Read<String>,
    /// Option files from which it took something when it started; none where it does not tell.
    pub(super) paths: Vec<String>,
}

/// Looks at the server's process, at its option files, and at what was persisted. `listening`: from
/// `dialect::who_listens`.
pub(super) async fn look(
    shell: &mut Shell,
    server: &Server,
    listening: &Answer,
    told: &Told,
    limit: Duration,
) -> Result<Restart, SshError> {
    let pid = match dialect::parse_listening(&listening.text) {
        _ if listening.status != 0 => Err(format!("`ss` ended with status {}", listening.status)),
        None => Err(ROOT_ONLY.to_owned()),
        Some(found) => match found.processes[..] {
            [pid] => Ok(pid),
            [] if found.systemd => {
                Err("only systemd listens on its port, which starts it when somebody connects".to_owned())
            }
            [] => Err("nothing there listens on its port".to_owned()),
            [..] => Err("several processes there listen on its port".to_owned()),
        },
    };
    let pid = match pid {
        Ok(pid) => pid,
        Err(why) => return Ok(Restart::unseen(&why)),
    };
    let mut looks = vec![dialect::server_process(pid)];
    looks.extend(told.data.as_ref().ok().and_then(|data| dialect::persisted(data)));
    let mut answers = shell.look(&looks, limit).await?.into_iter();
    let started = answers.next().ok_or_else(|| "no answer".to_owned());
    let started = started.and_then(|answer| super::text("sh", &answer).and_then(|text| started_with(text, server)));
    let started = match started {
        Ok(started) => started,
        Err(why) => return Ok(Restart::unseen(&why)),
    };
    let persisted = match answers.next() {
        Some(answer) => super::text("cat", &answer).map(str::to_owned),
        None => Err("where its data is, is no plain path".to_owned()),
    };
    let mut files = OptionFiles::default();
    for _ in 0..ROUNDS {
        let wanted = match all_given(&started, server, &files, &told.paths) {
            Ok(Taken { wanted, .. }) if wanted.is_empty() => break,
            Ok(Taken { wanted, .. }) => wanted,
            // as it will be said again
            Err(_) => break,
        };
        let mut looks = vec![];
        for path in &wanted {
            match dialect::option_files(path) {
                Some(look) => looks.push(look),
                None => return Ok(Restart::unseen(&format!("{} is no plain path", printable(path)))),
            }
        }
        for answer in shell.look(&looks, limit).await? {
            if let Err(why) = super::text("sh", &answer).and_then(|text| files.add(text)) {
                return Ok(Restart::unseen(&why));
            }
        }
    }
    Ok(resolve(started, server, &files, &told.paths, persisted))
}

/// From `dialect::server_process`.
pub(super) fn started_with(text: &str, server: &Server) -> Read<Started> {
    let lines: Vec<&str> = text.lines().collect();
    let Some((&"process 1", lines)) = lines.split_last() else {
        return Err("the answer about its process has no end".to_owned());
    };
    let rest = |word: &'static str| lines.iter().filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '));
    match rest("root").next() {
        Some("same") => {}
        Some("other") => return Err("its server runs in a container or a root of its own: look there".to_owned()),
        _ => return Err(ROOT_ONLY.to_owned()),
    }
    let words: Vec<&str> = rest("word").collect();
    let is_server = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or_default();
        !word.starts_with('-') && (name.starts_with("mysqld") || name.starts_with("mariadbd"))
    };
    let Some(program) = words.iter().position(|word| is_server(word)) else {
        return Err("what listens on its port is no mysqld and no mariadbd".to_owned());
    };
    let env = |names: &[&str]| {
        let value = |name: &&str| rest("env").find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        names.iter().find_map(value).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let (home, suffix): (&[&str], &[&str]) = match server.flavour {
        Flavour::MySql => (&["MYSQL_HOME"], &["MYSQL_GROUP_SUFFIX"]),
        Flavour::MariaDb => (&["MARIADB_HOME", "MYSQL_HOME"], &["MARIADB_GROUP_SUFFIX", "MYSQL_GROUP_SUFFIX"]),
    };
    let (mut defaults, mut suffix, mut given) = (Defaults::Usual(None), env(suffix), vec![]);
    for word in words.iter().skip(program + 1).filter_map(|word| word.strip_prefix("--")) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        match (name, &value) {
            ("no-defaults", _) => defaults = Defaults::None,
            ("defaults-file", Some(file)) => defaults = Defaults::Only(file.clone()),
            ("defaults-extra-file", Some(file)) => defaults = Defaults::Usual(Some(file.clone())),
            ("defaults-group-suffix", Some(end)) => suffix = Some(end.clone()),
            _ => given.push(Given { name: name.to_owned(), value, origin: Origin::CommandLine }),
        }
    }
    let named = |unit: &str| match unit.split_once(' ') {
        Some((name, state)) if !state.trim().is_empty() => {
            Some(BootUnit { name: printable(name), state: printable(state.trim()) })
        }
        _ => None,
    };
    let unit = match rest("unit").next().and_then(named) {
        // it is not started with the machine, but by the first who connects
        Some(unit) if unit.state == "disabled" => {
            Ok(rest("starter").filter_map(named).find(|starter| starter.is_started() == Some(true)).unwrap_or(unit))
        }
        Some(unit) => Ok(unit),
        _ => Err("no unit of systemd's has its server".to_owned()),
    };
    Ok(Started { defaults, suffix, homes: [env(home), env(&["HOME"])], given, unit })
}

/// Settings from files and from the command line, in the order in which they count.
pub(super) fn all_given(started: &Started, server: &Server, files: &OptionFiles, paths: &[String]) -> Read<Taken> {
    let groups = options::groups(server, started.suffix.as_deref());
    let mut taken = Taken::default();
    match &started.defaults {
        Defaults::None => {}
        Defaults::Only(file) => files.take(file, true, &groups, &mut taken)?,
        Defaults::Usual(extra) => {
            for file in EVERYWHERE {
                files.take(file, false, &groups, &mut taken)?;
            }
            for file in SOMEWHERE {
                let before = taken.given.len();
                files.take(file, false, &groups, &mut taken)?;
                if taken.given.len() > before && !paths.iter().any(|path| path == file) {
                    return Err(format!("whether its server reads {file} depends on how it was compiled"));
                }
            }
            let [early, late] = &started.homes;
            let in_home = |home: &Option<String>, name: &str| home.as_ref().map(|home| format!("{home}/{name}"));
            for (file, required) in
                [(in_home(early, "my.cnf"), false), (extra.clone(), true), (in_home(late, ".my.cnf"), false)]
            {
                if let Some(file) = file {
                    files.take(&file, required, &groups, &mut taken)?;
                }
            }
        }
    }
    if taken.wanted.is_empty()
        && started.defaults != Defaults::None
        && let Some(path) = paths.iter().find(|path| !options::is_seen(&taken.seen, path))
    {
        let path = printable(path);
        return Err(format!("its server has read {path} at its start, and flipper does not know when it reads that"));
    }
    taken.given.extend(started.given.iter().cloned());
    Ok(taken)
}

/// A setting that decides what a server is after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    ReadOnly,
    SuperReadOnly,
    /// `skip_replica_start`, by its older name too.
    SkipStart,
    /// `persisted_globals_load`
    LoadPersisted,
}

/// Which setting that is, and whether it is on. `None`: another one, or one that this family does not know.
///
/// Names are MySQL's exactly; MariaDB takes the beginning of one for the whole, and capitals. A prefix turns the value
/// round, or means nothing. What is no word for yes is no.
fn meaning(server: &Server, given: &Given) -> Option<(Setting, bool)> {
    let known: &[(&str, &str, Setting)] = match server.flavour {
        Flavour::MySql => &[
            ("read-only", "read-only", Setting::ReadOnly),
            ("super-read-only", "super-read-only", Setting::SuperReadOnly),
            ("skip-replica-start", "skip-replica-start", Setting::SkipStart),
            ("skip-slave-start", "skip-slave-start", Setting::SkipStart),
            ("persisted-globals-load", "persisted-globals-load", Setting::LoadPersisted),
        ],
        Flavour::MariaDb => {
            &[("read-o", "read-only", Setting::ReadOnly), ("skip-sl", "skip-slave-start", Setting::SkipStart)]
        }
    };
    let name = given.name.replace('_', "-");
    let name = if server.flavour == Flavour::MariaDb { name.to_ascii_lowercase() } else { name };
    let find = |name: &str| {
        let is = |(least, whole, _): &&(&str, &str, Setting)| name.starts_with(least) && whole.starts_with(name);
        known.iter().find(is).map(|(.., setting)| *setting)
    };
    let bare = name.strip_prefix("loose-").unwrap_or(&name);
    let (setting, turned) = match find(bare) {
        Some(setting) => (setting, false),
        None => {
            let off = ["skip-", "disable-"].iter().find_map(|prefix| bare.strip_prefix(prefix));
            match (off, bare.strip_prefix("enable-")) {
                (Some(rest), _) => (find(rest)?, true),
                (None, Some(rest)) => (find(rest)?, false),
                (None, None) => return None,
            }
        }
    };
    let on = given.value.as_deref().is_none_or(|value| is_yes(server, setting, value));
    Some((setting, on != turned))
}

fn is_yes(server: &Server, setting: Setting, value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let newer = server.flavour == Flavour::MariaDb && server.version >= Version(12, 0, 0);
    // words that MariaDB has for it since version 12
    let refuses =
        newer && setting == Setting::ReadOnly && matches!(&*value, "no_lock" | "no_lock_no_admin" | "2" | "3");
    refuses || matches!(&*value, "1" | "on" | "true")
}

fn ruling(given: &Given) -> Ruling {
    let setting = match &given.value {
        Some(value) => format!("{}={}", given.name, value),
        None => given.name.clone(),
    };
    Ruling { setting: printable(&setting), origin: given.origin.clone() }
}

/// How the switches of a server stand, and what has set each of them.
struct Switches {
    read_only: (bool, Ruling),
    super_read_only: (bool, Option<Ruling>),
    skip_start: (bool, Ruling),
}

impl Switches {
    /// An option, before the server runs.
    fn option(&mut self, setting: Setting, on: bool, by: Ruling) {
        match setting {
            Setting::ReadOnly => self.read_only = (on, by),
            Setting::SuperReadOnly => self.super_read_only = (on, Some(by)),
            Setting::SkipStart => self.skip_start = (on, by),
            Setting::LoadPersisted => {}
        }
    }

    /// Once all options are read: the stricter switch takes the other one along.
    fn settle(&mut self) {
        if let (true, Some(by)) = &self.super_read_only {
            self.read_only = (true, by.clone());
        }
    }

    /// What was persisted is set one after the other, as by `SET GLOBAL`.
    fn persisted(&mut self, setting: Setting, on: bool, by: Ruling) {
        match (setting, on) {
            (Setting::ReadOnly, false) => self.super_read_only.0 = false,
            (Setting::SuperReadOnly, true) => self.read_only = (true, by.clone()),
            (..) => {}
        }
        self.option(setting, on, by);
    }
}

pub(super) fn resolve(
    started: Started,
    server: &Server,
    files: &OptionFiles,
    paths: &[String],
    persisted: Read<String>,
) -> Restart {
    let all = match all_given(&started, server, files, paths) {
        Ok(taken) if taken.wanted.is_empty() => taken.given,
        Ok(_) => return Restart { unit: started.unit, ..Restart::unseen("its option files lead to ever more files") },
        Err(why) => return Restart { unit: started.unit, ..Restart::unseen(&why) },
    };
    let nothing = |name: &str| Ruling { setting: name.to_owned(), origin: Origin::Default };
    let skip = if server.flavour == Flavour::MySql { "skip_replica_start" } else { "skip_slave_start" };
    let mut switches = Switches {
        read_only: (false, nothing("read_only")),
        super_read_only: (false, None),
        skip_start: (false, nothing(skip)),
    };
    let mut loads = true;
    for given in &all {
        match meaning(server, given) {
            Some((Setting::LoadPersisted, on)) => loads = on,
            Some((setting, on)) => switches.option(setting, on, ruling(given)),
            None => {}
        }
    }
    switches.settle();
    loads &= server.flavour == Flavour::MySql && server.version >= Version(8, 0, 0);
    loads &= started.defaults != Defaults::None;
    let kept = match persisted.and_then(|text| if loads { kept(&text) } else { Ok(vec![]) }) {
        Ok(kept) => kept,
        Err(why) if loads => return Restart { unit: started.unit, ..Restart::unseen(&why) },
        Err(_) => vec![],
    };
    for given in kept {
        if let Some((setting, on)) = meaning(server, &given) {
            switches.persisted(setting, on, ruling(&given));
        }
    }
    let (on, by) = switches.read_only;
    let (access, by) = match (on, switches.super_read_only, server.flavour) {
        (false, ..) => (WriteAccess::Open, by),
        (true, _, Flavour::MariaDb) if server.version < Version(12, 0, 0) => (WriteAccess::Fenced, by),
        (true, (true, Some(stricter)), Flavour::MySql) => (WriteAccess::Fenced, stricter),
        (true, ..) if by.setting.to_ascii_lowercase().ends_with("=no_lock_no_admin") => (WriteAccess::Fenced, by),
        (true, ..) => (WriteAccess::Guarded, by),
    };
    let (skips, why) = switches.skip_start;
    Restart {
        access: Ok(BootAccess { access, ruling: by }),
        follows: Ok(BootReplication { by_itself: !skips, ruling: why }),
        unit: started.unit,
    }
}

/// What was persisted and matters, from `dialect::persisted`, in the order in which a server sets it: by its age. The
/// file has its variables in groups that differ from version to version.
fn kept(text: &str) -> Read<Vec<Given>> {
    if text.trim().is_empty() {
        return Ok(vec![]);
    }
    let all: Value = serde_json::from_str(text)
        .map_err(|_| "mysqld-auto.cnf is not understood: its server would not start".to_owned())?;
    let mut found = BTreeMap::new();
    gather(&all, &mut found);
    // both names of one variable are there, and the newer one is told
    let newer = found.keys().any(|(_, name)| name == "skip_replica_start");
    let found = found.into_iter().filter(|((_, name), _)| !newer || name != "skip_slave_start");
    let given = |((_, name), value)| Given { name, value: Some(value), origin: Origin::Persisted };
    Ok(found.map(given).collect())
}

fn gather(value: &Value, into: &mut BTreeMap<(u64, String), String>) {
    let Some(object) = value.as_object() else { return };
    for (name, inner) in object {
        match inner["Value"].as_str() {
            Some(value) => {
                let age = inner["Metadata"]["Timestamp"].as_u64().unwrap_or_default();
                into.insert((age, name.clone()), value.to_owned());
            }
            None => gather(inner, into),
        }
    }
}
