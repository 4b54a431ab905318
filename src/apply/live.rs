//! The world of real servers.

mod again;
mod looks;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connect::{reconnect, revisit, session_of, still_locked};
use crate::effect::{self, Fence, Hands, Known, Memory};
use crate::link::{self, Link};
use crate::model::{Access, Action, Deposed, NodeSnapshot, Pair, Server, Side, Snapshot, Witness};
use crate::observe;
use crate::world::{Done, Failure, Happened, NoLock, World, Writer};

/// How long a node that could not be reached is left alone, so that the way back does not wait for it at every look.
const GIVEN_UP: Duration = Duration::from_secs(4);

/// A connection that ends sooner than this has broken; one that is cut is silent.
const BROKE: Duration = Duration::from_millis(500);

/// Two nodes, by their open connections.
pub struct LiveWorld {
    pair: Pair,
    links: [Link; 2],
    known: [Option<Known>; 2],
    memory: Memory,
    /// A node that could not be reached a moment ago is not waited for again until then.
    given_up: [Option<Instant>; 2],
    /// The sessions that hold the pair's lock.
    lock_sessions: [Option<u64>; 2],
    /// The sessions that got it first: where another one has it now, somebody else may have had it in between.
    first_lock: [Option<u64>; 2],
    /// It did not have to be had again there since the last look. Held without a gap on one node is enough: nobody else
    /// can have had both.
    kept: [bool; 2],
    /// When both sessions were last known to have it.
    locked_at: Instant,
    /// Something was told to a node that changes it.
    changed: bool,
    control_dir: PathBuf,
    began: Instant,
    /// An action was performed: from then on only what a plan rests on is looked at.
    begun: bool,
    /// The node that is declared dead: its server is asked once more before the first step, and then left alone.
    dead: Option<Side>,
    /// What the survivor said of it before the first step.
    witness: Option<Witness>,
    /// Who was declared dead before, as this machine remembers.
    deposed: [Option<Deposed>; 2],
}

impl LiveWorld {
    /// The nodes behind `links`, as `seen` through them. `control_dir`: where the links' ssh connections live.
    #[must_use]
    pub fn new(pair: Pair, links: [Link; 2], control_dir: PathBuf, seen: &Snapshot) -> Self {
        let mut world = Self {
            pair,
            links,
            known: [None, None],
            memory: Memory::default(),
            given_up: [None, None],
            lock_sessions: [None, None],
            first_lock: [None, None],
            kept: [true, true],
            locked_at: Instant::now(),
            changed: false,
            control_dir,
            began: Instant::now(),
            begun: false,
            dead: None,
            witness: None,
            deposed: seen.nodes.each_ref().map(|node| node.deposed.clone()),
        };
        world.learn(seen);
        world
    }

    /// The same for a plan that declares a node dead. `fence`: the operator's program that keeps it out.
    #[must_use]
    pub fn without(mut self, dead: Option<Side>, fence: Option<Fence>, seen: &Snapshot) -> Self {
        self.dead = dead;
        self.memory.with_fence(fence);
        self.learn(seen);
        self
    }

    /// What is known is kept while a node cannot be seen: how to spell things for it does not change.
    fn learn(&mut self, seen: &Snapshot) {
        for side in Side::BOTH {
            let node = seen.node(side);
            let target = &side.of(&self.links).target;
            if let (Some(server), Some(system)) = (node.server.known(), node.system.known()) {
                *side.of_mut(&mut self.known) = Some(Known {
                    server: server.clone(),
                    system: system.clone(),
                    sudo: target.ssh.sudo,
                    mysql: target.mysql.clone(),
                });
            }
        }
        // of a dead node's server nothing is asked; what its machine is told does not depend on it
        if let Some(dead) = self.dead
            && let (Some(server), Some(system)) =
                (seen.node(dead.peer()).server.known(), seen.node(dead).system.known())
        {
            let target = &dead.of(&self.links).target;
            *dead.of_mut(&mut self.known) = Some(Known {
                server: server.clone(),
                system: system.clone(),
                sudo: target.ssh.sudo,
                mysql: target.mysql.clone(),
            });
        }
    }

    /// Where a survivor stood when it was opened in this run.
    #[must_use]
    pub fn took_over(&self) -> Option<String> {
        self.memory.took_over().map(str::to_owned)
    }

    /// Sessions are told of with their statements.
    pub fn show_statements(&mut self) {
        self.memory.show_statements();
    }

    /// Says goodbye to both nodes.
    pub async fn close(self) {
        link::close(self.links, &self.control_dir, self.pair.limits.connect).await;
    }

    fn hands(&mut self) -> Hands<'_> {
        Hands { pair: &self.pair, links: &mut self.links, known: &self.known, memory: &mut self.memory }
    }

    /// Opens what earlier failures closed, on both nodes at once. Which of them were waited for in vain.
    async fn reconnect(&mut self) -> [bool; 2] {
        let limit = self.pair.limits.connect;
        // the id of a session that may still hold a read lock on the server is not lost with it: effect remembers it
        let control = self.control_dir.as_path();
        let [first, second] = &mut self.links;
        // a command whose end is not known is not to change what is about to be looked at
        let may_fire = [&*first, &*second].map(|link| link.may_fire_for());
        if let Some(time) = may_fire.into_iter().flatten().max() {
            sleep(time).await;
        }
        let silence = self.pair.limits.silence();
        // what does not work is seen by whoever uses it next
        let dead = self.dead;
        let mend = |side, link, given_up: &mut Option<Instant>| {
            let due = given_up.is_none_or(|until| until <= Instant::now());
            async move {
                if dead == Some(side) {
                    revisit(link, control, limit).await;
                    return None;
                }
                if !due {
                    return None;
                }
                let mended = tokio::time::timeout(limit * 2, reconnect(link, control, silence, limit)).await;
                (!mended.unwrap_or(false)).then(|| Instant::now() + GIVEN_UP)
            }
        };
        let [one, two] = &mut self.given_up;
        let (first, second) = tokio::join!(mend(Side::First, first, one), mend(Side::Second, second, two));
        *one = first.or(*one);
        *two = second.or(*two);
        [first.is_some(), second.is_some()]
    }

    /// Makes sure that the lock is ours and that nothing of ours can still fire on a node. Returns why nothing that is
    /// seen there can be relied on, where that is so; it is asked again each time, until it is so.
    async fn settle(&mut self, side: Side) -> Result<(), String> {
        if self.dead == Some(side) {
            return Ok(());
        }
        let limit = self.pair.limits.connect;
        let name = self.pair.node(side).name.clone();
        let session = session_of(side.of(&self.links));
        let held = *side.of(&self.lock_sessions);
        if let Some(old) = held.filter(|old| Some(*old) != session) {
            // the lock went with the session that held it, or is held by what is left of that one
            self.memory.leave(&name, old);
        }
        let laid = self.hands().lay_all(&name, limit).await;
        laid.map_err(|left| format!("a statement of ours may still take effect there: {}", left.what))?;
        let Some(session) = session.filter(|_| held.is_some() && held != session) else { return Ok(()) };
        let Some(known) = side.of(&self.known) else { return Ok(()) };
        let link = side.of_mut(&mut self.links);
        match effect::lock_one(&self.pair, link, &known.server, limit).await {
            Ok(()) => {
                *side.of_mut(&mut self.lock_sessions) = Some(session);
                *side.of_mut(&mut self.kept) = false;
                Ok(())
            }
            Err(NoLock::Taken(by)) => Err(format!("the pair's lock was lost with a connection, and taken by {by}")),
            Err(NoLock::Failed(why)) => Err(format!("the pair's lock was lost with a connection: {why}")),
        }
    }

    /// A statement of ours may still take effect there, and there is no session to end it with.
    fn is_haunted(&self, side: Side) -> bool {
        let link = side.of(&self.links);
        session_of(link).is_none() && self.memory.is_haunted(link.name())
    }

    fn haunted_by(&self, side: Side) -> String {
        let sql = side.of(&self.links).sql.as_ref();
        let why = sql.map_or_else(ToString::to_string, |_| "its session has ended".to_owned());
        format!("a statement of ours may still take effect there: {why}")
    }

    /// The session for questions and changes is open, or open again.
    async fn reopened(&mut self, side: Side) -> bool {
        let link = side.of_mut(&mut self.links);
        if session_of(link).is_some() {
            return true;
        }
        if side.of(&self.given_up).is_some_and(|until| until > Instant::now()) {
            return false;
        }
        let open = link.reconnect_sql(self.pair.limits.connect).await.is_ok();
        if !open {
            *side.of_mut(&mut self.given_up) = Some(Instant::now() + GIVEN_UP);
        }
        open
    }

    async fn attempt(&mut self, action: &Action, limit: Duration, patience: Duration) -> Result<Done, Failure> {
        match tokio::time::timeout(patience, self.hands().perform(action, limit)).await {
            Ok(result) => result,
            Err(_) => {
                self.abandon();
                Err(Failure { happened: Happened::Unknown, what: format!("no end within {patience:?}"), again: false })
            }
        }
    }

    /// After an action that was cut off from outside: what its sessions were asked for may still take effect.
    fn abandon(&mut self) {
        for link in &self.links {
            for sql in [&link.sql, &link.guard].into_iter().flatten().filter(|sql| sql.is_closed()) {
                self.memory.leave(link.name(), u64::from(sql.thread_id()));
            }
        }
    }
}

impl World for LiveWorld {
    async fn snapshot(&mut self) -> Snapshot {
        // a wait that was given up has left its session, too
        self.abandon();
        let in_vain = self.reconnect().await;
        let mut lost = [None, None];
        for side in Side::BOTH {
            *side.of_mut(&mut lost) = match side.of(&in_vain) {
                // it was waited for a moment ago, and said nothing: not twice for one look
                true if self.is_haunted(side) => Some(self.haunted_by(side)),
                _ => self.settle(side).await.err(),
            };
        }
        self.kept = [true, true];
        let mut seen = match self.begun {
            false => observe::snapshot(&self.pair, &mut self.links).await,
            true => observe::structure(&self.pair, &mut self.links).await,
        };
        for side in Side::BOTH {
            seen.node_mut(side).deposed = side.of(&self.deposed).clone();
        }
        if let Some(dead) = self.dead {
            self.last_look(dead, &mut seen).await;
        }
        for side in Side::BOTH {
            let node = seen.node(side);
            let why = side.of(&lost).clone().or_else(|| self.same_server(side, node).err());
            if let Some(why) = why {
                *seen.node_mut(side) = NodeSnapshot::unseen(self.pair.node(side).name.clone(), &why);
            }
        }
        self.learn(&seen);
        seen
    }

    /// Before anything is changed, a lock that is lost, or cannot be seen, ends the run. Afterwards a session may be gone
    /// because its server is: then it is had again where that is possible, and only somebody else's having it is a
    /// reason to stop. Inside the write outage nobody is asked: each statement there goes through the very session that
    /// has the lock, and fails if that is gone (see `effect`). Only a run that stood still for a while (stopped, or on a
    /// machine that slept) asks there too: the servers may have ended its sessions, and somebody else may be at work.
    async fn hold(&mut self, action: &Action) -> Result<(), Failure> {
        let in_outage = match action {
            Action::CatchUp { .. }
            | Action::Open { .. }
            | Action::Reopen { .. }
            | Action::Take { access: Access::ReadWrite, .. } => true,
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::Fence { .. }
            | Action::Take { access: Access::ReadOnly, .. }
            | Action::EndSessions { .. }
            | Action::Drop { .. }
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
        let ask = !in_outage || self.locked_at.elapsed() > self.pair.limits.silence() / 2;
        let [one, two] = self.lock_sessions;
        if one.is_none() && two.is_none() {
            return Ok(());
        }
        let limit = self.pair.limits.connect;
        let [first, second] = &mut self.links;
        let dead = self.dead;
        let locked = |side, link, held| async move {
            if dead == Some(side) { Ok(()) } else { still_locked(link, held, ask, limit).await }
        };
        let (a, b) = tokio::join!(locked(Side::First, first, one), locked(Side::Second, second, two));
        if ask && a.is_ok() && b.is_ok() {
            self.locked_at = Instant::now();
        }
        for (side, lost) in [(Side::First, a.err()), (Side::Second, b.err())] {
            let Some(why) = lost else { continue };
            let name = self.pair.node(side).name.clone();
            let gone = |why: String| Failure {
                happened: Happened::No,
                what: format!("the pair's lock on {name} was lost: {why}"),
                again: false,
            };
            // what opens the old writer again has its own way to be sure, see `perform`
            let sure = matches!(action, Action::Reopen { .. });
            if !self.changed || (in_outage && ask && !sure) {
                return Err(gone(why));
            }
            if !in_outage && self.reopened(side).await {
                self.settle(side).await.map_err(gone)?;
            }
        }
        let without_a_gap = |side: Side| {
            let held = *side.of(&self.lock_sessions);
            *side.of(&self.kept) && held.is_some() && session_of(side.of(&self.links)) == held
        };
        // what opens the old writer again has its own way to be sure
        if !Side::BOTH.into_iter().any(without_a_gap) && !matches!(action, Action::Reopen { .. }) {
            let what = "the pair's lock was lost on both nodes for a while: somebody else may have been at work";
            return Err(Failure { happened: Happened::No, what: what.to_owned(), again: false });
        }
        Ok(())
    }

    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        self.begun = true;
        // every call below has a limit of its own; this one is for what they have forgotten
        let patience = limit + self.pair.limits.connect * 2 + self.pair.limits.fence;
        // a session that is ended is nothing that a way back would have to undo
        self.changed |= !matches!(
            action,
            Action::Approach { .. }
                | Action::Drain { .. }
                | Action::EndWriters { .. }
                | Action::Verify { .. }
                | Action::ApplyReceived { .. }
                | Action::Compare { .. }
        );
        if let Action::Reopen { node, .. } = action
            && let Some(side) = self.pair.side(node)
            && self.memory.is_locked(node)
        {
            // it goes through the session with the read lock: the one with the pair's lock may be gone unnoticed
            let held = *side.of(&self.lock_sessions);
            let limit = self.pair.limits.connect;
            let link = side.of_mut(&mut self.links);
            if held.is_some() && session_of(link) == held && still_locked(link, held, true, limit).await.is_err() {
                let _ = link.reconnect_sql(limit).await;
            }
        }
        if let Action::Reopen { node, .. } = action
            && let Some(side) = self.pair.side(node)
            && session_of(side.of(&self.links)).is_none()
        {
            // the way back must not fail because the connection to the old writer did
            let link = side.of_mut(&mut self.links);
            let _ = link.reconnect_sql(limit).await;
        }
        if matches!(action, Action::Fence { .. } | Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. })
            && let Some(side) = self.pair.side(action.node())
            && let Err(why) = self.settle(side).await
        {
            return Err(Failure { happened: Happened::No, what: why, again: false });
        }
        if let Action::Reopen { node, .. } = action
            && let Some(side) = self.pair.side(node)
            && side.of(&self.first_lock) != side.of(&self.lock_sessions)
        {
            // another run, or a person, may have opened the other node since: it must say itself that it is closed
            self.memory.distrust();
            let _ = self.reopened(side.peer()).await;
        }
        let begun = Instant::now();
        match self.attempt(action, limit, patience).await {
            Err(failure) if begun.elapsed() < BROKE && self.is_owed(action) => {
                self.over_a_new_login(action, limit, patience, failure).await
            }
            result => result,
        }
    }

    fn writers(&mut self) -> Vec<Writer> {
        self.memory.writers()
    }

    async fn lock(&mut self) -> Result<(), NoLock> {
        let limit = self.pair.limits.connect;
        let unseen = || NoLock::Failed("a node cannot be seen".to_owned());
        match self.dead {
            None => {
                let [Some(first), Some(second)] = &self.known else { return Err(unseen()) };
                let servers: [Server; 2] = [first.server.clone(), second.server.clone()];
                effect::lock(&self.pair, &mut self.links, &servers, limit).await?;
                self.lock_sessions = [session_of(&self.links[0]), session_of(&self.links[1])];
            }
            Some(dead) => {
                let survivor = dead.peer();
                let known = survivor.of(&self.known).as_ref().ok_or_else(unseen)?;
                let link = survivor.of_mut(&mut self.links);
                effect::lock_one(&self.pair, link, &known.server, limit).await?;
                *survivor.of_mut(&mut self.lock_sessions) = session_of(link);
            }
        }
        (self.first_lock, self.locked_at) = (self.lock_sessions, Instant::now());
        // nobody else is at work now: what is still under way is of a run that is dead, and is ended before the first look
        for side in Side::BOTH.into_iter().filter(|side| self.dead != Some(*side)) {
            let Some(known) = side.of(&self.known) else { continue };
            let link = side.of_mut(&mut self.links);
            let left = effect::remains(link, &known.server, limit).await.map_err(NoLock::Failed)?;
            for session in left {
                self.memory.leave(&self.pair.node(side).name, session);
            }
        }
        Ok(())
    }

    async fn unlock(&mut self) {
        effect::unlock(&mut self.links, self.pair.limits.connect).await;
        self.lock_sessions = [None, None];
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn pause(&mut self, time: Duration) {
        sleep(time).await;
    }
}
