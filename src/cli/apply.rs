//! `flipper apply FILE | PAIR GOAL`

use std::path::PathBuf;

use super::args::GoalWords;
use super::goal::Wish;
use super::output::{Output, complain, tell};
use super::progress::{self, Progress, ms};
use super::{Exit, Stop, confirm, context, goal, judged, plan};
use crate::apply::{Cancel, LiveWorld, Outcome, Run};
use crate::config::{Config, PairConfig};
use crate::dialect::{self, Target};
use crate::model::{NodeName, Plan, Snapshot};
use crate::{link, planfile, planner, render};

pub(super) struct Asked<'a> {
    pub(super) target: &'a str,
    pub(super) goal: &'a GoalWords,
    pub(super) dry_run: bool,
    pub(super) yes: bool,
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
        let pair = context::pair(config, asked.target)?;
        return Ok((pair, Wanted::Goal(goal::parse(&pair.pair, asked.goal)?)));
    }
    if !asked.goal.overrides.is_empty() {
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::override",
            "a plan file has its overrides in it".to_owned(),
            "plan again with --override, so that the reviewer sees it: flipper plan PAIR GOAL --override ID -o FILE",
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

async fn carry_out(
    pair: &PairConfig,
    wanted: &Wanted,
    expected: Option<&planfile::Digest>,
    asked: &Asked<'_>,
    output: &Output,
) -> Result<Exit, Stop> {
    let context::Open { links, seen, control } = context::open(pair).await?;
    let limit = pair.pair.limits.connect;
    let plan = match decide(pair, wanted, expected, &seen, output) {
        Ok(plan) => plan,
        Err(exit) => {
            link::close(links, control.path(), limit).await;
            return Ok(exit);
        }
    };
    if plan.is_empty() {
        link::close(links, control.path(), limit).await;
        end(output, "nothing-to-do", Exit::Done, None, &format!("nothing to do: {} is at {}", plan.pair, plan.goal));
        return Ok(Exit::Done);
    }
    if asked.dry_run {
        let said = spelled(pair, &plan, &seen);
        link::close(links, control.path(), limit).await;
        output.data(|| render::dry_run::text(&plan, &said), || render::dry_run::json(&plan, &said));
        return Ok(Exit::Done);
    }
    if !asked.yes {
        let digest = planfile::digest(&plan, &planfile::seen(&seen)).to_string();
        tell(&render::plan::text(&plan, Some(&digest)));
        if !confirm::confirmed(&pair.pair.name) {
            link::close(links, control.path(), limit).await;
            end(output, "declined", Exit::Declined, None, "declined: nothing was changed");
            return Ok(Exit::Declined);
        }
    }
    output.line(&progress::version_record());
    let progress = Progress::new(&plan, output);
    let mut world = LiveWorld::new(pair.pair.clone(), links, control.path().to_owned(), &seen);
    let cancel = Cancel::default();
    let running = Run::new(&mut world, &pair.pair, &cancel, |event| progress.tell(&event)).apply(&plan);
    let outcome = until_end(running, &cancel).await?;
    world.close().await;
    Ok(report(&plan, outcome, output))
}

/// The plan to carry out, or the exit code of why not; what there is to say is said here.
fn decide(
    pair: &PairConfig,
    wanted: &Wanted,
    expected: Option<&planfile::Digest>,
    seen: &Snapshot,
    output: &Output,
) -> Result<Plan, Exit> {
    let (goal, overrides) = match wanted {
        Wanted::File(file) => (&file.plan.goal, &file.plan.overrides[..]),
        Wanted::Goal(wish) => (&wish.goal, &wish.overrides[..]),
    };
    let fresh = planner::plan(&pair.pair, seen, goal, overrides).map_err(|refusal| plan::refuse(&refusal, output))?;
    judged::made(&pair.pair, seen, &fresh).map_err(|stop| {
        complain(output, &stop.report, stop.exit);
        stop.exit
    })?;
    match wanted {
        Wanted::File(file) if !fresh.same_as(&file.plan) => Err(stale(&file.plan, &fresh, output)),
        Wanted::File(file) => Ok(file.plan.clone()),
        Wanted::Goal(_) => {
            let digest = planfile::digest(&fresh, &planfile::seen(seen));
            if expected.is_some_and(|expected| *expected != digest) {
                let text = format!("stale: the plan has the digest {digest} now, not the expected one");
                end(output, "stale", Exit::Stale, None, &text);
                return Err(Exit::Stale);
            }
            Ok(fresh)
        }
    }
}

fn stale(old: &Plan, fresh: &Plan, output: &Output) -> Exit {
    end(output, "stale", Exit::Stale, None, &render::stale::text(old, fresh));
    Exit::Stale
}

/// Every statement and command line of a plan, step by step.
fn spelled(pair: &PairConfig, plan: &Plan, seen: &Snapshot) -> Vec<Vec<dialect::Spelled>> {
    let target = |name: &NodeName| {
        let side = pair.pair.side(name)?;
        let node = seen.node(side);
        Some(Target {
            server: node.server.known()?,
            system: node.system.known()?,
            sudo: side.of(&pair.reach).ssh.sudo,
            port: pair.pair.node(side).port,
        })
    };
    plan.steps.iter().map(|step| dialect::spell(&step.action, &pair.pair.limits, target)).collect()
}

/// Waits for the run; a signal is a wish to stop at the next safe point.
async fn until_end<T>(run: impl Future<Output = T>, cancel: &Cancel) -> Result<T, Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Stop::say(Exit::Unexpected, "flipper::signals", format!("cannot listen for signals: {error}"), "")
        })
    };
    let (mut int, mut term, mut hup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    tokio::pin!(run);
    loop {
        tokio::select! {
            outcome = &mut run => return Ok(outcome),
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
        cancel.set();
        tell("stopping at the next safe point; once writes are out, that is the end of the move");
    }
}

/// Says how it ended.
fn report(plan: &Plan, outcome: Outcome, output: &Output) -> Exit {
    match outcome {
        Outcome::Done { outage } => {
            let out = match outage {
                Some(outage) => format!("writes were out for {} ms", outage.as_millis()),
                None => "writes were never out".to_owned(),
            };
            end(output, "done", Exit::Done, outage, &format!("done: {} of {}; {out}", plan.goal, plan.pair));
            Exit::Done
        }
        Outcome::Locked(by) => {
            let text = format!("locked: {by} works on {}; nothing was changed", plan.pair);
            end(output, "locked", Exit::Locked, None, &text);
            Exit::Locked
        }
        Outcome::NotBegun(why) => {
            let text = format!("refused: the lock of {} could not be taken ({why}); nothing was changed", plan.pair);
            end(output, "refused", Exit::Refused, None, &text);
            Exit::Refused
        }
        Outcome::Stale(fresh) => stale(plan, &fresh, output),
        Outcome::Refused(refusal) => plan::refuse(&refusal, output),
        Outcome::RolledBack { why, outage } => {
            let out = outage.map(|outage| format!("; writes were out for {}", ms(outage))).unwrap_or_default();
            let text = format!("failed: {why}\nrolled back and verified: {} serves as before{out}", plan.pair);
            end(output, "rolled-back", Exit::RolledBack, outage, &text);
            Exit::RolledBack
        }
        Outcome::Stuck(stuck) => {
            end(output, "part-way", Exit::PartWay, None, &render::stuck::text(&stuck.why, &stuck.stands, &stuck.todo));
            Exit::PartWay
        }
    }
}

/// The last word: a result for people on stdout, or an object.
fn end(output: &Output, end: &str, exit: Exit, outage: Option<std::time::Duration>, text: &str) {
    if exit == Exit::Done {
        output.data(|| text.to_owned(), || progress::end_record(end, exit, outage, text));
    } else {
        output.line(&progress::end_record(end, exit, outage, text));
        tell(text);
    }
}
