//! The fence waits for a statement, or its answer never comes.

use std::time::Duration;

use crate::lab::error::LabError;
use crate::lab::run::wait_until;
use crate::lab::session::Session;
use crate::lab::{Host, Node, Server};
use crate::stage::{RETRANSMITTED, SERVED, Stage};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("the fence's answer is lost, and the way to the old writer comes back", lost_for_a_while),
    ("the fence's answer is lost, and the way to the old writer stays cut", lost_for_good),
    ("a long statement keeps the fence out", long_statement),
];

/// Cuts the way to db1 while the fence waits there, and lets the fence succeed where nobody hears of it.
fn lost(stage: &Stage<'_>, run: &mut Watched, mut writing: Session) -> Outcome {
    let mut holder = stage.lab.admin(Node::Db1).session()?;
    run.wait_for("step-started", "drain-db1");
    holder.exec("LOCK TABLES app.scratch WRITE")?;
    writing.exec("ROLLBACK")?;
    drop(writing);
    run.wait_for("step-started", "fence-db1");
    let admin = stage.lab.admin(Node::Db1);
    wait_until("the fence waits", SERVED, || {
        let states =
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user='flipper' AND state LIKE 'Waiting%'";
        Ok((admin.value(states)? != "0").then_some(()))
    })?;
    stage.cut(Host::Operator, Host::Db1, true)?;
    holder.exec("UNLOCK TABLES")?;
    drop(holder);
    // it has worked there
    let fenced = match stage.lab.server() {
        Server::MariaDb => "SELECT @@GLOBAL.read_only",
        Server::MySql => "SELECT @@GLOBAL.super_read_only",
    };
    wait_until("the fence has worked", SERVED, || Ok((admin.value(fenced)? == "1").then_some(())))
}

fn lost_for_a_while(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let writing = stage.writing()?;
    let mut run = stage.swap("connect: \"3s\", drain: \"8s\", fence: \"4s\", write_outage: \"8s\"");
    lost(stage, &mut run, writing)?;
    // longer than the run waits for the answer: a second more than the fence may take
    std::thread::sleep(Duration::from_millis(5000));
    stage.cut(Host::Operator, Host::Db1, false)?;
    let ran = run.end();
    ran.ends(20).says("fence-db1").says("serves as before");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    stage.stands(&[Node::Db1], Node::Db1);
    stage.no_read_lock(Node::Db1)?;
    stage.nothing_left()?;
    stage.over(scene, &ran, 0)
}

fn lost_for_good(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let writing = stage.writing()?;
    let mut run = stage.swap("connect: \"3s\", drain: \"8s\", fence: \"4s\", write_outage: \"8s\", rollback: \"4s\"");
    lost(stage, &mut run, writing)?;
    let ran = run.end();
    stage.stands(&[], Node::Db1);
    ran.ends(21).never_says("serves as before").says("db1: write access unknown").says("flipper status lab");
    stage.note(format!("run {} ms", ran.took.as_millis()));
    stage.cut(Host::Operator, Host::Db1, false)?;
    // whatever is left of it there ends by itself once the way is back
    wait_until("the lost sessions end", RETRANSMITTED, || {
        let left = stage.lab.leftovers()?;
        match left.is_empty() {
            true => Ok(Some(())),
            false => Err(LabError::new("looking for what is left", left.join("; "))),
        }
    })?;
    stage.no_read_lock(Node::Db1).or_else(|error| match stage.lab.server() {
        Server::MariaDb => Err(error),
        // the variable stops root as well
        Server::MySql => Ok(()),
    })?;
    stage.lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    stage.over(scene, &ran, 0)
}

fn long_statement(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut writer = stage.lab.session(crate::lab::User::App, Host::Clients, Node::Db1.host().address())?;
    let id = writer.id();
    let statement = std::thread::spawn(move || writer.exec("UPDATE app.scratch SET x = SLEEP(60) WHERE id = 1"));
    let admin = stage.lab.admin(Node::Db1);
    wait_until("the statement runs", SERVED, || {
        let info = admin.value(&format!("SELECT info FROM information_schema.processlist WHERE id={id}"))?;
        Ok(info.contains("SLEEP").then_some(()))
    })?;
    // long enough for the plan to see it, and to record that it is accepted
    std::thread::sleep(Duration::from_millis(2500));
    let mut run = stage.swap("fence: \"1s\"");
    let mut acked = vec![];
    for _ in 0..2 {
        run.wait_for("step-again", "fence-db1");
        let before = scene.load.acked();
        std::thread::sleep(Duration::from_millis(400));
        acked.push(scene.load.acked() - before);
    }
    let ran = run.end();
    ran.ends(20).says("a statement under way did not end").says("serves as before");
    assert_eq!((ran.count("writes-out"), ran.count("step-again")), (3, 2), "{ran}");
    assert!(acked.iter().all(|rows| *rows > 0), "writes flow in the pauses: {acked:?}");
    stage.note(format!("rows in the pauses {acked:?}"));
    assert!(!statement.is_finished(), "the statement itself was not harmed");
    admin.exec(&format!("KILL {id}"))?;
    assert!(statement.join().is_ok_and(|ended| ended.is_err()));
    stage.stands(&[Node::Db1], Node::Db1);
    stage.over(scene, &ran, 0)
}
