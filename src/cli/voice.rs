//! What a run says while it goes on: a thread of its own writes it, so that a terminal that is held (Ctrl-S), lost, or a
//! reader that sleeps does not hold up a move.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long the end of a run waits for a reader.
const PATIENCE: Duration = Duration::from_secs(2);

enum Said {
    /// To stdout.
    Data(String),
    /// To stderr.
    Talk(String),
}

pub(super) struct Voice {
    say: Sender<Said>,
    done: Receiver<()>,
}

impl Voice {
    pub(super) fn new() -> Self {
        let (say, todo) = channel::<Said>();
        let (finished, done) = channel();
        std::thread::spawn(move || {
            for said in todo {
                // a reader that has gone is no error: the run goes on, and its end is in the exit code and the journal
                let _ = match said {
                    Said::Data(text) => write(std::io::stdout().lock(), &text),
                    Said::Talk(text) => write(std::io::stderr().lock(), &text),
                };
            }
            let _ = finished.send(());
        });
        Self { say, done }
    }

    /// A line of data.
    pub(super) fn data(&self, line: &serde_json::Value) {
        let _ = self.say.send(Said::Data(format!("{line}\n")));
    }

    /// Something for the person in front of it, as it is.
    pub(super) fn talk(&self, text: String) {
        let _ = self.say.send(Said::Talk(text));
    }

    /// Waits until all is written, as long as somebody reads.
    pub(super) fn finish(self) {
        let Self { say, done } = self;
        drop(say);
        let _ = done.recv_timeout(PATIENCE);
    }
}

fn write(mut to: impl Write, text: &str) -> std::io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}
