//! The second opinion: judges any plan against any snapshot, and knows nothing of how plans are made.
//!
//! It shares no code with the planner, and the planner none with it. Each action is interpreted on a small state of
//! its own (`state`): who accepts writes, who holds which address, who may lack transactions of the other one, which
//! read lock is held, what has been announced; for each there are `rules`. Every order that the plan's `after` allows is walked (`walk`), so that
//! a missing edge is as bad as a wrong step. What the state starts from is read from a snapshot, or, where there is
//! none, from the basis that the plan itself claims (`facts`).
//!
//! A violation is a mistake in flipper, or a plan that flipper did not write.

mod aim;
mod death;
mod facts;
mod hygiene;
mod rules;
mod state;
mod walk;

use std::fmt;

use aim::Aim;
use facts::Facts;
use state::State;

use crate::model::{Action, Assignment, Pair, Plan, Snapshot, Step, StepId};

/// What a plan would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Never two nodes that accept writes, and none opened while the other one is open or not known to be closed
    /// (hazards S1, S2, S14).
    OneWriter,
    /// A node opens only with every transaction of the other one, and that one can commit no more (S4).
    NoLoss,
    /// A read lock is held until the address is gone and the new writer is open (S5).
    LockUntilGone,
    /// An address is on two nodes only inside one handover, and never by chance (S6).
    OneAddress,
    /// An address leads only to a node that can serve its role, and from a write role nobody is cut off in the middle.
    ServesRole,
    /// Only a holder announces, and the last word is the one of the last holder (S7).
    Announced,
    /// The old writer opens again only when the new one never did, or is closed and has nothing of its own (S16).
    SafeReturn,
    /// Readers find replication running and never see less than before (S19).
    FreshReads,
    /// Nothing is touched that the goal does not ask for (S20).
    LeastAction,
    /// Nothing that may take its time happens while nobody can write (L4).
    ShortOutage,
    /// No step waits for what cannot come (L3).
    CanEnd,
    /// The end is what was asked for, seen from outside (L1).
    Goal,
    /// The servers are who they are taken for.
    Identity,
    /// The plan hangs together: ids, order, basis, before and after.
    WellFormed,
    /// What one node has alone never flows into the other (S15, S18).
    OneHistory,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 15] = [
        Self::OneWriter,
        Self::NoLoss,
        Self::LockUntilGone,
        Self::OneAddress,
        Self::ServesRole,
        Self::Announced,
        Self::SafeReturn,
        Self::FreshReads,
        Self::LeastAction,
        Self::ShortOutage,
        Self::CanEnd,
        Self::Goal,
        Self::Identity,
        Self::WellFormed,
        Self::OneHistory,
    ];

    /// Its word.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::OneWriter => "one-writer",
            Self::NoLoss => "no-loss",
            Self::LockUntilGone => "lock-until-gone",
            Self::OneAddress => "one-address",
            Self::ServesRole => "serves-role",
            Self::Announced => "announced",
            Self::SafeReturn => "safe-return",
            Self::FreshReads => "fresh-reads",
            Self::LeastAction => "least-action",
            Self::ShortOutage => "short-outage",
            Self::CanEnd => "can-end",
            Self::Goal => "goal",
            Self::Identity => "identity",
            Self::WellFormed => "well-formed",
            Self::OneHistory => "one-history",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// What would be broken.
    pub invariant: Invariant,
    /// By which step, where it is one step; in some order that the plan allows.
    pub step: Option<StepId>,
    /// How, as a clause.
    pub what: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "{} at {}: {}", self.invariant, crate::model::printable(&step.0), self.what),
            None => write!(f, "{}: {}", self.invariant, self.what),
        }
    }
}

/// What a judgement comes to: nothing, or every violation found.
pub type Judgement = Result<(), Vec<Violation>>;

/// Judges a plan against what was seen.
///
/// # Errors
/// Every violation, in any order that the plan allows.
pub fn judge(pair: &Pair, snapshot: &Snapshot, plan: &Plan) -> Judgement {
    let mut found = hygiene::steps(plan);
    found.extend(hygiene::against(pair, snapshot, plan));
    if !found.is_empty() {
        return verdict(found);
    }
    let facts = Facts::seen(pair, snapshot, plan);
    verdict(whole(&facts, plan))
}

/// Judges a plan by itself, on the basis that it claims: what was not written down is taken to be in order. For plans
/// that come from a file.
///
/// # Errors
/// Every violation, in any order that the plan allows.
pub fn sound(plan: &Plan) -> Judgement {
    let mut found = hygiene::steps(plan);
    found.extend(hygiene::by_itself(plan));
    if !found.is_empty() {
        return verdict(found);
    }
    let facts = Facts::claimed(plan);
    verdict(whole(&facts, plan))
}

/// Judges the steps that a run of `plan` takes after it was cut short: the pair was as in `snapshot`, `done` has happened since,
/// and the roles are to be as in `after`. Steps back may reopen the old writer.
///
/// # Errors
/// Every violation, in any order that the steps allow.
pub fn judge_way(
    pair: &Pair,
    snapshot: &Snapshot,
    plan: &Plan,
    done: &[&Action],
    steps: &[Step],
    after: &Assignment,
) -> Judgement {
    let mut found = hygiene::ids(steps);
    if !found.is_empty() {
        return verdict(found);
    }
    let facts = Facts::seen(pair, snapshot, plan);
    let mut aim = Aim::way(&facts, &plan.goal, after);
    let mut state = State::start(&facts);
    for action in done {
        // what has happened has happened; whether it should have was judged with its plan
        let _ = state.take(&facts, &aim, action);
    }
    aim.begins_at(state.holds);
    found.extend(walk::every_order(&facts, &aim, state, steps));
    verdict(found)
}

fn whole(facts: &Facts, plan: &Plan) -> Vec<Violation> {
    let aim = match Aim::plan(facts, plan) {
        Ok(aim) => aim,
        Err(found) => return found,
    };
    let mut found = vec![];
    if !plan.steps.is_empty() {
        found.extend(facts.identity());
    }
    found.extend(walk::every_order(facts, &aim, State::start(facts), &plan.steps));
    found
}

fn verdict(mut found: Vec<Violation>) -> Judgement {
    found.sort();
    found.dedup();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// A violation of the plan as a whole.
fn broken(invariant: Invariant, what: &'static str) -> Violation {
    Violation { invariant, step: None, what }
}
