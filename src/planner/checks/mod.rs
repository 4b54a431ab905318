//! Whether the pair is in a state to be moved: every reason against it, each with what was seen and what to do.

mod node;
mod places;
mod replication;

pub(super) use places::of_actions;

use crate::model::{Action, Code, NodeSnapshot, Pair, Reason, RoleSpec, Side, Snapshot, WriteAccess};

fn reason(code: Code, seen: String, help: impl Into<String>) -> Reason {
    Reason { code, seen, help: help.into() }
}

/// Everything that speaks against any move of this pair.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot) -> Vec<Reason> {
    let mut reasons = vec![];
    for side in Side::BOTH {
        let seen = snapshot.node(side);
        reasons.extend(unknowns(pair, seen));
        reasons.extend(node::machine(pair, side, seen));
        reasons.extend(node::settings(seen));
        reasons.extend(replication::all(pair, snapshot, side));
        reasons.extend(node::xa(seen));
    }
    reasons.extend(servers(snapshot));
    reasons.extend(writers(pair, snapshot));
    for role in &pair.roles {
        reasons.extend(address_count(pair, snapshot, role));
    }
    reasons.extend(divergence(pair, snapshot));
    reasons
}

/// What could not be seen, one reason for each cause.
fn unknowns(pair: &Pair, node: &NodeSnapshot) -> Vec<Reason> {
    let NodeSnapshot {
        name: _,
        server,
        same_machine,
        access,
        addresses,
        system,
        channels,
        settings,
        position: _,
        ahead,
        prepared_xa,
    } = node;
    let facts = [
        ("server", server.why_unknown()),
        ("same machine", same_machine.why_unknown()),
        ("write access", access.why_unknown()),
        ("addresses", addresses.why_unknown()),
        ("system", system.why_unknown()),
        ("replication", channels.why_unknown()),
        ("settings", settings.why_unknown()),
        ("own transactions", ahead.why_unknown()),
        ("prepared XA transactions", prepared_xa.why_unknown()),
    ];
    let mut causes: Vec<(&str, Vec<&str>)> = vec![];
    for (what, why) in facts {
        let Some(why) = why else { continue };
        match causes.iter_mut().find(|(cause, _)| *cause == why) {
            Some((_, facts)) => facts.push(what),
            None => causes.push((why, vec![what])),
        }
    }
    let blind = |(why, facts): (&str, Vec<&str>)| {
        reason(
            Code::Unknown,
            format!("{}: {} unknown: {why}", node.name, facts.join(", ")),
            format!("mend that, see `flipper status {}`, then plan again", pair.name),
        )
    };
    causes.into_iter().map(blind).collect()
}

fn servers(snapshot: &Snapshot) -> Vec<Reason> {
    let [first, second] = &snapshot.nodes;
    let (Some(a), Some(b)) = (first.server.known(), second.server.known()) else { return vec![] };
    let mut reasons = vec![];
    if a.flavour != b.flavour {
        reasons.push(reason(
            Code::MixedFlavours,
            format!("{} is {}, {} is {}", first.name, a.flavour, second.name, b.flavour),
            "check that both belong to this pair",
        ));
    }
    if a.server_id == b.server_id || (a.uuid.is_some() && a.uuid == b.uuid) {
        reasons.push(reason(
            Code::SameServer,
            format!("{} and {} both say server_id {} {}", first.name, second.name, a.server_id, uuid(a.uuid.as_ref())),
            "check the addresses in the config; cloned servers need their own server_id and auto.cnf",
        ));
    }
    reasons
}

fn uuid(uuid: Option<&String>) -> String {
    uuid.map(|uuid| format!("and server_uuid {uuid}")).unwrap_or_default().trim_end().to_owned()
}

/// Who is open, and whether that is the one with the write address.
fn writers(pair: &Pair, snapshot: &Snapshot) -> Vec<Reason> {
    let mut reasons = vec![];
    for node in &snapshot.nodes {
        if node.access.is(&WriteAccess::Changing) {
            reasons.push(reason(
                Code::SwitchUnderWay,
                format!("{}: read_only is OFF while super_read_only is ON", node.name),
                "somebody's SET is waiting: look for it in the process list, let it end or kill it, then plan again",
            ));
        }
    }
    let Some(role) = pair.write_role() else { return reasons };
    let is_open = |side: Side| snapshot.node(side).access.known().map(|access| *access == WriteAccess::Open);
    let [Some(first), Some(second)] = Side::BOTH.map(is_open) else { return reasons };
    let [a, b] = &pair.nodes;
    match (first, second) {
        (true, true) => reasons.push(reason(
            Code::BothOpen,
            format!("{} and {} both accept writes", a.name, b.name),
            format!("make the one without the address of {} read-only, and compare their transactions", role.name),
        )),
        (false, false) => reasons.push(reason(
            Code::NoneOpen,
            format!("neither {} nor {} accepts writes", a.name, b.name),
            "see which node has all transactions, then open that one by hand (SET GLOBAL read_only=OFF)",
        )),
        (true, false) | (false, true) => {
            let open = if first { Side::First } else { Side::Second };
            if let Some(holder) = snapshot.writer(pair)
                && holder != open
            {
                reasons.push(reason(
                    Code::WriterElsewhere,
                    format!(
                        "{} accepts writes, but the address of {} is on {}",
                        pair.node(open).name,
                        role.name,
                        pair.node(holder).name
                    ),
                    "an earlier move was cut off or made by hand: bring address and open server together first",
                ));
            }
        }
    }
    reasons
}

/// A role's address must be on exactly one node. `None` where that is so, or not known.
pub(super) fn address_count(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec) -> Option<Reason> {
    if snapshot.nodes.iter().any(|node| node.addresses.known().is_none()) {
        return None;
    }
    let [a, b] = &pair.nodes;
    match snapshot.holders(role)[..] {
        [] => Some(reason(
            Code::AddressNowhere,
            format!("{} ({}) is neither on {} nor on {}", role.name, role.address, a.name, b.name),
            format!("bring {} up on the node that is to serve {}", role.address, role.name),
        )),
        [_] => None,
        _ => Some(reason(
            Code::AddressOnBoth,
            format!("{} ({}) is on {} and on {}", role.name, role.address, a.name, b.name),
            "remove it from the node that does not serve the role",
        )),
    }
}

/// The node that is not the writer must not have transactions of its own.
fn divergence(pair: &Pair, snapshot: &Snapshot) -> Vec<Reason> {
    let mut reasons = vec![];
    for side in Side::BOTH {
        let node = snapshot.node(side);
        let peer = pair.node(side.peer());
        // on an open node that is traffic on its way
        if node.access.is(&WriteAccess::Open) {
            continue;
        }
        if let Some(ahead) = node.ahead.known().filter(|ahead| !ahead.is_empty()) {
            reasons.push(reason(
                Code::Diverged,
                format!("{} has transactions that {} lacks: {ahead}", node.name, peer.name),
                format!("look at them in the binary log of {}; bring the data together before any move", node.name),
            ));
        }
    }
    reasons
}

/// The rules of order contradict each other: a mistake in flipper, said instead of guessed around.
pub(super) fn no_order(actions: &[Action]) -> Reason {
    let ids = actions.iter().map(|action| action.id().to_string()).collect::<Vec<_>>().join(", ");
    reason(
        Code::Unknown,
        format!("no order satisfies every rule for: {ids}"),
        "this is a mistake in flipper: report it",
    )
}
