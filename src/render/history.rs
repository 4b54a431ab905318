//! What was done, by whom, and how it ended: the journals of a machine, for people and for programs.

use std::time::SystemTime;

use super::times::{long_time, ms, outages, since};
use super::wrap::hang;
use super::{WIDTH, describe};
use crate::journal::{Ending, Fate, Found, Known, NodeStand, Session, Story, Taken, Then, Trouble, Unreadable, Way};
use crate::model::{PairName, Plan, printable};

/// Every run, the newest first, some lines each.
#[must_use]
pub fn text(found: &[(PairName, Found)]) -> String {
    found.iter().map(|(pair, found)| one(pair, found)).collect::<Vec<_>>().join("\n")
}

fn one(pair: &PairName, found: &Found) -> String {
    let path = printable(&found.path.display().to_string());
    let story = match &found.story {
        Ok(story) => story,
        Err(why) => return hang(&format!("{pair}  "), &format!("{}: {path}", unreadable(why)), WIDTH),
    };
    let begin = &story.begin;
    let mut out = format!("{}  {pair}  {}  by {}\n", time(story.began), printable(&begin.goal), begin.by);
    let mut line = |what: &str, text: &str| out += &hang(&format!("    {what:<9} "), text, WIDTH);
    line("ended", &ending(found, story));
    line("writes", &writes(found, story));
    line("plan", &printable(&begin.digest));
    if let Some(continued) = &begin.continues {
        let way = match continued.way {
            crate::journal::Way::Forward => "finishes",
            crate::journal::Way::Back => "takes back",
        };
        line("continues", &format!("{way} the run {}", short(&continued.run)));
    }
    line("run", &short(&begin.run));
    for (step, sessions) in &story.writers {
        let all: Vec<String> = sessions.iter().map(writer).collect();
        line("writers", &format!("at {}: {}", printable(step), all.join("; ")));
    }
    for (when, nodes) in [("before", &story.before), ("after", &story.after)] {
        for node in nodes {
            line(when, &stand(node));
        }
    }
    if let Some(trouble) = &story.trouble {
        line("file", &format!("{}: {path}", self::trouble(trouble)));
    }
    out
}

/// One run with what took how long: each step with when it was begun and how long it took.
#[must_use]
pub fn run(pair: &PairName, found: &Found) -> String {
    let mut out = one(pair, found);
    let Ok(story) = &found.story else { return out };
    let plan = story.plan().ok();
    out += "\nTimeline (from its begin; ! while writes were out):\n";
    for taken in &story.steps {
        let mark = if is_out(story, taken) { "!" } else { " " };
        let from = ms(taken.at.duration_since(story.began).unwrap_or_default());
        let took = taken.took.map_or_else(|| "not ended".to_owned(), ms);
        out += &hang(&format!("  {mark} {from:>12} {took:>12}  "), &says(plan.as_ref(), taken), WIDTH + 20);
    }
    out
}

/// A step in words, with what it had to say.
pub(super) fn says(plan: Option<&Plan>, taken: &Taken) -> String {
    let step = plan.and_then(|plan| plan.steps.iter().find(|step| step.id.0 == taken.step));
    let what = step.map_or_else(|| printable(&taken.step), |step| describe::sentence(&step.action));
    let back = if taken.way == Way::Back { "back: " } else { "" };
    let failed = if taken.failed.is_some() { ": FAILED" } else { "" };
    let said = taken.said.as_deref().map(|said| format!("; {}", printable(said))).unwrap_or_default();
    format!("{back}{what}{failed}{said}")
}

/// It was begun, or still under way, while writes were out.
pub(super) fn is_out(story: &Story, taken: &Taken) -> bool {
    let ended = taken.took.map(|took| taken.at + took);
    story.outs.iter().any(|(since, out)| {
        let begun_in_time = out.is_none_or(|out| taken.at < *since + out);
        begun_in_time && ended.is_none_or(|ended| ended > *since)
    })
}

pub(super) fn short(run: &str) -> String {
    printable(run).chars().take(8).collect()
}

pub(super) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// How a run ended, in words.
pub(super) fn ending(found: &Found, story: &Story) -> String {
    let at = |story: &Story| match &story.at_step {
        Some(step) => format!(" in the middle of {}", printable(step)),
        None => match story.steps.last() {
            Some(taken) => format!(" after {}", printable(&taken.step)),
            None => " before the first step".to_owned(),
        },
    };
    match &story.end {
        Some(end) => {
            let first = end.text.lines().next().unwrap_or_default();
            let then = found.then.as_ref().filter(|_| story.is_open()).map(|then| format!("; {}", fate(then)));
            format!("{} (exit {}): {}{}", end.end.id(), end.exit, printable(first), then.unwrap_or_default())
        }
        None if found.running => format!("still goes on;{}", at(story)),
        None if let Some(then) = found.then.as_ref().filter(|_| story.is_open()) => {
            format!("cut off{}, at {} or later; {}", at(story), time(story.last), fate(then))
        }
        None => {
            let next = match story.is_open() {
                true => format!("; `flipper resume {0}` or `flipper abort {0}`", printable(&story.begin.pair)),
                false if story.steps.iter().any(|taken| taken.step.starts_with("end-writers-")) => {
                    "; nothing was moved, sessions may have been ended".to_owned()
                }
                false => "; nothing was changed".to_owned(),
            };
            format!("CUT OFF{}, at {} or later{next}", at(story), time(story.last))
        }
    }
}

/// What a later run made of one that had not come to its end.
fn fate(Then { run, fate, let_in: _ }: &Then) -> String {
    let run = short(run);
    match fate {
        Fate::Finished => format!("finished by {run}"),
        Fate::TakenBack => format!("taken back by {run}"),
        Fate::TakenUp => format!("taken up by {run}"),
        Fate::Overtaken => format!("{run} has moved the pair on since then"),
    }
}

/// How long nobody could write: `writes were …`.
pub(super) fn writes(found: &Found, story: &Story) -> String {
    match (story.out(), story.began_closed()) {
        (None, Some(false)) => "never out".to_owned(),
        (None, Some(true)) => match story.let_in() {
            Some(at) => format!("out before it began; in again at {}", time(at)),
            None => "out before it began".to_owned(),
        },
        // a run that came to no look at the nodes, or could not see them
        (None, None) => "not stopped by it".to_owned(),
        (Some((_, Some(_))), _) => format!("out {}", outages(&story.outages(), ms)),
        (Some((since, None)), _) if as_asked(story) => format!("out since {}, as asked for", time(since)),
        (Some((since, None)), _) => match &found.then {
            Some(Then { run, let_in: Some(at), .. }) if *at > since => {
                format!("out from {} until {}, by {} or after it", time(since), time(*at), short(run))
            }
            Some(then) => {
                format!("out since {}, as far as this run knows; {}", time(since), fate(then))
            }
            None => format!("out since {}, as far as this run knows", time(since)),
        },
    }
}

/// Nobody is to write after it, and it is done.
fn as_asked(story: &Story) -> bool {
    let done = story.end.as_ref().is_some_and(|end| end.end == Ending::Done);
    done && story.plan().is_ok_and(|plan| plan.open_after() == [false; 2])
}

fn stand(node: &NodeStand) -> String {
    let known = |what: &str, fact: &Known<String>| match fact {
        Known::Known(text) => printable(&text.replace('\n', "")),
        Known::Unknown(why) => format!("{what} unknown ({})", printable(why)),
    };
    let holds = match &node.holds {
        Known::Known(roles) if roles.is_empty() => "no address".to_owned(),
        Known::Known(roles) => printable(&roles.join(", ")),
        Known::Unknown(why) => format!("addresses unknown ({})", printable(why)),
    };
    format!(
        "{}: {}; holds {holds}; position {}",
        printable(&node.node),
        known("write access", &node.access),
        known("", &node.position)
    )
}

pub(super) fn writer(session: &Session) -> String {
    let Session { id, user, host, seconds, rows, doing } = session;
    format!(
        "session {id} of {} from {} ({}, {seconds} s, {rows} row(s) changed)",
        printable(user),
        printable(host),
        printable(doing)
    )
}

pub(super) fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Torn(line) => format!("ends in the middle of line {line}"),
        Trouble::Broken(line, why) => format!("line {line} {}; nothing after it is shown", printable(why)),
    }
}

pub(super) fn unreadable(why: &Unreadable) -> String {
    match why {
        Unreadable::Journal(Trouble::Torn(_)) => "ends in its first line: that run has not begun".to_owned(),
        Unreadable::Journal(Trouble::Broken(line, why)) => {
            format!("this journal tells nothing: line {line} {}", printable(why))
        }
        Unreadable::System(why) => format!("this journal cannot be read: {}", printable(why)),
    }
}

/// The last move in a sentence or two: when, what, by whom, how it ended, how long writes were out.
#[must_use]
pub fn last_move(found: &Found, now: SystemTime) -> String {
    let story = match &found.story {
        Ok(story) => story,
        Err(why) => return unreadable(why),
    };
    let begin = &story.begin;
    let ago = now.duration_since(story.last).unwrap_or_default().as_secs();
    format!(
        "{}, {} ago ({}), by {}: {}; writes were {}",
        printable(&begin.goal),
        since(ago),
        time(story.last),
        begin.by,
        state(found, story),
        writes(found, story)
    )
}

/// How a run ended, in a word.
pub(super) fn state(found: &Found, story: &Story) -> &'static str {
    match &story.end {
        Some(end) => end.end.id(),
        None if found.running => "running",
        None => "cut-off",
    }
}

/// What is known of a run that was cut off, in a few lines.
#[must_use]
pub fn cut_off(story: &Story, now: SystemTime) -> String {
    let at = match (&story.at_step, story.steps.last()) {
        (Some(step), _) => format!("in the middle of {}", printable(step)),
        (None, Some(taken)) => format!("after {}", printable(&taken.step)),
        (None, None) => "before its first step".to_owned(),
    };
    let begin = &story.begin;
    let how = match &story.end {
        Some(end) => format!("ended {}", end.end.id()),
        None => "was cut off".to_owned(),
    };
    let mut text = format!("The run {} of {} by {} {how} {at}.", printable(&begin.goal), time(story.began), begin.by);
    if let Some((since, None)) = story.out() {
        let long = now.duration_since(since).unwrap_or_default();
        text += &format!(" It had stopped writes at {} ({} ago).", time(since), long_time(long));
    }
    hang("", &text, WIDTH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::journal::read;
    use crate::journal::samples::{begin, clock, end};
    use crate::model::samples::{healthy, pair};
    use crate::model::{Flavour, Goal, NodeSnapshot, Observed, Snapshot, Step, WriteAccess};
    use crate::planner;
    use crate::render::json_history::runs;

    fn story() -> Story {
        let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
        Story {
            begin: begin(&plan),
            began: clock(),
            last: clock() + Duration::from_secs(2),
            before: vec![],
            after: vec![NodeStand {
                node: "db1".to_owned(),
                access: Known::Known("fenced".to_owned()),
                holds: Known::Known(vec![]),
                position: Known::Known("0-1-7".to_owned()),
                ahead: Known::Unknown("gone".to_owned()),
            }],
            steps: vec![Taken {
                step: "fence-db1".to_owned(),
                way: Way::Forward,
                at: clock() + Duration::from_secs(1),
                took: None,
                said: None,
                failed: None,
            }],
            besides: vec![],
            writers: vec![(
                "end-writers-db1".to_owned(),
                vec![Session {
                    id: 7,
                    user: "app".to_owned(),
                    host: "10.0.0.9:4711".to_owned(),
                    seconds: 60,
                    rows: 3,
                    doing: "idle".to_owned(),
                }],
            )],
            outs: vec![(clock() + Duration::from_secs(1), None)],
            at_step: Some("fence-db1".to_owned()),
            end: None,
            trouble: Some(Trouble::Torn(9)),
        }
    }

    fn found(story: Result<Story, Unreadable>) -> (PairName, Found) {
        (pair().name, Found { path: "/state/x.jsonl".into(), running: false, then: None, story })
    }

    #[test]
    fn a_run_that_was_cut_off_shows_as_that_with_both_ways_out() {
        let broken = found(Err(Unreadable::Journal(Trouble::Broken(1, "carries no hash".to_owned()))));
        let shown = text(&[broken.clone(), found(Ok(story()))]);
        for words in [
            "orders  this journal tells nothing: line 1 carries no hash: /state/x.jsonl",
            "2026-01-02T03:04:05Z  orders  swap  by anna@ops1",
            "CUT OFF in the middle of fence-db1",
            "`flipper resume orders`",
            "out since 2026-01-02T03:04:06Z",
            "writers at end-writers-db1: session 7 of app from 10.0.0.9:4711 (idle, 60 s, 3 row(s) changed)",
            "db1: fenced; holds no address; position 0-1-7",
            "ends in the middle of line 9",
        ] {
            let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(&words), "no `{words}` in:\n{shown}");
        }
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH + 20), "{shown}");
        let json = runs(&[broken, found(Ok(story()))]);
        assert_eq!((&json["runs"][1]["ended"], &json["runs"][1]["open"]), (&json!("cut-off"), &json!(true)));
        assert!(json["runs"][0]["unreadable"].is_string());
    }

    #[test]
    fn what_became_of_a_run_that_was_cut_off_is_told_and_nobody_is_sent_after_it() {
        let then = |fate, let_in| Some(Then { run: "f413568200".to_owned(), fate, let_in });
        let (name, cut) = found(Ok(story()));
        let at = clock() + Duration::from_secs(90);
        let shown = text(&[(name.clone(), Found { then: then(Fate::TakenBack, Some(at)), ..cut.clone() })]);
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "cut off in the middle of fence-db1, at 2026-01-02T03:04:07Z or later; taken back by f4135682",
            "out from 2026-01-02T03:04:06Z until 2026-01-02T03:05:35Z, by f4135682 or after it",
        ] {
            assert!(flat.contains(words), "no `{words}` in:\n{shown}");
        }
        assert!(!flat.contains("CUT OFF") && !flat.contains("flipper resume"), "{shown}");
        let overtaken = Found { then: then(Fate::Overtaken, None), ..cut };
        let shown = text(&[(name.clone(), overtaken.clone())]);
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("as far as this run knows; f4135682 has moved the pair on since then"), "{shown}");
        let json = runs(&[(name, overtaken)]);
        assert_eq!((&json["runs"][0]["open"], &json["runs"][0]["then"]), (&json!(false), &json!("f413568200")));
    }

    #[test]
    fn an_end_is_told_in_its_words() {
        let ended = Story { end: Some(end(Ending::RolledBack)), at_step: None, ..story() };
        let shown = text(&[found(Ok(ended))]);
        assert!(shown.contains("rolled-back (exit 0): rolled-back"), "{shown}");
        assert!(!shown.contains("CUT OFF") && read(b"").is_err());
    }

    /// A run of a plan, on nodes that stood so before it, whose steps have all been done, a second each.
    fn ran(edit: impl Fn(&mut Snapshot), goal: &Goal) -> Story {
        let mut seen = healthy(Flavour::MySql);
        edit(&mut seen);
        let plan = planner::plan(&pair(), &seen, goal, &[]).expect("a plan");
        let stood = |node: &NodeSnapshot| NodeStand {
            node: node.name.to_string(),
            access: Known::Known(if node.access.is(&WriteAccess::Open) { "open" } else { "fenced" }.to_owned()),
            holds: Known::Known(vec![]),
            position: Known::Known(String::new()),
            ahead: Known::Known(String::new()),
        };
        let taken = |(at, step): (u64, &Step)| Taken {
            step: step.id.0.clone(),
            way: Way::Forward,
            at: clock() + Duration::from_secs(at),
            took: Some(Duration::from_secs(1)),
            said: None,
            failed: None,
        };
        Story {
            begin: begin(&plan),
            before: seen.nodes.iter().map(stood).collect(),
            steps: (0..).zip(&plan.steps).map(taken).collect(),
            outs: vec![],
            at_step: None,
            end: Some(end(Ending::Done)),
            ..story()
        }
    }

    #[test]
    fn writes_that_were_out_before_it_began_are_told_so() {
        let told = |story: &Story| writes(&found(Ok(story.clone())).1, story);
        let write = || pair().write_role().expect("a role for writes").name.clone();
        let closed = |seen: &mut Snapshot| {
            seen.nodes[0].access = Observed::Known(WriteAccess::Fenced);
            seen.nodes[0].addresses = Observed::Known(vec![]);
        };
        let up = ran(closed, &Goal::Up(write(), pair().nodes[0].name.clone()));
        let said = told(&up);
        assert!(said.starts_with("out before it began; in again at 2026-01-02T03:04:"), "{said}: {:?}", up.steps);
        let not_yet = Story { steps: vec![], ..up };
        assert_eq!(told(&not_yet), "out before it began");
        let down = Story { outs: vec![(clock(), None)], ..ran(|_| {}, &Goal::Down(write())) };
        assert_eq!(told(&down), "out since 2026-01-02T03:04:05Z, as asked for");
        assert_eq!(
            told(&Story { end: None, ..down.clone() }),
            "out since 2026-01-02T03:04:05Z, as far as this run knows"
        );
        let twice = [2, 1].map(|long| (clock(), Some(Duration::from_secs(long))));
        assert_eq!(told(&Story { outs: twice.to_vec(), ..down }), "out 2 times, 3.0 s in all, 2.0 s at most");
        let reads = Goal::Drain(pair().nodes[1].name.clone());
        assert_eq!(told(&ran(|_| {}, &reads)), "never out");
        assert_eq!(told(&Story { before: vec![], ..ran(|_| {}, &reads) }), "not stopped by it");
    }

    #[test]
    fn who_comes_after_is_told_how_long_writes_have_been_out() {
        let told = cut_off(&story(), clock() + Duration::from_secs(75)).replace('\n', " ");
        assert!(told.contains("was cut off in the middle of fence-db1.") && told.contains("(1m 14s ago)"), "{told}");
    }
}
