//! flipper is killed in the middle of a move: the pair goes on serving, and the next move is not in its way.

use std::time::Duration;

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::Node;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("killed before the gate closes", killed)];

/// ssh's master ends when nobody has used it for 30 s.
const IDLE: Duration = Duration::from_secs(35);

fn killed(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"20s\"").text());
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, Duration::from_secs(5))?;
    let mut writing = bench.writing()?;
    let run = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    bench.wait_locked()?;
    run.signal(Signal::KILL);
    let ran = bench.end(run);
    assert_eq!(ran.code, None, "{ran}");
    bench.was_killed(IDLE)?;
    bench.serves_from(Node::Db1)?;
    load.wait_for(20, Duration::from_secs(5))?;
    writing.exec("COMMIT")?;
    drop(writing);
    // its locks went with it
    for _ in 0..2 {
        bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
        load.wait_for(20, Duration::from_secs(5))?;
    }
    let report = load.stop()?;
    assert_eq!(report.changes().len(), 2, "{report}");
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}
