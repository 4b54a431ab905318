//! A plan as a graph: its steps by number, what must come before what, and the stretches between which writes stop
//! and start.

use std::collections::BTreeSet;

use super::plan::Marks;
use crate::model::{Plan, Rule};

/// One step before another. Steps are counted from 1, as in every picture of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The rules that say so, at least one.
    pub(super) rules: Vec<Rule>,
    /// Other edges lead there too: it could be left out without changing the order.
    pub(super) implied: bool,
}

/// What comes before what, by the later step and then by the earlier one.
pub(super) fn edges(plan: &Plan) -> Vec<Edge> {
    let mut edges: Vec<Edge> = vec![];
    for (at, step) in plan.steps.iter().enumerate() {
        for (before, rule) in &step.after {
            let Some(from) = plan.steps.iter().take(at).position(|step| step.id == *before) else { continue };
            match edges.iter_mut().find(|edge| (edge.from, edge.to) == (from + 1, at + 1)) {
                Some(edge) if edge.rules.contains(rule) => {}
                Some(edge) => edge.rules.push(*rule),
                None => edges.push(Edge { from: from + 1, to: at + 1, rules: vec![*rule], implied: false }),
            }
        }
    }
    edges.sort_by_key(|edge| (edge.to, edge.from));
    let ways = Ways::of(plan.steps.len(), &edges);
    for edge in &mut edges {
        edge.implied = (edge.from + 1..edge.to).any(|over| ways.lead(edge.from, over) && ways.lead(over, edge.to));
    }
    edges
}

/// For each step, those that lead to it over any number of edges.
struct Ways(Vec<BTreeSet<usize>>);

impl Ways {
    /// Edges lead from smaller numbers to larger ones and are sorted by where they end: one pass is enough.
    fn of(steps: usize, edges: &[Edge]) -> Self {
        let mut before = vec![BTreeSet::new(); steps + 1];
        for edge in edges {
            let far = before[edge.from].clone();
            before[edge.to].extend(far);
            before[edge.to].insert(edge.from);
        }
        Self(before)
    }

    fn lead(&self, from: usize, to: usize) -> bool {
        self.0[to].contains(&from)
    }
}

/// The rules of a plan in the order in which they first appear.
pub(super) fn rules(plan: &Plan) -> Vec<Rule> {
    let mut rules = vec![];
    for rule in plan.steps.iter().flat_map(|step| &step.after).map(|(_, rule)| *rule) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// A stretch of steps in which the same holds for whoever writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) title: String,
    /// First and last step.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Nobody can write.
    pub(super) out: bool,
}

/// The stretches of a plan, in order; none is empty.
pub(super) fn phases(plan: &Plan) -> Vec<Phase> {
    let last = plan.steps.len();
    let marks = Marks::of(plan);
    let phase = |title: &str, from: usize, to: usize, out: bool| Phase { title: title.to_owned(), from, to, out };
    let writer = |number: usize| {
        let step = number.checked_sub(1).and_then(|at| plan.steps.get(at));
        step.map_or_else(String::new, |step| format!("Clients write to {}", step.action.node()))
    };
    let all = match (marks.outage, marks.closed, marks.opens) {
        (Some((from, to)), _, _) => vec![
            phase("Writes still flow", 1, from.saturating_sub(1), false),
            phase("Writes are out", from, to, true),
            phase(&writer(to), to + 1, last, false),
        ],
        (None, Some(from), _) => vec![
            phase("Writes still flow", 1, from.saturating_sub(1), false),
            phase("Nobody can write", from, last, true),
        ],
        (None, None, Some(to)) => {
            vec![phase("Writes are out already", 1, to, true), phase(&writer(to), to + 1, last, false)]
        }
        (None, None, None) => vec![phase("The writer is left alone", 1, last, false)],
    };
    all.into_iter().filter(|phase| phase.from <= phase.to).collect()
}
