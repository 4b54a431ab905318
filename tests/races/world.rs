//! What happens without a run doing it: clients, replication, crashes, cables, persons.

use crate::handover::mine;
use crate::laws::{Deed, Law, broken};
use crate::protocol::Protocol;
use crate::state::{At, Ghost, Id, NOBODY, State, Tool};

/// What differs between servers, as far as races go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Prepared XA transactions commit in spite of `super_read_only`.
    MySql,
    /// Before 12: administrators write in spite of `read_only`, but not of a read lock.
    MariaDb,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Every run is a planned move.
    Move,
    /// One run is `fail`, the next one `rejoin`; a planned move may have been under way.
    Death,
}

/// How much may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) flavour: Flavour,
    pub(crate) scene: Scene,
    /// Transactions of clients, three at most.
    pub(crate) writes: u8,
    /// Faults of servers, cables and operators' machines.
    pub(crate) faults: u8,
    /// Openings by hand.
    pub(crate) hands: u8,
    /// Runs, two of them at a time.
    pub(crate) runs: u8,
}

/// What is said of a step; `{n}`, `{m}` and `{t}` stand for the node, the other node and the operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) text: &'static str,
    pub(crate) node: Id,
    pub(crate) tool: Id,
}

/// A step that may be next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    pub(crate) words: Words,
    pub(crate) state: State,
    pub(crate) broke: Option<Law>,
}

/// The model: a protocol in a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) protocol: Protocol,
    pub(crate) bounds: Bounds,
}

/// The steps found so far from one state.
pub(crate) struct Steps<'a> {
    pub(crate) from: &'a State,
    pub(crate) found: &'a mut Vec<Next>,
}

impl Steps<'_> {
    pub(crate) fn add(&mut self, text: &'static str, node: Id, tool: Id, state: State, deed: Deed) {
        let broke = broken(self.from, &state, deed);
        self.found.push(Next { words: Words { text, node, tool }, state, broke });
    }

    fn world(&mut self, text: &'static str, node: Id, change: impl FnOnce(&mut State)) {
        let mut state = *self.from;
        change(&mut state);
        self.add(text, node, 0, state, Deed::World);
    }
}

/// How a pair at rest looks to the planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    Unknown,
    BothOpen,
    NoneOpen,
    AddressNowhere,
    AddressOnBoth,
    WriterElsewhere,
    PreparedXa,
    ReplicationStopped,
    Diverged,
    /// This node is the writer and has the address.
    Serves(Id),
}

impl Model {
    /// The planner's checks.
    pub(crate) fn stands(&self, s: &State) -> Stands {
        let [a, b] = &s.nodes;
        if !s.all_seen() {
            return Stands::Unknown;
        }
        let writer = match (a.open, b.open) {
            (true, true) => return Stands::BothOpen,
            (false, false) => return Stands::NoneOpen,
            (first, _) => Id::from(!first),
        };
        match (a.holds, b.holds) {
            (false, false) => return Stands::AddressNowhere,
            (true, true) => return Stands::AddressOnBoth,
            _ if !s.nodes[writer].holds => return Stands::WriterElsewhere,
            _ => {}
        }
        if self.protocol.heeds_xa && (a.xa || b.xa) {
            return Stands::PreparedXa;
        }
        if !a.receives || !b.receives {
            return Stands::ReplicationStopped;
        }
        if s.nodes[1 - writer].has & !s.nodes[writer].has != 0 {
            return Stands::Diverged;
        }
        Stands::Serves(writer)
    }

    /// Every step that may be next.
    pub(crate) fn steps(&self, s: &State, found: &mut Vec<Next>) {
        found.clear();
        let mut steps = Steps { from: s, found };
        for t in 0..2 {
            self.run(t, &mut steps);
            self.operator(t, &mut steps);
        }
        for n in 0..2 {
            self.replicates(n, &mut steps);
            self.writes(n, &mut steps);
            self.late(n, &mut steps);
            self.server(n, &mut steps);
            self.person(n, &mut steps);
        }
        if !s.link {
            steps.world("the nodes reach each other again", 0, |s| s.link = true);
        } else if s.faults > 0 && self.bounds.scene == Scene::Move {
            steps.world("the nodes do not reach each other any more", 0, |s| {
                s.link = false;
                s.faults -= 1;
            });
        }
    }

    /// The one step that comes next when nothing more goes wrong and nobody begins anything new.
    pub(crate) fn calm(&self, s: &State, found: &mut Vec<Next>) -> Option<State> {
        found.clear();
        let mut calm = *s;
        if !s.link {
            calm.link = true;
            return Some(calm);
        }
        for n in 0..2 {
            let node = &mut calm.nodes[n];
            if node.cut {
                node.cut = false;
                return Some(calm);
            }
            // whoever was declared dead is switched on by a person, when that one is ready for it
            if !node.up && !node.deposed {
                node.up = true;
                node.open = !self.protocol.boots_closed;
                node.receives |= !self.protocol.boots_quiet;
                return Some(calm);
            }
        }
        calm.faults = 0;
        let mut steps = Steps { from: &calm, found };
        for n in 0..2 {
            self.late(n, &mut steps);
            self.replicates(n, &mut steps);
        }
        for t in 0..2 {
            self.run(t, &mut steps);
        }
        let mut next = found.first()?.state;
        next.faults = s.faults;
        Some(next)
    }

    fn replicates(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let (node, peer) = (&s.nodes[n], &s.nodes[1 - n]);
        if node.up && node.relay != 0 && node.read_lock == NOBODY {
            steps.world("{n} applies a transaction of {m}", n, |s| {
                let one = lowest(s.nodes[n].relay);
                s.nodes[n].relay &= !one;
                s.nodes[n].has |= one;
            });
        }
        let new = peer.has & !(node.has | node.relay);
        if node.up && peer.up && s.link && node.receives && new != 0 {
            let mut state = *s;
            // a planned move never asks what is received and not applied: only behind a read lock it makes a difference
            if self.bounds.scene == Scene::Move && node.read_lock == NOBODY {
                state.nodes[n].has |= lowest(new);
            } else {
                state.nodes[n].relay |= lowest(new);
            }
            steps.add("{n} receives a transaction of {m}", n, 0, state, Deed::Received(n));
        }
    }

    fn writes(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let node = &s.nodes[n];
        let commit = |s: &mut State| {
            s.nodes[n].has |= 1 << s.count;
            s.count += 1;
        };
        if !node.up || s.count >= self.bounds.writes {
            return;
        }
        if node.holds && node.open && node.read_lock == NOBODY {
            let mut state = *s;
            commit(&mut state);
            steps.add("a client commits on {n}", n, 0, state, Deed::Wrote(n));
        }
        match self.bounds.flavour {
            Flavour::MySql => {
                if node.holds && node.open && !s.xa_used {
                    steps.world("a client prepares an XA transaction on {n}", n, |s| {
                        s.nodes[n].xa = true;
                        s.xa_used = true;
                    });
                }
                if node.xa {
                    let mut state = *s;
                    commit(&mut state);
                    state.nodes[n].xa = false;
                    steps.add("the XA transaction on {n} is committed", n, 0, state, Deed::Wrote(n));
                }
            }
            Flavour::MariaDb => {
                // promised only while a run's own sessions stand guard: see the end of docs/safety.md
                let stands = |t: Id| {
                    let tool = &s.tools[t];
                    (At::CatchUp..=At::Drop).contains(&tool.at)
                        && tool.target() != n
                        && mine(t) == node.lock
                        && tool.retaken & (1 << n) == 0
                };
                let guarded = stands(0) || stands(1);
                if node.holds && !node.open && node.read_lock == NOBODY && guarded {
                    let mut state = *s;
                    commit(&mut state);
                    steps.add("an administrator commits on {n} in spite of read_only", n, 0, state, Deed::Wrote(n));
                }
            }
        }
    }

    /// What is still on its way to a server, and what the server ends by itself.
    fn late(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let node = &s.nodes[n];
        if node.ghost != Ghost::None {
            if node.up {
                let mut state = *s;
                state.nodes[n].open = node.ghost == Ghost::Open;
                (state.nodes[n].ghost, state.nodes[n].ghost_of) = (Ghost::None, 0);
                if node.ghost == Ghost::Open {
                    steps.add("{n} opens: a late SET of an earlier request", n, 0, state, Deed::OpenedLate(n));
                } else {
                    steps.world("{n} closes: a late SET of an earlier request", n, |s| *s = state);
                }
            }
            steps.world("what was on its way to {n} ends without effect", n, |s| {
                (s.nodes[n].ghost, s.nodes[n].ghost_of) = (Ghost::None, 0);
            });
        }
        let Some(t) = node.lock.checked_sub(1).map(Id::from) else { return };
        // data comes before the end of a connection: an opening on its way keeps the lock of its session
        let carries = self.protocol.lays_ghosts && node.ghost == Ghost::Open && node.ghost_of == t;
        if !s.tools[t].at.runs() && !carries {
            steps.world("{n} ends the sessions that an earlier run has left", n, |s| {
                (s.nodes[n].lock, s.nodes[n].read_lock) = (NOBODY, NOBODY);
            });
        }
    }

    /// A server that is down starts, alone or with its machine. What it is then is chosen anew each time, of all that
    /// `check` does not object to: that includes every choice that is made once and for all.
    fn starts(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let node = &s.nodes[n];
        let Protocol { boots_closed, boots_bare, boots_quiet, .. } = self.protocol;
        for (open, receives) in [(false, false), (false, true), (true, false), (true, true)] {
            // whoever was declared dead receives by itself or not: it is compared before anybody follows it
            let may_receive = node.receives || node.deposed || !boots_quiet;
            if (open && boots_closed) || (receives && !may_receive) {
                continue;
            }
            let start = |s: &mut State| {
                let node = &mut s.nodes[n];
                (node.up, node.open, node.receives) = (true, open, receives);
            };
            let text = match (open, receives) {
                (false, false) => "the server of {n} starts",
                (false, true) => "the server of {n} starts, and receives",
                (true, false) => "the server of {n} starts open",
                (true, true) => "the server of {n} starts open, and receives",
            };
            steps.world(text, n, start);
            if node.holds {
                steps.world("the machine of {n} starts, without the address", n, |s| {
                    start(s);
                    s.nodes[n].holds = false;
                });
            }
            if !boots_bare {
                let text = if open {
                    "the machine of {n} starts, takes the address, and its server is open"
                } else {
                    "the machine of {n} starts, and takes the address"
                };
                steps.world(text, n, |s| {
                    start(s);
                    s.nodes[n].holds = true;
                    // some announce what they bring up
                    s.neighbours = n;
                });
            }
        }
    }

    fn server(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let node = &s.nodes[n];
        if !node.up {
            self.starts(n, steps);
        } else if s.faults > 0 {
            steps.world("the server of {n} crashes", n, |s| {
                s.forget_sessions(n);
                s.nodes[n].up = false;
                s.nodes[n].open = false;
                s.faults -= 1;
            });
        }
        if node.cut {
            steps.world("operators reach {n} again", n, |s| s.nodes[n].cut = false);
        } else if s.faults > 0 {
            steps.world("no operator reaches {n} any more", n, |s| {
                s.nodes[n].cut = true;
                s.faults -= 1;
            });
        }
    }

    /// Whom the manual tells what to do when neither node is open: see docs/safety.md.
    fn person(&self, n: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let free = |s: &State, n: Id| {
            let node = &s.nodes[n];
            !(node.xa && self.protocol.persons_heed_xa)
                && node.lock == NOBODY
                && (node.ghost == Ghost::None || !self.protocol.lays_ghosts)
        };
        let [node, peer] = [&s.nodes[n], &s.nodes[1 - n]];
        let at_rest = s.hands > 0 && s.all_seen() && free(s, 0) && free(s, 1);
        if at_rest && !node.open && !peer.open && node.holds && peer.has & !node.has == 0 && !node.deposed {
            steps.world("a person opens {n} by hand", n, |s| {
                s.nodes[n].open = true;
                s.hands -= 1;
            });
        }
    }

    /// What becomes of an operator and of the run, from outside.
    fn operator(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let tool = &s.tools[t];
        if tool.at.runs() {
            if s.faults > 0 {
                let mut state = *s;
                state.tools[t] = Tool::ended(At::Dead);
                state.faults -= 1;
                steps.add("operator {t}: the run is killed", 0, t, state, Deed::World);
                let mine = mine(t);
                if s.nodes.iter().any(|node| node.lock == mine) {
                    let mut state = *s;
                    for n in 0..2 {
                        if state.nodes[n].lock == mine {
                            state.forget_sessions(n);
                        }
                    }
                    state.faults -= 1;
                    let text = "operator {t}: the machine sleeps until the servers have ended the run's sessions";
                    steps.add(text, 0, t, state, Deed::World);
                }
            }
            return;
        }
        // the operators are alike until one has begun
        if s.runs > 0 && (t == 0 || s.tools[0].at != At::Idle) {
            self.begin(t, steps);
        }
    }
}

fn lowest(set: u8) -> u8 {
    set & set.wrapping_neg()
}
