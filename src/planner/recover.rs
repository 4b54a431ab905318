//! Plans for the middle of a run: back to how it was, or forward to how it should be.
//!
//! A run that fails half way is in a state that the checks of a whole pair would refuse. These ask only for what the
//! remaining steps rely on. They are plans like any other: the same differences, the same rules of order. What the
//! run still owes its clients (an announcement, a look from outside) is owed until it has worked, even if every
//! variable and address is where it should be.

use super::{diff, order};
use crate::model::{
    Action, Assignment, Code, Fencing, NodeName, Observed, Pair, Reason, RoleName, Side, Snapshot, Step, WriteAccess,
};

/// What the run did to the new writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It was never told to open: it is as it was found, fenced, even if nobody can reach it now.
    Never,
    /// It was told, and is seen to be fenced: the telling failed.
    Undone,
    /// It is open, and the address never reached it: it is fenced again first.
    Done,
}

fn writer(pair: &Pair, assignment: &Assignment) -> Option<Side> {
    pair.write_role().and_then(|role| assignment.holder(&role.name)).and_then(|node| pair.side(node))
}

/// The step that lets clients write again after a fence, when the new writer was never told to open. It relies on
/// nothing that would have to be looked at first.
#[must_use]
pub fn reopen(pair: &Pair, start: &Assignment) -> Option<Step> {
    let old = writer(pair, start)?;
    let node = |side: Side| pair.node(side).name.clone();
    let action = Action::Reopen { node: node(old), peer: node(old.peer()) };
    Some(Step { id: action.id(), action, after: vec![] })
}

/// The steps back to the assignment at the start of the run. `owed`: roles that the run was to touch.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_back(
    pair: &Pair,
    now: &Snapshot,
    start: &Assignment,
    opened: Opened,
    owed: &[RoleName],
) -> Result<Vec<Step>, Vec<Reason>> {
    let old = writer(pair, start);
    let mut reasons = vec![];
    if let Some(old) = old {
        reasons.extend(needs_access(pair, now, old));
        reasons.extend(needs_closed(pair, now, old, opened));
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let mut patched = now.clone();
    let proof = match opened {
        Opened::Never => {
            if let Some(old) = old {
                // fenced before this run began, which holds the lock: no second fence of a node out of reach
                patched.node_mut(old.peer()).access = Observed::Known(WriteAccess::Fenced);
            }
            diff::Proof::NeverOpened
        }
        Opened::Undone | Opened::Done => diff::Proof::CatchUp,
    };
    let mut actions = diff::actions(pair, &patched, start, proof);
    if let (Some(old), true) = (old, actions.iter().any(|action| matches!(action, Action::CatchUp { .. }))) {
        // it cannot catch up while its own appliers wait behind the read lock of our fence
        release(pair, now, old, &mut actions);
    }
    pay(pair, now, start, owed, &mut actions);
    ordered(&actions)
}

/// Going back opens the old writer: the new one must not be open, or must be fenced by the steps.
fn needs_closed(pair: &Pair, now: &Snapshot, old: Side, opened: Opened) -> Option<Reason> {
    let seen = now.node(old.peer()).access.known();
    let safe = match (opened, seen) {
        (Opened::Never, None) | (_, Some(WriteAccess::Fenced | WriteAccess::Guarded)) => true,
        (Opened::Done, Some(WriteAccess::Open)) => !now.node(old).access.is(&WriteAccess::Open),
        (_, Some(WriteAccess::Open | WriteAccess::Changing)) | (Opened::Undone | Opened::Done, None) => false,
    };
    let (new, old) = (&pair.node(old.peer()).name, &pair.node(old).name);
    (!safe).then(|| Reason {
        code: if seen.is_some() { Code::BothOpen } else { Code::Unknown },
        seen: format!("{new} is {}", seen.map_or("not reachable".to_owned(), ToString::to_string)),
        help: format!(
            "see whether {new} accepts writes; only when it is certain that it does not, open {old} by hand (SET \
             GLOBAL read_only=OFF)"
        ),
    })
}

/// The steps forward to the run's own goal, once the new writer is open. `owed`: roles that the run was to touch.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_forward(
    pair: &Pair,
    now: &Snapshot,
    goal: &Assignment,
    owed: &[RoleName],
) -> Result<Vec<Step>, Vec<Reason>> {
    let new = writer(pair, goal);
    let mut reasons = vec![];
    reasons.extend(new.and_then(|new| needs_access(pair, now, new)));
    for side in Side::BOTH {
        if let Some(why) = now.node(side).addresses.why_unknown() {
            reasons.push(Reason {
                code: Code::Unknown,
                seen: format!("addresses of {}: {why}", pair.node(side).name),
                help: format!("make {} reachable by ssh again", pair.node(side).name),
            });
        }
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let mut actions = diff::actions(pair, now, goal, diff::Proof::CatchUp);
    if let Some(new) = new {
        let old = new.peer();
        let open = |side: Side| now.node(side).access.is(&WriteAccess::Open);
        if let (true, true, Some(server)) = (open(new), open(old), now.node(old).server.known()) {
            // it came back by itself, open: closing is always safe
            actions.push(Action::Fence { node: pair.node(old).name.clone(), how: server.fencing() });
        }
        if owed.iter().any(|role| pair.write_role().is_some_and(|write| write.name == *role)) {
            release(pair, now, old, &mut actions);
        }
    }
    pay(pair, now, goal, owed, &mut actions);
    ordered(&actions)
}

/// Lets go of a read lock that a fence of this run may hold on a node.
fn release(pair: &Pair, now: &Snapshot, side: Side, actions: &mut Vec<Action>) {
    let locks = now.node(side).server.known().is_some_and(|server| server.fencing() == Fencing::ReadLock);
    let action = Action::Release { node: pair.node(side).name.clone() };
    if locks && !actions.contains(&action) {
        actions.push(action);
    }
}

/// Announcements and looks from outside that clients still need.
fn pay(pair: &Pair, now: &Snapshot, wanted: &Assignment, owed: &[RoleName], actions: &mut Vec<Action>) {
    for role in pair.roles.iter().filter(|role| owed.contains(&role.name)) {
        let Some(side) = wanted.holder(&role.name).and_then(|node| pair.side(node)) else { continue };
        let node: &NodeName = &pair.node(side).name;
        let held = now.node(side).holds(role).known().and_then(|held| held.first().map(|held| (*held).clone()));
        let mut push = |action: Action| {
            if !actions.iter().any(|other| other.id() == action.id()) {
                actions.push(action);
            }
        };
        // only a holder announces (hazard H-62), and only there anybody can be found
        if let Some(held) = held {
            push(Action::Announce {
                role: role.name.clone(),
                node: node.clone(),
                address: role.address,
                interface: held.interface,
            });
            push(Action::Verify {
                role: role.name.clone(),
                access: role.access,
                node: node.clone(),
                address: role.address,
            });
        }
    }
}

fn needs_access(pair: &Pair, now: &Snapshot, side: Side) -> Option<Reason> {
    let why = now.node(side).access.why_unknown()?;
    Some(Reason {
        code: Code::Unknown,
        seen: format!("write access of {}: {why}", pair.node(side).name),
        help: format!("make {} reachable again", pair.node(side).name),
    })
}

fn ordered(actions: &[Action]) -> Result<Vec<Step>, Vec<Reason>> {
    order::steps(actions).ok_or_else(|| vec![super::checks::no_order(actions)])
}
