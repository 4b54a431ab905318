//! What a run does when a step fails. It depends on where the step stands in its plan, and on nothing else.

use super::plan::Marks;
use crate::model::{Action, Plan, Step};

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

/// In which direction a run goes on when the step of this number (from 1) fails, and what that means there.
pub(super) fn of(plan: &Plan, number: usize) -> (Way, String) {
    let marks = Marks::of(plan);
    let step = number.checked_sub(1).and_then(|at| plan.steps.get(at));
    match (marks.no_return, step.map(|step| &step.action)) {
        (Some(turn), _) if number > turn => (Way::Forward, FORWARD.to_owned()),
        (Some(turn), Some(Action::Open { node, peer })) if number == turn => (
            Way::Open,
            format!(
                "if {node} is certain not to have opened, back: {peer} accepts writes again. If it has opened, forward. If \
                 nobody can tell, nothing else is opened, and a person is told what to do"
            ),
        ),
        (Some(turn), _) if number == turn => (Way::Forward, FORWARD.to_owned()),
        (_, Some(action)) => (Way::Back, back(plan, number, action)),
        (_, None) => (Way::Back, String::new()),
    }
}

const FORWARD: &str = "what is missing is planned and done again";

fn back(plan: &Plan, number: usize, action: &Action) -> String {
    let done = plan.steps.get(..number).unwrap_or_default();
    if !done.iter().any(changes) {
        return "flipper stops; nothing has been changed".to_owned();
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

/// Whether a step changes anything, or only looks and waits.
fn changes(step: &Step) -> bool {
    match step.action {
        Action::Approach { .. } | Action::Drain { .. } | Action::CatchUp { .. } | Action::Verify { .. } => false,
        Action::Fence { .. }
        | Action::Open { .. }
        | Action::Reopen { .. }
        | Action::Take { .. }
        | Action::EndSessions { .. }
        | Action::Drop { .. }
        | Action::Announce { .. }
        | Action::Release { .. } => true,
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
