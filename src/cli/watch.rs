//! `--watch`: the same again and again, until somebody says that it is enough.

use std::io::Write as _;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::here::clock;
use super::output::Output;
use super::{Exit, Stop, signals, terminal};

/// What a round has to show of one pair.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) json: serde_json::Value,
    pub(super) exit: Exit,
}

/// Where rounds are shown.
pub(super) struct Screen<'a> {
    output: &'a Output,
    every: Duration,
    /// Written over each time; otherwise one block follows the other.
    in_place: bool,
    begun: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn new(output: &'a Output, every: Duration) -> Self {
        Self { output, every, in_place: !output.is_json() && terminal::is_screen(), begun: false }
    }

    /// Whether somebody still reads.
    fn show(&mut self, pairs: &[Shown]) -> bool {
        let at = humantime::format_rfc3339_seconds(clock()).to_string();
        let texts: Vec<&str> = pairs.iter().map(|pair| pair.text.as_str()).collect();
        let text = texts.join("\n");
        let written = if self.output.is_json() {
            let line = |pair: &Shown| {
                let mut json = pair.json.clone();
                json["at"] = at.clone().into();
                format!("{json}\n")
            };
            print(&pairs.iter().map(line).collect::<String>())
        } else if self.in_place {
            let head = format!("{at}, every {}; Ctrl-C ends it\n\n", humantime::format_duration(self.every));
            print(&over(&format!("{head}{text}"), terminal::size(), !self.begun))
        } else {
            print(&format!("{}{at}\n{text}", if self.begun { "\n" } else { "" }))
        };
        self.begun = true;
        written
    }
}

fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// A text over the one that stands on the screen, in one piece: each line is cleared behind its end only, and the rest of
/// the screen at last, so that nothing flickers. What does not fit is cut off at the bottom, and says so.
fn over(text: &str, size: Option<(usize, usize)>, first: bool) -> String {
    let (columns, rows) = size.unwrap_or((80, 24));
    let height = |line: &str| line.chars().count().div_ceil(columns).max(1);
    let lines: Vec<&str> = text.lines().collect();
    let mut fitting = lines.len();
    if lines.iter().map(|line| height(line)).sum::<usize>() >= rows {
        let mut used = 2;
        fitting = lines
            .iter()
            .take_while(|line| {
                used += height(line);
                used <= rows
            })
            .count();
    }
    let mut out = if first { "\u{1b}[2J\u{1b}[H".to_owned() } else { "\u{1b}[H".to_owned() };
    for line in lines.iter().take(fitting) {
        out += line;
        out += "\u{1b}[K\n";
    }
    if fitting < lines.len() {
        out += &format!("… and {} more lines\u{1b}[K", lines.len() - fitting);
    }
    out + "\u{1b}[J"
}

/// Shows a round every so often, until a signal comes or nobody reads any more. The exit code is that of the last round.
pub(super) async fn again_and_again(
    mut screen: Screen<'_>,
    mut round: impl AsyncFnMut() -> Vec<Shown>,
) -> Result<Exit, Stop> {
    let enough = signals::any();
    tokio::pin!(enough);
    let mut exit = Exit::Done;
    loop {
        let next = Instant::now() + screen.every;
        let shown = tokio::select! {
            heard = &mut enough => break heard?,
            shown = round() => shown,
        };
        exit = worst(&shown);
        if !screen.show(&shown) {
            break;
        }
        tokio::select! {
            heard = &mut enough => break heard?,
            () = sleep_until(next) => {}
        }
    }
    if screen.in_place && screen.begun {
        print("\n");
    }
    Ok(exit)
}

/// The exit code of several pairs.
pub(super) fn worst(pairs: &[Shown]) -> Exit {
    pairs.iter().map(|pair| pair.exit).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_written_over_in_one_piece() {
        let first = over("one\ntwo\n", Some((80, 24)), true);
        assert_eq!(first, "\u{1b}[2J\u{1b}[Hone\u{1b}[K\ntwo\u{1b}[K\n\u{1b}[J");
        assert!(
            over("one\n", Some((80, 24)), false).starts_with("\u{1b}[Hone"),
            "not cleared, so that it does not flicker"
        );
    }

    #[test]
    fn what_does_not_fit_is_cut_off_and_says_so() {
        let text: String = (0..50).map(|n| format!("line {n}\n")).collect();
        let shown = over(&text, Some((80, 10)), false);
        assert_eq!(shown.matches('\n').count() + 1, 9, "{shown:?}");
        assert!(shown.contains("line 7\u{1b}[K") && !shown.contains("line 8") && shown.contains("… and 42 more lines"));
        // a line that is wider than the screen takes two of its rows
        let wide = over(&format!("{}\nx\ny\n", "w".repeat(100)), Some((60, 5)), false);
        assert!(wide.contains("y\u{1b}[K"), "{wide:?}");
        let wide = over(&format!("{}\nx\ny\n", "w".repeat(100)), Some((60, 4)), false);
        assert!(!wide.contains("y\u{1b}[K") && wide.contains("more lines"), "{wide:?}");
    }
}
