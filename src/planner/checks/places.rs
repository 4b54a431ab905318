//! Where addresses are, and whether they can be moved from there.

use super::stop;
use crate::model::{Code, Finding, Held, Observed, RoleSpec, Scope, Side, Snapshot};

/// What speaks against moving a role's address.
pub(super) fn of_role(snapshot: &Snapshot, role: &RoleSpec) -> Vec<Finding> {
    let mut found = vec![];
    for side in Side::BOTH {
        if let Observed::Known(held) = snapshot.node(side).holds(role) {
            found.extend(place(snapshot, side, role, &held));
        }
    }
    found
}

/// Where an address is now: can it be removed without taking others along?
fn place(snapshot: &Snapshot, side: Side, role: &RoleSpec, held: &[&Held]) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut found = vec![];
    if held.len() > 1 {
        found.push(stop(
            Code::AddressPlace,
            Some(side),
            format!("{}: {} is there {} times", node.name, role.address.ip, held.len()),
            "leave one of them",
            [Scope::Role(role.name.clone())],
        ));
    }
    for there in held {
        if there.interface.as_str() == "lo" {
            found.push(stop(
                Code::AddressPlace,
                Some(side),
                format!("{}: {} is on the loopback interface", node.name, there.address),
                "a load balancer seems to own this address: flipper cannot move it",
                [Scope::Role(role.name.clone())],
            ));
        }
        if there.unusable {
            let Held { address, interface, .. } = there;
            found.push(stop(
                Code::AddressPlace,
                Some(side),
                format!("{}: {address} is there, and its kernel does not use it (tentative or dadfailed)", node.name),
                format!("somebody else may have it; take it away here: ip address del {address} dev {interface}"),
                [Scope::Addresses(side)],
            ));
        }
        let promotes = node.system.known().is_some_and(|system| system.promotes_secondaries);
        // no IPv6 address goes with another one
        let others = there.address.ip.is_ipv4()
            && node.addresses.known().is_some_and(|all| {
                all.iter().any(|other| {
                    other.secondary && other.interface == there.interface && other.address != there.address
                })
            });
        if !there.address.is_host() && !there.secondary && others && !promotes {
            found.push(stop(
                Code::AddressPlace,
                Some(side),
                format!("{}: removing {} would take its secondary addresses along", node.name, there.address),
                format!("sysctl net.ipv4.conf.all.promote_secondaries=1 on {}, or configure /32", node.name),
                [Scope::Role(role.name.clone())],
            ));
        }
    }
    found
}
