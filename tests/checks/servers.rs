//! Replication and settings of the two servers.

use std::time::Duration;

use crate::lab::run::wait_until;
use crate::lab::{Node, Server, replication};
use crate::site::Site;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("an XA transaction is prepared", prepared_xa),
    ("transactions on the standby only", errant),
    ("both accept writes", both_open),
    ("a filter", filter),
    ("a delay", delay),
    ("semi-sync without a replica", semi_sync),
    ("settings that differ", settings),
    ("sessions begin read-only", turned_away),
];

pub(crate) const MARIADB: &[Case] =
    &[("the event scheduler", scheduler), ("an event scheduler whose event a fence does not stop", unstopped_event)];

pub(crate) const MYSQL: &[Case] = &[
    ("a scheduled event", event),
    ("only administrators may log in", offline),
    ("read-only except for administrators", half_fenced),
    ("an applier's worker fails", worker),
    ("binary logs purged too early", purged),
];

const ROW: &str = "INSERT INTO app.load (client, seq, server) VALUES (800200, 1, @@server_id)";

fn prepared_xa(site: &Site<'_>) -> Outcome {
    let mut session = site.lab.admin(Node::Db1).session()?;
    for sql in ["XA START 'x'", ROW, "XA END 'x'", "XA PREPARE 'x'"] {
        session.exec(sql)?;
    }
    drop(session);
    let said = site.check();
    site.lab.admin(Node::Db1).exec("XA ROLLBACK 'x'")?;
    said.names("prepared-xa", "override", "db1: 1 prepared XA");
    Ok(())
}

fn errant(site: &Site<'_>) -> Outcome {
    let (writer, standby) = (site.lab.admin(Node::Db1), site.lab.admin(Node::Db2));
    // or the writer would have it a moment later
    writer.exec("STOP REPLICA")?;
    let open = match site.server() {
        Server::MySql => "SET GLOBAL super_read_only=OFF",
        Server::MariaDb => "DO 0",
    };
    standby.exec_all(&[open, ROW, site.server().fence()])?;
    let said = site.check();
    writer.exec("START REPLICA")?;
    said.names("diverged", "override", "db2 has transactions that db1 lacks");
    said.blames_only(&["diverged", "replication-stopped"]);
    site.lab.settle()?;
    writer.exec("DELETE FROM app.load WHERE client=800200")
}

fn both_open(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    standby.exec("SET GLOBAL read_only=OFF")?;
    let said = site.check();
    standby.exec(site.server().fence())?;
    said.names("both-open", "stop", "db1 and db2 both accept writes").blames_only(&["both-open"]);
    Ok(())
}

fn filter(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    let set = |value: &str| match site.server() {
        Server::MySql => format!("CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB=({value})"),
        Server::MariaDb => format!("SET GLOBAL replicate_ignore_db='{value}'"),
    };
    standby.exec_all(&["STOP REPLICA", &set("junk"), "START REPLICA"])?;
    replication::wait_running(&standby, Node::Db2)?;
    let said = site.check();
    standby.exec_all(&["STOP REPLICA", &set(""), "START REPLICA"])?;
    said.names("replication-filtered", "override", "Replicate_Ignore_DB=junk").blames_only(&["replication-filtered"]);
    Ok(())
}

fn delay(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    let set = |seconds: u32| match site.server() {
        Server::MySql => format!("CHANGE REPLICATION SOURCE TO SOURCE_DELAY={seconds}"),
        Server::MariaDb => format!("CHANGE MASTER TO MASTER_DELAY={seconds}"),
    };
    standby.exec_all(&["STOP REPLICA", &set(60), "START REPLICA"])?;
    replication::wait_running(&standby, Node::Db2)?;
    let said = site.check();
    standby.exec_all(&["STOP REPLICA", &set(0), "START REPLICA"])?;
    said.names("replication-delayed", "stop", "a delay of 60 s").blames_only(&["replication-delayed"]);
    Ok(())
}

fn semi_sync(site: &Site<'_>) -> Outcome {
    let writer = site.lab.admin(Node::Db1);
    let (on, off): (&[&str], &[&str]) = match site.server() {
        Server::MySql => (
            &[
                "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
                "SET GLOBAL rpl_semi_sync_source_enabled=ON",
            ],
            &["SET GLOBAL rpl_semi_sync_source_enabled=OFF", "UNINSTALL PLUGIN rpl_semi_sync_source"],
        ),
        Server::MariaDb => {
            (&["SET GLOBAL rpl_semi_sync_master_enabled=ON"], &["SET GLOBAL rpl_semi_sync_master_enabled=OFF"])
        }
    };
    writer.exec_all(on)?;
    let said = site.check();
    writer.exec_all(off)?;
    said.names("semi-sync", "override", "no replica acknowledges").blames_only(&["semi-sync"]);
    Ok(())
}

/// A move there would leave everybody without writes, whatever its addresses say.
fn turned_away(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    let name = match site.server() {
        Server::MySql => "transaction_read_only",
        Server::MariaDb => "tx_read_only",
    };
    standby.exec(&format!("SET GLOBAL {name}=ON"))?;
    let said = site.check();
    standby.exec(&format!("SET GLOBAL {name}=OFF"))?;
    said.names("turns-away", "override", &format!("db2: {name} is ON")).blames_only(&["turns-away"]);
    Ok(())
}

fn offline(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    standby.exec("SET GLOBAL offline_mode=ON")?;
    let said = site.check();
    standby.exec("SET GLOBAL offline_mode=OFF")?;
    // the other node's receiver is turned away, too
    replication::wait_running(&site.lab.admin(Node::Db1), Node::Db1)?;
    said.names("turns-away", "stop", "db2: offline_mode is ON");
    Ok(())
}

fn settings(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    let names = ["max_allowed_packet", "sync_binlog", "auto_increment_offset", "binlog_row_image"];
    let mut before = vec![];
    for name in names {
        before.push(standby.value(&format!("SELECT @@GLOBAL.{name}"))?);
    }
    standby.exec_all(&[
        "SET GLOBAL max_allowed_packet=1048576",
        "SET GLOBAL sync_binlog=0",
        "SET GLOBAL auto_increment_offset=1",
        "SET GLOBAL binlog_row_image='MINIMAL'",
    ])?;
    let said = site.check();
    let (code, plan) = site.plan(&[]);
    for (name, value) in names.iter().zip(before) {
        let quoted = if value.parse::<u64>().is_ok() { value } else { format!("'{value}'") };
        standby.exec(&format!("SET GLOBAL {name}={quoted}"))?;
    }
    said.names("settings-differ", "warn", "max_allowed_packet").names("durability", "warn", "db2: sync_binlog is 0");
    said.names("auto-increment", "warn", "2/1 on db1 and 2/1 on db2").names("binlog-format", "warn", "MINIMAL");
    said.blames_only(&[]);
    assert!(code == Some(0) && plan.contains("settings-differ") && !plan.contains("durability"), "{plan}");
    Ok(())
}

fn scheduler(site: &Site<'_>) -> Outcome {
    let writer = site.lab.admin(Node::Db1);
    writer.exec("SET GLOBAL event_scheduler=ON")?;
    let said = site.check();
    writer.exec("SET GLOBAL event_scheduler=OFF")?;
    said.names("events", "warn", "db1: event_scheduler is ON");
    said.names("event-writes-on", "override", "db1: event_scheduler is ON").blames_only(&["event-writes-on"]);
    Ok(())
}

/// Of an administrator, and of an account that read_only stops. Off, it may be what it will.
fn unstopped_event(site: &Site<'_>) -> Outcome {
    site.on_both("GRANT SELECT ON mysql.* TO 'flipper'@'10.77.0.%'")?;
    let writer = site.lab.admin(Node::Db1);
    let make = |definer: &str| {
        writer.exec(&format!(
            "CREATE OR REPLACE DEFINER={definer} EVENT app.beat ON SCHEDULE EVERY 1 SECOND DO UPDATE app.beats SET x = x + 1"
        ))
    };
    let beats = || writer.value("SELECT x FROM app.beats");
    writer.exec_all(&[
        "CREATE TABLE app.beats (id INT PRIMARY KEY, x INT)",
        "INSERT INTO app.beats VALUES (1, 0)",
        "SET GLOBAL event_scheduler=ON",
    ])?;
    make("root@localhost")?;
    site.lab.settle()?;
    let said = site.check();
    let (refused, why) = site.plan(&[]);
    let (overridden, _) = site.plan(&["--override", "event-writes-on"]);
    // it is true: nothing that the server has stops it
    writer.exec("SET GLOBAL read_only=ON")?;
    let before = beats()?;
    wait_until("it writes on", Duration::from_secs(10), || Ok((beats()? != before).then_some(())))?;
    writer.exec("SET GLOBAL read_only=OFF")?;
    make("'app'@'%'")?;
    let harmless = site.check();
    make("root@localhost")?;
    writer.exec("SET GLOBAL event_scheduler=OFF")?;
    let off = site.check();
    site.lab.settle()?;
    // as `events` says: a move does not start it there
    let there = site.lab.admin(Node::Db2).value("SELECT status FROM mysql.event WHERE name = 'beat'")?;
    writer.exec_all(&["DROP EVENT app.beat", "DROP TABLE app.beats"])?;
    site.on_both("REVOKE SELECT ON mysql.* FROM 'flipper'@'10.77.0.%'")?;
    said.names("event-writes-on", "override", "app.beat of root@localhost").blames_only(&["event-writes-on"]);
    assert!(
        refused == Some(11) && why.contains("event-writes-on") && why.contains("event_scheduler=OFF on db1"),
        "{why}"
    );
    assert_eq!(overridden, Some(0));
    harmless.names("event-writes-on", "ok", "").names("events", "warn", "app.beat");
    off.names("event-writes-on", "ok", "");
    assert_eq!(there, "SLAVESIDE_DISABLED");
    site.lab.settle()
}

fn event(site: &Site<'_>) -> Outcome {
    site.on_both("GRANT EVENT ON *.* TO 'flipper'@'10.77.0.%'")?;
    let writer = site.lab.admin(Node::Db1);
    site.check().names("events", "ok", "");
    writer.exec("CREATE EVENT app.nightly ON SCHEDULE EVERY 1 DAY STARTS '2038-01-01' DO DELETE FROM app.scratch")?;
    site.lab.settle()?;
    let said = site.check();
    writer.exec("DROP EVENT app.nightly")?;
    site.on_both("REVOKE EVENT ON *.* FROM 'flipper'@'10.77.0.%'")?;
    // on the standby it is disabled by itself, and so no finding
    said.names("events", "warn", "db1: 1 event(s) enabled, the scheduler runs: app.nightly").blames_only(&[]);
    Ok(())
}

fn half_fenced(site: &Site<'_>) -> Outcome {
    let standby = site.lab.admin(Node::Db2);
    standby.exec("SET GLOBAL super_read_only=OFF")?;
    let said = site.check();
    standby.exec(site.server().fence())?;
    said.names("half-fenced", "warn", "db2 is read-only, except for administrators").blames_only(&[]);
    Ok(())
}

fn worker(site: &Site<'_>) -> Outcome {
    let (writer, standby) = (site.lab.admin(Node::Db1), site.lab.admin(Node::Db2));
    standby.exec_all(&[
        "SET SESSION sql_log_bin=0",
        "SET GLOBAL super_read_only=OFF",
        "INSERT INTO app.scratch VALUES (77, 0)",
        "SET GLOBAL super_read_only=ON",
    ])?;
    writer.exec("INSERT INTO app.scratch VALUES (77, 0)")?;
    let said = site.wait_named("replication-stopped", "stop");
    standby.exec_all(&[
        "SET SESSION sql_log_bin=0",
        "SET GLOBAL super_read_only=OFF",
        "DELETE FROM app.scratch WHERE id=77",
        "SET GLOBAL super_read_only=ON",
        "START REPLICA",
    ])?;
    // what the replica's status itself only points to
    said.names("replication-stopped", "stop", "Duplicate entry '77'").names("stale-reads", "warn", "read");
    Ok(())
}

fn purged(site: &Site<'_>) -> Outcome {
    let (writer, standby) = (site.lab.admin(Node::Db1), site.lab.admin(Node::Db2));
    let uuid = writer.value("SELECT @@server_uuid")?;
    let last = writer.value(&format!(
        "SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(REPLACE(GTID_SUBTRACT(@@GLOBAL.gtid_executed, \
         GTID_SUBTRACT(@@GLOBAL.gtid_executed, CONCAT('{uuid}', ':1-9999999'))), '\\n', ''), '-', -1), ':', -1)"
    ))?;
    let next = last.parse::<u64>().expect("the last number") + 1;
    let empty = [&format!("SET GTID_NEXT='{uuid}:{next}'")[..], "BEGIN", "COMMIT", "SET GTID_NEXT='AUTOMATIC'"]
        .map(str::to_owned);
    let empty: Vec<&str> = empty.iter().map(String::as_str).collect();
    standby.exec("STOP REPLICA")?;
    writer.exec_all(&empty)?;
    writer.exec("FLUSH BINARY LOGS")?;
    let log = writer.named("SHOW BINARY LOG STATUS")?.get("File").cloned().flatten().expect("a log");
    // what still reads one of them for the other one
    for id in writer.rows("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")?.concat() {
        // it may have ended by itself
        let _ = writer.exec(&format!("KILL {}", id.unwrap_or_default()));
    }
    wait_until("the old logs go", Duration::from_secs(10), || {
        writer.exec(&format!("PURGE BINARY LOGS TO '{log}'"))?;
        Ok((writer.rows("SHOW BINARY LOGS")?.len() == 1).then_some(()))
    })?;
    let said = site.check();
    // nothing is in it, so it can be put there by hand
    standby.exec_all(
        &[&["SET GLOBAL super_read_only=OFF"][..], &empty, &["SET GLOBAL super_read_only=ON", "START REPLICA"]]
            .concat(),
    )?;
    said.names("purged-logs", "stop", &format!("db1 has purged transactions that db2 lacks: {uuid}:{next}"));
    Ok(())
}
