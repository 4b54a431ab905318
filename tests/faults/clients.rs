//! Sessions that are in the way: above flipper's account, or past the network.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mysql_async::OptsBuilder;

use crate::lab::error::{Doing, Result};
use crate::lab::net::{self, WRITE_ADDRESS};
use crate::lab::run::{random, wait_until};
use crate::lab::session::Session;
use crate::lab::{Host, Node, User};
use crate::stage::{SERVED, Stage};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("after the handover no session is left at the old writer", nobody_left),
    ("not even of clients that are out of reach", nobody_left_out_of_reach),
];

pub(crate) const MYSQL: &[Case] = &[("a session that flipper may not end", above_us)];

pub(crate) const MARIADB: &[Case] = &[
    ("an administrator's write waits behind the fence", waiting_root),
    ("an administrator's transaction idles", idle_root),
];

/// Clients of the write address as they come: three idle, one in the middle of a transaction, one that reads all the time,
/// one that has not logged in.
fn crowd(stage: &Stage<'_>) -> Result<(Vec<Session>, TcpStream)> {
    let mut sessions = (0..3).map(|_| client(stage)).collect::<Result<Vec<_>>>()?;
    sessions.push(stage.writing()?);
    let namespace = net::open_namespace(stage.lab.id(), Host::Clients)?;
    let stranger = std::thread::scope(|scope| {
        let connect = || {
            net::step_into(&namespace)?;
            TcpStream::connect((WRITE_ADDRESS, 3306)).doing(|| "connecting without a word".to_owned())
        };
        scope.spawn(connect).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    wait_until("all of them are there", SERVED, || Ok((at(stage, Node::Db1)?.0.len() >= 5).then_some(())))?;
    assert!(at(stage, Node::Db1)?.1.len() >= 5, "and their sockets");
    Ok((sessions, stranger))
}

fn client(stage: &Stage<'_>) -> Result<Session> {
    let mut session = stage.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    session.exec("SELECT 1")?;
    Ok(session)
}

/// What a node knows of clients that came through the write address: sessions in SQL, and sockets in the kernel; one that
/// only waits for late packets is nobody's any more.
fn at(stage: &Stage<'_>, node: Node) -> Result<(Vec<String>, Vec<String>)> {
    let clients = format!("{}:", Host::Clients.address());
    let rows =
        stage.lab.admin(node).rows("SELECT CONCAT(id, ' ', user, ' ', host) FROM information_schema.processlist")?;
    let rows = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let sessions = rows.filter(|session| session.contains(&clients)).collect();
    let listed = stage.lab.on(node.host(), &["ss", "-Htan", "src", WRITE_ADDRESS])?;
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    // a server that listens on both families has its clients as `[::ffff:10.77.0.21]:40000`
    let listed = listed.lines().map(|line| line.replace("[::ffff:", "").replace(']', ""));
    let theirs = |line: &String| line.contains(&clients) && !line.starts_with("TIME-WAIT");
    Ok((sessions, listed.filter(theirs).collect()))
}

#[track_caller]
fn nobody_at(stage: &Stage<'_>, node: Node) -> Outcome {
    assert_eq!(at(stage, node)?, (vec![], vec![]), "at the moment when the run has ended");
    Ok(())
}

fn nobody_left(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let (mut sessions, mut stranger) = crowd(stage)?;
    let ran = stage.swap("").end();
    nobody_at(stage, Node::Db1)?;
    ran.ends(0);
    stage.note(ran.note("end-sessions-write-db1"));
    // each of them was told; whoever did not hear of it would wait for hours
    stranger.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let heard = std::io::copy(&mut stranger, &mut std::io::sink());
    let waits = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!heard.as_ref().is_err_and(waits), "{heard:?}: {ran}");
    for session in &mut sessions {
        let begun = Instant::now();
        assert!(session.exec("SELECT 1").is_err() && begun.elapsed() < Duration::from_secs(10), "{ran}");
    }
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// Their cable is out: no goodbye reaches them, and nothing of them reaches the node.
fn nobody_left_out_of_reach(stage: &Stage<'_>) -> Outcome {
    let crowd = crowd(stage)?;
    stage.lab.cable(Host::Clients, false)?;
    let ran = stage.swap("").end();
    let left = nobody_at(stage, Node::Db1);
    stage.lab.cable(Host::Clients, true)?;
    left?;
    ran.ends(0);
    stage.note(ran.note("end-sessions-write-db1"));
    drop(crowd);
    stage.stands(&[Node::Db2], Node::Db2);
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// It stays where it is, and the move goes on.
fn above_us(stage: &Stage<'_>) -> Outcome {
    let admin = stage.lab.admin(Node::Db1);
    let password = random(b"abcdefghijkmnopqrstuvwxyz23456789", 24)?;
    admin.exec(&format!("CREATE USER 'dba'@'%' IDENTIFIED BY '{password}'"))?;
    admin.exec("GRANT ALL ON *.* TO 'dba'@'%' WITH GRANT OPTION")?;
    stage.lab.settle()?;
    let opts = OptsBuilder::default()
        .ip_or_hostname(WRITE_ADDRESS)
        .tcp_port(3306)
        .user(Some("dba"))
        .pass(Some(password.as_str()));
    let namespace = net::open_namespace(stage.lab.id(), Host::Clients)?;
    let mut dba = Session::open("dba", opts, Some(&namespace))?;
    assert_eq!(dba.value("SELECT @@server_id")?, "1");
    let scene = stage.scene()?;
    let ran = stage.swap("").end();
    ran.ends(0);
    let note = ran.note("end-sessions-write-db1");
    assert!(note.contains("1 session(s) may not be ended by flipper's account"), "`{note}`: {ran}");
    stage.note(note);
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    drop(dba);
    admin.exec("DROP USER 'dba'@'%'")?;
    stage.lab.settle()
}

/// It is ended before the read lock is let go, and its row is nowhere.
fn waiting_root(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    let admin = stage.lab.admin(Node::Db1);
    let own = || -> Result<String> {
        let state = admin.value("SELECT @@GLOBAL.gtid_binlog_state")?;
        Ok(state.split(',').find(|gtid| gtid.split('-').nth(1) == Some("1")).unwrap_or_default().to_owned())
    };
    let before = own()?;
    let mut root = admin.session()?;
    let id = root.id();
    let write = std::thread::spawn(move || root.exec("UPDATE app.scratch SET x=x+1000 WHERE id=1"));
    wait_until("the write waits", SERVED, || {
        let state = admin.value(&format!("SELECT state FROM information_schema.processlist WHERE id={id}"))?;
        Ok(state.contains("lock").then_some(()))
    })?;
    held.let_go();
    let ran = held.run.end();
    ran.ends(0);
    wait_until("the write has ended", SERVED, || Ok(write.is_finished().then_some(())))?;
    let ended = write.join().expect("the thread");
    assert!(ended.is_err(), "it was ended: {ran}");
    assert_eq!(own()?, before, "nothing was written on the old writer: {ran}");
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// `read_only` would not keep it from committing: it is rolled back before the read lock is let go.
fn idle_root(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let admin = stage.lab.admin(Node::Db1);
    let mut root = admin.session()?;
    let before = admin.value("SELECT x FROM app.scratch WHERE id=1")?;
    root.exec("BEGIN")?;
    root.exec("UPDATE app.scratch SET x=x+1000 WHERE id=1")?;
    let ran = Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end();
    let note = ran.ends(0).note("release-db1");
    assert!(note.contains("1 session(s) of db1 ended"), "`{note}`: {ran}");
    stage.note(note);
    assert!(root.exec("COMMIT").is_err(), "it was ended: {ran}");
    stage.stands(&[Node::Db2], Node::Db2);
    stage.over(scene, &ran, 1)?;
    stage.lab.settle()?;
    for node in Node::BOTH {
        assert_eq!(stage.lab.admin(node).value("SELECT x FROM app.scratch WHERE id=1")?, before, "{}", node.name());
    }
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}
