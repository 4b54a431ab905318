//! The only proof that clients arrive: connecting like one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::position::access_and_at;
use super::{Hands, asked, certain};
use crate::dialect;
use crate::link::{MysqlTarget, Sql};
use crate::model::{Access, Host, NodeName, Prefixed, Server, WriteAccess};
use crate::world::{Done, Failure};

/// One try at most: a segment lost on the way must not use up the whole time.
const TRY: Duration = Duration::from_millis(700);

impl Hands<'_> {
    /// Connects to a role's address until the right server answers as it should, or the time is over.
    pub(super) async fn verify(
        &mut self,
        node: &NodeName,
        address: Prefixed,
        access: Access,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let (_, known) = self.on(node)?;
        let host: Host = address.ip.to_string().parse().map_err(|e: crate::model::BadName| asked(&e))?;
        let target = known.mysql.at(host);
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let seen = look(&target, &known.server, access, TRY.min(left)).await;
            match seen {
                Ok(()) => return Ok(Done { note: Some(format!("{} leads to {node}", address.ip)) }),
                Err(why) if Instant::now() + Duration::from_millis(50) >= deadline => {
                    return Err(certain(format!("{} does not lead to {node} as it should: {}", address.ip, why.what)));
                }
                Err(_) => sleep(Duration::from_millis(30)).await,
            }
        }
    }
}

async fn look(target: &MysqlTarget, expected: &Server, access: Access, limit: Duration) -> Result<(), Failure> {
    let mut sql = Sql::connect(target, limit).await.map_err(|e| asked(&e))?;
    let identity = sql.read(&dialect::identity(), limit).await;
    let state = sql.read(&dialect::access_and_position(expected), limit).await;
    sql.close(limit).await;
    let identity = identity.map_err(|e| asked(&e))?;
    let row = identity.first().ok_or_else(|| certain("no answer"))?.row().map_err(|e| asked(&e))?;
    let id: u32 = row.number(&["server_id"]).map_err(|e| asked(&e))?;
    if id != expected.server_id {
        return Err(certain(format!("server {id} answers instead of {}", expected.server_id)));
    }
    let (found, _) = access_and_at(expected, &state.map_err(|e| asked(&e))?)?;
    if access == Access::ReadWrite && found != WriteAccess::Open {
        return Err(certain(format!("it is {found}")));
    }
    Ok(())
}
