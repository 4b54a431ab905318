//! Who is at work on a node, and what a move would do to them or they to it.
//!
//! What comes and goes with the traffic is told by `check` only, or asks to be overridden where a fence would wait for
//! it; it is never a note of a plan, which would be another plan a moment later.

use super::{found, report};
use crate::model::{
    Action, Code, Finding, Flavour, LockKind, NodeSnapshot, Pair, Scope, Sessions, Severity, Side, Snapshot, Thread,
    Work, WorkKind, WriteAccess,
};

use Scope::{Closes, Fences, Opens, Report, Role, Waits};
use Severity::{Override, Warn};

/// A transaction with more changed rows takes the target long, and long to roll back.
const MANY_ROWS: u64 = 100_000;

/// All of it.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut all = work(pair, node, side);
    all.extend(locks(node, side));
    all.extend(sessions(node, side));
    all.extend(downstream(pair, snapshot, side));
    all.extend(waits_for_nobody(node, side));
    all.extend(temp_tables(node, side));
    all
}

fn work(pair: &Pair, node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let name = &node.name;
    let limit = pair.limits.fence.as_secs();
    let mut all = vec![];
    for work in node.workload.work.known().into_iter().flatten() {
        let Work { kind, session, account, what, seconds, rows } = work;
        let who = format!("{name}: session {session} ({account})");
        let rows_said = if *rows > 0 { format!(", {rows} row(s) changed") } else { String::new() };
        let what = if what.is_empty() { "a statement" } else { what };
        let wait = format!(
            "wait until it has ended, or end it on {name}: KILL {session}; a plan with --kill ends it right before writes stop"
        );
        // whom a plan can end, it need not wait for
        let held_up = if can_be_ended(node, work) { Waits(side) } else { Fences(side) };
        all.extend(match kind {
            WorkKind::Statement if *seconds > limit || *rows > MANY_ROWS => Some(found(
                Code::LongWrite,
                side,
                format!("{who} has been at {what} for {seconds} s{rows_said}; the fence waits {limit} s"),
                wait,
                vec![(held_up, Override)],
            )),
            WorkKind::Event if *seconds > limit || *rows > MANY_ROWS => Some(found(
                Code::LongWrite,
                side,
                format!(
                    "{who}: an event has been at {what} for {seconds} s{rows_said}; the fence waits {limit} s, and flipper \
                     ends no event"
                ),
                format!("wait until it has ended, or end it on {name}: KILL {session}; ALTER EVENT … DISABLE keeps it away"),
                vec![(Fences(side), Override)],
            )),
            WorkKind::Idle if *rows > MANY_ROWS => Some(found(
                Code::LongWrite,
                side,
                format!("{who} has changed {rows} rows and not committed"),
                wait,
                vec![(held_up, Override)],
            )),
            WorkKind::Ending => Some(found(
                Code::LongWrite,
                side,
                format!("{who} is being rolled back or ended{rows_said}"),
                "a rollback cannot be hurried: wait until it has ended".to_owned(),
                vec![(held_up, Override)],
            )),
            WorkKind::Idle => Some(report(
                Code::OpenTransaction,
                side,
                format!("{who} has changed {rows} row(s), not committed, and idled for {seconds} s"),
                "let it commit, set `drain` in the limits, which gives such transactions time, or end it with --kill"
                    .to_owned(),
            )),
            WorkKind::Schema => Some(found(
                Code::SchemaChange,
                side,
                format!("{who} is at {what} for {seconds} s"),
                "wait until it has ended on both nodes, or stop it by its own means".to_owned(),
                vec![(Fences(side), Override), (Opens(side), Override)],
            )),
            WorkKind::Backup => Some(found(
                Code::SchemaChange,
                side,
                format!("{who} makes a backup ({what}) for {seconds} s"),
                "wait until it has ended, or let it run and override this".to_owned(),
                vec![(Fences(side), Override), (Opens(side), Override)],
            )),
            WorkKind::Statement | WorkKind::Event => None,
        });
    }
    all
}

/// A plan can end the session, as far as is known: it is no event's, and not above flipper's account (hazards H-16, H-17).
fn can_be_ended(node: &NodeSnapshot, work: &Work) -> bool {
    let protected = node.workload.protected.known().into_iter().flatten().any(|s| s.account == work.account);
    match work.kind {
        WorkKind::Statement | WorkKind::Idle => !protected,
        // that is waited for, whoever has ended it
        WorkKind::Ending => true,
        WorkKind::Event | WorkKind::Schema | WorkKind::Backup => false,
    }
}

/// What the reviewer of a plan that ends those who write should know: rolling back takes about as long as the changes did
/// (hazard H-18). Without numbers, which would be others a moment later.
pub(in crate::planner) fn long_rollbacks(pair: &Pair, snapshot: &Snapshot, actions: &[Action]) -> Vec<String> {
    let nodes = actions.iter().filter_map(|action| match action {
        Action::EndWriters { node } => pair.side(node).map(|side| snapshot.node(side)),
        _ => None,
    });
    let long = |node: &NodeSnapshot| -> Vec<String> {
        let all = node.workload.work.known().into_iter().flatten();
        let long = all.filter(|work| work.rows > MANY_ROWS && can_be_ended(node, work));
        long.map(|Work { session, account, .. }| {
            format!(
                "On {}, session {session} ({account}) has changed more than {MANY_ROWS} rows: its rollback may take as long \
                 as its work did, and no move begins before it is over; past `pre_sync` flipper gives up.",
                node.name
            )
        })
        .collect()
    };
    nodes.flat_map(long).collect()
}

fn locks(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let name = &node.name;
    let locks = || node.workload.locks.known().into_iter().flatten();
    let mut all = vec![];
    for lock in locks().filter(|lock| lock.kind != LockKind::User) {
        let who = lock.session.map(|id| format!("session {id}")).unwrap_or("a session".to_owned());
        let (code, said) = match lock.kind {
            LockKind::Table => (Code::TableLock, format!("{who} holds a lock on the table {}", lock.name)),
            LockKind::Global => (Code::TableLock, format!("{who} holds a global read lock")),
            LockKind::WaitedFor => (Code::TableLock, format!("{who} waits for a lock that another one holds")),
            LockKind::Backup => (Code::SchemaChange, format!("{who} holds a backup lock")),
            LockKind::User => continue,
        };
        all.push(found(
            code,
            side,
            format!("{name}: {said}"),
            format!("see who it is with SHOW PROCESSLIST on {name}; let it end, or end it with KILL"),
            vec![(Fences(side), Override), (Opens(side), Override)],
        ));
    }
    let held: Vec<&str> = locks().filter(|lock| lock.kind == LockKind::User).map(|lock| lock.name.as_str()).collect();
    if !held.is_empty() {
        all.push(report(
            Code::UserLocks,
            side,
            format!("{name}: {} user-level lock(s) held: {}", held.len(), few(&held)),
            "stop the jobs that hold them before the move, and start them again after it".to_owned(),
        ));
    }
    all
}

/// At most five, and how many more.
pub(super) fn few<T: AsRef<str>>(all: &[T]) -> String {
    const MOST: usize = 5;
    let mut said = all.iter().take(MOST).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if all.len() > MOST {
        said += &format!(" and {} more", all.len() - MOST);
    }
    said
}

fn told(sessions: &[&Sessions]) -> String {
    few(&sessions.iter().map(|s| format!("{} × {}", s.count, s.account)).collect::<Vec<_>>())
}

fn sessions(node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let name = &node.name;
    let workload = &node.workload;
    let mut all = vec![];
    // whoever sits at the machine itself administers it, and is not a program that writes
    let (local, remote): (Vec<&Sessions>, Vec<&Sessions>) =
        workload.privileged.known().into_iter().flatten().partition(|s| s.local);
    if !remote.is_empty() {
        all.push(found(
            Code::PrivilegedWriter,
            side,
            format!("{name}: connected with READ_ONLY ADMIN or SUPER: {}", told(&remote)),
            "give programs an account without that privilege, or end these sessions before the move".to_owned(),
            vec![(Fences(side), Override)],
        ));
    }
    if !local.is_empty() {
        all.push(report(
            Code::PrivilegedWriter,
            side,
            format!("{name}: administrators at the machine itself: {}", told(&local)),
            "see that they do not write during the move".to_owned(),
        ));
    }
    for (sessions, code, said, help) in [
        (
            &workload.protected,
            Code::CannotEndSessions,
            "sessions that only an account with SYSTEM_USER may end",
            "harmless: super_read_only stops them; GRANT SYSTEM_USER to flipper's account to let it end them too",
        ),
        (
            &workload.without_tls,
            Code::PasswordExchange,
            "without TLS, of caching_sha2_password accounts",
            "let these clients use TLS, or allow them to fetch the server's public key",
        ),
    ] {
        let sessions: Vec<&Sessions> = sessions.known().into_iter().flatten().collect();
        if !sessions.is_empty() {
            all.push(report(code, side, format!("{name}: {said}: {}", told(&sessions)), help.to_owned()));
        }
    }
    // on the other node they read, which they can go on with
    let direct: Vec<&Sessions> = workload.direct.known().into_iter().flatten().collect();
    if !direct.is_empty() && node.access.is(&WriteAccess::Open) {
        all.push(report(
            Code::DirectClients,
            side,
            format!("{name}: connected to its own address: {}", told(&direct)),
            "let clients connect to the floating addresses only".to_owned(),
        ));
    }
    all
}

fn downstream(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let peer = snapshot.node(side.peer());
    let is_peer = |ip| {
        let at_host = pair.node(side.peer()).host.ip() == Some(ip);
        at_host || peer.addresses.known().is_some_and(|all| all.iter().any(|held| held.address.ip == ip))
    };
    let mut all = vec![];
    for replica in node.workload.downstream.known().into_iter().flatten() {
        if replica.from.is_some_and(is_peer) {
            continue;
        }
        let Some(role) = pair.roles.iter().find(|role| Some(role.address.ip) == replica.through) else { continue };
        let (severity, how) = match replica.by_gtid {
            Some(true) => (Warn, "by GTID"),
            Some(false) => (Override, "by file and position"),
            None => (Override, "by GTID or not, which the server does not say"),
        };
        all.push(found(
            Code::Downstream,
            side,
            format!("{}: {} replicates through the address of {}, {how}", node.name, replica.account, role.name),
            "let it replicate from a node's own address, or by GTID".to_owned(),
            vec![(Role(role.name.clone()), severity)],
        ));
    }
    all
}

/// Semi-synchronous replication without a replica.
fn waits_for_nobody(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let clients = node.workload.semi_sync.known()?;
    (*clients == Some(0)).then(|| {
        found(
            Code::SemiSync,
            side,
            format!("{}: semi-synchronous replication is on, and no replica acknowledges", node.name),
            "let the peer replicate semi-synchronously again, or switch it off for the move".to_owned(),
            vec![(Fences(side), Override), (Opens(side), Override)],
        )
    })
}

fn temp_tables(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let count = node.workload.temp_tables.known().filter(|count| **count > 0)?;
    let by_row = node.settings.known().is_some_and(|settings| settings.binlog_format == "ROW");
    let severity = if by_row { Warn } else { Override };
    Some(found(
        Code::TempTables,
        side,
        format!("{}: the applier holds {count} temporary table(s)", node.name),
        "wait until the sessions that made them have ended; binlog_format=ROW avoids them".to_owned(),
        vec![(Opens(side), severity), (Report, Warn)],
    ))
}

/// A read role on a node that does not follow the writer.
pub(super) fn stale_reads(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    if node.access.is(&WriteAccess::Open) {
        return None;
    }
    let roles: Vec<String> = snapshot.roles_on(pair, side).iter().map(ToString::to_string).collect();
    let channels = node.channels.known()?;
    let limit = pair.limits.lag.as_secs();
    let why = match &channels[..] {
        [channel] if channel.receiver != Thread::Running || channel.applier != Thread::Running => {
            "it does not replicate"
        }
        [channel] if channel.lag.is_some_and(|lag| lag > limit) => "it is too far behind",
        [_] => return None,
        _ => "it does not replicate from its peer alone",
    };
    (!roles.is_empty()).then(|| {
        report(
            Code::StaleReads,
            side,
            format!("{} holds {}, and {why}", node.name, roles.join(", ")),
            format!("mend its replication, or `flipper plan {} drain {}`", pair.name, node.name),
        )
    })
}

/// Received from a source that is gone, and not applied.
pub(super) fn unapplied(snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    let left = node.relay.unapplied.known().filter(|left| !left.is_empty())?;
    // from a source that is there, more arrives all the time
    let lost = node.channels.known()?.iter().any(|channel| channel.receiver != Thread::Running);
    let start = match node.server.known().map(|server| server.flavour) {
        Some(Flavour::MariaDb) => "START SLAVE SQL_THREAD",
        Some(Flavour::MySql) | None => "START REPLICA SQL_THREAD",
    };
    lost.then(|| {
        found(
            Code::Unapplied,
            side,
            format!("{}: received and not applied: {left}", node.name),
            match super::death::throws_away(node) {
                false => format!("let the applier finish ({start} if it was stopped)"),
                true => "save the relay logs: they may be the only copy, and START SLAVE throws them away while neither thread runs; \
                         apply their rest by mariadb-binlog"
                    .to_owned(),
            },
            vec![(Opens(side), Warn), (Closes(side), Warn)],
        )
    })
}
