//! The planner's typed "no".

use super::{Code, Goal, PairName};

/// One reason for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// Which one.
    pub code: Code,
    /// What was seen, with names.
    pub seen: String,
    /// What the operator can do next.
    pub help: String,
}

/// The planner's "no", with every reason, not the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The pair.
    pub pair: PairName,
    /// What was asked for.
    pub goal: Goal,
    /// All reasons, never empty.
    pub reasons: Vec<Reason>,
}
