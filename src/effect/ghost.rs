//! What may still fire: a statement whose answer never came can take effect later (hazard H-03).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Hands, asked, certain};
use crate::dialect;
use crate::link::{Link, Record, Sql, SqlError, SqlErrorKind};
use crate::model::{NodeName, Server};
use crate::world::Failure;

impl Hands<'_> {
    /// After a request without an answer: remembers its session, and ends it on the server through another
    /// connection if that is possible now. Until it is seen to be gone, nothing that the server says is final.
    pub(super) async fn lay(&mut self, node: &NodeName, error: &SqlError, limit: Duration) {
        match error.kind {
            SqlErrorKind::Timeout { thread_id } | SqlErrorKind::Lost { thread_id } => {
                self.memory.ghosts.push((node.clone(), u64::from(thread_id)));
                // what is left of it is asked for again before anybody looks at this node
                let _ = self.lay_all(node, limit).await;
            }
            SqlErrorKind::Connect
            | SqlErrorKind::Refused { .. }
            | SqlErrorKind::Server { .. }
            | SqlErrorKind::Closed { .. } => {}
        }
    }

    /// Ends every session on a node whose last request had no answer.
    ///
    /// # Errors
    /// One of them may still be at work.
    pub async fn lay_all(&mut self, node: &NodeName, limit: Duration) -> Result<(), Failure> {
        let ids: Vec<u64> = self.memory.ghosts.iter().filter(|(on, _)| on == node).map(|(_, id)| *id).collect();
        for id in ids {
            let (link, known) = self.on(node)?;
            end(link, &known.server, id, limit).await?;
            self.memory.ghosts.retain(|ghost| *ghost != (node.clone(), id));
            // a lock that it held went with it
            self.memory.locked.take_if(|(on, session)| on == node && *session == id);
        }
        Ok(())
    }
}

/// Ends a session of ours and waits until it is gone.
///
/// An id alone is no proof: a server that was started again counts anew.
pub(super) async fn end(link: &mut Link, server: &Server, id: u64, limit: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    if link.sql.as_ref().map_or(true, Sql::is_closed) {
        link.reconnect_sql(limit).await.map_err(|e| asked(&e))?;
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let tables = super::sql(link)?.read(&dialect::sessions(server), left).await.map_err(|e| asked(&e))?;
        let user = link.target.mysql.user.as_str();
        let ours = |row: &Record| row.number(&["id"]) == Ok(id) && row.get(&["user"]) == Some(Some(user));
        let there = tables.iter().flat_map(|table| &table.0).any(ours);
        if !there {
            return Ok(());
        }
        if left.is_zero() {
            return Err(certain(format!("session {id} of ours does not end")));
        }
        match super::sql(link)?.change(&dialect::kill(&[id]), left).await {
            Ok(_) => {}
            // it has gone in between
            Err(gone) if gone.code() == Some(1094) => {}
            Err(error) => return Err(asked(&error)),
        }
        sleep(Duration::from_millis(20)).await;
    }
}
