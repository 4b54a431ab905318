//! A pair as configured: its nodes, its roles, its limits.

use std::fmt;
use std::time::Duration;

use super::{Host, Interface, NodeName, PairName, Prefixed, RoleName};

/// What a role's clients may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Reads and writes; one role of a pair at most.
    ReadWrite,
    /// Reads; any number of roles.
    ReadOnly,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ReadWrite => "ReadWrite",
            Self::ReadOnly => "ReadOnly",
        })
    }
}

/// One of the two servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// How the operator calls it.
    pub name: NodeName,
    /// Where its system and its server are reached, unless told apart.
    pub host: Host,
    /// The interface that takes floating addresses.
    pub interface: Interface,
    /// TCP port of the server, the same on a floating address.
    pub port: u16,
    /// The operator has a program that switches it off.
    pub has_fence: bool,
}

/// A name for a job, with the address by which clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    /// "write", "read", …
    pub name: RoleName,
    /// The floating address, with the prefix length it is taken with.
    pub address: Prefixed,
    /// What its clients may do.
    pub access: Access,
}

/// How long things may take. Every wait has one of these as its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// ssh and MySQL connections, and each question asked of a node outside the write outage.
    pub connect: Duration,
    /// The target must reach the old writer's present position before the gate closes.
    pub pre_sync: Duration,
    /// `lock_wait_timeout` of the fence, on the server.
    pub fence: Duration,
    /// The write outage in total; past it the old writer is opened again.
    pub write_outage: Duration,
    /// The way back has its own time.
    pub rollback: Duration,
    /// And so has the way forward, from the new writer's opening on.
    pub forward: Duration,
    /// How long writing transactions may finish before the gate closes.
    pub drain: Duration,
    /// A target further behind is refused.
    pub lag: Duration,
    /// How long a survivor may need for what it has received, a node that has come back to follow, and the operator's
    /// program that switches a node off.
    pub recovery: Duration,
}

impl Limits {
    /// How long a server may hear nothing of a run that has closed its gate, before it takes it for gone: longer than
    /// any pause of a run that still goes, and no longer than what it takes one to give up.
    #[must_use]
    pub fn silence(&self) -> Duration {
        (self.write_outage + self.rollback).max(Duration::from_secs(10))
    }

    /// How long a server may hear nothing of a run that holds the lock there, before it takes it for gone: while writes
    /// still flow, a run may wait for the other node all that time.
    #[must_use]
    pub fn lock_silence(&self) -> Duration {
        self.silence() + self.pre_sync + self.drain + self.connect
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            pre_sync: Duration::from_secs(10),
            fence: Duration::from_secs(2),
            write_outage: Duration::from_secs(5),
            rollback: Duration::from_secs(10),
            forward: Duration::from_secs(10),
            drain: Duration::ZERO,
            lag: Duration::from_secs(10),
            recovery: Duration::from_secs(600),
        }
    }
}

/// Which of the two nodes of a pair, in the order of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one named first.
    First,
    /// The one named second.
    Second,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The one of two things that belongs to this side.
    pub fn of<T>(self, both: &[T; 2]) -> &T {
        let [first, second] = both;
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }

    /// The one of two things that belongs to this side, to be changed.
    pub fn of_mut<T>(self, both: &mut [T; 2]) -> &mut T {
        let [first, second] = both;
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}

/// Two nodes that replicate to each other, and the roles they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The pair's name, typed to confirm a plan.
    pub name: PairName,
    /// Both nodes, in the order of the config.
    pub nodes: [NodeSpec; 2],
    /// The roles, in the order of the config.
    pub roles: Vec<RoleSpec>,
    /// Time limits.
    pub limits: Limits,
}

impl Pair {
    /// The node on a side.
    #[must_use]
    pub fn node(&self, side: Side) -> &NodeSpec {
        side.of(&self.nodes)
    }

    /// On which side a node of that name is.
    #[must_use]
    pub fn side(&self, name: &NodeName) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.node(*side).name == *name)
    }

    /// A role by its name.
    #[must_use]
    pub fn role(&self, name: &RoleName) -> Option<&RoleSpec> {
        self.roles.iter().find(|role| role.name == *name)
    }

    /// The role whose clients write, where the pair has one.
    #[must_use]
    pub fn write_role(&self) -> Option<&RoleSpec> {
        self.roles.iter().find(|role| role.access == Access::ReadWrite)
    }
}
