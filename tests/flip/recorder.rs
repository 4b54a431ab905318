//! Everything that was said, and what must not be in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Collects texts, each with a name to find it by.
#[derive(Default)]
pub(crate) struct Recorder(RefCell<Vec<(String, String)>>);

impl Recorder {
    pub(crate) fn keep(&self, what: impl Into<String>, text: impl Into<String>) {
        self.0.borrow_mut().push((what.into(), text.into()));
    }

    /// A file, or every file below a folder.
    pub(crate) fn keep_files(&self, path: &Path) {
        if path.is_dir() {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.for_each(|entry| self.keep_files(&entry.path()));
        } else if let Ok(bytes) = fs::read(path) {
            self.keep(path.display().to_string(), String::from_utf8_lossy(&bytes));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// How many of them have a name that ends so.
    pub(crate) fn named(&self, end: &str) -> usize {
        self.0.borrow().iter().filter(|(what, _)| what.ends_with(end)).count()
    }

    /// The names of those texts that have one of the secrets in them.
    pub(crate) fn holding(&self, secrets: &[&str]) -> Vec<String> {
        let said = self.0.borrow();
        let holds = |(what, text): &&(String, String)| secrets.iter().any(|s| what.contains(s) || text.contains(s));
        said.iter().filter(holds).map(|(what, _)| what.clone()).collect()
    }
}

/// Reads the command lines of all processes of the machine again and again, while something runs.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (until, counted) = (stop.clone(), rounds.clone());
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
                for process in processes {
                    if process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
                        seen.insert(String::from_utf8_lossy(&words).replace('\0', " "));
                    }
                }
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
            seen
        });
        Self { stop, rounds, thread }
    }

    /// Every command line that was seen, and how often was looked.
    pub(crate) fn stop(self) -> (BTreeSet<String>, u32) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap_or_default();
        (seen, self.rounds.load(Ordering::Relaxed))
    }
}
