//! Whether the pair is in a state to be moved: every reason against it, each with what was seen and what to do.

use super::basis::runs;
use crate::model::{
    Action, Channel, Code, Flavour, Held, NodeSnapshot, Observed, Pair, Reason, RoleSpec, Side, Snapshot, WriteAccess,
};

fn reason(code: Code, seen: String, help: impl Into<String>) -> Reason {
    Reason { code, seen, help: help.into() }
}

/// Everything that speaks against any move of this pair.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot) -> Vec<Reason> {
    let mut reasons = vec![];
    for side in Side::BOTH {
        let node = snapshot.node(side);
        reasons.extend(unknowns(pair, node));
        reasons.extend(machine(pair, side, node));
        reasons.extend(settings(node));
        reasons.extend(replication(pair, snapshot, side));
        reasons.extend(xa(node));
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

/// The node's system: the right machine, the tools, the interface.
fn machine(pair: &Pair, side: Side, node: &NodeSnapshot) -> Vec<Reason> {
    let mut reasons = vec![];
    let name = &node.name;
    if node.same_machine.is(&false) {
        reasons.push(reason(
            Code::WrongMachine,
            format!("{name}: the machine reached by ssh is not the one whose MySQL server answered"),
            format!("check `host`, `ssh.host` and `mysql.host` of {name} in the config"),
        ));
    }
    if let Some(system) = node.system.known() {
        for (tool, path) in [("ip", &system.ip), ("ss", &system.ss)] {
            if path.is_none() {
                reasons.push(reason(
                    Code::MissingTool,
                    format!("{name} has no `{tool}`"),
                    format!("install iproute2 on {name}"),
                ));
            }
        }
        if system.arping.is_none() {
            reasons.push(reason(
                Code::CannotAnnounce,
                format!("{name} has no `arping`"),
                format!("install iputils-arping (or arping) on {name}"),
            ));
        }
        if !system.denied.is_empty() {
            reasons.push(reason(
                Code::NotPermitted,
                format!("{name}: {}", system.denied.join("; ")),
                "log in as root, or set `ssh.sudo` and allow these commands by `sudo -n` (docs/config.md lists them)",
            ));
        }
        let interface = &pair.node(side).interface;
        if !system.up.contains(interface) {
            let up = system.up.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            reasons.push(reason(
                Code::AddressPlace,
                format!("{name}: interface {interface} is missing or down (up: {up})"),
                format!("set `interface` of {name} in the config, or bring {interface} up"),
            ));
        }
    }
    reasons
}

fn settings(node: &NodeSnapshot) -> Vec<Reason> {
    let Some(settings) = node.settings.known() else { return vec![] };
    let mut reasons = vec![];
    let name = &node.name;
    if let Some(cluster) = &settings.cluster {
        reasons.push(reason(
            Code::Cluster,
            format!("{name} belongs to {cluster}"),
            "use the cluster's own means to move its writer",
        ));
    }
    if !settings.left_out.is_empty() {
        reasons.push(reason(
            Code::ReplicationFiltered,
            format!("{name}: {}", settings.left_out.join(", ")),
            "let the servers of this pair log and apply everything",
        ));
    }
    if !settings.log_bin {
        reasons.push(reason(
            Code::NoBinlog,
            format!("{name}: log_bin is off"),
            format!("start the server of {name} with log_bin, on both nodes"),
        ));
    }
    if !settings.gtid {
        reasons.push(reason(
            Code::NoGtid,
            format!("{name}: GTIDs are not on"),
            format!("set gtid_mode=ON on {name}, on both nodes"),
        ));
    }
    let listens = settings.bind_address.split(',').map(str::trim).any(|a| matches!(a, "" | "*" | "0.0.0.0" | "::"));
    if !listens {
        reasons.push(reason(
            Code::NotListening,
            format!("{name} listens on {} only", settings.bind_address),
            format!("set bind_address=* on {name}, so that it answers on the floating addresses too"),
        ));
    }
    reasons
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

/// One channel from the peer, running, complete and not behind.
fn replication(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Reason> {
    let node = snapshot.node(side);
    let Some(channels) = node.channels.known() else { return vec![] };
    let (name, peer) = (&node.name, &pair.node(side.peer()).name);
    match &channels[..] {
        [] => vec![reason(
            Code::NotReplica,
            format!("{name} replicates from nobody"),
            format!("set up replication from {peer} to {name}"),
        )],
        [channel] => {
            let mut reasons = source(pair, snapshot, side, channel);
            reasons.extend(threads(node, channel));
            reasons.extend(complete(node, channel));
            // how far behind matters on the one that is to take over; the writer has only echoes to apply
            let is_writer = node.access.is(&WriteAccess::Open);
            if runs(channel) && !is_writer {
                reasons.extend(lag(pair, node, channel));
            }
            reasons
        }
        several => vec![reason(
            Code::ManyChannels,
            format!("{name} has {} replication channels", several.len()),
            format!("a pair's node replicates from its peer only: remove the others from {name}"),
        )],
    }
}

fn source(pair: &Pair, snapshot: &Snapshot, side: Side, channel: &Channel) -> Vec<Reason> {
    let node = snapshot.node(side);
    let peer = pair.node(side.peer());
    let Some(peer_server) = snapshot.node(side.peer()).server.known() else { return vec![] };
    let mut reasons = vec![];
    let (host, port) = &channel.source;
    // 0 and an empty uuid are what a server shows that has not been connected yet
    let other_id = channel.source_id.is_some_and(|id| id != 0 && id != peer_server.server_id);
    let other_uuid =
        channel.source_uuid.as_ref().is_some_and(|id| !id.is_empty() && Some(id) != peer_server.uuid.as_ref());
    if other_id || other_uuid {
        reasons.push(reason(
            Code::NotReplica,
            format!("{} replicates from another server than {} ({host}:{port})", node.name, peer.name),
            "check CHANGE REPLICATION SOURCE on that node, and the hosts in the config",
        ));
    }
    if pair.roles.iter().any(|role| *host == role.address.ip.to_string()) {
        reasons.push(reason(
            Code::NotReplica,
            format!("{} replicates through a floating address ({host}): after a move from itself", node.name),
            format!("let it replicate from {}'s own address", peer.name),
        ));
    }
    reasons
}

fn threads(node: &NodeSnapshot, channel: &Channel) -> Option<Reason> {
    if runs(channel) {
        return None;
    }
    let errors: Vec<String> = channel.errors.iter().map(|(code, text)| format!("; error {code}: {text}")).collect();
    let start = match node.server.known().map(|server| server.flavour) {
        Some(Flavour::MariaDb) => "START SLAVE",
        Some(Flavour::MySql) | None => "START REPLICA",
    };
    let help = if channel.errors.is_empty() {
        format!("if it was stopped on purpose and may run again: {start} on {}", node.name)
    } else {
        format!("mend the cause on {}, then {start}", node.name)
    };
    let (receiver, applier) = (channel.receiver, channel.applier);
    Some(reason(
        Code::ReplicationStopped,
        format!("{}: receiver {receiver}, applier {applier}{}", node.name, errors.concat()),
        help,
    ))
}

fn complete(node: &NodeSnapshot, channel: &Channel) -> Vec<Reason> {
    let mut reasons = vec![];
    if !channel.filters.is_empty() {
        reasons.push(reason(
            Code::ReplicationFiltered,
            format!("{}: {}", node.name, channel.filters.join(", ")),
            "remove filters and skips from the replication of this pair",
        ));
    }
    if channel.delay > 0 {
        reasons.push(reason(
            Code::ReplicationDelayed,
            format!("{} applies with a delay of {} s", node.name, channel.delay),
            "set the delay to 0 for the move",
        ));
    }
    if !channel.by_gtid {
        reasons.push(reason(
            Code::NoGtid,
            format!("{} replicates by file and position", node.name),
            "SOURCE_AUTO_POSITION=1 (MySQL), MASTER_USE_GTID=slave_pos (MariaDB)",
        ));
    }
    reasons
}

fn lag(pair: &Pair, node: &NodeSnapshot, channel: &Channel) -> Option<Reason> {
    let limit = pair.limits.lag.as_secs();
    match channel.lag {
        Some(lag) if lag <= limit => None,
        Some(lag) => Some(reason(
            Code::Lagging,
            format!("{} is {lag} s behind; the limit is {limit} s", node.name),
            "wait until it has caught up, or raise `lag` in the limits",
        )),
        None => Some(reason(
            Code::Unknown,
            format!("{} cannot say how far it is behind", node.name),
            "wait until its applier has read something, then plan again",
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

fn xa(node: &NodeSnapshot) -> Option<Reason> {
    let prepared = node.prepared_xa.known().filter(|count| **count > 0)?;
    Some(reason(
        Code::PreparedXa,
        format!("{}: {prepared} prepared XA transaction(s)", node.name),
        "XA RECOVER lists them: commit or roll them back",
    ))
}

/// What speaks against these actions in particular.
pub(super) fn of_actions(pair: &Pair, snapshot: &Snapshot, actions: &[Action]) -> Vec<Reason> {
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

/// The rules of order contradict each other: a mistake in flipper, said instead of guessed around.
pub(super) fn no_order(actions: &[Action]) -> Reason {
    let ids = actions.iter().map(|action| action.id().to_string()).collect::<Vec<_>>().join(", ");
    reason(
        Code::Unknown,
        format!("no order satisfies every rule for: {ids}"),
        "this is a mistake in flipper: report it",
    )
}
