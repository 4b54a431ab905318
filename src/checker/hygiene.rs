//! Whether a plan hangs together, before anything in it is believed.

use std::collections::BTreeSet;

use super::{Invariant, Violation, broken};
use crate::model::{Held, NodeBasis, NodeSnapshot, Pair, Plan, RoleName, RoleSpec, Snapshot, Step, Thread};

/// As many steps, or roles, as a plan may have to be judged; flipper makes none with half as many.
const MOST: usize = 64;

/// Ids are unique and say what is done, and each step comes after earlier ones only.
pub(super) fn ids(steps: &[Step]) -> Vec<Violation> {
    let mut found = vec![];
    let mut earlier = BTreeSet::new();
    let mut wrong = |step: &Step, what| {
        found.push(Violation { invariant: Invariant::WellFormed, step: Some(step.id.clone()), what });
    };
    for step in steps {
        if step.id != step.action.id() {
            wrong(step, "it does something else than it is called");
        }
        if step.after.iter().any(|(before, _)| !earlier.contains(before)) {
            wrong(step, "it is to come after something that is no earlier step");
        }
        if !earlier.insert(&step.id) {
            wrong(step, "it is there twice");
        }
    }
    if steps.len() > MOST {
        found.push(broken(Invariant::WellFormed, "it has more steps than any plan of flipper"));
    }
    found
}

/// The steps, and the sizes of things.
pub(super) fn steps(plan: &Plan) -> Vec<Violation> {
    let mut found = ids(&plan.steps);
    let roles = &plan.basis.roles;
    if roles.len() > MOST {
        found.push(broken(Invariant::WellFormed, "it has more roles than can be judged"));
    }
    found
}

/// What a plan says of itself does not contradict itself.
pub(super) fn by_itself(plan: &Plan) -> Vec<Violation> {
    let mut found = vec![];
    let [a, b] = &plan.basis.nodes;
    if a.name == b.name {
        found.push(broken(Invariant::WellFormed, "both nodes have one name"));
    }
    let names: BTreeSet<&RoleName> = plan.basis.roles.iter().map(|(name, ..)| name).collect();
    if names.len() != plan.basis.roles.len() {
        found.push(broken(Invariant::WellFormed, "two roles have one name"));
    }
    if plan.basis.roles.iter().filter(|(.., access)| *access == crate::model::Access::ReadWrite).count() > 1 {
        found.push(broken(Invariant::WellFormed, "it has two write roles"));
    }
    let strange = |node: &NodeBasis| node.holds.iter().any(|(role, _)| !names.contains(role));
    if [a, b].into_iter().any(strange) {
        found.push(broken(Invariant::WellFormed, "a node holds a role that the pair has not"));
    }
    found
}

/// The plan is of this pair, and its basis is what was seen.
pub(super) fn against(pair: &Pair, snapshot: &Snapshot, plan: &Plan) -> Vec<Violation> {
    let mut found = by_itself(plan);
    if plan.pair != pair.name {
        found.push(broken(Invariant::WellFormed, "it is of another pair"));
    }
    let roles = pair.roles.iter().map(|RoleSpec { name, address, access }| (name, address, access));
    if !roles.eq(plan.basis.roles.iter().map(|(name, address, access)| (name, address, access))) {
        found.push(broken(Invariant::WellFormed, "its roles are not the pair's"));
    }
    let nodes = snapshot.nodes.iter().zip(&pair.nodes).zip(&plan.basis.nodes);
    for ((seen, spec), basis) in nodes {
        let dead = plan.dead() == Some(&spec.name);
        if seen.name != spec.name || !(dead || rests_on(pair, seen, basis, plan.dead().is_some())) {
            found.push(broken(Invariant::WellFormed, "its basis is not what was seen"));
        }
    }
    found
}

/// Every fact of the basis is known, and the same. `survives`: of a survivor, whose source is dead.
fn rests_on(pair: &Pair, seen: &NodeSnapshot, basis: &NodeBasis, survives: bool) -> bool {
    let NodeBasis { name, flavour, version, server_id, uuid, access, holds, replicates } = basis;
    let server = seen.server.known().is_some_and(|server| {
        (server.flavour, server.version, server.server_id) == (*flavour, *version, *server_id) && server.uuid == *uuid
    });
    let held = seen.addresses.known().is_some_and(|all| {
        let of = |role: &RoleSpec| -> Vec<(RoleName, Held)> {
            let there = all.iter().filter(|held| held.address.ip == role.address.ip);
            there.map(|held| (role.name.clone(), held.clone())).collect()
        };
        pair.roles.iter().flat_map(of).eq(holds.iter().cloned())
    });
    let follows = seen.channels.known().is_some_and(|channels| {
        let runs = channels.len() == 1
            && channels.iter().all(|c| c.receiver == Thread::Running && c.applier == Thread::Running);
        (runs && !survives) == *replicates
    });
    *name == seen.name && server && held && follows && seen.access.is(access)
}
