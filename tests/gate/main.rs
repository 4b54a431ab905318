//! The restricted key and the sudoers lines, on a real pair, over real sshd: flipper works through them, at full speed, and
//! nothing else does.
//!
//! | file | what it shows |
//! | --- | --- |
//! | `site` | the gate, the account and the sudoers lines, installed as an operator would |
//! | `works` | status, check, moves and a failover go through, as root and as an account with sudo |
//! | `attacks` | what is tried with the key, and where its effect would be seen |
//! | `ready` | `check` asks for what only `fail` needs, too |
//! | `by_sudo` | what is tried with sudo by the account itself |
//! | `speed` | round trips with and without a gate |

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

mod attacks;
mod by_sudo;
mod ready;
mod site;
mod speed;
mod works;

use lab::error::LabError;
use lab::{Server, Turn};
use site::{Account, Site};

/// How a part ends; what it asserts panics.
type Outcome = Result<(), LabError>;

#[test]
fn nothing_but_the_pairs_own_commands_goes_through() -> Outcome {
    lab::with(Turn::Shared, Server::MariaDb, |lab| {
        for account in [Account::Root, Account::Sudo] {
            let site = Site::install(lab, account)?;
            println!("{}", account.name());
            attacks::all(&site)?;
            ready::all(&site)?;
            works::all(&site)?;
            if account == Account::Sudo {
                by_sudo::all(&site)?;
            }
            speed::ratio(&site)?;
        }
        Ok(())
    })
}
