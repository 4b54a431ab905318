//! A plan file that was signed by somebody who knows how, and whose steps are not safe, is refused by what it would do.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

#[expect(dead_code, reason = "the worlds of the enumeration, of which this needs one")]
#[path = "exhaustive/domain.rs"]
mod domain;

use std::path::Path;
use std::process::Command;

use domain::{Kind, Node, Shape, World, pair};
use flipper::model::{Goal, Plan, WriteAccess};
use flipper::{planfile, planner};

fn swap() -> Plan {
    let writer = Node { access: Some(WriteAccess::Open), holds: Some(1), ..Node::SOUND };
    let reader = Node { holds: Some(2), ..Node::SOUND };
    let seen = World { kind: Kind::MariaDb, shape: Shape::Both, nodes: [writer, reader] };
    let pair = pair(Shape::Both);
    planner::plan(&pair, &seen.snapshot(&pair), &Goal::Swap(None), &[]).unwrap()
}

fn flipper(config: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_flipper"))
        .args(words)
        .env("FLIPPER_CONFIG", config)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    (output.status.code(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_plan_whose_order_or_steps_were_taken_away_is_refused_before_anything_is_looked_at() {
    type Harm = (&'static str, fn(&mut Plan));
    let harms: [Harm; 4] = [
        ("no-loss at open-db2", |plan| {
            let step = plan.steps.iter_mut().find(|step| step.id.0 == "open-db2").unwrap();
            step.after.retain(|(id, _)| id.0 != "catch-up-db2");
        }),
        ("no-loss at catch-up-db2", |plan| {
            plan.steps.retain(|step| step.id.0 != "fence-db1");
            plan.steps.iter_mut().for_each(|step| step.after.retain(|(id, _)| id.0 != "fence-db1"));
        }),
        ("lock-until-gone at release-db1", |plan| {
            plan.steps.iter_mut().filter(|step| step.id.0 == "release-db1").for_each(|step| step.after.clear());
        }),
        ("well-formed: `before` is not where the roles are", |plan| plan.before = plan.after.clone()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("flipper.ron");
    // nobody is there: who is asked at all gives another answer
    std::fs::write(
        &config,
        r#"(defaults: (interface: "eth0", mysql: (user: "flipper")), pairs: { "orders": (
            nodes: { "db1": (host: "192.0.2.1"), "db2": (host: "192.0.2.2") },
            roles: { "write": (address: "10.77.0.100/32", access: ReadWrite), "read": (address: "10.77.0.101/32", access: ReadOnly) },
        ) })"#,
    )
    .unwrap();
    let file = folder.path().join("plan.ron");
    let path = file.to_str().unwrap();
    std::fs::write(&file, planfile::to_text(&swap(), &[])).unwrap();
    assert_eq!(flipper(&config, &["show", path]).0, Some(0));
    for (word, harm) in harms {
        let mut plan = swap();
        harm(&mut plan);
        std::fs::write(&file, planfile::to_text(&plan, &[])).unwrap();
        for words in [&["show", path][..], &["apply", path, "--yes"]] {
            let (code, said) = flipper(&config, words);
            assert_eq!(code, Some(3), "{words:?}: {said}");
            assert!(said.contains("flipper::planfile::unsafe") && said.contains(word), "{words:?}: {said}");
        }
    }
}
