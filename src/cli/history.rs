//! `flipper history [PAIR]`: reads the journals of this machine, and needs neither config nor servers.

use super::output::{Output, tell};
use super::{Exit, Stop, journal};
use crate::journal::{find, pairs};
use crate::model::PairName;
use crate::render;

pub(super) fn run(pair: Option<&str>, output: &Output) -> Result<Exit, Stop> {
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
    // newest first, over all pairs: the names of the files sort by time
    found.sort_by(|(_, a), (_, b)| b.path.file_name().cmp(&a.path.file_name()));
    if found.is_empty() {
        tell("no run is recorded on this machine");
    }
    output.data(|| render::history::text(&found), || render::history::json(&found));
    Ok(Exit::Done)
}
