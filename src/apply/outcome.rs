//! How a run ended.

use std::time::Duration;

use crate::model::{Plan, Refusal};
use crate::world::Holder;

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The goal is reached, and was seen from outside.
    Done {
        /// How long nobody could write; `None` when the writer did not change.
        outage: Option<Duration>,
    },
    /// Somebody else holds the lock; nothing was changed.
    Locked(Holder),
    /// The locks could not be taken; nothing was changed.
    NotBegun(String),
    /// The pair has changed since the plan was made; nothing was changed. The plan that would be made now.
    Stale(Box<Plan>),
    /// No plan is safe now; nothing was changed.
    Refused(Refusal),
    /// The pair serves as before, and that was seen.
    RolledBack {
        /// What failed.
        why: String,
        /// How long nobody could write.
        outage: Option<Duration>,
    },
    /// Part way: a person must act.
    Stuck(Stuck),
}

/// What a person must know of a run that could not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// What failed first.
    pub why: String,
    /// How things stand, a sentence each.
    pub stands: Vec<String>,
    /// What to do, a sentence each.
    pub todo: Vec<String>,
}
