//! Looking at a real pair: at a glance, by the addresses alone, again and again; and what is told of each thing said.

use std::time::Duration;

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::net::READ_ADDRESS;
use crate::lab::run::wait_until;
use crate::lab::{Host, Node};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("status at a glance, and by the addresses alone", at_a_glance),
    ("status again and again, by the same connections", again_and_again),
    ("the last move, in status and as a page", last_move),
    ("what is told of each statement costs no time", verbose),
];

fn at_a_glance(bench: &Bench<'_>) -> Outcome {
    let writer = bench.writing()?;
    let shown = bench.flipper(&["status", "lab"]);
    shown
        .ends(0)
        .answers("Pair lab: db1 accepts writes")
        .answers("1, 1 of them writing")
        .answers("1 at write (1 writing)");
    shown.answers("from db2: running").answers("from db1: running").answers("Last move");
    bench.flipper(&["status", "lab", "--long"]).ends(0).answers("binary log on");
    let seen = bench.flipper(&["--json", "status", "lab"]).ends(0).objects().remove(0);
    let sessions = &seen["nodes"][0]["traffic"]["sessions"]["known"];
    assert!(sessions.as_array().is_some_and(|all| all.iter().any(|at| at["writing"] == 1)), "{sessions}");
    assert!(seen["nodes"][1]["traffic"]["pending"]["known"][0]["bytes"].is_number(), "{seen}");
    drop(writer);

    let quick = bench.flipper(&["-v", "status", "lab", "--quick"]);
    quick.ends(0).answers("db1 accepts writes; every address agrees").never_says(" ssh ").never_says("(log in)");
    let took = |words: &[&str]| {
        let mut took: Vec<Duration> = (0..5).map(|_| bench.flipper(words).ends(0).took).collect();
        took.sort();
        took[2]
    };
    let (whole, quick) = (took(&["status", "lab"]), took(&["status", "lab", "--quick"]));
    println!("status: {} ms, with --quick: {} ms (middle of 5)", whole.as_millis(), quick.as_millis());
    assert!(quick < whole, "{quick:?}, and all of it took {whole:?}");

    // an address that nobody has, and a node that says another thing than the other one would
    let ip = |what: &str| bench.lab.on(Host::Db2, &["ip", "addr", what, &format!("{READ_ADDRESS}/32"), "dev", "eth0"]);
    ip("del")?;
    bench.flipper(&["status", "--quick"]).ends(11).answers("NOT every address agrees").answers("NOBODY");
    ip("add")?;
    bench.flipper(&["status", "--quick"]).ends(0);
    Ok(())
}

fn again_and_again(bench: &Bench<'_>) -> Outcome {
    // a busy machine takes its time for logins, and that is not what this is about
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"20s\"").text());
    let log = bench.new_path("log").display().to_string();
    let rounds_begun = |wanted: usize| {
        wait_until("rounds of status --watch", Duration::from_secs(40), || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            Ok((text.matches("UNIX_TIMESTAMP(NOW(6))").count() >= 2 * wanted).then_some(()))
        })
    };
    let words = ["--config", &config, "--log-file", &log, "status", "--watch", "0.3", "lab"];
    let running = bench.start(bench.command(&words));
    rounds_begun(3)?;
    // its sessions are ended under its hands
    let admin = bench.lab.admin(Node::Db1);
    let ids = admin.value("SELECT GROUP_CONCAT(ID) FROM information_schema.processlist WHERE USER = 'flipper'")?;
    for id in ids.split(',').filter(|id| !id.is_empty()) {
        // one that has just ended by itself is none of ours
        let _ = admin.exec(&format!("KILL {id}"));
    }
    // the sessions' end shows in the next round, and that round is asked once more
    rounds_begun(7)?;
    running.signal(Signal::INT);
    let ran = bench.end(running);
    ran.ends(0);
    bench.nothing_left();
    let rounds = ran.stdout.matches("Pair lab: db1 accepts writes").count();
    assert!(rounds >= 3, "{rounds} rounds: {ran}");
    assert_eq!(ran.stdout.matches("Pair lab:").count(), rounds, "a round without the writer: {ran}");
    // two sessions a node at first, and those that were ended once more; one login a node
    let text = bench.read(&log);
    let connects = text.matches("(connect as flipper)").count();
    assert!((5..=8).contains(&connects), "{connects} connects in {rounds} rounds: {text}");
    assert_eq!(text.matches("(log in)").count(), 2, "{text}");
    println!("{rounds} rounds, {connects} connects, sessions ended once");

    let _ = std::fs::remove_file(&log);
    let words = ["--json", "--config", &config, "--log-file", &log, "status", "lab", "--watch", "0.3"];
    let running = bench.start(bench.command(&words));
    rounds_begun(3)?;
    running.signal(Signal::TERM);
    let ran = bench.end(running);
    let objects = ran.ends(0).objects();
    assert!(objects.len() >= 2 && objects.iter().all(|object| object["at"].is_string()), "{ran}");
    bench.nothing_left();
    // in the middle of its first round it ends as cleanly
    let running = bench.start(bench.command(&["status", "lab", "--watch"]));
    wait_until("it hears signals", Duration::from_secs(10), || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        Ok((caught & 1 << (Signal::INT.as_raw() - 1) != 0).then_some(()))
    })?;
    running.signal(Signal::INT);
    bench.end(running).ends(0);
    bench.nothing_left();
    Ok(())
}

fn last_move(bench: &Bench<'_>) -> Outcome {
    for _ in 0..2 {
        bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    }
    bench.flipper(&["status", "lab"]).ends(0).answers("Last move swap write,").answers("done; writes were out for");
    bench.flipper(&["history", "lab", "--run", "1"]).ends(0).answers("Timeline (from its begin");
    let page = bench.flipper(&["history", "lab", "--run", "last", "--format", "html"]);
    page.ends(0).answers("<!doctype html>").answers("class=\"gate\"").answers("all of them fit");
    let told = bench.flipper(&["--json", "history", "lab", "--run", "last"]).ends(0).objects().remove(0);
    let run = &told["runs"][0];
    // the steps while writes were out take no longer than the outage did
    let out = run["writes_out_ms"].as_f64().expect("an outage");
    let steps = run["steps"].as_array().expect("steps");
    let inside: f64 = ["fence-", "catch-up-", "open-", "take-write-"]
        .iter()
        .filter_map(|kind| steps.iter().find(|step| step["step"].as_str().is_some_and(|id| id.starts_with(kind))))
        .filter_map(|step| step["ms"].as_f64())
        .sum();
    assert!(inside > 0.0 && inside <= out + 1.0, "{inside} ms of steps in an outage of {out} ms");
    Ok(())
}

/// The write outage with and without anybody who listens, in turns.
fn verbose(bench: &Bench<'_>) -> Outcome {
    let log = bench.new_path("log").display().to_string();
    let plain: &[&str] = &["--json", "apply", "lab", "swap", "write", "--yes"];
    let heard = [&["-v", "--log-file", &log], plain].concat();
    let (mut without, mut with) = (vec![], vec![]);
    for _ in 0..5 {
        for (words, outages) in [(plain, &mut without), (&heard[..], &mut with)] {
            let end = bench.flipper(words).ends_in_json("end", 0);
            outages.push(end["writes_out_ms"].as_f64().expect("an outage"));
        }
    }
    for outages in [&mut without, &mut with] {
        outages.sort_by(f64::total_cmp);
    }
    let (without, with) = (without[2], with[2]);
    println!(
        "writes out: {without:.1} ms; with -v and --log-file {with:.1} ms, ratio {:.2} (middle of 5)",
        with / without
    );
    assert!(with < without * 3.0 + 20.0, "{with} ms, and {without} ms without");
    let text = bench.read(&log);
    for said in
        ["read_only", "(connect as flipper)", "(log in)", "event {\"", "\"type\":\"writes-out\"", "ip address add"]
    {
        assert!(text.contains(said), "no `{said}` in the log");
    }
    Ok(())
}
