//! `flipper config [PAIR]`

use super::output::Output;
use super::{Exit, Stop, context};
use crate::config::{Config, PairConfig};

pub(super) fn run(config: &Config, pair: Option<&str>, output: &Output) -> Result<Exit, Stop> {
    let pairs: Vec<&PairConfig> = match pair {
        Some(name) => vec![context::pair(config, name)?],
        None => config.pairs.iter().collect(),
    };
    output.data(
        || pairs.iter().map(|pair| pair.effective()).collect::<Vec<_>>().join("\n"),
        || {
            let pairs: Vec<_> = pairs.iter().map(|pair| pair.effective_json()).collect();
            serde_json::json!({ "type": "config", "format": 1, "file": config.path, "pairs": pairs })
        },
    );
    Ok(Exit::Done)
}
