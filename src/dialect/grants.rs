//! The account that flipper has on a server: what it may do there, by flavour and version, and how it is made. Found
//! out by trial (`tests/checks/setup.rs`). What `check` misses, what `setup` prints and what the documents show is this list.

use super::release::Release;
use crate::model::{Code, Flavour, Version};

/// Where a privilege is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// `*.*`
    Server,
    /// `performance_schema.*`
    PerformanceSchema,
}

impl On {
    /// As `GRANT` spells it.
    #[must_use]
    pub fn spelled(self) -> &'static str {
        match self {
            Self::Server => "*.*",
            Self::PerformanceSchema => "performance_schema.*",
        }
    }
}

/// A privilege that flipper needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privilege {
    /// As `GRANT` and the server's own tables spell it.
    pub name: &'static str,
    /// Where.
    pub on: On,
    /// Others that contain it on this version.
    pub within: &'static [&'static str],
    /// What it is for.
    pub purpose: &'static str,
}

const fn server(name: &'static str, within: &'static [&'static str], purpose: &'static str) -> Privilege {
    Privilege { name, on: On::Server, within, purpose }
}

const SUPER: &[&str] = &["SUPER"];
const FENCE: &str = "fence and open the server";
const END: &str = "end the sessions of clients";
const LINK: &str = "stop and start replication: `fail`, `rejoin`";
const STATUS: &str = "see replication";
const LOGS: &str = "see what the binary log leaves out";
const BOTH: &str = "see replication and what the binary log leaves out";
const SESSIONS: &str = "see the sessions and transactions of others";
const ALL: &str = "fence and open, end sessions, stop and start replication";
const READ_LOCK: Privilege = server("RELOAD", &[], "hold the read lock of the fence");
const PROCESS: Privilege = server("PROCESS", &[], SESSIONS);
const TABLES: Privilege = Privilege {
    name: "SELECT",
    on: On::PerformanceSchema,
    within: &[],
    purpose: "see locks, XA transactions, and how sessions are connected",
};

/// All that flipper needs of its account.
#[must_use]
pub fn privileges_needed(release: Release) -> Vec<Privilege> {
    match (release.flavour, release.version) {
        (Flavour::MySql, version) if version >= Version(8, 0, 0) => vec![
            server("SYSTEM_VARIABLES_ADMIN", SUPER, FENCE),
            server("CONNECTION_ADMIN", SUPER, END),
            server("REPLICATION_SLAVE_ADMIN", SUPER, LINK),
            server("REPLICATION CLIENT", SUPER, BOTH),
            PROCESS,
            server("XA_RECOVER_ADMIN", &[], "see prepared XA transactions"),
            TABLES,
        ],
        (Flavour::MySql, _) => {
            vec![server("SUPER", &[], ALL), PROCESS, server("REPLICATION CLIENT", SUPER, BOTH), TABLES]
        }
        (Flavour::MariaDb, version) if version >= Version(10, 5, 9) => {
            // SUPER stands for none of these any more (10.11)
            let or: &[&str] = if version >= Version(10, 11, 0) { &[] } else { SUPER };
            let see: &[&str] = if or.is_empty() { &[] } else { &["REPLICATION SLAVE ADMIN", "SUPER"] };
            let mut all = vec![
                server("READ_ONLY ADMIN", or, FENCE),
                server("CONNECTION ADMIN", or, END),
                server("REPLICATION SLAVE ADMIN", or, LINK),
                server("SLAVE MONITOR", see, STATUS),
                server("BINLOG MONITOR", or, LOGS),
                PROCESS,
            ];
            // whose read_only needs no lock beside it
            all.extend((version < Version(12, 0, 0)).then_some(READ_LOCK));
            all
        }
        (Flavour::MariaDb, _) => {
            vec![server("SUPER", &[], ALL), PROCESS, server("REPLICATION CLIENT", SUPER, BOTH), READ_LOCK]
        }
    }
}

/// Privileges by which an account changes data, or what others see of it.
pub const DATA_RIGHTS: [&str; 14] = [
    "INSERT",
    "UPDATE",
    "DELETE",
    "DELETE HISTORY",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "TRIGGER",
    "CREATE VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "CREATE TABLESPACE",
    "CREATE USER",
];

/// Stands where the password belongs. No server takes it for one: a statement that still has it fails.
pub const PASSWORD_HERE: &str = "<password>";

/// An account, as it is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, as the config has it.
    pub user: String,
    /// From where it may log in: an address, or a pattern of them.
    pub host: String,
    /// Only with TLS.
    pub tls: bool,
}

/// A text as a string literal, where backslashes escape.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

impl Account {
    /// `'user'@'host'`.
    #[must_use]
    pub fn spelled(&self) -> String {
        format!("{}@{}", literal(&self.user), literal(&self.host))
    }

    /// Whether a text can be the host of an account: an address, a name, or a pattern of them.
    #[must_use]
    pub fn is_host(text: &str) -> bool {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-:%/".contains(&b);
        !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
    }

    /// Makes it, with the password still to be put in ([`PASSWORD_HERE`]), and gives it what it needs and nothing else.
    #[must_use]
    pub fn statements(&self, release: Release) -> Vec<String> {
        let account = self.spelled();
        let only = if self.tls { " REQUIRE SSL" } else { "" };
        let mut all = vec![format!("CREATE USER {account} IDENTIFIED BY {PASSWORD_HERE}{only}")];
        let needed = privileges_needed(release);
        for on in [On::Server, On::PerformanceSchema] {
            let names: Vec<&str> = needed.iter().filter(|need| need.on == on).map(|need| need.name).collect();
            if !names.is_empty() {
                all.push(format!("GRANT {} ON {} TO {account}", names.join(", "), on.spelled()));
            }
        }
        all
    }

    /// What lets more of the checks see something. Nothing that a move needs.
    #[must_use]
    pub fn extras(&self, release: Release) -> Vec<Extra> {
        let extra = |checks: &[Code], what: &str, but: Option<&'static str>| Extra {
            checks: checks.to_vec(),
            statement: format!("GRANT {what} TO {}", self.spelled()),
            but,
        };
        let accounts = |codes: &[Code]| {
            let but = "these tables also hold the password hashes of all accounts";
            extra(&[&[Code::AccountsDiffer], codes].concat(), "SELECT ON mysql.*", Some(but))
        };
        match release.flavour {
            Flavour::MySql => vec![
                accounts(&[Code::CannotEndSessions]),
                extra(
                    &[Code::Events],
                    "EVENT ON *.*",
                    Some("it also allows to make events, which run with the rights of this account: none on data"),
                ),
            ],
            Flavour::MariaDb => vec![
                accounts(&[Code::PrivilegedWriter, Code::EventWritesOn]),
                extra(&[Code::Events, Code::EventWritesOn], "SELECT ON mysql.event", None),
                Extra {
                    checks: vec![Code::TableLock, Code::UserLocks],
                    statement: "INSTALL SONAME 'metadata_lock_info'".to_owned(),
                    but: None,
                },
            ],
        }
    }
}

/// Something that lets checks see more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Which checks.
    pub checks: Vec<Code>,
    /// The statement, for an administrator.
    pub statement: String,
    /// What else it gives away.
    pub but: Option<&'static str>,
}
