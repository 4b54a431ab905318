//! Plans for the middle of a run: back to how it was, or forward to how it should be.
//!
//! A run that fails half way is in a state that the checks of a whole pair would refuse. These two ask only for what
//! the remaining steps rely on. They are plans like any other: the same differences, the same rules of order.

use super::{diff, order};
use crate::model::{Action, Assignment, Code, Pair, Reason, Side, Snapshot, Step, WriteAccess};

/// Whether the run has ever told the new writer to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It has not: the new writer is as it was found, fenced, even if nobody can reach it now.
    Never,
    /// It has, and it was seen to be fenced again since, or the telling failed for certain.
    Undone,
}

/// The steps back to the assignment at the start of the run.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_back(pair: &Pair, now: &Snapshot, start: &Assignment, opened: Opened) -> Result<Vec<Step>, Vec<Reason>> {
    let mut reasons = vec![];
    let role = pair.write_role();
    let old = role.and_then(|role| start.holder(&role.name)).and_then(|node| pair.side(node));
    if let Some(old) = old {
        reasons.extend(needs_access(pair, now, old));
        match (opened, now.node(old.peer()).access.known()) {
            // nobody could have opened it but this run, which holds the lock
            (Opened::Never, None) | (_, Some(WriteAccess::Fenced | WriteAccess::Guarded)) => {}
            (_, seen) => reasons.push(Reason {
                code: if seen.is_some() { Code::BothOpen } else { Code::Unknown },
                seen: format!(
                    "{} is {}",
                    pair.node(old.peer()).name,
                    seen.map_or("not reachable".to_owned(), ToString::to_string)
                ),
                help: format!(
                    "see whether {} accepts writes; only when it is certain that it does not, open {} by hand \
                     (SET GLOBAL read_only=OFF)",
                    pair.node(old.peer()).name,
                    pair.node(old).name
                ),
            }),
        }
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let proof = match opened {
        Opened::Never => diff::Proof::NeverOpened,
        Opened::Undone => diff::Proof::CatchUp,
    };
    let mut patched = now.clone();
    if let (Some(old), Opened::Never) = (old, opened) {
        // fenced once before this run began, and nobody else may open it: no second fence of a node out of reach
        patched.node_mut(old.peer()).access = crate::model::Observed::Known(WriteAccess::Fenced);
    }
    ordered(&diff::actions(pair, &patched, start, proof))
}

/// The steps forward to the run's own goal, once the new writer is open.
///
/// # Errors
/// Every reason why that is not safe, or not known to be.
pub fn way_forward(pair: &Pair, now: &Snapshot, goal: &Assignment) -> Result<Vec<Step>, Vec<Reason>> {
    let mut reasons = vec![];
    let role = pair.write_role();
    let new = role.and_then(|role| goal.holder(&role.name)).and_then(|node| pair.side(node));
    if let Some(new) = new {
        reasons.extend(needs_access(pair, now, new));
        if now.node(new).access.is(&WriteAccess::Open) && now.node(new.peer()).access.is(&WriteAccess::Open) {
            reasons.push(Reason {
                code: Code::BothOpen,
                seen: format!("{} and {} both accept writes", pair.nodes[0].name, pair.nodes[1].name),
                help: format!("make {} read-only at once", pair.node(new.peer()).name),
            });
        }
    }
    for side in Side::BOTH {
        if let Some(why) = now.node(side).addresses.why_unknown() {
            reasons.push(Reason {
                code: Code::Unknown,
                seen: format!("addresses of {}: {why}", pair.node(side).name),
                help: format!("make {} reachable by ssh again", pair.node(side).name),
            });
        }
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    ordered(&diff::actions(pair, now, goal, diff::Proof::CatchUp))
}

fn needs_access(pair: &Pair, now: &Snapshot, side: Side) -> Option<Reason> {
    let why = now.node(side).access.why_unknown()?;
    Some(Reason {
        code: Code::Unknown,
        seen: format!("write access of {}: {why}", pair.node(side).name),
        help: format!("make {} reachable again", pair.node(side).name),
    })
}

fn ordered(actions: &[Action]) -> Result<Vec<Step>, Vec<Reason>> {
    order::steps(actions).ok_or_else(|| vec![super::checks::no_order(actions)])
}
