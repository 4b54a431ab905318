//! Sessions that are in the way: above flipper's account, or past the network.

use std::time::Duration;

use mysql_async::OptsBuilder;

use crate::lab::net::{self, WRITE_ADDRESS};
use crate::lab::run::{random, wait_until};
use crate::lab::session::Session;
use crate::lab::{Host, Node};
use crate::stage::{SERVED, Stage};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[];

pub(crate) const MYSQL: &[Case] = &[("a session that flipper may not end", above_us)];

pub(crate) const MARIADB: &[Case] = &[("an administrator's write waits behind the fence", waiting_root)];

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
    let mut held = stage.held("")?;
    let admin = stage.lab.admin(Node::Db1);
    let own = || -> crate::lab::error::Result<String> {
        let state = admin.value("SELECT @@GLOBAL.gtid_binlog_state")?;
        Ok(state.split(',').find(|gtid| gtid.split('-').nth(1) == Some("1")).unwrap_or_default().to_owned())
    };
    let before = own()?;
    let mut root = admin.session()?;
    let id = root.id();
    let write = std::thread::spawn(move || root.exec("UPDATE app.scratch SET x=x+1000 WHERE id=1"));
    wait_until("the write waits", Duration::from_secs(2), || {
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
