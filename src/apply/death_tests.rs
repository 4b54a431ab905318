//! `fail` and `rejoin` in a simulated world, with faults at every step.

use super::*;
use crate::model::samples::{dead, pair, returned};
use crate::model::{Code, Flavour, Observed};
use crate::sim::{Fault, SimWorld};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn run(world: &mut SimWorld, plan: &Plan) -> Outcome {
    let (pair, cancel) = (pair(), Cancel::default());
    block_on(Run::new(world, &pair, &cancel, |_| {}).apply(plan))
}

fn goal(word: &str) -> Goal {
    let db1: NodeName = "db1".parse().expect("a name");
    if word == "fail" { Goal::Fail(db1) } else { Goal::Rejoin(db1) }
}

fn receiver(world: &SimWorld, side: Side) -> Thread {
    match &world.state().node(side).channels {
        Observed::Known(channels) => channels[0].receiver,
        Observed::Unknown(why) => panic!("{why}"),
    }
}

const FAULTS: [Fault; 7] = [
    Fault::NotDone,
    Fault::DoneButUnknown,
    Fault::NotDoneButUnknown,
    Fault::NeverDone,
    Fault::LockLost,
    Fault::LockTaken,
    Fault::NodeLost,
];

#[test]
fn the_survivor_serves_or_nothing_has_changed_or_a_person_is_told() {
    let (mut back, mut done, mut stuck) = (0, 0, 0);
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let start = dead(flavour);
        let plan = planner::plan(&pair(), &start, &goal("fail"), &[Code::NotFenced, Code::MayLose]).expect("a plan");
        let turn = planner::point_of_no_return(&plan).cloned();
        for (number, fault) in (0..plan.steps.len()).flat_map(|number| FAULTS.map(|fault| (number, fault))) {
            let step = &plan.steps[number];
            let mut world = SimWorld::new(pair(), start.clone());
            world.fault(step.id.clone(), fault);
            let outcome = run(&mut world, &plan);
            let at = format!("{flavour}: {fault:?} at {}: {outcome:?}", step.id);
            assert_eq!(world.violations(), [] as [&str; 0], "{at}");
            let open = world.state().node(Side::Second).access.is(&WriteAccess::Open);
            match outcome {
                Outcome::Done { .. } => {
                    done += 1;
                    assert!(open && receiver(&world, Side::Second) == Thread::Stopped, "{at}");
                    assert_eq!(world.state().assignment(&pair()), plan.after, "{at}");
                }
                Outcome::RolledBack { .. } => {
                    back += 1;
                    assert!(!open && receiver(&world, Side::Second) != Thread::Stopped, "{at}");
                }
                Outcome::Stuck(_) => stuck += 1,
                other => panic!("{at}: {other:?}"),
            }
            // once the survivor was opened, nobody goes back
            let past = plan.steps[..number].iter().any(|step| Some(&step.id) == turn.as_ref());
            assert!(!past || open, "{at}");
        }
    }
    assert!(back > 20 && done > 20 && stuck > 5, "{back} back, {done} done, {stuck} stuck");
}

#[test]
fn a_node_that_comes_back_follows_or_stays_as_it_was() {
    let (mut back, mut done) = (0, 0);
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let start = returned(flavour);
        let plan = planner::plan(&pair(), &start, &goal("rejoin"), &[]).expect("a plan");
        for (step, fault) in plan.steps.iter().flat_map(|step| FAULTS.map(|fault| (step, fault))) {
            let mut world = SimWorld::new(pair(), start.clone());
            world.fault(step.id.clone(), fault);
            let outcome = run(&mut world, &plan);
            let at = format!("{flavour}: {fault:?} at {}: {outcome:?}", step.id);
            assert_eq!(world.violations(), [] as [&str; 0], "{at}");
            assert!(world.state().node(Side::Second).access.is(&WriteAccess::Open), "{at}");
            assert!(!world.state().node(Side::First).access.is(&WriteAccess::Open), "{at}");
            match outcome {
                Outcome::Done { .. } => {
                    done += 1;
                    let receivers = Side::BOTH.map(|side| receiver(&world, side));
                    assert_eq!(receivers, [Thread::Running; 2], "{at}");
                }
                Outcome::RolledBack { .. } => {
                    back += 1;
                    let receivers = Side::BOTH.map(|side| receiver(&world, side));
                    assert_eq!(receivers, [Thread::Stopped; 2], "{at}");
                }
                Outcome::Stuck(_) => {
                    assert!([Fault::NodeLost, Fault::LockTaken, Fault::NeverDone].contains(&fault), "{at}");
                }
                other => panic!("{at}: {other:?}"),
            }
        }
    }
    assert!(back > 10, "{back} back, {done} done");
}

#[test]
fn whoever_answers_again_under_the_lock_is_not_dead() {
    let start = dead(Flavour::MySql);
    let said = [Code::NotFenced, Code::MayLose];
    let plan = planner::plan(&pair(), &start, &goal("fail"), &said).expect("a plan");
    let mut alive = start;
    alive.nodes[1].witness.greeted = Observed::Known(true);
    let mut world = SimWorld::new(pair(), alive);
    let outcome = run(&mut world, &plan);
    let Outcome::Refused(refusal) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.reasons[0].code, Code::NotDead);
}
