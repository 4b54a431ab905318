//! How long clients are without an answer while the write role moves: `cargo bench --bench swap -- [--server
//! mariadb|mysql] [--swaps N] [--runs N]`.
//!
//! One pair, one load of four clients, the same executor; only the order differs. "take first" is flipper's: the new
//! writer has the address before the old one drops it. "drop first" is what scripts do. The two alternate `--swaps`
//! times (10), so that a noisy machine is noisy for both; the ratio is what counts. Then the whole command, ssh logins
//! included, `--runs` times (10), with the time that each of its steps took. `--swaps 0 --runs 200` is two hundred clean
//! moves in a row.

#![allow(clippy::disallowed_methods, reason = "programs, files and clocks are what a benchmark is made of")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures are what it is for")]

#[path = "mod.rs"]
mod lab;

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use flipper::apply::LiveWorld;
use flipper::link::{Ear, Link, LinkTarget, MysqlTarget, SshTarget};
use flipper::model::{Action, Goal, Step};
use flipper::world::World;
use flipper::{config, observe, planner};
use lab::report::LoadReport;
use lab::{Host, Lab, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CLIENTS: u32 = 4;
const WRITES_PER_SECOND: u32 = 400;
/// Between two swaps, so that replication and caches have settled.
const REST: Duration = Duration::from_millis(1500);
/// The same where a whole command and its logins lie between two moves.
const PAUSE: Duration = Duration::from_millis(300);

/// In which order the address changes hands.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    TakeFirst,
    DropFirst,
}

/// One swap: when it ran.
struct Swap {
    from: Instant,
    to: Instant,
}

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no row was lost or doubled and the writer changed once a swap.
fn bench() -> Result<bool> {
    // `cargo bench` adds --bench
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let servers: Vec<Server> = match value("--server") {
        None => Server::BOTH.to_vec(),
        Some(name) => vec![Server::BOTH.into_iter().find(|s| s.name() == *name).ok_or("--server mariadb|mysql")?],
    };
    let swaps: usize = value("--swaps").map_or(Ok(10), |n| n.parse())?;
    let runs: usize = value("--runs").map_or(Ok(10), |n| n.parse())?;
    let mut clean = true;
    for server in servers {
        clean &= on(server, swaps, runs)?;
    }
    Ok(clean)
}

fn on(server: Server, swaps: usize, runs: usize) -> Result<bool> {
    let lab = Lab::start_telling(server, &|_| {})?;
    lab.write_config()?;
    let load = lab.load(CLIENTS, WRITES_PER_SECOND)?;
    load.wait_for(u64::from(WRITES_PER_SECOND), Duration::from_secs(10))?;

    let mut orders = vec![];
    for _ in 0..swaps {
        for order in [Order::TakeFirst, Order::DropFirst] {
            orders.push((order, inside(&lab, order)?));
            std::thread::sleep(REST);
        }
    }
    let mut whole = vec![];
    let mut steps = Steps::default();
    for _ in 0..runs {
        whole.push(command(&lab, &mut steps)?);
        std::thread::sleep(PAUSE);
    }
    let report = load.stop()?;
    let verdict = report.check(&lab)?;
    println!("\n{} {}, {CLIENTS} clients, {WRITES_PER_SECOND} writes/s; milliseconds", server.title(), lab.version());
    println!("{:<40} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "times", "min", "p50", "p95", "p99", "max");
    let of = |wanted: Order| -> Vec<&Swap> { orders.iter().filter(|(o, _)| *o == wanted).map(|(_, s)| s).collect() };
    let take = line("slowest client, take first", &silences(&report, &of(Order::TakeFirst)));
    let drop = line("slowest client, drop first", &silences(&report, &of(Order::DropFirst)));
    if swaps > 0 {
        println!("{:<40} {:.1} times", "drop first / take first, medians", drop / take);
    }
    line("slowest client, `flipper apply`", &silences(&report, &whole.iter().collect::<Vec<_>>()));
    line("the whole `flipper apply`", &whole.iter().map(|swap| swap.to - swap.from).collect::<Vec<_>>());
    line("  writes out, as flipper says", &steps.out);
    for (step, times) in &steps.of {
        line(&format!("  {step}"), times);
    }
    let (changes, wanted) = (report.changes().len(), 2 * swaps + runs);
    println!(
        "{} rows acknowledged, {} lost, {} doubled, {} differ; the answering server changed {changes} times in \
         {wanted} swaps",
        verdict.acked,
        verdict.lost_rows(),
        verdict.doubled.len(),
        verdict.differ.len()
    );
    Ok(verdict.is_clean() && changes == wanted)
}

fn silences(report: &LoadReport, swaps: &[&Swap]) -> Vec<Duration> {
    swaps.iter().map(|swap| report.silence_between(swap.from, swap.to)).collect()
}

/// Prints the figures and returns the median; nothing for nothing.
fn line(what: &str, times: &[Duration]) -> f64 {
    let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    ms.sort_by(f64::total_cmp);
    let at = |part: usize| ms.get((ms.len() * part / 100).min(ms.len().saturating_sub(1))).copied();
    let [Some(min), Some(p50), Some(p95), Some(p99), Some(max)] = [0, 50, 95, 99, 100].map(at) else {
        return f64::NAN;
    };
    println!("{what:<40} {:>5} {min:8.1} {p50:8.1} {p95:8.1} {p99:8.1} {max:8.1}", ms.len());
    p50
}

/// What each step of the whole command took, whichever nodes it was on.
#[derive(Default)]
struct Steps {
    of: Vec<(String, Vec<Duration>)>,
    out: Vec<Duration>,
}

impl Steps {
    /// Reads the events of a run.
    fn read(&mut self, events: &str) {
        let time = |value: &serde_json::Value| value.as_f64().map(|ms| Duration::from_secs_f64(ms / 1000.0));
        for event in events.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            match event["type"].as_str() {
                Some("step-done") => {
                    let id = event["step"].as_str().unwrap_or_default();
                    let step = id.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches("-db").to_owned();
                    let Some(took) = time(&event["ms"]) else { continue };
                    match self.of.iter_mut().find(|(known, _)| *known == step) {
                        Some((_, times)) => times.push(took),
                        None => self.of.push((step, vec![took])),
                    }
                }
                Some("writes-in") => self.out.extend(time(&event["out_ms"])),
                _ => {}
            }
        }
    }
}

/// The whole command, as an operator runs it.
fn command(lab: &Lab, steps: &mut Steps) -> Result<Swap> {
    let from = Instant::now();
    let output = lab
        .operator(Path::new(env!("CARGO_BIN_EXE_flipper")))
        .args(["--json", "apply", "lab", "swap", "write", "--yes"])
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(format!("flipper apply: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let to = Instant::now();
    steps.read(&String::from_utf8_lossy(&output.stdout));
    Ok(Swap { from, to })
}

/// The same steps by the same code, in one order or the other.
fn inside(lab: &Lab, order: Order) -> Result<Swap> {
    let namespace = lab::net::open_namespace(lab.id(), Host::Operator)?;
    let (config_path, password, run) = (lab.config_path(), lab.secrets().flipper.clone(), lab.dir().join("run"));
    let thread = std::thread::spawn(move || -> Result<Swap> {
        lab::net::step_into(&namespace)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(swap(&config_path, &password, &run, order))
    });
    thread.join().map_err(|_| "the swap's thread ended badly")?
}

async fn swap(config_path: &Path, password: &str, run: &Path, order: Order) -> Result<Swap> {
    let env = |name: &str| (name == "FLIPPER_PASSWORD").then(|| OsString::from(password));
    let config = config::load(Some(config_path), &env).map_err(|e| e.to_string())?;
    let pair = config.pair("lab").map_err(|e| e.to_string())?;
    let target = |at: usize| {
        let (node, reach) = (&pair.pair.nodes[at], &pair.reach[at]);
        let (mysql, ssh) = (&reach.mysql, &reach.ssh);
        LinkTarget {
            name: node.name.clone(),
            mysql: MysqlTarget::new(mysql.host.clone(), mysql.port, mysql.user.clone(), password.to_owned()),
            ssh: SshTarget {
                host: ssh.host.clone(),
                port: ssh.port,
                user: ssh.user.clone(),
                sudo: ssh.sudo,
                config_file: ssh.config_file.clone(),
                ear: Ear::default(),
            },
        }
    };
    let control = tempfile::tempdir_in(run)?;
    let limit = pair.pair.limits.connect;
    let mut links =
        [Link::open(target(0), control.path(), limit).await, Link::open(target(1), control.path(), limit).await];
    let seen = observe::snapshot(&pair.pair, &mut links).await;
    let write = pair.pair.write_role().ok_or("no write role")?;
    let goal = Goal::Swap(Some(write.name.clone()));
    let plan = planner::plan(&pair.pair, &seen, &goal, &[]).map_err(|refusal| format!("{:?}", refusal.reasons))?;
    let mut world = LiveWorld::new(pair.pair.clone(), links, control.path().to_owned(), &seen);
    let from = Instant::now();
    for step in reordered(plan.steps, order) {
        world.perform(&step.action, Duration::from_secs(3)).await.map_err(|e| format!("{}: {e}", step.id))?;
    }
    let to = Instant::now();
    world.close().await;
    Ok(Swap { from, to })
}

fn reordered(mut steps: Vec<Step>, order: Order) -> Vec<Step> {
    if order == Order::DropFirst {
        let at = |steps: &[Step], is: fn(&Action) -> bool| steps.iter().position(|step| is(&step.action));
        if let Some(drop) = at(&steps, |action| matches!(action, Action::Drop { .. }))
            && let Some(take) = at(&steps, |action| matches!(action, Action::Take { .. }))
        {
            let drop = steps.remove(drop);
            steps.insert(take, drop);
        }
    }
    steps
}
