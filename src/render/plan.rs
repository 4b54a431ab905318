//! A plan as text: for the terminal before the question, and for a change ticket.

use super::wrap::{hang, list, table, wrap};
use super::{WIDTH, describe};
use crate::model::{Access, Held, NodeBasis, NodeName, Plan, RoleName, Rule, Step, StepId, printable};
use crate::planner;

/// The plan as text of at most 80 columns. `digest` is the plan's, as `sha256:…`, where it has one.
#[must_use]
pub fn text(plan: &Plan, digest: Option<&str>) -> String {
    let mut out = hang("", &format!("Plan for pair {}: {}", plan.pair, plan.goal), WIDTH);
    if let Some(digest) = digest {
        let digest = printable(digest);
        let hex = digest.rsplit(':').next().unwrap_or(&digest);
        let short: String = hex.chars().take(12).collect();
        out += &hang("Digest ", &format!("{short}, in full:"), WIDTH);
        out += &hang("       ", &digest, WIDTH);
    }
    out += "\n";
    if plan.is_empty() {
        out += &hang("", "Nothing to do: the pair is as asked for.", WIDTH);
        out += "\n";
        out += &roles(plan);
        out += &notes(plan);
        return out;
    }
    out += &roles(plan);
    out += "\n";
    out += &nodes(plan);
    out += "\n";
    out += &summary(plan);
    out += &notes(plan);
    out += "\n";
    out += &steps(plan);
    out += &basis(plan);
    out
}

/// What matters about a plan, by the numbers that its steps have in the text.
pub(super) struct Marks {
    /// The step from which nobody can write any more, and the one after which clients can again.
    pub(super) outage: Option<(usize, usize)>,
    /// The step from which nobody can write, because that is the goal.
    pub(super) closed: Option<usize>,
    /// The step after which clients can write who cannot now.
    pub(super) opens: Option<usize>,
    /// The step with which the way back ends.
    pub(super) no_return: Option<usize>,
}

impl Marks {
    pub(super) fn of(plan: &Plan) -> Self {
        let number = |id: &StepId| plan.steps.iter().position(|step| step.id == *id).map_or(0, |at| at + 1);
        Self {
            outage: plan.outage().map(|(from, to)| (number(from), number(to))),
            opens: plan.opens_for_clients().filter(|_| plan.closing().is_none()).map(number),
            closed: plan
                .closing()
                .filter(|_| plan.outage().is_none())
                .or_else(|| plan.closes_all().last().copied())
                .map(|step| number(&step.id)),
            no_return: planner::point_of_no_return(plan).map(number),
        }
    }
}

fn roles(plan: &Plan) -> String {
    let heading = ["ROLE", "ADDRESS", "CLIENTS", "NOW", "AFTER", ""].map(str::to_owned).to_vec();
    let mut rows = vec![heading];
    for (role, address, access) in &plan.basis.roles {
        let (now, after) = (holder_now(plan, role), holder(plan.after.holder(role)));
        let clients = describe::clients(*access);
        let change = if now == after { "stays" } else { "MOVES" };
        rows.push(vec![role.to_string(), address.to_string(), clients.to_owned(), now, after, change.to_owned()]);
    }
    table(&rows, WIDTH)
}

/// A node's name, or that there is none.
pub(super) fn holder(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "nobody".to_owned(), ToString::to_string)
}

/// The same for the time before the first step, in which both may hold it.
pub(super) fn holder_now(plan: &Plan, role: &RoleName) -> String {
    match plan.held_by(role)[..] {
        [_, _] => "both".to_owned(),
        _ => holder(plan.before.holder(role)),
    }
}

/// Who accepts writes, now and after the last step.
fn nodes(plan: &Plan) -> String {
    let mut rows = vec![["NODE", "SERVER", "WHO CAN WRITE NOW", "AFTER"].map(str::to_owned).to_vec()];
    for node in &plan.basis.nodes {
        let how = describe::fencing(node.flavour, node.version);
        rows.push(vec![
            node.name.to_string(),
            describe::server(node.flavour, node.version),
            describe::who(node.access, how).to_owned(),
            describe::who(plan.access_after(node), how).to_owned(),
        ]);
    }
    table(&rows, WIDTH)
}

/// What it costs, and until when it can be taken back.
fn summary(plan: &Plan) -> String {
    hang("Write outage:  ", &outage(plan), WIDTH) + &hang("Way back:      ", &way_back(plan), WIDTH)
}

/// In which steps nobody can write.
pub(super) fn outage(plan: &Plan) -> String {
    let marks = Marks::of(plan);
    match marks.outage {
        Some((from, to)) => format!("steps {from} to {to}"),
        None => match (marks.closed, marks.opens) {
            (Some(from), _) => {
                // of several writers each is closed for itself
                let at = |step: &Step| plan.steps.iter().position(|other| other.id == step.id).map_or(0, |at| at + 1);
                let each = |step: &&Step| format!("step {} on at {}", at(step), step.action.node());
                let from = match &plan.closes_all()[..] {
                    several @ [_, _, ..] => list(&several.iter().map(each).collect::<Vec<_>>()),
                    _ => format!("step {from} on"),
                };
                format!("from {from}; nobody is to write afterwards")
            }
            (None, Some(to)) => format!("it is there now; clients can write again after step {to}"),
            (None, None) if nobody_writes(plan) => "it is there now, and stays".to_owned(),
            (None, None) => "none; the writer is left alone".to_owned(),
        },
    }
}

/// There is a role for writes, and nobody who accepts them, neither now nor afterwards.
fn nobody_writes(plan: &Plan) -> bool {
    let write = plan.basis.roles.iter().any(|(_, _, access)| *access == Access::ReadWrite);
    write && !plan.open_before().contains(&true) && !plan.open_after().contains(&true)
}

/// Until when a run can be taken back, and what that means.
pub(super) fn way_back(plan: &Plan) -> String {
    let marks = Marks::of(plan);
    let undone = format!("puts everything back as it is now{}", opened_again(plan));
    match marks.no_return {
        Some(1) => "none; with the first step the way is forward only".to_owned(),
        Some(open) => {
            let safe = if open == 2 { "step 1".to_owned() } else { format!("steps 1 to {}", open - 1) };
            let cancelled = match marks.outage {
                Some((fence, _)) => format!("; so does Ctrl-C before step {fence}"),
                None => String::new(),
            };
            format!(
                "a failure in {safe} {undone}{cancelled}. Once step {open} is done, flipper goes forward; the way back \
                 is then a new plan."
            )
        }
        None => format!("a failure or Ctrl-C at any step {undone}."),
    }
}

fn opened_again(plan: &Plan) -> String {
    let opened =
        plan.closing().map(|step| format!(": {} accepts writes again", step.action.node())).unwrap_or_default();
    let ended = if plan.ends_writers() { ", except for the sessions that were ended" } else { "" };
    opened + ended
}

fn steps(plan: &Plan) -> String {
    let marks = Marks::of(plan);
    let digits = plan.steps.len().to_string().len().max(2);
    let number = |step: &Step| plan.steps.iter().position(|other| other.id == step.id).map_or(0, |at| at + 1);
    let mut out = "Steps\n\n".to_owned();
    for step in &plan.steps {
        let at = number(step);
        if marks.outage.is_some_and(|(from, _)| from == at) {
            out += &marker("WRITES ARE OUT FROM HERE");
        }
        if marks.closed == Some(at) {
            out += &marker("NOBODY CAN WRITE FROM HERE");
        }
        if marks.no_return == Some(at) {
            out += &marker("POINT OF NO RETURN: from here the way is forward only");
        }
        let first = format!("{at:>digits$}. ");
        out += &hang(&first, &capital(&describe::sentence(&step.action)), WIDTH);
        out += &hang(&" ".repeat(digits + 2), &format!("[{}] {}", printable(&step.id.0), reasons(plan, step)), WIDTH);
        if marks.outage.is_some_and(|(_, to)| to == at) || marks.opens == Some(at) {
            out += &marker(&format!("CLIENTS CAN WRITE AGAIN, to {}", step.action.node()));
        }
    }
    out
}

/// `after 1 and 2: never two writers; after 3: …`, each reason once.
pub(super) fn reasons(plan: &Plan, step: &Step) -> String {
    let mut rules: Vec<Rule> = vec![];
    for (_, rule) in &step.after {
        if !rules.contains(rule) {
            rules.push(*rule);
        }
    }
    let number = |wanted: &StepId| plan.steps.iter().position(|step| step.id == *wanted).map_or(0, |at| at + 1);
    let reason = |rule: Rule| {
        let mut before: Vec<usize> = step.after.iter().filter(|(_, r)| *r == rule).map(|(id, _)| number(id)).collect();
        before.sort_unstable();
        let before: Vec<String> = before.iter().map(ToString::to_string).collect();
        format!("after {}: {}", list(&before), rule.reason())
    };
    rules.into_iter().map(reason).collect::<Vec<_>>().join("; ")
}

fn marker(text: &str) -> String {
    wrap(text, WIDTH - 8)
        .into_iter()
        .map(|line| {
            let rest = WIDTH.saturating_sub(line.chars().count() + 6);
            format!("---- {line} {}\n", "-".repeat(rest))
        })
        .collect()
}

/// A sentence's first letter made a capital.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn notes(plan: &Plan) -> String {
    let mut out = String::new();
    if !plan.overrides.is_empty() {
        out += "\nOverridden: without these words of the operator the plan is refused\n\n";
        for code in &plan.overrides {
            out += &hang("  * ", &format!("{code}: {}", code.matters()), WIDTH);
        }
    }
    if !plan.notes.is_empty() {
        out += "\nNotes\n\n";
        for note in &plan.notes {
            out += &hang("  * ", &printable(note), WIDTH);
        }
    }
    out
}

/// What must still be so when the plan is carried out.
fn basis(plan: &Plan) -> String {
    let mut out = "\nRests on this; when any of it has changed, the plan is refused as stale:\n\n".to_owned();
    for node in &plan.basis.nodes {
        out += &hang(&format!("  {}  ", node.name), &ground(node), WIDTH);
    }
    out
}

/// What a plan rests on, of one node.
pub(super) fn ground(node: &NodeBasis) -> String {
    let NodeBasis { name: _, flavour, version, server_id, uuid, access, holds, replicates } = node;
    let access = describe::access(*access, Some(describe::fencing(*flavour, *version)));
    let uuid = uuid.as_ref().map(|uuid| format!(", uuid {}", printable(uuid))).unwrap_or_default();
    let held = |(role, held): &(RoleName, Held)| format!("{role} ({} on {})", held.address, held.interface);
    let holds = match &holds[..] {
        [] => "no role".to_owned(),
        holds => list(&holds.iter().map(held).collect::<Vec<_>>()),
    };
    let replicates = if *replicates { "replicates from the other node" } else { "does not replicate" };
    format!(
        "{}, server id {server_id}{uuid}; {access}; holds {holds}; {replicates}",
        describe::server(*flavour, *version)
    )
}
