//! Snapshot files: what was observed of a pair, to plan on later or to send to somebody.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Kind, PlanFileError};
use super::facts::{Boot, Health, Inventory, Readiness, Relay, Traffic, Witness, Workload};
use super::file;
use super::mirror::{Both, Fact, Flavour, Mirror, Prefixed, Text, Version, WriteAccess, mirror};
use crate::model::{self, Interface, NodeName, PairName, printable};

const WHAT: &str = "a snapshot of flipper";

const HEADER: &str = "\
// What flipper saw of a pair. Not known is written as Unknown, with the reason.
// To plan on it:   flipper plan PAIR GOAL --snapshot FILE
";

/// What was seen of a pair, as read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The pair.
    pub pair: PairName,
    /// When it was taken (RFC 3339), as the caller wrote it.
    pub taken: String,
    /// What was seen.
    pub snapshot: model::Snapshot,
}

/// A snapshot as the text of a snapshot file.
#[must_use]
pub fn to_text(pair: &PairName, taken: &str, snapshot: &model::Snapshot) -> String {
    let model::Snapshot { nodes } = snapshot;
    let body =
        Snapshot { format: super::FORMAT, pair: Mirror::of(pair), taken: taken.to_owned(), nodes: Mirror::of(nodes) };
    format!("{HEADER}{}", super::canonical(&body))
}

/// Reads a snapshot file's text. `name` is what the file is called in an error. Unlike a plan it may have been
/// edited: nothing is carried out from it.
///
/// # Errors
/// When it is not a snapshot, or not of a known format.
pub fn from_text(name: &str, text: &str) -> Result<SnapshotFile, PlanFileError> {
    let Snapshot { format: _, pair, taken, nodes } = super::read(name, text, WHAT)?;
    let nodes = nodes.back();
    let [first, second] = &nodes;
    if first.name == second.name {
        let message = format!("{} is not {WHAT}: both of its nodes are called `{}`", printable(name), first.name);
        return Err(PlanFileError::new(Kind::Syntax, message, "A pair has two nodes, each with its own name."));
    }
    Ok(SnapshotFile { pair: pair.back(), taken, snapshot: model::Snapshot { nodes } })
}

/// Writes a snapshot file: whole or not at all. A file that is already there is replaced only if it is a snapshot.
///
/// # Errors
/// As [`super::save`] does.
pub fn save(path: &Path, text: &str) -> Result<(), PlanFileError> {
    file::save_as(path, text, |name, text| from_text(name, text).map(drop), WHAT)
}

/// Reads a snapshot file.
///
/// # Errors
/// When it cannot be read, and as [`from_text`] does.
pub fn load(path: &Path) -> Result<SnapshotFile, PlanFileError> {
    from_text(&path.display().to_string(), &file::read(path, WHAT)?)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    format: u32,
    pair: Text<PairName>,
    taken: String,
    nodes: Both<NodeSnapshot>,
}

mirror!(
    struct NodeSnapshot {
        name: Text<NodeName>,
        server: Fact<Server>,
        same_machine: Fact<bool>,
        access: Fact<WriteAccess>,
        addresses: Fact<Vec<Held>>,
        system: Fact<System>,
        channels: Fact<Vec<Channel>>,
        settings: Fact<Settings>,
        position: Fact<String>,
        ahead: Fact<String>,
        prepared_xa: Fact<u32>,
        #[serde(default)]
        workload: Workload,
        #[serde(default)]
        health: Health,
        #[serde(default)]
        boot: Boot,
        #[serde(default)]
        relay: Relay,
        #[serde(default)]
        inventory: Inventory,
        #[serde(default, skip_serializing_if = "Witness::says_nothing")]
        witness: Witness,
        #[serde(default, skip_serializing_if = "Readiness::says_nothing")]
        readiness: Readiness,
        #[serde(default, skip_serializing_if = "Traffic::says_nothing")]
        traffic: Traffic,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deposed: Option<Deposed>,
    }
);

mirror!(
    struct Held {
        address: Prefixed,
        interface: Text<Interface>,
        secondary: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unusable: bool,
    }
);

mirror!(
    struct Server {
        flavour: Flavour,
        version: Version,
        server_id: u32,
        uuid: Option<String>,
        hostname: String,
    }
);

mirror!(
    struct System {
        ip: Option<String>,
        ss: Option<String>,
        arping: Option<(String, ArpingKind)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ndptool: Option<String>,
        up: Vec<Text<Interface>>,
        promotes_secondaries: bool,
        denied: Vec<String>,
    }
);

mirror!(
    struct Deposed {
        since: String,
        position: String,
    }
);

mirror!(words ArpingKind { Iputils, Habets });

mirror!(
    struct Channel {
        name: String,
        source: (String, u16),
        source_id: Option<u32>,
        source_uuid: Option<String>,
        receiver: Thread,
        applier: Thread,
        errors: Vec<(u32, String)>,
        lag: Option<u64>,
        delay: u64,
        by_gtid: bool,
        filters: Vec<String>,
    }
);

mirror!(words Thread { Running, Connecting, Stopped });

mirror!(
    struct Settings {
        log_bin: bool,
        log_replica_updates: bool,
        gtid: bool,
        binlog_format: String,
        bind_address: String,
        cluster: Option<String>,
        left_out: Vec<String>,
    }
);
