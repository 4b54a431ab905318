//! What to look at when a run is over: for somebody who is awake because of it, and wants to go back to bed.

use super::WIDTH;
use super::wrap::hang;
use crate::model::{Action, Goal, Isolation, Plan, WriteAccess, printable};

/// After a run that has reached its goal.
#[must_use]
pub fn done(plan: &Plan) -> Vec<String> {
    let pair = &plan.pair;
    // there is nobody to replicate from, and what matters is that the dead one stays away
    let mut all = match &plan.goal {
        Goal::Fail(dead) => vec![
            format!("your applications' errors: clients that are connected to {dead} itself, not to a role's address"),
            format!(
                "{dead} before it is connected again: `flipper plan {pair} rejoin {dead}` says what it has of its own{}",
                match plan.steps.iter().any(|step| matches!(step.action, Action::Isolate { how: Isolation::Shell, .. }))
                {
                    true =>
                        "; for its server to start, `systemctl unmask --runtime` its unit there, or restart the machine",
                    false => "",
                }
            ),
        ],
        _ => vec![format!("`flipper status {pair}`: replication runs both ways, and nobody is behind")],
    };
    let closed = plan.closing().map(|step| step.action.node());
    if let Some(old) = closed {
        all.push(format!(
            "`flipper check {pair}`: what has not moved along (scheduled events, settings), and what a restart would change: \
             {old} is read-only as it runs, no option file was touched"
        ));
        all.push(format!(
            "your applications' errors: 1290 is a client that is connected to {old} itself instead of the role's address"
        ));
    }
    if plan.ends_writers() {
        all.push(format!(
            "whoever was ended has lost what it had not committed: `flipper history {pair}` has the list"
        ));
    }
    if plan.hands_over_from().is_some() {
        all.push(format!(
            "replicas outside the pair: `flipper history {pair}` has both positions, before and after, to point them by"
        ));
    } else if let (Some(_), Goal::Down(role)) = (closed, &plan.goal) {
        all.push(format!("nobody can write until `flipper apply {pair} up {role} NODE`"));
    }
    all
}

/// After a run that has left everything as it was. `met`: sessions that write were listed.
#[must_use]
pub fn back(plan: &Plan, met: bool) -> Vec<String> {
    let pair = &plan.pair;
    let mut all = vec![format!("`flipper status {pair}`: nothing has moved, and no transaction is lost")];
    let writes = plan.closing().is_some() && plan.basis.nodes.iter().any(|node| node.access == WriteAccess::Open);
    if met && writes && !plan.ends_writers() {
        all.push(
            "who writes was in the way, and is listed above: wait for them, give them time by `limits.drain`, or have them \
             ended by `--kill`"
                .to_owned(),
        );
    }
    if plan.steps.iter().any(|step| matches!(step.action, Action::EndWriters { .. })) {
        all.push("sessions that were ended stay ended; what they had not committed is rolled back".to_owned());
    }
    match &plan.goal {
        Goal::Assign(_) => all.push("when the cause is gone: the same command again".to_owned()),
        goal => all.push(format!("when the cause is gone: `flipper apply {pair} {goal}`, or plan it again")),
    }
    all
}

/// A line or two each; nothing where there is nothing to check.
#[must_use]
pub fn text(lines: &[String]) -> String {
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if at == 0 {
            out += "Check next:\n";
        }
        out += &hang("  - ", &printable(line), WIDTH);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flavour;
    use crate::model::samples::{healthy, pair};
    use crate::planner::{self, Consent};

    fn planned(goal: &Goal, kill: bool) -> Plan {
        planner::plan(&pair(), &healthy(Flavour::MySql), goal, Consent { overrides: &[], kill }).expect("a plan")
    }

    #[test]
    fn each_end_has_its_own_list() {
        let swap = planned(&Goal::Swap(None), true);
        let said = text(&done(&swap));
        for words in ["flipper status orders", "flipper history orders", "db1 itself", "has lost"] {
            assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "no `{words}`: {said}");
        }
        assert!(said.lines().all(|line| line.chars().count() <= WIDTH), "{said}");
        let read = planned(&Goal::Set("read".parse().expect("a name"), "db1".parse().expect("a name")), false);
        assert_eq!(done(&read).len(), 1, "readers only: {:?}", done(&read));
        let dead = Plan { goal: Goal::Fail("db1".parse().expect("a name")), ..swap.clone() };
        let said = done(&dead).concat();
        assert!(said.contains("rejoin db1") && !said.contains("replication runs both ways"), "{said}");
        let down = planned(&Goal::Down("write".parse().expect("a name")), false);
        assert!(done(&down).iter().any(|line| line.contains("up write NODE")), "{:?}", done(&down));
        let plain = planned(&Goal::Swap(None), false);
        assert!(back(&plain, true).iter().any(|line| line.contains("--kill")));
        assert!(!back(&plain, false).iter().any(|line| line.contains("above")), "nobody was listed");
        assert!(!back(&swap, true).iter().any(|line| line.contains("--kill")));
        assert_eq!(text(&[]), "");
    }
}
