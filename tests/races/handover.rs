//! The steps of a planned move, as `planner/order.rs` puts them and `effect` performs them.
//!
//! Left out, because nothing relies on them: `approach`, `drain`, `end-sessions`. They cost or save time.

use crate::laws::Deed;
use crate::state::{At, Ghost, Id, NOBODY, Opening, State, Tool};
use crate::world::{Model, Scene, Stands, Steps};

/// What a run hears of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Done,
    Refused,
    Nothing,
}

/// How a run's lock is kept.
pub(crate) fn mine(t: Id) -> u8 {
    u8::from(t == 1) + 1
}

impl Model {
    /// The run's session on this server is there and can be reached.
    pub(crate) fn talks(&self, s: &State, t: Id, n: Id) -> bool {
        s.seen(n) && (!self.protocol.locks || s.nodes[n].lock == mine(t))
    }

    /// The lock has been the run's own on one of the servers all the time: nobody else can have had both.
    pub(crate) fn unbroken(&self, s: &State, t: Id) -> bool {
        !self.protocol.locks || (0..2).any(|n| s.nodes[n].lock == mine(t) && s.tools[t].retaken & (1 << n) == 0)
    }

    /// Tells a server to open or close: everything that may come of it, and what the run hears.
    pub(crate) fn set(&self, s: &State, t: Id, n: Id, open: bool) -> Vec<(State, Heard, &'static str)> {
        let mut done = *s;
        done.nodes[n].open = open;
        let ghost = if open { Ghost::Open } else { Ghost::Close };
        let mut late = *s;
        (late.nodes[n].ghost, late.nodes[n].ghost_of) = (ghost, t);
        let session = s.nodes[n].up && (!self.protocol.locks || s.nodes[n].lock == mine(t));
        let may_wait = session && s.nodes[n].ghost == Ghost::None;
        let mut all = vec![];
        if self.talks(s, t, n) {
            all.push((done, Heard::Done, "done"));
            if s.faults > 0 {
                let fault = |mut s: State| {
                    s.faults -= 1;
                    s
                };
                all.push((fault(*s), Heard::Refused, "refused"));
                all.push((fault(done), Heard::Nothing, "done, but the answer is lost"));
                if may_wait {
                    all.push((fault(late), Heard::Nothing, "no answer, and it is still on its way"));
                }
            }
        } else {
            all.push((*s, Heard::Nothing, "no answer, and it never arrives"));
            if may_wait {
                all.push((late, Heard::Nothing, "no answer, and it is still on its way"));
            }
        }
        all
    }

    /// A run is started: it looks, and plans.
    pub(crate) fn begin(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        state.runs -= 1;
        state.tools[t] = Tool::ended(At::Idle);
        if self.bounds.scene == Scene::Death && self.begin_death(t, state, steps) {
            return;
        }
        match self.stands(s) {
            Stands::Serves(writer) => {
                state.tools[t].at = At::Planned;
                state.tools[t].to = 1 - writer;
                steps.add("operator {t}: flipper plans a swap to {n}", 1 - writer, t, state, Deed::Looked);
            }
            _ => {
                state.tools[t].at = At::Refused;
                steps.add("operator {t}: flipper refuses to plan", 0, t, state, Deed::Looked);
            }
        }
    }

    /// The next step of a run that is under way.
    pub(crate) fn run(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let tool = &s.tools[t];
        let to = tool.target();
        let from = 1 - to;
        match tool.at {
            At::Planned => self.lock(t, 0, At::SecondLock, steps),
            At::SecondLock => self.lock(t, 1, At::Look, steps),
            At::Look => self.look(t, steps),
            At::EarlyTake => self.take(t, to, steps),
            At::EarlyRead => {
                let mut state = *s;
                state.tools[t].position = s.nodes[from].has;
                state.tools[t].at = At::Fence;
                steps.add("operator {t}: reads the position of {n}", from, t, state, Deed::Looked);
            }
            At::Fence => self.fence(t, from, steps),
            At::CatchUp => self.catch_up(t, to, steps),
            At::Check => self.check(t, from, to, steps),
            At::Open => self.open(t, to, steps),
            At::EarlyRelease | At::Release => self.release(t, from, steps),
            At::Take => self.take(t, to, steps),
            At::Drop => self.drop(t, from, to, steps),
            At::Announce => self.announce(t, to, steps),
            At::Verify => self.verify(t, to, steps),
            At::Reopen | At::ReopenAnew => self.reopen(t, steps),
            At::Back => self.back(t, steps),
            At::Undecided => self.undecided(t, steps),
            At::Forward => self.forward(t, steps),
            At::TurnRound => self.turn_round(t, steps),
            At::FailFence
            | At::FailLock
            | At::FailStop
            | At::FailDrain
            | At::FailOpen
            | At::FailTake
            | At::JoinLock
            | At::JoinCompare
            | At::JoinStart
            | At::JoinWait
            | At::JoinBoth => self.death(t, steps),
            _ => {}
        }
    }

    /// Ends a run: it lets go of what it can reach.
    pub(crate) fn end(&self, state: &State, t: Id, at: At) -> State {
        let mut state = *state;
        state.tools[t] = Tool::ended(at);
        for node in &mut state.nodes {
            if node.lock == mine(t) && node.up && !node.cut && node.ghost == Ghost::None {
                (node.lock, node.read_lock) = (NOBODY, NOBODY);
            }
        }
        state
    }

    fn lock(&self, t: Id, n: Id, then: At, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        state.tools[t].at = then;
        if !self.protocol.locks {
            steps.add("operator {t}: goes on without a lock", n, t, state, Deed::Looked);
        } else if s.seen(n) && s.nodes[n].lock == NOBODY {
            state.nodes[n].lock = mine(t);
            steps.add("operator {t}: has the lock on {n}", n, t, state, Deed::Looked);
        } else {
            let state = self.end(s, t, At::LockedOut);
            steps.add("operator {t}: does not get the lock on {n}, and ends", n, t, state, Deed::Looked);
        }
    }

    fn look(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let to = s.tools[t].to;
        let mut state = *s;
        state.tools[t].at = match self.protocol {
            p if !p.takes_last => At::EarlyTake,
            p if !p.reads_after_fence => At::EarlyRead,
            p if !p.announces_last => At::Announce,
            _ => At::Fence,
        };
        if !self.protocol.looks_again {
            steps.add("operator {t}: does not look again", 0, t, state, Deed::Looked);
            return;
        }
        match self.stands(s) {
            Stands::Serves(writer) if writer != to => {
                steps.add("operator {t}: looks again under the locks: still the plan", 0, t, state, Deed::Looked);
            }
            Stands::Serves(_) => {
                let state = self.end(s, t, At::Stale);
                steps.add("operator {t}: looks again: the plan is stale", 0, t, state, Deed::Looked);
            }
            _ => {
                let state = self.end(s, t, At::Refused);
                steps.add("operator {t}: looks again: refused now", 0, t, state, Deed::Looked);
            }
        }
    }

    /// Where a step that did not work leads: back while the new writer was never told to open, then forward.
    pub(crate) fn failed(&self, s: &State, t: Id) -> State {
        let mut state = *s;
        let tool = &mut state.tools[t];
        tool.at = match (tool.back, tool.opening) {
            (true, _) => At::Back,
            (false, Opening::Never) => At::Reopen,
            (false, Opening::Unknown) => At::Undecided,
            (false, Opening::Done | Opening::Undone) => At::Forward,
        };
        state
    }

    fn fence(&self, t: Id, from: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let goes_on = |mut state: State| {
            if self.protocol.reads_after_fence {
                state.tools[t].position = state.nodes[from].has;
            }
            if self.bounds.flavour == crate::world::Flavour::MariaDb && self.protocol.read_lock {
                state.nodes[from].read_lock = mine(t);
            }
            state.tools[t].at = At::CatchUp;
            state
        };
        if !self.protocol.fences {
            let mut state = *s;
            (state.tools[t].at, state.tools[t].position) = (At::CatchUp, s.nodes[from].has);
            steps.add("operator {t}: does not fence {n}", from, t, state, Deed::Looked);
            return;
        }
        // certain: both sessions get their `wait_timeout` before the fence
        let certain = |state: &State| {
            let mut state = self.failed(state, t);
            if state.tools[t].at == At::Reopen {
                // the gate was never closed
                state.tools[t].at = At::Back;
            }
            state
        };
        if !self.talks(s, t, from) {
            steps.add("operator {t}: cannot tell {n} to close", from, t, certain(s), Deed::Looked);
            return;
        }
        for (state, heard, _) in self.set(s, t, from, false) {
            match heard {
                Heard::Done => {
                    let text = "operator {t}: fences {n} and reads its position";
                    steps.add(text, from, t, goes_on(state), Deed::Changed(t));
                }
                Heard::Refused => {
                    let text = "operator {t}: {n} refuses the fence";
                    steps.add(text, from, t, certain(&state), Deed::Looked);
                }
                Heard::Nothing => {
                    let text = if state.nodes[from].ghost == s.nodes[from].ghost {
                        "operator {t}: fences {n}, but the answer is lost"
                    } else {
                        "operator {t}: tells {n} to close; no answer, and it is still on its way"
                    };
                    steps.add(text, from, t, self.failed(&state, t), Deed::Changed(t));
                }
            }
        }
    }

    fn catch_up(&self, t: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        if s.nodes[to].read_lock == mine(t) && self.talks(s, t, to) {
            // on the way back its own appliers wait behind the lock of the first fence
            let mut state = *s;
            state.nodes[to].read_lock = NOBODY;
            steps.add("operator {t}: lets go of the read lock on {n}", to, t, state, Deed::Changed(t));
            return;
        }
        let reached = s.tools[t].position & !s.nodes[to].has == 0;
        if self.talks(s, t, to) && (reached || !self.protocol.catches_up) {
            let mut state = *s;
            state.tools[t].at = At::Check;
            steps.add("operator {t}: {n} has all that was committed before the fence", to, t, state, Deed::Looked);
        } else {
            let text = "operator {t}: {n} does not catch up in time";
            steps.add(text, to, t, self.failed(s, t), Deed::Looked);
        }
    }

    /// The last look before the opening, `unmoved` in `effect/switch.rs`.
    fn check(&self, t: Id, from: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let peer = &s.nodes[from];
        let p = &self.protocol;
        let stands = self.talks(s, t, from)
            && self.talks(s, t, to)
            && (!p.fences || !peer.open)
            && (!p.fences || !p.reads_again || peer.has == s.tools[t].position)
            && (!p.heeds_xa || !peer.xa);
        if stands {
            let mut state = *s;
            state.tools[t].at = At::Open;
            steps.add("operator {t}: {n} stands where it stood", from, t, state, Deed::Looked);
        } else {
            let mut state = self.failed(s, t);
            if state.tools[t].at == At::Reopen && s.seen(from) && !self.talks(s, t, from) {
                // the session is seen to be gone, so that the way back begins with a new one
                state.tools[t].at = At::ReopenAnew;
            }
            let text = "operator {t}: {n} is not as it was, or gives no answer";
            steps.add(text, from, t, state, Deed::Looked);
        }
    }

    fn open(&self, t: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        for (mut state, heard, _) in self.set(s, t, to, true) {
            let back = s.tools[t].back;
            match heard {
                Heard::Done => {
                    if back {
                        state.nodes[to].read_lock = NOBODY;
                    } else {
                        state.tools[t].opening = Opening::Done;
                    }
                    state.tools[t].at = if self.protocol.lock_until_gone { At::Take } else { At::EarlyRelease };
                    if back {
                        state.tools[t].at = At::Back;
                    }
                    steps.add("operator {t}: opens {n}", to, t, state, Deed::Opened(t, to));
                }
                Heard::Refused => {
                    steps.add("operator {t}: {n} refuses to open", to, t, self.failed(&state, t), Deed::Looked);
                }
                Heard::Nothing => {
                    let happened = state.nodes[to].open && !s.nodes[to].open;
                    let text = if happened {
                        "operator {t}: opens {n}, but the answer is lost"
                    } else if state.nodes[to].ghost == s.nodes[to].ghost {
                        "operator {t}: tells {n} to open; no answer, and it never arrives"
                    } else {
                        "operator {t}: tells {n} to open; no answer, and it is still on its way"
                    };
                    if !back && s.tools[t].opening == Opening::Never && self.protocol.heeds_unknown {
                        state.tools[t].opening = Opening::Unknown;
                    }
                    let deed = if happened { Deed::Opened(t, to) } else { Deed::Looked };
                    steps.add(text, to, t, self.failed(&state, t), deed);
                }
            }
        }
    }

    /// The way to a machine, and whether the run may still use it.
    fn moves(&self, s: &State, t: Id, n: Id) -> bool {
        let locked = s.nodes.iter().any(|node| node.lock == mine(t));
        s.seen(n) && (!self.protocol.locks || !self.protocol.moves_under_lock || locked)
    }

    fn take(&self, t: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let early = s.tools[t].at == At::EarlyTake;
        let then = if early { At::Fence } else { At::Drop };
        let mut state = *s;
        state.tools[t].at = then;
        if s.nodes[to].holds {
            steps.add("operator {t}: {n} has the address", to, t, state, Deed::Looked);
            return;
        }
        if !self.moves(s, t, to) {
            steps.add("operator {t}: cannot take the address on {n}", to, t, self.failed(s, t), Deed::Looked);
            return;
        }
        state.nodes[to].holds = true;
        state.neighbours = to;
        steps.add("operator {t}: takes and announces the address on {n}", to, t, state, Deed::Took(t, to));
        if s.faults > 0 {
            let mut lost = self.failed(&state, t);
            lost.faults -= 1;
            steps.add("operator {t}: takes the address on {n}, but the answer is lost", to, t, lost, Deed::Took(t, to));
            let mut refused = self.failed(s, t);
            refused.faults -= 1;
            if refused.tools[t].at == At::Forward {
                refused.tools[t].at = At::TurnRound;
            }
            steps.add("operator {t}: the machine of {n} refuses the address", to, t, refused, Deed::Looked);
        }
    }

    fn drop(&self, t: Id, from: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        state.tools[t].at = At::Announce;
        if !s.nodes[from].holds {
            steps.add("operator {t}: {n} has not the address", from, t, state, Deed::Looked);
        } else if self.moves(s, t, from) && s.nodes[to].holds {
            state.nodes[from].holds = false;
            steps.add("operator {t}: drops the address on {n}", from, t, state, Deed::Changed(t));
        } else {
            steps.add("operator {t}: cannot drop the address on {n}", from, t, self.failed(s, t), Deed::Looked);
        }
    }

    fn announce(&self, t: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        // a machine that was started anew has not the shell any more through which this would be said
        let lost = self.protocol.announces_last && !s.nodes[to].holds;
        if lost || !self.moves(s, t, to) {
            steps.add("operator {t}: cannot announce the address on {n}", to, t, self.failed(s, t), Deed::Looked);
            return;
        }
        let mut state = *s;
        state.neighbours = to;
        state.tools[t].at =
            if s.tools[t].opening == Opening::Never && !s.tools[t].back { At::Fence } else { At::Release };
        steps.add("operator {t}: announces the address on {n}", to, t, state, Deed::Told(t, to));
    }

    /// Only a read lock is let go; elsewhere there is nothing to do.
    fn release(&self, t: Id, from: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let early = s.tools[t].at == At::EarlyRelease;
        let mut state = *s;
        state.tools[t].at = if early { At::Take } else { At::Verify };
        if s.nodes[from].read_lock != mine(t) {
            steps.add("operator {t}: nothing to release on {n}", from, t, state, Deed::Looked);
        } else if self.talks(s, t, from) {
            state.nodes[from].read_lock = NOBODY;
            steps.add("operator {t}: lets go of the read lock on {n}", from, t, state, Deed::Changed(t));
        } else {
            let text = "operator {t}: cannot let go of the read lock on {n}";
            steps.add(text, from, t, self.failed(s, t), Deed::Looked);
        }
    }

    fn verify(&self, t: Id, to: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let [new, old] = [&s.nodes[to], &s.nodes[1 - to]];
        let answers = s.neighbours == to && new.up && new.holds && new.open;
        let arrived = answers && s.all_seen() && !old.holds && !old.open;
        if s.tools[t].back {
            let mut state = *s;
            state.tools[t].at = At::Back;
            steps.add("operator {t}: connects to the address from outside", to, t, state, Deed::Looked);
        } else if !arrived {
            let text = "operator {t}: the address does not lead to {n} as it should";
            steps.add(text, to, t, self.failed(s, t), Deed::Looked);
        } else if old.has & !new.has != 0 {
            let text = "operator {t}: {m} has transactions of its own by now";
            steps.add(text, to, t, self.end(s, t, At::Stuck), Deed::Looked);
        } else {
            let text = "operator {t}: the address leads to {n}, which is open: done";
            steps.add(text, to, t, self.end(s, t, At::Done), Deed::Ended(to));
        }
    }
}
