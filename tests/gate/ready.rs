//! Whether `fail` could be carried out: asked of sudo and the gate on a day when it does not matter.

use rustix::process::Signal;

use crate::Outcome;
use crate::lab::error::Result;
use crate::lab::{Node, replication};
use crate::site::{Account, Site};
use crate::works::flipper;

const ID: &str = "fail-not-permitted";

pub(crate) fn all(site: &Site<'_>) -> Outcome {
    let said = check(site, 0)?;
    // the machine may have no tool of its own to read a server's logs, and no account but root may read them
    let tool = site.on(Node::Db1, &["sh", "-c", "command -v mysqlbinlog || command -v mariadb-binlog"]).is_ok();
    let calm = if tool && site.account == Account::Root { "ok" } else { "warn" };
    assert_eq!(verdict_of(&said, ID), calm, "{said}");
    assert_eq!(said.contains("db1: `fail db1` could not count there"), calm == "warn", "{said}");
    assert_eq!(said.contains("no mysqlbinlog there"), !tool, "{said}");
    let hidden = said.contains("may not read the binary logs");
    assert_eq!(hidden, site.account == Account::Sudo, "{said}");
    if site.account == Account::Sudo {
        without_lines(site)?;
    }
    gates(site, calm)
}

/// What the checks say, in JSON.
fn check(site: &Site<'_>, code: i32) -> Result<String> {
    flipper(site, &["--json", "check", "lab"], code)
}

fn verdict_of(said: &str, id: &str) -> String {
    let said: serde_json::Value = serde_json::from_str(said).expect("JSON");
    let checks = said["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == id).expect("the check");
    check["verdict"].as_str().expect("a verdict").to_owned()
}

/// The lines for a move are there, and one of those for `fail` is not.
fn without_lines(site: &Site<'_>) -> Outcome {
    let (ends, listens) =
        ("db1: `fail db1` could not end its server there", "db2: for `fail db1` it could not find out");
    for (gone, node, goal, command) in [
        ("/bin/sh -c", Node::Db1, ends, "kill -s TERM"),
        ("/ss -Hltnp", Node::Db1, ends, "ss -Hltnp"),
        ("arping -D -w 5", Node::Db2, listens, "arping -D -w 5"),
    ] {
        let whole = site.sudoers(node);
        let less = lines_without(&whole, gone);
        site.set_sudoers(node, &less);
        let said = check(site, 11)?;
        assert_eq!([ID, "not-permitted"].map(|id| verdict_of(&said, id)), ["override", "ok"], "{gone}: {said}");
        for words in [goal, command, "is not allowed", "flipper setup lab"] {
            assert!(said.contains(words), "{gone}: `{words}`: {said}");
        }
        // a move is as good as before
        flipper(site, &["plan", "lab", "swap"], 0)?;
        if command == "kill -s TERM" {
            refused(site, command)?;
        }
        site.set_sudoers(node, &whole);
    }
    assert_eq!(verdict_of(&check(site, 0)?, ID), "warn");
    Ok(())
}

/// In the night of a failure it is said before anything is begun.
fn refused(site: &Site<'_>, command: &str) -> Outcome {
    let lab = site.lab;
    lab.signal_server(Node::Db1, Signal::STOP)?;
    let said = flipper(site, &["--json", "apply", "lab", "fail", "db1", "--yes", "--accept-loss"], 11);
    lab.signal_server(Node::Db1, Signal::CONT)?;
    let said = said?;
    assert!(said.contains(ID) && said.contains(command), "{said}");
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    Ok(())
}

/// A gate that was made before that was asked leaves it unknown, and one without a command of it says so.
fn gates(site: &Site<'_>, calm: &str) -> Outcome {
    let whole = site.gate(Node::Db1);
    site.set_gate(Node::Db1, &lines_without(&whole, "echo tools 1"));
    let said = check(site, 0)?;
    assert!(said.contains("the gate there is older"), "{said}");
    site.set_gate(Node::Db1, &lines_without(&whole, "kill -s TERM"));
    let said = check(site, 11)?;
    assert_eq!(verdict_of(&said, ID), "override", "{said}");
    assert!(said.contains("the gate there does not let it through"), "{said}");
    site.set_gate(Node::Db1, &whole);
    let said = check(site, 0)?;
    assert!(!said.contains("the gate there is older") && verdict_of(&said, ID) == calm, "{said}");
    Ok(())
}

fn lines_without(text: &str, part: &str) -> String {
    let less: String = text.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect();
    assert_ne!(text, less, "{part}");
    less
}
