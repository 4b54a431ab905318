//! After a failure: back or forward, as `apply/recovery.rs` and `planner/recover.rs` do it.

use crate::handover::mine;
use crate::laws::Deed;
use crate::state::{At, Ghost, Id, NOBODY, Opening, State};
use crate::world::{Model, Steps};

/// How often a run looks, and tries what is missing; the code has a time for it instead.
const TRIES: u8 = 2;

impl Model {
    /// What a run does before it looks: it connects again, takes its lock again where that is free, and ends what had
    /// no answer. Returns which servers it sees then.
    fn settle(&self, state: &mut State, t: Id) -> [bool; 2] {
        let mut seen = [false; 2];
        for (n, seen) in seen.iter_mut().enumerate() {
            if !state.seen(n) {
                continue;
            }
            *seen = self.relock(state, t, n);
            let node = &mut state.nodes[n];
            if self.protocol.lays_ghosts && node.ghost != Ghost::None && node.ghost_of == t {
                (node.ghost, node.ghost_of) = (Ghost::None, 0);
            }
        }
        seen
    }

    fn relock(&self, state: &mut State, t: Id, n: Id) -> bool {
        let node = &mut state.nodes[n];
        if !self.protocol.locks || node.lock == mine(t) {
            return true;
        }
        if node.lock != NOBODY {
            return false;
        }
        node.lock = mine(t);
        state.tools[t].retaken |= 1 << n;
        true
    }

    /// The old writer again, before anything is looked at: the new one was never told to open.
    pub(crate) fn reopen(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let new = s.tools[t].target();
        let old = 1 - new;
        let mut state = *s;
        state.tools[t].tries = 0;
        state.tools[t].back = true;
        state.tools[t].at = At::Back;
        let anew = s.tools[t].at == At::ReopenAnew;
        // a session that is gone without the run's knowledge is found out by what is sent through it
        let gone = !anew && !self.talks(s, t, old);
        if !s.seen(old) || gone || !self.relock(&mut state, t, old) {
            steps.add("operator {t}: cannot ask {n} to open again", old, t, state, Deed::Looked);
            return;
        }
        if self.protocol.heeds_lost_lock && !self.unbroken(&state, t) {
            state.tools[t].opening = Opening::Undone;
            let text = "operator {t}: its locks were lost: what it knew is void";
            steps.add(text, old, t, state, Deed::Looked);
            return;
        }
        // no answer is no objection
        let objects = self.talks(&state, t, new) && state.nodes[new].open;
        if objects {
            steps.add("operator {t}: {m} is open, so {n} is not opened again", old, t, state, Deed::Looked);
            return;
        }
        let node = &mut state.nodes[old];
        if self.protocol.lays_ghosts && node.ghost_of == t {
            (node.ghost, node.ghost_of) = (Ghost::None, 0);
        }
        self.tell_reopen(state, t, old, steps);
    }

    fn tell_reopen(&self, state: State, t: Id, old: Id, steps: &mut Steps<'_>) {
        for (mut after, _, _) in self.set(&state, t, old, true) {
            let happened = after.nodes[old].open && !state.nodes[old].open;
            let text = if happened {
                after.nodes[old].read_lock = NOBODY;
                "operator {t}: opens {n} again"
            } else if after.nodes[old].ghost == state.nodes[old].ghost {
                "operator {t}: tells {n} to open again, in vain"
            } else {
                "operator {t}: tells {n} to open again; no answer, and it is still on its way"
            };
            let deed = if happened { Deed::Reopened(t, old) } else { Deed::Looked };
            steps.add(text, old, t, after, deed);
        }
    }

    /// Looks, and takes the next steps back.
    pub(crate) fn back(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        state.tools[t].back = true;
        let (old, new) = (state.tools[t].target(), 1 - state.tools[t].target());
        let seen = self.settle(&mut state, t);
        if self.protocol.heeds_lost_lock && state.tools[t].opening == Opening::Never && !self.unbroken(&state, t) {
            state.tools[t].opening = Opening::Undone;
        }
        let opening = state.tools[t].opening;
        let (o, n) = (state.nodes[old], state.nodes[new]);
        let serves = seen[old] && o.open && o.holds;
        // a server that cannot be seen, and was told nothing about addresses, is as it was
        let closed = if seen[new] { !n.open && !n.holds } else { opening == Opening::Never };
        if serves && closed {
            if state.neighbours == old {
                let at = if opening == Opening::Done { At::BackAfter } else { At::BackBefore };
                let text = "operator {t}: {n} serves as before: rolled back";
                steps.add(text, old, t, self.end(&state, t, at), Deed::Looked);
            } else {
                state.tools[t].at = At::Announce;
                steps.add("operator {t}: {n} serves, and is to be announced", old, t, state, Deed::Looked);
            }
            return;
        }
        if state.tools[t].tries >= TRIES {
            let text = "operator {t}: no way back within the time: a person must act";
            steps.add(text, old, t, self.end(&state, t, At::Stuck), Deed::Looked);
            return;
        }
        state.tools[t].tries += 1;
        let may = match (opening, seen[new]) {
            (Opening::Never, false) => true,
            (_, true) if !n.open => true,
            (Opening::Done, true) => !o.open,
            _ => false,
        };
        if !seen[old] || !may {
            let text = "operator {t}: cannot see that going back is safe, and waits";
            steps.add(text, old, t, state, Deed::Looked);
        } else if o.open {
            state.tools[t].at = At::Take;
            steps.add("operator {t}: {n} is open, and is to get the address", old, t, state, Deed::Looked);
        } else if opening == Opening::Never && s.seen(new) && n.open {
            // whoever has the lock there by now: it is asked all the same
            let text = "operator {t}: {m} is open, so {n} is not opened again";
            steps.add(text, old, t, state, Deed::Looked);
        } else if opening == Opening::Never {
            self.tell_reopen(state, t, old, steps);
        } else {
            state.tools[t].position = n.has;
            state.tools[t].at = if n.open { At::Fence } else { At::CatchUp };
            let text = "operator {t}: goes back like a move: {m} fenced, {n} has all of it, then open";
            steps.add(text, old, t, state, Deed::Looked);
        }
    }

    /// Whether the new writer is open decides. As long as it does not say, nobody else is opened.
    pub(crate) fn undecided(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        let new = s.tools[t].to;
        let seen = self.settle(&mut state, t);
        if seen[new] {
            let tool = &mut state.tools[t];
            tool.tries = 0;
            if s.nodes[new].open {
                (tool.opening, tool.at) = (Opening::Done, At::Forward);
                steps.add("operator {t}: sees that {n} is open: forward", new, t, state, Deed::Looked);
            } else {
                (tool.opening, tool.at, tool.back) = (Opening::Undone, At::Back, true);
                steps.add("operator {t}: sees that {n} is closed: back", new, t, state, Deed::Looked);
            }
        } else if s.tools[t].tries < TRIES {
            state.tools[t].tries += 1;
            steps.add("operator {t}: {n} does not say whether it is open", new, t, state, Deed::Looked);
        } else if self.protocol.holds {
            let state = self.end(&state, t, At::Hold);
            steps.add("operator {t}: HOLD: nobody knows whether {n} is open", new, t, state, Deed::Looked);
        } else {
            state.tools[t].opening = Opening::Never;
            state.tools[t].at = At::Reopen;
            steps.add("operator {t}: takes {n} for closed", new, t, state, Deed::Looked);
        }
    }

    /// The new writer is open: whatever is missing is done.
    pub(crate) fn forward(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        let new = s.tools[t].to;
        let seen = self.settle(&mut state, t);
        let [n, o] = [&s.nodes[new], &s.nodes[1 - new]];
        if state.tools[t].tries >= TRIES {
            if seen == [true; 2] && never_arrived(&state, new) {
                turn(&mut state, t);
                let text = "operator {t}: the address never reached {n}: back";
                steps.add(text, new, t, state, Deed::Looked);
            } else {
                let text = "operator {t}: does not get forward: a person must act";
                steps.add(text, new, t, self.end(&state, t, At::Stuck), Deed::Looked);
            }
            return;
        }
        state.tools[t].tries += 1;
        if seen != [true; 2] {
            steps.add("operator {t}: does not see both nodes, and waits", new, t, state, Deed::Looked);
            return;
        }
        let text = if o.open && n.open {
            // it came back by itself, open: closing is always safe; what is missing then is seen at the next look
            state.nodes[1 - new].open = false;
            steps.add("operator {t}: closes {m}, which came back open", new, t, state, Deed::Changed(t));
            return;
        } else if o.open {
            state.tools[t].at = At::Fence;
            "operator {t}: {m} is the writer again: the move begins anew"
        } else if n.open {
            state.tools[t].at = At::Take;
            "operator {t}: goes on with what is missing on {n}"
        } else {
            state.tools[t].at = At::CatchUp;
            "operator {t}: {n} is closed again, and is to be opened once more"
        };
        steps.add(text, new, t, state, Deed::Looked);
    }

    /// The new writer's machine refuses the address: back at once, where that is seen to be safe.
    pub(crate) fn turn_round(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        let new = s.tools[t].to;
        let seen = self.settle(&mut state, t);
        if seen == [true; 2] && never_arrived(&state, new) {
            turn(&mut state, t);
            steps.add("operator {t}: the address never reached {n}: back", new, t, state, Deed::Looked);
        } else {
            state.tools[t].at = At::Forward;
            steps.add("operator {t}: presses on", new, t, state, Deed::Looked);
        }
    }
}

fn turn(state: &mut State, t: Id) {
    let tool = &mut state.tools[t];
    (tool.back, tool.at, tool.tries) = (true, At::Back, 0);
}

/// The address is on the old writer only, which is closed, and the new one is open.
fn never_arrived(s: &State, new: Id) -> bool {
    let [n, o] = [&s.nodes[new], &s.nodes[1 - new]];
    n.open && !n.holds && o.holds && !o.open
}
