//! Reading a server's list of sessions, and what each of them is at.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::server::Read;
use crate::dialect::{LoginName, begins, changes_data, parse_end};
use crate::link::{Record, Table};
use crate::model::{Work, WorkKind, printable};

/// One session of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: u64,
    pub(super) user: String,
    /// As the server shows it: an address or a name, with or without a port.
    pub(super) host: String,
    pub(super) command: String,
    pub(super) seconds: u64,
    pub(super) state: String,
    /// The statement's beginning. It may hold data: nothing but its first words may be shown.
    pub(super) info: String,
    /// Rows that its transaction has changed.
    pub(super) changed: u64,
    pub(super) rolls_back: bool,
    /// `TCP/IP`, `SSL/TLS`, … where the server tells.
    pub(super) transport: Option<String>,
    pub(super) program: String,
}

impl Process {
    /// Both ends are addresses.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        parse_end(&self.host)
    }

    fn host_name(&self) -> &str {
        let (host, port) = self.host.rsplit_once(':').unwrap_or((&self.host, ""));
        if port.is_empty() || port.parse::<u16>().is_ok() { host } else { &self.host }
    }

    pub(super) fn account(&self) -> String {
        let name = if self.is_replication() && self.host.is_empty() { "applier" } else { &self.user };
        match self.host_name() {
            "" => printable(name),
            host => printable(&format!("{name}@{host}")),
        }
    }

    /// It came past the network, or from the machine itself.
    pub(super) fn is_local(&self) -> bool {
        self.host_name() == "localhost" || self.peer().is_some_and(|peer| peer.ip().is_loopback())
    }

    /// It sends the binary log to a replica.
    pub(super) fn is_dump(&self) -> bool {
        self.command.starts_with("Binlog Dump")
    }

    fn is_replication(&self) -> bool {
        LoginName(&self.user).is_system()
    }

    /// A person or a program; `own`: the account that flipper uses.
    pub(super) fn is_client(&self, own: &str) -> bool {
        !self.is_replication() && !self.is_dump() && self.user != own && self.user != "unauthenticated user"
    }
}

fn text(row: &Record, name: &str) -> String {
    row.get(&[name]).flatten().unwrap_or_default().to_owned()
}

/// All sessions, from `dialect::work`.
pub(super) fn processes(table: &Table) -> Read<Vec<Process>> {
    let read = |row: &Record| -> Read<Process> {
        Ok(Process {
            id: row.number(&["id"]).map_err(|why| why.to_string())?,
            user: row.text(&["user"]).map_err(|why| why.to_string())?.to_owned(),
            host: text(row, "host"),
            command: row.text(&["command"]).map_err(|why| why.to_string())?.to_owned(),
            // NULL for a moment in a session that has just come, negative for one whose clock was set
            seconds: text(row, "time").parse().unwrap_or(0),
            state: text(row, "state"),
            info: text(row, "info"),
            ..Process::default()
        })
    };
    table.0.iter().map(read).collect()
}

/// Adds what `dialect::transactions` tells.
pub(super) fn with_transactions(processes: &mut [Process], table: &Table) -> Read<()> {
    for row in &table.0 {
        let id: u64 = row.number(&["id"]).map_err(|why| why.to_string())?;
        let changed = row.number(&["changed"]).map_err(|why| why.to_string())?;
        let state = row.text(&["state"]).map_err(|why| why.to_string())?;
        // a transaction of XA that is prepared has no session
        if let Some(process) = processes.iter_mut().find(|process| process.id == id) {
            process.changed = changed;
            process.rolls_back = state == "ROLLING BACK";
        }
    }
    Ok(())
}

/// Adds what `dialect::transports` tells. A session that has come or gone since is passed over.
pub(super) fn with_transports(processes: &mut [Process], table: &Table) {
    let by_id: BTreeMap<u64, &Record> =
        table.0.iter().filter_map(|row| Some((row.number(&["id"]).ok()?, row))).collect();
    for process in processes {
        if let Some(row) = by_id.get(&process.id) {
            process.transport = row.get(&["transport"]).flatten().map(str::to_owned);
            process.program = text(row, "program");
        }
    }
}

/// What a move would meet.
pub(super) fn work(processes: &[Process], own: &str) -> Vec<Work> {
    let mut all: Vec<Work> = processes.iter().filter(|p| p.user != own && !p.is_dump()).filter_map(one).collect();
    all.sort();
    all
}

fn one(process: &Process) -> Option<Work> {
    let words = words(&process.info);
    let kind = kind(process, &words)?;
    let program = matches!(kind, WorkKind::Backup | WorkKind::Schema) && !process.program.is_empty();
    let what = if program { printable(&process.program) } else { words };
    Some(Work {
        kind,
        session: process.id,
        account: process.account(),
        what,
        seconds: process.seconds,
        rows: process.changed,
    })
}

/// Statements that change a schema, by how they begin.
const SCHEMA: [&str; 8] = ["ALTER", "CREATE", "DROP", "OPTIMIZE", "RENAME", "REPAIR", "TRUNCATE", "ANALYZE"];
/// Programs that change schemas while they are in use, as they call themselves.
const SCHEMA_TOOLS: [&str; 3] = ["gh-ost", "pt-online-schema-change", "spirit"];
/// What their statements name.
const SCHEMA_MARKS: [&str; 4] = ["_gho`", "_ghc`", "pt-online-schema-change", "pt_osc_"];
/// Programs that make backups.
const BACKUP_TOOLS: [&str; 8] = [
    "mariabackup",
    "mariadb-backup",
    "mariadb-dump",
    "mydumper",
    "mysqlbackup",
    "mysqldump",
    "mysqlpump",
    "xtrabackup",
];
/// How their statements begin.
const BACKUP_WORDS: [&str; 4] = ["BACKUP STAGE", "BACKUP LOCK", "FLUSH TABLES", "LOCK INSTANCE"];

fn kind(process: &Process, words: &str) -> Option<WorkKind> {
    let state = process.state.to_ascii_lowercase();
    let first = words.split(' ').next().unwrap_or_default();
    let works = matches!(process.command.as_str(), "Query" | "Execute" | "Connect" | "Slave_SQL" | "Slave_worker");
    if process.command == "Killed" || process.rolls_back || state.starts_with("rollback") {
        Some(WorkKind::Ending)
    } else if SCHEMA_TOOLS.contains(&process.program.as_str())
        || SCHEMA_MARKS.iter().any(|mark| process.info.contains(mark))
        || (works && process.seconds > 0 && SCHEMA.contains(&first))
    {
        Some(WorkKind::Schema)
    } else if BACKUP_TOOLS.contains(&process.program.as_str())
        || process.info.contains("SQL_NO_CACHE */")
        || BACKUP_WORDS.iter().any(|start| words.starts_with(start))
    {
        Some(WorkKind::Backup)
    } else if process.is_replication() {
        None
    } else if process.command == "Sleep" {
        (process.changed > 0).then_some(WorkKind::Idle)
    } else {
        // a client has this command only while it logs in
        let kind = if process.command == "Connect" { WorkKind::Event } else { WorkKind::Statement };
        // one that has only just begun is gone before anybody has read about it
        (works && process.seconds > 0 && (process.changed > 0 || changes_data(&process.info))).then_some(kind)
    }
}

/// The first two words of a statement in capitals, the second only where it is one of SQL's own: never a name, never
/// data.
fn words(info: &str) -> String {
    const SECOND: [&str; 14] = [
        "TABLE", "INDEX", "UNIQUE", "TABLES", "STAGE", "LOCK", "INSTANCE", "DATABASE", "INTO", "FROM", "COMMIT",
        "PREPARE", "DATA", "VIEW",
    ];
    let mut words =
        begins(info).split(|c: char| c.is_whitespace() || c == '(' || c == ';').map(str::to_ascii_uppercase);
    let plain = |word: &String| !word.is_empty() && word.len() < 12 && word.bytes().all(|b| b.is_ascii_uppercase());
    let Some(first) = words.next().filter(plain) else { return String::new() };
    match words.next().filter(|word| SECOND.contains(&word.as_str())) {
        Some(second) => format!("{first} {second}"),
        None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::rows;
    use super::*;

    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-sessions.tsv");
    const MARIADB: &str = include_str!("../../fixtures/raw/mariadb-10.11-sessions.tsv");

    #[test]
    fn captured_sessions_of_both_families() {
        for text in [MYSQL, MARIADB] {
            let read = processes(&rows(text)).unwrap();
            assert!(read.len() >= 3, "{read:?}");
            assert!(read.iter().any(|p| p.user == "flipper") && read.iter().any(|p| p.user == "app"));
            let app = read.iter().find(|p| p.user == "app").unwrap();
            assert!(app.peer().is_some() || app.is_local(), "{app:?}");
            let work = work(&read, "flipper");
            assert!(work.iter().any(|w| w.kind == WorkKind::Statement && w.what == "UPDATE"), "{work:?}");
            assert!(work.iter().all(|w| !w.what.contains("app")), "names are not told: {work:?}");
        }
    }

    fn kind_of(command: &str, seconds: u64, info: &str, changed: u64) -> Option<WorkKind> {
        let process = Process {
            user: "app".to_owned(),
            host: "10.0.0.9:4711".to_owned(),
            command: command.to_owned(),
            seconds,
            info: info.to_owned(),
            changed,
            ..Process::default()
        };
        one(&process).map(|work| work.kind)
    }

    #[test]
    fn what_a_session_is_at() {
        assert_eq!(kind_of("Query", 3, "update t set x=1", 0), Some(WorkKind::Statement));
        assert_eq!(kind_of("Query", 0, "update t set x=1", 5), None, "only just begun");
        assert_eq!(kind_of("Query", 3, "/* job 7 */ update t set x=1", 0), Some(WorkKind::Statement));
        assert_eq!(kind_of("Connect", 3, "update t set x=1", 0), Some(WorkKind::Event));
        assert_eq!(kind_of("Query", 9, "SELECT 1", 0), None);
        assert_eq!(kind_of("Query", 9, "SELECT f()", 3), Some(WorkKind::Statement), "a function may write");
        assert_eq!(kind_of("Sleep", 9, "", 0), None);
        assert_eq!(kind_of("Sleep", 0, "", 1), Some(WorkKind::Idle));
        assert_eq!(kind_of("Killed", 0, "", 0), Some(WorkKind::Ending));
        assert_eq!(kind_of("Query", 1, "ALTER TABLE x ADD y INT", 0), Some(WorkKind::Schema));
        assert_eq!(kind_of("Query", 0, "insert into `s`.`_t_gho` select", 0), Some(WorkKind::Schema));
        assert_eq!(kind_of("Query", 0, "SELECT /*!40001 SQL_NO_CACHE */ * FROM `t`", 0), Some(WorkKind::Backup));
        assert_eq!(kind_of("Query", 0, "BACKUP STAGE START", 0), Some(WorkKind::Backup));
        assert_eq!(kind_of("Binlog Dump", 900, "", 0), None);
    }

    #[test]
    fn no_name_and_no_data_of_a_statement_is_told() {
        for (info, said) in [
            ("insert into secrets values ('x')", "INSERT INTO"),
            ("UPDATE customers SET password='hunter2'", "UPDATE"),
            ("(SELECT 1)", "SELECT"),
            ("alter table Orders add x int", "ALTER TABLE"),
            ("'hunter2'", ""),
            ("hunter2verylongword x", ""),
            ("", ""),
        ] {
            assert_eq!(words(info), said, "{info}");
        }
    }

    #[test]
    fn applier_and_socket_have_names_of_their_own() {
        let applier = Process { user: "system user".to_owned(), ..Process::default() };
        assert_eq!(applier.account(), "applier");
        let socket = Process { user: "root".to_owned(), host: "localhost".to_owned(), ..Process::default() };
        assert_eq!(socket.account(), "root@localhost");
        assert!(socket.is_local() && socket.is_client("flipper"));
        let v6 = Process { user: "app".to_owned(), host: "fd00::9:4711".to_owned(), ..Process::default() };
        assert_eq!(v6.account(), "app@fd00::9");
    }

    #[test]
    fn garbage_is_no_fact() {
        assert!(processes(&rows("x\ty\n1\t2\n")).is_err());
        let good = rows("id\tuser\thost\tcommand\ttime\tstate\tinfo\n7\tapp\th\tSleep\tNULL\t\tNULL\n");
        let mut read = processes(&good).unwrap();
        assert_eq!(read[0].seconds, 0);
        assert!(with_transactions(&mut read, &rows("id\tstate\n7\tRUNNING\n")).is_err());
        with_transactions(&mut read, &rows("id\tstate\tchanged\n7\tROLLING BACK\t9\n8\tRUNNING\t1\n")).unwrap();
        assert!(read[0].rolls_back && read[0].changed == 9);
    }
}
