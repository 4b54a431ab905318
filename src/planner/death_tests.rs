//! `fail` and `rejoin`: in order, and one wrong thing at a time.

use super::*;
use crate::checker;
use crate::model::samples::{boot_access, dead, healthy, pair, returned};
use crate::model::{
    BootReplication, Flavour, Held, InFile, Isolation, NodeSnapshot, Observed, Origin, Ruling, Step, Thread,
    WriteAccess,
};
use crate::sim::{self, SimWorld};

const FLAVOURS: [Flavour; 2] = [Flavour::MySql, Flavour::MariaDb];

fn fail() -> Goal {
    Goal::Fail("db1".parse().expect("a name"))
}

fn rejoin() -> Goal {
    Goal::Rejoin("db1".parse().expect("a name"))
}

fn ids(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.0.as_str()).collect()
}

fn refused(snapshot: &Snapshot, goal: &Goal, overrides: &[Code]) -> Vec<Code> {
    let refusal = plan(&pair(), snapshot, goal, overrides).expect_err("a refusal");
    refusal.reasons.iter().map(|reason| reason.code).collect()
}

/// The plan, which the checker does not object to, and what its steps lead to.
fn planned(snapshot: &Snapshot, goal: &Goal, overrides: &[Code]) -> (Plan, Snapshot) {
    let pair = pair();
    let plan = plan(&pair, snapshot, goal, overrides).expect("a plan");
    assert_eq!(checker::judge(&pair, snapshot, &plan), Ok(()), "{:?}", ids(&plan.steps));
    assert_eq!(checker::sound(&plan), Ok(()), "{:?}", ids(&plan.steps));
    let mut world = SimWorld::new(pair.clone(), snapshot.clone());
    plan.steps.iter().for_each(|step| world.force(&step.action));
    assert_eq!(world.violations(), [] as [&str; 0]);
    (plan, world.state().clone())
}

#[test]
fn the_survivor_applies_what_it_has_before_it_opens() {
    for flavour in FLAVOURS {
        let (plan, after) = planned(&dead(flavour), &fail(), &[Code::NotFenced, Code::MayLose]);
        let expected = [
            "isolate-db1",
            "stop-receiving-db2",
            "apply-received-db2",
            "roll-back-db2",
            "promote-db2",
            "take-write-db2",
            "announce-write-db2",
            "verify-write-db2",
        ];
        assert_eq!(ids(&plan.steps), expected);
        assert_eq!(plan.overrides, [Code::NotFenced, Code::MayLose]);
        assert_eq!(point_of_no_return(&plan).map(|id| id.0.as_str()), Some("promote-db2"));
        // at the goal nothing is left to do, and nothing has to be said again
        let again = super::plan(&pair(), &after, &fail(), &[]).expect("a plan");
        assert_eq!(ids(&again.steps), [] as [&str; 0]);
    }
}

/// A receiver says for up to a minute that it runs: a plan that was made before is the same afterwards.
#[test]
fn when_the_survivor_notices_is_no_matter() {
    let mut early = dead(Flavour::MySql);
    let Observed::Known(channels) = &mut early.nodes[1].channels else { panic!() };
    channels[0].receiver = Thread::Running;
    let (before, _) = planned(&early, &fail(), &[Code::NotFenced, Code::MayLose]);
    let (after, _) = planned(&dead(Flavour::MySql), &fail(), &[Code::NotFenced, Code::MayLose]);
    assert!(before.same_as(&after));
}

#[test]
fn two_words_are_needed_where_nobody_can_fence_and_nobody_can_count() {
    let snapshot = dead(Flavour::MySql);
    assert_eq!(refused(&snapshot, &fail(), &[]), [Code::NotFenced, Code::MayLose]);
    assert_eq!(refused(&snapshot, &fail(), &[Code::NotFenced]), [Code::MayLose]);
    assert_eq!(refused(&snapshot, &fail(), &[Code::MayLose]), [Code::NotFenced]);
    let mut counted = snapshot.clone();
    counted.nodes[1].witness.left_behind = Observed::Known(0);
    let (plan, _) = planned(&counted, &fail(), &[Code::NotFenced]);
    assert_eq!(plan.overrides, [Code::NotFenced]);
    counted.nodes[1].witness.left_behind = Observed::Known(3);
    assert_eq!(refused(&counted, &fail(), &[Code::NotFenced]), [Code::MayLose]);
}

#[test]
fn a_node_that_answers_is_not_dead() {
    let said = [Code::NotFenced, Code::MayLose];
    assert_eq!(refused(&healthy(Flavour::MySql), &fail(), &said), [Code::NotDead]);
    let mut snapshot = dead(Flavour::MySql);
    snapshot.nodes[1].witness.greeted = Observed::Known(true);
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::NotDead]);
    snapshot.nodes[1].witness.greeted = Observed::Unknown("no shell".to_owned());
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::Unknown], "a person's word needs a witness");
    let mut snapshot = dead(Flavour::MySql);
    snapshot.nodes[1].witness.answering = Observed::Known(vec![pair().roles[0].address.ip]);
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::AddressAnswers]);
    snapshot.nodes[1].witness.answering = Observed::Unknown("no arping".to_owned());
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::Unknown]);
}

#[test]
fn the_highest_rung_of_the_ladder_is_taken() {
    let how = |plan: &Plan| match &plan.steps[0].action {
        Action::Isolate { how, .. } => *how,
        other => panic!("{other:?}"),
    };
    let mut snapshot = dead(Flavour::MySql);
    let (by_hand, _) = planned(&snapshot, &fail(), &Code::ALL);
    assert_eq!(how(&by_hand), Isolation::Hand);
    let mut hooked = pair();
    hooked.nodes[0].has_fence = true;
    // before the machine is off it may well answer
    snapshot.nodes[1].witness.answering = Observed::Known(vec![pair().roles[0].address.ip]);
    let by_hook = plan(&hooked, &snapshot, &fail(), &[Code::MayLose]).expect("a plan");
    assert_eq!((how(&by_hook), &by_hook.overrides[..]), (Isolation::Hook, &[Code::MayLose][..]));
    // its machine answers: the addresses are dropped there, when somebody is ready to take them
    let whole = healthy(Flavour::MySql);
    snapshot.nodes[0].addresses = whole.nodes[0].addresses.clone();
    snapshot.nodes[0].system = whole.nodes[0].system.clone();
    let (by_ssh, after) = planned(&snapshot, &fail(), &[Code::MayLose]);
    assert_eq!(how(&by_ssh), Isolation::Shell);
    assert_eq!(ids(&by_ssh.steps)[4..7], ["promote-db2", "drop-write-db1", "take-write-db2"]);
    assert_eq!(after.holders(&pair().roles[0]), [crate::model::Side::Second]);
    // an address that its machine does not hold is with somebody else
    let Observed::Known(held) = &mut snapshot.nodes[0].addresses else { panic!() };
    held.clear();
    assert_eq!(refused(&snapshot, &fail(), &[Code::MayLose]), [Code::AddressAnswers]);
}

#[test]
fn what_the_account_may_not_do_is_said_before_anything_is_begun() {
    let denied = || Observed::Known(vec!["`sudo -n x` is not allowed".to_owned()]);
    let said = [Code::NotFenced, Code::MayLose];
    // what its machine could not do does not matter where it is out of reach
    let mut snapshot = dead(Flavour::MySql);
    snapshot.nodes[0].readiness.isolate = denied();
    snapshot.nodes[1].readiness.isolate = denied();
    planned(&snapshot, &fail(), &said);
    snapshot.nodes[1].readiness.listen = denied();
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::FailNotPermitted]);
    // its machine answers: nobody has to listen, but it has to be able to end its server
    let whole = healthy(Flavour::MySql);
    snapshot.nodes[0].addresses = whole.nodes[0].addresses.clone();
    snapshot.nodes[0].system = whole.nodes[0].system.clone();
    assert_eq!(refused(&snapshot, &fail(), &[Code::MayLose]), [Code::FailNotPermitted]);
    let (plan, _) = planned(&snapshot, &fail(), &[Code::MayLose, Code::FailNotPermitted]);
    assert_eq!(plan.overrides, [Code::FailNotPermitted, Code::MayLose]);
    snapshot.nodes[0].readiness.isolate = Observed::Known(vec![]);
    planned(&snapshot, &fail(), &[Code::MayLose]);
}

#[test]
fn a_survivor_that_cannot_apply_what_it_has_is_no_survivor() {
    let said = [Code::NotFenced, Code::MayLose];
    let mut snapshot = dead(Flavour::MySql);
    let channel = |snapshot: &mut Snapshot| {
        let Observed::Known(channels) = &mut snapshot.nodes[1].channels else { panic!() };
        channels[0].clone()
    };
    let mut broken = channel(&mut snapshot);
    broken.applier = Thread::Stopped;
    snapshot.nodes[1].channels = Observed::Known(vec![broken]);
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::CannotApply]);
    let mut snapshot = dead(Flavour::MySql);
    let mut late = channel(&mut snapshot);
    late.delay = 3600;
    snapshot.nodes[1].channels = Observed::Known(vec![late]);
    assert!(refused(&snapshot, &fail(), &said).contains(&Code::CannotApply));
    snapshot.nodes[1].channels = Observed::Known(vec![]);
    assert!(refused(&snapshot, &fail(), &said).contains(&Code::CannotApply));
}

#[test]
fn where_the_survivor_writes_already_only_readers_move() {
    let mut snapshot = dead(Flavour::MySql);
    // the writer is db2, and the dead node had the readers
    snapshot.nodes[1].access = Observed::Known(WriteAccess::Open);
    let write = pair().roles[0].clone();
    let interface = pair().nodes[1].interface.clone();
    snapshot.nodes[1].addresses =
        Observed::Known(vec![Held { address: write.address, interface, secondary: false, unusable: false }]);
    let (plan, _) = planned(&snapshot, &fail(), &[Code::NotFenced]);
    let expected = ["isolate-db1", "stop-receiving-db2", "take-read-db2", "announce-read-db2", "verify-read-db2"];
    assert_eq!(ids(&plan.steps), expected, "nothing is lost, so nothing has to be accepted");
}

#[test]
fn who_was_declared_dead_gets_no_role_before_it_is_back() {
    let pair = pair();
    let snapshot = returned(Flavour::MySql);
    let goal = |words: [&str; 2]| Goal::Set(words[0].parse().expect("a role"), words[1].parse().expect("a node"));
    for goal in [goal(["write", "db1"]), goal(["read", "db1"]), Goal::Swap(None)] {
        let refusal = plan(&pair, &snapshot, &goal, &Code::ALL).expect_err("refused");
        assert!(refusal.reasons.iter().any(|reason| reason.code == Code::Deposed), "{goal}: {refusal:?}");
    }
    // a machine that remembers says so too, when the servers do not
    let mut forgotten = healthy(Flavour::MySql);
    let deposed = crate::model::Deposed { since: "2026-11-23T03:00:00Z".to_owned(), position: "0-2-9".to_owned() };
    forgotten.nodes[1].deposed = Some(deposed);
    assert!(refused(&forgotten, &Goal::Swap(None), &Code::ALL).contains(&Code::Deposed));
    // and the deposed one is no survivor
    let mut again = dead(Flavour::MySql);
    again.nodes[1].deposed = forgotten.nodes[1].deposed.clone();
    assert!(refused(&again, &fail(), &Code::ALL).contains(&Code::Deposed));
}

#[test]
fn a_node_that_comes_back_is_compared_before_it_follows_and_the_writer_follows_it_last() {
    for flavour in FLAVOURS {
        let (plan, after) = planned(&returned(flavour), &rejoin(), &[]);
        let expected = ["compare-db1", "start-replication-db1", "approach-db1", "start-replication-db2"];
        assert_eq!(ids(&plan.steps), expected);
        let again = super::plan(&pair(), &after, &rejoin(), &[]).expect("a plan");
        assert_eq!(ids(&again.steps), [] as [&str; 0]);
        let swap = super::plan(&pair(), &after, &Goal::Swap(None), &[]);
        assert!(swap.is_ok(), "{swap:?}");
    }
}

/// A MariaDB copy does not know what its node committed before it was built anew, and nobody sends it that.
#[test]
fn what_a_node_has_once_committed_itself_never_comes_by_replication() {
    let mut snapshot = returned(Flavour::MariaDb);
    snapshot.nodes[1].ahead = Observed::Known("0-1-7,0-2-9".to_owned());
    assert_eq!(refused(&snapshot, &rejoin(), &Code::ALL), [Code::PurgedLogs]);
    let refusal = plan(&pair(), &snapshot, &rejoin(), &[]).expect_err("refused");
    assert!(refusal.reasons[0].help.contains("SET GLOBAL gtid_binlog_state = '0-1-7,POSITION'"), "{refusal:?}");
    // MySQL's sets are whole, and it fetches what of its own it has lost
    let mut snapshot = returned(Flavour::MySql);
    snapshot.nodes[1].ahead = Observed::Known("u1:7".to_owned());
    assert!(plan(&pair(), &snapshot, &rejoin(), &[]).is_ok());
}

/// A MariaDB replica by GTID of which neither thread runs throws its relay logs away when one is started.
#[test]
fn nobody_is_told_to_start_what_throws_the_only_copy_away() {
    for flavour in FLAVOURS {
        let mut snapshot = dead(flavour);
        snapshot.nodes[1].relay.unapplied = Observed::Known("0-1-7".to_owned());
        let Observed::Known(channels) = &mut snapshot.nodes[1].channels else { panic!("a channel") };
        (channels[0].receiver, channels[0].applier) = (Thread::Stopped, Thread::Stopped);
        let helps: Vec<String> = findings(&pair(), &snapshot)
            .into_iter()
            .filter(|finding| finding.code == Code::Unapplied)
            .map(|finding| finding.help)
            .chain(
                plan(&pair(), &snapshot, &fail(), &Code::ALL).expect_err("refused").reasons.into_iter().map(|r| r.help),
            )
            .collect();
        for help in &helps[..2] {
            assert_eq!(help.contains("save the relay logs"), flavour == Flavour::MariaDb, "{help}");
        }
    }
}

#[test]
fn one_that_comes_back_open_with_its_address_is_closed_first() {
    for flavour in FLAVOURS {
        let mut snapshot = returned(flavour);
        let whole = healthy(flavour);
        snapshot.nodes[0].access = Observed::Known(WriteAccess::Open);
        snapshot.nodes[0].addresses = whole.nodes[0].addresses.clone();
        let (plan, after) = planned(&snapshot, &rejoin(), &[]);
        let ids = ids(&plan.steps);
        let at = |id: &str| ids.iter().position(|other| *other == id).expect(id);
        assert_eq!(at("fence-db1"), 0);
        assert!(at("drop-write-db1") < at("start-replication-db1"), "{ids:?}");
        assert!(at("compare-db1") < at("start-replication-db1"), "{ids:?}");
        assert_eq!(*ids.last().expect("steps"), "start-replication-db2");
        assert_eq!(after.holders(&pair().roles[0]), [crate::model::Side::Second]);
        assert!(after.nodes[0].access.is(&WriteAccess::Fenced));
    }
}

#[test]
fn one_with_a_history_of_its_own_is_built_anew_by_a_person() {
    let with = |change: &dyn Fn(&mut NodeSnapshot)| {
        let mut snapshot = returned(Flavour::MySql);
        change(&mut snapshot.nodes[0]);
        refused(&snapshot, &rejoin(), &Code::ALL)
    };
    assert_eq!(with(&|node| node.ahead = Observed::Known("u:7-9".to_owned())), [Code::SecondHistory]);
    assert_eq!(with(&|node| node.ahead = Observed::Unknown("no answer".to_owned())), [Code::Unknown]);
    assert_eq!(with(&|node| node.relay.purged = Observed::Known("u:1-5".to_owned())), [Code::PurgedLogs]);
    assert_eq!(with(&|node| node.channels = Observed::Known(vec![])), [Code::NotReplica]);
    let mut xa = returned(Flavour::MySql);
    xa.nodes[0].prepared_xa = Observed::Known(2);
    assert_eq!(refused(&xa, &rejoin(), &[]), [Code::PreparedXa]);
    let mut nobody = returned(Flavour::MySql);
    nobody.nodes[1].access = Observed::Known(WriteAccess::Fenced);
    assert!(refused(&nobody, &rejoin(), &Code::ALL).contains(&Code::NoneOpen));
    // it can be closed all the same
    let mut both = returned(Flavour::MySql);
    both.nodes[0].access = Observed::Known(WriteAccess::Open);
    both.nodes[0].ahead = Observed::Known("u:7-9".to_owned());
    both.nodes[0].addresses = healthy(Flavour::MySql).nodes[0].addresses.clone();
    let drain = Goal::Drain("db1".parse().expect("a name"));
    let (plan, _) = planned(&both, &drain, &[]);
    assert_eq!(ids(&plan.steps)[0], "fence-db1");
}

#[test]
fn after_each_step_there_is_a_way_back_or_forward() {
    let pair = pair();
    for (start, goal) in [(dead(Flavour::MySql), fail()), (returned(Flavour::MariaDb), rejoin())] {
        let (plan, _) = planned(&start, &goal, &[Code::NotFenced, Code::MayLose]);
        let turn = point_of_no_return(&plan).map(|id| id.0.clone());
        let mut past = false;
        for done in 0..=plan.steps.len() {
            let actions = plan.steps[..done].iter().map(|step| step.action.clone());
            past |= done > 0 && Some(&plan.steps[done - 1].id.0) == turn.as_ref();
            let now = sim::after(&pair, &start, actions);
            let back = way_back(&pair, &now, &plan, Opened::Never, &[]);
            assert!(back.is_ok() || past, "{goal} after {done}: {back:?}");
            if let (Ok(steps), false) = (&back, past) {
                let then = sim::after(&pair, &now, steps.iter().map(|step| step.action.clone()));
                assert!(is_back(&pair, &then, &plan), "{goal} after {done}");
            }
            let forward = way_forward(&pair, &now, &plan, &[]).expect("a way forward");
            let then = sim::after(&pair, &now, forward.into_iter().map(|step| step.action));
            let left = super::plan(&pair, &then, &goal, &[]).expect("a plan");
            assert_eq!(ids(&left.steps), [] as [&str; 0], "{goal} after {done}");
        }
    }
}

/// Notes of the plan of a failover that say what comes back by itself.
fn comes_back(snapshot: &Snapshot) -> Vec<String> {
    let notes = plan(&pair(), snapshot, &fail(), &[Code::NotFenced, Code::MayLose]).expect("a plan").notes;
    notes.into_iter().filter(|note| note.contains("-at-boot)")).collect()
}

#[test]
fn what_comes_back_by_itself_is_said_beforehand() {
    let open = |origin| boot_access(WriteAccess::Open, "read_only=OFF", origin);
    let follows = |by_itself| {
        let ruling = Ruling { setting: "skip_replica_start".to_owned(), origin: Origin::Default };
        Observed::Known(BootReplication { by_itself, ruling })
    };
    // of a machine that says nothing nothing is known
    let mut snapshot = dead(Flavour::MySql);
    snapshot.nodes[1].boot.follows = follows(false);
    let said = comes_back(&snapshot);
    assert!(said.len() == 2 && said.iter().all(|note| note.contains("could not be seen")), "{said:?}");
    // one whose server is dead still has its files
    snapshot.nodes[0].boot.files = Observed::Known(vec![]);
    let said = comes_back(&snapshot);
    assert!(said.len() == 1 && said[0].contains("opens-at-boot"), "{said:?}");
    snapshot.nodes[0].boot.access =
        Observed::Known(boot_access(WriteAccess::Guarded, "read_only", Origin::CommandLine));
    assert_eq!(comes_back(&snapshot), [] as [&str; 0]);
    snapshot.nodes[0].boot.access = Observed::Known(open(Origin::Persisted));
    let files = ["/etc/rc.local", "/etc/netplan/1.yaml"].map(|path| InFile {
        path: path.to_owned(),
        line: Some(7),
        address: pair().roles[0].address.ip,
    });
    snapshot.nodes[0].boot.files = Observed::Known(files.to_vec());
    snapshot.nodes[1].boot.follows = follows(true);
    assert_eq!(
        comes_back(&snapshot),
        [
            "db1 accepts writes as soon as its server starts (read_only=OFF, persisted): see to that before it does \
             (opens-at-boot).",
            "db1 takes the address of write when its machine starts (/etc/rc.local:7, /etc/netplan/1.yaml:7): take it out \
             there before it does (address-at-boot).",
            "db2 receives from db1 again when its own server restarts: set skip_replica_start=ON in its option file until \
             db1 has rejoined (follows-at-boot).",
        ]
    );
    snapshot.nodes[1].boot.follows = Observed::Unknown("only root may see it".to_owned());
    let said = comes_back(&snapshot);
    assert!(
        said[2].starts_with("Whether db2 receives from db1 again when its own server restarts could not be seen"),
        "{said:?}"
    );
    // where there is nothing to do, there is nothing to say
    let (_, after) = planned(&dead(Flavour::MySql), &fail(), &[Code::NotFenced, Code::MayLose]);
    assert_eq!(comes_back(&after), [] as [&str; 0]);
}

#[test]
fn whatever_moves_roles_on_the_dead_machine_is_stopped_first() {
    let said = [Code::NotFenced, Code::MayLose];
    let mut snapshot = dead(Flavour::MySql);
    snapshot.nodes[0].boot.managers = Observed::Known(vec!["keepalived".to_owned()]);
    assert_eq!(refused(&snapshot, &fail(), &said), [Code::OtherManager]);
    let (plan, _) = planned(&snapshot, &fail(), &[Code::NotFenced, Code::MayLose, Code::OtherManager]);
    assert_eq!(plan.overrides, [Code::OtherManager, Code::NotFenced, Code::MayLose]);
}
