//! Wishes to stop, once and twice, at every step of a move in a simulated pair.

use std::time::Duration;

use super::*;
use crate::model::samples::{healthy, pair};
use crate::model::{Flavour, Goal, Side, Snapshot, WriteAccess};
use crate::sim::SimWorld;
use crate::world::Done;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A world in which one step never ends.
struct Waiting(SimWorld, &'static str);

impl World for Waiting {
    async fn snapshot(&mut self) -> Snapshot {
        self.0.snapshot().await
    }
    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        self.0.hold(action).await
    }
    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        if action.id().0 == self.1 {
            std::future::pending::<()>().await;
        }
        self.0.perform(action, limit).await
    }
    async fn lock(&mut self) -> Result<(), NoLock> {
        self.0.lock().await
    }
    async fn unlock(&mut self) {
        self.0.unlock().await;
    }
    fn now(&self) -> Duration {
        self.0.now()
    }
    async fn pause(&mut self, time: Duration) {
        self.0.pause(time).await;
    }
}

fn swap(flavour: Flavour) -> (SimWorld, Plan) {
    let mut pair = pair();
    pair.limits.drain = Duration::from_secs(60);
    let plan = planner::plan(&pair, &healthy(flavour), &Goal::Swap(None), &[]).expect("a plan");
    (SimWorld::new(pair, healthy(flavour)), plan)
}

/// Runs, with this many wishes to stop when this step begins.
fn stopped(world: &mut impl World, plan: &Plan, step: &str, times: u8) -> (Outcome, Vec<Event>) {
    let mut pair = pair();
    pair.limits.drain = Duration::from_secs(60);
    let cancel = Cancel::default();
    let (mut events, mut said) = (vec![], 0);
    let outcome = block_on(
        Run::new(world, &pair, &cancel, |event| {
            if matches!(&event, Event::Started(_, id) if id.0 == step) {
                while said < times {
                    said = cancel.say();
                }
            }
            events.push(event);
        })
        .apply(plan),
    );
    (outcome, events)
}

fn writers(state: &Snapshot) -> Vec<Side> {
    Side::BOTH.into_iter().filter(|side| state.node(*side).access.is(&WriteAccess::Open)).collect()
}

#[test]
fn one_wish_is_heard_before_the_gate_and_two_before_the_opening() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let steps: Vec<StepId> = swap(flavour).1.steps.iter().map(|step| step.id.clone()).collect();
        let place = |id: &str| steps.iter().position(|step| step.0 == id).expect(id);
        let (fence, open) = (place("fence-db1"), place("open-db2"));
        for (at, step) in steps.iter().enumerate() {
            for times in [1, 2] {
                let (mut world, plan) = swap(flavour);
                let (outcome, _) = stopped(&mut world, &plan, &step.0, times);
                let say = format!("{flavour}: {times} at {step}: {outcome:?}");
                // the step under way is finished: at the fence itself the gate is closed already
                let back = at < fence || (times == 2 && at < open);
                match (back, outcome) {
                    (true, Outcome::RolledBack { outage, .. }) => {
                        assert_eq!(writers(world.state()), [Side::First], "{say}");
                        assert_eq!(world.state().assignment(&pair()), plan.before, "{say}");
                        assert_eq!(outage.is_some(), at >= fence, "{say}");
                    }
                    (false, Outcome::Done { .. }) => assert_eq!(writers(world.state()), [Side::Second], "{say}"),
                    _ => panic!("{say}"),
                }
                assert_eq!(world.violations(), [] as [&str; 0], "{say}");
            }
        }
    }
}

#[test]
fn waits_before_the_gate_end_at_the_first_wish() {
    for step in ["approach-db2", "drain-db1"] {
        let (world, plan) = swap(Flavour::MySql);
        let mut world = Waiting(world, step);
        let (outcome, events) = stopped(&mut world, &plan, step, 1);
        assert!(matches!(&outcome, Outcome::RolledBack { outage: None, .. }), "{step}: {outcome:?}");
        assert!(events.iter().any(|event| matches!(event, Event::Failed(_, id, ..) if id.0 == step)));
    }
}

#[test]
fn clients_that_cannot_write_are_let_go_at_the_second_wish() {
    let (world, plan) = swap(Flavour::MySql);
    let mut world = Waiting(world, "catch-up-db2");
    let (outcome, _) = stopped(&mut world, &plan, "catch-up-db2", 2);
    assert!(matches!(&outcome, Outcome::RolledBack { outage: Some(_), .. }), "{outcome:?}");
    assert_eq!(writers(world.0.state()), [Side::First]);
}

/// A way ahead that fails is not tried again for somebody who does not want to wait.
#[test]
fn twice_after_the_opening_there_are_no_further_tries() {
    let tries = |times| {
        let (mut world, plan) = swap(Flavour::MySql);
        world.fault(StepId("verify-write-db2".to_owned()), crate::sim::Fault::NeverDone);
        let (outcome, events) = stopped(&mut world, &plan, "verify-write-db2", times);
        assert!(matches!(outcome, Outcome::Stuck(_)), "{outcome:?}");
        events.iter().filter(|event| matches!(event, Event::Failed(..))).count()
    };
    assert!(tries(2) < tries(1), "{} and {}", tries(2), tries(1));
}
