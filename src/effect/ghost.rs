//! What may still fire: a statement whose answer never came can take effect later (hazard H-03).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{asked, certain};
use crate::dialect;
use crate::link::{Link, Sql, SqlError, SqlErrorKind};
use crate::model::Server;
use crate::world::Failure;

/// After a request without an answer: ends its session on the server through a new connection, and waits until the
/// server has let it go. What the server says afterwards is final.
pub(super) async fn end_if_left(
    link: &mut Link,
    server: &Server,
    error: &SqlError,
    limit: Duration,
) -> Result<(), Failure> {
    match error.kind {
        SqlErrorKind::Timeout { thread_id } | SqlErrorKind::Lost { thread_id } => {
            end(link, server, u64::from(thread_id), limit).await
        }
        SqlErrorKind::Connect
        | SqlErrorKind::Refused { .. }
        | SqlErrorKind::Server { .. }
        | SqlErrorKind::Closed { .. } => Ok(()),
    }
}

/// Ends a session of ours and waits until it is gone.
pub(super) async fn end(link: &mut Link, server: &Server, id: u64, limit: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    if link.sql.as_ref().map_or(true, Sql::is_closed) {
        link.reconnect_sql(limit).await.map_err(|e| asked(&e))?;
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let sql = super::sql(link)?;
        let tables = sql.read(&dialect::sessions(server), left).await.map_err(|e| asked(&e))?;
        let there = tables.iter().flat_map(|table| &table.0).any(|row| row.number(&["id"]) == Ok(id));
        if !there {
            return Ok(());
        }
        if left.is_zero() {
            return Err(certain(format!("session {id} of ours does not end")));
        }
        match sql.change(&dialect::kill(&[id]), left).await {
            Ok(_) => {}
            // it has gone in between
            Err(gone) if gone.code() == Some(1094) => {}
            Err(error) => return Err(asked(&error)),
        }
        sleep(Duration::from_millis(20)).await;
    }
}
