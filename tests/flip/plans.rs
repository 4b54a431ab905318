//! Plan files: what is reviewed is what is done, or nothing.

use crate::bench::Bench;
use crate::lab::{Host, Node};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("a plan for what was saved, without any server", offline)];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("a plan is stale after another swap", stale),
    ("plan says whether there is something to do", detailed_exitcode),
    ("a plan file with one byte changed", one_byte_changed),
    ("another digest than the approved one", expected_digest),
];

fn detailed_exitcode(bench: &Bench<'_>) -> Outcome {
    bench.flipper(&["plan", "lab", "swap", "--detailed-exitcode"]).ends(10).answers("POINT OF NO RETURN");
    bench.flipper(&["plan", "lab", "swap"]).ends(0);
    let json = bench.flipper(&["--json", "plan", "lab", "swap", "write", "--detailed-exitcode"]);
    assert_eq!(json.ends(10).objects().len(), 1, "{json}");
    for words in
        [&["plan", "lab", "set", "write", "db1", "--detailed-exitcode"][..], &["plan", "lab", "set", "read", "db2"]]
    {
        bench.flipper(words).ends(0);
    }
    bench.flipper(&["apply", "lab", "set", "write", "db1"]).ends(0).answers("nothing to do");
    let ran = bench.flipper(&["--json", "apply", "lab", "set", "write", "db1", "--yes"]);
    assert_eq!(ran.ends_in_json("end", 0)["end"], "nothing-to-do");
    Ok(())
}

/// A saved plan, its path and its digest.
fn plan(bench: &Bench<'_>, goal: &[&str]) -> (String, String) {
    let path = bench.new_path("plan.ron").display().to_string();
    let words = [&["--json", "plan", "lab"], goal, &["-o", &path]].concat();
    let ran = bench.flipper(&words);
    let shown = ran.ends(0).objects().pop().expect("a plan");
    let digest = shown["digest"].as_str().expect("a digest").to_owned();
    assert!(bench.read(&path).contains(digest.trim_start_matches("sha256:")), "{digest}");
    (path, digest)
}

fn stale(bench: &Bench<'_>) -> Outcome {
    let (old, _) = plan(bench, &["swap", "write"]);
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    let before = bench.look();
    bench.flipper(&["apply", &old, "--yes"]).ends(12).says("Stale").says("lab");
    let ran = bench.flipper(&["--json", "apply", &old, "--yes"]);
    assert_eq!(ran.ends_in_json("end", 12)["end"], "stale");
    bench.flipper(&["apply", &old, "--dry-run"]).ends(12);
    bench.unchanged(&before);
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    // as it was again, and so is the plan; traffic in between changes nothing
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, std::time::Duration::from_secs(5))?;
    bench.flipper(&["apply", &old, "--yes"]).ends(0);
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    let report = load.stop()?;
    assert_eq!(report.changes().len(), 2, "{report}");
    assert!(report.check(bench.lab)?.is_clean());
    Ok(())
}

fn one_byte_changed(bench: &Bench<'_>) -> Outcome {
    let (path, _) = plan(bench, &["swap"]);
    let good = bench.read(&path).into_bytes();
    let broken = bench.new_path("plan.ron").display().to_string();
    let before = bench.look();
    let mut tried = 0;
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        std::fs::write(&broken, &bytes).expect("the operator's folder");
        // no server is asked, so there is nothing to look for afterwards
        let ran = bench.run_leaving(bench.command(&["apply", &broken, "--yes"]), "");
        assert_eq!(ran.code, Some(3), "byte {at} ({:?}) changed: {ran}", char::from(good[at]));
        ran.says("flipper::planfile::");
        tried += 1;
    }
    println!("{tried} bytes of {} changed, one at a time", good.len());
    for cut in [0, 1, good.len() / 2, good.len() - 2] {
        std::fs::write(&broken, &good[..cut]).expect("the operator's folder");
        bench.flipper(&["apply", &broken, "--yes"]).ends(3);
    }
    let ran = bench.flipper(&["--json", "apply", &broken, "--yes"]);
    ran.ends_in_json("error", 3);
    bench.flipper(&["apply", "no-such-file", "--yes"]).ends(3).says("no-such-file");
    bench.unchanged(&before);
    Ok(())
}

fn expected_digest(bench: &Bench<'_>) -> Outcome {
    let (path, digest) = plan(bench, &["swap", "write"]);
    let other = format!("sha256:{}", "0".repeat(64));
    let before = bench.look();
    bench.flipper(&["apply", &path, "--yes", "--expect-digest", &other]).ends(3).says("flipper::apply::digest");
    // planned just now, it is not what was approved: the pair is another one
    bench.flipper(&["apply", "lab", "swap", "write", "--yes", "--expect-digest", &other]).ends(12).says("stale");
    bench.unchanged(&before);
    bench.flipper(&["apply", &path, "--yes", "--expect-digest", &digest]).ends(0);
    bench.serves_from(Node::Db2)?;
    let (_, digest) = plan(bench, &["swap", "write"]);
    let bare = digest.trim_start_matches("sha256:");
    bench.flipper(&["apply", "lab", "swap", "write", "--yes", "--expect-digest", bare]).ends(0);
    Ok(())
}

fn offline(bench: &Bench<'_>) -> Outcome {
    let snapshot = bench.new_path("snapshot.ron").display().to_string();
    bench.flipper(&["status", "lab", "--save", &snapshot]).ends(0);
    bench.read(&snapshot);
    for goal in [&["swap"][..], &["swap", "write"], &["set", "read", "db1"]] {
        let (live, digest) = plan(bench, goal);
        // both nodes out of reach, and no password
        bench.lab.cable(Host::Operator, false)?;
        let saved = bench.new_path("plan.ron").display().to_string();
        let words = [&["--json", "plan", "lab"], goal, &["--snapshot", &snapshot, "-o", &saved]].concat();
        let mut command = bench.command(&words);
        command.env_remove("FLIPPER_PASSWORD");
        let ran = bench.run_leaving(command, "");
        bench.lab.cable(Host::Operator, true)?;
        assert_eq!(ran.ends(0).objects()[0]["digest"], digest.as_str(), "{ran}");
        assert_eq!(bench.read(&live), bench.read(&saved), "not the same bytes");
    }
    // a snapshot of another pair is none of this one
    let other = bench.lab.config_text().replace("\"lab\": (", "\"else\": (");
    bench
        .with_config(&other, &["plan", "else", "swap", "--snapshot", &snapshot])
        .ends(3)
        .says("flipper::snapshot::pair");
    Ok(())
}
