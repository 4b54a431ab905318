//! What has changed between a plan and the pair it was made for.

use super::WIDTH;
use super::wrap::hang;
use crate::model::{Basis, Goal, NodeBasis, Plan, RoleName};

/// Why the plan does not fit any more, and what to do; at most 80 columns.
#[must_use]
pub fn text(old: &Plan, now: &Plan) -> String {
    let head =
        format!("Stale: the plan for {} of pair {} does not fit any more. Nothing was changed.", old.goal, old.pair);
    let mut out = hang("", &head, WIDTH);
    for change in changes(old, now) {
        out += &hang("  - ", &change, WIDTH);
    }
    if is_done(old, now) {
        out += &hang("", "The pair is as this plan wanted it: nothing is left to do.", WIDTH);
        for goal in lasting(old) {
            out += &hang("", &format!("To see that: flipper plan {} {goal}", old.pair), WIDTH);
        }
        return out;
    }
    out += &hang("", &format!("Plan again: flipper plan {} {}", old.pair, old.goal), WIDTH);
    out
}

/// Somebody has carried it out meanwhile, or done the same by hand.
fn is_done(old: &Plan, now: &Plan) -> bool {
    let access = |(was, is): (&NodeBasis, &NodeBasis)| was.name == is.name && old.access_after(was) == is.access;
    !old.is_empty()
        && old.basis.roles == now.basis.roles
        && old.after == now.before
        && old.basis.nodes.iter().zip(&now.basis.nodes).all(access)
}

/// The goal, where it does not depend on how the pair stands: a swap would move everything back.
fn lasting(old: &Plan) -> Vec<Goal> {
    match &old.goal {
        Goal::Swap(_) => {
            let moved = |role: &RoleName| old.before.holder(role) != old.after.holder(role);
            let roles = old.basis.roles.iter().map(|(role, ..)| role).filter(|role| moved(role));
            roles.filter_map(|role| Some(Goal::Set(role.clone(), old.after.holder(role)?.clone()))).collect()
        }
        goal => vec![goal.clone()],
    }
}

fn changes(old: &Plan, now: &Plan) -> Vec<String> {
    let Basis { roles, nodes } = &old.basis;
    let mut changes = vec![];
    if *roles != now.basis.roles {
        changes.push("the roles in the config are not the same".to_owned());
    }
    for (was, is) in nodes.iter().zip(&now.basis.nodes) {
        node(was, is, &mut changes);
    }
    if changes.is_empty() {
        changes.push("the steps would be others now".to_owned());
    }
    changes
}

fn node(was: &NodeBasis, is: &NodeBasis, changes: &mut Vec<String>) {
    let NodeBasis { name, flavour, version, server_id, uuid, access, holds, replicates } = was;
    if *name != is.name {
        changes.push(format!("{name} is called {} now", is.name));
    }
    if (flavour, version) != (&is.flavour, &is.version) {
        changes.push(format!("{name} was {flavour} {version} and is {} {} now", is.flavour, is.version));
    }
    if (server_id, uuid) != (&is.server_id, &is.uuid) {
        changes.push(format!("{name} is another server now (server_id {server_id}, now {})", is.server_id));
    }
    if *access != is.access {
        changes.push(format!("{name} was {access} and is {} now", is.access));
    }
    if *holds != is.holds {
        let roles = |node: &NodeBasis| {
            let roles: Vec<_> = node.holds.iter().map(|(role, held)| format!("{role} ({})", held.address)).collect();
            if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") }
        };
        changes.push(format!("{name} held {} and holds {} now", roles(was), roles(is)));
    }
    if *replicates != is.replicates {
        changes.push(format!("replication on {name} has {} since", if *replicates { "stopped" } else { "started" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flavour;
    use crate::model::samples::{healthy, pair};
    use crate::planner;

    #[test]
    fn a_plan_that_is_done_is_told_so_and_nobody_is_sent_back() {
        let before = healthy(Flavour::MySql);
        let swap = Goal::Swap(pair().write_role().map(|role| role.name.clone()));
        let old = planner::plan(&pair(), &before, &swap, &[]).expect("a plan");
        let mut after = before.clone();
        old.steps.iter().for_each(|step| planner::perform(&pair(), &mut after, &step.action));
        let now = planner::plan(&pair(), &after, &swap, &[]).expect("a plan");
        let said = text(&old, &now);
        assert!(said.contains("nothing is left to do") && said.contains("flipper plan orders set write db2"), "{said}");
        assert!(!said.contains("orders swap"), "{said}");
        // half of it only
        let said = text(&old, &old);
        assert!(said.contains("Plan again: flipper plan orders swap write"), "{said}");
    }
}
