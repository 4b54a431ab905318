//! What looking costs where a node hangs: each look waits for it.

use std::time::Duration;

use super::*;
use crate::model::samples::{healthy, pair};
use crate::model::{Flavour, Goal};
use crate::sim::{Fault, SimWorld};
use crate::world::Done;

/// A look at a node that does not answer.
const IN_VAIN: Duration = Duration::from_secs(2);

/// A pair that counts how often it is looked at, slowly where a node hangs.
struct Slow {
    world: SimWorld,
    looks: u32,
}

impl World for Slow {
    async fn snapshot(&mut self) -> Snapshot {
        self.looks += 1;
        let seen = self.world.snapshot().await;
        if seen.nodes.iter().any(|node| node.access.known().is_none()) {
            self.world.pause(IN_VAIN).await;
        }
        seen
    }
    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        self.world.hold(action).await
    }
    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        self.world.perform(action, limit).await
    }
    async fn lock(&mut self) -> Result<(), NoLock> {
        self.world.lock().await
    }
    async fn unlock(&mut self) {
        self.world.unlock().await;
    }
    fn now(&self) -> Duration {
        self.world.now()
    }
    async fn pause(&mut self, time: Duration) {
        self.world.pause(time).await;
    }
}

/// Runs a swap in which the node of this step hangs from then on: how it ended, how often was looked, how long it took.
fn hangs_at(step: &str) -> (Outcome, u32, Duration) {
    let start = healthy(Flavour::MySql);
    let plan = planner::plan(&pair(), &start, &Goal::Swap(None), &[]).expect("a plan");
    let mut world = Slow { world: SimWorld::new(pair(), start), looks: 0 };
    world.world.fault(StepId(step.to_owned()), Fault::NodeLost);
    let (pair, cancel) = (pair(), Cancel::default());
    let run = Run::new(&mut world, &pair, &cancel, |_| {}).apply(&plan);
    let outcome = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run);
    (outcome, world.looks, world.world.now())
}

#[test]
fn the_way_back_from_a_writer_that_hangs_keeps_its_time() {
    let (outcome, _, took) = hangs_at("fence-db1");
    assert!(matches!(outcome, Outcome::Stuck(_)), "{outcome:?}");
    // the last look may begin at its end, and a pause is before it
    let limit = pair().limits.rollback + IN_VAIN + Duration::from_millis(500);
    assert!(took <= limit, "{took:?}");
}

#[test]
fn the_way_ahead_keeps_its_time_and_each_try_costs_one_look() {
    let (outcome, looks, took) = hangs_at("drop-write-db1");
    assert!(matches!(outcome, Outcome::Stuck(_)), "{outcome:?}");
    let pause = Duration::from_millis(300);
    let forward = pair().limits.forward;
    // the last try may begin at its end
    assert!(took >= forward && took <= forward + IN_VAIN + pause, "{took:?}");
    // before; each try
    let tries = forward.as_millis().div_ceil((IN_VAIN + pause).as_millis());
    assert_eq!(u128::from(looks), 1 + tries, "{took:?}");
}
