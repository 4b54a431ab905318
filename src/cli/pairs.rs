//! `flipper pairs`

use super::output::Output;
use super::{Exit, Stop};
use crate::config::Config;

pub(super) fn run(config: &Config, output: &Output) -> Result<Exit, Stop> {
    let names = || config.pairs.iter().map(|pair| pair.pair.name.to_string());
    output.data(
        || names().map(|name| name + "\n").collect(),
        || serde_json::json!({ "type": "pairs", "format": 1, "pairs": names().collect::<Vec<_>>() }),
    );
    Ok(Exit::Done)
}
