//! How the two servers are set, and whether they are set alike.

use std::collections::{BTreeMap, BTreeSet};

use super::workload::few;
use super::{Scopes, found, report};
use crate::model::{
    Account, Code, Fencing, Finding, Flavour, NodeSnapshot, Observed, Scope, Severity, Side, Snapshot, Version,
};

use Scope::{Closes, Fences, Handover, Opens, Reads, Report, Serves};
use Severity::{Override, Stop, Warn};

/// Variables that make a statement do something else, or fail, on the other node.
const ALIKE: [&str; 17] = [
    "binlog_format",
    "binlog_row_image",
    "character_set_server",
    "collation_server",
    "default_storage_engine",
    "explicit_defaults_for_timestamp",
    "innodb_strict_mode",
    "log_bin_trust_function_creators",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_connections",
    "require_secure_transport",
    "slave_run_triggers_for_rbr",
    "sql_mode",
    "system_time_zone",
    "time_zone",
    "transaction_isolation",
];
/// Seconds after which a dead link should have been noticed: the servers' own default.
const NET_TIMEOUT: u64 = 60;
/// A receiver that tries less often than that gives up within a longer night.
const RETRIES: u64 = 1_000;

/// What a node has by itself.
pub(super) fn of_node(snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut all = binlog(node, side);
    all.extend(replication(snapshot, side));
    all.extend(durability(node, side));
    all.extend(events(node, side));
    all.extend(unstopped_events(node, side));
    all.extend(grants(node, side));
    all.extend(data_rights(node, side));
    all.extend(managed(node, side));
    all
}

/// What differs between the two.
pub(super) fn of_both(snapshot: &Snapshot) -> Vec<Finding> {
    let mut all = vec![];
    all.extend(versions(snapshot));
    all.extend(settings(snapshot));
    all.extend(keys(snapshot));
    all.extend(accounts(snapshot));
    all
}

fn pair_finding(code: Code, seen: String, help: &str, scopes: Scopes) -> Finding {
    Finding { code, side: None, seen, help: help.to_owned(), scopes }
}

fn variable<'a>(node: &'a NodeSnapshot, name: &str) -> Option<&'a str> {
    node.inventory.variables.known()?.get(name).map(String::as_str)
}

fn binlog(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let name = &node.name;
    let mut all = vec![];
    let Some(settings) = node.settings.known() else { return all };
    let mut odd = vec![];
    if settings.binlog_format != "ROW" {
        odd.push(format!("binlog_format is {}", settings.binlog_format));
    }
    odd.extend(variable(node, "binlog_row_image").filter(|i| *i != "FULL").map(|i| format!("binlog_row_image is {i}")));
    if !odd.is_empty() {
        all.push(found(
            Code::BinlogFormat,
            side,
            format!("{name}: {}", odd.join(", ")),
            "binlog_format=ROW and binlog_row_image=FULL on both nodes".to_owned(),
            vec![(Handover, Warn)],
        ));
    }
    if settings.log_bin && !settings.log_replica_updates {
        let option = node.server.known().map_or(Flavour::MySql, |server| server.flavour).log_applied();
        all.push(found(
            Code::AppliedNotLogged,
            side,
            format!("{name} does not log what it applies ({option} is off)"),
            format!("leave it, or start both servers with {option}: `flipper explain applied-not-logged` says when"),
            vec![(Handover, Warn)],
        ));
    }
    all
}

fn replication(snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let name = &node.name;
    let peer = &snapshot.node(side.peer()).name;
    let mut all = vec![];
    if let Some(purged) = node.relay.purged.known().filter(|purged| !purged.is_empty()) {
        all.push(found(
            Code::PurgedLogs,
            side,
            format!("{peer} has purged transactions that {name} lacks: {purged}"),
            format!("build {name} anew from {peer} (CLONE, xtrabackup)"),
            vec![(Opens(side), Stop), (Closes(side), Override), (Reads(side), Override)],
        ));
    }
    if let Some(retries) = node.relay.retries.known().copied().flatten().filter(|n| (1..RETRIES).contains(n)) {
        all.push(report(
            Code::GivesUp,
            side,
            format!("{name}: the receiver gives up after {retries} tries to reach its source"),
            "SOURCE_RETRY_COUNT=86400 (CHANGE REPLICATION SOURCE)".to_owned(),
        ));
    }
    let timeout = variable(node, "replica_net_timeout").and_then(|text| text.parse::<u64>().ok());
    if let Some(timeout) = timeout.filter(|timeout| *timeout > NET_TIMEOUT) {
        all.push(report(
            Code::SlowTimeout,
            side,
            format!("{name}: a link that is dead seems to work for up to {timeout} s"),
            format!("replica_net_timeout (slave_net_timeout) = {NET_TIMEOUT} or less"),
        ));
    }
    // MariaDB throws the relay log away by itself when it replicates by GTID
    let mysql = node.server.known().is_some_and(|server| server.uuid.is_some());
    if mysql && variable(node, "relay_log_recovery").is_some_and(|on| matches!(on, "OFF" | "0")) {
        all.push(report(
            Code::RelayRecovery,
            side,
            format!("{name}: relay_log_recovery is off"),
            format!("relay_log_recovery=ON in the option file of {name}"),
        ));
    }
    all
}

fn durability(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let odd: Vec<String> = ["sync_binlog", "innodb_flush_log_at_trx_commit"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} is {}", variable(node, name).filter(|value| *value != "1")?)))
        .collect();
    (!odd.is_empty()).then(|| {
        report(
            Code::Durability,
            side,
            format!("{}: {}", node.name, odd.join(", ")),
            "both = 1, unless losing the last transactions in a crash is accepted".to_owned(),
        )
    })
}

fn schedules(node: &NodeSnapshot) -> bool {
    variable(node, "event_scheduler").is_some_and(|on| matches!(on, "ON" | "1"))
}

fn events(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let name = &node.name;
    let scheduler = schedules(node);
    let help = "after the move: ALTER EVENT … DISABLE on the old writer, ENABLE on the new one; or keep them out of \
                the servers";
    match node.inventory.events.known() {
        Some(events) if !events.is_empty() => {
            let runs = if scheduler { "the scheduler runs" } else { "the scheduler is off" };
            let seen = format!("{name}: {} event(s) enabled, {runs}: {}", events.len(), few(events));
            Some(found(Code::Events, side, seen, help.to_owned(), vec![(Closes(side), Warn)]))
        }
        Some(_) => None,
        // MariaDB has it off unless somebody wants it
        None if scheduler && node.server.known().is_some_and(|server| server.uuid.is_none()) => Some(found(
            Code::Events,
            side,
            format!("{name}: event_scheduler is ON; flipper's account may not see the events"),
            help.to_owned(),
            vec![(Closes(side), Warn)],
        )),
        None => None,
    }
}

/// Events that go on behind a fence, or that nobody can say this of, while the scheduler runs them.
fn unstopped_events(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let name = &node.name;
    let guarded = node.server.known().is_some_and(|server| server.fencing() == Fencing::ReadLock);
    if !guarded || !schedules(node) {
        return None;
    }
    let off = format!("SET GLOBAL event_scheduler=OFF on {name} until the move is over");
    let (seen, help) = match &node.inventory.unstopped_events {
        Observed::Known(events) if events.is_empty() => return None,
        Observed::Known(events) => (
            format!(
                "{name}: the scheduler runs {} event(s) that read_only does not stop: {}",
                events.len(),
                few(events)
            ),
            format!("{off}; or give them a definer without READ_ONLY ADMIN and SUPER"),
        ),
        Observed::Unknown(why) => (
            format!("{name}: event_scheduler is ON, and whether read_only stops its events is unknown: {why}"),
            format!("{off}; or GRANT SELECT ON mysql.* to flipper's account"),
        ),
    };
    Some(found(Code::EventWritesOn, side, seen, help, vec![(Fences(side), Override)]))
}

/// A server that its provider moves by itself, and where nobody has an address of their own.
fn managed(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let aurora = variable(node, "aurora_version").map(|version| format!("Aurora {version}"));
    let rds = variable(node, "basedir").filter(|path| path.starts_with("/rdsdbbin")).map(|_| "RDS".to_owned());
    Some(found(
        Code::Cluster,
        side,
        format!("{} is run by a service: {}", node.name, aurora.or(rds)?),
        "use the service's own means to move its writer".to_owned(),
        vec![(Scope::Plan, Stop)],
    ))
}

fn grants(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let missing = node.inventory.missing_grants.known().filter(|missing| !missing.is_empty())?;
    Some(found(
        Code::MissingGrants,
        side,
        format!("{}: flipper's account lacks {}", node.name, missing.join(", ")),
        "grant it what `flipper setup PAIR` prints for that server; a role counts once it is active at login (SET DEFAULT \
         ROLE)"
            .to_owned(),
        vec![(Scope::Plan, Warn)],
    ))
}

fn data_rights(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let rights = node.inventory.data_rights.known().filter(|rights| !rights.is_empty())?;
    Some(report(
        Code::DataRights,
        side,
        format!("{}: flipper's account has {}", node.name, few(rights)),
        "REVOKE them: what `flipper setup PAIR` prints is all that it needs".to_owned(),
    ))
}

fn versions(snapshot: &Snapshot) -> Option<Finding> {
    let [first, second] = &snapshot.nodes;
    let (a, b) = (first.server.known()?, second.server.known()?);
    if a.version == b.version || a.flavour != b.flavour {
        return None;
    }
    let newer = if a.version > b.version { Side::First } else { Side::Second };
    let Version(major, minor, _) = a.version;
    let Version(other_major, other_minor, _) = b.version;
    let severity = if (major, minor) == (other_major, other_minor) { Warn } else { Override };
    Some(pair_finding(
        Code::VersionsDiffer,
        format!("{} runs {}, {} runs {}", first.name, a.version, second.name, b.version),
        "once the newer one is the writer, the older one may not be able to follow: upgrade both soon",
        vec![(Opens(newer), severity), (Report, Warn)],
    ))
}

fn settings(snapshot: &Snapshot) -> Option<Finding> {
    let [first, second] = &snapshot.nodes;
    let (a, b) = (first.inventory.variables.known()?, second.inventory.variables.known()?);
    let value = |all: &BTreeMap<String, String>, name: &str| all.get(name).cloned().unwrap_or_default();
    let differ: Vec<String> = ALIKE
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| {
            let (a, b) = (value(a, name), value(b, name));
            // of long lists only what is not in both
            let parts = |one: &str, other: &str| {
                let other: BTreeSet<&str> = other.split(',').collect();
                one.split(',').filter(|part| !other.contains(part)).collect::<Vec<_>>().join(",")
            };
            let (only_a, only_b) = if a.contains(',') { (parts(&a, &b), parts(&b, &a)) } else { (a, b) };
            format!("{name} ({}: `{only_a}`, {}: `{only_b}`)", first.name, second.name)
        })
        .collect();
    (!differ.is_empty()).then(|| {
        pair_finding(
            Code::SettingsDiffer,
            format!("different: {}", differ.join("; ")),
            "set them alike, in the option files too",
            vec![(Handover, Warn)],
        )
    })
}

/// Whether keys that both nodes generate could collide.
fn keys(snapshot: &Snapshot) -> Option<Finding> {
    let number = |node: &NodeSnapshot, name| variable(node, name)?.parse::<u64>().ok();
    let [first, second] = &snapshot.nodes;
    let steps = [number(first, "auto_increment_increment")?, number(second, "auto_increment_increment")?];
    let offsets = [number(first, "auto_increment_offset")?, number(second, "auto_increment_offset")?];
    // two sequences with the same step meet nowhere if they start at different places within it
    let apart = steps[0] == steps[1] && steps[0] >= 2 && offsets[0] % steps[0] != offsets[1] % steps[1];
    (!apart).then(|| {
        pair_finding(
            Code::AutoIncrement,
            format!(
                "auto_increment_increment and _offset are {}/{} on {} and {}/{} on {}",
                steps[0], offsets[0], first.name, steps[1], offsets[1], second.name
            ),
            "auto_increment_increment=2 on both, auto_increment_offset=1 on one and 2 on the other",
            vec![(Report, Warn)],
        )
    })
}

fn accounts(snapshot: &Snapshot) -> Option<Finding> {
    let [first, second] = &snapshot.nodes;
    let (a, b) = (first.inventory.accounts.known()?, second.inventory.accounts.known()?);
    let only = |node: &NodeSnapshot, these: &[Account], those: &[Account]| {
        let only: Vec<String> = these
            .iter()
            .filter(|account| !those.contains(account))
            .map(|account| format!("{} ({})", account.name, account.plugin))
            .collect();
        (!only.is_empty()).then(|| format!("only on {}: {}", node.name, few(&only)))
    };
    let differ: Vec<String> = [only(first, a, b), only(second, b, a)].into_iter().flatten().collect();
    (!differ.is_empty()).then(|| {
        pair_finding(
            Code::AccountsDiffer,
            differ.join("; "),
            "create them on the writer, from where they are replicated",
            vec![(Serves(Side::First), Warn), (Serves(Side::Second), Warn)],
        )
    })
}
