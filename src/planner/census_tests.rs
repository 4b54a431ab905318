//! A census of the planner's answers: what it says to each goal in each of some seven hundred worlds, one fingerprint a
//! world. That an answer is right is shown elsewhere; here none of them changes without being noticed. The worlds of a
//! changed fingerprint say where to look, the scenarios show what has become of them.
//!
//! `UPDATE=1 cargo test --lib census` rewrites `fixtures/census.txt`.

#![allow(clippy::disallowed_methods, reason = "a test reads its record")]

use std::fmt::Write as _;

use super::checks::tests::harms;
use super::*;
use crate::model::samples::{healthy, pair, with_db1_back, without_db1};
use crate::model::{Flavour, Observed};

fn goals(pair: &Pair) -> Vec<Goal> {
    let nodes = pair.nodes.each_ref().map(|node| node.name.clone());
    let mut goals = vec![Goal::Swap(None)];
    for role in pair.roles.iter().map(|role| &role.name) {
        goals.extend([Goal::Swap(Some(role.clone())), Goal::Down(role.clone())]);
        for node in &nodes {
            goals.extend([Goal::Set(role.clone(), node.clone()), Goal::Up(role.clone(), node.clone())]);
        }
    }
    for node in nodes {
        goals.extend([Goal::Drain(node.clone()), Goal::Fail(node.clone()), Goal::Rejoin(node)]);
    }
    goals
}

/// What is asked for in a world with something wrong: a goal of each kind.
const FEW: [&str; 7] = ["swap", "set write db2", "set read db1", "drain db1", "down write", "fail db1", "rejoin db1"];

type World = fn(Snapshot) -> Snapshot;

/// Where a pair can stand, whatever else is wrong with it.
const WORLDS: [(&str, World); 7] = [
    ("in order", |seen| seen),
    ("cut off after the fence", |seen| access(seen, 0, WriteAccess::Fenced)),
    ("two writers", |seen| access(seen, 1, WriteAccess::Open)),
    ("addresses everywhere", |mut seen| {
        let both = seen.nodes.iter().flat_map(|node| node.addresses.known().cloned().unwrap_or_default());
        let both: Vec<_> = both.collect();
        for node in seen.nodes.iter_mut().filter(|node| node.addresses.known().is_some()) {
            node.addresses = Observed::Known(both.clone());
        }
        seen
    }),
    ("db1 is dead", without_db1),
    ("only its server is dead", |seen| {
        let machine = (seen.nodes[0].addresses.clone(), seen.nodes[0].system.clone());
        let mut seen = without_db1(seen);
        (seen.nodes[0].addresses, seen.nodes[0].system) = machine;
        seen
    }),
    ("db1 is back", with_db1_back),
];

fn access(mut seen: Snapshot, at: usize, access: WriteAccess) -> Snapshot {
    if seen.nodes[at].access.known().is_some() {
        seen.nodes[at].access = Observed::Known(access);
    }
    seen
}

/// FNV-1a, so that the record does not depend on anybody's hasher.
struct Print(u64);

impl std::fmt::Write for Print {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

/// The answers in one world: the plans with all that is in them, the refusals with their words, what the checks say;
/// `whole`: to every goal, with every word of the operator, and the ways back and forward after each step.
fn fingerprint(pair: &Pair, seen: &Snapshot, whole: bool) -> (u64, usize, usize) {
    let mut print = Print(0xcbf2_9ce4_8422_2325);
    let (mut plans, mut refusals) = (0, 0);
    let said = [Code::NotFenced, Code::MayLose, Code::ReplicationStopped];
    let consents = [(&[][..], false), (&Code::ALL[..], true), (&said[..], false), (&[][..], true)];
    for goal in goals(pair).into_iter().filter(|goal| whole || FEW.contains(&goal.to_string().as_str())) {
        for (overrides, kill) in consents.into_iter().take(if whole { 4 } else { 2 }) {
            let answer = plan(pair, seen, &goal, Consent { overrides, kill });
            write!(print, "{answer:?}").expect("a print takes everything");
            let Ok(plan) = answer else {
                refusals += 1;
                continue;
            };
            plans += 1;
            write!(print, "{:?}", point_of_no_return(&plan)).expect("a print takes everything");
            let mut state = seen.clone();
            for step in plan.steps.iter().filter(|_| whole) {
                perform(pair, &mut state, &step.action);
                let back = [Opened::Never, Opened::Undone, Opened::Done]
                    .map(|opened| way_back(pair, &state, &plan, opened, &plan.touched()));
                let forward = way_forward(pair, &state, &plan, &plan.touched());
                let rests = (is_back(pair, &state, &plan), reopen(pair, &plan));
                write!(print, "{back:?}{forward:?}{rests:?}").expect("a print takes everything");
            }
        }
    }
    write!(print, "{:?}", check(pair, seen, &Observed::Known(None))).expect("a print takes everything");
    (print.0, plans, refusals)
}

#[test]
fn census() {
    let mut pair = pair();
    let mut lines = String::new();
    for (number, (name, world)) in WORLDS.iter().enumerate() {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            pair.nodes[0].has_fence = number % 2 == 0;
            pair.limits.drain = std::time::Duration::from_secs(if number % 2 == 0 { 0 } else { 5 });
            let mut add = |what: String, seen: &Snapshot, whole: bool| {
                let (print, plans, refusals) = fingerprint(&pair, seen, whole);
                writeln!(lines, "{print:016x}  {plans:>3} plans {refusals:>3} refusals  {flavour}, {name}, {what}")
                    .expect("a line");
            };
            add("nothing else".to_owned(), &world(healthy(flavour)), true);
            for (at, (code, harm)) in harms().into_iter().enumerate() {
                // half of them on each flavour
                if (at % 2 == 0) != (flavour == Flavour::MySql) {
                    continue;
                }
                let mut seen = healthy(flavour);
                harm(&mut seen);
                add(format!("{code} ({at})"), &world(seen), false);
            }
        }
    }
    let record = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/census.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&record, &lines).expect("the record is written");
    }
    let recorded = std::fs::read_to_string(&record).unwrap_or_default();
    let other: Vec<&str> = lines.lines().filter(|line| !recorded.lines().any(|known| known == *line)).collect();
    assert!(
        other.is_empty() && recorded.lines().count() == lines.lines().count(),
        "{} of {} answers differ from the record (UPDATE=1 rewrites it):\n{}",
        other.len(),
        lines.lines().count(),
        other.iter().take(10).copied().collect::<Vec<_>>().join("\n")
    );
}
