//! `flipper history [PAIR]`: reads the journals of this machine, and needs no servers; the config only tells a pair of
//! which nothing is recorded from one that is none.

use std::cmp::Reverse;

use super::args::RunFormat;
use super::output::{Output, tell};
use super::{Exit, Stop, context, journal};
use crate::config::Config;
use crate::journal::{Found, find, pairs};
use crate::model::{PairName, printable};
use crate::render;

pub(super) struct Asked<'a> {
    pub(super) pair: Option<&'a str>,
    /// One run only.
    pub(super) run: Option<&'a str>,
    pub(super) format: Option<RunFormat>,
}

/// `config`: where it can be read.
pub(super) fn run(asked: &Asked<'_>, config: impl Fn() -> Option<Config>, output: &Output) -> Result<Exit, Stop> {
    if output.is_json() && asked.format.is_some_and(|format| format != RunFormat::Json) {
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::format",
            "--json and --format ask for two formats",
            "give one of them",
        ));
    }
    let found = found(asked.pair)?;
    if let (Some(word), true, Some(config)) = (asked.pair, found.is_empty(), config()) {
        context::pair(&config, word)?;
    }
    // a page is of one run
    let wanted = asked.run.or((asked.format == Some(RunFormat::Html)).then_some("last"));
    let found = match wanted {
        None => found,
        Some(word) => vec![one(found, word)?],
    };
    if found.is_empty() {
        let of = asked.pair.map(|pair| format!("of {} ", printable(pair))).unwrap_or_default();
        tell(&format!("no run {of}is recorded on this machine"));
        if !output.is_json() && asked.format != Some(RunFormat::Json) {
            return Ok(Exit::Done);
        }
    }
    let text = || match (asked.format.unwrap_or(RunFormat::Text), &found[..]) {
        (RunFormat::Json, _) => render::json_history::runs(&found).to_string(),
        (RunFormat::Html, [(pair, found)]) => render::html::run(pair, found),
        (RunFormat::Text, [(pair, found)]) if wanted.is_some() => render::history::run(pair, found),
        (RunFormat::Text | RunFormat::Html, found) => render::history::text(found),
    };
    output.data(text, || render::json_history::runs(&found));
    Ok(Exit::Done)
}

/// The newest first, over all pairs.
fn found(pair: Option<&str>) -> Result<Vec<(PairName, Found)>, Stop> {
    let refused = |error| Stop::new(Exit::Refused, error);
    let home = journal::home()?;
    let names: Vec<PairName> = match pair {
        Some(word) => vec![word.parse().map_err(|why: crate::model::BadName| {
            Stop::say(Exit::Usage, "flipper::usage::pair", why.to_string(), "flipper pairs lists them")
        })?],
        None => pairs(&home).map_err(refused)?,
    };
    let mut found = vec![];
    for name in names {
        // a pair whose journals cannot be read does not hide the others
        match find(&home, &name) {
            Ok(journals) => found.extend(journals.into_iter().map(|journal| (name.clone(), journal))),
            Err(error) => tell(&format!("{error}")),
        }
    }
    found.sort_by_cached_key(|(_, journal)| Reverse(journal.age()));
    Ok(found)
}

/// `last`, how manieth from the newest, or how its name begins.
fn one(found: Vec<(PairName, Found)>, word: &str) -> Result<(PairName, Found), Stop> {
    let count = found.len();
    let number = match word {
        "last" => Some(1),
        // a name has eight digits and more
        word if word.len() < 6 => word.parse::<usize>().ok(),
        _ => None,
    };
    let named = |found: &Found| found.story.as_ref().is_ok_and(|story| story.begin.run.starts_with(word));
    let wanted = match number {
        Some(number) => number.checked_sub(1).and_then(|at| found.into_iter().nth(at)),
        None if word.len() >= 6 => found.into_iter().find(|(_, found)| named(found)),
        None => None,
    };
    wanted.ok_or_else(|| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::run",
            format!("there is no run `{}` among {count}", printable(word)),
            "`last`, a number from the newest (1) on, or a run's name, as `flipper history` shows it",
        )
    })
}
