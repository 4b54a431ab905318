//! A pair that is not fit to be moved: refused, with every reason, and nothing is changed.

use crate::bench::Bench;
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Host, Node, Server, replication};
use crate::ran::Ran;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("replication is stopped", stopped),
    ("both nodes accept writes", both_open),
    ("no node accepts writes", none_open),
    ("the standby has transactions of its own", diverged),
    ("a prepared XA transaction", prepared_xa),
];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[("an address on both nodes, an address nowhere", address_count)];

/// Plan, apply, and apply for a program: all say no for this reason.
fn refused(bench: &Bench<'_>, code: &str) -> Ran {
    let before = bench.look();
    let plan = bench.flipper(&["plan", "lab", "swap"]);
    plan.ends(11).says(code).says("Nothing was changed");
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(11).says(code);
    let ran = bench.flipper(&["--json", "apply", "lab", "swap", "--yes"]);
    let said = ran.ends(11).objects().pop().expect("a refusal");
    let codes = said["reasons"].as_array().cloned().unwrap_or_default();
    assert!(codes.iter().any(|reason| reason["code"] == code), "{ran}");
    bench.unchanged(&before);
    plan
}

fn stopped(bench: &Bench<'_>) -> Outcome {
    for (node, thread) in [(Node::Db1, "IO_THREAD"), (Node::Db2, "SQL_THREAD")] {
        let admin = bench.lab.admin(node);
        admin.exec(&format!("STOP REPLICA {thread}"))?;
        match node {
            // as a failover leaves it: nobody starts it by hand before both nodes were compared
            Node::Db1 => {
                refused(bench, "deposed").says("rejoin db2").never_says("replication-stopped");
            }
            Node::Db2 => {
                refused(bench, "replication-stopped").says("db2").says("on purpose");
            }
        }
        admin.exec(&format!("START REPLICA {thread}"))?;
        replication::wait_running(&admin, node)?;
    }
    Ok(())
}

fn both_open(bench: &Bench<'_>) -> Outcome {
    bench.lab.admin(Node::Db2).exec("SET GLOBAL read_only=OFF")?;
    refused(bench, "both-open").says("db1 and db2 both accept writes");
    bench.flipper(&["status", "lab"]).ends(0);
    bench.fence(Node::Db2)
}

fn none_open(bench: &Bench<'_>) -> Outcome {
    bench.fence(Node::Db1)?;
    refused(bench, "none-open").says("neither db1 nor db2 accepts writes");
    bench.lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")
}

fn diverged(bench: &Bench<'_>) -> Outcome {
    let (writer, standby) = (bench.lab.admin(Node::Db1), bench.lab.admin(Node::Db2));
    // or the writer would have it a moment later
    writer.exec("STOP REPLICA")?;
    let open = match bench.server() {
        Server::MySql => "SET GLOBAL super_read_only=OFF",
        // root writes through a fence of MariaDB
        Server::MariaDb => "DO 0",
    };
    let row = "INSERT INTO app.load (client, seq, server) VALUES (800001, 1, @@server_id)";
    standby.exec_all(&[open, row, bench.server().fence()])?;
    refused(bench, "diverged").says("db2 has transactions that db1 lacks").says("replication-stopped");
    writer.exec("START REPLICA")?;
    bench.lab.settle()
}

fn address_count(bench: &Bench<'_>) -> Outcome {
    let ip = |host: Host, verb: &str, address: &str| {
        let address = format!("{address}/32");
        let output = bench.lab.on(host, &["ip", "addr", verb, &address, "dev", "eth0"])?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Outcome::Ok(())
    };
    ip(Host::Db2, "add", WRITE_ADDRESS)?;
    refused(bench, "address-on-both").says("write");
    ip(Host::Db2, "del", WRITE_ADDRESS)?;
    ip(Host::Db2, "del", READ_ADDRESS)?;
    bench.flipper(&["plan", "lab", "swap", "read"]).ends(11).says("address-nowhere").says("up read");
    ip(Host::Db2, "add", READ_ADDRESS)
}

fn prepared_xa(bench: &Bench<'_>) -> Outcome {
    let writer = bench.lab.admin(Node::Db1);
    let mut session = writer.session()?;
    let row = "INSERT INTO app.load (client, seq, server) VALUES (800002, 1, @@server_id)";
    for sql in ["XA START 'x'", row, "XA END 'x'", "XA PREPARE 'x'"] {
        session.exec(sql)?;
    }
    // of a session that has gone, as after a crash of an application server
    drop(session);
    refused(bench, "prepared-xa").says("db1: 1 prepared XA transaction");
    writer.exec("XA ROLLBACK 'x'")
}
