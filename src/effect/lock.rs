//! Mutual exclusion of operators: a user lock on both servers, which a lost session lets go by itself.

use std::time::Duration;

use super::{asked, certain, changed};
use crate::dialect;
use crate::link::{Link, Record, Sql, SqlError, Table};
use crate::model::{NodeName, Pair, Server, Side, printable};
use crate::world::{Failure, Holder, NoLock};

/// Takes the pair's lock on both nodes, always in the same order; on one only is as good as on none.
///
/// # Errors
/// Somebody else has it, or a node cannot be asked.
pub async fn lock(pair: &Pair, links: &mut [Link; 2], servers: &[Server; 2], limit: Duration) -> Result<(), NoLock> {
    for side in Side::BOTH {
        if let Err(why) = lock_one(pair, side.of_mut(links), side.of(servers), limit).await {
            unlock(links, limit).await;
            return Err(why);
        }
    }
    Ok(())
}

/// Takes the pair's lock on one node; [`lock`] is for both.
///
/// # Errors
/// Somebody else has it, or the node cannot be asked.
pub async fn lock_one(pair: &Pair, link: &mut Link, server: &Server, limit: Duration) -> Result<(), NoLock> {
    let name = link.name().clone();
    let sql = link.sql.as_mut().map_err(|error| NoLock::Failed(error.to_string()))?;
    let failed = |failure: Failure| NoLock::Failed(failure.what);
    let statement = dialect::lock(pair.limits.lock_silence());
    let tables = sql.change(&statement, limit).await.map_err(|e| failed(changed(&e)))?;
    if says_one(&tables, "got") {
        // nothing of a run that is dead stays for long, the other session neither; without it nothing is begun anyway
        let _ = super::expire(&mut link.guard, pair.limits.lock_silence(), limit).await;
        return Ok(());
    }
    let tables = sql.read(&dialect::lock_holder(server), limit).await.map_err(|e| failed(asked(&e)))?;
    Err(match who(&name, &tables) {
        Ok(holder) => NoLock::Taken(holder),
        Err(failure) => failed(failure),
    })
}

/// Who holds the lock on a node, without taking it. `None`: nobody, or nobody can say.
pub async fn holder(link: &mut Link, server: &Server, limit: Duration) -> Option<Holder> {
    let name = link.name().clone();
    let tables = link.sql.as_mut().ok()?.read(&dialect::lock_holder(server), limit).await.ok()?;
    let [row, _] = &tables[..] else { return None };
    row.row().ok()?.get(&["holder"]).flatten()?;
    who(&name, &tables).ok()
}

/// Reads the answer to [`dialect::lock_holder`].
fn who(name: &NodeName, tables: &[Table]) -> Result<Holder, Failure> {
    let [holder, since] = tables else { return Err(certain("no answer")) };
    let row = holder.row().map_err(|e| asked(&e))?;
    let text = |name: &str| printable(row.get(&[name]).flatten().unwrap_or("unknown"));
    let (id, user, host) = (text("holder"), text("user"), text("host"));
    let asleep = row.get(&["command"]).flatten() == Some("Sleep");
    Ok(Holder {
        session: format!("session {id} of {user} from {host}, on {name}"),
        held: since.row().ok().and_then(age),
        idle: row.number(&["idle"]).ok().filter(|_| asleep).map(Duration::from_secs),
    })
}

/// By the server's clock, from the minute in the second lock's name.
fn age(row: &Record) -> Option<Duration> {
    let (minute, now): (u64, u64) = (row.number(&["since"]).ok()?, row.number(&["now"]).ok()?);
    Some(Duration::from_secs(now.saturating_sub(minute * 60)))
}

fn says_one(tables: &[Table], column: &str) -> bool {
    tables.last().and_then(|t| t.0.first()).and_then(|row| row.get(&[column]).flatten()) == Some("1")
}

/// Whether this session has the lock. `Err`: the server was not heard.
///
/// # Errors
/// The question had no answer.
pub async fn is_ours(sql: &mut Sql, limit: Duration) -> Result<bool, String> {
    let tables = sql.read(&dialect::lock_is_ours(), limit).await.map_err(|why| why.to_string())?;
    Ok(says_one(&tables, "ours"))
}

/// From here on the server ends this session when it hears nothing of it for `silence` (see [`super::expire_both`]); in
/// the same round trip: the session still has the pair's lock.
pub(super) async fn expire_with_lock(
    name: &NodeName,
    sql: &mut Result<Sql, SqlError>,
    silence: Duration,
    limit: Duration,
) -> Result<(), String> {
    let sql = sql.as_mut().map_err(|why| why.to_string())?;
    let statement = dialect::expire_and_lock_is_ours(silence);
    let tables = sql.change(&statement, limit).await.map_err(|why| why.to_string())?;
    if says_one(&tables, "ours") { Ok(()) } else { Err(format!("the pair's lock on {name} was lost")) }
}

/// What a dead run may have left at work on a server: sessions of flipper's account in which something that changes it is
/// still under way. Only for whoever holds the lock on both nodes.
///
/// # Errors
/// The server was not heard.
pub async fn remains(link: &mut Link, server: &Server, limit: Duration) -> Result<Vec<u64>, String> {
    let own = [&link.sql, &link.guard].map(|sql| sql.as_ref().ok().map(|sql| u64::from(sql.thread_id())));
    let user = link.target.mysql.user.as_str().to_owned();
    let sql = link.sql.as_mut().map_err(|why| why.to_string())?;
    let tables = sql.read(&dialect::changes_under_way(server), limit).await.map_err(|why| why.to_string())?;
    let rows = tables.iter().flat_map(|table| &table.0).filter(|row| row.get(&["user"]).flatten() == Some(&user));
    let ids = rows.map(|row| row.number::<u64>(&["id"]).map_err(|why| why.to_string()));
    let ids: Vec<u64> = ids.collect::<Result<_, _>>()?;
    Ok(ids.into_iter().filter(|id| !own.contains(&Some(*id))).collect())
}

/// Lets go of the pair's lock wherever it is held; a session that is gone has let it go already.
pub async fn unlock(links: &mut [Link; 2], limit: Duration) {
    for link in links {
        if let Ok(sql) = &mut link.sql {
            let _ = sql.change(&dialect::unlock(), limit).await;
        }
    }
}
