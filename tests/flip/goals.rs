//! Every goal, from a pair in order and from what a cut-off move or a person has left behind.

use std::time::Duration;

use crate::bench::Bench;
use crate::lab::error::{LabError, Result};
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Host, Node};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("a node is drained and gets its roles back, under load", drained),
    ("a role goes down and comes up on the other node", down_and_up),
    ("a move that was cut off after the fence is finished, or taken back", cut_off_fenced),
    ("a move that was cut off after the opening is finished, or taken back", cut_off_open),
    ("the stray one of two writers is closed", stray_writer),
];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("a goal file says where every role belongs", goal_file),
    ("an address on both nodes is taken from the wrong one", address_on_both),
    ("an overridden finding is in the plan", overridden),
    ("neighbours are told again, by the holder only", told_again),
];

const SERVED: Duration = Duration::from_secs(10);

fn apply(bench: &Bench<'_>, goal: &[&str]) {
    bench.flipper(&[&["apply", "lab"], goal, &["--yes"]].concat()).ends(0);
    // at the goal there is nothing to do
    let again = bench.flipper(&[&["plan", "lab"], goal, &["--detailed-exitcode"]].concat());
    again.ends(0).answers("Nothing to do");
}

fn holders(bench: &Bench<'_>, address: &str) -> Result<Vec<Node>> {
    let mut holders = vec![];
    for node in Node::BOTH {
        let held = bench.lab.addresses(node)?;
        if held.iter().any(|held| held.starts_with(&format!("{address}/"))) {
            holders.push(node);
        }
    }
    Ok(holders)
}

fn nobody_writes(bench: &Bench<'_>) -> Outcome {
    for node in Node::BOTH {
        assert!(!bench.is_open(node)?, "{} is open", node.name());
    }
    Ok(())
}

fn ip(bench: &Bench<'_>, host: Host, verb: &str, address: &str) -> Outcome {
    let address = format!("{address}/32");
    let output = bench.lab.on(host, &["ip", "addr", verb, &address, "dev", "eth0"])?;
    match output.status.success() {
        true => Ok(()),
        false => Err(LabError::new(format!("ip addr {verb}"), String::from_utf8_lossy(&output.stderr))),
    }
}

fn drained(bench: &Bench<'_>) -> Outcome {
    let load = bench.lab.load(3, 150)?;
    load.wait_for(50, SERVED)?;
    // the read role is there already
    apply(bench, &["drain", "db1"]);
    bench.serves_from(Node::Db2)?;
    assert_eq!(holders(bench, READ_ADDRESS)?, [Node::Db2]);
    load.wait_for(50, SERVED)?;
    // now both leave
    apply(bench, &["drain", "db2"]);
    bench.serves_from(Node::Db1)?;
    assert_eq!(holders(bench, READ_ADDRESS)?, [Node::Db1]);
    load.wait_for(50, SERVED)?;
    apply(bench, &["set", "read", "db2"]);
    let report = load.stop()?;
    assert_eq!(report.changes().len(), 2, "{report}");
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}

fn down_and_up(bench: &Bench<'_>) -> Outcome {
    let load = bench.lab.load(3, 150)?;
    load.wait_for(50, SERVED)?;
    apply(bench, &["down", "write"]);
    assert_eq!(holders(bench, WRITE_ADDRESS)?, []);
    nobody_writes(bench)?;
    // nor is anybody left who could read old data by a way that leads nowhere
    for node in Node::BOTH {
        let left = bench
            .lab
            .admin(node)
            .rows("SELECT id, user, host, time FROM information_schema.processlist WHERE user='app'")?;
        assert!(left.is_empty(), "{}: {left:?}", node.name());
    }
    // "the other node" has no meaning for it; the other role is another matter
    bench.flipper(&["plan", "lab", "swap", "write"]).ends(11).says("address-nowhere").says("up write");
    bench.flipper(&["plan", "lab", "swap"]).ends(0).answers("nobody");
    apply(bench, &["up", "write", "db2"]);
    bench.serves_from(Node::Db2)?;
    bench.flipper(&["plan", "lab", "up", "write", "db1"]).ends(11).says("address-elsewhere").says("set write db1");
    load.wait_for(50, SERVED)?;
    apply(bench, &["down", "read"]);
    assert_eq!(holders(bench, READ_ADDRESS)?, []);
    apply(bench, &["up", "read", "db2"]);
    apply(bench, &["set", "write", "db1"]);
    load.wait_for(50, SERVED)?;
    let report = load.stop()?;
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}

fn cut_off_fenced(bench: &Bench<'_>) -> Outcome {
    for (goal, writer) in [("db1", Node::Db1), ("db2", Node::Db2), ("db1", Node::Db1)] {
        let load = bench.lab.load(2, 100)?;
        load.wait_for(20, SERVED)?;
        for node in Node::BOTH {
            bench.fence(node)?;
        }
        bench.flipper(&["plan", "lab", "swap", "write"]).ends(11).says("none-open").says("set write");
        apply(bench, &["set", "write", goal]);
        bench.serves_from(writer)?;
        load.wait_for(20, SERVED)?;
        let verdict = load.stop()?.check(bench.lab)?;
        assert!(verdict.is_clean(), "{verdict:?}");
        bench.lab.settle()?;
    }
    Ok(())
}

fn cut_off_open(bench: &Bench<'_>) -> Outcome {
    for (goal, writer) in [("db1", Node::Db1), ("db2", Node::Db2)] {
        bench.lab.settle()?;
        bench.fence(Node::Db1)?;
        bench.lab.admin(Node::Db2).exec("SET GLOBAL read_only=OFF")?;
        bench.flipper(&["plan", "lab", "swap"]).ends(11).says("writer-elsewhere").says("set write db2");
        apply(bench, &["set", "write", goal]);
        bench.serves_from(writer)?;
    }
    apply(bench, &["set", "write", "db1"]);
    Ok(())
}

fn stray_writer(bench: &Bench<'_>) -> Outcome {
    bench.lab.admin(Node::Db2).exec("SET GLOBAL read_only=OFF")?;
    bench.flipper(&["plan", "lab", "set", "write", "db2"]).ends(11).says("both-open").says("set write db1");
    apply(bench, &["set", "write", "db1"]);
    bench.serves_from(Node::Db1)
}

fn goal_file(bench: &Bench<'_>) -> Outcome {
    let exchanged = bench.file("ron", "{ \"write\": \"db2\", \"read\": \"db1\" }\n");
    let home = bench.file("ron", "// where the roles belong\n{ \"write\": \"db1\", \"read\": \"db2\" }\n");
    apply(bench, &["--goal", &exchanged]);
    bench.serves_from(Node::Db2)?;
    assert_eq!(holders(bench, READ_ADDRESS)?, [Node::Db1]);
    // the goal is in the plan file, not the path to it
    let plan = bench.new_path("plan.ron").display().to_string();
    bench.flipper(&["plan", "lab", "--goal", &home, "-o", &plan]).ends(0).answers("read on db2, write on db1");
    std::fs::remove_file(&home).expect("the goal file");
    bench.flipper(&["apply", &plan, "--yes"]).ends(0);
    bench.serves_from(Node::Db1)?;
    let wrong = bench.file("ron", "{ \"wrote\": \"db2\" }");
    bench.flipper(&["plan", "lab", "--goal", &wrong]).ends(3).says("did you mean `write`?");
    bench.flipper(&["plan", "lab", "swap", "--goal", &exchanged]).ends(2).says("two goals");
    Ok(())
}

fn address_on_both(bench: &Bench<'_>) -> Outcome {
    ip(bench, Host::Db2, "add", WRITE_ADDRESS)?;
    bench.flipper(&["plan", "lab", "swap", "write"]).ends(11).says("address-on-both").says("set write");
    apply(bench, &["set", "write", "db1"]);
    bench.serves_from(Node::Db1)?;
    ip(bench, Host::Db1, "add", READ_ADDRESS)?;
    apply(bench, &["set", "read", "db2"]);
    ip(bench, Host::Db1, "del", WRITE_ADDRESS)?;
    bench.flipper(&["plan", "lab", "swap", "write"]).ends(11).says("address-nowhere").says("up write");
    apply(bench, &["up", "write", "db1"]);
    bench.serves_from(Node::Db1)
}

fn overridden(bench: &Bench<'_>) -> Outcome {
    let admin = bench.lab.admin(Node::Db1);
    admin.exec("STOP REPLICA")?;
    // the writer does not follow: after the move nobody would, unless somebody says that this is meant
    bench.flipper(&["plan", "lab", "swap", "write"]).ends(11).says("replication-stopped");
    let over = ["plan", "lab", "swap", "write", "--override", "replication-stopped"];
    bench.flipper(&over).ends(0).answers("Overridden").answers("replication-stopped");
    // the other direction is what carries the last transactions: nobody can override that
    admin.exec("START REPLICA")?;
    crate::lab::replication::wait_running(&admin, Node::Db1)?;
    let standby = bench.lab.admin(Node::Db2);
    standby.exec("STOP REPLICA")?;
    bench.flipper(&over).ends(11).says("replication-stopped");
    standby.exec("START REPLICA")?;
    crate::lab::replication::wait_running(&standby, Node::Db2)?;
    bench.flipper(&["plan", "lab", "swap", "--override", "nothing"]).ends(2).says("no check `nothing`");
    Ok(())
}

/// A client whose neighbour table is wrong when the move is over is put right by the announcements that follow it; after
/// a move back within that time, those of the first move stay away.
fn told_again(bench: &Bench<'_>) -> Outcome {
    let lladdr = |node: Node| -> Result<String> {
        let shown = bench.lab.on(node.host(), &["cat", "/sys/class/net/eth0/address"])?;
        Ok(String::from_utf8_lossy(&shown.stdout).trim().to_owned())
    };
    let spoil = || -> Outcome {
        let words =
            ["ip", "neigh", "replace", WRITE_ADDRESS, "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale"];
        bench.lab.on(Host::Clients, &words).map(drop)
    };
    let believed = || -> Result<String> {
        let shown = bench.lab.on(Host::Clients, &["ip", "neigh", "show", WRITE_ADDRESS, "dev", "eth0"])?;
        Ok(String::from_utf8_lossy(&shown.stdout).into_owned())
    };
    bench.flipper(&["apply", "lab", "set", "write", "db2", "--yes"]).ends(0);
    spoil()?;
    let db2 = lladdr(Node::Db2)?;
    crate::lab::run::wait_until("the client hears it again", Duration::from_secs(8), || {
        Ok(believed()?.contains(&db2).then_some(()))
    })?;
    // the second of them would come a few seconds from now, and db2 is no longer the holder then
    bench.flipper(&["apply", "lab", "set", "write", "db1", "--yes"]).ends(0);
    let db1 = lladdr(Node::Db1)?;
    for _ in 0..60 {
        std::thread::sleep(Duration::from_millis(100));
        assert!(!believed()?.contains(&db2), "a node that does not hold the address announced it");
    }
    assert!(believed()?.contains(&db1), "{}", believed()?);
    Ok(())
}
