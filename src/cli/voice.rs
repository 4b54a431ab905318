//! What is said while something goes on: a thread of its own writes it, so that a terminal that is held (Ctrl-S), lost, or
//! a reader that sleeps does not hold up a move.
//!
//! On a terminal one line may stand for what is under way, with the time that it has taken; it is written over by
//! whatever comes next, and taken away at its end.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

/// How long the end of a run waits for a reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the line of what is under way is written anew.
const TICK: Duration = Duration::from_millis(100);

/// Lines of [`Voice::murmur`] that may wait for a reader who sleeps.
const MURMURS: usize = 10_000;

/// Takes back the line on which the cursor stands.
const AFRESH: &str = "\r\u{1b}[K";

enum Said {
    /// To stdout.
    Data(String),
    /// To stdout, and whether somebody still reads.
    Shown(String, Sender<bool>),
    /// To stderr.
    Talk(String),
    /// To stderr, and one less waits.
    Murmur(String),
    /// Under way from now on.
    UnderWay(UnderWay),
    /// Nothing is under way.
    Clear,
    /// All before this is written.
    Settle(Sender<()>),
}

/// A line on a terminal as long as something goes on.
pub(super) struct UnderWay {
    /// Of the time that it has taken; short enough for a line.
    pub(super) line: Box<dyn Fn(Duration) -> String + Send>,
    /// What is over sooner is not worth a line.
    pub(super) after: Duration,
}

/// Its thread starts with the first word.
#[derive(Default)]
pub(super) struct Voice {
    thread: OnceLock<Sender<Said>>,
    murmurs: Arc<AtomicUsize>,
}

impl Voice {
    fn say(&self, said: Said) {
        let thread = self.thread.get_or_init(|| {
            let (say, todo) = channel();
            let murmurs = Arc::clone(&self.murmurs);
            std::thread::spawn(move || speak(&todo, &murmurs));
            say
        });
        // the thread ends with the program only
        let _ = thread.send(said);
    }

    /// A line of data.
    pub(super) fn data(&self, line: &serde_json::Value) {
        self.say(Said::Data(format!("{line}\n")));
    }

    /// Something for the person in front of it, as it is.
    pub(super) fn talk(&self, text: String) {
        self.say(Said::Talk(text));
    }

    /// The same for what is of interest only to who reads it now: a reader who sleeps for long misses some.
    pub(super) fn murmur(&self, text: String) {
        let text = match self.murmurs.fetch_add(1, Ordering::Relaxed) {
            waiting if waiting < MURMURS => text,
            MURMURS => "(what was said after this is left out, until somebody reads again)\n".to_owned(),
            _ => {
                self.murmurs.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        };
        self.say(Said::Murmur(text));
    }

    /// To stdout, however long its reader takes; whatever stands for what is under way is taken away first. Whether
    /// somebody still reads.
    pub(super) fn show(&self, text: String) -> bool {
        if self.thread.get().is_none() {
            return write(std::io::stdout().lock(), &text).is_ok();
        }
        let (written, done) = channel();
        self.say(Said::Shown(text, written));
        done.recv().unwrap_or(false)
    }

    /// Something is under way, instead of what was before.
    pub(super) fn under_way(&self, what: UnderWay) {
        self.say(Said::UnderWay(what));
    }

    /// Nothing is under way any more.
    pub(super) fn clear(&self) {
        self.say(Said::Clear);
    }

    /// Waits until all is written, as long as somebody reads.
    pub(super) fn settle(&self) {
        if self.thread.get().is_some() {
            let (written, done) = channel();
            self.say(Said::Settle(written));
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

fn speak(todo: &Receiver<Said>, murmurs: &AtomicUsize) {
    // what is under way, since when, and whether it stands there now
    let mut under_way: Option<(UnderWay, Instant)> = None;
    let mut stands = false;
    let afresh = |stands: &mut bool| if std::mem::take(stands) { AFRESH } else { "" };
    loop {
        let said = match under_way {
            Some(_) => todo.recv_timeout(TICK),
            None => todo.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        // a reader that has gone is no error: the run goes on, and its end is in the exit code and the journal
        let _ = match said {
            Ok(Said::Data(text)) => write(std::io::stdout().lock(), &text),
            Ok(Said::Shown(text, written)) => {
                // on one terminal both streams are one
                let _ = write(std::io::stderr().lock(), afresh(&mut stands));
                let _ = written.send(write(std::io::stdout().lock(), &text).is_ok());
                Ok(())
            }
            Ok(Said::Talk(text)) => write(std::io::stderr().lock(), &format!("{}{text}", afresh(&mut stands))),
            Ok(Said::Murmur(text)) => {
                let written = write(std::io::stderr().lock(), &format!("{}{text}", afresh(&mut stands)));
                murmurs.fetch_sub(1, Ordering::Relaxed);
                written
            }
            Ok(Said::UnderWay(what)) => {
                let now = what.after.is_zero();
                under_way = Some((what, Instant::now()));
                if now { draw(under_way.as_ref(), &mut stands) } else { Ok(()) }
            }
            Ok(Said::Clear) => {
                under_way = None;
                write(std::io::stderr().lock(), afresh(&mut stands))
            }
            Ok(Said::Settle(written)) => {
                let _ = written.send(());
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => draw(under_way.as_ref(), &mut stands),
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

/// The line of what is under way.
fn draw(under_way: Option<&(UnderWay, Instant)>, stands: &mut bool) -> std::io::Result<()> {
    let Some((what, since)) = under_way.filter(|(what, since)| since.elapsed() >= what.after) else { return Ok(()) };
    *stands = true;
    // one that is wider than the terminal would not be taken back as a whole
    let width = super::terminal::size().map_or(80, |(columns, _)| columns).saturating_sub(1);
    let line: String = (what.line)(since.elapsed()).chars().take(width).collect();
    write(std::io::stderr().lock(), &format!("{AFRESH}{line}"))
}

fn write(mut to: impl Write, text: &str) -> std::io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}
