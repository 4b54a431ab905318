//! The hand as a [`World`]: looking, holding the lock, and performing, in the order of `apply/live.rs`.

use std::time::Duration;

use flipper::model::{Access, Action, NodeSnapshot, Observed, Side, Snapshot};
use flipper::world::{Done, Failure, NoLock, World};

use crate::dice::Txns;
use crate::hand::{Hand, Which, certain, micros};
use crate::server::{Ask, Said};
use crate::time::Pulse;

/// A set as an operator would read it.
fn listed(txns: &[u32]) -> String {
    match txns {
        [] => String::new(),
        [one] => format!("t:{one}"),
        [first, .., last] => format!("t:{first}…{last}"),
    }
}

impl World for Hand {
    async fn snapshot(&mut self) -> Snapshot {
        Pulse(&self.core, self.of).await;
        let began = self.time();
        // a command whose end is not known is not to change what is about to be looked at
        let fires = Side::BOTH.map(|side| if self.link(side).shell { 0 } else { self.link(side).fires });
        let until = fires[0].max(fires[1]);
        if until > self.time() {
            self.sleep(until - self.time()).await;
        }
        tokio::join!(self.mend(Side::First), self.mend(Side::Second));
        let mut lost = [None, None];
        for side in Side::BOTH {
            *side.of_mut(&mut lost) = self.settle(side).await.err();
        }
        self.kept = [true, true];
        let ((mut first, one), (mut second, two)) = tokio::join!(self.look(Side::First), self.look(Side::Second));
        let beyond = |a: &Option<Txns>, b: &Option<Txns>| match (a, b) {
            (Some(a), Some(b)) => Observed::Known(listed(&a.beyond(b))),
            _ => Observed::Unknown("one of the nodes was not seen".to_owned()),
        };
        (first.ahead, second.ahead) = (beyond(&one, &two), beyond(&two, &one));
        let mut seen = Snapshot { nodes: [first, second] };
        for side in Side::BOTH {
            if let Some(why) = side.of(&lost) {
                *seen.node_mut(side) = NodeSnapshot::unseen(self.pair.node(side).name.clone(), why);
            }
        }
        self.core.borrow_mut().operators[self.of].looked = Some((began, seen.clone()));
        seen
    }

    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        Pulse(&self.core, self.of).await;
        let in_outage = match action {
            Action::CatchUp { .. } | Action::Open { .. } | Action::Reopen { .. } => true,
            Action::Take { access, .. } => *access == Access::ReadWrite,
            _ => false,
        };
        let silence = micros(self.pair.limits.silence());
        let ask = !in_outage || self.time() - self.locked_at > silence / 2;
        let [one, two] = self.lock_sessions;
        if one.is_none() && two.is_none() {
            return Ok(());
        }
        let (a, b) = tokio::join!(self.still_locked(Side::First, one, ask), self.still_locked(Side::Second, two, ask));
        if ask && a.is_ok() && b.is_ok() {
            self.locked_at = self.time();
        }
        for (side, lost) in [(Side::First, a.err()), (Side::Second, b.err())] {
            let Some(why) = lost else { continue };
            let name = self.pair.node(side).name.clone();
            let gone = |why: String| certain(format!("the pair's lock on {name} was lost: {why}"));
            let sure = matches!(action, Action::Reopen { .. });
            if !self.changed || (in_outage && ask && !sure) {
                return Err(gone(why));
            }
            if !in_outage && self.reopened(side).await {
                self.settle(side).await.map_err(gone)?;
            }
        }
        let without_a_gap = |side: Side| {
            let held = *side.of(&self.lock_sessions);
            *side.of(&self.kept) && held.is_some() && self.link(side).sql == held
        };
        if !Side::BOTH.into_iter().any(without_a_gap) && !matches!(action, Action::Reopen { .. }) {
            return Err(certain("the pair's lock was lost on both nodes: somebody else may have been at work"));
        }
        Ok(())
    }

    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        Pulse(&self.core, self.of).await;
        let side = self.side(action.node());
        let limit = micros(limit);
        self.changed |= !matches!(action, Action::Approach { .. } | Action::Drain { .. } | Action::Verify { .. });
        let reopens = matches!(action, Action::Reopen { .. });
        if reopens && self.by_guard(side) && self.link(side).sql == *side.of(&self.lock_sessions) {
            // it does not go through the session that has the lock, which is asked then
            if self.still_locked(side, *side.of(&self.lock_sessions), true).await.is_err() {
                self.edit(side, |link| link.sql = None);
            }
        }
        if reopens && self.link(side).sql.is_none() {
            self.reconnect_one(side, Which::Sql, limit).await;
        }
        if reopens || matches!(action, Action::Fence { .. } | Action::Open { .. }) {
            self.settle(side).await.map_err(certain)?;
        }
        if reopens && side.of(&self.first_lock) != side.of(&self.lock_sessions) {
            self.memory.distrustful = true;
            let _ = self.reopened(side.peer()).await;
        }
        self.act(action, limit).await
    }

    async fn lock(&mut self) -> Result<(), NoLock> {
        Pulse(&self.core, self.of).await;
        for side in Side::BOTH {
            if let Err(why) = self.lock_one(side).await {
                self.unlock().await;
                return Err(why);
            }
        }
        self.lock_sessions = Side::BOTH.map(|side| self.link(side).sql);
        (self.first_lock, self.locked_at) = (self.lock_sessions, self.time());
        for side in Side::BOTH {
            let left = self.sql(side, Which::Sql, Ask::Remains, self.connect()).await;
            match left.map_err(|bad| NoLock::Failed(bad.what()))? {
                Said::Sessions(left) => self.memory.ghosts.extend(left.into_iter().map(|sid| (side, sid))),
                other => return Err(NoLock::Failed(format!("{other:?}"))),
            }
        }
        Ok(())
    }

    async fn unlock(&mut self) {
        for side in Side::BOTH {
            let _ = self.sql(side, Which::Sql, Ask::Unlock, self.connect()).await;
        }
        self.lock_sessions = [None, None];
    }

    fn now(&self) -> Duration {
        Duration::from_micros(self.time())
    }

    async fn pause(&mut self, time: Duration) {
        Pulse(&self.core, self.of).await;
        self.sleep(micros(time)).await;
    }
}
