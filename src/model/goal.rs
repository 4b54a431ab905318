//! What the operator wants, and which node holds which role.

use std::collections::BTreeMap;
use std::fmt;

use super::{NodeName, RoleName};

/// What the operator asked for, as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Every role, or the one named, to the other node.
    Swap(Option<RoleName>),
    /// One role to one node.
    Set(RoleName, NodeName),
}

impl fmt::Display for Goal {
    /// As it is typed on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swap(None) => f.write_str("swap"),
            Self::Swap(Some(role)) => write!(f, "swap {role}"),
            Self::Set(role, node) => write!(f, "set {role} {node}"),
        }
    }
}

/// Which node holds each role; `None` where none does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment(pub BTreeMap<RoleName, Option<NodeName>>);

impl Assignment {
    /// The holder of a role.
    #[must_use]
    pub fn holder(&self, role: &RoleName) -> Option<&NodeName> {
        self.0.get(role).and_then(Option::as_ref)
    }
}
