//! Clients that still write when writes are to stop: waited for, listed, ended where the operator says so.

use std::collections::BTreeSet;
use std::fs;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::lab::error::{LabError, Result};
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::run::wait_until;
use crate::lab::session::Session;
use crate::lab::{Host, Node, Server, User};
use crate::stage::{SERVED, Stage};
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("--kill ends a statement of a minute, and nobody else", |stage| nobody_else(stage, minute)),
    ("--kill ends idle transactions", |stage| nobody_else(stage, idle)),
    ("--kill lets those go on who waited for the one that is ended", pile_up),
    ("--kill waits for the rollback, and gives up before anything is moved", long_rollback),
    ("a drain's time is over: those left are listed", listed),
    ("flipper is killed in a move with --kill, which is then finished or taken back", cut_off),
];

/// Rows that a statement of a minute goes through, five in a second.
const MANY: u32 = 300;

/// A move of the write role with these words.
fn swap(stage: &Stage<'_>, limits: &str, words: &[&str]) -> Watched {
    let config = stage.config(limits);
    Watched::start(
        stage.command(&[&["--config", &config, "--json", "apply", "lab", "swap", "write", "--yes"], words].concat()),
    )
}

fn home(stage: &Stage<'_>) {
    swap(stage, "", &[]).end().ends(0);
}

fn client(stage: &Stage<'_>) -> Result<Session> {
    stage.lab.session(User::App, Host::Clients, WRITE_ADDRESS)
}

/// The sessions that a step has told of.
fn sessions(ran: &Ran, step: &str) -> Vec<Value> {
    let told = ran.events.iter().filter(|event| event["type"] == "writers" && event["step"] == step);
    told.flat_map(|event| event["sessions"].as_array().cloned().unwrap_or_default()).collect()
}

fn ids(sessions: &[Value]) -> BTreeSet<u64> {
    sessions.iter().filter_map(|session| session["id"].as_u64()).collect()
}

/// A case in which certain clients are ended, and nobody else. A client of the load whose one row is on its way to the disk
/// at two looks writes as long as they do, and is ended with them: then it is tried again.
fn nobody_else(stage: &Stage<'_>, case: fn(&Stage<'_>) -> Result<Others>) -> Outcome {
    for _ in 0..3 {
        if case(stage)? == Others::None {
            return Ok(());
        }
        stage.note("somebody else wrote for long");
        stage.at_home()?;
    }
    Err(LabError::new("--kill", "somebody else was ended each time"))
}

/// Who was ended beside those who were to be.
#[derive(PartialEq, Eq)]
enum Others {
    None,
    OfTheLoad,
}

impl Others {
    /// Whoever was ended is one of these, or a client of the load in the middle of its row.
    #[track_caller]
    fn than(named: &BTreeSet<u64>, told: &[Value], ran: &Ran) -> Self {
        assert!(named.is_subset(&ids(told)), "each of {named:?}: {ran}");
        let others = told.iter().filter(|one| one["id"].as_u64().is_none_or(|id| !named.contains(&id)));
        let others: Vec<&Value> = others.collect();
        let of_the_load = |one: &Value| {
            (one["user"].as_str(), one["doing"].as_str()) == (Some("app"), Some("running"))
                && one["rows"].as_u64() <= Some(1)
                && one["seconds"].as_u64() <= Some(1)
        };
        assert!(others.iter().all(|one| of_the_load(one)), "they alone, of all who write: {ran}");
        if others.is_empty() { Self::None } else { Self::OfTheLoad }
    }
}

/// A table to write on.
fn many(stage: &Stage<'_>) -> Outcome {
    let rows: Vec<String> = (1..=MANY).map(|id| format!("({id}, 0)")).collect();
    let admin = stage.lab.admin(Node::Db1);
    admin.exec("CREATE TABLE app.many (id INT PRIMARY KEY, x INT)")?;
    admin.exec(&format!("INSERT INTO app.many VALUES {}", rows.join(",")))?;
    stage.lab.settle()
}

fn no_more(stage: &Stage<'_>) -> Outcome {
    stage.lab.admin(Node::Db1).exec("DROP TABLE app.many")?;
    stage.lab.settle()
}

/// Something that goes on meanwhile.
fn meanwhile(mut session: Session, sql: &'static str) -> (u64, JoinHandle<Result<()>>) {
    (u64::from(session.id()), std::thread::spawn(move || session.exec(sql)))
}

/// A transaction of a session has changed rows, and its statement has run for so long.
fn wait_writing(stage: &Stage<'_>, node: Node, id: u64, seconds: u64) -> Outcome {
    wait_until("it writes", SERVED, || {
        // whoever asks more often gets the same answer for ever
        std::thread::sleep(Duration::from_millis(150));
        let found = stage.lab.admin(node).rows(&format!(
            "SELECT t.trx_rows_modified, p.time, t.trx_state, p.state FROM information_schema.processlist p LEFT JOIN \
             information_schema.innodb_trx t ON p.id = t.trx_mysql_thread_id WHERE p.id = {id}"
        ))?;
        let number = |at: usize| found.first().and_then(|row| row.get(at)?.as_ref()?.parse::<u64>().ok()).unwrap_or(0);
        match number(0) > 0 && number(1) >= seconds {
            true => Ok(Some(())),
            false => Err(LabError::new("looking at it", format!("{found:?}"))),
        }
    })
}

/// Sessions of replication and events, by their ids.
fn threads(stage: &Stage<'_>, node: Node) -> Result<BTreeSet<String>> {
    let rows = stage.lab.admin(node).rows(
        "SELECT CONCAT(id, ' ', user) FROM information_schema.processlist WHERE user IN ('system user', \
         'event_scheduler', 'repl') OR command = 'Connect' AND user <> 'unauthenticated user'",
    )?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// With an event at work in a transaction of its own, and replication both ways: neither is touched while writes are out. The
/// event takes its change back, whatever happens. On MariaDB, where its definer could commit in spite of `read_only`, it is
/// ended before the read lock is let go.
fn minute(stage: &Stage<'_>) -> Result<Others> {
    many(stage)?;
    let admin = stage.lab.admin(Node::Db1);
    admin.exec("SET GLOBAL event_scheduler=ON")?;
    admin.exec(
        "CREATE EVENT app.job ON SCHEDULE AT CURRENT_TIMESTAMP ON COMPLETION PRESERVE DO BEGIN START TRANSACTION; UPDATE \
         app.many SET x = 7 WHERE id = 300; DO SLEEP(120); ROLLBACK; END",
    )?;
    let event =
        || admin.value("SELECT id FROM information_schema.processlist WHERE command = 'Connect' AND user = 'root'");
    let job = wait_until("the event is at work", SERVED, || Ok(Some(event()?).filter(|id| !id.is_empty())))?;
    let scene = stage.scene()?;
    // whoever is only passing through is not among them
    let before = threads(stage, Node::Db1)?;
    std::thread::sleep(Duration::from_millis(300));
    let before: BTreeSet<String> = before.intersection(&threads(stage, Node::Db1)?).cloned().collect();
    assert!(before.len() >= 5, "replication both ways, the scheduler and its event: {before:?}");
    let (id, writer) = meanwhile(client(stage)?, "UPDATE app.many SET x = x + 1 WHERE id < 300 AND SLEEP(0.2) = 0");
    wait_writing(stage, Node::Db1, id, 3)?;

    let refused = swap(stage, "", &[]).end();
    let said = refused.ends(11).events.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("long-write") && said.contains("--kill"), "{refused}");
    assert!(!writer.is_finished());

    // the event is accepted as it is
    let accepted = match stage.lab.server() {
        Server::MariaDb => &["--kill", "--override", "long-write", "--override", "event-writes-on"][..],
        Server::MySql => &["--kill", "--override", "long-write"],
    };
    let ran = swap(stage, "", accepted).end();
    ran.ends(0);
    let told = sessions(&ran, "end-writers-db1");
    let others = Others::than(&[id].into(), &told, &ran);
    let one = told.iter().find(|one| one["id"] == id).expect("its session");
    assert!(one["rows"].as_u64().is_some_and(|rows| rows > 0) && one["seconds"].as_u64() >= Some(3), "{one}");
    assert_eq!((one["user"].as_str(), one["doing"].as_str()), (Some("app"), Some("running")), "{one}");
    assert!(one["host"].as_str().is_some_and(|host| host.starts_with("10.77.0.21")), "{one}");
    assert!(one.get("statement").is_none(), "nobody has asked for it: {one}");
    assert!(ran.note("end-writers-db1").starts_with(&format!("{} session(s) ended", told.len())), "{ran}");
    let out = ran.events.last().and_then(|end| end["writes_out_ms"].as_f64()).expect("an outage");
    assert!(out < 5_000.0, "{ran}");
    stage.note(format!("writes out {out} ms"));
    assert!(writer.join().expect("no panic").is_err(), "its client was told");
    stage.stands(&[Node::Db2], Node::Db2);
    let after = threads(stage, Node::Db1)?;
    let event = format!("{job} root");
    match stage.lab.server() {
        Server::MySql => assert!(before.is_subset(&after), "{before:?} {after:?}"),
        Server::MariaDb => {
            assert!(ran.note("release-db1").starts_with("1 session(s) of db1 ended"), "{ran}");
            let gone: Vec<&String> = before.difference(&after).collect();
            assert_eq!(gone, [&event], "{before:?} {after:?}");
        }
    }
    stage.over(scene, &ran, 1)?;
    for node in Node::BOTH {
        assert_eq!(stage.lab.admin(node).value("SELECT SUM(x) FROM app.many")?, "0", "all of it is rolled back");
    }
    if after.contains(&event) {
        admin.exec(&format!("KILL {job}"))?;
    }
    home(stage);
    admin.exec_all(&["DROP EVENT app.job", "SET GLOBAL event_scheduler=OFF"])?;
    no_more(stage)?;
    Ok(others)
}

/// A client's, and one of an administrator at the machine. MySQL protects the latter, whom its fence stops; on MariaDB it
/// could write on behind it.
fn idle(stage: &Stage<'_>) -> Result<Others> {
    let scene = stage.scene()?;
    // other cases commit rows of that client
    let theirs = "SELECT COUNT(*) FROM app.load WHERE client IN (800000, 800001)";
    let before = stage.lab.admin(Node::Db1).value(theirs)?;
    let mut writing = stage.writing()?;
    let mut root = stage.lab.admin(Node::Db1).session()?;
    root.exec("BEGIN")?;
    root.exec("INSERT INTO app.load (client, seq, server) VALUES (800001, 0, @@server_id)")?;
    let (app, dba) = (u64::from(writing.id()), u64::from(root.id()));
    let ran = swap(stage, "", &["--kill"]).end();
    ran.ends(0);
    let told = sessions(&ran, "end-writers-db1");
    let named = [app, dba].into();
    let others = Others::than(&named, &told, &ran);
    let mut idle = told.iter().filter(|one| one["id"].as_u64().is_some_and(|id| named.contains(&id)));
    assert!(idle.all(|one| one["doing"] == "idle" && one["rows"] == 1), "{told:?}");
    let note = ran.note("end-writers-db1");
    match stage.lab.server() {
        Server::MariaDb => {
            let rows: u64 = told.iter().filter_map(|one| one["rows"].as_u64()).sum();
            let wanted = format!("{} session(s) ended, {rows} changed row(s)", told.len());
            assert!(note.starts_with(&wanted), "{note}");
        }
        Server::MySql => assert!(note.contains("1 session(s) may not be ended by flipper's account"), "{note}"),
    }
    stage.note(note);
    assert!(writing.exec("COMMIT").is_err() && root.exec("COMMIT").is_err());
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    for node in Node::BOTH {
        let left = stage.lab.admin(node).value(theirs)?;
        assert_eq!(left, before, "nothing of them is on {}", node.name());
    }
    drop(root);
    home(stage);
    Ok(others)
}

/// Three wait for a row of a transaction that idles. It is ended, and they are not.
fn pile_up(stage: &Stage<'_>) -> Outcome {
    let admin = stage.lab.admin(Node::Db1);
    // one that has got the row and waits for a slow disk would be seen at work twice, and ended
    let durable = |value: u8| {
        admin.exec_all(&[
            &format!("SET GLOBAL sync_binlog={value}"),
            &format!("SET GLOBAL innodb_flush_log_at_trx_commit={value}"),
        ])
    };
    durable(0)?;
    let before: i64 = admin.value("SELECT x FROM app.scratch WHERE id=1")?.parse().expect("a number");
    let mut holder = client(stage)?;
    holder.exec("BEGIN")?;
    holder.exec("UPDATE app.scratch SET x = x + 100 WHERE id = 1")?;
    let waiting: Vec<_> = (0..3)
        .map(|_| Ok(meanwhile(client(stage)?, "UPDATE app.scratch SET x = x + 1 WHERE id = 1")))
        .collect::<Result<_>>()?;
    wait_until("they wait", SERVED, || {
        std::thread::sleep(Duration::from_millis(150));
        let count = "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = \
                     t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.time >= 2";
        Ok((admin.value(count)? == "3").then_some(()))
    })?;
    let ran = swap(stage, "", &["--kill", "--override", "long-write"]).end();
    ran.ends(0);
    assert_eq!(ids(&sessions(&ran, "end-writers-db1")), [u64::from(holder.id())].into(), "{ran}");
    assert!(holder.exec("COMMIT").is_err());
    for (_, waited) in waiting {
        waited.join().expect("no panic")?;
    }
    stage.lab.settle()?;
    for node in Node::BOTH {
        let now: i64 = stage.lab.admin(node).value("SELECT x FROM app.scratch WHERE id=1")?.parse().expect("a number");
        assert_eq!(now, before + 3, "{}", node.name());
    }
    durable(1)?;
    home(stage);
    Ok(())
}

/// So many rows that taking them back takes longer than the step may.
fn long_rollback(stage: &Stage<'_>) -> Outcome {
    many(stage)?;
    let admin = stage.lab.admin(Node::Db1);
    admin.exec("CREATE TABLE app.large (id INT AUTO_INCREMENT PRIMARY KEY, x INT, pad CHAR(100) DEFAULT 'x')")?;
    admin.exec("INSERT INTO app.large (x) SELECT a.x FROM app.many a, app.many b")?;
    stage.lab.settle()?;
    let mut writer = client(stage)?;
    writer.exec("BEGIN")?;
    for _ in 0..8 {
        writer.exec("UPDATE app.large SET x = x + 1, pad = REVERSE(pad)")?;
    }
    let mut told = vec![];
    let config = stage.config("pre_sync: \"600ms\"");
    let words = ["--config", &config, "plan", "lab", "swap", "write", "--kill"];
    let plan = stage.command(&words).output().expect("flipper starts");
    let text = String::from_utf8_lossy(&plan.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("has changed more than 100000 rows"), "{text} {}", String::from_utf8_lossy(&plan.stderr));
    let ran = swap(stage, "pre_sync: \"600ms\"", &["--kill"]).end();
    ran.ends(20).says("is still rolled back").says("serves as before");
    assert_eq!(ran.count("writes-out"), 0, "{ran}");
    told.extend(sessions(&ran, "end-writers-db1"));
    assert_eq!(ids(&told), [u64::from(writer.id())].into(), "{ran}");
    stage.note(ran.text().lines().next().unwrap_or_default());
    stage.stands(&[Node::Db1], Node::Db1);
    assert!(writer.exec("COMMIT").is_err());
    // a rollback that is under way is waited for like one that was begun here
    let begun = std::time::Instant::now();
    let ran = swap(stage, "pre_sync: \"50s\"", &["--kill"]).end();
    stage.note(format!("second run {} ms", begun.elapsed().as_millis()));
    ran.ends(0);
    assert_eq!(stage.lab.admin(Node::Db2).value("SELECT SUM(x) FROM app.large")?, "0");
    home(stage);
    admin.exec("DROP TABLE app.large")?;
    no_more(stage)
}

/// Between the fence and the opening. Nobody is left to be ended then, and the word that was given still holds.
fn cut_off(stage: &Stage<'_>) -> Outcome {
    for (verb, writer) in [("resume", Node::Db2), ("abort", Node::Db1)] {
        let mut writing = stage.writing()?;
        let mut run = swap(stage, "drain: \"8s\", write_outage: \"20s\"", &["--kill"]);
        run.wait_for("step-started", "drain-db1");
        let mut blocker = stage.lab.admin(Node::Db2).session()?;
        blocker.exec("LOCK TABLES app.load READ")?;
        writing.exec("COMMIT")?;
        run.wait_for("step-done", "end-writers-db1");
        run.wait_for("step-started", "catch-up-db2");
        stage.told_of("catch-up-db2")?;
        run.signal(Signal::KILL);
        drop(blocker);
        run.end();
        stage.was_killed(Duration::from_secs(35))?;
        let begun = Watched::start(stage.command(&["--json", verb, "lab", "--yes"])).end();
        begun.ends(0);
        stage.stands(&[writer], writer);
        stage.note(format!("{verb} {} ms", begun.took.as_millis()));
        drop(writing);
        stage.lab.admin(writer).exec("DELETE FROM app.load WHERE client = 800000")?;
        if writer == Node::Db2 {
            home(stage);
        }
        stage.lab.settle()?;
    }
    Ok(())
}

/// An idle one and one that runs, with its statement where that is asked for; not a word of it in the journal.
fn listed(stage: &Stage<'_>) -> Outcome {
    many(stage)?;
    let writing = stage.writing()?;
    let (id, writer) = meanwhile(client(stage)?, "UPDATE app.many SET x = x + 1 WHERE id <= 50 AND SLEEP(0.2) = 0");
    wait_writing(stage, Node::Db1, id, 0)?;
    let ran = swap(stage, "drain: \"600ms\", fence: \"10s\", write_outage: \"20s\"", &["--show-statements"]).end();
    ran.ends(0);
    let told = sessions(&ran, "drain-db1");
    assert_eq!(ids(&told), [u64::from(writing.id()), id].into(), "{ran}");
    for one in &told {
        let runs = one["id"] == id;
        assert_eq!(one["doing"], if runs { "running" } else { "idle" }, "{one}");
        assert_eq!(one["statement"].as_str().is_some_and(|text| text.starts_with("UPDATE app.many")), runs, "{one}");
    }
    assert!(ran.note("drain-db1").contains("2 writing transaction(s) did not end in time"), "{ran}");
    writer.join().expect("no panic")?;
    drop(writing);
    stage.lab.settle()?;
    assert_eq!(stage.lab.admin(Node::Db2).value("SELECT SUM(x) FROM app.many")?, "50", "it was waited for");
    let history = stage.command(&["--json", "history", "lab"]).output().expect("flipper starts");
    let history: Value = serde_json::from_slice(&history.stdout).expect("JSON");
    let journal = fs::read_to_string(history["runs"][0]["file"].as_str().expect("a file")).expect("a journal");
    assert!(journal.contains(r#""type":"writers""#) && journal.contains(&format!(r#""id":{id},"#)), "{journal}");
    assert!(!journal.contains("app.many"), "{journal}");

    // for people, and without statements
    let writing = stage.writing()?;
    let config = stage.config("drain: \"300ms\"");
    let words = ["--config", &config, "apply", "lab", "swap", "write", "--yes"];
    let output = stage.command(&words).output().expect("flipper starts");
    let text = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = format!(
        "db2: 1 session(s) still in a transaction there when the time for it was over: session {} of app",
        writing.id()
    );
    assert!(output.status.success() && text.contains(&wanted) && text.contains("1 row(s) changed"), "{text}");
    drop(writing);
    no_more(stage)
}
