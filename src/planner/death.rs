//! A node that a person declares dead, and one that has come back.
//!
//! What is unknown of a dead node is not guessed: a person's word stands in for it, and only for that. Everything that
//! can be known is still asked for: whether it answers anybody, whether it is kept out, whether the survivor can apply
//! all that it has, and how much may be missing there.

use super::basis::runs;
use super::checks::death::{Dead, returned};
use super::diff::{self, Closing};
use super::recover::Opened;
use crate::model::{
    Access, Action, Channel, Code, Finding, Goal, Isolation, Observed, Pair, Plan, Reason, RoleSpec, Side, Snapshot,
    Thread, WriteAccess,
};

/// The kinds of ways to a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Both nodes are there.
    Move,
    /// One is declared dead, and kept out in this way.
    Fail(Side, Isolation),
    /// One has come back.
    Rejoin(Side),
}

impl Course {
    pub(super) fn of(pair: &Pair, snapshot: &Snapshot, goal: &Goal) -> Self {
        match goal {
            Goal::Fail(node) => pair.side(node).map_or(Self::Move, |side| Self::Fail(side, rung(pair, snapshot, side))),
            Goal::Rejoin(node) => pair.side(node).map_or(Self::Move, Self::Rejoin),
            Goal::Swap(_) | Goal::Set(..) | Goal::Drain(_) | Goal::Down(_) | Goal::Up(..) | Goal::Assign(_) => {
                Self::Move
            }
        }
    }

    /// The node that is declared dead.
    pub(super) fn dead(self) -> Option<Side> {
        match self {
            Self::Fail(side, _) => Some(side),
            Self::Move | Self::Rejoin(_) => None,
        }
    }

    /// Whether a finding of a pair at rest says anything about this way at all.
    pub(super) fn heeds(self, finding: &Finding) -> bool {
        match self {
            Self::Move => true,
            // of the dead one only what its machine must still do, and what would undo that there
            Self::Fail(dead, _) => {
                finding.side != Some(dead)
                    || matches!(
                        finding.code,
                        Code::MissingTool
                            | Code::NotPermitted
                            | Code::FailNotPermitted
                            | Code::AddressPlace
                            | Code::OtherManager
                    )
            }
            // that it was left behind is why it is brought back; what it has of its own is asked more strictly
            Self::Rejoin(back) => {
                !(finding.code == Code::Deposed || (finding.code == Code::Diverged && finding.side == Some(back)))
            }
        }
    }

    /// What stands in the way of this goal only.
    pub(super) fn findings(self, pair: &Pair, snapshot: &Snapshot, promotes: bool) -> Vec<Finding> {
        match self {
            Self::Move => vec![],
            Self::Fail(dead, how) => Dead { pair, snapshot, dead, how }.findings(promotes),
            Self::Rejoin(back) => returned(pair, snapshot, back),
        }
    }
}

/// The highest rung of the ladder that can be had: its own machine, the operator's program, a person's word.
fn rung(pair: &Pair, snapshot: &Snapshot, dead: Side) -> Isolation {
    let node = snapshot.node(dead);
    if node.addresses.known().is_some() && node.system.known().is_some() {
        Isolation::Shell
    } else if pair.node(dead).has_fence {
        Isolation::Hook
    } else {
        Isolation::Hand
    }
}

/// Where a role of the dead node goes. `None`: it stays where it is.
pub(super) fn inherits(snapshot: &Snapshot, role: &RoleSpec, dead: Side) -> Option<Side> {
    let survivor = dead.peer();
    let holders = snapshot.holders(role);
    let held = match snapshot.node(dead).addresses {
        Observed::Known(_) => holders.contains(&dead),
        // whatever is nowhere to be seen may have been there
        Observed::Unknown(_) => !holders.contains(&survivor),
    };
    let closed = role.access == Access::ReadWrite
        && holders.contains(&survivor)
        && !snapshot.node(survivor).access.is(&WriteAccess::Open);
    (held || closed).then_some(survivor)
}

/// What is done for a dead node's survivor. `roles`: those that it gets; `isolates`: that the other one is out is not
/// certain yet.
pub(super) fn fail(
    pair: &Pair,
    snapshot: &Snapshot,
    (dead, how): (Side, Isolation),
    roles: &[&RoleSpec],
    isolates: bool,
) -> Vec<Action> {
    let survivor = dead.peer();
    let (there, here) = (pair.node(dead), pair.node(survivor));
    let seen = snapshot.node(survivor);
    let mut actions = vec![];
    let receives = |channels: &Vec<Channel>| channels.iter().any(|channel| channel.receiver != Thread::Stopped);
    if seen.channels.known().is_some_and(receives) {
        actions.push(Action::StopReceiving { node: here.name.clone() });
    }
    let writes = roles.iter().any(|role| role.access == Access::ReadWrite);
    let promotes = writes && !seen.access.is(&WriteAccess::Open);
    if promotes {
        actions.push(Action::ApplyReceived { node: here.name.clone() });
        actions.push(Action::RollBack { node: here.name.clone() });
        actions.push(Action::Promote { node: here.name.clone(), dead: there.name.clone() });
    }
    for role in roles {
        let on = |side: Side| snapshot.node(side).holds(role).known().cloned().unwrap_or_default();
        for held in on(dead) {
            actions.push(Action::Drop {
                role: role.name.clone(),
                node: there.name.clone(),
                to: None,
                address: held.address,
                interface: held.interface.clone(),
            });
        }
        let taken = on(survivor).is_empty();
        let dropped = !on(dead).is_empty();
        if taken {
            actions.push(Action::Take {
                role: role.name.clone(),
                access: role.access,
                node: here.name.clone(),
                from: None,
                address: role.address,
                interface: here.interface.clone(),
            });
        }
        if taken || dropped {
            let interface = on(survivor).first().map_or_else(|| here.interface.clone(), |held| held.interface.clone());
            actions.push(Action::Announce {
                role: role.name.clone(),
                node: here.name.clone(),
                address: role.address,
                interface,
            });
        }
        if taken || dropped || (promotes && role.access == Access::ReadWrite) {
            actions.push(diff::verify(role, &here.name));
        }
    }
    if isolates && !actions.is_empty() {
        actions.insert(0, Action::Isolate { node: there.name.clone(), how });
    }
    actions
}

/// What is done for a node that has come back: it is closed and loses its addresses, then it follows, then the writer
/// follows it. `whole`: it is a plan of its own, not the rest of one, which has the read lock already.
pub(super) fn rejoin(pair: &Pair, snapshot: &Snapshot, back: Side, whole: bool) -> Vec<Action> {
    let writer = back.peer();
    let name = |side: Side| pair.node(side).name.clone();
    let mut actions = vec![];
    // administrators are kept out too, where the write address leaves it
    let holds = |side: Side| pair.write_role().is_some_and(|role| snapshot.holders(role).contains(&side));
    let relock = whole && holds(back) && !holds(writer);
    diff::close(pair, snapshot, back, Closing { relock, drain: whole, kill: false }, &mut actions);
    for role in pair.roles.iter().filter(|role| snapshot.holders(role).contains(&back)) {
        actions.extend(diff::move_role(pair, snapshot, role, Some(writer)));
    }
    let follows = |side: Side| snapshot.node(side).channels.known().is_some_and(|channels| channels.iter().all(runs));
    let closes = actions.iter().any(|action| matches!(action, Action::Fence { .. }));
    // the rest of a plan does not know any more whether the returned node was closed by it
    if whole && follows(back) && follows(writer) && !closes {
        return actions;
    }
    actions.push(Action::Compare { node: name(back), source: name(writer) });
    if !follows(back) {
        actions.push(Action::StartReplication { node: name(back), source: name(writer) });
    }
    actions.push(Action::Approach { node: name(back), source: name(writer) });
    if !follows(writer) {
        actions.push(Action::StartReplication { node: name(writer), source: name(back) });
    }
    actions
}

/// Back to how it was before a node was declared dead: as long as nobody took its place, its peer receives again what it
/// may still send one day. That the dead one is kept out stays so.
pub(super) fn undo_fail(pair: &Pair, now: &Snapshot, plan: &Plan, opened: Opened) -> Result<Vec<Action>, Vec<Reason>> {
    let Some(survivor) = plan.dead().and_then(|dead| pair.side(dead)).map(Side::peer) else { return Ok(vec![]) };
    let node = now.node(survivor);
    let promotes = plan.steps.iter().any(|step| matches!(step.action, Action::Promote { .. }));
    let forward = |code: Code, seen: String| {
        let help = format!("go forward: `flipper plan {} {}`", pair.name, plan.goal);
        Err(vec![Reason { code, seen, help }])
    };
    match node.access.known() {
        Some(WriteAccess::Open) if promotes => {
            return forward(Code::BothOpen, format!("{} is open in the place of the dead node", node.name));
        }
        None => return forward(Code::Unknown, format!("it is not known whether {} is open", node.name)),
        Some(_) if opened == Opened::Done => {
            return forward(Code::NoneOpen, format!("{} was open, and may have transactions of its own", node.name));
        }
        Some(_) => {}
    }
    let stops = plan.steps.iter().any(|step| matches!(step.action, Action::StopReceiving { .. }));
    let stopped = |channel: &Channel| channel.receiver == Thread::Stopped;
    let resume = stops && node.channels.known().is_some_and(|channels| channels.iter().any(stopped));
    Ok(if resume { vec![Action::ResumeReceiving { node: node.name.clone() }] } else { vec![] })
}

/// Back to how it was before a node came back: what was started is stopped. It stays closed, without an address.
pub(super) fn undo_rejoin(pair: &Pair, now: &Snapshot, plan: &Plan) -> Vec<Action> {
    let started = plan.steps.iter().rev().filter_map(|step| match &step.action {
        Action::StartReplication { node, .. } => pair.side(node),
        _ => None,
    });
    let receives = |side: &Side| {
        let channels = now.node(*side).channels.known();
        channels.is_some_and(|all| all.iter().any(|channel| channel.receiver != Thread::Stopped))
    };
    started.filter(receives).map(|side| Action::StopReceiving { node: pair.node(side).name.clone() }).collect()
}
