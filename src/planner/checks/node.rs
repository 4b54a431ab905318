//! A node by itself: its machine, its server's settings.

use std::net::IpAddr;

use super::stop;
use crate::model::{Code, Fencing, Finding, Pair, Scope, Severity, Side, Snapshot, WriteAccess};

/// A program, its package, and the addresses that it announces.
type Announcer = (&'static str, &'static str, fn(&IpAddr) -> bool);

const ANNOUNCERS: [Announcer; 2] = [
    ("arping", "iputils-arping (or arping)", IpAddr::is_ipv4),
    ("ndptool", "libndp-tools (or libndp)", IpAddr::is_ipv6),
];

/// The node's system: the right machine, the tools, the interface.
pub(super) fn machine(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut found = vec![];
    let name = &node.name;
    if node.same_machine.is(&false) {
        found.push(stop(
            Code::WrongMachine,
            Some(side),
            format!("{name}: the machine reached by ssh is not the one whose MySQL server answered"),
            format!("check `host`, `ssh.host` and `mysql.host` of {name} in the config"),
            [Scope::Plan],
        ));
    }
    if let Some(system) = node.system.known() {
        for (tool, path) in [("ip", &system.ip), ("ss", &system.ss)] {
            if path.is_none() {
                found.push(stop(
                    Code::MissingTool,
                    Some(side),
                    format!("{name} has no `{tool}`"),
                    format!("install iproute2 on {name}"),
                    [Scope::Addresses(side)],
                ));
            }
        }
        for (tool, package, of_its_family) in ANNOUNCERS {
            let mut needs = pair.roles.iter().map(|role| role.address.ip).filter(of_its_family);
            if needs.any(|ip| !system.announces(ip)) {
                found.push(stop(
                    Code::CannotAnnounce,
                    Some(side),
                    format!("{name} has no `{tool}`"),
                    format!("install {package} on {name}"),
                    [Scope::Addresses(side)],
                ));
            }
        }
        if !system.denied.is_empty() {
            found.push(stop(
                Code::NotPermitted,
                Some(side),
                format!("{name}: {}", system.denied.join("; ")),
                format!(
                    "log in as root, or set `ssh.sudo` and install the lines that `flipper setup {} --node {name} --only \
                     sudoers` prints",
                    pair.name
                ),
                [Scope::Addresses(side)],
            ));
        }
        let interface = &pair.node(side).interface;
        if !system.up.contains(interface) {
            let up = system.up.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            found.push(stop(
                Code::AddressPlace,
                Some(side),
                format!("{name}: interface {interface} is missing or down (up: {up})"),
                format!("set `interface` of {name} in the config, or bring {interface} up"),
                [Scope::Addresses(side)],
            ));
        }
    }
    found
}

/// Its server's settings.
pub(super) fn settings(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let Some(settings) = node.settings.known() else { return vec![] };
    let mut found = vec![];
    let name = &node.name;
    if let Some(cluster) = &settings.cluster {
        found.push(stop(
            Code::Cluster,
            Some(side),
            format!("{name} belongs to {cluster}"),
            "use the cluster's own means to move its writer",
            [Scope::Plan],
        ));
    }
    if !settings.left_out.is_empty() {
        found.push(stop(
            Code::ReplicationFiltered,
            Some(side),
            format!("{name}: {}", settings.left_out.join(", ")),
            "let the servers of this pair log and apply everything",
            [Scope::Handover],
        ));
    }
    if !settings.log_bin {
        found.push(stop(
            Code::NoBinlog,
            Some(side),
            format!("{name}: log_bin is off"),
            format!("put log_bin into the option file of {name}, and restart its server"),
            [Scope::Handover],
        ));
    }
    if !settings.gtid {
        found.push(stop(
            Code::NoGtid,
            Some(side),
            format!("{name}: GTIDs are not on"),
            "on both nodes: enforce_gtid_consistency=ON, then gtid_mode=OFF_PERMISSIVE, ON_PERMISSIVE and ON, one after the other, \
             and in the option files",
            [Scope::Handover],
        ));
    }
    if !pair.roles.iter().all(|role| settings.listens_on(role.address.ip)) {
        found.push(stop(
            Code::NotListening,
            Some(side),
            format!("{name} listens on {} only", settings.bind_address),
            format!("set bind_address=* on {name}, so that it answers on the floating addresses too"),
            [Scope::Serves(side)],
        ));
    }
    found
}

/// XA transactions that could commit on it later.
pub(super) fn xa(snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    let prepared = node.prepared_xa.known().filter(|count| **count > 0)?;
    Some(Finding {
        code: Code::PreparedXa,
        side: Some(side),
        seen: format!("{}: {prepared} prepared XA transaction(s)", node.name),
        help: "XA RECOVER lists them: commit or roll them back".to_owned(),
        // a node that was fenced before this plan is as leaky as one that it fences
        scopes: [Scope::Fences(side), Scope::Closes(side), Scope::Opens(side)]
            .map(|s| (s, Severity::Override))
            .to_vec(),
    })
}

/// Closed for ordinary accounts only, where the server could refuse administrators too.
pub(super) fn half_fenced(snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    let variable = match node.server.known()?.fencing() {
        Fencing::SuperReadOnly => "super_read_only=ON",
        Fencing::NoLockNoAdmin => "read_only=NO_LOCK_NO_ADMIN",
        Fencing::ReadLock => return None,
    };
    node.access.is(&WriteAccess::Guarded).then(|| {
        super::report(
            Code::HalfFenced,
            side,
            format!("{} is read-only, except for administrators", node.name),
            format!("SET GLOBAL {variable} on {}", node.name),
        )
    })
}
