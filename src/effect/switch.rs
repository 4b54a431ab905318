//! Fence, open, reopen, release: who may write.

use std::time::Duration;

use super::position::{access_and_at, access_of_row};
use super::{Hands, asked, certain, changed, ghost};
use crate::dialect;
use crate::link::{Link, Sql, SqlError, SqlErrorKind};
use crate::model::{Fencing, NodeName, Server, WriteAccess};
use crate::world::{Done, Failure, Happened};

/// `ER_LOCK_WAIT_TIMEOUT`: the fence waited for a statement under way, and nothing was changed.
const LOCK_WAIT: u16 = 1205;

impl Hands<'_> {
    /// Makes a server refuse writes. Its guard session does it, and keeps the read lock where there is one.
    pub(super) async fn fence(&mut self, node: &NodeName, how: Fencing, limit: Duration) -> Result<Done, Failure> {
        let wait = self.pair.limits.fence;
        let (link, known) = self.on(node)?;
        let statement = dialect::fence(&known.server, how, wait);
        let result = super::guard(link)?.change(&statement, limit).await;
        let error = match result {
            Ok(tables) => {
                let (access, at) = access_and_at(&known.server, &tables).map_err(unread)?;
                if how == Fencing::ReadLock {
                    self.memory.locked = Some(node.clone());
                }
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
            ghost::end_if_left(link, &known.server, &error, wait + Duration::from_secs(1)).await?;
            return Err(changed(&error));
        };
        // lock_wait_timeout, [FLUSH TABLES WITH READ LOCK,] SET, SELECT
        let set = if how == Fencing::ReadLock { 2 } else { 1 };
        if how == Fencing::ReadLock && completed >= 2 {
            // the lock was had but not the variable: let go of it, or nobody writes and nobody knows why
            super::guard(link)?.change(&dialect::release(&known.server), limit).await.map_err(|e| changed(&e))?;
        }
        if completed > set {
            return Err(Failure { happened: Happened::Unknown, what: error.to_string(), again: false });
        }
        let waited = code == LOCK_WAIT;
        let what = if waited {
            format!(
                "{node}: a statement under way did not end within {wait:?}, so that it could not be fenced; {}",
                blockers(link, &known.server, limit).await
            )
        } else {
            error.to_string()
        };
        Err(Failure { happened: Happened::No, what, again: waited })
    }

    /// Sees that the fenced peer stands where it stood, then opens the node.
    pub(super) async fn open(&mut self, node: &NodeName, peer: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let Some((_, remembered)) = self.memory.fenced.clone().filter(|(fenced, _)| fenced == peer) else {
            return Err(certain(format!("the position of {peer} was not read while it was fenced")));
        };
        let (link, known) = self.on(peer)?;
        let tables = super::sql(link)?.read(&dialect::facts(&known.server), limit).await.map_err(|e| asked(&e))?;
        let [facts, prepared] = &tables[..] else { return Err(certain(format!("{peer} answered too little"))) };
        let (access, at) = access_of_row(&known.server, facts.row().map_err(|e| asked(&e))?)?;
        if access != WriteAccess::Fenced {
            return Err(certain(format!("{peer} is {access} again: somebody changed it")));
        }
        if at != remembered {
            return Err(certain(format!(
                "{peer} has moved on although it is fenced: a privileged session writes there"
            )));
        }
        if !prepared.0.is_empty() {
            return Err(certain(format!("{peer} has {} prepared XA transaction(s)", prepared.0.len())));
        }
        let wait = self.pair.limits.fence;
        let (link, known) = self.on(node)?;
        let statement = dialect::open(&known.server, wait, false);
        let result = super::sql(link)?.change(&statement, limit).await;
        opened(link, &known.server, node, result, wait).await
    }

    /// Opens a node again that this run fenced.
    pub(super) async fn reopen(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let wait = self.pair.limits.fence;
        let locked = self.memory.locked.as_ref() == Some(node);
        let (link, known) = self.on(node)?;
        let held = locked && link.guard.as_ref().is_ok_and(|guard| !guard.is_closed());
        if locked && !held {
            // its session is lost to us, but the server may hold it, and the lock, for hours
            if let Some(id) = link.guard.as_ref().ok().map(Sql::thread_id) {
                ghost::end(link, &known.server, u64::from(id), limit).await?;
            }
        }
        let statement = dialect::open(&known.server, wait, held);
        let result = if held {
            super::guard(link)?.change(&statement, limit).await
        } else {
            super::sql(link)?.change(&statement, limit).await
        };
        let done = opened(link, &known.server, node, result, wait).await?;
        self.memory.locked = None;
        self.memory.fenced = None;
        Ok(done)
    }

    /// Lets go of the read lock; the server stays read-only.
    pub(super) async fn release(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let locked = self.memory.locked.as_ref() == Some(node);
        self.end_waiting(node, limit).await?;
        let (link, known) = self.on(node)?;
        if link.guard.as_ref().map_or(true, Sql::is_closed) {
            if let Some(id) = link.guard.as_ref().ok().map(Sql::thread_id).filter(|_| locked) {
                ghost::end(link, &known.server, u64::from(id), limit).await?;
            }
            self.memory.locked = None;
            return Ok(Done::default());
        }
        let tables =
            super::guard(link)?.change(&dialect::release(&known.server), limit).await.map_err(|e| changed(&e))?;
        let (access, _) = access_and_at(&known.server, &tables).map_err(unread)?;
        self.memory.locked = None;
        if access == WriteAccess::Fenced {
            Ok(Done::default())
        } else {
            Err(Failure {
                happened: Happened::Yes,
                what: format!("{node} is {access} after its lock was let go"),
                again: false,
            })
        }
    }
}

/// An answer that came and could not be read: the statements before it have run.
fn unread(failure: Failure) -> Failure {
    Failure { happened: Happened::Unknown, ..failure }
}

async fn opened(
    link: &mut Link,
    server: &Server,
    node: &NodeName,
    result: Result<Vec<crate::link::Table>, SqlError>,
    wait: Duration,
) -> Result<Done, Failure> {
    match result {
        Ok(tables) => match access_and_at(server, &tables).map_err(unread)? {
            (WriteAccess::Open, _) => Ok(Done::default()),
            (access, _) => {
                let what = format!("{node} is {access} after it was opened");
                Err(Failure { happened: Happened::Unknown, what, again: false })
            }
        },
        Err(error) => {
            // [lock_wait_timeout, SET, …]: a failure after the SET leaves the node open
            if let SqlErrorKind::Server { completed, .. } = error.kind {
                let happened = if completed > 1 { Happened::Unknown } else { Happened::No };
                return Err(Failure { happened, what: error.to_string(), again: false });
            }
            // what could not be ended keeps the outcome unknown, which it is anyway
            let ended = ghost::end_if_left(link, server, &error, wait + Duration::from_secs(1)).await;
            let mut failure = changed(&error);
            if let Err(left) = ended {
                failure.happened = Happened::Unknown;
                failure.what = format!("{}; {}", failure.what, left.what);
            }
            Err(failure)
        }
    }
}

/// Who may have kept the fence waiting, for the operator: how many transactions have written.
async fn blockers(link: &mut Link, server: &Server, limit: Duration) -> String {
    let Ok(sql) = &mut link.sql else { return "nobody can say which".to_owned() };
    match sql.read(&dialect::writing_transactions(server), limit).await {
        Ok(tables) => {
            let count: usize = tables.iter().map(|table| table.0.len()).sum();
            format!("{count} transaction(s) have written and not ended")
        }
        Err(error) => error.to_string(),
    }
}
