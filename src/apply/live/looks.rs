//! Looks that decide: who a server is, and the last one at a node that a person has declared dead.

use std::time::Duration;

use super::LiveWorld;
use crate::link::Sql;
use crate::model::{NodeSnapshot, Side, Snapshot};
use crate::observe;

/// How long it is listened, under the lock, whether anybody answers for an address: where only a person vouches for the
/// node, its isolation listens for longer.
const LISTEN: Duration = Duration::from_secs(1);

impl LiveWorld {
    /// Once more under the lock, and for the last time: a person's yes may have been long in coming.
    pub(super) async fn last_look(&mut self, dead: Side, seen: &mut Snapshot) {
        if let Some(witness) = self.witness.as_ref().filter(|_| self.begun) {
            seen.node_mut(dead.peer()).witness = witness.clone();
            return;
        }
        let target = dead.of(&self.links).target.mysql.clone();
        let (answers, ()) = tokio::join!(
            Sql::connect(&target, self.pair.limits.connect),
            observe::witness(&self.pair, &mut self.links, seen, dead, LISTEN),
        );
        observe::readiness(&self.pair, &mut self.links, seen).await;
        self.witness = Some(seen.node(dead.peer()).witness.clone());
        if let Ok(sql) = answers {
            dead.of_mut(&mut self.links).sql = Ok(sql);
            let again = observe::snapshot(&self.pair, &mut self.links).await;
            *seen.node_mut(dead) = again.node(dead).clone();
        }
    }

    /// A node that answers as another server than before is not that node any more.
    pub(super) fn same_server(&self, side: Side, seen: &NodeSnapshot) -> Result<(), String> {
        let (Some(known), Some(now)) = (side.of(&self.known), seen.server.known()) else { return Ok(()) };
        // of a dead one only its peer's is known
        if self.dead == Some(side) || (known.server.server_id, &known.server.uuid) == (now.server_id, &now.uuid) {
            return Ok(());
        }
        Err(format!(
            "another server answers there now (server_id {} instead of {})",
            now.server_id, known.server.server_id
        ))
    }
}
