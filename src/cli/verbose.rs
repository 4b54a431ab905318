//! `--verbose`: every statement and command line as it is sent, and how long it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::log::Log;
use super::voice::Voice;
use crate::link::{Listener, Means};
use crate::model::printable;
use crate::render::times::ms;

/// Tells the person in front of it, the log, or both. Neither is waited for.
pub(super) struct Verbose {
    next: AtomicU64,
    voice: Option<Arc<Voice>>,
    log: Option<Log>,
}

impl Verbose {
    /// `None`: nobody wants to know.
    pub(super) fn new(voice: Option<Arc<Voice>>, log: Option<Log>) -> Option<Self> {
        (voice.is_some() || log.is_some()).then(|| Self { next: AtomicU64::new(1), voice, log })
    }

    fn tell(&self, line: String) {
        if let Some(voice) = &self.voice {
            voice.murmur(format!("{line}\n"));
        }
        if let Some(log) = &self.log {
            log.line(line);
        }
    }
}

impl Listener for Verbose {
    fn sent(&self, node: &str, means: Means, place: &str, text: &str) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.tell(format!("> {number} {node} {means} {}: {}", printable(place), printable(text)));
        number
    }

    fn ended(&self, node: &str, number: u64, took: Duration, why: Option<&str>) {
        let why = why.map(|why| format!(": {}", printable(why))).unwrap_or_default();
        self.tell(format!("< {number} {node} {}{why}", ms(took)));
    }
}
