//! What only the checks look at, in snapshot files. A file that an older flipper wrote does not have all of it: what
//! is missing is unknown.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::mirror::{Fact, Mirror, Text, WriteAccess, mirror};
use crate::model;

const NOT_WRITTEN: &str = "the file was written by a flipper that did not look at it";

/// A mirror of facts whose missing ones are unknown.
macro_rules! facts {
    (struct $name:ident { $($(#[$attr:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        mirror!(#[serde(default)] struct $name { $($(#[$attr])* $field: Fact<$ty>),* });

        impl Default for $name {
            fn default() -> Self {
                Self::of(&model::$name::unseen(NOT_WRITTEN))
            }
        }
    };
}

/// As in a file of before it was looked at: such a file stays as it is.
fn not_written<T>(fact: &Fact<T>) -> bool {
    matches!(fact, Fact::Unknown(why) if why == NOT_WRITTEN)
}

mirror!(words WorkKind { Statement, Event, Idle, Ending, Schema, Backup });
mirror!(words LockKind { Table, Global, Backup, User, WaitedFor });
mirror!(
    struct Work {
        kind: WorkKind,
        session: u64,
        account: String,
        what: String,
        seconds: u64,
        rows: u64,
    }
);
mirror!(
    struct Lock {
        kind: LockKind,
        name: String,
        session: Option<u64>,
    }
);
mirror!(
    struct Sessions {
        account: String,
        count: u32,
        local: bool,
    }
);
mirror!(
    struct Downstream {
        account: String,
        from: Option<Text<IpAddr>>,
        through: Option<Text<IpAddr>>,
        by_gtid: Option<bool>,
    }
);
facts!(
    struct Workload {
        work: Vec<Work>,
        locks: Vec<Lock>,
        privileged: Vec<Sessions>,
        protected: Vec<Sessions>,
        direct: Vec<Sessions>,
        without_tls: Vec<Sessions>,
        downstream: Vec<Downstream>,
        temp_tables: u32,
        semi_sync: Option<u32>,
    }
);

mirror!(
    struct Connections {
        now: u32,
        most: u32,
        limit: u32,
    }
);
mirror!(
    struct Disk {
        path: String,
        size: u64,
        free: u64,
    }
);
facts!(
    struct Health {
        turned_away: bool,
        connections: Connections,
        uptime: u64,
        disk: Vec<Disk>,
        clock_ahead: i64,
        listeners: Vec<Text<SocketAddr>>,
    }
);

mirror!(
    struct InFile {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        address: Text<IpAddr>,
    }
);

/// Where a server takes `read_only` from.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) enum Kept {
    Persisted(Vec<(String, String)>),
    Configured,
    Nowhere,
    Overlaid,
}

impl Mirror for Kept {
    type Of = model::Kept;

    fn of(value: &model::Kept) -> Self {
        match value {
            model::Kept::Persisted(values) => Self::Persisted(values.clone()),
            model::Kept::Configured => Self::Configured,
            model::Kept::Nowhere => Self::Nowhere,
            model::Kept::Overlaid => Self::Overlaid,
        }
    }

    fn back(self) -> model::Kept {
        match self {
            Self::Persisted(values) => model::Kept::Persisted(values),
            Self::Configured => model::Kept::Configured,
            Self::Nowhere => model::Kept::Nowhere,
            Self::Overlaid => model::Kept::Overlaid,
        }
    }
}

/// What decides a setting of a server that starts.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) enum Origin {
    Default,
    File(String, u32),
    CommandLine,
    Persisted,
}

impl Mirror for Origin {
    type Of = model::Origin;

    fn of(value: &model::Origin) -> Self {
        match value {
            model::Origin::Default => Self::Default,
            model::Origin::File(path, line) => Self::File(path.clone(), *line),
            model::Origin::CommandLine => Self::CommandLine,
            model::Origin::Persisted => Self::Persisted,
        }
    }

    fn back(self) -> model::Origin {
        match self {
            Self::Default => model::Origin::Default,
            Self::File(path, line) => model::Origin::File(path, line),
            Self::CommandLine => model::Origin::CommandLine,
            Self::Persisted => model::Origin::Persisted,
        }
    }
}

mirror!(
    struct Ruling {
        setting: String,
        origin: Origin,
    }
);
mirror!(
    struct BootAccess {
        access: WriteAccess,
        ruling: Ruling,
    }
);
mirror!(
    struct BootReplication {
        by_itself: bool,
        ruling: Ruling,
    }
);
mirror!(
    struct BootUnit {
        name: String,
        state: String,
    }
);
facts!(
    struct Boot {
        read_only: Kept,
        #[serde(skip_serializing_if = "not_written")]
        access: BootAccess,
        #[serde(skip_serializing_if = "not_written")]
        follows: BootReplication,
        #[serde(skip_serializing_if = "not_written")]
        unit: BootUnit,
        files: Vec<InFile>,
        managers: Vec<String>,
    }
);

facts!(
    struct Relay {
        worker_errors: Vec<(u32, String)>,
        retries: Option<u64>,
        unapplied: String,
        #[serde(skip_serializing_if = "not_written")]
        half_received: u64,
        purged: String,
    }
);

mirror!(
    struct Account {
        name: String,
        plugin: String,
    }
);
facts!(
    struct Inventory {
        variables: BTreeMap<String, String>,
        accounts: Vec<Account>,
        missing_grants: Vec<String>,
        #[serde(skip_serializing_if = "not_written")]
        data_rights: Vec<String>,
        events: Vec<String>,
        #[serde(skip_serializing_if = "not_written")]
        unstopped_events: Vec<String>,
    }
);

facts!(
    struct Witness {
        greeted: bool,
        answered: bool,
        answering: Vec<Text<IpAddr>>,
        received: String,
        silent: Option<u64>,
        #[serde(skip_serializing_if = "not_written")]
        heard_at: Option<u64>,
        #[serde(skip_serializing_if = "not_written")]
        committed_at: u64,
        #[serde(skip_serializing_if = "not_written")]
        semi_sync: bool,
        left_behind: u64,
        export: String,
    }
);

facts!(
    struct Readiness {
        isolate: Vec<String>,
        listen: Vec<String>,
        count: Vec<String>,
    }
);

impl Readiness {
    /// As in a file of before it was looked at: such a file stays as it is.
    pub(super) fn says_nothing(&self) -> bool {
        let Self { isolate, listen, count } = self;
        not_written(isolate) && not_written(listen) && not_written(count)
    }
}

mirror!(
    struct Reached {
        address: Option<Text<IpAddr>>,
        count: u32,
        writing: u32,
    }
);
mirror!(
    struct Pending {
        channel: String,
        receiver: String,
        applier: String,
        bytes: Option<u64>,
        transactions: Option<u64>,
        delay_left: Option<u64>,
        retry_every: Option<u64>,
    }
);
facts!(
    struct Traffic {
        sessions: Vec<Reached>,
        pending: Vec<Pending>,
    }
);

impl Traffic {
    /// As in a file of before it was looked at: such a file stays as it is.
    pub(super) fn says_nothing(&self) -> bool {
        let Self { sessions, pending } = self;
        not_written(sessions) && not_written(pending)
    }
}

impl Witness {
    /// As in a file of before it was looked at: such a file stays as it is.
    pub(super) fn says_nothing(&self) -> bool {
        let Self {
            greeted,
            answered,
            answering,
            received,
            silent,
            heard_at,
            committed_at,
            semi_sync,
            left_behind,
            export,
        } = self;
        not_written(greeted)
            && not_written(answered)
            && not_written(answering)
            && not_written(received)
            && not_written(silent)
            && not_written(heard_at)
            && not_written(committed_at)
            && not_written(semi_sync)
            && not_written(left_behind)
            && not_written(export)
    }
}
