//! Fence, open, reopen, release: who may write.

use std::time::Duration;

use tokio::time::Instant;

use super::lock::expire_with_lock;
use super::position::access_and_at;
use super::{Hands, certain, changed, ghost};
use crate::dialect;
use crate::link::{Link, Sql, SqlError, SqlErrorKind, Table};
use crate::model::{Fencing, NodeName, Server, Side, WriteAccess};
use crate::world::{Done, Failure, Happened};

/// `ER_LOCK_WAIT_TIMEOUT`: the fence waited for a statement under way, and nothing was changed.
const LOCK_WAIT: u16 = 1205;

/// How long a shell may take to show that it is there.
const SHELL: Duration = Duration::from_millis(1000);

/// How long the peer may take to object to a reopening, while nobody can write.
const PEER: Duration = Duration::from_millis(300);

impl Hands<'_> {
    /// Makes a server refuse writes. Its guard session does it, and keeps the read lock where there is one.
    pub(super) async fn fence(&mut self, node: &NodeName, how: Fencing, limit: Duration) -> Result<Done, Failure> {
        let wait = self.pair.limits.fence;
        let silence = self.pair.limits.silence();
        let [first, second] = &mut *self.links;
        let (link, other) = match self.pair.side(node) {
            Some(Side::Second) => (second, first),
            _ => (first, second),
        };
        // the one fences, the other may have to open again; and the last look at the locks before writes are out
        let (a, b, c, d) = tokio::join!(
            super::expire(&mut link.guard, silence, limit),
            super::expire(&mut other.guard, silence, limit),
            expire_with_lock(&link.target.name, &mut link.sql, silence, limit),
            expire_with_lock(&other.target.name, &mut other.sql, silence, limit),
        );
        a.and(b).and(c).and(d).map_err(|why| certain(format!("{node} was not fenced: {why}")))?;
        let (link, known) = self.on(node)?;
        let statement = dialect::fence(&known.server, how, wait);
        let guard = super::guard(link)?;
        let session = u64::from(guard.thread_id());
        let result = guard.change(&statement, limit).await;
        if how == Fencing::ReadLock {
            // also when nobody knows: whoever goes back must let go of it
            self.memory.locked = Some((node.clone(), session));
        }
        let (link, known) = self.on(node)?;
        let error = match result {
            Ok(tables) => {
                let (access, at) = access_and_at(&known.server, &tables).map_err(unread)?;
                if access != WriteAccess::Fenced {
                    let what = format!("{node} says that it is {access} after it was fenced");
                    return Err(Failure { happened: Happened::Unknown, what, again: false });
                }
                self.memory.fenced = Some((node.clone(), at));
                return Ok(Done::default());
            }
            Err(error) => error,
        };
        let SqlErrorKind::Server { code, completed, .. } = error.kind else {
            self.lay(node, &error, wait + Duration::from_secs(1)).await;
            return Err(changed(&error));
        };
        // lock_wait_timeout, [FLUSH TABLES WITH READ LOCK,] SET, SELECT
        let set = if how == Fencing::ReadLock { 2 } else { 1 };
        if how == Fencing::ReadLock && completed >= 2 {
            // the lock was had but not the variable: let go of it, or nobody writes and nobody knows why
            let released = super::guard(link)?.change(&dialect::release(&known.server), limit).await;
            // as long as it may be held, this fence is not one that never happened
            released.map_err(|e| unread(changed(&e)))?;
        }
        if completed > set {
            return Err(Failure { happened: Happened::Unknown, what: error.to_string(), again: false });
        }
        let waited = code == LOCK_WAIT;
        let what = if waited {
            format!(
                "{node}: a statement under way did not end within {wait:?}, so that it could not be fenced; {}",
                self.in_the_way(node, limit).await
            )
        } else {
            error.to_string()
        };
        self.memory.locked = None;
        Err(Failure { happened: Happened::No, what, again: waited })
    }

    /// Sees that the fenced peer stands where it stood, then opens the node.
    pub(super) async fn open(&mut self, node: &NodeName, peer: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let Some((_, remembered)) = self.memory.fenced.clone().filter(|(fenced, _)| fenced == peer) else {
            return Err(certain(format!("the position of {peer} was not read while it was fenced")));
        };
        let deadline = Instant::now() + limit;
        // the next step needs the machine: better to find out before anybody is open
        let note = self.unmoved(peer, &remembered, node, limit).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(certain(format!("{node} was not opened: no time left")));
        }
        let wait = self.pair.limits.fence;
        let (link, known) = self.on(node)?;
        let statement = dialect::open(&known.server, wait, false);
        let result = super::sql(link)?.change(&statement, left).await;
        let result = opened(&known.server, node, result).map(|_| Done { note });
        self.settled(node, result, wait).await
    }

    /// Both machines answer: they are needed once writes are out, and the last moment to find out is before. On the
    /// way, what an earlier move has left behind there is ended.
    pub(super) async fn machines_answer(&mut self, limit: Duration) -> Result<(), Failure> {
        let names = Side::BOTH.map(|side| self.pair.node(side).name.clone());
        for name in names.iter().filter(|name| !self.memory.hushed.contains(name)).cloned().collect::<Vec<_>>() {
            self.hush(&name, limit).await.map_err(|failure| certain(failure.to_string()))?;
        }
        let [first, second] = &mut *self.links;
        let (a, b) = tokio::join!(alive(first, limit), alive(second, limit));
        a.and(b).map_err(certain)
    }

    /// Opens a node again that this run fenced.
    pub(super) async fn reopen(&mut self, node: &NodeName, peer: &NodeName, limit: Duration) -> Result<Done, Failure> {
        self.not_open(peer).await?;
        let wait = self.pair.limits.fence;
        // a fence whose answer never came must not close it again afterwards
        self.lay_all(node, limit).await?;
        let held = self.held(node, limit).await?;
        let (link, known) = self.on(node)?;
        let statement = dialect::open(&known.server, wait, held);
        let sql = if held { super::guard(link)? } else { super::sql(link)? };
        let result = sql.change(&statement, limit).await;
        let result = opened(&known.server, node, result);
        let done = self.settled(node, result, wait).await?;
        self.memory.locked = None;
        self.memory.fenced = None;
        Ok(done)
    }

    /// This run never told the peer to open; should it say all the same that it is open, somebody else did that. No
    /// answer is no objection as long as this run has held the lock from the beginning: the peer was fenced then.
    async fn not_open(&mut self, peer: &NodeName) -> Result<(), Failure> {
        let silent = match self.memory.distrustful {
            false => Ok(()),
            true => Err(certain(format!(
                "the pair's lock was lost for a while, and {peer} does not say whether somebody has opened it since"
            ))),
        };
        let Ok((link, known)) = self.on(peer) else { return silent };
        let question = dialect::access_and_position(&known.server);
        let Ok(sql) = &mut link.sql else { return silent };
        let Ok(tables) = sql.read(&question, PEER).await else { return silent };
        match access_and_at(&known.server, &tables) {
            Ok((WriteAccess::Open, _)) => Err(certain(format!("{peer} is open: somebody else opened it"))),
            Ok((WriteAccess::Fenced | WriteAccess::Guarded, _)) => Ok(()),
            Ok((WriteAccess::Changing | WriteAccess::Unseen, _)) | Err(_) => silent,
        }
    }

    /// Whether the guard session holds the read lock of a fence. A session that is lost to us, but may hold it on the
    /// server for hours, is ended.
    async fn held(&mut self, node: &NodeName, limit: Duration) -> Result<bool, Failure> {
        let Some((_, session)) = self.memory.locked.clone().filter(|(on, _)| on == node) else { return Ok(false) };
        let (link, known) = self.on(node)?;
        let ours = |guard: &Sql| !guard.is_closed() && u64::from(guard.thread_id()) == session;
        if link.guard.as_ref().is_ok_and(ours) {
            return Ok(true);
        }
        ghost::end(link, &known.server, session, limit).await?;
        self.memory.locked = None;
        Ok(false)
    }

    /// The outcome of an opening; one that had no answer is followed up.
    pub(super) async fn settled(
        &mut self,
        node: &NodeName,
        result: Result<Done, Unopened>,
        wait: Duration,
    ) -> Result<Done, Failure> {
        match result {
            Ok(done) => Ok(done),
            Err(Unopened::Known(failure)) => Err(failure),
            Err(Unopened::NoAnswer(error)) => {
                self.lay(node, &error, wait + Duration::from_secs(1)).await;
                Err(changed(&error))
            }
        }
    }

    /// Lets go of the read lock; the server stays read-only.
    pub(super) async fn release(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let note = self.end_waiting(node, limit).await?;
        if !self.held(node, limit).await? {
            return Ok(Done { note });
        }
        let (link, known) = self.on(node)?;
        let tables = match super::guard(link)?.change(&dialect::release(&known.server), limit).await {
            Ok(tables) => tables,
            Err(error) => {
                self.lay(node, &error, limit).await;
                return Err(changed(&error));
            }
        };
        let (access, _) = access_and_at(&known.server, &tables).map_err(unread)?;
        self.memory.locked = None;
        if access == WriteAccess::Fenced {
            Ok(Done { note })
        } else {
            Err(Failure {
                happened: Happened::Yes,
                what: format!("{node} is {access} after its lock was let go"),
                again: false,
            })
        }
    }
}

/// The machine's shell answers.
pub(super) async fn alive(link: &mut Link, limit: Duration) -> Result<(), String> {
    let name = link.name().clone();
    let shell = link.shell.as_mut().map_err(|why| why.to_string())?;
    match shell.look(&[dialect::alive()], limit.min(SHELL)).await {
        Ok(answers) if answers.iter().all(|answer| answer.status == 0) => Ok(()),
        Ok(_) => Err(format!("the shell on {name} does not work")),
        Err(why) => Err(why.to_string()),
    }
}

/// An answer that came and could not be read: the statements before it have run.
fn unread(failure: Failure) -> Failure {
    Failure { happened: Happened::Unknown, ..failure }
}

/// An opening that did not end well.
pub(super) enum Unopened {
    /// The server said something.
    Known(Failure),
    /// It did not.
    NoAnswer(SqlError),
}

pub(super) fn opened(server: &Server, node: &NodeName, result: Result<Vec<Table>, SqlError>) -> Result<Done, Unopened> {
    let known = |happened, what| Unopened::Known(Failure { happened, what, again: false });
    match result {
        Ok(tables) => match access_and_at(server, &tables).map_err(|f| Unopened::Known(unread(f)))? {
            (WriteAccess::Open, _) => Ok(Done::default()),
            (access, _) => Err(known(Happened::Unknown, format!("{node} is {access} after it was opened"))),
        },
        Err(error) => match error.kind {
            // [lock_wait_timeout, SET, …]: a failure after the SET leaves the node open
            SqlErrorKind::Server { completed, .. } if completed > 1 => Err(known(Happened::Unknown, error.to_string())),
            SqlErrorKind::Timeout { .. } | SqlErrorKind::Lost { .. } => Err(Unopened::NoAnswer(error)),
            SqlErrorKind::Server { .. }
            | SqlErrorKind::Connect
            | SqlErrorKind::Refused { .. }
            | SqlErrorKind::Closed { .. } => Err(known(Happened::No, error.to_string())),
        },
    }
}
