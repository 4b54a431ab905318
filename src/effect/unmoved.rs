//! Whether a fenced node stands where it stood, and whether anybody there could still commit: asked last before the other
//! one is opened.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lock::expire_with_lock;
use super::position::{At, access_of_row};
use super::sessions::{Session, kill, own, sessions_of};
use super::switch::alive;
use super::{Hands, asked, certain};
use crate::dialect;
use crate::link::{Link, Record, Table};
use crate::model::{Flavour, NodeName, Server, Side, WriteAccess, printable};
use crate::world::Failure;

/// Between two looks for sessions that have been ended.
const ENDING: Duration = Duration::from_millis(10);

/// What a question may take in any case: one that is cut off costs the connection, which the way back needs.
const LEAST: Duration = Duration::from_millis(200);

/// As long as InnoDB gives the same answer once more: its list is renewed when nobody has asked for 100 ms, and whoever asks
/// sooner gets the old one for ever.
pub(super) const REPEATED: Duration = Duration::from_millis(105);

impl Hands<'_> {
    /// Waits, while writes flow, until InnoDB would renew its list of transactions, which this run has asked for a moment ago:
    /// where that is looked at once writes are out, nobody waits for it.
    pub(super) async fn renewed(&self, node: &NodeName) {
        let side = self.pair.side(node);
        let known = side.and_then(|side| side.of(self.known).as_ref());
        if known.is_some_and(|known| known.server.flavour == Flavour::MySql) {
            sleep(REPEATED).await;
        }
    }

    /// Sees that a fenced node stands where it stood, and that nothing there can still commit; at the same time, that
    /// the other node's machine still answers. On the way, sessions are ended that could commit in spite of the fence: what
    /// they have begun is lost, which they have not been told yet. Returns what is to be told of that.
    pub(super) async fn unmoved(
        &mut self,
        peer: &NodeName,
        stood: &At,
        node: &NodeName,
        limit: Duration,
    ) -> Result<Option<String>, Failure> {
        let silence = self.pair.limits.silence();
        let locked = self.memory.is_locked(peer);
        let deadline = Instant::now() + limit;
        // InnoDB's list may have them for a while
        let (mut gone, mut ended) = (BTreeSet::new(), 0);
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
            let side = self.side(peer)?;
            let known = side.of(self.known).as_ref().ok_or_else(|| certain(format!("{peer} was never seen")))?;
            let [first, second] = &mut *self.links;
            let (link, other) = match side {
                Side::First => (first, second),
                Side::Second => (second, first),
            };
            let question = dialect::facts(&known.server);
            let ready = async {
                alive(other, left).await?;
                expire_with_lock(&other.target.name, &mut other.sql, silence, left).await
            };
            // asked by the session with the read lock: that it answers shows that nobody has ended it, and the lock with it
            let asking = if locked { super::guard(link)? } else { super::sql(link)? };
            let asker = u64::from(asking.thread_id());
            let (tables, ready) = tokio::join!(asking.read(&question, left), ready);
            ready.map_err(|why| certain(format!("{node} was not opened: {why}")))?;
            let tables = tables.map_err(|e| asked(&e))?;
            let Stands { access, at, prepared, open } = Stands::read(&known.server, peer, asker, &tables)?;
            if access != WriteAccess::Fenced {
                return Err(certain(format!("{peer} is {access} again: somebody changed it")));
            }
            if at != *stood {
                let what = format!("{peer} has moved on although it is fenced: a privileged session writes there");
                return Err(certain(what));
            }
            if prepared > 0 {
                return Err(certain(format!("{peer} has {prepared} prepared XA transaction(s)")));
            }
            match open {
                Some(open) => {
                    let open: BTreeSet<u64> = open.difference(&gone).copied().collect();
                    if open.is_empty() {
                        return Ok(told(ended, peer));
                    }
                    ended += end(link, &known.server, peer, &open, deadline).await?;
                    gone.extend(open);
                }
                None if Instant::now() >= deadline => {
                    return Err(certain(format!(
                        "{peer} does not tell who is in a transaction there: something asks for \
                         information_schema.innodb_trx all the time, and every answer is the one before"
                    )));
                }
                None => sleep(REPEATED).await,
            }
        }
    }
}

fn told(ended: usize, peer: &NodeName) -> Option<String> {
    (ended > 0).then(|| format!("{ended} session(s) of {peer} ended, which could have committed in spite of the fence"))
}

/// Ends those sessions and waits until they are gone: one that is in the middle of a statement ends it first. Returns how many
/// it were.
pub(super) async fn end(
    link: &mut Link,
    server: &Server,
    peer: &NodeName,
    open: &BTreeSet<u64>,
    deadline: Instant,
) -> Result<usize, Failure> {
    let own = own(link);
    let mut ended: Option<usize> = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
        let sql = super::sql(link)?;
        let asker = u64::from(sql.thread_id());
        let tables = sql.read(&dialect::sessions(server), left).await.map_err(|e| asked(&e))?;
        let sessions = sessions_of(&tables)?;
        if !sessions.iter().any(|session| session.id == asker) {
            return Err(certain(format!("{peer} does not list its sessions: not even the one that asks")));
        }
        // what is replicated commits in spite of any fence, and is no client's
        let there: Vec<&Session> = sessions.iter().filter(|s| open.contains(&s.id) && !s.is_spared(&own)).collect();
        if there.is_empty() {
            return Ok(ended.unwrap_or(0));
        }
        if Instant::now() >= deadline {
            return Err(certain(format!(
                "{peer} has sessions that do not end, and could commit in spite of the fence"
            )));
        }
        if ended.is_none() {
            let ids: Vec<u64> = there.iter().map(|session| session.id).collect();
            let refused = kill(super::sql(link)?, &ids, left).await?;
            if let Some(session) = there.iter().find(|session| refused.contains(&session.id)) {
                return Err(certain(above_us(peer, session)));
            }
            ended = Some(ids.len());
        }
        sleep(ENDING).await;
    }
}

fn above_us(peer: &NodeName, session: &Session) -> String {
    let (id, user) = (session.id, printable(&session.user));
    format!(
        "session {id} of {user} on {peer} is in a transaction that could commit in spite of the fence, and flipper's account \
         may not end it: have it ended (ROLLBACK or XA ROLLBACK there, or KILL {id})"
    )
}

/// What a fenced node has answered.
#[derive(Debug, PartialEq, Eq)]
struct Stands {
    access: WriteAccess,
    at: At,
    prepared: usize,
    /// Sessions that could still commit. `None`: the answer may be older than the fence.
    open: Option<BTreeSet<u64>>,
}

impl Stands {
    /// Reads an answer to [`dialect::facts`], of which `asker` is the session that asked.
    fn read(server: &Server, peer: &NodeName, asker: u64, tables: &[Table]) -> Result<Self, Failure> {
        let (open, prepared, facts) = match (server.flavour, tables) {
            (Flavour::MySql, [_, changed, shown, _, prepared, facts]) => {
                (open(asker, changed, shown)?, prepared, facts)
            }
            (Flavour::MariaDb, [prepared, facts]) => (Some(BTreeSet::new()), prepared, facts),
            _ => return Err(certain(format!("{peer} answered {} tables", tables.len()))),
        };
        let (access, at) = access_of_row(server, facts.row().map_err(|e| asked(&e))?)?;
        Ok(Self { access, at, prepared: prepared.0.len(), open })
    }
}

/// Who could still commit: whoever has changed something, and is not known to be in a plain transaction; and whoever is
/// known to be in an XA transaction, in whichever engine it is. `None` where InnoDB's list is an old one.
///
/// Unknown is not no: what the server notes down of a transaction may be turned off, for all of them or for some. That
/// those stay who are known to do no harm spares clients an end that most of them come to a moment later, and everybody the
/// time that it takes while writes are out.
pub(super) fn open(asker: u64, changed: &Table, shown: &Table) -> Result<Option<BTreeSet<u64>>, Failure> {
    let id = |row: &Record| row.number::<u64>(&["id"]).map_err(|e| asked(&e));
    let mut open: BTreeSet<u64> = changed.0.iter().map(id).collect::<Result<_, _>>()?;
    if !open.remove(&asker) {
        return Ok(None);
    }
    // one that is prepared has no session
    open.remove(&0);
    for row in &shown.0 {
        let id = id(row)?;
        match row.get(&["xa"]) {
            Some(None | Some("NOTXA")) => open.remove(&id),
            Some(Some("ACTIVE" | "IDLE")) => open.insert(id),
            _ => false,
        };
    }
    Ok(Some(open))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(ids: &[&str]) -> Table {
        Table(ids.iter().map(|id| Record::new(vec![("id".to_owned(), Some((*id).to_owned()))])).collect())
    }

    fn shown(rows: &[(&str, Option<&str>)]) -> Table {
        let row = |(id, xa): &(&str, Option<&str>)| {
            let xa = ("xa".to_owned(), xa.map(str::to_owned));
            Record::new(vec![("id".to_owned(), Some((*id).to_owned())), xa])
        };
        Table(rows.iter().map(row).collect())
    }

    #[test]
    fn who_could_still_commit() {
        let of = |ids: &[&str], rows: &[(&str, Option<&str>)]| {
            open(7, &changed(ids), &shown(rows)).expect("an answer").map(Vec::from_iter)
        };
        assert_eq!(of(&["7"], &[]), Some(vec![]));
        // nothing is noted down: whoever has changed something may be in one
        assert_eq!(of(&["8", "7", "9", "0"], &[]), Some(vec![8, 9]));
        // as newer and older servers show a plain one
        assert_eq!(of(&["8", "7", "9"], &[("8", None), ("9", Some("NOTXA"))]), Some(vec![]));
        // of another engine, or before it has changed anything
        assert_eq!(of(&["7"], &[("8", Some("ACTIVE")), ("9", Some("IDLE"))]), Some(vec![8, 9]));
        // prepared, it has ended or is found by XA RECOVER; but not while it has changed rows under the same session
        assert_eq!(of(&["7"], &[("8", Some("PREPARED"))]), Some(vec![]));
        assert_eq!(of(&["7", "8"], &[("8", Some("PREPARED"))]), Some(vec![8]));
        assert_eq!(of(&["7", "8"], &[("8", Some("?"))]), Some(vec![8]));
    }

    #[test]
    fn an_answer_without_the_session_that_asks_is_an_old_one() {
        assert_eq!(open(7, &changed(&[]), &shown(&[])), Ok(None));
        assert_eq!(open(7, &changed(&["8"]), &shown(&[("8", None)])), Ok(None));
        assert!(open(7, &changed(&["7", "x"]), &shown(&[])).is_err());
        assert!(open(7, &changed(&["7"]), &shown(&[("", None)])).is_err());
    }
}
