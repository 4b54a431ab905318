//! One fault at one step, each kind at each step of each plan of the scenarios.

use std::collections::BTreeMap;

use flipper::model::{Action, Side};

use crate::run::{End, How, Report, Stage, storm};
use crate::stages;
use crate::truth::S;
use crate::weather::{FOR_GOOD, Fault, Kind, Weather, When};

/// What the issue asks for, and what it is in a storm.
const KINDS: [(&str, Kind, u64); 17] = [
    ("not done", Kind::Refused, 1),
    ("not done, whenever it is tried", Kind::Refused, FOR_GOOD),
    ("not done, a statement is in the way", Kind::LongWrite, FOR_GOOD),
    ("done but unknown", Kind::CutBack, 4 * S),
    ("done but unknown, for good", Kind::CutBack, FOR_GOOD),
    ("late", Kind::Ghost, 4 * S),
    ("never arrives", Kind::CutThere, 4 * S),
    ("never arrives, nor does anything later", Kind::CutThere, FOR_GOOD),
    ("the ssh connection ends", Kind::ShellEnds, 0),
    ("the connections are reset", Kind::SqlEnds, 0),
    ("server crash", Kind::ServerCrash, 3 * S),
    ("machine crash", Kind::MachineCrash, FOR_GOOD),
    ("tool crash", Kind::Killed, 0),
    ("tool's machine", Kind::HostGone, 0),
    ("lost lock", Kind::LockLost, 0),
    ("signal", Kind::Signal, 0),
    ("two signals", Kind::TwoSignals, 0),
];

/// Just before a step is told, while it is on its way or at work, and when it is done.
const MOMENTS: [fn(usize) -> When; 3] =
    [|step| When::Step(step, 0), |step| When::Step(step, 2_200), |step| When::Heard(step, 0)];

/// What came of all of them.
#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) plans: usize,
    pub(crate) boundaries: usize,
    pub(crate) runs: usize,
    pub(crate) recovered: u32,
    pub(crate) ends: BTreeMap<(&'static str, End), u32>,
    pub(crate) broken: Vec<String>,
}

/// A fault of this kind at this step: on the step's node, or, where a node is what fails, on either.
fn faults(stage: &Stage, step: usize, kind: Kind, lasts: u64, when: When) -> Vec<Fault> {
    let action: &Action = &stage.plan.steps[step].action;
    let side = stage.pair.side(action.node()).unwrap_or(Side::First);
    let either = matches!(kind, Kind::ServerCrash | Kind::MachineCrash);
    let sides = if either { vec![side, side.peer()] } else { vec![side] };
    sides.into_iter().map(|side| Fault { kind, when, side, lasts, of: 0 }).collect()
}

/// `deep`: at all three moments.
pub(crate) fn walk(deep: bool) -> Walked {
    let stages = stages::scenarios();
    let mut walked = Walked { plans: stages.len(), ..Walked::default() };
    for stage in &stages {
        for step in 0..stage.plan.steps.len() {
            walked.boundaries += 1;
            for (at, (name, kind, lasts)) in KINDS.into_iter().enumerate() {
                for (moment, when) in MOMENTS.iter().enumerate() {
                    // one moment of each kind a step, another one at the next: all of them would take minutes
                    if !deep && (step + at) % MOMENTS.len() != moment {
                        continue;
                    }
                    for fault in faults(stage, step, kind, lasts, when(step)) {
                        let seed = (step * 31 + moment) as u64;
                        let how = How { seed, mistake: None, log: false, every_way: false };
                        let Report { end, broken, recovered, .. } = storm(stage, Weather::one(fault), how);
                        walked.runs += 1;
                        walked.recovered += recovered;
                        *walked.ends.entry((name, end)).or_default() += 1;
                        for what in broken {
                            let at = &stage.plan.steps[step].id;
                            walked.broken.push(format!("{}, {name} at {at} ({fault:?}): {what}", stage.name));
                        }
                    }
                }
            }
        }
    }
    walked
}
