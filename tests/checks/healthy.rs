//! A pair as it should be: no stop, and no warning that is not true.

use crate::lab::{Host, Server};
use crate::site::Site;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("a healthy pair", healthy), ("a node out of reach", out_of_reach)];

fn healthy(site: &Site<'_>) -> Outcome {
    let said = site.check();
    said.blames_only(&[]);
    // a pair of tests is young, and its machines hardly have a tool to read binary logs; nothing else is wrong with it
    let tool = site.lab.on(Host::Db1, &["sh", "-c", "command -v mysqlbinlog || command -v mariadb-binlog"])?;
    let warned = ["cold-server", "fail-not-permitted"];
    assert_eq!(said.with_verdict("warn"), warned[..if tool.status.success() { 1 } else { 2 }]);
    if !tool.status.success() {
        said.names("fail-not-permitted", "warn", "db1: `fail db1` could not count there what db2 never received");
    }
    // what the account of the documents may not see, and says so
    let blind = match site.server() {
        Server::MariaDb => &["accounts-differ", "events", "privileged-writer", "table-lock", "user-locks"][..],
        Server::MySql => &["accounts-differ", "cannot-end-sessions", "events"],
    };
    assert_eq!(said.with_verdict("unknown"), blind);
    let text = site.text();
    println!("{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let (code, said) = site.plan(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("cold-server"), "no plan relies on that: {said}");
    Ok(())
}

fn out_of_reach(site: &Site<'_>) -> Outcome {
    site.lab.cable(Host::Db2, false)?;
    let said = site.check();
    site.lab.cable(Host::Db2, true)?;
    said.names("unknown", "stop", "db2").names("disk-space", "unknown", "db2").blames_only(&["unknown"]);
    Ok(())
}

/// Of both flavours alike, and so told once.
pub(crate) const ONCE: &[Case] = &[("a move a moment ago", moved_lately)];

fn moved_lately(site: &Site<'_>) -> Outcome {
    site.check().names("moved-lately", "ok", "");
    for _ in 0..2 {
        site.apply(&["swap", "write"]);
    }
    site.check().names("moved-lately", "warn", "from this machine").blames_only(&[]);
    Ok(())
}
