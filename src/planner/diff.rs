//! What must change between what was seen and what is wanted.

use crate::model::{Access, Action, Assignment, Fencing, Observed, Pair, RoleSpec, Side, Snapshot, WriteAccess};

/// What shows that the node to be opened has every transaction of the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It catches up with the fenced one first.
    CatchUp,
    /// The other one was never open since: there is nothing to catch up with.
    NeverOpened,
}

/// The actions, in no order that anybody may rely on. Unknown facts give no action: the checks refuse them before.
pub(super) fn actions(pair: &Pair, snapshot: &Snapshot, desired: &Assignment, proof: Proof) -> Vec<Action> {
    let mut actions = vec![];
    let holder = |role: &RoleSpec| desired.holder(&role.name).and_then(|node| pair.side(node));
    let writer = pair.write_role().and_then(holder);
    if let Some(to) = writer {
        hand_over(pair, snapshot, to, proof, &mut actions);
    }
    for role in &pair.roles {
        let Some(to) = holder(role) else { continue };
        let moved = move_role(pair, snapshot, role, to);
        if role.access == Access::ReadOnly && moved.iter().any(|action| matches!(action, Action::Take { .. })) {
            follow_writer(pair, to, writer, &mut actions);
        }
        actions.extend(moved);
    }
    verify_opened(pair, writer, &mut actions);
    actions
}

/// From one writer to the other: writes out on one side, in on the other.
fn hand_over(pair: &Pair, snapshot: &Snapshot, to: Side, proof: Proof, actions: &mut Vec<Action>) {
    let name = |side: Side| pair.node(side).name.clone();
    let access = |side: Side| snapshot.node(side).access.known().copied();
    let from = to.peer();
    if access(to) == Some(WriteAccess::Open) {
        return;
    }
    if access(from) == Some(WriteAccess::Open) {
        actions.push(Action::Approach { node: name(to), source: name(from) });
        if !pair.limits.drain.is_zero() {
            actions.push(Action::Drain { node: name(from) });
        }
    }
    if access(from) != Some(WriteAccess::Fenced)
        && let Some(server) = snapshot.node(from).server.known()
    {
        let how = server.fencing();
        actions.push(Action::Fence { node: name(from), how });
        if how == Fencing::ReadLock {
            actions.push(Action::Release { node: name(from) });
        }
    }
    match proof {
        Proof::CatchUp => {
            actions.push(Action::CatchUp { node: name(to), source: name(from) });
            actions.push(Action::Open { node: name(to), peer: name(from) });
        }
        Proof::NeverOpened => actions.push(Action::Reopen { node: name(to), peer: name(from) }),
    }
}

/// A role's address to a node, and away from the other one.
fn move_role(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec, to: Side) -> Vec<Action> {
    let (new, old) = (pair.node(to), pair.node(to.peer()));
    let held = |side: Side| match snapshot.node(side).holds(role) {
        Observed::Known(held) => Some(held.first().map(|h| (*h).clone())),
        Observed::Unknown(_) => None,
    };
    // an address that may be anywhere is not moved
    let (Some(there), Some(elsewhere)) = (held(to), held(to.peer())) else { return vec![] };
    let mut actions = vec![];
    if there.is_none() {
        actions.push(Action::Take {
            role: role.name.clone(),
            access: role.access,
            node: new.name.clone(),
            from: elsewhere.is_some().then(|| old.name.clone()),
            address: role.address,
            interface: new.interface.clone(),
        });
    }
    if let Some(found) = elsewhere {
        actions.push(Action::EndSessions { role: role.name.clone(), node: old.name.clone(), address: found.address });
        actions.push(Action::Drop {
            role: role.name.clone(),
            node: old.name.clone(),
            to: Some(new.name.clone()),
            address: found.address,
            interface: found.interface,
        });
        actions.push(Action::Announce {
            role: role.name.clone(),
            node: new.name.clone(),
            address: role.address,
            interface: there.map_or_else(|| new.interface.clone(), |held| held.interface),
        });
    }
    if !actions.is_empty() {
        actions.push(verify(role, &new.name));
    }
    actions
}

fn verify(role: &RoleSpec, node: &crate::model::NodeName) -> Action {
    Action::Verify { role: role.name.clone(), access: role.access, node: node.clone(), address: role.address }
}

/// A reader must not see less on its new node than before: where that one follows the writer, it catches up first.
fn follow_writer(pair: &Pair, to: Side, writer: Option<Side>, actions: &mut Vec<Action>) {
    let Some(writer) = writer.filter(|writer| *writer != to) else { return };
    let approach = Action::Approach { node: pair.node(to).name.clone(), source: pair.node(writer).name.clone() };
    if !actions.contains(&approach) {
        actions.push(approach);
    }
}

/// A writer that was opened is looked at from outside even if its address did not move.
fn verify_opened(pair: &Pair, writer: Option<Side>, actions: &mut Vec<Action>) {
    let opened = actions.iter().any(|action| matches!(action, Action::Open { .. } | Action::Reopen { .. }));
    if let (true, Some(role), Some(writer)) = (opened, pair.write_role(), writer) {
        let verify = verify(role, &pair.node(writer).name);
        if !actions.contains(&verify) {
            actions.push(verify);
        }
    }
}
