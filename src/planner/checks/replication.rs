//! Replication into a node: from its peer, running, complete, not behind.

use super::super::basis::runs;
use super::reason;
use crate::model::{Channel, Code, Flavour, NodeSnapshot, Pair, Reason, Side, Snapshot, WriteAccess};

/// One channel from the peer, running, complete and not behind.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Reason> {
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
