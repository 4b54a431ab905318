//! What only the checks look at, for machines: part of the JSON of `status`.

use serde_json::{Value, json};

use super::json_words::{fact, word_access};
use super::times::moment;
use crate::model::{
    Account, Boot, BootAccess, BootReplication, Connections, Disk, Downstream, Health, InFile, Inventory, Kept, Lock,
    LockKind, Origin, Pending, Reached, Relay, Ruling, Sessions, Traffic, Witness, Work, WorkKind, Workload, printable,
};

pub(super) fn workload(workload: &Workload) -> Value {
    let Workload { work, locks, privileged, protected, direct, without_tls, downstream, temp_tables, semi_sync } =
        workload;
    let sessions = |all: &Vec<Sessions>| {
        let one = |Sessions { account, count, local }: &Sessions| json!({ "account": printable(account), "count": count, "local": local });
        all.iter().map(one).collect::<Value>()
    };
    json!({
        "work": fact(work, |all| all.iter().map(work_of).collect()),
        "locks": fact(locks, |all| all.iter().map(lock).collect()),
        "privileged": fact(privileged, sessions),
        "protected": fact(protected, sessions),
        "direct": fact(direct, sessions),
        "without_tls": fact(without_tls, sessions),
        "downstream": fact(downstream, |all| all.iter().map(replica).collect()),
        "temp_tables": fact(temp_tables, |count| json!(count)),
        "semi_sync": fact(semi_sync, |clients| json!(clients)),
    })
}

fn work_of(work: &Work) -> Value {
    let Work { kind, session, account, what, seconds, rows } = work;
    let kind = match kind {
        WorkKind::Statement => "statement",
        WorkKind::Event => "event",
        WorkKind::Idle => "idle",
        WorkKind::Ending => "ending",
        WorkKind::Schema => "schema",
        WorkKind::Backup => "backup",
    };
    json!({
        "kind": kind,
        "session": session,
        "account": printable(account),
        "what": printable(what),
        "seconds": seconds,
        "rows": rows,
    })
}

fn lock(lock: &Lock) -> Value {
    let Lock { kind, name, session } = lock;
    let kind = match kind {
        LockKind::Table => "table",
        LockKind::Global => "global",
        LockKind::Backup => "backup",
        LockKind::User => "user",
        LockKind::WaitedFor => "waited-for",
    };
    json!({ "kind": kind, "name": printable(name), "session": session })
}

fn replica(replica: &Downstream) -> Value {
    let Downstream { account, from, through, by_gtid } = replica;
    json!({
        "account": printable(account),
        "from": from.map(|ip| ip.to_string()),
        "through": through.map(|ip| ip.to_string()),
        "by_gtid": by_gtid,
    })
}

pub(super) fn health(health: &Health) -> Value {
    let Health { turned_away, connections, uptime, disk, clock_ahead, listeners } = health;
    let disk_of =
        |Disk { path, size, free }: &Disk| json!({ "path": printable(path), "size_mib": size, "free_mib": free });
    json!({
        "turned_away": fact(turned_away, |turned_away| json!(turned_away)),
        "connections": fact(connections, |Connections { now, most, limit }| {
            json!({ "now": now, "most": most, "limit": limit })
        }),
        "uptime": fact(uptime, |seconds| json!(seconds)),
        "disk": fact(disk, |all| all.iter().map(disk_of).collect()),
        "clock_ahead_ms": fact(clock_ahead, |ms| json!(ms)),
        "listeners": fact(listeners, |all| all.iter().map(ToString::to_string).collect()),
    })
}

/// What decides a setting: where, and how it is written there.
fn ruling(Ruling { setting, origin }: &Ruling) -> Value {
    let setting = printable(setting);
    match origin {
        Origin::Default => json!({ "from": "default", "setting": setting }),
        Origin::CommandLine => json!({ "from": "command-line", "setting": setting }),
        Origin::Persisted => json!({ "from": "persisted", "setting": setting }),
        Origin::File(path, line) => {
            json!({ "from": "file", "setting": setting, "path": printable(path), "line": line })
        }
    }
}

pub(super) fn boot(boot: &Boot) -> Value {
    let Boot { read_only, access, follows, unit, files, managers } = boot;
    let kept = |kept: &Kept| match kept {
        Kept::Persisted(values) => {
            let values = values.iter().map(|(name, value)| (printable(name), json!(printable(value))));
            json!({ "from": "persisted", "values": Value::Object(values.collect()) })
        }
        Kept::Configured => json!({ "from": "configured" }),
        Kept::Nowhere => json!({ "from": "nowhere" }),
        Kept::Overlaid => json!({ "from": "overlaid" }),
    };
    let file = |InFile { path, line, address }: &InFile| json!({ "path": printable(path), "line": line, "address": address.to_string() });
    json!({
        "read_only": fact(read_only, kept),
        "access": fact(access, |BootAccess { access, ruling: by }| {
            json!({ "access": word_access(*access), "by": ruling(by) })
        }),
        "follows": fact(follows, |BootReplication { by_itself, ruling: by }| {
            json!({ "by_itself": by_itself, "by": ruling(by) })
        }),
        "unit": fact(unit, |unit| {
            json!({ "name": printable(&unit.name), "state": printable(&unit.state), "started": unit.is_started() })
        }),
        "files": fact(files, |all| all.iter().map(file).collect()),
        "managers": fact(managers, |all| json!(all)),
    })
}

pub(super) fn relay(relay: &Relay) -> Value {
    let Relay { worker_errors, retries, unapplied, half_received, purged } = relay;
    let error = |(number, text): &(u32, String)| json!({ "number": number, "text": printable(text) });
    json!({
        "worker_errors": fact(worker_errors, |all| all.iter().map(error).collect()),
        "retries": fact(retries, |retries| json!(retries)),
        "unapplied": fact(unapplied, |text| json!(printable(text))),
        "half_received": fact(half_received, |bytes| json!(bytes)),
        "purged": fact(purged, |text| json!(printable(text))),
    })
}

pub(super) fn inventory(inventory: &Inventory) -> Value {
    let Inventory { variables, accounts, missing_grants, data_rights, events, unstopped_events } = inventory;
    let account = |Account { name, plugin }: &Account| json!({ "name": printable(name), "plugin": printable(plugin) });
    let texts = |all: &Vec<String>| all.iter().map(|text| printable(text)).collect::<Value>();
    json!({
        "variables": fact(variables, |all| {
            Value::Object(all.iter().map(|(name, value)| (printable(name), json!(printable(value)))).collect())
        }),
        "accounts": fact(accounts, |all| all.iter().map(account).collect()),
        "missing_grants": fact(missing_grants, texts),
        "data_rights": fact(data_rights, texts),
        "events": fact(events, texts),
        "unstopped_events": fact(unstopped_events, texts),
    })
}

pub(super) fn traffic(traffic: &Traffic) -> Value {
    let Traffic { sessions, pending } = traffic;
    let reached = |Reached { address, count, writing }: &Reached| json!({ "address": address.map(|ip| ip.to_string()), "count": count, "writing": writing });
    let waits = |pending: &Pending| {
        let Pending { channel, receiver, applier, bytes, transactions, delay_left, retry_every } = pending;
        json!({
            "channel": printable(channel),
            "receiver": printable(receiver),
            "applier": printable(applier),
            "bytes": bytes,
            "transactions": transactions,
            "delay_left": delay_left,
            "retry_every": retry_every,
        })
    };
    json!({
        "sessions": fact(sessions, |all| all.iter().map(reached).collect()),
        "pending": fact(pending, |all| all.iter().map(waits).collect()),
    })
}

pub(super) fn witness(witness: &Witness) -> Value {
    let Witness {
        greeted,
        answered,
        answering,
        received,
        silent,
        heard_at,
        committed_at,
        semi_sync,
        left_behind,
        export,
    } = witness;
    json!({
        "greeted": fact(greeted, |yes| json!(yes)),
        "answered": fact(answered, |yes| json!(yes)),
        "answering": fact(answering, |all| all.iter().map(ToString::to_string).collect()),
        "received": fact(received, |text| json!(printable(text))),
        "silent": fact(silent, |seconds| json!(seconds)),
        "heard_at": fact(heard_at, |at| json!(at.map(moment))),
        "committed_at": fact(committed_at, |at| json!(moment(*at))),
        "semi_sync": fact(semi_sync, |yes| json!(yes)),
        "left_behind": fact(left_behind, |count| json!(count)),
        "export": fact(export, |text| json!(printable(text))),
    })
}
