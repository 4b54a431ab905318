//! What goes wrong in the middle of a move, on real pairs: cables, crashes, hangs, kills, at moments that are chosen and not
//! hit by luck. A run that fails ends back or forward, and says the truth.
//!
//! One test a flavour; its cases share a pair, which each of them leaves as it found it, except after a failure. After every
//! case: who is open and who holds the addresses, as the servers and hosts themselves say; never two servers open, looked at
//! all the time; no row lost; nothing of flipper left; the next move works.
//!
//! `FLIPPER_CASE=word` runs only the cases whose names contain it. Every fault at every step: `tests/matrix`.
//!
//! | file | cases |
//! | --- | --- |
//! | `stage`, `watched`, `guard` | the tools: holding a run at a moment, reading what it tells, never two open |
//! | `target` | the new writer fails between the fence and its opening |
//! | `old` | the old writer fails there |
//! | `operator` | the operator's host or flipper itself fails there |
//! | `cut_off` | flipper is killed; `resume`, `abort`, `history`, the lock of a dead run |
//! | `signals` | Ctrl-C twice and three times, a terminal that is gone |
//! | `fence` | the fence waits, or its answer never comes |
//! | `clients` | sessions that are in the way, and whether any is left on the old writer |
//! | `writers` | those who still write: waited for, listed, ended by `--kill` |
//! | `xa` | XA transactions, which a fence does not stop |
//! | `address` | the address cannot be taken, or leads nobody anywhere |
//! | `ipv6` | roles with IPv6 addresses |

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

mod address;
mod clients;
mod cut_off;
mod fence;
mod guard;
mod ipv6;
mod old;
mod operator;
mod signals;
mod stage;
mod target;
mod watched;
mod writers;
mod xa;

use lab::error::LabError;
use lab::{Server, Turn};
use stage::Stage;

/// How a case ends; what it asserts panics.
type Outcome = Result<(), LabError>;

type Case = (&'static str, fn(&Stage<'_>) -> Outcome);

fn cases(server: Server) -> Vec<Case> {
    // operator first: what a killed flipper leaves for half a minute is looked for again at the end
    let both = [
        operator::CASES,
        cut_off::CASES,
        signals::CASES,
        target::CASES,
        old::CASES,
        fence::CASES,
        clients::CASES,
        writers::CASES,
        address::CASES,
        ipv6::CASES,
    ];
    let own = match server {
        Server::MariaDb => [clients::MARIADB, ipv6::ONCE],
        Server::MySql => [clients::MYSQL, xa::MYSQL],
    };
    both.into_iter().chain(own).flatten().copied().collect()
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
        let stage = Stage::new(lab)?;
        let tried = |name, case: &dyn Fn() -> Outcome| lab::cases::tried(lab, name, || stage.notes().join("; "), case);
        for (name, case) in left.by_ref() {
            tried(name, &|| {
                case(&stage)?;
                stage.at_home()
            })?;
        }
        tried("nothing is left", &|| stage.nothing_left_at_last())
    });
}
