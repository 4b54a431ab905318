//! What must change between what was seen and what is wanted.

use super::basis::runs;
use crate::model::{
    Access, Action, Assignment, Channel, Fencing, Held, NodeName, Observed, Pair, RoleName, RoleSpec, Side, Snapshot,
    WriteAccess,
};

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// Where each role is to be.
    pub(super) roles: &'a Assignment,
    /// The roles that may be moved.
    pub(super) touched: &'a [RoleName],
    /// Who is to accept writes.
    pub(super) writer: Writer,
    /// What shows that the node to be opened has every transaction of the other one.
    pub(super) proof: Proof,
    /// It is a plan of its own, not the rest of one. The read lock of an earlier run is gone then and is taken again,
    /// and how far a node is behind was seen while nothing was moving.
    pub(super) whole: bool,
    /// Those who still write on a node that is to be closed are ended first.
    pub(super) kill: bool,
}

/// Who is to accept writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Whoever does now.
    AsIs,
    /// This node, and the other one does not.
    Only(Side),
    /// Neither.
    Nobody,
}

impl Writer {
    /// Who accepts writes then, where that is one node.
    pub(super) fn after(self, snapshot: &Snapshot) -> Option<Side> {
        match self {
            Self::Only(side) => Some(side),
            Self::Nobody => None,
            Self::AsIs => open_side(snapshot),
        }
    }
}

/// What shows that the node to be opened has every transaction of the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It catches up with the fenced one first.
    CatchUp,
    /// The other one was never open since: there is nothing to catch up with.
    NeverOpened,
}

/// Who is to write when the roles are to be so: the node with the write role, where that role may be touched.
pub(super) fn writer(pair: &Pair, roles: &Assignment, touched: &[RoleName]) -> Writer {
    match pair.write_role() {
        Some(role) if touched.contains(&role.name) => {
            let holder = roles.holder(&role.name).and_then(|node| pair.side(node));
            holder.map_or(Writer::Nobody, Writer::Only)
        }
        _ => Writer::AsIs,
    }
}

/// The actions, in no order that anybody may rely on. Unknown facts give no action: the checks refuse them before.
pub(super) fn actions(pair: &Pair, snapshot: &Snapshot, target: Target) -> Vec<Action> {
    let mut actions = vec![];
    match target.writer {
        Writer::AsIs => {}
        Writer::Only(to) => hand_over(pair, snapshot, to, target, &mut actions),
        Writer::Nobody => {
            for side in Side::BOTH {
                let how = Closing { relock: false, drain: target.whole, kill: target.kill };
                close(pair, snapshot, side, how, &mut actions);
            }
        }
    }
    for role in pair.roles.iter().filter(|role| target.touched.contains(&role.name)) {
        let to = target.roles.holder(&role.name).and_then(|node| pair.side(node));
        let moved = move_role(pair, snapshot, role, to);
        let taken = moved.iter().any(|action| matches!(action, Action::Take { .. }));
        if let (Access::ReadOnly, true, Some(to)) = (role.access, taken, to) {
            follow(pair, snapshot, role, to, target, &mut actions);
        }
        actions.extend(moved);
    }
    if let Writer::Only(writer) = target.writer {
        verify_opened(pair, target.roles, writer, &mut actions);
    }
    actions
}

/// The one node that is seen to accept writes.
fn open_side(snapshot: &Snapshot) -> Option<Side> {
    let mut open = Side::BOTH.into_iter().filter(|side| snapshot.node(*side).access.is(&WriteAccess::Open));
    match (open.next(), open.next()) {
        (Some(side), None) => Some(side),
        _ => None,
    }
}

/// From one writer to the other: writes out on one side, in on the other.
fn hand_over(pair: &Pair, snapshot: &Snapshot, to: Side, target: Target, actions: &mut Vec<Action>) {
    let name = |side: Side| pair.node(side).name.clone();
    let open = |side: Side| snapshot.node(side).access.is(&WriteAccess::Open);
    let from = to.peer();
    if !open(to) && open(from) {
        actions.push(Action::Approach { node: name(to), source: name(from) });
    }
    let holds = |side: Side| pair.write_role().is_some_and(|role| snapshot.holders(role).contains(&side));
    let handed_over = !open(to) || (holds(from) && !holds(to));
    let how = Closing { relock: target.whole && handed_over, drain: target.whole, kill: target.kill };
    close(pair, snapshot, from, how, actions);
    if open(to) {
        return;
    }
    match target.proof {
        Proof::CatchUp => {
            actions.push(Action::CatchUp { node: name(to), source: name(from) });
            actions.push(Action::Open { node: name(to), peer: name(from) });
        }
        Proof::NeverOpened => actions.push(Action::Reopen { node: name(to), peer: name(from) }),
    }
}

/// How a node is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// Those who are read-only already are to refuse the writes of administrators too.
    pub(super) relock: bool,
    /// Writing transactions are waited for. The rest of a plan waits for nobody: it had its drain, and clients wait.
    pub(super) drain: bool,
    /// Those who still write are ended.
    pub(super) kill: bool,
}

/// Makes a node refuse writes, unless it does already.
pub(super) fn close(
    pair: &Pair,
    snapshot: &Snapshot,
    side: Side,
    Closing { relock, drain, kill }: Closing,
    actions: &mut Vec<Action>,
) {
    let node = pair.node(side).name.clone();
    let access = &snapshot.node(side).access;
    let by_lock = snapshot.node(side).server.known().is_some_and(|server| server.fencing() == Fencing::ReadLock);
    if access.is(&WriteAccess::Fenced) && !(relock && by_lock) {
        return;
    }
    if access.is(&WriteAccess::Open) && drain && !pair.limits.drain.is_zero() {
        actions.push(Action::Drain { node: node.clone() });
    }
    if access.is(&WriteAccess::Open) && kill {
        actions.push(Action::EndWriters { node: node.clone() });
    }
    if let Some(server) = snapshot.node(side).server.known() {
        let how = server.fencing();
        actions.push(Action::Fence { node: node.clone(), how });
        if how == Fencing::ReadLock {
            actions.push(Action::Release { node });
        }
    }
}

/// A role's address to a node, and away from wherever else it is.
pub(super) fn move_role(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec, to: Option<Side>) -> Vec<Action> {
    let held = Side::BOTH.map(|side| match snapshot.node(side).holds(role) {
        Observed::Known(held) => Some(held.first().map(|held| (*held).clone())),
        Observed::Unknown(_) => None,
    });
    // an address that may be anywhere is not moved
    let [Some(first), Some(second)] = held else { return vec![] };
    let held: [Option<Held>; 2] = [first, second];
    let mut actions = vec![];
    let leaves: Vec<Side> =
        Side::BOTH.into_iter().filter(|side| Some(*side) != to && side.of(&held).is_some()).collect();
    if let Some(to) = to.filter(|to| to.of(&held).is_none()) {
        let new = pair.node(to);
        actions.push(Action::Take {
            role: role.name.clone(),
            access: role.access,
            node: new.name.clone(),
            from: leaves.first().map(|side| pair.node(*side).name.clone()),
            address: role.address,
            interface: new.interface.clone(),
        });
    }
    for side in &leaves {
        let Some(found) = side.of(&held) else { continue };
        let node = pair.node(*side).name.clone();
        actions.push(Action::EndSessions { role: role.name.clone(), node: node.clone(), address: found.address });
        actions.push(Action::Drop {
            role: role.name.clone(),
            node,
            to: to.map(|to| pair.node(to).name.clone()),
            address: found.address,
            interface: found.interface.clone(),
        });
    }
    let Some(to) = to.filter(|_| !actions.is_empty()) else { return actions };
    let new = pair.node(to);
    if !leaves.is_empty() {
        actions.push(Action::Announce {
            role: role.name.clone(),
            node: new.name.clone(),
            address: role.address,
            interface: to.of(&held).as_ref().map_or_else(|| new.interface.clone(), |held| held.interface.clone()),
        });
    }
    actions.push(verify(role, &new.name));
    actions
}

pub(super) fn verify(role: &RoleSpec, node: &NodeName) -> Action {
    Action::Verify { role: role.name.clone(), access: role.access, node: node.clone(), address: role.address }
}

/// A reader must not see less on its new node than before: that one first reaches what the other node has, be that the
/// writer or only the one that readers come from. The writer is never behind a node that follows it.
fn follow(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec, to: Side, target: Target, actions: &mut Vec<Action>) {
    let from = to.peer();
    let writer = target.writer.after(snapshot);
    let leads = writer == Some(to) && !snapshot.node(from).access.is(&WriteAccess::Open);
    let ahead = writer == Some(from) || snapshot.holders(role).contains(&from);
    if leads || !ahead || !arrives(pair, snapshot, to, target.whole) {
        return;
    }
    let approach = Action::Approach { node: pair.node(to).name.clone(), source: pair.node(from).name.clone() };
    if !actions.contains(&approach) {
        actions.push(approach);
    }
}

/// Waiting for a node to follow has an end. Where it has none, a person has accepted readers of old data, or there is
/// no plan.
fn arrives(pair: &Pair, snapshot: &Snapshot, side: Side, whole: bool) -> bool {
    let node = snapshot.node(side);
    let limit = pair.limits.lag.as_secs();
    // a writer, and one that was it a moment ago, has only echoes to apply
    let echoes = node.access.is(&WriteAccess::Open) || !whole;
    let near = |lag: Option<u64>| echoes || lag.is_some_and(|lag| lag <= limit);
    let arrives = |channel: &Channel| runs(channel) && channel.delay == 0 && near(channel.lag);
    node.channels.known().is_some_and(|channels| channels.iter().all(arrives) && !channels.is_empty())
}

/// A writer that was opened is looked at from outside even if its address did not move.
fn verify_opened(pair: &Pair, roles: &Assignment, writer: Side, actions: &mut Vec<Action>) {
    let opened = actions.iter().any(|action| matches!(action, Action::Open { .. } | Action::Reopen { .. }));
    let node = &pair.node(writer).name;
    let role = pair.write_role().filter(|role| opened && roles.holder(&role.name) == Some(node));
    if let Some(role) = role {
        let verify = verify(role, node);
        if !actions.contains(&verify) {
            actions.push(verify);
        }
    }
}
