//! Shows flipper at work on a real pair: `cargo run --example demo -- [--server mariadb|mysql] [--stay]`. With
//! `--stay` it leaves the pair to you, in a shell on the operator's host.
//!
//! flipper's command is inside this program too (first argument `flipper`), because building an example does not build the
//! package's commands.

#![allow(clippy::disallowed_methods, reason = "programs, files and clocks are what a lab is made of")]

#[path = "mod.rs"]
mod lab;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use lab::load::node_of;
use lab::report::{LoadReport, Verdict};
use lab::stay::Stay;
use lab::{Lab, Node, Server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PLAN: &str = "swap.plan.ron";
const CLIENTS: u32 = 4;
const WRITES_PER_SECOND: u32 = 400;
const USAGE: &str = "usage: demo [--server mariadb|mysql] [--stay]";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|first| first == "flipper") {
        return flipper::cli::run(args);
    }
    let shown = match asked(&args) {
        Ok(Some((server, false))) => demo(server),
        Ok(Some((server, true))) => stay(server),
        Ok(None) => say(USAGE).map(|()| true),
        Err(error) => Err(error),
    };
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // stderr may be closed; the exit code says it too
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Which server, and whether to stay. `None` when the usage was asked for.
fn asked(args: &[OsString]) -> Result<Option<(Server, bool)>> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let mut words = args.iter().flat_map(|arg| arg.split('='));
    let (mut server, mut stay) = (Server::MariaDb, false);
    while let Some(word) = words.next() {
        match (word, word == "--server") {
            ("--help" | "-h", _) => return Ok(None),
            ("--stay", _) => stay = true,
            (_, true) => {
                let name = words.next().unwrap_or_default();
                let known = Server::BOTH.into_iter().find(|server| server.name() == name);
                server = known.ok_or_else(|| format!("no server `{name}`: mariadb or mysql"))?;
            }
            _ => return Err(USAGE.into()),
        }
    }
    Ok(Some((server, stay)))
}

/// Lines with the time since now.
fn telling() -> impl Fn(&str) {
    let begun = Instant::now();
    move |text: &str| {
        // a terminal that went away is no reason to stop half way
        let _ = say(&format!("[{:5.1} s] {text}", begun.elapsed().as_secs_f32()));
    }
}

/// Brings the pair up, lets clients write, and leaves it to whoever sits here.
fn stay(server: Server) -> Result<bool> {
    let tell = telling();
    let lab = Lab::start_telling(server, &tell)?;
    let program = std::env::current_exe()?.display().to_string();
    let stay = Stay::prepare(&lab, &[program, "flipper".to_owned()])?;
    tell("the pair is up: db1 has the write address, db2 the read address");
    // what its last command ended with is for whoever typed it
    stay.answering(|| stay.shell().status())?;
    say(stay.quiet()?.trim_end())?;
    drop(stay);
    drop(lab);
    tell("all of it is removed again");
    Ok(true)
}

/// Whether all went as it should.
fn demo(server: Server) -> Result<bool> {
    say(&format!(
        "This starts two {} servers in network namespaces of this machine, lets {CLIENTS} clients write through their \
         floating address, and moves the roles with flipper meanwhile; nothing stays behind but the servers' packages in \
         a cache folder.",
        server.title(),
    ))?;
    let tell = telling();
    let lab = Lab::start_telling(server, &tell)?;
    lab.write_config()?;
    tell("the pair is up: db1 has the write address, db2 the read address");

    run(&lab, &["status", "lab"])?;
    let planned = run(&lab, &["plan", "lab", "swap", "-o", PLAN])? && run(&lab, &["show", PLAN])?;
    if !planned {
        say("There is no plan to apply.")?;
        return Ok(false);
    }
    say(&format!("\n{CLIENTS} clients write {WRITES_PER_SECOND} rows a second in total …"))?;
    let load = lab.load(CLIENTS, WRITES_PER_SECOND)?;
    std::thread::sleep(Duration::from_secs(2));
    let applied = run(&lab, &["apply", PLAN, "--yes"])?;
    std::thread::sleep(Duration::from_secs(2));
    let report = load.stop()?;
    let verdict = report.check(&lab)?;
    run(&lab, &["status", "lab"])?;

    let moved = roles_moved(&lab)?;
    tell_result(&report, &verdict, moved)?;
    drop(lab);
    tell("all of it is removed again");
    Ok(applied && moved && verdict.is_clean())
}

/// Runs flipper on the operator's host as a person would, with its output right here.
fn run(lab: &Lab, words: &[&str]) -> Result<bool> {
    say(&format!("\n$ flipper {}", words.join(" ")))?;
    let status = lab
        .operator(&std::env::current_exe()?)
        .arg("flipper")
        .args(words)
        .current_dir(lab.dir())
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        say(&format!("({status})"))?;
    }
    Ok(status.success())
}

/// As the servers and hosts themselves say, not as flipper does.
fn roles_moved(lab: &Lab) -> Result<bool> {
    let holds = |node: Node, address: &str| -> Result<bool> {
        Ok(lab.addresses(node)?.iter().any(|held| held.starts_with(&format!("{address}/"))))
    };
    let writable = |node: Node| -> Result<bool> { Ok(lab.admin(node).value("SELECT @@GLOBAL.read_only")? == "0") };
    let (write, read) = (lab::net::WRITE_ADDRESS, lab::net::READ_ADDRESS);
    let arrived = holds(Node::Db2, write)? && holds(Node::Db1, read)?;
    let left = !holds(Node::Db1, write)? && !holds(Node::Db2, read)?;
    Ok(arrived && left && writable(Node::Db2)? && !writable(Node::Db1)?)
}

fn tell_result(report: &LoadReport, verdict: &Verdict, moved: bool) -> Result<()> {
    let changes = report.changes();
    let times = if changes.len() == 1 { "1 time" } else { &format!("{} times", changes.len()) };
    say(&format!(
        "\nslowest client was without an answer for {} ms; {} of {} acknowledged rows lost, {} doubled; \
         the answering server changed {times}",
        report.slowest().as_millis(),
        thousands(verdict.lost_rows()),
        thousands(verdict.acked),
        verdict.doubled.len(),
    ))?;
    for change in changes {
        let name = |server| node_of(server).map_or("?", Node::name);
        let gap = change.gap.as_millis();
        say(&format!(
            "from {} to {}: {gap} ms between the last write here and the first there",
            name(change.from),
            name(change.to)
        ))?;
    }
    if !verdict.differ.is_empty() {
        say(&format!("{} rows are not the same on both nodes", verdict.differ.len()))?;
    }
    if !moved {
        say("the roles are not where they should be")?;
    }
    Ok(())
}

/// 1843 as "1,843".
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn say(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
