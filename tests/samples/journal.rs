//! A run as its journal tells it: steps that take what they take on a real pair, by a clock that is wound by hand.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use flipper::event::{Event, Moment, Way};
use flipper::journal::{
    Begin, Draft, End, Ending, FORMAT, Found, Happened, Journal, Ms, Record, Session, Store, Story, Trouble, Who, read,
};
use flipper::model::{Pair, Plan, Snapshot, StepId};
use flipper::planfile;

/// 2026-01-02 03:04:05 UTC.
const BEGIN: Duration = Duration::from_secs(1_767_323_045);

thread_local! {
    static CLOCK: Cell<Duration> = const { Cell::new(BEGIN) };
}

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + CLOCK.get()
}

fn pass(time: Duration) {
    CLOCK.set(CLOCK.get() + time);
}

/// What was written.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Store for Memory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Milliseconds of each kind of step, as measured on a quiet pair.
const TAKES: [(&str, f64); 12] = [
    ("approach", 4.1),
    ("drain", 6.3),
    ("fence", 2.2),
    ("catch-up", 1.9),
    ("open", 2.6),
    ("take", 5.4),
    ("end-sessions", 8.8),
    ("drop", 4.7),
    ("announce", 3.2),
    ("release", 1.1),
    ("verify", 9.6),
    ("", 3.0),
];

fn takes(step: &StepId) -> Duration {
    let ms = TAKES.iter().find(|(kind, _)| step.0.starts_with(kind)).map_or(0.0, |(_, ms)| *ms);
    Duration::from_secs_f64(ms / 1000.0)
}

/// The journal of a run that went well.
pub(crate) fn journal(pair: &Pair, plan: &Plan, before: &Snapshot, after: &Snapshot) -> Vec<u8> {
    later(Duration::ZERO, pair, plan, before, after)
}

/// The same, begun so much later.
pub(crate) fn later(late: Duration, pair: &Pair, plan: &Plan, before: &Snapshot, after: &Snapshot) -> Vec<u8> {
    CLOCK.set(BEGIN + late);
    let memory = Memory::default();
    let begin = Begin {
        format: FORMAT,
        flipper: "0.1.0".to_owned(),
        run: "0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned(),
        pair: plan.pair.to_string(),
        by: Who { user: "anna".to_owned(), host: "ops1".to_owned() },
        goal: plan.goal.to_string(),
        digest: planfile::Digest::of(&plan.goal.to_string()).to_string(),
        plan: planfile::to_text(plan, &planfile::seen(before)),
        continues: None,
    };
    let mut journal = Journal::begin(Draft { store: Box::new(memory.clone()), clock }, pair, begin).unwrap();
    let mut tell = |time: f64, event: Event| {
        pass(Duration::from_secs_f64(time / 1000.0));
        journal.event(&event);
    };
    tell(18.4, Event::Stands(Moment::Before, Box::new(before.clone())));
    tell(0.1, Event::Ready);
    let ids: Vec<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
    let outage = plan.outage().map(|(first, last)| (first.clone(), last.clone()));
    let place = |id: &StepId| ids.iter().position(|other| other == id).unwrap();
    let gate = outage.map(|(first, last)| place(&first)..=place(&last));
    let mut out = None;
    for (at, id) in ids.iter().enumerate() {
        match &gate {
            Some(gate) if at == *gate.start() => tell(1.3, Event::Intends(Way::Forward, ids[gate.clone()].to_vec())),
            Some(gate) if gate.contains(&at) => {}
            _ => tell(1.3, Event::Intends(Way::Forward, vec![id.clone()])),
        }
        tell(0.1, Event::Started(Way::Forward, id.clone()));
        if gate.as_ref().is_some_and(|gate| at == *gate.start()) {
            tell(0.0, Event::GateClosed);
            out = Some(CLOCK.get());
        }
        let note = id.0.starts_with("end-sessions").then(|| "4 sessions ended".to_owned());
        tell(takes(id).as_secs_f64() * 1000.0, Event::Finished(Way::Forward, id.clone(), takes(id), note));
        if gate.as_ref().is_some_and(|gate| at == *gate.end()) {
            tell(0.0, Event::GateOpened(CLOCK.get() - out.unwrap()));
        }
    }
    let writes_out_ms = gate.map(|gate| ids[gate].iter().map(takes).sum::<Duration>()).map(Ms);
    tell(7.0, Event::Stands(Moment::After, Box::new(after.clone())));
    let ms = writes_out_ms.map_or(0, |ms| ms.0.as_millis());
    let text = format!("done: {} of {}; writes were out for {ms} ms", plan.goal, plan.pair);
    assert_eq!(journal.end(End { end: Ending::Done, exit: 0, writes_out_ms, text }), None);
    memory.0.lock().unwrap().to_vec()
}

/// The same, read.
pub(crate) fn found(pair: &Pair, plan: &Plan, before: &Snapshot, after: &Snapshot) -> Found {
    let story = read(&journal(pair, plan, before, after)).unwrap();
    Found { path: "/state/orders/20260102T030405Z-0a1b2c3d.jsonl".into(), running: false, then: None, story: Ok(story) }
}

/// A run that was refused a fence, met writers, was interrupted, and whose journal ends in the middle of a step.
pub(crate) fn troubled(found: &Found) -> Found {
    let mut found = found.clone();
    let Ok(story) = &mut found.story else { return found };
    let Story { begin, began, last, before, after, steps, writers, outs, besides, at_step, end, trouble } = story;
    let at = |ms: u64| *began + Duration::from_millis(ms);
    begin.goal = "swap <write> & \u{202e}read".to_owned();
    before[0].ahead = flipper::journal::Known::Unknown("db2 was <not> seen".to_owned());
    after.clear();
    let fence = steps.iter().position(|taken| taken.step.starts_with("fence")).unwrap();
    steps.truncate(fence + 2);
    (steps[fence].failed, steps[fence].said) = (Some(Happened::No), Some("Lock wait timeout <exceeded>".to_owned()));
    steps[fence].took = Some(Duration::from_secs(2));
    steps[fence + 1].took = None;
    steps[fence + 1].at = at(3500);
    *outs = vec![(steps[fence].at, Some(Duration::from_secs(2))), (at(3400), None)];
    *besides = vec![
        (at(2100), Record::Again { step: steps[fence].step.clone(), in_ms: Ms(Duration::from_millis(500)) }),
        (at(3450), Record::Interrupted { times: 1 }),
        (at(3460), Record::TurningBack { why: "a person <wished> it".to_owned() }),
    ];
    *writers = vec![(
        steps[fence].step.clone(),
        vec![Session {
            id: 4711,
            user: "app<x>".to_owned(),
            host: "10.77.0.21:50123".to_owned(),
            seconds: 312,
            rows: 17,
            doing: "idle".to_owned(),
        }],
    )];
    *last = at(4000);
    *at_step = Some(steps[fence + 1].step.clone());
    *end = None;
    *trouble = Some(Trouble::Torn(23));
    found
}
