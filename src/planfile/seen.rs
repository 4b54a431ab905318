//! What a plan file tells its reader about the servers.

use crate::model::{Channel, NodeSnapshot, Observed, Server, Settings, Snapshot};

/// The facts of a snapshot that a reviewer wants beside a plan, one line each. Nothing that moves while traffic
/// flows: the same pair gives the same lines, and so the same digest.
#[must_use]
pub fn seen(snapshot: &Snapshot) -> Vec<String> {
    snapshot.nodes.iter().flat_map(node).collect()
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
        format!("replicates from {host}:{port}, receiver {}, applier {}", channel.receiver, channel.applier)
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
