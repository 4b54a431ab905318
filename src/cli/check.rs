//! `flipper check PAIR`: cannot change anything, because no code that could is within its reach.

use std::time::Duration;

use super::output::Output;
use super::{Exit, Stop, context, here, journal};
use crate::config::Config;
use crate::model::{Observed, PairName};
use crate::{planner, render};

pub(super) fn run(config: &Config, name: &str, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, name)?;
    let seen = context::block_on(context::look(pair, output))?;
    let checks = planner::check(&pair.pair, &seen, &last_move(&pair.pair.name));
    output.data(|| render::check::text(&pair.pair, &seen, &checks), || render::json::check(&pair.pair, &seen, &checks));
    let bad = checks.iter().any(|check| check.verdict.is_bad());
    Ok(if bad { Exit::Refused } else { Exit::Done })
}

/// How long ago roles of this pair were last moved from this machine, by its journals.
fn last_move(pair: &PairName) -> Observed<Option<Duration>> {
    journal::last_move(pair).map(|found| {
        let last = found?.story.ok()?.last;
        // a moment to come is one of a clock that was set back
        Some(here::clock().duration_since(last).unwrap_or_default())
    })
}
