//! The decisions: pure functions from what was seen and what is wanted to a plan, or a typed refusal.
//!
//! What must change is the difference between the snapshot and the desired assignment (`diff`); in which order, by
//! facts that one action requires and another ensures, and by a table of rules (`order`); whether at all, by the
//! checks (`checks`). The same input gives the same plan: nothing here has an order of its own.

mod basis;
mod checks;
mod diff;
mod order;
mod recover;

pub use recover::{Opened, reopen, way_back, way_forward};

use crate::model::{Action, Assignment, Code, Fencing, Goal, Pair, Plan, Reason, Refusal, RoleSpec, Side, Snapshot};

/// Plans the way from what was seen to the goal. An empty plan: the pair is there already.
///
/// # Errors
/// A refusal with every reason, where no safe way is known.
pub fn plan(pair: &Pair, snapshot: &Snapshot, goal: &Goal) -> Result<Plan, Refusal> {
    let refuse = |mut reasons: Vec<Reason>| {
        reasons.sort();
        reasons.dedup();
        Refusal { pair: pair.name.clone(), goal: goal.clone(), reasons }
    };
    let mut reasons = checks::all(pair, snapshot);
    let desired = match desired(pair, snapshot, goal) {
        Ok(desired) => desired,
        Err(more) => {
            reasons.extend(more);
            return Err(refuse(reasons));
        }
    };
    let actions = diff::actions(pair, snapshot, &desired, diff::Proof::CatchUp);
    reasons.extend(checks::of_actions(pair, snapshot, &actions));
    let Some(basis) = basis::basis(pair, snapshot) else {
        // an unknown fact of the basis is always a reason of its own
        return Err(refuse(reasons));
    };
    if !reasons.is_empty() {
        return Err(refuse(reasons));
    }
    let notes = notes(pair, snapshot, &actions);
    let Some(steps) = order::steps(&actions) else {
        return Err(refuse(vec![checks::no_order(&actions)]));
    };
    Ok(Plan {
        pair: pair.name.clone(),
        goal: goal.clone(),
        basis,
        before: snapshot.assignment(pair),
        after: desired,
        steps,
        notes,
    })
}

/// The assignment that a goal means, given who holds what now.
fn desired(pair: &Pair, snapshot: &Snapshot, goal: &Goal) -> Result<Assignment, Vec<Reason>> {
    let mut desired = snapshot.assignment(pair);
    let moved: Vec<&RoleSpec> = match goal {
        Goal::Swap(None) => pair.roles.iter().collect(),
        Goal::Swap(Some(name)) | Goal::Set(name, _) => pair.role(name).into_iter().collect(),
    };
    let mut reasons = vec![];
    for role in moved {
        let to = match goal {
            Goal::Set(_, node) => pair.side(node),
            Goal::Swap(_) => match snapshot.holders(role)[..] {
                [side] => Some(side.peer()),
                // the checks say why: nowhere, on both, or not known
                _ => None,
            },
        };
        match to {
            Some(side) => {
                desired.0.insert(role.name.clone(), Some(pair.node(side).name.clone()));
            }
            None => reasons.extend(no_holder(pair, snapshot, role)),
        }
    }
    if reasons.is_empty() { Ok(desired) } else { Err(reasons) }
}

fn no_holder(pair: &Pair, snapshot: &Snapshot, role: &RoleSpec) -> Option<Reason> {
    let unknown = Side::BOTH.into_iter().any(|side| snapshot.node(side).addresses.known().is_none());
    // said in full by the checks
    if unknown {
        return None;
    }
    Some(checks::address_count(pair, snapshot, role).unwrap_or_else(|| Reason {
        code: Code::Unknown,
        seen: format!("nobody can tell which node holds {}", role.name),
        help: format!("see `flipper status {}`", pair.name),
    }))
}

/// What a reviewer should know of the steps.
fn notes(pair: &Pair, snapshot: &Snapshot, actions: &[Action]) -> Vec<String> {
    let mut notes = vec![];
    for action in actions {
        match action {
            Action::Fence { node, how: Fencing::ReadLock } => notes.push(format!(
                "While {node} holds its read lock, its clients wait instead of getting an error; the lock is let go \
                 once the address has left."
            )),
            Action::Take { role, address, node, .. } if !address.is_host() => notes.push(format!(
                "The address of {role} is taken on {node} with prefix /{}; /32 or /128 is safer: removing it can \
                 never take others along.",
                address.prefix
            )),
            _ => {}
        }
    }
    let versions = Side::BOTH.map(|side| snapshot.node(side).server.known().map(|s| s.version));
    if let [Some(first), Some(second)] = versions
        && first != second
    {
        let [a, b] = &pair.nodes;
        notes.push(format!(
            "The servers differ in version ({}: {first}, {}: {second}): replication from the newer to the older is \
             not supported by their makers.",
            a.name, b.name
        ));
    }
    for side in Side::BOTH {
        let node = snapshot.node(side);
        if let Some(settings) = node.settings.known() {
            if settings.binlog_format != "ROW" {
                notes.push(format!(
                    "binlog_format is {} on {}: statements that are not deterministic make the nodes differ.",
                    settings.binlog_format, node.name
                ));
            }
            if !settings.log_replica_updates {
                notes.push(format!(
                    "{} does not log what it applies (log_replica_updates is off): replicas below it miss the \
                     peer's transactions.",
                    node.name
                ));
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests;
