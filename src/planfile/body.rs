//! The mirror of a plan: what a plan file holds, field by field, in the order in which it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mirror::{
    Access, Both, Code, Fencing, Flavour, Held, Isolation, Mirror, Rule, StepId, Text, Version, WriteAccess, mirror,
};
use crate::model::{self, Interface, NodeName, PairName, Prefixed, RoleName};

type Node = Text<NodeName>;
type Role = Text<RoleName>;

/// A plan file. Without a digest it is the body, whose canonical text the digest is of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) format: u32,
    pub(super) flipper: String,
    pair: Text<PairName>,
    goal: Goal,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Code>,
    basis: Basis,
    before: Assignment,
    after: Assignment,
    pub(super) steps: Vec<Step>,
    notes: Vec<String>,
    pub(super) seen: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
}

impl Plan {
    pub(super) fn of(plan: &model::Plan, seen: &[String], flipper: &str) -> Self {
        let model::Plan { pair, goal, overrides, basis, before, after, steps, notes } = plan;
        Self {
            format: super::FORMAT,
            flipper: flipper.to_owned(),
            pair: Mirror::of(pair),
            goal: Mirror::of(goal),
            overrides: Mirror::of(overrides),
            basis: Mirror::of(basis),
            before: Mirror::of(before),
            after: Mirror::of(after),
            steps: Mirror::of(steps),
            notes: notes.clone(),
            seen: seen.to_vec(),
            digest: None,
        }
    }

    pub(super) fn back(self) -> model::Plan {
        let Self {
            format: _,
            flipper: _,
            pair,
            goal,
            overrides,
            basis,
            before,
            after,
            steps,
            notes,
            seen: _,
            digest: _,
        } = self;
        model::Plan {
            pair: pair.back(),
            goal: goal.back(),
            overrides: overrides.back(),
            basis: basis.back(),
            before: before.back(),
            after: after.back(),
            steps: steps.back(),
            notes,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Goal {
    Swap(Option<Role>),
    Set(Role, Node),
    Drain(Node),
    Down(Role),
    Up(Role, Node),
    Assign(Assignment),
    Fail(Node),
    Rejoin(Node),
}

impl Mirror for Goal {
    type Of = model::Goal;
    fn of(value: &Self::Of) -> Self {
        match value {
            model::Goal::Swap(role) => Self::Swap(Mirror::of(role)),
            model::Goal::Set(role, node) => Self::Set(Mirror::of(role), Mirror::of(node)),
            model::Goal::Drain(node) => Self::Drain(Mirror::of(node)),
            model::Goal::Down(role) => Self::Down(Mirror::of(role)),
            model::Goal::Up(role, node) => Self::Up(Mirror::of(role), Mirror::of(node)),
            model::Goal::Assign(wanted) => Self::Assign(Mirror::of(wanted)),
            model::Goal::Fail(node) => Self::Fail(Mirror::of(node)),
            model::Goal::Rejoin(node) => Self::Rejoin(Mirror::of(node)),
        }
    }
    fn back(self) -> Self::Of {
        match self {
            Self::Swap(role) => model::Goal::Swap(role.back()),
            Self::Set(role, node) => model::Goal::Set(role.back(), node.back()),
            Self::Drain(node) => model::Goal::Drain(node.back()),
            Self::Down(role) => model::Goal::Down(role.back()),
            Self::Up(role, node) => model::Goal::Up(role.back(), node.back()),
            Self::Assign(wanted) => model::Goal::Assign(wanted.back()),
            Self::Fail(node) => model::Goal::Fail(node.back()),
            Self::Rejoin(node) => model::Goal::Rejoin(node.back()),
        }
    }
}

/// `{"write": "db1", "read": None}`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Assignment(BTreeMap<Role, Option<Node>>);

impl Mirror for Assignment {
    type Of = model::Assignment;
    fn of(model::Assignment(holders): &Self::Of) -> Self {
        Self(Mirror::of(holders))
    }
    fn back(self) -> Self::Of {
        model::Assignment(self.0.back())
    }
}

mirror!(
    struct Basis {
        roles: Vec<(Role, Text<Prefixed>, Access)>,
        nodes: Both<NodeBasis>,
    }
);

mirror!(
    struct NodeBasis {
        name: Node,
        flavour: Flavour,
        version: Version,
        server_id: u32,
        uuid: Option<String>,
        access: WriteAccess,
        holds: Vec<(Role, Held)>,
        replicates: bool,
    }
);

mirror!(
    struct Step {
        id: StepId,
        action: Action,
        after: Vec<(StepId, Rule)>,
    }
);

mirror!(
    enum Action {
        Approach {
            node: Node,
            source: Node,
        },
        Drain {
            node: Node,
        },
        EndWriters {
            node: Node,
        },
        Fence {
            node: Node,
            how: Fencing,
        },
        CatchUp {
            node: Node,
            source: Node,
        },
        Open {
            node: Node,
            peer: Node,
        },
        Reopen {
            node: Node,
            peer: Node,
        },
        Take {
            role: Role,
            access: Access,
            node: Node,
            from: Option<Node>,
            address: Text<Prefixed>,
            interface: Text<Interface>,
        },
        EndSessions {
            role: Role,
            node: Node,
            address: Text<Prefixed>,
        },
        Drop {
            role: Role,
            node: Node,
            to: Option<Node>,
            address: Text<Prefixed>,
            interface: Text<Interface>,
        },
        Announce {
            role: Role,
            node: Node,
            address: Text<Prefixed>,
            interface: Text<Interface>,
        },
        Release {
            node: Node,
        },
        Verify {
            role: Role,
            access: Access,
            node: Node,
            address: Text<Prefixed>,
        },
        Isolate {
            node: Node,
            how: Isolation,
        },
        StopReceiving {
            node: Node,
        },
        ResumeReceiving {
            node: Node,
        },
        ApplyReceived {
            node: Node,
        },
        RollBack {
            node: Node,
        },
        Promote {
            node: Node,
            dead: Node,
        },
        Compare {
            node: Node,
            source: Node,
        },
        StartReplication {
            node: Node,
            source: Node,
        },
    }
);
