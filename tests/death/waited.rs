//! Semi-synchronous replication: what the survivor can say of it, and what it cannot.

use std::time::Duration;

use rustix::process::Signal;

use crate::dies::returns;
use crate::lab::run::wait_until;
use crate::lab::{Host, Node, Server};
use crate::scene::{SERVED, Theatre, evidence, starts};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("semi-synchronous to the end, and given up before", semi_sync)];

/// Twice the survivor says the same: its receiver was semi-synchronous. Where the dead one had waited for it all the time,
/// nothing that it acknowledged is lost; where it had given up waiting, something is.
fn semi_sync(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    install(theatre)?;
    for (gives_up, name) in [(false, "semi-synchronous to the end"), (true, "semi-synchronous, given up before")] {
        waits(theatre, if gives_up { 300 } else { 60_000 })?;
        let mut scene = theatre.scene()?;
        theatre.stage.cut(Host::Db1, Host::Db2, true)?;
        if gives_up {
            scene.load.wait_for(60, SERVED)?;
        } else {
            // what is under way is acknowledged still
            wait_until("nothing more is acknowledged", Duration::from_secs(10), || {
                let acked = scene.load.acked();
                std::thread::sleep(Duration::from_millis(500));
                Ok((scene.load.acked() == acked).then_some(()))
            })?;
            let acked = scene.load.acked();
            std::thread::sleep(Duration::from_millis(1500));
            assert_eq!(scene.load.acked(), acked, "nothing is acknowledged that nobody has received");
        }
        scene.dies(|| lab.stop_server(Node::Db1, Signal::KILL))?;
        theatre.stage.cut(Host::Db1, Host::Db2, false)?;
        let asked = scene.asks(theatre, &["--accept-loss"]);
        let seen = evidence(asked.ends(0));
        assert_eq!(seen["witness"]["semi_sync"]["known"], true, "{seen}");
        let text = seen["seen"].to_string();
        assert!(
            text.contains("its receiver is semi-synchronous") && text.contains("cannot be seen from db2"),
            "{text}"
        );
        let lost = scene.fails_over(theatre, name, &["--accept-loss"])?;
        // some of the sixty may have been on their way
        assert!(if gives_up { lost >= 50 } else { lost == 0 }, "{lost} rows lost: {asked}");
        starts(theatre, Node::Db1)?;
        returns(theatre)?;
    }
    uninstall(theatre)
}

/// How a source and a replica are called in these variables.
fn words(server: Server) -> (&'static str, &'static str) {
    match server {
        Server::MySql => ("source", "replica"),
        Server::MariaDb => ("master", "slave"),
    }
}

/// MySQL has them in plugins, MariaDB in itself.
fn install(theatre: &Theatre<'_>) -> Outcome {
    if theatre.lab().server() == Server::MySql {
        let of = |word: &str| format!("INSTALL PLUGIN rpl_semi_sync_{word} SONAME 'semisync_{word}.so'");
        theatre.lab().admin(Node::Db1).exec(&of("source"))?;
        // a plugin is written down, even where nothing else may be
        let open = ["SET GLOBAL super_read_only=OFF", &of("replica"), "SET GLOBAL super_read_only=ON"];
        theatre.lab().admin(Node::Db2).exec_all(&open)?;
    }
    Ok(())
}

/// As before: db2 follows without acknowledging anything.
fn uninstall(theatre: &Theatre<'_>) -> Outcome {
    let (db1, db2) = (theatre.lab().admin(Node::Db1), theatre.lab().admin(Node::Db2));
    match theatre.lab().server() {
        Server::MariaDb => {
            db2.exec_all(&["STOP SLAVE IO_THREAD", "SET GLOBAL rpl_semi_sync_slave_enabled=0", "START SLAVE IO_THREAD"])
        }
        Server::MySql => {
            db2.exec_all(&[
                "STOP REPLICA IO_THREAD",
                "SET GLOBAL super_read_only=OFF",
                "UNINSTALL PLUGIN rpl_semi_sync_replica",
                "SET GLOBAL super_read_only=ON",
                "START REPLICA IO_THREAD",
            ])?;
            // not before it has noticed that nobody acknowledges any more
            wait_until("the source's plugin goes", SERVED, || {
                db1.exec("UNINSTALL PLUGIN rpl_semi_sync_source").map(Some)
            })
        }
    }
}

/// Every commit on db1 waits for db2, at most so many milliseconds: then db1 goes on without it.
fn waits(theatre: &Theatre<'_>, at_most: u32) -> Outcome {
    let lab = theatre.lab();
    let (source, replica) = words(lab.server());
    let word = if lab.server() == Server::MySql { "REPLICA" } else { "SLAVE" };
    lab.admin(Node::Db1).exec_all(&[
        &format!("SET GLOBAL rpl_semi_sync_{source}_timeout={at_most}"),
        &format!("SET GLOBAL rpl_semi_sync_{source}_enabled=1"),
    ])?;
    lab.admin(Node::Db2).exec_all(&[
        &format!("SET GLOBAL rpl_semi_sync_{replica}_enabled=1"),
        &format!("STOP {word} IO_THREAD"),
        &format!("START {word} IO_THREAD"),
    ])?;
    wait_until("db2 acknowledges what db1 commits", SERVED, || {
        let clients = format!("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_{source}_clients'");
        let clients = lab.admin(Node::Db1).rows(&clients)?.concat();
        Ok((clients.last() == Some(&Some("1".to_owned()))).then_some(()))
    })
}
