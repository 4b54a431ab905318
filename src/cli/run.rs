//! Carrying a plan out: asked for by `apply`, `resume` and `abort` alike.

use std::time::Duration;

use super::args::How;
use super::output::{Output, tell};
use super::progress::Progress;
use super::signals::{Ended, until_end};
use super::{Exit, Stop, confirm, context, deposed, here, journal, plan};
use crate::apply::{Cancel, LiveWorld, Outcome, Run};
use crate::config::PairConfig;
use crate::dialect::{self, Target};
use crate::effect::Fence;
use crate::journal::{Continued, End, Ending, Ms};
use crate::link;
use crate::model::{Goal, NodeName, Pair, Plan, Side, Snapshot, Step};
use crate::planfile;
use crate::render::{self, times};
use crate::world::Holder;

/// What is to be carried out.
pub(super) struct Move<'a> {
    pub(super) pair: &'a PairConfig,
    pub(super) plan: Plan,
    /// What the plan's reader is told beside it, which is a part of the digest.
    pub(super) seen: Vec<String>,
    /// By which it was approved.
    pub(super) digest: planfile::Digest,
    /// The run that this one finishes or takes back.
    pub(super) continues: Option<Continued>,
    /// What is carried out is no plan of its own, but what that run's plan still owes its clients.
    pub(super) owed: Option<(Plan, crate::apply::Toward)>,
    /// How long a lock whose holder is heard of no more is waited for.
    pub(super) patience: Duration,
}

/// Between two tries to have the lock.
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// Shows, asks, and carries out.
pub(super) async fn carry_out(wanted: Move<'_>, open: context::Open, how: How, output: &Output) -> Result<Exit, Stop> {
    let Move { pair, plan, seen, digest, continues, owed, patience } = wanted;
    let context::Open { links, seen: snapshot, control } = open;
    let limits = &pair.pair.limits;
    if how.dry_run {
        let said = spelled(pair, &plan, &plan.steps, &snapshot);
        link::close(links, control.path(), limits.connect).await;
        output.data(|| render::dry_run::text(&plan, limits, &said), || render::dry_run::json(&plan, limits, &said));
        return Ok(Exit::Done);
    }
    if !how.yes {
        tell(&render::plan::text(&plan, Some(&digest.to_string())));
        let answer = confirm::ask(&pair.pair.name).await;
        if !matches!(answer, Ok(confirm::Answer::Yes)) {
            link::close(links, control.path(), limits.connect).await;
            let text = match answer? {
                confirm::Answer::Nobody => {
                    "declined: nothing was changed: nobody answered (end of input); in a script: --yes"
                }
                confirm::Answer::No | confirm::Answer::Yes => "declined: nothing was changed",
            };
            end(output, "declined", Exit::Declined, None, text);
            return Ok(Exit::Declined);
        }
    }
    let begun = how.journal.then(|| journal::begin(&pair.pair, &plan, &digest, &seen, continues)).transpose();
    let journal = match begun {
        Ok(journal) => journal,
        Err(stop) => {
            link::close(links, control.path(), limits.connect).await;
            return Err(stop);
        }
    };
    let progress = Progress::new(&plan, &pair.pair, output, journal);
    let dead = plan.dead().and_then(|node| pair.pair.side(node));
    let mut world = LiveWorld::new(pair.pair.clone(), links, control.path().to_owned(), &snapshot).without(
        dead,
        dead.and_then(|side| fence(pair, side)),
        &snapshot,
    );
    if how.statements {
        world.show_statements();
    }
    let cancel = Cancel::default();
    let mut waited = Duration::ZERO;
    let ended = loop {
        let run = Run::new(&mut world, &pair.pair, &cancel, |event| progress.tell(&event));
        let running = async {
            match &owed {
                None => run.apply(&plan).await,
                Some((plan, toward)) => run.settle(plan, *toward).await,
            }
        };
        let ended =
            until_end(running, &cancel, |times| progress.tell(&crate::event::Event::Interrupted(times))).await?;
        match &ended {
            Ended::Itself(Outcome::Locked(holder))
                if waited < patience && holder.idle.is_some() && !cancel.is_set() =>
            {
                progress.say(&format!("waiting for the lock: {holder}; a flipper that is dead loses it by itself"));
                tokio::select! {
                    () = tokio::time::sleep(LOCK_PAUSE) => {}
                    () = cancel.heard(1) => {}
                }
                waited += LOCK_PAUSE;
            }
            _ => break ended,
        }
    };
    // what takes a move back leaves nobody's place taken
    let forward = owed.as_ref().is_none_or(|(_, toward)| *toward == crate::apply::Toward::Goal);
    let done = forward && matches!(ended, Ended::Itself(Outcome::Done { .. }));
    let took_over = world.took_over();
    if let Some(side) = dead.filter(|_| done || took_over.is_some()) {
        let stood = snapshot.node(side.peer()).position.known();
        let position = took_over.or(stood.cloned()).unwrap_or_default();
        deposed::mark(&pair.pair, &pair.pair.node(side).name, &position);
    }
    if let Goal::Rejoin(node) = &plan.goal
        && done
    {
        deposed::forget(&pair.pair, node);
    }
    let told = match ended {
        Ended::Itself(outcome) => {
            world.close().await;
            Told::of(&pair.pair, &plan, outcome, (progress.outages(), progress.met()))
        }
        // nobody is waited for: servers and machines end by themselves what they hear nothing of
        Ended::Left => Told::left(&pair.pair, progress.changing()),
    };
    let last =
        End { end: told.ending, exit: told.exit as u8, writes_out_ms: told.outage.map(Ms), text: told.text.clone() };
    let trouble = progress.end(last);
    told.say(output);
    if let Some(why) = trouble {
        tell(&format!(
            "warning: the journal of this run is not whole ({why}); the run itself was not affected by that"
        ));
    }
    Ok(told.exit)
}

/// The operator's program for a node, with the little of the environment that it gets.
fn fence(pair: &PairConfig, side: Side) -> Option<Fence> {
    let argv = side.of(&pair.reach).fence.clone()?;
    let kept = ["PATH", "LANG"].into_iter();
    Some(Fence { argv, environment: kept.filter_map(|name| Some((name, here::environment(name)?))).collect() })
}

/// Every statement and command line of some steps, step by step.
fn spelled(pair: &PairConfig, plan: &Plan, steps: &[Step], seen: &Snapshot) -> Vec<Vec<dialect::Spelled>> {
    let dead = plan.dead().and_then(|node| pair.pair.side(node));
    let target = |name: &NodeName| {
        let side = pair.pair.side(name)?;
        let (node, peer) = (seen.node(side), seen.node(side.peer()));
        // of a dead node only its machine is told anything, and mostly not even that
        let lost = dead == Some(side);
        Some(Target {
            server: node.server.known().or(peer.server.known().filter(|_| lost))?,
            system: node.system.known().or(peer.system.known().filter(|_| lost))?,
            sudo: side.of(&pair.reach).ssh.sudo,
            port: pair.pair.node(side).port,
            peer: Some(&pair.pair.node(side.peer()).name),
            fence: side.of(&pair.reach).fence.as_deref(),
            lost,
        })
    };
    steps.iter().map(|step| dialect::spell(&step.action, &pair.pair.limits, target)).collect()
}

/// How it ended, and what is said about it.
struct Told {
    ending: Ending,
    exit: Exit,
    outage: Option<Duration>,
    /// Each time that writes were out, and came in again.
    outages: Vec<Duration>,
    text: String,
    refusal: Option<crate::model::Refusal>,
    /// What the operator should look at now.
    next: Vec<String>,
}

impl Told {
    fn new(ending: Ending, exit: Exit, outage: Option<Duration>, text: String) -> Self {
        Self { ending, exit, outage, outages: outage.into_iter().collect(), text, refusal: None, next: vec![] }
    }

    /// `outages`: each time that writes were out; `met`: sessions that wrote were listed.
    fn of(pair: &Pair, plan: &Plan, outcome: Outcome, (outages, met): (Vec<Duration>, bool)) -> Self {
        let told = Self::of_outcome(pair, plan, outcome, (&outages, met));
        Self { outages, ..told }
    }

    fn of_outcome(pair: &Pair, plan: &Plan, outcome: Outcome, (outages, met): (&[Duration], bool)) -> Self {
        let name = &pair.name;
        // a pair in which nobody could write does not serve by being as before
        let served = plan.open_before().contains(&true) || pair.write_role().is_none();
        match outcome {
            Outcome::Done { outage } => {
                let open = |nodes: [bool; 2]| nodes.contains(&true) || pair.write_role().is_none();
                let out = match (outage, served, open(plan.open_after())) {
                    (Some(_), ..) => format!("writes were out {}", times::outages(outages, times::whole)),
                    (None, true, true) => "writes were never out".to_owned(),
                    (None, true, false) => "nobody can write now".to_owned(),
                    (None, false, true) => "clients can write again".to_owned(),
                    (None, false, false) => "nobody could write before, nor can now".to_owned(),
                };
                let text = format!("done: {} of {name}; {out}", plan.goal);
                Self { next: render::next::done(plan), ..Self::new(Ending::Done, Exit::Done, outage, text) }
            }
            Outcome::Locked(holder) => Self::new(Ending::Locked, Exit::Locked, None, locked_by(pair, &holder)),
            Outcome::NotBegun(why) => {
                let text = format!("refused: the lock of {name} could not be taken ({why}); nothing was changed");
                Self::new(Ending::Refused, Exit::Refused, None, text)
            }
            Outcome::Stale(fresh) => Self::new(Ending::Stale, Exit::Stale, None, render::stale::text(plan, &fresh)),
            Outcome::Refused(refusal) => {
                let text = render::refusal::text(&refusal);
                let told = Self::new(Ending::Refused, Exit::Refused, None, text);
                Self { refusal: Some(refusal), ..told }
            }
            Outcome::RolledBack { why, outage } if served => {
                let out = match outage {
                    Some(_) => format!("; writes were out {}", times::outages(outages, times::ms)),
                    None => String::new(),
                };
                let text = format!("failed: {why}\nrolled back and verified: {name} serves as before{out}");
                let told = Self::new(Ending::RolledBack, Exit::RolledBack, outage, text);
                Self { next: render::next::back(plan, met), ..told }
            }
            Outcome::RolledBack { why, outage: _ } if plan.dead().is_some() => {
                let text = format!(
                    "failed: {why}\nrolled back and verified: {name} is as it was before this run, and nobody has taken the \
                     place of {}",
                    plan.dead().map(NodeName::as_str).unwrap_or_default()
                );
                Self::new(Ending::RolledBack, Exit::RolledBack, None, text)
            }
            Outcome::RolledBack { why, outage: _ } => {
                let stands = ["the pair is as it was before this run: neither node accepts writes".to_owned()];
                let text = render::stuck::text(&why, &stands, &ways_out(pair));
                Self::new(Ending::PartWay, Exit::PartWay, None, text)
            }
            Outcome::Stuck(stuck) => {
                let text = render::stuck::text(&stuck.why, &stuck.stands, &stuck.todo);
                Self::new(Ending::PartWay, Exit::PartWay, None, text)
            }
        }
    }

    /// After a third signal.
    fn left(pair: &Pair, changing: Option<String>) -> Self {
        let stands = match changing {
            None => "nothing was changed on either node".to_owned(),
            Some(step) => format!("it was left at: {step}; whether that took effect is not known"),
        };
        let text = render::stuck::text("you left", &[stands], &ways_out(pair));
        Self::new(Ending::Left, Exit::PartWay, None, text)
    }

    fn say(&self, output: &Output) {
        match &self.refusal {
            Some(refusal) => {
                plan::refuse(refusal, output);
            }
            None => {
                let out = (self.outage, &self.outages[..]);
                end_with(output, self.ending.id(), (self.exit, out), &self.text, &self.next);
            }
        }
    }
}

fn ways_out(pair: &Pair) -> [String; 3] {
    let name = &pair.name;
    [
        format!("see how it stands: `flipper status {name}`"),
        format!("finish the move: `flipper resume {name}`"),
        format!("or go back to how it was: `flipper abort {name}`"),
    ]
}

/// Somebody else is at work on the pair.
pub(super) fn locked(output: &Output, pair: &Pair, holder: &Holder) -> Exit {
    end(output, Ending::Locked.id(), Exit::Locked, None, &locked_by(pair, holder));
    Exit::Locked
}

fn locked_by(pair: &Pair, holder: &Holder) -> String {
    let mut text = format!("locked: {holder} works on {}; nothing was changed", pair.name);
    if let Some(idle) = holder.idle {
        let left = pair.limits.lock_silence().saturating_sub(idle).as_secs();
        text += &format!(
            "\nif that is a flipper that is dead, its server ends the session, and with it the lock, in {left} s at the \
             latest"
        );
    }
    text
}

/// The last word: a result for people on stdout, or an object.
pub(super) fn end(output: &Output, end: &str, exit: Exit, outage: Option<Duration>, text: &str) {
    end_with(output, end, (exit, (outage, outage.as_slice())), text, &[]);
}

/// The same, with what to look at now.
fn end_with(
    output: &Output,
    end: &str,
    (exit, out): (Exit, (Option<Duration>, &[Duration])),
    text: &str,
    next: &[String],
) {
    let record = || render::events::ended(end, exit as u8, out, text, next);
    output.note(|| format!("event {}", record()));
    let with_next = || format!("{}\n{}", text.trim_end(), render::next::text(next));
    if exit == Exit::Done {
        output.data(with_next, record);
    } else {
        output.line(&record());
        tell(&with_next());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{healthy, pair};
    use crate::model::{Flavour, Observed, WriteAccess};
    use crate::planner;

    /// What is told at the end of a run that is done.
    fn done(edit: impl Fn(&mut Snapshot), goal: &Goal, outage: Option<Duration>) -> String {
        let mut seen = healthy(Flavour::MySql);
        edit(&mut seen);
        let plan = planner::plan(&pair(), &seen, goal, &[]).expect("a plan");
        Told::of(&pair(), &plan, Outcome::Done { outage }, (outage.into_iter().collect(), false)).text
    }

    #[test]
    fn who_can_write_at_the_end_is_told() {
        let write = || pair().write_role().expect("a role for writes").name.clone();
        let closed = |seen: &mut Snapshot| {
            seen.nodes[0].access = Observed::Known(WriteAccess::Fenced);
            seen.nodes[0].addresses = Observed::Known(vec![]);
        };
        let first = pair().nodes[0].name.clone();
        let down = done(|_| {}, &Goal::Down(write()), None);
        assert_eq!(down, format!("done: down {} of orders; nobody can write now", write()));
        assert!(done(closed, &Goal::Up(write(), first), None).ends_with("; clients can write again"));
        assert!(done(|_| {}, &Goal::Drain(pair().nodes[1].name.clone()), None).ends_with("; writes were never out"));
        let swapped = done(|_| {}, &Goal::Swap(None), Some(Duration::from_micros(231_900)));
        assert!(swapped.ends_with("; writes were out for 232 ms"), "{swapped}");
    }

    #[test]
    fn every_outage_counts_where_a_fence_was_tried_several_times() {
        let plan = planner::plan(&pair(), &healthy(Flavour::MySql), &Goal::Swap(None), &[]).expect("a plan");
        let out = [2000, 2004, 1996].map(Duration::from_millis);
        let back = Outcome::RolledBack { why: "refused".to_owned(), outage: Some(out[1]) };
        let told = Told::of(&pair(), &plan, back, (out.to_vec(), false));
        assert!(told.text.ends_with("; writes were out 3 times, 6.0 s in all, 2.0 s at most"), "{}", told.text);
        assert_eq!((told.outage, &told.outages[..]), (Some(out[1]), &out[..]));
    }
}
