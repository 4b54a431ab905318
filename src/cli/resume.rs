//! `flipper resume PAIR` and `flipper abort PAIR`: after a run that was cut off.
//!
//! What is seen of the pair decides. The journal of this machine, where there is one, says what the run was to lead to
//! and where it came from; without it the state says so, or a person does.

use std::time::Duration;

use super::args::How;
use super::output::{Output, tell};
use super::run::{self, Move};
use super::{Exit, Stop, context, goal, here, journal, judged, plan};
use crate::apply::{Target, Toward, named, of_plan, of_state, owed};
use crate::config::{Config, PairConfig};
use crate::journal::{Continued, End, Ending, Found, Story, Way};
use crate::model::{Action, Assignment, Code, Goal, NodeName, Plan, Refusal, RoleName, Snapshot, WriteAccess};
use crate::planner::Consent;
use crate::{link, planfile, planner, render};

pub(super) struct Asked<'a> {
    pub(super) pair: &'a str,
    /// Which node is to have the write role, where the state does not tell.
    pub(super) to: Option<&'a str>,
    pub(super) overrides: &'a [String],
    pub(super) kill: bool,
    pub(super) toward: Toward,
    pub(super) how: How,
}

/// A switch that is under way takes as long as it may wait for a lock, and a moment.
const SETTLING: Duration = Duration::from_millis(500);

/// What a command on a machine may take beyond the time that it was given, twice: on its way, and at work.
const COMMAND: Duration = Duration::from_secs(3);

pub(super) fn run(config: &Config, asked: &Asked, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, asked.pair)?;
    let to = asked.to.map(|word| goal::known_node(&pair.pair, word)).transpose()?;
    let overrides: Vec<Code> = asked.overrides.iter().map(|id| goal::known_code(id)).collect::<Result<_, _>>()?;
    let found = journals(pair);
    context::block_on(go_on(pair, &found, to.as_ref(), &overrides, asked, output))
}

/// What this machine knows. A journal that cannot be read is no reason not to help.
fn journals(pair: &PairConfig) -> Vec<Found> {
    let found = journal::home()
        .and_then(|home| crate::journal::find(&home, &pair.pair.name).map_err(|error| Stop::new(Exit::Refused, error)));
    match found {
        Ok(found) => found,
        Err(stop) => {
            tell(&format!("going by what is seen alone: {}", stop.report));
            vec![]
        }
    }
}

/// How old a run that was cut off may be to be gone on with unasked where the pair is in order as it is.
const FRESH: Duration = Duration::from_secs(600);

/// The run that was cut off, and the plan of the move that it belongs to.
struct CutOff<'a> {
    story: &'a Story,
    plan: Plan,
}

impl CutOff<'_> {
    /// The address that the last step was to bring up (`true`) or remove, where that step did not end.
    fn address_under_way(&self) -> Option<(RoleName, NodeName, bool)> {
        let plan = self.story.plan().ok()?;
        let at = self.story.at_step.as_ref()?;
        plan.steps.into_iter().find(|step| step.id.0 == *at).and_then(|step| match step.action {
            Action::Take { role, node, .. } => Some((role, node, true)),
            Action::Drop { role, node, .. } => Some((role, node, false)),
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::Fence { .. }
            | Action::CatchUp { .. }
            | Action::Open { .. }
            | Action::Reopen { .. }
            | Action::EndSessions { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. }
            | Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => None,
        })
    }
}

/// The move that is in between, as far as this machine knows. A run that continued another one belongs to that move.
fn cut_off<'a>(pair: &PairConfig, found: &'a [Found]) -> Option<CutOff<'a>> {
    let (_, story) = crate::journal::latest_touching(found).filter(|(_, story)| story.is_open())?;
    let by_name =
        |run: &str| found.iter().filter_map(|found| found.story.as_ref().ok()).find(|story| story.begin.run == run);
    let mut first = story;
    // each journal is older than the one that names it; a ring would have been made by hand
    for _ in 0..found.len() {
        match first.begin.continues.as_ref().and_then(|continued| by_name(&continued.run)) {
            Some(earlier) => first = earlier,
            None => break,
        }
    }
    let plan = match first.plan() {
        Ok(plan) => plan,
        Err(why) => {
            tell(&format!("going by what is seen alone: {why}"));
            return None;
        }
    };
    let known = plan.basis.nodes.iter().all(|node| pair.pair.side(&node.name).is_some())
        && plan.basis.roles.iter().all(|(role, ..)| pair.pair.role(role).is_some());
    if !known {
        tell("going by what is seen alone: the journal's nodes or roles are not those of the config any more");
        return None;
    }
    Some(CutOff { story, plan })
}

async fn go_on(
    pair: &PairConfig,
    found: &[Found],
    to: Option<&NodeName>,
    overrides: &[Code],
    asked: &Asked<'_>,
    output: &Output,
) -> Result<Exit, Stop> {
    let limit = pair.pair.limits.connect;
    if let Some(running) = found.iter().find(|found| found.running) {
        let by = running.story.as_ref().map(|story| story.begin.by.to_string()).unwrap_or_default();
        let text =
            format!("locked: a run of {by} on {} still goes on, on this machine; nothing was changed", pair.pair.name);
        run::end(output, "locked", Exit::Locked, None, &text);
        return Ok(Exit::Locked);
    }
    let cut = cut_off(pair, found);
    let mut open = context::open(pair, output).await?;
    settle(pair, &mut open, cut.as_ref()).await;
    let declared = cut.as_ref().map(|cut| &cut.plan.goal).filter(|_| to.is_none());
    let declared = declared.filter(|goal| matches!(goal, Goal::Fail(_) | Goal::Rejoin(_))).cloned();
    if let (Some(goal), Toward::Start, Some(cut)) = (&declared, asked.toward, &cut) {
        return take_back(pair, open, goal, cut, asked, output).await;
    }
    let decided = match &declared {
        None => decide(pair, &open.seen, cut.as_ref(), to, asked.toward),
        Some(_) => Target::Roles(Assignment::default()),
    };
    let wanted = match decided {
        Target::Roles(wanted) => wanted,
        Target::InOrder => {
            link::close(open.links, open.control.path(), limit).await;
            let text =
                format!("nothing to do: {} is in order, and no run is known to have been cut off", pair.pair.name);
            run::end(output, "nothing-to-do", Exit::Done, None, &text);
            return Ok(Exit::Done);
        }
        Target::Ask(role, why) => {
            link::close(open.links, open.control.path(), limit).await;
            return Err(ask(pair, &role, &why, asked.toward));
        }
        Target::Blind(why) => {
            link::close(open.links, open.control.path(), limit).await;
            return Err(Stop::say(
                Exit::Refused,
                "flipper::resume::blind",
                format!("what cannot be seen cannot be finished or taken back: {why}"),
                format!("mend that, see `flipper status {}`, then try again", pair.pair.name),
            ));
        }
    };
    if let Some(cut) = &cut {
        tell(&render::history::cut_off(cut.story, here::clock()));
    }
    let overrides = cut.as_ref().map(|cut| cut.plan.overrides.as_slice()).unwrap_or_default().iter().chain(overrides);
    // whoever waits for a lock waits for the dead run's read lock, most likely: it goes with its session, which is waited for
    let overrides: Vec<Code> = overrides.copied().chain([Code::TableLock]).collect();
    // the same is said again, on the grounds that were accepted then
    let goal = declared.clone().unwrap_or(Goal::Assign(wanted));
    let open = open.with_witness(pair, &goal, false, output).await;
    let kill = asked.kill || cut.as_ref().is_some_and(|cut| cut.plan.ends_writers());
    let consent = Consent { overrides: &overrides, kill };
    let mut plan = match planner::plan(&pair.pair, &open.seen, &goal, consent) {
        Ok(plan) => plan,
        Err(refusal) => {
            link::close(open.links, open.control.path(), limit).await;
            return Ok(plan::refuse(&refusal, output));
        }
    };
    if let Err(stop) = judged::made(&pair.pair, &open.seen, &plan) {
        link::close(open.links, open.control.path(), limit).await;
        return Err(stop);
    }
    let in_order = || of_state(&pair.pair, &open.seen, asked.toward) == Target::InOrder;
    if declared.is_none()
        && !plan.is_empty()
        && let Some(cut) = &cut
        && in_order()
    {
        // settled by hand, perhaps, or from another machine, which this journal does not know of
        let ago = here::clock().duration_since(cut.story.last).unwrap_or_default();
        if asked.how.yes && !asked.how.dry_run && ago > FRESH {
            link::close(open.links, open.control.path(), limit).await;
            return Err(in_order_by_now(pair, ago, asked.toward));
        }
        tell("The pair is in order as it stands: what follows moves it all the same.");
    }
    let continues = cut.as_ref().map(|cut| Continued {
        run: cut.story.begin.run.clone(),
        way: match asked.toward {
            Toward::Goal => Way::Forward,
            Toward::Start => Way::Back,
        },
    });
    let seen = planfile::seen(&open.seen);
    let mut debt = None;
    if plan.is_empty() {
        // the roles are there; what the run was still to tell the neighbours, and to see from outside, is not known
        let steps = cut.as_ref().map(|cut| owed(&pair.pair, &open.seen, &cut.plan, asked.toward)).unwrap_or_default();
        let Some(cut) = cut.filter(|_| !steps.is_empty()) else {
            link::close(open.links, open.control.path(), limit).await;
            let text = format!("nothing to do: {} is at {}", plan.pair, plan.goal);
            if asked.how.journal && !asked.how.dry_run && continues.is_some() {
                settled(pair, &plan, &seen, continues, &text);
            }
            run::end(output, "nothing-to-do", Exit::Done, None, &text);
            return Ok(Exit::Done);
        };
        plan.steps = steps;
        debt = Some((cut.plan, asked.toward));
    }
    let digest = planfile::digest(&plan, &seen);
    let patience = pair.pair.limits.lock_silence() + SETTLING;
    run::carry_out(Move { pair, plan, seen, digest, continues, owed: debt, patience }, open, asked.how, output).await
}

/// The run that was cut off is settled, so that nobody is told any more to finish it. What cannot be kept is told: there
/// is nothing else to be done.
fn settled(pair: &PairConfig, plan: &Plan, seen: &[String], continues: Option<Continued>, text: &str) {
    let kept = journal::begin(&pair.pair, plan, &planfile::digest(plan, seen), seen, continues);
    let end = End { end: Ending::NothingToDo, exit: Exit::Done as u8, writes_out_ms: None, text: text.to_owned() };
    let trouble = match kept {
        Ok(journal) => journal.end(end),
        Err(stop) => Some(stop.report.to_string()),
    };
    if let Some(why) = trouble {
        tell(&format!("warning: that nothing is left to do was not kept in the journal: {why}"));
    }
}

/// Nobody looks, and the pair may have been put in order since by somebody whom this machine knows nothing of.
fn in_order_by_now(pair: &PairConfig, ago: Duration, toward: Toward) -> Stop {
    let name = &pair.pair.name;
    let (command, does) = match toward {
        Toward::Goal => ("resume", "finishes it"),
        Toward::Start => ("abort", "takes it back"),
    };
    let ago = humantime::format_duration(Duration::from_secs(ago.as_secs()));
    Stop::say(
        Exit::Refused,
        "flipper::resume::in_order",
        format!(
            "{name} is in order as it stands, and the run that was cut off is {ago} old: somebody may have settled it"
        ),
        format!(
            "look: `flipper status {name}`; where it is to be moved after all, `flipper {command} {name}` without --yes \
             {does} after your yes"
        ),
    )
}

/// Back from where a node was declared dead: its peer receives again, as long as nobody was opened. A node that was being
/// brought back has moved no role.
async fn take_back(
    pair: &PairConfig,
    open: context::Open,
    goal: &Goal,
    cut: &CutOff<'_>,
    asked: &Asked<'_>,
    output: &Output,
) -> Result<Exit, Stop> {
    let limit = pair.pair.limits.connect;
    let name = &pair.pair.name;
    let steps = match goal {
        Goal::Rejoin(_) => Ok(vec![]),
        _ => planner::way_back(&pair.pair, &open.seen, &cut.plan, planner::Opened::Never, &[]),
    };
    let steps = match steps {
        Ok(steps) => steps,
        Err(reasons) => {
            link::close(open.links, open.control.path(), limit).await;
            let refusal = Refusal { pair: name.clone(), goal: goal.clone(), reasons };
            return Ok(plan::refuse(&refusal, output));
        }
    };
    if steps.is_empty() {
        link::close(open.links, open.control.path(), limit).await;
        let text =
            format!("nothing to do: {goal} of {name} has moved no role so far; finish it: flipper resume {name}");
        run::end(output, "nothing-to-do", Exit::Done, None, &text);
        return Ok(Exit::Done);
    }
    tell(&render::history::cut_off(cut.story, here::clock()));
    let plan = Plan { steps, ..cut.plan.clone() };
    let seen = planfile::seen(&open.seen);
    let digest = planfile::digest(&plan, &seen);
    let continues = Some(Continued { run: cut.story.begin.run.clone(), way: Way::Back });
    let debt = Some((cut.plan.clone(), Toward::Start));
    let patience = pair.pair.limits.lock_silence() + SETTLING;
    run::carry_out(Move { pair, plan, seen, digest, continues, owed: debt, patience }, open, asked.how, output).await
}

/// Waits for what a run that was killed may have left under way: a switch that waits on its server for as long as it was
/// told to, and the command for an address that was on its way to a machine.
async fn settle(pair: &PairConfig, open: &mut context::Open, cut: Option<&CutOff<'_>>) {
    let limits = &pair.pair.limits;
    let begun = tokio::time::Instant::now();
    let command = cut.and_then(|cut| {
        // begun at the last moment, cut off by its own limit, and ended by force a moment after that
        let longest = limits.connect * 2 + COMMAND;
        let left = (cut.story.last + longest).duration_since(here::clock()).ok()?;
        // a clock that was set back is no reason to wait for longer than anything can take
        Some((cut.address_under_way()?, left.min(longest)))
    });
    let mut told = false;
    loop {
        let changing = open.seen.nodes.iter().any(|node| node.access.is(&WriteAccess::Changing));
        let switch = changing && begun.elapsed() < limits.fence + SETTLING;
        let address = command.as_ref().is_some_and(|((role, node, there), left)| {
            let holds = pair
                .pair
                .role(role)
                .zip(pair.pair.side(node))
                .map(|(role, side)| open.seen.holders(role).contains(&side));
            holds != Some(*there) && begun.elapsed() < *left
        });
        if !switch && !address {
            return;
        }
        if !told {
            tell("waiting for what the run that was cut off may have left under way");
            told = true;
        }
        tokio::time::sleep(SETTLING).await;
        open.seen = crate::observe::snapshot(&pair.pair, &mut open.links).await;
    }
}

fn decide(
    pair: &PairConfig,
    seen: &Snapshot,
    cut: Option<&CutOff<'_>>,
    to: Option<&NodeName>,
    toward: Toward,
) -> Target {
    if let Some(wanted) = to.and_then(|node| named(&pair.pair, node)) {
        return Target::Roles(wanted);
    }
    let known = cut.map(|cut| of_plan(&cut.plan, toward)).filter(|Assignment(roles)| !roles.is_empty());
    known.map_or_else(|| of_state(&pair.pair, seen, toward), Target::Roles)
}

fn ask(pair: &PairConfig, role: &RoleName, why: &str, toward: Toward) -> Stop {
    let name = &pair.pair.name;
    let [a, b] = &pair.pair.nodes;
    let command = match toward {
        Toward::Goal => "resume",
        Toward::Start => "abort",
    };
    let write = pair.pair.write_role().is_some_and(|write| write.name == *role);
    let help = if write {
        let back = match toward {
            Toward::Goal => format!("; or go back: flipper abort {name}"),
            Toward::Start => String::new(),
        };
        format!(
            "say which node is to have it: flipper {command} {name} --to {}, or --to {}; it gets every transaction of the \
             other one before it opens{back}",
            a.name, b.name
        )
    } else {
        format!("say which node is to keep it: flipper apply {name} set {role} {}, or {}", a.name, b.name)
    };
    Stop::say(
        Exit::Usage,
        "flipper::resume::which",
        format!("without the journal of the run it is not known where {role} was to go: {why}"),
        help,
    )
}
