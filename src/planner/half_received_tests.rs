//! A node died in the middle of sending a transaction: what becomes of its beginning on the survivor.

use super::*;
use crate::checker;
use crate::model::samples::{dead, healthy, pair, returned};
use crate::model::{Flavour, NodeSnapshot, Observed, Thread};
use crate::sim;

const ACCEPTED: [Code; 2] = [Code::NotFenced, Code::MayLose];

fn goal(of: fn(crate::model::NodeName) -> Goal) -> Goal {
    of("db1".parse().expect("a name"))
}

/// Receiver and applier of the survivor, what it has of a transaction without its end, and what its applier said last.
fn threads(node: &mut NodeSnapshot, receiver: Thread, applier: Thread, half: u64, error: Option<u32>) {
    let Observed::Known(channels) = &mut node.channels else { panic!() };
    (channels[0].receiver, channels[0].applier) = (receiver, applier);
    channels[0].errors = error.into_iter().map(|code| (code, "why".to_owned())).collect();
    node.relay.half_received = Observed::Known(half);
}

fn codes(snapshot: &Snapshot, goal: &Goal) -> Vec<Code> {
    match plan(&pair(), snapshot, goal, &Code::ALL) {
        Ok(_) => vec![],
        Err(refusal) => refusal.reasons.iter().map(|reason| reason.code).collect(),
    }
}

/// It is stopped where it holds something, and the way back starts it again.
#[test]
fn the_survivor_opens_when_its_applier_holds_nothing() {
    let pair = pair();
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let mut start = dead(flavour);
        threads(&mut start.nodes[1], Thread::Connecting, Thread::Running, 4096, Some(2003));
        let plan = plan(&pair, &start, &goal(Goal::Fail), &ACCEPTED).expect("a plan");
        assert_eq!(checker::judge(&pair, &start, &plan), Ok(()));
        let at = |id: &str| plan.steps.iter().position(|step| step.id.0 == id).expect(id);
        assert!(at("apply-received-db2") < at("roll-back-db2") && at("roll-back-db2") < at("promote-db2"));
        let applier = |snapshot: &Snapshot| snapshot.nodes[1].channels.known().expect("channels")[0].applier;
        let rolled =
            sim::after(&pair, &start, plan.steps[..=at("roll-back-db2")].iter().map(|step| step.action.clone()));
        assert_eq!(applier(&rolled), Thread::Stopped);
        let back = way_back(&pair, &rolled, &plan, Opened::Never, &[]).expect("a way back");
        let then = sim::after(&pair, &rolled, back.into_iter().map(|step| step.action));
        assert_eq!(applier(&then), Thread::Running);
        // without that step nobody who looks after the plan lets it pass
        let mut careless = plan.clone();
        careless.steps.remove(at("roll-back-db2"));
        careless.steps.iter_mut().for_each(|step| step.after.retain(|(id, _)| id.0 != "roll-back-db2"));
        assert!(checker::judge(&pair, &start, &careless).is_err());
    }
}

/// A run that was cut off has left both threads stopped: it is gone on with, as long as nothing is left to apply.
#[test]
fn an_applier_that_was_stopped_for_it_is_no_broken_one() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let with = |error: Option<u32>, left: &str| {
            let mut start = dead(flavour);
            threads(&mut start.nodes[1], Thread::Stopped, Thread::Stopped, 4096, error);
            start.nodes[1].relay.unapplied = Observed::Known(left.to_owned());
            codes(&start, &goal(Goal::Fail))
        };
        for error in [None, Some(2003), Some(1756), Some(1594)] {
            assert_eq!(with(error, ""), [], "{error:?}");
        }
        assert_eq!(with(Some(1062), ""), [Code::CannotApply]);
        assert_eq!(with(None, "a:7"), [Code::CannotApply]);
        let mut unseen = dead(flavour);
        threads(&mut unseen.nodes[1], Thread::Stopped, Thread::Stopped, 0, None);
        unseen.nodes[1].relay.unapplied = Observed::Unknown("no answer".to_owned());
        assert_eq!(codes(&unseen, &goal(Goal::Fail)), [Code::CannotApply]);
    }
}

/// Any other machine sees it by the servers; but not where somebody has stopped both threads of an idle writer.
#[test]
fn who_was_left_behind_is_seen_although_the_applier_is_stopped() {
    let deposed = |half: u64, applier: Thread, error: Option<u32>| {
        let mut start = healthy(Flavour::MySql);
        start.nodes.swap(0, 1);
        let names = ["db1", "db2"].map(|name| name.parse().expect("a name"));
        start.nodes.iter_mut().zip(names).for_each(|(node, name)| node.name = name);
        threads(&mut start.nodes[1], Thread::Stopped, applier, half, error);
        findings(&pair(), &start).iter().any(|finding| finding.code == Code::Deposed)
    };
    assert!(deposed(0, Thread::Running, Some(2003)));
    assert!(deposed(4096, Thread::Running, Some(2003)));
    assert!(deposed(4096, Thread::Stopped, Some(1756)) && deposed(4096, Thread::Stopped, Some(1594)));
    assert!(!deposed(0, Thread::Stopped, None));
    assert!(!deposed(4096, Thread::Stopped, Some(1062)));
}

/// MySQL's applier would begin it again on the open writer; a person throws the relay log away first.
#[test]
fn the_writer_does_not_begin_it_again() {
    let with = |flavour: Flavour, applier: Thread, half: u64, error: Option<u32>| {
        let mut start = returned(flavour);
        threads(&mut start.nodes[1], Thread::Stopped, applier, half, error);
        codes(&start, &goal(Goal::Rejoin))
    };
    assert_eq!(with(Flavour::MySql, Thread::Stopped, 4096, Some(1756)), [Code::HalfReceived]);
    // the connection to its source rolls it back
    assert_eq!(with(Flavour::MySql, Thread::Running, 4096, None), []);
    // the relay log was thrown away
    assert_eq!(with(Flavour::MySql, Thread::Stopped, 0, None), []);
    assert_eq!(with(Flavour::MariaDb, Thread::Stopped, 4096, Some(1594)), []);
    assert_eq!(with(Flavour::MariaDb, Thread::Stopped, 0, Some(1062)), [Code::ReplicationStopped]);
}

/// Where it is open already nobody is promoted: whoever reads the plan is told.
#[test]
fn what_clients_wait_for_is_said_in_the_plan() {
    let pair = pair();
    let said = |start: &Snapshot, code: Code| {
        let plan = plan(&pair, start, &goal(Goal::Fail), &ACCEPTED).expect("a plan");
        plan.notes.iter().any(|note| note.contains(&format!("({code})")))
    };
    let mut open = dead(Flavour::MySql);
    open.nodes[1].access = Observed::Known(WriteAccess::Open);
    assert!(!said(&open, Code::HalfReceived));
    threads(&mut open.nodes[1], Thread::Connecting, Thread::Running, 4096, None);
    assert!(said(&open, Code::HalfReceived));
    let mut prepared = dead(Flavour::MySql);
    assert!(!said(&prepared, Code::PreparedXa));
    prepared.nodes[1].prepared_xa = Observed::Known(2);
    assert!(said(&prepared, Code::PreparedXa));
}
