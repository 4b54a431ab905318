//! What a goal means, given what was seen: where each role is to be.

use super::{checks, death};
use crate::model::{
    Access, Assignment, Code, Finding, Goal, Pair, Reason, RoleName, RoleSpec, Side, Snapshot, WriteAccess,
};

/// Where the roles are to be, and which of them the goal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    /// Every role; those that the goal is not about stay where they are.
    pub(super) after: Assignment,
    /// Those that it is about.
    pub(super) touched: Vec<RoleName>,
}

/// A role's place: a side, or none.
type Place = Option<Side>;

/// Resolves a goal.
///
/// # Errors
/// Findings of the pair's state that this goal cannot do anything about.
pub(super) fn desired(
    pair: &Pair,
    snapshot: &Snapshot,
    goal: &Goal,
    findings: &[&Finding],
) -> Result<Desired, Vec<Reason>> {
    let mut after = snapshot.assignment(pair);
    let mut touched = vec![];
    let mut reasons = vec![];
    if let Goal::Rejoin(node) = goal
        && let Some(back) = pair.side(node)
    {
        reasons.extend(checks::death::nobody_to_follow(pair, snapshot, back));
    }
    for role in &pair.roles {
        let place = match place(pair, snapshot, goal, role) {
            Resolved::Untouched => continue,
            Resolved::Place(place) => place,
            Resolved::Ambiguous => {
                reasons.extend(checks::address_count(pair, snapshot, role).map(|finding| finding.reason()));
                continue;
            }
            Resolved::Elsewhere(side) => {
                reasons.push(elsewhere(pair, role, side));
                continue;
            }
        };
        if role.access == Access::ReadWrite {
            reasons.extend(unwritable(snapshot, goal, role, place, findings));
        }
        after.0.insert(role.name.clone(), place.map(|side| pair.node(side).name.clone()));
        touched.push(role.name.clone());
    }
    if reasons.is_empty() { Ok(Desired { after, touched }) } else { Err(reasons) }
}

enum Resolved {
    Untouched,
    Place(Place),
    /// "The other node" has no meaning: it is on both, or on neither.
    Ambiguous,
    /// It is to come up, and is up on the other node.
    Elsewhere(Side),
}

fn place(pair: &Pair, snapshot: &Snapshot, goal: &Goal, role: &RoleSpec) -> Resolved {
    use Resolved::{Ambiguous, Elsewhere, Place, Untouched};
    let holders = snapshot.holders(role);
    let side = |node| match pair.side(node) {
        Some(side) => Place(Some(side)),
        None => Untouched,
    };
    match goal {
        Goal::Swap(named) => match (named, &holders[..]) {
            (Some(name), _) if *name != role.name => Untouched,
            (_, [side]) => Place(Some(side.peer())),
            // a role that was taken down stays down when the others swap
            (None, []) => Untouched,
            (None | Some(_), _) => Ambiguous,
        },
        Goal::Set(name, node) if *name == role.name => side(node),
        Goal::Down(name) if *name == role.name => Place(None),
        Goal::Up(name, node) if *name == role.name => match (pair.side(node), &holders[..]) {
            (Some(wanted), [holder]) if wanted != *holder => Elsewhere(*holder),
            _ => side(node),
        },
        Goal::Drain(node) => match pair.side(node) {
            Some(drained) if holders.contains(&drained) => Place(Some(drained.peer())),
            // a writer without its address is on the node all the same
            Some(drained) if role.access == Access::ReadWrite && is_open(snapshot, drained) => {
                Place(holders.first().map(|_| drained.peer()))
            }
            _ => Untouched,
        },
        Goal::Fail(node) => match pair.side(node).and_then(|dead| death::inherits(snapshot, role, dead)) {
            Some(survivor) => Place(Some(survivor)),
            None => Untouched,
        },
        Goal::Rejoin(node) => match pair.side(node) {
            Some(back) if holders.contains(&back) => Place(Some(back.peer())),
            Some(_) | None => Untouched,
        },
        Goal::Assign(wanted) => match wanted.0.get(&role.name) {
            Some(Some(node)) => side(node),
            Some(None) => Place(None),
            None => Untouched,
        },
        Goal::Set(..) | Goal::Down(_) | Goal::Up(..) => Untouched,
    }
}

fn is_open(snapshot: &Snapshot, side: Side) -> bool {
    snapshot.node(side).access.is(&WriteAccess::Open)
}

/// Why the write role cannot be brought there from here. Closing is always possible; which of two open nodes is right
/// can be told by the address only; a swap is relative, and needs a pair that is in order.
fn unwritable(snapshot: &Snapshot, goal: &Goal, role: &RoleSpec, place: Place, findings: &[&Finding]) -> Vec<Reason> {
    let mut codes = vec![];
    let deposed =
        |side: Side| findings.iter().any(|finding| finding.code == Code::Deposed && finding.side == Some(side));
    if matches!(goal, Goal::Fail(_) | Goal::Rejoin(_)) {
        // whose word counts is said with the goal
        return vec![];
    }
    if matches!(goal, Goal::Swap(_)) {
        codes.extend([Code::BothOpen, Code::NoneOpen, Code::WriterElsewhere]);
    } else {
        let told = match (place, goal) {
            // the address, or what is remembered, tells which of two is right
            (Some(side), _) => snapshot.holders(role) == [side] || deposed(side.peer()),
            // draining one of two writers says nothing of the other one
            (None, Goal::Drain(_)) => false,
            (None, _) => true,
        };
        codes.extend((!told).then_some(Code::BothOpen));
    }
    findings.iter().filter(|finding| codes.contains(&finding.code)).map(|finding| finding.reason()).collect()
}

fn elsewhere(pair: &Pair, role: &RoleSpec, holder: Side) -> Reason {
    let (holder, other) = (&pair.node(holder).name, &pair.node(holder.peer()).name);
    Reason {
        code: Code::AddressElsewhere,
        seen: format!("{} ({}) is up on {holder}", role.name, role.address),
        help: format!("to move it: `flipper plan {} set {} {other}`", pair.name, role.name),
    }
}
