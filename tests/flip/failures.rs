//! A move that fails ends with the pair as it was, or says how things stand: exit codes 20 and 21.

use std::time::Duration;

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::report::LoadReport;
use crate::lab::run::wait_until;
use crate::lab::{Host, Node, User};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("a table lock keeps the fence out", table_lock),
    ("a long statement keeps the fence out", long_statement),
    ("the standby cannot go on before the gate closes", standby_locked),
    ("the standby's applier stops before the gate closes", applier_stops),
    ("a transaction that does not end is killed with its session", left_transaction),
    ("the new writer is cut off just before the gate closes", target_cut_off),
];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("interrupted before the gate closes", interrupted),
    ("the old writer is cut off before the gate closes", writer_cut_off),
];

const SERVED: Duration = Duration::from_secs(10);

/// Clients were served by db1 all the time, and no row is lost.
fn stayed(bench: &Bench<'_>, report: &LoadReport) -> Outcome {
    assert_eq!(report.changes().len(), 0, "{report}");
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    println!("{report}");
    Ok(())
}

/// A table that no client uses.
fn own_table(bench: &Bench<'_>) -> Outcome {
    let admin = bench.lab.admin(Node::Db1);
    admin.exec_all(&[
        "CREATE TABLE IF NOT EXISTS app.held (id INT PRIMARY KEY, x INT)",
        "REPLACE INTO app.held VALUES (1, 0)",
    ])?;
    bench.lab.settle()
}

fn table_lock(bench: &Bench<'_>) -> Outcome {
    own_table(bench)?;
    let config = bench.lab.config().limits("connect: \"10s\", fence: \"1s\"").text();
    let load = bench.lab.load(4, 200)?;
    load.wait_for(20, SERVED)?;
    let mut holder = bench.lab.admin(Node::Db1).session()?;
    holder.exec("LOCK TABLES app.held WRITE")?;
    // where the server shows locks, the check sees this one: what it would lead to is what is tried here
    let ran = bench.with_config(&config, &["apply", "lab", "swap", "write", "--yes", "--override", "table-lock"]);
    ran.ends(20).says("fence-db1").says("could not be fenced").says("serves as before").within(Duration::from_secs(40));
    bench.serves_from(Node::Db1)?;
    load.wait_for(50, SERVED)?;
    drop(holder);
    load.wait_for(50, SERVED)?;
    stayed(bench, &load.stop()?)
}

fn long_statement(bench: &Bench<'_>) -> Outcome {
    own_table(bench)?;
    let config = bench.lab.config().limits("connect: \"10s\", fence: \"1s\"").text();
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, SERVED)?;
    let mut writer = bench.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    let id = writer.id();
    let statement = std::thread::spawn(move || writer.exec("UPDATE app.held SET x = SLEEP(50) WHERE id = 1"));
    let admin = bench.lab.admin(Node::Db1);
    wait_until("the statement has run for 3 s", SERVED, || {
        let time = admin
            .value(&format!("SELECT time FROM information_schema.processlist WHERE id={id} AND info LIKE '%SLEEP%'"))?;
        // a long one at every look, also before the lock
        Ok(time.parse::<u32>().is_ok_and(|seconds| seconds >= 3).then_some(()))
    })?;
    let ran = bench.with_config(&config, &["--json", "apply", "lab", "swap", "--yes", "--override", "long-write"]);
    assert_eq!(ran.ends_in_json("end", 20)["end"], "rolled-back");
    ran.says("a statement under way did not end").says("serves as before");
    bench.serves_from(Node::Db1)?;
    load.wait_for(50, SERVED)?;
    // the statement itself was not harmed
    assert!(!statement.is_finished());
    admin.exec(&format!("KILL {id}"))?;
    assert!(statement.join().is_ok_and(|ended| ended.is_err()));
    stayed(bench, &load.stop()?)
}

fn standby_locked(bench: &Bench<'_>) -> Outcome {
    let config = bench.lab.config().limits("connect: \"10s\", pre_sync: \"1s\"").text();
    let load = bench.lab.load(4, 200)?;
    load.wait_for(20, SERVED)?;
    let mut holder = bench.lab.admin(Node::Db2).session()?;
    holder.exec("FLUSH TABLES WITH READ LOCK")?;
    // something that the standby cannot apply
    load.wait_for(20, SERVED)?;
    let from = load.mark();
    let ran = bench.with_config(&config, &["apply", "lab", "swap", "write", "--yes", "--override", "table-lock"]);
    ran.ends(20).says("approach-db2").says("within 1s").says("serves as before");
    ran.never_says("writes are out").never_says("ms writes were out").within(Duration::from_secs(30));
    bench.serves_from(Node::Db1)?;
    load.wait_for(20, SERVED)?;
    let to = load.mark();
    drop(holder);
    let report = load.stop()?;
    let silence = report.silence_between(from, to);
    assert!(silence < Duration::from_secs(4), "writes were never out: {silence:?}");
    stayed(bench, &report)
}

/// Under a run that waits: it was well when the run began.
fn applier_stops(bench: &Bench<'_>) -> Outcome {
    let config =
        bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"20s\", write_outage: \"3s\"").text());
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, SERVED)?;
    let mut writing = bench.writing()?;
    let run = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    // past its look at replication
    bench.wait_at("drain-db1")?;
    bench.lab.admin(Node::Db2).exec("STOP REPLICA SQL_THREAD")?;
    writing.exec("COMMIT")?;
    let ran = bench.end(run);
    bench.lab.admin(Node::Db2).exec("START REPLICA SQL_THREAD")?;
    ran.ends(20).says("catch-up-db2").says("applier of db2 does not run").says("serves as before");
    bench.serves_from(Node::Db1)?;
    load.wait_for(50, SERVED)?;
    stayed(bench, &load.stop()?)
}

fn interrupted(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"40s\"").text());
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, SERVED)?;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut writing = bench.writing()?;
        let run = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
        bench.wait_at("drain-db1")?;
        run.signal(signal);
        // nobody has to commit for that
        let ran = bench.end(run);
        writing.exec("COMMIT")?;
        ran.within(Duration::from_secs(20));
        ran.ends(20).says("interrupted").says("serves as before").never_says("-- writes are out");
        bench.serves_from(Node::Db1)?;
    }
    load.wait_for(20, SERVED)?;
    stayed(bench, &load.stop()?)
}

/// It has its time, then the move goes on, and its rows are nowhere.
fn left_transaction(bench: &Bench<'_>) -> Outcome {
    let config = bench.lab.config().limits("connect: \"10s\", drain: \"500ms\"").text();
    let mut writing = bench.writing()?;
    let ran = bench.with_config(&config, &["apply", "lab", "swap", "write", "--yes"]);
    ran.ends(0).says("1 writing transaction(s) did not end").says("session(s) ended");
    assert!(writing.exec("COMMIT").is_err(), "its session was ended");
    bench.serves_from(Node::Db2)?;
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    Ok(())
}

/// The gate closes and opens again: nobody but the old writer can serve.
fn target_cut_off(bench: &Bench<'_>) -> Outcome {
    let limits = "connect: \"2s\", drain: \"20s\", write_outage: \"2s\", fence: \"1s\"";
    let config = bench.file("ron", &bench.lab.config().limits(limits).text());
    let load = bench.lab.load(2, 100)?;
    load.wait_for(20, SERVED)?;
    let mut writing = bench.writing()?;
    let run = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    bench.wait_at("drain-db1")?;
    bench.lab.cable(Host::Db2, false)?;
    writing.exec("COMMIT")?;
    let ran = bench.end(run);
    let served = load.wait_for(50, SERVED);
    bench.lab.cable(Host::Db2, true)?;
    ran.ends(20).says("serves as before").within(Duration::from_secs(60));
    served?;
    bench.wait_nothing_left(Duration::from_secs(75));
    stayed(bench, &load.stop()?)
}

/// Nobody can see whether the pair still serves, so nobody says that it does.
fn writer_cut_off(bench: &Bench<'_>) -> Outcome {
    let config =
        bench.file("ron", &bench.lab.config().limits("connect: \"2s\", drain: \"20s\", rollback: \"3s\"").text());
    let writing = bench.writing()?;
    let run = bench.start(bench.command(&["--json", "--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    bench.wait_at("drain-db1")?;
    bench.lab.cable(Host::Db1, false)?;
    let ran = bench.end(run);
    bench.lab.cable(Host::Db1, true)?;
    assert_eq!(ran.ends_in_json("end", 21)["end"], "part-way");
    ran.says("db1").says("flipper status lab").within(Duration::from_secs(60));
    drop(writing);
    bench.serves_from(Node::Db1)?;
    bench.wait_nothing_left(Duration::from_secs(75));
    Ok(())
}
