//! What only looks leaves both servers as they were; and nothing shows a password while it runs.

use crate::bench::Bench;
use crate::lab::Node;
use crate::recorder::Watch;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("looking leaves no trace", no_trace)];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[("no password in any command line", no_password_in_argv)];

fn no_trace(bench: &Bench<'_>) -> Outcome {
    let plan = bench.new_path("plan.ron").display().to_string();
    let snapshot = bench.new_path("snapshot.ron").display().to_string();
    let before = bench.look();
    for words in [
        &["status"][..],
        &["status", "lab", "--save", &snapshot],
        &["--json", "status", "lab"],
        &["plan", "lab", "swap", "-o", &plan],
        &["--json", "plan", "lab", "swap", "write"],
        &["show", &plan],
        &["--json", "show", &plan],
        &["status", "lab", "--quick"],
        &["--json", "status", "--quick"],
        &["history", "lab"],
        &["--json", "history"],
        &["config", "lab"],
        &["pairs"],
        &["apply", "lab", "swap", "--dry-run"],
        &["--json", "apply", &plan, "--dry-run"],
        &["apply", "lab", "set", "write", "db1", "--yes"],
    ] {
        bench.flipper(words).ends(0);
        bench.unchanged(&before);
    }
    bench.read(&plan);
    bench.read(&snapshot);
    // declined
    let ran = bench.run_leaving(bench.command(&["apply", &plan]), "\n");
    ran.ends(14);
    bench.nothing_left();
    bench.unchanged(&before);
    // refused: the second replication thread of the standby does not run
    let standby = bench.lab.admin(Node::Db2);
    standby.exec("STOP REPLICA SQL_THREAD")?;
    let before = bench.look();
    for words in [&["plan", "lab", "swap"][..], &["apply", "lab", "swap", "--yes"], &["apply", &plan, "--yes"]] {
        bench.flipper(words).ends(11);
        bench.unchanged(&before);
    }
    standby.exec("START REPLICA SQL_THREAD")
}

fn no_password_in_argv(bench: &Bench<'_>) -> Outcome {
    let watch = Watch::start();
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    let (seen, rounds) = watch.stop();
    for process in ["flipper apply lab swap write", "ssh"] {
        assert!(seen.iter().any(|words| words.contains(process)), "{process} was not seen in {rounds} looks");
    }
    println!("{} command lines seen in {rounds} looks", seen.len());
    let secrets = bench.lab.secrets().all();
    let holding: Vec<_> = seen.iter().filter(|words| secrets.iter().any(|s| words.contains(s))).collect();
    assert!(holding.is_empty(), "a password is in {} command line(s)", holding.len());
    Ok(())
}
