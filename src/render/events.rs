//! Events as JSON objects, one a line; described in `docs/json.md`.

use std::time::Duration;

use serde_json::{Value, json};

use super::json;
use super::times::millis;
use crate::event::{Event, Moment, Way};
use crate::model::Pair;
use crate::world::{Happened, Writer};

/// The word for a direction.
#[must_use]
pub fn way(way: Way) -> &'static str {
    match way {
        Way::Forward => "forward",
        Way::Back => "back",
    }
}

/// The first line of a run.
#[must_use]
pub fn begun(version: &str) -> Value {
    json!({ "type": "flipper-run", "format": 1, "flipper": version })
}

/// The last line of a run.
#[must_use]
pub fn ended(
    end: &str,
    exit: u8,
    (outage, outages): (Option<Duration>, &[Duration]),
    text: &str,
    next: &[String],
) -> Value {
    json!({
        "type": "end", "end": end, "exit": exit, "writes_out_ms": outage.map(millis),
        "outages_ms": outages.iter().map(|out| millis(*out)).collect::<Vec<_>>(), "text": text, "next": next,
    })
}

/// One event.
#[must_use]
pub fn json(event: &Event, pair: &Pair) -> Value {
    match event {
        Event::Stands(when, seen) => {
            let when = match when {
                Moment::Before => "before",
                Moment::After => "after",
            };
            let nodes = json::stands(pair, seen);
            json!({ "type": "stands", "when": when, "nodes": nodes })
        }
        Event::Ready => json!({ "type": "ready" }),
        Event::Intends(w, ids) => {
            json!({ "type": "intent", "way": way(*w), "steps": ids.iter().map(|id| &id.0).collect::<Vec<_>>() })
        }
        Event::Started(w, id) => json!({ "type": "step-started", "way": way(*w), "step": id.0 }),
        Event::Finished(w, id, took, note) => {
            json!({ "type": "step-done", "way": way(*w), "step": id.0, "ms": millis(*took), "note": note })
        }
        Event::Failed(w, id, took, failure) => {
            let happened = match failure.happened {
                Happened::No => "no",
                Happened::Yes => "yes",
                Happened::Unknown => "unknown",
            };
            json!({
                "type": "step-failed", "way": way(*w), "step": id.0, "ms": millis(*took),
                "happened": happened, "why": failure.what,
            })
        }
        Event::Writers(id, writers) => {
            json!({ "type": "writers", "step": id.0, "sessions": writers.iter().map(writer).collect::<Vec<_>>() })
        }
        Event::Again(id, pause) => json!({ "type": "step-again", "step": id.0, "in_ms": millis(*pause) }),
        Event::GateClosed => json!({ "type": "writes-out" }),
        Event::GateOpened(out) => json!({ "type": "writes-in", "out_ms": millis(*out) }),
        Event::Interrupted(times) => json!({ "type": "interrupted", "times": times }),
        Event::TurningBack(why) => json!({ "type": "turning-back", "why": why }),
        Event::PressingOn(why) => json!({ "type": "pressing-on", "why": why }),
    }
}

/// A session; its statement only where it was asked for.
fn writer(writer: &Writer) -> Value {
    let Writer { id, user, host, seconds, rows, doing, statement } = writer;
    let mut value = json!({
        "id": id, "user": user, "host": host, "seconds": seconds, "rows": rows, "doing": doing.id(),
    });
    if let Some(statement) = statement {
        value["statement"] = json!(statement);
    }
    value
}
