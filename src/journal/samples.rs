//! Journals for unit tests, and stores that behave or do not.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::*;
use crate::model::Plan;
use crate::planfile;

/// The first record of a run of this plan.
pub(crate) fn begin(plan: &Plan) -> Begin {
    Begin {
        format: FORMAT,
        flipper: "0.0.0".to_owned(),
        run: "0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned(),
        pair: plan.pair.to_string(),
        by: Who { user: "anna".to_owned(), host: "ops1".to_owned() },
        goal: plan.goal.to_string(),
        digest: planfile::digest(plan, &[]).to_string(),
        plan: planfile::to_text(plan, &[]),
        continues: None,
    }
}

/// An end of a run.
pub(crate) fn end(end: Ending) -> End {
    End { end, exit: 0, writes_out_ms: Some(Ms(Duration::from_micros(4000))), text: end.id().to_owned() }
}

/// 2026-01-02 03:04:05 UTC, always.
pub(crate) fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

/// What was written and whether it was synced since, in memory. `room`: how many bytes it takes before it is full.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Arc<Mutex<Vec<u8>>>,
    pub(crate) synced: Arc<Mutex<Vec<usize>>>,
    pub(crate) room: Option<usize>,
    /// What a sync takes.
    pub(crate) slow: Arc<Mutex<Duration>>,
}

impl Memory {
    pub(crate) fn text(&self) -> Vec<u8> {
        self.bytes.lock().expect("the bytes").clone()
    }

    pub(crate) fn draft(&self) -> Draft {
        Draft { store: Box::new(self.clone()), clock }
    }
}

impl Store for Memory {
    fn append(&mut self, more: &[u8]) -> io::Result<()> {
        let mut bytes = self.bytes.lock().expect("the bytes");
        if self.room.is_some_and(|room| bytes.len() + more.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.extend(more);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a disk that is slow")]
    fn sync(&mut self) -> io::Result<()> {
        let slow = *self.slow.lock().expect("the time");
        std::thread::sleep(slow);
        let written = self.bytes.lock().expect("the bytes").len();
        self.synced.lock().expect("the marks").push(written);
        Ok(())
    }
}
