//! Everything a plan says to the nodes, word for word.

use serde_json::{Value, json};

use super::describe;
use crate::dialect::{self, Spelled};
use crate::model::{Limits, Plan, printable};

/// Step by step: where it goes, and what is said there. Lines are as long as what is said.
#[must_use]
pub fn text(plan: &Plan, limits: &Limits, said: &[Vec<Spelled>]) -> String {
    let mut out = format!("Dry run: {} of pair {}. Nothing was changed.\n", plan.goal, plan.pair);
    out += "\nFirst, on both nodes, the lock against a second operator; then everything is looked at again.\n";
    out += &format!("   {:<12}  {}\n", "both sql", dialect::lock(limits.lock_silence()));
    out += "Before an address leaves a node, announcements that an earlier move has left behind there are ended.\n";
    out += &format!("   {:<12}  {}\n", "both ssh", hush(plan));
    for (at, (step, said)) in plan.steps.iter().zip(said).enumerate() {
        out += &format!("\n{}. {}: {}\n", at + 1, step.id, describe::sentence(&step.action));
        for one in said {
            let (to, what) = place(one);
            out += &format!("   {to:<12}  {}\n", printable(&what));
        }
    }
    out += "\nLast, on both nodes:\n";
    out += &format!("   {:<12}  {}\n", "both sql", dialect::unlock());
    out += "\nIn angle brackets: what is known only at that moment.\n";
    out
}

fn hush(plan: &Plan) -> String {
    let addresses: Vec<_> = plan.basis.roles.iter().map(|(_, address, _)| *address).collect();
    dialect::hush(&addresses).to_string()
}

fn place(said: &Spelled) -> (String, String) {
    match said {
        Spelled::Sql(node, text) => (format!("{node} sql"), text.clone()),
        Spelled::Ssh(node, text) => (format!("{node} ssh"), text.clone()),
        Spelled::Connect(to, text) => ("from here".to_owned(), format!("connect to {to}: {text}")),
        Spelled::Here(text) => ("here".to_owned(), text.clone()),
    }
}

/// The same for programs.
#[must_use]
pub fn json(plan: &Plan, limits: &Limits, said: &[Vec<Spelled>]) -> Value {
    let step = |(step, said): (&crate::model::Step, &Vec<Spelled>)| {
        let one = |one: &Spelled| match one {
            Spelled::Sql(node, text) => json!({ "node": node.as_str(), "channel": "sql", "text": text }),
            Spelled::Ssh(node, text) => json!({ "node": node.as_str(), "channel": "ssh", "text": text }),
            Spelled::Connect(to, text) => json!({ "address": to, "channel": "connect", "text": text }),
            Spelled::Here(text) => json!({ "channel": "program", "text": text }),
        };
        json!({ "step": step.id.0, "says": said.iter().map(one).collect::<Vec<_>>() })
    };
    json!({
        "type": "dry-run",
        "format": 1,
        "pair": plan.pair.as_str(),
        "goal": plan.goal.to_string(),
        "lock": dialect::lock(limits.lock_silence()).to_string(),
        "hush": hush(plan),
        "unlock": dialect::unlock().to_string(),
        "steps": plan.steps.iter().zip(said).map(step).collect::<Vec<_>>(),
    })
}
