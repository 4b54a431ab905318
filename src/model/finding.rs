//! What the checks of a pair find, and what relies on it.

use std::fmt;

use super::{Code, Reason, RoleName, Side};

/// How badly a finding speaks against a plan that relies on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The reviewer should know.
    Warn,
    /// No plan, unless the operator overrides this finding by its id; the plan says so then.
    Override,
    /// No plan.
    Stop,
}

impl Severity {
    /// Its word in tables and JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Override => "override",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Which plans rely on what a check looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every plan that has a step.
    Plan,
    /// None by itself: it is for `check` and `status`, or the goal decides about it.
    Report,
    /// A plan that opens one node after catching up with the other.
    Handover,
    /// A plan that opens this node.
    Opens(Side),
    /// A plan that opens the other node in this one's place.
    Closes(Side),
    /// A plan that makes this node refuse writes, or keeps it out as dead.
    Fences(Side),
    /// A plan that makes this node refuse writes, and waits for those who write there instead of ending them.
    Waits(Side),
    /// A plan that takes or drops this role's address.
    Role(RoleName),
    /// A plan that changes or announces addresses on this node.
    Addresses(Side),
    /// A plan that brings clients to this node: it takes an address there, or opens it.
    Serves(Side),
    /// A plan that brings readers to this node.
    Reads(Side),
    /// A plan that keeps this node out by its own machine.
    Isolates(Side),
    /// A plan for which this node must find out whether anybody answers in its peer's place.
    Listens(Side),
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which check.
    pub code: Code,
    /// On which node, where it is about one.
    pub side: Option<Side>,
    /// What was seen, with names.
    pub seen: String,
    /// What the operator can do next.
    pub help: String,
    /// What relies on it, and how badly it then speaks against a plan.
    pub scopes: Vec<(Scope, Severity)>,
}

impl Finding {
    /// The worst that it can do to a plan.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.scopes.iter().map(|(_, severity)| *severity).max().unwrap_or(Severity::Warn)
    }

    /// As one reason of a refusal.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason { code: self.code, seen: self.seen.clone(), help: self.help.clone() }
    }
}
