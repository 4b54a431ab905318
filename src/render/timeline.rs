//! What took how long, at the end of a run.

use std::time::Duration;

use serde_json::{Value, json};

use super::events::way;
use super::times::{millis, ms};
use crate::event::{Event, Way};
use crate::model::StepId;
use crate::world::Happened;

/// A run's steps as they went by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    steps: Vec<Took>,
    /// Each time that writes were out, and came in again.
    out: Vec<Duration>,
    /// Writes are out now.
    is_out: bool,
    /// The step told last, and the one that stopped writes.
    last: Option<StepId>,
    gate: Option<StepId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Took {
    way: Way,
    step: StepId,
    time: Duration,
    done: bool,
    /// While writes were out.
    out: bool,
}

impl Timeline {
    /// Something happened.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Finished(way, step, time, _) => self.push(*way, step, *time, true),
            Event::Failed(way, step, time, failure) => {
                self.push(*way, step, *time, false);
                if self.is_out && failure.happened == Happened::No && self.gate.as_ref() == Some(step) {
                    // nobody was stopped, but new writes waited behind it
                    self.is_out = false;
                    self.out.push(*time);
                }
            }
            Event::Started(_, step) => self.last = Some(step.clone()),
            Event::GateClosed => {
                self.is_out = true;
                self.gate.clone_from(&self.last);
            }
            Event::GateOpened(out) => {
                self.is_out = false;
                self.out.push(*out);
            }
            Event::Writers(..)
            | Event::Again(..)
            | Event::Stands(..)
            | Event::Ready
            | Event::Intends(..)
            | Event::Interrupted(_)
            | Event::TurningBack(_)
            | Event::PressingOn(_) => {}
        }
    }

    fn push(&mut self, way: Way, step: &StepId, time: Duration, done: bool) {
        self.steps.push(Took { way, step: step.clone(), time, done, out: self.is_out });
    }

    /// A line a step, those marked that clients waited for, and the sums; empty when nothing was done. `what`: a step in
    /// words. `asked`: that nobody can write at its end was the goal.
    #[must_use]
    pub fn text(&self, asked: bool, what: impl Fn(&StepId) -> String) -> String {
        if self.steps.is_empty() {
            return String::new();
        }
        let sum = |steps: &mut dyn Iterator<Item = &Took>| steps.map(|took| took.time).sum::<Duration>();
        let mut out = "Timeline (! while writes were out):\n".to_owned();
        for took in &self.steps {
            let mark = if took.out { "!" } else { " " };
            let back = if took.way == Way::Back { "back: " } else { "" };
            let failed = if took.done { "" } else { ": FAILED" };
            let time = ms(took.time);
            out += &format!("  {mark} {time:>11}  {back}{}{failed}\n", what(&took.step));
        }
        out += &format!("    {:>11}  in all\n", ms(sum(&mut self.steps.iter())));
        match &self.out[..] {
            [] => {}
            [once] => out += &format!("    {:>11}  writes were out\n", ms(*once)),
            several => {
                let longest = several.iter().max().copied().unwrap_or_default();
                let (all, times) = (ms(several.iter().sum()), several.len());
                out += &format!("    {all:>11}  writes were out, {times} times, {} at most\n", ms(longest));
            }
        }
        out += match (self.is_out, self.out.is_empty()) {
            (true, _) if asked => "                 writes are out, as asked for\n",
            (true, _) => "                 writes are still out\n",
            (false, false) => "",
            // there was no gate to close: nobody could write when it began
            (false, true) if self.opened() => "                 writes were out before it began\n",
            (false, true) => "                 writes were never out\n",
        };
        out
    }

    /// Each time that writes were out, and came in again.
    #[must_use]
    pub fn outages(&self) -> &[Duration] {
        &self.out
    }

    fn opened(&self) -> bool {
        let opens = |id: &StepId| id.0.starts_with("open-") || id.0.starts_with("promote-");
        self.steps.iter().any(|took| took.done && opens(&took.step))
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let one = |took: &Took| {
            json!({
                "step": took.step.0, "way": way(took.way), "ms": millis(took.time), "done": took.done,
                "writes_out": took.out,
            })
        };
        json!({
            "type": "timeline",
            "steps": self.steps.iter().map(one).collect::<Vec<_>>(),
            "writes_out_ms": self.out.iter().max().map(|out| millis(*out)),
            "outages_ms": self.out.iter().map(|out| millis(*out)).collect::<Vec<_>>(),
            "writes_are_out": self.is_out,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Failure;

    fn id(text: &str) -> StepId {
        StepId(text.to_owned())
    }

    fn told(events: &[Event]) -> Timeline {
        let mut timeline = Timeline::default();
        events.iter().for_each(|event| timeline.take(event));
        timeline
    }

    fn done(step: &str, ms: u64) -> Event {
        Event::Finished(Way::Forward, id(step), Duration::from_millis(ms), None)
    }

    #[test]
    fn steps_that_clients_waited_for_are_marked() {
        let timeline = told(&[
            done("approach-db2", 5),
            Event::Started(Way::Forward, id("fence-db1")),
            Event::GateClosed,
            done("fence-db1", 2),
            done("open-db2", 3),
            Event::GateOpened(Duration::from_millis(6)),
            done("verify-write-db2", 4),
        ]);
        let text = timeline.text(false, ToString::to_string);
        assert!(
            text.contains("    !      2.0 ms  fence-db1\n") || text.contains("  !      2.0 ms  fence-db1\n"),
            "{text}"
        );
        assert!(text.contains("        5.0 ms  approach-db2\n") && text.contains("14.0 ms  in all\n"), "{text}");
        assert!(text.ends_with("6.0 ms  writes were out\n"), "{text}");
        assert_eq!(timeline.json()["writes_out_ms"], 6.0);
    }

    #[test]
    fn writes_that_are_out_because_that_was_asked_for_are_told_so() {
        let timeline = told(&[Event::Started(Way::Forward, id("fence-db1")), Event::GateClosed, done("fence-db1", 2)]);
        assert!(timeline.text(true, ToString::to_string).ends_with("  writes are out, as asked for\n"));
        assert!(timeline.text(false, ToString::to_string).ends_with("  writes are still out\n"));
    }

    #[test]
    fn a_fence_that_was_refused_left_nobody_out() {
        let failure = Failure { happened: Happened::No, what: "refused".to_owned(), again: false };
        let timeline = told(&[
            Event::Started(Way::Forward, id("fence-db1")),
            Event::GateClosed,
            Event::Failed(Way::Forward, id("fence-db1"), Duration::from_millis(9), failure),
        ]);
        let text = timeline.text(false, ToString::to_string);
        assert!(text.contains("FAILED") && text.ends_with("9.0 ms  writes were out\n"), "{text}");
        assert_eq!(timeline.json()["writes_are_out"], false);
        assert_eq!(told(&[]).text(false, ToString::to_string), "");
    }

    #[test]
    fn each_time_that_writes_were_out_counts() {
        let refused = || Failure { happened: Happened::No, what: "refused".to_owned(), again: true };
        let tries = |ms: u64| {
            [
                Event::Started(Way::Forward, id("fence-db1")),
                Event::GateClosed,
                Event::Failed(Way::Forward, id("fence-db1"), Duration::from_millis(ms), refused()),
            ]
        };
        let timeline = told(&[tries(9), tries(7), tries(8)].concat());
        let text = timeline.text(false, ToString::to_string);
        assert!(text.ends_with("24.0 ms  writes were out, 3 times, 9.0 ms at most\n"), "{text}");
        let json = timeline.json();
        assert_eq!((&json["writes_out_ms"], &json["outages_ms"]), (&json!(9.0), &json!([9.0, 7.0, 8.0])));
        // the last one went through
        let mut events = [tries(9), tries(7)].concat();
        events.extend([Event::Started(Way::Forward, id("fence-db1")), Event::GateClosed, done("fence-db1", 2)]);
        let text = told(&events).text(false, ToString::to_string);
        assert!(text.contains("16.0 ms  writes were out, 2 times") && text.ends_with("still out\n"), "{text}");
    }
}
