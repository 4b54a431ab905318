//! One storm: a run of a plan, perhaps beside another one, judged when each of them says how it ended.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use flipper::apply::{Outcome, Run};
use flipper::event::{Event, Way};
use flipper::model::{Goal, Observed, Pair, Plan, Side, Snapshot, WriteAccess};
use flipper::planner;
use flipper::world::World;

use crate::after;
use crate::dice::Dice;
use crate::hand::Hand;
use crate::time::{Task, drive};
use crate::truth::{Micros, S, Truth};
use crate::weather::{Kind, Weather};
use crate::wire::{Core, Shared};
use crate::wrong::{Mistake, Wrong};

/// No run takes longer, whatever happens: its limits, one after the other, each with a reconnection.
pub(crate) const LONGEST: Micros = 240 * S;

/// What a run is tried on.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) pair: Pair,
    pub(crate) seen: Snapshot,
    pub(crate) plan: Plan,
}

/// How a run ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Done,
    RolledBack,
    Held,
    Stopped,
    /// Locked, stale, refused, or not begun.
    Unchanged,
    Killed,
}

impl End {
    fn of(outcome: Option<&Outcome>) -> Self {
        match outcome {
            None => Self::Killed,
            Some(Outcome::Done { .. }) => Self::Done,
            Some(Outcome::RolledBack { .. }) => Self::RolledBack,
            Some(Outcome::Stuck(stuck)) if stuck.stands.iter().any(|line| line.starts_with("HOLD")) => Self::Held,
            Some(Outcome::Stuck(_)) => Self::Stopped,
            Some(Outcome::Locked(_) | Outcome::NotBegun(_) | Outcome::Stale(_) | Outcome::Refused(_)) => {
                Self::Unchanged
            }
        }
    }
}

/// What came of a storm.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) end: End,
    pub(crate) broken: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) kinds: BTreeMap<Kind, u32>,
    pub(crate) felt: BTreeMap<&'static str, u32>,
    pub(crate) second: bool,
    pub(crate) took: Micros,
    pub(crate) written: u32,
    /// Ways out that were tried afterwards.
    pub(crate) recovered: u32,
}

/// How a storm is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) seed: u64,
    pub(crate) mistake: Option<Mistake>,
    pub(crate) log: bool,
    /// Every way out is tried, not one of them.
    pub(crate) every_way: bool,
}

pub(crate) fn storm(stage: &Stage, weather: Weather, how: How) -> Report {
    let mut dice = Dice::new(how.seed);
    let truth = Truth::new(&stage.pair, &stage.seen, 3, Dice::new(how.seed ^ 0xc11e));
    let second = weather.second;
    let mut core = Core::new(truth, weather, Dice::new(how.seed ^ 0x30e), how.log);
    core.forecast();
    let core: Shared = Rc::new(RefCell::new(core));
    let mut hand = Wrong::new(Hand::new(&core, &stage.plan.overrides), how.mistake);
    let mut other = second.map(|_| Wrong::new(Hand::new(&core, &stage.plan.overrides), how.mistake));
    let goal = other_goal(stage, &mut dice);
    let first: Task<'_, Outcome> = (0, Some(Box::pin(first(&core, &mut hand, stage, how.mistake))));
    let mut tasks = vec![first];
    if let (Some(hand), Some(begins)) = (&mut other, second) {
        tasks.push((1, Some(Box::pin(other_operator(&core, hand, begins, goal, &stage.pair)))));
    }
    let driven = drive(&core, tasks, LONGEST);
    drop((hand, other));
    let mut broken = core.borrow().truth.broken.0.clone();
    let outcome = match driven {
        Ok(mut ended) => ended.swap_remove(0),
        Err(why) => {
            broken.push(why);
            None
        }
    };
    let end = End::of(outcome.as_ref());
    let mut recovered = 0;
    if broken.is_empty() && how.mistake.is_none() {
        let ways = if how.every_way { after::Way::ALL.to_vec() } else { vec![dice.pick(&after::Way::ALL)] };
        // where all went well, there is little to recover from
        let due = how.every_way || end != End::Done || dice.one_in(8);
        for way in ways.into_iter().filter(|_| due) {
            recovered += 1;
            let (wrong, log) = after::recover(&core.borrow(), stage, way, dice.below(1 << 40));
            if let Err(why) = wrong {
                broken.push(format!("L2: {way:?} afterwards: {why}"));
                let mut core = core.borrow_mut();
                core.log = log.or(core.log.take());
                break;
            }
        }
    }
    let core = core.borrow();
    Report {
        end,
        broken,
        log: core.log.clone().unwrap_or_default(),
        kinds: core.weather.kinds.clone(),
        felt: core.weather.felt.clone(),
        second: second.is_some(),
        took: core.now,
        written: core.truth.count,
        recovered,
    }
}

/// What somebody else wants, who knows nothing of the first one.
fn other_goal(stage: &Stage, dice: &mut Dice) -> Goal {
    let node = stage.pair.node(dice.pick(&Side::BOTH)).name.clone();
    match (dice.below(4), stage.pair.write_role()) {
        (0, _) => Goal::Swap(None),
        (1, _) => Goal::Drain(node),
        (_, Some(write)) => Goal::Set(write.name.clone(), node),
        (_, None) => Goal::Swap(None),
    }
}

async fn first(core: &Shared, hand: &mut Wrong, stage: &Stage, mistake: Option<Mistake>) -> Outcome {
    // connections are opened, and the plan is shown; somebody types a yes
    hand.snapshot().await;
    let cancel = core.borrow().operators[0].cancel.clone();
    let sink = |event: Event| {
        let mut core = core.borrow_mut();
        core.tell(|| said("", &event));
        core.heed(&event);
    };
    let outcome = Run::new(hand, &stage.pair, &cancel, sink).apply(&stage.plan).await;
    let mut core = core.borrow_mut();
    core.tell(|| format!("ended: {}", brief(&outcome)));
    judge(&mut core, 0, &stage.plan, &outcome, mistake);
    core.leave(0);
    outcome
}

async fn other_operator(core: &Shared, hand: &mut Wrong, begins: Micros, goal: Goal, pair: &Pair) -> Outcome {
    hand.hand.sleep(begins).await;
    let seen = hand.snapshot().await;
    let nothing = Outcome::Done { outage: None };
    let plan = match planner::plan(pair, &seen, &goal, &[]) {
        Ok(plan) if plan.is_empty() => return nothing,
        Ok(plan) => plan,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    let cancel = core.borrow().operators[1].cancel.clone();
    let sink = |event: Event| core.borrow_mut().tell(|| said("        (second) ", &event));
    let outcome = Run::new(hand, pair, &cancel, sink).apply(&plan).await;
    let mut core = core.borrow_mut();
    core.tell(|| format!("        (second) ended: {}", brief(&outcome)));
    judge(&mut core, 1, &plan, &outcome, None);
    core.leave(1);
    outcome
}

/// An event in a line.
pub(crate) fn said(who: &str, event: &Event) -> String {
    let way = |way: &Way| if *way == Way::Back { " (back)" } else { "" };
    let what = match event {
        Event::Stands(moment, seen) => {
            let node = |n: usize| {
                let node = &seen.nodes[n];
                let access = node.access.known().map_or("not seen".to_owned(), ToString::to_string);
                let held =
                    node.addresses.known().map(|held| held.iter().map(|h| h.address.to_string()).collect::<Vec<_>>());
                format!("{} {access} {held:?} ahead {:?}", node.name, node.ahead.known())
            };
            format!("stands {moment:?}: {}; {}", node(0), node(1))
        }
        Event::Ready => "ready".to_owned(),
        Event::Intends(..) => return format!("{who}intends"),
        Event::Started(w, id) => format!("{id}{}", way(w)),
        Event::Finished(w, id, took, _) => format!("{id}{}: done in {took:?}", way(w)),
        Event::Failed(w, id, took, failure) => format!("{id}{}: failed after {took:?}: {failure}", way(w)),
        Event::Writers(id, writers) => format!("{id}: {} still write", writers.len()),
        Event::Again(id, pause) => format!("{id} again in {pause:?}"),
        Event::GateClosed => "writes are out".to_owned(),
        Event::GateOpened(out) => format!("writes are in again, after {out:?}"),
        Event::Interrupted(times) => format!("interrupted {times}"),
        Event::TurningBack(why) => format!("turning back: {why}"),
        Event::PressingOn(why) => format!("pressing on: {why}"),
    };
    format!("{who}{what}")
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Stale(_) => "stale".to_owned(),
        Outcome::Refused(refusal) => {
            let codes: Vec<&str> = refusal.reasons.iter().map(|reason| reason.code.id()).collect();
            format!("refused: {}", codes.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// How the pair stands, as somebody would see it who sees everything.
pub(crate) fn bare(truth: &Truth) -> Snapshot {
    let node = |side: Side| {
        let node = truth.node(side);
        let mut seen = node.base.clone();
        seen.access = Observed::Known(node.access);
        seen.addresses = Observed::Known(node.held.clone());
        seen
    };
    Snapshot { nodes: Side::BOTH.map(node) }
}

/// What a run says of its end must be what is true.
pub(crate) fn judge(core: &mut Core, of: usize, plan: &Plan, outcome: &Outcome, mistake: Option<Mistake>) {
    let now = core.now;
    let operator = &core.operators[of];
    let Some((looked, seen)) = operator.looked.clone() else { return };
    let alone = core.operators.iter().enumerate().all(|(other, operator)| other == of || !operator.changed);
    // nothing has changed since it looked, as far as others change things
    let calm = core.troubled < looked && alone && core.weather.active == 0;
    // a crash leaves something behind: a server that starts is read-only, a machine without its floating addresses
    let crashes = [Kind::ServerCrash, Kind::MachineCrash, Kind::ComesBackOpen, Kind::LosesTail];
    let crashed = crashes.iter().any(|kind| core.weather.kinds.contains_key(kind));
    let lately = crashed || core.weather.active > 0 || now.saturating_sub(core.troubled) < 16 * S || core.truth.stray;
    let truth = &core.truth;
    let is = bare(truth);
    let write = truth.pair.write_role().filter(|role| plan.touched().contains(&role.name));
    let writer = write.and_then(|role| plan.after.holder(&role.name)).and_then(|node| truth.pair.side(node));
    let mut wrong = vec![];
    match outcome {
        Outcome::Done { .. } => {
            if calm && is.assignment(&truth.pair) != plan.after {
                wrong.push(format!("said done, but {} instead of {}", is.assignment(&truth.pair), plan.after));
            }
            let open: Vec<Side> = Side::BOTH.into_iter().filter(|side| truth.is_open(*side)).collect();
            if calm && write.is_some() && open != Vec::from_iter(writer) {
                wrong.push(format!("said done, but open: {open:?}"));
            }
            if let Some(writer) = writer
                && !truth.lost
                && !truth.stray
                && !truth.acknowledged.within(&truth.node(writer).has)
            {
                wrong.push("S3: said done, and the new writer lacks an acknowledged transaction".to_owned());
            }
        }
        Outcome::RolledBack { .. } => {
            let all = seen.nodes.iter().all(|node| node.access.known().is_some());
            let back = planner::is_back(&truth.pair, &is, plan);
            let closing = plan.closing().and_then(|step| truth.pair.side(step.action.node()));
            let serves = closing.is_none_or(|side| truth.is_open(side));
            if calm && !(back || (!all && serves)) {
                wrong.push(format!("said rolled back, but {}", is.assignment(&truth.pair)));
            }
        }
        Outcome::Stuck(stuck) => {
            if !lately && alone {
                wrong.push(format!("stopped part way although everything could be seen: {}", stuck.why));
            }
        }
        Outcome::Locked(_) => {
            if core.operators.len() < 2 {
                wrong.push("locked by nobody".to_owned());
            }
        }
        Outcome::NotBegun(_) | Outcome::Stale(_) | Outcome::Refused(_) => {
            if !lately && core.operators.len() < 2 {
                wrong.push(format!("not begun for no reason: {}", brief(outcome)));
            }
        }
    }
    let unchanged =
        matches!(outcome, Outcome::Locked(_) | Outcome::NotBegun(_) | Outcome::Stale(_) | Outcome::Refused(_));
    if unchanged && core.operators[of].changed {
        wrong.push("said that nothing was changed, and something was".to_owned());
    }
    // where nothing keeps it from its nodes, it keeps to its limits
    let tame = [Kind::SlowApply, Kind::Between, Kind::Signal, Kind::TwoSignals, Kind::LongWrite, Kind::Unheard];
    let limits = &truth.pair.limits;
    let longest = crate::hand::micros(limits.write_outage + limits.fence) + S;
    if core.weather.kinds.keys().all(|kind| tame.contains(kind)) && alone && truth.outage > longest {
        wrong.push(format!("L4: nobody could write for {} s", truth.outage / S));
    }
    let quiet = core.weather.faults.is_empty() && core.weather.second.is_none() && mistake.is_none();
    if quiet && !matches!(outcome, Outcome::Done { .. }) {
        wrong.push(format!("nothing went wrong, and it ended so: {}", brief(outcome)));
    }
    for what in wrong {
        core.truth.broken.say(now, &what);
    }
}

/// Nobody is open, or one node is, and it has the address.
pub(crate) fn in_order(truth: &Truth) -> bool {
    let open: Vec<Side> = Side::BOTH.into_iter().filter(|side| truth.node(*side).access == WriteAccess::Open).collect();
    let holders: Vec<Side> = Side::BOTH.into_iter().filter(|side| truth.holds(*side)).collect();
    open == holders && open.len() < 2
}
