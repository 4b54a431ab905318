//! What must hold where a node is declared dead, and where one comes back.

use super::Invariant;
use super::aim::Aim;
use super::facts::{At, Facts, Mode, Own, other};
use super::state::{State, Verdict, must};
use crate::model::{Action, Code, Isolation, NodeName};

const LEAST: Invariant = Invariant::LeastAction;
const ONE_HISTORY: Invariant = Invariant::OneHistory;
const NO_LOSS: Invariant = Invariant::NoLoss;

impl State {
    pub(super) fn judge_death(&self, facts: &Facts, aim: &Aim, at: At, action: &Action) -> Verdict {
        let peer = other(at);
        let its_peer = |name: &NodeName| must(facts.at(name) == Some(peer), LEAST, "it names the wrong node");
        match action {
            Action::Isolate { node: _, how } => judge_isolate(facts, aim, at, *how),
            Action::StopReceiving { node: _ } => {
                let asked = aim.dead == Some(peer) || (aim.way && aim.back.is_some());
                must(asked, LEAST, "nobody asked for that node to receive no more")?;
                let out = aim.dead != Some(peer) || self.isolated[peer];
                must(out, ONE_HISTORY, "the dead node is not known to be out yet")
            }
            Action::ResumeReceiving { node: _ } => {
                must(aim.way, Invariant::SafeReturn, "only a way back starts the receiver again")?;
                must(!self.opened[at], Invariant::SafeReturn, "the node was opened, and has transactions of its own")
            }
            Action::ApplyReceived { node: _ } => {
                must(aim.dead == Some(peer), LEAST, "the other node is not declared dead")?;
                must(self.detached[at], NO_LOSS, "more may still come in")?;
                must(facts.nodes[at].applies, Invariant::CanEnd, "its applier does not run")
            }
            Action::RollBack { node: _ } => {
                must(aim.dead == Some(peer), LEAST, "the other node is not declared dead")?;
                let rest = self.detached[at] && self.applied[at];
                must(rest, NO_LOSS, "what its applier holds may be complete, and not applied yet")
            }
            Action::Promote { node: _, dead } => {
                its_peer(dead)?;
                must(aim.dead == Some(peer) && aim.opens(at), LEAST, "the node is not to be opened")?;
                must(self.mode[at] != Mode::Open, LEAST, "it is open already")?;
                must(self.isolated[peer], Invariant::OneWriter, "the other one is not known to be out")?;
                must(
                    !facts.nodes[at].haunted,
                    Invariant::OneWriter,
                    "somebody else's switch is still under way there",
                )?;
                must(self.detached[at] && self.applied[at], NO_LOSS, "it has not applied all that it has received")?;
                let whole = "clients would wait for a transaction whose end never came";
                must(self.whole[at], Invariant::ServesRole, whole)?;
                let complete = facts.nodes[at].nothing_left_behind || facts.accepted(&[Code::MayLose]);
                must(complete, NO_LOSS, "transactions of the dead node may be missing, and nobody has accepted that")?;
                must(facts.nodes[at].listens, Invariant::ServesRole, "its server is not known to answer on the address")
            }
            Action::Compare { node: _, source } => {
                its_peer(source)?;
                must(aim.back == Some(at), LEAST, "the node has not come back")?;
                must(
                    self.mode[at] == Mode::Shut,
                    ONE_HISTORY,
                    "the node is not closed, so that its position is not final",
                )?;
                must(self.mode[peer] == Mode::Open, LEAST, "there is no writer to compare it with")
            }
            Action::StartReplication { node: _, source } => {
                its_peer(source)?;
                must(aim.back.is_some(), LEAST, "nobody has come back")?;
                must(self.compared, ONE_HISTORY, "the two were not compared")?;
                let Some(back) = aim.back else { return Ok(()) };
                let alone = matches!(facts.nodes[back].own, Own::Nothing | Own::Unsaid);
                must(alone, ONE_HISTORY, "the node that came back has transactions of its own")?;
                must(facts.nodes[back].complete != Some(false), Invariant::CanEnd, "it can never fetch what it lacks")?;
                must(self.mode[back] == Mode::Shut, ONE_HISTORY, "the node that came back is not closed")?;
                must(!self.lock[at], Invariant::CanEnd, "its own appliers wait behind its read lock")?;
                must(self.holds[back] == 0, Invariant::OneAddress, "the node that came back still has an address")?;
                let last = at == back || self.follows[back];
                must(last, ONE_HISTORY, "the node that came back does not follow yet")
            }
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::Fence { .. }
            | Action::CatchUp { .. }
            | Action::Open { .. }
            | Action::Reopen { .. }
            | Action::Take { .. }
            | Action::EndSessions { .. }
            | Action::Drop { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. } => Ok(()),
        }
    }

    pub(super) fn effect_of_death(&mut self, at: At, action: &Action) {
        match action {
            Action::Isolate { node: _, how } => {
                (self.isolated[at], self.mode[at]) = (true, Mode::Shut);
                if *how != Isolation::Shell {
                    self.holds[at] = 0;
                }
            }
            Action::StopReceiving { .. } => (self.detached[at], self.follows[at]) = (true, false),
            // what it goes on with is begun again
            Action::ResumeReceiving { .. } => (self.detached[at], self.whole[at]) = (false, false),
            Action::ApplyReceived { .. } => self.applied[at] = true,
            Action::RollBack { .. } => self.whole[at] = true,
            Action::Promote { .. } => {
                (self.mode[at], self.opened[at]) = (Mode::Open, true);
                self.lacks[other(at)] = true;
            }
            // the other one is shown to have all of it
            Action::Compare { .. } => (self.compared, self.lacks[other(at)]) = (true, false),
            Action::StartReplication { .. } => {
                (self.follows[at], self.detached[at], self.whole[at]) = (true, false, false)
            }
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::Fence { .. }
            | Action::CatchUp { .. }
            | Action::Open { .. }
            | Action::Reopen { .. }
            | Action::Take { .. }
            | Action::EndSessions { .. }
            | Action::Drop { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. } => {}
        }
    }

    /// What must hold of replication when all is done.
    pub(super) fn end_of_death(&self, facts: &Facts, aim: &Aim) -> Verdict {
        if aim.way {
            return Ok(());
        }
        if let Some(dead) = aim.dead {
            let detached = self.detached[other(dead)];
            must(detached, ONE_HISTORY, "what the dead node has alone could flow into the survivor")?;
            must(
                self.isolated[dead] || facts.nodes[dead].is_out(),
                Invariant::OneWriter,
                "the dead node is not known to be out",
            )?;
        }
        if let Some(back) = aim.back {
            let closed = facts.nodes[back].mode == self.mode[back];
            must(closed || self.compared, ONE_HISTORY, "nobody has compared the two since")?;
            must(self.follows == [true, true], Invariant::Goal, "the two do not follow each other")?;
        }
        Ok(())
    }
}

fn judge_isolate(facts: &Facts, aim: &Aim, at: At, how: Isolation) -> Verdict {
    must(aim.dead == Some(at), LEAST, "the node is not declared dead")?;
    let node = &facts.nodes[at];
    let alive = "a server that answers is not dead";
    must(node.gone, Invariant::OneWriter, alive)?;
    let silent = node.greeted_by_peer == Some(false) && node.silent_addresses;
    let vouched = facts.accepted(&[Code::NotFenced]) && (silent || node.unsaid);
    match how {
        Isolation::Shell => must(!node.blind, Invariant::OneWriter, "its machine cannot be asked"),
        // the program must say so itself
        Isolation::Hook => Ok(()),
        Isolation::Hand => {
            must(vouched, Invariant::OneWriter, "nobody vouches for it, or somebody answers in its place")
        }
    }
}
