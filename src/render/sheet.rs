//! What the pictures of a plan file are drawn from.

use super::describe;
use crate::model::{Goal, Plan, printable};

/// A plan with what its file says beside it.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the reviewer was told about the servers.
    pub seen: &'a [String],
    /// Its digest, as `sha256:…`.
    pub digest: &'a str,
    /// The version of the flipper that wrote it.
    pub version: &'a str,
}

impl Sheet<'_> {
    pub(super) fn title(&self) -> String {
        format!("Plan for pair {}: {}", self.plan.pair, self.plan.goal)
    }

    /// What somebody who approves the plan must have looked at, one question or demand each.
    pub(super) fn review(&self) -> Vec<String> {
        let plan = self.plan;
        let Goal::Assign(_) = plan.goal else {
            return self.questions(format!("Is {} the right pair, and “{}” what was asked for?", plan.pair, plan.goal));
        };
        self.questions(format!("Is {} the right pair, and are the roles below what was asked for?", plan.pair))
    }

    fn questions(&self, first: String) -> Vec<String> {
        let plan = self.plan;
        let mut asked = vec![first];
        if !plan.overrides.is_empty() {
            let codes: Vec<&str> = plan.overrides.iter().map(|code| code.id()).collect();
            asked.push(format!(
                "The operator overrides {}. Without that the plan would be refused. Do you agree?",
                codes.join(", ")
            ));
        }
        asked.push("Does each role end up on the right node?".to_owned());
        if plan.closing().is_some() {
            asked
                .push(format!("Writes are out: {}. Is this a moment at which they may be?", super::plan::outage(plan)));
        }
        if !plan.notes.is_empty() {
            asked.push("Have you read the notes?".to_owned());
        }
        asked
    }

    /// The steps as a reader would say them.
    pub(super) fn sentence(&self, number: usize) -> String {
        let step = number.checked_sub(1).and_then(|at| self.plan.steps.get(at));
        step.map(|step| super::plan::capital(&describe::sentence(&step.action))).unwrap_or_default()
    }

    pub(super) fn id(&self, number: usize) -> String {
        let step = number.checked_sub(1).and_then(|at| self.plan.steps.get(at));
        step.map(|step| printable(&step.id.0)).unwrap_or_default()
    }
}
