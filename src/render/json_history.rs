//! Journals as JSON: what `history --json` prints; described in `docs/json.md`.

use serde_json::{Value, json};

use super::history::{state, time, trouble, unreadable};
use super::times::millis;
use crate::journal::{Found, Known, NodeStand, Session, Story, Taken, Way};
use crate::model::{PairName, printable};

/// Every run, the newest first.
#[must_use]
pub fn runs(found: &[(PairName, Found)]) -> Value {
    let one = |(pair, found): &(PairName, Found)| {
        let mut told = told(found);
        told["pair"] = json!(pair.as_str());
        told
    };
    json!({ "type": "history", "format": 1, "runs": found.iter().map(one).collect::<Vec<_>>() })
}

/// One run, for programs.
pub(super) fn told(found: &Found) -> Value {
    let path = printable(&found.path.display().to_string());
    let story = match &found.story {
        Ok(story) => story,
        Err(why) => return json!({ "file": path, "unreadable": unreadable(why) }),
    };
    let begin = &story.begin;
    json!({
        "file": path,
        "run": printable(&begin.run),
        "flipper": printable(&begin.flipper),
        "began": time(story.began),
        "last": time(story.last),
        "by": { "user": printable(&begin.by.user), "host": printable(&begin.by.host) },
        "goal": printable(&begin.goal),
        "digest": printable(&begin.digest),
        "continues": begin.continues.as_ref().map(|continued| printable(&continued.run)),
        "ended": state(found, story),
        "exit": story.end.as_ref().map(|end| end.exit),
        "text": story.end.as_ref().map(|end| printable(&end.text)),
        "open": story.is_open() && found.then.is_none(),
        "then": found.then.as_ref().map(|then| printable(&then.run)),
        "at_step": story.at_step.as_deref().map(printable),
        "steps": story.steps.iter().map(|taken| step_json(story, taken)).collect::<Vec<_>>(),
        "writers": story.writers.iter().map(writers_json).collect::<Vec<_>>(),
        "writes_out_since": story.out().map(|(since, _)| time(since)),
        "writes_out_ms": story.out().and_then(|(_, out)| out).map(millis),
        "outages_ms": story.outages().into_iter().map(millis).collect::<Vec<_>>(),
        "before": story.before.iter().map(stand_json).collect::<Vec<_>>(),
        "after": story.after.iter().map(stand_json).collect::<Vec<_>>(),
        "trouble": story.trouble.as_ref().map(trouble),
    })
}

fn step_json(story: &Story, taken: &Taken) -> Value {
    json!({
        "step": printable(&taken.step),
        "way": match taken.way {
            Way::Forward => "forward",
            Way::Back => "back",
        },
        "from_ms": millis(taken.at.duration_since(story.began).unwrap_or_default()),
        "ms": taken.took.map(millis),
        "done": taken.took.is_some() && taken.failed.is_none(),
        "said": taken.said.as_deref().map(printable),
    })
}

fn writers_json((step, sessions): &(String, Vec<Session>)) -> Value {
    let one = |Session { id, user, host, seconds, rows, doing }: &Session| {
        json!({
            "id": id, "user": printable(user), "host": printable(host), "seconds": seconds, "rows": rows,
            "doing": printable(doing),
        })
    };
    json!({ "step": printable(step), "sessions": sessions.iter().map(one).collect::<Vec<_>>() })
}

fn stand_json(node: &NodeStand) -> Value {
    let fact = |fact: &Known<String>| match fact {
        Known::Known(text) => json!({ "known": printable(&text.replace('\n', "")) }),
        Known::Unknown(why) => json!({ "unknown": printable(why) }),
    };
    let holds = match &node.holds {
        Known::Known(roles) => json!({ "known": roles.iter().map(|role| printable(role)).collect::<Vec<_>>() }),
        Known::Unknown(why) => json!({ "unknown": printable(why) }),
    };
    json!({
        "node": printable(&node.node), "access": fact(&node.access), "holds": holds,
        "position": fact(&node.position), "ahead": fact(&node.ahead),
    })
}
