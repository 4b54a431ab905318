//! The lab's nouns: which server, which node, which host, which passwords.

use super::error::Result;
use super::run::random;

/// Which database the pair runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    MariaDb,
    MySql,
}

impl Server {
    pub(crate) const BOTH: [Self; 2] = [Self::MariaDb, Self::MySql];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// Debian has no MySQL in a stable release, only in unstable.
    pub(crate) fn suite(self) -> &'static str {
        match self {
            Self::MariaDb => "bookworm",
            Self::MySql => "sid",
        }
    }

    /// The first one's version stands for all.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &["mariadb-server-core", "mariadb-client-core", "mariadb-common"],
            Self::MySql => &["mysql-server-core", "mysql-client-core"],
        }
    }

    pub(crate) fn daemon(self) -> &'static str {
        match self {
            Self::MariaDb => "usr/sbin/mariadbd",
            Self::MySql => "usr/sbin/mysqld",
        }
    }

    pub(crate) fn replication_options(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &["--gtid-strict-mode=ON", "--log-slave-updates=ON"],
            // MariaDB's default has no name for its relay logs, and many leave it at that
            Self::MySql => {
                &["--relay-log=relay", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-replica-updates=ON"]
            }
        }
    }

    pub(crate) fn fence(self) -> &'static str {
        match self {
            Self::MariaDb => "SET GLOBAL read_only=ON",
            Self::MySql => "SET GLOBAL super_read_only=ON",
        }
    }
}

/// One of the two database servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Db1,
    Db2,
}

impl Node {
    pub(crate) const BOTH: [Self; 2] = [Self::Db1, Self::Db2];

    pub(crate) fn name(self) -> &'static str {
        self.host().name()
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Db1 => 0,
            Self::Db2 => 1,
        }
    }

    /// Its server id, too.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Db1 => 1,
            Self::Db2 => 2,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Db1 => Self::Db2,
            Self::Db2 => Self::Db1,
        }
    }

    pub(crate) fn host(self) -> Host {
        match self {
            Self::Db1 => Host::Db1,
            Self::Db2 => Host::Db2,
        }
    }
}

/// A machine on the lab's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Db1,
    Db2,
    Operator,
    Clients,
}

impl Host {
    pub(crate) const ALL: [Self; 4] = [Self::Db1, Self::Db2, Self::Operator, Self::Clients];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Db1 => "db1",
            Self::Db2 => "db2",
            Self::Operator => "op",
            Self::Clients => "cl",
        }
    }

    /// Its fixed address, beside which a database host may hold roles' addresses.
    pub(crate) fn address(self) -> &'static str {
        match self {
            Self::Db1 => "10.77.0.11",
            Self::Db2 => "10.77.0.12",
            Self::Operator => "10.77.0.1",
            Self::Clients => "10.77.0.21",
        }
    }

    /// The same in IPv6: the one that others know, and the one of its link.
    pub(crate) fn ipv6_addresses(self) -> [String; 2] {
        let last = self.address().rsplit('.').next().unwrap_or_default();
        [format!("fd00:77::{last}"), format!("fe80::{last}")]
    }
}

/// An account of the lab, on both nodes, from any of its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Flipper,
    App,
    Repl,
}

impl User {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flipper => "flipper",
            Self::App => "app",
            Self::Repl => "repl",
        }
    }
}

/// The passwords of one lab. No `Debug`: they must not be printed by accident.
pub(crate) struct Secrets {
    pub(crate) flipper: String,
    pub(crate) repl: String,
    pub(crate) app: String,
}

impl Secrets {
    pub(crate) fn random() -> Result<Self> {
        const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let one = || random(ALPHABET, 24);
        Ok(Self { flipper: one()?, repl: one()?, app: one()? })
    }

    pub(crate) fn of(&self, user: User) -> &str {
        match user {
            User::Flipper => &self.flipper,
            User::App => &self.app,
            User::Repl => &self.repl,
        }
    }

    pub(crate) fn all(&self) -> [&str; 3] {
        [&self.flipper, &self.repl, &self.app]
    }
}
