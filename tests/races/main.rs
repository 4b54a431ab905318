//! A model of the races: the protocol of a handover, and of `fail` and `rejoin`, against a world in which everything that can
//! come at a bad moment does. Every state that can be reached within the bounds is visited, shortest way first, so that a
//! broken promise is told as the shortest story that leads to it.
//!
//! It is a model: it was written after the code and the hazards, and says what the code should do. That the code does it
//! is shown elsewhere (`src/planner/tests.rs`, `src/apply/tests.rs`, `tests/faults`).
//!
//! | in the model | how |
//! | --- | --- |
//! | two operators | each at any speed; a run can be killed, and another one started, between any two steps |
//! | lock sessions | lost with a crash, or while the operator's machine sleeps; taken again, and then nothing is believed that nobody says |
//! | `SET` without an answer | done, never arrived, or on its way: it may fire later, or never |
//! | clients | commit wherever the address is on an open node, known to them or not |
//! | administrators | on MariaDB before 12, write in spite of `read_only`, not of a read lock |
//! | XA | on MySQL, what is prepared may commit on a fenced server |
//! | crashes | server alone, or machine with its addresses, at any step; what it committed stays |
//! | starts | at any step, server alone or machine: whether it is open, has the address and receives is chosen anew each time, of what `check` does not object to (`Protocol::boots_closed`, `boots_bare`, `boots_quiet`) |
//! | cables | operators to a node, node to node |
//! | a person | opens a node by hand as docs/safety.md says, when no run has anything left on the servers |
//!
//! | promise | |
//! | --- | --- |
//! | S1–S8, S11, S13–S16, S18 | at every state and step (`laws`) |
//! | S17 (boot) | so are they with every crash and every start, where `check` says neither `opens-at-boot` nor `follows-at-boot`: [`protocol::BOOTS`] shows what comes of each; `address-at-boot` alone breaks none ([`protocol::HARMLESS`]) |
//! | S10 (any prefix, any crash), S12 (what holds at the look holds at the act) | each step is a state of its own, and the laws ask the world, not what the run believes |
//! | L1–L3, L5 | from every state, left alone, each run ends, and the pair rests as a case that the planner names |
//! | S9 (twice is once), L4, L6 (time, equal data in the end) | not here: `tests/flip`, `tests/faults`, on real servers with clocks |
//! | commands to machines that come late | not here: they carry the last second in which they may begin, `src/link/ssh.rs` |
//! | S19 (reads), S20 (least action), S21 (secrets) | not here: no read role, no other addresses, no text; `src/planner/tests.rs`, `tests/flip` |
//!
//! Bounds: two transactions (a third in the larger search), two runs (three), two faults (one where a machine starts with
//! the address, two in the larger search), one opening by hand.
//! `FLIPPER_RACES=deep` takes the larger ones; docs/safety.md has the figures of both.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    reason = "a search prints what it found, and a test of it says by panicking what is wrong"
)]

mod death;
mod handover;
mod laws;
mod protocol;
mod recovery;
mod search;
mod state;
mod world;

use std::time::Instant;

use laws::Law;
use protocol::{ASSUMPTIONS, BOOTS, HARMLESS, MISTAKES, Mutant, Protocol};
use search::{Found, search};
use state::At;
use world::{Bounds, Flavour, Scene, Stands};

fn bounds(flavour: Flavour, scene: Scene) -> Bounds {
    let deep = std::env::var_os("FLIPPER_RACES").is_some_and(|wish| wish == "deep");
    let hands = u8::from(scene == Scene::Move);
    let (writes, runs) = if deep { (3, 3) } else { (2, 2) };
    Bounds { flavour, scene, writes, faults: 2, hands, runs }
}

fn story(law: Law, steps: &[String]) -> String {
    let lines = steps.iter().enumerate().map(|(number, step)| format!("  {:3}  {step}\n", number + 1));
    format!("{law}, after {} steps:\n{}", steps.len(), lines.collect::<String>())
}

/// What must be reachable, or the laws are kept by doing nothing.
const SOMETIMES: [(&str, At); 10] = [
    ("a swap is done", At::Done),
    ("rolled back before the opening", At::BackBefore),
    ("rolled back after the opening", At::BackAfter),
    ("HOLD", At::Hold),
    ("stopped part way", At::Stuck),
    ("refused", At::Refused),
    ("locked out", At::LockedOut),
    ("stale plan", At::Stale),
    ("fail is done", At::FailDone),
    ("rejoin is done", At::JoinDone),
];

#[test]
fn no_promise_is_broken_in_any_state() {
    let begun = Instant::now();
    let (mut states, mut transitions, mut depth) = (0, 0, 0);
    let mut shortest = SOMETIMES.map(|_| usize::MAX);
    for (flavour, scene) in [
        (Flavour::MySql, Scene::Move),
        (Flavour::MariaDb, Scene::Move),
        (Flavour::MySql, Scene::Death),
        (Flavour::MariaDb, Scene::Death),
    ] {
        let Found { states: more, transitions: steps, depth: deep, broken, ends, rests } =
            search(Protocol::SOUND, bounds(flavour, scene), None);
        println!("{flavour:?}, {scene:?}: {more} states, {steps} transitions, depth {deep}; at rest: {rests:?}");
        if let Some((law, steps)) = broken {
            panic!("{flavour:?}, {scene:?}: {}", story(law, &steps));
        }
        states += more;
        transitions += steps;
        depth = depth.max(deep);
        for ((_, at), shortest) in SOMETIMES.iter().zip(&mut shortest) {
            let way = ends.iter().find(|(end, _)| end == at).map(|(_, way)| *way);
            *shortest = way.map_or(*shortest, |way| way.min(*shortest));
        }
    }
    println!("states: {states}\ntransitions: {transitions}\ndepth: {depth}\ntime: {:?}", begun.elapsed());
    for ((what, _), shortest) in SOMETIMES.iter().zip(shortest) {
        assert!(shortest != usize::MAX, "never: {what}");
        println!("sometimes: {what}, after {shortest} steps");
    }
    assert!(states >= 1_000_000, "{states} states are too few to mean anything");
}

#[test]
fn without_faults_a_pair_ends_with_one_writer_at_the_address() {
    for scene in [Scene::Move, Scene::Death] {
        let bounds = Bounds { flavour: Flavour::MariaDb, scene, writes: 3, faults: 0, hands: 0, runs: 3 };
        let Found { broken, ends, rests, .. } = search(Protocol::SOUND, bounds, None);
        assert_eq!(broken, None);
        assert!(ends.iter().any(|(end, _)| *end == At::Done), "{ends:?}");
        assert!(rests.iter().all(|(rest, _)| matches!(rest, Stands::Serves(_))), "{rests:?}");
    }
}

/// A restart with the address breaks nothing, as long as it is one without write access: what is left is a pair whose
/// address is on two nodes, and the planner names that.
#[test]
fn a_closed_node_with_the_address_is_no_second_writer() {
    let (name, protocol) = HARMLESS;
    for scene in [Scene::Move, Scene::Death] {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let bounds = bounds(flavour, scene);
            let faults = if bounds.runs > 2 { bounds.faults } else { 1 };
            let Found { states, broken, rests, .. } = search(protocol, Bounds { faults, ..bounds }, None);
            println!("{name}, {flavour:?}, {scene:?}: {states} states; at rest: {rests:?}");
            if let Some((law, steps)) = broken {
                panic!("{name}, {flavour:?}, {scene:?}: {}", story(law, &steps));
            }
            assert!(rests.iter().any(|(rest, _)| *rest == Stands::AddressOnBoth), "{rests:?}");
        }
    }
}

/// Every mistake is found, or the model could not tell right from wrong.
#[test]
fn every_mistake_is_caught() {
    let caught = |mutants: &[Mutant], kind: &str| {
        let mut caught = 0;
        for Mutant { name, flavour, scene, protocol, breaks } in mutants {
            // the fewer faults a story takes, the more it tells
            let found = (1..=2).find_map(|faults| {
                search(*protocol, Bounds { faults, ..bounds(*flavour, *scene) }, Some(*breaks)).broken
            });
            match found {
                Some((law, steps)) if law == *breaks => {
                    println!("{kind}: {name} ({flavour:?})\n{}", story(law, &steps));
                    caught += 1;
                }
                other => println!("{kind}: {name}: NOT CAUGHT, {other:?}"),
            }
        }
        (caught, mutants.len())
    };
    let all = [(MISTAKES, "mutant"), (BOOTS, "said by check"), (ASSUMPTIONS, "relied on")];
    let found = all.map(|(mutants, kind)| caught(mutants, kind));
    for ((_, kind), (caught, of)) in all.iter().zip(found) {
        println!("{kind}, caught: {caught} of {of}");
    }
    let (caught, of) = found.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("mutants caught: {caught} of {of}");
    assert_eq!(caught, of);
}
