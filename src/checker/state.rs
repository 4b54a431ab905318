//! The small world in which a plan is played through: what each action does, and what must hold for it.

use super::Invariant;
use super::aim::{Aim, Place, Writer};
use super::facts::{At, Facts, Mode, Own, bit, other};
use crate::model::{Action, Fencing, RoleName};

/// One moment. Addresses and what is owed to clients are bits, one a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) mode: [Mode; 2],
    /// A read lock of ours is held.
    pub(super) lock: [bool; 2],
    pub(super) holds: [u64; 2],
    /// The node may lack something that its peer has committed.
    pub(super) lacks: [bool; 2],
    /// It had, a moment ago, what its peer had.
    pub(super) near: [bool; 2],
    /// It was shown to have all of its closed peer.
    pub(super) caught_up: [bool; 2],
    /// It was opened in the course of this.
    pub(super) opened: [bool; 2],
    /// Those who still wrote on it were ended.
    pub(super) cleared: [bool; 2],
    /// Sessions of a role were ended on it since it had the address.
    pub(super) ended: [u64; 2],
    /// It gave the address up before anybody else had it.
    pub(super) let_go: [u64; 2],
    /// The last word about the address was its only holder's.
    pub(super) announced: u64,
    /// The holder was reached from outside since.
    pub(super) seen: u64,
    /// It was declared dead, and is out.
    pub(super) isolated: [bool; 2],
    /// It receives nothing; it has applied all that it had received; its applier holds nothing that never ends; it follows
    /// its peer.
    pub(super) detached: [bool; 2],
    pub(super) applied: [bool; 2],
    pub(super) whole: [bool; 2],
    pub(super) follows: [bool; 2],
    /// The node that came back was compared with the writer.
    pub(super) compared: bool,
}

pub(super) type Verdict = Result<(), (Invariant, &'static str)>;

pub(super) fn must(holds: bool, invariant: Invariant, what: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err((invariant, what)) }
}

impl State {
    pub(super) fn start(facts: &Facts) -> Self {
        let holds = facts.holds();
        let lacks = |at: At| {
            let peer = &facts.nodes[other(at)];
            matches!(peer.mode, Mode::Open | Mode::Unknown) || peer.own != Own::Nothing
        };
        Self {
            mode: facts.nodes.each_ref().map(|node| node.mode),
            lock: [false, false],
            holds,
            lacks: [lacks(0), lacks(1)],
            near: [false, false],
            caught_up: [false, false],
            opened: [false, false],
            cleared: [false, false],
            ended: [0, 0],
            let_go: [0, 0],
            announced: holds[0] ^ holds[1],
            seen: 0,
            isolated: [false, false],
            detached: facts.nodes.each_ref().map(|node| node.detached),
            applied: [false, false],
            whole: [false, false],
            follows: facts.nodes.each_ref().map(|node| node.follows),
            compared: false,
        }
    }

    pub(super) fn has(&self, at: At, role: usize) -> bool {
        self.holds[at] & bit(role) != 0
    }

    /// It accepts writes, and the other one does not: it is never behind anybody.
    pub(super) fn is_writer(&self, at: At) -> bool {
        self.mode[at] == Mode::Open && self.mode[other(at)] != Mode::Open
    }

    /// Nobody can write, though somebody should.
    pub(super) fn is_out(&self, facts: &Facts, aim: &Aim) -> bool {
        let Some(old) = aim.gives_way else { return false };
        let new = other(old);
        let reached = facts.write_role().is_some_and(|role| self.has(new, role));
        self.mode[old] != Mode::Open && !(self.mode[new] == Mode::Open && reached)
    }

    /// Plays one action. Its effect takes place even where it should not have been allowed.
    pub(super) fn take(&mut self, facts: &Facts, aim: &Aim, action: &Action) -> Verdict {
        let Some(at) = facts.at(action.node()) else {
            return Err((Invariant::LeastAction, "it is about a node that is not of the pair"));
        };
        let verdict = self.outage(facts, aim, action).and_then(|()| self.judge(facts, aim, at, action));
        self.effect(facts, at, action);
        verdict
    }

    fn effect(&mut self, facts: &Facts, at: At, action: &Action) {
        let peer = other(at);
        let bits = |role: &RoleName| facts.role(role).map_or(0, bit);
        match action {
            Action::Approach { .. } => self.near[at] |= facts.nodes[at].arrives || self.follows[at],
            Action::Drain { .. } => {}
            Action::EndWriters { .. } => self.cleared[at] = true,
            Action::Fence { how, .. } => {
                if !facts.nodes[at].haunted {
                    self.mode[at] = Mode::Shut;
                }
                self.lock[at] = *how == Fencing::ReadLock;
            }
            Action::CatchUp { .. } => {
                if self.mode[peer] == Mode::Shut && facts.nodes[at].proves {
                    (self.caught_up[at], self.lacks[at], self.near[at]) = (true, false, true);
                }
            }
            Action::Open { .. } | Action::Reopen { .. } => {
                (self.mode[at], self.opened[at]) = (Mode::Open, true);
                (self.caught_up[peer], self.lacks[peer], self.near[peer]) = (false, true, false);
                if matches!(action, Action::Reopen { .. }) {
                    self.lock[at] = false;
                }
            }
            Action::Take { role, .. } => {
                let bits = bits(role);
                self.holds[at] |= bits;
                self.ended[at] &= !bits;
                // it announces itself, but as long as another one answers too that is not the last word
                self.announced = (self.announced & !bits) | (bits & !self.holds[peer]);
                self.seen &= !bits;
            }
            Action::EndSessions { role, .. } => {
                self.ended[at] |= bits(role);
                self.seen &= !bits(role);
            }
            Action::Drop { role, to, .. } => {
                self.holds[at] &= !bits(role);
                self.announced &= !bits(role);
                self.seen &= !bits(role);
                if to.is_none() {
                    self.let_go[at] |= bits(role);
                }
            }
            Action::Announce { role, .. } => {
                self.announced |= bits(role) & !self.holds[peer];
                self.seen &= !bits(role);
            }
            Action::Release { .. } => self.lock[at] = false,
            Action::Verify { role, .. } => self.seen |= bits(role) & self.announced,
            Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => self.effect_of_death(at, action),
        }
    }

    /// What must hold when all is done.
    pub(super) fn end(&self, facts: &Facts, aim: &Aim) -> Verdict {
        must(self.lock == [false, false], Invariant::CanEnd, "a read lock is left behind")?;
        self.end_of_death(facts, aim)?;
        let both = self.mode == [Mode::Open, Mode::Open];
        let modes = facts.nodes.each_ref().map(|node| node.mode);
        if aim.way {
            must(!both || modes == self.mode, Invariant::OneWriter, "both nodes are open")?;
        } else {
            match aim.writer {
                Writer::AsItIs => {
                    let same = |at: At| aim.dead == Some(at) || modes[at] == self.mode[at];
                    must(same(0) && same(1), Invariant::LeastAction, "who accepts writes has changed")?;
                }
                Writer::Only(at) => {
                    must(self.mode[at] == Mode::Open, Invariant::Goal, "the holder of the write role is not open")?;
                    let shut = self.mode[other(at)] == Mode::Shut || aim.dead == Some(other(at));
                    must(shut, Invariant::OneWriter, "the node without the write role is not closed")?;
                }
                Writer::Nobody => {
                    must(self.mode == [Mode::Shut, Mode::Shut], Invariant::Goal, "a node is still open")?;
                }
            }
        }
        (0..facts.roles.len()).try_for_each(|role| self.end_of(facts, aim, role))
    }

    fn end_of(&self, facts: &Facts, aim: &Aim, role: usize) -> Verdict {
        let holders = [self.has(0, role), self.has(1, role)];
        let before = [0, 1].map(|at| aim.held[at] & bit(role) != 0);
        let wanted = match aim.place(role) {
            Place::AsItIs => before,
            Place::Nowhere => [false, false],
            Place::On(at) => [at == 0, at == 1],
        };
        // a way back leaves alone what it did not touch
        let as_wanted = holders == wanted || (aim.way && holders == before);
        must(as_wanted, Invariant::Goal, "an address is not where it is wanted")?;
        for at in [0, 1] {
            let left = before[at] && !holders[at];
            must(
                !left || aim.dead == Some(at) || self.ended[at] & bit(role) != 0,
                Invariant::ServesRole,
                "sessions are left at an address that is gone",
            )?;
        }
        if holders == before || aim.place(role) == Place::Nowhere {
            return Ok(());
        }
        must(
            self.announced & bit(role) != 0,
            Invariant::Announced,
            "the last word about an address is not its holder's",
        )?;
        // where nobody could write before, a way back lets nobody write either
        let silent =
            aim.way && facts.roles[role].writes && (0..2).all(|at| !holders[at] || self.mode[at] != Mode::Open);
        must(silent || self.seen & bit(role) != 0, Invariant::Goal, "nobody looked from outside whether clients arrive")
    }

    /// Whoever was opened is looked at from outside, even if no address moved.
    pub(super) fn opened_unseen(&self, facts: &Facts, aim: &Aim) -> bool {
        let Some(role) = facts.write_role() else { return false };
        [0, 1].into_iter().any(|at| {
            self.opened[at] && aim.place(role) == Place::On(at) && self.has(at, role) && self.seen & bit(role) == 0
        })
    }
}
