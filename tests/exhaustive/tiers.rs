//! Which worlds are enumerated.
//!
//! The product of everything that can vary is far beyond reach (some 10^8 worlds), and most of it says nothing new:
//! what is unknown or wrong in one place does not depend on what is wrong in another. So four products are taken in
//! full: who is open, where every address is and who is ahead, with all that cannot be seen of these (`structure`);
//! replication both ways (`links`); the other facts (`facts`); other sets of roles (`shapes`). Of two worlds that differ
//! only in which node is named first, one is mostly enough: that the planner does not care is itself tried with every
//! plan. What `links` and `facts` vary has nothing to do with how a server is fenced: one kind of servers does.

use flipper::model::WriteAccess::{self, Changing, Fenced, Guarded, Open};

use super::domain::{Kind, Link, Node, Shape, Some3, Vary, World};

const ACCESS: [Option<WriteAccess>; 5] = [Some(Open), Some(Guarded), Some(Fenced), Some(Changing), None];
const HOLDS: [Option<u8>; 5] = [Some(0), Some(1), Some(2), Some(3), None];
const EVERY: [Some3; 3] = [Some3::None, Some3::Some, Some3::Unknown];
const LINKS: [Link; 7] =
    [Link::Runs, Link::Stopped, Link::Lags, Link::Delayed, Link::Filtered, Link::Nobody, Link::Unknown];

/// Nothing varies.
const STILL: Vary<'static> = Vary {
    access: &[],
    holds: &[],
    link: &[Link::Runs],
    ahead: &[Some3::None],
    xa: &[Some3::None],
    settings: &[true],
    system: &[true],
};

/// What a debug build leaves out: it is ten times slower, and there to find a mistake quickly, not to prove anything.
const SMALL: bool = cfg!(debug_assertions);

fn product(kinds: &[Kind], shape: Shape, nodes: &[Node], half: bool) -> Vec<World> {
    let mut worlds = vec![];
    for &kind in kinds {
        for (i, &first) in nodes.iter().enumerate() {
            let others = if half { &nodes[i..] } else { nodes };
            worlds.extend(others.iter().map(|&second| World { kind, shape, nodes: [first, second] }));
        }
    }
    worlds
}

fn few(all: Vec<World>, of: usize) -> Vec<World> {
    all.into_iter().step_by(if SMALL { of } else { 1 }).collect()
}

/// Who is open, who holds what, who is ahead.
pub(crate) fn structure() -> Vec<World> {
    let vary = Vary { access: &ACCESS, holds: &HOLDS, ahead: &EVERY, ..STILL };
    let nodes = vary.nodes();
    let mut worlds = product(&[Kind::MariaDb], Shape::Both, &nodes, false);
    worlds.extend(product(&[Kind::MySql], Shape::Both, &nodes, true));
    few(worlds, 101)
}

/// Replication both ways.
pub(crate) fn links() -> Vec<World> {
    let vary = Vary { access: &ACCESS[..3], holds: &HOLDS[..4], link: &LINKS, ahead: &EVERY[..2], ..STILL };
    few(product(&[Kind::MariaDb], Shape::Both, &vary.nodes(), true), 509)
}

/// Prepared transactions, settings, systems.
pub(crate) fn facts() -> Vec<World> {
    let known = [true, false];
    let vary = Vary { access: &ACCESS[..3], holds: &HOLDS[..4], xa: &EVERY, settings: &known, system: &known, ..STILL };
    few(product(&[Kind::MySql], Shape::Both, &vary.nodes(), true), 509)
}

/// Pairs with other roles. Three of them are moved under a read lock, which orders more than any other kind.
pub(crate) fn shapes() -> Vec<World> {
    let three: Vec<Option<u8>> = (0..8).map(Some).collect();
    let mut worlds = vec![];
    let vary = Vary { access: &[Some(Open), Some(Fenced)], holds: &three, ..STILL };
    worlds.extend(product(&[Kind::MariaDb], Shape::Three, &vary.nodes(), true));
    for shape in [Shape::WriteOnly, Shape::ReadOnly] {
        let vary = Vary { access: &ACCESS[..3], holds: &three[..2], ..STILL };
        worlds.extend(product(&[Kind::MySql, Kind::MariaDb, Kind::MariaDb12], shape, &vary.nodes(), false));
    }
    let vary = Vary { access: &ACCESS[..3], holds: &HOLDS[..4], ..STILL };
    worlds.extend(product(&[Kind::MariaDb12], Shape::Both, &vary.nodes(), false));
    few(worlds, 31)
}
