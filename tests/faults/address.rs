//! The address cannot be taken, or leads nobody anywhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::lab::error::LabError;
use crate::lab::net::{self, WRITE_ADDRESS};
use crate::lab::run::sh;
use crate::lab::{Host, Node};
use crate::stage::Stage;
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("the address leads nobody anywhere", unreachable),
    ("the address cannot be taken", not_taken),
    ("ssh to the new writer breaks before it takes the address", ssh_breaks),
];

/// All is where it should be, but the operator does not get there: that is not called done.
fn unreachable(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    stage.lose(Host::Operator, WRITE_ADDRESS, true)?;
    let ran = stage.swap("connect: \"3s\"").end();
    stage.lose(Host::Operator, WRITE_ADDRESS, false)?;
    ran.ends(21).says(WRITE_ADDRESS).never_says("serves as before");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// On db2's ssh server `ip address add` fails, and everything else works. The new writer is open by then, and nobody can have
/// come there.
fn not_taken(stage: &Stage<'_>) -> Outcome {
    let dir = stage.lab.dir();
    let (real, fake) = (dir.join("ip-real"), dir.join("ip-fake"));
    fs::copy("/usr/sbin/ip", &real).expect("a copy of ip");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' add '*) echo 'RTNETLINK answers: No buffer space available' >&2; exit 2;; esac\n\
         exec {} \"$@\"\n",
        real.display()
    );
    fs::write(&fake, script).expect("the lab's folder");
    fs::set_permissions(&fake, Permissions::from_mode(0o755)).expect("the lab's folder");
    let sshd = sshd(stage, Host::Db2)?.to_string();
    let scene = stage.scene()?;
    let words = ["nsenter", "-t", &sshd, "-m", "--"];
    let within =
        |rest: &[&str]| crate::lab::run::run(std::process::Command::new(words[0]).args(&words[1..]).args(rest));
    within(&["mount", "--bind", &fake.display().to_string(), "/usr/sbin/ip"])?;
    let ran = stage.swap("").end();
    within(&["umount", "/usr/sbin/ip"])?;
    ran.ends(20).says("take-write-db2").says("serves as before");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.over(scene, &ran, 0)
}

/// Clients find nobody until the address is up: it is asked for over a new login at once. Whether the request that broke has
/// arrived is luck.
fn ssh_breaks(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut writing = stage.writing()?;
    let mut run = stage.swap("connect: \"6s\", drain: \"8s\", write_outage: \"10s\"");
    run.wait_for("step-started", "drain-db1");
    // looked for before anybody waits: that takes longer than a connection that has just broken may need to be missed
    let carriers = stage.carriers(Node::Db2)?;
    writing.exec("COMMIT")?;
    run.wait_for("step-done", "open-db2");
    let killed = carriers.iter().filter(|pid| kill_process(**pid, Signal::KILL).is_ok()).count();
    let ran = run.end();
    drop(writing);
    assert!(killed > 0, "nothing was there to be killed: {ran}");
    ran.ends(0);
    let out = ran.events.iter().find(|event| event["type"] == "writes-in").and_then(|event| event["out_ms"].as_f64());
    let out = Duration::from_secs_f64(out.expect("writes are in again") / 1000.0);
    stage.note(format!("writes out {} ms, run {} ms", out.as_millis(), ran.took.as_millis()));
    // whoever waits until the first request can happen no more waits for longer than `connect`
    assert!(out < Duration::from_secs(5), "{out:?}: {ran}");
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// A node's ssh server, which has its own view of the file system, as everything that `ip netns exec` starts.
pub(crate) fn sshd(stage: &Stage<'_>, host: Host) -> Result<u32, LabError> {
    let own = sh(["readlink", "/proc/self/ns/mnt"])?;
    for pid in net::pids(stage.lab.id(), host)? {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if words.contains("sshd") && words.contains("-D") {
            let there = sh(["readlink", &format!("/proc/{pid}/ns/mnt")])?;
            assert_ne!(own, there, "a mount there would be seen by this whole machine");
            return Ok(pid);
        }
    }
    Err(LabError::new("looking for the node's sshd", "not found"))
}
