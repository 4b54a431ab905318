//! What one node has and the other one has not, asked of the second after the first was read.

use std::time::Duration;

use super::server::Read;
use super::{Depth, NOT_LOOKED_AT, Seen};
use crate::dialect;
use crate::link::{Sql, SqlError};
use crate::model::{BinlogState, Flavour, NodeSnapshot, Observed, printable};

/// What a server was asked about its peer.
pub(super) struct Between {
    /// What the peer has and this server has not.
    pub(super) ahead: Read<String>,
    /// What the peer lacks of what this server has purged: MariaDB, which is asked for its own logs.
    pub(super) purged_here: Purged,
    /// What this server lacks of what the peer has purged: MySQL, which only the one that lacks it can tell.
    pub(super) purged_there: Purged,
}

/// `None`: it is for the other server to say.
pub(super) struct Purged(Option<Read<String>>);

impl Purged {
    /// What either of the two could say.
    pub(super) fn or(self, other: Self) -> Read<String> {
        self.0.or(other.0).unwrap_or_else(|| Err("the two servers are of two families".to_owned()))
    }
}

/// Asks the server of `of` about `peer`, whose position was read before.
pub(super) async fn ask(
    peer: &Seen,
    of: &Seen,
    sql: &mut Result<Sql, SqlError>,
    limit: Duration,
    depth: Depth,
) -> Between {
    let flavour = |seen: &Seen| seen.node.server.known().map(|server| server.flavour);
    let ahead = lacking(peer, of, sql, limit).await;
    let (mut purged_here, mut purged_there) = (Purged(None), Purged(None));
    match (flavour(of), flavour(peer)) {
        (Some(Flavour::MariaDb), Some(Flavour::MariaDb)) => {
            purged_here.0 = Some(match depth {
                Depth::All => purged_by(peer, sql, limit).await,
                Depth::Structure => Err(NOT_LOOKED_AT.to_owned()),
            });
        }
        (Some(Flavour::MariaDb), Some(Flavour::MySql)) | (Some(Flavour::MySql), Some(Flavour::MariaDb)) => {}
        (Some(Flavour::MySql), _) | (_, Some(Flavour::MySql)) => {
            purged_there.0 = Some(purged(peer, of, sql, limit).await);
        }
        (None, _) | (_, None) => {
            let why = of.node.server.why_unknown().or(peer.node.server.why_unknown()).unwrap_or_default();
            purged_here.0 = Some(Err(why.to_owned()));
        }
    }
    Between { ahead, purged_here, purged_there }
}

/// What this MariaDB server has purged from its binary logs and `peer` has not executed: everything that is in no log
/// from the oldest one on.
async fn purged_by(peer: &Seen, sql: &mut Result<Sql, SqlError>, limit: Duration) -> Read<String> {
    let state =
        |text: &str| BinlogState::parse(text).ok_or_else(|| format!("`{}` is not a binlog state", printable(text)));
    let standing = peer.standing.as_ref().map_err(String::clone)?;
    let there = state(standing.state.as_deref().ok_or("the server did not give its binlog state")?)?;
    let sql = sql.as_mut().map_err(|why| why.to_string())?;
    let [logs] = super::ask(sql, [&dialect::binary_logs()], limit).await;
    let logs = logs?;
    let oldest = logs.0.first().ok_or("the server names no binary log")?;
    let oldest = oldest.text(&["Log_name"]).map_err(|why| why.to_string())?;
    let question = dialect::log_start(oldest).ok_or_else(|| format!("`{}` is not a log", printable(oldest)))?;
    let [start] = super::ask(sql, [&question], limit).await;
    let start = start?;
    let start = start.row().map_err(|why| why.to_string())?.text(&["start"]).map_err(|why| why.to_string())?;
    Ok(state(start)?.lacking_in(&there).to_string())
}

/// What `of` has, by its position read before, and the server of `peer`, asked now, has not.
async fn lacking(of: &Seen, peer: &Seen, peers: &mut Result<Sql, SqlError>, limit: Duration) -> Read<String> {
    let standing = of.standing.as_ref().map_err(String::clone)?;
    let known = |node: &NodeSnapshot| match (&node.server, &node.settings) {
        (Observed::Known(server), Observed::Known(settings)) => Ok((server.flavour, settings.clone())),
        (Observed::Unknown(why), _) | (_, Observed::Unknown(why)) => Err(why.clone()),
    };
    let (own, theirs) = (known(&of.node)?, known(&peer.node)?);
    let sql = peers.as_mut().map_err(|why| why.to_string())?;
    match (own, theirs) {
        ((Flavour::MySql, own), (Flavour::MySql, _)) => {
            // an empty set of GTIDs means nothing where transactions get none
            if !own.gtid {
                return Err("GTIDs are off, so that nobody can tell".to_owned());
            }
            let position = standing.position.clone()?;
            let question = dialect::missing(&position)
                .ok_or_else(|| format!("the server's position `{position}` is not understood"))?;
            let [answer] = super::ask(sql, [&question], limit).await;
            let answer = answer?;
            let row = answer.row().map_err(|why| why.to_string())?;
            let missing = row.text(&["missing"]).map_err(|why| why.to_string())?;
            Ok(printable(&missing.replace('\n', "")))
        }
        ((Flavour::MariaDb, own), (Flavour::MariaDb, theirs)) => {
            // the state is one of the binary log, and complete only with what came from the peer
            if ![&own, &theirs].into_iter().all(|settings| settings.log_bin && settings.log_replica_updates) {
                return Err("not all transactions are in both binary logs, so that nobody can tell".to_owned());
            }
            let state = |text: &str| {
                BinlogState::parse(text).ok_or_else(|| format!("`{}` is not a binlog state", printable(text)))
            };
            let before = state(standing.state.as_deref().ok_or("the server did not give its binlog state")?)?;
            let [answer] = super::ask(sql, [&dialect::binlog_state()], limit).await;
            let answer = answer?;
            let row = answer.row().map_err(|why| why.to_string())?;
            let now = state(row.text(&["state"]).map_err(|why| why.to_string())?)?;
            Ok(before.lacking_in(&now).to_string())
        }
        _ => Err("the two servers are of two families".to_owned()),
    }
}

/// What a MySQL server `of` has purged from its binary logs and `peer` has not executed: it can never be fetched.
async fn purged(of: &Seen, peer: &Seen, peers: &mut Result<Sql, SqlError>, limit: Duration) -> Read<String> {
    if let Some(why) = of.node.server.why_unknown().or(peer.node.server.why_unknown()) {
        return Err(why.to_owned());
    }
    let purged = of.answers.purged()?;
    if purged.is_empty() {
        return Ok(purged);
    }
    let sql = peers.as_mut().map_err(|why| why.to_string())?;
    let question = dialect::missing(&purged)
        .ok_or_else(|| format!("the server's set `{}` is not understood", printable(&purged)))?;
    let [answer] = super::ask(sql, [&question], limit).await;
    let answer = answer?;
    let row = answer.row().map_err(|why| why.to_string())?;
    let missing = row.text(&["missing"]).map_err(|why| why.to_string())?;
    Ok(printable(&missing.replace('\n', "")))
}
