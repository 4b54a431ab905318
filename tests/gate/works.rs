//! flipper through the gate, as it is without one.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::lab::error::{LabError, Result};
use crate::lab::net::{IPV6_ADDRESS, READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Node, replication};
use crate::site::Site;
use crate::{Outcome, site};

/// flipper on the operator's host; its exit code must be the one expected. Gives its stdout.
pub(crate) fn flipper(site: &Site<'_>, words: &[&str], code: i32) -> Result<String> {
    let mut command = site.lab.operator(Path::new(env!("CARGO_BIN_EXE_flipper")));
    let output = command
        .args(words)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|why| LabError::new("flipper", why))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "flipper {words:?}: {stdout}\n{stderr}");
    Ok(stdout)
}

pub(crate) fn all(site: &Site<'_>) -> Outcome {
    let lab = site.lab;
    flipper(site, &["status", "lab"], 0)?;
    same_checks(site)?;
    flipper(site, &["apply", "lab", "swap", "--yes"], 0)?;
    holds(site, WRITE_ADDRESS, Node::Db2)?;
    holds(site, READ_ADDRESS, Node::Db1)?;
    flipper(site, &["apply", "lab", "drain", "db2", "--yes"], 0)?;
    holds(site, WRITE_ADDRESS, Node::Db1)?;
    flipper(site, &["apply", "lab", "set", "read", "db2", "--yes"], 0)?;
    holds(site, READ_ADDRESS, Node::Db2)?;
    // the swap and the drain have moved this one, too
    holds(site, IPV6_ADDRESS, Node::Db1)?;
    flipper(site, &["apply", "lab", "set", "six", "db2", "--yes"], 0)?;
    holds(site, IPV6_ADDRESS, Node::Db2)?;
    flipper(site, &["apply", "lab", "set", "six", "db1", "--yes"], 0)?;

    // db1's server hangs: its machine ends it, which is what the gate lets through
    lab.signal_server(Node::Db1, Signal::STOP)?;
    let said = flipper(site, &["--json", "apply", "lab", "fail", "db1", "--yes", "--accept-loss"], 0)?;
    assert!(said.contains("what listened on port 3306 was ended"), "{said}");
    holds(site, WRITE_ADDRESS, Node::Db2)?;
    lab.stop_server(Node::Db1, Signal::KILL)?;
    lab.start_server(Node::Db1)?;
    holds(site, IPV6_ADDRESS, Node::Db2)?;
    flipper(site, &["apply", "lab", "rejoin", "db1", "--yes"], 0)?;
    flipper(site, &["apply", "lab", "set", "write", "db1", "--yes"], 0)?;
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    old_gate(site)
}

/// Every check says the same as without a gate. An account that is not root may see less, but nothing that stops a move.
fn same_checks(site: &Site<'_>) -> Outcome {
    let gated = flipper(site, &["check", "lab"], 0)?;
    if site.account == site::Account::Root {
        let config = site.lab.dir().join("plain.ron");
        let text = std::fs::read_to_string(site.lab.config_path()).map_err(|why| LabError::new("the config", why))?;
        let ours = |path: std::path::PathBuf| path.display().to_string();
        let plain = text.replace(&ours(site.ssh_config()), &ours(site.lab.ssh_config()));
        assert_ne!(text, plain);
        std::fs::write(&config, plain).map_err(|why| LabError::new("a config", why))?;
        let plain = flipper(site, &["--config", &config.display().to_string(), "check", "lab"], 0)?;
        // what is counted differs from one moment to the next
        let ids = |text: &str| {
            // how much of it a server has in memory, too
            let lines = text.lines().filter(|line| !line.contains("cold-server"));
            lines.map(|line| line.chars().take(24).collect::<String>()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&gated), ids(&plain), "{gated}\n{plain}");
    }
    Ok(())
}

/// A gate that was made for another config is found before anything is moved, with a code and a way out.
fn old_gate(site: &Site<'_>) -> Outcome {
    let config = site.lab.dir().join("changed.ron");
    let text = std::fs::read_to_string(site.lab.config_path()).map_err(|why| LabError::new("the config", why))?;
    let changed = text.replace("10.77.0.101/32", "10.77.0.101/24");
    assert_ne!(text, changed);
    std::fs::write(&config, changed).map_err(|why| LabError::new("a config", why))?;
    let said = flipper(site, &["--config", &config.display().to_string(), "check", "lab"], 11)?;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["not-permitted", "the gate there does not let", "10.77.0.101/24", "flipper setup"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    Ok(())
}

fn holds(site: &Site<'_>, address: &str, node: Node) -> Outcome {
    for other in Node::BOTH {
        let held = site.lab.addresses(other)?.iter().any(|held| held.starts_with(&format!("{address}/")));
        assert_eq!(held, other == node, "{address} on {}", other.name());
    }
    Ok(())
}
