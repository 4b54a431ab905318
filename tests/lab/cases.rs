//! Named cases that share a pair, each of which leaves it as it found it.

#![allow(clippy::print_stdout, reason = "a test prints how its cases went")]

use std::iter::Peekable;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use std::vec::IntoIter;

use super::error::{LabError, Result};
use super::{Lab, Server, Turn};

/// A case, by its name.
pub(crate) type Named<C> = (&'static str, C);

/// The cases that are still to be run.
pub(crate) type Left<C> = Peekable<IntoIter<Named<C>>>;

/// Runs the cases of a flavour, of which `FLIPPER_CASE=word` takes only those whose names contain it. `on` takes them one
/// by one, until one fails; it is then called again, with a fresh pair.
pub(crate) fn walk<C>(
    turn: Turn,
    server: Server,
    cases: impl Fn(Server) -> Vec<Named<C>>,
    mut on: impl FnMut(&Lab, &mut Left<C>) -> Result<()>,
) {
    let only = std::env::var("FLIPPER_CASE").unwrap_or_default();
    let wanted = |(name, _): &Named<C>| name.contains(&only);
    assert!(Server::BOTH.into_iter().flat_map(&cases).any(|case| wanted(&case)), "no case's name contains `{only}`");
    let chosen: Vec<Named<C>> = cases(server).into_iter().filter(wanted).collect();
    let mut left = chosen.into_iter().peekable();
    let mut failed: Vec<String> = Vec::new();
    while left.peek().is_some() {
        let walked: Result<()> = super::with(turn, server, |lab| on(lab, &mut left));
        failed.extend(walked.err().map(|error| error.to_string()));
    }
    assert!(failed.is_empty(), "{}: {} failed:\n\n{}", server.title(), failed.len(), failed.join("\n\n"));
}

/// One case; a panic in it is an error with its name. `notes`: what it has noted down for whoever reads how it went.
pub(crate) fn tried(
    lab: &Lab,
    name: &str,
    notes: impl FnOnce() -> String,
    case: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let begun = Instant::now();
    let title = lab.server().title();
    let tried = catch_unwind(AssertUnwindSafe(case));
    let notes = notes();
    let why = match tried {
        Ok(Ok(())) => {
            let notes = if notes.is_empty() { notes } else { format!(": {notes}") };
            println!("{title:<8} {:>6} ms  {name}{notes}", begun.elapsed().as_millis());
            return Ok(());
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
        }
    };
    let notes = if notes.is_empty() { notes } else { format!(" [{notes}]") };
    Err(LabError::new(format!("{title} `{name}`"), format!("{why}{notes}")))
}
