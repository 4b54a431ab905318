//! Replication into a node: from its peer, running, complete, not behind.

use super::super::basis::runs;
use super::Scopes;
use super::death::{deposed, of_applier};
use crate::model::{
    Channel, Code, Finding, Flavour, NodeSnapshot, Pair, Scope, Severity, Side, Snapshot, Thread, WriteAccess, at_port,
};

use Severity::{Override, Stop, Warn};

/// One channel from the peer, running, complete and not behind.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let into = Into { pair, snapshot, node, side };
    let Some(channels) = node.channels.known() else { return vec![] };
    let (name, peer) = (&node.name, &pair.node(side.peer()).name);
    match &channels[..] {
        [] => vec![into.found(
            Code::NotReplica,
            format!("{name} replicates from nobody"),
            format!("set up replication from {peer} to {name} (docs/config.md, \"What a pair must look like\", has the statements)"),
            into.missing(),
        )],
        [channel] => {
            let mut found = into.source(channel);
            found.extend(into.threads(channel));
            found.extend(into.complete(channel));
            // how far behind matters on the one that is to take over; the writer has only echoes to apply
            let is_writer = node.access.is(&WriteAccess::Open);
            if runs(channel) && !is_writer {
                found.extend(into.lag(channel));
            }
            found
        }
        several => vec![into.found(
            Code::ManyChannels,
            format!("{name} has {} replication channels", several.len()),
            format!("a pair's node replicates from its peer only: remove the others from {name}"),
            vec![(Scope::Handover, Stop), (Scope::Reads(side), Warn)],
        )],
    }
}

/// Replication into one node.
struct Into<'a> {
    pair: &'a Pair,
    snapshot: &'a Snapshot,
    node: &'a NodeSnapshot,
    side: Side,
}

impl Into<'_> {
    fn found(&self, code: Code, seen: String, help: impl std::convert::Into<String>, scopes: Scopes) -> Finding {
        Finding { code, side: Some(self.side), seen, help: help.into(), scopes }
    }

    /// What relies on transactions of the peer coming in. The node that opens needs them all, so that nothing is lost:
    /// only where the peer is closed and has nothing that the node lacks, there is nothing to wait for. The node that
    /// closes would not follow the new writer, and readers would see old data: a person may accept that.
    fn missing(&self) -> Scopes {
        let peer = self.snapshot.node(self.side.peer());
        let nothing_missing =
            peer.access.known().is_some_and(closed) && peer.ahead.as_ref().map(String::is_empty).is(&true);
        let opens = if nothing_missing { Override } else { Stop };
        vec![
            (Scope::Opens(self.side), opens),
            (Scope::Closes(self.side), Override),
            (Scope::Reads(self.side), Override),
        ]
    }

    fn source(&self, channel: &Channel) -> Vec<Finding> {
        let Self { pair, snapshot, node, side } = self;
        let peer = pair.node(side.peer());
        let Some(peer_server) = snapshot.node(side.peer()).server.known() else { return vec![] };
        let mut found = vec![];
        let (host, port) = &channel.source;
        // 0 and an empty uuid are what a server shows that has not been connected yet
        let other_id = channel.source_id.is_some_and(|id| id != 0 && id != peer_server.server_id);
        let other_uuid =
            channel.source_uuid.as_ref().is_some_and(|id| !id.is_empty() && Some(id) != peer_server.uuid.as_ref());
        let wrong = || vec![(Scope::Handover, Stop), (Scope::Reads(*side), Override)];
        if other_id || other_uuid {
            found.push(self.found(
                Code::NotReplica,
                format!("{} replicates from another server than {} ({})", node.name, peer.name, at_port(host, *port)),
                "check CHANGE REPLICATION SOURCE on that node, and the hosts in the config",
                wrong(),
            ));
        }
        if pair.roles.iter().any(|role| *host == role.address.ip.to_string()) {
            found.push(self.found(
                Code::NotReplica,
                format!("{} replicates through a floating address ({host}): after a move from itself", node.name),
                format!("let it replicate from {}'s own address", peer.name),
                wrong(),
            ));
        }
        found
    }

    fn threads(&self, channel: &Channel) -> Option<Finding> {
        if runs(channel) {
            return None;
        }
        let node = self.node;
        // the status of MySQL's replica only says where a worker's error is to be found
        let workers = node.relay.worker_errors.known().into_iter().flatten();
        let errors = channel.errors.iter().chain(workers.filter(|error| !channel.errors.contains(error)));
        let parted = self.parted(channel);
        // what a receiver said of a source that was dead, before it was stopped, has had its time
        let errors = errors.filter(|error| parted.is_none() || of_applier(error)).collect::<Vec<_>>();
        let start = match node.server.known().map(|server| server.flavour) {
            Some(Flavour::MariaDb) => "START SLAVE",
            Some(Flavour::MySql) | None => "START REPLICA",
        };
        let help = match parted {
            Some(back) if errors.is_empty() => {
                // nobody opens one of them before both are compared, and that is what `deposed` says
                if self.snapshot.node(back.peer()).access.is(&WriteAccess::Open) {
                    return None;
                }
                format!(
                    "do not start it by hand: `flipper plan {} rejoin {}` compares both nodes first",
                    self.pair.name,
                    self.pair.node(back).name
                )
            }
            _ if errors.is_empty() && channel.receiver == Thread::Connecting => format!(
                "{0} does not reach {1}: SHOW REPLICA STATUS on {0} says why (the way, the replication account, its password or \
                 TLS)",
                node.name,
                self.pair.node(self.side.peer()).name
            ),
            _ if errors.is_empty() => {
                format!("if it was stopped on purpose and may run again: {start} on {}", node.name)
            }
            None if channel.receiver == Thread::Connecting && channel.applier == Thread::Running => format!(
                "mend the cause, where it is still there; the receiver of {} tries again by itself (every 60 s, unless told \
                 otherwise), or at once: {} IO_THREAD; {start} IO_THREAD",
                node.name,
                start.replace("START", "STOP")
            ),
            Some(_) => format!("mend the cause on {}", node.name),
            None => format!("mend the cause on {}, then {start}", node.name),
        };
        let errors: Vec<String> = errors.into_iter().map(|(code, text)| format!("; error {code}: {text}")).collect();
        let (receiver, applier) = (channel.receiver, channel.applier);
        Some(self.found(
            Code::ReplicationStopped,
            format!("{}: receiver {receiver}, applier {applier}{}", node.name, errors.concat()),
            help,
            self.missing(),
        ))
    }

    /// The one of both nodes that was declared dead and is not back, where this channel's receiver is stopped for that: what
    /// its source has of its own must not come in before somebody has compared them.
    fn parted(&self, channel: &Channel) -> Option<Side> {
        let deposed = |side: &Side| deposed(self.pair, self.snapshot, *side).is_some();
        Side::BOTH.into_iter().find(deposed).filter(|_| channel.receiver == Thread::Stopped)
    }

    fn complete(&self, channel: &Channel) -> Vec<Finding> {
        let Self { node, side, .. } = self;
        let mut found = vec![];
        if !channel.filters.is_empty() {
            found.push(self.found(
                Code::ReplicationFiltered,
                format!("{}: {}", node.name, channel.filters.join(", ")),
                "remove filters and skips from the replication of this pair",
                vec![(Scope::Handover, Override), (Scope::Reads(*side), Warn)],
            ));
        }
        if channel.delay > 0 {
            found.push(self.found(
                Code::ReplicationDelayed,
                format!("{} applies with a delay of {} s", node.name, channel.delay),
                "set the delay to 0 for the move",
                vec![(Scope::Opens(*side), Stop), (Scope::Closes(*side), Warn), (Scope::Reads(*side), Override)],
            ));
        }
        if !channel.by_gtid {
            found.push(self.found(
                Code::NoGtid,
                format!("{} replicates by file and position", node.name),
                "SOURCE_AUTO_POSITION=1 (MySQL), MASTER_USE_GTID=slave_pos (MariaDB)",
                vec![(Scope::Handover, Stop)],
            ));
        }
        found
    }

    fn lag(&self, channel: &Channel) -> Option<Finding> {
        let Self { pair, node, side, .. } = self;
        let limit = pair.limits.lag.as_secs();
        match channel.lag {
            Some(lag) if lag <= limit => None,
            Some(lag) => Some(self.found(
                Code::Lagging,
                format!("{} is {lag} s behind; the limit is {limit} s", node.name),
                "wait until it has caught up, or raise `lag` in the limits",
                vec![(Scope::Opens(*side), Override), (Scope::Reads(*side), Override)],
            )),
            None => Some(self.found(
                Code::Unknown,
                format!("{} cannot say how far it is behind", node.name),
                "wait until its applier has read something, then plan again",
                vec![(Scope::Opens(*side), Stop), (Scope::Reads(*side), Stop)],
            )),
        }
    }
}

fn closed(access: &WriteAccess) -> bool {
    matches!(access, WriteAccess::Fenced | WriteAccess::Guarded)
}
