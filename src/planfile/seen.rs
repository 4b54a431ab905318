//! What a plan file tells its reader about the servers.

use crate::model::{Channel, NodeSnapshot, Observed, Server, Settings, Snapshot, Witness, at_port};

/// The facts of a snapshot that a reviewer wants beside a plan, one line each. Nothing that moves while traffic
/// flows: the same pair gives the same lines, and so the same digest.
#[must_use]
pub fn seen(snapshot: &Snapshot) -> Vec<String> {
    let [first, second] = &snapshot.nodes;
    let witnesses = [witness(first, second), witness(second, first)];
    snapshot.nodes.iter().flat_map(node).chain(witnesses.into_iter().flatten()).collect()
}

/// What a node says of a peer that is to be declared dead, without what moves by itself.
fn witness(node: &NodeSnapshot, peer: &NodeSnapshot) -> Vec<String> {
    let (name, peer) = (&node.name, &peer.name);
    let Witness {
        greeted,
        answered,
        answering,
        received: _,
        silent: _,
        heard_at: _,
        committed_at: _,
        semi_sync: _,
        left_behind,
        export: _,
    } = &node.witness;
    if [greeted.known(), answered.known()].iter().all(Option::is_none) && answering.known().is_none() {
        return vec![];
    }
    let line = |what: &str, fact: Observed<String>| match fact {
        Observed::Known(fact) => format!("{name}: {fact}"),
        Observed::Unknown(why) => format!("{name}: {what} unknown: {why}"),
    };
    let addresses = answering.as_ref().map(|ips| match ips.is_empty() {
        true => "nobody else answers for the addresses".to_owned(),
        false => {
            format!("somebody else answers for {}", ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    });
    let left =
        left_behind.as_ref().map(|count| format!("it lacks {count} transactions that are on the disk of {peer}"));
    vec![
        line(
            "MySQL there is",
            greeted
                .as_ref()
                .map(|yes| format!("MySQL of {peer} {}", if *yes { "greets it" } else { "does not greet it" })),
        ),
        line(
            "the machine there is",
            answered.as_ref().map(|yes| format!("{peer} {}", if *yes { "answers it" } else { "does not answer it" })),
        ),
        line("who answers for the addresses is", addresses),
        line("what it lacks is", left),
    ]
}

fn node(node: &NodeSnapshot) -> Vec<String> {
    let name = &node.name;
    let line = |what: &str, fact: Observed<String>| match fact {
        Observed::Known(fact) => format!("{name}: {fact}"),
        Observed::Unknown(why) => format!("{name}: {what} unknown: {why}"),
    };
    vec![
        line("server", node.server.as_ref().map(server)),
        line("write access", node.access.as_ref().map(ToString::to_string)),
        line("replication", node.channels.as_ref().map(|channels| replication(channels))),
        line("settings", node.settings.as_ref().map(settings)),
    ]
}

fn server(server: &Server) -> String {
    let Server { flavour, version, server_id, uuid, hostname } = server;
    let uuid = uuid.as_ref().map(|uuid| format!(", uuid {uuid}")).unwrap_or_default();
    format!("{flavour} {version}, server id {server_id}{uuid}, host name {hostname}")
}

fn replication(channels: &[Channel]) -> String {
    let one = |channel: &Channel| {
        let (host, port) = &channel.source;
        format!("replicates from {}, receiver {}, applier {}", at_port(host, *port), channel.receiver, channel.applier)
    };
    match channels {
        [] => "replicates from nowhere".to_owned(),
        channels => channels.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

fn settings(settings: &Settings) -> String {
    let switch = |on| if on { "on" } else { "off" };
    let Settings { log_bin, log_replica_updates, gtid, binlog_format, bind_address: _, cluster: _, left_out: _ } =
        settings;
    format!(
        "binary log {} ({binlog_format}), logs what it replicates {}, GTIDs {}",
        switch(*log_bin),
        switch(*log_replica_updates),
        switch(*gtid)
    )
}
