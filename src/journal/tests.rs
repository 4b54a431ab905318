//! Journals of runs in a simulated world: kept, torn, changed.
#![expect(clippy::disallowed_methods, reason = "a disk that hangs is timed")]

use std::collections::BTreeSet;
use std::time::Duration;

use super::samples::{Memory, begin, clock, end};
use super::table::{Kind, LEGAL, State, kind};
use super::*;
use crate::apply::{Cancel, Outcome, Run};
use crate::model::samples::{healthy, pair};
use crate::model::{Flavour, Goal, Plan, StepId};
use crate::planner;
use crate::sim::{Fault, SimWorld};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn swap(flavour: Flavour) -> Plan {
    planner::plan(&pair(), &healthy(flavour), &Goal::Swap(None), &[]).expect("a plan")
}

/// A run with a journal, as the command keeps it.
fn kept(plan: &Plan, fault: Option<(&str, Fault)>, memory: &Memory) -> (Outcome, Option<String>) {
    let pair = pair();
    let mut world = SimWorld::new(pair.clone(), healthy(Flavour::MySql));
    if let Some((step, fault)) = fault {
        world.fault(StepId(step.to_owned()), fault);
    }
    let mut journal = Journal::begin(memory.draft(), &pair, begin(plan)).expect("a journal");
    let cancel = Cancel::default();
    let outcome = block_on(Run::new(&mut world, &pair, &cancel, |event| journal.event(&event)).apply(plan));
    let ending = match &outcome {
        Outcome::Done { .. } => Ending::Done,
        Outcome::RolledBack { .. } => Ending::RolledBack,
        _ => Ending::PartWay,
    };
    (outcome, journal.end(end(ending)))
}

fn journal(fault: Option<(&str, Fault)>) -> Vec<u8> {
    journal_of(&swap(Flavour::MySql), fault)
}

/// A short one, to be looked at byte for byte: the read role alone.
fn short_journal() -> Vec<u8> {
    let goal = Goal::Swap("read".parse().ok());
    journal_of(&planner::plan(&pair(), &healthy(Flavour::MySql), &goal, &[]).expect("a plan"), None)
}

fn journal_of(plan: &Plan, fault: Option<(&str, Fault)>) -> Vec<u8> {
    let memory = Memory::default();
    let (_, trouble) = kept(plan, fault, &memory);
    assert_eq!(trouble, None);
    memory.text()
}

#[test]
fn what_was_written_is_what_is_read() {
    let plan = swap(Flavour::MySql);
    let story = read(&journal(None)).expect("a story");
    assert_eq!(story.begin, begin(&plan));
    assert!(story.plan().expect("its plan").same_as(&plan));
    let told: Vec<&str> = story.steps.iter().map(|taken| taken.step.as_str()).collect();
    let planned: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
    assert_eq!(told, planned);
    assert!(story.steps.iter().all(|taken| taken.took == Some(Duration::from_millis(1)) && taken.failed.is_none()));
    // fence, catch-up, open, take: a simulated millisecond each
    assert_eq!(story.out(), Some((clock(), Some(Duration::from_millis(4)))));
    assert_eq!(story.end, Some(end(Ending::Done)));
    assert_eq!((story.at_step.as_deref(), &story.trouble, story.is_open()), (None, &None, false));
    let access = |nodes: &[NodeStand]| nodes.iter().map(|node| node.access.clone()).collect::<Vec<_>>();
    let words = |words: [&str; 2]| words.map(|word| Known::Known(word.to_owned())).to_vec();
    assert_eq!(access(&story.before), words(["open", "fenced"]));
    assert_eq!(access(&story.after), words(["fenced", "open"]));
    assert_eq!(story.before[0].position, Known::Known("0-1-7".to_owned()));
}

/// The disk holds the intent of every step before the step is sent; inside the outage nobody waits for it.
#[test]
fn intents_are_on_disk_before_and_the_outage_waits_for_nothing() {
    let memory = Memory::default();
    kept(&swap(Flavour::MySql), None, &memory);
    let text = memory.text();
    let synced = memory.synced.lock().expect("the marks").clone();
    let mut at = 0;
    let (mut out, mut waited_inside, mut intents) = (false, 0, vec![]);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let line = String::from_utf8_lossy(line);
        out |= line.contains("\"writes-out\"");
        out &= !line.contains("\"writes-in\"");
        waited_inside += usize::from(out && synced.contains(&at));
        if line.contains("\"type\":\"intent\"") {
            assert!(synced.contains(&at), "{line}");
            intents.push(line.into_owned());
        }
    }
    assert_eq!(waited_inside, 0);
    let gate = "\"steps\":[\"fence-db1\",\"catch-up-db2\",\"open-db2\",\"take-write-db2\"]";
    assert!(intents.iter().any(|line| line.contains(gate)), "{intents:#?}");
}

/// However a journal ends, it has one reading: that of its whole lines, and that a line was torn, if one was.
fn torn(whole: &[u8], cut: usize) -> Option<Story> {
    let torn = &whole[..cut];
    let lines = torn.iter().filter(|byte| **byte == b'\n').count();
    let clean = torn.is_empty() || torn.ends_with(b"\n");
    let expected = (!clean).then_some(Trouble::Torn(lines + 1));
    // a file system may leave nothing but zeros where a line was to be
    if cut.is_multiple_of(16) {
        let zeros = read(&[torn, &[0; 64]].concat()).map(|story| story.trouble).unwrap_or_else(Some);
        assert_eq!(zeros, Some(Trouble::Torn(lines + 1)), "zeros from {cut}");
    }
    match read(torn) {
        Err(trouble) => {
            assert_eq!((lines, trouble), (0, Trouble::Torn(1)), "cut at {cut}");
            None
        }
        Ok(story) => {
            assert_eq!(story.trouble, expected, "cut at {cut}");
            assert_eq!(story.end.is_some(), cut == whole.len(), "cut at {cut}");
            Some(story)
        }
    }
}

#[test]
fn torn_at_any_byte_it_tells_of_what_was_whole() {
    let whole = short_journal();
    let steps: BTreeSet<_> = (0..=whole.len()).filter_map(|cut| torn(&whole, cut)?.at_step).collect();
    assert!(steps.contains("take-read-db1") && steps.contains("drop-read-db2"), "{steps:?}");
}

#[test]
fn torn_in_any_line_it_says_which_step_it_was_in() {
    for fault in [None, Some(("catch-up-db2", Fault::NotDone)), Some(("open-db2", Fault::NodeLost))] {
        let whole = journal(fault);
        let (mut open, mut steps) = (BTreeSet::new(), BTreeSet::new());
        let ends = (0..whole.len()).filter(|at| whole[*at] == b'\n');
        for cut in ends.flat_map(|end| [end - 9, end, end + 1]) {
            let Some(story) = torn(&whole, cut) else { continue };
            open.insert(story.is_open());
            steps.extend(story.at_step);
        }
        assert_eq!(open.len(), 2, "it may be cut off before anything was changed, and after");
        for step in ["fence-db1", "catch-up-db2"] {
            assert!(steps.contains(step), "some cut is in {step}: {steps:?}");
        }
    }
}

#[test]
fn a_changed_byte_shows_at_its_line_wherever_it_is() {
    let whole = short_journal();
    let mut line = 1;
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] = if changed[at] == b'#' { b'+' } else { b'#' };
        let trouble = read(&changed).map(|story| story.trouble).unwrap_or_else(Some);
        let expected = match trouble {
            // without its end, the last line is a torn one
            Some(Trouble::Torn(torn)) => torn == line && at + 1 == whole.len(),
            Some(Trouble::Broken(broken, _)) => broken == line,
            None => false,
        };
        assert!(expected, "byte {at} in line {line}");
        line += usize::from(whole[at] == b'\n');
    }
}

#[test]
fn a_line_taken_out_or_put_twice_shows() {
    let whole = journal(None);
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() {
        let without: Vec<u8> = [&lines[..at], &lines[at + 1..]].concat().concat();
        let twice: Vec<u8> = [&lines[..=at], &lines[at..]].concat().concat();
        let broken = |bytes: &[u8]| {
            matches!(read(bytes).map(|story| story.trouble).unwrap_or_else(Some), Some(Trouble::Broken(..)))
        };
        // nobody can tell that a last line is missing, but that its run has no end
        assert!(broken(&without) || at + 1 == lines.len(), "line {} is gone", at + 1);
        assert!(broken(&twice), "line {} is there twice", at + 1);
    }
}

#[test]
fn only_what_the_table_allows_may_follow() {
    use State::{Begun, Between, Empty, Ended, InStep, Looked};
    let states = [Empty, Begun, Looked, Between, InStep, Ended];
    // each row is there once, nothing follows an end, and every record has a place
    let rows: BTreeSet<_> = LEGAL.iter().map(|(from, what, _)| (*from, *what)).collect();
    assert_eq!(rows.len(), LEGAL.len());
    assert!(LEGAL.iter().all(|(from, ..)| *from != Ended));
    assert!(states[1..].iter().all(|state| LEGAL.iter().any(|(.., to)| to == state)));
    let ms = Ms(Duration::ZERO);
    let step = || "open-db2".to_owned();
    let way = Way::Forward;
    let records = [
        Record::FlipperJournal(begin(&swap(Flavour::MySql))),
        Record::Stands { when: Moment::Before, nodes: vec![] },
        Record::Stands { when: Moment::After, nodes: vec![] },
        Record::Ready,
        Record::Intent { way, steps: vec![step()] },
        Record::Started { way, step: step() },
        Record::Writers { step: step(), sessions: vec![] },
        Record::Done { way, step: step(), ms, note: None },
        Record::Failed { way, step: step(), ms, happened: Happened::No, why: String::new() },
        Record::Again { step: step(), in_ms: ms },
        Record::WritesOut,
        Record::WritesIn { out_ms: ms },
        Record::TurningBack { why: String::new() },
        Record::PressingOn { why: String::new() },
        Record::Interrupted { times: 1 },
        Record::End(end(Ending::Stale)),
        Record::End(end(Ending::Done)),
        Record::End(end(Ending::Left)),
    ];
    let kinds: BTreeSet<Kind> = records.iter().map(kind).collect();
    assert_eq!(kinds.len(), records.len());
    assert!(kinds.iter().all(|kind| LEGAL.iter().any(|(_, what, _)| what == kind)));
    // every course of at most seven records: what the table refuses changes nothing
    let mut courses = vec![Table::default()];
    for _ in 0..7 {
        let mut next: Vec<Table> = vec![];
        for course in &courses {
            for record in &records {
                let mut taken = course.clone();
                match taken.take(record) {
                    Ok(()) if !next.contains(&taken) => next.push(taken),
                    Ok(()) => {}
                    Err(_) => assert_eq!(&taken, course, "{record:?}"),
                }
            }
        }
        courses = next;
    }
    assert!(courses.iter().any(Table::is_ended));
}

#[test]
fn steps_that_were_not_intended_are_refused() {
    let mut course = Table::default();
    let way = Way::Forward;
    for record in [
        Record::FlipperJournal(begin(&swap(Flavour::MySql))),
        Record::Stands { when: Moment::Before, nodes: vec![] },
        Record::Ready,
        Record::Intent { way, steps: vec!["a".to_owned(), "b".to_owned()] },
    ] {
        course.take(&record).expect("legal");
    }
    let started = |step: &str| Record::Started { way, step: step.to_owned() };
    assert!(course.take(&started("b")).is_err());
    assert!(course.take(&started("a")).is_ok());
    assert_eq!(course.at_step(), Some("a"));
    assert!(course.take(&Record::Done { way, step: "b".to_owned(), ms: Ms(Duration::ZERO), note: None }).is_err());
    // leaving is possible at any time, other ends are not
    assert!(course.clone().take(&Record::End(end(Ending::Left))).is_ok());
    assert!(course.take(&Record::End(end(Ending::Done))).is_err());
}

#[test]
fn a_disk_that_is_full_from_the_start_keeps_the_run_from_beginning() {
    let memory = Memory { room: Some(100), ..Memory::default() };
    let error = Journal::begin(memory.draft(), &pair(), begin(&swap(Flavour::MySql))).err().expect("no journal");
    assert_eq!(error.code(), "flipper::journal::unwritable");
    assert!(error.help().contains("--no-journal"));
}

#[test]
fn a_disk_that_hangs_later_is_waited_for_once() {
    let plan = swap(Flavour::MySql);
    let memory = Memory::default();
    let mut journal = Journal::begin(memory.draft(), &pair(), begin(&plan)).expect("a journal");
    *memory.slow.lock().expect("the time") = Duration::from_secs(30);
    let (pair, cancel) = (pair(), Cancel::default());
    let mut world = SimWorld::new(pair.clone(), healthy(Flavour::MySql));
    let begun = std::time::Instant::now();
    let outcome = block_on(Run::new(&mut world, &pair, &cancel, |event| journal.event(&event)).apply(&plan));
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert!(journal.end(end(Ending::Done)).is_some_and(|why| why.contains("did not answer")), "told at the end");
    // one wait of two seconds for the whole run
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_disk_that_fills_up_later_never_breaks_a_run() {
    let plan = swap(Flavour::MySql);
    let first = serde_json::to_string(&begin(&plan)).expect("text").len() + 200;
    let memory = Memory { room: Some(first), ..Memory::default() };
    let (outcome, trouble) = kept(&plan, None, &memory);
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert!(trouble.is_some_and(|why| why.contains("space")), "told at the end");
    // what is on disk is still a journal
    assert!(read(&memory.text()).is_ok());
}
