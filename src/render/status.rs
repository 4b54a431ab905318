//! All that a move relies on, of both nodes: who holds what, who accepts writes, replication, systems, settings.

use std::net::IpAddr;

use super::describe;
use super::wrap::{hang, list, table};
use crate::model::{
    Access, ArpingKind, Channel, Flavour, Held, NodeSnapshot, NodeSpec, Observed, Pair, RoleSpec, Server, Settings,
    Side, Snapshot, System, WriteAccess, at_port, printable,
};

/// Wider than a plan: it is looked at, not pasted.
const WIDTH: usize = 100;

/// The pair as it was seen; at most 100 columns. What is not known is said to be unknown, with the reason.
#[must_use]
pub fn text(pair: &Pair, snapshot: &Snapshot) -> String {
    let mut out = hang(&format!("Pair {}: ", pair.name), &writers(snapshot), WIDTH);
    out += "\n";
    out += &roles(pair, snapshot);
    for side in Side::BOTH {
        out += "\n";
        out += &node(pair, pair.node(side), snapshot.node(side));
    }
    out
}

/// Who accepts writes, in a sentence: the first thing that anybody wants to know.
pub(super) fn writers(snapshot: &Snapshot) -> String {
    let open = |node: &&NodeSnapshot| node.access.is(&WriteAccess::Open);
    let open: Vec<String> = snapshot.nodes.iter().filter(open).map(|node| node.name.to_string()).collect();
    let blind = |node: &NodeSnapshot| node.access.why_unknown().map(|_| node.name.to_string());
    let blind: Vec<String> = snapshot.nodes.iter().filter_map(blind).collect();
    let known = match &open[..] {
        [] if blind.len() == 2 => String::new(),
        [] if blind.is_empty() => "NOBODY accepts writes".to_owned(),
        [] => "no node is known to accept writes".to_owned(),
        [one] => format!("{one} accepts writes"),
        both => format!("{} BOTH accept writes", list(both)),
    };
    let unknown = match &blind[..] {
        [] => String::new(),
        blind => format!("whether {} does is unknown", list(blind)),
    };
    match (known.is_empty(), unknown.is_empty()) {
        (true, _) => "which node accepts writes is unknown".to_owned(),
        (false, true) => known,
        (false, false) => format!("{known}; {unknown}"),
    }
}

fn roles(pair: &Pair, snapshot: &Snapshot) -> String {
    let mut rows = vec![["ROLE", "ADDRESS", "CLIENTS", "HELD BY"].map(str::to_owned).to_vec()];
    for role in &pair.roles {
        let clients = match role.access {
            Access::ReadWrite => "read and write",
            Access::ReadOnly => "read",
        };
        rows.push(vec![role.name.to_string(), role.address.to_string(), clients.to_owned(), holders(role, snapshot)]);
    }
    table(&rows, WIDTH)
}

pub(super) fn holders(role: &RoleSpec, snapshot: &Snapshot) -> String {
    let names = |sides: Vec<Side>| sides.iter().map(|side| snapshot.node(*side).name.to_string()).collect::<Vec<_>>();
    let held = names(snapshot.holders(role));
    let mut said = match &held[..] {
        [] => vec![],
        [one] => vec![one.clone()],
        both => vec![format!("BOTH {}", list(both))],
    };
    for node in &snapshot.nodes {
        match node.holds(role) {
            // why, stands under the node
            Observed::Unknown(_) => said.push(format!("{} unknown", node.name)),
            Observed::Known(_) if held.is_empty() => said.push(format!("NOT {}", node.name)),
            Observed::Known(_) => {}
        }
    }
    said.join("; ")
}

fn node(pair: &Pair, spec: &NodeSpec, node: &NodeSnapshot) -> String {
    let NodeSnapshot {
        name,
        server,
        same_machine,
        access,
        addresses,
        system,
        channels,
        settings,
        position,
        ahead,
        prepared_xa,
        // `check` tells of these what there is to be told
        workload: _,
        health: _,
        boot: _,
        relay: _,
        inventory: _,
        witness: _,
        readiness: _,
        deposed: _,
        // what goes on there is on the screen of `status`
        traffic: _,
    } = node;
    let plain = |text: &String| if text.is_empty() { "none".to_owned() } else { printable(text) };
    let facts: Vec<(&str, Observed<Vec<String>>)> = vec![
        ("writes", one(access, |access| describe::access(*access, server.known().map(Server::fencing)))),
        ("server", one(server, says_server)),
        ("replicates", channels.as_ref().map(|channels| says_channels(channels))),
        ("peer lacks", one(ahead, |gtids| if gtids.is_empty() { "nothing".to_owned() } else { printable(gtids) })),
        ("prepared XA", one(prepared_xa, ToString::to_string)),
        ("position", one(position, plain)),
        ("same machine", one(same_machine, |same| says_same(*same).to_owned())),
        ("addresses", one(addresses, |held| says_addresses(pair, held))),
        ("system", one(system, |system| says_system(pair, system))),
        ("settings", one(settings, |settings| says_settings(settings, server))),
    ];
    let mut out = hang(&format!("{name}  "), &at_port(spec.host.as_str(), spec.port), WIDTH);
    let reasons: Option<Vec<&str>> = facts.iter().map(|(_, fact)| fact.why_unknown()).collect();
    // ten times the same reason is one fact
    if let Some([first, rest @ ..]) = reasons.as_deref()
        && rest.iter().all(|why| why == first)
    {
        return out + &hang("  everything    ", &format!("unknown: {}", printable(first)), WIDTH);
    }
    for (what, fact) in &facts {
        let lines = match fact {
            Observed::Known(lines) => lines.clone(),
            Observed::Unknown(why) => vec![format!("unknown: {}", printable(why))],
        };
        for (at, line) in lines.iter().enumerate() {
            let what = if at == 0 { what } else { "" };
            out += &hang(&format!("  {what:<12}  "), line, WIDTH);
        }
    }
    out
}

pub(super) fn one<T>(fact: &Observed<T>, say: impl FnOnce(&T) -> String) -> Observed<Vec<String>> {
    fact.as_ref().map(|value| vec![say(value)])
}

fn says_server(server: &Server) -> String {
    let Server { flavour, version, server_id, uuid, hostname } = server;
    let uuid = uuid.as_ref().map(|uuid| format!(", uuid {}", printable(uuid))).unwrap_or_default();
    format!("{}, host name {}, server id {server_id}{uuid}", describe::server(*flavour, *version), printable(hostname))
}

fn says_same(same: bool) -> &'static str {
    if same { "yes: ssh and MySQL reach the same one" } else { "NO: ssh and MySQL reach two different ones" }
}

fn says_channels(channels: &[Channel]) -> Vec<String> {
    match channels {
        [] => vec!["from NOBODY".to_owned()],
        channels => channels.iter().map(says_channel).collect(),
    }
}

fn says_channel(channel: &Channel) -> String {
    let Channel {
        name,
        source: (host, port),
        source_id,
        source_uuid: _,
        receiver,
        applier,
        errors,
        lag,
        delay,
        by_gtid,
        filters,
    } = channel;
    let mut said = format!("from {}", at_port(host, *port));
    if let Some(id) = source_id {
        said += &format!(" (server id {id})");
    }
    if !name.is_empty() {
        said += &format!(", channel `{}`", printable(name));
    }
    said += &format!(": receiver {receiver}, applier {applier}, ");
    said += &match lag {
        Some(lag) => format!("{lag} s behind"),
        None => "lag unknown: the server cannot say".to_owned(),
    };
    said += if *by_gtid { ", by GTID" } else { ", NOT by GTID" };
    if *delay > 0 {
        said += &format!(", DELAYED by {delay} s");
    }
    if !filters.is_empty() {
        said += &format!(", FILTERED: {}", printable(&filters.join(", ")));
    }
    for (number, text) in errors {
        said += &format!("; ERROR {number}: {}", printable(text));
    }
    said
}

pub(super) fn says_addresses(pair: &Pair, held: &[Held]) -> String {
    let says = |held: &Held| {
        let Held { address, interface, secondary, unusable } = held;
        let role = pair.roles.iter().find(|role| role.address.ip == address.ip);
        let role = role.map(|role| format!(" = {}", role.name)).unwrap_or_default();
        let marks = [(*secondary, " secondary"), (*unusable, " NOT USABLE")];
        let marks: String = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
        format!("{address} {interface}{marks}{role}")
    };
    match held {
        [] => "none".to_owned(),
        held => held.iter().map(says).collect::<Vec<_>>().join(", "),
    }
}

pub(super) fn says_system(pair: &Pair, system: &System) -> String {
    let System { ip, ss, arping, ndptool, up, promotes_secondaries, denied } = system;
    let tool = |name: &str, path: &Option<String>| match path {
        Some(path) => printable(path),
        None => format!("NO {name}"),
    };
    let has = |family: fn(&IpAddr) -> bool| pair.roles.iter().any(|role| family(&role.address.ip));
    let arping = match arping {
        Some((path, ArpingKind::Iputils)) => Some(format!("{} (iputils)", printable(path))),
        Some((path, ArpingKind::Habets)) => Some(format!("{} (Habets)", printable(path))),
        None => has(IpAddr::is_ipv4).then(|| "NO arping".to_owned()),
    };
    let ndptool = match ndptool {
        Some(path) => Some(printable(path)),
        None => has(IpAddr::is_ipv6).then(|| "NO ndptool".to_owned()),
    };
    let up: Vec<String> = up.iter().map(ToString::to_string).collect();
    let up = if up.is_empty() { "no interface".to_owned() } else { list(&up) };
    let denied = match &denied[..] {
        [] => String::new(),
        denied => format!("; NOT PERMITTED: {}", printable(&denied.join(", "))),
    };
    let promotes = if *promotes_secondaries { "" } else { "; secondary addresses go with their primary" };
    let tools: Vec<String> =
        [Some(tool("ip", ip)), Some(tool("ss", ss)), arping, ndptool].into_iter().flatten().collect();
    format!("{}; {up} up{promotes}{denied}", tools.join(", "))
}

pub(super) fn says_settings(settings: &Settings, server: &Observed<Server>) -> String {
    let Settings { log_bin, log_replica_updates, gtid, binlog_format, bind_address, cluster, left_out } = settings;
    let switch = |name: &str, on: bool| format!("{name} {}", if on { "on" } else { "OFF" });
    let mut said = [
        switch("binary log", *log_bin),
        format!("format {}", printable(binlog_format)),
        switch(server.known().map_or(Flavour::MySql, |server| server.flavour).log_applied(), *log_replica_updates),
        switch("GTIDs", *gtid),
        format!("listens on {}", printable(bind_address)),
    ]
    .join(", ");
    if !left_out.is_empty() {
        said += &format!(", LEAVES OUT: {}", printable(&left_out.join(", ")));
    }
    if let Some(cluster) = cluster {
        said += &format!(", IN A CLUSTER: {}", printable(cluster));
    }
    said
}
