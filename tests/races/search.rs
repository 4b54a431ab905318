//! Breadth first: every state that can be reached, each once, so that the first trace to anything is the shortest.

use crate::laws::Law;
use crate::protocol::Protocol;
use crate::state::{At, State};
use crate::world::{Bounds, Model, Next, Stands, Words};

/// States by number, in the order in which they were found.
struct Seen {
    states: Vec<u128>,
    /// From which state each was found.
    parents: Vec<u32>,
    /// Open addressing; a number plus one, or 0.
    slots: Vec<u32>,
}

impl Seen {
    fn new() -> Self {
        Self { states: vec![], parents: vec![], slots: vec![0; 1 << 16] }
    }

    fn slot(&self, state: u128) -> usize {
        // the bits of a state are far from random: both halves are stirred
        let [low, high] = [state as u64, (state >> 64) as u64];
        let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_add(high).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mask = self.slots.len() - 1;
        let mut at = (mixed >> 20) as usize & mask;
        while self.slots[at] != 0 && self.states[self.slots[at] as usize - 1] != state {
            at = (at + 1) & mask;
        }
        at
    }

    fn number(&self, state: u128) -> Option<u32> {
        self.slots[self.slot(state)].checked_sub(1)
    }

    /// Whether it is new.
    fn add(&mut self, state: u128, parent: u32) -> bool {
        if self.states.len() * 2 >= self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            for number in 0..self.states.len() {
                let at = self.slot(self.states[number]);
                self.slots[at] = number as u32 + 1;
            }
        }
        let at = self.slot(state);
        if self.slots[at] != 0 {
            return false;
        }
        self.states.push(state);
        self.parents.push(parent);
        self.slots[at] = self.states.len() as u32;
        true
    }
}

/// What a search found.
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) depth: usize,
    /// The first broken law, and how it came to that.
    pub(crate) broken: Option<(Law, Vec<String>)>,
    /// The shortest way to each end of a run.
    pub(crate) ends: Vec<(At, usize)>,
    /// How the pair can stand when it is left alone.
    pub(crate) rests: Vec<(Stands, usize)>,
}

/// Walks through everything, or to the first step that breaks `wanted`; any law where that is none in particular.
pub(crate) fn search(protocol: Protocol, bounds: Bounds, wanted: Option<Law>) -> Found {
    let model = Model { protocol, bounds };
    let mut seen = Seen::new();
    seen.add(State::new(bounds.faults, bounds.hands, bounds.runs).pack(), 0);
    let mut found = Found { states: 0, transitions: 0, depth: 0, broken: None, ends: vec![], rests: vec![] };
    let mut next: Vec<Next> = vec![];
    let (mut at, mut level_ends) = (0, 1);
    while at < seen.states.len() {
        if at == level_ends {
            found.depth += 1;
            level_ends = seen.states.len();
        }
        let state = State::unpack(seen.states[at]);
        model.steps(&state, &mut next);
        found.transitions += next.len();
        for step in &next {
            if let Some(law) = step.broke.filter(|law| wanted.is_none_or(|wanted| wanted == *law)) {
                found.states = seen.states.len();
                found.broken = Some((law, trace(&model, &seen, at as u32, Some(step.words))));
                return found;
            }
            if seen.add(step.state.pack(), at as u32) {
                for tool in &step.state.tools {
                    if tool.at > At::Dead && !found.ends.iter().any(|(end, _)| *end == tool.at) {
                        found.ends.push((tool.at, found.depth + 1));
                    }
                }
            }
        }
        at += 1;
    }
    found.states = seen.states.len();
    if wanted.is_none() {
        found.broken = settles(&model, &seen, &mut found.rests);
    }
    found
}

/// From every state on, left alone: each run ends, and never with two open nodes, or two histories.
fn settles(model: &Model, seen: &Seen, rests: &mut Vec<(Stands, usize)>) -> Option<(Law, Vec<String>)> {
    /// Not walked yet; on the walk that is under way.
    const NEW: u32 = 0;
    let mut walk = vec![NEW; seen.states.len()];
    let mut next = vec![];
    for start in 0..seen.states.len() {
        let mut at = start;
        let mark = start as u32 + 1;
        loop {
            if walk[at] == mark {
                return Some((Law::Ends, trace(model, seen, at as u32, None)));
            }
            if walk[at] != NEW {
                break;
            }
            walk[at] = mark;
            let state = State::unpack(seen.states[at]);
            let Some(calm) = model.calm(&state, &mut next) else {
                if state.tools.iter().any(|tool| tool.at.runs()) {
                    return Some((Law::Ends, trace(model, seen, at as u32, None)));
                }
                let stands = model.stands(&state);
                if matches!(stands, Stands::BothOpen | Stands::Diverged) {
                    return Some((Law::Settled, trace(model, seen, at as u32, None)));
                }
                match rests.iter_mut().find(|(rest, _)| *rest == stands) {
                    Some((_, times)) => *times += 1,
                    None => rests.push((stands, 1)),
                }
                break;
            };
            // a calm step is one of the steps of the search, so that it leads to a state that was found
            let Some(number) = seen.number(calm.pack()) else {
                return Some((Law::Ends, trace(model, seen, at as u32, None)));
            };
            at = number as usize;
        }
    }
    None
}

/// The steps from the beginning to a state, and one more.
fn trace(model: &Model, seen: &Seen, to: u32, last: Option<Words>) -> Vec<String> {
    let mut way = vec![to];
    while let Some(&at) = way.last().filter(|at| **at != 0) {
        way.push(seen.parents[at as usize]);
    }
    way.reverse();
    let mut told = vec![];
    let mut next = vec![];
    for pair in way.windows(2) {
        let [from, to] = [pair[0], pair[1]].map(|at| State::unpack(seen.states[at as usize]));
        model.steps(&from, &mut next);
        let words = next.iter().find(|next| next.state == to).map(|next| next.words);
        told.push(words.map_or_else(|| "?".to_owned(), said));
    }
    told.extend(last.map(said));
    told
}

fn said(words: Words) -> String {
    let name = |n: usize| if n == 0 { "db1" } else { "db2" };
    let operator = if words.tool == 0 { "1" } else { "2" };
    let text = words.text.replace("{n}", name(words.node)).replace("{m}", name(1 - words.node));
    text.replace("{t}", operator)
}
