//! The executor in a simulated world, with faults at every step.

use std::time::Duration;

use super::*;
use crate::journal::samples::begin;
use crate::journal::{Record, Table};
use crate::model::samples::{healthy, pair};
use crate::model::{Flavour, Goal, Observed, Side, WriteAccess};
use crate::sim::{Fault, SimWorld};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn run(world: &mut SimWorld, plan: &Plan) -> (Outcome, Vec<Event>) {
    let pair = pair();
    let mut events = vec![];
    let cancel = Cancel::default();
    let outcome = block_on(Run::new(world, &pair, &cancel, |event| events.push(event)).apply(plan));
    // whatever happens in a run: its journal can be kept
    let mut course = Table::default();
    course.take(&Record::FlipperJournal(begin(plan))).expect("the first record");
    for event in &events {
        let record = Record::of(event, &pair);
        assert!(course.take(&record).is_ok(), "{outcome:?}: {:?} after {events:?}", course.take(&record));
    }
    (outcome, events)
}

fn swap_all(flavour: Flavour) -> (SimWorld, Plan) {
    let start = healthy(flavour);
    let plan = planner::plan(&pair(), &start, &Goal::Swap(None), &[]).expect("a plan");
    (SimWorld::new(pair(), start), plan)
}

fn writers(world: &SimWorld) -> Vec<Side> {
    Side::BOTH.into_iter().filter(|side| world.state().node(*side).access.is(&WriteAccess::Open)).collect()
}

#[test]
fn a_run_without_faults_reaches_the_goal_and_measures_the_outage() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let (mut world, plan) = swap_all(flavour);
        let (outcome, events) = run(&mut world, &plan);
        // fence, catch-up, open, take: a simulated millisecond each
        assert_eq!(outcome, Outcome::Done { outage: Some(Duration::from_millis(4)) });
        assert_eq!(world.state().assignment(&pair()), plan.after);
        assert_eq!(world.violations(), [] as [&str; 0]);
        let finished = events.iter().filter(|event| matches!(event, Event::Finished(Way::Forward, ..))).count();
        assert_eq!(finished, plan.steps.len());
    }
}

/// Every fault at every step of every kind of move. What the run says must be what is true.
#[test]
fn every_failure_at_every_step_ends_back_or_forward_and_never_with_two_writers() {
    let faults = [
        Fault::NotDone,
        Fault::DoneButUnknown,
        Fault::NotDoneButUnknown,
        Fault::NodeLost,
        Fault::NeverDone,
        Fault::ShellLost,
        Fault::LockLost,
        Fault::LockTaken,
    ];
    let goals = [None, "write".parse().ok(), "read".parse().ok()].map(Goal::Swap);
    let (mut back, mut done, mut stuck) = (0, 0, 0);
    for (flavour, goal, fault) in [Flavour::MySql, Flavour::MariaDb]
        .into_iter()
        .flat_map(|flavour| goals.iter().flat_map(move |goal| faults.map(|fault| (flavour, goal, fault))))
    {
        let start = healthy(flavour);
        let plan = planner::plan(&pair(), &start, goal, &[]).expect("a plan");
        for step in &plan.steps {
            let mut world = SimWorld::new(pair(), start.clone());
            world.fault(step.id.clone(), fault);
            let (outcome, _) = run(&mut world, &plan);
            let at = format!("{flavour} {goal}: {fault:?} at {}: {outcome:?}", step.id);
            assert_eq!(world.violations(), [] as [&str; 0], "{at}");
            assert!(writers(&world).len() <= 1, "{at}");
            match outcome {
                Outcome::RolledBack { .. } => {
                    back += 1;
                    assert_eq!(writers(&world), [Side::First], "{at}");
                    assert_eq!(world.state().assignment(&pair()), plan.before, "{at}");
                }
                Outcome::Done { .. } => {
                    done += 1;
                    assert_ne!(fault, Fault::NeverDone, "{at}");
                    let writer = if goal.to_string() == "swap read" { Side::First } else { Side::Second };
                    assert_eq!(writers(&world), [writer], "{at}");
                    assert_eq!(world.state().assignment(&pair()), plan.after, "{at}");
                }
                // what is gone for good, or refused each time, needs a person
                Outcome::Stuck(_) => {
                    stuck += 1;
                    let lasting = [Fault::NodeLost, Fault::NeverDone, Fault::ShellLost, Fault::LockTaken];
                    assert!(lasting.contains(&fault), "{at}");
                }
                _ => panic!("{at}"),
            }
        }
    }
    assert!(back > 60 && done > 100 && stuck > 50, "{back} back, {done} done, {stuck} stuck");
}

#[test]
fn an_address_that_cannot_be_taken_lets_the_old_writer_serve_again() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let (mut world, plan) = swap_all(flavour);
        world.fault(StepId("take-write-db2".to_owned()), Fault::NeverDone);
        let (outcome, _) = run(&mut world, &plan);
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
        assert_eq!(writers(&world), [Side::First]);
    }
}

#[test]
fn a_role_that_nobody_reaches_is_never_called_done() {
    for step in ["verify-write-db2", "announce-write-db2", "verify-read-db1"] {
        let (mut world, plan) = swap_all(Flavour::MySql);
        world.fault(StepId(step.to_owned()), Fault::NeverDone);
        let (outcome, _) = run(&mut world, &plan);
        assert!(matches!(outcome, Outcome::Stuck(_)), "{step}: {outcome:?}");
    }
}

#[test]
fn a_target_that_vanishes_after_the_fence_costs_the_outage_and_no_more() {
    let (mut world, plan) = swap_all(Flavour::MySql);
    world.fault(StepId("catch-up-db2".to_owned()), Fault::NodeLost);
    let (outcome, events) = run(&mut world, &plan);
    // fence, catch-up, reopen: a simulated millisecond each, and nothing was looked at in between
    let Outcome::RolledBack { outage, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(outage, Some(Duration::from_millis(3)));
    assert!(events.iter().any(|event| matches!(event, Event::Finished(Way::Back, id, ..) if id.0 == "reopen-db1")));
    assert_eq!(writers(&world), [Side::First]);
}

#[test]
fn a_plan_made_for_another_state_is_stale_and_changes_nothing() {
    let (_, plan) = swap_all(Flavour::MySql);
    let mut moved = healthy(Flavour::MySql);
    let [first, second] = &mut moved.nodes;
    std::mem::swap(&mut first.access, &mut second.access);
    let (Observed::Known(a), Observed::Known(b)) = (&mut first.addresses, &mut second.addresses) else { panic!() };
    std::mem::swap(&mut a[1], &mut b[1]);
    let mut world = SimWorld::new(pair(), moved.clone());
    let (outcome, events) = run(&mut world, &plan);
    assert!(matches!(outcome, Outcome::Stale(_)), "{outcome:?}");
    // one look, and nothing else
    assert!(matches!(events[..], [Event::Stands(Moment::Before, _)]), "{events:?}");
    assert_eq!(world.state(), &moved);
}

#[test]
fn a_wish_to_stop_before_the_gate_changes_nothing() {
    let (mut world, plan) = swap_all(Flavour::MySql);
    let (pair, cancel) = (pair(), Cancel::default());
    cancel.say();
    let outcome = block_on(Run::new(&mut world, &pair, &cancel, |_| {}).apply(&plan));
    assert!(matches!(outcome, Outcome::RolledBack { outage: None, .. }), "{outcome:?}");
    assert_eq!(world.state().assignment(&pair), plan.before);
}

#[test]
fn past_the_write_outage_limit_the_old_writer_is_open_again() {
    let (mut world, plan) = swap_all(Flavour::MySql);
    let mut pair = pair();
    // fence and catch-up take a simulated millisecond each: nothing is left for the opening
    pair.limits.write_outage = Duration::from_millis(2);
    let cancel = Cancel::default();
    let outcome = block_on(Run::new(&mut world, &pair, &cancel, |_| {}).apply(&plan));
    let Outcome::RolledBack { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("writes have been out for 2 ms"), "{why}");
    assert_eq!(writers(&world), [Side::First]);
}

/// What the plan calls the point of no return is one, also where nobody is opened.
#[test]
fn of_two_writers_that_go_down_none_is_opened_again() {
    for step in ["fence-db1", "fence-db2", "drop-write-db1"] {
        let mut both = healthy(Flavour::MySql);
        both.nodes[1].access = Observed::Known(WriteAccess::Open);
        let down = Goal::Down("write".parse().expect("a role"));
        let plan = planner::plan(&pair(), &both, &down, &[]).expect("a plan");
        let mut world = SimWorld::new(pair(), both);
        world.fault(StepId(step.to_owned()), Fault::NotDone);
        let (outcome, _) = run(&mut world, &plan);
        match step {
            "fence-db1" => assert!(matches!(outcome, Outcome::RolledBack { .. }), "{step}: {outcome:?}"),
            _ => assert!(matches!(outcome, Outcome::Done { .. }) && writers(&world).is_empty(), "{step}: {outcome:?}"),
        }
    }
}
