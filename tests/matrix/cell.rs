//! One cell: a fault at a moment of a move, from clients at work to rows compared.

use std::cell::Cell as Counter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::Outcome;
use crate::fault::{Breakage, Fault};
use crate::guard::Guard;
use crate::lab::error::{LabError, Result};
use crate::lab::run::wait_until;
use crate::lab::{Lab, Node, Server, replication};
use crate::left::Left;
use crate::results::{Ended, Row};
use crate::stage::{SERVED, Stage};
use crate::watched::{Ran, Watched};

const CLIENTS: u32 = 3;
const WRITES_PER_SECOND: u32 = 150;
/// Shorter than the defaults, so that a cell does not take minutes.
pub(crate) const LIMITS: &str = "connect: \"2s\", pre_sync: \"5s\", drain: \"500ms\", fence: \"1s\", write_outage: \"3s\", \
    rollback: \"6s\"";
pub(crate) const WRITE_OUTAGE: Duration = Duration::from_secs(3);
/// What an answer takes on its way on a busy machine.
const SLACK: Duration = Duration::from_millis(500);
/// A replica that hung has its backlog to work off, on a machine that does all the rest as well.
const CAUGHT_UP: Duration = Duration::from_secs(120);
/// How often a person tries to finish or to go back.
const TRIES: usize = 4;

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Two seconds before flipper is started.
    Before,
    /// The same, and the operator has said that it does not matter.
    Overridden,
    /// As soon as flipper tells that this step begins.
    Step(&'static str),
    /// As soon as it tells that this one is done: the next one is not begun, or hardly.
    Done(&'static str),
}

/// In their order. Those of the old writer are told to it, the others to the new one.
const STEPS: [&str; 11] = [
    "approach",
    "drain",
    "fence",
    "catch-up",
    "open",
    "take-write",
    "end-sessions-write",
    "drop-write",
    "release",
    "announce-write",
    LAST,
];
const LAST: &str = "verify-write";
const OLD: [&str; 5] = ["drain", "fence", "end-sessions-write", "drop-write", "release"];

impl At {
    pub(crate) fn word(self) -> String {
        match self {
            Self::Before => "before".to_owned(),
            Self::Overridden => "overridden".to_owned(),
            Self::Step(step) => step.trim_end_matches("-write").to_owned(),
            Self::Done(LAST) => "end".to_owned(),
            Self::Done(step) => format!("{} done", step.trim_end_matches("-write")),
        }
    }

    /// All moments that a fault is tried at.
    pub(crate) fn all(server: Server, fault: Fault) -> Vec<Self> {
        // only a server whose administrators are kept out by a read lock has one to let go
        let steps = STEPS.into_iter().filter(|step| server == Server::MariaDb || *step != "release").map(Self::Step);
        match fault {
            Fault::Nothing => vec![Self::Before],
            Fault::Statement => {
                let early = ["approach", "drain", "fence"].map(Self::Step);
                [Self::Before, Self::Overridden].into_iter().chain(early).collect()
            }
            Fault::Update | Fault::Lock => [Self::Before, Self::Overridden].into_iter().chain(steps).collect(),
            Fault::IdleTransaction | Fault::SecondOperator | Fault::FullOld | Fault::FullNew => {
                [Self::Before].into_iter().chain(steps).collect()
            }
            // nobody can write; one can, whom clients do not find; they do
            _ => steps.chain(["fence", "open", "take-write", LAST].map(Self::Done)).collect(),
        }
    }

    fn event(self, [old, new]: [Node; 2]) -> Option<(&'static str, String)> {
        let id = |step: &str| format!("{step}-{}", if OLD.contains(&step) { old.name() } else { new.name() });
        match self {
            Self::Before | Self::Overridden => None,
            Self::Step(step) => Some(("step-started", id(step))),
            Self::Done(step) => Some(("step-done", id(step))),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) server: Server,
    pub(crate) fault: Fault,
    pub(crate) at: At,
}

/// A pair on which one cell after the other is played; the writer changes with each that ends forward.
pub(crate) struct Ground<'a> {
    stage: Stage<'a>,
    config: String,
    left: Left,
    played: Counter<usize>,
    /// How many runs had to be ended by somebody: each in another way.
    ended: Counter<usize>,
}

/// What an operator has beside the pair: a folder for journals.
struct Operator<'a, 'b> {
    ground: &'a Ground<'b>,
    state: String,
}

impl Operator<'_, '_> {
    fn start(&self, words: &[&str]) -> Watched {
        let ground = self.ground;
        let mut command = ground.stage.command(&[&["--config", &ground.config], words].concat());
        command.env("XDG_STATE_HOME", ground.stage.lab.dir().join(&self.state));
        Watched::start(command)
    }
}

impl<'a> Ground<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Result<Self> {
        let stage = Stage::new(lab)?;
        lab.admin(Node::Db1).exec("GRANT LOCK TABLES ON app.* TO 'app'@'10.77.0.%'")?;
        lab.settle()?;
        let config = stage.config(LIMITS);
        Ok(Self { stage, config, left: Left::default(), played: Counter::new(0), ended: Counter::new(0) })
    }

    pub(crate) fn play(&self, cell: &Cell) -> Row {
        let mut row = Row::new(cell, self.stage.lab.version());
        let played = catch_unwind(AssertUnwindSafe(|| self.played(cell, &mut row)));
        row.failed = match played {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                Some(said.unwrap_or("a panic without words").to_owned())
            }
        };
        row
    }

    pub(crate) fn nothing_left_at_last(&self) -> Outcome {
        self.left.at_last(self.stage.lab)
    }

    fn operator(&self, name: &str) -> Operator<'_, 'a> {
        Operator { ground: self, state: format!("{name}-{}", self.played.get()) }
    }

    /// The only open server, which has the write address, and the other one.
    fn roles(&self) -> Result<[Node; 2]> {
        match (&self.stage.open()[..], &self.stage.has_write()[..]) {
            ([open], [holder]) if open == holder => Ok([*open, open.other()]),
            (open, holders) => {
                Err(LabError::new("looking at the pair", format!("open {open:?}, write address {holders:?}")))
            }
        }
    }

    fn played(&self, cell: &Cell, row: &mut Row) -> Outcome {
        self.played.set(self.played.get() + 1);
        let (stage, lab) = (&self.stage, self.stage.lab);
        let [old, new] = self.roles()?;
        // what the cells before have written was compared
        lab.admin(old).exec("TRUNCATE TABLE app.load")?;
        lab.settle()?;
        let [first, second] = ["state", "second"].map(|name| self.operator(name));
        let mut breakage = Breakage::prepare(stage, cell.fault, [old, new])?;
        let load = lab.load(CLIENTS, WRITES_PER_SECOND)?;
        load.wait_for(20, SERVED)?;
        let (guard, begun) = (Guard::watch(lab), Instant::now());

        let rival = || second.start(&["--json", "apply", "lab", "set", "write", new.name(), "--yes"]);
        let mut words = vec!["--json", "apply", "lab", "swap", "write", "--yes"];
        if cell.at == At::Overridden {
            words.extend(["--override", "long-write", "--override", "table-lock"]);
        }
        let run = match cell.at.event([old, new]) {
            None => {
                breakage.happen(None, rival)?;
                if cell.fault != Fault::Nothing && cell.fault != Fault::SecondOperator {
                    std::thread::sleep(Duration::from_millis(2200));
                }
                first.start(&words)
            }
            Some((kind, step)) => {
                let mut run = first.start(&words);
                run.wait_for(kind, &step);
                run.signal(Signal::STOP);
                breakage.happen(Some(&run), rival)?;
                run
            }
        };
        let ran = run.end();
        row.exit = ran.code;
        row.run_ms = millis(ran.took);
        let out = ran.events.iter().filter(|event| event["type"] == "writes-in" || event["type"] == "end");
        let out = out.filter_map(|event| event["out_ms"].as_f64().or_else(|| event["writes_out_ms"].as_f64()));
        row.out_ms = out.map(|ms| ms as u64).max();
        let rival = breakage.repair()?;
        row.notes.extend(rival.map(|code| format!("second operator {code}")));
        assert!(rival.is_none_or(|code| matches!(code, 0 | 11 | 12 | 13 | 20)), "second operator {rival:?}: {ran}");
        self.is_true(cell, &ran, rival, [old, new]);
        within_budget(cell, row, &ran);
        self.caught_up()?;

        row.ended = self.end(row, &ran, &first, [old, new])?;
        self.roles()?;
        load.wait_for(30, SERVED)?;
        let until = load.mark();
        (row.both_open, row.looks) = guard.end();
        let report = load.stop()?;
        row.silence_ms = millis(report.silence_between(begun, until));
        let verdict = report.check(lab)?;
        (row.acked, row.lost, row.doubled, row.differ) =
            (verdict.acked, verdict.lost_rows(), verdict.doubled.len(), verdict.differ.len());
        assert!(verdict.is_clean(), "{verdict:?}: {ran}");
        assert_eq!(row.both_open, 0, "both servers were open in {} of {} looks: {ran}", row.both_open, row.looks);
        assert!(row.looks > 10, "looked only {} times", row.looks);

        let cut = ran.code.is_none() || cell.fault.cuts();
        let (took, late) = self.left.look(lab, &format!("{} at {}", cell.fault.word(), cell.at.word()), cut)?;
        if took > Duration::from_secs(1) {
            row.notes.push(format!("the last session left after {} ms", took.as_millis()));
        }
        row.notes.extend(late);
        // what came late has changed nothing
        let [writer, _] = self.roles()?;
        stage.no_read_lock(writer)?;
        for node in Node::BOTH {
            replication::wait_running(&lab.admin(node), node)?;
        }
        lab.settle()
    }

    /// Replication runs, and is not so far behind any more that a move would be refused for it.
    fn caught_up(&self) -> Outcome {
        for node in Node::BOTH {
            let admin = self.stage.lab.admin(node);
            replication::wait_running(&admin, node)?;
            wait_until(&format!("{} is not far behind", node.name()), CAUGHT_UP, || {
                let status = admin.named("SHOW REPLICA STATUS")?;
                let behind =
                    ["Seconds_Behind_Source", "Seconds_Behind_Master"].iter().find_map(|name| status.get(*name));
                let behind = behind.cloned().flatten().unwrap_or("NULL".to_owned());
                match behind.parse::<u64>() {
                    Ok(0..=2) => Ok(Some(())),
                    _ => Err(LabError::new("asking for it", format!("{behind} s behind"))),
                }
            })?;
        }
        Ok(())
    }

    /// What the run said of itself is so.
    fn is_true(&self, cell: &Cell, ran: &Ran, rival: Option<i32>, [old, new]: [Node; 2]) {
        let wanted = match ran.code {
            // a server that was killed after the last look comes back read-only
            _ if cell.fault.restarts() => return,
            // the other operator may have moved it since
            _ if rival == Some(0) => return,
            Some(0) => new,
            Some(20) => {
                ran.says("serves as before");
                old
            }
            Some(21) => {
                ran.says("flipper resume lab").says("flipper abort lab").never_says("serves as before");
                return;
            }
            Some(11..=13) => old,
            None if cell.fault == Fault::Killed => return,
            code => panic!("ends in {code:?}: {ran}"),
        };
        let stands = (self.stage.open(), self.stage.has_write());
        assert_eq!(stands, (vec![wanted], vec![wanted]), "it is not as it says: {ran}");
    }

    /// A run that was cut off, or stopped part way, is finished or taken back: each time in another way.
    fn end(&self, row: &mut Row, ran: &Ran, first: &Operator<'_, '_>, [old, new]: [Node; 2]) -> Result<Ended> {
        let in_order = self.roles().is_ok();
        if in_order && !matches!(ran.code, None | Some(21)) {
            return Ok(Ended::Itself);
        }
        let turn = self.ended.get();
        self.ended.set(turn + 1);
        let (word, to, ended) = match turn % 2 {
            0 => ("resume", new, Ended::Resumed),
            _ => ("abort", old, Ended::Aborted),
        };
        let elsewhere = self.operator("elsewhere");
        let (operator, place) = if turn % 4 < 2 { (first, "") } else { (&elsewhere, " elsewhere") };
        let status = operator.start(&["status", "lab"]).end();
        status.ends(0);
        let mut words = vec!["--json", word, "lab", "--yes"];
        let mut said = vec![];
        for _ in 0..TRIES {
            let begun = Instant::now();
            let tried = operator.start(&words).end();
            match tried.code {
                Some(0) => {
                    said.push(format!("{word}{place} {} ms", begun.elapsed().as_millis()));
                    row.notes.push(said.join(", "));
                    let nothing = tried.events.iter().any(|event| event["end"] == "nothing-to-do");
                    return Ok(if nothing { Ended::InOrder } else { ended });
                }
                // nobody is open, and the state alone does not tell
                Some(2) if words.len() == 4 => {
                    tried.says("--to");
                    said.push(format!("{word}{place} asks"));
                    words.extend(["--to", to.name()]);
                }
                code => {
                    said.push(format!("{word}{place} {code:?} ({})", why(&tried)));
                    std::thread::sleep(Duration::from_secs(2));
                }
            }
        }
        let stands = format!("open {:?}, write address {:?}", self.stage.open(), self.stage.has_write());
        Err(LabError::new(format!("ending what was cut off ({stands})"), format!("{}: {ran}", said.join(", "))))
    }
}

/// A statement that does not end keeps nobody waiting for longer than the operator allows.
fn within_budget(cell: &Cell, row: &Row, ran: &Ran) {
    let out = row.out_ms.unwrap_or_default();
    let limit = WRITE_OUTAGE + SLACK;
    if matches!(cell.fault, Fault::Statement | Fault::Update | Fault::Lock | Fault::IdleTransaction) {
        assert!(u128::from(out) <= limit.as_millis(), "writes were out for {out} ms: {ran}");
    }
    if ran.code == Some(11) {
        assert_eq!(ran.count("step-started"), 0, "refused, but something was begun: {ran}");
    }
}

/// The short of why a run did not end well.
fn why(ran: &Ran) -> String {
    let text = ran.text();
    let text = if text.is_empty() { &ran.stderr } else { &text };
    let events = ran.events.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = text.split_whitespace().chain(events.split_whitespace()).take(30).collect();
    words.join(" ")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
