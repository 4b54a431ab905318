//! Nothing is shown for approval, or carried out, that the second opinion objects to.

use std::path::Path;

use super::{Exit, Stop};
use crate::checker::{self, Violation};
use crate::model::{Pair, Plan, Snapshot};
use crate::planfile::{self, PlanFileError};

/// A plan that flipper has just made.
///
/// # Errors
/// A mistake in flipper, told as one: nothing is done on its account.
pub(super) fn made(pair: &Pair, seen: &Snapshot, plan: &Plan) -> Result<(), Stop> {
    checker::judge(pair, seen, plan).map_err(|violations| {
        Stop::say(
            Exit::Unexpected,
            "flipper::plan::unsafe",
            format!("the plan for {} of {} is not safe: {}", plan.goal, plan.pair, said(&violations)),
            "this is a mistake in flipper: report it, with the file that `flipper status PAIR --save FILE` writes; \
             nothing was done",
        )
    })
}

/// Why a plan file was not taken.
pub(super) enum Refused {
    /// It cannot be read, or is none.
    File(PlanFileError),
    /// Its steps do not do what they are to do, or not safely.
    Unsafe(Stop),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::File(error) => Self::new(Exit::BadFile, error),
            Refused::Unsafe(stop) => stop,
        }
    }
}

/// A plan from a file, judged on the basis that it claims, before anything else is made of it.
///
/// # Errors
/// When it is no plan file, or its plan is not one that flipper makes.
pub(super) fn load(path: &Path) -> Result<planfile::PlanFile, Refused> {
    let file = planfile::load(path).map_err(Refused::File)?;
    checker::sound(&file.plan).map_err(|violations| {
        Refused::Unsafe(Stop::say(
            Exit::BadFile,
            "flipper::planfile::unsafe",
            format!("the plan in {} is not safe: {}", path.display(), said(&violations)),
            "flipper does not write such a plan. Make a new one, and look at who made this one.",
        ))
    })?;
    Ok(file)
}

fn said(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
