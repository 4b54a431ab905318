//! The decisions: pure functions from what was seen and what is wanted to a plan, or a typed refusal.
//!
//! What must change is the difference between the snapshot and the desired assignment (`diff`); in which order, by
//! facts that one action requires and another ensures, and by a table of rules (`order`); whether at all, by the
//! checks (`checks`). The same input gives the same plan: nothing here has an order of its own.

mod basis;
mod checks;
mod consent;
mod death;
mod desired;
mod diff;
mod order;
mod recover;
mod walk;

pub use checks::{Checked, LATELY, Verdict, check, findings};
pub use consent::Consent;
pub use recover::{Opened, is_back, reopen, way_back, way_forward};
pub use walk::{perform, point_of_no_return};

use crate::model::{
    Action, Code, Fencing, Finding, Goal, Pair, Plan, Reason, Refusal, RoleSpec, Severity, Side, Snapshot, WriteAccess,
};
use death::Course;

/// Plans the way from what was seen to the goal. An empty plan: the pair is there already.
///
/// `consent`: what the operator accepts. Findings that the plan would be refused for otherwise are recorded in it; the
/// others do not matter.
///
/// # Errors
/// A refusal with every reason, where no safe way is known.
pub fn plan<'a>(
    pair: &Pair,
    snapshot: &Snapshot,
    goal: &Goal,
    consent: impl Into<Consent<'a>>,
) -> Result<Plan, Refusal> {
    Examined::of(pair, snapshot).plan(goal, consent)
}

/// A pair with all that the checks find in it. Several goals may be asked of it: half of what a plan costs is to
/// examine.
pub struct Examined<'a> {
    pair: &'a Pair,
    snapshot: &'a Snapshot,
    findings: Vec<Finding>,
}

impl<'a> Examined<'a> {
    /// Runs every check.
    #[must_use]
    pub fn of(pair: &'a Pair, snapshot: &'a Snapshot) -> Self {
        Self { pair, snapshot, findings: checks::findings(pair, snapshot) }
    }

    /// As [`plan`].
    ///
    /// # Errors
    /// A refusal with every reason, where no safe way is known.
    pub fn plan<'b>(&self, goal: &Goal, consent: impl Into<Consent<'b>>) -> Result<Plan, Refusal> {
        plan_from(self, goal, consent.into())
    }
}

fn plan_from(examined: &Examined<'_>, goal: &Goal, consent: Consent<'_>) -> Result<Plan, Refusal> {
    let Examined { pair, snapshot, findings } = examined;
    let Consent { overrides, kill } = consent;
    let refuse = |mut reasons: Vec<Reason>| {
        reasons.sort();
        reasons.dedup();
        // whoever was left behind explains the rest, and is brought back before anything else
        reasons.sort_by_key(|reason| reason.code != Code::Deposed);
        Err(Refusal { pair: pair.name.clone(), goal: goal.clone(), reasons })
    };
    let course = Course::of(pair, snapshot, goal);
    let mut findings: Vec<&Finding> = findings.iter().filter(|finding| course.heeds(finding)).collect();
    let desired = match desired::desired(pair, snapshot, goal, &findings) {
        Ok(desired) => desired,
        Err(mut reasons) => {
            // what stands in the way besides, whichever way is taken in the end
            let bad = |finding: &&&Finding| match finding.severity() {
                Severity::Warn => false,
                Severity::Override => !overrides.contains(&finding.code),
                Severity::Stop => true,
            };
            reasons.extend(findings.iter().filter(bad).map(|finding| finding.reason()));
            return refuse(reasons);
        }
    };
    let touched = |role: &&RoleSpec| desired.touched.contains(&role.name);
    let (writer, actions) = match course {
        Course::Move => {
            let writer = diff::writer(pair, &desired.after, &desired.touched);
            let target = diff::Target {
                roles: &desired.after,
                touched: &desired.touched,
                writer,
                proof: diff::Proof::CatchUp,
                whole: true,
                kill,
            };
            (writer, diff::actions(pair, snapshot, target))
        }
        Course::Fail(dead, how) => {
            let roles: Vec<&RoleSpec> = pair.roles.iter().filter(touched).collect();
            (diff::Writer::Only(dead.peer()), death::fail(pair, snapshot, (dead, how), &roles, true))
        }
        Course::Rejoin(back) => (diff::Writer::Only(back.peer()), death::rejoin(pair, snapshot, back, true)),
    };
    let promotes = actions.iter().any(|action| matches!(action, Action::Promote { .. }));
    // at the goal nothing stands in the way any more
    let with_goal = if actions.is_empty() { vec![] } else { course.findings(pair, snapshot, promotes) };
    findings.extend(&with_goal);
    let (mut reasons, mut overridden, mut notes) = (vec![], vec![], notes(&actions));
    // of two writers neither has everything: their readers depend on replication
    let open = |side: &Side| snapshot.node(*side).access.is(&WriteAccess::Open);
    let writer = writer.after(snapshot).filter(|_| !Side::BOTH.iter().all(open));
    for finding in findings.iter().copied() {
        match checks::against(pair, &actions, writer, finding) {
            Some(Severity::Override) if overrides.contains(&finding.code) => {
                // a word of its own on the command line, and in the plan what it was said about
                if finding.code == Code::MayLose {
                    notes.push(format!("{} ({}).", finding.seen, finding.code));
                }
                overridden.push(finding.code);
            }
            // these have a word of their own
            Some(Severity::Override) if matches!(finding.code, Code::MayLose | Code::NotFenced) => {
                reasons.push(finding.reason());
            }
            Some(Severity::Override) => {
                let Reason { code, seen, help } = finding.reason();
                let help = format!("{help}; or, where you know what it means here: --override {code}");
                reasons.push(Reason { code, seen, help });
            }
            Some(Severity::Stop) => reasons.push(finding.reason()),
            Some(Severity::Warn) => notes.push(format!("{} ({}).", finding.seen, finding.code)),
            None => {}
        }
    }
    notes.extend(checks::long_rollbacks(pair, snapshot, &actions));
    if !reasons.is_empty() {
        return refuse(reasons);
    }
    let Some(basis) = basis::basis(pair, snapshot, course.dead()) else {
        // an unknown fact of the basis is a finding in the scope of every plan
        return refuse(findings.iter().filter(|f| f.code == Code::Unknown).map(|f| f.reason()).collect());
    };
    let Some(steps) = order::steps(pair, &actions) else {
        return refuse(vec![checks::no_order(&actions)]);
    };
    overridden.sort();
    overridden.dedup();
    Ok(Plan {
        pair: pair.name.clone(),
        goal: goal.clone(),
        overrides: overridden,
        basis,
        before: snapshot.assignment(pair),
        after: desired.after,
        steps,
        notes,
    })
}

/// What a reviewer should know of the steps.
fn notes(actions: &[Action]) -> Vec<String> {
    let mut notes = vec![];
    for action in actions {
        match action {
            Action::Fence { node, how: Fencing::ReadLock } => notes.push(format!(
                "While {node} holds its read lock, its clients wait instead of getting an error; the lock is let go \
                 once the address has left."
            )),
            Action::EndWriters { node } => notes.push(format!(
                "Sessions that still write on {node} right before its fence are ended, and what they have not committed \
                 is rolled back; replication, events and sessions above flipper's account are left alone."
            )),
            Action::Take { role, address, node, .. } if !address.is_host() => notes.push(format!(
                "The address of {role} is taken on {node} with prefix /{}; /32 or /128 is safer: removing it can \
                 never take others along.",
                address.prefix
            )),
            _ => {}
        }
    }
    notes
}

#[cfg(test)]
mod census_tests;
#[cfg(test)]
mod death_tests;
#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod half_received_tests;
#[cfg(test)]
mod tests;
