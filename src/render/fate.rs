//! What a run does when a step fails. It depends on where the step stands in its plan, and on nothing else.

use super::plan::Marks;
use crate::model::{Access, Action, Plan, Step};

/// Where a run ends when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it was.
    Back,
    /// Back, forward, or in doubt: whether the step took effect decides.
    Open,
    /// As planned.
    Forward,
}

impl Way {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Back => "back",
            Self::Open => "it depends",
            Self::Forward => "forward",
        }
    }
}

/// In which direction a run goes on when the step of this number (from 1) fails, and what that means there. It is the
/// executor's rule: what counts is whether the new writer was told to open, or its address to come up there.
pub(super) fn of(plan: &Plan, number: usize) -> (Way, String) {
    let Some(step) = number.checked_sub(1).and_then(|at| plan.steps.get(at)) else { return (Way::Back, String::new()) };
    let opened = plan.steps.iter().take(number - 1).any(|step| matches!(step.action, Action::Open { .. }));
    let led =
        plan.hands_over_from().is_none() && plan.steps.iter().take(number).any(|step| leads_to_writer(plan, step));
    if opened || led {
        return (Way::Forward, FORWARD.to_owned());
    }
    if let Action::Open { node, peer } = &step.action {
        let means = format!(
            "if {node} is certain not to have opened, back: {peer} stays as it was, or is opened again. If it has opened, \
             forward. If nobody can tell, nothing else is opened, and a person is told what to do"
        );
        return (Way::Open, means);
    }
    match Marks::of(plan).no_return {
        Some(turn) if number >= turn => (Way::Open, DOUBT.to_owned()),
        Some(_) | None => (Way::Back, back(plan, number, &step.action)),
    }
}

/// The write address comes to the node that is to have it.
fn leads_to_writer(plan: &Plan, step: &Step) -> bool {
    match &step.action {
        Action::Take { role, access: Access::ReadWrite, node, .. } => plan.after.holder(role) == Some(node),
        _ => false,
    }
}

const DOUBT: &str = "back where that is seen to be safe; otherwise it stops, and a person is told what to do";

const FORWARD: &str = "what is missing is planned and done again";

fn back(plan: &Plan, number: usize, action: &Action) -> String {
    let done = plan.steps.get(..number).unwrap_or_default();
    if !done.iter().any(changes) {
        // a rollback that is under way goes on, whoever waits for it
        let ended = done.iter().any(|step| matches!(step.action, Action::EndWriters { .. }));
        let besides = if ended { ", except that the sessions are gone which were ended" } else { "" };
        return format!("flipper stops; nothing has been changed{besides}");
    }
    let closing = plan.closing().filter(|closing| done.iter().any(|step| step.id == closing.id));
    let moved = done.iter().any(|step| matches!(step.action, Action::Take { .. } | Action::Drop { .. }));
    let mut said = vec![];
    if let Some(closing) = closing {
        said.push(format!("{} accepts writes again", closing.action.node()));
    }
    if moved {
        said.push("the addresses return to where they were".to_owned());
    }
    if said.is_empty() {
        said.push("the pair serves as before".to_owned());
    }
    let said = said.join(", and ");
    match (action, closing) {
        (Action::Fence { .. }, Some(_)) => {
            format!(
                "a statement in its way is waited for up to three times, with writes flowing in between; then {said}"
            )
        }
        _ => said,
    }
}

/// Whether a step changes anything that would have to be taken back.
fn changes(step: &Step) -> bool {
    match step.action {
        Action::Approach { .. }
        | Action::Drain { .. }
        | Action::EndWriters { .. }
        | Action::CatchUp { .. }
        | Action::Verify { .. }
        | Action::ApplyReceived { .. }
        | Action::Compare { .. } => false,
        Action::Fence { .. }
        | Action::Open { .. }
        | Action::Reopen { .. }
        | Action::Take { .. }
        | Action::EndSessions { .. }
        | Action::Drop { .. }
        | Action::Announce { .. }
        | Action::Release { .. }
        | Action::Isolate { .. }
        | Action::StopReceiving { .. }
        | Action::ResumeReceiving { .. }
        | Action::RollBack { .. }
        | Action::Promote { .. }
        | Action::StartReplication { .. } => true,
    }
}

/// What "forward" and "back" mean, once for a whole plan; in the words of the executor's rules.
pub(super) const RULES: [&str; 3] = [
    "Back: the old writer is opened again before anything else is looked at, then addresses return. It ends with exit code \
     20 when the pair is seen to serve as before, from outside too.",
    "Forward: flipper looks again, plans what is missing and does it, up to three times. If the address never reached the \
     new writer, nobody can have written there, and it goes back by the same steps as a swap.",
    "In doubt: when neither way is seen to be safe, it stops with exit code 21 and says how both nodes stand and what a \
     person must do. It never guesses.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{healthy, pair};
    use crate::model::{Flavour, Goal};
    use crate::planner;

    #[test]
    fn back_before_the_new_writer_opens_and_forward_after() {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let plan = planner::plan(&pair(), &healthy(flavour), &Goal::Swap(None), &[]).expect("a plan");
            let open =
                plan.steps.iter().position(|step| matches!(step.action, Action::Open { .. })).expect("a new writer");
            for number in 1..=plan.steps.len() {
                let wanted = match number.cmp(&(open + 1)) {
                    std::cmp::Ordering::Less => Way::Back,
                    std::cmp::Ordering::Equal => Way::Open,
                    std::cmp::Ordering::Greater => Way::Forward,
                };
                let (way, means) = of(&plan, number);
                assert!(way == wanted && !means.is_empty(), "{number}: {way:?}: {means}");
            }
            assert_eq!(of(&plan, 1).1, "flipper stops; nothing has been changed");
        }
    }
}
