//! The one that takes a dead node's place, and one that comes back: receiving, applying, opening, following again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lock::expire_with_lock;
use super::position::access_and_at;
use super::switch::opened;
use super::{Hands, asked, certain, changed};
use crate::dialect::{self, Statement};
use crate::link::{Link, Record};
use crate::model::{BinlogState, Flavour, NodeName, Server, WriteAccess, printable};
use crate::world::{Done, Failure, Happened};

/// One server-side wait; between two of them the threads are looked at (hazards §0.2).
const ROUND: Duration = Duration::from_secs(1);

/// Between two looks at threads that are starting.
const PAUSE: Duration = Duration::from_millis(50);

/// How a server's one channel stands.
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) receiver: String,
    pub(super) applier: String,
    /// Bytes that were received and not executed, where the server says it.
    pub(super) rest: Option<u64>,
    /// What receiver and applier last said.
    errors: [Option<String>; 2],
    /// MariaDB: up to where it has received.
    received: String,
}

impl Channel {
    fn read(row: &Record) -> Result<Self, Failure> {
        let text = |names: &[&str]| row.text(names).map(str::to_owned).map_err(|e| asked(&e));
        let given = |names: &[&str]| row.get(names).flatten().unwrap_or_default();
        let error = |number: &str, words: &str| {
            let number = given(&[number]);
            (!matches!(number, "" | "0")).then(|| format!("error {number}: {}", printable(given(&[words]))))
        };
        Ok(Self {
            name: given(&["Channel_Name", "Connection_name"]).to_owned(),
            receiver: text(&["Replica_IO_Running", "Slave_IO_Running"])?,
            applier: text(&["Replica_SQL_Running", "Slave_SQL_Running"])?,
            rest: dialect::not_executed(|names| row.get(names).flatten().filter(|text| !text.is_empty())),
            errors: [error("Last_IO_Errno", "Last_IO_Error"), error("Last_SQL_Errno", "Last_SQL_Error")],
            received: given(&["Gtid_IO_Pos"]).to_owned(),
        })
    }

    fn runs(&self) -> bool {
        self.receiver == "Yes" && self.applier == "Yes"
    }

    fn trouble(&self) -> String {
        let errors: Vec<&str> = self.errors.iter().flatten().map(String::as_str).collect();
        if errors.is_empty() { String::new() } else { format!(": {}", errors.join("; ")) }
    }
}

impl Hands<'_> {
    pub(super) async fn channel(&mut self, node: &NodeName, limit: Duration) -> Result<Channel, Failure> {
        let (link, known) = self.on(node)?;
        let tables = super::sql(link)?.read(&dialect::channels(&known.server), limit).await.map_err(|e| asked(&e))?;
        let rows: Vec<&Record> = tables.iter().flat_map(|table| &table.0).collect();
        match rows[..] {
            [row] => Channel::read(row),
            _ => Err(certain(format!("{node} has {} replication channels, not one", rows.len()))),
        }
    }

    /// Tells the node's one channel something, once.
    async fn tell_channel(
        &mut self,
        node: &NodeName,
        channel: &Channel,
        spell: fn(&Server, &str) -> Option<Statement>,
        limit: Duration,
    ) -> Result<(), Failure> {
        let (link, known) = self.on(node)?;
        let unknown =
            || certain(format!("`{}` cannot be told to {node} as a channel's name", printable(&channel.name)));
        let statement = spell(&known.server, &channel.name).ok_or_else(unknown)?;
        match super::sql(link)?.change(&statement, limit).await {
            Ok(_) => Ok(()),
            Err(error) => {
                self.lay(node, &error, limit).await;
                Err(changed(&error))
            }
        }
    }

    /// Stops the receiver, so that nothing of a dead node flows in later (H-87). A receiver in the middle of connecting
    /// takes a moment to hear of it.
    pub(super) async fn stop_receiving(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let channel = self.channel(node, limit).await?;
        if channel.receiver != "No" {
            self.tell_channel(node, &channel, dialect::stop_receiving, limit * 2).await?;
        }
        match self.channel(node, limit).await.map_err(unread)? {
            Channel { receiver, .. } if receiver == "No" => Ok(Done::default()),
            Channel { receiver, .. } => Err(Failure {
                happened: Happened::Unknown,
                what: format!("the receiver of {node} says `{receiver}` after it was stopped"),
                again: false,
            }),
        }
    }

    /// Starts the receiver again that this run has stopped, and the applier where that was.
    pub(super) async fn resume_receiving(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let channel = self.channel(node, limit).await?;
        if channel.applier == "No" {
            self.relay_log_is_applied(node, limit).await?;
            self.tell_channel(node, &channel, dialect::start_replication, limit).await?;
        } else if channel.receiver == "No" {
            self.tell_channel(node, &channel, dialect::resume_receiving, limit).await?;
        }
        let channel = self.channel(node, limit).await.map_err(unread)?;
        let still = [("receiver", &channel.receiver), ("applier", &channel.applier)]
            .into_iter()
            .find(|(_, says)| *says == "No");
        match still {
            None => Ok(Done::default()),
            Some((thread, _)) => Err(Failure {
                happened: Happened::Unknown,
                what: format!("the {thread} of {node} does not run{}", channel.trouble()),
                again: false,
            }),
        }
    }

    /// A MariaDB replica by GTID throws its relay logs away when one of its threads is started while neither runs. Of a lost
    /// source they may be the only copy.
    async fn relay_log_is_applied(&mut self, node: &NodeName, limit: Duration) -> Result<(), Failure> {
        let (_, known) = self.on(node)?;
        if known.server.flavour == Flavour::MySql {
            return Ok(());
        }
        let received = self.received(node, limit).await?;
        match received.is_empty() || self.applied(node, &received, PAUSE).await? {
            true => Ok(()),
            false => Err(certain(format!(
                "the applier of {node} has stopped before it had applied all up to {received}, and whoever starts replication there \
                 now throws the relay logs away, which may be the only copy: save them first"
            ))),
        }
    }

    /// Waits until all that was received is applied (H-85). The receiver must be stopped, or there is no end to it.
    pub(super) async fn apply_received(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit;
        let connect = self.pair.limits.connect;
        let received = self.received(node, connect).await?;
        if received.is_empty() {
            return Ok(Done { note: Some("nothing was ever received".to_owned()) });
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(certain(format!("{node} did not apply all that it has received within {limit:?}")));
            }
            if self.applied(node, &received, ROUND.min(left)).await? {
                return Ok(Done { note: Some(format!("all is applied up to {received}")) });
            }
            let channel = self.channel(node, connect).await?;
            if channel.receiver != "No" {
                return Err(certain(format!("{node} receives again: somebody has started its receiver")));
            }
            if channel.applier != "Yes" {
                return Err(certain(format!("the applier of {node} has stopped{}", channel.trouble())));
            }
            sleep(PAUSE).await;
        }
    }

    /// Up to where the node has received.
    async fn received(&mut self, node: &NodeName, limit: Duration) -> Result<String, Failure> {
        let (link, known) = self.on(node)?;
        let Some(question) = dialect::last_heard(&known.server) else {
            return Ok(self.channel(node, limit).await?.received);
        };
        let tables = super::sql(link)?.read(&question, limit).await.map_err(|e| asked(&e))?;
        let rows = tables.iter().flat_map(|table| &table.0);
        let sets: Result<Vec<String>, Failure> =
            rows.map(|row| row.text(&["received"]).map(|set| set.replace('\n', "")).map_err(|e| asked(&e))).collect();
        Ok(sets?.into_iter().filter(|set| !set.is_empty()).collect::<Vec<_>>().join(","))
    }

    /// Waits at most `wait` for the node to have executed that position; whether it has.
    async fn applied(&mut self, node: &NodeName, received: &str, wait: Duration) -> Result<bool, Failure> {
        let (link, known) = self.on(node)?;
        let question = dialect::catch_up(&known.server, received, wait)
            .ok_or_else(|| certain(format!("`{}` is not a position", printable(received))))?;
        let tables = super::sql(link)?.read(&question, wait + ROUND).await.map_err(|e| asked(&e))?;
        let [waited, reached] = &tables[..] else { return Err(certain("no answer")) };
        let reached = reached.row().map_err(|e| asked(&e))?;
        match known.server.flavour {
            Flavour::MySql => Ok(reached.text(&["missing"]).map_err(|e| asked(&e))?.trim().is_empty()),
            Flavour::MariaDb => {
                // by its sequence number in each domain, and by its server as well: only both together are exact
                let waited = waited.row().map_err(|e| asked(&e))?.text(&["waited"]).map_err(|e| asked(&e))? == "0";
                let state = reached.text(&["state"]).map_err(|e| asked(&e))?;
                Ok(waited && vector(received)?.lacking_in(&vector(state)?).to_string().is_empty())
            }
        }
    }

    /// Accepts writes in a dead node's place. The session that opens it is the one that has the pair's lock, and is asked
    /// for it just before.
    pub(super) async fn promote(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let (wait, silence) = (self.pair.limits.fence, self.pair.limits.silence());
        let channel = self.channel(node, limit).await?;
        if channel.receiver != "No" {
            return Err(certain(format!("{node} receives again: somebody has started its receiver")));
        }
        let received = self.received(node, limit).await?;
        if !received.is_empty() && !self.applied(node, &received, Duration::from_millis(50)).await? {
            return Err(certain(format!("{node} has not applied all that it has received")));
        }
        if let (_, Some(held)) = self.in_the_middle(node, limit).await? {
            return Err(certain(held.words(node)));
        }
        let (link, known) = self.on(node)?;
        is_still(link, &known.server, node, limit).await?;
        let tables = super::sql(link)?.read(&dialect::access_and_position(&known.server), limit).await;
        let (_, at) = access_and_at(&known.server, &tables.map_err(|e| asked(&e))?)?;
        let stood = at.parts().0.replace('\n', "");
        let (link, known) = self.on(node)?;
        expire_with_lock(node, &mut link.sql, silence, limit)
            .await
            .map_err(|why| certain(format!("{node} was not opened: {why}")))?;
        let statement = dialect::open(&known.server, wait, false);
        let result = super::sql(link)?.change(&statement, limit).await;
        let result = opened(&known.server, node, result);
        let settled = self.settled(node, result, wait).await;
        if settled.as_ref().err().is_none_or(|failure| failure.happened != Happened::No) {
            self.memory.took_over = Some(printable(&stood));
        }
        settled?;
        Ok(Done { note: Some(format!("it stood at {}", printable(&stood))) })
    }

    /// Sees that a node that has come back has nothing that the writer lacks, and lacks nothing that the writer has
    /// purged: by each flavour's own exact method (hazards §0.4).
    pub(super) async fn compare(
        &mut self,
        node: &NodeName,
        source: &NodeName,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let own = self.own(node, source, limit).await?;
            if own.is_empty() {
                break;
            }
            // what the writer still receives of it may be on its way
            if Instant::now() + PAUSE >= deadline {
                return Err(certain(format!("{node} has transactions that {source} lacks: {own}")));
            }
            sleep(PAUSE * 4).await;
        }
        let purged = self.purged(node, source, limit).await?;
        match purged.is_empty() {
            true => Ok(Done { note: Some(format!("{node} has nothing that {source} lacks, and can fetch the rest")) }),
            false => Err(certain(format!("{node} lacks what {source} has purged from its binary logs: {purged}"))),
        }
    }

    /// What the closed node has and the other one has not.
    async fn own(&mut self, node: &NodeName, source: &NodeName, limit: Duration) -> Result<String, Failure> {
        let (link, known) = self.on(node)?;
        let question = dialect::access_and_position(&known.server);
        let tables = super::sql(link)?.read(&question, limit).await.map_err(|e| asked(&e))?;
        let (access, at) = access_and_at(&known.server, &tables)?;
        if access != WriteAccess::Fenced {
            return Err(certain(format!("{node} is {access}, and could still get transactions of its own")));
        }
        let (position, state) = at.parts();
        let (position, state) = (position.to_owned(), state.cloned());
        let (link, known) = self.on(source)?;
        let sql = super::sql(link)?;
        let row_of = |tables: &[crate::link::Table], name: &str| -> Result<String, Failure> {
            let row = tables.last().ok_or_else(|| certain("no answer"))?.row().map_err(|e| asked(&e))?;
            row.text(&[name]).map(|text| text.replace('\n', "")).map_err(|e| asked(&e))
        };
        match (known.server.flavour, state) {
            (Flavour::MySql, _) => {
                let question = dialect::missing(&position)
                    .ok_or_else(|| certain(format!("`{}` is not a position", printable(&position))))?;
                row_of(&sql.read(&question, limit).await.map_err(|e| asked(&e))?, "missing")
            }
            (Flavour::MariaDb, Some(state)) => {
                let tables = sql.read(&dialect::executed_state(), limit).await.map_err(|e| asked(&e))?;
                Ok(state.lacking_in(&vector(&row_of(&tables, "state")?)?).to_string())
            }
            (Flavour::MariaDb, None) => Err(certain(format!("{node} does not tell its gtid_binlog_state"))),
        }
    }

    /// What the writer has purged and the node has not executed.
    async fn purged(&mut self, node: &NodeName, source: &NodeName, limit: Duration) -> Result<String, Failure> {
        let (link, known) = self.on(source)?;
        let (flavour, sql) = (known.server.flavour, super::sql(link)?);
        let first = |tables: Vec<crate::link::Table>, names: &[&str]| -> Result<String, Failure> {
            let row = tables.first().and_then(|table| table.0.first()).ok_or_else(|| certain("no answer"))?;
            row.text(names).map(|text| text.replace('\n', "")).map_err(|e| asked(&e))
        };
        let gone = match flavour {
            Flavour::MySql => first(sql.read(&dialect::purged(), limit).await.map_err(|e| asked(&e))?, &["purged"])?,
            Flavour::MariaDb => {
                let log = first(sql.read(&dialect::binary_logs(), limit).await.map_err(|e| asked(&e))?, &["Log_name"])?;
                let question = dialect::log_start(&log)
                    .ok_or_else(|| certain(format!("`{}` is not a binary log", printable(&log))))?;
                first(sql.read(&question, limit).await.map_err(|e| asked(&e))?, &["start"])?
            }
        };
        if gone.is_empty() {
            return Ok(gone);
        }
        match flavour {
            Flavour::MySql => {
                let (link, _) = self.on(node)?;
                let question = dialect::missing(&gone)
                    .ok_or_else(|| certain(format!("`{}` is not a position", printable(&gone))))?;
                first(super::sql(link)?.read(&question, limit).await.map_err(|e| asked(&e))?, &["missing"])
            }
            Flavour::MariaDb => {
                let (link, _) = self.on(node)?;
                let asked = super::sql(link)?.read(&dialect::follows_from(), limit).await;
                let there = first(asked.map_err(|e| super::asked(&e))?, &["position"])?;
                Ok(vector(&gone)?.beyond(&vector(&there)?).to_string())
            }
        }
    }

    /// Starts receiver and applier, and sees that they run; what was started and does not work is stopped again.
    pub(super) async fn start_replication(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit;
        let before = self.channel(node, limit).await?;
        if before.runs() {
            return Ok(Done { note: Some("it runs already".to_owned()) });
        }
        self.tell_channel(node, &before, dialect::start_replication, limit).await?;
        loop {
            let now = self.channel(node, limit).await.map_err(unread)?;
            if now.runs() {
                return Ok(Done::default());
            }
            let stopped = now.receiver == "No" || now.applier == "No";
            if (stopped && !now.trouble().is_empty()) || Instant::now() >= deadline {
                let why = format!(
                    "{node} does not follow: its receiver says `{}`, its applier `{}`{}",
                    now.receiver,
                    now.applier,
                    now.trouble()
                );
                // what ran before is left running
                let undo = if before.applier == "Yes" { dialect::stop_receiving } else { dialect::stop_replication };
                let undone = self.tell_channel(node, &before, undo, limit * 2).await;
                return match undone {
                    Ok(()) => Err(certain(format!("{why}; what was started is stopped again"))),
                    Err(failure) => Err(Failure {
                        happened: Happened::Unknown,
                        what: format!("{why}; it could not be stopped again: {failure}"),
                        again: false,
                    }),
                };
            }
            sleep(PAUSE).await;
        }
    }
}

/// The server that answers is the one that was seen.
async fn is_still(link: &mut Link, server: &Server, node: &NodeName, limit: Duration) -> Result<(), Failure> {
    let tables = super::sql(link)?.read(&dialect::identity(), limit).await.map_err(|e| asked(&e))?;
    let row = tables.first().ok_or_else(|| certain("no answer"))?.row().map_err(|e| asked(&e))?;
    let id: u32 = row.number(&["server_id"]).map_err(|e| asked(&e))?;
    match id == server.server_id {
        true => Ok(()),
        false => Err(certain(format!("{node} is another server now (server_id {id} instead of {})", server.server_id))),
    }
}

fn vector(text: &str) -> Result<BinlogState, Failure> {
    BinlogState::parse(text).ok_or_else(|| certain(format!("`{}` is not a MariaDB position", printable(text))))
}

/// An answer that came too late, or could not be read: what was asked for before it has happened.
fn unread(failure: Failure) -> Failure {
    Failure { happened: Happened::Unknown, ..failure }
}
