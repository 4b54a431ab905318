//! What must hold for each action, at the moment when it is taken.

use super::Invariant;
use super::aim::{Aim, Place, Writer};
use super::facts::{At, Facts, Mode, Own, bit, other};
use super::state::{State, Verdict, must};
use crate::model::{Access, Action, Code, Fencing, Interface, NodeName, RoleName};

/// What lets readers see old data, if a person accepts it.
const STALE: [Code; 4] = [Code::NotReplica, Code::ReplicationStopped, Code::ReplicationDelayed, Code::Lagging];

const LEAST: Invariant = Invariant::LeastAction;
const NO_LOSS: Invariant = Invariant::NoLoss;
const SERVES: Invariant = Invariant::ServesRole;
const CAN_END: Invariant = Invariant::CanEnd;
const ONE_ADDRESS: Invariant = Invariant::OneAddress;
const ADMINISTRATORS: &str = "administrators can still write where the address was";

impl State {
    /// While nobody can write, only what leads out of that is done.
    pub(super) fn outage(&self, facts: &Facts, aim: &Aim, action: &Action) -> Verdict {
        let writes = |role: &RoleName| facts.role(role).is_some() && facts.role(role) == facts.write_role();
        let in_time = match action {
            Action::Fence { .. } | Action::CatchUp { .. } | Action::Open { .. } | Action::Reopen { .. } => true,
            Action::Take { role, .. } | Action::EndSessions { role, .. } | Action::Drop { role, .. } => writes(role),
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::Announce { .. }
            | Action::Release { .. }
            | Action::Verify { .. }
            | Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => false,
        };
        must(in_time || !self.is_out(facts, aim), Invariant::ShortOutage, "it is done while nobody can write")
    }

    pub(super) fn judge(&self, facts: &Facts, aim: &Aim, at: At, action: &Action) -> Verdict {
        let peer = other(at);
        let its_peer = |name: &NodeName| must(facts.at(name) == Some(peer), LEAST, "it names the wrong node");
        match action {
            Action::Approach { node: _, source } => {
                its_peer(source)?;
                must(asked_to_follow(facts, aim, at), LEAST, "nobody relies on that node's being up to date")?;
                self.can_follow(facts, at)
            }
            Action::Drain { node: _ } => {
                must(aim.closes(at), LEAST, "the node is not to be closed")?;
                must(!self.cleared[at], LEAST, "those whom it waits for were ended")?;
                must(self.mode[at] == Mode::Open, LEAST, "nobody writes there")
            }
            Action::EndWriters { node: _ } => {
                must(!aim.way, LEAST, "only a plan ends those who write")?;
                must(aim.closes(at), LEAST, "the node is not to be closed")?;
                must(self.mode[at] == Mode::Open, LEAST, "nobody writes there")?;
                let ready = aim.gives_way != Some(at) || self.near[other(at)];
                must(ready, LEAST, "sessions are ended before it is known that the new writer can follow")
            }
            Action::Fence { node: _, how } => self.judge_fence(facts, aim, at, *how),
            Action::CatchUp { node: _, source } => {
                its_peer(source)?;
                must(aim.opens(at), LEAST, "the node is not to be opened")?;
                must(
                    self.mode[peer] == Mode::Shut,
                    NO_LOSS,
                    "the peer is not closed, so that its position is not final",
                )?;
                self.locked(facts, aim, peer)?;
                self.can_follow(facts, at)
            }
            Action::Open { node: _, peer: named } => {
                its_peer(named)?;
                self.judge_open(facts, aim, at)
            }
            Action::Reopen { node: _, peer: named } => {
                its_peer(named)?;
                must(aim.way, Invariant::SafeReturn, "only a way back reopens")?;
                let was = facts.sole_writer() == Some(at);
                must(was, Invariant::SafeReturn, "the node was not the writer when it began")?;
                let never = !self.opened[peer] && !matches!(self.mode[peer], Mode::Open);
                must(never, Invariant::SafeReturn, "the other one was opened, and may have transactions of its own")
            }
            Action::Take { role, access, node: _, from, address, interface } => {
                let role = known(facts, role)?;
                let this = &facts.roles[role];
                let writes = *access == Access::ReadWrite;
                must(this.address == *address && this.writes == writes, LEAST, "it is not the role's address")?;
                let node = &facts.nodes[at];
                must(node.interface.as_ref().is_none_or(|own| own == interface), LEAST, "not the node's interface")?;
                let from = from.as_ref().map(|name| facts.at(name));
                self.judge_take(facts, aim, at, role, from)
            }
            Action::EndSessions { role, node: _, address } => {
                let role = known(facts, role)?;
                must(placed(facts, at, role, address.ip, None), LEAST, "the node never had that address")?;
                self.judge_end(facts, aim, at, role)
            }
            Action::Drop { role, node: _, to, address, interface } => {
                let role = known(facts, role)?;
                let exact = placed(facts, at, role, address.ip, Some((address.prefix, interface)));
                must(exact, ONE_ADDRESS, "the address is not there in that form")?;
                self.judge_drop(facts, aim, at, role, to.as_ref().map(|name| facts.at(name)))
            }
            Action::Announce { role, node: _, address, interface: _ } => {
                let role = known(facts, role)?;
                must(facts.roles[role].address.ip == address.ip, LEAST, "it is not the role's address")?;
                must(self.has(at, role), Invariant::Announced, "the node has not the address")?;
                must(facts.nodes[at].moves, SERVES, "the node's system is not fit for it")?;
                must(aim.place(role) == Place::On(at), LEAST, "the role is not to be there")
            }
            Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => self.judge_death(facts, aim, at, action),
            Action::Release { node: _ } => self.judge_release(facts, aim, at),
            Action::Verify { role, access: _, node: _, address } => {
                let role = known(facts, role)?;
                must(facts.roles[role].address.ip == address.ip, LEAST, "it is not the role's address")?;
                must(aim.place(role) == Place::On(at), LEAST, "the role is not to be there")?;
                must(self.has(at, role), Invariant::Goal, "nobody is to be found at the address")?;
                let serves = !facts.roles[role].writes || self.mode[at] == Mode::Open;
                must(serves, SERVES, "writers would find a closed server")
            }
        }
    }

    /// Waiting for a node to follow ends some time.
    fn can_follow(&self, facts: &Facts, at: At) -> Verdict {
        must(!self.lock[at], CAN_END, "its own appliers wait behind its read lock")?;
        let node = &facts.nodes[at];
        let may_come = node.arrives || self.follows[at] || !self.lacks[at] || facts.accepted(&STALE);
        must(may_come, CAN_END, "what it waits for does not arrive")
    }

    fn judge_fence(&self, facts: &Facts, aim: &Aim, at: At, how: Fencing) -> Verdict {
        must(aim.closes(at), LEAST, "the node is not to be closed")?;
        must(facts.nodes[at].how == Some(how), Invariant::OneWriter, "the server is not fenced like that")?;
        // a server that is read-only lets administrators write, unless it is locked
        let again = how == Fencing::ReadLock && !self.lock[at];
        must(self.mode[at] != Mode::Shut || again, LEAST, "it is closed already")?;
        let near = aim.gives_way != Some(at) || self.near[other(at)];
        must(near, Invariant::ShortOutage, "the new writer may be far behind when writes stop")?;
        let alone = how != Fencing::ReadLock || !self.lock[other(at)];
        must(alone, CAN_END, "both nodes would be locked at once, and neither could follow the other")
    }

    /// Where a fence lets administrators through, a read lock stops them.
    fn locked(&self, facts: &Facts, aim: &Aim, at: At) -> Verdict {
        let lets_through = facts.nodes[at].how == Some(Fencing::ReadLock);
        // a run that goes back relies on what it has seen of a node that it never opened
        let exempt = aim.way && !self.opened[at];
        must(!lets_through || self.lock[at] || exempt, Invariant::LockUntilGone, "administrators can still write there")
    }

    fn judge_open(&self, facts: &Facts, aim: &Aim, at: At) -> Verdict {
        let peer = other(at);
        must(aim.opens(at), LEAST, "the node is not to be opened")?;
        must(self.mode[at] != Mode::Open, LEAST, "it is open already")?;
        must(self.mode[peer] == Mode::Shut, Invariant::OneWriter, "the other one is not known to be closed")?;
        must(!facts.nodes[at].haunted, Invariant::OneWriter, "somebody else's switch is still under way there")?;
        self.locked(facts, aim, peer)?;
        must(!self.lock[at], CAN_END, "it would wait behind its own read lock")?;
        must(self.caught_up[at], NO_LOSS, "it is not shown to have all that the other one committed")?;
        let prepared = facts.nodes[peer].prepared;
        let tight = prepared == Some(false) || (prepared == Some(true) && facts.accepted(&[Code::PreparedXa]));
        must(tight, NO_LOSS, "transactions may be prepared on the other one, and commit later")?;
        must(self.one_history(facts, at), NO_LOSS, "both nodes may have transactions that the other one lacks")?;
        must(facts.nodes[at].listens, SERVES, "its server is not known to answer on the address")
    }

    /// Of two nodes with transactions of their own, opening one makes two histories of it.
    fn one_history(&self, facts: &Facts, at: At) -> bool {
        let (node, peer) = (&facts.nodes[at], &facts.nodes[other(at)]);
        if self.opened[at] || self.opened[other(at)] {
            return true;
        }
        // an open node's own transactions are traffic on its way
        let own = |own: Own, mode: Mode| mode == Mode::Open || own == Own::Something;
        let unknown = [node, peer].iter().any(|n| n.own == Own::Unknown && n.mode != Mode::Open);
        let here = node.mode != Mode::Open && node.own == Own::Something;
        !unknown && (!(here && own(peer.own, peer.mode)) || facts.accepted(&[Code::Diverged]))
    }

    fn judge_take(&self, facts: &Facts, aim: &Aim, at: At, role: usize, from: Option<Option<At>>) -> Verdict {
        let peer = other(at);
        must(aim.place(role) == Place::On(at), LEAST, "the role is not to be there")?;
        let unknown = [0, 1].into_iter().any(|at| facts.nodes[at].blind && !self.isolated[at]);
        must(!unknown, ONE_ADDRESS, "it is not known who has the address")?;
        must(!self.has(at, role), ONE_ADDRESS, "the node has the address already")?;
        let left = self.has(peer, role) || self.let_go[peer] & bit(role) != 0;
        // a dead node gives nothing up that its clients could be led from
        let left = left && aim.dead != Some(peer);
        must(!self.has(peer, role) || aim.dead != Some(peer), ONE_ADDRESS, "the dead node still has the address")?;
        must(from == left.then_some(Some(peer)), ONE_ADDRESS, "it does not come from where it is")?;
        // a way back leads home, however good or bad that was
        if aim.way && facts.holders(role).contains(&at) {
            return Ok(());
        }
        must(facts.nodes[at].listens, SERVES, "its server is not known to answer on the address")?;
        must(facts.nodes[at].moves, SERVES, "the node's system is not fit for it")?;
        if facts.roles[role].writes {
            must(self.mode[at] == Mode::Open, SERVES, "writers would find a closed server")?;
            let open = matches!(self.mode[peer], Mode::Open | Mode::Unknown);
            must(!open, Invariant::OneWriter, "the other one may be open")?;
            if self.has(peer, role) {
                must(self.mode[peer] == Mode::Shut, Invariant::OneWriter, "the address would lead to two writers")?;
                must(aim.way || self.locked(facts, aim, peer).is_ok(), Invariant::LockUntilGone, ADMINISTRATORS)?;
            }
            return Ok(());
        }
        // whatever its data are, there are no others
        if aim.dead == Some(peer) || facts.accepted(&STALE) {
            return Ok(());
        }
        let fresh = self.is_writer(at) || facts.nodes[at].fresh;
        must(fresh, Invariant::FreshReads, "replication does not run there, or is too far behind")?;
        let read_before = aim.held[peer] & bit(role) != 0;
        // what a node has of its own that only followed the writer is a second history, not a newer one
        let leads = self.is_writer(at) && facts.nodes[peer].mode != Mode::Open;
        let monotonic = !read_before || leads || !self.lacks[at] || self.near[at];
        must(monotonic, Invariant::FreshReads, "readers may see less than they saw before")
    }

    fn judge_end(&self, facts: &Facts, aim: &Aim, at: At, role: usize) -> Verdict {
        let peer = other(at);
        must(aim.place(role) != Place::On(at) && leaves(aim, role), LEAST, "the role is not to leave the node")?;
        let gave_way = aim.place(role) == Place::On(peer) && self.let_go[at] & bit(role) != 0;
        let there = self.has(at, role) || gave_way;
        must(there, SERVES, "its address is gone before its clients were told")?;
        let quiet = !facts.roles[role].writes || self.mode[at] == Mode::Shut;
        must(quiet, SERVES, "sessions that may still write would be cut off")?;
        let serves = !facts.roles[role].writes || self.mode[peer] == Mode::Open;
        let again = aim.place(role) != Place::On(peer) || (self.has(peer, role) && serves);
        must(again, SERVES, "ended sessions would come back to the old holder, or to nobody")
    }

    fn judge_drop(&self, facts: &Facts, aim: &Aim, at: At, role: usize, to: Option<Option<At>>) -> Verdict {
        let peer = other(at);
        must(aim.place(role) != Place::On(at) && leaves(aim, role), LEAST, "the role is not to leave the node")?;
        must(self.has(at, role), ONE_ADDRESS, "the node has not the address")?;
        must(facts.nodes[at].moves, SERVES, "the node's system is not fit for it")?;
        let writes = facts.roles[role].writes;
        must(!writes || self.mode[at] == Mode::Shut, SERVES, "sessions that may still write would be cut off")?;
        if aim.dead == Some(at) {
            must(self.isolated[at], Invariant::OneWriter, "the dead node is not known to be out yet")?;
            let ready = !writes || aim.place(role) != Place::On(peer) || self.mode[peer] == Mode::Open;
            must(ready, Invariant::SafeReturn, "nobody is there yet who could take it")?;
            return must(to.is_none(), LEAST, "a dead node hands nothing over");
        }
        match to {
            Some(to) => {
                must(to == Some(peer) && aim.place(role) == Place::On(peer), LEAST, "the role is not to be there")?;
                must(self.has(peer, role), ONE_ADDRESS, "nobody would have the address")
            }
            // a writer that cannot be fenced against everybody gives its address up first
            None => {
                let first = writes && !self.has(peer, role);
                must(
                    aim.place(role) == Place::Nowhere || first,
                    ONE_ADDRESS,
                    "it does not say who has the address then",
                )
            }
        }
    }

    fn judge_release(&self, facts: &Facts, aim: &Aim, at: At) -> Verdict {
        if !self.lock[at] {
            return Ok(());
        }
        let compared = aim.way || aim.back != Some(at) || self.compared;
        must(compared, Invariant::LockUntilGone, "administrators could write there before the two are compared")?;
        // on a way back an address may stay where it was found
        let stays = |role: &usize| aim.way && facts.holders(*role).contains(&at);
        let role = facts.write_role().filter(|role| self.has(at, *role) && leaves(aim, *role) && !stays(role));
        let here = role.is_some_and(|role| aim.place(role) != Place::On(at));
        must(!here, Invariant::LockUntilGone, "the write address is still there")?;
        let waits = aim.writer == Writer::Only(other(at)) && self.mode[other(at)] != Mode::Open;
        must(!waits, Invariant::LockUntilGone, "the new writer is not open yet")
    }
}

fn known(facts: &Facts, role: &RoleName) -> Result<usize, (Invariant, &'static str)> {
    facts.role(role).ok_or((LEAST, "it is about a role that is not of the pair"))
}

/// The goal takes the role away from somewhere.
fn leaves(aim: &Aim, role: usize) -> bool {
    aim.place(role) != Place::AsItIs
}

/// Somebody relies on a node's being up to date: writers or readers are to come.
fn asked_to_follow(facts: &Facts, aim: &Aim, at: At) -> bool {
    let readers = |role: usize| aim.place(role) == Place::On(at) && aim.held[at] & bit(role) == 0;
    aim.opens(at) || aim.back == Some(at) || (0..facts.roles.len()).any(readers)
}

/// The address was found on the node, in this form where one is given; or it is one that the node can have taken.
fn placed(facts: &Facts, at: At, role: usize, ip: std::net::IpAddr, form: Option<(u8, &Interface)>) -> bool {
    let node = &facts.nodes[at];
    let found = node.held.get(role).is_some_and(|held| {
        held.iter().any(|held| {
            held.address.ip == ip
                && form.is_none_or(|(prefix, on)| held.address.prefix == prefix && held.interface == *on)
        })
    });
    let own = facts.roles.get(role).is_some_and(|role| {
        let configured = form.is_none_or(|(prefix, on)| {
            role.address.prefix == prefix && node.interface.as_ref().is_none_or(|own| own == on)
        });
        role.address.ip == ip && configured
    });
    found || (own && node.held.get(role).is_none_or(Vec::is_empty))
}
