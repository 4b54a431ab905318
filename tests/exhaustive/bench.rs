//! How long a plan takes to be made and to be judged: `cargo bench --bench planner`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark needs a clock")]
#![allow(clippy::print_stdout, reason = "figures are what it is for")]
#![allow(dead_code, reason = "the worlds are those of the enumeration, which uses more of them")]

mod domain;

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::{Kind, Node, Shape, Some3, World, pair};
use flipper::model::{Goal, WriteAccess};
use flipper::{checker, planner};

/// What is measured is repeated in rounds of this many; the best round is the one that nobody disturbed.
const ROUND: u32 = 1_000;
const ROUNDS: u32 = 30;

fn main() {
    let pair = pair(Shape::Both);
    for kind in [Kind::MySql, Kind::MariaDb] {
        let writer = Node { access: Some(WriteAccess::Open), holds: Some(1), ..Node::SOUND };
        let reader = Node { holds: Some(2), ..Node::SOUND };
        let seen = World { kind, shape: Shape::Both, nodes: [writer, reader] }.snapshot(&pair);
        let swap = Goal::Swap(None);
        let plan = planner::plan(&pair, &seen, &swap, &[]).expect("a plan");
        let many = |steps: usize| format!("{kind:?}, {steps} steps");
        measure("plan: swap", &many(plan.steps.len()), || planner::plan(&pair, &seen, &swap, &[]).is_ok());
        measure("judge: swap", &many(plan.steps.len()), || checker::judge(&pair, &seen, &plan).is_ok());
        measure("point of no return", &many(plan.steps.len()), || planner::point_of_no_return(&plan).is_some());
        let diverged = Node { ahead: Some3::Some, ..reader };
        let seen = World { kind, shape: Shape::Both, nodes: [writer, diverged] }.snapshot(&pair);
        measure("refusal: swap", &format!("{kind:?}, diverged"), || planner::plan(&pair, &seen, &swap, &[]).is_err());
    }
}

fn measure(what: &str, of: &str, work: impl Fn() -> bool) {
    let mut best = Duration::MAX;
    let mut total = Duration::ZERO;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..ROUND {
            assert!(black_box(work()));
        }
        let took = begun.elapsed();
        best = best.min(took);
        total += took;
    }
    let micros = |time: Duration, times: u32| time.as_secs_f64() * 1e6 / f64::from(times);
    println!(
        "{what:<20} {of:<22} {:>7.1} µs at best, {:>7.1} µs on average",
        micros(best, ROUND),
        micros(total, ROUND * ROUNDS)
    );
}
