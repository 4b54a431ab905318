//! `flipper apply FILE | PAIR GOAL`

use std::path::PathBuf;
use std::time::Duration;

use super::args::{GoalWords, How};
use super::goal::Wish;
use super::output::{Output, complain, tell};
use super::run::{self, Move};
use super::{Exit, Stop, context, deposed, goal, journal, judged, lately, plan};
use crate::config::{Config, PairConfig};
use crate::model::{Goal, Plan, Refusal, Side, Snapshot};
use crate::planner::Consent;
use crate::world::Holder;
use crate::{effect, link, planfile, planner, render};

pub(super) struct Asked<'a> {
    pub(super) target: &'a str,
    pub(super) goal: &'a GoalWords,
    pub(super) how: How,
    pub(super) expect_digest: Option<&'a str>,
}

/// What is to be carried out.
enum Wanted {
    /// A reviewed plan, and its digest.
    File(Box<planfile::PlanFile>),
    /// Whatever leads to the goal now.
    Goal(Wish),
}

pub(super) fn run(config: &Config, asked: &Asked, output: &Output) -> Result<Exit, Stop> {
    let expected = asked.expect_digest.map(digest).transpose()?;
    let (pair, wanted) = wanted(config, asked)?;
    if let (Wanted::File(file), Some(expected)) = (&wanted, &expected)
        && file.digest != *expected
    {
        return Err(Stop::say(
            Exit::BadFile,
            "flipper::apply::digest",
            format!("{} has the digest {}, not the expected one", asked.target, file.digest),
            "this is not the plan that was approved: have it reviewed, or find the right file",
        ));
    }
    context::block_on(carry_out(pair, &wanted, expected.as_ref(), asked, output))
}

fn digest(text: &str) -> Result<planfile::Digest, Stop> {
    text.parse().map_err(|_| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::digest",
            format!("`{}` is not a digest", crate::model::printable(text)),
            "it has 64 hex digits, with or without `sha256:` before them: the last line of the plan file",
        )
    })
}

/// A plan file, or a pair and a goal.
fn wanted<'a>(config: &'a Config, asked: &Asked) -> Result<(&'a PairConfig, Wanted), Stop> {
    if asked.goal.is_given() {
        let pair = context::pair(config, asked.target).map_err(|stop| file_with_a_goal(asked).unwrap_or(stop))?;
        return Ok((pair, Wanted::Goal(goal::parse(&pair.pair, asked.goal)?)));
    }
    if asked.goal.accepts() {
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::override",
            "a plan file has its overrides in it, and whether those who still write are ended".to_owned(),
            "plan again with --override or --kill, so that the reviewer sees it: flipper plan PAIR GOAL --kill -o FILE",
        ));
    }
    let path = PathBuf::from(asked.target);
    let is_pair = config.pairs.iter().any(|pair| pair.pair.name.as_str() == asked.target);
    match judged::load(&path) {
        Err(judged::Refused::File(error)) if is_pair && error.kind() == planfile::Kind::Read => {
            // the pair's name alone: say what is missing, rather than that there is no such file
            let pair = context::pair(config, asked.target)?;
            goal::parse(&pair.pair, asked.goal)?;
            Err(Stop::new(Exit::BadFile, error))
        }
        Err(refused) => Err(refused.into()),
        Ok(file) => {
            let pair = config.pair(file.plan.pair.as_str()).map_err(|error| Stop::new(Exit::Usage, error))?;
            Ok((pair, Wanted::File(Box::new(file))))
        }
    }
}

/// A plan file with a goal behind it.
fn file_with_a_goal(asked: &Asked) -> Option<Stop> {
    let words = asked.goal.words.join(" ");
    (!words.is_empty() && judged::load(&PathBuf::from(asked.target)).is_ok()).then(|| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::goal",
            format!("{} is a plan file, and has its goal in it", crate::model::printable(asked.target)),
            format!("leave `{}` out: flipper apply {}", crate::model::printable(&words), asked.target),
        )
    })
}

async fn carry_out(
    pair: &PairConfig,
    wanted: &Wanted,
    expected: Option<&planfile::Digest>,
    asked: &Asked<'_>,
    output: &Output,
) -> Result<Exit, Stop> {
    let goal = match wanted {
        Wanted::File(file) => &file.plan.goal,
        Wanted::Goal(wish) => &wish.goal,
    };
    if let Some(refusal) = lately::refusal(&pair.pair.name, goal, asked.goal.not_within.as_deref())? {
        return Ok(plan::refuse(&refusal, output));
    }
    let mut open = context::open(pair, output).await?.with_witness(pair, goal, false, output).await;
    let limit = pair.pair.limits.connect;
    let plan = match decide(pair, wanted, expected, &open.seen) {
        Ok(plan) => plan,
        Err(no) => {
            // in the middle of somebody else's run what is seen is not how the pair stands
            let holder = at_work(&mut open, limit).await;
            link::close(open.links, open.control.path(), limit).await;
            return Ok(match holder {
                Some(holder) => run::locked(output, &pair.pair, &holder),
                None => {
                    if let (No::Refused(refusal, _), Wanted::Goal(wish)) = (&no, wanted) {
                        wish.not_possible(refusal);
                    }
                    no.say(pair, output)
                }
            });
        }
    };
    if let Wanted::Goal(wish) = wanted {
        wish.not_needed(&plan);
    }
    if plan.is_empty() {
        link::close(open.links, open.control.path(), limit).await;
        if let Goal::Rejoin(node) = &plan.goal {
            deposed::forget(&pair.pair, node);
        }
        let text = format!("nothing to do: {} is at {}", plan.pair, plan.goal);
        run::end(output, "nothing-to-do", Exit::Done, None, &text);
        return Ok(Exit::Done);
    }
    if let Some((text, _)) = plan::evidence(pair, &open.seen, goal).filter(|_| !output.is_json()) {
        tell(&text);
    }
    let (seen, digest) = match wanted {
        Wanted::File(file) => (file.seen.clone(), file.digest),
        Wanted::Goal(_) => {
            let seen = planfile::seen(&open.seen);
            let digest = planfile::digest(&plan, &seen);
            (seen, digest)
        }
    };
    let wanted = Move { pair, plan, seen, digest, continues: None, owed: None, patience: Duration::ZERO };
    run::carry_out(wanted, open, asked.how, output).await
}

/// Whose run is under way.
async fn at_work(open: &mut context::Open, limit: Duration) -> Option<Holder> {
    for side in Side::BOTH {
        let Some(server) = open.seen.node(side).server.known() else { continue };
        let holder = effect::holder(side.of_mut(&mut open.links), server, limit).await;
        if holder.is_some() {
            return holder;
        }
    }
    None
}

/// Why nothing is carried out.
enum No {
    Refused(Refusal, Option<Box<plan::Evidence>>),
    /// The plan does not stand up to the second look.
    Unsound(Stop),
    Stale(String),
}

impl No {
    fn say(self, pair: &PairConfig, output: &Output) -> Exit {
        match self {
            Self::Refused(refusal, evidence) => {
                let exit = plan::refuse_with(&refusal, evidence.as_deref(), output);
                journal::mention_cut_off(&pair.pair.name);
                exit
            }
            Self::Unsound(stop) => {
                complain(output, &stop.report, stop.exit);
                stop.exit
            }
            Self::Stale(text) => {
                run::end(output, "stale", Exit::Stale, None, &text);
                Exit::Stale
            }
        }
    }
}

/// The plan to carry out.
fn decide(
    pair: &PairConfig,
    wanted: &Wanted,
    expected: Option<&planfile::Digest>,
    seen: &Snapshot,
) -> Result<Plan, No> {
    let (goal, consent) = match wanted {
        Wanted::File(file) => (&file.plan.goal, Consent::from(&file.plan)),
        Wanted::Goal(wish) => (&wish.goal, wish.consent()),
    };
    let refused = |refusal| No::Refused(refusal, plan::evidence(pair, seen, goal).map(Box::new));
    let fresh = planner::plan(&pair.pair, seen, goal, consent).map_err(refused)?;
    judged::made(&pair.pair, seen, &fresh).map_err(No::Unsound)?;
    match wanted {
        Wanted::File(file) if !fresh.same_as(&file.plan) => Err(No::Stale(render::stale::text(&file.plan, &fresh))),
        Wanted::File(file) => Ok(file.plan.clone()),
        Wanted::Goal(_) => {
            let digest = planfile::digest(&fresh, &planfile::seen(seen));
            if expected.is_some_and(|expected| *expected != digest) {
                let text = format!("stale: the plan has the digest {digest} now, not the expected one");
                return Err(No::Stale(text));
            }
            Ok(fresh)
        }
    }
}
