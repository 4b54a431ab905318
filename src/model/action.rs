//! The closed set of things that flipper does, as plain data.
//!
//! An action says what is to become true, never how: `dialect` spells it for a flavour, `effect` performs it. A new
//! action makes every `match` below ask for a decision, because none of them has a `_`.

use std::fmt;

use super::{Access, Fencing, Interface, Isolation, NodeName, Prefixed, RoleName};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Wait, while writes flow, until a node has executed what its peer had committed by now.
    Approach {
        /// Who is to catch up.
        node: NodeName,
        /// With whom.
        source: NodeName,
    },
    /// Wait, while writes flow, for writing transactions to end.
    Drain {
        /// The node that is about to be fenced.
        node: NodeName,
    },
    /// End the clients' transactions and statements that still write, right before the gate, and wait until they are
    /// rolled back. Only a person's word puts it into a plan.
    EndWriters {
        /// The node that is about to be fenced.
        node: NodeName,
    },
    /// Make a server refuse writes, bounded by `lock_wait_timeout`, and read it back.
    Fence {
        /// The server.
        node: NodeName,
        /// The way its flavour knows.
        how: Fencing,
    },
    /// Wait until a node has executed all that its fenced peer committed.
    CatchUp {
        /// Who is to catch up.
        node: NodeName,
        /// The fenced one.
        source: NodeName,
    },
    /// See that the fenced peer's position has not moved, then accept writes.
    Open {
        /// Who accepts writes from here on.
        node: NodeName,
        /// The fenced one.
        peer: NodeName,
    },
    /// Accept writes again on a server that was fenced in this very run, whose peer was never opened: there is
    /// nothing that it could lack. Only a way back has it.
    Reopen {
        /// Who accepts writes again.
        node: NodeName,
        /// The one that was to be opened, and was not.
        peer: NodeName,
    },
    /// Bring a role's address up and announce it.
    Take {
        /// The role.
        role: RoleName,
        /// What its clients may do.
        access: Access,
        /// Who takes it.
        node: NodeName,
        /// Where it is until then, if anywhere.
        from: Option<NodeName>,
        /// The address as configured.
        address: Prefixed,
        /// On this interface.
        interface: Interface,
    },
    /// End the client sessions that came through a role's address.
    EndSessions {
        /// The role.
        role: RoleName,
        /// The node they are left on.
        node: NodeName,
        /// The address they came through.
        address: Prefixed,
    },
    /// Remove a role's address, with exactly the prefix length found there.
    Drop {
        /// The role.
        role: RoleName,
        /// Who gives it up.
        node: NodeName,
        /// Who has it then, if anybody.
        to: Option<NodeName>,
        /// The address as found.
        address: Prefixed,
        /// On the interface where it was found.
        interface: Interface,
    },
    /// Announce a role's address again, now that nobody else answers for it.
    Announce {
        /// The role.
        role: RoleName,
        /// Its holder.
        node: NodeName,
        /// The address.
        address: Prefixed,
        /// On this interface.
        interface: Interface,
    },
    /// Let go of the read lock that a [`Fencing::ReadLock`] fence held; the server stays read-only.
    Release {
        /// The fenced server.
        node: NodeName,
    },
    /// Connect to a role's address from outside and see who answers.
    Verify {
        /// The role.
        role: RoleName,
        /// What its clients may do.
        access: Access,
        /// Who must answer.
        node: NodeName,
        /// The address.
        address: Prefixed,
    },
    /// See to it that a node that a person declared dead is out: no server runs there, or nobody reaches it.
    Isolate {
        /// The dead one.
        node: NodeName,
        /// How.
        how: Isolation,
    },
    /// Stop a server's receiver, so that nothing more comes in from its peer; what it has received stays.
    StopReceiving {
        /// The server.
        node: NodeName,
    },
    /// Start a receiver again that was stopped in this very run, and the applier where that was; nobody was opened since.
    /// Only a way back has it.
    ResumeReceiving {
        /// The server.
        node: NodeName,
    },
    /// Wait until a server that receives no more has applied all that it has received.
    ApplyReceived {
        /// The server.
        node: NodeName,
    },
    /// See that a server that has applied all that it received holds nothing of a transaction that came in without its
    /// end; where it does, its applier is stopped, which rolls that back.
    RollBack {
        /// The server.
        node: NodeName,
    },
    /// Accept writes in the place of a peer that was declared dead and is isolated.
    Promote {
        /// Who accepts writes from here on.
        node: NodeName,
        /// The dead one.
        dead: NodeName,
    },
    /// See that a node that has come back has nothing that the writer lacks, and lacks nothing that the writer has purged.
    Compare {
        /// The one that has come back.
        node: NodeName,
        /// The writer.
        source: NodeName,
    },
    /// Start receiver and applier of a server, and see that they run.
    StartReplication {
        /// The server.
        node: NodeName,
        /// Whom it follows.
        source: NodeName,
    },
}

/// A statement about the pair that an action needs, or makes true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The first node has executed what the second had committed shortly before.
    Near(NodeName, NodeName),
    /// No writing transaction is left to wait for on the node, or the time for it is over.
    Drained(NodeName),
    /// The server refuses writes.
    Closed(NodeName),
    /// The first node has executed all that the second, closed one, ever committed.
    CaughtUp(NodeName, NodeName),
    /// The server accepts writes.
    Writable(NodeName),
    /// The node has the role's address.
    Holds(NodeName, RoleName),
    /// The node has not the role's address.
    Lacks(NodeName, RoleName),
    /// No client session is left on the node that came through the role's address.
    Quiet(NodeName, RoleName),
    /// The neighbours were told that the node has the role's address, and nobody contradicts.
    Announced(NodeName, RoleName),
    /// No lock of a fence is held on the node.
    Unlocked(NodeName),
    /// Somebody outside reached the node through the role's address.
    Reached(NodeName, RoleName),
    /// Nobody can write on the node any more: it is switched off, its server is, or a person vouches for it.
    Isolated(NodeName),
    /// Nothing of its peer comes into the node any more.
    Detached(NodeName),
    /// The node has applied all that it ever received.
    Applied(NodeName),
    /// The node's applier holds nothing of a transaction whose end never came.
    Whole(NodeName),
    /// Of the two, the one that came back has nothing of its own, and can fetch all that it lacks.
    Compared([NodeName; 2]),
    /// The node follows its peer.
    Replicates(NodeName),
}

impl Action {
    /// What must hold before.
    #[must_use]
    pub fn requires(&self) -> Vec<Fact> {
        match self {
            Self::Approach { .. } | Self::Drain { .. } | Self::EndWriters { .. } | Self::Fence { .. } => vec![],
            Self::Isolate { .. } | Self::StopReceiving { .. } | Self::ResumeReceiving { .. } => vec![],
            Self::ApplyReceived { node } => vec![Fact::Detached(node.clone())],
            // before all else is applied, what it holds may be complete
            Self::RollBack { node } => vec![Fact::Detached(node.clone()), Fact::Applied(node.clone())],
            Self::Promote { node, dead } => {
                let ready = [Fact::Detached, Fact::Applied, Fact::Whole].map(|fact| fact(node.clone()));
                [Fact::Isolated(dead.clone())].into_iter().chain(ready).collect()
            }
            Self::Compare { node, source: _ } => vec![Fact::Closed(node.clone())],
            Self::StartReplication { node, source } => vec![compared(node, source)],
            Self::CatchUp { node: _, source } => vec![Fact::Closed(source.clone())],
            Self::Open { node, peer } => {
                vec![Fact::Closed(peer.clone()), Fact::CaughtUp(node.clone(), peer.clone())]
            }
            Self::Reopen { node: _, peer } => vec![Fact::Closed(peer.clone())],
            Self::Take { access, node, from, role: _, address: _, interface: _ } => match access {
                Access::ReadWrite => {
                    let mut facts = vec![Fact::Writable(node.clone())];
                    facts.extend(from.clone().map(Fact::Closed));
                    facts
                }
                Access::ReadOnly => vec![],
            },
            Self::EndSessions { .. } => vec![],
            Self::Drop { role, to, node: _, address: _, interface: _ } => {
                to.iter().map(|to| Fact::Holds(to.clone(), role.clone())).collect()
            }
            Self::Announce { role, node, address: _, interface: _ } => vec![Fact::Holds(node.clone(), role.clone())],
            Self::Release { node } => vec![Fact::Closed(node.clone())],
            Self::Verify { role, access, node, address: _ } => {
                let mut facts = vec![Fact::Holds(node.clone(), role.clone())];
                if *access == Access::ReadWrite {
                    facts.push(Fact::Writable(node.clone()));
                }
                facts
            }
        }
    }

    /// What holds afterwards.
    #[must_use]
    pub fn ensures(&self) -> Vec<Fact> {
        match self {
            Self::Approach { node, source } => vec![Fact::Near(node.clone(), source.clone())],
            Self::Drain { node } | Self::EndWriters { node } => vec![Fact::Drained(node.clone())],
            Self::Fence { node, how: _ } => vec![Fact::Closed(node.clone())],
            Self::CatchUp { node, source } => vec![Fact::CaughtUp(node.clone(), source.clone())],
            Self::Open { node, peer: _ } | Self::Reopen { node, peer: _ } => vec![Fact::Writable(node.clone())],
            Self::Take { role, node, access: _, from: _, address: _, interface: _ } => {
                vec![Fact::Holds(node.clone(), role.clone())]
            }
            Self::EndSessions { role, node, address: _ } => vec![Fact::Quiet(node.clone(), role.clone())],
            Self::Drop { role, node, to: _, address: _, interface: _ } => {
                vec![Fact::Lacks(node.clone(), role.clone())]
            }
            Self::Announce { role, node, address: _, interface: _ } => {
                vec![Fact::Announced(node.clone(), role.clone())]
            }
            Self::Release { node } => vec![Fact::Unlocked(node.clone())],
            Self::Verify { role, node, access: _, address: _ } => vec![Fact::Reached(node.clone(), role.clone())],
            Self::Isolate { node, how: _ } => vec![Fact::Isolated(node.clone())],
            Self::StopReceiving { node } => vec![Fact::Detached(node.clone())],
            Self::ResumeReceiving { .. } => vec![],
            Self::ApplyReceived { node } => vec![Fact::Applied(node.clone())],
            Self::RollBack { node } => vec![Fact::Whole(node.clone())],
            Self::Promote { node, dead: _ } => vec![Fact::Writable(node.clone())],
            Self::Compare { node, source } => vec![compared(node, source)],
            Self::StartReplication { node, source: _ } => vec![Fact::Replicates(node.clone())],
        }
    }

    /// The step's name in a plan: `fence-db1`, `take-write-db2`.
    #[must_use]
    pub fn id(&self) -> StepId {
        StepId(match self {
            Self::Approach { node, source: _ } => format!("approach-{node}"),
            Self::Drain { node } => format!("drain-{node}"),
            Self::EndWriters { node } => format!("end-writers-{node}"),
            Self::Fence { node, how: _ } => format!("fence-{node}"),
            Self::CatchUp { node, source: _ } => format!("catch-up-{node}"),
            Self::Open { node, peer: _ } => format!("open-{node}"),
            Self::Reopen { node, peer: _ } => format!("reopen-{node}"),
            Self::Take { role, node, .. } => format!("take-{role}-{node}"),
            Self::EndSessions { role, node, .. } => format!("end-sessions-{role}-{node}"),
            Self::Drop { role, node, .. } => format!("drop-{role}-{node}"),
            Self::Announce { role, node, .. } => format!("announce-{role}-{node}"),
            Self::Release { node } => format!("release-{node}"),
            Self::Verify { role, node, .. } => format!("verify-{role}-{node}"),
            Self::Isolate { node, how: _ } => format!("isolate-{node}"),
            Self::StopReceiving { node } => format!("stop-receiving-{node}"),
            Self::ResumeReceiving { node } => format!("resume-receiving-{node}"),
            Self::ApplyReceived { node } => format!("apply-received-{node}"),
            Self::RollBack { node } => format!("roll-back-{node}"),
            Self::Promote { node, dead: _ } => format!("promote-{node}"),
            Self::Compare { node, source: _ } => format!("compare-{node}"),
            Self::StartReplication { node, source: _ } => format!("start-replication-{node}"),
        })
    }

    /// The node that the action is performed on.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        match self {
            Self::Approach { node, .. }
            | Self::Drain { node }
            | Self::EndWriters { node }
            | Self::Fence { node, .. }
            | Self::CatchUp { node, .. }
            | Self::Open { node, .. }
            | Self::Reopen { node, .. }
            | Self::Take { node, .. }
            | Self::EndSessions { node, .. }
            | Self::Drop { node, .. }
            | Self::Announce { node, .. }
            | Self::Release { node }
            | Self::Verify { node, .. }
            | Self::Isolate { node, .. }
            | Self::StopReceiving { node }
            | Self::ResumeReceiving { node }
            | Self::ApplyReceived { node }
            | Self::RollBack { node }
            | Self::Promote { node, .. }
            | Self::Compare { node, .. }
            | Self::StartReplication { node, .. } => node,
        }
    }
}

/// The same fact, whichever of the two is named first.
fn compared(one: &NodeName, other: &NodeName) -> Fact {
    Fact::Compared(if one < other { [one.clone(), other.clone()] } else { [other.clone(), one.clone()] })
}

/// A step's name, unique in its plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
