//! Every fault at every step of a move, on real pairs under load: `cargo bench --bench matrix -- --all`.
//!
//! | flag | what it does |
//! | --- | --- |
//! | `--all` | every cell of both flavours, in one to two hours |
//! | `--server mariadb`, `--server mysql` | this flavour only |
//! | `--fault WORD`, `--step WORD` | faults and moments whose names contain it; a comma between several |
//! | `--missing`, `--failed` | only cells that were not run yet, only those that failed; both: both |
//! | `--out FILE` | writes the page from all that is known by then; alone, without running anything |
//!
//! A cell is one fault at one moment of one move. The moment: flipper tells that a step begins, and is stopped by SIGSTOP
//! at once, until the fault is there. When flipper has ended, what was broken is repaired as a service manager or a person at the
//! switch would, and where the run did not end by itself, `resume` or `abort` does, by turns with the journal and from
//! a machine without it. Results are kept, one file a flavour, in `target/tmp/matrix`, so that the whole can be run in parts.
//! A cell that fails is followed by a fresh pair.
//!
//! `tests/faults` is what of this is looked at in every test run.
//!
//! | file | what it does |
//! | --- | --- |
//! | `fault` | what goes wrong, and how it is repaired |
//! | `cell` | one cell, from clients at work to rows compared |
//! | `left` | what may stay behind for a while, and until when |
//! | `results`, `page` | what is kept, and what is shown |

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "programs, files and clocks are what a test of the whole is made of; a failure of it should stop the cell"
)]

#[path = "../lab/mod.rs"]
mod lab;

#[path = "../faults/guard.rs"]
mod guard;
#[path = "../faults/stage.rs"]
#[expect(dead_code, reason = "the faults of every test run use more of it")]
mod stage;
#[path = "../faults/watched.rs"]
#[expect(dead_code, reason = "the faults of every test run use more of it")]
mod watched;

mod cell;
mod fault;
mod left;
mod page;
mod results;

use std::path::PathBuf;
use std::process::ExitCode;

use cell::{At, Cell, Ground};
use fault::Fault;
use lab::error::LabError;
use lab::{Server, Turn};
use results::Results;

/// How a part of a cell ends; what it asserts panics.
type Outcome = Result<(), LabError>;

/// What was asked for.
#[derive(Default)]
struct Asked {
    servers: Vec<Server>,
    faults: Vec<String>,
    steps: Vec<String>,
    missing: bool,
    failed: bool,
    run: bool,
    out: Option<PathBuf>,
}

impl Asked {
    fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut asked = Self { servers: Server::BOTH.to_vec(), ..Self::default() };
        // `cargo bench` adds --bench
        let mut words = words.filter(|word| word != "--bench");
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            asked.run |= word != "--out";
            match word.as_str() {
                "--all" => {}
                "--server" => {
                    let name = value()?;
                    let server = Server::BOTH.into_iter().find(|server| server.name() == name);
                    asked.servers = vec![server.ok_or("--server mariadb|mysql")?];
                }
                "--fault" => asked.faults = list(value()?),
                "--step" => asked.steps = list(value()?),
                "--missing" => asked.missing = true,
                "--failed" => asked.failed = true,
                "--out" => asked.out = Some(value()?.into()),
                other => return Err(format!("unknown: {other}")),
            }
        }
        Ok(asked)
    }

    fn wants(&self, cell: &Cell, results: &Results) -> bool {
        let named = |names: &[String], word: &str| names.is_empty() || names.iter().any(|name| word.contains(name));
        let state = match (self.missing, self.failed, results.get(cell)) {
            (false, false, _) => true,
            (missing, _, None) => missing,
            (_, failed, Some(row)) => failed && row.failed.is_some(),
        };
        state && named(&self.faults, cell.fault.word()) && named(&self.steps, &cell.at.word())
    }
}

fn main() -> ExitCode {
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if !asked.run && asked.out.is_none() {
        println!(
            "every fault at every step: cargo bench --bench matrix -- --all --out docs/faults.md (one to two hours)"
        );
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for server in asked.servers.iter().copied().filter(|_| asked.run) {
        failed += walk(server, &asked);
    }
    if let Some(out) = &asked.out {
        let all = Server::BOTH.map(|server| (server, Results::load(server)));
        if let Err(why) = std::fs::write(out, page::text(&all)) {
            eprintln!("{}: {why}", out.display());
            return ExitCode::FAILURE;
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All cells of a flavour, in the order in which they are run.
fn cells(server: Server) -> Vec<Cell> {
    let of = |fault: Fault| At::all(server, fault).into_iter().map(move |at| Cell { server, fault, at });
    Fault::ALL.into_iter().flat_map(of).collect()
}

/// Plays the cells that are wanted, with a fresh pair after each that fails; how many did.
fn walk(server: Server, asked: &Asked) -> usize {
    let mut results = Results::load(server);
    let wanted: Vec<Cell> = cells(server).into_iter().filter(|cell| asked.wants(cell, &results)).collect();
    let (total, mut played, mut failed) = (wanted.len(), 0, 0);
    let mut left = wanted.into_iter().peekable();
    while left.peek().is_some() {
        let before = played;
        let walked = lab::with(Turn::Alone, server, |lab| {
            let ground = Ground::new(lab)?;
            for cell in left.by_ref() {
                let row = ground.play(&cell);
                played += 1;
                println!("{played:>3}/{total} {row}");
                let failure = row.failed.clone();
                results.put(row)?;
                if let Some(why) = failure {
                    failed += 1;
                    return Err(LabError::new("a cell", why));
                }
            }
            ground.nothing_left_at_last()
        });
        if let Err(why) = walked {
            println!("{}: {why}", server.title());
            if played == before {
                return failed + 1;
            }
        }
    }
    failed
}
