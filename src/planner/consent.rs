//! What a person accepts beyond what is safe by itself.

use crate::model::{Code, Plan};

/// The operator's word: it is asked for with a plan, and is recorded in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// Findings that would refuse the plan.
    pub overrides: &'a [Code],
    /// Those who still write when the gate is to close are ended.
    pub kill: bool,
}

impl<'a, T: AsRef<[Code]> + ?Sized> From<&'a T> for Consent<'a> {
    fn from(overrides: &'a T) -> Self {
        Self { overrides: overrides.as_ref(), kill: false }
    }
}

impl<'a> From<&'a Plan> for Consent<'a> {
    /// What a plan was made with.
    fn from(plan: &'a Plan) -> Self {
        Self { overrides: &plan.overrides, kill: plan.ends_writers() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checker;
    use crate::model::samples::{healthy, pair};
    use crate::model::{Action, Flavour, Goal, Observed, Refusal, Sessions, Snapshot, Work, WorkKind};
    use crate::planner::plan;

    const KILL: Consent<'_> = Consent { overrides: &[], kill: true };

    fn busy(flavour: Flavour, kind: WorkKind, seconds: u64, rows: u64) -> Snapshot {
        let mut seen = healthy(flavour);
        let (account, what) = ("app@10.0.0.9".to_owned(), "UPDATE".to_owned());
        seen.nodes[0].workload.work = Observed::Known(vec![Work { kind, session: 7, account, what, seconds, rows }]);
        seen
    }

    fn swap(seen: &Snapshot, consent: Consent<'_>) -> Result<Plan, Refusal> {
        plan(&pair(), seen, &Goal::Swap(None), consent)
    }

    #[test]
    fn those_who_write_are_ended_last_before_the_gate() {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let mut pair = pair();
            pair.limits.drain = Duration::from_secs(5);
            let seen = healthy(flavour);
            let made = plan(&pair, &seen, &Goal::Swap(None), KILL).expect("a plan");
            let ids: Vec<&str> = made.steps.iter().map(|step| step.id.0.as_str()).take(4).collect();
            assert_eq!(ids, ["approach-db2", "drain-db1", "end-writers-db1", "fence-db1"]);
            assert_eq!((checker::judge(&pair, &seen, &made), checker::sound(&made)), (Ok(()), Ok(())));
            assert!(made.notes.iter().any(|note| note.contains("still write on db1")), "{:?}", made.notes);
            // it is what is reviewed: planning again with the plan's own word gives the same plan, without it another
            assert_eq!(plan(&pair, &seen, &made.goal, &made).as_ref(), Ok(&made));
            assert!(plan(&pair, &seen, &made.goal, &[]).is_ok_and(|without| !without.same_as(&made)));
        }
    }

    #[test]
    fn nobody_is_ended_where_nothing_is_closed() {
        let goal = Goal::Set("read".parse().expect("a name"), "db1".parse().expect("a name"));
        let made = plan(&pair(), &healthy(Flavour::MySql), &goal, KILL).expect("a plan");
        assert!(!made.is_empty() && !made.ends_writers());
    }

    #[test]
    fn who_is_ended_need_not_be_waited_for() {
        for (kind, seconds, rows) in [
            (WorkKind::Statement, 60, 3),
            (WorkKind::Statement, 60, 1_000_000),
            (WorkKind::Idle, 60, 1_000_000),
            (WorkKind::Ending, 60, 1_000_000),
        ] {
            let seen = busy(Flavour::MariaDb, kind, seconds, rows);
            assert!(swap(&seen, Consent::default()).is_err(), "{kind:?}");
            let made = swap(&seen, KILL).expect("a plan");
            assert_eq!(made.overrides, []);
            let warned = made.notes.iter().any(|note| note.contains("session 7") && note.contains("rollback"));
            assert_eq!(warned, rows > 100_000, "{:?}", made.notes);
            // seconds go by and rows are changed, and the plan stays the same to its last word
            assert_eq!(swap(&busy(Flavour::MariaDb, kind, seconds + 9, rows * 2), KILL), Ok(made));
        }
    }

    #[test]
    fn who_is_never_ended_is_still_in_the_way() {
        let mut above = busy(Flavour::MySql, WorkKind::Statement, 60, 3);
        let sessions = Sessions { account: "app@10.0.0.9".to_owned(), count: 1, local: false };
        above.nodes[0].workload.protected = Observed::Known(vec![sessions]);
        for seen in [
            above,
            busy(Flavour::MySql, WorkKind::Event, 60, 3),
            busy(Flavour::MySql, WorkKind::Schema, 60, 0),
            busy(Flavour::MySql, WorkKind::Backup, 60, 0),
        ] {
            assert!(swap(&seen, KILL).is_err(), "{:?}", seen.nodes[0].workload.work);
        }
    }

    #[test]
    fn a_way_back_ends_nobody() {
        let seen = healthy(Flavour::MariaDb);
        let made = swap(&seen, KILL).expect("a plan");
        let reached = made.steps.iter().position(|step| matches!(step.action, Action::Open { .. })).expect("it opens");
        for done in 0..reached {
            let mut state = seen.clone();
            for step in &made.steps[..done] {
                crate::planner::perform(&pair(), &mut state, &step.action);
            }
            let back = crate::planner::way_back(&pair(), &state, &made, crate::planner::Opened::Never, &[]);
            let back = back.expect("a way back");
            assert!(back.iter().all(|step| !matches!(step.action, Action::EndWriters { .. })), "{back:?}");
        }
    }
}
