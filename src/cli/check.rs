//! `flipper check PAIR`: cannot change anything, because no code that could is within its reach.

use std::time::Duration;

use super::output::Output;
use super::{Exit, Stop, context};
use crate::config::Config;
use crate::model::{Observed, PairName};
use crate::{planner, render};

pub(super) fn run(config: &Config, name: &str, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, name)?;
    let seen = context::block_on(context::look(pair))?;
    let checks = planner::check(&pair.pair, &seen, &last_move(&pair.pair.name));
    output.data(|| render::check::text(&pair.pair, &checks), || render::json::check(&pair.pair, &checks));
    let bad = checks.iter().any(|check| check.verdict.is_bad());
    Ok(if bad { Exit::Refused } else { Exit::Done })
}

/// How long ago flipper last moved roles of this pair. The journal knows it: this is where it is asked.
fn last_move(_pair: &PairName) -> Observed<Option<Duration>> {
    Observed::Unknown("this flipper keeps no history of its moves".to_owned())
}
