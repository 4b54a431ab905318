//! Journals in a real folder.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a disk is what is tried, and timed, here")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::samples::{begin, clock, end};
use super::*;
use crate::event::{Event, Way as Direction};
use crate::model::samples::{healthy, pair};
use crate::model::{Flavour, Goal, StepId};
use crate::planner;

fn at(folder: &Path) -> Home {
    home(|name| (name == "XDG_STATE_HOME").then(|| folder.as_os_str().to_owned())).expect("a home")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn kept(home: &Home, run: &str, later: u64) -> Journal {
    let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
    let store = home.create(&pair().name, run, clock() + Duration::from_secs(later)).expect("a file");
    Journal::begin(Draft { store, clock }, &pair(), Begin { run: run.to_owned(), ..begin(&plan) }).expect("a journal")
}

#[test]
fn files_are_private_sorted_by_time_and_show_whether_their_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at(folder.path());
    let (old, new) = ("ffffffff00", "0000000011");
    kept(&home, old, 0).end(end(Ending::Refused));
    let running = kept(&home, new, 60);
    // the thread that writes lets go of the file
    let let_go = |run: &str| {
        let ends = Instant::now() + Duration::from_secs(20);
        let runs = || {
            let found = find(&home, &pair().name).expect("journals");
            found.iter().any(|f| f.running && f.story.as_ref().is_ok_and(|story| story.begin.run == run))
        };
        while runs() {
            assert!(Instant::now() < ends, "its lock is let go of");
            std::thread::yield_now();
        }
    };
    let_go(old);
    let found = find(&home, &pair().name).expect("journals");
    let runs: Vec<_> =
        found.iter().map(|f| (f.story.as_ref().expect("a story").begin.run.as_str(), f.running)).collect();
    assert_eq!(runs, [(new, true), (old, false)]);
    assert!(found[0].path.ends_with("flipper/orders/20260102T030505Z-00000000.jsonl"), "{:?}", found[0].path);
    assert_eq!(mode(&found[0].path), 0o600);
    assert_eq!((mode(&folder.path().join("flipper")), mode(&folder.path().join("flipper/orders"))), (0o700, 0o700));
    drop(running);
    let_go(new);
    assert_eq!(pairs(&home).expect("pairs"), [pair().name]);
}

#[test]
fn of_two_runs_that_began_within_a_second_the_later_one_is_the_newest() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at(folder.path());
    let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
    let clocks: [fn() -> SystemTime; 2] =
        [|| clock() + Duration::from_millis(200), || clock() + Duration::from_millis(201)];
    // whatever their names, which end by chance
    for (first, second) in [("ffffffff00", "0000000011"), ("1111111100", "2222222211")] {
        for (run, clock) in [first, second].into_iter().zip(clocks) {
            let store = home.create(&pair().name, run, clock()).expect("a file");
            let begin = Begin { run: run.to_owned(), ..begin(&plan) };
            Journal::begin(Draft { store, clock }, &pair(), begin).expect("a journal").end(end(Ending::Refused));
        }
        let found = find(&home, &pair().name).expect("journals");
        let place = |run: &str| found.iter().position(|f| f.story.as_ref().is_ok_and(|story| story.begin.run == run));
        let (newer, older) = (place(second).expect("the second"), place(first).expect("the first"));
        assert!(newer < older, "{newer} {older}");
    }
}

/// A clock may be set back between the two.
#[test]
fn a_run_that_another_one_went_on_with_is_settled_whatever_the_clock_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at(folder.path());
    let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
    let keep = |run: &str, clock: fn() -> SystemTime, continues: Option<&str>, ended: Ending| {
        let store = home.create(&pair().name, run, clock()).expect("a file");
        let continues = continues.map(|run| Continued { run: run.to_owned(), way: Way::Back });
        let begin = Begin { run: run.to_owned(), continues, ..begin(&plan) };
        Journal::begin(Draft { store, clock }, &pair(), begin).expect("a journal").end(end(ended));
    };
    let latest = || {
        let found = find(&home, &pair().name).expect("journals");
        latest_touching(&found).map(|(_, story)| story.begin.run.clone())
    };
    keep("aaaaaaaa00", clock, None, Ending::NothingToDo);
    assert_eq!(latest().as_deref(), Some("aaaaaaaa00"));
    // one that could not even begin settles nothing
    keep("bbbbbbbb00", || clock() - Duration::from_secs(3600), Some("aaaaaaaa00"), Ending::Locked);
    assert_eq!(latest().as_deref(), Some("aaaaaaaa00"));
    keep("cccccccc00", || clock() - Duration::from_secs(1800), Some("aaaaaaaa00"), Ending::NothingToDo);
    assert_eq!(latest().as_deref(), Some("cccccccc00"));
}

/// A cut-off run, one that was refused, and one that takes the first one back.
#[test]
fn what_a_later_run_has_made_of_an_earlier_one_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at(folder.path());
    let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
    let fence = || StepId("fence-db1".to_owned());
    let seen = || Box::new(healthy(Flavour::MySql));
    let changes = |journal: &mut Journal| {
        journal.event(&Event::Stands(crate::event::Moment::Before, seen()));
        journal.event(&Event::Ready);
        journal.event(&Event::Intends(Direction::Forward, vec![fence()]));
        journal.event(&Event::Started(Direction::Forward, fence()));
    };
    let mut cut = kept(&home, "aaaaaaaa", 0);
    changes(&mut cut);
    drop(cut);
    kept(&home, "bbbbbbbb", 60).end(end(Ending::Locked));
    let fates = |name: &str| {
        let found = find(&home, &pair().name).expect("journals");
        let of = |f: &&Found| f.story.as_ref().is_ok_and(|story| story.begin.run == name);
        let then = found.iter().find(of).expect("a journal").then.clone();
        then.map(|then| (then.run, then.fate))
    };
    assert_eq!(fates("aaaaaaaa"), None);
    for (later, run, of, way, end_of, fate) in [
        (120, "cccccccc", "aaaaaaaa", Way::Back, None, Fate::TakenUp),
        (180, "dddddddd", "cccccccc", Way::Back, Some(Ending::Done), Fate::TakenBack),
        (240, "eeeeeeee", "dddddddd", Way::Forward, Some(Ending::Done), Fate::Finished),
        (300, "ffffffff", "aaaaaaaa", Way::Back, Some(Ending::Done), Fate::Overtaken),
    ] {
        let before = find(&home, &pair().name).expect("journals");
        let earlier = before.iter().find(|f| f.then.is_none() && f.story.as_ref().is_ok_and(Story::touches));
        let earlier = earlier.and_then(|f| f.story.as_ref().ok()).expect("one").begin.run.clone();
        let store = home.create(&pair().name, run, clock() + Duration::from_secs(later)).expect("a file");
        let continues = Some(Continued { run: of.to_owned(), way });
        let begin = Begin { run: run.to_owned(), continues, ..begin(&plan) };
        let mut journal = Journal::begin(Draft { store, clock }, &pair(), begin).expect("a journal");
        changes(&mut journal);
        match end_of {
            Some(ending) => {
                let took = Duration::from_millis(2);
                journal.event(&Event::Finished(Direction::Forward, fence(), took, None));
                assert_eq!(journal.end(end(ending)), None);
            }
            None => drop(journal),
        }
        assert_eq!(fates(&earlier), Some((run.to_owned(), fate)));
    }
}

#[test]
fn what_is_no_journal_is_named_and_hides_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at(folder.path());
    kept(&home, "aaaaaaaa", 0).end(end(Ending::Refused));
    let own = folder.path().join("flipper/orders");
    let name = |n: u32| own.join(format!("20260102T03040{n}Z-bbbbbbbb.jsonl"));
    fs::write(name(6), "").expect("a file");
    fs::write(name(7), "{}\n").expect("a file");
    symlink(name(6), name(8)).expect("a link");
    fs::create_dir(name(9)).expect("a folder");
    // not called like a journal
    fs::write(own.join("notes.txt"), "mine").expect("a file");
    let found = find(&home, &pair().name).expect("journals");
    let told: Vec<bool> = found.iter().map(|found| found.story.is_ok()).collect();
    assert_eq!(told, [false, false, false, false, true]);
    assert_eq!(found[3].story, Err(Unreadable::Journal(Trouble::Torn(1))));
    assert!(matches!(&found[2].story, Err(Unreadable::Journal(Trouble::Broken(1, _)))));
    assert!(matches!(&found[1].story, Err(Unreadable::System(_))), "a link is not followed");
    assert!(latest_touching(&found).is_none());
}

#[test]
fn a_folder_that_others_may_write_or_that_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let create = |at: &Home| at.create(&pair().name, "aaaaaaaa", clock()).map(drop).map_err(|error| error.code());
    let own = folder.path().join("flipper/orders");
    fs::create_dir_all(&own).expect("a folder");
    for loose in [folder.path().join("flipper"), own.clone()] {
        fs::set_permissions(&loose, Permissions::from_mode(0o777)).expect("its mode");
        assert_eq!(create(&at(folder.path())), Err("flipper::journal::shared"));
        fs::set_permissions(&loose, Permissions::from_mode(0o755)).expect("its mode");
    }
    // nobody else is to read there either
    assert_eq!(create(&at(folder.path())), Ok(()));
    assert_eq!(mode(&own), 0o700);
    // the same run again would be the same file
    assert_eq!(create(&at(folder.path())), Err("flipper::journal::unwritable"));
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    assert_eq!(create(&at(&file)), Err("flipper::journal::unwritable"));
    let (linked, elsewhere) = (folder.path().join("linked"), folder.path().join("elsewhere"));
    fs::create_dir_all(linked.join("flipper")).expect("a folder");
    fs::create_dir_all(&elsewhere).expect("a folder");
    symlink(&elsewhere, linked.join("flipper/orders")).expect("a link");
    assert_eq!(create(&at(&linked)), Err("flipper::journal::shared"));
    assert!(home(|_| None).is_err_and(|error| error.code() == "flipper::journal::unwritable"));
}

/// What a step waits for its intent before writes are out, and for nothing inside.
#[test]
fn the_outage_waits_for_no_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = kept(&at(folder.path()), "aaaaaaaa", 0);
    let way = Direction::Forward;
    let seen = Box::new(healthy(Flavour::MySql));
    journal.event(&Event::Stands(crate::event::Moment::Before, seen));
    journal.event(&Event::Ready);
    let step = |n: usize| StepId(format!("step-{n}"));
    let (mut outside, mut inside) = (vec![], vec![]);
    let timed = |times: &mut Vec<Duration>, journal: &mut Journal, events: &[Event]| {
        let begun = Instant::now();
        events.iter().for_each(|event| journal.event(event));
        times.push(begun.elapsed());
    };
    for n in 0..50 {
        let done = Event::Finished(way, step(n), Duration::ZERO, None);
        timed(&mut outside, &mut journal, &[Event::Intends(way, vec![step(n)]), Event::Started(way, step(n)), done]);
    }
    journal.event(&Event::Intends(way, (50..100).map(step).collect()));
    journal.event(&Event::Started(way, step(50)));
    journal.event(&Event::GateClosed);
    journal.event(&Event::Finished(way, step(50), Duration::ZERO, None));
    for n in 51..100 {
        let done = Event::Finished(way, step(n), Duration::ZERO, None);
        timed(&mut inside, &mut journal, &[Event::Started(way, step(n)), done]);
    }
    journal.event(&Event::GateOpened(Duration::ZERO));
    assert_eq!(journal.end(end(Ending::Done)), None);
    for times in [&mut outside, &mut inside] {
        times.sort();
    }
    println!("a step with its fsync: median {:?}; inside the outage: median {:?}", outside[25], inside[24]);
    // generous: what is shown is that no disk is waited for
    assert!(inside[24] < Duration::from_millis(20), "{:?}", inside[24]);
}
