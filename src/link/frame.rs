//! What is said to the remote shell, and how its answers are told apart.
//!
//! Pure. A request is a few lines that are sent at once, so that all of it costs one round trip; each command's output
//! ends with a line of its own: a marker that nobody can guess, the command's number, its exit status. Status 255 or 127
//! and output without a last newline keep their meaning. Numbers never repeat, so that an old answer cannot pass for a
//! new one. The lines are explained where they are read: `dialect::greeting`.

use super::ssh_error::{SshError, SshErrorKind};
use crate::dialect::{self, Line};

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status; 124 or 137: it was cut off by its time limit.
    pub status: u8,
    /// Its output and errors, together.
    pub text: String,
}

/// The marker and the numbers of one shell.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    marker: String,
    next: u64,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Each command runs, whatever becomes of the others.
    GoOn,
    /// A failure stops the commands after it.
    Stop,
    /// None runs: only whether each would be let through is asked.
    Ask,
}

impl Frame {
    /// `marker`: letters and digits, not to be guessed.
    pub(super) fn new(marker: String) -> Self {
        Self { marker, next: 0 }
    }

    /// The first line; its answer has the number 0.
    pub(super) fn greeting(&mut self) -> String {
        self.take();
        dialect::greeting(&self.marker)
    }

    /// The machine's clock since its start, in seconds, from the answer to the greeting.
    pub(super) fn clock(greeted: &Answer) -> Option<u64> {
        said(greeted, "up ")
    }

    /// The version of requests that a gate there understands; `None` where there is none.
    pub(super) fn gate(greeted: &Answer) -> Option<u32> {
        said(greeted, "gate ")
    }

    /// Number of the first answer, and the request. Torn on its way, nothing of it is done: not before its last line is
    /// there, down to the newline.
    ///
    /// `until`: by the machine's clock, the last second in which a command of it may begin; later its status is
    /// [`dialect::TOO_LATE`]. A request that was held up on its way, or by its own first commands, must not change anything
    /// when everybody has gone on.
    pub(super) fn request(
        &mut self,
        commands: &[Line],
        after: After,
        until: Option<u64>,
    ) -> Result<(u64, String), SshError> {
        let unsent = || SshError::new(SshErrorKind::NotSent, "a command is not one line, or a value not of its kind");
        let lines: String = commands.iter().map(Line::sent).collect::<Option<_>>().ok_or_else(unsent)?;
        let (first, count, marker) = (self.next, commands.len(), &self.marker);
        let after = match after {
            After::GoOn => "go",
            After::Stop => "stop",
            After::Ask => "ask",
        };
        let request = format!("{marker} {first} {count} {after} {}\n{lines}{marker} end\n", until.unwrap_or(0));
        self.next += count as u64;
        Ok((first, request))
    }

    fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Takes the answer of that number off the front of what has arrived, if it is all there. What precedes it
    /// belongs to it: noise of start-up files, for the greeting.
    pub(super) fn answer(&self, number: u64, arrived: &mut Vec<u8>) -> Option<Answer> {
        let ended = format!("\n{} {number} ", self.marker).into_bytes();
        let mut from = 0;
        loop {
            let at = from + find(arrived.get(from..)?, &ended)?;
            let rest = arrived.get(at + ended.len()..)?;
            let line = rest.iter().position(|b| *b == b'\n');
            let digits = line.and_then(|end| std::str::from_utf8(rest.get(..end)?).ok());
            match (line, digits.and_then(|digits| digits.parse().ok())) {
                (None, _) => return None,
                (Some(_), None) => from = at + 1,
                (Some(end), Some(status)) => {
                    let text = String::from_utf8_lossy(arrived.get(..at)?).into_owned();
                    arrived.drain(..at + ended.len() + end + 1);
                    return Some(Answer { status, text });
                }
            }
        }
    }
}

/// The number behind a word, on the last line that begins with it.
fn said<T: std::str::FromStr>(greeted: &Answer, word: &str) -> Option<T> {
    greeted.text.lines().rev().find_map(|line| line.strip_prefix(word)).and_then(|number| number.trim().parse().ok())
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
