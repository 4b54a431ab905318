//! A plan in every order, with a failure at every point of each.

use std::collections::{BTreeMap, BTreeSet};

use flipper::checker;
use flipper::model::{Action, Code, Goal, Observed, Pair, Plan, Snapshot, StepId, WriteAccess};
use flipper::planner::{self, Opened};

use super::domain::{Kind, Link, Shape, Some3, consent, step};

/// What a moment of a plan looks like to the planner: what a plan can change of a world, and no more.
pub(crate) type Look = [(u8, u64, u8, u8); 2];

pub(crate) fn look(pair: &Pair, state: &Snapshot) -> Look {
    state.nodes.each_ref().map(|node| {
        let access = node.access.known().map_or(9, |access| *access as u8);
        let held =
            pair.roles.iter().enumerate().filter(|(_, role)| node.holds(role).known().is_some_and(|h| !h.is_empty()));
        let ahead = node.ahead.known().map_or(9, |ahead| u8::from(!ahead.is_empty()));
        let threads = node.channels.known().and_then(|all| all.first());
        let threads = threads.map_or(9, |channel| channel.receiver as u8 * 3 + channel.applier as u8);
        (access, held.fold(0, |bits, (role, _)| bits | 1 << role), ahead, threads)
    })
}

/// What the steps of a plan do not change of a world, with whether all of it is in order and whether the operator
/// overrides.
pub(crate) type Scene = (Kind, Shape, [(Link, Some3, bool, bool); 2], bool, bool);

/// Moments whose plans were judged already: another plan may come through them too.
pub(crate) type Known = BTreeSet<(Scene, Look, u8)>;

/// What was walked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) orders: u64,
    pub(crate) moments: u64,
    pub(crate) failures: u64,
    pub(crate) backs: u64,
    pub(crate) forwards: u64,
}

pub(crate) struct Walk<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) start: &'a Snapshot,
    pub(crate) plan: &'a Plan,
    pub(crate) overrides: &'a [Code],
    pub(crate) scene: Scene,
    /// The number of the plan's goal.
    pub(crate) goal: u8,
}

/// A step that has gone wrong, and what it was: nothing happened, it happened and nobody knows, it happens after the
/// next look.
const WAYS_TO_FAIL: u64 = 3;

impl Walk<'_> {
    /// Every moment of every order.
    pub(crate) fn every_order(&self, known: &mut Known, fault: &mut impl FnMut(String)) -> Count {
        let plan = self.plan;
        let number: BTreeMap<&StepId, usize> = plan.steps.iter().enumerate().map(|(i, step)| (&step.id, i)).collect();
        let before: Vec<u64> =
            plan.steps.iter().map(|step| step.after.iter().fold(0, |all, (id, _)| all | 1 << number[id])).collect();
        let all = (1_u64 << plan.steps.len()) - 1;
        let mut count = Count::default();
        // in the order of how many are done, so that the ways to a moment are counted before the ways from it
        let mut moments = BTreeMap::from([((0, 0), (self.start.clone(), 1_u64))]);
        while let Some(((size, done), (state, ways))) = moments.pop_first() {
            count.moments += 1;
            self.moment(done, &state, known, &mut count, fault);
            if done == all {
                count.orders += ways;
            }
            for (i, next) in plan.steps.iter().enumerate() {
                if done & (1 << i) != 0 || before[i] & !done != 0 {
                    continue;
                }
                let mut after = state.clone();
                step(self.pair, &mut after, &next.action);
                self.late(&state, &after, fault);
                count.failures += WAYS_TO_FAIL;
                let (_, there) = moments.entry((size + 1, done | 1 << i)).or_insert((after, 0));
                *there += ways;
            }
        }
        count
    }

    /// Whatever has gone wrong here, the pair is safe as it is, and there is a way on.
    fn moment(
        &self,
        done: u64,
        state: &Snapshot,
        known: &mut Known,
        count: &mut Count,
        fault: &mut impl FnMut(String),
    ) {
        let both = |state: &Snapshot| state.nodes.iter().all(|node| node.access.is(&WriteAccess::Open));
        if both(state) && !both(self.start) {
            fault("two writers on the way".to_owned());
        }
        self.ways(done, state, count, fault);
        self.again(state, known, fault);
    }

    /// Back, as long as nobody was opened; forward from then on. Printed order only: a run takes no other.
    fn ways(&self, done: u64, state: &Snapshot, count: &mut Count, fault: &mut impl FnMut(String)) {
        let (pair, plan) = (self.pair, self.plan);
        let steps = done.count_ones() as usize;
        if done != (1 << steps) - 1 {
            return;
        }
        let actions: Vec<&Action> = plan.steps[..steps].iter().map(|step| &step.action).collect();
        let returns =
            planner::point_of_no_return(plan).is_none_or(|point| plan.steps[..steps].iter().all(|s| s.id != *point));
        let (way, wanted, name) = if returns {
            (planner::way_back(pair, state, plan, Opened::Never, &[]), &plan.before, "back")
        } else {
            (planner::way_forward(pair, state, plan, &plan.touched()), &plan.after, "forward")
        };
        let steps = match way {
            Ok(steps) => steps,
            Err(reasons) => {
                return fault(format!("no way {name}: {:?}", reasons.iter().map(|r| r.code).collect::<Vec<_>>()));
            }
        };
        if let Err(found) = checker::judge_way(pair, self.start, plan, &actions, &steps, wanted) {
            fault(format!("the way {name}: {found:?}"));
        }
        let mut end = state.clone();
        steps.iter().for_each(|next| step(pair, &mut end, &next.action));
        if returns {
            count.backs += 1;
            if !planner::is_back(pair, &end, plan) {
                fault("the way back does not lead back".to_owned());
            }
        } else {
            count.forwards += 1;
            if end.assignment(pair) != plan.after {
                fault("the way forward does not lead there".to_owned());
            }
        }
    }

    /// A run that was cut off here is finished, or taken back, by a plan of its own, or by a refusal that says why.
    fn again(&self, state: &Snapshot, known: &mut Known, fault: &mut impl FnMut(String)) {
        let look = look(self.pair, state);
        // nothing was wrong with the pair but where things were
        let (.., sound, _) = self.scene;
        let by_name = self
            .pair
            .write_role()
            .into_iter()
            .flat_map(|role| self.pair.nodes.iter().map(|node| Goal::Set(role.name.clone(), node.name.clone())));
        for (i, goal) in std::iter::once(self.plan.goal.clone()).chain(by_name).enumerate() {
            let number = if i == 0 { self.goal } else { u8::MAX - i as u8 };
            if !known.insert((self.scene, look, number)) {
                continue;
            }
            match planner::plan(self.pair, state, &goal, consent(self.pair, self.overrides)) {
                Ok(again) => {
                    if let Err(found) = checker::judge(self.pair, state, &again) {
                        fault(format!("planned again on the way: {found:?}"));
                    }
                }
                Err(refusal) if refusal.reasons.is_empty() => fault("planned again on the way: no reason".to_owned()),
                // where nothing else was wrong, being cut off is nothing that needs a person
                Err(refusal) if i > 0 && sound => fault(format!(
                    "planned again on the way, by name: {:?}",
                    refusal.reasons.iter().map(|r| r.code).collect::<Vec<_>>()
                )),
                Err(_) => {}
            }
        }
    }

    /// A step that takes effect after somebody has looked and planned: that plan is stale by then, or still good.
    fn late(&self, looked: &Snapshot, late: &Snapshot, fault: &mut impl FnMut(String)) {
        let [before, after] =
            [looked, late].map(|state| look(self.pair, state).map(|(access, held, ..)| (access, held)));
        if before != after || looked == late {
            return;
        }
        let Ok(made) = planner::plan(self.pair, looked, &self.plan.goal, consent(self.pair, self.overrides)) else {
            return;
        };
        let now = planner::plan(self.pair, late, &self.plan.goal, consent(self.pair, self.overrides));
        if now.is_ok_and(|now| now.same_as(&made)) && checker::judge(self.pair, late, &made).is_err() {
            fault("a plan is neither stale nor good after a late effect".to_owned());
        }
    }

    /// All steps are done: the goal is reached, and nothing is left to do.
    pub(crate) fn end(&self, fault: &mut impl FnMut(String)) {
        let mut state = self.start.clone();
        self.plan.steps.iter().for_each(|next| step(self.pair, &mut state, &next.action));
        if state.assignment(self.pair) != self.plan.after {
            fault("the full walk does not lead to `after`".to_owned());
        }
        // "the other node" is somewhere else by now
        let goal = match &self.plan.goal {
            Goal::Swap(_) => {
                let touched = self.plan.touched();
                let moved = self.plan.after.0.iter().filter(|(role, _)| touched.contains(role));
                Goal::Assign(flipper::model::Assignment(moved.map(|(r, n)| (r.clone(), n.clone())).collect()))
            }
            other => other.clone(),
        };
        match planner::plan(self.pair, &state, &goal, consent(self.pair, self.overrides)) {
            Ok(plan) if plan.is_empty() => {}
            Ok(plan) => fault(format!("at the goal {} steps are left: {}", plan.steps.len(), plan.steps[0].id)),
            Err(refusal) => fault(format!(
                "at the goal it is refused: {:?}",
                refusal.reasons.iter().map(|r| r.code).collect::<Vec<_>>()
            )),
        }
    }
}

/// Facts made unknown, one at a time: each of both nodes.
pub(crate) fn blinded(seen: &Snapshot) -> Vec<Snapshot> {
    fn why<T>() -> Observed<T> {
        Observed::Unknown("looked away".to_owned())
    }
    let blinds: [fn(&mut flipper::model::NodeSnapshot); 10] = [
        |node| node.server = why(),
        |node| node.same_machine = why(),
        |node| node.access = why(),
        |node| node.addresses = why(),
        |node| node.system = why(),
        |node| node.channels = why(),
        |node| node.settings = why(),
        |node| node.position = why(),
        |node| node.ahead = why(),
        |node| node.prepared_xa = why(),
    ];
    let mut all = vec![];
    for at in [0, 1] {
        for blind in blinds {
            let mut changed = seen.clone();
            blind(&mut changed.nodes[at]);
            if changed != *seen {
                all.push(changed);
            }
        }
    }
    all
}
