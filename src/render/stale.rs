//! What has changed between a plan and the pair it was made for.

use super::WIDTH;
use super::wrap::hang;
use crate::model::{Basis, NodeBasis, Plan};

/// Why the plan does not fit any more, and what to do; at most 80 columns.
#[must_use]
pub fn text(old: &Plan, now: &Plan) -> String {
    let head =
        format!("Stale: the plan for {} of pair {} does not fit any more. Nothing was changed.", old.goal, old.pair);
    let mut out = hang("", &head, WIDTH);
    for change in changes(old, now) {
        out += &hang("  - ", &change, WIDTH);
    }
    out += &hang("", &format!("Plan again: flipper plan {} {}", old.pair, old.goal), WIDTH);
    out
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
