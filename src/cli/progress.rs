//! What a run tells, a line each on stderr, or a JSON object each on stdout.

use std::time::Duration;

use serde_json::{Value, json};

use super::output::{Output, tell};
use crate::event::{Event, Way};
use crate::model::{Plan, Step, StepId};
use crate::render;
use crate::world::Happened;

pub(super) struct Progress<'a> {
    plan: &'a Plan,
    output: &'a Output,
}

impl<'a> Progress<'a> {
    pub(super) fn new(plan: &'a Plan, output: &'a Output) -> Self {
        Self { plan, output }
    }

    pub(super) fn tell(&self, event: &Event) {
        if self.output.is_json() {
            self.output.line(&object(event));
        } else if let Some(line) = self.line(event) {
            tell(&line);
        }
    }

    fn line(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Ready => "locks held on both nodes, the plan still fits".to_owned(),
            Event::Started(..) => return None,
            Event::Finished(way, id, took, note) => {
                let note = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
                format!("{} {:>9}  {}{note}", mark(*way), ms(*took), self.what(id))
            }
            Event::Failed(way, id, took, failure) => {
                format!("{} {:>9}  {}: FAILED: {failure}", mark(*way), ms(*took), self.what(id))
            }
            Event::Again(id, pause) => format!("  {:>9}  {id} again in {}", "", ms(*pause)),
            Event::GateClosed => "-- writes are out from here".to_owned(),
            Event::GateOpened(out) => format!("-- writes are in again, after {}", ms(*out)),
            Event::TurningBack(why) => format!("going back to how it was: {why}"),
            Event::PressingOn(why) => format!("the new writer is open, finishing: {why}"),
        })
    }

    fn what(&self, id: &StepId) -> String {
        let step: Option<&Step> = self.plan.steps.iter().find(|step| step.id == *id);
        step.map_or_else(|| id.to_string(), |step| render::describe::sentence(&step.action))
    }
}

fn mark(way: Way) -> &'static str {
    match way {
        Way::Forward => " ",
        Way::Back => "<",
    }
}

/// Milliseconds with one place, for an operator's eye.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn millis(time: Duration) -> Value {
    // a number of milliseconds with three places, as a float of JSON
    json!((time.as_secs_f64() * 1_000_000.0).round() / 1000.0)
}

fn object(event: &Event) -> Value {
    let way = |way: &Way| match way {
        Way::Forward => "forward",
        Way::Back => "back",
    };
    match event {
        Event::Ready => json!({ "type": "ready" }),
        Event::Started(w, id) => json!({ "type": "step-started", "way": way(w), "step": id.0 }),
        Event::Finished(w, id, took, note) => {
            json!({ "type": "step-done", "way": way(w), "step": id.0, "ms": millis(*took), "note": note })
        }
        Event::Failed(w, id, took, failure) => {
            let happened = match failure.happened {
                Happened::No => "no",
                Happened::Yes => "yes",
                Happened::Unknown => "unknown",
            };
            json!({
                "type": "step-failed", "way": way(w), "step": id.0, "ms": millis(*took),
                "happened": happened, "why": failure.what,
            })
        }
        Event::Again(id, pause) => json!({ "type": "step-again", "step": id.0, "in_ms": millis(*pause) }),
        Event::GateClosed => json!({ "type": "writes-out" }),
        Event::GateOpened(out) => json!({ "type": "writes-in", "out_ms": millis(*out) }),
        Event::TurningBack(why) => json!({ "type": "turning-back", "why": why }),
        Event::PressingOn(why) => json!({ "type": "pressing-on", "why": why }),
    }
}

/// The first line of a `--json` run.
pub(super) fn version_record() -> Value {
    json!({ "type": "flipper-run", "format": 1, "flipper": env!("CARGO_PKG_VERSION") })
}

/// The last line of a `--json` run.
pub(super) fn end_record(end: &str, exit: super::Exit, outage: Option<Duration>, text: &str) -> Value {
    json!({ "type": "end", "end": end, "exit": exit as u8, "writes_out_ms": outage.map(millis), "text": text })
}
