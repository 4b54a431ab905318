//! What a node does with a request.

use flipper::model::{Fencing, Held, Side, WriteAccess};

use crate::dice::Txns;
use crate::promises::Opening;
use crate::truth::{MS, Micros};
use crate::wire::{Core, Request, Sid, Via};

/// Something that is asked of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    // through a session
    Hello,
    /// `GET_LOCK`, and how long the session may be silent.
    Lock(Micros),
    Unlock,
    IsOurs,
    /// How long the session may be silent; and whether it has the lock.
    Expire(Micros),
    Facts,
    /// Waits so long for these transactions.
    Reach(Txns, Micros),
    /// Waits so long for statements under way.
    Fence(Micros),
    /// Lets go of the read lock first.
    Open,
    Reopen,
    Release,
    Kill(Sid),
    Exists(Sid),
    /// Sessions of others in which a change is under way.
    Remains,
    // on the machine
    Alive,
    Addresses,
    Add(usize, Held),
    Del(usize, Held),
    Announce(usize),
    EndSessions,
}

impl Ask {
    /// It changes who may write, or where an address is.
    pub(crate) fn moves(&self) -> bool {
        matches!(self, Self::Fence(_) | Self::Open | Self::Reopen | Self::Add(..) | Self::Del(..))
    }

    /// It changes more than the session that it comes through.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Self::Fence(_)
            | Self::Open
            | Self::Reopen
            | Self::Release
            | Self::Kill(_)
            | Self::Add(..)
            | Self::Del(..)
            | Self::Announce(_)
            | Self::EndSessions => true,
            Self::Hello
            | Self::Lock(_)
            | Self::Unlock
            | Self::IsOurs
            | Self::Expire(_)
            | Self::Facts
            | Self::Reach(..)
            | Self::Exists(_)
            | Self::Remains
            | Self::Alive
            | Self::Addresses => false,
        }
    }
}

/// What a node says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Done,
    Is(bool),
    /// Certainly not done; whether it may work a little later.
    No(String, bool),
    /// The connection is gone.
    Gone,
    Session(Sid),
    Facts(WriteAccess, Txns),
    Held(Vec<Held>),
    Sessions(Vec<Sid>),
    Taken(Sid, Micros),
}

impl Core {
    /// A request is at work. `Err`: until then.
    pub(crate) fn begin(&mut self, id: usize) -> Result<Said, Micros> {
        let Request { of, side, via, ask, .. } = self.requests[id].clone();
        let sid = if let Via::Sql(sid) = via { sid } else { 0 };
        let now = self.now;
        if ask.changes() {
            self.entitled(of, side, &ask);
        }
        match ask {
            Ask::Hello => Ok(Said::Session(self.session(of, side))),
            Ask::Lock(expires) => {
                if let Some(holder) = self.truth.node(side).lock.filter(|holder| *holder != sid) {
                    let heard = self.truth.node(side).sessions.get(&holder).map_or(now, |session| session.heard);
                    return Ok(Said::Taken(holder, now - heard));
                }
                self.truth.node_mut(side).lock = Some(sid);
                self.expire(side, sid, expires);
                Ok(Said::Is(true))
            }
            Ask::Unlock => {
                self.truth.node_mut(side).lock.take_if(|lock| *lock == sid);
                Ok(Said::Done)
            }
            Ask::IsOurs => Ok(Said::Is(self.truth.node(side).lock == Some(sid))),
            Ask::Expire(expires) => {
                self.expire(side, sid, expires);
                Ok(Said::Is(self.truth.node(side).lock == Some(sid)))
            }
            Ask::Facts => Ok(self.facts(of, side)),
            Ask::Reach(..) | Ask::Fence(_) => self.end(id),
            Ask::Open | Ask::Reopen => {
                self.open(of, side, ask == Ask::Open);
                Ok(Said::Done)
            }
            Ask::Release => {
                self.truth.node_mut(side).read_lock.take_if(|lock| *lock == sid);
                Ok(Said::Done)
            }
            Ask::Kill(other) => {
                self.end_session(side, other);
                Ok(Said::Done)
            }
            Ask::Exists(other) => {
                self.reap(side);
                Ok(Said::Is(self.truth.node(side).sessions.contains_key(&other)))
            }
            Ask::Remains => {
                let under = |id: &&usize| {
                    let request = &self.requests[**id];
                    request.side == side && request.of != of && request.ask.changes() && self.works(**id)
                };
                let sids = self.open.iter().filter(under).filter_map(|id| match self.requests[*id].via {
                    Via::Sql(sid) => Some(sid),
                    Via::Shell(_) | Via::New => None,
                });
                Ok(Said::Sessions(sids.collect()))
            }
            Ask::Alive => Ok(Said::Done),
            Ask::Addresses => Ok(Said::Held(self.truth.node(side).held.clone())),
            Ask::EndSessions => {
                self.truth.send_away(side);
                Ok(Said::Done)
            }
            Ask::Add(..) | Ask::Del(..) | Ask::Announce(_) => {
                let node = self.truth.node_mut(side);
                if node.refuses > 0 {
                    node.refuses -= 1;
                    self.weather.felt("refused");
                    self.troubled = now;
                    return Ok(Said::No("RTNETLINK answers: Operation not permitted".to_owned(), false));
                }
                let takes = self.dice.between(MS, 6 * MS);
                Err(now + takes)
            }
        }
    }

    /// What took its time is through. `Err`: not yet, but then.
    pub(crate) fn end(&mut self, id: usize) -> Result<Said, Micros> {
        let Request { of, side, via, ask, .. } = self.requests[id].clone();
        let sid = if let Via::Sql(sid) = via { sid } else { 0 };
        let now = self.now;
        match ask {
            Ask::Reach(wanted, until) => {
                if wanted.within(&self.truth.node(side).has) {
                    return Ok(Said::Is(true));
                }
                if now >= until { Ok(Said::Is(false)) } else { Err((now + 10 * MS).min(until)) }
            }
            Ask::Fence(until) => {
                let node = self.truth.node_mut(side);
                if node.busy > now && now < until {
                    return Err(node.busy.min(until));
                }
                if node.busy > now {
                    self.weather.felt("long write");
                    return Ok(Said::No("a statement under way did not end".to_owned(), true));
                }
                (node.access, node.strayed) = (WriteAccess::Fenced, false);
                if node.fencing() == Fencing::ReadLock {
                    node.read_lock = Some(sid);
                }
                self.tell(|| "    (it is fenced)".to_owned());
                Ok(self.facts(of, side))
            }
            Ask::Add(role, held) => {
                if self.truth.pair.roles.get(role) == self.truth.pair.write_role() {
                    self.truth.takes(side, now);
                }
                let node = self.truth.node_mut(side);
                if node.held.iter().any(|other| other.address.ip == held.address.ip) {
                    return Ok(Said::No("RTNETLINK answers: File exists".to_owned(), false));
                }
                node.held.push(held);
                self.truth.announce(role, side, now);
                self.tell(|| "    (it is up)".to_owned());
                Ok(Said::Done)
            }
            Ask::Del(_, held) => {
                let node = self.truth.node_mut(side);
                let before = node.held.len();
                node.held.retain(|other| other.address != held.address || other.interface != held.interface);
                let gone = node.held.len() < before;
                self.tell(|| "    (it is down)".to_owned());
                if gone { Ok(Said::Done) } else { Ok(Said::No("Cannot assign requested address".to_owned(), false)) }
            }
            Ask::Announce(role) => {
                let ip = self.truth.pair.roles[role].address.ip;
                if !self.truth.node(side).held.iter().any(|held| held.address.ip == ip) {
                    self.truth.broken.say(now, "S7: an address was announced by a node that does not have it");
                }
                self.truth.announce(role, side, now);
                Ok(Said::Done)
            }
            _ => self.begin(id),
        }
    }

    fn expire(&mut self, side: Side, sid: Sid, expires: Micros) {
        if let Some(session) = self.truth.node_mut(side).sessions.get_mut(&sid) {
            session.expires = Some(expires);
        }
    }

    fn facts(&mut self, of: usize, side: Side) -> Said {
        let waits = |id: &usize| {
            let request = &self.requests[*id];
            request.side == side && matches!(request.ask, Ask::Fence(_)) && self.works(*id)
        };
        let waiting = self.open.iter().any(waits);
        let node = self.truth.node(side);
        let mut access = node.access;
        if waiting && node.busy > self.now && node.fencing() == Fencing::SuperReadOnly {
            access = WriteAccess::Changing;
        }
        let facts = Said::Facts(access, node.has.clone());
        *side.of_mut(&mut self.operators[of].saw_stray) = node.strayed;
        facts
    }

    fn open(&mut self, of: usize, side: Side, planned: bool) {
        let other = side.peer();
        let pending = self.open.iter().any(|id| {
            let request = &self.requests[*id];
            request.side == other && matches!(request.ask, Ask::Open | Ask::Reopen) && self.may_fire(*id)
        });
        let operator = &self.operators[of];
        let knew = *other.of(&operator.saw_stray);
        let how = Opening { knew, pending, diverged: operator.diverged };
        let now = self.now;
        self.truth.opens(side, how, now);
        let node = self.truth.node_mut(side);
        (node.access, node.strayed, node.read_lock) = (WriteAccess::Open, false, None);
        self.tell(|| format!("    (it is open, {})", if planned { "as planned" } else { "again" }));
    }

    /// Two at work at once: each node's lock is somebody else's, who has changed something.
    fn entitled(&mut self, of: usize, side: Side, ask: &Ask) {
        // ending a session of one's own and letting go of a lock are nobody's business
        if matches!(ask, Ask::Kill(_) | Ask::Release | Ask::EndSessions) {
            return;
        }
        let holder = |side: Side| {
            let node = self.truth.node(side);
            node.lock.and_then(|lock| node.sessions.get(&lock)).map(|session| session.of)
        };
        let [first, second] = Side::BOTH.map(holder);
        let other = first.filter(|other| *other != of && first == second && self.operators[*other].changed);
        if other.is_some() {
            let (now, what) =
                (self.now, format!("S13: a run changed {} while another one had the locks", self.name(side)));
            self.truth.broken.say(now, &what);
        }
    }
}
