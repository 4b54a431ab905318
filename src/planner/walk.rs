//! A plan, played through on a snapshot: what each action makes of it, and how far there is a way back.

use super::recover::{Opened, is_back, way_back};
use crate::model::{
    Action, Fact, Held, Isolation, Limits, NodeBasis, NodeSnapshot, NodeSpec, Observed, Pair, Plan, RoleSpec, Server,
    Side, Snapshot, Step, StepId, Thread, WriteAccess,
};

/// What an action makes of a pair, as far as a snapshot shows it.
pub fn perform(pair: &Pair, state: &mut Snapshot, action: &Action) {
    let Some(side) = pair.side(action.node()) else { return };
    match action {
        Action::Fence { .. } => state.node_mut(side).access = Observed::Known(WriteAccess::Fenced),
        Action::CatchUp { node: _, source } => {
            if let Some(source) = pair.side(source) {
                state.node_mut(source).ahead = Observed::Known(String::new());
            }
        }
        Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. } => {
            state.node_mut(side).access = Observed::Known(WriteAccess::Open);
        }
        Action::Take { address, interface, .. } => {
            if let Observed::Known(held) = &mut state.node_mut(side).addresses {
                held.push(Held { address: *address, interface: interface.clone(), secondary: false, unusable: false });
            }
        }
        Action::Drop { address, interface, .. } => {
            if let Observed::Known(held) = &mut state.node_mut(side).addresses {
                held.retain(|held| held.address != *address || held.interface != *interface);
            }
        }
        Action::Approach { .. } => {
            if let Observed::Known(channels) = &mut state.node_mut(side).channels {
                channels.iter_mut().for_each(|channel| channel.lag = channel.lag.or(Some(0)));
            }
        }
        Action::Drain { .. }
        | Action::EndWriters { .. }
        | Action::EndSessions { .. }
        | Action::Announce { .. }
        | Action::Release { .. }
        | Action::Verify { .. }
        | Action::ApplyReceived { .. } => {}
        // a machine that is off holds no address; of one that answers they are dropped one by one
        Action::Isolate { how, .. } => {
            if *how != Isolation::Shell {
                state.node_mut(side).addresses = Observed::Known(vec![]);
            }
            state.node_mut(side).access = Observed::Known(WriteAccess::Fenced);
        }
        Action::Compare { .. } => state.node_mut(side).ahead = Observed::Known(String::new()),
        Action::StopReceiving { .. } => threads(state, side, Some(Thread::Stopped), None),
        Action::ResumeReceiving { .. } => threads(state, side, Some(Thread::Connecting), Some(Thread::Running)),
        Action::RollBack { .. } => {
            if state.node(side).relay.half_received.known().is_some_and(|bytes| *bytes > 0) {
                threads(state, side, None, Some(Thread::Stopped));
            }
        }
        Action::StartReplication { .. } => threads(state, side, Some(Thread::Running), Some(Thread::Running)),
    }
}

/// What becomes of a node's replication threads.
fn threads(state: &mut Snapshot, side: Side, receiver: Option<Thread>, applier: Option<Thread>) {
    let Observed::Known(channels) = &mut state.node_mut(side).channels else { return };
    for channel in channels {
        channel.receiver = receiver.unwrap_or(channel.receiver);
        channel.applier = applier.unwrap_or(channel.applier);
    }
}

/// The step after which the way back is not safe any more. The way back is asked for after each step, with clients
/// that write wherever the address leads to an open node: from where they have written, they are not taken away again.
/// What a plan rests on is all that this depends on.
#[must_use]
pub fn point_of_no_return(plan: &Plan) -> Option<&StepId> {
    // a name that cannot be a host's does not come out of any config; where nothing can be asked, nothing is promised
    let Some(pair) = claimed_pair(plan) else { return plan.steps.first().map(|step| &step.id) };
    let start = claimed(plan);
    let mut state = start.clone();
    let at_first = arrived(&pair, &start);
    let ends = |step: &&Step| {
        perform(&pair, &mut state, &step.action);
        let written = arrived(&pair, &state).is_some_and(|at| at_first != Some(at));
        let back = way_back(&pair, &state, plan, Opened::Never, &[]);
        let safe = back.is_ok_and(|steps| leads_back(&pair, &state, plan, &steps));
        written || !safe
    };
    plan.steps.iter().find(ends).map(|step| &step.id)
}

/// The pair that a plan is made for, as far as its basis says. What it does not say only matters to those who carry
/// steps out.
fn claimed_pair(plan: &Plan) -> Option<Pair> {
    let spec = |node: &NodeBasis| {
        let (host, interface) = (node.name.as_str().parse().ok()?, "any".parse().ok()?);
        Some(NodeSpec { name: node.name.clone(), host, interface, port: 0, has_fence: false })
    };
    let [first, second] = &plan.basis.nodes;
    let nodes = [spec(first)?, spec(second)?];
    let roles = plan.basis.roles.iter().map(|(name, address, access)| RoleSpec {
        name: name.clone(),
        address: *address,
        access: *access,
    });
    Some(Pair { name: plan.pair.clone(), nodes, roles: roles.collect(), limits: Limits::default() })
}

/// What a plan's basis says that was seen.
fn claimed(plan: &Plan) -> Snapshot {
    let nodes = plan.basis.nodes.each_ref().map(|node| NodeSnapshot {
        server: Observed::Known(Server {
            flavour: node.flavour,
            version: node.version,
            server_id: node.server_id,
            uuid: node.uuid.clone(),
            hostname: String::new(),
        }),
        access: Observed::Known(node.access),
        addresses: Observed::Known(node.holds.iter().map(|(_, held)| held.clone()).collect()),
        ..NodeSnapshot::unseen(node.name.clone(), "not in the basis of a plan")
    });
    Snapshot { nodes }
}

/// Where writing clients arrive: an open node that the write address leads to.
fn arrived(pair: &Pair, state: &Snapshot) -> Option<Side> {
    let role = pair.write_role()?;
    state.holders(role).into_iter().find(|side| state.node(*side).access.is(&WriteAccess::Open))
}

/// The steps can be taken from here, and end where the plan began.
fn leads_back(pair: &Pair, from: &Snapshot, plan: &Plan, steps: &[Step]) -> bool {
    let mut state = from.clone();
    for step in steps {
        // an address that goes home may find the server there as closed as it was
        let home = matches!(&step.action, Action::Take { role, node, .. } if plan.before.holder(role) == Some(node));
        if !home && !step.action.requires().iter().all(|fact| holds(pair, &state, fact)) {
            return false;
        }
        perform(pair, &mut state, &step.action);
    }
    is_back(pair, &state, plan)
}

/// What a snapshot shows of a fact. The rest is for those who are there to see.
fn holds(pair: &Pair, state: &Snapshot, fact: &Fact) -> bool {
    let access = |node| pair.side(node).and_then(|side| state.node(side).access.known().copied());
    let has = |node, role| {
        let side = pair.side(node);
        let role = pair.role(role);
        role.zip(side).is_some_and(|(role, side)| state.holders(role).contains(&side))
    };
    match fact {
        // a node that lets administrators write was never opened by a run, and a way back asks for no more
        Fact::Closed(node) => matches!(access(node), Some(WriteAccess::Fenced | WriteAccess::Guarded)),
        Fact::Writable(node) => access(node) == Some(WriteAccess::Open),
        Fact::Holds(node, role) => has(node, role),
        Fact::Lacks(node, role) => !has(node, role),
        Fact::Near(..)
        | Fact::Drained(_)
        | Fact::CaughtUp(..)
        | Fact::Quiet(..)
        | Fact::Announced(..)
        | Fact::Unlocked(_)
        | Fact::Reached(..)
        | Fact::Isolated(_)
        | Fact::Detached(_)
        | Fact::Applied(_)
        | Fact::Whole(_)
        | Fact::Compared(_)
        | Fact::Replicates(_) => true,
    }
}
