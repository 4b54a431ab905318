//! Ending what clients have left on a node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Hands, Known, asked, certain, changed, command, unmoved};
use crate::dialect::{self, LoginName, Question};
use crate::link::{Link, Record, Sql, SqlErrorKind, Table};
use crate::model::{NodeName, Prefixed, Server, printable};
use crate::world::{Done, Failure};

/// `ER_NO_SUCH_THREAD`.
const NO_SUCH_SESSION: u16 = 1094;

/// How long sessions on a node that gives an address up are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a question may take even when that time is over.
const LEAST: Duration = Duration::from_millis(200);

impl Hands<'_> {
    /// Ends every client session that came through an address, in SQL and then in the kernel, until none is left.
    pub(super) async fn end_sessions(
        &mut self,
        node: &NodeName,
        came: Prefixed,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let locked = self.memory.is_locked(node);
        let port = self.pair.node(self.side(node)?).port;
        let found = self.memory.found.take().filter(|found| found.on(node, came)).map(|found| found.ids);
        let (mut ended, mut spared) = (BTreeSet::new(), BTreeSet::new());
        if let Some(ids) = found {
            // seen a moment ago, while the address was taken: clients wait for this, so it is not asked again first
            let (link, _) = self.on(node)?;
            let refused = kill(super::sql(link)?, &ids, limit.min(PATIENCE)).await?;
            ended.extend(ids.into_iter().filter(|id| !refused.contains(id)));
            spared.extend(refused);
        }
        // who came back here before the neighbours had heard of the new holder is found by the next look
        self.announced().await;
        let (link, known) = self.on(node)?;
        let left = Left { address: came, port, locked };
        let quiet = left.end(link, known, limit, (&mut ended, &mut spared)).await?;
        let mut notes = told(&ended, &spared, "ended");
        if !quiet {
            notes.push("sockets are left through the address; nobody reaches them once it is gone".to_owned());
        }
        Ok(Done { note: (!notes.is_empty()).then(|| notes.join("; ")) })
    }

    /// Ends those who came between the last look and the moment when an address left for nowhere: nobody else has it, so
    /// that its clients tried here to the end, and their sessions would stay until the server's own time is over. What
    /// cannot be ended is no reason to say that the address is still there.
    pub(super) async fn end_latecomers(&mut self, node: &NodeName, came: Prefixed, limit: Duration) -> Option<String> {
        let port = self.pair.node(self.side(node).ok()?).port;
        let (link, known) = self.on(node).ok()?;
        let left = Left { address: came, port, locked: false };
        let (mut ended, mut spared) = (BTreeSet::new(), BTreeSet::new());
        let quiet = left.end(link, known, limit, (&mut ended, &mut spared)).await.ok()?;
        let mut notes = told(&ended, &spared, "ended that came last");
        if !quiet {
            notes.push("sockets are left that nobody reaches".to_owned());
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// Ends what would write as soon as the read lock of a fence is let go, which `read_only` keeps no administrator from:
    /// what waits behind it (hazard H-01), and transactions that have changed rows before it and idle. Who came by the
    /// write address is ended before; of those who are left nobody can tell administrators from others, whose COMMIT would be
    /// refused. Returns what is to be told of that.
    pub(super) async fn end_waiting(&mut self, node: &NodeName, limit: Duration) -> Result<Option<String>, Failure> {
        let deadline = Instant::now() + limit;
        let (link, known) = self.on(node)?;
        let own = own(link);
        let sql = super::sql(link)?;
        let tables = sql.read(&dialect::sessions(&known.server), limit).await.map_err(|e| asked(&e))?;
        let sessions = sessions_of(&tables)?;
        kill(sql, &to_end(&sessions, &BTreeSet::new(), true, &own), limit).await?;
        let ended = match in_transactions(sql, &dialect::changed_rows(), deadline).await {
            Ok(open) if open.is_empty() => return Ok(None),
            Ok(open) => unmoved::end(link, &known.server, node, &open, deadline).await,
            Err(why) => Err(why),
        };
        // whoever may do what read_only forbids can do it a moment later as well: no reason to keep the lock
        Ok(match ended {
            Ok(0) => None,
            Ok(ended) => Some(format!(
                "{ended} session(s) of {node} ended that had changed rows: an administrator's could have committed in spite of read_only"
            )),
            Err(why) => {
                Some(format!("whether an administrator's transaction can still commit on {node}: {}", why.what))
            }
        })
    }
}

/// Who is in a transaction, by a list that InnoDB has made for this question: the second of its three tables, in which
/// whoever asks is missing as long as the list is an old one.
pub(super) async fn in_transactions(
    sql: &mut Sql,
    question: &Question,
    deadline: Instant,
) -> Result<BTreeSet<u64>, Failure> {
    let asker = u64::from(sql.thread_id());
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
        let tables = sql.read(question, left).await.map_err(|e| asked(&e))?;
        let [_, listed, _] = &tables[..] else { return Err(certain("no answer")) };
        match unmoved::open(asker, listed, &Table(vec![]))? {
            Some(open) => return Ok(open),
            None if Instant::now() >= deadline => {
                return Err(certain(
                    "something asks for information_schema.innodb_trx all the time, and every answer is the one before",
                ));
            }
            None => sleep(unmoved::REPEATED).await,
        }
    }
}

/// What is said of those who were to be ended.
fn told(ended: &BTreeSet<u64>, spared: &BTreeSet<u64>, how: &str) -> Vec<String> {
    let mut notes = vec![];
    if !ended.is_empty() {
        notes.push(format!("{} session(s) {how}", ended.len()));
    }
    if !spared.is_empty() {
        notes.push(format!("{} session(s) may not be ended by flipper's account", spared.len()));
    }
    notes
}

/// What clients have left through an address.
struct Left {
    address: Prefixed,
    port: u16,
    /// Whoever waits behind our read lock is ended too.
    locked: bool,
}

impl Left {
    /// Ends sessions, and resets sockets, until none is left or the time is over. Whether none is left.
    async fn end(
        &self,
        link: &mut Link,
        known: &Known,
        limit: Duration,
        (ended, spared): (&mut BTreeSet<u64>, &mut BTreeSet<u64>),
    ) -> Result<bool, Failure> {
        let Self { address, port, locked } = *self;
        let own = own(link);
        // a session that does not end must not keep the address here: without it nobody reaches the session any more
        let deadline = Instant::now() + limit.min(PATIENCE);
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(LEAST);
            let late = Instant::now() >= deadline;
            let (peers, sessions) = look(link, &known.server, address, port, left).await?;
            let quiet = peers.is_empty();
            let ids = to_end(&sessions, &peers, locked, &own);
            let ids: Vec<u64> = ids.into_iter().filter(|id| !spared.contains(id)).collect();
            if late || (ids.is_empty() && quiet) {
                // those that the server has closed meanwhile; nobody is kept here by one that stays
                let _ = command(link, &[dialect::kill_sockets(&known.system, known.sudo, address, port)], left).await;
                return Ok(quiet);
            }
            let refused = kill(super::sql(link)?, &ids, left).await?;
            ended.extend(ids.into_iter().filter(|id| !refused.contains(id)));
            spared.extend(refused);
            // sockets without a session: half-open ones, clients that have not logged in, sessions above our account
            command(link, &[dialect::kill_sockets(&known.system, known.sudo, address, port)], left).await?;
        }
    }
}

/// Our own sessions there.
pub(super) fn own(link: &Link) -> Vec<u64> {
    [&link.sql, &link.guard].iter().filter_map(|sql| sql.as_ref().ok()).map(|sql| sql.thread_id().into()).collect()
}

/// Sessions that came through an address, found ahead of the time when they are ended.
#[derive(Debug)]
pub(super) struct Found {
    node: NodeName,
    address: Prefixed,
    ids: Vec<u64>,
}

impl Found {
    fn on(&self, node: &NodeName, address: Prefixed) -> bool {
        self.node == *node && self.address.ip == address.ip
    }

    /// Looks for them. `None`: that did not work, and they will be looked for when they are ended.
    pub(super) async fn look(
        link: &mut Link,
        server: &Server,
        node: &NodeName,
        address: Prefixed,
        port: u16,
        locked: bool,
        limit: Duration,
    ) -> Option<Self> {
        let own = own(link);
        let (peers, sessions) = look(link, server, address, port, limit).await.ok()?;
        Some(Self { node: node.clone(), address, ids: to_end(&sessions, &peers, locked, &own) })
    }
}

/// Each list is gone through once: there may be ten thousand of them, and writes are out meanwhile.
fn to_end(sessions: &[Session], peers: &BTreeSet<SocketAddr>, locked: bool, own: &[u64]) -> Vec<u64> {
    let mut with_port: BTreeMap<u16, usize> = BTreeMap::new();
    for port in sessions.iter().filter_map(Session::port) {
        *with_port.entry(port).or_default() += 1;
    }
    // a resolved name hides the address, and a port alone tells only where no other session has it
    let alone = |session: &Session| {
        dialect::parse_end(&session.host).is_some()
            || session.port().is_none_or(|port| with_port.get(&port).is_some_and(|count| *count == 1))
    };
    let came = Came { ports: peers.iter().map(SocketAddr::port).collect(), peers };
    sessions.iter().filter(|s| s.is_to_end(&came, locked, own) && alone(s)).map(|s| s.id).collect()
}

/// The clients' ends of the sockets through an address.
struct Came<'a> {
    peers: &'a BTreeSet<SocketAddr>,
    ports: BTreeSet<u16>,
}

pub(super) fn sessions_of(tables: &[Table]) -> Result<Vec<Session>, Failure> {
    tables.iter().flat_map(|table| &table.0).map(Session::read).collect()
}

/// A session as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) user: String,
    /// `address:port`, or `name:port` where the server resolves names.
    host: String,
    command: String,
    state: String,
}

impl Session {
    fn read(row: &Record) -> Result<Self, Failure> {
        let text = |name| row.get(&[name]).flatten().unwrap_or_default().to_owned();
        let id = row.number(&["id"]).map_err(|e| asked(&e))?;
        Ok(Self { id, user: text("user"), host: text("host"), command: text("command"), state: text("state") })
    }

    /// It came through the address, or waits behind the read lock and would write when that is let go.
    fn is_to_end(&self, came: &Came<'_>, locked: bool, own: &[u64]) -> bool {
        let waits = locked && matches!(self.state.as_str(), "Waiting for backup lock" | "Waiting for global read lock");
        !self.is_spared(own) && (waits || self.came_from(came))
    }

    /// Never ended: replication, events and our own sessions (hazard H-16).
    pub(super) fn is_spared(&self, own: &[u64]) -> bool {
        LoginName(&self.user).is_system()
            || own.contains(&self.id)
            || self.command.starts_with("Binlog Dump")
            || self.command.starts_with("Slave_")
            || self.command == "Daemon"
    }

    /// The client's port, as the server shows it.
    fn port(&self) -> Option<u16> {
        self.host.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
    }

    fn came_from(&self, came: &Came<'_>) -> bool {
        match dialect::parse_end(&self.host) {
            Some(from) => came.peers.contains(&from),
            // a resolved name: the port alone tells among the sockets of this one address
            None => self.port().is_some_and(|port| came.ports.contains(&port)),
        }
    }
}

/// Both views at once: the clients' ends of the sockets through an address, and the server's sessions.
async fn look(
    link: &mut Link,
    server: &Server,
    came: Prefixed,
    port: u16,
    limit: Duration,
) -> Result<(BTreeSet<SocketAddr>, Vec<Session>), Failure> {
    let (Ok(sql), Ok(shell)) = (&mut link.sql, &mut link.shell) else {
        super::sql(link)?;
        super::shell(link)?;
        return Err(certain("the node cannot be reached"));
    };
    let (question, sockets) = (dialect::sessions(server), [dialect::sockets(port)]);
    let (tables, answers) = tokio::join!(sql.read(&question, limit), shell.look(&sockets, limit));
    let tables = tables.map_err(|e| asked(&e))?;
    let answers = answers.map_err(|e| asked(&e))?;
    let [answer] = &answers[..] else { return Err(certain("no list of sockets")) };
    if answer.status != 0 {
        return Err(certain(format!("`{}`: {}", sockets[0], printable(answer.text.trim()))));
    }
    let peers = dialect::parse_sockets(&answer.text)
        .ok_or_else(|| certain(format!("cannot read the list of sockets: {}", printable(answer.text.trim()))))?
        .into_iter()
        .filter(|socket| socket.local == SocketAddr::new(came.ip, port))
        .map(|socket| socket.peer)
        .collect();
    Ok((peers, sessions_of(&tables)?))
}

/// Ends sessions, and returns those that flipper's account may not end (error 1095: accounts with `SYSTEM_USER`, H-17).
/// One that has gone by itself (1094) does not keep the others.
pub(super) async fn kill(sql: &mut Sql, ids: &[u64], limit: Duration) -> Result<Vec<u64>, Failure> {
    let (mut left, mut refused) = (ids, vec![]);
    while !left.is_empty() {
        let Err(error) = sql.change(&dialect::kill(left), limit).await else { break };
        let SqlErrorKind::Server { code, completed, .. } = error.kind else { return Err(changed(&error)) };
        if code != NO_SUCH_SESSION {
            refused.extend(left.get(completed).copied());
        }
        left = left.get(completed + 1..).unwrap_or_default();
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(user: &str, host: &str, command: &str, state: &str) -> Session {
        Session { id: 7, user: user.into(), host: host.into(), command: command.into(), state: state.into() }
    }

    #[test]
    fn only_clients_of_the_address_are_ended_and_those_behind_the_lock() {
        let peers: BTreeSet<SocketAddr> =
            ["10.77.0.21:5000", "[fd00::21]:5001"].iter().filter_map(|p| p.parse().ok()).collect();
        let ends = |session: Session| !to_end(&[session], &peers, true, &[8]).is_empty();
        assert!(ends(session("app", "10.77.0.21:5000", "Sleep", "")));
        assert!(ends(session("app", "fd00::21:5001", "Query", "")));
        assert!(ends(session("app", "client.example:5000", "Query", "")));
        assert!(!ends(session("app", "10.77.0.21:6000", "Sleep", "")), "came through another address");
        assert!(ends(session("root", "localhost", "Query", "Waiting for backup lock")));
        let waiting = session("root", "localhost", "Query", "Waiting for backup lock");
        assert_eq!(to_end(&[waiting], &peers, false, &[]), [] as [u64; 0]);
        for spared in [
            session("repl", "10.77.0.21:5000", "Binlog Dump GTID", "Waiting for more updates"),
            session("system user", "", "Slave_worker", "Waiting for backup lock"),
            session("event_scheduler", "localhost", "Daemon", "Waiting for a lock"),
            Session { id: 8, ..session("flipper", "10.77.0.21:5000", "Query", "") },
        ] {
            assert!(!ends(spared.clone()), "{spared:?}");
        }
    }

    #[test]
    fn a_port_alone_tells_only_where_nobody_else_has_it() {
        let peers: BTreeSet<SocketAddr> =
            ["10.77.0.21:5000", "[fd00::21]:5000"].iter().filter_map(|p| p.parse().ok()).collect();
        let of = |id, host: &str| Session { id, ..session("app", host, "Sleep", "") };
        // addresses in any spelling are told apart, whoever has the same port
        let plain = [of(1, "::ffff:10.77.0.21:5000"), of(2, "fd00::21:5000"), of(3, "10.77.0.22:5000")];
        assert_eq!(to_end(&plain, &peers, false, &[]), [1, 2]);
        // of two resolved names with one port nobody knows which it is: the socket is reset instead
        let named = [of(4, "a.example:5000"), of(5, "b.example:5000")];
        assert_eq!(to_end(&named, &peers, false, &[]), [] as [u64; 0]);
        assert_eq!(to_end(&named[..1], &peers, false, &[]), [4]);
    }

    #[test]
    fn ten_thousand_sessions_of_resolved_names_take_no_time() {
        let port = |n: u16| 10_000 + n;
        let peers: BTreeSet<SocketAddr> =
            (0..20_000).map(|n| SocketAddr::new([10, 77, 0, 21].into(), port(n))).collect();
        let named =
            |n: u16| Session { id: n.into(), ..session("app", &format!("client.example:{}", port(n)), "Sleep", "") };
        let sessions: Vec<Session> = (0..20_000).map(named).collect();
        let begun = Instant::now();
        assert_eq!(to_end(&sessions, &peers, false, &[]).len(), sessions.len());
        // some hundredths; it was half a minute when each was compared with all
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
