//! One thing wrong with a healthy pair at a time, the check that must say so, and what a swap makes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Checked, Verdict, check};
use crate::model::samples::{boot_access, healthy, pair};
use crate::model::*;
use crate::planner::plan;

/// What a swap of the write role from db1 to db2 makes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    /// Refused, whatever is overridden.
    Refuses,
    /// Refused unless it is overridden, which the plan then says.
    Asks,
    /// Planned, with a note.
    Notes,
    /// Planned, without a word.
    Silent,
}
use Swap::{Asks, Notes, Refuses, Silent};
use Verdict::{Override, Stop, Unknown, Warn};

fn channel(node: &mut NodeSnapshot) -> &mut Channel {
    let Observed::Known(channels) = &mut node.channels else { panic!() };
    &mut channels[0]
}

fn settings(node: &mut NodeSnapshot) -> &mut Settings {
    let Observed::Known(settings) = &mut node.settings else { panic!() };
    settings
}

fn system(node: &mut NodeSnapshot) -> &mut System {
    let Observed::Known(system) = &mut node.system else { panic!() };
    system
}

fn addresses(node: &mut NodeSnapshot) -> &mut Vec<Held> {
    let Observed::Known(addresses) = &mut node.addresses else { panic!() };
    addresses
}

fn server(node: &mut NodeSnapshot) -> &mut Server {
    let Observed::Known(server) = &mut node.server else { panic!() };
    server
}

fn set(node: &mut NodeSnapshot, name: &str, value: &str) {
    let Observed::Known(variables) = &mut node.inventory.variables else { panic!() };
    variables.insert(name.to_owned(), value.to_owned());
}

/// A pair that cannot stop everybody, whose writer runs events.
fn runs_events(snapshot: &mut Snapshot, unstopped: Observed<Vec<String>>) {
    *snapshot = healthy(Flavour::MariaDb);
    set(&mut snapshot.nodes[0], "event_scheduler", "ON");
    snapshot.nodes[0].inventory.unstopped_events = unstopped;
}

fn sessions(account: &str, local: bool) -> Observed<Vec<Sessions>> {
    Observed::Known(vec![Sessions { account: account.to_owned(), count: 2, local }])
}

fn work(kind: WorkKind, seconds: u64, rows: u64) -> Observed<Vec<Work>> {
    let (account, what) = ("app@10.77.0.21".to_owned(), "UPDATE".to_owned());
    Observed::Known(vec![Work { kind, session: 7, account, what, seconds, rows }])
}

fn lock(kind: LockKind) -> Observed<Vec<Lock>> {
    Observed::Known(vec![Lock { kind, name: "app.t".to_owned(), session: Some(7) }])
}

fn downstream(from: &str, through: &str, by_gtid: Option<bool>) -> Observed<Vec<Downstream>> {
    let (from, through) = (from.parse().ok(), through.parse().ok());
    Observed::Known(vec![Downstream { account: "repl@10.77.0.30".to_owned(), from, through, by_gtid }])
}

fn denied() -> Observed<Vec<String>> {
    Observed::Known(vec!["`sudo -n x` is not allowed".to_owned()])
}

fn unknown<T>() -> Observed<T> {
    Observed::Unknown("denied".to_owned())
}

/// What makes it so.
pub(crate) type Change = fn(&mut Snapshot);

type Harm = (Code, Verdict, Swap, Change);

/// Everything that can be wrong with a pair, one at a time.
pub(crate) fn harms() -> Vec<(Code, Change)> {
    let all = [structure(), besides(), readers(), of_ipv6()].concat();
    all.into_iter().map(|(code, _, _, harm)| (code, harm)).collect()
}

/// What a move itself rests on.
fn structure() -> Vec<Harm> {
    vec![
        (Code::Unknown, Stop, Refuses, |s| s.nodes[1] = NodeSnapshot::unseen(s.nodes[1].name.clone(), "no route")),
        (Code::Unknown, Stop, Refuses, |s| s.nodes[0].prepared_xa = unknown()),
        (Code::Unknown, Stop, Refuses, |s| channel(&mut s.nodes[1]).lag = None),
        (Code::Unknown, Override, Asks, |s| s.nodes[0].workload.work = unknown()),
        (Code::Unknown, Override, Asks, |s| s.nodes[1].inventory.variables = unknown()),
        (Code::WrongMachine, Stop, Refuses, |s| s.nodes[0].same_machine = Observed::Known(false)),
        (Code::SameServer, Stop, Refuses, |s| server(&mut s.nodes[1]).server_id = 1),
        (Code::MixedFlavours, Stop, Refuses, |s| {
            server(&mut s.nodes[1]).flavour = Flavour::MariaDb;
        }),
        (Code::BothOpen, Stop, Refuses, |s| s.nodes[1].access = Observed::Known(WriteAccess::Open)),
        (Code::Deposed, Stop, Refuses, |s| {
            let (since, position) = ("2026-01-02T03:04:05Z".to_owned(), "u:1-9".to_owned());
            s.nodes[1].deposed = Some(Deposed { since, position });
        }),
        (Code::NoneOpen, Stop, Refuses, |s| s.nodes[0].access = Observed::Known(WriteAccess::Fenced)),
        (Code::SwitchUnderWay, Stop, Refuses, |s| s.nodes[1].access = Observed::Known(WriteAccess::Changing)),
        (Code::WriterElsewhere, Stop, Refuses, |s| {
            s.nodes[0].access = Observed::Known(WriteAccess::Fenced);
            s.nodes[1].access = Observed::Known(WriteAccess::Open);
        }),
        (Code::AddressOnBoth, Stop, Refuses, |s| {
            let write = addresses(&mut s.nodes[0])[1].clone();
            addresses(&mut s.nodes[1]).push(write);
        }),
        (Code::AddressNowhere, Stop, Refuses, |s| drop(addresses(&mut s.nodes[0]).pop())),
        (Code::AddressPlace, Stop, Refuses, |s| {
            addresses(&mut s.nodes[0])[1].interface = "lo".parse().expect("lo");
        }),
        (Code::AddressPlace, Stop, Refuses, |s| system(&mut s.nodes[1]).up.clear()),
        (Code::AddressPlace, Stop, Refuses, |s| {
            let held = addresses(&mut s.nodes[0]);
            held[1].address.prefix = 24;
            held[0].secondary = true;
        }),
        (Code::CannotAnnounce, Stop, Refuses, |s| system(&mut s.nodes[1]).arping = None),
        (Code::MissingTool, Stop, Refuses, |s| system(&mut s.nodes[0]).ss = None),
        (Code::NotPermitted, Stop, Refuses, |s| system(&mut s.nodes[1]).denied.push("not root".to_owned())),
        // for moves the account is good enough
        (Code::FailNotPermitted, Override, Silent, |s| s.nodes[0].readiness.isolate = denied()),
        (Code::FailNotPermitted, Override, Silent, |s| s.nodes[1].readiness.listen = denied()),
        (Code::FailNotPermitted, Warn, Silent, |s| s.nodes[1].readiness.count = denied()),
        (Code::FailNotPermitted, Unknown, Silent, |s| s.nodes[1].readiness.isolate = unknown()),
        (Code::NotReplica, Stop, Refuses, |s| s.nodes[1].channels = Observed::Known(vec![])),
        (Code::NotReplica, Stop, Refuses, |s| channel(&mut s.nodes[1]).source_id = Some(77)),
        (Code::NotReplica, Stop, Refuses, |s| channel(&mut s.nodes[1]).source.0 = "10.77.0.100".to_owned()),
        (Code::ManyChannels, Stop, Refuses, |s| {
            let other = channel(&mut s.nodes[0]).clone();
            let Observed::Known(channels) = &mut s.nodes[0].channels else { panic!() };
            channels.push(other);
        }),
        (Code::ReplicationStopped, Stop, Refuses, |s| channel(&mut s.nodes[1]).applier = Thread::Stopped),
        (Code::ReplicationStopped, Override, Asks, |s| channel(&mut s.nodes[0]).receiver = Thread::Connecting),
        (Code::ReplicationFiltered, Override, Asks, |s| channel(&mut s.nodes[1]).filters.push("X=y".to_owned())),
        (Code::ReplicationFiltered, Stop, Refuses, |s| settings(&mut s.nodes[0]).left_out.push("X=y".to_owned())),
        (Code::ReplicationDelayed, Stop, Refuses, |s| channel(&mut s.nodes[1]).delay = 60),
        (Code::Lagging, Override, Asks, |s| channel(&mut s.nodes[1]).lag = Some(11)),
        (Code::Diverged, Override, Asks, |s| s.nodes[1].ahead = Observed::Known("0-2-5".to_owned())),
        (Code::NoGtid, Stop, Refuses, |s| settings(&mut s.nodes[1]).gtid = false),
        (Code::NoGtid, Stop, Refuses, |s| channel(&mut s.nodes[0]).by_gtid = false),
        (Code::NoBinlog, Stop, Refuses, |s| settings(&mut s.nodes[1]).log_bin = false),
        (Code::PreparedXa, Override, Asks, |s| s.nodes[0].prepared_xa = Observed::Known(1)),
        (Code::NotListening, Stop, Refuses, |s| settings(&mut s.nodes[1]).bind_address = "10.77.0.12".to_owned()),
        (Code::Cluster, Stop, Refuses, |s| settings(&mut s.nodes[0]).cluster = Some("a Galera cluster".to_owned())),
    ]
}

/// What only the checks look at.
fn besides() -> Vec<Harm> {
    vec![
        (Code::Cluster, Stop, Refuses, |s| set(&mut s.nodes[0], "aurora_version", "3.08.0")),
        (Code::Cluster, Stop, Refuses, |s| set(&mut s.nodes[1], "basedir", "/rdsdbbin/mysql-8.0/")),
        (Code::HalfFenced, Warn, Silent, |s| s.nodes[1].access = Observed::Known(WriteAccess::Guarded)),
        (Code::PrivilegedWriter, Override, Asks, |s| s.nodes[0].workload.privileged = sessions("adm@10.0.0.9", false)),
        (Code::PrivilegedWriter, Warn, Silent, |s| s.nodes[0].workload.privileged = sessions("root@localhost", true)),
        (Code::PrivilegedWriter, Unknown, Silent, |s| s.nodes[0].workload.privileged = unknown()),
        (Code::CannotEndSessions, Warn, Silent, |s| s.nodes[0].workload.protected = sessions("root@h", false)),
        (Code::MissingGrants, Warn, Notes, |s| {
            s.nodes[0].inventory.missing_grants = Observed::Known(vec!["PROCESS".to_owned()]);
        }),
        (Code::DataRights, Warn, Silent, |s| {
            s.nodes[1].inventory.data_rights = Observed::Known(vec!["INSERT ON *.*".to_owned()]);
        }),
        (Code::LongWrite, Override, Asks, |s| s.nodes[0].workload.work = work(WorkKind::Statement, 60, 0)),
        (Code::LongWrite, Override, Asks, |s| s.nodes[0].workload.work = work(WorkKind::Statement, 1, 1_000_000)),
        (Code::LongWrite, Override, Asks, |s| s.nodes[0].workload.work = work(WorkKind::Idle, 1, 1_000_000)),
        (Code::LongWrite, Override, Asks, |s| s.nodes[0].workload.work = work(WorkKind::Ending, 0, 0)),
        (Code::OpenTransaction, Warn, Silent, |s| s.nodes[0].workload.work = work(WorkKind::Idle, 60, 3)),
        (Code::TableLock, Override, Asks, |s| s.nodes[0].workload.locks = lock(LockKind::Table)),
        (Code::TableLock, Override, Asks, |s| s.nodes[1].workload.locks = lock(LockKind::Global)),
        (Code::TableLock, Override, Asks, |s| s.nodes[0].workload.locks = lock(LockKind::WaitedFor)),
        (Code::SchemaChange, Override, Asks, |s| s.nodes[0].workload.work = work(WorkKind::Schema, 60, 0)),
        (Code::SchemaChange, Override, Asks, |s| s.nodes[1].workload.work = work(WorkKind::Backup, 60, 0)),
        (Code::SchemaChange, Override, Asks, |s| s.nodes[0].workload.locks = lock(LockKind::Backup)),
        (Code::SemiSync, Override, Asks, |s| s.nodes[0].workload.semi_sync = Observed::Known(Some(0))),
        (Code::UserLocks, Warn, Silent, |s| s.nodes[0].workload.locks = lock(LockKind::User)),
        (Code::UserLocks, Unknown, Silent, |s| s.nodes[0].workload.locks = unknown()),
        (Code::TempTables, Warn, Notes, |s| s.nodes[1].workload.temp_tables = Observed::Known(3)),
        (Code::DirectClients, Warn, Silent, |s| s.nodes[0].workload.direct = sessions("app@10.0.0.9", false)),
        (Code::Downstream, Override, Asks, |s| {
            s.nodes[0].workload.downstream = downstream("10.77.0.30", "10.77.0.100", Some(false));
        }),
        (Code::Downstream, Override, Asks, |s| {
            s.nodes[0].workload.downstream = downstream("10.77.0.30", "10.77.0.100", None);
        }),
        (Code::Downstream, Warn, Notes, |s| {
            s.nodes[0].workload.downstream = downstream("10.77.0.30", "10.77.0.100", Some(true));
        }),
        (Code::ConnectionsFull, Stop, Refuses, |s| s.nodes[0].health.turned_away = Observed::Known(true)),
        (Code::ConnectionsFull, Warn, Silent, |s| {
            s.nodes[0].health.connections = Observed::Known(Connections { now: 149, most: 149, limit: 151 });
        }),
        (Code::FewerConnections, Warn, Silent, |s| {
            s.nodes[1].health.connections = Observed::Known(Connections { now: 1, most: 1, limit: 39 });
        }),
        (Code::AccountsDiffer, Warn, Notes, |s| s.nodes[1].inventory.accounts = Observed::Known(vec![])),
        (Code::PasswordExchange, Warn, Silent, |s| s.nodes[0].workload.without_tls = sessions("app@10.0.0.9", false)),
        (Code::Events, Warn, Notes, |s| {
            s.nodes[0].inventory.events = Observed::Known(vec!["app.nightly".to_owned()]);
        }),
        (Code::Events, Unknown, Silent, |s| s.nodes[0].inventory.events = unknown()),
        (Code::EventWritesOn, Override, Asks, |s| {
            runs_events(s, Observed::Known(vec!["app.nightly of root@%".to_owned()]))
        }),
        (Code::EventWritesOn, Override, Asks, |s| runs_events(s, unknown())),
        (Code::SettingsDiffer, Warn, Notes, |s| set(&mut s.nodes[1], "sql_mode", "ANSI")),
        (Code::BinlogFormat, Warn, Notes, |s| settings(&mut s.nodes[0]).binlog_format = "MIXED".to_owned()),
        (Code::AutoIncrement, Warn, Silent, |s| set(&mut s.nodes[1], "auto_increment_offset", "1")),
        (Code::AppliedNotLogged, Warn, Notes, |s| settings(&mut s.nodes[0]).log_replica_updates = false),
        (Code::VersionsDiffer, Override, Asks, |s| server(&mut s.nodes[1]).version = Version(9, 8, 0)),
        (Code::VersionsDiffer, Warn, Notes, |s| server(&mut s.nodes[1]).version = Version(9, 7, 1)),
        (Code::VersionsDiffer, Override, Silent, |s| server(&mut s.nodes[1]).version = Version(8, 4, 3)),
        (Code::PurgedLogs, Stop, Refuses, |s| s.nodes[1].relay.purged = Observed::Known("a:1-5".to_owned())),
        (Code::GivesUp, Warn, Silent, |s| s.nodes[0].relay.retries = Observed::Known(Some(10))),
        (Code::SlowTimeout, Warn, Silent, |s| set(&mut s.nodes[0], "replica_net_timeout", "3600")),
        (Code::RelayRecovery, Warn, Silent, |s| set(&mut s.nodes[0], "relay_log_recovery", "OFF")),
        (Code::Durability, Warn, Silent, |s| set(&mut s.nodes[0], "sync_binlog", "0")),
        (Code::AddressAtBoot, Override, Notes, |s| {
            let address = "10.77.0.100".parse().expect("an address");
            s.nodes[1].boot.files =
                Observed::Known(vec![InFile { path: "/etc/rc.local".to_owned(), line: Some(4), address }]);
        }),
        (Code::OtherManager, Override, Asks, |s| {
            s.nodes[1].boot.managers = Observed::Known(vec!["keepalived".to_owned()]);
        }),
        (Code::SharedAddress, Warn, Notes, |s| {
            s.nodes[0].health.listeners = Observed::Known(vec!["10.77.0.100:80".parse().expect("a socket")]);
        }),
        (Code::ClocksDiffer, Override, Asks, |s| s.nodes[0].health.clock_ahead = Observed::Known(-31_000)),
        (Code::ClocksDiffer, Warn, Silent, |s| s.nodes[0].health.clock_ahead = Observed::Known(1_001)),
        (Code::OpensAtBoot, Override, Notes, |s| {
            let off = ("read_only".to_owned(), "OFF".to_owned());
            s.nodes[0].boot =
                Boot { read_only: Observed::Known(Kept::Persisted(vec![off])), ..blind(&s.nodes[0].boot) };
        }),
        (Code::OpensAtBoot, Warn, Notes, |s| {
            s.nodes[0].boot = Boot { read_only: Observed::Known(Kept::Nowhere), ..blind(&s.nodes[0].boot) };
        }),
        // what it was started with last says nothing of its files as they are now
        (Code::OpensAtBoot, Unknown, Silent, |s| s.nodes[0].boot = blind(&s.nodes[0].boot)),
        (Code::OpensAtBoot, Verdict::Ok, Silent, |s| {
            let on = ("super_read_only".to_owned(), "ON".to_owned());
            s.nodes[0].boot = Boot { read_only: Observed::Known(Kept::Persisted(vec![on])), ..blind(&s.nodes[0].boot) };
        }),
        (Code::OpensAtBoot, Override, Notes, |s| {
            let origin = Origin::File("/etc/my.cnf".to_owned(), 3);
            s.nodes[0].boot.access = Observed::Known(boot_access(WriteAccess::Open, "read_only=OFF", origin));
        }),
        (Code::OpensAtBoot, Override, Notes, |s| {
            let access = boot_access(WriteAccess::Open, "read_only=OFF", Origin::CommandLine);
            s.nodes[0].boot.access = Observed::Known(access);
        }),
        (Code::OpensAtBoot, Warn, Notes, |s| {
            s.nodes[0].boot.access = Observed::Known(boot_access(WriteAccess::Open, "read_only", Origin::Default));
        }),
        (Code::FollowsAtBoot, Unknown, Silent, |s| s.nodes[0].boot.follows = unknown()),
        (Code::DiskSpace, Override, Asks, |s| {
            let disk = Disk { path: "/data".to_owned(), size: 100_000, free: 4_999 };
            s.nodes[1].health.disk = Observed::Known(vec![disk]);
        }),
        (Code::InnodbState, Override, Asks, |s| set(&mut s.nodes[1], "innodb_force_recovery", "1")),
        (Code::TurnsAway, Verdict::Stop, Refuses, |s| set(&mut s.nodes[1], "offline_mode", "ON")),
        (Code::TurnsAway, Override, Asks, |s| set(&mut s.nodes[1], "transaction_read_only", "ON")),
        (Code::TurnsAway, Override, Asks, |s| set(&mut s.nodes[1], "tx_read_only", "ON")),
        (Code::TurnsAway, Verdict::Ok, Silent, |s| set(&mut s.nodes[1], "offline_mode", "OFF")),
        (Code::ColdServer, Warn, Silent, |s| s.nodes[1].health.uptime = Observed::Known(599)),
    ]
}

/// Where its machine says nothing of a restart.
fn blind(boot: &Boot) -> Boot {
    Boot { access: unknown(), follows: unknown(), ..boot.clone() }
}

/// Read roles by themselves: the swap of the write role has more reasons against it.
fn readers() -> Vec<Harm> {
    vec![
        (Code::FollowsAtBoot, Warn, Refuses, |s| channel(&mut s.nodes[0]).receiver = Thread::Stopped),
        (Code::StaleReads, Warn, Refuses, |s| channel(&mut s.nodes[1]).lag = Some(11)),
        (Code::Unapplied, Warn, Refuses, |s| {
            s.nodes[1].relay.unapplied = Observed::Known("a:7".to_owned());
            channel(&mut s.nodes[1]).receiver = Thread::Connecting;
        }),
        // on a closed node, on an open one, and in the relay log of an open one
        (Code::HalfReceived, Warn, Refuses, |s| {
            s.nodes[1].relay.half_received = Observed::Known(4096);
            channel(&mut s.nodes[1]).receiver = Thread::Connecting;
        }),
        (Code::HalfReceived, Warn, Refuses, |s| {
            s.nodes[0].relay.half_received = Observed::Known(4096);
            channel(&mut s.nodes[0]).receiver = Thread::Stopped;
        }),
        (Code::HalfReceived, Warn, Refuses, |s| {
            s.nodes[0].relay.half_received = Observed::Known(4096);
            (channel(&mut s.nodes[0]).receiver, channel(&mut s.nodes[0]).applier) = (Thread::Stopped, Thread::Stopped);
        }),
        // the rest of it is on its way, or it is fetched again
        (Code::HalfReceived, Verdict::Ok, Refuses, |s| s.nodes[1].relay.half_received = Observed::Known(4096)),
        (Code::HalfReceived, Verdict::Ok, Refuses, |s| {
            s.nodes[1].relay.half_received = Observed::Known(4096);
            (channel(&mut s.nodes[1]).receiver, channel(&mut s.nodes[1]).applier) = (Thread::Stopped, Thread::Stopped);
        }),
        (Code::HalfReceived, Unknown, Refuses, |s| s.nodes[1].relay.half_received = unknown()),
    ]
}

/// What only IPv6 addresses are.
fn of_ipv6() -> Vec<Harm> {
    vec![(Code::AddressPlace, Stop, Refuses, |s| addresses(&mut s.nodes[0])[1].unusable = true)]
}

fn checked(snapshot: &Snapshot) -> Vec<Checked> {
    check(&pair(), snapshot, &Observed::Known(None))
}

fn verdict(checks: &[Checked], code: Code) -> Verdict {
    checks.iter().find(|check| check.code == code).expect("every check is there").verdict
}

fn swap() -> Goal {
    Goal::Swap("write".parse().ok())
}

#[test]
fn each_thing_wrong_is_named_by_its_own_check() {
    for (code, expected, _, harm) in structure().iter().chain(&besides()).chain(&readers()).chain(&of_ipv6()) {
        let mut snapshot = healthy(Flavour::MySql);
        harm(&mut snapshot);
        let checks = checked(&snapshot);
        assert_eq!(verdict(&checks, *code), *expected, "{code}");
        for finding in checks.iter().flat_map(|check| &check.found) {
            assert!(!finding.seen.is_empty() && !finding.help.is_empty() && !finding.scopes.is_empty(), "{finding:?}");
        }
    }
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let odd: Vec<Checked> =
            checked(&healthy(flavour)).into_iter().filter(|check| check.verdict != Verdict::Ok).collect();
        assert_eq!(odd, [], "nothing is wrong with a healthy pair");
    }
}

#[test]
fn nothing_else_is_blamed() {
    for (code, _, _, harm) in &besides() {
        let mut snapshot = healthy(Flavour::MySql);
        harm(&mut snapshot);
        let blamed: Vec<Code> =
            checked(&snapshot).iter().filter(|check| !check.found.is_empty()).map(|check| check.code).collect();
        assert!(blamed.iter().all(|other| other == code), "{code}: {blamed:?}");
    }
}

#[test]
fn a_swap_is_refused_asks_notes_or_is_silent() {
    for (code, _, expected, harm) in structure().iter().chain(&besides()) {
        let mut snapshot = healthy(Flavour::MySql);
        harm(&mut snapshot);
        let plain = plan(&pair(), &snapshot, &swap(), &[]);
        let overridden = plan(&pair(), &snapshot, &swap(), &[*code]);
        let reasons = |refusal: &Refusal| refusal.reasons.iter().map(|reason| reason.code).collect::<BTreeSet<_>>();
        let seen = match (&plain, &overridden) {
            (Err(refusal), Err(_)) => {
                // a server that is its own peer is not that peer's replica either
                let also = (*code == Code::SameServer).then_some(Code::NotReplica);
                assert_eq!(reasons(refusal), std::iter::once(*code).chain(also).collect(), "{refusal:?}");
                Refuses
            }
            (Err(refusal), Ok(plan)) => {
                assert_eq!((reasons(refusal), &plan.overrides[..]), ([*code].into(), &[*code][..]));
                Asks
            }
            (Ok(plan), _) if plan.notes.is_empty() => Silent,
            (Ok(plan), _) => {
                assert!(plan.notes.iter().all(|note| note.contains(code.id())), "{code}: {:?}", plan.notes);
                assert_eq!(plan.overrides, [], "an override that nothing needs is not recorded");
                Notes
            }
        };
        assert_eq!(seen, *expected, "{code}: {plain:?}");
    }
}

#[test]
fn every_code_is_reached_and_as_bad_as_it_says() {
    let all: Vec<Harm> = [structure(), besides(), readers(), of_ipv6()].concat();
    let lately = check(&pair(), &healthy(Flavour::MySql), &Observed::Known(Some(Duration::from_secs(599))));
    assert_eq!(verdict(&lately, Code::MovedLately), Warn);
    let blind = check(&pair(), &healthy(Flavour::MySql), &Observed::Unknown("no journal".to_owned()));
    assert_eq!(verdict(&blind, Code::MovedLately), Unknown);
    for code in Code::ALL {
        // one is decided with a goal, one by the journal
        if code.is_of_goal() || code == Code::MovedLately {
            continue;
        }
        let worst = all.iter().filter(|(other, ..)| *other == code).map(|(_, verdict, ..)| *verdict).max();
        let said = match code.worst() {
            Severity::Stop => Stop,
            Severity::Override => Override,
            Severity::Warn => Warn,
        };
        // the sample's binary log is by row: with statements it asks
        let said = if code == Code::TempTables { Warn } else { said };
        let worst = worst.filter(|worst| *worst != Unknown).or(Some(Warn));
        assert_eq!(worst, Some(said), "{code}");
    }
}

/// What can go wrong and be seen beforehand, by the numbers under which it is catalogued.
#[test]
fn every_hazard_that_can_be_seen_has_a_check() {
    const SEEN: [u32; 58] = [
        1, 2, 4, 5, 9, 10, 13, 14, 17, 18, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 32, 33, 34, 36, 37, 38, 39, 40, 41,
        42, 43, 44, 45, 46, 47, 48, 49, 52, 53, 55, 56, 58, 61, 64, 66, 68, 69, 70, 79, 80, 85, 88, 91, 92, 93, 94, 96,
        97,
    ];
    let named: BTreeSet<&str> = Code::ALL.iter().flat_map(|code| code.hazards().split(", ")).collect();
    let missed: Vec<String> =
        SEEN.iter().chain(&[99, 100]).map(|n| format!("H-{n:02}")).filter(|h| !named.contains(&h[..])).collect();
    assert_eq!(missed, [] as [&str; 0]);
}

#[test]
fn an_event_that_is_not_run_writes_nothing() {
    let mut snapshot = healthy(Flavour::MariaDb);
    runs_events(&mut snapshot, Observed::Known(vec![]));
    assert_eq!(verdict(&checked(&snapshot), Code::EventWritesOn), Verdict::Ok);
    runs_events(&mut snapshot, unknown());
    set(&mut snapshot.nodes[0], "event_scheduler", "OFF");
    assert_eq!(verdict(&checked(&snapshot), Code::EventWritesOn), Verdict::Ok);
    // a server that stops everybody
    runs_events(&mut snapshot, unknown());
    for node in &mut snapshot.nodes {
        server(node).version = Version(12, 1, 2);
    }
    assert_eq!(verdict(&checked(&snapshot), Code::EventWritesOn), Verdict::Ok);
}

#[test]
fn temporary_tables_of_statements_ask_to_be_overridden() {
    let mut snapshot = healthy(Flavour::MariaDb);
    snapshot.nodes[1].workload.temp_tables = Observed::Known(3);
    settings(&mut snapshot.nodes[1]).binlog_format = "MIXED".to_owned();
    assert_eq!(verdict(&checked(&snapshot), Code::TempTables), Override);
}

/// What comes and goes with the traffic makes no other plan of it: not even a note differs.
#[test]
fn traffic_is_no_part_of_a_plan() {
    let calm = healthy(Flavour::MySql);
    let mut busy = calm.clone();
    busy.nodes[0].workload = Workload {
        work: work(WorkKind::Idle, 60, 3),
        locks: lock(LockKind::User),
        direct: sessions("app@10.0.0.9", false),
        without_tls: sessions("app@10.0.0.9", false),
        protected: sessions("root@localhost", true),
        ..busy.nodes[0].workload.clone()
    };
    busy.nodes[0].health.connections = Observed::Known(Connections { now: 150, most: 151, limit: 151 });
    busy.nodes[1].health.clock_ahead = Observed::Known(17);
    busy.nodes[0].relay.unapplied = Observed::Known("a:7".to_owned());
    let planned = |snapshot: &Snapshot| plan(&pair(), snapshot, &swap(), &[]).expect("a plan");
    assert_eq!(planned(&calm), planned(&busy));
}

#[test]
fn a_peer_that_replicates_is_no_other_server() {
    let mut snapshot = healthy(Flavour::MariaDb);
    // through the floating address is wrong for it too, which its own channel says
    snapshot.nodes[0].workload.downstream = downstream("10.77.0.12", "10.77.0.100", None);
    assert_eq!(verdict(&checked(&snapshot), Code::Downstream), Verdict::Ok);
}
