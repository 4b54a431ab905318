//! Mutual exclusion of operators: a user lock on both servers, which a lost session lets go by itself.

use std::time::Duration;

use super::asked;
use crate::dialect;
use crate::link::Link;
use crate::model::{Pair, Server, Side, printable};
use crate::world::NoLock;

/// Takes the pair's lock on both nodes, always in the same order; on one only is as good as on none.
///
/// # Errors
/// Somebody else has it, or a node cannot be asked.
pub async fn lock(pair: &Pair, links: &mut [Link; 2], servers: &[Server; 2], limit: Duration) -> Result<(), NoLock> {
    for side in Side::BOTH {
        let result = lock_one(pair, side.of_mut(links), side.of(servers), limit).await;
        if let Err(why) = result {
            unlock(pair, links, limit).await;
            let on = &pair.node(side).name;
            return Err(match why {
                NoLock::Taken(by) => NoLock::Taken(format!("{by}, on {on}")),
                NoLock::Failed(why) => NoLock::Failed(why),
            });
        }
    }
    Ok(())
}

/// Takes the pair's lock on one node; [`lock`] is for both.
///
/// # Errors
/// Somebody else has it, or the node cannot be asked.
pub async fn lock_one(pair: &Pair, link: &mut Link, server: &Server, limit: Duration) -> Result<(), NoLock> {
    let sql = link.sql.as_mut().map_err(|error| NoLock::Failed(error.to_string()))?;
    let failed = |failure: crate::world::Failure| NoLock::Failed(failure.what);
    let tables = sql.change(&dialect::lock(&pair.name), limit).await.map_err(|e| failed(asked(&e)))?;
    let got = tables.first().and_then(|t| t.0.first()).and_then(|row| row.get(&["got"]).flatten());
    if got == Some("1") {
        return Ok(());
    }
    let holder = sql.read(&dialect::lock_holder(server, &pair.name), limit).await.map_err(|e| failed(asked(&e)))?;
    let Some(row) = holder.first().and_then(|t| t.0.first()) else {
        return Err(NoLock::Failed("no answer".to_owned()));
    };
    let text = |name: &str| printable(row.get(&[name]).flatten().unwrap_or("unknown"));
    let (id, user, host) = (text("holder"), text("user"), text("host"));
    Err(NoLock::Taken(format!("session {id} of {user} from {host}")))
}

/// Lets go of the pair's lock wherever it is held; a session that is gone has let it go already.
pub async fn unlock(pair: &Pair, links: &mut [Link; 2], limit: Duration) {
    for link in links {
        if let Ok(sql) = &mut link.sql {
            let _ = sql.change(&dialect::unlock(&pair.name), limit).await;
        }
    }
}
