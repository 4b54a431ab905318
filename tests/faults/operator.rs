//! The operator's host, or flipper itself, fails between the fence and the opening.

use std::time::Duration;

use rustix::process::Signal;

use crate::lab::{Host, Node};
use crate::stage::{RETRANSMITTED, SERVED, Stage};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("flipper is killed", killed),
    ("flipper is interrupted, and the target comes", interrupted_and_done),
    ("flipper is interrupted, and the target does not come", interrupted_and_back),
    ("flipper is interrupted before the gate", interrupted_before),
    ("who comes in the middle of a run is told whose it is", in_the_middle),
    ("the operator's cable is out for two seconds", unplugged_shortly),
    ("the operator's cable is out for good", unplugged),
];

/// ssh's master ends when nobody has used it for 30 s.
const IDLE: Duration = Duration::from_secs(35);

fn killed(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    stage.told_of("catch-up-db2")?;
    held.run.signal(Signal::KILL);
    held.let_go();
    let ran = held.run.end();
    assert_eq!(ran.code, None, "{ran}");
    stage.was_killed(IDLE)?;
    // its read lock went with it, the variable did not
    stage.stands(&[], Node::Db1);
    if stage.lab.server() == crate::lab::Server::MariaDb {
        stage.no_read_lock(Node::Db1)?;
    }
    let plan = Watched::start(stage.command(&["plan", "lab", "swap"])).end();
    plan.ends(11).says("none-open");
    stage.note(format!("plan: {}", plan.stderr.split_whitespace().collect::<Vec<_>>().join(" ")));
    stage.lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    scene.load.wait_for(20, SERVED)?;
    stage.over(scene, &ran, 0)
}

fn interrupted_and_done(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    held.run.signal(Signal::INT);
    held.run.wait_for("interrupted", "");
    held.let_go();
    let ran = held.run.end();
    ran.ends(0).says("stopping at the next safe point");
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// Nobody can write then, and sessions wait behind the run's own lock: that is no state to refuse anything for.
fn in_the_middle(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let plan = stage.lab.dir().join("in-the-middle.ron").display().to_string();
    Watched::start(stage.command(&["--json", "plan", "lab", "swap", "write", "-o", &plan])).end().ends(0);
    let mut held = stage.held("write_outage: \"50s\"")?;
    for words in [&["lab", "swap", "write", "--yes"][..], &["lab", "set", "read", "db1", "--yes"], &[&plan, "--yes"]] {
        let other = Watched::start(stage.command(&[&["--json", "apply"], words].concat())).end();
        other.ends(13).says("locked: session").says("of flipper from 10.77.0.1").says("nothing was changed");
        assert_eq!(other.events.last().map(|end| end["end"] == "locked"), Some(true), "{other}");
    }
    held.let_go();
    let ran = held.run.end();
    ran.ends(0);
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

fn interrupted_and_back(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("fence: \"1s\", write_outage: \"2s\"")?;
    held.run.signal(Signal::TERM);
    let ended = held.run.wait_for("end", "");
    held.let_go();
    let ran = held.run.end();
    assert_eq!(ended["exit"], 20);
    ran.ends(20).says("catch-up-db2").says("serves as before");
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over(scene, &ran, 0)
}

fn interrupted_before(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut writing = stage.writing()?;
    let mut run = stage.swap("drain: \"8s\"");
    run.wait_for("step-started", "drain-db1");
    run.signal(Signal::INT);
    run.wait_for("interrupted", "");
    writing.exec("COMMIT")?;
    let ran = run.end();
    ran.ends(20).says("interrupted before the gate closed").says("serves as before");
    assert_eq!(ran.count("writes-out"), 0, "{ran}");
    stage.stands(&[Node::Db1], Node::Db1);
    stage.over(scene, &ran, 0)
}

/// Back or forward; whichever it says is true.
fn unplugged_shortly(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("connect: \"3s\"")?;
    stage.lab.cable(Host::Operator, false)?;
    std::thread::sleep(Duration::from_secs(2));
    stage.lab.cable(Host::Operator, true)?;
    held.let_go();
    let ran = held.run.end();
    ran.ends_in(&[0, 20]);
    let writer = if ran.code == Some(0) { Node::Db2 } else { Node::Db1 };
    stage.stands(&[writer], writer);
    if writer == Node::Db1 {
        stage.no_read_lock(Node::Db1)?;
    }
    stage.nothing_left()?;
    stage.over(scene, &ran, usize::from(writer == Node::Db2))?;
    if writer == Node::Db2 {
        Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    }
    Ok(())
}

/// Nobody can be opened, and nobody says so; a person gets out of it.
fn unplugged(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("connect: \"3s\", rollback: \"3s\"")?;
    stage.lab.cable(Host::Operator, false)?;
    held.let_go();
    let ran = held.run.end();
    stage.stands(&[], Node::Db1);
    ran.ends(21).says("unknown").says("flipper status lab").never_says("serves as before");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    // its last words are sent again for as long as nobody has heard them: with the cable in, they would still be followed
    crate::lab::run::wait_until("its sessions end", RETRANSMITTED, || {
        let left = stage.lab.leftovers()?;
        match left.iter().all(|found| !found.contains(": session ") && !found.contains(": lock ")) {
            true => Ok(Some(())),
            false => Err(crate::lab::error::LabError::new("looking for its sessions", left.join("; "))),
        }
    })?;
    stage.lab.cable(Host::Operator, true)?;
    stage.stands(&[], Node::Db1);
    Watched::start(stage.command(&["status", "lab"])).end().ends(0);
    Watched::start(stage.command(&["plan", "lab", "swap"])).end().ends(11).says("none-open");
    // the way out: see that both are read-only, then open the one with the address
    stage.lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    stage.over(scene, &ran, 0)
}
