//! A flipper that is killed between any two steps, in a simulated pair: finished, and taken back, with the journal's plan
//! and without it.

use super::*;
use crate::model::samples::{healthy, pair};
use crate::model::{Assignment, Flavour, Goal, Pair, Plan, Side, Snapshot, WriteAccess};
use crate::planner;
use crate::sim::{self, SimWorld};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn word(goal: &str) -> Goal {
    let words: Vec<&str> = goal.split(' ').collect();
    let role = |at: usize| words[at].parse().expect("a role");
    let node = |at: usize| words[at].parse().expect("a node");
    match words[0] {
        "swap" => Goal::Swap(words.get(1).map(|_| role(1))),
        "set" => Goal::Set(role(1), node(2)),
        "drain" => Goal::Drain(node(1)),
        "down" => Goal::Down(role(1)),
        "up" => Goal::Up(role(1), node(2)),
        _ => panic!("{goal}"),
    }
}

/// Every plan of a pair that is in order: what is asked of it, and where it starts.
fn plans() -> Vec<(String, Snapshot, Plan)> {
    let pair = pair();
    let mut plans = vec![];
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let start = healthy(flavour);
        let mut add = |goal: &str, start: &Snapshot| {
            let plan = planner::plan(&pair, start, &word(goal), &[]).expect(goal);
            assert!(!plan.is_empty(), "{goal}");
            plans.push((format!("{flavour} {goal}"), start.clone(), plan.clone()));
            sim::after(&pair, start, plan.steps.into_iter().map(|step| step.action))
        };
        for goal in ["swap", "swap write", "swap read", "set write db2", "set read db1", "drain db1", "drain db2"] {
            add(goal, &start);
        }
        let down = add("down write", &start);
        for goal in ["up write db1", "up write db2"] {
            add(goal, &down);
        }
        let down = add("down read", &start);
        add("up read db2", &down);
    }
    plans
}

/// The state of a pair whose run was killed after so many steps.
fn killed(pair: &Pair, start: &Snapshot, plan: &Plan, steps: usize) -> Snapshot {
    sim::after(pair, start, plan.steps.iter().take(steps).map(|step| step.action.clone()))
}

/// Plans for these roles and carries that out; the state then.
fn carried_out(pair: &Pair, state: &Snapshot, wanted: &Assignment, at: &str) -> (Plan, Snapshot) {
    let plan = planner::plan(pair, state, &Goal::Assign(wanted.clone()), &[]);
    let plan = plan.unwrap_or_else(|refusal| panic!("{at}: {wanted}: {refusal:?}"));
    if plan.is_empty() {
        return (plan, state.clone());
    }
    let mut world = SimWorld::new(pair.clone(), state.clone());
    let cancel = Cancel::default();
    let outcome = block_on(Run::new(&mut world, pair, &cancel, |_| {}).apply(&plan));
    assert!(matches!(outcome, Outcome::Done { .. }), "{at}: {outcome:?}");
    assert_eq!(world.violations(), [] as [&str; 0], "{at}");
    (plan, world.state().clone())
}

fn open(state: &Snapshot) -> Vec<Side> {
    Side::BOTH.into_iter().filter(|side| state.node(*side).access.is(&WriteAccess::Open)).collect()
}

/// The end that was asked for: roles where they were to be, the writer with its address and nobody else open.
fn is_there(pair: &Pair, state: &Snapshot, plan: &Plan, toward: Toward, at: &str) {
    let wanted = if toward == Toward::Goal { &plan.after } else { &plan.before };
    assert_eq!(&state.assignment(pair), wanted, "{at}");
    let write = pair.write_role().expect("a write role");
    let writer: Vec<Side> = wanted.holder(&write.name).and_then(|node| pair.side(node)).into_iter().collect();
    assert_eq!(open(state), writer, "{at}");
}

#[test]
fn killed_between_any_two_steps_it_is_finished_or_taken_back_by_the_journals_plan() {
    let pair = pair();
    let (mut worked, mut settled) = (0, 0);
    for (name, start, plan) in plans() {
        for steps in 0..=plan.steps.len() {
            let state = killed(&pair, &start, &plan, steps);
            for toward in [Toward::Goal, Toward::Start] {
                let at = format!("{name}, killed after {steps} steps, {toward:?}");
                let (way, end) = carried_out(&pair, &state, &of_plan(&plan, toward), &at);
                is_there(&pair, &end, &plan, toward, &at);
                worked += usize::from(!way.is_empty());
                if !way.is_empty() {
                    continue;
                }
                // nothing is left to be moved: what the clients are still owed is told to them
                let steps = owed(&pair, &state, &plan, toward);
                let mut world = SimWorld::new(pair.clone(), state.clone());
                let cancel = Cancel::default();
                let outcome = block_on(Run::new(&mut world, &pair, &cancel, |_| {}).settle(&plan, toward));
                match steps.is_empty() {
                    true => assert!(matches!(outcome, Outcome::Stale(_)), "{at}: {outcome:?}"),
                    false => assert_eq!(outcome, Outcome::Done { outage: None }, "{at}"),
                }
                settled += usize::from(!steps.is_empty());
                assert_eq!(world.state(), &state, "{at}");
            }
        }
    }
    assert!(worked > 200 && settled > 50, "{worked} worked, {settled} settled");
}

/// The run that finishes, or goes back, is killed too: the plan of the first one still leads to both ends.
#[test]
fn killed_again_it_is_still_finished_or_taken_back() {
    let pair = pair();
    for (name, start, plan) in plans().into_iter().filter(|(name, ..)| name.ends_with("swap")) {
        for steps in 0..=plan.steps.len() {
            let state = killed(&pair, &start, &plan, steps);
            for first in [Toward::Goal, Toward::Start] {
                let goal = Goal::Assign(of_plan(&plan, first));
                let again = planner::plan(&pair, &state, &goal, &[]).expect("a plan");
                for more in 0..again.steps.len() {
                    let state = killed(&pair, &state, &again, more);
                    for toward in [Toward::Goal, Toward::Start] {
                        let at = format!("{name}, killed after {steps}, {first:?}, killed after {more}, {toward:?}");
                        let (_, end) = carried_out(&pair, &state, &of_plan(&plan, toward), &at);
                        is_there(&pair, &end, &plan, toward, &at);
                    }
                }
            }
        }
    }
}

/// From another machine: what is seen leads somewhere where one node is open and has the address, or a person names it.
#[test]
fn without_the_journal_the_state_or_a_person_says_where_to() {
    let pair = pair();
    let (mut by_state, mut asked) = (0, 0);
    for (name, start, plan) in plans() {
        for steps in 0..=plan.steps.len() {
            let state = killed(&pair, &start, &plan, steps);
            for toward in [Toward::Goal, Toward::Start] {
                let at = format!("{name}, killed after {steps} steps, {toward:?}");
                match of_state(&pair, &state, toward) {
                    Target::InOrder => {
                        assert_eq!(open(&state), state.writer(&pair).into_iter().collect::<Vec<_>>(), "{at}");
                    }
                    Target::Roles(wanted) => {
                        by_state += 1;
                        let (_, end) = carried_out(&pair, &state, &wanted, &at);
                        assert_eq!(open(&end), end.writer(&pair).into_iter().collect::<Vec<_>>(), "{at}");
                        // a move of the write role between two nodes is known by its state
                        if name.contains("swap") || name.contains("set write") || name.ends_with("drain db1") {
                            let wanted = if toward == Toward::Goal { &plan.after } else { &plan.before };
                            let write = &pair.write_role().expect("a write role").name;
                            assert_eq!(end.assignment(&pair).holder(write), wanted.holder(write), "{at}");
                        }
                    }
                    Target::Ask(role, why) if pair.write_role().is_some_and(|write| write.name == role) => {
                        asked += 1;
                        for node in &pair.nodes {
                            let wanted = named(&pair, &node.name).expect("a write role");
                            let (_, end) = carried_out(&pair, &state, &wanted, &format!("{at}: {why}"));
                            assert_eq!(end.writer(&pair), pair.side(&node.name), "{at}");
                            assert_eq!(open(&end), Vec::from_iter(pair.side(&node.name)), "{at}");
                        }
                    }
                    Target::Ask(role, _) => {
                        // a reader's address on both nodes
                        asked += 1;
                        let role = pair.role(&role).expect("a role");
                        assert_eq!(state.holders(role).len(), 2, "{at}");
                    }
                    Target::Blind(why) => panic!("{at}: {why}"),
                }
            }
        }
    }
    assert!(by_state > 50 && asked > 20, "{by_state} by state, {asked} asked");
}

#[test]
fn what_cannot_be_seen_is_not_guessed_at() {
    let mut state = healthy(Flavour::MySql);
    state.node_mut(Side::Second).access = crate::model::Observed::Unknown("out of reach".to_owned());
    for toward in [Toward::Goal, Toward::Start] {
        assert_eq!(of_state(&pair(), &state, toward), Target::Blind("db2: out of reach".to_owned()));
    }
}
