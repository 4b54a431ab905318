//! Servers that do not log what they apply, as MariaDB does unless it is told to: each one's log has its own transactions
//! only, and what came from the other one is known by the replica's position.

use rustix::process::Signal;

use crate::dies::returns;
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Node, replication};
use crate::scene::{SERVED, Theatre, starts};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("neither logs what it applies", unlogged)];

fn unlogged(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    restarted(theatre, Some("[mariadbd]\nread_only=ON\nlog_slave_updates=OFF\n"))?;
    theatre.flipper(&["check", "lab"]).ends(0).says("applied-not-logged");
    // roles go there and back while clients write, and rest for a while at each end
    let scene = theatre.scene()?;
    for writer in [Node::Db2, Node::Db1] {
        theatre.moves(&["swap"]);
        assert_eq!(theatre.holders(WRITE_ADDRESS), [writer]);
        assert_eq!(theatre.holders(READ_ADDRESS), [writer.other()]);
        scene.load.wait_for(60, SERVED)?;
    }
    let report = scene.load.stop()?;
    assert_eq!(report.changes().len(), 2, "{report}");
    lab.settle()?;
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{verdict:?}: {report}");
    // nobody writes: what the other one wrote last is all that there is to wait for
    theatre.stage.moves();
    // the receivers find their places again in logs that have half of all transactions
    for node in Node::BOTH {
        lab.admin(node).exec_all(&["STOP SLAVE", "START SLAVE"])?;
        replication::wait_running(&lab.admin(node), node)?;
    }
    theatre.stage.moves();
    for errant in [false, true] {
        let mut scene = theatre.scene()?;
        scene.dies(|| lab.stop_server(Node::Db1, Signal::KILL))?;
        scene.asks(theatre, &["--accept-loss"]).ends(0);
        scene.fails_over(theatre, "logs its own transactions only", &["--accept-loss"])?;
        starts(theatre, Node::Db1)?;
        if errant {
            lab.admin(Node::Db1).exec_all(&[
                "SET GLOBAL read_only=OFF",
                "INSERT INTO app.load (client, seq, server) VALUES (900001, 0, 1)",
                "SET GLOBAL read_only=ON",
            ])?;
            theatre.flipper(&["plan", "lab", "rejoin", "db1"]).ends(11).says("second-history");
        }
        returns(theatre)?;
    }
    restarted(theatre, None)
}

/// Both start anew with this file, db1 as the writer.
fn restarted(theatre: &Theatre<'_>, file: Option<&str>) -> Outcome {
    let lab = theatre.lab();
    for node in Node::BOTH {
        lab.option_file(node, file)?;
        lab.stop_server(node, Signal::TERM)?;
        starts(theatre, node)?;
    }
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    lab.settle()
}
