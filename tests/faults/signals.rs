//! Ctrl-C twice and three times, and a terminal that is gone.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::lab::Node;
use crate::lab::run::wait_until;
use crate::stage::{SERVED, Stage};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("interrupted twice between fence and opening", twice),
    ("interrupted three times between fence and opening", thrice),
    ("interrupted in a long wait before the gate", at_once),
    ("the terminal is gone", terminal_gone),
];

const IDLE: Duration = Duration::from_secs(35);

/// Clients are not kept waiting for a target that does not come.
fn twice(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    held.run.signal(Signal::INT);
    // two that come before either is heard are one
    held.run.wait_for("interrupted", "");
    held.run.signal(Signal::INT);
    let begun = Instant::now();
    let ended = held.run.wait_for("end", "");
    let took = begun.elapsed();
    held.let_go();
    let ran = held.run.end();
    assert_eq!(ended["exit"], 20, "{ran}");
    ran.says("serves as before");
    assert!(took < Duration::from_secs(12), "it turned round after {took:?}");
    assert_eq!(ran.count("interrupted"), 2, "{ran}");
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over(scene, &ran, 0)
}

/// Left at once; then a person goes back.
fn thrice(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // faster than it could turn round
        held.run.signal(signal);
    }
    let begun = Instant::now();
    let ran = held.run.end_within(Duration::from_secs(5));
    let took = begun.elapsed();
    let blocker = held.blocker.take();
    stage.note(format!("left after {} ms", took.as_millis()));
    match ran.code {
        Some(21) => {
            ran.says("flipper resume lab").says("flipper abort lab").says("flipper status lab");
            stage.was_killed(IDLE)?;
            drop(blocker);
            Watched::start(stage.command(&["--json", "abort", "lab", "--yes"])).end().ends(0);
        }
        // signals of one kind and another may be told of together: then it was twice
        code => assert_eq!(code, Some(20), "{ran}"),
    }
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over_with(scene, &ran, None)
}

/// Before the gate nobody waits for the end of a wait.
fn at_once(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let writing = stage.writing()?;
    let mut run = stage.swap("drain: \"40s\"");
    run.wait_for("step-started", "drain-db1");
    std::thread::sleep(Duration::from_millis(300));
    run.signal(Signal::TERM);
    let begun = Instant::now();
    let ran = run.end();
    assert!(begun.elapsed() < Duration::from_secs(20), "it ended after {:?}", begun.elapsed());
    ran.ends(20).says("interrupted").says("serves as before");
    assert_eq!(ran.count("writes-out"), 0, "{ran}");
    drop(writing);
    stage.stands(&[Node::Db1], Node::Db1);
    stage.over(scene, &ran, 0)
}

/// Nobody reads any more what it says, and the connection to the terminal is cut: it goes on to its end.
fn terminal_gone(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let config = stage.config("drain: \"8s\"");
    let mut writing = stage.writing()?;
    let mut command = stage.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]);
    let mut run = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("flipper");
    drop((run.stdout.take(), run.stderr.take()));
    let locked = wait_until("the lock is held", SERVED, || {
        let holder = stage.lab.admin(Node::Db1).value("SELECT IS_USED_LOCK('flipper:roles')")?;
        Ok((!holder.is_empty()).then_some(()))
    });
    let committed = writing.exec("COMMIT");
    let status = run.wait().expect("flipper's end");
    locked.and(committed)?;
    assert_eq!(status.code(), Some(0));
    stage.stands(&[Node::Db2], Node::Db2);
    let back = Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end();
    back.ends(0);
    stage.over_with(scene, &back, None)
}
