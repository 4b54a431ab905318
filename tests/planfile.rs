//! Plan and snapshot files: they come back as they were, and nothing else comes in.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

mod samples;

use std::fs;
use std::path::Path;

use flipper::model::{Boot, Health, Inventory, Observed, Plan, Readiness, Relay, Snapshot, StepId, Workload};
use flipper::planfile::{self, Kind, PlanFileError, snapshot};
use miette::Diagnostic as _;
use samples::p;

fn seen() -> Vec<String> {
    planfile::seen(&samples::troubled())
}

fn text(plan: &Plan) -> String {
    planfile::to_text(plan, &seen())
}

fn refused(text: &str) -> PlanFileError {
    let error = planfile::from_text("plan.ron", text).unwrap_err();
    assert!(error.help().is_some_and(|help| !help.to_string().is_empty()), "{error}");
    error
}

/// A text with something of everything, and not longer than it must be to be changed at every byte.
fn short_text() -> String {
    let mut plan = samples::swap_write();
    plan.steps.truncate(6);
    let seen = planfile::seen(&samples::troubled());
    planfile::to_text(&plan, &seen[4..6])
}

/// The text with its digest made right again: what somebody gets who edits a plan and knows how it is signed.
fn signed(text: &str) -> String {
    let (header, body) = text.split_at(text.find("#![").unwrap());
    let start = body.rfind("  digest: ").unwrap();
    let body = format!("{})\n", &body[..start]);
    let digest = planfile::Digest::of(&body);
    format!("{header}{}  digest: \"{digest}\",\n)\n", body.strip_suffix(")\n").unwrap())
}

#[test]
fn plans_come_back_as_they_were() {
    for plan in [
        samples::swap_write(),
        samples::swap_all(),
        samples::swap_read(),
        samples::drop_first(),
        samples::nothing_to_do(),
    ] {
        let text = text(&plan);
        let file = planfile::from_text("plan.ron", &text).unwrap();
        assert_eq!(file.plan, plan);
        assert_eq!(file.seen, seen());
        assert_eq!(file.flipper_version, env!("CARGO_PKG_VERSION"));
        assert_eq!(file.digest, planfile::digest(&plan, &seen()));
        assert_eq!(signed(&text), text);
        assert!(text.ends_with(&format!("  digest: \"{}\",\n)\n", file.digest)));
    }
}

/// Old formats stay readable: these files are kept as they were written, and reading one compares every byte of it
/// with what would be written today.
#[test]
fn files_of_format_1_are_read() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/format-1");
    for (name, plan) in [
        ("swap-write-mysql.ron", samples::swap_write()),
        ("swap-all-mariadb.ron", samples::swap_all()),
        ("nothing-to-do.ron", samples::nothing_to_do()),
        ("swap-read-mariadb.ron", samples::swap_read()),
        ("drop-first.ron", samples::drop_first()),
    ] {
        assert_eq!(planfile::load(&kept.join(name)).unwrap().plan, plan);
    }
    for (name, seen) in [("healthy.snapshot.ron", samples::healthy()), ("troubled.snapshot.ron", samples::troubled())] {
        // written before there were checks: what they look at is unknown, and written as such from now on
        assert_eq!(snapshot::load(&kept.join(name)).unwrap().snapshot, without_checks(without_readiness(seen)));
    }
    for (name, seen) in
        [("healthy-checks.snapshot.ron", samples::healthy()), ("troubled-checks.snapshot.ron", samples::troubled())]
    {
        // written before the account's rights on data were looked at, and not written into such a file
        let seen = without_lines(without_events(without_restart(without_rights(without_readiness(seen)))));
        let seen = without_half(seen);
        assert_eq!(snapshot::load(&kept.join(name)).unwrap().snapshot, seen);
        assert_eq!(fs::read_to_string(kept.join(name)).unwrap(), snapshot_text(&seen));
    }
    for (name, seen) in [
        // written before it was looked at what a server starts with
        ("healthy-rights.snapshot.ron", without_events(without_restart(without_readiness(samples::healthy())))),
        // and before it was looked at what only `fail` asks for, and whether a fence stops events
        ("healthy-restart.snapshot.ron", without_events(without_readiness(samples::healthy()))),
        ("troubled-restart.snapshot.ron", without_lines(without_events(without_readiness(samples::troubled())))),
        ("healthy-events.snapshot.ron", without_readiness(samples::healthy())),
        ("healthy-readiness.snapshot.ron", without_events(samples::healthy())),
        ("troubled-readiness.snapshot.ron", without_events(samples::troubled())),
    ] {
        // and before it was looked at whether a transaction came in without its end
        let seen = without_half(seen);
        assert_eq!(snapshot::load(&kept.join(name)).unwrap().snapshot, seen);
        assert_eq!(fs::read_to_string(kept.join(name)).unwrap(), snapshot_text(&seen));
    }
}

const NOT_WRITTEN: &str = "the file was written by a flipper that did not look at it";

/// As seen by a flipper that did not look at what only `fail` asks for.
fn without_readiness(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        node.readiness = Readiness::unseen(NOT_WRITTEN);
    }
    snapshot
}

/// As seen by a flipper that did not look at the rights that its own account has too much.
fn without_rights(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        node.inventory.data_rights = Observed::Unknown(NOT_WRITTEN.to_owned());
    }
    snapshot
}

/// As seen by a flipper that did not look at whether a fence stops events.
fn without_events(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        node.inventory.unstopped_events = Observed::Unknown(NOT_WRITTEN.to_owned());
    }
    snapshot
}

/// As seen by a flipper that did not look at whether a transaction came in without its end.
fn without_half(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        node.relay.half_received = Observed::Unknown(NOT_WRITTEN.to_owned());
    }
    snapshot
}

/// As seen by a flipper that did not look at which line of a file names an address.
fn without_lines(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        if let Observed::Known(files) = &mut node.boot.files {
            files.iter_mut().for_each(|file| file.line = None);
        }
    }
    snapshot
}

/// As seen by a flipper that did not look at what a server starts with.
fn without_restart(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        let Boot { read_only, files, managers, .. } = node.boot.clone();
        node.boot = Boot { read_only, files, managers, ..Boot::unseen(NOT_WRITTEN) };
    }
    snapshot
}

/// As seen by a flipper that did not look at what only the checks look at.
fn without_checks(mut snapshot: Snapshot) -> Snapshot {
    for node in &mut snapshot.nodes {
        let why = NOT_WRITTEN;
        node.workload = Workload::unseen(why);
        node.health = Health::unseen(why);
        node.boot = Boot::unseen(why);
        node.relay = Relay::unseen(why);
        node.inventory = Inventory::unseen(why);
    }
    snapshot
}

#[test]
fn strings_of_any_kind_come_back() {
    let mut plan = samples::nothing_to_do();
    plan.notes = ["", "\"#\"##", "\\", "a\nb\r\n\tc\0\u{1b}\u{7f}\u{202e}", "// no comment", "日本", "\u{feff}"]
        .map(str::to_owned)
        .to_vec();
    let text = planfile::to_text(&plan, &plan.notes);
    let file = planfile::from_text("plan.ron", &text).unwrap();
    assert_eq!((file.plan.notes, file.seen), (plan.notes.clone(), plan.notes));
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let text = short_text();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        refused(&text[..end]);
    }
}

#[test]
fn a_file_with_one_bit_changed_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.ron");
    let text = short_text();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << (at % 8);
        match String::from_utf8(bytes) {
            Ok(changed) => drop(refused(&changed)),
            Err(not_utf8) => {
                fs::write(&path, not_utf8.as_bytes()).unwrap();
                assert_eq!(planfile::load(&path).unwrap_err().kind(), Kind::Syntax);
            }
        }
    }
}

/// The comment that files began with when those in `plans/format-1` were written.
fn old_header() -> String {
    let old =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/format-1/swap-write-mysql.ron")).unwrap();
    old[..old.find("#![").unwrap()].to_owned()
}

/// The comment at the top is no part of what is approved, and yet it is one of flipper's own.
#[test]
fn the_header_does_not_count_and_is_one_that_flipper_wrote() {
    let now = text(&samples::swap_write());
    let body = &now[now.find("#![").unwrap()..];
    let old = format!("{}{body}", old_header());
    assert_ne!(old, now);
    let (now, old) = (planfile::from_text("plan.ron", &now).unwrap(), planfile::from_text("plan.ron", &old).unwrap());
    assert_eq!(now, old);
    for other in ["", "// A plan of flipper. It is fine.\n", &old_header().replace("Nothing", "Something")] {
        assert_eq!(refused(&format!("{other}{body}")).kind(), Kind::Changed);
    }
}

#[test]
fn what_was_added_or_taken_away_is_refused() {
    let text = text(&samples::swap_write());
    for changed in [
        format!("{text}\n"),
        format!("{text}// and then"),
        format!(" {text}"),
        format!("\u{feff}{text}"),
        text.replace('\n', "\r\n"),
        text.replace("  pair:", "\tpair:"),
        text.replace("do not edit it", "edit it"),
        format!("{}{text}", old_header()),
        text[text.find("#![").unwrap()..].to_owned(),
        // a name that is optional in RON, and a key that counts only once
        text.replace("Plan(\n", "(\n"),
        text.replace("before: {", "before: {\n    \"write\": \"db2\","),
        String::new(),
        "()".to_owned(),
    ] {
        refused(&changed);
    }
    let error = refused(&text.replace("do not edit it", "edit it"));
    assert_eq!((error.kind(), error.to_string()), (Kind::Changed, "plan.ron is not as flipper wrote it".to_owned()));
    let line = text.lines().position(|line| line.contains("do not edit it")).unwrap();
    let column = text.lines().nth(line).unwrap().find("do not").unwrap();
    assert_eq!(error.position(), Some((line + 1, column + 1)));
    assert!(refused(&text.replace('\n', "\r\n")).help().unwrap().to_string().contains("CRLF"));
}

/// Deeply nested, or nonsense: an error, and the stack holds.
#[test]
fn no_text_is_too_strange_to_be_refused() {
    let text = text(&samples::swap_write());
    for deep in ["(", "[", "{", "/*", "Some(", "(a:", "[[(", "{0:", "#![", "\"\\u{", "r#"] {
        let deep = deep.repeat(50_000);
        refused(&deep);
        refused(&text.replace("notes: [", &format!("notes: {deep}[")));
        refused(&text.replace("notes: [", &format!("format: 2, odd: {deep}[")));
        snapshot::from_text("s.ron", &deep).unwrap_err();
    }
}

#[test]
fn a_changed_value_is_a_wrong_digest() {
    let text = text(&samples::swap_write());
    for (from, to) in
        [("\"eth1\"", "\"eth2\""), ("flipper: \"", "flipper: \"1"), ("my.cnf", "our.cnf"), ("evil", "good")]
    {
        assert!(text.contains(from), "{from}");
        let changed = text.replace(from, to);
        let error = refused(&changed);
        assert_eq!(error.kind(), Kind::Changed, "{error}");
        assert!(error.to_string().contains("digest"), "{error}");
        assert_eq!(error.code().unwrap().to_string(), "flipper::planfile::changed");
        assert!(error.position().is_some());
        // signed by its editor it is a plan again, with another digest: `--expect-digest` is what refuses it
        assert_ne!(
            planfile::from_text("plan.ron", &signed(&changed)).unwrap().digest,
            planfile::from_text("plan.ron", &text).unwrap().digest
        );
    }
    let error = refused(&text.replace(text.rsplit_once("  digest").unwrap().1, ": None,\n)\n"));
    assert_eq!(error.kind(), Kind::Changed);
}

#[test]
fn names_rules_and_fields_are_checked_where_they_stand() {
    let text = text(&samples::swap_write());
    for (from, to, says) in [
        ("pair: \"orders\"", "pair: \"Or;ders\"", "not a pair name"),
        ("node: \"db2\"", "node: \"-db2\"", "not a node name"),
        ("\"10.77.0.100/32\"", "\"10.77.0.100/33\"", "prefix length"),
        ("\"no-loss\"", "\"no-fun\"", "not a rule"),
        ("version: \"9.7.4\"", "version: \"9.7\"", "three numbers"),
        ("how: SuperReadOnly", "how: Prayer", "Prayer"),
        ("goal: Swap", "goal: Flop", "Flop"),
        ("  notes: [", "  surprise: [", "surprise"),
        ("interface: \"eth1\"", "interface: \"eth1\", dry: true", "dry"),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        let error = refused(&changed);
        assert_eq!(error.kind(), Kind::Syntax, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        let (line, column) = error.position().unwrap();
        let there = changed.lines().nth(line - 1).unwrap();
        assert!(there.contains(to) || changed.contains(&format!("{there}\n{to}")), "{line}:{column} {error}");
    }
}

#[test]
fn a_newer_format_asks_for_a_newer_flipper() {
    let text = text(&samples::swap_write());
    for newer in [text.replace("format: 1", "format: 2"), text.replace("format: 1", "format: 2,\n  fresh: Idea([1])")] {
        let error = refused(&newer);
        assert_eq!(error.kind(), Kind::Format);
        assert_eq!(error.to_string(), "plan.ron is of format 2, and this flipper reads formats up to 1");
        assert!(error.help().unwrap().to_string().starts_with("Update flipper"));
        let line = text.lines().position(|line| line.starts_with("  format:")).unwrap();
        assert_eq!(error.position(), Some((line + 1, 3)));
    }
    assert_eq!(refused(&text.replace("format: 1", "format: 0")).kind(), Kind::Format);
}

/// Files that are signed as they should be, and still are no plans.
#[test]
fn steps_that_do_not_make_a_plan_are_refused() {
    type Edit = fn(&mut Plan);
    let edits: [(&str, Edit); 6] = [
        ("is there twice", |plan| plan.steps.push(plan.steps[0].clone())),
        ("which is no step before it", |plan| plan.steps.swap(0, 3)),
        ("which is no step before it", |plan| plan.steps[3].after[0].0 = StepId("no\u{1b}pe".to_owned())),
        ("something else than it is called", |plan| plan.steps[0].id = StepId("calm-db2".to_owned())),
        ("have one name", |plan| plan.basis.nodes[1].name = p("db1")),
        ("is about a node that is not of the pair", |plan| plan.basis.nodes[1].name = p("db3")),
    ];
    let header_lines = old_header().lines().count();
    for (says, edit) in edits {
        let mut plan = samples::swap_write();
        edit(&mut plan);
        let error = refused(&text(&plan));
        assert_eq!(error.kind(), Kind::Step, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(error.position().is_some_and(|(line, _)| line > header_lines), "{error}");
    }
}

#[test]
fn what_the_same_pair_gives_twice_is_the_same_digest() {
    let before = samples::healthy();
    let mut after = samples::healthy();
    for node in &mut after.nodes {
        node.position = Observed::Known("moved on".to_owned());
        if let Observed::Known(channels) = &mut node.channels {
            channels[0].lag = Some(3);
        }
    }
    let plan = samples::swap_write();
    assert_eq!(planfile::digest(&plan, &planfile::seen(&before)), planfile::digest(&plan, &planfile::seen(&after)));
}

#[test]
fn files_are_private_and_only_plans_are_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.ron");
    let (one, two) = (text(&samples::swap_write()), text(&samples::swap_all()));
    planfile::save(&path, &one).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    planfile::save(&path, &two).unwrap();
    assert_eq!(planfile::load(&path).unwrap().plan, samples::swap_all());

    // nothing that load would refuse is written
    assert_eq!(planfile::save(&path, "no plan").unwrap_err().kind(), Kind::Syntax);
    assert_eq!(fs::read_to_string(&path).unwrap(), two);

    for precious in ["my notes", "", &snapshot_text(&samples::healthy()), &two.replace("eth1", "eth2")] {
        fs::write(&path, precious).unwrap();
        let error = planfile::save(&path, &one).unwrap_err();
        assert_eq!(error.kind(), Kind::Exists, "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), precious);
    }
    assert_eq!(planfile::save(folder.path(), &one).unwrap_err().kind(), Kind::Exists);
    let nowhere = folder.path().join("no/such/folder");
    let error = planfile::save(&nowhere, &one).unwrap_err();
    assert_eq!(error.kind(), Kind::Write);
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(planfile::load(&nowhere).unwrap_err().kind(), Kind::Read);
    // no half-written file is left behind
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let error = planfile::load(Path::new("/dev/zero")).unwrap_err();
    assert!(error.to_string().contains("larger"), "{error}");
}

fn snapshot_text(snapshot: &flipper::model::Snapshot) -> String {
    snapshot::to_text(&p("orders"), "2026-11-22T03:00:00Z", snapshot)
}

#[test]
fn snapshots_come_back_as_they_were() {
    for seen in [samples::healthy(), samples::troubled(), samples::unreachable(), samples::blind()] {
        let file = snapshot::from_text("s.ron", &snapshot_text(&seen)).unwrap();
        assert_eq!((file.pair, file.taken.as_str()), (p("orders"), "2026-11-22T03:00:00Z"));
        assert_eq!(file.snapshot, seen);
    }
}

#[test]
fn a_snapshot_has_the_addresses_of_a_real_machine() {
    let text = snapshot_text(&samples::healthy());
    for address in ["127.0.0.1/8", "::1/128", "fe80::1/64", "169.254.0.1/16"] {
        let machine = text.replacen(
            "addresses: Known([",
            &format!("addresses: Known([Held(address: {address:?}, interface: \"lo\", secondary: false), "),
            1,
        );
        assert_ne!(machine, text);
        assert_eq!(snapshot_text(&snapshot::from_text("s.ron", &machine).unwrap().snapshot), machine);
    }
    for wrong in ["127.0.0.1", "10.0.0.1/33", "::1/129", "10.0.0.1/x", "/32"] {
        let machine = text.replacen("10.77.0.11/24", wrong, 1);
        assert_ne!(machine, text);
        assert!(snapshot::from_text("s.ron", &machine).is_err(), "{wrong}");
    }
}

#[test]
fn snapshots_that_are_none_are_refused() {
    let text = snapshot_text(&samples::healthy());
    let blind = snapshot_text(&samples::blind());
    for (text, kind) in [
        (text.replace("format: 1", "format: 7"), Kind::Format),
        (text.replace("name: \"db2\"", "name: \"db1\""), Kind::Syntax),
        (text.replace("access: Known", "access: Maybe"), Kind::Syntax),
        (text.replace("secondary: false", "secondary: false, spare: 1"), Kind::Syntax),
        (self::text(&samples::swap_write()), Kind::Syntax),
    ] {
        let error = snapshot::from_text("s.ron", &text).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    for end in (0..blind.len() - 2).step_by(5).filter(|end| blind.is_char_boundary(*end)) {
        snapshot::from_text("s.ron", &blind[..end]).unwrap_err();
    }
    let one_node = blind.replace(blind.split_once("    NodeSnapshot(").unwrap().1, "");
    let one_node = one_node.replace("    NodeSnapshot(", "]\n)\n");
    let error = snapshot::from_text("s.ron", &one_node).unwrap_err();
    assert!(error.to_string().contains("two nodes"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.ron");
    snapshot::save(&path, &text).unwrap();
    snapshot::save(&path, &blind).unwrap();
    assert_eq!(snapshot::load(&path).unwrap().snapshot, samples::blind());
    assert_eq!(planfile::save(&path, &self::text(&samples::swap_write())).unwrap_err().kind(), Kind::Exists);
}
