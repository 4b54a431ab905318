//! XA transactions of sessions that came by the old writer's own address or its socket: they could commit in spite of the
//! fence, and nothing else ends them.

use rustix::process::Signal;

use crate::lab::error::Result;
use crate::lab::session::Session;
use crate::lab::{Host, Node, User};
use crate::stage::Stage;
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const MYSQL: &[Case] = &[
    ("an XA transaction that has ended costs nobody the session", ended_before),
    ("an open XA transaction is ended, whatever the server shows of it", hidden),
    ("an open XA transaction above flipper's account keeps the other node closed", above_us),
    ("who asks for transactions all the time hides them, and nothing moves", asked_all_the_time),
    ("without a performance schema, nothing moves around an open XA transaction", without_a_schema),
];

/// Where the server notes down transactions.
const NOTES: [&str; 3] = [
    "setup_consumers SET ENABLED = '?' WHERE NAME = 'events_transactions_current'",
    "setup_instruments SET ENABLED = '?' WHERE NAME = 'transaction'",
    "setup_actors SET ENABLED = '?'",
];

fn swap(stage: &Stage<'_>) -> Ran {
    let config = stage.config("");
    Watched::start(stage.command(&["--config", &config, "--json", "apply", "lab", "swap", "write", "--yes"])).end()
}

/// A client that came by the node's own address: no address leads it away, and nobody ends it for that.
fn direct(stage: &Stage<'_>) -> Result<Session> {
    stage.lab.session(User::App, Host::Clients, Node::Db1.host().address())
}

/// In the middle of an XA transaction that has changed a row.
fn begun(session: &mut Session, name: &str) -> Outcome {
    session.exec(&format!("XA START '{name}'"))?;
    session.exec("INSERT INTO app.load (client, seq, server) VALUES (800002, 0, @@server_id)")?;
    session.exec(&format!("XA END '{name}'"))
}

/// What the client of such a transaction would do next.
fn saved(session: &mut Session, name: &str) -> Outcome {
    session.exec(&format!("XA PREPARE '{name}'"))?;
    session.exec(&format!("XA COMMIT '{name}'"))
}

/// How long it took to see that nobody could commit any more, and to open the other node.
fn opening(ran: &Ran) -> f64 {
    let timeline = ran.events.iter().find(|event| event["type"] == "timeline").expect("a timeline");
    let steps = timeline["steps"].as_array().expect("steps").iter();
    let opened = steps.filter(|step| step["step"] == "open-db2").find_map(|step| step["ms"].as_f64());
    opened.expect("an opening")
}

fn nowhere(stage: &Stage<'_>, ran: &Ran) -> Outcome {
    for node in Node::BOTH {
        let rows = stage.lab.admin(node).value("SELECT COUNT(*) FROM app.load WHERE client = 800002")?;
        assert_eq!(rows, "0", "on {}: {ran}", node.name());
    }
    Ok(())
}

/// Newer servers show a transaction as prepared until its session begins the next one.
fn ended_before(stage: &Stage<'_>) -> Outcome {
    let mut app = direct(stage)?;
    let mut root = stage.lab.admin(Node::Db1).session()?;
    begun(&mut app, "kept")?;
    saved(&mut app, "kept")?;
    begun(&mut root, "root")?;
    root.exec("XA PREPARE 'root'")?;
    root.exec("XA ROLLBACK 'root'")?;
    let ran = swap(stage);
    ran.ends(0);
    for session in [&mut app, &mut root] {
        session.exec("SELECT 1").unwrap_or_else(|why| panic!("{why}: {ran}"));
    }
    stage.stands(&[Node::Db2], Node::Db2);
    stage.note(format!("opening takes {} ms", opening(&ran)));
    swap(stage).ends(0);
    stage.lab.admin(Node::Db1).exec("DELETE FROM app.load WHERE client = 800002")?;
    stage.lab.settle()
}

/// As it is, and with each part of the notes turned off.
fn hidden(stage: &Stage<'_>) -> Outcome {
    let admin = stage.lab.admin(Node::Db1);
    for off in std::iter::once(None).chain(NOTES.map(Some)) {
        let set = |on: &str| {
            off.map_or(Ok(()), |what| admin.exec(&format!("UPDATE performance_schema.{}", what.replace('?', on))))
        };
        set("NO")?;
        let mut app = direct(stage)?;
        begun(&mut app, "open")?;
        // who has changed nothing stays
        let mut idle = direct(stage)?;
        idle.exec("SELECT 1")?;
        let scene = stage.scene()?;
        let ran = swap(stage);
        ran.ends(0);
        assert!(saved(&mut app, "open").is_err(), "{off:?}: it was acknowledged by a fenced server: {ran}");
        idle.exec("SELECT 1").unwrap_or_else(|why| panic!("{off:?}: {why}: {ran}"));
        stage.stands(&[Node::Db2], Node::Db2);
        stage.over(scene, &ran, 1)?;
        nowhere(stage, &ran)?;
        let note = ran.note("open-db2");
        assert!(note.contains("1 session(s) of db1 ended"), "`{note}`: {ran}");
        stage.note(format!("opening takes {} ms", opening(&ran)));
        set("YES")?;
        swap(stage).ends(0);
    }
    Ok(())
}

/// A plain transaction of the same session is no danger, as long as the server says that it is one.
fn above_us(stage: &Stage<'_>) -> Outcome {
    let admin = stage.lab.admin(Node::Db1);
    let mut root = admin.session()?;
    begun(&mut root, "root")?;
    let ran = swap(stage);
    ran.ends(20).says("flipper's account may not end").says(&format!("session {}", root.id()));
    stage.stands(&[Node::Db1], Node::Db1);
    root.exec("XA ROLLBACK 'root'")?;
    root.exec("BEGIN")?;
    root.exec("INSERT INTO app.load (client, seq, server) VALUES (800002, 0, @@server_id)")?;
    let ran = swap(stage);
    ran.ends(0);
    stage.stands(&[Node::Db2], Node::Db2);
    assert!(root.exec("COMMIT").is_err_and(|why| why.to_string().contains("read-only")), "{ran}");
    root.exec("ROLLBACK")?;
    nowhere(stage, &ran)?;
    swap(stage).ends(0);
    Ok(())
}

/// InnoDB renews its list of transactions when nobody has asked for it for a while: what it would answer is older than the
/// fence.
fn asked_all_the_time(stage: &Stage<'_>) -> Outcome {
    let admin = stage.lab.admin(Node::Db1);
    let mut asker = admin.session()?;
    let id = asker.id();
    admin.exec(
        "CREATE PROCEDURE app.ask() BEGIN REPEAT SELECT COUNT(*) INTO @n FROM information_schema.innodb_trx; DO \
                SLEEP(0.01); UNTIL FALSE END REPEAT; END",
    )?;
    let asking = std::thread::spawn(move || asker.exec("CALL app.ask()"));
    let run = || stage.swap("fence: \"1s\", write_outage: \"2s\"").end();
    let mut ran = run();
    for _ in 0..2 {
        // on a busy machine the asker itself may stand still for long enough
        if ran.code == Some(0) {
            swap(stage).ends(0);
            ran = run();
        }
    }
    admin.exec(&format!("KILL {id}"))?;
    ran.ends(20).says("something asks for information_schema.innodb_trx all the time");
    assert!(asking.join().expect("no panic").is_err(), "it asked to the end: {ran}");
    stage.stands(&[Node::Db1], Node::Db1);
    admin.exec("DROP PROCEDURE app.ask")?;
    swap(stage).ends(0);
    swap(stage).ends(0);
    Ok(())
}

/// MySQL lists its sessions nowhere else, and flipper does not move what it cannot see.
fn without_a_schema(stage: &Stage<'_>) -> Outcome {
    let lab = stage.lab;
    let start = |options: Option<&str>| {
        lab.stop_server(Node::Db1, Signal::TERM)?;
        lab.option_file(Node::Db1, options)?;
        lab.start_server(Node::Db1)?;
        lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
        lab.settle()
    };
    start(Some("[mysqld]\nperformance_schema=OFF\n"))?;
    let mut app = direct(stage)?;
    begun(&mut app, "open")?;
    let ran = swap(stage);
    ran.ends(11);
    drop(app);
    stage.stands(&[Node::Db1], Node::Db1);
    start(None)
}
