//! The old writer fails between the fence and the opening of the new one: nobody can be opened, and nobody is, until it is
//! there again and a person says which way.

use std::time::Duration;

use rustix::process::Signal;

use crate::lab::error::LabError;
use crate::lab::run::wait_until;
use crate::lab::{Node, replication};
use crate::stage::{RETRANSMITTED, Stage};
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] =
    &[("the old writer's server crashes, then aborted", crash), ("the old writer's server hangs, then resumed", hang)];

const LIMITS: &str = "connect: \"2s\", fence: \"1s\", write_outage: \"3s\", rollback: \"4s\"";
/// The outage, the way back, and what waiting for a server that says nothing adds to both.
const RUN: Duration = Duration::from_secs(40);

/// It says what is not known, and opens nobody.
#[track_caller]
fn held(stage: &Stage<'_>, ran: &Ran) {
    ran.ends(21).says("flipper resume lab").says("flipper abort lab").never_says("serves as before");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    assert!(ran.took < RUN, "{ran}");
}

fn crash(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held_up = stage.held(LIMITS)?;
    stage.lab.stop_server(Node::Db1, Signal::KILL)?;
    held_up.let_go();
    let ran = held_up.run.end();
    held(stage, &ran);
    stage.stands(&[], Node::Db1);
    stage.lab.start_server(Node::Db1)?;
    replication::wait_running(&stage.lab.admin(Node::Db2), Node::Db2)?;
    // it comes back read-only, with all that it had committed
    stage.stands(&[], Node::Db1);
    Watched::start(stage.command(&["--json", "abort", "lab", "--yes"])).end().ends(0);
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over(scene, &ran, 0)
}

fn hang(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held_up = stage.held(LIMITS)?;
    stage.lab.signal_server(Node::Db1, Signal::STOP)?;
    held_up.let_go();
    let ran = held_up.run.end();
    stage.lab.signal_server(Node::Db1, Signal::CONT)?;
    held(stage, &ran);
    wait_until("the sessions end", RETRANSMITTED, || {
        let left = stage.lab.leftovers()?;
        match left.iter().any(|found| found.contains(": session ") || found.contains(": lock ")) {
            false => Ok(Some(())),
            true => Err(LabError::new("looking for its sessions", left.join("; "))),
        }
    })?;
    // what it had heard before it stopped may have taken effect by now: its being opened again, at most
    assert!(!stage.open().contains(&Node::Db2), "{ran}");
    assert_eq!(stage.has_write(), [Node::Db1], "{ran}");
    Watched::start(stage.command(&["--json", "resume", "lab", "--yes"])).end().ends(0);
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over_with(scene, &ran, None)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}
