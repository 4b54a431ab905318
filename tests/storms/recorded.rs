//! Storms that once broke a promise, a small file each: `fixtures/seeds/NAME.ron`. They hold the faults themselves, so that
//! they stay the same storm when more kinds of faults are drawn.

use std::path::{Path, PathBuf};

use flipper::model::Side;
use serde::{Deserialize, Serialize};

use crate::run::Stage;
use crate::truth::Micros;
use crate::weather::{Fault, Kind, Weather, When};

/// A storm, written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// What went wrong, in a line.
    pub(crate) story: String,
    /// Over what: a move on a flavour, or a scenario.
    pub(crate) stage: String,
    pub(crate) seed: u64,
    /// When the second operator begins, in microseconds.
    pub(crate) second: Option<Micros>,
    /// What, when, on which node (1 or 2), and for how many microseconds.
    pub(crate) faults: Vec<(Kind, When, u8, Micros)>,
}

impl Recorded {
    pub(crate) fn of(story: String, stage: &Stage, seed: u64, weather: &Weather) -> Self {
        let node = |side| if side == Side::First { 1 } else { 2 };
        let faults = weather.faults.iter().map(|f| (f.kind, f.when, node(f.side), f.lasts)).collect();
        Self { story, stage: stage.name.clone(), seed, second: weather.second, faults }
    }

    pub(crate) fn weather(&self) -> Weather {
        let side = |node| if node == 1 { Side::First } else { Side::Second };
        let fault = |(kind, when, node, lasts): &(Kind, When, u8, Micros)| Fault {
            kind: *kind,
            when: *when,
            side: side(*node),
            lasts: *lasts,
            of: 0,
        };
        Weather { faults: self.faults.iter().map(fault).collect(), second: self.second, ..Weather::default() }
    }

    pub(crate) fn text(&self) -> String {
        ron::ser::to_string_pretty(self, ron::ser::PrettyConfig::default().depth_limit(2)).unwrap()
    }
}

/// All of them, by name.
pub(crate) fn all() -> Vec<(String, Recorded)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/seeds");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let recorded = ron::from_str(&std::fs::read_to_string(&file).unwrap());
        (name.clone(), recorded.unwrap_or_else(|why| panic!("{name}: {why}")))
    };
    files.into_iter().map(read).collect()
}
