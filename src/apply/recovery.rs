//! After a failure: look again, plan again, and end back or forward.

use std::time::Duration;

use super::{Opening, Outcome, Progress, Run, Stuck, is_at};
use crate::event::{Event, Way};
use crate::model::{Access, Assignment, Pair, Plan, Reason, Snapshot, Step, WriteAccess};
use crate::planner::{self, Opened};
use crate::world::World;

/// How often the way forward is planned again.
const FORWARD_TRIES: u32 = 3;

/// Between two of these tries.
const FORWARD_PAUSE: Duration = Duration::from_millis(300);

impl<W: World, S: FnMut(Event)> Run<'_, W, S> {
    /// The new writer was never told to open: the old one is opened again.
    pub(super) async fn back(&mut self, start: &Assignment, why: String, progress: &Progress) -> Outcome {
        self.way_back(start, why, Opened::Never, progress).await
    }

    async fn way_back(&mut self, start: &Assignment, why: String, opened: Opened, progress: &Progress) -> Outcome {
        self.tell(Event::TurningBack(why.clone()));
        let begun = self.world.now();
        let limit = self.pair.limits.rollback;
        loop {
            let now = self.world.snapshot().await;
            let left = limit.saturating_sub(self.world.now().saturating_sub(begun));
            let trouble = match planner::way_back(self.pair, &now, start, opened) {
                Ok(steps) => self.walk(&steps, Way::Back, left).await,
                Err(reasons) => Err(said(&reasons)),
            };
            let now = self.world.snapshot().await;
            // a target out of reach that was never told to open is as it was: fenced
            let serves =
                is_at(self.pair, &now, start) || (opened == Opened::Never && serves_from(self.pair, &now, start));
            let gone = self.world.now().saturating_sub(begun);
            if serves && trouble.is_ok() {
                let outage = progress.gate_closed.map(|closed| self.world.now().saturating_sub(closed));
                return Outcome::RolledBack { why, outage };
            }
            if gone >= limit {
                return self.stuck(why, trouble.err(), &now, start);
            }
            self.world.pause(FORWARD_PAUSE).await;
        }
    }

    /// The new writer is open: whatever is missing is done again until it holds, or a person is told.
    pub(super) async fn forward(&mut self, goal: &Assignment, why: String, progress: &mut Progress) -> Outcome {
        self.tell(Event::PressingOn(why.clone()));
        let mut trouble = None;
        for _ in 0..FORWARD_TRIES {
            let now = self.world.snapshot().await;
            let result = match planner::way_forward(self.pair, &now, goal) {
                Ok(steps) => self.walk(&steps, Way::Forward, self.pair.limits.rollback).await,
                Err(reasons) => Err(said(&reasons)),
            };
            let now = self.world.snapshot().await;
            if result.is_ok() && is_at(self.pair, &now, goal) {
                self.gate_opens(progress);
                return Outcome::Done { outage: progress.outage };
            }
            trouble = result.err().or(trouble);
            self.world.pause(FORWARD_PAUSE).await;
        }
        let now = self.world.snapshot().await;
        self.stuck(why, trouble, &now, goal)
    }

    /// The new writer was told to open and gave no answer: what it says now decides, and if it says nothing, nobody
    /// else is opened.
    pub(super) async fn undecided(&mut self, plan: &Plan, why: String, progress: &mut Progress) -> Outcome {
        let now = self.world.snapshot().await;
        let new =
            self.pair.write_role().and_then(|role| plan.after.holder(&role.name)).and_then(|node| self.pair.side(node));
        let access = new.and_then(|new| now.node(new).access.known().copied());
        match access {
            Some(WriteAccess::Open) => {
                progress.open = Opening::Done;
                self.forward(&plan.after, why, progress).await
            }
            Some(WriteAccess::Fenced | WriteAccess::Guarded) => {
                self.way_back(&plan.before, why, Opened::Undone, progress).await
            }
            Some(WriteAccess::Changing) | None => {
                let trouble = Some("it is not known whether the new writer is open: neither node is opened".to_owned());
                self.stuck(why, trouble, &now, &plan.after)
            }
        }
    }

    async fn walk(&mut self, steps: &[Step], way: Way, budget: Duration) -> Result<(), String> {
        let begun = self.world.now();
        for step in steps {
            let left = budget.saturating_sub(self.world.now().saturating_sub(begun));
            if left.is_zero() {
                return Err(format!("{}: no time left", step.id));
            }
            let limit = left.min(self.pair.limits.connect.max(self.pair.limits.fence + Duration::from_secs(1)));
            self.perform(way, step, limit).await.map_err(|failure| format!("{}: {failure}", step.id))?;
        }
        Ok(())
    }

    fn stuck(&self, why: String, trouble: Option<String>, now: &Snapshot, wanted: &Assignment) -> Outcome {
        let mut stands: Vec<String> = now
            .nodes
            .iter()
            .map(|node| match (&node.access, node.addresses.why_unknown()) {
                (access, None) => {
                    let side = self.pair.side(&node.name);
                    let roles = side.map(|side| now.roles_on(self.pair, side)).unwrap_or_default();
                    let roles = roles.iter().map(ToString::to_string).collect::<Vec<_>>();
                    let held = if roles.is_empty() { "no address".to_owned() } else { roles.join(", ") };
                    format!("{}: {}; holds {held}", node.name, said_access(access))
                }
                (access, Some(blind)) => format!("{}: {}; addresses unknown: {blind}", node.name, said_access(access)),
            })
            .collect();
        stands.extend(trouble);
        let mut todo = vec![];
        if let Some(role) = self.pair.roles.iter().find(|role| role.access == Access::ReadWrite)
            && let Some(writer) = wanted.holder(&role.name)
        {
            todo.push(format!("see `flipper status {}` once both nodes can be reached", self.pair.name));
            todo.push(format!(
                "{writer} is to accept writes and to hold {} ({}); the other node must do neither. Never open one \
                 without having seen that the other is read-only.",
                role.name, role.address
            ));
        }
        Outcome::Stuck(Stuck { why, stands, todo })
    }
}

fn said(reasons: &[Reason]) -> String {
    reasons.iter().map(|r| format!("{} ({}): {}", r.seen, r.code, r.help)).collect::<Vec<_>>().join("; ")
}

fn said_access(access: &crate::model::Observed<WriteAccess>) -> String {
    match access {
        crate::model::Observed::Known(access) => access.to_string(),
        crate::model::Observed::Unknown(why) => format!("write access unknown: {why}"),
    }
}

/// The old writer is open and holds every address that it held; the other node cannot be seen.
fn serves_from(pair: &Pair, now: &Snapshot, start: &Assignment) -> bool {
    let writer = pair.write_role().and_then(|role| start.holder(&role.name)).and_then(|node| pair.side(node));
    let Some(writer) = writer else { return false };
    let unseen = now.node(writer.peer()).access.known().is_none();
    let open = now.node(writer).access.is(&WriteAccess::Open);
    let holds = pair
        .roles
        .iter()
        .filter(|role| start.holder(&role.name) == Some(&pair.node(writer).name))
        .all(|role| now.holders(role).contains(&writer));
    unseen && open && holds
}
