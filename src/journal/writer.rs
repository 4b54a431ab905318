//! Keeping a journal while a run goes on.

use std::time::{Duration, SystemTime};

use super::error::JournalError;
use super::line::{Chain, Line};
use super::pen::{Pen, Store};
use super::record::{Begin, End, Record};
use super::table::Table;
use crate::event::Event;
use crate::model::Pair;

/// How long a step waits for the disk, before writes are out. A disk that takes longer is not waited for again.
const PATIENCE: Duration = Duration::from_secs(2);

/// A journal that is about to be begun: where it goes, and what it tells the time by.
pub struct Draft {
    /// Where lines go.
    pub store: Box<dyn Store>,
    /// The time of day.
    pub clock: fn() -> SystemTime,
}

/// The journal of a run. What goes wrong with it is kept for the end, and never breaks the run.
pub struct Journal {
    pair: Pair,
    clock: fn() -> SystemTime,
    chain: Chain,
    table: Table,
    pen: Pen,
    trouble: Option<String>,
}

impl Journal {
    /// Writes the first line, and sees that it is on disk.
    ///
    /// # Errors
    /// It cannot be written, so that a run should not begin.
    pub fn begin(draft: Draft, pair: &Pair, begin: Begin) -> Result<Self, JournalError> {
        let path = std::path::PathBuf::from(&begin.pair);
        let mut journal = Self {
            pair: pair.clone(),
            clock: draft.clock,
            chain: Chain::default(),
            table: Table::default(),
            pen: Pen::new(draft.store),
            trouble: None,
        };
        journal.record(&Record::FlipperJournal(begin));
        match journal.trouble.take() {
            None => Ok(journal),
            Some(why) => Err(JournalError::unwritable(&path, &why)),
        }
    }

    /// Something happened in the run.
    pub fn event(&mut self, event: &Event) {
        self.record(&Record::of(event, &self.pair));
    }

    /// The run has ended. What went wrong with the journal meanwhile, if anything.
    pub fn end(mut self, end: End) -> Option<String> {
        self.record(&Record::End(end));
        if self.trouble.is_none() {
            self.trouble = self.pen.settle(PATIENCE).err();
        }
        self.trouble
    }

    fn record(&mut self, record: &Record) {
        if let Err(why) = self.try_record(record) {
            self.trouble.get_or_insert(why);
        }
    }

    fn try_record(&mut self, record: &Record) -> Result<(), String> {
        self.table.take(record).map_err(|why| format!("{why}: a mistake in flipper, report it"))?;
        let at = humantime::format_rfc3339_micros((self.clock)()).to_string();
        let text = self.chain.write(&Line { at, record: record.clone() }).map_err(|why| why.to_string())?;
        // clients that cannot write do not wait for the operator's disk
        let sync = !self.table.writes_are_out() && must_last(record);
        self.pen.post(text, sync)?;
        if sync && self.trouble.is_none() { self.pen.settle(PATIENCE) } else { Ok(()) }
    }
}

/// What must be on disk before the run goes on.
fn must_last(record: &Record) -> bool {
    match record {
        Record::FlipperJournal(_)
        | Record::Intent { .. }
        | Record::WritesIn { .. }
        | Record::TurningBack { .. }
        | Record::PressingOn { .. }
        | Record::End(_) => true,
        Record::Stands { .. }
        | Record::Ready
        | Record::Started { .. }
        | Record::Writers { .. }
        | Record::Done { .. }
        | Record::Failed { .. }
        | Record::Again { .. }
        | Record::WritesOut
        | Record::Interrupted { .. } => false,
    }
}
