//! It dies in the middle of sending: its peer has the beginning of a transaction whose end never comes.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::lab::net::{self, WRITE_ADDRESS};
use crate::lab::run::wait_until;
use crate::lab::{Host, Node, Server, User, replication};
use crate::scene::{Theatre, starts};
use crate::watched::Watched;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("it dies in the middle of sending a transaction", large),
    ("flipper is killed while that is rolled back, and resumed", resumed),
    ("flipper is killed while that is rolled back, and it is taken back", taken_back),
    ("an XA transaction is prepared, and nobody is left who decides it", prepared),
];

/// Some 13 MB in its source's log: sent for a dozen seconds.
const ROWS: u32 = 32_768;

/// MySQL's applier waits for the rest for a minute, unless it is killed.
const MINUTE: Duration = Duration::from_secs(60);

/// What nobody waits for is done at once, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The writer commits a large transaction, of which some has come in and is applied.
fn sends(theatre: &Theatre<'_>) -> Outcome {
    let (lab, [db1, db2]) = (theatre.lab(), Node::BOTH.map(|node| theatre.lab().admin(node)));
    db1.exec_all(&[
        "CREATE TABLE app.half (id INT PRIMARY KEY, x INT NOT NULL, pad CHAR(200) NOT NULL) ENGINE=InnoDB",
        "INSERT INTO app.half VALUES (1, 0, REPEAT('a', 200))",
    ])?;
    let mut rows = 1;
    while rows < ROWS {
        db1.exec(&format!("INSERT INTO app.half SELECT id + {rows}, 0, pad FROM app.half"))?;
        rows *= 2;
    }
    wait_until("the standby has the table", Duration::from_secs(60), || {
        let there = db2.value("SELECT COUNT(*) FROM app.half").unwrap_or_default();
        Ok((there == ROWS.to_string()).then_some(()))
    })?;
    net::narrow(lab.id(), Host::Db2, true)?;
    db1.exec("UPDATE app.half SET x = 1")?;
    wait_until(
        "the standby has begun to apply it",
        Duration::from_secs(30),
        || Ok((held(theatre)? > 500).then_some(())),
    )
}

/// How many rows the standby's applier has changed, in a transaction that is not at its end.
fn held(theatre: &Theatre<'_>) -> Result<u64, crate::LabError> {
    // InnoDB tells whoever asks more often the same again
    std::thread::sleep(Duration::from_millis(150));
    let rows = theatre.lab().admin(Node::Db2).value(
        "SELECT COALESCE(MAX(t.trx_rows_modified), 0) FROM information_schema.innodb_trx t JOIN \
         information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'system user'",
    )?;
    Ok(rows.parse().unwrap_or_default())
}

/// It dies now; the rest is never sent.
fn dies(theatre: &Theatre<'_>) -> Outcome {
    theatre.lab().stop_server(Node::Db1, Signal::KILL)?;
    net::narrow(theatre.lab().id(), Host::Db2, false)
}

fn apply(theatre: &Theatre<'_>) -> Watched {
    let words = ["--json", "apply", "lab", "fail", "db1", "--yes", "--accept-loss"];
    Watched::start(theatre.stage.command(&words))
}

fn threads(theatre: &Theatre<'_>) -> Result<[String; 2], crate::LabError> {
    let channel = theatre.lab().admin(Node::Db2).named("SHOW REPLICA STATUS")?;
    Ok(["IO", "SQL"].map(|thread| {
        let names = ["Replica", "Slave"].map(|word| format!("{word}_{thread}_Running"));
        names.iter().find_map(|name| channel.get(name).cloned().flatten()).unwrap_or_default()
    }))
}

/// Clients change and remove rows that the dead one's transaction had changed, and the table itself.
fn nobody_waits(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let begun = Instant::now();
    let mut client = lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    client.exec("UPDATE app.half SET pad = 'b' WHERE id = 1")?;
    client.exec("DELETE FROM app.half WHERE id BETWEEN 2 AND 9")?;
    let took = begun.elapsed();
    assert!(took < AT_ONCE, "clients waited for {took:?}");
    lab.admin(Node::Db2).exec_all(&["SET SESSION lock_wait_timeout = 5", "ALTER TABLE app.half ADD COLUMN y INT"])?;
    assert_eq!(lab.admin(Node::Db2).value("SELECT COUNT(*) FROM app.half WHERE x <> 0")?, "0", "nothing of it stays");
    theatre.stage.note(format!("rows changed in {} ms", took.as_millis()));
    Ok(())
}

/// Its log has the whole of it: it is built anew. The writer's applier does not begin it again, on rows that have gone.
fn returns(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mysql = lab.server() == Server::MySql;
    starts(theatre, Node::Db1)?;
    let elsewhere = || {
        let mut command = theatre.stage.command(&["status", "lab"]);
        command.env("XDG_STATE_HOME", lab.dir().join("elsewhere"));
        Watched::start(command).end().text()
    };
    assert!(elsewhere().contains("its receiver from db1 was stopped"), "{}", elsewhere());
    theatre.flipper(&["plan", "lab", "set", "read", "db1"]).ends(11).says("deposed");
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    asked.ends(11).says("second-history");
    match mysql {
        true => asked.says("half-received").says("RESET REPLICA"),
        false => asked.never_says("half-received"),
    };
    lab.admin(Node::Db1).exec_all(&["SET SESSION sql_log_bin=0", "DROP TABLE app.half"])?;
    theatre.rebuild(Node::Db1)?;
    if mysql {
        theatre.flipper(&["plan", "lab", "rejoin", "db1"]).ends(11).says("half-received").never_says("second-history");
        lab.admin(Node::Db2).exec("RESET REPLICA")?;
    }
    theatre.rejoins(Node::Db1)?;
    gone(theatre)
}

fn gone(theatre: &Theatre<'_>) -> Outcome {
    theatre.lab().admin(Node::Db1).exec("DROP TABLE IF EXISTS app.half")
}

fn large(theatre: &Theatre<'_>) -> Outcome {
    let mut scene = theatre.scene()?;
    sends(theatre)?;
    scene.dies(|| dies(theatre))?;
    let asked = scene.asks(theatre, &["--accept-loss"]);
    let evidence = asked.ends(0).to_string();
    assert!(evidence.contains("of a transaction whose end has not come"), "{evidence}");
    assert!(held(theatre)? > 0, "its applier waits for the rest");
    scene.says_yes();
    let ran = apply(theatre).end_within(MINUTE * 2);
    let note = ran.ends(0).note("roll-back-db2");
    assert!(note.contains("rolled back, and the applier stopped"), "{note}: {ran}");
    nobody_waits(theatre)?;
    scene.serves(theatre, "in the middle of sending", &ran)?;
    assert_eq!(threads(theatre)?, ["No", "No"]);
    returns(theatre)
}

/// flipper is killed at that step, once it has told the applier to stop, or before.
fn killed(theatre: &Theatre<'_>, told: bool) -> Outcome {
    let lab = theatre.lab();
    let mut run = apply(theatre);
    // it looks for a second and a half before it tells it
    run.wait_for("step-started", "roll-back-db2");
    run.signal(Signal::KILL);
    drop(run.end());
    assert_eq!(theatre.stage.open(), []);
    assert!(held(theatre)? > 0, "its applier waits for the rest");
    if told {
        let db2 = lab.admin(Node::Db2);
        match lab.server() {
            Server::MySql => {
                let thread =
                    "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0";
                db2.exec(&format!("KILL {}", db2.value(thread)?))?;
            }
            Server::MariaDb => db2.exec("STOP SLAVE SQL_THREAD")?,
        }
        wait_until("the applier has stopped", MINUTE, || Ok((threads(theatre)?[1] == "No").then_some(())))?;
        assert_eq!(held(theatre)?, 0);
    }
    theatre.stage.was_killed(Duration::from_secs(35))?;
    let status = theatre.status();
    assert!(status.contains("flipper abort lab"), "{status}");
    Ok(())
}

fn resumed(theatre: &Theatre<'_>) -> Outcome {
    // who may end a replication thread need not wait for MySQL's minute
    let may = |word: &str| match theatre.lab().server() {
        Server::MySql => theatre.lab().admin(Node::Db1).exec(&format!("{word} 'flipper'@'10.77.0.%'")),
        Server::MariaDb => Ok(()),
    };
    may("GRANT SYSTEM_USER ON *.* TO")?;
    let mut scene = theatre.scene()?;
    sends(theatre)?;
    scene.dies(|| dies(theatre))?;
    scene.asks(theatre, &["--accept-loss"]).ends(0);
    scene.says_yes();
    killed(theatre, false)?;
    let begun = Instant::now();
    let ran = theatre.flipper(&["--json", "resume", "lab", "--yes"]);
    ran.ends(0);
    let took = begun.elapsed();
    assert!(took < MINUTE / 2, "it took {took:?}: {ran}");
    nobody_waits(theatre)?;
    scene.serves(theatre, "the same, flipper killed meanwhile", &ran)?;
    returns(theatre)?;
    may("REVOKE SYSTEM_USER ON *.* FROM")?;
    theatre.lab().settle()
}

/// The pair is as it was: when the dead one is back, all of it is fetched again.
fn taken_back(theatre: &Theatre<'_>) -> Outcome {
    for told in [false, true] {
        taken_back_from(theatre, told)?;
    }
    Ok(())
}

fn taken_back_from(theatre: &Theatre<'_>, told: bool) -> Outcome {
    let lab = theatre.lab();
    parallel(theatre, 4)?;
    sends(theatre)?;
    dies(theatre)?;
    killed(theatre, told)?;
    theatre.flipper(&["--json", "abort", "lab", "--yes"]).ends(0);
    let [receiver, applier] = threads(theatre)?;
    assert!(receiver != "No" && applier == "Yes", "{receiver}, {applier}");
    assert!(!theatre.status().contains("was declared dead"));
    starts(theatre, Node::Db1)?;
    wait_until("the standby has all of it", Duration::from_secs(60), || {
        let there = lab.admin(Node::Db2).value("SELECT COUNT(*) FROM app.half WHERE x = 1")?;
        Ok((there == ROWS.to_string()).then_some(()))
    })?;
    replication::wait_running(&lab.admin(Node::Db2), Node::Db2)?;
    // it was the writer, and nobody has taken its place
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    gone(theatre)?;
    lab.settle()?;
    parallel(theatre, 0)
}

/// How many workers the standby's applier has on MariaDB; MySQL's has some by itself.
fn parallel(theatre: &Theatre<'_>, workers: u32) -> Outcome {
    if theatre.lab().server() == Server::MySql {
        return Ok(());
    }
    theatre.lab().admin(Node::Db2).exec_all(&[
        "STOP SLAVE SQL_THREAD",
        &format!("SET GLOBAL slave_parallel_threads = {workers}"),
        "START SLAVE SQL_THREAD",
    ])
}

/// It is replicated, and keeps its locks on the survivor, too. It is decided there, and the decision comes to the one that
/// returns.
fn prepared(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let survivor = lab.admin(Node::Db2);
    lab.admin(Node::Db1).exec_all(&[
        "XA START 'half'",
        "UPDATE app.scratch SET x = x + 1 WHERE id = 1",
        "XA END 'half'",
        "XA PREPARE 'half'",
    ])?;
    let there = || Ok((!survivor.rows("XA RECOVER")?.is_empty()).then_some(()));
    wait_until("it is prepared on the standby", Duration::from_secs(10), there)?;
    let before = survivor.value("SELECT x FROM app.scratch WHERE id = 1")?;
    lab.stop_server(Node::Db1, Signal::KILL)?;
    let asked = theatre.flipper(&["plan", "lab", "fail", "db1", "--accept-loss"]);
    asked.ends(0).says("1 prepared XA transaction(s)").says("(prepared-xa)");
    apply(theatre).end().ends(0);
    let mut client = lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    client.exec("SET SESSION innodb_lock_wait_timeout = 1")?;
    let refused = client.exec("UPDATE app.scratch SET x = 0 WHERE id = 1");
    assert_eq!(refused.err().and_then(|error| error.sql_code()), Some(1205), "it keeps its lock until it is decided");
    starts(theatre, Node::Db1)?;
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    asked.ends(11).says("prepared-xa").says("comes to db1 by replication").never_says("second-history");
    survivor.exec("XA COMMIT 'half'")?;
    theatre.moves(&["rejoin", "db1", "--override", "prepared-xa"]);
    lab.settle()?;
    for node in Node::BOTH {
        assert_eq!(lab.admin(node).rows("XA RECOVER")?.len(), 0, "{}", node.name());
        let after = lab.admin(node).value("SELECT x FROM app.scratch WHERE id = 1")?;
        assert_eq!(after.parse::<u32>().ok(), before.parse::<u32>().ok().map(|x| x + 1), "{}", node.name());
    }
    for (role, node) in [("write", "db1"), ("read", "db2")] {
        theatre.moves(&["set", role, node]);
    }
    Ok(())
}
