//! A world that is only a snapshot: for the picture of afterwards, and for tests of the executor with faults.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    Access, Action, Fact, NodeName, Observed, Pair, RoleName, Side, Snapshot, StepId, Thread, WriteAccess,
};
use crate::planner;
use crate::world::{Done, Failure, Happened, NoLock, World};

/// What goes wrong with a step, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused and changes nothing.
    NotDone,
    /// It takes effect, but the answer is lost.
    DoneButUnknown,
    /// It does not take effect, and nobody knows.
    NotDoneButUnknown,
    /// It takes effect, and its node cannot be reached any more.
    NodeLost,
    /// It is refused each time, and never changes anything.
    NeverDone,
    /// It takes effect, and its node's system cannot be reached any more; the server there can.
    ShellLost,
    /// The pair's lock is seen to be gone before it; it can be had again.
    LockLost,
    /// The pair's lock is seen to be gone before it, and somebody else has it from then on.
    LockTaken,
}

/// A simulated pair.
#[derive(Debug, Clone)]
pub struct SimWorld {
    pair: Pair,
    state: Snapshot,
    lost: Vec<Side>,
    shell_lost: Vec<Side>,
    caught_up: Vec<(NodeName, NodeName)>,
    /// What was made true.
    shown: Vec<Fact>,
    faults: BTreeMap<StepId, Fault>,
    violations: Vec<String>,
    clock: Duration,
    /// The pair's lock: ours, to be had, or somebody else's.
    lock: Lock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    Ours,
    Free,
    Taken,
}

/// The pair after a plan's steps, as far as a plan says.
#[must_use]
pub fn after(pair: &Pair, now: &Snapshot, actions: impl IntoIterator<Item = Action>) -> Snapshot {
    let mut state = now.clone();
    for action in actions {
        planner::perform(pair, &mut state, &action);
    }
    state
}

impl SimWorld {
    /// A pair in this state.
    #[must_use]
    pub fn new(pair: Pair, state: Snapshot) -> Self {
        Self {
            pair,
            state,
            lost: vec![],
            shell_lost: vec![],
            caught_up: vec![],
            shown: vec![],
            faults: BTreeMap::new(),
            violations: vec![],
            clock: Duration::ZERO,
            lock: Lock::Ours,
        }
    }

    /// Lets a step go wrong when it is next performed.
    pub fn fault(&mut self, step: StepId, fault: Fault) {
        self.faults.insert(step, fault);
    }

    /// The real state, whether it can be seen or not.
    #[must_use]
    pub fn state(&self) -> &Snapshot {
        &self.state
    }

    /// What happened that must never happen.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Performs an action, whatever faults there are.
    pub fn force(&mut self, action: &Action) {
        for fact in action.requires() {
            if !self.holds(&fact) {
                self.violations.push(format!("{}: needs {fact:?}", action.id()));
            }
        }
        let before = self.state.clone();
        self.effect(action);
        self.judge(&before, action);
    }

    fn side(&self, node: &NodeName) -> Side {
        self.pair.side(node).unwrap_or(Side::First)
    }

    fn held(&self, side: Side, role: &RoleName) -> bool {
        self.pair.role(role).is_some_and(|role| self.state.holders(role).contains(&side))
    }

    fn holds(&self, fact: &Fact) -> bool {
        let access = |node: &NodeName| self.state.node(self.side(node)).access.known().copied();
        match fact {
            Fact::Closed(node) => matches!(access(node), Some(WriteAccess::Fenced)),
            Fact::Writable(node) => access(node) == Some(WriteAccess::Open),
            Fact::Holds(node, role) => self.held(self.side(node), role),
            Fact::Lacks(node, role) => !self.held(self.side(node), role),
            Fact::CaughtUp(node, source) => self.caught_up.contains(&(node.clone(), source.clone())),
            Fact::Isolated(_) | Fact::Applied(_) | Fact::Whole(_) | Fact::Compared(_) => self.shown.contains(fact),
            Fact::Detached(node) => {
                let channels = self.state.node(self.side(node)).channels.known();
                channels.is_some_and(|all| all.iter().all(|channel| channel.receiver == Thread::Stopped))
            }
            // what only time and clients decide
            Fact::Near(..)
            | Fact::Drained(_)
            | Fact::Quiet(..)
            | Fact::Announced(..)
            | Fact::Unlocked(_)
            | Fact::Reached(..)
            | Fact::Replicates(_) => true,
        }
    }

    fn effect(&mut self, action: &Action) {
        if let Action::CatchUp { node, source } = action {
            self.caught_up.push((node.clone(), source.clone()));
        }
        self.shown.extend(action.ensures());
        planner::perform(&self.pair, &mut self.state, action);
    }

    /// The invariants that can be seen in a state (design, "Safety"): an action must not be what breaks one.
    fn judge(&mut self, before: &Snapshot, action: &Action) {
        for what in broken(&self.pair, &self.state) {
            if !broken(&self.pair, before).contains(&what) {
                self.violations.push(format!("{}: {what}", action.id()));
            }
        }
        for role in &self.pair.roles {
            let dropped = matches!(action, Action::Drop { role: dropped, to: Some(_), .. } if *dropped == role.name);
            if dropped && self.state.holders(role).is_empty() {
                self.violations.push(format!("{}: nobody holds {}", action.id(), role.name));
            }
        }
    }
}

/// Invariants that a state breaks.
fn broken(pair: &Pair, state: &Snapshot) -> Vec<String> {
    let open: Vec<Side> = Side::BOTH.into_iter().filter(|s| state.node(*s).access.is(&WriteAccess::Open)).collect();
    let mut broken = vec![];
    if open.len() > 1 {
        broken.push("two writers".to_owned());
    }
    for role in pair.roles.iter().filter(|role| role.access == Access::ReadWrite) {
        if state.holders(role).iter().filter(|side| open.contains(side)).count() > 1 {
            broken.push(format!("{} leads to two writers", role.name));
        }
    }
    broken
}

impl World for SimWorld {
    async fn snapshot(&mut self) -> Snapshot {
        let mut seen = self.state.clone();
        match self.lock {
            Lock::Ours => {}
            Lock::Free => self.lock = Lock::Ours,
            // nothing that is seen can be relied on while somebody else may change it
            Lock::Taken => {
                for side in Side::BOTH {
                    let name = self.pair.node(side).name.clone();
                    *seen.node_mut(side) = crate::model::NodeSnapshot::unseen(name, "simulated: lock taken");
                }
                return seen;
            }
        }
        for side in &self.shell_lost {
            seen.node_mut(*side).addresses = Observed::Unknown("simulated: no shell".to_owned());
        }
        for side in &self.lost {
            let name = self.pair.node(*side).name.clone();
            *seen.node_mut(*side) = crate::model::NodeSnapshot::unseen(name, "simulated: out of reach");
        }
        seen
    }

    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        if let Some(fault @ (Fault::LockLost | Fault::LockTaken)) = self.faults.get(&action.id()).copied() {
            self.faults.remove(&action.id());
            self.lock = if fault == Fault::LockLost { Lock::Free } else { Lock::Taken };
        } else if (self.lock, matches!(action, Action::Reopen { .. })) == (Lock::Free, true) {
            // the way back has it again first
            self.lock = Lock::Ours;
        }
        match self.lock {
            Lock::Ours => Ok(()),
            Lock::Free | Lock::Taken => {
                Err(Failure { happened: Happened::No, what: "simulated: the lock was lost".to_owned(), again: false })
            }
        }
    }

    async fn perform(&mut self, action: &Action, _limit: Duration) -> Result<Done, Failure> {
        self.clock += Duration::from_millis(1);
        let side = self.side(action.node());
        let failure = |happened, what: &str| Failure { happened, what: format!("simulated: {what}"), again: false };
        if self.lost.contains(&side) {
            return Err(failure(Happened::No, "out of reach"));
        }
        let by_shell = matches!(
            action,
            Action::Take { .. } | Action::Drop { .. } | Action::Announce { .. } | Action::EndSessions { .. }
        );
        if by_shell && self.shell_lost.contains(&side) {
            return Err(failure(Happened::No, "no shell"));
        }
        match self.faults.remove(&action.id()) {
            Some(Fault::NeverDone) => {
                self.faults.insert(action.id(), Fault::NeverDone);
                Err(failure(Happened::No, "refused again"))
            }
            Some(Fault::ShellLost) => {
                self.force(action);
                self.shell_lost.push(side);
                Err(failure(Happened::Unknown, "the shell was lost"))
            }
            None | Some(Fault::LockLost | Fault::LockTaken) => {
                self.force(action);
                Ok(Done::default())
            }
            Some(Fault::NotDone) => Err(failure(Happened::No, "refused")),
            Some(Fault::NotDoneButUnknown) => Err(failure(Happened::Unknown, "no answer")),
            Some(Fault::DoneButUnknown) => {
                self.force(action);
                Err(failure(Happened::Unknown, "no answer"))
            }
            Some(Fault::NodeLost) => {
                self.force(action);
                self.lost.push(side);
                Err(failure(Happened::Unknown, "connection lost"))
            }
        }
    }

    async fn lock(&mut self) -> Result<(), NoLock> {
        Ok(())
    }

    async fn unlock(&mut self) {}

    fn now(&self) -> Duration {
        self.clock
    }

    async fn pause(&mut self, time: Duration) {
        self.clock += time;
    }
}
