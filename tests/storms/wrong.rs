//! Mistakes, put between a run and its world: each must be caught by some storm, or the storms prove nothing.

use std::time::Duration;

use flipper::model::{Action, NodeSnapshot, Observed, Snapshot};
use flipper::world::{Done, Failure, Happened, NoLock, World};

use crate::dice::Txns;
use crate::hand::Hand;

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A node is opened that has not caught up.
    NoCatchUp,
    /// "No answer" is taken for "not done".
    UnknownIsNo,
    /// What cannot be seen is as it was seen last.
    RemembersInsteadOfSeeing,
    /// Nobody asks for the pair's lock.
    NoLock,
    /// Nobody sees that it was lost.
    NoLockCheck,
    /// A fence is not read back, and nobody looks at it before the other node is opened.
    NeverReadsBack,
}

impl Mistake {
    pub(crate) const ALL: [Self; 6] = [
        Self::NoCatchUp,
        Self::UnknownIsNo,
        Self::RemembersInsteadOfSeeing,
        Self::NoLock,
        Self::NoLockCheck,
        Self::NeverReadsBack,
    ];
}

/// A hand with a mistake, or without one.
pub(crate) struct Wrong {
    pub(crate) hand: Hand,
    mistake: Option<Mistake>,
    remembered: [Option<NodeSnapshot>; 2],
}

impl Wrong {
    pub(crate) fn new(mut hand: Hand, mistake: Option<Mistake>) -> Self {
        hand.mistake = mistake;
        Self { hand, mistake, remembered: [None, None] }
    }

    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }
}

impl World for Wrong {
    async fn snapshot(&mut self) -> Snapshot {
        let mut seen = self.hand.snapshot().await;
        if !self.is(Mistake::RemembersInsteadOfSeeing) {
            return seen;
        }
        for (node, old) in seen.nodes.iter_mut().zip(&mut self.remembered) {
            match old {
                Some(old) if node.access.known().is_none() => *node = old.clone(),
                _ => *old = Some(node.clone()),
            }
            node.ahead = Observed::Known(node.ahead.known().cloned().unwrap_or_default());
        }
        seen
    }

    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        let held = self.hand.hold(action).await;
        if self.is(Mistake::NoLockCheck) || self.is(Mistake::NoLock) { Ok(()) } else { held }
    }

    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        if self.is(Mistake::NoCatchUp) && matches!(action, Action::CatchUp { .. }) {
            return Ok(Done::default());
        }
        let result = self.hand.perform(action, limit).await;
        match (self.mistake, result) {
            (Some(Mistake::UnknownIsNo), Err(failure)) => Err(Failure { happened: Happened::No, ..failure }),
            (Some(Mistake::NeverReadsBack), Err(_)) if matches!(action, Action::Fence { .. }) => {
                self.hand.memory.fenced = Some((self.hand.side(action.node()), Txns::default()));
                Ok(Done::default())
            }
            (_, result) => result,
        }
    }

    async fn lock(&mut self) -> Result<(), NoLock> {
        if self.is(Mistake::NoLock) { Ok(()) } else { self.hand.lock().await }
    }

    async fn unlock(&mut self) {
        self.hand.unlock().await;
    }

    fn now(&self) -> Duration {
        self.hand.now()
    }

    async fn pause(&mut self, time: Duration) {
        self.hand.pause(time).await;
    }
}
