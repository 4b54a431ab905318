//! How a node is doing.

use super::{found, report};
use crate::model::{Code, Finding, NodeSnapshot, Pair, Scope, Severity, Side, Snapshot};

use Scope::{Fences, Handover, Opens, Report, Role, Serves};
use Severity::{Override, Stop, Warn};

/// MiB that must be free for a node to become the writer.
const FREE_MIB: u64 = 1024;
/// Percent of the file system that must be free for that.
const FREE_PERCENT: u64 = 5;
/// Seconds that a server has run before it counts as warm.
const WARM: u64 = 600;
/// Milliseconds that clocks may differ; beyond the second, nothing that is told of time can be believed.
const CLOCK: [u64; 2] = [1_000, 30_000];

/// All of it.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut all = full(snapshot, side);
    all.extend(disk(node, side));
    all.extend(innodb(node, side));
    all.extend(turns_away(node, side));
    all.extend(cold(node, side));
    all.extend(listeners(pair, node, side));
    all
}

fn full(snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let (node, peer) = (snapshot.node(side), snapshot.node(side.peer()));
    let name = &node.name;
    let mut all = vec![];
    let connections = node.health.connections.known();
    let counted = connections.map(|c| format!(", {} of {} in use", c.now, c.limit)).unwrap_or_default();
    if node.health.turned_away.is(&true) {
        all.push(found(
            Code::ConnectionsFull,
            side,
            format!("{name}: a session of flipper's was turned away, there are too many{counted}"),
            format!("end sessions on {name}, or raise max_connections there"),
            vec![(Fences(side), Stop), (Opens(side), Stop)],
        ));
    } else if let Some(c) = connections
        && u64::from(c.now) * 100 >= u64::from(c.limit) * 95
    {
        all.push(report(
            Code::ConnectionsFull,
            side,
            format!("{name}: {} of {} sessions are in use", c.now, c.limit),
            format!("end sessions on {name}, or raise max_connections there"),
        ));
    }
    if let (Some(here), Some(there)) = (connections, peer.health.connections.known())
        && here.limit < there.most
    {
        all.push(found(
            Code::FewerConnections,
            side,
            format!("{name} takes {} sessions; {} has had {} at once", here.limit, peer.name, there.most),
            format!("raise max_connections on {name}"),
            vec![(Report, Warn)],
        ));
    }
    all
}

fn disk(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let mut all = vec![];
    for disk in node.health.disk.known().into_iter().flatten() {
        if disk.free < FREE_MIB || disk.free * 100 < disk.size * FREE_PERCENT {
            all.push(found(
                Code::DiskSpace,
                side,
                format!("{}: {} MiB of {} MiB are free on {}", node.name, disk.free, disk.size, disk.path),
                format!("make room: 1 GiB and {FREE_PERCENT} % at least"),
                vec![(Opens(side), Override), (Report, Warn)],
            ));
        }
    }
    all
}

fn innodb(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let Some(variables) = node.inventory.variables.known() else { return vec![] };
    let set = |name: &str, off: &[&str]| {
        let value = variables.get(name).filter(|value| !off.contains(&value.as_str()))?;
        Some(found(
            Code::InnodbState,
            side,
            format!("{}: {name} is {value}", node.name),
            "mend what it was set for, and start the server without it".to_owned(),
            vec![(Serves(side), Override), (Report, Warn)],
        ))
    };
    [set("innodb_force_recovery", &["0"]), set("innodb_read_only", &["OFF", "0"])].into_iter().flatten().collect()
}

fn turns_away(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let Some(variables) = node.inventory.variables.known() else { return vec![] };
    let name = &node.name;
    let on = |variable: &&str| variables.get(*variable).is_some_and(|value| matches!(value.as_str(), "ON" | "1"));
    let mut all = vec![];
    if on(&"offline_mode") {
        all.push(found(
            Code::TurnsAway,
            side,
            format!("{name}: offline_mode is ON, so that only administrators can log in"),
            format!("see who has set it, and why; then SET GLOBAL offline_mode=OFF on {name}"),
            vec![(Serves(side), Stop), (Report, Warn)],
        ));
    }
    // the older name, which MariaDB knew alone for long
    if let Some(variable) = ["transaction_read_only", "tx_read_only"].iter().find(|variable| on(variable)) {
        all.push(found(
            Code::TurnsAway,
            side,
            format!("{name}: {variable} is ON, so that clients cannot write unless they ask for it"),
            format!("SET GLOBAL {variable}=OFF on {name}, and look in its option file"),
            // a survivor is opened all the same: there is nobody else
            vec![(Opens(side), Override), (Serves(side), Warn), (Report, Warn)],
        ));
    }
    all
}

fn cold(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let uptime = node.health.uptime.known().filter(|uptime| **uptime < WARM)?;
    Some(report(
        Code::ColdServer,
        side,
        format!("{}: the server was started {uptime} s ago", node.name),
        "give it time before it takes over, if it is to".to_owned(),
    ))
}

fn listeners(pair: &Pair, node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let mut all = vec![];
    for socket in node.health.listeners.known().into_iter().flatten() {
        let Some(role) = pair.roles.iter().find(|role| role.address.ip == socket.ip()) else { continue };
        all.push(found(
            Code::SharedAddress,
            side,
            format!("{}: another service listens on {socket}, the address of {}", node.name, role.name),
            "give that service an address of its own".to_owned(),
            vec![(Role(role.name.clone()), Warn)],
        ));
    }
    all
}

/// The clocks of both nodes.
pub(super) fn clocks(snapshot: &Snapshot) -> Option<Finding> {
    let [first, second] = &snapshot.nodes;
    let ahead = *first.health.clock_ahead.known()?;
    let [warn, bad] = CLOCK;
    let differ = ahead.unsigned_abs();
    if differ <= warn {
        return None;
    }
    let (early, late) = if ahead > 0 { (first, second) } else { (second, first) };
    let scopes = if differ > bad { vec![(Handover, Override)] } else { vec![(Report, Warn)] };
    Some(Finding {
        code: Code::ClocksDiffer,
        side: None,
        seen: format!("the clock of {} is {} s ahead of the one of {}", early.name, differ.div_ceil(1_000), late.name),
        help: "let both machines take their time from the same source (chrony, ntpd)".to_owned(),
        scopes,
    })
}
