//! `flipper plan PAIR GOAL`: cannot change anything, because no code that could is within its reach.

use std::path::Path;

use super::args::GoalWords;
use super::output::{Output, tell};
use super::{Exit, Stop, context, goal, journal, judged, lately};
use crate::config::{Config, PairConfig};
use crate::model::{Goal, Plan, Refusal, Snapshot};
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
    if let Some(refusal) = lately::refusal(&pair.pair.name, &wish.goal, asked.goal.not_within.as_deref())? {
        return Ok(refuse(&refusal, output));
    }
    let seen = match asked.snapshot {
        Some(file) => saved(pair, file)?,
        None => context::block_on(context::look_for(pair, &wish.goal, output))?,
    };
    let evidence = evidence(pair, &seen, &wish.goal);
    let plan = match planner::plan(&pair.pair, &seen, &wish.goal, wish.consent()) {
        Ok(plan) => plan,
        Err(refusal) => {
            wish.not_possible(&refusal);
            let exit = refuse_with(&refusal, evidence.as_ref(), output);
            journal::mention_cut_off(&pair.pair.name);
            return Ok(exit);
        }
    };
    judged::made(&pair.pair, &seen, &plan)?;
    wish.not_needed(&plan);
    if asked.snapshot.is_none() && !plan.is_empty() {
        lately::mention(&pair.pair.name);
    }
    show(&plan, &seen, evidence.as_ref(), output);
    if let Some(file) = asked.file {
        let text = planfile::to_text(&plan, &planfile::seen(&seen));
        planfile::save(file, &text).map_err(|error| Stop::new(Exit::BadFile, error))?;
        let file = file.display();
        tell(&match plan.is_empty() {
            true => format!("saved to {file}; there is nothing to carry out"),
            false => format!("saved to {file}; carry it out with: flipper apply {file}"),
        });
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

/// What speaks for a node being dead, for people and for programs.
pub(super) type Evidence = (String, serde_json::Value);

/// Where the goal declares a node dead.
pub(super) fn evidence(pair: &PairConfig, seen: &Snapshot, goal: &Goal) -> Option<Evidence> {
    let dead = pair.pair.side(goal.dead()?)?;
    Some((render::evidence::text(&pair.pair, seen, dead), render::evidence::json(&pair.pair, seen, dead)))
}

/// Shows a plan.
fn show(plan: &Plan, seen: &Snapshot, evidence: Option<&Evidence>, output: &Output) {
    let digest = planfile::digest(plan, &planfile::seen(seen)).to_string();
    output.data(
        || {
            let evidence = evidence.map(|(text, _)| format!("\n{text}")).unwrap_or_default();
            format!("{}{evidence}", render::plan::text(plan, Some(&digest)))
        },
        || with_evidence(render::json::plan(plan, Some(&digest)), evidence),
    );
}

fn with_evidence(mut object: serde_json::Value, evidence: Option<&Evidence>) -> serde_json::Value {
    if let Some((_, json)) = evidence {
        object["evidence"] = json.clone();
    }
    object
}

/// Says no, with every reason.
pub(super) fn refuse(refusal: &Refusal, output: &Output) -> Exit {
    refuse_with(refusal, None, output)
}

/// The same, with what was seen of a node that is not declared dead.
pub(super) fn refuse_with(refusal: &Refusal, evidence: Option<&Evidence>, output: &Output) -> Exit {
    let object = with_evidence(render::json::refusal(refusal), evidence);
    output.note(|| format!("refused {object}"));
    output.line(&object);
    let evidence = evidence.map(|(text, _)| format!("\n{text}")).unwrap_or_default();
    tell(&format!("{}{evidence}", render::refusal::text(refusal)));
    Exit::Refused
}
