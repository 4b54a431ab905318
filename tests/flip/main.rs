//! flipper moves a real pair: real servers of both flavours, the real binary on the operator's host, real clients.
//!
//! One test a flavour. It walks through cases, each a small story that starts with a healthy pair and leaves one; they share
//! a pair, because a pair is costly. A case that fails is named with its reason, and the next one gets a fresh pair. Whatever
//! flipper says in any case is kept, and searched for passwords at the end.
//!
//! `FLIPPER_CASE=word` runs only the cases whose names contain it. A test that cannot run fails.
//!
//! | file | cases |
//! | --- | --- |
//! | `bench`, `ran`, `recorder`, `pair` | the tools: running flipper, what it said, what must not be in it, how the pair stands |
//! | `swaps` | ten swaps under load; other settings, other prefix lengths |
//! | `tls` | servers that are reached by TLS only |
//! | `usage` | exit codes 2 and 3 |
//! | `blind` | exit code 11: a node that cannot be seen, or is not what it says |
//! | `unsafe_pair` | exit code 11: a pair that is not fit to be moved |
//! | `goals` | every goal, and states that a cut-off move leaves behind |
//! | `plans` | exit codes 0, 10 and 12: plan files, digests, snapshots |
//! | `locked` | exit codes 13 and 14 |
//! | `failures` | exit codes 20 and 21: back to how it was, or the truth about where it stands |
//! | `looking` | what only looks leaves no trace |
//! | `watching` | status, whole and quick and again and again; a run as a page; what `-v` costs |
//! | `word_for_word` | what the dry run prints is what is done |
//! | `killed` | flipper is killed in the middle of it |
//! | `dangers` | what the driver would do wrong with real servers |

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
#[path = "../schema/mod.rs"]
mod schema;

mod bench;
mod blind;
mod dangers;
mod failures;
mod goals;
mod killed;
mod locked;
mod looking;
mod pair;
mod plans;
mod ran;
mod recorder;
mod swaps;
mod tls;
mod unsafe_pair;
mod usage;
mod watching;
mod word_for_word;

use bench::Bench;
use lab::error::LabError;
use lab::{Server, Turn};

/// How a case ends; what it asserts panics.
type Outcome = Result<(), LabError>;

type Case = (&'static str, fn(&Bench<'_>) -> Outcome);

/// Most on both flavours; what does not depend on the flavour on one of them.
fn cases(server: Server) -> Vec<Case> {
    let once = match server {
        Server::MariaDb => [usage::ONCE, swaps::ONCE, goals::ONCE, plans::ONCE].concat(),
        Server::MySql => [looking::ONCE, locked::ONCE, unsafe_pair::ONCE, failures::ONCE, blind::ONCE].concat(),
    };
    // killed first: what it leaves behind for half a minute is looked for again at the end
    let both = [
        killed::CASES,
        swaps::CASES,
        tls::CASES,
        goals::CASES,
        looking::CASES,
        watching::CASES,
        plans::CASES,
        locked::CASES,
        unsafe_pair::CASES,
        word_for_word::CASES,
        dangers::CASES,
        failures::CASES,
        blind::CASES,
    ];
    [both.concat(), once].concat()
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
    lab::cases::walk(Turn::Alone, server, cases, |lab, left| {
        let bench = Bench::new(lab);
        let tried = |name, case: &dyn Fn() -> Outcome| lab::cases::tried(lab, name, String::new, case);
        for (name, case) in left.by_ref() {
            tried(name, &|| {
                case(&bench)?;
                bench.at_home()
            })?;
        }
        tried("nothing is left", &|| bench.nothing_left_at_last())?;
        tried("no password anywhere", &|| bench.no_password_anywhere())
    });
}
