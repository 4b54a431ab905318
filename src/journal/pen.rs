//! The hand that writes: a thread of its own, so that a disk that hangs does not hold up a move.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Where lines go.
pub trait Store: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// As the system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Sees that all that was appended survives a loss of power.
    ///
    /// # Errors
    /// As the system says.
    fn sync(&mut self) -> io::Result<()>;
}

struct Job {
    text: String,
    sync: bool,
}

pub(super) struct Pen {
    jobs: Sender<Job>,
    answers: Receiver<io::Result<()>>,
    /// Jobs without an answer yet.
    open: usize,
}

impl Pen {
    pub(super) fn new(mut store: Box<dyn Store>) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (answer, answers) = channel();
        // ends when the last job is done and no more can come
        std::thread::spawn(move || {
            for Job { text, sync } in todo {
                let mut done = store.append(text.as_bytes());
                if sync && done.is_ok() {
                    done = store.sync();
                }
                if answer.send(done).is_err() {
                    return;
                }
            }
        });
        Self { jobs, answers, open: 0 }
    }

    /// Hands a text over.
    pub(super) fn post(&mut self, text: String, sync: bool) -> Result<(), String> {
        self.jobs.send(Job { text, sync }).map_err(|_| "nobody writes any more".to_owned())?;
        self.open += 1;
        Ok(())
    }

    /// Waits until all that was handed over is written, at most for `limit`.
    pub(super) fn settle(&mut self, limit: Duration) -> Result<(), String> {
        while self.open > 0 {
            match self.answers.recv_timeout(limit) {
                Ok(answer) => {
                    self.open -= 1;
                    answer.map_err(|why| why.to_string())?;
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("the disk did not answer within {limit:?}")),
                Err(RecvTimeoutError::Disconnected) => return Err("nobody writes any more".to_owned()),
            }
        }
        Ok(())
    }
}
