//! Everything the executor ever tells: a closed enum, so that every sink decides about every event.

use std::time::Duration;

use crate::model::{Snapshot, StepId};
use crate::world::{Failure, Writer};

/// In which direction steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As planned.
    Forward,
    /// Back to how it was.
    Back,
}

/// When, in the course of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Under the locks, before the first step.
    Before,
    /// At the end.
    After,
}

/// One thing told. Times are since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// How the pair is seen to stand.
    Stands(Moment, Box<Snapshot>),
    /// The locks are held, and the plan still fits what is seen.
    Ready,
    /// What is done next: one step, or all those from the fence to the address at the new writer, which nothing may
    /// come between. Told before the first of them is.
    Intends(Way, Vec<StepId>),
    /// A step is told to the nodes now.
    Started(Way, StepId),
    /// A step is done: how long it took, and what it has to say.
    Finished(Way, StepId, Duration, Option<String>),
    /// A step failed.
    Failed(Way, StepId, Duration, Failure),
    /// Whom a step under way has met at their writing: those whom a drain has waited for in vain, those whom it ends, or
    /// those who keep a fence waiting.
    Writers(StepId, Vec<Writer>),
    /// A step is tried again after a pause, in which writes flow.
    Again(StepId, Duration),
    /// Nobody can write from here on.
    GateClosed,
    /// Clients can write again, after this long.
    GateOpened(Duration),
    /// Somebody wishes to stop: how often it was said by now.
    Interrupted(u8),
    /// The run turns round, and why.
    TurningBack(String),
    /// The run cannot go back any more and tries to finish, and why.
    PressingOn(String),
}
