//! Limits, at which a check is still silent and right behind which it speaks, and facts of which only some are known.

use super::*;
use crate::model::samples::{dead, healthy, pair, returned};
use crate::model::{
    Boot, Channel, Connections, Disk, Downstream, Flavour, Goal, Held, Isolation, Kept, Lock, LockKind, NodeSnapshot,
    Observed, Step, StepId, Thread, Version, Work, WorkKind,
};

const FLAVOURS: [Flavour; 2] = [Flavour::MySql, Flavour::MariaDb];

fn named<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a name")
}

fn found(seen: &Snapshot) -> Vec<Finding> {
    findings(&pair(), seen)
}

fn says(seen: &Snapshot, code: Code) -> bool {
    found(seen).iter().any(|finding| finding.code == code)
}

/// One that says less than `said`, and what it says.
#[track_caller]
fn edge(code: Code, quiet: impl Fn(&mut Snapshot), loud: impl Fn(&mut Snapshot)) {
    for (change, expected) in [(&quiet as &dyn Fn(&mut Snapshot), false), (&loud, true)] {
        let mut seen = healthy(Flavour::MySql);
        change(&mut seen);
        assert_eq!(says(&seen, code), expected, "{code}");
    }
}

fn channel(node: &mut NodeSnapshot) -> &mut Channel {
    let Observed::Known(channels) = &mut node.channels else { panic!("a channel") };
    &mut channels[0]
}

fn variable(seen: &mut Snapshot, at: usize, name: &str, value: &str) {
    let Observed::Known(variables) = &mut seen.nodes[at].inventory.variables else { panic!("variables") };
    variables.insert(name.to_owned(), value.to_owned());
}

#[test]
fn a_check_speaks_right_behind_its_limit() {
    let most = |most| {
        move |seen: &mut Snapshot| {
            seen.nodes[0].health.connections = Observed::Known(Connections { now: 1, most, limit: 151 });
        }
    };
    edge(Code::FewerConnections, most(151), most(152));
    let disk = |size, free| {
        move |seen: &mut Snapshot| {
            seen.nodes[0].health.disk = Observed::Known(vec![Disk { path: "/var/lib/mysql".to_owned(), size, free }]);
        }
    };
    edge(Code::DiskSpace, disk(2_000, 1_024), disk(2_000, 1_023));
    edge(Code::DiskSpace, disk(100_000, 5_000), disk(100_000, 4_999));
    edge(Code::DiskSpace, disk(2_000, 1_024), disk(2_000, 7));
    let uptime = |seconds| move |seen: &mut Snapshot| seen.nodes[1].health.uptime = Observed::Known(seconds);
    edge(Code::ColdServer, uptime(600), uptime(599));
    let clock = |ms| move |seen: &mut Snapshot| seen.nodes[0].health.clock_ahead = Observed::Known(ms);
    edge(Code::ClocksDiffer, clock(1_000), clock(1_001));
    edge(Code::ClocksDiffer, clock(-1_000), clock(-1_001));
    let kept = |value: &str| {
        let kept = Kept::Persisted(vec![("super_read_only".to_owned(), value.to_owned())]);
        // where its machine does not tell, what was persisted does
        move |seen: &mut Snapshot| {
            seen.nodes[0].boot = Boot {
                read_only: Observed::Known(kept.clone()),
                access: Observed::Unknown("x".to_owned()),
                ..seen.nodes[0].boot.clone()
            }
        }
    };
    edge(Code::OpensAtBoot, kept("ON"), kept("off"));
    // the fence waits two seconds
    for kind in [WorkKind::Statement, WorkKind::Event] {
        edge(Code::LongWrite, work(kind, 2, 100_000), work(kind, 3, 0));
        edge(Code::LongWrite, work(kind, 2, 100_000), work(kind, 0, 100_001));
    }
    edge(Code::LongWrite, work(WorkKind::Idle, 99, 100_000), work(WorkKind::Idle, 0, 100_001));
}

fn work(kind: WorkKind, seconds: u64, rows: u64) -> impl Fn(&mut Snapshot) {
    move |seen| {
        let (account, what) = ("app@10.77.0.21".to_owned(), "UPDATE".to_owned());
        let work = Work { kind, session: 7, account, what, seconds, rows };
        seen.nodes[0].workload.work = Observed::Known(vec![work]);
    }
}

/// A verdict's word is a part of the JSON that others read; what it means decides the exit code.
#[test]
fn verdicts_have_words_and_two_of_them_are_bad() {
    let all = [Verdict::Ok, Verdict::Warn, Verdict::Unknown, Verdict::Override, Verdict::Stop];
    assert_eq!(all.map(Verdict::id), ["ok", "warn", "unknown", "override", "stop"]);
    assert_eq!(all.map(Verdict::is_bad), [false, false, false, true, true]);
}

#[test]
fn a_move_ten_minutes_ago_is_not_lately_any_more() {
    for (seconds, expected) in [(599, Verdict::Warn), (600, Verdict::Ok)] {
        let last = Observed::Known(Some(std::time::Duration::from_secs(seconds)));
        let checks = check(&pair(), &healthy(Flavour::MySql), &last);
        let lately = checks.iter().find(|check| check.code == Code::MovedLately).expect("a check");
        assert_eq!(lately.verdict, expected, "{seconds}");
    }
}

#[test]
fn clocks_that_differ_by_half_a_minute_are_not_yet_asked_about() {
    for (ms, asks, late) in [(30_000, false, "db2"), (30_001, true, "db2"), (-30_001, true, "db1")] {
        let mut seen = healthy(Flavour::MySql);
        seen.nodes[0].health.clock_ahead = Observed::Known(ms);
        let clocks = found(&seen).into_iter().find(|finding| finding.code == Code::ClocksDiffer).expect("clocks");
        assert_eq!(clocks.severity() == Severity::Override, asks, "{ms}");
        assert!(clocks.seen.ends_with(&format!("the one of {late}")), "{}", clocks.seen);
    }
}

#[test]
fn of_two_versions_the_newer_one_is_asked_about() {
    for (at, newer) in [(0, Side::First), (1, Side::Second)] {
        let mut seen = healthy(Flavour::MySql);
        let Observed::Known(server) = &mut seen.nodes[at].server else { panic!("a server") };
        server.version = Version(9, 8, 0);
        let versions = found(&seen).into_iter().find(|finding| finding.code == Code::VersionsDiffer);
        let scopes = versions.expect("versions").scopes;
        assert!(scopes.contains(&(crate::model::Scope::Opens(newer), Severity::Override)), "{scopes:?}");
    }
}

/// Of long lists only the parts that are not in both are shown.
#[test]
fn settings_that_differ_are_shown_by_their_difference() {
    let mut seen = healthy(Flavour::MySql);
    variable(&mut seen, 0, "sql_mode", "STRICT_TRANS_TABLES,NO_ZERO_DATE");
    variable(&mut seen, 1, "sql_mode", "STRICT_TRANS_TABLES,ANSI_QUOTES");
    let settings = found(&seen).into_iter().find(|finding| finding.code == Code::SettingsDiffer).expect("settings");
    assert!(settings.seen.contains("sql_mode (db1: `NO_ZERO_DATE`, db2: `ANSI_QUOTES`)"), "{}", settings.seen);
}

/// MariaDB's scheduler is off unless somebody wants it: where its events cannot be seen, that it runs is told. MySQL's
/// is always on, and that says nothing.
#[test]
fn a_scheduler_that_somebody_wanted_is_told() {
    for flavour in FLAVOURS {
        let mut seen = healthy(flavour);
        seen.nodes[0].inventory.events = Observed::Unknown("denied".to_owned());
        variable(&mut seen, 0, "event_scheduler", "ON");
        assert_eq!(says(&seen, Code::Events), flavour == Flavour::MariaDb);
        variable(&mut seen, 0, "event_scheduler", "OFF");
        assert!(!says(&seen, Code::Events));
    }
}

#[test]
fn a_replica_is_told_from_another_servers_by_id_or_uuid() {
    let uuid = |seen: &mut Snapshot, uuid: &str| channel(&mut seen.nodes[0]).source_uuid = Some(uuid.to_owned());
    edge(Code::NotReplica, |seen| uuid(seen, ""), |seen| uuid(seen, "00000009-0000-0000-0000-000000000000"));
    let id = |seen: &mut Snapshot, id| channel(&mut seen.nodes[0]).source_id = Some(id);
    edge(Code::NotReplica, |seen| id(seen, 0), |seen| id(seen, 9));
}

/// Only another address of that interface, which depends on this one, can be taken along by it.
#[test]
fn an_address_is_left_alone_only_where_it_would_take_others_along() {
    let with = |other: Option<(&'static str, &'static str, bool)>| {
        move |seen: &mut Snapshot| {
            let Observed::Known(held) = &mut seen.nodes[0].addresses else { panic!("addresses") };
            held[1].address = named("10.77.0.100/24");
            held.extend(other.map(|(address, interface, secondary)| Held {
                address: named(address),
                interface: named(interface),
                secondary,
                unusable: false,
            }));
        }
    };
    let loud = with(Some(("10.77.0.7/24", "eth0", true)));
    for quiet in [None, Some(("10.77.0.7/24", "eth1", true)), Some(("10.77.0.7/24", "eth0", false))] {
        edge(Code::AddressPlace, with(quiet), loud);
    }
    let itself = |seen: &mut Snapshot| {
        with(None)(seen);
        let Observed::Known(held) = &mut seen.nodes[0].addresses else { panic!("addresses") };
        held[1].secondary = true;
    };
    edge(Code::AddressPlace, itself, loud);
}

#[test]
fn what_is_not_seen_in_full_is_not_back() {
    let seen = healthy(Flavour::MySql);
    let plan = plan(&pair(), &seen, &Goal::Swap(None), &[]).expect("a plan");
    assert!(is_back(&pair(), &seen, &plan));
    let unknown = || "hangs".to_owned();
    let mut blind = seen.clone();
    blind.nodes[1].access = Observed::Unknown(unknown());
    assert!(!is_back(&pair(), &blind, &plan));
    let mut blind = seen;
    blind.nodes[1].addresses = Observed::Unknown(unknown());
    assert!(!is_back(&pair(), &blind, &plan));
}

/// A writer whose access cannot be seen in the middle of a move: nobody is opened, and it is said which and why.
#[test]
fn no_way_leads_past_a_writer_whose_access_is_unknown() {
    for flavour in FLAVOURS {
        let start = healthy(flavour);
        let plan = plan(&pair(), &start, &Goal::Swap(None), &[]).expect("a plan");
        let mut now = start;
        for step in plan.steps.iter().take_while(|step| step.id != StepId("open-db2".to_owned())) {
            perform(&pair(), &mut now, &step.action);
        }
        let blind = |at: usize| {
            let mut blind = now.clone();
            blind.nodes[at].access = Observed::Unknown("hangs".to_owned());
            blind
        };
        let told = |way: Result<Vec<Step>, Vec<Reason>>, node: &str| {
            let reasons = way.expect_err("no way");
            let seen = format!("write access of {node}: hangs");
            assert!(reasons.iter().any(|reason| reason.code == Code::Unknown && reason.seen == seen), "{reasons:?}");
        };
        told(way_back(&pair(), &blind(0), &plan, Opened::Undone, &plan.touched()), "db1");
        told(way_forward(&pair(), &blind(1), &plan, &plan.touched()), "db2");
    }
}

#[test]
fn a_machine_that_shows_only_half_of_itself_cannot_fence_its_server() {
    let words = [Code::NotFenced, Code::MayLose];
    let how = |seen: &Snapshot| {
        let plan = plan(&pair(), seen, &Goal::Fail(named("db1")), &words).expect("a plan");
        plan.steps.iter().find_map(|step| match step.action {
            Action::Isolate { how, .. } => Some(how),
            _ => None,
        })
    };
    let whole = healthy(Flavour::MySql).nodes[0].clone();
    let mut seen = dead(Flavour::MySql);
    assert_eq!(how(&seen), Some(Isolation::Hand));
    seen.nodes[0].addresses = whole.addresses.clone();
    assert_eq!(how(&seen), Some(Isolation::Hand));
    seen.nodes[0].system = whole.system.clone();
    assert_eq!(how(&seen), Some(Isolation::Shell));
}

/// A dead node's readers move, too: the survivor opens first, and the address of the one role is taken after that of
/// the other one was looked at from outside.
#[test]
fn a_dead_node_with_every_address_leaves_its_readers_too() {
    for flavour in FLAVOURS {
        let mut seen = dead(flavour);
        let own = Held { address: named("10.77.0.12/24"), interface: named("eth0"), secondary: false, unusable: false };
        seen.nodes[1].addresses = Observed::Known(vec![own]);
        let words = [Code::NotFenced, Code::MayLose];
        let plan = plan(&pair(), &seen, &Goal::Fail(named("db1")), &words).expect("a plan");
        let after = |id: &str| -> Vec<String> {
            let step = plan.steps.iter().find(|step| step.id.0 == id).expect(id);
            step.after.iter().map(|(id, rule)| format!("{} {rule}", id.0)).collect()
        };
        let takes = after("take-read-db2");
        for before in ["promote-db2 reads-outside-outage", "verify-write-db2 reads-outside-outage"] {
            assert!(takes.iter().any(|edge| edge == before), "{flavour}: {takes:?}");
        }
        let looked = after("verify-write-db2");
        assert!(looked.iter().any(|edge| edge.starts_with("promote-db2 ")), "{flavour}: {looked:?}");
    }
}

/// Which errors are the applier's own: one of these would come again, the others go when the receiver is started.
#[test]
fn a_returned_node_is_refused_for_its_appliers_errors_only() {
    let rejoin = Goal::Rejoin(named("db1"));
    let refused = |code: Option<u32>, applier| {
        let mut seen = returned(Flavour::MySql);
        let channel = channel(&mut seen.nodes[0]);
        channel.applier = applier;
        channel.errors = code.map(|code| (code, "said so".to_owned())).into_iter().collect();
        plan(&pair(), &seen, &rejoin, &[]).err().map(|refusal| {
            let codes: Vec<Code> = refusal.reasons.iter().map(|reason| reason.code).collect();
            assert_eq!(codes, [Code::ReplicationStopped], "{code:?}");
            refusal.reasons[0].seen.clone()
        })
    };
    for harmless in [1236, 1593, 2000, 2999, 13114, 13125] {
        assert_eq!(refused(Some(harmless), Thread::Stopped), None, "{harmless}");
    }
    for bad in [1062, 1999, 3000, 13113, 13126] {
        let seen = refused(Some(bad), Thread::Stopped).expect("a refusal");
        assert!(seen.contains(&format!("error {bad}: said so")), "{seen}");
    }
    assert_eq!(refused(None, Thread::Stopped), None);
}

/// Each flavour is told by its own tools how a second history is saved, and a node built anew.
#[test]
fn what_a_returned_node_has_of_its_own_is_saved_by_its_flavours_tools() {
    for (flavour, tools) in [
        (Flavour::MySql, ["mysqlbinlog --include-gtids='own-gtids'", "the CLONE plugin"]),
        (Flavour::MariaDb, ["mariadb-binlog --start-position", "mariadb-backup"]),
    ] {
        let mut seen = returned(flavour);
        seen.nodes[0].ahead = Observed::Known("own-gtids".to_owned());
        let refusal = plan(&pair(), &seen, &Goal::Rejoin(named("db1")), &[]).expect_err("a refusal");
        let history = refusal.reasons.iter().find(|reason| reason.code == Code::SecondHistory).expect("its own");
        for tool in tools {
            assert!(history.help.contains(tool), "{flavour}: {}", history.help);
        }
    }
}

#[test]
fn five_names_are_told_and_of_the_rest_how_many() {
    for (count, said) in
        [(5, "5 user-level lock(s) held: a, a, a, a, a"), (7, "7 user-level lock(s) held: a, a, a, a, a and 2 more")]
    {
        let mut seen = healthy(Flavour::MySql);
        let lock = Lock { kind: LockKind::User, name: "a".to_owned(), session: Some(7) };
        seen.nodes[0].workload.locks = Observed::Known(vec![lock; count]);
        let locks = found(&seen).into_iter().find(|finding| finding.code == Code::UserLocks).expect("locks");
        assert_eq!(locks.seen, format!("db1: {said}"));
    }
}

/// What is ended with `--kill` is rolled back first: whoever reviews the plan is told when that takes long.
#[test]
fn a_rollback_of_more_than_a_hundred_thousand_rows_is_told() {
    let kill = Consent { overrides: &[Code::LongWrite], kill: true };
    for (rows, expected) in [(100_000, false), (100_001, true)] {
        let mut seen = healthy(Flavour::MySql);
        work(WorkKind::Idle, 1, rows)(&mut seen);
        let plan = plan(&pair(), &seen, &Goal::Swap(None), kill).expect("a plan");
        assert_eq!(
            plan.notes.iter().any(|note| note.contains("has changed more than 100000 rows")),
            expected,
            "{rows}"
        );
    }
}

/// The other node replicates too, from its host's address or from one that it holds, and is no server behind the pair.
#[test]
fn the_other_node_is_not_taken_for_a_server_behind_the_pair() {
    let from = |ip: &str| {
        let (from, through) = (ip.parse().ok(), "10.77.0.100".parse().ok());
        move |seen: &mut Snapshot| {
            let account = "repl@%".to_owned();
            let one = Downstream { account, from, through, by_gtid: Some(false) };
            seen.nodes[0].workload.downstream = Observed::Known(vec![one]);
        }
    };
    edge(Code::Downstream, from("10.77.0.12"), from("10.77.0.30"));
    edge(Code::Downstream, from("10.77.0.101"), from("10.77.0.30"));
    // where its addresses cannot be seen, its host in the config is enough
    let blind = |change: &dyn Fn(&mut Snapshot), seen: &mut Snapshot| {
        change(seen);
        seen.nodes[1].addresses = Observed::Unknown("no ssh".to_owned());
    };
    let (own, other) = (from("10.77.0.12"), from("10.77.0.30"));
    edge(Code::Downstream, |seen| blind(&own, seen), |seen| blind(&other, seen));
}

#[test]
fn what_a_worker_says_is_told_with_the_stopped_applier() {
    let mut snapshot = healthy(Flavour::MySql);
    channel(&mut snapshot.nodes[1]).applier = Thread::Stopped;
    snapshot.nodes[1].relay.worker_errors = Observed::Known(vec![(1062, "Duplicate entry".to_owned())]);
    let stopped = found(&snapshot).into_iter().find(|one| one.code == Code::ReplicationStopped).expect("a finding");
    assert!(stopped.seen.contains("error 1062: Duplicate entry"), "{stopped:?}");
}
