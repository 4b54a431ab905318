//! Where a run that was cut off leads, forward and back.
//!
//! The state that is seen decides; a journal only says what was wanted. Without one, the state alone is asked: a writer
//! that is open without its address was on the way there; a pair in which nobody is open could have been on the way to
//! either node, and then a person is asked.

use crate::model::{Access, Assignment, NodeName, Pair, Plan, RoleName, Side, Snapshot, WriteAccess};

/// Which end of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    /// Where it was to lead.
    Goal,
    /// Where it came from.
    Start,
}

/// What a run that was cut off is to be brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// These roles to these nodes.
    Roles(Assignment),
    /// Nothing is in between.
    InOrder,
    /// What is seen does not tell: which role's place a person has to name, and why it is asked for.
    Ask(RoleName, String),
    /// Not enough is seen; why not.
    Blind(String),
}

/// The roles that a plan is about, where they were or are to be. A role that had two places at the start has none to
/// go back to.
#[must_use]
pub fn of_plan(plan: &Plan, toward: Toward) -> Assignment {
    let places = |name: &RoleName| {
        plan.basis.nodes.iter().filter(|node| node.holds.iter().any(|(role, _)| role == name)).count()
    };
    let roles = plan.touched().into_iter().filter_map(|name| {
        let place = match toward {
            Toward::Goal => plan.after.0.get(&name),
            Toward::Start => plan.before.0.get(&name).filter(|_| places(&name) <= 1),
        }?;
        Some((name, place.clone()))
    });
    Assignment(roles.collect())
}

/// The write role to a node that a person has named.
#[must_use]
pub fn named(pair: &Pair, node: &NodeName) -> Option<Assignment> {
    let write = pair.write_role()?;
    Some(Assignment([(write.name.clone(), Some(node.clone()))].into_iter().collect()))
}

/// What the state alone says.
#[must_use]
pub fn of_state(pair: &Pair, seen: &Snapshot, toward: Toward) -> Target {
    for node in &seen.nodes {
        if let Some(why) = node.access.why_unknown().or_else(|| node.addresses.why_unknown()) {
            return Target::Blind(format!("{}: {why}", node.name));
        }
    }
    let write = pair.write_role().map(|role| {
        let open: Vec<Side> =
            Side::BOTH.into_iter().filter(|side| seen.node(*side).access.is(&WriteAccess::Open)).collect();
        (role, writer(&open, &seen.holders(role), toward))
    });
    match write {
        Some((role, Writer::Node(side))) => {
            let node = pair.node(side).name.clone();
            return Target::Roles(Assignment([(role.name.clone(), Some(node))].into_iter().collect()));
        }
        Some((role, Writer::Ask(why))) => return Target::Ask(role.name.clone(), why.to_owned()),
        Some((_, Writer::InOrder)) | None => {}
    }
    // an address that nobody has was taken down by somebody; one that both have is in between
    let readers = pair.roles.iter().filter(|role| role.access == Access::ReadOnly);
    match readers.into_iter().find(|role| seen.holders(role).len() > 1) {
        Some(role) => Target::Ask(role.name.clone(), "both nodes have its address".to_owned()),
        None => Target::InOrder,
    }
}

enum Writer {
    InOrder,
    Node(Side),
    Ask(&'static str),
}

/// By who is open and who has the address. An opening is the last thing to happen before the address follows, and a
/// run opens only the node that it leads to: so who is open is ahead.
fn writer(open: &[Side], holders: &[Side], toward: Toward) -> Writer {
    match (open, holders, toward) {
        ([open], [holder], _) if open == holder => Writer::InOrder,
        ([open], [_] | [_, _] | [], Toward::Goal) => Writer::Node(*open),
        ([_], [holder], Toward::Start) => Writer::Node(*holder),
        ([open], [_, _], Toward::Start) => Writer::Node(open.peer()),
        ([_], [], Toward::Start) => Writer::Ask("one node is open, and neither has the address"),
        ([], [holder], Toward::Start) => Writer::Node(*holder),
        ([], [_], Toward::Goal) => Writer::Ask("neither node is open, and the move may have been on its way to either"),
        ([], ..) => Writer::Ask("neither node is open, and the address is on both or on neither"),
        ([_, _], [holder], _) => Writer::Node(*holder),
        _ => Writer::Ask("both nodes are open, and the address does not tell which one is right"),
    }
}
