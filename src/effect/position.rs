//! Positions, and waiting until one node has executed what the other one had.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Hands, asked, certain};
use crate::dialect;
use crate::link::{Link, Record, Table};
use crate::model::{BinlogState, Flavour, NodeName, Server, WriteAccess};
use crate::world::{Done, Failure};

/// One server-side wait; between two of them the threads are looked at, because a wait does not notice a stopped one
/// (hazards §0.2).
const ROUND: Duration = Duration::from_secs(1);

/// Between two waits.
const PAUSE: Duration = Duration::from_millis(5);

/// What an answer may take on its way, beyond the time that the server was told to wait.
const GRACE: Duration = Duration::from_millis(700);

/// Where a server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// What a wait function takes.
    position: String,
    /// MariaDB: the vector that shows divergence, which the position does not.
    state: Option<BinlogState>,
}

impl At {
    /// Reads a row of [`dialect::access_and_position`].
    pub(super) fn read(row: &Record) -> Result<Self, Failure> {
        let position = row.text(&["position"]).map_err(|e| asked(&e))?.to_owned();
        let state = match row.get(&["state"]).flatten() {
            None => None,
            Some(text) => Some(
                BinlogState::parse(text).ok_or_else(|| certain(format!("cannot read gtid_binlog_state `{text}`")))?,
            ),
        };
        Ok(Self { position, state })
    }

    /// The position, and MariaDB's vector.
    pub(super) fn parts(&self) -> (&str, Option<&BinlogState>) {
        (&self.position, self.state.as_ref())
    }
}

/// Reads access and position from the last table of an answer.
pub(super) fn access_and_at(server: &Server, tables: &[Table]) -> Result<(WriteAccess, At), Failure> {
    let row = tables.last().ok_or_else(|| certain("no answer")).and_then(|table| table.row().map_err(|e| asked(&e)))?;
    access_of_row(server, row)
}

pub(super) fn access_of_row(server: &Server, row: &Record) -> Result<(WriteAccess, At), Failure> {
    let read_only = row.text(&["read_only"]).map_err(|e| asked(&e))?;
    let super_read_only = row.get(&["super_read_only"]).flatten();
    let access = dialect::parse_access(server, read_only, super_read_only)
        .ok_or_else(|| certain(format!("read_only has the unknown value `{read_only}`")))?;
    Ok((access, At::read(row)?))
}

impl Hands<'_> {
    /// Waits, while writes flow, until `node` has what `source` has now.
    pub(super) async fn approach(
        &mut self,
        node: &NodeName,
        source: &NodeName,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let connect = self.pair.limits.connect;
        let (link, known) = self.on(source)?;
        let tables = super::sql(link)?;
        let tables = tables.read(&dialect::access_and_position(&known.server), connect).await.map_err(|e| asked(&e))?;
        let (_, at) = access_and_at(&known.server, &tables)?;
        self.reach(node, source, &at, limit).await
    }

    /// Waits until `node` has executed all that the fenced `source` committed.
    pub(super) async fn catch_up(
        &mut self,
        node: &NodeName,
        source: &NodeName,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let remembered = self.memory.fenced.as_ref().filter(|(fenced, _)| fenced == source).map(|(_, at)| at.clone());
        let at = match remembered {
            Some(at) => at,
            // fenced before this run: its position is read now
            None => {
                let connect = self.pair.limits.connect;
                let (link, known) = self.on(source)?;
                let sql = super::sql(link)?;
                let question = dialect::access_and_position(&known.server);
                let tables = sql.read(&question, connect).await.map_err(|e| asked(&e))?;
                let (access, at) = access_and_at(&known.server, &tables)?;
                if access != WriteAccess::Fenced {
                    return Err(certain(format!("{source} is {access}, not fenced")));
                }
                self.memory.fenced = Some((source.clone(), at.clone()));
                at
            }
        };
        self.reach(node, source, &at, limit).await
    }

    async fn reach(&mut self, node: &NodeName, source: &NodeName, at: &At, limit: Duration) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit;
        let (link, known) = self.on(node)?;
        // one that logs only its own transactions may have committed none, and have others
        let silent = at.position.trim().is_empty();
        if silent && at.state.as_ref().is_none_or(BinlogState::is_empty) {
            return Ok(Done { note: Some(format!("{source} has committed nothing yet")) });
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(certain(format!("{node} did not reach the position of {source} within {limit:?}")));
            }
            let wait = ROUND.min(left);
            let question = match silent {
                true => dialect::executed_state(),
                false => dialect::catch_up(&known.server, &at.position, wait)
                    .ok_or_else(|| certain(format!("`{}` is not a position", at.position)))?,
            };
            // the server is to give up first, so that the connection stays usable
            let patience = wait + Duration::from_secs(1);
            let sql = super::sql(link)?;
            let tables = sql.read(&question, patience).await.map_err(|e| asked(&e))?;
            let missing = missing(&known.server, at, &tables)?;
            if missing.is_empty() {
                return Ok(Done::default());
            }
            threads(link, &known.server, node).await?;
            // MariaDB's wait is for a sequence number, and over at once where another server has come to it
            sleep(PAUSE).await;
        }
    }
}

/// What is missing after a round of waiting; empty when nothing is.
fn missing(server: &Server, at: &At, tables: &[Table]) -> Result<String, Failure> {
    let row = tables.last().ok_or_else(|| certain("no answer")).and_then(|table| table.row().map_err(|e| asked(&e)))?;
    match (server.flavour, &at.state) {
        (Flavour::MySql, _) => Ok(row.text(&["missing"]).map_err(|e| asked(&e))?.trim().to_owned()),
        (Flavour::MariaDb, Some(wanted)) => {
            let text = row.text(&["state"]).map_err(|e| asked(&e))?;
            let there =
                BinlogState::parse(text).ok_or_else(|| certain(format!("cannot read gtid_binlog_state `{text}`")))?;
            Ok(wanted.lacking_in(&there).to_string())
        }
        (Flavour::MariaDb, None) => Err(certain("the other node's gtid_binlog_state is not known")),
    }
}

/// A wait does not notice a thread that has stopped.
async fn threads(link: &mut Link, server: &Server, node: &NodeName) -> Result<(), Failure> {
    let sql = super::sql(link)?;
    let tables = sql.read(&dialect::channels(server), GRACE).await.map_err(|e| asked(&e))?;
    for row in tables.iter().flat_map(|table| &table.0) {
        for (thread, names) in [
            ("receiver", ["Replica_IO_Running", "Slave_IO_Running"]),
            ("applier", ["Replica_SQL_Running", "Slave_SQL_Running"]),
        ] {
            if row.get(&names).flatten() != Some("Yes") {
                return Err(certain(format!("the replication {thread} of {node} does not run")));
            }
        }
    }
    Ok(())
}
