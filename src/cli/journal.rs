//! The journal's surroundings: who runs this, on which machine, where journals are.

use std::path::Path;
use std::time::{Duration, SystemTime};

use miette::Diagnostic;
use sha2::{Digest as _, Sha256};

use super::here::{clock, environment};
use super::output::tell;
use super::{Exit, Stop};
use crate::journal::{self, Begin, Continued, Draft, Ending, Found, Home, Journal, JournalError, Story, Who};
use crate::model::{Observed, Pair, PairName, Plan};
use crate::{planfile, planner, render};

impl Diagnostic for JournalError {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(JournalError::code(self)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(JournalError::help(self)))
    }
}

/// Where journals are.
pub(super) fn home() -> Result<Home, Stop> {
    journal::home(environment).map_err(|error| Stop::new(Exit::Refused, error))
}

/// Begins the journal of a run.
pub(super) fn begin(
    pair: &Pair,
    plan: &Plan,
    digest: &planfile::Digest,
    seen: &[String],
    continues: Option<Continued>,
) -> Result<Journal, Stop> {
    let now = clock();
    let run = run_name(now, digest);
    let begun = home()?.create(&pair.name, &run, now).and_then(|store| {
        let begin = Begin {
            format: journal::FORMAT,
            flipper: env!("CARGO_PKG_VERSION").to_owned(),
            run,
            pair: pair.name.to_string(),
            by: who(),
            goal: plan.goal.to_string(),
            digest: digest.to_string(),
            plan: planfile::to_text(plan, seen),
            continues,
        };
        Journal::begin(Draft { store, clock }, pair, begin)
    });
    begun.map_err(|error| Stop::new(Exit::Refused, error))
}

/// The last run from this machine, where the pair may still be in between because of it.
pub(super) struct CutOff {
    pub(super) text: String,
    pub(super) json: serde_json::Value,
}

/// A journal that cannot be read says nothing here: `history` names it.
pub(super) fn cut_off(pair: &PairName) -> Option<CutOff> {
    let found = journal::find(&home().ok()?, pair).ok()?;
    let (file, story) = journal::latest_touching(&found).filter(|(_, story)| story.is_open())?;
    if file.running {
        return Some(CutOff {
            text: format!("A run of {} goes on at this moment, on this machine.\n", story.begin.by),
            json: serde_json::json!({ "running": true, "run": story.begin.run }),
        });
    }
    let ways = format!("Finish it: flipper resume {pair}\nGo back:   flipper abort {pair}\n");
    Some(CutOff {
        text: format!("{}{ways}", render::history::cut_off(story, clock())),
        json: serde_json::json!({
            "running": false, "run": story.begin.run,
            "resume": format!("flipper resume {pair}"), "abort": format!("flipper abort {pair}"),
        }),
    })
}

/// The newest run from this machine that moved something; a journal that cannot be read says nothing here: `history`
/// names it.
pub(super) fn last_move(pair: &PairName) -> Observed<Option<Found>> {
    let found = match home().map_err(|stop| stop.report.to_string()) {
        Ok(home) => journal::find(&home, pair).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let moved = |found: &Found| found.story.as_ref().is_ok_and(journal::Story::changed);
    Observed::from(found.map(|found| found.into_iter().find(moved)))
}

/// How long ago roles of this pair were last moved from this machine: where that is reason to wonder. One move that was
/// planned and went well is none for whoever looks at the pair after it.
pub(super) fn restless(pair: &PairName) -> Observed<Option<Duration>> {
    let found = match home().map_err(|stop| stop.report.to_string()) {
        Ok(home) => journal::find(&home, pair).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let now = clock();
    Observed::from(found.map(|found| {
        let moves = found.iter().filter_map(|found| found.story.as_ref().ok()).filter(|story| story.moves_roles());
        // a moment to come is one of a clock that was set back
        let ago = |story: &Story| now.duration_since(story.last).unwrap_or_default();
        let lately: Vec<(Duration, bool)> = moves
            .map(|story| (ago(story), story.end.as_ref().is_some_and(|end| end.end == Ending::Done)))
            .take_while(|(ago, _)| *ago < planner::LATELY)
            .collect();
        match lately[..] {
            [] | [(_, true)] => None,
            [(ago, _), ..] => Some(ago),
        }
    }))
}

/// Beside a refusal: why the pair is as it is, where that is known.
pub(super) fn mention_cut_off(pair: &PairName) {
    if let Some(cut) = cut_off(pair) {
        tell(&cut.text);
    }
}

/// A name that no other run has: 32 hexadecimal digits.
fn run_name(now: SystemTime, digest: &planfile::Digest) -> String {
    let nanos = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let host = host();
    let hash = Sha256::digest(format!("{nanos} {} {host} {digest}", std::process::id()));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// By the system's word, not by what the environment claims; who used `sudo` is a claim worth keeping.
fn who() -> Who {
    let id = rustix::process::getuid().as_raw();
    let name = account(id).unwrap_or_else(|| format!("uid {id}"));
    let asked = environment("SUDO_USER").and_then(|user| user.into_string().ok());
    let user = match asked.filter(|asked| !asked.is_empty() && *asked != name) {
        Some(asked) => format!("{asked} as {name}"),
        None => name,
    };
    Who { user, host: host() }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "the system's list of accounts says who this is")]
fn account(id: u32) -> Option<String> {
    let list = std::fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    let fields = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.into_iter().find(|f| f.get(2).and_then(|uid| uid.parse().ok()) == Some(id)).map(|f| f[0].to_owned())
}
