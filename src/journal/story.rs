//! Reading a journal back, however it ends.

use std::time::{Duration, SystemTime};

use super::line::Chain;
use super::record::{Begin, End, Ending, Happened, Known, Moment, NodeStand, Record, Session, Way};
use super::table::Table;
use super::{FORMAT, Found};
use crate::model::{Access, Action, Plan};
use crate::planfile::{self, PlanFileError};

/// What a journal tells of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Which run.
    pub begin: Begin,
    /// When it began.
    pub began: SystemTime,
    /// When the last line was written that could be read.
    pub last: SystemTime,
    /// How the nodes stood before the first step.
    pub before: Vec<NodeStand>,
    /// How they stood at the end.
    pub after: Vec<NodeStand>,
    /// Steps that were told to the nodes, in order.
    pub steps: Vec<Taken>,
    /// Whom steps have met at their writing: waited for in vain, ended, or in the way of a fence.
    pub writers: Vec<(String, Vec<Session>)>,
    /// Each time that writes were stopped, and how long they were out, where they came in again.
    pub outs: Vec<(SystemTime, Option<Duration>)>,
    /// What happened beside the steps: tries again, turns, signals.
    pub besides: Vec<(SystemTime, Record)>,
    /// The step that the last line is about: the run was about to take it, or in the middle of it.
    pub at_step: Option<String>,
    /// How it ended; `None`: it was cut off, or is still under way.
    pub end: Option<End>,
    /// What is wrong with the file after the lines that could be read.
    pub trouble: Option<Trouble>,
}

/// A step that was told to the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its id.
    pub step: String,
    /// In which direction.
    pub way: Way,
    /// When it was begun.
    pub at: SystemTime,
    /// How long it took; `None`: its end was not written.
    pub took: Option<Duration>,
    /// What it had to say, or why it failed.
    pub said: Option<String>,
    /// Whether it took effect all the same, where it failed.
    pub failed: Option<Happened>,
}

/// What is wrong with a journal from some line on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It ends in the middle of this line: it was cut off while it was written.
    Torn(usize),
    /// This line is not what was written there.
    Broken(usize, String),
}

/// Reads the bytes of a journal. What follows a line that cannot be read is not read.
///
/// # Errors
/// Not even its first line can be read; a run whose first line is not whole has changed nothing.
pub fn read(bytes: &[u8]) -> Result<Story, Trouble> {
    let (mut chain, mut table) = (Chain::default(), Table::default());
    let mut story: Option<Story> = None;
    let mut trouble = None;
    for (at, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        // without its end, the last line was being written
        let Some(text) = text.strip_suffix(b"\n") else {
            trouble = Some(Trouble::Torn(number));
            break;
        };
        let line = chain.read(text).and_then(|line| {
            table.take(&line.record).map_err(|why| format!("must not stand there: {why}"))?;
            let at = humantime::parse_rfc3339(&line.at).map_err(|_| format!("has the time `{}`", line.at))?;
            Ok((at, line.record))
        });
        match (line, &mut story) {
            (Ok((at, Record::FlipperJournal(begin))), story @ None) => {
                if begin.format > FORMAT {
                    let why = format!("is of format {}, and this flipper reads formats up to {FORMAT}", begin.format);
                    return Err(Trouble::Broken(number, why));
                }
                *story = Some(Story::new(begin, at));
            }
            (Ok((at, record)), Some(story)) => story.take(at, record),
            (Ok(_), None) => return Err(Trouble::Broken(number, "is not the first line of a journal".to_owned())),
            (Err(why), _) => {
                trouble = Some(Trouble::Broken(number, why));
                break;
            }
        }
    }
    let Some(mut story) = story else { return Err(trouble.unwrap_or(Trouble::Torn(1))) };
    story.at_step = table.at_step().filter(|_| !table.is_ended()).map(str::to_owned);
    story.trouble = trouble;
    Ok(story)
}

impl Story {
    fn new(begin: Begin, began: SystemTime) -> Self {
        Self {
            begin,
            began,
            last: began,
            before: vec![],
            after: vec![],
            steps: vec![],
            writers: vec![],
            outs: vec![],
            besides: vec![],
            at_step: None,
            end: None,
            trouble: None,
        }
    }

    fn take(&mut self, at: SystemTime, record: Record) {
        self.last = at;
        match record {
            Record::Stands { when: Moment::Before, nodes } => self.before = nodes,
            Record::Stands { when: Moment::After, nodes } => self.after = nodes,
            Record::Started { step, way } => {
                self.steps.push(Taken { step, way, at, took: None, said: None, failed: None });
            }
            Record::Done { step, ms, note, .. } => self.ended(&step, ms.0, note, None),
            Record::Failed { step, ms, happened, why, .. } => {
                // a fence that was refused: nobody was stopped, but new writes waited behind it
                if happened == Happened::No
                    && let Some((since, out @ None)) = self.outs.last_mut()
                    && self.steps.last().is_some_and(|taken| taken.at <= *since)
                {
                    *out = Some(ms.0);
                }
                self.ended(&step, ms.0, Some(why), Some(happened));
            }
            Record::Writers { step, sessions } => self.writers.push((step, sessions)),
            Record::WritesOut => self.outs.push((at, None)),
            Record::WritesIn { out_ms } => {
                if let Some((_, out)) = self.outs.last_mut() {
                    *out = Some(out_ms.0);
                }
            }
            Record::End(end) => self.end = Some(end),
            record @ (Record::Again { .. }
            | Record::TurningBack { .. }
            | Record::PressingOn { .. }
            | Record::Interrupted { .. }) => self.besides.push((at, record)),
            Record::FlipperJournal(_) | Record::Ready | Record::Intent { .. } => {}
        }
    }

    fn ended(&mut self, step: &str, took: Duration, said: Option<String>, failed: Option<Happened>) {
        if let Some(last) = self.steps.last_mut().filter(|last| last.step == step) {
            (last.took, last.said, last.failed) = (Some(took), said, failed);
        }
    }

    /// The last time that writes were stopped.
    #[must_use]
    pub fn out(&self) -> Option<(SystemTime, Option<Duration>)> {
        self.outs.last().copied()
    }

    /// How long writes were out, each time that they came in again.
    #[must_use]
    pub fn outages(&self) -> Vec<Duration> {
        self.outs.iter().filter_map(|(_, out)| *out).collect()
    }

    /// Nobody could write when it began. `None`: that is not known.
    #[must_use]
    pub fn began_closed(&self) -> Option<bool> {
        let plan = self.plan().ok()?;
        if !plan.basis.roles.iter().any(|(_, _, access)| *access == Access::ReadWrite) {
            return Some(false);
        }
        let dead = |node: &NodeStand| plan.dead().is_some_and(|dead| *dead.as_str() == node.node);
        let mut closed = (!self.before.is_empty()).then_some(true);
        for node in self.before.iter().filter(|node| !dead(node)) {
            match &node.access {
                Known::Known(access) if access == "open" => return Some(false),
                Known::Known(_) => {}
                Known::Unknown(_) => closed = None,
            }
        }
        closed
    }

    /// When a node was opened for clients who could not write before, or its address came to it.
    #[must_use]
    pub fn let_in(&self) -> Option<SystemTime> {
        let plan = self.plan().ok()?;
        let id = plan.opens_for_clients()?;
        let taken = self.steps.iter().find(|taken| taken.step == id.0 && taken.failed.is_none())?;
        Some(taken.at + taken.took?)
    }

    /// The plan that was carried out.
    ///
    /// # Errors
    /// The text in the journal is not a plan.
    pub fn plan(&self) -> Result<Plan, PlanFileError> {
        planfile::from_text("the journal's plan", &self.begin.plan).map(|file| file.plan)
    }

    /// It may have changed something of the pair: a step was told to a node other than those that only ask or wait, or
    /// that end sessions before anything is moved.
    #[must_use]
    pub fn changed(&self) -> bool {
        let plan = self.plan().ok();
        let harmless = |id: &str| {
            let step = plan.iter().flat_map(|plan| &plan.steps).find(|step| step.id.0 == id);
            step.is_some_and(|step| {
                matches!(
                    step.action,
                    Action::Approach { .. } | Action::Drain { .. } | Action::EndWriters { .. } | Action::Verify { .. }
                )
            })
        };
        // what is announced may have been told, too: a lost power takes the next line along
        self.steps.iter().map(|taken| taken.step.as_str()).chain(self.at_step.as_deref()).any(|id| !harmless(id))
    }

    /// It has changed something, and its plan moves roles or changes the writer: bringing a node back does neither. One whose
    /// plan cannot be read may have.
    #[must_use]
    pub fn moves_roles(&self) -> bool {
        let moves = |action: &Action| {
            matches!(
                action,
                Action::Take { .. }
                    | Action::Drop { .. }
                    | Action::Open { .. }
                    | Action::Reopen { .. }
                    | Action::Promote { .. }
            )
        };
        self.changed() && self.plan().map_or(true, |plan| plan.steps.iter().any(|step| moves(&step.action)))
    }

    /// It has changed something, or has seen that nothing was left to do.
    #[must_use]
    pub fn touches(&self) -> bool {
        self.changed() || self.end.as_ref().is_some_and(|end| end.end == Ending::NothingToDo)
    }

    /// It came to its end, forward or back.
    pub(super) fn is_done(&self) -> bool {
        self.end.as_ref().is_some_and(|end| matches!(end.end, Ending::Done | Ending::RolledBack))
    }

    /// The pair may be in between: the run was cut off after it had changed something, or said so itself.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.end {
            Some(end) => end.end.is_open() && self.changed(),
            None => self.changed(),
        }
    }
}

/// The newest of these journals, in their order from new to old, whose run has changed something or has seen that
/// nothing was left to do. One that another run went on with is settled by that, whatever the clock said at the time.
#[must_use]
pub fn latest_touching(found: &[Found]) -> Option<(&Found, &Story)> {
    let stories = || found.iter().filter_map(|found| Some((found, found.story.as_ref().ok()?)));
    let settled = |run: &str| {
        let goes_on = |story: &Story| story.begin.continues.as_ref().is_some_and(|continued| continued.run == run);
        stories().any(|(_, story)| goes_on(story) && (story.touches() || story.is_done()))
    };
    stories().find(|(_, story)| story.touches() && !settled(&story.begin.run))
}
