//! Changing nodes: the only code that may.
//!
//! One function an action. Each says what happened in three values: done, certainly not done, or unknown; a timeout
//! is unknown, and what may still fire is found and ended before anybody goes on (`ghost`).

mod address;
mod death;
mod ghost;
mod hook;
mod isolate;
mod lock;
mod position;
mod roll_back;
mod sessions;
mod switch;
mod unmoved;
mod verify;
mod writers;

pub use hook::Fence;
pub use lock::{holder, is_ours, lock, lock_one, remains, unlock};
pub use position::At;

use std::time::Duration;

use crate::dialect::{self, Deed};
use crate::link::{Answer, Link, MysqlTarget, Shell, Sql, SqlError, SshError};
use crate::model::{Action, NodeName, Pair, Server, Side, System};
use crate::world::{Done, Failure, Happened, Writer};

/// What a run knows of a node: how to spell things for it, and how to reach its addresses.
pub struct Known {
    /// Its server, as last seen.
    pub server: Server,
    /// Its system, as last seen.
    pub system: System,
    /// Changes on its system need `sudo`.
    pub sudo: bool,
    /// Its account, also behind a floating address.
    pub mysql: MysqlTarget,
}

/// What a run remembers from one action to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Where the fenced node stood when it was read back.
    fenced: Option<(NodeName, At)>,
    /// The node and the session there that holds the read lock of a fence, or may hold it.
    locked: Option<(NodeName, u64)>,
    /// Sessions whose last request had no answer: it may still take effect.
    ghosts: Vec<(NodeName, u64)>,
    /// Nodes on which nothing is left that would announce an address of the pair by itself.
    hushed: Vec<NodeName>,
    /// The pair's lock was not held all the time.
    distrustful: bool,
    /// Where an announcement was begun whose end nobody has seen yet.
    announcing: Option<address::Announcing>,
    /// Sessions to end, looked for while their address was being taken elsewhere.
    found: Option<sessions::Found>,
    /// Sessions that the last action met at their writing, and nobody has been told of yet.
    writers: Vec<Writer>,
    /// The operator wants to see statements.
    statements: bool,
    /// The operator's program for the node that is declared dead.
    fence: Option<Fence>,
    /// Where the survivor stood when it took a dead node's place.
    took_over: Option<String>,
}

impl Memory {
    /// The operator's program that keeps out the node that is declared dead.
    pub fn with_fence(&mut self, fence: Option<Fence>) {
        self.fence = fence;
    }

    /// Where the survivor stood when it took a dead node's place, where it was told to.
    #[must_use]
    pub fn took_over(&self) -> Option<&str> {
        self.took_over.as_deref()
    }

    /// Whether a session on the node holds the read lock of a fence, or may hold it.
    #[must_use]
    pub fn is_locked(&self, node: &NodeName) -> bool {
        self.locked.as_ref().is_some_and(|(on, _)| on == node)
    }

    /// From here on the other node must say itself that it is closed before one is opened again: the pair's lock was not
    /// held all the time.
    pub fn distrust(&mut self) {
        self.distrustful = true;
    }

    /// From here on statements are told, too: they may hold data.
    pub fn show_statements(&mut self) {
        self.statements = true;
    }

    /// Whom the last action met at their writing.
    pub fn writers(&mut self) -> Vec<Writer> {
        std::mem::take(&mut self.writers)
    }

    /// Remembers a session of ours that was lost and may be left on the server.
    pub fn leave(&mut self, node: &NodeName, session: u64) {
        let ghost = (node.clone(), session);
        if !self.ghosts.contains(&ghost) {
            self.ghosts.push(ghost);
        }
    }

    /// Whether something that was asked for on the node, without an answer, may still take effect.
    pub fn is_haunted(&self, node: &NodeName) -> bool {
        self.ghosts.iter().any(|(on, _)| on == node)
    }
}

/// Both nodes' connections, and what is known of them.
pub struct Hands<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// Connections.
    pub links: &'a mut [Link; 2],
    /// What is known; `None` for a node never seen.
    pub known: &'a [Option<Known>; 2],
    /// What is remembered.
    pub memory: &'a mut Memory,
}

impl Hands<'_> {
    /// Does one thing within `limit`.
    ///
    /// # Errors
    /// Not done, or not known to be.
    pub async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        match action {
            Action::Approach { node, source } => {
                let done = self.approach(node, source, limit).await?;
                self.machines_answer(limit).await.map(|()| done)
            }
            Action::Drain { node } => {
                let done = self.drain(node, limit).await?;
                self.renewed(node).await;
                self.machines_answer(self.pair.limits.connect).await.map(|()| done)
            }
            Action::EndWriters { node } => {
                let done = self.end_writers(node, limit).await?;
                self.renewed(node).await;
                self.machines_answer(self.pair.limits.connect).await.map(|()| done)
            }
            Action::Fence { node, how } => self.fence(node, *how, limit).await,
            Action::CatchUp { node, source } => self.catch_up(node, source, limit).await,
            Action::Open { node, peer } => self.open(node, peer, limit).await,
            Action::Reopen { node, peer } => self.reopen(node, peer, limit).await,
            Action::Take { node, address, interface, from, role: _, access: _ } => {
                self.take(node, from.as_ref(), *address, interface, limit).await
            }
            Action::EndSessions { node, address, role: _ } => self.end_sessions(node, *address, limit).await,
            Action::Drop { node, address, interface, to, role: _ } => {
                let done = self.drop_address(node, *address, interface, limit).await?;
                match to {
                    Some(_) => Ok(done),
                    None => Ok(Done { note: self.end_latecomers(node, *address, limit).await }),
                }
            }
            Action::Announce { node, address, interface, role: _ } => {
                self.announce(node, *address, interface, limit).await
            }
            Action::Release { node } => self.release(node, limit).await,
            Action::Verify { node, address, access, role: _ } => self.verify(node, *address, *access, limit).await,
            Action::Isolate { node, how } => self.isolate(node, *how, limit).await,
            Action::StopReceiving { node } => self.stop_receiving(node, limit).await,
            Action::ResumeReceiving { node } => self.resume_receiving(node, limit).await,
            Action::ApplyReceived { node } => self.apply_received(node, limit).await,
            Action::RollBack { node } => self.roll_back(node, limit).await,
            Action::Promote { node, dead: _ } => self.promote(node, limit).await,
            Action::Compare { node, source } => self.compare(node, source, limit).await,
            Action::StartReplication { node, source: _ } => self.start_replication(node, limit).await,
        }
    }

    fn side(&self, node: &NodeName) -> Result<Side, Failure> {
        self.pair.side(node).ok_or_else(|| certain(format!("{node} is not a node of {}", self.pair.name)))
    }

    /// A node's connections and what is known of it.
    fn on(&mut self, node: &NodeName) -> Result<(&mut Link, &Known), Failure> {
        let side = self.side(node)?;
        let known = side.of(self.known).as_ref().ok_or_else(|| certain(format!("{node} was never seen")))?;
        Ok((side.of_mut(self.links), known))
    }
}

fn sql(link: &mut Link) -> Result<&mut Sql, Failure> {
    link.sql.as_mut().map_err(|error| asked(error))
}

fn guard(link: &mut Link) -> Result<&mut Sql, Failure> {
    link.guard.as_mut().map_err(|error| asked(error))
}

fn shell(link: &mut Link) -> Result<&mut Shell, Failure> {
    link.shell.as_mut().map_err(|error| asked(error))
}

/// Commands on the node's machine, in one round trip.
async fn command(link: &mut Link, deeds: &[Deed], limit: Duration) -> Result<Vec<Answer>, Failure> {
    shell(link)?.perform(deeds, limit).await.map_err(|error| deeds_failed(&error))
}

fn deeds_failed(error: &SshError) -> Failure {
    let happened = if error.may_have_happened() { Happened::Unknown } else { Happened::No };
    Failure { happened, what: error.to_string(), again: false }
}

/// From here on the server ends a session of ours that it hears nothing of: what is still on its way to it when this
/// run has given up, or has been killed, must not take effect later, when a person has decided otherwise.
async fn expire(sql: &mut Result<Sql, SqlError>, silence: Duration, limit: Duration) -> Result<(), String> {
    let sql = sql.as_mut().map_err(|why| why.to_string())?;
    sql.change(&dialect::expire(silence), limit).await.map(drop).map_err(|why| why.to_string())
}

/// The same for both sessions of a node that were opened again in the middle of a run; one that is not open cannot
/// carry anything.
pub async fn expire_both(link: &mut Link, silence: Duration, limit: Duration) {
    let _ = tokio::join!(expire(&mut link.sql, silence, limit), expire(&mut link.guard, silence, limit));
}

/// It did not happen.
fn certain(what: impl Into<String>) -> Failure {
    Failure { happened: Happened::No, what: what.into(), again: false }
}

/// What an error of a question means: nothing was changed.
fn asked(error: &impl ToString) -> Failure {
    certain(error.to_string())
}

/// What an error of a change means, when no statement of it matters but the one that failed.
fn changed(error: &SqlError) -> Failure {
    let happened = if error.may_have_happened() { Happened::Unknown } else { Happened::No };
    Failure { happened, what: error.to_string(), again: false }
}
