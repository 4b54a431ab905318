//! A node dies, its peer takes its place, and it comes back: on real pairs, under load, in all the ways that a node dies
//! and comes back in.
//!
//! One test a flavour; its cases share a pair, which each of them leaves as it found it. Every case measures how long
//! clients were silent, in total and from the operator's yes, and how many acknowledged rows were lost: never more than
//! the plan said. `FLIPPER_CASE=word` runs only the cases whose names contain it.
//!
//! | file | cases |
//! | --- | --- |
//! | `scene` | the tools: clients at work, a node's death, its return, what was lost |
//! | `dies` | the server, the host, the network, half a swap; what goes through, and how the node comes back |
//! | `partition` | two operators on both sides of a cut network |
//! | `alive` | whoever still answers is not dead; what could be lost without need is not |

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "programs, files and clocks are what a test of the whole is made of; a failure of it should stop the case"
)]

#[path = "../faults/guard.rs"]
mod guard;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../faults/stage.rs"]
mod stage;
#[path = "../faults/watched.rs"]
mod watched;

mod alive;
mod dies;
mod partition;
mod scene;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use lab::Server;
use lab::error::LabError;
use scene::Theatre;

/// How a case ends; what it asserts panics.
type Outcome = Result<(), LabError>;

type Case = (&'static str, fn(&Theatre<'_>) -> Outcome);

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
    // the network is cut while no ssh of a killed flipper is left: it could not say goodbye
    let cases = alive::CASES.iter().chain(partition::CASES).chain(dies::CASES);
    let mut left = cases.filter(|(name, _)| name.contains(&only)).peekable();
    let (mut failed, mut table) = (Vec::new(), Vec::new());
    while left.peek().is_some() {
        let walked = lab::with(server, |lab| {
            let theatre = Theatre::new(lab)?;
            for (name, case) in left.by_ref() {
                let tried = tried(&theatre, name, || {
                    case(&theatre)?;
                    theatre.at_home()
                });
                table.extend(theatre.measured());
                tried?;
            }
            theatre.stage.nothing_left_at_last()
        });
        failed.extend(walked.err());
    }
    println!("\n{:<8} {:<34} {:>9} {:>9} {:>6} {:>6}", "", "", "silence", "from yes", "lost", "bound");
    for line in table {
        println!("{:<8} {line}", server.title());
    }
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}: {} failed:\n\n{}", server.title(), failed.len(), failed.join("\n\n"));
}

/// One case; a panic in it is an error with its name.
fn tried(theatre: &Theatre<'_>, name: &str, case: impl FnOnce() -> Outcome) -> Outcome {
    let begun = Instant::now();
    let title = theatre.lab().server().title();
    let failed = |why: String| LabError::new(format!("{title} `{name}`"), why);
    let tried = catch_unwind(AssertUnwindSafe(case));
    let notes = theatre.stage.notes().join("; ");
    match tried {
        Ok(Ok(())) => {
            println!("{title:<8} {:>6} ms  {name}: {notes}", begun.elapsed().as_millis());
            Ok(())
        }
        Ok(Err(error)) => Err(failed(format!("{error} [{notes}]"))),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            Err(failed(format!("{said} [{notes}]")))
        }
    }
}
