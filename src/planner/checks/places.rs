//! Where addresses are, and whether they can be moved from there.

use super::reason;
use crate::model::{Action, Code, Held, NodeSnapshot, Observed, Pair, Reason, RoleSpec, Side, Snapshot};

/// What speaks against these actions in particular.
pub(in crate::planner) fn of_actions(pair: &Pair, snapshot: &Snapshot, actions: &[Action]) -> Vec<Reason> {
    let mut reasons = vec![];
    for role in &pair.roles {
        let moves = actions.iter().any(|action| match action {
            Action::Take { role: r, .. } | Action::Drop { role: r, .. } => *r == role.name,
            _ => false,
        });
        if !moves {
            continue;
        }
        if role.address.ip.is_ipv6() {
            reasons.push(reason(
                Code::CannotAnnounce,
                format!("{} is an IPv6 address", role.address),
                "moving IPv6 addresses is not built yet",
            ));
        }
        for side in Side::BOTH {
            let node = snapshot.node(side);
            if let Observed::Known(held) = node.holds(role) {
                reasons.extend(place(node, role, &held));
            }
        }
    }
    reasons
}

/// Where an address is now: can it be removed without taking others along?
fn place(node: &NodeSnapshot, role: &RoleSpec, held: &[&Held]) -> Vec<Reason> {
    let mut reasons = vec![];
    if held.len() > 1 {
        reasons.push(reason(
            Code::AddressPlace,
            format!("{}: {} is there {} times", node.name, role.address.ip, held.len()),
            "leave one of them",
        ));
    }
    for found in held {
        if found.interface.as_str() == "lo" {
            reasons.push(reason(
                Code::AddressPlace,
                format!("{}: {} is on the loopback interface", node.name, found.address),
                "a load balancer seems to own this address: flipper cannot move it",
            ));
        }
        let promotes = node.system.known().is_some_and(|system| system.promotes_secondaries);
        let others = node.addresses.known().is_some_and(|all| {
            all.iter()
                .any(|other| other.secondary && other.interface == found.interface && other.address != found.address)
        });
        if !found.address.is_host() && !found.secondary && others && !promotes {
            reasons.push(reason(
                Code::AddressPlace,
                format!("{}: removing {} would take its secondary addresses along", node.name, found.address),
                format!("sysctl net.ipv4.conf.all.promote_secondaries=1 on {}, or configure /32", node.name),
            ));
        }
    }
    reasons
}
