//! `flipper status [PAIR…]`

use std::path::Path;

use super::output::{Output, complain, tell};
use super::{Exit, Stop, context, journal};
use crate::config::{Config, PairConfig};
use crate::model::{Code, Finding, Pair, Snapshot};
use crate::{planfile, planner, render};

pub(super) fn run(config: &Config, names: &[String], save: Option<&Path>, output: &Output) -> Result<Exit, Stop> {
    let pairs: Vec<&PairConfig> = if names.is_empty() {
        config.pairs.iter().collect()
    } else {
        names.iter().map(|name| context::pair(config, name)).collect::<Result<_, _>>()?
    };
    if save.is_some() && pairs.len() != 1 {
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::save",
            format!("--save takes one pair, and {} are asked for", pairs.len()),
            "name the pair: flipper status PAIR --save FILE",
        ));
    }
    let mut worst = Exit::Done;
    for (i, pair) in pairs.iter().enumerate() {
        // one pair that cannot be looked at does not hide the others
        match context::block_on(context::look(pair)) {
            Ok(seen) => {
                let blank = if i > 0 { "\n" } else { "" };
                let cut = journal::cut_off(&pair.pair.name);
                let dead = deposed(&pair.pair, &seen);
                output.data(
                    || {
                        let note = cut.as_ref().map(|cut| format!("\n{}", cut.text)).unwrap_or_default();
                        let dead: String =
                            dead.iter().map(|found| format!("\n{}.\n{}.\n", found.seen, found.help)).collect();
                        format!("{blank}{}{dead}{note}", render::status::text(&pair.pair, &seen))
                    },
                    || {
                        let mut status = render::json::status(&pair.pair, &seen);
                        status["deposed"] = dead.iter().map(|found| found.seen.as_str()).collect();
                        status["cut_off"] = cut.as_ref().map_or(serde_json::Value::Null, |cut| cut.json.clone());
                        status
                    },
                );
                if seen.nodes.iter().any(|node| node.access.known().is_none() || node.addresses.known().is_none()) {
                    worst = Exit::Refused;
                }
                if let Some(file) = save {
                    self::save(pair, &seen, file)?;
                }
            }
            Err(stop) => {
                complain(output, &stop.report, stop.exit);
                worst = stop.exit;
            }
        }
    }
    Ok(worst)
}

/// Whoever was declared dead and is not back, as this machine remembers or the servers show.
fn deposed(pair: &Pair, seen: &Snapshot) -> Vec<Finding> {
    planner::findings(pair, seen).into_iter().filter(|found| found.code == Code::Deposed).collect()
}

#[expect(clippy::disallowed_methods, reason = "when it was taken is for the reader of the file")]
fn save(pair: &PairConfig, seen: &Snapshot, file: &Path) -> Result<(), Stop> {
    let taken = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let text = planfile::snapshot::to_text(&pair.pair.name, &taken, seen);
    planfile::snapshot::save(file, &text).map_err(|error| Stop::new(Exit::BadFile, error))?;
    tell(&format!("saved to {}", file.display()));
    Ok(())
}
