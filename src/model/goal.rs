//! What the operator wants, and which node holds which role.

use std::collections::BTreeMap;
use std::fmt;

use super::{NodeName, RoleName};

/// What the operator asked for, as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Every role that has a holder, or the one named, to the other node.
    Swap(Option<RoleName>),
    /// One role to one node, wherever it is now.
    Set(RoleName, NodeName),
    /// Every role away from a node.
    Drain(NodeName),
    /// A role without a holder: its clients reach nobody.
    Down(RoleName),
    /// A role without a holder to a node.
    Up(RoleName, NodeName),
    /// A person says that a node is dead: the other one takes every role.
    Fail(NodeName),
    /// A node that was declared dead is back: it follows the writer again, without any role.
    Rejoin(NodeName),
    /// Several roles at once, each to a node or to none; the others stay where they are.
    Assign(Assignment),
}

impl Goal {
    /// The node that a person has declared dead.
    #[must_use]
    pub fn dead(&self) -> Option<&NodeName> {
        match self {
            Self::Fail(node) => Some(node),
            Self::Swap(_)
            | Self::Set(..)
            | Self::Drain(_)
            | Self::Down(_)
            | Self::Up(..)
            | Self::Assign(_)
            | Self::Rejoin(_) => None,
        }
    }
}

impl fmt::Display for Goal {
    /// As it is typed on the command line; an assignment as its roles.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swap(None) => f.write_str("swap"),
            Self::Swap(Some(role)) => write!(f, "swap {role}"),
            Self::Set(role, node) => write!(f, "set {role} {node}"),
            Self::Drain(node) => write!(f, "drain {node}"),
            Self::Down(role) => write!(f, "down {role}"),
            Self::Up(role, node) => write!(f, "up {role} {node}"),
            Self::Fail(node) => write!(f, "fail {node}"),
            Self::Rejoin(node) => write!(f, "rejoin {node}"),
            Self::Assign(wanted) => wanted.fmt(f),
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

impl fmt::Display for Assignment {
    /// `write on db1, read on nobody`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (role, node)) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            match node {
                Some(node) => write!(f, "{comma}{role} on {node}")?,
                None => write!(f, "{comma}{role} on nobody")?,
            }
        }
        Ok(())
    }
}
