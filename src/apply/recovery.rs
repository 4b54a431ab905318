//! After a failure: look again, plan again, and end back or forward.

use std::time::Duration;

use super::{Opening, Outcome, Progress, Run, Stuck, Toward, is_at};
use crate::event::{Event, Moment, Way};
use crate::model::{
    Access, Action, Assignment, Code, NodeName, Observed, Pair, Plan, Reason, RoleName, Side, Snapshot, Step,
    WriteAccess,
};
use crate::planner::{self, Opened};
use crate::world::{NoLock, World};

/// How often the way forward is tried while clients cannot write, before it is asked whether they are better off behind.
const TRIES_IN_OUTAGE: u32 = 3;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);

impl<W: World, S: FnMut(Event)> Run<'_, W, S> {
    /// The new writer was never told to open: the old one is opened again, before anything is looked at.
    pub(super) async fn back(&mut self, plan: &Plan, why: String, progress: &mut Progress) -> Outcome {
        self.tell(Event::TurningBack(why.clone()));
        if progress.gate_closed.is_some()
            && let Some(step) = planner::reopen(self.pair, plan)
        {
            let limit = self.own_limit(&step.action) + self.pair.limits.fence;
            if self.undertake(Way::Back, &step, limit).await.is_ok() {
                self.gate_opens(progress);
            }
        }
        self.way_back(plan, why, Opened::Never, progress).await
    }

    async fn way_back(&mut self, plan: &Plan, why: String, opened: Opened, progress: &mut Progress) -> Outcome {
        let start = &plan.before;
        let begun = self.world.now();
        let limit = self.pair.limits.rollback;
        loop {
            let mut now = self.world.snapshot().await;
            let owed = progress.felt(self.pair);
            let trouble = match planner::way_back(self.pair, &now, plan, opened, &owed) {
                Ok(steps) => {
                    steps.iter().for_each(|step| progress.touch(step));
                    let walked = self.walk(&steps, Way::Back).await;
                    now = self.world.snapshot().await;
                    walked
                }
                // nothing was done since it was looked: a node that hangs is not waited for twice
                Err(reasons) => Err(said(&reasons)),
            };
            let unseen = (opened == Opened::Never).then(|| serves_from(self.pair, &now, plan, &progress.touched));
            let serves = planner::is_back(self.pair, &now, plan) || unseen.is_some_and(|serves| serves);
            if serves && trouble.is_ok() {
                self.gate_opens(progress);
                self.tell(Event::Stands(Moment::After, Box::new(now)));
                return Outcome::RolledBack { why, outage: progress.outage };
            }
            if self.world.now().saturating_sub(begun) >= limit {
                return self.stuck(why, trouble.err(), &now, start);
            }
            self.world.pause(PAUSE).await;
        }
    }

    /// The new writer is open: whatever is missing is done again until it holds, or until `forward` is over; what a
    /// service manager starts again, or a cable that is plugged in again, comes in time without anybody's doing. Where
    /// the address never reached it, nobody can have written there, and the way back is as safe as a swap: clients that
    /// cannot write are not kept waiting for long.
    pub(super) async fn forward(&mut self, plan: &Plan, why: String, progress: &mut Progress) -> Outcome {
        self.tell(Event::PressingOn(why.clone()));
        let begun = self.world.now();
        let mut trouble = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut now = self.world.snapshot().await;
            match planner::way_forward(self.pair, &now, plan, &progress.owed) {
                Ok(steps) => {
                    steps.iter().for_each(|step| progress.touch(step));
                    let walked = self.walk(&steps, Way::Forward).await;
                    now = self.world.snapshot().await;
                    if walked.is_ok() && is_at(self.pair, &now, plan) {
                        self.gate_opens(progress);
                        return self.done(plan, now, progress);
                    }
                    trouble = walked.err().or(trouble);
                }
                // nothing was done since it was looked: a node that hangs is not waited for twice
                Err(reasons) => trouble = Some(said(&reasons)),
            }
            // whoever says it twice does not want to wait
            let over = self.cancel.times() > 1 || self.world.now().saturating_sub(begun) >= self.pair.limits.forward;
            let out = progress.gate_closed.is_some() && !progress.gate_opened;
            if (over || out && tries >= TRIES_IN_OUTAGE) && never_arrived(self.pair, &now, plan) {
                let why = format!("{why}; {}", trouble.unwrap_or_default());
                self.tell(Event::TurningBack(why.clone()));
                return self.way_back(plan, why, Opened::Done, progress).await;
            }
            if over && planner::is_back(self.pair, &now, plan) {
                self.tell(Event::Stands(Moment::After, Box::new(now)));
                return Outcome::RolledBack { why, outage: progress.outage };
            }
            if over {
                return self.stuck(why, trouble, &now, &plan.after);
            }
            self.world.pause(PAUSE).await;
        }
    }

    /// The new writer is open, and will not get the address: back at once, where that is seen to be safe.
    pub(super) async fn turn_round(&mut self, plan: &Plan, why: String, progress: &mut Progress) -> Outcome {
        let now = self.world.snapshot().await;
        if !never_arrived(self.pair, &now, plan) {
            return self.forward(plan, why, progress).await;
        }
        self.tell(Event::TurningBack(why.clone()));
        self.way_back(plan, why, Opened::Done, progress).await
    }

    /// The new writer was told to open and gave no answer: what it says once nothing of ours can fire any more
    /// decides. As long as it says nothing, nobody else is opened.
    pub(super) async fn undecided(&mut self, plan: &Plan, why: String, progress: &mut Progress) -> Outcome {
        let begun = self.world.now();
        let new =
            self.pair.write_role().and_then(|role| plan.after.holder(&role.name)).and_then(|node| self.pair.side(node));
        loop {
            let now = self.world.snapshot().await;
            match new.and_then(|new| now.node(new).access.known().copied()) {
                Some(WriteAccess::Open) => {
                    progress.open = Opening::Done;
                    return self.forward(plan, why, progress).await;
                }
                Some(WriteAccess::Fenced | WriteAccess::Guarded) => {
                    self.tell(Event::TurningBack(why.clone()));
                    return self.way_back(plan, why, Opened::Undone, progress).await;
                }
                Some(WriteAccess::Changing | WriteAccess::Unseen) | None => {}
            }
            if self.world.now().saturating_sub(begun) >= self.pair.limits.rollback {
                let hold = "HOLD: it is not known whether the new writer is open, so neither node is opened".to_owned();
                return self.stuck(why, Some(hold), &now, &plan.after);
            }
            self.world.pause(PAUSE).await;
        }
    }

    /// The goal is reached. A fenced node that has something of its own by now is a matter for a person all the same.
    pub(super) fn done(&mut self, plan: &Plan, now: Snapshot, progress: &Progress) -> Outcome {
        let expected = plan.hands_over_from().is_none() || plan.overrides.contains(&Code::Diverged);
        let diverged = now.nodes.iter().filter(|_| !expected).find_map(|node| {
            let ahead = node.ahead.known().filter(|ahead| !ahead.is_empty())?;
            (!node.access.is(&WriteAccess::Open)).then(|| format!("{} has transactions of its own: {ahead}", node.name))
        });
        match diverged {
            None => {
                self.tell(Event::Stands(Moment::After, Box::new(now)));
                Outcome::Done { outage: progress.outage }
            }
            Some(what) => {
                let why = "the roles have moved, but a privileged session wrote on the old writer meanwhile".to_owned();
                self.stuck(why, Some(what), &now, &plan.after)
            }
        }
    }

    /// After a run that was cut off where its roles are as they were to be: what it still owes its clients, which are
    /// announcements and looks from outside.
    pub async fn settle(mut self, plan: &Plan, toward: Toward) -> Outcome {
        match self.world.lock().await {
            Ok(()) => {}
            Err(NoLock::Taken(by)) => return Outcome::Locked(by),
            Err(NoLock::Failed(why)) => return Outcome::NotBegun(why),
        }
        let outcome = self.pay(plan, toward).await;
        self.world.unlock().await;
        outcome
    }

    async fn pay(&mut self, plan: &Plan, toward: Toward) -> Outcome {
        let now = self.world.snapshot().await;
        let steps = owed(self.pair, &now, plan, toward);
        self.tell(Event::Stands(Moment::Before, Box::new(now)));
        if steps.is_empty() {
            return Outcome::Stale(Box::new(plan.clone()));
        }
        self.tell(Event::Ready);
        let trouble = self.walk(&steps, Way::Forward).await;
        let now = self.world.snapshot().await;
        match trouble {
            // a receiver that was started again is owed no more; what is told may be told again
            Ok(()) if plan.dead().is_some() || !owed(self.pair, &now, plan, toward).is_empty() => {
                self.tell(Event::Stands(Moment::After, Box::new(now)));
                Outcome::Done { outage: None }
            }
            Ok(()) => self.stuck("the pair is not as it was a moment ago".to_owned(), None, &now, &plan.after),
            Err(why) => self.stuck(why, None, &now, &plan.after),
        }
    }

    async fn walk(&mut self, steps: &[Step], way: Way) -> Result<(), String> {
        for step in steps {
            let limit = self.own_limit(&step.action).max(Duration::from_millis(500));
            self.undertake(way, step, limit).await.map_err(|failure| format!("{}: {failure}", step.id))?;
        }
        Ok(())
    }

    fn stuck(&mut self, why: String, trouble: Option<String>, now: &Snapshot, wanted: &Assignment) -> Outcome {
        self.tell(Event::Stands(Moment::After, Box::new(now.clone())));
        let mut stands: Vec<String> = Side::BOTH.into_iter().map(|side| stands(self.pair, now, side)).collect();
        stands.extend(trouble.filter(|trouble| !trouble.is_empty()));
        let pair = &self.pair.name;
        let mut todo = vec![
            format!("see `flipper status {pair}` once both nodes can be reached"),
            format!(
                "`flipper resume {pair}` then finishes the move, `flipper abort {pair}` goes back: both look first"
            ),
        ];
        if let Some(role) = self.pair.roles.iter().find(|role| role.access == Access::ReadWrite)
            && let Some(writer) = wanted.holder(&role.name)
        {
            todo.push(format!(
                "{writer} is to accept writes and to hold {} ({}); the other node must do neither. Never open one \
                 without having seen that the other is read-only.",
                role.name, role.address
            ));
        }
        Outcome::Stuck(Stuck { why, stands, todo })
    }
}

/// What a run that was cut off still owes its clients, where the roles that it moved are at its goal, or back at its
/// start; nothing where they are not.
#[must_use]
pub fn owed(pair: &Pair, now: &Snapshot, plan: &Plan, toward: Toward) -> Vec<Step> {
    let touched = plan.touched();
    let only_tells = |steps: &Vec<Step>| {
        let tells = |step: &Step| {
            matches!(step.action, Action::Announce { .. } | Action::Verify { .. } | Action::Release { .. })
                || (toward == Toward::Start && matches!(step.action, Action::ResumeReceiving { .. }))
        };
        steps.iter().all(tells)
    };
    let steps = match toward {
        Toward::Goal => planner::way_forward(pair, now, plan, &touched).ok(),
        Toward::Start => planner::way_back(pair, now, plan, Opened::Undone, &touched).ok(),
    };
    steps.filter(only_tells).unwrap_or_default()
}

/// How a node stands, in a sentence.
fn stands(pair: &Pair, now: &Snapshot, side: Side) -> String {
    let node = now.node(side);
    let access = match &node.access {
        Observed::Known(access) => access.to_string(),
        Observed::Unknown(why) => format!("write access unknown: {why}"),
    };
    match node.addresses.why_unknown() {
        Some(blind) => format!("{}: {access}; addresses unknown: {blind}", node.name),
        None => {
            let roles: Vec<String> = now.roles_on(pair, side).iter().map(ToString::to_string).collect();
            let held = if roles.is_empty() { "no address".to_owned() } else { roles.join(", ") };
            format!("{}: {access}; holds {held}", node.name)
        }
    }
}

fn said(reasons: &[Reason]) -> String {
    reasons.iter().map(|r| format!("{} ({}): {}", r.seen, r.code, r.help)).collect::<Vec<_>>().join("; ")
}

/// The write address is seen to be on the old writer only, which is fenced, while the new one is open: no client can
/// have written there through it.
fn never_arrived(pair: &Pair, now: &Snapshot, plan: &Plan) -> bool {
    let Some(role) = pair.write_role().filter(|_| plan.closing().is_some()) else { return false };
    let side = |assignment: &Assignment| assignment.holder(&role.name).and_then(|node| pair.side(node));
    let (Some(old), Some(new)) = (side(&plan.before), side(&plan.after)) else { return false };
    let seen = now.nodes.iter().all(|node| node.addresses.known().is_some());
    seen && old != new
        && now.holders(role) == [old]
        && now.node(new).access.is(&WriteAccess::Open)
        && now.node(old).access.known().is_some_and(|access| *access != WriteAccess::Open)
}

/// One node cannot be seen, but was not told anything about addresses; the other one is seen to be as it was: the
/// writer open, with exactly the roles that it had.
fn serves_from(pair: &Pair, now: &Snapshot, plan: &Plan, touched: &[(NodeName, RoleName)]) -> bool {
    let start = &plan.before;
    let writer = plan.closing().and_then(|step| pair.side(step.action.node()));
    let Some(writer) = writer else { return false };
    let (node, other) = (now.node(writer), now.node(writer.peer()));
    let unseen = other.access.known().is_none() && touched.iter().all(|(node, _)| *node != other.name);
    let roles: Vec<_> = pair.roles.iter().filter(|role| start.holder(&role.name) == Some(&node.name)).collect();
    let held = now.roles_on(pair, writer);
    unseen
        && node.access.is(&WriteAccess::Open)
        && node.addresses.known().is_some()
        && held.len() == roles.len()
        && roles.iter().all(|role| held.contains(&role.name))
}
