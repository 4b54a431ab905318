//! Plans for the middle of a run: back to how it was, or forward to how it should be.
//!
//! A run that fails half way is in a state that the checks of a whole pair would refuse. These ask only for what the
//! remaining steps rely on. They are plans like any other: the same differences, the same rules of order. What the
//! run still owes its clients (an announcement, a look from outside) is owed until it has worked, even if every
//! variable and address is where it should be.

use super::death::{self, Course};
use super::diff::{Proof, Target, Writer};
use super::{diff, order};
use crate::model::{
    Access, Action, Assignment, Code, Fencing, Goal, NodeName, Observed, Pair, Plan, Reason, RoleName, Side, Snapshot,
    Step, WriteAccess,
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

/// Who accepted writes when the plan was made, where that was one node and the plan ends it.
fn closed_by(pair: &Pair, plan: &Plan) -> Option<Side> {
    plan.closing().and_then(|step| pair.side(step.action.node()))
}

/// The step that lets clients write again after a fence, when the new writer was never told to open. It relies on
/// nothing that would have to be looked at first. `None`: the plan does not close the pair's one writer.
#[must_use]
pub fn reopen(pair: &Pair, plan: &Plan) -> Option<Step> {
    let old = closed_by(pair, plan)?;
    let node = |side: Side| pair.node(side).name.clone();
    let action = Action::Reopen { node: node(old), peer: node(old.peer()) };
    Some(Step { id: action.id(), action, after: vec![] })
}

/// Roles that a plan touches and that had one place at its start: on one node, or on none.
fn returnable(plan: &Plan) -> Vec<RoleName> {
    let held = |name: &RoleName| {
        plan.basis.nodes.iter().filter(|node| node.holds.iter().any(|(role, _)| role == name)).count()
    };
    plan.touched().into_iter().filter(|name| held(name) <= 1).collect()
}

/// Whether the pair is seen to be as it was when the plan was made: the roles that it touches where they were, and
/// nobody open who was not. Of two nodes that were open, the one need not be open again that the write address did not lead
/// to.
#[must_use]
pub fn is_back(pair: &Pair, now: &Snapshot, plan: &Plan) -> bool {
    let dead = plan.dead();
    let seen = now
        .nodes
        .iter()
        .all(|node| dead == Some(&node.name) || (node.addresses.known().is_some() && node.access.known().is_some()));
    let holders = |name: &RoleName| pair.role(name).map(|role| now.holders(role)).unwrap_or_default();
    let before = |name: &RoleName| -> Vec<Side> {
        plan.before.holder(name).and_then(|node| pair.side(node)).into_iter().collect()
    };
    let roles = returnable(plan).iter().all(|name| holders(name) == before(name));
    let was_open = plan.open_before();
    let is_open = Side::BOTH.map(|side| now.node(side).access.is(&WriteAccess::Open));
    let led_to = pair.write_role().and_then(|role| before(&role.name).first().copied());
    let serves = led_to.map_or_else(|| is_open.contains(&true), |side| *side.of(&is_open));
    let access = is_open == was_open || (was_open == [true, true] && serves);
    seen && roles && access
}

/// The steps back to how it was at the start of the run. `owed`: roles whose clients may have felt something.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_back(
    pair: &Pair,
    now: &Snapshot,
    plan: &Plan,
    opened: Opened,
    owed: &[RoleName],
) -> Result<Vec<Step>, Vec<Reason>> {
    match &plan.goal {
        Goal::Fail(_) => return ordered(pair, &death::undo_fail(pair, now, plan, opened)?),
        Goal::Rejoin(_) => {
            let mut actions = death::undo_rejoin(pair, now, plan);
            for side in locked_by(pair, plan) {
                release(pair, now, side, &mut actions);
            }
            return ordered(pair, &actions);
        }
        Goal::Swap(_) | Goal::Set(..) | Goal::Drain(_) | Goal::Down(_) | Goal::Up(..) | Goal::Assign(_) => {}
    }
    let old = closed_by(pair, plan);
    let mut reasons = vec![];
    if let Some(old) = old {
        reasons.extend(needs_access(pair, now, old));
        reasons.extend(needs_closed(pair, now, old, opened));
    } else if opened == Opened::Done {
        reasons.push(Reason {
            code: Code::NoneOpen,
            seen: "nobody accepted writes when the run began".to_owned(),
            help: format!("go forward: `flipper plan {} {}`", pair.name, plan.goal),
        });
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
            Proof::NeverOpened
        }
        Opened::Undone | Opened::Done => Proof::CatchUp,
    };
    let touched = returnable(plan);
    let writer = old.map_or(Writer::AsIs, Writer::Only);
    let target = Target { roles: &plan.before, touched: &touched, writer, proof, whole: false, kill: false };
    let mut actions = diff::actions(pair, &patched, target);
    let reopened = actions.iter().any(|action| matches!(action, Action::Reopen { .. }));
    for side in locked_by(pair, plan) {
        // a node cannot catch up while its own appliers wait behind the read lock of our fence; reopening lets go of it
        let lets_go = reopened && Some(side) == old;
        if !lets_go && !now.node(side).access.is(&WriteAccess::Open) {
            release(pair, now, side, &mut actions);
        }
    }
    pay(pair, now, plan, &plan.before, owed, &mut actions);
    // where nobody could write before, nobody will be found writing
    let was_open = plan.open_before();
    let served = |node: &NodeName| pair.side(node).is_some_and(|side| *side.of(&was_open));
    actions.retain(|action| match action {
        Action::Verify { access: Access::ReadWrite, node, .. } => served(node),
        _ => true,
    });
    ordered(pair, &actions)
}

/// Going back opens the old writer: the new one must not be open, or must be fenced by the steps.
fn needs_closed(pair: &Pair, now: &Snapshot, old: Side, opened: Opened) -> Option<Reason> {
    let seen = now.node(old.peer()).access.known();
    let safe = match (opened, seen) {
        (Opened::Never, None) | (_, Some(WriteAccess::Fenced | WriteAccess::Guarded)) => true,
        (Opened::Done, Some(WriteAccess::Open)) => !now.node(old).access.is(&WriteAccess::Open),
        (_, Some(WriteAccess::Open | WriteAccess::Changing | WriteAccess::Unseen))
        | (Opened::Undone | Opened::Done, None) => false,
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

/// The steps forward to the run's own goal, once clients can reach the new writer. `owed`: roles that the run was to
/// touch.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_forward(pair: &Pair, now: &Snapshot, plan: &Plan, owed: &[RoleName]) -> Result<Vec<Step>, Vec<Reason>> {
    let touched = plan.touched();
    let course = Course::of(pair, now, &plan.goal);
    let writer = match course {
        Course::Move => diff::writer(pair, &plan.after, &touched),
        Course::Fail(side, _) | Course::Rejoin(side) => Writer::Only(side.peer()),
    };
    let mut reasons = vec![];
    if let Writer::Only(new) = writer {
        reasons.extend(needs_access(pair, now, new));
    }
    for side in Side::BOTH.into_iter().filter(|side| course.dead() != Some(*side)) {
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
    let target =
        Target { roles: &plan.after, touched: &touched, writer, proof: Proof::CatchUp, whole: false, kill: false };
    let mut actions = match course {
        Course::Move => diff::actions(pair, now, target),
        Course::Fail(dead, how) => {
            let roles = pair.roles.iter().filter(|role| touched.contains(&role.name));
            // that the dead one is out was seen by this run, before anything else was done
            death::fail(pair, now, (dead, how), &roles.collect::<Vec<_>>(), false)
        }
        Course::Rejoin(back) => death::rejoin(pair, now, back, false),
    };
    for side in locked_by(pair, plan) {
        release(pair, now, side, &mut actions);
    }
    pay(pair, now, plan, &plan.after, owed, &mut actions);
    ordered(pair, &actions)
}

/// The nodes on which a plan holds a read lock for some time.
fn locked_by(pair: &Pair, plan: &Plan) -> Vec<Side> {
    let locks = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Fence { node, how: Fencing::ReadLock } => pair.side(node),
        _ => None,
    });
    locks.collect()
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
fn pay(pair: &Pair, now: &Snapshot, plan: &Plan, wanted: &Assignment, owed: &[RoleName], actions: &mut Vec<Action>) {
    let moves = |name: &RoleName| {
        plan.steps.iter().any(|step| match &step.action {
            Action::Take { role, .. } | Action::Drop { role, .. } => role == name,
            _ => false,
        })
    };
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
            if moves(&role.name) {
                push(Action::Announce {
                    role: role.name.clone(),
                    node: node.clone(),
                    address: role.address,
                    interface: held.interface,
                });
            }
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

fn ordered(pair: &Pair, actions: &[Action]) -> Result<Vec<Step>, Vec<Reason>> {
    order::steps(pair, actions).ok_or_else(|| vec![super::checks::no_order(actions)])
}
