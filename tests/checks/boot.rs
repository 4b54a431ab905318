//! What a server is after a restart: what `check` says beforehand, and what is true once it was started anew.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::lab::error::Doing;
use crate::lab::run::wait_until;
use crate::lab::{Node, Server, replication};
use crate::site::{Said, Site};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("option files, and a restart with them", option_files)];

pub(crate) const MYSQL: &[Case] = &[("persisted over a safe file, and a restart", persisted)];

const NODE: Node = Node::Db2;

/// What is true of the server now: whom it lets write.
fn access(site: &Site<'_>) -> crate::lab::error::Result<&'static str> {
    let admin = site.lab.admin(NODE);
    let on = |name: &str| admin.value(&format!("SELECT @@GLOBAL.{name}")).map(|value| value == "1");
    Ok(match (on("read_only")?, site.server()) {
        (false, _) => "open",
        (true, Server::MariaDb) => "fenced",
        (true, Server::MySql) if on("super_read_only")? => "fenced",
        (true, Server::MySql) => "guarded",
    })
}

/// Starts the server anew.
fn starts_anew(site: &Site<'_>) -> Outcome {
    site.lab.stop_server(NODE, Signal::TERM)?;
    site.lab.start_server(NODE)
}

/// Each receives from the other one again.
fn follow_each_other(site: &Site<'_>) -> Outcome {
    Node::BOTH.into_iter().try_for_each(|node| replication::wait_running(&site.lab.admin(node), node))
}

/// Closes it. MySQL takes `super_read_only=ON` for nothing new where that is on already and `read_only` is not: so a
/// server starts with the one in its file and the other one persisted as OFF.
fn closes(site: &Site<'_>) -> Outcome {
    site.lab.admin(NODE).exec_all(&["SET GLOBAL read_only=ON", site.server().fence()])
}

/// As it was before: without an option file, closed.
fn without_file(site: &Site<'_>) -> Outcome {
    site.lab.option_file(NODE, None)?;
    starts_anew(site)?;
    closes(site)
}

/// Starts the server anew: what was said of that is true then. It is closed again, and follows.
#[track_caller]
fn comes_true(site: &Site<'_>, said: &Said) -> Outcome {
    starts_anew(site)?;
    let admin = site.lab.admin(NODE);
    let runs = || {
        let channel = admin.named("SHOW REPLICA STATUS")?;
        let names = ["Replica_SQL_Running", "Slave_SQL_Running"];
        let thread = names.iter().find_map(|name| channel.get(*name).cloned().flatten());
        Ok(thread.as_deref() == Some("Yes"))
    };
    let (boot, now) = (said.restart(NODE).clone(), access(site)?);
    // a server that answers may not have come to that yet
    let follows = if boot["follows"]["known"]["by_itself"] == true {
        let runs = || Ok(runs()?.then_some(()));
        wait_until("it follows by itself", Duration::from_secs(10), runs).is_ok()
    } else {
        std::thread::sleep(Duration::from_secs(1));
        runs()?
    };
    closes(site)?;
    if !follows {
        admin.exec("START REPLICA")?;
    }
    assert_eq!(boot["access"]["known"]["access"], now, "{boot}");
    assert_eq!(boot["follows"]["known"]["by_itself"], follows, "{boot}");
    follow_each_other(site)
}

/// What says so, in short: `file 20-b.cnf:2 read_only=OFF`.
fn by(said: &Said, what: &str) -> String {
    let by = &said.restart(NODE)[what]["known"]["by"];
    let word = |name: &str| by[name].as_str().unwrap_or_default().to_owned();
    let file = word("path").rsplit('/').next().unwrap_or_default().to_owned();
    let line = by["line"].as_u64().map(|line| format!("{file}:{line} ")).unwrap_or_default();
    format!("{} {line}{}", word("from"), word("setting"))
}

fn option_files(site: &Site<'_>) -> Outcome {
    let folder = site.lab.dir().join(NODE.name()).join("conf.d");
    fs::create_dir_all(&folder).doing(|| "creating a folder".to_owned())?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).doing(|| format!("writing {}", path.display()))
    };
    let main = format!("# ours\n[mysqld]\nread_only\n!includedir {}\n[client]\nread_only=OFF\n", folder.display());
    // without any file
    let said = site.check();
    assert_eq!(by(&said, "access"), "command-line read-only=ON");
    assert!(said.restart(NODE)["unit"]["unknown"].is_string(), "no unit of systemd's has it: {}", said.restart(NODE));
    site.lab.option_file(NODE, Some(&main))?;
    starts_anew(site)?;
    follow_each_other(site)?;
    // with a file that is safe
    let said = site.check();
    said.names("opens-at-boot", "ok", "").blames_only(&[]);
    assert_eq!(
        (by(&said, "access"), by(&said, "follows").starts_with("default")),
        ("file my.cnf:3 read_only".to_owned(), true)
    );
    comes_true(site, &said)?;
    // somebody adds files: the running server does not know of them
    write("10-a.cnf", "[server]\nread-only = 1\n")?;
    write("20-b.cnf", "[mysqld]\nloose-read_only = \"OFF\" # for a while\nskip-slave-start\n")?;
    write("30-c.txt", "[mysqld]\nread_only=1\n")?;
    let said = site.check();
    let (code, plan) = site.plan(&[]);
    said.names("opens-at-boot", "override", "20-b.cnf:2").blames_only(&["opens-at-boot"]);
    assert_eq!(by(&said, "access"), "file 20-b.cnf:2 loose-read_only=OFF");
    assert_eq!(by(&said, "follows"), "file 20-b.cnf:3 skip-slave-start");
    assert!(code == Some(0), "it is the standby's: {plan}");
    comes_true(site, &said)?;
    // one that leads nowhere, and then the server would not start
    write("20-b.cnf", "!includedir /nowhere/at/all\n")?;
    let said = site.check();
    said.names("opens-at-boot", "unknown", "would not start");
    without_file(site)
}

fn persisted(site: &Site<'_>) -> Outcome {
    let admin = site.lab.admin(NODE);
    // without option files nothing that was persisted counts
    admin.exec("SET PERSIST_ONLY read_only=OFF")?;
    site.check().names("opens-at-boot", "ok", "");
    site.lab.option_file(NODE, Some("[mysqld]\nsuper_read_only=ON\n"))?;
    starts_anew(site)?;
    assert_eq!(access(site)?, "open", "what was persisted wins over the file");
    closes(site)?;
    follow_each_other(site)?;
    let said = site.check();
    let (code, plan) = site.plan(&[]);
    said.names("opens-at-boot", "override", "db2: read_only=OFF, persisted").blames_only(&["opens-at-boot"]);
    assert_eq!(by(&said, "access"), "persisted read_only=OFF");
    assert!(code == Some(0), "it is the standby's: {plan}");
    comes_true(site, &said)?;
    admin.exec_all(&[
        "RESET PERSIST read_only",
        "SET PERSIST_ONLY super_read_only=ON",
        "SET PERSIST_ONLY skip_replica_start=ON",
    ])?;
    let said = site.check();
    said.names("opens-at-boot", "ok", "");
    assert_eq!(
        (by(&said, "access"), by(&said, "follows")),
        ("persisted super_read_only=ON".to_owned(), "persisted skip_replica_start=ON".to_owned())
    );
    comes_true(site, &said)?;
    admin.exec("RESET PERSIST")?;
    without_file(site)
}
