//! The new writer fails between the fence and its opening: the old one serves again, soon.

use std::time::Duration;

use rustix::process::Signal;

use crate::lab::{Host, Node, replication};
use crate::stage::{SERVED, Stage};
use crate::watched::Ran;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("the new writer's cable is pulled", cable),
    ("the new writer's server crashes", crash),
    ("the new writer's server hangs", hang),
];

/// From the fence to the end of the outage: what the servers' time limits allow, and what answers take on the way.
const OUT: Duration = Duration::from_secs(7);

/// Back, with the outage in bounds.
#[track_caller]
fn went_back(stage: &Stage<'_>, ran: &Ran) {
    ran.ends(20).says("catch-up-db2").says("serves as before");
    let out = ran.events.iter().find(|event| event["type"] == "writes-in").and_then(|event| event["out_ms"].as_f64());
    let out = Duration::from_secs_f64(out.expect("writes are in again") / 1000.0);
    stage.note(format!("writes out {} ms, run {} ms", out.as_millis(), ran.took.as_millis()));
    assert!(out < OUT, "{out:?}: {ran}");
}

fn cable(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("connect: \"3s\"")?;
    stage.lab.cable(Host::Db2, false)?;
    // served while the run still looks for the target
    let served = scene.load.wait_for(20, OUT);
    held.let_go();
    let ran = held.run.end();
    stage.stands(&[Node::Db1], Node::Db1);
    let lock = stage.no_read_lock(Node::Db1);
    stage.lab.cable(Host::Db2, true)?;
    served?;
    lock?;
    went_back(stage, &ran);
    stage.over(scene, &ran, 0)
}

fn crash(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("connect: \"3s\"")?;
    stage.lab.stop_server(Node::Db2, Signal::KILL)?;
    let served = scene.load.wait_for(20, OUT);
    held.let_go();
    let ran = held.run.end();
    stage.lab.start_server(Node::Db2)?;
    served?;
    went_back(stage, &ran);
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    replication::wait_running(&stage.lab.admin(Node::Db2), Node::Db2)?;
    stage.over(scene, &ran, 0)
}

fn hang(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("connect: \"3s\"")?;
    stage.lab.signal_server(Node::Db2, Signal::STOP)?;
    let served = scene.load.wait_for(20, OUT);
    held.run.wait_for("end", "");
    stage.lab.signal_server(Node::Db2, Signal::CONT)?;
    held.let_go();
    let ran = held.run.end();
    served?;
    went_back(stage, &ran);
    scene.load.wait_for(20, SERVED)?;
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over(scene, &ran, 0)
}
