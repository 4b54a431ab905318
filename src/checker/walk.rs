//! Every order that the steps allow.

use std::collections::BTreeSet;

use super::aim::Aim;
use super::facts::Facts;
use super::state::State;
use super::{Invariant, Violation, broken};
use crate::model::{Step, StepId};

/// Moments that are looked at before a plan is called too wide. The widest one that flipper makes has some hundreds.
const MOMENTS: usize = 100_000;

/// Walks every order from a state. A branch ends with its first violation.
pub(super) fn every_order(facts: &Facts, aim: &Aim, start: State, steps: &[Step]) -> Vec<Violation> {
    let number = |id: &StepId| steps.iter().position(|step| step.id == *id);
    let before: Vec<u64> = steps
        .iter()
        .map(|step| step.after.iter().filter_map(|(id, _)| number(id)).fold(0, |all, at| all | bit(at)))
        .collect();
    let all = (0..steps.len()).fold(0, |all, at| all | bit(at));
    let mut found = BTreeSet::new();
    let mut visited = BTreeSet::from([(0, start)]);
    let mut todo = vec![(0, start)];
    while let Some((done, state)) = todo.pop() {
        if done == all {
            let end = state.end(facts, aim).err();
            let unseen = state.opened_unseen(facts, aim);
            found.extend(end.map(|(invariant, what)| broken(invariant, what)));
            if unseen {
                found.insert(broken(Invariant::Goal, "nobody looked from outside at the node that was opened"));
            }
            continue;
        }
        for (at, step) in steps.iter().enumerate() {
            let waits = before.get(at).is_some_and(|before| before & !done != 0);
            if done & bit(at) != 0 || waits {
                continue;
            }
            let mut next = state;
            match next.take(facts, aim, &step.action) {
                Err((invariant, what)) => {
                    found.insert(Violation { invariant, step: Some(step.id.clone()), what });
                }
                Ok(()) => {
                    let moment = (done | bit(at), next);
                    if visited.insert(moment) {
                        todo.push(moment);
                    }
                }
            }
        }
        if visited.len() > MOMENTS {
            found.insert(broken(Invariant::WellFormed, "its steps may be taken in too many orders to judge them all"));
            break;
        }
    }
    found.into_iter().collect()
}

/// A plan with more steps is refused before it is walked.
fn bit(step: usize) -> u64 {
    1 << (step % 64)
}
