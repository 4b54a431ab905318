//! Things wrong with a real pair, each provoked for real, and named by `flipper check` with the right id.
//!
//! One test a flavour; its cases share a pair, which each of them leaves as it found it: after every case the checks
//! say what they said of the healthy pair. `FLIPPER_CASE=word` runs only the cases whose names contain it.
//!
//! | file | cases |
//! | --- | --- |
//! | `site` | the tools: running `check`, what it said |
//! | `healthy` | a pair as it should be, and one that cannot be seen |
//! | `work` | who is at work: writers, locks, transactions, sessions |
//! | `servers` | replication and settings |
//! | `boot` | what a server is after a restart: option files, what was persisted, and a real restart |
//! | `machines` | addresses, other programs, the wrong machine |
//! | `setup` | what `flipper setup` prints, and each privilege taken away |

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "programs, files and clocks are what a test of the whole is made of; a failure of it should stop the case"
)]

#[path = "../lab/mod.rs"]
mod lab;

mod boot;
mod healthy;
mod machines;
mod servers;
mod setup;
mod site;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use lab::Server;
use lab::error::LabError;
use site::Site;

/// How a case ends; what it asserts panics.
type Outcome = Result<(), LabError>;

type Case = (&'static str, fn(&Site<'_>) -> Outcome);

fn cases(server: Server) -> Vec<Case> {
    let own = match server {
        Server::MariaDb => [work::MARIADB, servers::MARIADB, machines::ONCE, healthy::ONCE].concat(),
        Server::MySql => [work::MYSQL, servers::MYSQL, boot::MYSQL].concat(),
    };
    let both =
        [healthy::CASES, work::CASES, servers::CASES, machines::CASES, boot::CASES].into_iter().flatten().copied();
    // last, because roles are moved there, which `moved-lately` remembers
    both.chain(own).chain(setup::CASES.iter().copied()).collect()
}

#[test]
fn mariadb_pair() {
    walk(Server::MariaDb);
}

#[test]
fn mysql_pair() {
    walk(Server::MySql);
}

/// Runs every case, with a fresh pair after each that fails.
fn walk(server: Server) {
    let only = std::env::var("FLIPPER_CASE").unwrap_or_default();
    let wanted = |(name, _): &Case| name.contains(&only);
    assert!(Server::BOTH.into_iter().flat_map(cases).any(|case| wanted(&case)), "no case's name contains `{only}`");
    let mut left = cases(server).into_iter().filter(wanted).peekable();
    let mut failed: Vec<LabError> = Vec::new();
    while left.peek().is_some() {
        let walked = lab::with(server, |lab| -> Outcome {
            let site = Site::new(lab)?;
            for (name, case) in left.by_ref() {
                tried(server, name, || {
                    case(&site)?;
                    site.as_it_was()
                })?;
            }
            Ok(())
        });
        failed.extend(walked.err());
    }
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}: {} failed:\n\n{}", server.title(), failed.len(), failed.join("\n\n"));
}

/// One case; a panic in it is an error with its name.
fn tried(server: Server, name: &str, case: impl FnOnce() -> Outcome) -> Outcome {
    let begun = Instant::now();
    let failed = |why: String| LabError::new(format!("{} `{name}`", server.title()), why);
    match catch_unwind(AssertUnwindSafe(case)) {
        Ok(Ok(())) => {
            println!("{:<8} {:>6} ms  {name}", server.title(), begun.elapsed().as_millis());
            Ok(())
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            Err(failed(said.to_owned()))
        }
    }
}
