//! What was found, kept so that the matrix can be run in parts.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::lab::Server;
use crate::lab::error::{Doing, Result};

/// One cell, played.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) server: String,
    pub(crate) version: String,
    pub(crate) fault: String,
    pub(crate) at: String,
    /// Of the run that the fault happened to; `None`: killed, or it never ended.
    pub(crate) exit: Option<i32>,
    pub(crate) ended: Ended,
    /// The slowest client's longest time without an acknowledged row.
    pub(crate) silence_ms: u64,
    /// How long writes were out, as the run itself says: the longest time.
    pub(crate) out_ms: Option<u64>,
    pub(crate) run_ms: u64,
    pub(crate) acked: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    /// Rows that the two nodes do not have alike.
    pub(crate) differ: usize,
    /// In so many looks both servers were open.
    pub(crate) both_open: u64,
    pub(crate) looks: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) failed: Option<String>,
}

/// What brought the pair in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// The run itself.
    Itself,
    /// It was in order when somebody looked: there was nothing to do.
    InOrder,
    Resumed,
    Aborted,
    /// Nothing, within the time that a cell has.
    Not,
}

impl Row {
    pub(crate) fn new(cell: &Cell, version: &str) -> Self {
        Self {
            server: cell.server.name().to_owned(),
            version: version.to_owned(),
            fault: cell.fault.word().to_owned(),
            at: cell.at.word(),
            exit: None,
            ended: Ended::Not,
            silence_ms: 0,
            out_ms: None,
            run_ms: 0,
            acked: 0,
            lost: 0,
            doubled: 0,
            differ: 0,
            both_open: 0,
            looks: 0,
            notes: vec![],
            failed: None,
        }
    }

    /// How it ended, in a word or two.
    pub(crate) fn outcome(&self) -> String {
        if self.failed.is_some() {
            return "FAILED".to_owned();
        }
        let run = match self.exit {
            Some(0) => "done",
            Some(11) => "refused",
            Some(12) => "stale",
            Some(13) => "locked",
            Some(20) => "back",
            Some(21) => "21",
            Some(_) => "other",
            None => "killed",
        };
        let then = match self.ended {
            Ended::Itself => return run.to_owned(),
            Ended::InOrder => "in order",
            Ended::Resumed => "resumed",
            Ended::Aborted => "aborted",
            Ended::Not => "not ended",
        };
        format!("{run}, {then}")
    }
}

/// One line for whoever watches.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, fault, at, silence_ms, run_ms, acked, lost, doubled, both_open, notes, .. } = self;
        write!(
            f,
            "{server:<7} {fault:<16} {at:<14} {:<16} run {run_ms:>6} ms, silence {silence_ms:>6} ms, {acked:>5} rows, \
             {lost} lost, {doubled} doubled, {both_open} two writers; {}",
            self.outcome(),
            notes.join("; ")
        )?;
        match &self.failed {
            Some(why) => write!(f, "\n    {why}"),
            None => Ok(()),
        }
    }
}

/// All rows of one flavour that are known.
pub(crate) struct Results {
    file: PathBuf,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    pub(crate) fn load(server: Server) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
        let file = folder.join(format!("{}.json", server.name()));
        let text = fs::read_to_string(&file).unwrap_or_default();
        // not there yet, or of an older shape: then nothing is known
        Self { rows: serde_json::from_str(&text).unwrap_or_default(), file }
    }

    pub(crate) fn get(&self, cell: &Cell) -> Option<&Row> {
        let at = cell.at.word();
        self.rows.iter().find(|row| row.fault == cell.fault.word() && row.at == at)
    }

    /// Keeps a row at once: what was found is not lost with what comes after it.
    pub(crate) fn put(&mut self, row: Row) -> Result<()> {
        self.rows.retain(|known| (&known.fault, &known.at) != (&row.fault, &row.at));
        self.rows.push(row);
        let doing = || format!("writing {}", self.file.display());
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder).doing(doing)?;
        }
        let text = serde_json::to_string_pretty(&self.rows).doing(doing)?;
        fs::write(&self.file, text).doing(doing)
    }
}
