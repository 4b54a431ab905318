//! When the storm is over: a fresh look, and one of the ways out. Each must end, whatever was left.
//!
//! What `cli/resume.rs` decides is decided here by the same functions.

use std::cell::RefCell;
use std::rc::Rc;

use flipper::apply::{Outcome, Run, Target, Toward, named, of_plan, of_state, owed};
use flipper::event::Event;
use flipper::model::{Assignment, Code, Goal, Plan, Side, Snapshot, WriteAccess};
use flipper::planner;
use flipper::world::World;

use crate::dice::Dice;
use crate::hand::Hand;
use crate::run::{LONGEST, Stage, in_order, said};
use crate::time::drive;
use crate::truth::{MS, S};
use crate::wire::{Core, Shared};

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With the journal's story.
    Resume,
    Abort,
    /// From another machine.
    ResumeBlind,
    AbortBlind,
    /// A new plan, as if nothing had been.
    New,
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [Self::Resume, Self::Abort, Self::ResumeBlind, Self::AbortBlind, Self::New];

    fn toward(self) -> Toward {
        match self {
            Self::Resume | Self::ResumeBlind | Self::New => Toward::Goal,
            Self::Abort | Self::AbortBlind => Toward::Start,
        }
    }

    fn knows(self) -> bool {
        matches!(self, Self::Resume | Self::Abort)
    }
}

/// So often a person tries again.
const TRIES: usize = 6;

type Wrong = Result<(), String>;

/// Where a way out led.
enum Left {
    /// These roles are where they were to be.
    At(Assignment),
    /// All was in order.
    InOrder,
    /// A person has to do something first that flipper never does, and was told so.
    Told,
}

/// On a copy of the storm, with all faults gone: the way out is taken, and must lead out.
pub(crate) fn recover(core: &Core, stage: &Stage, way: Way, seed: u64) -> (Wrong, Option<Vec<String>>) {
    let mut copy = core.clone();
    copy.calm();
    let broken = copy.truth.broken.0.len();
    let began = copy.now;
    let copy: Shared = Rc::new(RefCell::new(copy));
    let mut hand = Hand::new(&copy, &stage.plan.overrides);
    let of = hand.of;
    let leaving = leave(&copy, &mut hand, stage, way, Dice::new(seed));
    let ended = drive(&copy, vec![(of, Some(Box::pin(leaving)))], began + LONGEST + 60 * S);
    let result = match ended {
        Ok(mut ended) => ended.swap_remove(0).unwrap_or_else(|| Err("it was killed".to_owned())),
        Err(why) => Err(why),
    };
    let result = result.and_then(|wanted| {
        let copy = copy.borrow();
        match (copy.truth.broken.0.get(broken), wanted) {
            (Some(what), _) => Err(what.clone()),
            (None, Left::Told) => Ok(()),
            (None, Left::InOrder) => stands(&copy, None),
            (None, Left::At(wanted)) => stands(&copy, Some(&wanted)),
        }
    });
    let log = copy.borrow().log.clone();
    (result, log)
}

async fn leave(core: &Shared, hand: &mut Hand, stage: &Stage, way: Way, mut dice: Dice) -> Result<Left, String> {
    core.borrow_mut().tell(|| format!("---- the storm is over: {way:?}"));
    // what `resume` waits for: commands under way; or a person who takes a minute to come
    hand.sleep(if dice.one_in(2) { 8 * S } else { 70 * S }).await;
    let mut last = String::new();
    let mut overrides: Vec<Code> = stage.plan.overrides.iter().copied().chain([Code::TableLock]).collect();
    for _ in 0..TRIES {
        let seen = hand.snapshot().await;
        let Some(wanted) = decide(stage, &seen, way, &mut dice)? else {
            rest(core, hand).await;
            return Ok(Left::InOrder);
        };
        let plan = match planner::plan(&stage.pair, &seen, &Goal::Assign(wanted.clone()), &overrides[..]) {
            Ok(plan) => plan,
            Err(refusal) => {
                // a person may accept what can be accepted
                overrides.extend(refusal.reasons.iter().map(|reason| reason.code));
                let only = |code| refusal.reasons.iter().all(|reason| reason.code == code);
                if !follow(core) && only(Code::ReplicationStopped) {
                    return Ok(Left::Told);
                }
                last = format!("refused: {refusal:?}");
                by_hand(core);
                hand.sleep(5 * S).await;
                continue;
            }
        };
        let outcome = carry_out(core, hand, stage, way, &plan, &seen).await;
        match outcome {
            None | Some(Outcome::Done { .. }) => {
                rest(core, hand).await;
                return Ok(Left::At(wanted));
            }
            Some(outcome) => last = format!("{outcome:?}"),
        }
        hand.sleep(5 * S).await;
    }
    Err(format!("no end after {TRIES} tries: {last}"))
}

/// Echoes and clients come to rest; and where a dead run's session still has a read lock, that is waited for.
async fn rest(core: &Shared, hand: &Hand) {
    let locked = Side::BOTH.into_iter().any(|side| core.borrow().truth.node(side).read_lock.is_some());
    hand.sleep(if locked { 40 * S } else { 3 * S }).await;
    hand.sleep(100 * MS).await;
}

async fn carry_out(
    core: &Shared,
    hand: &mut Hand,
    stage: &Stage,
    way: Way,
    plan: &Plan,
    seen: &Snapshot,
) -> Option<Outcome> {
    let cancel = core.borrow().operators[hand.of].cancel.clone();
    let sink = |event: Event| core.borrow_mut().tell(|| said("", &event));
    let pair = &stage.pair;
    let outcome = if !plan.is_empty() {
        Run::new(hand, pair, &cancel, sink).apply(plan).await
    } else if way.knows() && !owed(pair, seen, &stage.plan, way.toward()).is_empty() {
        Run::new(hand, pair, &cancel, sink).settle(&stage.plan, way.toward()).await
    } else {
        return None;
    };
    core.borrow_mut().tell(|| format!("ended: {outcome:?}"));
    Some(outcome)
}

/// Where to, as `resume` and `abort` find it. `None`: all is in order.
fn decide(stage: &Stage, seen: &Snapshot, way: Way, dice: &mut Dice) -> Result<Option<Assignment>, String> {
    let somebody = dice.pick(&Side::BOTH);
    let to = |side: Side| named(&stage.pair, &stage.pair.node(side).name).ok_or("no write role".to_owned());
    if way == Way::New {
        return to(somebody).map(Some);
    }
    let known = Some(of_plan(&stage.plan, way.toward())).filter(|wanted| way.knows() && !wanted.0.is_empty());
    match known.map_or_else(|| of_state(&stage.pair, seen, way.toward()), Target::Roles) {
        Target::Roles(wanted) => Ok(Some(wanted)),
        Target::InOrder => Ok(None),
        Target::Ask(role, _) if stage.pair.write_role().is_some_and(|write| write.name == role) => {
            to(somebody).map(Some)
        }
        Target::Ask(role, _) => {
            let node = stage.pair.node(somebody).name.clone();
            Ok(Some(Assignment([(role, Some(node))].into_iter().collect())))
        }
        Target::Blind(why) => Err(format!("blind, and nothing is in the way: {why}")),
    }
}

/// What a person does whom flipper has told to decide: of two open nodes, one is made read-only.
fn follow(core: &Shared) -> bool {
    core.borrow().truth.nodes.iter().all(|node| node.follows)
}

fn by_hand(core: &Shared) {
    let both = Side::BOTH.into_iter().all(|side| core.borrow().truth.node(side).access == WriteAccess::Open);
    if !both || !core.borrow().truth.stray {
        return;
    }
    let mut core = core.borrow_mut();
    let keep = Side::BOTH.into_iter().find(|side| core.truth.holds(*side)).unwrap_or(Side::First);
    core.tell(|| format!("(by hand: {:?} is made read-only)", keep.peer()));
    let node = core.truth.node_mut(keep.peer());
    (node.access, node.strayed) = (WriteAccess::Fenced, false);
}

/// How the pair must stand in the end.
fn stands(core: &Core, wanted: Option<&Assignment>) -> Wrong {
    let truth = &core.truth;
    let is = crate::run::bare(truth);
    if let Some(Assignment(wanted)) = wanted {
        for (role, node) in wanted {
            let held = is.assignment(&truth.pair);
            if held.0.get(role) != Some(node) {
                return Err(format!("{role} is to be on {node:?}, and the pair is so: {held}"));
            }
        }
    }
    let write =
        truth.pair.write_role().is_some_and(|role| wanted.is_none_or(|wanted| wanted.0.contains_key(&role.name)));
    if write && !in_order(truth) {
        return Err(format!("the pair is not in order: {}", is.assignment(&truth.pair)));
    }
    if write && truth.silent.is_some() && Side::BOTH.into_iter().any(|side| truth.is_open(side)) {
        return Err("somebody is open, and nobody can write".to_owned());
    }
    if truth.lost {
        return Ok(());
    }
    let [first, second] = &truth.nodes;
    let following = first.follows && second.follows;
    if following && truth.acknowledged.beyond(&first.has).len() + truth.acknowledged.beyond(&second.has).len() > 3 {
        return Err("L6: acknowledged transactions are missing on a node".to_owned());
    }
    Ok(())
}

impl Core {
    /// All faults end, and none begins.
    pub(crate) fn calm(&mut self) {
        self.no_more_gusts();
        self.weather.active = 0;
        self.truth.between = true;
        for side in Side::BOTH {
            let node = self.truth.node_mut(side);
            (node.delay, node.busy, node.refuses, node.unheard) = (2 * MS, 0, 0, 0);
            let now = self.now;
            self.truth.boot(side, now);
            for of in 0..self.operators.len() {
                let way = side.of_mut(&mut self.ways[of]);
                (way.slow, way.holds_up) = (crate::wire::CLEAR.slow, 0);
                if !self.operators[of].killed || way.there {
                    (way.there, way.back) = (true, true);
                    self.go_on(of, side);
                }
            }
        }
    }
}
