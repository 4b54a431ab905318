//! Carrying a plan out: generic over [`World`], so that what runs on servers is what was tried in simulation.
//!
//! A run is steps in the plan's order under three clocks: before the gate closes each step has its own limit; from
//! the fence to the address at the new writer they share `write_outage`; the way back has `rollback`, the way forward
//! `forward`. What happens after a failure depends on one question only: has the new writer been told to open? If not,
//! back. If yes, forward. If nobody knows, nothing is opened any more, and a person is told.

mod cancel;
mod connect;
mod live;
mod outcome;
mod recovery;
mod unfinished;

pub use cancel::Cancel;
pub use live::LiveWorld;
pub use outcome::{Outcome, Stuck};
pub use recovery::owed;
pub use unfinished::{Target, Toward, named, of_plan, of_state};

use std::time::Duration;

use crate::event::{Event, Moment, Way};
use crate::model::{
    Action, Channel, Goal, NodeName, NodeSnapshot, Pair, Plan, RoleName, Side, Snapshot, Step, StepId, Thread,
    WriteAccess,
};
use crate::planner;
use crate::world::{Failure, Happened, NoLock, World};

/// How often a fence that ran into its lock wait is tried, with a pause in which writes flow.
const FENCE_TRIES: u32 = 3;

/// Between two of these tries.
const FENCE_PAUSE: Duration = Duration::from_millis(500);

/// What an applier may take at least that is stopped in the middle of a transaction: where other engines than InnoDB were
/// changed, or its thread could not be killed, it waits for a minute for the rest of it.
const ROLL_BACK: Duration = Duration::from_secs(90);

/// Why a run stopped that was asked to, before the gate and behind it.
const BEFORE: &str = "interrupted before the gate closed";
const TWICE: &str = "interrupted twice";

/// A run over a world.
pub struct Run<'a, W, S> {
    world: &'a mut W,
    pair: &'a Pair,
    sink: S,
    cancel: &'a Cancel,
    /// A node has come back, and is to follow again.
    returning: bool,
}

/// How far a plan got.
struct Progress {
    /// When the fence was sent.
    gate_closed: Option<Duration>,
    /// Clients can write again.
    gate_opened: bool,
    /// How long clients could not write: the longest time, where the fence was tried several times.
    outage: Option<Duration>,
    /// The new writer was told to open.
    open: Opening,
    /// The step is done after which there is no safe way back, as the plan says.
    past_return: bool,
    /// Which nodes were told to take or drop which role's address.
    touched: Vec<(NodeName, RoleName)>,
    /// Roles that the plan is to move, or whose writer it is to change: their clients are owed a look from outside.
    owed: Vec<RoleName>,
}

impl Progress {
    fn new(plan: &Plan) -> Self {
        let owed = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Verify { role, .. } => Some(role.clone()),
            _ => None,
        });
        Self {
            gate_closed: None,
            gate_opened: false,
            outage: None,
            open: Opening::Never,
            past_return: false,
            touched: vec![],
            owed: owed.collect(),
        }
    }
}

impl Progress {
    /// Remembers a step that is about to be told to a node.
    fn touch(&mut self, step: &Step) {
        if let Action::Take { node, role, .. } | Action::Drop { node, role, .. } = &step.action {
            self.touched.push((node.clone(), role.clone()));
        }
    }

    /// The write address was told to come up on the node that is the writer afterwards.
    fn led_to_writer(&self, pair: &Pair, plan: &Plan) -> bool {
        let Some(write) = pair.write_role() else { return false };
        let taken = |step: &Step| matches!(&step.action, Action::Take { role, .. } if *role == write.name);
        let told = |node: &NodeName| self.touched.iter().any(|(at, role)| at == node && *role == write.name);
        plan.after.holder(&write.name).is_some_and(told) && plan.steps.iter().any(taken)
    }

    /// The roles whose clients may have felt something by now.
    fn felt(&self, pair: &Pair) -> Vec<RoleName> {
        let write = pair.write_role().filter(|_| self.gate_closed.is_some()).map(|role| role.name.clone());
        self.touched.iter().map(|(_, role)| role.clone()).chain(write).collect()
    }
}

/// What is known of the new writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// It was not told to open, or refused for certain.
    Never,
    /// It was told, and nobody knows.
    Unknown,
    /// It is open.
    Done,
}

/// Where a plan ended short.
struct Halt {
    step: StepId,
    why: String,
    /// It is certain that the step was not done.
    refused: bool,
}

impl<'a, W: World, S: FnMut(Event)> Run<'a, W, S> {
    /// A run of plans for `pair` in `world`, telling `sink`.
    pub fn new(world: &'a mut W, pair: &'a Pair, cancel: &'a Cancel, sink: S) -> Self {
        Self { world, pair, sink, cancel, returning: false }
    }

    /// Takes the locks, looks again, and carries the plan out if it is still the plan.
    pub async fn apply(mut self, plan: &Plan) -> Outcome {
        match self.world.lock().await {
            Ok(()) => {}
            Err(NoLock::Taken(by)) => return Outcome::Locked(by),
            Err(NoLock::Failed(why)) => return Outcome::NotBegun(why),
        }
        let outcome = self.locked(plan).await;
        self.world.unlock().await;
        outcome
    }

    async fn locked(&mut self, plan: &Plan) -> Outcome {
        self.returning = matches!(plan.goal, Goal::Rejoin(_));
        let now = self.world.snapshot().await;
        let fresh = planner::plan(self.pair, &now, &plan.goal, plan);
        self.tell(Event::Stands(Moment::Before, Box::new(now)));
        match fresh {
            Err(refusal) => return Outcome::Refused(refusal),
            Ok(fresh) if !fresh.same_as(plan) => return Outcome::Stale(Box::new(fresh)),
            Ok(_) => {}
        }
        self.tell(Event::Ready);
        let mut progress = Progress::new(plan);
        let write = self.pair.write_role().map(|role| role.name.clone());
        // worked out before anybody waits
        let no_return = planner::point_of_no_return(plan);
        for step in &plan.steps {
            if let Some(why) = self.interrupted(&progress) {
                return self.turn(plan, why.to_owned(), false, &mut progress).await;
            }
            let halt = match self.step(plan, step, &mut progress).await {
                Ok(()) => {
                    progress.past_return |= no_return == Some(&step.id);
                    let at_new_writer = match &step.action {
                        Action::Take { role, .. } => Some(role) == write.as_ref(),
                        // the address is there already: clients arrive as soon as the server is open
                        Action::Open { .. } => !plan.steps.iter().any(
                            |step| matches!(&step.action, Action::Take { role, .. } if Some(role) == write.as_ref()),
                        ),
                        _ => false,
                    };
                    if at_new_writer {
                        self.gate_opens(&mut progress);
                    }
                    continue;
                }
                Err(halt) => halt,
            };
            let why = format!("{}: {}", halt.step, halt.why);
            // a system that says no to an address says so again: clients need not wait for that
            let hopeless = halt.refused && matches!(step.action, Action::Take { .. });
            return self.turn(plan, why, hopeless, &mut progress).await;
        }
        // every step said that it is done; what is true is seen
        let now = self.world.snapshot().await;
        if is_at(self.pair, &now, plan) {
            return self.done(plan, now, &progress);
        }
        self.turn(plan, "all steps are done, but the pair is not as planned".to_owned(), false, &mut progress).await
    }

    /// Whether a wish to stop is heard here, between two steps. Before the gate closes, the first one is; after it, the
    /// second one, as long as the new writer was not told to open; later the end is ahead, and near.
    fn interrupted(&self, progress: &Progress) -> Option<&'static str> {
        match (self.cancel.times(), progress.gate_closed, progress.open) {
            (1.., None, _) => Some(BEFORE),
            (2.., Some(_), Opening::Never) if !progress.gate_opened => Some(TWICE),
            _ => None,
        }
    }

    /// Back or forward, by what the run has done so far. `hopeless`: trying again would change nothing.
    async fn turn(&mut self, plan: &Plan, why: String, hopeless: bool, progress: &mut Progress) -> Outcome {
        match progress.open {
            // the writer was open before, and its address may lead there by now: clients are better off ahead
            Opening::Never if plan.hands_over_from().is_none() && progress.led_to_writer(self.pair, plan) => {
                self.forward(plan, why, progress).await
            }
            // a dead node's roles are better off ahead, once the first one is on its way
            Opening::Never if plan.dead().is_some() && !progress.touched.is_empty() => {
                self.forward(plan, why, progress).await
            }
            // nobody was opened, but one of two writers was closed: which one to open again only a person knows
            Opening::Never if progress.past_return => self.forward(plan, why, progress).await,
            Opening::Never => self.back(plan, why, progress).await,
            Opening::Done if hopeless => self.turn_round(plan, why, progress).await,
            Opening::Done => self.forward(plan, why, progress).await,
            Opening::Unknown => self.undecided(plan, why, progress).await,
        }
    }

    fn gate_opens(&mut self, progress: &mut Progress) {
        if let Some(closed) = progress.gate_closed.filter(|_| !progress.gate_opened) {
            let outage = self.world.now().saturating_sub(closed);
            progress.gate_opened = true;
            progress.outage = progress.outage.max(Some(outage));
            self.tell(Event::GateOpened(outage));
        }
    }

    /// One step, with its limit and, for the fence, its further tries.
    async fn step(&mut self, plan: &Plan, step: &Step, progress: &mut Progress) -> Result<(), Halt> {
        // a node that nobody needs to write on may be fenced too; that is no outage
        let gate = plan.closing().is_some_and(|closing| closing.id == step.id);
        let halt = |why: String, refused: bool| Halt { step: step.id.clone(), why, refused };
        let mut tries = 1;
        progress.touch(step);
        loop {
            if gate {
                // written down before anybody waits, and clients do not wait for it to be written in between
                self.tell(Event::Intends(Way::Forward, through_the_gate(plan, &step.id)));
            } else if progress.gate_closed.is_none() || progress.gate_opened || !in_outage(plan, &step.id) {
                self.tell(Event::Intends(Way::Forward, vec![step.id.clone()]));
            }
            if let Err(lost) = self.world.hold(&step.action).await {
                return Err(halt(lost.to_string(), true));
            }
            let mut limit = self.limit(&step.action, progress).map_err(|why| halt(why, true))?;
            if gate {
                limit = limit.min(self.pair.limits.write_outage);
            }
            self.tell(Event::Started(Way::Forward, step.id.clone()));
            if gate {
                progress.gate_closed = Some(self.world.now());
                self.tell(Event::GateClosed);
            }
            match self.perform(Way::Forward, step, limit, patience(&step.action)).await {
                Ok(()) => {
                    if matches!(step.action, Action::Open { .. } | Action::Promote { .. }) {
                        progress.open = Opening::Done;
                    }
                    return Ok(());
                }
                Err(failure) => {
                    if matches!(step.action, Action::Open { .. } | Action::Promote { .. }) {
                        progress.open = match failure.happened {
                            Happened::No => Opening::Never,
                            Happened::Yes => Opening::Done,
                            Happened::Unknown => Opening::Unknown,
                        };
                    }
                    let fence = matches!(step.action, Action::Fence { .. });
                    let certain = failure.happened == Happened::No;
                    if let (true, true, Some(closed)) =
                        (fence, certain, progress.gate_closed.take_if(|_| fence && certain))
                    {
                        // nothing was closed, but new writes waited behind the fence while it waited
                        let stalled = self.world.now().saturating_sub(closed);
                        progress.outage = progress.outage.max(Some(stalled));
                    }
                    if !(fence && certain && failure.again && tries < FENCE_TRIES && !self.cancel.is_set()) {
                        return Err(halt(failure.to_string(), certain));
                    }
                    // writes flow in the pause, and the outage begins anew
                    tries += 1;
                    self.tell(Event::Again(step.id.clone(), FENCE_PAUSE));
                    self.world.pause(FENCE_PAUSE).await;
                    if self.cancel.is_set() {
                        return Err(halt(BEFORE.to_owned(), true));
                    }
                }
            }
        }
    }

    /// What is left for a step; inside the write outage, of the whole.
    fn limit(&self, action: &Action, progress: &Progress) -> Result<Duration, String> {
        let limits = &self.pair.limits;
        let own = self.own_limit(action);
        let (Some(closed), Opening::Never) = (progress.gate_closed, progress.open) else { return Ok(own) };
        let gone = self.world.now().saturating_sub(closed);
        match limits.write_outage.checked_sub(gone) {
            Some(left) if !left.is_zero() => Ok(own.min(left)),
            _ => Err(format!(
                "writes have been out for {} ms, the limit is {} ms",
                gone.as_millis(),
                limits.write_outage.as_millis()
            )),
        }
    }

    /// What an action may take when nobody waits for it.
    fn own_limit(&self, action: &Action) -> Duration {
        let limits = &self.pair.limits;
        match action {
            // a node that has come back may have much to fetch, and nobody waits for it
            Action::Approach { .. } if self.returning => limits.recovery,
            // a rollback is as little waited for as a replica that is behind
            Action::Approach { .. } | Action::EndWriters { .. } => limits.pre_sync,
            Action::Drain { .. } => limits.drain,
            // the server gives up first, so that its answer arrives
            Action::Fence { .. } => limits.fence + limits.connect.min(Duration::from_secs(1)),
            Action::CatchUp { .. } => limits.write_outage,
            Action::Open { .. }
            | Action::Reopen { .. }
            | Action::Take { .. }
            | Action::EndSessions { .. }
            | Action::Drop { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => limits.connect,
            Action::Isolate { .. } | Action::ApplyReceived { .. } => limits.recovery,
            Action::RollBack { .. } => limits.recovery.max(ROLL_BACK),
        }
    }

    /// A step of the way back, or of another try ahead.
    async fn undertake(&mut self, way: Way, step: &Step, limit: Duration) -> Result<(), Failure> {
        self.tell(Event::Intends(way, vec![step.id.clone()]));
        self.world.hold(&step.action).await?;
        self.tell(Event::Started(way, step.id.clone()));
        self.perform(way, step, limit, None).await
    }

    /// `patience`: so many wishes to stop end it half way.
    async fn perform(&mut self, way: Way, step: &Step, limit: Duration, patience: Option<u8>) -> Result<(), Failure> {
        let begun = self.world.now();
        let doing = self.world.perform(&step.action, limit);
        let result = match patience {
            None => doing.await,
            Some(times) => tokio::select! {
                biased;
                result = doing => result,
                () = self.cancel.heard(times) => {
                    let what = if times > 1 { TWICE } else { BEFORE };
                    Err(Failure { happened: Happened::No, what: what.to_owned(), again: false })
                }
            },
        };
        let took = self.world.now().saturating_sub(begun);
        let writers = self.world.writers();
        if !writers.is_empty() {
            self.tell(Event::Writers(step.id.clone(), writers));
        }
        match result {
            Ok(done) => {
                self.tell(Event::Finished(way, step.id.clone(), took, done.note));
                Ok(())
            }
            Err(failure) => {
                self.tell(Event::Failed(way, step.id.clone(), took, failure.clone()));
                Err(failure)
            }
        }
    }

    fn tell(&mut self, event: Event) {
        (self.sink)(event);
    }
}

/// How many wishes to stop end a step half way: those that only wait. Of clients that cannot write, one is not enough.
fn patience(action: &Action) -> Option<u8> {
    match action {
        Action::Approach { .. } | Action::Drain { .. } | Action::EndWriters { .. } | Action::ApplyReceived { .. } => {
            Some(1)
        }
        Action::CatchUp { .. } => Some(2),
        Action::Fence { .. }
        | Action::Open { .. }
        | Action::Reopen { .. }
        | Action::Take { .. }
        | Action::EndSessions { .. }
        | Action::Drop { .. }
        | Action::Announce { .. }
        | Action::Release { .. }
        | Action::Verify { .. }
        | Action::Isolate { .. }
        | Action::StopReceiving { .. }
        | Action::ResumeReceiving { .. }
        | Action::RollBack { .. }
        | Action::Promote { .. }
        | Action::Compare { .. }
        | Action::StartReplication { .. } => None,
    }
}

/// The steps from one to the end of the write outage: nothing comes between them.
fn through_the_gate(plan: &Plan, from: &StepId) -> Vec<StepId> {
    let last = plan.outage().map_or(from, |(_, last)| last);
    let ids = plan.steps.iter().map(|step| &step.id).skip_while(|id| *id != from);
    let mut steps = vec![];
    for id in ids {
        steps.push(id.clone());
        if id == last {
            break;
        }
    }
    steps
}

fn in_outage(plan: &Plan, id: &StepId) -> bool {
    plan.outage().is_some_and(|(first, _)| through_the_gate(plan, first).contains(id))
}

/// Whether the pair is seen to be where a plan leads: every role at its holder only; where the plan is about the write
/// role, its holder open and the other one not. What cannot be seen is not so.
fn is_at(pair: &Pair, now: &Snapshot, plan: &Plan) -> bool {
    let there = |node: &NodeSnapshot| plan.dead() != Some(&node.name);
    let seen = now.nodes.iter().filter(|node| there(node)).all(|node| node.addresses.known().is_some());
    let roles = seen && now.assignment(pair) == plan.after;
    let write = pair.write_role().filter(|role| plan.touched().contains(&role.name));
    let access = write.is_none_or(|role| {
        let writer = plan.after.holder(&role.name).and_then(|node| pair.side(node));
        Side::BOTH.into_iter().filter(|side| there(now.node(*side))).all(|side| match now.node(side).access.known() {
            Some(access) => (*access == WriteAccess::Open) == (writer == Some(side)),
            None => false,
        })
    });
    let threads = |node: &NodeSnapshot, wanted: fn(&Channel) -> bool| {
        node.channels.known().is_some_and(|channels| channels.iter().all(wanted))
    };
    let replication = match &plan.goal {
        Goal::Fail(_) => {
            let detached = |channel: &Channel| channel.receiver == Thread::Stopped;
            now.nodes.iter().filter(|node| there(node)).all(|node| threads(node, detached))
        }
        Goal::Rejoin(_) => {
            let runs = |channel: &Channel| (channel.receiver, channel.applier) == (Thread::Running, Thread::Running);
            now.nodes.iter().all(|node| threads(node, runs))
        }
        Goal::Swap(_) | Goal::Set(..) | Goal::Drain(_) | Goal::Down(_) | Goal::Up(..) | Goal::Assign(_) => true,
    };
    roles && access && replication
}

#[cfg(test)]
mod cut_off_tests;
#[cfg(test)]
mod death_tests;
#[cfg(test)]
mod looks_tests;
#[cfg(test)]
mod signal_tests;
#[cfg(test)]
mod tests;
