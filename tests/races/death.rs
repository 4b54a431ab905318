//! `fail` and `rejoin`, as they are to be built: a node is declared dead by a person, and comes back later.

use crate::handover::{Heard, mine};
use crate::laws::Deed;
use crate::state::{At, Id, NOBODY, State};
use crate::world::{Model, Steps};

impl Model {
    /// `fail` where one node cannot be seen, `rejoin` where a deposed one is back. Whether one of them was begun.
    pub(crate) fn begin_death(&self, t: Id, mut state: State, steps: &mut Steps<'_>) -> bool {
        let s = steps.from;
        for dead in 0..2 {
            let survivor = 1 - dead;
            state.tools[t].to = survivor;
            if s.nodes[dead].deposed {
                if s.all_seen() {
                    state.tools[t].at = At::JoinLock;
                    steps.add("operator {t}: flipper rejoin {n}", dead, t, state, Deed::Looked);
                    return true;
                }
                continue;
            }
            // whoever was declared dead before may have a rest of its own, and lacks what came after
            let here = &s.nodes[survivor];
            let unfit = here.open || (here.deposed && self.protocol.spares_deposed);
            if !s.seen(dead) && s.seen(survivor) && !unfit {
                state.tools[t].at = if self.protocol.locks_before_off { At::FailLock } else { At::FailFence };
                steps.add("operator {t}: a person declares {n} dead: flipper fail {n}", dead, t, state, Deed::Looked);
                return true;
            }
        }
        false
    }

    pub(crate) fn death(&self, t: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let here = s.tools[t].to;
        let dead = 1 - here;
        let mut state = *s;
        let mut go = |at: At, text: &'static str, deed: Deed, change: &dyn Fn(&mut State)| {
            state.tools[t].at = at;
            change(&mut state);
            steps.add(text, here, t, state, deed);
        };
        let p = &self.protocol;
        match s.tools[t].at {
            At::FailFence if !p.locks_before_off || self.talks(s, t, here) => {
                let then = if p.locks_before_off { At::FailStop } else { At::FailLock };
                if p.switches_off {
                    go(then, "operator {t}: {m} is switched off, and that is seen", Deed::Changed(t), &|s| {
                        s.forget_sessions(dead);
                        let node = &mut s.nodes[dead];
                        (node.up, node.open, node.holds, node.deposed) = (false, false, false, true);
                        s.failed = true;
                    });
                    if s.faults > 0 {
                        let mut state = self.end(s, t, At::Refused);
                        state.faults -= 1;
                        let text = "operator {t}: {m} cannot be switched off: refused";
                        steps.add(text, here, t, state, Deed::Looked);
                    }
                } else {
                    go(then, "operator {t}: does not switch {m} off", Deed::Looked, &|s| s.failed = true);
                }
            }
            // what the person saw may be over by the time the lock is had
            At::FailLock if s.seen(dead) || (s.nodes[here].deposed && p.spares_deposed) => {
                let state = self.end(s, t, At::Stale);
                steps.add("operator {t}: looks again: {m} is back, or {n} is none", here, t, state, Deed::Looked);
            }
            At::FailLock if s.seen(here) && s.nodes[here].lock == NOBODY => {
                let then = if p.locks_before_off { At::FailFence } else { At::FailStop };
                go(then, "operator {t}: has the lock on {n}", Deed::Looked, &|s| {
                    s.nodes[here].lock = mine(t);
                });
            }
            At::FailStop if self.talks(s, t, here) => {
                let stops = p.stops_receiving;
                go(At::FailDrain, "operator {t}: {n} stops receiving", Deed::Changed(t), &|s| {
                    s.nodes[here].receives &= !stops;
                });
            }
            At::FailDrain if self.talks(s, t, here) && (s.nodes[here].relay == 0 || !p.drains_relay) => {
                go(At::FailOpen, "operator {t}: {n} has applied all that it received", Deed::Looked, &|_| {});
            }
            At::FailDrain if self.talks(s, t, here) => {
                go(At::FailDrain, "operator {t}: {n} applies what it received", Deed::Looked, &|s| {
                    let node = &mut s.nodes[here];
                    (node.has, node.relay) = (node.has | node.relay, 0);
                });
            }
            At::FailOpen => self.survive(t, here, steps),
            At::FailTake if self.talks(s, t, here) => {
                let mut state = self.end(s, t, At::FailDone);
                state.nodes[here].holds = true;
                state.neighbours = here;
                steps.add(
                    "operator {t}: takes and announces the address on {n}: done",
                    here,
                    t,
                    state,
                    Deed::Took(t, here),
                );
            }
            _ => self.rejoin(t, here, dead, steps),
        }
    }

    fn survive(&self, t: Id, here: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        for (mut state, heard, _) in self.set(s, t, here, true) {
            let happened = state.nodes[here].open && !s.nodes[here].open;
            let deed = if happened { Deed::Survived(t, here) } else { Deed::Looked };
            if heard == Heard::Done {
                state.tools[t].at = At::FailTake;
                steps.add("operator {t}: opens {n}", here, t, state, deed);
            } else {
                let text = "operator {t}: tells {n} to open, and hears nothing good: a person must act";
                steps.add(text, here, t, self.end(&state, t, At::Stuck), deed);
            }
        }
    }

    fn rejoin(&self, t: Id, here: Id, back: Id, steps: &mut Steps<'_>) {
        let s = steps.from;
        let mut state = *s;
        // a prepared XA transaction is a tail that has not come yet
        let tail = s.nodes[back].has & !s.nodes[here].has != 0 || s.nodes[back].xa;
        let talks = (0..2).all(|n| self.talks(s, t, n));
        match s.tools[t].at {
            At::JoinLock if s.all_seen() && s.nodes.iter().all(|node| node.lock == NOBODY) => {
                for node in &mut state.nodes {
                    node.lock = mine(t);
                }
                state.tools[t].at = At::JoinCompare;
                steps.add("operator {t}: has both locks", here, t, state, Deed::Looked);
            }
            // the returned node is closed and has no address, whatever it was when it started
            At::JoinCompare if talks && tail && self.protocol.compares => {
                let state = self.end(s, t, At::Refused);
                let text = "operator {t}: {m} has transactions that {n} lacks: refused";
                steps.add(text, here, t, state, Deed::Looked);
            }
            At::JoinCompare if talks && !s.nodes[back].open => {
                state.tools[t].at = At::JoinStart;
                steps.add("operator {t}: {n} has all that {m} has", here, t, state, Deed::Looked);
            }
            At::JoinStart if talks => {
                state.tools[t].at = At::JoinWait;
                state.nodes[back].receives = true;
                steps.add("operator {t}: {n} starts to receive from {m}", back, t, state, Deed::Joined(t, here));
            }
            At::JoinWait if talks && s.nodes[here].has & !s.nodes[back].has == 0 => {
                state.tools[t].at = At::JoinBoth;
                steps.add("operator {t}: {n} has all of {m}", back, t, state, Deed::Looked);
            }
            At::JoinBoth if talks => {
                state.nodes[here].receives = true;
                state.nodes[back].deposed = false;
                let state = self.end(&state, t, At::JoinDone);
                let text = "operator {t}: {n} receives from {m} again: done";
                steps.add(text, here, t, state, Deed::Joined(t, here));
            }
            _ => {
                let text = "operator {t}: does not get on: a person must act";
                steps.add(text, here, t, self.end(s, t, At::Stuck), Deed::Looked);
            }
        }
    }
}
