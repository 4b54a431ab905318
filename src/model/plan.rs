//! A plan: steps in order, what they lead to, and what they rest on.

use std::fmt;

use super::{
    Access, Action, Assignment, Code, Flavour, Goal, Held, NodeName, PairName, Prefixed, RoleName, StepId, Version,
    WriteAccess,
};

/// Why one step comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A node opens, or takes the write address, only when the other one is verified fenced.
    OneWriter,
    /// Clients of the write address are sent away only when they cannot come back to the same node and write.
    FenceFirst,
    /// A node opens only after it has executed all that the fenced one committed.
    NoLoss,
    /// An address is taken only on a node that can serve its role.
    AddressServesRole,
    /// The new holder answers before the old one is silent: a segment lost in a hole costs clients 200 ms and more.
    TakeBeforeDrop,
    /// What may take its time is done while writes still flow.
    BeforeTheGate,
    /// Sessions are ended once their address leads to the new holder, so that they come back there.
    ReconnectLandsRight,
    /// The end of a session reaches its client while the address is still there to send it from.
    GoodbyeArrives,
    /// The last word about an address is its holder's, when nobody else answers any more.
    LastWord,
    /// The read lock is held until the address is gone, so that no administrator writes on the old writer.
    LockUntilGone,
    /// Roles that only read move outside the write outage.
    ReadsOutsideOutage,
    /// A reader never sees less than it saw before: the node that takes it has caught up.
    MonotonicReads,
    /// Seen from outside when all is done.
    VerifyLast,
    /// Nothing is changed before the dead node is out for certain, and nobody takes its place before.
    IsolateFirst,
    /// What one node has of its own never flows into the other.
    OneHistory,
    /// A node opens only when its applier holds no lock of a transaction that will never end.
    NothingHeld,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 16] = [
        Self::OneWriter,
        Self::FenceFirst,
        Self::NoLoss,
        Self::AddressServesRole,
        Self::TakeBeforeDrop,
        Self::BeforeTheGate,
        Self::ReconnectLandsRight,
        Self::GoodbyeArrives,
        Self::LastWord,
        Self::LockUntilGone,
        Self::ReadsOutsideOutage,
        Self::MonotonicReads,
        Self::VerifyLast,
        Self::IsolateFirst,
        Self::OneHistory,
        Self::NothingHeld,
    ];

    /// Its name in a plan file.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::OneWriter => "one-writer",
            Self::FenceFirst => "fence-first",
            Self::NoLoss => "no-loss",
            Self::AddressServesRole => "address-serves-role",
            Self::TakeBeforeDrop => "take-before-drop",
            Self::BeforeTheGate => "before-the-gate",
            Self::ReconnectLandsRight => "reconnect-lands-right",
            Self::GoodbyeArrives => "goodbye-arrives",
            Self::LastWord => "last-word",
            Self::LockUntilGone => "lock-until-gone",
            Self::ReadsOutsideOutage => "reads-outside-outage",
            Self::MonotonicReads => "monotonic-reads",
            Self::VerifyLast => "verify-last",
            Self::IsolateFirst => "isolate-first",
            Self::OneHistory => "one-history",
            Self::NothingHeld => "nothing-held",
        }
    }

    /// The reason, as a reviewer reads it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::OneWriter => "never two writers",
            Self::FenceFirst => "who is sent away cannot come back and write",
            Self::NoLoss => "no committed transaction is left behind",
            Self::AddressServesRole => "an address leads only to a node that can serve its role",
            Self::TakeBeforeDrop => "clients always find somebody at the address",
            Self::BeforeTheGate => "all that can wait is done before writes stop",
            Self::ReconnectLandsRight => "ended sessions come back to the new holder",
            Self::GoodbyeArrives => "an ended session is told so while its address is still here",
            Self::LastWord => "the neighbours' last word is the holder's",
            Self::LockUntilGone => "administrators cannot write while the address is here",
            Self::ReadsOutsideOutage => "readers do not lengthen the write outage",
            Self::MonotonicReads => "readers never see less than before",
            Self::VerifyLast => "seen from outside, when it is done",
            Self::IsolateFirst => "nobody takes the place of a node that may still serve",
            Self::OneHistory => "transactions of one node alone never flow into the other",
            Self::NothingHeld => "no client waits for a lock of a transaction whose end never came",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// What is done.
    pub action: Action,
    /// The steps before it, each with the rule that says so.
    pub after: Vec<(StepId, Rule)>,
}

/// What a plan rests on, of one node. Nothing in it moves by itself while traffic flows. Of a node that was declared dead
/// it says who its peer takes it for, and what could be seen of its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeBasis {
    /// The node.
    pub name: NodeName,
    /// Its server's family.
    pub flavour: Flavour,
    /// Its server's version.
    pub version: Version,
    /// Its server's id.
    pub server_id: u32,
    /// Its server's uuid (MySQL).
    pub uuid: Option<String>,
    /// Whom it lets write.
    pub access: WriteAccess,
    /// Which floating addresses of the pair it holds, as found.
    pub holds: Vec<(RoleName, Held)>,
    /// It replicates from the other node, receiver and applier running; never from one that is declared dead.
    pub replicates: bool,
}

/// What a plan rests on. Another basis makes it stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The roles as configured: name, address, access.
    pub roles: Vec<(RoleName, Prefixed, Access)>,
    /// Both nodes.
    pub nodes: [NodeBasis; 2],
}

/// Steps to a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The pair.
    pub pair: PairName,
    /// What was asked for.
    pub goal: Goal,
    /// Findings that the operator overrides; without them it would be refused.
    pub overrides: Vec<Code>,
    /// What it rests on.
    pub basis: Basis,
    /// Who holds what before.
    pub before: Assignment,
    /// Who holds what after.
    pub after: Assignment,
    /// The steps, in an order that satisfies every rule. Empty: nothing to do.
    pub steps: Vec<Step>,
    /// What a reviewer should know, one sentence each.
    pub notes: Vec<String>,
}

impl Plan {
    /// Nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The nodes that held a role's address when it was made: [`Self::before`] names one only where it is the only one.
    #[must_use]
    pub fn held_by(&self, role: &RoleName) -> Vec<&NodeName> {
        let holds = |node: &&NodeBasis| node.holds.iter().any(|(held, _)| held == role);
        self.basis.nodes.iter().filter(holds).map(|node| &node.name).collect()
    }

    /// Which nodes accepted writes when it was made, in the order of the config.
    #[must_use]
    pub fn open_before(&self) -> [bool; 2] {
        let [first, second] = &self.basis.nodes;
        [first, second].map(|node| node.access == WriteAccess::Open)
    }

    /// Whom a node lets write after the last step.
    #[must_use]
    pub fn access_after(&self, node: &NodeBasis) -> WriteAccess {
        let steps = self.steps.iter().filter(|step| *step.action.node() == node.name);
        steps.fold(node.access, |access, step| match &step.action {
            Action::Fence { .. } => WriteAccess::Fenced,
            Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. } => WriteAccess::Open,
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::CatchUp { .. }
            | Action::Take { .. }
            | Action::EndSessions { .. }
            | Action::Drop { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. }
            | Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => access,
        })
    }

    /// Which nodes accept writes after the last step, in the order of the config.
    #[must_use]
    pub fn open_after(&self) -> [bool; 2] {
        self.basis.nodes.each_ref().map(|node| self.access_after(node) == WriteAccess::Open)
    }

    /// The roles that it moves, or whose writer it changes.
    #[must_use]
    pub fn touched(&self) -> Vec<RoleName> {
        let touches = |name: &RoleName, access: Access| {
            self.steps.iter().any(|step| match &step.action {
                Action::Take { role, .. }
                | Action::EndSessions { role, .. }
                | Action::Drop { role, .. }
                | Action::Announce { role, .. }
                | Action::Verify { role, .. } => role == name,
                Action::Fence { .. } | Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. } => {
                    access == Access::ReadWrite
                }
                Action::Approach { .. }
                | Action::Drain { .. }
                | Action::EndWriters { .. }
                | Action::CatchUp { .. }
                | Action::Release { .. }
                | Action::Isolate { .. }
                | Action::StopReceiving { .. }
                | Action::ResumeReceiving { .. }
                | Action::ApplyReceived { .. }
                | Action::RollBack { .. }
                | Action::Compare { .. }
                | Action::StartReplication { .. } => false,
            })
        };
        let roles = self.basis.roles.iter().filter(|(name, _, access)| touches(name, *access));
        roles.map(|(name, ..)| name.clone()).collect()
    }

    /// The node that a person has declared dead: nothing of its server is seen, and nothing is asked of it.
    #[must_use]
    pub fn dead(&self) -> Option<&NodeName> {
        self.goal.dead()
    }

    /// Whether sessions that still write when the gate is to close are ended, as the operator has decided.
    #[must_use]
    pub fn ends_writers(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::EndWriters { .. }))
    }

    /// The node that gives way to the one that the plan opens.
    #[must_use]
    pub fn hands_over_from(&self) -> Option<&NodeName> {
        self.steps.iter().find_map(|step| match &step.action {
            Action::Open { peer, .. } => Some(peer),
            _ => None,
        })
    }

    /// The step that ends the only writer's time: writes are out from there, or for good when a role is taken down.
    #[must_use]
    pub fn closing(&self) -> Option<&Step> {
        let writer = match (self.open_before(), &self.basis.nodes) {
            ([true, false], [node, _]) | ([false, true], [_, node]) => &node.name,
            _ => return None,
        };
        self.steps.iter().find(|step| matches!(&step.action, Action::Fence { node, .. } if node == writer))
    }

    /// Where nobody is to write afterwards: the steps that close whoever is open, in their order.
    #[must_use]
    pub fn closes_all(&self) -> Vec<&Step> {
        if self.open_after().contains(&true) {
            return vec![];
        }
        let open = |name: &NodeName| {
            self.basis.nodes.iter().any(|node| node.name == *name && node.access == WriteAccess::Open)
        };
        let closes = |step: &&Step| matches!(&step.action, Action::Fence { node, .. } if open(node));
        self.steps.iter().filter(closes).collect()
    }

    /// First and last step of the time in which nobody can write: from the fence to the address at the new writer.
    #[must_use]
    pub fn outage(&self) -> Option<(&StepId, &StepId)> {
        self.hands_over_from()?;
        Some((&self.closing()?.id, self.opens_for_clients()?))
    }

    /// The step after which clients can write: the address comes to an open node, or the node that has it opens.
    #[must_use]
    pub fn opens_for_clients(&self) -> Option<&StepId> {
        let takes = |step: &&Step| matches!(step.action, Action::Take { access: Access::ReadWrite, .. });
        let opens = |step: &&Step| matches!(step.action, Action::Open { .. } | Action::Promote { .. });
        let step = self.steps.iter().find(takes).or_else(|| self.steps.iter().find(opens));
        step.map(|step| &step.id)
    }

    /// Whether the same steps would be taken on the same grounds as in `other`, the plan that was reviewed; what is only
    /// for the reader does not count. What was accepted there and is not found any more does not either: a long write
    /// that has ended makes no other plan.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let Self { pair, goal, overrides, basis, before, after, steps, notes: _ } = self;
        *pair == other.pair
            && *goal == other.goal
            && overrides.iter().all(|code| other.overrides.contains(code))
            && *basis == other.basis
            && *before == other.before
            && *after == other.after
            && *steps == other.steps
    }
}
