//! `flipper check PAIR`: cannot change anything, because no code that could is within its reach.

use super::output::Output;
use super::{Exit, Stop, context, journal};
use crate::config::Config;
use crate::{planner, render};

pub(super) fn run(config: &Config, name: &str, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, name)?;
    let seen = context::block_on(context::examine(pair, output))?;
    let checks = planner::check(&pair.pair, &seen, &journal::restless(&pair.pair.name));
    output.data(|| render::check::text(&pair.pair, &seen, &checks), || render::json::check(&pair.pair, &seen, &checks));
    let bad = checks.iter().any(|check| check.verdict.is_bad());
    Ok(if bad { Exit::Refused } else { Exit::Done })
}
