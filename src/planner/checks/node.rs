//! A node by itself: its machine, its server's settings.

use super::reason;
use crate::model::{Code, NodeSnapshot, Pair, Reason, Side};

/// The node's system: the right machine, the tools, the interface.
pub(super) fn machine(pair: &Pair, side: Side, node: &NodeSnapshot) -> Vec<Reason> {
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

/// Its server's settings.
pub(super) fn settings(node: &NodeSnapshot) -> Vec<Reason> {
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

/// XA transactions that could commit on it later.
pub(super) fn xa(node: &NodeSnapshot) -> Option<Reason> {
    let prepared = node.prepared_xa.known().filter(|count| **count > 0)?;
    Some(reason(
        Code::PreparedXa,
        format!("{}: {prepared} prepared XA transaction(s)", node.name),
        "XA RECOVER lists them: commit or roll them back",
    ))
}
