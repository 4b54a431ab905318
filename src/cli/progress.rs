//! What a run tells: a line each on stderr, on a terminal with the step under way; or a JSON object each on stdout.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use super::here::clock;
use super::output::Output;
use super::voice::UnderWay;
use crate::event::{Event, Way};
use crate::journal::{End, Ending, Journal};
use crate::model::{Action, Pair, Plan, Step, StepId};
use crate::render::{self, events, timeline::Timeline, times};
use crate::world::Happened;

/// Everybody who hears of a run: the person or program in front of it, its journal, and the timeline at its end.
pub(super) struct Progress<'a> {
    plan: &'a Plan,
    pair: &'a Pair,
    output: &'a Output,
    journal: RefCell<Option<Journal>>,
    timeline: RefCell<Timeline>,
    /// A step that changes something was told to a node.
    changed: Cell<bool>,
    /// Sessions that write were listed.
    met: Cell<bool>,
    /// The step under way.
    at: RefCell<Option<StepId>>,
    /// The times of day at which writes were stopped, and at which they came in again: to be found in other logs.
    out: RefCell<Vec<(SystemTime, Option<SystemTime>)>>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(plan: &'a Plan, pair: &'a Pair, output: &'a Output, journal: Option<Journal>) -> Self {
        if output.is_json() {
            output.voice().data(&events::begun(env!("CARGO_PKG_VERSION")));
        }
        Self {
            plan,
            pair,
            output,
            journal: RefCell::new(journal),
            timeline: RefCell::default(),
            changed: Cell::new(false),
            met: Cell::new(false),
            at: RefCell::default(),
            out: RefCell::default(),
        }
    }

    /// Something happened. The journal hears it first: what is not written down is not done.
    pub(super) fn tell(&self, event: &Event) {
        if let Some(journal) = &mut *self.journal.borrow_mut() {
            journal.event(event);
        }
        let refused = self.take(event);
        self.look_at_the_clock(event);
        if let Event::Writers(_, writers) = event {
            self.met.set(self.met.get() || !writers.is_empty());
        }
        if let Event::Started(_, id) = event {
            self.at.replace(Some(id.clone()));
            let step = self.step(id);
            let waits = |step: &Step| {
                matches!(step.action, Action::Approach { .. } | Action::Drain { .. } | Action::Verify { .. })
            };
            self.changed.set(self.changed.get() || !step.is_some_and(waits));
        }
        self.output.note(|| format!("event {}", events::json(event, self.pair)));
        if self.output.is_json() {
            self.output.voice().data(&events::json(event, self.pair));
            // whoever has pressed the key is not the program that reads the objects
            if let Event::Interrupted(times) = event {
                self.say(interrupted(*times));
            }
            return;
        }
        let voice = self.output.voice();
        match event {
            Event::Started(way, id) if self.output.is_live() => voice.under_way(self.under_way(*way, id)),
            Event::Finished(..) | Event::Failed(..) => voice.clear(),
            _ => {}
        }
        if let Some(line) = self.line(event) {
            voice.talk(format!("{line}\n"));
        }
        // a fence that was refused has stopped nobody, but new writes waited behind it
        if let (Some(out), Event::Failed(_, id, ..)) = (refused, event) {
            let node = self.step(id).map_or_else(|| id.to_string(), |step| step.action.node().to_string());
            voice.talk(format!("-- writes are in again, after {}; {node} was not fenced\n", ms(out)));
        }
    }

    /// For the timeline. How long writes were out, where a fence was refused.
    fn take(&self, event: &Event) -> Option<Duration> {
        let mut timeline = self.timeline.borrow_mut();
        let before = timeline.outages().len();
        timeline.take(event);
        let failed = matches!(event, Event::Failed(..));
        timeline.outages().get(before).copied().filter(|_| failed)
    }

    /// Whether sessions that write were listed.
    pub(super) fn met(&self) -> bool {
        self.met.get()
    }

    /// Each time that writes were out, and came in again.
    pub(super) fn outages(&self) -> Vec<Duration> {
        self.timeline.borrow().outages().to_vec()
    }

    /// On a terminal the step stands there until it has ended.
    fn under_way(&self, way: Way, id: &StepId) -> UnderWay {
        let (mark, what) = (mark(way), self.what(id));
        let line = move |took: Duration| match took.as_secs() {
            0 => format!("{mark} {:>9}  {what} …", ""),
            _ => format!("{mark} {:>9}  {what} …", times::seconds(took)),
        };
        UnderWay { line: Box::new(line), after: Duration::ZERO }
    }

    /// Says something that is no event.
    pub(super) fn say(&self, text: &str) {
        self.output.voice().talk(format!("{text}\n"));
    }

    /// The step under way, where something may have been changed by now.
    pub(super) fn changing(&self) -> Option<String> {
        self.changed.get().then(|| self.at.borrow().as_ref().map(|id| self.what(id))).flatten()
    }

    /// The run has ended: the timeline, and the journal's last line. What went wrong with the journal, if anything.
    pub(super) fn end(self, end: End) -> Option<String> {
        let what = |id: &StepId| self.what(id);
        let timeline = self.timeline.borrow();
        let voice = self.output.voice();
        voice.clear();
        self.output.note(|| format!("event {}", timeline.json()));
        if self.output.is_json() {
            voice.data(&timeline.json());
        } else {
            let asked = end.end == Ending::Done && self.plan.open_after() == [false; 2];
            voice.talk(format!("{}{}", timeline.text(asked, what), self.by_the_clock()));
        }
        drop(timeline);
        let trouble = self.journal.take().and_then(|journal| journal.end(end));
        self.output.voice().settle();
        trouble
    }

    /// When writes are stopped, and when they come in again: also after a fence that was refused, behind which new writes
    /// have waited.
    fn look_at_the_clock(&self, event: &Event) {
        let mut out = self.out.borrow_mut();
        let fence = |id: &StepId| self.step(id).is_some_and(|step| matches!(step.action, Action::Fence { .. }));
        let refused = match event {
            Event::Failed(_, id, _, failure) => failure.happened == Happened::No && fence(id),
            _ => false,
        };
        if matches!(event, Event::GateClosed) {
            out.push((clock(), None));
        } else if let Some((_, to @ None)) = out.last_mut()
            && (matches!(event, Event::GateOpened(_)) || refused)
        {
            *to = Some(clock());
        }
    }

    /// The same for whoever looks into other logs.
    fn by_the_clock(&self) -> String {
        let time = |at: SystemTime| humantime::format_rfc3339_millis(at).to_string();
        let line = |(from, to): &(SystemTime, Option<SystemTime>)| match to {
            Some(to) => format!("                 from {} to {}\n", time(*from), time(*to)),
            None => format!("                 from {}\n", time(*from)),
        };
        self.out.borrow().iter().map(line).collect()
    }

    fn line(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Stands(..) | Event::Intends(..) | Event::Started(..) => return None,
            Event::Ready if self.plan.dead().is_some() => {
                "lock held on the node that is left, the plan still fits".to_owned()
            }
            Event::Ready => "locks held on both nodes, the plan still fits".to_owned(),
            Event::Finished(way, id, took, note) => {
                let note = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
                format!("{} {:>9}  {}{note}", mark(*way), ms(*took), self.what(id))
            }
            Event::Failed(way, id, took, failure) => {
                format!("{} {:>9}  {}: FAILED: {failure}", mark(*way), ms(*took), self.what(id))
            }
            Event::Writers(id, writers) => render::writers::text(self.step(id).map(|step| &step.action), writers),
            Event::Again(id, pause) => format!("  {:>9}  {id} again in {}", "", ms(*pause)),
            Event::GateClosed => "-- writes are out from here".to_owned(),
            Event::GateOpened(out) => format!("-- writes are in again, after {}", ms(*out)),
            Event::Interrupted(times) => interrupted(*times).to_owned(),
            Event::TurningBack(why) => format!("going back to how it was: {why}"),
            Event::PressingOn(why) => format!("the new writer is open, finishing: {why}"),
        })
    }

    fn step(&self, id: &StepId) -> Option<&Step> {
        self.plan.steps.iter().find(|step| step.id == *id)
    }

    fn what(&self, id: &StepId) -> String {
        self.step(id).map_or_else(|| id.to_string(), |step| render::describe::sentence(&step.action))
    }
}

/// What a signal leads to.
fn interrupted(times: u8) -> &'static str {
    match times {
        0 | 1 => {
            "stopping at the next safe point: at once before writes are out; after that, the run ends by itself (again: \
             turn round after the present call)"
        }
        2 => {
            "turning round after the present call: back if the new writer was not told to open yet, ahead without \
             further waits if it was (again: leave at once)"
        }
        _ => "leaving at once, with the pair as it is",
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
    times::ms(time)
}
