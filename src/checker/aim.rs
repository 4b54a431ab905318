//! What a plan is to lead to, by its goal, its `before` and its `after`.

use super::facts::{At, Facts, Mode, other};
use super::{Invariant, Violation, broken};
use crate::model::{Assignment, Goal, Plan};

/// Where a role is to be in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    On(At),
    Nowhere,
    /// The goal is not about it.
    AsItIs,
}

/// Who is to accept writes in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    Only(At),
    Nobody,
    /// The goal is not about it.
    AsItIs,
}

#[derive(Debug)]
pub(super) struct Aim {
    pub(super) roles: Vec<Place>,
    pub(super) writer: Writer,
    /// The one writer of the start, where another one is to follow it: from its fence on nobody can write.
    pub(super) gives_way: Option<At>,
    /// These are steps after a failure, not a plan of their own.
    pub(super) way: bool,
    /// The node that is declared dead.
    pub(super) dead: Option<At>,
    /// The node that has come back.
    pub(super) back: Option<At>,
    /// Which addresses the nodes had when the steps began.
    pub(super) held: [u64; 2],
}

impl Aim {
    pub(super) fn plan(facts: &Facts, plan: &Plan) -> Result<Self, Vec<Violation>> {
        let mut found = vec![];
        let mut roles = vec![];
        for (i, role) in facts.roles.iter().enumerate() {
            let sole = match facts.holders(i)[..] {
                [at] => Some(at),
                _ => None,
            };
            let side = |assignment: &Assignment| assignment.holder(&role.name).map(|name| facts.at(name));
            let (before, after) = (side(&plan.before), side(&plan.after));
            if before != sole.map(Some) {
                found.push(broken(Invariant::WellFormed, "`before` is not where the roles are"));
            }
            let place = match after {
                None => Place::Nowhere,
                Some(Some(at)) => Place::On(at),
                Some(None) => {
                    found.push(broken(Invariant::WellFormed, "`after` names a node that is not of the pair"));
                    continue;
                }
            };
            match wanted(facts, &plan.goal, i) {
                Ok(Place::AsItIs) if after == before => roles.push(Place::AsItIs),
                Ok(Place::AsItIs) => {
                    found.push(broken(Invariant::LeastAction, "a role is to move that the goal is not about"));
                }
                Ok(asked) if asked == place => roles.push(place),
                // a plan file does not say what could be seen of a dead node: its machine may have shown the role nowhere
                Ok(_) if after == before && facts.nodes.iter().any(|node| node.gone && node.unsaid) => {
                    roles.push(Place::AsItIs);
                }
                Ok(_) => found.push(broken(Invariant::Goal, "`after` is not what the goal asks for")),
                Err(what) => found.push(broken(Invariant::Goal, what)),
            }
        }
        if plan.before.0.len() != facts.roles.len() || plan.after.0.len() != facts.roles.len() {
            found.push(broken(Invariant::WellFormed, "`before` and `after` are not about the pair's roles"));
        }
        if !found.is_empty() {
            return Err(found);
        }
        let (dead, back) = named(facts, &plan.goal);
        let writer = match facts.write_role().and_then(|role| roles.get(role)) {
            _ if back.is_some() => back.map_or(Writer::AsItIs, |back| Writer::Only(other(back))),
            Some(Place::On(at)) => Writer::Only(*at),
            Some(Place::Nowhere) => Writer::Nobody,
            Some(Place::AsItIs) | None => Writer::AsItIs,
        };
        let gives_way = facts.sole_writer().filter(|at| writer == Writer::Only(other(*at)));
        Ok(Self { roles, writer, gives_way, way: false, dead, back, held: facts.holds() })
    }

    /// Steps after a failure, towards an assignment.
    pub(super) fn way(facts: &Facts, goal: &Goal, after: &Assignment) -> Self {
        let place = |role: &super::facts::Role| {
            let at = after.holder(&role.name).and_then(|name| facts.at(name));
            at.map_or(Place::Nowhere, Place::On)
        };
        let roles = facts.roles.iter().map(place).collect();
        let (dead, back) = named(facts, goal);
        Self { roles, writer: Writer::AsItIs, gives_way: None, way: true, dead, back, held: [0, 0] }
    }

    pub(super) fn begins_at(&mut self, held: [u64; 2]) {
        self.held = held;
    }

    pub(super) fn place(&self, role: usize) -> Place {
        self.roles.get(role).copied().unwrap_or(Place::AsItIs)
    }

    /// A node is to stop accepting writes.
    pub(super) fn closes(&self, at: At) -> bool {
        self.way || matches!(self.writer, Writer::Nobody) || self.writer == Writer::Only(other(at))
    }

    /// A node is to accept writes.
    pub(super) fn opens(&self, at: At) -> bool {
        self.way || self.writer == Writer::Only(at)
    }
}

/// The node that a goal declares dead, or says to be back.
fn named(facts: &Facts, goal: &Goal) -> (Option<At>, Option<At>) {
    match goal {
        Goal::Fail(node) => (facts.at(node), None),
        Goal::Rejoin(node) => (None, facts.at(node)),
        Goal::Swap(_) | Goal::Set(..) | Goal::Drain(_) | Goal::Down(_) | Goal::Up(..) | Goal::Assign(_) => (None, None),
    }
}

/// Where the goal wants a role.
fn wanted(facts: &Facts, goal: &Goal, role: usize) -> Result<Place, &'static str> {
    let of_pair = "the goal names a node that is not of the pair";
    let Some(this) = facts.roles.get(role) else { return Err("a role that the pair has not") };
    let holders = facts.holders(role);
    match goal {
        Goal::Swap(Some(name)) if *name != this.name => Ok(Place::AsItIs),
        Goal::Swap(named) => match (&holders[..], named) {
            ([at], _) => Ok(Place::On(other(*at))),
            ([], None) => Ok(Place::AsItIs),
            _ => Err("the other node has no meaning for a role that is on both or on neither"),
        },
        Goal::Set(name, node) | Goal::Up(name, node) if *name == this.name => {
            facts.at(node).map(Place::On).ok_or(of_pair)
        }
        Goal::Down(name) if *name == this.name => Ok(Place::Nowhere),
        Goal::Drain(node) => {
            let at = facts.at(node).ok_or(of_pair)?;
            let open = this.writes && facts.nodes[at].mode == Mode::Open;
            match &holders[..] {
                [only] if *only != at && !open => Ok(Place::AsItIs),
                [] if !open => Ok(Place::AsItIs),
                // a writer that nobody reaches by the address is closed, and stays so
                [] => Ok(Place::Nowhere),
                _ => Ok(Place::On(other(at))),
            }
        }
        Goal::Fail(node) => {
            let dead = facts.at(node).ok_or(of_pair)?;
            let survivor = other(dead);
            let there = holders.contains(&survivor);
            let closed = this.writes && there && facts.nodes[survivor].mode != Mode::Open;
            let inherits = if facts.nodes[dead].blind { !there } else { holders.contains(&dead) };
            // a plan file does not say what nobody could see
            let perhaps = facts.nodes[dead].unsaid && !there;
            Ok(if inherits || closed || perhaps { Place::On(survivor) } else { Place::AsItIs })
        }
        Goal::Rejoin(node) => {
            let back = facts.at(node).ok_or(of_pair)?;
            Ok(if holders.contains(&back) { Place::On(other(back)) } else { Place::AsItIs })
        }
        Goal::Assign(wanted) => match wanted.0.get(&this.name) {
            Some(Some(node)) => facts.at(node).map(Place::On).ok_or(of_pair),
            Some(None) => Ok(Place::Nowhere),
            None => Ok(Place::AsItIs),
        },
        Goal::Set(..) | Goal::Up(..) | Goal::Down(_) => Ok(Place::AsItIs),
    }
}
