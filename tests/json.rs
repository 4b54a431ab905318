//! `docs/json.md` describes every key of every JSON object that flipper prints, and no other. What is printed is taken from
//! `fixtures/render`, from the events, and from the program itself; real runs are held against the document in `tests/flip`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests are at the edge, and say so by panicking"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod samples;
#[expect(dead_code, reason = "other tests use the rest")]
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flipper::dialect::Spelled;
use flipper::event::{Event, Moment, Way};
use flipper::journal::{Found, Unreadable};
use flipper::model::{Assignment, Deposed, Goal, Limits, Observed, Side, StepId};
use flipper::render::{dry_run, events, evidence, json, json_history, screen::Besides, timeline::Timeline};
use flipper::world::{Doing, Failure, Happened, Writer};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The pictures of a test of renders.
fn recorded() -> Vec<Value> {
    let files = std::fs::read_dir(root().join("fixtures/render")).unwrap().map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// What a run tells, every event of it.
fn told() -> Vec<Value> {
    let id = || StepId("fence-db1".to_owned());
    let ms = Duration::from_millis(3);
    let failure = Failure { happened: Happened::No, what: "refused".to_owned(), again: true };
    let writer = Writer {
        id: 7,
        user: "app".to_owned(),
        host: "10.77.0.21:50123".to_owned(),
        seconds: 3,
        rows: 1,
        doing: Doing::Idles,
        statement: Some("UPDATE t".to_owned()),
    };
    let all = [
        Event::Stands(Moment::Before, Box::new(samples::healthy())),
        Event::Ready,
        Event::Intends(Way::Forward, vec![id()]),
        Event::Started(Way::Forward, id()),
        Event::Writers(id(), vec![writer]),
        Event::GateClosed,
        Event::Failed(Way::Forward, id(), ms, failure),
        Event::Again(id(), ms),
        Event::Finished(Way::Forward, id(), ms, Some("noted".to_owned())),
        Event::GateOpened(ms),
        Event::Interrupted(1),
        Event::TurningBack("why".to_owned()),
        Event::PressingOn("why".to_owned()),
    ];
    let mut timeline = Timeline::default();
    all.iter().for_each(|event| timeline.take(event));
    let mut told: Vec<Value> = all.iter().map(|event| events::json(event, &samples::pair())).collect();
    told.extend([events::begun("0.1.0"), timeline.json(), events::ended("done", 0, (Some(ms), &[ms]), "done", &[])]);
    told
}

/// What is put together from several renders.
fn composed() -> Vec<Value> {
    let mut plan = samples::swap_write();
    let (pair, seen) = (samples::pair(), samples::healthy());
    let said = vec![
        vec![
            Spelled::Sql("db1".parse().unwrap(), "SELECT 1".to_owned()),
            Spelled::Ssh("db1".parse().unwrap(), "true".to_owned()),
            Spelled::Connect("10.77.0.100".to_owned(), "SELECT 1".to_owned()),
            Spelled::Here("true".to_owned()),
        ];
        plan.steps.len()
    ];
    let dry = dry_run::json(&plan, &Limits::default(), &said);
    let mut all = vec![dry];
    // each kind of goal
    let wanted = Assignment(plan.after.0.clone());
    let (write, db1) = (|| "write".parse().unwrap(), || "db1".parse().unwrap());
    for goal in [
        Goal::Set(write(), db1()),
        Goal::Drain(db1()),
        Goal::Down(write()),
        Goal::Up(write(), db1()),
        Goal::Fail(db1()),
        Goal::Rejoin(db1()),
        Goal::Assign(wanted),
    ] {
        plan.goal = goal;
        all.push(json::plan(&plan, None));
    }
    // beside a plan or a refusal that declares a node dead
    let evidence = evidence::json(&pair, &seen, Side::First);
    let refusal = flipper::model::Refusal { pair: pair.name.clone(), goal: plan.goal.clone(), reasons: vec![] };
    for mut object in [json::plan(&plan, None), json::refusal(&refusal)] {
        object["evidence"] = evidence.clone();
        all.push(object);
    }
    // one that was declared dead, and a journal that tells nothing
    let mut deposed = samples::healthy();
    deposed.nodes[0].deposed = Some(Deposed { since: "2026-01-02T03:04:05Z".to_owned(), position: "0-1-7".to_owned() });
    let (last, now) = (Observed::Known(None), std::time::SystemTime::UNIX_EPOCH);
    all.push(json::status(&pair, &deposed, &Besides { findings: &[], last: &last, now }));
    let torn =
        Found { path: "x.jsonl".into(), running: false, then: None, story: Err(Unreadable::System("gone".to_owned())) };
    all.push(json_history::runs(&[(pair.name.clone(), torn)]));
    // what the command adds to a status: from this machine's journals, and with --watch
    let mut status: Value = recorded().into_iter().find(|object| object["type"] == "status").unwrap();
    status["deposed"] = json!(["db1 was declared dead"]);
    status["cut_off"] =
        json!({ "running": false, "run": "0a1b2c3d", "resume": "flipper resume x", "abort": "flipper abort x" });
    status["at"] = json!("2026-01-02T03:04:05Z");
    let quick: Value = recorded().into_iter().find(|object| object["type"] == "status-quick").unwrap();
    let mut watched = quick;
    watched["at"] = json!("2026-01-02T03:04:05Z");
    all.extend([status, watched]);
    all
}

/// What the program prints without any server.
fn printed() -> Vec<Value> {
    let home = tempfile::tempdir().unwrap();
    let config = root().join("fixtures/config/good/everything.ron");
    let bad = root().join("fixtures/config/bad/duplicate_role.ron");
    let run = |config: &Path, words: &[&str]| -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
        command
            .arg("--json")
            .args(words)
            .current_dir(root())
            .env("FLIPPER_CONFIG", config)
            .env("XDG_STATE_HOME", home.path());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    [
        run(&config, &["pairs"]),
        run(&config, &["config"]),
        run(&config, &["explain"]),
        run(&config, &["explain", "lagging"]),
        run(&config, &["explain", "21"]),
        run(&config, &["completions", "bash"]),
        run(&config, &["man", "plan"]),
        run(&config, &["history"]),
        run(
            &config,
            &["import", "fixtures/import/good/dbaas.sql", "--interface", "eth0", "--password-from", "env:PASSWORD"],
        ),
        run(
            &config,
            &[
                &["init", "--pair", "orders", "--node", "db1=10.0.0.11", "--node", "db2=10.0.0.12"][..],
                &["--interface", "eth0", "--role", "write=10.0.0.100:rw"],
                &["--mysql-user", "flipper", "--password-from", "env:PASSWORD"],
            ]
            .concat(),
        ),
        run(&config, &["show", "plans/1-swap-write-mysql.ron"]),
        // two mistakes, each with its place
        run(&bad, &["pairs"]),
        run(&config, &["status", "nope"]),
    ]
    .concat()
}

#[test]
fn every_key_is_described_and_nothing_else_is() {
    let documented = schema::documented();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in [recorded(), told(), composed(), printed()].concat() {
        let (kind, paths) = schema::paths(&object);
        seen.entry(kind).or_default().extend(paths);
    }
    let mut wrong = vec![];
    for (kind, paths) in &seen {
        let known = documented.get(kind).cloned().unwrap_or_default();
        wrong.extend(paths.difference(&known).map(|path| format!("not described: {kind}: {path}")));
    }
    for (kind, paths) in &documented {
        match seen.get(kind) {
            // what `--watch` says of a pair that cannot be asked has this beside the rest
            Some(printed) => wrong.extend(
                paths
                    .difference(printed)
                    .filter(|path| (kind.as_str(), path.as_str()) != ("error", "pair"))
                    .map(|path| format!("described, and never printed: {kind}: {path}")),
            ),
            None => wrong.push(format!("described, and never printed: the type {kind}")),
        }
    }
    assert!(wrong.is_empty(), "docs/json.md:\n{}", wrong.join("\n"));
    assert!(seen.len() >= 28, "{} types", seen.len());
}
