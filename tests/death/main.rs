//! A node dies, its peer takes its place, and it comes back: on real pairs, under load, in all the ways that a node dies
//! and comes back in.
//!
//! One test a flavour; its cases share a pair, which each of them leaves as it found it. Every case measures how long
//! clients were silent, in total and from the operator's yes, and how many acknowledged rows were lost: never more than
//! the plan said, and none that was acknowledged before the moment that it named. `FLIPPER_CASE=word` runs only the cases whose names contain it.
//!
//! | file | cases |
//! | --- | --- |
//! | `scene` | the tools: clients at work, a node's death, its return, what was lost |
//! | `dies` | the server, the host, the network, half a swap; what goes through, and how the node comes back |
//! | `half_sent` | it dies in the middle of sending a transaction, or with one prepared |
//! | `returns` | its machine starts anew, by its own files: open and with its address, or closed |
//! | `waited` | semi-synchronous replication, and what it says of the loss |
//! | `partition` | two operators on both sides of a cut network |
//! | `unlogged` | servers that do not log what they apply |
//! | `units` | a machine with systemd, and with another pair's server |
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
mod half_sent;
mod partition;
mod returns;
mod scene;
mod units;
mod unlogged;
mod waited;

use lab::error::LabError;
use lab::{Server, Turn};
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

fn cases(server: Server) -> Vec<Case> {
    // the network is cut while no ssh of a killed flipper is left: it could not say goodbye
    let both =
        [alive::CASES, partition::CASES, dies::CASES, half_sent::CASES, waited::CASES, returns::CASES, units::CASES]
            .concat();
    // MySQL counts what it applies whatever it logs
    match server {
        Server::MariaDb => [&both, unlogged::CASES].concat(),
        Server::MySql => both,
    }
}

fn walk(server: Server) {
    lab::cases::walk(Turn::Shared, server, cases, |lab, left| {
        let theatre = Theatre::new(lab)?;
        let mut table = vec![];
        let mut walked = left.try_for_each(|(name, case)| {
            let notes = || theatre.stage.notes().join("; ");
            let tried = lab::cases::tried(lab, name, notes, || {
                case(&theatre)?;
                theatre.at_home()
            });
            table.extend(theatre.measured());
            tried
        });
        println!("\n{:<8} {:<34} {:>9} {:>9} {:>6} {:>6}", "", "", "silence", "from yes", "lost", "bound");
        for line in table {
            println!("{:<8} {line}", server.title());
        }
        if walked.is_ok() {
            walked = theatre.stage.nothing_left_at_last();
        }
        walked
    });
}
