//! The planner's promises, enumerated: every world of the domain, every goal, with and without the operator's
//! overrides, every order that a plan allows, every point at which a step can fail.
//!
//! `cargo test --release exhaustive -- --nocapture` prints the figures. A debug build takes a part of the domain.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what is wrong by panicking, prints its figures, and takes its time"
)]

mod boot;
mod death;
mod domain;
mod mutants;
mod restarts;
mod tiers;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::{Shape, Some3, World, consent, goals, pair, settings, system, with_traffic};
use flipper::model::{Code, Goal, Observed, Pair, Plan, Refusal, Snapshot};
use flipper::{checker, planfile, planner};
use restarts::{Counted, Passes, Restarts};
use walk::{Count, Walk, blinded};

/// What was found in a number of worlds.
#[derive(Debug, Default)]
struct Report {
    worlds: u64,
    plans: u64,
    empty: u64,
    /// Plans that need a word of the operator.
    accepted: u64,
    refusals: u64,
    /// Plans that differ in their steps, or in where these start.
    distinct: u64,
    walked: Count,
    restarts: Counted,
    codes: BTreeSet<Code>,
    faults: Faults,
}

/// What was wrong, how often, and where for the first time.
#[derive(Debug, Default)]
struct Faults(BTreeMap<String, (u64, String)>);

impl Faults {
    fn add(&mut self, what: String, at: impl FnOnce() -> String) {
        let what = what.replace("db1", "one node").replace("db2", "one node");
        self.0.entry(what).and_modify(|(times, _)| *times += 1).or_insert_with(|| (1, at()));
    }

    /// So many that the rest would say nothing new.
    fn many(&self) -> bool {
        self.0.values().map(|(times, _)| times).sum::<u64>() > 30
    }

    fn text(&self) -> String {
        let lines = self.0.iter().map(|(what, (times, at))| format!("{times} times: {what}\n    first: {at}"));
        lines.take(40).collect::<Vec<_>>().join("\n")
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.plans += other.plans;
        self.empty += other.empty;
        self.accepted += other.accepted;
        self.refusals += other.refusals;
        self.distinct += other.distinct;
        self.walked.orders += other.walked.orders;
        self.walked.moments += other.walked.moments;
        self.walked.failures += other.walked.failures;
        self.walked.backs += other.walked.backs;
        self.walked.forwards += other.walked.forwards;
        self.restarts.add(other.restarts);
        self.codes.extend(other.codes);
        for (what, (times, at)) in other.faults.0 {
            let known = self.faults.0.entry(what).or_insert((0, at));
            known.0 += times;
        }
    }
}

/// Worlds in two halves, on two threads.
fn enumerate(worlds: &[World], passes: &Passes) -> Report {
    let chunk = worlds.len().div_ceil(2).max(1);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = worlds.chunks(chunk).map(|half| scope.spawn(move || one_by_one(half, passes))).collect();
        threads.into_iter().for_each(|thread| report.add(thread.join().expect("a planner that does not panic")));
    });
    report
}

fn one_by_one(worlds: &[World], passes: &Passes) -> Report {
    let mut report = Report::default();
    let mut restarts = Restarts::new(passes);
    let shapes = [Shape::Both, Shape::WriteOnly, Shape::ReadOnly, Shape::Three];
    let pairs = shapes.map(|shape| (shape, pair(shape)));
    let goals = pairs.each_ref().map(|(_, pair)| goals(pair));
    let (mut walked, mut known, mut written) = (BTreeSet::new(), walk::Known::new(), BTreeSet::new());
    for world in worlds {
        let at = shapes.iter().position(|shape| *shape == world.shape).expect("a shape");
        let pair = &pairs[at].1;
        let seen = world.snapshot(pair);
        let still = world.nodes.map(|node| (node.link, node.xa, node.settings, node.system));
        if report.faults.many() {
            break;
        }
        report.worlds += 1;
        let examined = planner::Examined::of(pair, &seen);
        for (number, goal) in goals[at].iter().enumerate() {
            let mut plain = false;
            for (words, overrides) in [&[][..], &Code::ALL[..]].into_iter().enumerate() {
                if words == 1 && plain {
                    // nothing was in the way: the operator's words change nothing (that is looked at closely, below)
                    continue;
                }
                let plan = match examined.plan(goal, consent(pair, overrides)) {
                    Ok(plan) => plan,
                    Err(refusal) => {
                        report.refusals += 1;
                        if let Err(what) = reasoned(&refusal) {
                            report.faults.add(what, || format!("{world:?} {goal}"));
                        }
                        report.codes.extend(refusal.reasons.iter().map(|reason| reason.code));
                        continue;
                    }
                };
                report.plans += 1;
                report.empty += u64::from(plan.is_empty());
                let mut faults = vec![];
                report.accepted += u64::from(!plan.overrides.is_empty());
                if plan.overrides.iter().any(|code| !overrides.contains(code)) {
                    faults.push("something is overridden that nobody said".to_owned());
                }
                judged(pair, world, &seen, &plan, &mut |what| faults.push(what));
                let scene = (world.kind, world.shape, still, world.is_sound(), words == 1);
                let walk = Walk { pair, start: &seen, plan: &plan, overrides, scene, goal: number as u8 };
                walk.end(&mut |what| faults.push(what));
                // what else differs in the worlds of one such set, or in the goals, does not change where a step leads
                let same = (
                    (world.kind, world.shape, world.is_sound(), words),
                    walk::look(pair, &seen),
                    plan.steps.iter().map(|step| step.id.0.clone()).collect::<Vec<_>>(),
                );
                if walked.insert(same) {
                    report.distinct += 1;
                    report.walked.add(walk.every_order(&mut known, &mut |what| faults.push(what)));
                    restarts.plan(world.shape, &seen, &plan, &mut |what| faults.push(what));
                    let ids = |plan: &Plan| plan.steps.iter().map(|step| step.id.0.clone()).collect::<Vec<_>>();
                    if written.insert((world.kind, number, words, ids(&plan))) {
                        kept(pair, &seen, &plan, overrides, &mut |what| faults.push(what));
                    }
                    looked_at_closely(pair, world, &seen, &plan, overrides, &mut |what| faults.push(what));
                }
                for what in faults {
                    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
                    report.faults.add(what, || format!("{world:?} {goal} {:?} {ids:?}", plan.overrides));
                }
                plain = true;
            }
        }
    }
    report.restarts = restarts.counted;
    report
}

impl Count {
    fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.moments += other.moments;
        self.failures += other.failures;
        self.backs += other.backs;
        self.forwards += other.forwards;
    }
}

/// Every reason says what was seen and what to do.
fn reasoned(refusal: &Refusal) -> Result<(), String> {
    if refusal.reasons.is_empty() {
        return Err("refused without a reason".to_owned());
    }
    match refusal.reasons.iter().find(|reason| reason.seen.is_empty() || reason.help.is_empty()) {
        Some(reason) => Err(format!("{} says too little", reason.code)),
        None if refusal.reasons.iter().any(|reason| reason.help.contains("mistake in flipper")) => {
            Err("a mistake in flipper".to_owned())
        }
        None => Ok(()),
    }
}

/// What is asked of every plan.
fn judged(pair: &Pair, world: &World, seen: &Snapshot, plan: &Plan, fault: &mut impl FnMut(String)) {
    if let Err(found) = checker::judge(pair, seen, plan) {
        fault(format!("judged: {found:?}"));
    }
    // what could not be seen may be anything: the plan did not rely on it
    for filled in filled(world, seen) {
        if let Err(found) = checker::judge(pair, &filled, plan) {
            fault(format!("relies on something unknown: {found:?}"));
        }
    }
}

/// Each fact that could not be seen, with each of its values.
fn filled(world: &World, seen: &Snapshot) -> Vec<Snapshot> {
    let mut all = vec![];
    for (at, node) in world.nodes.iter().enumerate() {
        let mut fill = |change: &dyn Fn(&mut flipper::model::NodeSnapshot)| {
            let mut filled = seen.clone();
            change(&mut filled.nodes[at]);
            all.push(filled);
        };
        if node.ahead == Some3::Unknown {
            fill(&|node| node.ahead = Observed::Known(String::new()));
            fill(&|node| node.ahead = Observed::Known("0-3-3".to_owned()));
        }
        if node.xa == Some3::Unknown {
            fill(&|node| node.prepared_xa = Observed::Known(0));
            fill(&|node| node.prepared_xa = Observed::Known(1));
        }
        if !node.settings {
            let settings = settings();
            let deaf = flipper::model::Settings { bind_address: "10.0.0.1".to_owned(), ..settings.clone() };
            let mute = flipper::model::Settings { log_bin: false, gtid: false, ..settings.clone() };
            for settings in [settings, deaf, mute] {
                fill(&|node| node.settings = Observed::Known(settings.clone()));
            }
        }
        if !node.system {
            let bare = flipper::model::System { arping: None, up: vec![], ..system() };
            for system in [system(), bare] {
                fill(&|node| node.system = Observed::Known(system.clone()));
            }
        }
    }
    all
}

/// The same input gives the same bytes, and the plan comes back from its file as it was.
fn kept(pair: &Pair, seen: &Snapshot, plan: &Plan, overrides: &[Code], fault: &mut impl FnMut(String)) {
    let text = planfile::to_text(plan, &[]);
    let again = planner::plan(pair, seen, &plan.goal, consent(pair, overrides));
    if again.map(|again| planfile::to_text(&again, &[])) != Ok(text.clone()) {
        fault("another plan for the same input".to_owned());
    }
    if planfile::from_text("plan", &text).map(|file| file.plan).ok().as_ref() != Some(plan) {
        fault("the plan does not come back from its file".to_owned());
    }
}

/// What is asked of one of several plans that differ in nothing that matters.
fn looked_at_closely(
    pair: &Pair,
    world: &World,
    seen: &Snapshot,
    plan: &Plan,
    overrides: &[Code],
    fault: &mut impl FnMut(String),
) {
    if let Err(found) = checker::sound(plan) {
        fault(format!("by itself: {found:?}"));
    }
    let again = |seen: &Snapshot| planner::plan(pair, seen, &plan.goal, consent(pair, overrides));
    let all = consent(pair, &Code::ALL);
    if overrides.is_empty() && planner::plan(pair, seen, &plan.goal, all).as_ref() != Ok(plan) {
        fault("words of the operator that nothing asked for change it".to_owned());
    }
    let busy = with_traffic(seen);
    match again(&busy) {
        Ok(busy) if busy.same_as(plan) => {}
        other => fault(format!("ordinary traffic changes it: {other:?}")),
    }
    // a fact that it did not declare as relied on makes no difference when it cannot be seen
    for blind in blinded(seen) {
        match again(&blind) {
            Ok(blind) if !blind.same_as(plan) => fault("unknown is taken for something".to_owned()),
            Ok(_) | Err(_) => {}
        }
    }
    if world.shape == Shape::Both {
        mirrored(pair, world, plan, overrides, fault);
    }
}

/// Which node is named first makes no difference.
fn mirrored(pair: &Pair, world: &World, plan: &Plan, overrides: &[Code], fault: &mut impl FnMut(String)) {
    let other = |text: &str| text.replace("db1", "?").replace("db2", "db1").replace('?', "db2");
    let name = |name: &flipper::model::NodeName| other(name.as_str()).parse().expect("a name");
    let goal = match &plan.goal {
        Goal::Swap(_) | Goal::Down(_) => plan.goal.clone(),
        Goal::Set(role, node) => Goal::Set(role.clone(), name(node)),
        Goal::Up(role, node) => Goal::Up(role.clone(), name(node)),
        Goal::Drain(node) => Goal::Drain(name(node)),
        Goal::Fail(node) => Goal::Fail(name(node)),
        Goal::Rejoin(node) => Goal::Rejoin(name(node)),
        Goal::Assign(wanted) => {
            let roles = wanted.0.iter().map(|(role, node)| (role.clone(), node.as_ref().map(name)));
            Goal::Assign(flipper::model::Assignment(roles.collect()))
        }
    };
    let Ok(mirror) = planner::plan(pair, &world.mirrored().snapshot(pair), &goal, consent(pair, overrides)) else {
        return fault("refused when the nodes are named the other way round".to_owned());
    };
    let edges = |plan: &Plan, name: &dyn Fn(&str) -> String| -> BTreeSet<(String, Vec<String>)> {
        let after = |step: &flipper::model::Step| {
            // of two read locks one must be the first, and only the names are left to say which
            let fence = matches!(step.action, flipper::model::Action::Fence { .. });
            let edges = step.after.iter().filter(|(id, _)| !(fence && id.0.starts_with("release-")));
            let mut after: Vec<String> = edges.map(|(id, rule)| format!("{} {rule}", name(&id.0))).collect();
            after.sort();
            after
        };
        plan.steps.iter().map(|step| (name(&step.id.0), after(step))).collect()
    };
    if edges(plan, &|id: &str| id.to_owned()) != edges(&mirror, &other) {
        fault("another plan when the nodes are named the other way round".to_owned());
    }
}

#[test]
fn exhaustive() {
    let begun = Instant::now();
    let mut all = Report::default();
    let looks = boot::exact(&boot::check, if cfg!(debug_assertions) { 41 } else { 1 }, &mut |what| {
        all.faults.add(what, || "what check says of a start".to_owned());
    });
    let passes = Passes::of(&boot::check);
    println!("looks at what a start will be: {looks}, {:.1} s", begun.elapsed().as_secs_f64());
    for (name, worlds) in [
        ("structure", tiers::structure()),
        ("links", tiers::links()),
        ("facts", tiers::facts()),
        ("shapes", tiers::shapes()),
    ] {
        let tier = Instant::now();
        let report = enumerate(&worlds, &passes);
        println!("{name}: {} worlds, {} plans, {:.1} s", report.worlds, report.plans, tier.elapsed().as_secs_f64());
        all.add(report);
    }
    for (name, report) in death::report(&passes) {
        println!("{name}: {} worlds, {} plans", report.worlds, report.plans);
        assert!(report.plans > 20 || !report.faults.0.is_empty(), "{name}: {} plans", report.plans);
        all.add(report);
    }
    let Report { worlds, plans, empty, accepted, refusals, distinct, walked, restarts, codes, faults } = all;
    if cfg!(debug_assertions) {
        println!("a debug build: a part of the domain only");
    }
    println!("worlds: {worlds}");
    println!("plans: {plans} ({empty} with nothing to do, {accepted} by override, {distinct} distinct)");
    println!("refusals: {refusals}, for {} reasons", codes.len());
    println!("orders: {} (through {} moments)", walked.orders, walked.moments);
    println!("failure points: {}", walked.failures);
    println!("ways back: {}, ways forward: {}", walked.backs, walked.forwards);
    println!(
        "restarts: {} pairs with crashes and starts behind them, at {} moments of {} plans",
        restarts.pairs, restarts.moments, restarts.plans
    );
    for ((name, law, _), times) in restarts::OTHERWISE.iter().zip(restarts.broken) {
        println!("  otherwise: {name}: {law:?} is broken in {times} plans");
    }
    println!("violations: {}", faults.0.values().map(|(times, _)| times).sum::<u64>());
    println!("in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(faults.0.is_empty(), "\n{}", faults.text());
    // it would be easy to be right about nothing
    assert!(restarts.broken.iter().all(|times| *times > 0), "{:?}", restarts.broken);
    assert!(accepted > plans / 20 && plans > refusals / 20 && distinct > 500, "{plans} plans, {distinct} distinct");
    assert!(cfg!(debug_assertions) || walked.failures > 1_000_000, "{} failure points", walked.failures);
}
