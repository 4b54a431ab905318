//! Sessions of a run that are gone, and had again.

use std::time::Duration;

use crate::effect;
use crate::link::{self, Link, Sql};

/// The session that has the lock is open; `ask`: and says that it has it.
pub(super) async fn still_locked(link: &mut Link, held: Option<u64>, ask: bool, limit: Duration) -> Result<(), String> {
    if held.is_none() || session_of(link) != held {
        return Err("its session has ended".to_owned());
    }
    match &mut link.sql {
        Ok(sql) if ask => match effect::is_ours(sql, limit).await? {
            true => Ok(()),
            false => Err("its session has it no more".to_owned()),
        },
        Ok(_) => Ok(()),
        Err(why) => Err(why.to_string()),
    }
}

/// The session that asks and changes, while it is open.
pub(super) fn session_of(link: &Link) -> Option<u64> {
    link.sql.as_ref().ok().filter(|sql| !sql.is_closed()).map(|sql| u64::from(sql.thread_id()))
}

/// A node that is declared dead costs no more than `limit`, once: afterwards only its machine is reached again, where
/// it was before.
pub(super) async fn revisit(link: &mut Link, control_dir: &std::path::Path, limit: Duration) {
    if link.shell.as_ref().is_ok_and(link::Shell::is_closed) {
        let _ = tokio::time::timeout(limit, link.reopen_shell(control_dir, limit)).await;
    }
}

/// Opens what is closed. Whether all of it is open then.
pub(super) async fn reconnect(
    link: &mut Link,
    control_dir: &std::path::Path,
    silence: Duration,
    limit: Duration,
) -> bool {
    let closed = |sql: &Result<Sql, _>| sql.as_ref().map_or(true, Sql::is_closed);
    let (sql, guard) = (closed(&link.sql), closed(&link.guard));
    let mut open = true;
    if sql {
        open &= link.reconnect_sql(limit).await.is_ok();
    }
    // where the one cannot be had, the other need not be waited for
    if guard && open {
        open &= link.reconnect_guard(limit).await.is_ok();
    }
    if (sql || guard) && open {
        effect::expire_both(link, silence, limit).await;
    }
    if link.shell.as_ref().map_or(true, link::Shell::is_closed) {
        open &= link.reopen_shell(control_dir, limit).await.is_ok();
    }
    open
}
