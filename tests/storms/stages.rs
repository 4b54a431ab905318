//! What the storms come over: pairs in order, and every plan of the scenarios.

use std::path::{Path, PathBuf};

use flipper::model::{Code, Flavour, Goal, Observed, Pair, Plan, Snapshot, Version};
use flipper::{config, planfile, planner};

use crate::run::Stage;
use crate::samples::{healthy, p, pair};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios")
}

/// Every scenario that has a plan for two nodes that are there; a dead one, and one that comes back, have their own
/// tests of the executor.
pub(crate) fn scenarios() -> Vec<Stage> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let stages = folders.into_iter().filter_map(|folder| {
        let text = std::fs::read_to_string(folder.join("plan.ron")).ok()?;
        let plan = planfile::from_text("plan.ron", &text).unwrap().plan;
        let seen = planfile::snapshot::load(&folder.join("world.ron")).unwrap().snapshot;
        let pair = pair_of(&plan);
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        // who was declared dead needs `rejoin` before anything else
        let left_behind = planner::findings(&pair, &seen).iter().any(|finding| finding.code == Code::Deposed);
        let both_there = !matches!(plan.goal, Goal::Fail(_) | Goal::Rejoin(_)) && !left_behind;
        (!plan.is_empty() && both_there).then_some(Stage { name, pair, seen, plan })
    });
    stages.collect()
}

/// The pair of the config that the plan was made with: there are several beside the folders.
fn pair_of(plan: &Plan) -> Pair {
    let configs = ["flipper.ron", "ipv6.ron"].map(|file| config::load(Some(&root().join(file)), &|_| None).unwrap());
    let mut pairs = configs.into_iter().map(|config| config.pairs[0].pair.clone());
    let same = |pair: &Pair| {
        plan.basis.roles.iter().all(|(name, address, _)| pair.role(name).is_some_and(|role| role.address == *address))
    };
    pairs.find(same).unwrap()
}

fn mariadb() -> Snapshot {
    let mut seen = healthy();
    for node in &mut seen.nodes {
        if let Observed::Known(server) = &mut node.server {
            (server.flavour, server.version, server.uuid) = (Flavour::MariaDb, Version(10, 11, 18), None);
        }
        if let Observed::Known(channels) = &mut node.channels {
            channels[0].source_uuid = None;
        }
    }
    seen
}

/// Every move of a pair in order, on both flavours.
pub(crate) fn moves() -> Vec<Stage> {
    let goals = [
        Goal::Swap(None),
        Goal::Swap(Some(p("write"))),
        Goal::Swap(Some(p("read"))),
        Goal::Set(p("write"), p("db2")),
        Goal::Drain(p("db1")),
        Goal::Down(p("write")),
    ];
    let mut stages = vec![];
    for (flavour, seen) in [("MySQL", healthy()), ("MariaDB", mariadb())] {
        for goal in &goals {
            let plan = planner::plan(&pair(), &seen, goal, &[]).unwrap();
            stages.push(Stage { name: format!("{flavour} {goal}"), pair: pair(), seen: seen.clone(), plan });
        }
    }
    stages
}
