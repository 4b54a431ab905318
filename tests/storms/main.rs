//! Storms: the production executor ([`flipper::apply::Run`], `settle`, and what `resume` and `abort` decide) in a simulated
//! pair in which everything goes wrong that can.
//!
//! Under it is a world of its own (`truth`): servers with sets of transactions, clients that write wherever they are led,
//! replication. Between the two is a network (`wire`) that loses, delays and splits requests and answers, so that a
//! statement may fire long after everybody has given it up. `hand` and `acts` keep the contract of `apply/live.rs` and
//! `effect`, which need servers, and are tried on real ones (`tests/faults`). Promises are judged on what is so, never on
//! what was seen (`promises`, and `run::judge` for what a run says of its end):
//!
//! | promise | |
//! | --- | --- |
//! | S1, S2, S5 | never two writers by address; nothing is opened beside an open node; no transaction begins beside one |
//! | S3, S4 | nothing acknowledged is lost; a node opens only with all that the other one has |
//! | S6, S7 | no address is taken from an open holder, or announced by a node without it |
//! | S11, S13 | nothing is opened while an opening elsewhere may fire; nobody changes what another run has locked |
//! | L2, L3, L6 | each run ends in time; from what it leaves there is a way out; then both nodes have everything |
//! | truth | "done" and "rolled back" are so; what stops part way could not see, or found what only a person decides |
//!
//! What a server does by itself that was persisted to start open is not the tool's doing, and excused; a data loss in a
//! crash likewise. `FLIPPER_SEED=n` shows one storm, `FLIPPER_SEEDS=n` sets how many there are, `FLIPPER_DEEP=1` takes every
//! fault at three moments of each step instead of one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a storm prints what came of it, and a test of it says by panicking what is wrong"
)]

mod acts;
mod after;
mod boundaries;
mod dice;
mod gusts;
mod hand;
mod promises;
mod recorded;
mod run;
#[path = "../samples/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod samples;
mod server;
mod stages;
mod sum;
mod time;
mod tool;
mod truth;
mod weather;
mod wire;
mod wrong;

use std::time::Instant;

use dice::Dice;
use recorded::Recorded;
use run::{How, Stage, storm};
use sum::Sum;
use weather::Weather;
use wrong::Mistake;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The storm of a seed.
fn seeded(stages: &[Stage], seed: u64) -> (&Stage, Weather) {
    let mut dice = Dice::new(seed);
    let stage = &stages[dice.below(stages.len() as u64) as usize];
    (stage, Weather::drawn(&mut dice, stage.plan.steps.len()))
}

/// Pairs in order come as often as the scenarios together.
fn all() -> Vec<Stage> {
    let (moves, scenarios) = (stages::moves(), stages::scenarios());
    let times = scenarios.len() / moves.len() + 1;
    std::iter::repeat_n(moves, times).flatten().chain(scenarios).collect()
}

fn quiet(seed: u64) -> How {
    How { seed, mistake: None, log: false, every_way: false }
}

/// One storm with everything that happens in it.
fn show(stage: &Stage, weather: Weather, seed: u64) {
    println!("{}", Recorded::of(String::new(), stage, seed, &weather).text());
    let report = storm(stage, weather, How { log: true, ..quiet(seed) });
    println!("{}\n{:?}\n{:#?}", report.log.join("\n"), report.end, report.broken);
    assert!(report.broken.is_empty());
}

#[test]
fn every_seed_keeps_the_promises() {
    let stages = all();
    if let Some(seed) = number("FLIPPER_SEED") {
        let (stage, weather) = seeded(&stages, seed);
        return show(stage, weather, seed);
    }
    let begun = Instant::now();
    let count = number("FLIPPER_SEEDS").unwrap_or(20_000);
    let sums = std::thread::scope(|scope| {
        let work = |thread: u64| {
            let stages = &stages;
            scope.spawn(move || {
                let mut sum = Sum::default();
                for seed in (thread..count).step_by(2) {
                    let (stage, weather) = seeded(stages, seed);
                    sum.add(seed, storm(stage, weather, quiet(seed)));
                }
                sum
            })
        };
        [work(0), work(1)].map(|thread| thread.join().unwrap())
    });
    let sum = sums.into_iter().fold(Sum::default(), Sum::and);
    println!("seeds: {count}, {sum}\ntime: {:?}, on two threads", begun.elapsed());
    for (seed, broken) in sum.broken.iter().take(10) {
        let (stage, weather) = seeded(&stages, *seed);
        println!("\n{}: {}", stage.name, broken.join("\n  "));
        println!(
            "FLIPPER_SEED={seed} cargo test --test storms every_seed -- --nocapture\nfixtures/seeds/NAME.ron, once mended:"
        );
        println!("{}", Recorded::of(broken.join("; "), stage, *seed, &weather).text());
    }
    assert!(sum.broken.is_empty(), "{} seeds break a promise", sum.broken.len());
    if count >= 10_000 {
        sum.means_something(count);
    }
}

#[test]
fn every_fault_at_every_step_of_every_scenario_keeps_them() {
    let begun = Instant::now();
    let walked = boundaries::walk(number("FLIPPER_DEEP").is_some());
    println!("{walked}\ntime: {:?}", begun.elapsed());
    for broken in walked.broken.iter().take(20) {
        println!("{broken}");
    }
    assert!(walked.broken.is_empty(), "{} runs break a promise", walked.broken.len());
    walked.means_something();
}

/// What was found once stays found.
#[test]
fn storms_that_broke_one_do_not_any_more() {
    let stages = all();
    let recorded = recorded::all();
    let shown = std::env::var("FLIPPER_RECORDED").ok();
    for (name, storm_of) in &recorded {
        let stage = stages.iter().find(|stage| stage.name == storm_of.stage).expect(&storm_of.stage);
        if shown.as_ref() == Some(name) {
            return show(stage, storm_of.weather(), storm_of.seed);
        }
        let report = storm(stage, storm_of.weather(), How { every_way: true, ..quiet(storm_of.seed) });
        assert!(report.broken.is_empty(), "{name}: {}: {:?}", storm_of.story, report.broken);
    }
    println!("recorded storms: {}", recorded.len());
}

/// A storm that nobody can sink in proves nothing.
#[test]
fn every_mistake_is_caught() {
    // moves of a pair in order are enough, and stay the same ones however many scenarios there are
    let stages = stages::moves();
    let mut missed = vec![];
    for mistake in Mistake::ALL {
        // a second operator at every millisecond of a move finds most; the seeds find the rest
        let second = |at: u64| Weather { second: Some(at * truth::MS), ..Weather::default() };
        let beside = (0..40).map(|at| (at, &stages[at as usize % 12], second(at)));
        let random = (0..12_000).map(|seed| {
            let (stage, weather) = seeded(&stages, seed);
            (seed, stage, weather)
        });
        let found = beside.chain(random).find_map(|(seed, stage, weather)| {
            let report = storm(stage, weather, How { mistake: Some(mistake), ..quiet(seed) });
            report.broken.into_iter().next().map(|what| (seed, what))
        });
        match found {
            Some((seed, what)) => println!("{mistake:?}: seed {seed}: {what}"),
            None => missed.push(mistake),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
