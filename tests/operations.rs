//! What `docs/operations.md` tells a person to do step by step is done, on a real pair, while clients write.

#![allow(clippy::disallowed_methods, reason = "programs and files are what a lab is made of")]

mod lab;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lab::error::{Doing, LabError};
use lab::{Lab, Node, Server, Turn};

const PATIENT: &str = "connect: \"20s\", pre_sync: \"60s\", write_outage: \"20s\"";

type Outcome = Result<(), LabError>;

/// Runs flipper on the operator's host; gives its exit code and what it said.
fn flipper(lab: &Lab, words: &str) -> Result<(Option<i32>, String), LabError> {
    let mut command = lab.operator(Path::new(env!("CARGO_BIN_EXE_flipper")));
    let output = command.args(words.split(' ')).current_dir(lab.dir()).stdin(Stdio::null()).output();
    let output = output.doing(|| words.to_owned())?;
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Ok((output.status.code(), said))
}

fn must(lab: &Lab, words: &str) -> Outcome {
    let (code, said) = flipper(lab, words)?;
    assert_eq!(code, Some(0), "flipper {words}: {said}");
    Ok(())
}

fn columns(lab: &Lab, node: Node) -> Result<String, LabError> {
    let sql = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema='app' AND table_name='load'";
    lab.admin(node).value(sql)
}

/// As an administrator, in one session.
fn alter(lab: &Lab, node: Node) -> Outcome {
    let (open, close) = match lab.server() {
        Server::MySql => ("SET GLOBAL super_read_only=OFF", "SET GLOBAL super_read_only=ON"),
        Server::MariaDb => ("DO 0", "DO 0"),
    };
    let sql = "ALTER TABLE app.load ADD COLUMN note VARCHAR(200) NULL, ALGORITHM=COPY";
    lab.admin(node).exec_all(&[open, "SET SESSION sql_log_bin=0", sql, close])
}

#[test]
fn the_long_alter_on_mariadb() -> Outcome {
    lab::with(Turn::Shared, Server::MariaDb, the_long_alter)
}

#[test]
fn the_long_alter_on_mysql() -> Outcome {
    lab::with(Turn::Shared, Server::MySql, the_long_alter)
}

fn the_long_alter(lab: &Lab) -> Outcome {
    // nothing here is about time, and the machine may be busy
    lab.write_config_text(&lab.config().limits(PATIENT).text())?;
    let load = lab.load(4, 100)?;
    load.wait_for(50, Duration::from_secs(20))?;
    must(lab, "apply lab drain db2 --yes")?;
    let before = columns(lab, Node::Db1)?;
    alter(lab, Node::Db2)?;
    assert_eq!(columns(lab, Node::Db1)?, before, "it must not replicate");
    must(lab, "plan lab drain db1 -o alter.ron")?;
    must(lab, "apply alter.ron --yes")?;
    load.wait_for(50, Duration::from_secs(20))?;
    alter(lab, Node::Db1)?;
    must(lab, "apply lab set read db1 --yes")?;
    must(lab, "apply lab swap --yes")?;
    load.wait_for(50, Duration::from_secs(20))?;
    let report = load.stop()?;
    assert_eq!(report.changes().len(), 2, "to db2 and back");
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{} rows lost", verdict.lost_rows());
    assert_eq!(columns(lab, Node::Db1)?, columns(lab, Node::Db2)?);
    assert_ne!(columns(lab, Node::Db1)?, before);
    // nothing of it is a transaction of one node alone, and nothing is left open to administrators
    must(lab, "check lab")?;
    let (_, said) = flipper(lab, "check lab")?;
    assert!(!said.contains("warn     half-fenced"), "{said}");
    Ok(())
}
