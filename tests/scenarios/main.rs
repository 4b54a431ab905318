//! Situations that an operator would recognise, each with its story: what was seen, what is asked for, what flipper says to
//! it, and how the pair stands afterwards. They are in `fixtures/scenarios`, a folder each:
//!
//! | file | what |
//! | --- | --- |
//! | `story.txt` | one line, and the command |
//! | `world.ron` | what was seen, as `flipper status --save` writes it |
//! | `world.txt` | the same as `flipper status` shows it |
//! | `check.txt` | what `flipper check` finds, without what is in order; not where all is |
//! | `plan.ron`, `plan.txt` | the plan file, and the plan as a reviewer reads it |
//! | `after.txt` | the pair after the last step, as `flipper status` would show it |
//! | `refusal.txt` | instead of these three: why not |
//!
//! Everything comes from the real command, which reads the saved snapshot. `UPDATE=1 cargo test --test scenarios` rewrites
//! the folders; a plain run compares. To try one by hand:
//! `flipper --config fixtures/scenarios/flipper.ron plan orders swap --snapshot fixtures/scenarios/NAME/world.ron`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a failure should stop the test, and files and programs are what it is about"
)]

mod daily;
mod death;
mod edit;
mod machines;
#[path = "../samples/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod samples;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use flipper::model::{Code, Observed, Pair, Snapshot};
use flipper::planner::{self, Verdict};
use flipper::{planfile, render, sim};

/// One situation.
pub(crate) struct Scenario {
    /// The folder.
    pub(crate) name: &'static str,
    /// In one line, as somebody would tell it.
    pub(crate) story: &'static str,
    /// As typed after the pair's name.
    pub(crate) goal: &'static str,
    /// What was seen.
    pub(crate) world: Snapshot,
    /// The config, of those beside the folders.
    pub(crate) config: &'static str,
}

impl Scenario {
    fn pair(&self) -> Pair {
        let config = flipper::config::load(Some(&root().join(self.config)), &|_| None).unwrap();
        config.pairs[0].pair.clone()
    }
}

const TAKEN: &str = "2026-01-02T03:04:05Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios")
}

/// Everything that a scenario's folder is to hold.
fn files(scenario: &Scenario) -> BTreeMap<&'static str, String> {
    let pair = scenario.pair();
    let mut files = BTreeMap::new();
    let dir = tempfile::tempdir().unwrap();
    let (world, plan) = (dir.path().join("world.ron"), dir.path().join("plan.ron"));
    let text = planfile::snapshot::to_text(&pair.name, TAKEN, &scenario.world);
    std::fs::write(&world, &text).unwrap();
    files.insert("story.txt", format!("{}\n\n    flipper plan orders {}\n", scenario.story, scenario.goal));
    files.insert("world.ron", text);
    files.insert("world.txt", render::status::text(&pair, &scenario.world));
    let mut checks = planner::check(&pair, &scenario.world, &Observed::Known(None));
    checks.retain(|check| check.verdict != Verdict::Ok);
    if !checks.is_empty() {
        files.insert("check.txt", render::check::text(&pair, &scenario.world, &checks));
    }

    let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
    command.arg("--config").arg(root().join(scenario.config)).args(["plan", "orders"]);
    command.args(scenario.goal.split(' ')).arg("--snapshot").arg(&world).arg("-o").arg(&plan);
    let ran = command.current_dir(root()).env("NO_COLOR", "1").output().unwrap();
    let (stdout, stderr) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    match ran.status.code() {
        Some(0) => {
            let saved = std::fs::read_to_string(&plan).unwrap();
            let steps = planfile::from_text("plan.ron", &saved).unwrap().plan.steps;
            let after = sim::after(&pair, &scenario.world, steps.into_iter().map(|step| step.action));
            files.insert("plan.txt", stdout);
            files.insert("plan.ron", saved);
            files.insert("after.txt", render::status::text(&pair, &after));
        }
        Some(11) => {
            assert_eq!(stdout, "", "{}", scenario.name);
            files.insert("refusal.txt", stderr);
        }
        code => panic!("{}: exit {code:?}: {stderr}", scenario.name),
    }
    files
}

#[test]
fn every_scenario_is_as_recorded() {
    let update = std::env::var_os("UPDATE").is_some();
    let scenarios = worlds::all();
    let names: BTreeSet<&str> = scenarios.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), scenarios.len(), "two scenarios share a name");
    let folders = std::fs::read_dir(root()).unwrap().flatten().filter(|entry| entry.path().is_dir());
    for folder in folders {
        let name = folder.file_name().into_string().unwrap();
        if !names.contains(name.as_str()) {
            assert!(update, "nobody tells the story of {name}");
            std::fs::remove_dir_all(folder.path()).unwrap();
        }
    }
    let mut wrong = vec![];
    for scenario in &scenarios {
        let folder = root().join(scenario.name);
        let files = files(scenario);
        if update {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            for (name, text) in &files {
                std::fs::write(folder.join(name), text).unwrap();
            }
        }
        let there: BTreeMap<String, String> = std::fs::read_dir(&folder)
            .map(|entries| {
                let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
                entries.flatten().map(|e| (e.file_name().into_string().unwrap(), read(e.path()))).collect()
            })
            .unwrap_or_default();
        for name in there.keys().map(String::as_str).chain(files.keys().copied()).collect::<BTreeSet<_>>() {
            if there.get(name) != files.get(name) {
                wrong.push(format!("{}/{name}", scenario.name));
            }
        }
    }
    assert!(wrong.is_empty(), "UPDATE=1 rewrites them; look at the difference:\n{}", wrong.join("\n"));
    println!("scenarios: {}", scenarios.len());
    assert!(scenarios.len() >= 60, "{} scenarios", scenarios.len());
}

/// A code that no situation leads to is one that nobody has thought through.
#[test]
fn every_code_is_reached_by_a_scenario() {
    let mut reached = BTreeSet::new();
    for scenario in worlds::all() {
        // what `check` would show, and what the goal itself is refused for
        reached.extend(flipper::planner::findings(&scenario.pair(), &scenario.world).into_iter().map(|f| f.code));
        let refusal = files(&scenario).remove("refusal.txt").unwrap_or_default();
        reached.extend(Code::ALL.into_iter().filter(|code| refusal.split_whitespace().any(|word| word == code.id())));
    }
    // when flipper last moved something is in its history, not in a snapshot
    reached.insert(Code::MovedLately);
    let missed: Vec<&str> = Code::ALL.into_iter().filter(|code| !reached.contains(code)).map(Code::id).collect();
    assert!(missed.is_empty(), "no scenario reaches: {}", missed.join(", "));
}

/// Names, addresses and flavour of the config in the folder are those of the snapshots.
#[test]
fn the_config_beside_them_is_theirs() {
    let file = root().join("flipper.ron");
    let config = flipper::config::load(Some(&file), &|_| None).unwrap();
    assert_eq!(config.pairs[0].pair, samples::pair());
}
