//! The tool's hand in the storm: it keeps sessions, ghosts and locks as `apply/live.rs` and `effect` do.
//!
//! Those two cannot be run without servers, and are tried on real ones (`tests/faults`). What is tried here is everything
//! above them: this is their contract, with the same limits and the same memory.

use std::time::Duration;

use flipper::model::{Code, NodeSnapshot, Observed, Pair, Side, WriteAccess};
use flipper::world::{Failure, Happened, Holder, NoLock};

use crate::dice::Txns;
use crate::server::{Ask, Said};
use crate::time::{Pulse, Until};
use crate::truth::{MS, Micros, S};
use crate::wire::{Ev, Link, Shared, Sid, Via};
use crate::wrong::Mistake;

/// How long a node that could not be reached is left alone.
const GIVEN_UP: Micros = 4 * S;

pub(crate) fn micros(time: Duration) -> Micros {
    time.as_micros() as Micros
}

/// A request that did not end well.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bad {
    /// It was not sent.
    Closed,
    /// No answer, or none any more.
    NoAnswer(Option<Sid>),
    Refused(String, bool),
}

impl Bad {
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Closed => "there is no connection".to_owned(),
            Self::NoAnswer(_) => "no answer".to_owned(),
            Self::Refused(why, _) => why.clone(),
        }
    }
}

/// Which of a node's two sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Sql,
    Guard,
}

/// What a run remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) fenced: Option<(Side, Txns)>,
    pub(crate) locked: Option<(Side, Sid)>,
    pub(crate) ghosts: Vec<(Side, Sid)>,
    pub(crate) hushed: Vec<Side>,
    pub(crate) distrustful: bool,
}

/// One operator's tool.
pub(crate) struct Hand {
    pub(crate) core: Shared,
    pub(crate) of: usize,
    pub(crate) pair: Pair,
    pub(crate) memory: Memory,
    pub(crate) mistake: Option<Mistake>,
    pub(crate) lock_sessions: [Option<Sid>; 2],
    pub(crate) first_lock: [Option<Sid>; 2],
    /// The lock did not have to be had again there since the last look.
    pub(crate) kept: [bool; 2],
    pub(crate) locked_at: Micros,
    pub(crate) changed: bool,
}

pub(crate) fn certain(what: impl Into<String>) -> Failure {
    Failure { happened: Happened::No, what: what.into(), again: false }
}

/// A question that was not answered changed nothing.
pub(crate) fn asked(bad: &Bad) -> Failure {
    certain(bad.what())
}

pub(crate) fn changed(bad: &Bad) -> Failure {
    match bad {
        Bad::NoAnswer(_) => Failure { happened: Happened::Unknown, what: bad.what(), again: false },
        Bad::Closed => certain(bad.what()),
        Bad::Refused(why, again) => Failure { happened: Happened::No, what: why.clone(), again: *again },
    }
}

impl Hand {
    /// A new operator at the pair.
    pub(crate) fn new(core: &Shared, overrides: &[Code]) -> Self {
        let of = core.borrow_mut().operator();
        core.borrow_mut().operators[of].diverged = overrides.contains(&Code::Diverged);
        let pair = core.borrow().truth.pair.clone();
        Self {
            core: core.clone(),
            of,
            pair,
            memory: Memory::default(),
            mistake: None,
            lock_sessions: [None, None],
            first_lock: [None, None],
            kept: [true, true],
            locked_at: 0,
            changed: false,
        }
    }

    pub(crate) fn time(&self) -> Micros {
        self.core.borrow().now
    }

    pub(crate) fn link(&self, side: Side) -> Link {
        *side.of(&self.core.borrow().operators[self.of].links)
    }

    pub(crate) fn edit(&self, side: Side, edit: impl FnOnce(&mut Link)) {
        edit(side.of_mut(&mut self.core.borrow_mut().operators[self.of].links));
    }

    pub(crate) fn side(&self, node: &flipper::model::NodeName) -> Side {
        self.pair.side(node).unwrap_or(Side::First)
    }

    pub(crate) fn connect(&self) -> Micros {
        micros(self.pair.limits.connect)
    }

    /// Asks, and waits for the answer so long.
    async fn call(&self, side: Side, via: Via, ask: Ask, limit: Micros) -> Option<Said> {
        Pulse(&self.core, self.of).await;
        let id = self.core.borrow_mut().send(self.of, side, via, ask);
        let until = self.time() + limit;
        self.core.borrow_mut().at(until, Ev::Wake);
        Until { core: &self.core, of: self.of, request: Some(id), until }.await;
        self.core.borrow_mut().hear(id)
    }

    /// Through one of the sessions.
    pub(crate) async fn sql(&self, side: Side, which: Which, ask: Ask, limit: Micros) -> Result<Said, Bad> {
        let link = self.link(side);
        let Some(sid) = (if which == Which::Sql { link.sql } else { link.guard }) else { return Err(Bad::Closed) };
        let keep = |sid: Option<Sid>| {
            self.edit(side, |link| match which {
                Which::Sql => link.sql = sid,
                Which::Guard => link.guard = sid,
            });
        };
        // a connection whose call had no answer, or was given up, is never used again
        keep(None);
        match self.call(side, Via::Sql(sid), ask, limit).await {
            Some(Said::Gone) | None => Err(Bad::NoAnswer(Some(sid))),
            Some(Said::No(why, again)) => {
                keep(Some(sid));
                Err(Bad::Refused(why, again))
            }
            Some(said) => {
                keep(Some(sid));
                Ok(said)
            }
        }
    }

    /// On the machine.
    pub(crate) async fn shell(&self, side: Side, ask: Ask, limit: Micros) -> Result<Said, Bad> {
        if !self.link(side).shell {
            return Err(Bad::Closed);
        }
        let begin_by = self.time() + limit;
        match self.call(side, Via::Shell(begin_by), ask, limit).await {
            Some(Said::Gone) | None => {
                self.edit(side, |link| (link.shell, link.fires) = (false, begin_by + 50 * MS));
                Err(Bad::NoAnswer(None))
            }
            Some(Said::No(why, again)) => Err(Bad::Refused(why, again)),
            Some(said) => Ok(said),
        }
    }

    /// A new connection from outside: whom the server there lets write.
    pub(crate) async fn outside(&self, side: Side, limit: Micros) -> Option<WriteAccess> {
        match self.call(side, Via::New, Ask::Facts, limit).await {
            Some(Said::Facts(access, _)) => Some(access),
            _ => None,
        }
    }

    pub(crate) async fn sleep(&self, time: Micros) {
        let until = self.time() + time;
        self.core.borrow_mut().at(until, Ev::Wake);
        Until { core: &self.core, of: self.of, request: None, until }.await;
    }

    pub(crate) async fn reconnect_one(&self, side: Side, which: Which, limit: Micros) -> bool {
        let Some(Said::Session(sid)) = self.call(side, Via::New, Ask::Hello, limit).await else { return false };
        self.edit(side, |link| match which {
            Which::Sql => link.sql = Some(sid),
            Which::Guard => link.guard = Some(sid),
        });
        true
    }

    /// Opens what is closed. Whether all of it is open then.
    async fn reconnect(&self, side: Side) -> bool {
        let limit = self.connect();
        let link = self.link(side);
        let (mut sql, mut shell) = (true, true);
        if link.sql.is_none() {
            sql = self.reconnect_one(side, Which::Sql, limit).await;
        }
        if link.guard.is_none() && sql {
            sql = self.reconnect_one(side, Which::Guard, limit).await;
            if sql && self.changed {
                let silence = micros(self.pair.limits.silence());
                let _ = self.sql(side, Which::Sql, Ask::Expire(silence), limit).await;
                let _ = self.sql(side, Which::Guard, Ask::Expire(silence), limit).await;
            }
        }
        if !link.shell {
            let there = self.call(side, Via::Shell(self.time() + limit), Ask::Alive, limit).await;
            shell = there == Some(Said::Done);
            self.edit(side, |link| link.shell = shell);
        }
        sql && shell
    }

    pub(crate) async fn mend(&self, side: Side) {
        if self.link(side).given_up <= self.time() && !self.reconnect(side).await {
            let until = self.time() + GIVEN_UP;
            self.edit(side, |link| link.given_up = until);
        }
    }

    /// Ends every session on a node whose last request had no answer.
    pub(crate) async fn lay_all(&mut self, side: Side, limit: Micros) -> Result<(), Failure> {
        let ghosts: Vec<Sid> = self.memory.ghosts.iter().filter(|(on, _)| *on == side).map(|(_, sid)| *sid).collect();
        for sid in ghosts {
            self.end(side, sid, limit).await?;
            self.memory.ghosts.retain(|ghost| *ghost != (side, sid));
            self.memory.locked.take_if(|locked| *locked == (side, sid));
        }
        Ok(())
    }

    pub(crate) async fn end(&self, side: Side, sid: Sid, limit: Micros) -> Result<(), Failure> {
        let until = self.time() + limit;
        if self.link(side).sql.is_none() {
            self.reconnect_one(side, Which::Sql, limit).await;
        }
        loop {
            let left = until.saturating_sub(self.time());
            let there = self.sql(side, Which::Sql, Ask::Exists(sid), left).await.map_err(|bad| asked(&bad))?;
            if there == Said::Is(false) {
                return Ok(());
            }
            if left == 0 {
                return Err(certain("a session of ours does not end"));
            }
            self.sql(side, Which::Sql, Ask::Kill(sid), left).await.map_err(|bad| asked(&bad))?;
            self.sleep(20 * MS).await;
        }
    }

    pub(crate) async fn lay(&mut self, side: Side, bad: &Bad, limit: Micros) {
        if let Bad::NoAnswer(Some(sid)) = bad {
            self.memory.ghosts.push((side, *sid));
            let _ = self.lay_all(side, limit).await;
        }
    }

    /// The lock is ours, and nothing of ours can still fire on a node.
    pub(crate) async fn settle(&mut self, side: Side) -> Result<(), String> {
        let limit = self.connect();
        let session = self.link(side).sql;
        let held = *side.of(&self.lock_sessions);
        if let Some(old) = held.filter(|old| Some(*old) != session)
            && !self.memory.ghosts.contains(&(side, old))
        {
            self.memory.ghosts.push((side, old));
        }
        self.lay_all(side, limit).await.map_err(|left| format!("a statement of ours may still fire: {}", left.what))?;
        let Some(session) = session.filter(|_| held.is_some() && held != session) else { return Ok(()) };
        match self.lock_one(side).await {
            Ok(()) => {
                *side.of_mut(&mut self.lock_sessions) = Some(session);
                *side.of_mut(&mut self.kept) = false;
                Ok(())
            }
            Err(NoLock::Taken(by)) => Err(format!("the lock was lost, and taken by {by}")),
            Err(NoLock::Failed(why)) => Err(format!("the lock was lost: {why}")),
        }
    }

    pub(crate) async fn lock_one(&self, side: Side) -> Result<(), NoLock> {
        let (limit, expires) = (self.connect(), micros(self.pair.limits.lock_silence()));
        match self.sql(side, Which::Sql, Ask::Lock(expires), limit).await {
            Ok(Said::Taken(holder, idle)) => Err(NoLock::Taken(Holder {
                session: format!("session {holder} on {}", self.pair.node(side).name),
                held: None,
                idle: Some(Duration::from_micros(idle)),
            })),
            Ok(_) => {
                let _ = self.sql(side, Which::Guard, Ask::Expire(expires), limit).await;
                Ok(())
            }
            Err(bad) => Err(NoLock::Failed(bad.what())),
        }
    }

    pub(crate) async fn still_locked(&self, side: Side, held: Option<Sid>, ask: bool) -> Result<(), String> {
        if held.is_none() || self.link(side).sql != held {
            return Err("its session has ended".to_owned());
        }
        if !ask {
            return Ok(());
        }
        match self.sql(side, Which::Sql, Ask::IsOurs, self.connect()).await {
            Ok(Said::Is(true)) => Ok(()),
            Ok(_) => Err("its session has it no more".to_owned()),
            Err(bad) => Err(bad.what()),
        }
    }

    /// The session that has the read lock of our fence opens the node again.
    pub(crate) fn by_guard(&self, side: Side) -> bool {
        self.memory.locked.is_some_and(|(on, sid)| on == side && self.link(side).guard == Some(sid))
    }

    pub(crate) async fn reopened(&self, side: Side) -> bool {
        if self.link(side).sql.is_some() {
            return true;
        }
        if self.link(side).given_up > self.time() {
            return false;
        }
        let open = self.reconnect_one(side, Which::Sql, self.connect()).await;
        if !open {
            let until = self.time() + GIVEN_UP;
            self.edit(side, |link| link.given_up = until);
        }
        open
    }

    /// One node, as far as it answers; and what it has.
    pub(crate) async fn look(&self, side: Side) -> (NodeSnapshot, Option<Txns>) {
        let limit = self.connect();
        let name = self.pair.node(side).name.clone();
        let facts = self.sql(side, Which::Sql, Ask::Facts, limit).await;
        let addresses = self.shell(side, Ask::Addresses, limit).await;
        let mut seen = self.core.borrow().truth.node(side).base.clone();
        let mut has = None;
        match facts {
            Ok(Said::Facts(access, txns)) => {
                seen.access = Observed::Known(access);
                has = Some(txns);
            }
            Ok(_) => {}
            Err(bad) => {
                let system = std::mem::replace(&mut seen.system, Observed::Unknown(bad.what()));
                seen = NodeSnapshot { system, ..NodeSnapshot::unseen(name, &bad.what()) };
            }
        }
        match addresses {
            Ok(Said::Held(held)) => seen.addresses = Observed::Known(held),
            Ok(_) => {}
            Err(bad) => {
                seen.addresses = Observed::Unknown(bad.what());
                seen.system = Observed::Unknown(bad.what());
                seen.same_machine = Observed::Unknown(bad.what());
            }
        }
        (seen, has)
    }
}
