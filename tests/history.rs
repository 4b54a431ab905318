//! `flipper history`: runs as text, for programs, and as a page. The pictures are in `fixtures/render`, and one of a whole
//! journal in `docs/examples`; `UPDATE=1` rewrites them.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

#[path = "samples/journal.rs"]
mod journal;
#[expect(dead_code, reason = "other tests use the rest")]
mod samples;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use flipper::journal::Found;
use flipper::model::{Snapshot, WriteAccess};
use flipper::render::{history, html, json_history};
use flipper::{model::Observed, planfile};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Compares with a file, or writes it when `UPDATE` is set.
fn golden(path: &str, text: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == wanted, "{} differs; UPDATE=1 rewrites it", path.display());
}

/// Both roles have changed places.
fn swapped() -> Snapshot {
    let mut seen = samples::healthy();
    let [db1, db2] = &mut seen.nodes;
    std::mem::swap(&mut db1.access, &mut db2.access);
    std::mem::swap(&mut db1.addresses, &mut db2.addresses);
    for node in [db1, db2] {
        node.position = Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-48229".to_owned());
    }
    seen
}

fn done() -> Found {
    journal::found(&samples::pair(), &samples::swap_write(), &samples::healthy(), &swapped())
}

#[test]
fn every_format_is_as_recorded() {
    let pair = samples::pair().name;
    for (name, found) in [("history-done", done()), ("history-troubled", journal::troubled(&done()))] {
        golden(&format!("fixtures/render/{name}.txt"), &history::run(&pair, &found));
        golden(&format!("fixtures/render/{name}.html"), &html::run(&pair, &found));
        let json = json_history::runs(&[(pair.clone(), found)]);
        golden(&format!("fixtures/render/{name}.json"), &format!("{json:#}\n"));
    }
}

/// Names of journals have whole seconds, and end by chance.
#[test]
fn of_two_runs_of_one_second_the_later_one_is_the_last() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("flipper/orders");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, number, late) in [("ffffffff", "first", 0), ("00000000", "second", 500)] {
        let mut after = swapped();
        after.nodes[0].position = Observed::Known(format!("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-{number}"));
        let (late, pair, plan) = (Duration::from_millis(late), samples::pair(), samples::swap_write());
        let bytes = journal::later(late, &pair, &plan, &samples::healthy(), &after);
        std::fs::write(folder.join(format!("20260102T030405Z-{name}.jsonl")), bytes).unwrap();
    }
    let words = ["history", "orders", "--run", "last"];
    let ran =
        Command::new(env!("CARGO_BIN_EXE_flipper")).args(words).env("XDG_STATE_HOME", home.path()).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains("second") && !said.contains("first"), "{said}");
}

/// The page of a whole journal, as the command prints it; and every way to name the run.
#[test]
fn the_example_is_what_the_command_prints() {
    let name = "planned-swap-mysql";
    let world = std::fs::read_to_string(root().join(format!("fixtures/scenarios/{name}/world.ron"))).unwrap();
    let before = planfile::snapshot::from_text("world.ron", &world).unwrap().snapshot;
    let plan = planfile::load(&root().join(format!("fixtures/scenarios/{name}/plan.ron"))).unwrap().plan;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("flipper/orders");
    std::fs::create_dir_all(&folder).unwrap();
    let mut after = swapped();
    assert!(after.nodes[1].access.is(&WriteAccess::Open));
    after.nodes[0].position = Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-48229".to_owned());
    let bytes = journal::journal(&samples::pair(), &plan, &before, &after);
    std::fs::write(folder.join("20260102T030405Z-0a1b2c3d.jsonl"), &bytes).unwrap();
    std::fs::write(folder.join("20260101T030405Z-0b1b2c3d.jsonl"), &bytes[..bytes.len() / 2]).unwrap();

    let flipper = |words: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
        command.args(words).env("XDG_STATE_HOME", home.path()).env("FLIPPER_CONFIG", "/nonexistent/flipper.ron");
        command.output().unwrap()
    };
    let shown = |words: &[&str]| {
        let ran = flipper(words);
        assert!(ran.status.success() && ran.stderr.is_empty(), "{words:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    let page = shown(&["history", "orders", "--run", "last", "--format", "html"]);
    golden(&format!("docs/examples/{name}-run.html"), &page);
    assert_eq!(shown(&["history", "orders", "--format", "html"]), page);
    assert_eq!(shown(&["history", "--format", "html", "--run", "1"]), page);
    assert_eq!(shown(&["history", "orders", "--format", "html", "--run", "0a1b2c3d"]), page);
    assert_ne!(shown(&["history", "orders", "--format", "html", "--run", "2"]), page);
    let text = shown(&["history", "orders", "--run", "last"]);
    assert!(text.contains("Timeline (from its begin; ! while writes were out)"), "{text}");
    assert!(!shown(&["history", "orders"]).contains("Timeline"));
    let json = |words: &[&str]| serde_json::from_str::<serde_json::Value>(&shown(words)).unwrap();
    assert_eq!(json(&["--json", "history"])["runs"].as_array().unwrap().len(), 2);
    let one = json(&["history", "--run", "1", "--format", "json"]);
    assert_eq!((one["runs"].as_array().unwrap().len(), &one["runs"][0]["ended"]), (1, &"done".into()));
    // the steps' times are those of the journal, and they add up to the outage
    let steps = one["runs"][0]["steps"].as_array().unwrap().clone();
    let out: f64 = ["fence-db1", "catch-up-db2", "open-db2", "take-write-db2"]
        .iter()
        .map(|id| steps.iter().find(|step| step["step"] == *id).unwrap()["ms"].as_f64().unwrap())
        .sum();
    assert!((out - one["runs"][0]["writes_out_ms"].as_f64().unwrap()).abs() < 1.0, "{out}: {one:#}");

    for run in ["0", "3", "x", "0a1b2c3e"] {
        let ran = flipper(&["history", "orders", "--run", run]);
        assert_eq!(ran.status.code(), Some(2), "{run}: {ran:?}");
        assert!(String::from_utf8(ran.stderr).unwrap().contains("flipper::usage::run"));
    }
    assert_eq!(flipper(&["--json", "history", "--format", "html"]).status.code(), Some(2));

    // of a pair nothing is recorded, or it is none: only a config can tell
    let ran = flipper(&["history", "shop"]);
    assert_eq!((ran.status.code(), &ran.stdout[..]), (Some(0), &b""[..]), "{ran:?}");
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "no run of shop is recorded on this machine\n");
    let config = root().join("fixtures/config/good/everything.ron");
    let with = |name: &str| flipper(&["--config", config.to_str().unwrap(), "history", name]);
    let ran = with("nosuch");
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(String::from_utf8(ran.stderr).unwrap().contains("flipper::config::unknown_pair"));
    assert_eq!(with("shop").status.code(), Some(0));
    // one that is recorded needs no config that still has it
    assert_eq!(with("orders").status.code(), Some(0));
}

/// Two swaps, and a node that was brought back after them, which moves nothing.
#[test]
fn a_move_a_moment_ago_is_one_reason_by_the_newest_that_moved_anything() {
    let root = root().join("fixtures/scenarios");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("flipper/orders");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, day) in [("planned-swap-mysql", 1), ("planned-swap-write", 2), ("back-rejoin", 3)] {
        let plan = planfile::load(&root.join(format!("{name}/plan.ron"))).unwrap().plan;
        let bytes = journal::journal(&samples::pair(), &plan, &samples::healthy(), &swapped());
        std::fs::write(folder.join(format!("2026010{day}T030405Z-0{day}1b2c3d.jsonl")), &bytes).unwrap();
    }
    let within = |time: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
        command.args(["--json", "plan", "orders", "swap", "--not-within", time, "--snapshot"]);
        command.arg(root.join("planned-swap-mysql/world.ron")).arg("--config").arg(root.join("flipper.ron"));
        let ran = command.env("XDG_STATE_HOME", home.path()).output().unwrap();
        (ran.status.code(), serde_json::from_slice::<serde_json::Value>(&ran.stdout).unwrap())
    };
    let (code, refused) = within("5000days");
    let reasons = refused["reasons"].as_array().unwrap();
    let seen = reasons[0]["seen"].as_str().unwrap();
    assert_eq!((code, reasons.len(), &reasons[0]["code"]), (Some(11), 1, &"moved-lately".into()), "{refused:#}");
    assert!(seen.ends_with(" ago: swap write (and 1 more)"), "{seen}");
    assert_eq!(within("1s").0, Some(0));
}

/// What a journal holds is text in the page, whatever it is; nothing is loaded, nothing runs.
#[test]
fn a_page_holds_nothing_but_text() {
    for found in [done(), journal::troubled(&done())] {
        let page = html::run(&samples::pair().name, &found);
        let body = page.split_once("</style>").unwrap().1;
        for bad in
            ["<x>", "<not>", "<write>", "<wished>", "<exceeded>", "<script", "<img", "<link", "http:", "https:", "url("]
        {
            assert!(!body.contains(bad), "{bad}");
        }
        assert!(page.contains("Content-Security-Policy") && !body.contains('\u{202e}'));
        for line in page.lines() {
            assert_eq!(flipper::model::printable(line), line);
        }
        // every bar lies within its track
        for style in body.split("style=\"left:").skip(1) {
            let numbers: Vec<f64> = style
                .split('"')
                .next()
                .unwrap()
                .split(";width:")
                .map(|part| part.trim_end_matches('%').parse().unwrap())
                .collect();
            assert!(
                numbers.iter().all(|n| (0.0..=100.0).contains(n)) && numbers.iter().sum::<f64>() < 100.01,
                "{style}"
            );
        }
    }
}
