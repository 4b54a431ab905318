//! Which record may follow which: a closed table. Anything else is a mistake when it is written, and a change by
//! somebody else when it is read.

use std::collections::VecDeque;
use std::fmt;

use super::record::{Ending, Happened, Moment, Record};

/// Where a journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Nothing is written.
    Empty,
    /// The run has a name.
    Begun,
    /// The pair was looked at under the locks.
    Looked,
    /// Between two steps.
    Between,
    /// In the middle of a step.
    InStep,
    /// The run has ended.
    Ended,
}

/// What a record is, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Begin,
    StandsBefore,
    StandsAfter,
    Ready,
    Intent,
    Started,
    Writers,
    Done,
    Failed,
    Again,
    WritesOut,
    WritesIn,
    TurningBack,
    PressingOn,
    Interrupted,
    /// An end before the first step.
    EndUnchanged,
    /// An end after steps.
    EndChanged,
    /// The operator left, wherever the run was.
    EndLeft,
}

/// The table: from, what, to.
pub(super) const LEGAL: &[(State, Kind, State)] = {
    use Kind as K;
    use State as S;
    &[
        (S::Empty, K::Begin, S::Begun),
        (S::Begun, K::StandsBefore, S::Looked),
        (S::Begun, K::Interrupted, S::Begun),
        (S::Begun, K::EndUnchanged, S::Ended),
        (S::Begun, K::EndLeft, S::Ended),
        (S::Looked, K::Ready, S::Between),
        (S::Looked, K::Interrupted, S::Looked),
        (S::Looked, K::EndUnchanged, S::Ended),
        (S::Looked, K::EndLeft, S::Ended),
        (S::Between, K::Intent, S::Between),
        (S::Between, K::Started, S::InStep),
        (S::Between, K::Again, S::Between),
        (S::Between, K::WritesIn, S::Between),
        (S::Between, K::TurningBack, S::Between),
        (S::Between, K::PressingOn, S::Between),
        (S::Between, K::Interrupted, S::Between),
        (S::Between, K::StandsAfter, S::Between),
        (S::Between, K::EndChanged, S::Ended),
        (S::Between, K::EndLeft, S::Ended),
        (S::InStep, K::WritesOut, S::InStep),
        (S::InStep, K::Writers, S::InStep),
        (S::InStep, K::Done, S::Between),
        (S::InStep, K::Failed, S::Between),
        (S::InStep, K::Interrupted, S::InStep),
        (S::InStep, K::EndLeft, S::Ended),
    ]
};

/// A record that must not stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal(String);

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Illegal {}

/// The course of one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    state: State,
    /// Steps that are announced and not started.
    intended: VecDeque<String>,
    /// The step under way.
    step: Option<String>,
    /// The step that stopped writes, while they are out.
    out_since: Option<String>,
}

impl Default for Table {
    fn default() -> Self {
        Self { state: State::Empty, intended: VecDeque::new(), step: None, out_since: None }
    }
}

impl Table {
    /// Nobody can write, as far as the journal says.
    #[must_use]
    pub fn writes_are_out(&self) -> bool {
        self.out_since.is_some()
    }

    /// The step under way, or the next one that is announced: what a run that ends here was about.
    #[must_use]
    pub fn at_step(&self) -> Option<&str> {
        self.step.as_deref().or_else(|| self.intended.front().map(String::as_str))
    }

    /// The run has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes a record.
    ///
    /// # Errors
    /// It must not stand here; nothing is changed then.
    pub fn take(&mut self, record: &Record) -> Result<(), Illegal> {
        let kind = kind(record);
        let next = LEGAL.iter().find(|(from, what, _)| (*from, *what) == (self.state, kind)).map(|(.., to)| *to);
        let wrong = |why: &str| Illegal(format!("{kind:?} in state {:?}{why}", self.state));
        let next = next.ok_or_else(|| wrong(""))?;
        match record {
            Record::Intent { steps, .. } => {
                // what was intended before and not started was given up
                if steps.is_empty() {
                    return Err(wrong(": nothing is intended"));
                }
                self.intended = steps.iter().cloned().collect();
            }
            Record::Started { step, .. } => {
                if self.intended.front() != Some(step) {
                    return Err(wrong(": the step was not intended"));
                }
                self.step = self.intended.pop_front();
            }
            Record::Done { step, .. } => {
                if self.step.as_ref() != Some(step) {
                    return Err(wrong(": another step is under way"));
                }
                self.step = None;
            }
            Record::Failed { step, happened, .. } => {
                if self.step.as_ref() != Some(step) {
                    return Err(wrong(": another step is under way"));
                }
                // what was to follow does not; a fence that was refused has stopped nobody
                self.intended.clear();
                self.out_since.take_if(|since| *happened == Happened::No && since == step);
                self.step = None;
            }
            Record::WritesOut => {
                if self.out_since.is_some() {
                    return Err(wrong(": they are out already"));
                }
                self.out_since.clone_from(&self.step);
            }
            Record::WritesIn { .. } => {
                if self.out_since.take().is_none() {
                    return Err(wrong(": they are in"));
                }
            }
            Record::TurningBack { .. } | Record::PressingOn { .. } => self.intended.clear(),
            Record::Writers { step, .. } => {
                if self.step.as_ref() != Some(step) {
                    return Err(wrong(": another step is under way"));
                }
            }
            Record::FlipperJournal(_)
            | Record::Stands { .. }
            | Record::Ready
            | Record::Again { .. }
            | Record::Interrupted { .. }
            | Record::End(_) => {}
        }
        self.state = next;
        Ok(())
    }
}

pub(super) fn kind(record: &Record) -> Kind {
    match record {
        Record::FlipperJournal(_) => Kind::Begin,
        Record::Stands { when: Moment::Before, .. } => Kind::StandsBefore,
        Record::Stands { when: Moment::After, .. } => Kind::StandsAfter,
        Record::Ready => Kind::Ready,
        Record::Intent { .. } => Kind::Intent,
        Record::Started { .. } => Kind::Started,
        Record::Writers { .. } => Kind::Writers,
        Record::Done { .. } => Kind::Done,
        Record::Failed { .. } => Kind::Failed,
        Record::Again { .. } => Kind::Again,
        Record::WritesOut => Kind::WritesOut,
        Record::WritesIn { .. } => Kind::WritesIn,
        Record::TurningBack { .. } => Kind::TurningBack,
        Record::PressingOn { .. } => Kind::PressingOn,
        Record::Interrupted { .. } => Kind::Interrupted,
        Record::End(end) => match end.end {
            Ending::Locked | Ending::Stale | Ending::Refused | Ending::NothingToDo => Kind::EndUnchanged,
            Ending::Done | Ending::RolledBack | Ending::PartWay => Kind::EndChanged,
            Ending::Left => Kind::EndLeft,
        },
    }
}
