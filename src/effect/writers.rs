//! Clients that still write when a gate is to close: waiting for them, ending them, naming them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::sessions::{kill, own};
use super::{Hands, asked, certain};
use crate::dialect::{self, LoginName};
use crate::link::{Record, Sql};
use crate::model::{NodeName, Server, printable};
use crate::world::{Doing, Done, Failure, Writer};

/// Between two looks at transactions: longer than InnoDB keeps an answer, see [`dialect::writing_transactions`].
const PAUSE: Duration = Duration::from_millis(120);

impl Hands<'_> {
    /// Waits until those clients' transactions have ended that have unsaved changes now, or the time is over: both are
    /// fine. Those that begin meanwhile are not waited for: on a busy server there is always one.
    pub(super) async fn drain(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let connect = self.pair.limits.connect;
        let (link, known) = self.on(node)?;
        let question = dialect::writing_transactions(&known.server);
        let deadline = Instant::now() + limit;
        let mut writing: Option<BTreeSet<String>> = None;
        let left = loop {
            let tables = super::sql(link)?.read(&question, connect).await.map_err(|e| asked(&e))?;
            let now = tables.iter().flat_map(|table| &table.0).map(|row| row.text(&["id"]).map(str::to_owned));
            let now = now.collect::<Result<BTreeSet<_>, _>>().map_err(|e| asked(&e))?;
            let left = writing.map_or_else(|| now.clone(), |before| before.intersection(&now).cloned().collect());
            if left.is_empty() {
                return Ok(Done::default());
            }
            if Instant::now() >= deadline {
                break left;
            }
            writing = Some(left);
            sleep(PAUSE).await;
        };
        // whose they are is for the operator; without it the move goes on all the same
        let seen = look(super::sql(link)?, &known.server, connect).await.unwrap_or_default();
        let theirs = |seen: &&Seen| seen.transaction.as_ref().is_some_and(|id| left.contains(id));
        let told = seen.iter().filter(theirs).map(|seen| seen.told(self.memory.statements)).collect();
        self.memory.writers = told;
        Ok(Done { note: Some(format!("{} writing transaction(s) did not end in time", left.len())) })
    }

    /// Ends the clients that write at two looks, a moment apart, in the same transaction or statement: a short one has
    /// ended by then, and is left alone. Then waits until all of it is rolled back, because a fence waits for that too.
    pub(super) async fn end_writers(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let connect = self.pair.limits.connect;
        let statements = self.memory.statements;
        let (link, known) = self.on(node)?;
        let user = link.target.mysql.user.as_str().to_owned();
        let own = own(link);
        let spared = |seen: &Seen| seen.user == user || own.contains(&seen.id) || seen.is_system();
        let deadline = Instant::now() + limit;
        let mut before: Option<Vec<Seen>> = None;
        let (mut ended, mut above_us) = (BTreeSet::new(), BTreeSet::new());
        let mut told: Vec<Writer> = vec![];
        let outcome = loop {
            let now = look(super::sql(link)?, &known.server, connect).await?;
            let going: Vec<&Seen> =
                now.iter().filter(|seen| ended.contains(&seen.id) || seen.is_rolled_back()).collect();
            let stays = |seen: &&Seen| {
                let here = |earlier: &Seen| (earlier.id, &earlier.transaction) == (seen.id, &seen.transaction);
                before.as_ref().is_some_and(|before| before.iter().any(here))
            };
            let writes = |seen: &&Seen| {
                seen.writes() && !spared(seen) && !ended.contains(&seen.id) && !above_us.contains(&seen.id)
            };
            let mut to_end: Vec<&Seen> = now.iter().filter(writes).filter(stays).collect();
            // whoever waits for a row may wait for one of those who are ended, and come to an end by that
            if !going.is_empty() || to_end.iter().any(|seen| !seen.waits) {
                to_end.retain(|seen| !seen.waits);
            }
            let late = Instant::now() >= deadline;
            if late && !going.is_empty() {
                break Err(still_rolled_back(node, &going));
            }
            if late || (before.is_some() && to_end.is_empty() && going.is_empty()) {
                break Ok(to_end.len());
            }
            if to_end.is_empty() {
                // who waited has to be seen at work, twice, before that is held against it
                before = if going.is_empty() || before.is_none() { Some(now) } else { None };
            } else {
                let ids: Vec<u64> = to_end.iter().map(|seen| seen.id).collect();
                told.extend(to_end.iter().map(|seen| seen.told(statements)));
                let refused = kill(super::sql(link)?, &ids, connect).await?;
                ended.extend(ids.into_iter().filter(|id| !refused.contains(id)));
                above_us.extend(refused);
                before = Some(now);
            }
            sleep(PAUSE).await;
        };
        let rows: u64 = told.iter().filter(|writer| ended.contains(&writer.id)).map(|writer| writer.rows).sum();
        self.memory.writers = told;
        let left = outcome?;
        let mut notes = vec![];
        if !ended.is_empty() {
            notes.push(format!("{} session(s) ended, {rows} changed row(s) rolled back", ended.len()));
        }
        if !above_us.is_empty() {
            notes.push(format!("{} session(s) may not be ended by flipper's account", above_us.len()));
        }
        if left > 0 {
            notes.push(format!("{left} session(s) still write"));
        }
        Ok(Done { note: (!notes.is_empty()).then(|| notes.join("; ")) })
    }

    /// Who may have kept the fence waiting, for the operator.
    pub(super) async fn in_the_way(&mut self, node: &NodeName, limit: Duration) -> String {
        let statements = self.memory.statements;
        let Ok((link, known)) = self.on(node) else { return "nobody can say which".to_owned() };
        let own = own(link);
        let Ok(sql) = &mut link.sql else { return "nobody can say which".to_owned() };
        let seen = match look(sql, &known.server, limit).await {
            Ok(seen) => seen,
            Err(failure) => return failure.what,
        };
        let busy = |seen: &&Seen| (seen.writes() || seen.is_rolled_back()) && !own.contains(&seen.id);
        let found: Vec<Writer> = seen.iter().filter(busy).map(|seen| seen.told(statements)).collect();
        let said = match found.len() {
            0 => "nobody is seen to write: it may be a lock, a backup or a schema change".to_owned(),
            count => format!("{count} transaction(s) have written and not ended"),
        };
        self.memory.writers = found;
        said
    }
}

fn still_rolled_back(node: &NodeName, going: &[&Seen]) -> Failure {
    let said: Vec<String> = going.iter().take(3).map(|seen| seen.told(false).to_string()).collect();
    let more = if going.len() > 3 { format!(" and {} more", going.len() - 3) } else { String::new() };
    certain(format!(
        "{node} was not fenced: what was ended there is still rolled back, which cannot be hurried: {}{more}",
        said.join("; ")
    ))
}

async fn look(sql: &mut Sql, server: &Server, limit: Duration) -> Result<Vec<Seen>, Failure> {
    let tables = sql.read(&dialect::writers(server), limit).await.map_err(|e| asked(&e))?;
    tables.iter().flat_map(|table| &table.0).map(Seen::read).collect()
}

/// A session with what it is at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: u64,
    user: String,
    host: String,
    command: String,
    /// The statement's beginning.
    info: String,
    /// For how many seconds it has done what it does.
    time: u64,
    /// How old its transaction is, where it has one.
    age: Option<u64>,
    transaction: Option<String>,
    rolls_back: bool,
    /// It waits for a row that another transaction has, and has changed nothing itself.
    waits: bool,
    rows: u64,
}

impl Seen {
    fn read(row: &Record) -> Result<Self, Failure> {
        let text = |name| row.get(&[name]).flatten().unwrap_or_default().to_owned();
        let number = |name| row.get(&[name]).flatten().and_then(|text| text.parse().ok());
        let (state, rows) = (text("trx_state"), number("changed").unwrap_or(0));
        Ok(Self {
            id: row.number(&["id"]).map_err(|e| asked(&e))?,
            user: text("user"),
            host: text("host"),
            command: text("command"),
            info: text("info"),
            // below zero where somebody has set the clock
            time: number("time").unwrap_or(0),
            age: number("age"),
            transaction: row.get(&["trx"]).flatten().map(str::to_owned),
            rolls_back: state == "ROLLING BACK",
            waits: state == "LOCK WAIT" && rows == 0,
            rows,
        })
    }

    /// Replication, events, and whoever has not logged in yet: never ended (hazard H-16). An event at work has its
    /// definer's name, and a command that a client has only while it logs in.
    fn is_system(&self) -> bool {
        LoginName(&self.user).is_system()
            || self.user == "unauthenticated user"
            || self.command.starts_with("Binlog Dump")
            || self.command.starts_with("Slave_")
            || matches!(self.command.as_str(), "Connect" | "Daemon")
    }

    fn is_rolled_back(&self) -> bool {
        self.rolls_back || (self.command == "Killed" && self.rows > 0)
    }

    /// It has changed rows and not ended, or runs a statement that is to change some. One that has only just begun is not
    /// worth a word: it ends by itself.
    fn writes(&self) -> bool {
        let runs = matches!(self.command.as_str(), "Query" | "Execute" | "Connect");
        let ends = self.rolls_back || self.command == "Killed";
        !ends && (self.rows > 0 || (runs && self.time > 0 && dialect::changes_data(&self.info)))
    }

    fn told(&self, statement: bool) -> Writer {
        Writer {
            id: self.id,
            user: printable(&self.user),
            host: printable(&self.host),
            seconds: self.age.unwrap_or(self.time),
            rows: self.rows,
            doing: match self.command.as_str() {
                _ if self.is_rolled_back() => Doing::RollsBack,
                "Sleep" => Doing::Idles,
                _ => Doing::Runs,
            },
            statement: (statement && !self.info.is_empty()).then(|| printable(&self.info)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(user: &str, command: &str, info: &str, time: u64, rows: u64) -> Seen {
        Seen {
            id: 7,
            user: user.to_owned(),
            host: "10.77.0.21:5000".to_owned(),
            command: command.to_owned(),
            info: info.to_owned(),
            time,
            age: None,
            transaction: Some("1".to_owned()),
            rolls_back: false,
            waits: false,
            rows,
        }
    }

    #[test]
    fn who_writes() {
        assert!(seen("app", "Sleep", "", 60, 3).writes());
        assert!(seen("app", "Query", "UPDATE t SET x = 1", 60, 0).writes());
        assert!(seen("app", "Query", "/* job 7 */ update t set x = 1", 60, 0).writes());
        assert!(seen("root", "Query", "SELECT f()", 0, 2).writes(), "whatever it is, it has changed rows");
        for idle in [
            seen("app", "Sleep", "", 60, 0),
            seen("app", "Query", "SELECT 1", 60, 0),
            seen("app", "Query", "UPDATE t SET x = 1", 0, 0),
            seen("app", "Killed", "UPDATE t SET x = 1", 60, 9),
            Seen { rolls_back: true, ..seen("app", "Query", "ROLLBACK", 60, 9) },
        ] {
            assert!(!idle.writes(), "{idle:?}");
        }
    }

    #[test]
    fn who_is_never_ended() {
        for system in [
            seen("repl", "Binlog Dump GTID", "", 9, 0),
            seen("system user", "Query", "", 9, 9),
            seen("system user", "Slave_worker", "", 9, 9),
            seen("event_scheduler", "Daemon", "", 9, 0),
            seen("app", "Connect", "INSERT INTO t SELECT SLEEP(60)", 9, 9),
            seen("unauthenticated user", "Connect", "", 9, 0),
        ] {
            assert!(system.is_system(), "{system:?}");
        }
        assert!(!seen("root", "Query", "UPDATE t SET x = 1", 9, 9).is_system());
    }

    #[test]
    fn a_statement_is_told_only_where_that_is_asked_for() {
        let long = seen("app", "Query", "UPDATE t SET secret = 'x'", 60, 3);
        assert_eq!(
            long.told(false).to_string(),
            "session 7 of app from 10.77.0.21:5000, running for 60 s, 3 row(s) changed"
        );
        assert_eq!(long.told(true).statement.as_deref(), Some("UPDATE t SET secret = 'x'"));
        let idle = Seen { age: Some(600), ..seen("app", "Sleep", "", 60, 3) }.told(true);
        assert_eq!((idle.seconds, idle.doing, idle.statement), (600, Doing::Idles, None));
    }
}
