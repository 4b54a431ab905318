//! What came in without its end: nobody who is opened holds anything of it.
//!
//! A server that dies in the middle of sending a transaction leaves its beginning in its peer's relay log. The applier
//! executes events as they arrive: it has changed rows, holds their locks and those of the tables, and waits for the rest,
//! for ever. Measured on MariaDB 10.11 and MySQL 9.7: a client's `UPDATE` of one of these rows ends in error 1205 after
//! `innodb_lock_wait_timeout`, an `ALTER` after `lock_wait_timeout`, and with an engine without transactions not even a
//! `SELECT` ends. Only a connection to the source, or its own stop, lets an applier roll that back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::death::Channel;
use super::sessions::in_transactions;
use super::{Hands, certain, changed};
use crate::dialect;
use crate::model::{Flavour, NodeName, printable};
use crate::world::{Done, Failure, Happened};

/// For so long an applier may just be ending what it has applied last: MySQL writes its position down every 300 ms.
const ENDING: Duration = Duration::from_millis(1500);

/// Between two looks: InnoDB tells whoever asks more often than every 100 ms the same again.
const BETWEEN: Duration = Duration::from_millis(150);

/// For so long an applier may end that was killed: it took up to 0.35 s.
const KILLED: Duration = Duration::from_secs(5);

/// `ER_STOP_REPLICA_SQL_THREAD_TIMEOUT`: it was told, and stops when it can; the server only waits no longer.
const STILL_STOPPING: u16 = 1875;

/// What an applier is in the middle of.
pub(super) struct Held {
    /// Those of its threads that have changed tables of InnoDB.
    threads: Vec<u64>,
}

impl Held {
    pub(super) fn words(&self, node: &NodeName) -> String {
        format!("the applier of {node} holds a transaction that came in without its end")
    }
}

impl Hands<'_> {
    /// Sees that the applier is in the middle of nothing, and stops it where it is. All that is complete is applied, and
    /// nothing more comes in: whatever it is in the middle of has no end. MySQL 9.7 takes a minute for that, and a third of
    /// a second once the thread that holds the transaction is killed.
    pub(super) async fn roll_back(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit;
        let connect = self.pair.limits.connect;
        let patient = Instant::now() + ENDING;
        let (channel, held) = loop {
            let (channel, held) = self.in_the_middle(node, connect).await?;
            match held {
                None => return Ok(Done::default()),
                Some(_) if channel.applier == "No" && Instant::now() >= patient => {
                    return Err(certain(format!("{node} has a transaction of an applier that does not run")));
                }
                Some(held) if channel.applier != "No" && Instant::now() >= patient => break (channel, held),
                Some(_) => sleep(BETWEEN).await,
            }
        };
        if channel.receiver != "No" {
            return Err(certain(format!("{node} receives again: somebody has started its receiver")));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let (link, known) = self.on(node)?;
        let statement = dialect::stop_applying(&known.server, &channel.name).ok_or_else(|| {
            certain(format!("`{}` cannot be told to {node} as a channel's name", printable(&channel.name)))
        })?;
        // one that is killed does not wait for the rest, and its applier ends with it; whoever is told to stop before that
        // waits. Where it may not be killed, or that does not help, the server waits for its minute.
        let killed = known.server.flavour == Flavour::MySql
            && !held.threads.is_empty()
            && super::sql(link)?.change(&dialect::kill(&held.threads), connect).await.is_ok();
        if !(killed && self.ends(node, connect).await?) {
            let (link, _) = self.on(node)?;
            match super::sql(link)?.change(&statement, left).await {
                Ok(_) => {}
                Err(error) if error.code() == Some(STILL_STOPPING) => {}
                Err(error) => {
                    self.lay(node, &error, connect).await;
                    let Failure { happened, what, again } = changed(&error);
                    return Err(Failure {
                        happened,
                        what: format!("{}, and it cannot be stopped: {what}", held.words(node)),
                        again,
                    });
                }
            }
        }
        // rolling back takes about as long as applying took
        loop {
            let (channel, held) = self.in_the_middle(node, connect).await.map_err(unread)?;
            if channel.applier == "No" && held.is_none() {
                let note = "what had come in without its end is rolled back, and the applier stopped";
                return Ok(Done { note: Some(note.to_owned()) });
            }
            if Instant::now() >= deadline {
                return Err(Failure {
                    happened: Happened::Unknown,
                    what: format!("the applier of {node} was told to stop, and does not within {limit:?}"),
                    again: false,
                });
            }
            sleep(BETWEEN).await;
        }
    }

    /// Whether the applier ends by itself, once one of its threads was killed.
    async fn ends(&mut self, node: &NodeName, limit: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + KILLED;
        while Instant::now() < until {
            sleep(BETWEEN).await;
            if self.channel(node, limit).await.map_err(unread)?.applier == "No" {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the applier is in the middle of. Nothing of it can be seen in one place: of InnoDB the server knows
    /// the transaction, of other engines only how far the applier has come. One that does not run is in the middle of
    /// nothing.
    pub(super) async fn in_the_middle(
        &mut self,
        node: &NodeName,
        limit: Duration,
    ) -> Result<(Channel, Option<Held>), Failure> {
        let channel = self.channel(node, limit).await?;
        let (link, known) = self.on(node)?;
        let question = dialect::applier_transactions(&known.server);
        let threads = in_transactions(super::sql(link)?, &question, Instant::now() + limit).await?;
        let between = channel.applier != "No" && channel.rest != Some(0);
        let held = (between || !threads.is_empty()).then(|| Held { threads: threads.into_iter().collect() });
        Ok((channel, held))
    }
}

/// An answer that came too late, or could not be read: what was asked for before it has happened.
fn unread(failure: Failure) -> Failure {
    Failure { happened: Happened::Unknown, ..failure }
}
