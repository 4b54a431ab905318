//! The actions, as `effect` performs them: which requests, in which order, and what each answer means.

use flipper::model::{Access, Action, Fencing, Held, Interface, Prefixed, RoleName, Side, Thread, WriteAccess};
use flipper::world::{Done, Failure, Happened};

use crate::dice::Txns;
use crate::hand::{Hand, Which, asked, certain, changed, micros};
use crate::server::{Ask, Said};
use crate::truth::{MS, Micros, S};
use crate::wrong::Mistake;

/// How long the peer may take to object to a reopening.
const PEER: Micros = 300 * MS;

/// How long a shell may take to show that it is there.
const SHELL: Micros = S;

/// One look from outside.
const TRY: Micros = 700 * MS;

impl Hand {
    pub(crate) async fn act(&mut self, action: &Action, limit: Micros) -> Result<Done, Failure> {
        let side = self.side(action.node());
        match action {
            Action::Approach { source, .. } => {
                let (_, has) = self.facts(self.side(source), Which::Sql, self.connect()).await?;
                self.reach(side, has, limit).await?;
                self.machines_answer(limit).await
            }
            // who writes in these storms writes for a moment only
            Action::Drain { .. } | Action::EndWriters { .. } => self.machines_answer(self.connect()).await,
            Action::Fence { .. } => self.fence(side, limit).await,
            Action::CatchUp { source, .. } => self.catch_up(side, self.side(source), limit).await,
            Action::Open { peer, .. } => self.open(side, self.side(peer), limit).await,
            Action::Reopen { peer, .. } => self.reopen(side, self.side(peer), limit).await,
            Action::Take { role, from, address, interface, .. } => {
                let from = from.as_ref().map(|from| self.side(from));
                self.take(side, from, role, *address, interface, limit).await
            }
            Action::EndSessions { .. } => self.end_sessions(side, limit).await,
            Action::Drop { role, address, interface, .. } => {
                self.machine(side, Ask::Del(self.role(role), held(*address, interface)), limit).await
            }
            Action::Announce { role, .. } => {
                self.memory.hushed.retain(|hushed| *hushed != side);
                self.machine(side, Ask::Announce(self.role(role)), limit).await
            }
            Action::Release { .. } => self.release(side, limit).await,
            Action::Verify { role, access, .. } => self.verify(side, self.role(role), *access, limit).await,
            Action::Isolate { .. }
            | Action::StopReceiving { .. }
            | Action::ResumeReceiving { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Promote { .. }
            | Action::Compare { .. }
            | Action::StartReplication { .. } => Err(certain("storms are about pairs that both are there")),
        }
    }

    fn role(&self, name: &RoleName) -> usize {
        self.pair.roles.iter().position(|role| role.name == *name).unwrap_or(0)
    }

    async fn facts(&self, side: Side, which: Which, limit: Micros) -> Result<(WriteAccess, Txns), Failure> {
        match self.sql(side, which, Ask::Facts, limit).await.map_err(|bad| asked(&bad))? {
            Said::Facts(access, has) => Ok((access, has)),
            other => Err(certain(format!("{other:?}"))),
        }
    }

    async fn machine(&self, side: Side, ask: Ask, limit: Micros) -> Result<Done, Failure> {
        self.shell(side, ask, limit).await.map(|_| Done::default()).map_err(|bad| changed(&bad))
    }

    async fn reach(&self, side: Side, wanted: Txns, limit: Micros) -> Result<Done, Failure> {
        let until = self.time() + limit;
        loop {
            let left = until.saturating_sub(self.time());
            if left == 0 {
                return Err(certain("the position was not reached in time"));
            }
            let wait = left.min(S);
            let ask = Ask::Reach(wanted.clone(), self.time() + wait);
            if self.sql(side, Which::Sql, ask, wait + S).await.map_err(|bad| asked(&bad))? == Said::Is(true) {
                return Ok(Done::default());
            }
            // a wait does not notice a thread that has stopped
            self.facts(side, Which::Sql, TRY).await?;
            let runs = |thread| thread == Thread::Running;
            let channels = self.core.borrow().truth.node(side).base.channels.clone();
            if !channels.known().is_some_and(|all| all.iter().all(|c| runs(c.receiver) && runs(c.applier))) {
                return Err(certain("a replication thread does not run"));
            }
        }
    }

    async fn hush(&mut self, side: Side, limit: Micros) -> Result<(), Failure> {
        if !self.memory.hushed.contains(&side) {
            self.shell(side, Ask::Alive, limit).await.map_err(|bad| changed(&bad))?;
            self.memory.hushed.push(side);
        }
        Ok(())
    }

    async fn machines_answer(&mut self, limit: Micros) -> Result<Done, Failure> {
        for side in Side::BOTH {
            self.hush(side, limit).await.map_err(|failure| certain(failure.what))?;
        }
        let limit = limit.min(SHELL);
        let (a, b) =
            tokio::join!(self.shell(Side::First, Ask::Alive, limit), self.shell(Side::Second, Ask::Alive, limit));
        a.and(b).map(|_| Done::default()).map_err(|bad| asked(&bad))
    }

    /// The server ends what it hears nothing of; the session that asks has the lock.
    async fn expire(&self, side: Side, limit: Micros) -> Result<(), Failure> {
        let silence = micros(self.pair.limits.silence());
        match self.sql(side, Which::Sql, Ask::Expire(silence), limit).await.map_err(|bad| asked(&bad))? {
            Said::Is(true) => Ok(()),
            _ => Err(certain("the pair's lock was lost")),
        }
    }

    async fn expire_guard(&self, side: Side, limit: Micros) -> Result<(), Failure> {
        let silence = micros(self.pair.limits.silence());
        self.sql(side, Which::Guard, Ask::Expire(silence), limit).await.map(drop).map_err(|bad| asked(&bad))
    }

    fn by_lock(&self, side: Side) -> bool {
        self.core.borrow().truth.node(side).fencing() == Fencing::ReadLock
    }

    async fn fence(&mut self, side: Side, limit: Micros) -> Result<Done, Failure> {
        let other = side.peer();
        let (a, b, c, d) = tokio::join!(
            self.expire_guard(side, limit),
            self.expire_guard(other, limit),
            self.expire(side, limit),
            self.expire(other, limit)
        );
        a.and(b).and(c).and(d)?;
        let wait = micros(self.pair.limits.fence);
        let Some(session) = self.link(side).guard else { return Err(certain("there is no connection")) };
        let result = self.sql(side, Which::Guard, Ask::Fence(self.time() + wait), limit).await;
        if self.by_lock(side) {
            self.memory.locked = Some((side, session));
        }
        match result {
            Ok(Said::Facts(WriteAccess::Fenced, has)) => {
                self.memory.fenced = Some((side, has));
                Ok(Done::default())
            }
            Ok(other) => Err(Failure { happened: Happened::Unknown, what: format!("{other:?}"), again: false }),
            Err(bad) => {
                self.lay(side, &bad, wait + S).await;
                let failure = changed(&bad);
                if failure.happened == Happened::No {
                    self.memory.locked = None;
                }
                Err(failure)
            }
        }
    }

    async fn catch_up(&mut self, side: Side, source: Side, limit: Micros) -> Result<Done, Failure> {
        let remembered = self.memory.fenced.as_ref().filter(|(fenced, _)| *fenced == source).map(|(_, at)| at.clone());
        let at = match remembered {
            Some(at) => at,
            None => {
                let (access, at) = self.facts(source, Which::Sql, self.connect()).await?;
                if access != WriteAccess::Fenced {
                    return Err(certain(format!("the other node is {access}, not fenced")));
                }
                self.memory.fenced = Some((source, at.clone()));
                at
            }
        };
        self.reach(side, at, limit).await
    }

    async fn open(&mut self, side: Side, peer: Side, limit: Micros) -> Result<Done, Failure> {
        let Some((_, stood)) = self.memory.fenced.clone().filter(|(fenced, _)| *fenced == peer) else {
            return Err(certain("the position was not read while the other node was fenced"));
        };
        let until = self.time() + limit;
        let locked = self.memory.locked.is_some_and(|(on, _)| on == peer);
        let which = if locked { Which::Guard } else { Which::Sql };
        let alive = async {
            self.shell(side, Ask::Alive, limit.min(SHELL)).await.map_err(|bad| asked(&bad))?;
            self.expire(side, limit).await
        };
        let (facts, ready) = tokio::join!(self.facts(peer, which, limit), alive);
        ready?;
        let unread = self.mistake == Some(Mistake::NeverReadsBack);
        let (access, at) = if unread { (WriteAccess::Fenced, stood.clone()) } else { facts? };
        if access != WriteAccess::Fenced {
            return Err(certain(format!("the other node is {access} again: somebody changed it")));
        }
        if at != stood {
            return Err(certain("the other node has moved on although it is fenced"));
        }
        let left = until.saturating_sub(self.time());
        if left == 0 {
            return Err(certain("not opened: no time left"));
        }
        let result = self.sql(side, Which::Sql, Ask::Open, left).await;
        self.opened(side, result).await
    }

    async fn opened(&mut self, side: Side, result: Result<Said, crate::hand::Bad>) -> Result<Done, Failure> {
        match result {
            Ok(_) => Ok(Done::default()),
            Err(bad) => {
                let wait = micros(self.pair.limits.fence) + S;
                self.lay(side, &bad, wait).await;
                Err(changed(&bad))
            }
        }
    }

    async fn reopen(&mut self, side: Side, peer: Side, limit: Micros) -> Result<Done, Failure> {
        match self.facts(peer, Which::Sql, PEER).await.map(|(access, _)| access) {
            Ok(WriteAccess::Open) => return Err(certain("the other node is open: somebody else opened it")),
            Ok(WriteAccess::Fenced | WriteAccess::Guarded) => {}
            Ok(WriteAccess::Changing | WriteAccess::Unseen) | Err(_) if self.memory.distrustful => {
                return Err(certain(
                    "the lock was lost for a while, and the other node does not say that it is closed",
                ));
            }
            Ok(WriteAccess::Changing | WriteAccess::Unseen) | Err(_) => {}
        }
        self.lay_all(side, limit).await?;
        let held = self.held(side, limit).await?;
        let which = if held { Which::Guard } else { Which::Sql };
        let result = self.sql(side, which, Ask::Reopen, limit).await;
        let done = self.opened(side, result).await?;
        (self.memory.locked, self.memory.fenced) = (None, None);
        Ok(done)
    }

    /// Whether the guard session has the read lock; one that is lost to us is ended.
    async fn held(&mut self, side: Side, limit: Micros) -> Result<bool, Failure> {
        let Some((_, session)) = self.memory.locked.filter(|(on, _)| *on == side) else { return Ok(false) };
        if self.link(side).guard == Some(session) {
            return Ok(true);
        }
        self.end(side, session, limit).await?;
        self.memory.locked = None;
        Ok(false)
    }

    async fn take(
        &mut self,
        side: Side,
        from: Option<Side>,
        role: &RoleName,
        address: Prefixed,
        interface: &Interface,
        limit: Micros,
    ) -> Result<Done, Failure> {
        if let Some(from) = from {
            self.hush(from, limit).await?;
        }
        self.machine(side, Ask::Add(self.role(role), held(address, interface)), limit).await
    }

    async fn end_sessions(&self, side: Side, limit: Micros) -> Result<Done, Failure> {
        self.sql(side, Which::Sql, Ask::Facts, limit).await.map_err(|bad| asked(&bad))?;
        self.machine(side, Ask::EndSessions, limit).await
    }

    async fn release(&mut self, side: Side, limit: Micros) -> Result<Done, Failure> {
        if !self.held(side, limit).await? {
            return Ok(Done::default());
        }
        match self.sql(side, Which::Guard, Ask::Release, limit).await {
            Ok(_) => {
                self.memory.locked = None;
                Ok(Done::default())
            }
            Err(bad) => {
                self.lay(side, &bad, limit).await;
                Err(changed(&bad))
            }
        }
    }

    /// Connects to a role's address from outside until the right node answers as it should.
    async fn verify(&self, side: Side, role: usize, access: Access, limit: Micros) -> Result<Done, Failure> {
        let until = self.time() + limit;
        loop {
            let left = until.saturating_sub(self.time());
            let leads = self.core.borrow().truth.leads(role);
            let why = match leads {
                None => {
                    self.sleep(left.min(TRY)).await;
                    "nobody answers".to_owned()
                }
                Some(to) => match self.outside(to, left.min(TRY)).await {
                    None => "nobody answers".to_owned(),
                    Some(_) if to != side => "the other node answers".to_owned(),
                    Some(found) if access == Access::ReadWrite && found != WriteAccess::Open => {
                        format!("it is {found}")
                    }
                    Some(_) => return Ok(Done { note: Some("it leads there".to_owned()) }),
                },
            };
            if self.time() + 50 * MS >= until {
                return Err(certain(format!("does not lead there as it should: {why}")));
            }
            self.sleep(30 * MS).await;
        }
    }
}

fn held(address: Prefixed, interface: &Interface) -> Held {
    Held { address, interface: interface.clone(), secondary: false, unusable: false }
}
