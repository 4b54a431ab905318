//! `flipper plan PAIR GOAL`: cannot change anything, because no code that could is within its reach.

use std::path::Path;

use super::args::GoalWords;
use super::output::{Output, tell};
use super::{Exit, Stop, context, goal, journal, judged};
use crate::config::{Config, PairConfig};
use crate::model::{Plan, Refusal, Snapshot};
use crate::{planfile, planner, render};

pub(super) struct Asked<'a> {
    pub(super) pair: &'a str,
    pub(super) goal: &'a GoalWords,
    pub(super) file: Option<&'a Path>,
    pub(super) snapshot: Option<&'a Path>,
    pub(super) detailed_exitcode: bool,
}

pub(super) fn run(config: &Config, asked: &Asked, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, asked.pair)?;
    let wish = goal::parse(&pair.pair, asked.goal)?;
    let seen = match asked.snapshot {
        Some(file) => saved(pair, file)?,
        None => context::block_on(context::look(pair))?,
    };
    let plan = match planner::plan(&pair.pair, &seen, &wish.goal, wish.consent()) {
        Ok(plan) => plan,
        Err(refusal) => {
            let exit = refuse(&refusal, output);
            journal::mention_cut_off(&pair.pair.name);
            return Ok(exit);
        }
    };
    judged::made(&pair.pair, &seen, &plan)?;
    show(&plan, &seen, output);
    if let Some(file) = asked.file {
        let text = planfile::to_text(&plan, &planfile::seen(&seen));
        planfile::save(file, &text).map_err(|error| Stop::new(Exit::BadFile, error))?;
        tell(&format!("saved to {}; carry it out with: flipper apply {}", file.display(), file.display()));
    }
    Ok(if asked.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done })
}

fn saved(pair: &PairConfig, file: &Path) -> Result<Snapshot, Stop> {
    let saved = planfile::snapshot::load(file).map_err(|error| Stop::new(Exit::BadFile, error))?;
    let names = |nodes: [&crate::model::NodeName; 2]| nodes.map(ToString::to_string).join(" and ");
    let here = names([&pair.pair.nodes[0].name, &pair.pair.nodes[1].name]);
    let there = names([&saved.snapshot.nodes[0].name, &saved.snapshot.nodes[1].name]);
    if saved.pair != pair.pair.name || here != there {
        return Err(Stop::say(
            Exit::BadFile,
            "flipper::snapshot::pair",
            format!("{} is of pair {} ({there}), not of {} ({here})", file.display(), saved.pair, pair.pair.name),
            "save one of this pair: flipper status PAIR --save FILE",
        ));
    }
    Ok(saved.snapshot)
}

/// Shows a plan.
pub(super) fn show(plan: &Plan, seen: &Snapshot, output: &Output) {
    let digest = planfile::digest(plan, &planfile::seen(seen)).to_string();
    output.data(|| render::plan::text(plan, Some(&digest)), || render::json::plan(plan, Some(&digest)));
}

/// Says no, with every reason.
pub(super) fn refuse(refusal: &Refusal, output: &Output) -> Exit {
    output.line(&render::json::refusal(refusal));
    tell(&render::refusal::text(refusal));
    Exit::Refused
}
