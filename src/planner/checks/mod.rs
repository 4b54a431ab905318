//! Whether the pair is in a state to be moved: every reason against it, each with what was seen and what to do.

mod boot;
pub(super) mod death;
mod half_received;
mod health;
mod inventory;
mod node;
mod places;
mod readiness;
mod replication;
mod report;
mod workload;

pub use report::{Checked, LATELY, Verdict, check};
pub(super) use workload::long_rollbacks;

use crate::model::{
    Access, Action, Code, Fencing, Finding, Isolation, NodeName, NodeSnapshot, Pair, Reason, RoleSpec, Scope, Server,
    Severity, Side, Snapshot, WriteAccess,
};

/// What relies on something, and how badly it then speaks against a plan.
type Scopes = Vec<(Scope, Severity)>;

/// Everything that the checks find in this pair, whatever is wanted of it.
#[must_use]
pub fn findings(pair: &Pair, snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = vec![];
    for side in Side::BOTH {
        found.extend(unknowns(pair, snapshot, side));
        found.extend(node::machine(pair, snapshot, side));
        found.extend(node::settings(pair, snapshot, side));
        found.extend(replication::all(pair, snapshot, side));
        found.extend(node::xa(snapshot, side));
        found.extend(node::half_fenced(snapshot, side));
        found.extend(divergence(pair, snapshot, side));
        found.extend(death::deposed(pair, snapshot, side));
        found.extend(readiness::all(pair, snapshot, side));
        found.extend(workload::all(pair, snapshot, side));
        found.extend(workload::stale_reads(pair, snapshot, side));
        found.extend(workload::unapplied(snapshot, side));
        found.extend(half_received::of_node(pair, snapshot, side));
        found.extend(health::all(pair, snapshot, side));
        found.extend(boot::all(pair, snapshot, side));
        found.extend(inventory::of_node(snapshot, side));
    }
    found.extend(inventory::of_both(snapshot));
    found.extend(health::clocks(snapshot));
    found.extend(servers(snapshot));
    found.extend(writers(pair, snapshot));
    for role in &pair.roles {
        found.extend(address_count(pair, snapshot, role));
        found.extend(places::of_role(snapshot, role));
    }
    found.sort();
    found.dedup();
    found
}

/// How badly a finding speaks against these actions; `None` where none of them relies on it. `writer`: the node that
/// accepts writes afterwards, whose readers do not depend on replication.
pub(super) fn against(pair: &Pair, actions: &[Action], writer: Option<Side>, finding: &Finding) -> Option<Severity> {
    let ends = |side: Side| {
        let node = &pair.node(side).name;
        actions.iter().any(|action| matches!(action, Action::EndWriters { node: on } if on == node))
    };
    let decided = |scope: &Scope| matches!(scope, Scope::Waits(side) if ends(*side));
    let relies = |scope: &Scope| !decided(scope) && actions.iter().any(|action| relies_on(pair, action, writer, scope));
    finding.scopes.iter().filter(|(scope, _)| relies(scope)).map(|(_, severity)| *severity).max()
}

/// Whether an action relies on what a scope stands for.
fn relies_on(pair: &Pair, action: &Action, writer: Option<Side>, scope: &Scope) -> bool {
    let at = |side: Side| *action.node() == pair.node(side).name;
    match scope {
        Scope::Plan => true,
        Scope::Report => false,
        Scope::Handover => matches!(action, Action::Open { .. } | Action::Compare { .. }),
        Scope::Opens(side) => matches!(action, Action::Open { .. }) && at(*side),
        Scope::Closes(side) => matches!(action, Action::Open { peer, .. } if *peer == pair.node(*side).name),
        Scope::Fences(side) => matches!(action, Action::Fence { .. } | Action::Isolate { .. }) && at(*side),
        Scope::Waits(side) => matches!(action, Action::Fence { .. }) && at(*side),
        Scope::Role(name) => match action {
            Action::Take { role, .. } | Action::Drop { role, .. } => role == name,
            _ => false,
        },
        Scope::Addresses(side) => {
            let changes = matches!(
                action,
                Action::Take { .. } | Action::Drop { .. } | Action::Announce { .. } | Action::EndSessions { .. }
            );
            changes && at(*side)
        }
        Scope::Serves(side) => {
            matches!(action, Action::Take { .. } | Action::Open { .. } | Action::Promote { .. }) && at(*side)
        }
        Scope::Isolates(side) => matches!(action, Action::Isolate { how: Isolation::Shell, .. }) && at(*side),
        Scope::Listens(side) => {
            let by_others = matches!(action, Action::Isolate { how: Isolation::Hook | Isolation::Hand, .. });
            by_others && at(side.peer())
        }
        Scope::Reads(side) => {
            writer != Some(*side) && matches!(action, Action::Take { access: Access::ReadOnly, .. }) && at(*side)
        }
    }
}

/// What could not be seen, one finding for each cause.
fn unknowns(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    use Scope::{Addresses, Closes, Fences, Handover, Opens, Plan, Serves};
    use Severity::{Override, Stop};
    let NodeSnapshot {
        name,
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
        workload,
        health: _,
        boot: _,
        relay: _,
        inventory,
        witness: _,
        readiness: _,
        traffic: _,
        deposed,
    } = snapshot.node(side);
    let peer_is_blind = snapshot.node(side.peer()).server.known().is_none();
    // what only the checks look at is unknown there by itself, but for what flipper's account surely can see
    let facts = [
        ("server", server.why_unknown(), vec![Plan]),
        ("same machine", same_machine.why_unknown(), vec![Plan]),
        ("write access", access.why_unknown(), vec![Plan]),
        ("addresses", addresses.why_unknown(), vec![Plan]),
        ("system", system.why_unknown(), vec![Addresses(side)]),
        ("replication", channels.why_unknown(), vec![Plan]),
        ("settings", settings.why_unknown(), vec![Serves(side), Handover]),
        // beside a server that is out of sight nothing can be compared: every plan is refused for that
        ("own transactions", ahead.why_unknown().filter(|_| !peer_is_blind), vec![Opens(side), Closes(side)]),
        ("prepared XA transactions", prepared_xa.why_unknown(), vec![Fences(side), Closes(side), Opens(side)]),
    ];
    let besides = [
        ("work", workload.work.why_unknown(), vec![Fences(side)]),
        ("semi-synchronous replication", workload.semi_sync.why_unknown(), vec![Fences(side), Opens(side)]),
        ("variables", inventory.variables.why_unknown(), vec![Opens(side)]),
    ];
    let mut causes: Vec<(&str, Vec<&str>, Scopes)> = vec![];
    let essential = facts.into_iter().map(|fact| (fact, Stop));
    for ((what, why, scopes), severity) in essential.chain(besides.into_iter().map(|fact| (fact, Override))) {
        let Some(why) = why else { continue };
        // with what every plan relies on, the rest is out of sight for the same reason
        if severity == Override && causes.iter().any(|(cause, ..)| *cause == why) {
            continue;
        }
        let scopes = scopes.into_iter().map(|scope| (scope, severity));
        match causes.iter_mut().find(|(cause, ..)| *cause == why) {
            Some((_, facts, all)) => {
                facts.push(what);
                all.extend(scopes);
            }
            None => causes.push((why, vec![what], scopes.collect())),
        }
    }
    // a node that every plan relies on and nobody sees is one reason, however many ways to it fail
    let (every, some): (Vec<_>, Vec<_>) = causes.into_iter().partition(|(.., scopes)| {
        let plan = scopes.iter().any(|(scope, _)| *scope == Plan);
        plan || (server.known().is_none() && scopes.iter().all(|(_, severity)| *severity == Stop))
    });
    let says = |(why, facts, _): &(&str, Vec<&str>, Scopes)| format!("{} unknown: {why}", facts.join(", "));
    let blind = |causes: Vec<(&str, Vec<&str>, Scopes)>| Finding {
        code: Code::Unknown,
        side: Some(side),
        seen: format!("{name}: {}", causes.iter().map(says).collect::<Vec<_>>().join("; ")),
        help: match server.why_unknown().filter(|why| causes.iter().any(|(cause, ..)| cause == why)) {
            Some(why) if is_silent(why) && deposed.is_some() => format!(
                "start its server, and see that it starts closed; where `fail` has masked its unit, say `systemctl unmask \
                 --runtime UNIT` there first (and start its socket, if it had one), or restart the machine; then `flipper plan \
                 {} rejoin {name}`",
                pair.name
            ),
            Some(why) if is_silent(why) => silent(pair, name, addresses.known().is_some()),
            Some(why) if turns_away(why) => format!(
                "give flipper its account there (`flipper setup {} --node {name} --only grants` prints it), or mend its \
                 password; an account that requires TLS says the same where the config has no `tls`",
                pair.name
            ),
            Some(why) if why.contains("peer certificate") => format!(
                "the authority in `tls.ca_file` must have signed the certificate of {name}, and its host, or `tls.name`, must \
                 stand there as a subjectAltName: docs/config.md"
            ),
            _ => format!("mend that, see `flipper status {}`, then plan again", pair.name),
        },
        scopes: causes.into_iter().flat_map(|(.., scopes)| scopes).collect(),
    };
    let mut found: Vec<Finding> = some.into_iter().map(|cause| blind(vec![cause])).collect();
    if !every.is_empty() {
        found.push(blind(every));
    }
    found
}

/// By its words: nobody answers there, rather than that somebody says no.
fn is_silent(why: &str) -> bool {
    let why = why.to_lowercase();
    ["connection refused", "no connection within", "timed out", "no route to host", "unreachable"]
        .iter()
        .any(|words| why.contains(words))
}

/// By its words: it answers, and does not know flipper's account.
fn turns_away(why: &str) -> bool {
    ["is not allowed to connect", "Access denied"].iter().any(|words| why.contains(words))
}

/// What to do about a server that does not answer. `machine`: its machine does.
fn silent(pair: &Pair, node: &NodeName, machine: bool) -> String {
    let first = match machine {
        true => format!("is the server on {node} down? Start it, then plan again"),
        false => format!("is {node} down, or the way to it? Mend that, then plan again"),
    };
    format!("{first}; if {node} is dead: `flipper plan {} fail {node}`", pair.name)
}

fn servers(snapshot: &Snapshot) -> Vec<Finding> {
    let [first, second] = &snapshot.nodes;
    let (Some(a), Some(b)) = (first.server.known(), second.server.known()) else { return vec![] };
    let mut found = vec![];
    if a.flavour != b.flavour {
        found.push(stop(
            Code::MixedFlavours,
            None,
            format!("{} is {}, {} is {}", first.name, a.flavour, second.name, b.flavour),
            "check that both belong to this pair",
            [Scope::Plan],
        ));
    }
    if a.server_id == b.server_id || (a.uuid.is_some() && a.uuid == b.uuid) {
        found.push(stop(
            Code::SameServer,
            None,
            format!("{} and {} both say server_id {} {}", first.name, second.name, a.server_id, uuid(a.uuid.as_ref())),
            "check the addresses in the config; cloned servers need their own server_id and auto.cnf",
            [Scope::Plan],
        ));
    }
    found
}

fn uuid(uuid: Option<&String>) -> String {
    uuid.map(|uuid| format!("and server_uuid {uuid}")).unwrap_or_default().trim_end().to_owned()
}

/// Who is open, and whether that is the one with the write address. What a goal makes of it is decided with the goal.
fn writers(pair: &Pair, snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = vec![];
    for side in Side::BOTH {
        let node = snapshot.node(side);
        if node.access.is(&WriteAccess::Changing) {
            found.push(stop(
                Code::SwitchUnderWay,
                Some(side),
                format!("{}: read_only is OFF while super_read_only is ON", node.name),
                "somebody's SET is waiting: look for it in the process list, let it end or kill it. Is there none, the server \
                 was started so (super_read_only=ON in its option file, read_only=OFF persisted), and accepts writes: \
                 SET GLOBAL read_only=ON. Then plan again",
                [Scope::Handover, Scope::Fences(side), Scope::Serves(side)],
            ));
        }
    }
    let Some(role) = pair.write_role() else { return found };
    let is_open = |side: Side| snapshot.node(side).access.known().map(|access| *access == WriteAccess::Open);
    let [Some(first), Some(second)] = Side::BOTH.map(is_open) else { return found };
    let [a, b] = &pair.nodes;
    let holders = snapshot.holders(role);
    match (first, second) {
        (true, true) => found.push(stop(
            Code::BothOpen,
            None,
            format!("{} and {} both accept writes", a.name, b.name),
            match holders[..] {
                [side] => format!(
                    "`flipper plan {} set {} {}` closes {}, which has not the address; then compare their transactions",
                    pair.name,
                    role.name,
                    pair.node(side).name,
                    pair.node(side.peer()).name
                ),
                _ => format!(
                    "decide which one is to be the writer; on the other one SET GLOBAL {}; then `flipper plan {} set {} \
                     WRITER` takes its address away; then compare their transactions",
                    snapshot.nodes.iter().find_map(|node| node.server.known()).map_or("read_only=ON", closing),
                    pair.name,
                    role.name
                ),
            },
            [Scope::Report],
        )),
        (false, false) => found.push(stop(
            Code::NoneOpen,
            None,
            format!("neither {} nor {} accepts writes", a.name, b.name),
            format!(
                "say which one is to be the writer: `flipper plan {} set {} {}`, or {}",
                pair.name, role.name, a.name, b.name
            ),
            [Scope::Report],
        )),
        (true, false) | (false, true) => {
            let open = if first { Side::First } else { Side::Second };
            if let [holder] = holders[..]
                && holder != open
            {
                let (open, holder) = (&pair.node(open).name, &pair.node(holder).name);
                found.push(stop(
                    Code::WriterElsewhere,
                    None,
                    format!("{open} accepts writes, but the address of {} is on {holder}", role.name),
                    format!(
                        "an earlier move was cut off or made by hand: `flipper plan {} set {} {open}` finishes it, \
                         `set {} {holder}` goes back",
                        pair.name, role.name, role.name
                    ),
                    [Scope::Report],
                ));
            }
        }
    }
    found
}

/// What makes a server read-only, administrators included where that can be had.
fn closing(server: &Server) -> &'static str {
    match server.fencing() {
        Fencing::SuperReadOnly => "super_read_only=ON",
        Fencing::NoLockNoAdmin => "read_only='NO_LOCK_NO_ADMIN'",
        Fencing::ReadLock => "read_only=ON",
    }
}

/// A role's address belongs on one node. `None` where that is so, or not known.
pub(super) fn address_count(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec) -> Option<Finding> {
    if snapshot.nodes.iter().any(|node| node.addresses.known().is_none()) {
        return None;
    }
    let [a, b] = &pair.nodes;
    let way = |verb: &str| format!("flipper plan {} {verb} {} {}", pair.name, role.name, a.name);
    let both_open = snapshot.nodes.iter().all(|node| node.access.is(&WriteAccess::Open));
    match snapshot.holders(role)[..] {
        [] => Some(stop(
            Code::AddressNowhere,
            None,
            format!("{} ({}) is neither on {} nor on {}", role.name, role.address, a.name, b.name),
            format!("`{}`, or {}, brings it up", way("up"), b.name),
            [Scope::Report],
        )),
        [_] => None,
        _ => Some(stop(
            Code::AddressOnBoth,
            None,
            format!("{} ({}) is on {} and on {}", role.name, role.address, a.name, b.name),
            match both_open && Some(role) == pair.write_role() {
                true => "first see that only one of them accepts writes (both-open)".to_owned(),
                false => format!("say where it belongs: `{}`, or {}", way("set"), b.name),
            },
            [Scope::Report],
        )),
    }
}

/// Transactions that only one node has. On an open node they are traffic on its way, and on the one that a fenced peer
/// is waited for too: catching up fetches them. On a node that is to be opened beside a peer with transactions of its
/// own they are a second history.
fn divergence(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    let peer = snapshot.node(side.peer());
    let ahead = node.ahead.known().filter(|ahead| !ahead.is_empty())?;
    if node.access.is(&WriteAccess::Open) {
        return None;
    }
    // the last writer may have more than the other one when none is open: that is what the other one catches up with
    let peer_differs = peer.access.is(&WriteAccess::Open) || !peer.ahead.as_ref().map(String::is_empty).is(&true);
    let scopes = match peer_differs {
        true => vec![(Scope::Handover, Severity::Override), (Scope::Reads(side), Severity::Warn)],
        false => vec![(Scope::Report, Severity::Warn)],
    };
    let (name, peer) = (&node.name, &pair.node(side.peer()).name);
    Some(Finding {
        code: Code::Diverged,
        side: Some(side),
        seen: format!("{name} has transactions that {peer} lacks: {ahead}"),
        help: format!("look at them in the binary log of {name}; bring the data together before any move"),
        scopes,
    })
}

/// A finding that stops every plan in its scopes.
fn stop<const N: usize>(
    code: Code,
    side: Option<Side>,
    seen: String,
    help: impl Into<String>,
    scopes: [Scope; N],
) -> Finding {
    let scopes = scopes.into_iter().map(|scope| (scope, Severity::Stop)).collect();
    Finding { code, side, seen, help: help.into(), scopes }
}

/// A finding that stops a plan for the goal that it was made for.
pub(super) fn plan_stop(code: Code, side: Side, seen: String, help: String) -> Finding {
    found(code, side, seen, help, vec![(Scope::Plan, Severity::Stop)])
}

/// The same, unless a person accepts it.
pub(super) fn plan_override(code: Code, side: Side, seen: String, help: String) -> Finding {
    found(code, side, seen, help, vec![(Scope::Plan, Severity::Override)])
}

/// A note of the plan for the goal that it was made for.
fn plan_warn(code: Code, side: Side, seen: String) -> Finding {
    found(code, side, seen, String::new(), vec![(Scope::Plan, Severity::Warn)])
}

/// A finding about a node.
fn found(code: Code, side: Side, seen: String, help: String, scopes: Scopes) -> Finding {
    Finding { code, side: Some(side), seen, help, scopes }
}

/// A finding about a node that no plan relies on: to be known all the same.
fn report(code: Code, side: Side, seen: String, help: String) -> Finding {
    found(code, side, seen, help, vec![(Scope::Report, Severity::Warn)])
}

/// The rules of order contradict each other: a mistake in flipper, said instead of guessed around.
pub(super) fn no_order(actions: &[Action]) -> Reason {
    let ids = actions.iter().map(|action| action.id().to_string()).collect::<Vec<_>>().join(", ");
    Reason {
        code: Code::Unknown,
        seen: format!("no order satisfies every rule for: {ids}"),
        help: "this is a mistake in flipper: report it".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
