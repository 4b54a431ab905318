//! What the checks know of a node beyond what a move itself relies on: who is at work there, how the server is doing,
//! what it will be after a restart. Each fact is known or unknown by itself; most of them move with the traffic, and
//! none is part of a plan's basis.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{BootAccess, BootReplication, BootUnit, Observed};

/// Writes a struct of facts, the one of which nothing could be seen, and a way to walk over them.
macro_rules! facts {
    ($(#[$doc:meta])+ $name:ident { $($(#[$field_doc:meta])+ $field:ident: $ty:ty),+ $(,)? }) => {
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])+ pub $field: Observed<$ty>),+ }

        impl $name {
            /// Nothing of it could be seen.
            #[must_use]
            pub fn unseen(why: &str) -> Self {
                Self { $($field: Observed::Unknown(why.to_owned())),+ }
            }
        }
    };
}

/// What kind of work a session does that a move would meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkKind {
    /// A statement that changes data runs.
    Statement,
    /// The same, of the event scheduler.
    Event,
    /// A transaction has changed rows, and its session idles.
    Idle,
    /// It is rolled back, or was killed and has not ended.
    Ending,
    /// DDL, or a tool that changes a schema.
    Schema,
    /// A backup.
    Backup,
}

/// A session whose work a move would meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work {
    /// What it does.
    pub kind: WorkKind,
    /// The server's id of it.
    pub session: u64,
    /// Whose it is: `user@host`.
    pub account: String,
    /// The statement's first words, or the program; never data.
    pub what: String,
    /// For how many seconds it has been doing that.
    pub seconds: u64,
    /// Rows that its transaction has changed.
    pub rows: u64,
}

/// What kind of lock a session holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// A table, against writes or against everything, for longer than a statement.
    Table,
    /// All tables: `FLUSH TABLES WITH READ LOCK`.
    Global,
    /// `LOCK INSTANCE FOR BACKUP`, `BACKUP STAGE`.
    Backup,
    /// `GET_LOCK`.
    User,
    /// The server does not say which, only that sessions wait for one.
    WaitedFor,
}

/// A lock that a session holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// Which kind.
    pub kind: LockKind,
    /// The table, or the lock's name; empty where it has none.
    pub name: String,
    /// The server's id of the session.
    pub session: Option<u64>,
}

/// How many sessions an account has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sessions {
    /// `user@host`.
    pub account: String,
    /// How many.
    pub count: u32,
    /// They come from the machine itself, past the network.
    pub local: bool,
}

/// A server that replicates from the node; its peer is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Downstream {
    /// `user@host`.
    pub account: String,
    /// Where it is, where the server shows an address.
    pub from: Option<IpAddr>,
    /// The floating address that it came through, where it did.
    pub through: Option<IpAddr>,
    /// It asks by GTID; `None` where the server does not say.
    pub by_gtid: Option<bool>,
}

facts! {
    /// Who is at work on a node.
    Workload {
        /// Sessions whose work a move would meet.
        work: Vec<Work>,
        /// Locks that are held for longer than a statement.
        locks: Vec<Lock>,
        /// Sessions of accounts that no read-only switch of this server stops (H-01).
        privileged: Vec<Sessions>,
        /// Sessions that flipper's account may not end (H-17).
        protected: Vec<Sessions>,
        /// Clients that came through the node's own addresses (H-21).
        direct: Vec<Sessions>,
        /// Clients without TLS whose account needs it, or a public key, for its first login (H-26).
        without_tls: Vec<Sessions>,
        /// Servers that replicate from it (H-43).
        downstream: Vec<Downstream>,
        /// Temporary tables that the applier holds (H-28).
        temp_tables: u32,
        /// Replicas that acknowledge, where commits wait for them (H-09).
        semi_sync: Option<u32>,
    }
}

/// How full a server is of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connections {
    /// Sessions now.
    pub now: u32,
    /// The most at once since its start.
    pub most: u32,
    /// `max_connections`.
    pub limit: u32,
}

/// Space on a file system that the server writes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disk {
    /// A folder on it.
    pub path: String,
    /// Its size in MiB.
    pub size: u64,
    /// What is free, in MiB.
    pub free: u64,
}

facts! {
    /// How a node is doing.
    Health {
        /// A session of flipper's own was turned away because there are too many.
        turned_away: bool,
        /// How full it is of sessions.
        connections: Connections,
        /// For how many seconds the server has run.
        uptime: u64,
        /// Space for data and logs.
        disk: Vec<Disk>,
        /// Milliseconds that its server's clock is ahead of its peer's; negative when behind.
        clock_ahead: i64,
        /// Sockets of other services that listen on a floating address (H-70).
        listeners: Vec<SocketAddr>,
    }
}

/// A file of the system that names a floating address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFile {
    /// The file.
    pub path: String,
    /// The line in it. `None`: an older flipper looked, which did not tell.
    pub line: Option<u32>,
    /// The address.
    pub address: IpAddr,
}

impl fmt::Display for InFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match self.line {
            Some(line) => write!(f, "{path}:{line}"),
            None => f.write_str(path),
        }
    }
}

/// Where a server takes `read_only` from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Persisted by `SET PERSIST`: the variables with their values.
    Persisted(Vec<(String, String)>),
    /// An option file or the command line.
    Configured,
    /// Nothing says anything: the built-in default, which is off.
    Nowhere,
    /// Set since the start, so that the server does not tell any more what it was started with.
    Overlaid,
}

facts! {
    /// What a node will be after a restart.
    Boot {
        /// Where `read_only` came from at the last start, as far as the server itself tells (H-88).
        read_only: Kept,
        /// Whom it lets write, by all that its server reads when it starts.
        access: BootAccess,
        /// Whether it replicates by itself, by the same.
        follows: BootReplication,
        /// Whether its server is started at all.
        unit: BootUnit,
        /// Files of the system that name a floating address (H-66).
        files: Vec<InFile>,
        /// Programs that run there and move addresses or roles (H-68).
        managers: Vec<String>,
    }
}

facts! {
    /// More about the replication into a node.
    Relay {
        /// Errors of the applier's workers, number and text (H-48).
        worker_errors: Vec<(u32, String)>,
        /// How often the receiver tries to reach its source; `None` where the server has no such limit (H-45).
        retries: Option<u64>,
        /// What was received and is not applied; empty when nothing (H-85).
        unapplied: String,
        /// Bytes of a transaction whose end has not come in; 0 when there is none, or complete ones are left to apply before
        /// it. From a source that sends, the rest is on its way; of one that is gone, it never comes.
        half_received: u64,
        /// What the peer has purged and the node lacks; empty when nothing (H-44).
        purged: String,
    }
}

facts! {
    /// What a node says of its peer, for the question whether that one is dead.
    Witness {
        /// A MySQL server greets it at the peer's own address.
        greeted: bool,
        /// The peer's machine answers it, by ping or on the link.
        answered: bool,
        /// Floating addresses that it does not hold itself and that somebody answers for on the link.
        answering: Vec<IpAddr>,
        /// The position up to which it has received the peer's transactions.
        received: String,
        /// For how many seconds its receiver has heard nothing of the peer; `None` where the server does not say.
        silent: Option<u64>,
        /// When it last heard of it, by its own clock, in milliseconds since 1970; `None` where the server does not say.
        heard_at: Option<u64>,
        /// When the peer committed the last transaction that it has received, by the peer's clock, in milliseconds since
        /// 1970, rounded down: it has whatever the peer acknowledged before.
        committed_at: u64,
        /// Its receiver takes part in semi-synchronous replication.
        semi_sync: bool,
        /// How many transactions the peer's binary logs hold, as read from its disk, that this node never received.
        left_behind: u64,
        /// The command that saves those transactions, for the peer's machine.
        export: String,
    }
}

facts! {
    /// What the account on a node's machine may not do of what only `fail` asks for, and why: empty, it may do all.
    Readiness {
        /// Ending this node's server and keeping it from starting, should the node be declared dead (H-89).
        isolate: Vec<String>,
        /// Finding out whether anybody answers in the peer's place, should that one be declared dead (H-84).
        listen: Vec<String>,
        /// Counting what this node's binary logs hold while its server does not run (H-86).
        count: Vec<String>,
    }
}

/// An account of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// `user@host`.
    pub name: String,
    /// How it proves who it is.
    pub plugin: String,
}

facts! {
    /// What a server holds besides data.
    Inventory {
        /// Variables that are compared or judged, by their newest names.
        variables: BTreeMap<String, String>,
        /// Its accounts.
        accounts: Vec<Account>,
        /// Privileges that flipper needs and its account does not have.
        missing_grants: Vec<String>,
        /// Rights to change data that flipper's account has: `INSERT ON app.*`.
        data_rights: Vec<String>,
        /// Scheduled events, `schema.name`, enabled here.
        events: Vec<String>,
        /// Those that write on a server that is read-only, each with its definer.
        unstopped_events: Vec<String>,
    }
}
