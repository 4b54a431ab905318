//! Who was declared dead and is not back: this machine's memory of it, put into what is seen.

use super::output::tell;
use super::{Stop, here, journal};
use crate::journal::{JournalError, depose, deposed, restore};
use crate::model::{Deposed, NodeName, Pair, Snapshot};

/// Adds what this machine remembers. A mark that cannot be read is told, and names nobody: the servers' own state still
/// does.
pub(super) fn remember(pair: &Pair, seen: &mut Snapshot) {
    let Ok(home) = journal::home() else { return };
    match deposed(&home, &pair.name) {
        Ok(Some((node, deposed))) => {
            if let Some(side) = pair.side(&node) {
                seen.node_mut(side).deposed = Some(deposed);
            }
        }
        Ok(None) => {}
        Err(why) => tell(&format!("warning: it is not known whether a node of {} was declared dead: {why}", pair.name)),
    }
}

/// A node was declared dead, and its peer took its place at that position.
pub(super) fn mark(pair: &Pair, node: &NodeName, position: &str) {
    let since = humantime::format_rfc3339_seconds(here::clock()).to_string();
    let mark = Deposed { since, position: position.to_owned() };
    kept(pair, |home| depose(home, &pair.name, node, &mark));
}

/// It is back.
pub(super) fn forget(pair: &Pair, node: &NodeName) {
    kept(pair, |home| restore(home, &pair.name, node));
}

fn kept(pair: &Pair, keep: impl FnOnce(&crate::journal::Home) -> Result<(), JournalError>) {
    let kept = journal::home().map_err(|stop: Stop| stop.report.to_string());
    if let Err(why) = kept.and_then(|home| keep(&home).map_err(|error| error.to_string())) {
        tell(&format!("warning: this machine's memory of who of {} was declared dead was not kept: {why}", pair.name));
    }
}
