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

use lab::error::LabError;
use lab::{Server, Turn};
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

fn walk(server: Server) {
    lab::cases::walk(Turn::Shared, server, cases, |lab, left| {
        let site = Site::new(lab)?;
        for (name, case) in left.by_ref() {
            let case = || {
                case(&site)?;
                site.as_it_was()
            };
            lab::cases::tried(lab, name, String::new, case)?;
        }
        Ok(())
    });
}
