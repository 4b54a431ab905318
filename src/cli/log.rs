//! `--log-file FILE`: what is said to the nodes, every event and every error, each with the time of day.
//!
//! A thread of its own writes it. Nobody waits for a disk; what could not be written is said at the end.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::here::clock;
use super::{Exit, Stop};
use crate::model::printable;

/// How long the end of a command waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines that may wait for a disk that is slow.
const WAITING: usize = 10_000;

enum Job {
    Line(SystemTime, String),
    Settle(Sender<()>),
}

#[derive(Clone)]
pub(super) struct Log {
    say: SyncSender<Job>,
    /// What went wrong first.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Log {
    /// Opens the file, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// It cannot be opened.
    #[expect(clippy::disallowed_methods, reason = "the operator's log is a file")]
    pub(super) fn open(path: &Path) -> Result<Self, Stop> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let mut file = opened.map_err(|why| {
            Stop::say(
                Exit::Usage,
                "flipper::usage::file",
                format!("{} cannot be written: {why}", path.display()),
                "name a file that you may write to: --log-file FILE",
            )
        })?;
        let (say, todo): (SyncSender<Job>, Receiver<Job>) = sync_channel(WAITING);
        let trouble = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&trouble);
        let name = path.display().to_string();
        std::thread::spawn(move || {
            for job in todo {
                let written = match job {
                    Job::Line(at, text) => {
                        let at = humantime::format_rfc3339_micros(at);
                        // one entry a line, whatever is in it
                        let lines: String = text.lines().map(|line| format!("{at} {}\n", printable(line))).collect();
                        file.write_all(lines.as_bytes())
                    }
                    Job::Settle(done) => {
                        let _ = done.send(());
                        Ok(())
                    }
                };
                if let Err(why) = written {
                    note(&noted, format!("{name}: {why}"));
                }
            }
        });
        Ok(Self { say, trouble })
    }

    /// Something happened now.
    pub(super) fn line(&self, text: String) {
        if let Err(TrySendError::Full(_)) = self.say.try_send(Job::Line(clock(), text)) {
            note(&self.trouble, "the disk was too slow, and lines were left out".to_owned());
        }
    }

    /// Waits until all is written. What went wrong, if anything.
    pub(super) fn settle(&self) -> Option<String> {
        let (written, done) = channel();
        let _ = self.say.try_send(Job::Settle(written));
        if done.recv_timeout(PATIENCE).is_err() {
            return Some("the disk does not answer".to_owned());
        }
        self.trouble.lock().ok().and_then(|mut trouble| trouble.take())
    }
}

fn note(trouble: &Mutex<Option<String>>, why: String) {
    if let Ok(mut trouble) = trouble.lock() {
        trouble.get_or_insert(why);
    }
}
