//! A node dies; its peer takes its place; it comes back.

use std::time::Duration;

use rustix::process::Signal;

use crate::lab::machine::FLOATING;
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Host, Node, Server};
use crate::scene::{Scene, Theatre, starts};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("the server is killed, and comes back clean", killed),
    ("the host is frozen, and comes back with transactions of its own", frozen),
    ("the survivor has seconds of work, and purges its logs afterwards", relay_work),
    ("not the writer dies", standby),
    ("it dies in the middle of a swap", half_swap),
];

fn killed(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mut scene = theatre.scene()?;
    scene.dies(|| lab.stop_server(Node::Db1, Signal::KILL))?;
    let asked = scene.asks(theatre, &[]);
    if asked.code == Some(11) {
        asked.says("may-lose");
    }
    comes_back_with_it(theatre, &mut scene)?;
    scene.fails_over(theatre, "server killed", &["--accept-loss"])?;
    theatre.stage.stands(&[Node::Db2], Node::Db2);
    assert_eq!(theatre.holders(READ_ADDRESS), [Node::Db2]);
    // remembered here, and to be seen from any other machine
    let elsewhere = || {
        let mut command = theatre.stage.command(&["status", "lab"]);
        command.env("XDG_STATE_HOME", lab.dir().join("elsewhere"));
        Watched::start(command).end()
    };
    assert!(theatre.status().contains("db1 was declared dead"), "{}", theatre.status());
    starts(theatre, Node::Db1)?;
    assert!(theatre.status().contains("db1 was declared dead"), "{}", theatre.status());
    let seen = elsewhere().events.iter().map(ToString::to_string).collect::<String>();
    assert!(seen.contains("its receiver from db1 was stopped"), "{seen}");
    theatre.flipper(&["check", "lab"]).ends(11);
    theatre
        .flipper(&["plan", "lab", "set", "write", "db1"])
        .ends(11)
        .says("deposed")
        .says("flipper plan lab rejoin db1");
    theatre.flipper(&["plan", "lab", "set", "read", "db1"]).ends(11).says("deposed");
    theatre.flipper(&["plan", "lab", "fail", "db2", "--not-within", "10m"]).ends(11).says("moved-lately");
    returns(theatre)
}

/// The plan says what comes back by itself: the address that a file of its machine has, whatever its server starts with,
/// which nobody can say who does not see it run, and what the survivor would receive after a restart of its own.
fn comes_back_with_it(theatre: &Theatre<'_>, scene: &mut Scene) -> Outcome {
    let mut notes = || {
        let asked = scene.asks(theatre, &["--accept-loss"]);
        asked.ends(0);
        let notes = asked.events.iter().find_map(|event| event.get("notes"));
        notes.map(ToString::to_string).unwrap_or_default()
    };
    let lab = theatre.lab();
    lab.network_file(
        Node::Db1,
        Some(&format!("auto eth0:0\niface eth0:0 inet static\n    address {WRITE_ADDRESS}/32\n")),
    )?;
    let with = notes();
    lab.network_file(Node::Db1, None)?;
    let without = notes();
    let line = format!("({FLOATING}:3): take it out there before it does (address-at-boot)");
    assert!(with.contains(&line), "{with}");
    assert!(!without.contains("address-at-boot"), "{without}");
    for said in [&with, &without] {
        assert!(said.contains("(opens-at-boot)") && said.contains("db2 receives from db1 again"), "{said}");
    }
    Ok(())
}

/// It follows again; what the survivor never received makes it one with transactions of its own, and then it is built
/// anew.
pub(crate) fn returns(theatre: &Theatre<'_>) -> Outcome {
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    if asked.code == Some(11) {
        asked.says("second-history");
        theatre.stage.note("its tail was of its own: built anew");
        theatre.rebuild(Node::Db1)?;
    }
    theatre.rejoins(Node::Db1)
}

/// As they are without a word.
const LIMITS: &str = "connect: \"3s\"";

fn frozen(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mut scene = theatre.scene()?;
    scene.dies(|| {
        lab.signal_server(Node::Db1, Signal::STOP)?;
        theatre.signal_sshd(Node::Db1, Signal::STOP)
    })?;
    // its kernel goes on, and answers for the address: nobody's word is enough
    let words = ["--fenced-by-hand", "db1", "--accept-loss"];
    scene.asks(theatre, &words).ends(11).says("address-answers").never_says("not-dead");
    let no = theatre.config_with_fence("#!/bin/sh\necho the switch does not answer\nexit 1\n", LIMITS);
    let yes = |config: &str, words: &[&str]| {
        theatre.flipper(&[&["--json", "--config", config, "apply", "lab", "fail", "db1", "--yes"], words].concat())
    };
    yes(&no, &["--accept-loss"]).ends(20).says("the switch does not answer");
    // one that says so while somebody still answers is not believed
    let liar = theatre.config_with_fence("#!/bin/sh\necho it is off\n", LIMITS);
    yes(&liar, &["--accept-loss"]).ends(20).says("somebody answers");
    theatre.stage.stands(&[], Node::Db1);
    let off = theatre.switches_off(Node::Db1)?;
    let config = theatre.config_with_fence(&format!("#!/bin/sh\n{off}echo $FLIPPER_NODE is off\n"), LIMITS);
    scene.asks(theatre, &["--config", &config, "--accept-loss"]).ends(0);
    scene.fails_over(theatre, "host frozen, fenced by program", &["--config", &config, "--accept-loss"])?;
    lab.stop_server(Node::Db1, Signal::KILL)?;
    theatre.signal_sshd(Node::Db1, Signal::CONT)?;
    starts(theatre, Node::Db1)?;
    lab.admin(Node::Db1).exec_all(&[
        "SET GLOBAL read_only=OFF",
        "INSERT INTO app.load (client, seq, server) VALUES (900000, 0, 1)",
        "SET GLOBAL read_only=ON",
    ])?;
    let (list, export, anew) = match lab.server() {
        Server::MySql => (":", "mysqlbinlog", "CLONE"),
        Server::MariaDb => ("0-1-", "mariadb-binlog", "mariadb-backup"),
    };
    let refused = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    refused.ends(11).says("second-history").says(list).says(export).says(anew);
    theatre.rebuild(Node::Db1)?;
    theatre.rejoins(Node::Db1)
}

fn relay_work(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mut scene = theatre.scene()?;
    let mut blocker = lab.admin(Node::Db2).session()?;
    // what is replicated to this table waits; what comes in goes on
    blocker.exec("LOCK TABLES app.load READ")?;
    scene.load.wait_for(300, Duration::from_secs(20))?;
    // and the last of it never arrives
    theatre.stage.cut(Host::Db1, Host::Db2, true)?;
    scene.load.wait_for(50, Duration::from_secs(20))?;
    scene.dies(|| lab.stop_server(Node::Db1, Signal::KILL))?;
    let over = ["--accept-loss", "--override", "table-lock"];
    let asked = scene.asks(theatre, &over);
    // by the tool that reads this flavour's logs: transactions, not bytes
    let counted = asked.events.iter().find_map(|event| event["evidence"]["witness"]["left_behind"]["known"].as_u64());
    asked.ends(0);
    assert!(counted.is_some_and(|counted| counted >= 40), "{counted:?}: {asked}");
    cut_short(theatre, &over)?;
    scene.says_yes();
    let mut run = Watched::start(theatre.stage.command(&["--json", "resume", "lab", "--yes"]));
    run.wait_for("step-started", "apply-received-db2");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(theatre.stage.open(), [], "nobody is open before all is applied");
    drop(blocker);
    let ran = run.end();
    ran.ends(0);
    scene.serves(theatre, "seconds of work left to apply", &ran)?;
    theatre.stage.cut(Host::Db1, Host::Db2, false)?;
    // and what the other one lacks is gone
    let admin = lab.admin(Node::Db2);
    admin.exec_all(&[
        "INSERT INTO app.scratch VALUES (2, 0)",
        "DELETE FROM app.scratch WHERE id=2",
        "FLUSH BINARY LOGS",
    ])?;
    let logs = admin.rows("SHOW BINARY LOGS")?;
    let last = logs.last().and_then(|row| row.first().cloned().flatten()).expect("a log");
    purge(theatre, &last)?;
    starts(theatre, Node::Db1)?;
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    asked.ends(11).says("purged-logs");
    theatre.rebuild(Node::Db1)?;
    theatre.rejoins(Node::Db1)
}

/// flipper itself is killed while the survivor applies: nobody is open yet, so there is a way back, and the way ahead is
/// the same one again.
fn cut_short(theatre: &Theatre<'_>, over: &[&str]) -> Outcome {
    let killed = || {
        let words = [&["--json", "apply", "lab", "fail", "db1", "--yes"], over].concat();
        let mut run = Watched::start(theatre.stage.command(&words));
        run.wait_for("step-started", "apply-received-db2");
        run.signal(Signal::KILL);
        drop(run.end());
        theatre.stage.was_killed(Duration::from_secs(35))
    };
    killed()?;
    let status = theatre.status();
    assert!(status.contains("flipper abort lab"), "{status}");
    theatre.flipper(&["--json", "abort", "lab", "--yes"]).ends(0);
    let channel = theatre.lab().admin(Node::Db2).named("SHOW REPLICA STATUS")?;
    let names = ["Replica_IO_Running", "Slave_IO_Running"];
    let receiver = names.iter().find_map(|name| channel.get(*name).cloned().flatten());
    assert!(receiver.is_some_and(|receiver| receiver != "No"), "it receives again");
    assert!(!theatre.status().contains("was declared dead"));
    killed()
}

/// A server keeps a log as long as it thinks that somebody may want it.
fn purge(theatre: &Theatre<'_>, to: &str) -> Outcome {
    let admin = theatre.lab().admin(Node::Db2);
    // what still reads one of them for a peer that is gone
    let readers = admin.rows("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")?;
    for id in readers.into_iter().flatten().flatten() {
        // it may have ended by itself
        admin
            .exec(&format!("KILL {id}"))
            .or_else(|why| if why.sql_code() == Some(1094) { Ok(()) } else { Err(why) })?;
    }
    crate::lab::run::wait_until("old logs go", Duration::from_secs(10), || {
        admin.exec(&format!("PURGE BINARY LOGS TO '{to}'"))?;
        Ok((admin.rows("SHOW BINARY LOGS")?.len() == 1).then_some(()))
    })
}

/// Only its readers move; nobody who writes feels anything.
fn standby(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let scene = theatre.scene()?;
    lab.stop_server(Node::Db2, Signal::KILL)?;
    theatre.flipper(&["plan", "lab", "fail", "db2"]).ends(0);
    let moved = theatre.moves(&["fail", "db2"]);
    assert_eq!(moved.count("writes-out"), 0, "{moved}");
    theatre.stage.stands(&[Node::Db1], Node::Db1);
    assert_eq!(theatre.holders(READ_ADDRESS), [Node::Db1]);
    scene.load.wait_for(30, Duration::from_secs(10))?;
    let report = scene.load.stop()?;
    theatre.stage.note(format!("silence {} ms", report.slowest().as_millis()));
    // a client's own patience may be over on a busy machine; nobody has refused or cut it off
    let slow = |error: &String| matches!(error.as_str(), "statement timeout" | "connect timeout");
    assert!(report.errors().keys().all(slow) && report.changes().is_empty(), "{report}");
    starts(theatre, Node::Db2)?;
    theatre.flipper(&["plan", "lab", "set", "read", "db2"]).ends(11).says("deposed");
    theatre.rejoins(Node::Db2)
}

/// flipper is gone in the middle of a swap, and then the old writer: before the fence, between the fence and the
/// opening, and once the new one is open. The first to be killed there is found as it left things.
fn half_swap(theatre: &Theatre<'_>) -> Outcome {
    for (point, name) in [
        ("drain-db1", "dead before the fence of a swap"),
        ("catch-up-db2", "dead behind the fence of a swap"),
        ("open-db2", "dead once a swap has opened its peer"),
    ] {
        cut_off_at(theatre, point, name)?;
        theatre.at_home()?;
    }
    Ok(())
}

fn cut_off_at(theatre: &Theatre<'_>, point: &str, name: &str) -> Outcome {
    let lab = theatre.lab();
    let mut scene = theatre.scene()?;
    let mut writing = None;
    match point {
        "catch-up-db2" => {
            let mut held = theatre.stage.held("write_outage: \"20s\"")?;
            held.run.signal(Signal::KILL);
            held.let_go();
            drop(held.run.end());
        }
        "drain-db1" => {
            writing = Some(theatre.stage.writing()?);
            let mut run = theatre.stage.swap("drain: \"20s\"");
            run.wait_for("step-started", point);
            run.signal(Signal::KILL);
            drop(run.end());
        }
        _ => {
            let mut run = theatre.stage.swap("");
            run.wait_for("step-done", point);
            run.signal(Signal::KILL);
            drop(run.end());
        }
    }
    theatre.stage.was_killed(Duration::from_secs(35))?;
    let open = match point {
        "drain-db1" => &[Node::Db1][..],
        "catch-up-db2" => &[],
        _ => &[Node::Db2],
    };
    assert_eq!(theatre.stage.open(), open, "{point}");
    scene.dies(|| lab.stop_server(Node::Db1, Signal::KILL))?;
    drop(writing);
    scene.asks(theatre, &["--accept-loss"]).ends(0);
    scene.fails_over(theatre, name, &["--accept-loss"])?;
    starts(theatre, Node::Db1)?;
    returns(theatre)
}
