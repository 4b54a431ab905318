//! The port between what is decided and what is done.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::model::{Action, Snapshot};

/// Whether a thing that failed, or gave no answer, took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It did not, and will not.
    No,
    /// It did.
    Yes,
    /// Nobody knows: it may have, or may still.
    Unknown,
}

/// An action that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether it took effect all the same.
    pub happened: Happened,
    /// What was seen, fit for an operator.
    pub what: String,
    /// It may work when tried again a little later.
    pub again: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.happened {
            Happened::No => Ok(()),
            Happened::Yes => f.write_str(" (it took effect)"),
            Happened::Unknown => f.write_str(" (it is not known whether it took effect)"),
        }
    }
}

/// An action that ended well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Something worth telling: "3 sessions ended".
    pub note: Option<String>,
}

/// What a session that writes is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Its transaction has changed rows, and idles.
    Idles,
    /// A statement runs.
    Runs,
    /// It is rolled back.
    RollsBack,
}

impl Doing {
    /// Its word for programs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Idles => "idle",
            Self::Runs => "running",
            Self::RollsBack => "rolling-back",
        }
    }
}

/// A session that a step met at its writing: one that a drain has waited for in vain, that is ended, or that keeps a
/// fence waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The server's id of it.
    pub id: u64,
    /// Whose it is.
    pub user: String,
    /// Where it comes from: `address:port`, as the server shows it.
    pub host: String,
    /// How old its transaction is; without one, its statement.
    pub seconds: u64,
    /// Rows that it has changed.
    pub rows: u64,
    /// What it is at.
    pub doing: Doing,
    /// Its statement's beginning, only where the operator has asked for it: it may hold data.
    pub statement: Option<String>,
}

impl fmt::Display for Writer {
    /// Without the statement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, user, host, seconds, rows, doing, statement: _ } = self;
        let doing = match doing {
            Doing::Idles => "idle in a transaction of",
            Doing::Runs => "running for",
            Doing::RollsBack => "rolling back a transaction of",
        };
        write!(f, "session {id} of {user} from {host}, {doing} {seconds} s, {rows} row(s) changed")
    }
}

/// Who has the pair's lock, as a server tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The session there, whose it is, and on which node: "session 12 of flipper from 10.0.0.1, on db1".
    pub session: String,
    /// How long it has had the lock, to the minute, where that is known.
    pub held: Option<Duration>,
    /// How long the server has heard nothing of it; `None` while it asks for something, and when it cannot be seen.
    pub idle: Option<Duration>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.session)?;
        match self.held.map(|held| held.as_secs() / 60) {
            None => {}
            Some(0) => f.write_str(", since less than a minute ago")?,
            Some(1) => f.write_str(", since a minute ago")?,
            Some(minutes) => write!(f, ", since {minutes} minutes ago")?,
        }
        match self.idle {
            None => Ok(()),
            Some(idle) => write!(f, ", last heard of {} s ago", idle.as_secs()),
        }
    }
}

/// Why the pair's lock was not had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLock {
    /// Somebody else has it.
    Taken(Holder),
    /// It could not be asked for.
    Failed(String),
}

/// What an executor drives: live servers, or a simulation.
pub trait World {
    /// Looks at both nodes. Lost connections are opened again first.
    fn snapshot(&mut self) -> impl Future<Output = Snapshot>;

    /// Sees, before a thing is done, that the pair's lock is still held on both nodes. Inside the write outage that costs
    /// no round trip.
    fn hold(&mut self, action: &Action) -> impl Future<Output = Result<(), Failure>>;

    /// Does one thing, within `limit`. What only
    /// waits may be given up half way, by dropping it.
    fn perform(&mut self, action: &Action, limit: Duration) -> impl Future<Output = Result<Done, Failure>>;

    /// Whom the last thing that was done met at their writing: told once.
    fn writers(&mut self) -> Vec<Writer> {
        vec![]
    }

    /// Takes the pair's lock on both nodes.
    fn lock(&mut self) -> impl Future<Output = Result<(), NoLock>>;

    /// Lets go of the pair's lock.
    fn unlock(&mut self) -> impl Future<Output = ()>;

    /// Time since some moment, by a clock that never jumps.
    fn now(&self) -> Duration;

    /// Lets time pass.
    fn pause(&mut self, time: Duration) -> impl Future<Output = ()>;
}
