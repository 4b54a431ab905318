//! What one node has and the other one has not, asked of the second after the first was read.

use std::time::Duration;

use super::server::Read;
use super::{Depth, NOT_LOOKED_AT, Seen};
use crate::dialect;
use crate::link::{Sql, SqlError, Table};
use crate::model::{BinlogState, Flavour, NodeSnapshot, Observed, printable};

/// What a server was asked about its peer, and about itself.
pub(super) struct Between {
    /// What the peer has and this server has not.
    pub(super) ahead: Read<String>,
    logs: Logs,
}

/// How the two flavours tell what is gone from the binary logs.
enum Logs {
    /// MySQL: what this server lacks of what the peer has purged, which only the one that lacks it can tell.
    Lacks(Read<String>),
    /// MariaDB: where its logs begin, and from where it goes on itself.
    Begin(Read<BinlogState>, Read<BinlogState>),
    /// Nobody can say.
    Unseen(String),
}

/// What `own` lacks of what its peer has purged.
pub(super) fn purged(own: &Between, peer: &Between) -> Read<String> {
    match (&own.logs, &peer.logs) {
        (Logs::Lacks(purged), _) => purged.clone(),
        (Logs::Begin(_, from), Logs::Begin(begin, _)) => {
            let (from, begin) = (from.as_ref().map_err(String::clone)?, begin.as_ref().map_err(String::clone)?);
            Ok(begin.beyond(from).to_string())
        }
        (Logs::Unseen(why), _) | (_, Logs::Unseen(why)) => Err(why.clone()),
        (Logs::Begin(..), Logs::Lacks(_)) => Err("the two servers are of two families".to_owned()),
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
    let logs = match (flavour(of), flavour(peer)) {
        (Some(Flavour::MariaDb), Some(Flavour::MariaDb)) if depth == Depth::All => begin(sql, limit).await,
        (Some(Flavour::MariaDb), Some(Flavour::MariaDb)) => Logs::Unseen(NOT_LOOKED_AT.to_owned()),
        (Some(Flavour::MySql), Some(Flavour::MySql)) => Logs::Lacks(gone(peer, sql, limit).await),
        (Some(_), Some(_)) => Logs::Unseen("the two servers are of two families".to_owned()),
        (None, _) | (_, None) => {
            let why = of.node.server.why_unknown().or(peer.node.server.why_unknown()).unwrap_or_default();
            Logs::Unseen(why.to_owned())
        }
    };
    Between { ahead, logs }
}

/// Where a MariaDB server's oldest log begins, and from where it goes on.
async fn begin(sql: &mut Result<Sql, SqlError>, limit: Duration) -> Logs {
    let sql = match sql {
        Ok(sql) => sql,
        Err(why) => return Logs::Unseen(why.to_string()),
    };
    let state = |answer: Read<Table>, name: &str| {
        let answer = answer?;
        let text = answer.row().map_err(|why| why.to_string())?.text(&[name]).map_err(|why| why.to_string())?;
        BinlogState::parse(text).ok_or_else(|| format!("`{}` is not a position", printable(text)))
    };
    let [logs, from] = super::ask(sql, [&dialect::binary_logs(), &dialect::follows_from()], limit).await;
    let from = state(from, "position");
    let oldest = logs.and_then(|logs| {
        let oldest = logs.0.first().ok_or("the server names no binary log")?;
        let name = oldest.text(&["Log_name"]).map_err(|why| why.to_string())?;
        dialect::log_start(name).ok_or_else(|| format!("`{}` is not a log", printable(name)))
    });
    let begin = match oldest {
        Ok(question) => {
            let [start] = super::ask(sql, [&question], limit).await;
            state(start, "start")
        }
        Err(why) => Err(why),
    };
    Logs::Begin(begin, from)
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
            // without a log nobody has counted a server's own transactions
            if ![&own, &theirs].into_iter().all(|settings| settings.log_bin) {
                return Err("a binary log is off, so that nobody can tell".to_owned());
            }
            // what comes back from one that logs all takes the place of what the other one knew of it
            if own.log_replica_updates != theirs.log_replica_updates {
                return Err(
                    "one of them logs what it applies (log_slave_updates), and the other does not, so that nobody can \
                            tell: set it alike"
                        .to_owned(),
                );
            }
            let state = |text: &str| {
                BinlogState::parse(text).ok_or_else(|| format!("`{}` is not a binlog state", printable(text)))
            };
            let before = state(standing.state.as_deref().ok_or("the server did not give its binlog state")?)?;
            let [answer] = super::ask(sql, [&dialect::executed_state()], limit).await;
            let answer = answer?;
            let row = answer.row().map_err(|why| why.to_string())?;
            let now = state(row.text(&["state"]).map_err(|why| why.to_string())?)?;
            Ok(before.lacking_in(&now).to_string())
        }
        _ => Err("the two servers are of two families".to_owned()),
    }
}

/// What a MySQL server `of` has purged from its binary logs and its peer has not executed: it can never be fetched.
async fn gone(of: &Seen, peers: &mut Result<Sql, SqlError>, limit: Duration) -> Read<String> {
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
