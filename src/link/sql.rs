//! One MySQL connection, never pooled.
//!
//! The driver has neither timeouts nor protection against what a cancelled query leaves behind: the next query on the
//! same connection gets the old answer, and nothing fails. So the connection is moved into each timed request and
//! comes back only together with a complete answer; in all other cases it is gone.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, Row, Value};
use tokio::time::{Instant, timeout};

use super::ear::{Ear, Means};
use super::sql_error::{IDLE_TOO_LONG, SqlError, SqlErrorKind};
use super::table::{Record, Table};
use super::target::MysqlTarget;
use crate::dialect::{self, Question, Statement};
use crate::model::at_port;

/// A connection to one server, as one session there.
///
/// Has no `Debug`: the driver's would print the password.
pub struct Sql {
    conn: Option<Conn>,
    thread_id: u32,
    place: String,
    ear: Ear,
    /// Why the connection has ended, where it has.
    ended: String,
}

impl Sql {
    /// Connects within `limit`, to a session that does not depend on the server's defaults for sessions.
    pub async fn connect(target: &MysqlTarget, limit: Duration) -> Result<Self, SqlError> {
        let place = place(target);
        let opts = options(target).map_err(|why| SqlError::new(SqlErrorKind::Connect, &place, why))?;
        let begun = Instant::now();
        let sent = target.ear.sent(Means::Sql, &place, || format!("(connect as {})", target.user));
        let connected = match timeout(limit, Conn::new(opts)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(SqlError::connecting(&place, &error)),
            Err(_) => Err(SqlError::new(SqlErrorKind::Connect, &place, format!("no connection within {limit:?}"))),
        };
        sent.ended(connected.as_ref().err());
        let (ear, ended) = (target.ear.clone(), String::new());
        let mut sql = connected.map(|conn| Self { thread_id: conn.id(), conn: Some(conn), place, ear, ended })?;
        let left = limit.saturating_sub(begun.elapsed());
        match sql.change(&dialect::session(), left).await {
            Ok(_) => Ok(sql),
            Err(error) => {
                let why = format!("the session cannot be made ready: {}", error.cause);
                Err(SqlError::new(SqlErrorKind::Connect, &sql.place, why))
            }
        }
    }

    /// The server's id of this session, known from the greeting: what `KILL` wants after a timeout.
    #[must_use]
    pub fn thread_id(&self) -> u32 {
        self.thread_id
    }

    /// The server's address and port, as errors name it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// An earlier failure has ended the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.conn.is_none()
    }

    /// Asks: one round trip, one table a statement. `limit` is for the whole of it.
    pub async fn read(&mut self, question: &Question, limit: Duration) -> Result<Vec<Table>, SqlError> {
        self.run(&question.to_string(), question.statements().len(), limit).await.into_result()
    }

    /// Asks several questions in one round trip; one that the server turns down does not take the others along.
    /// `limit` is for all of them. A table list each, in order.
    pub async fn read_each(&mut self, questions: &[&Question], limit: Duration) -> Vec<Result<Vec<Table>, SqlError>> {
        let deadline = Instant::now() + limit;
        let mut answers: Vec<Result<Vec<Table>, SqlError>> = Vec::new();
        while let Some(left @ [_, ..]) = questions.get(answers.len()..) {
            let text: Vec<String> = left.iter().map(ToString::to_string).collect();
            let expected = left.iter().map(|question| question.statements().len()).sum();
            let time_left = deadline.saturating_duration_since(Instant::now());
            let Ran { tables, error } = self.run(&text.join("; "), expected, time_left).await;
            let mut tables = tables.into_iter();
            for question in left {
                let count = question.statements().len();
                if tables.len() < count {
                    break;
                }
                answers.push(Ok(tables.by_ref().take(count).collect()));
            }
            if let Some(mut error) = error {
                if let SqlErrorKind::Server { completed, .. } = &mut error.kind {
                    // of this question's statements, not of those before it
                    *completed = tables.len();
                }
                answers.push(Err(error));
            }
        }
        answers.truncate(questions.len());
        answers
    }

    /// Changes something: one round trip, one table a statement. Only `effect` calls this.
    pub async fn change(&mut self, statement: &Statement, limit: Duration) -> Result<Vec<Table>, SqlError> {
        self.run(&statement.to_string(), statement.statements().len(), limit).await.into_result()
    }

    /// `expected` tables, or an error.
    async fn run(&mut self, text: &str, expected: usize, limit: Duration) -> Ran {
        let mut tables = Vec::new();
        let thread_id = self.thread_id;
        let Some(mut conn) = self.conn.take() else {
            let why = format!("not asked, because the connection had ended ({})", self.ended);
            let error = SqlError::new(SqlErrorKind::Closed { thread_id }, &self.place, why);
            return Ran { tables, error: Some(error) };
        };
        // what is left if the caller drops this future
        "a request was cut off".clone_into(&mut self.ended);
        let sent = self.ear.sent(Means::Sql, &self.place, || text.to_owned());
        let asked = timeout(limit, async {
            let outcome = ask(&mut conn, text, &mut tables).await;
            (conn, outcome)
        });
        let error = match asked.await {
            Ok((conn, Ok(()))) if tables.len() == expected => {
                self.conn = Some(conn);
                None
            }
            // whatever came instead, the answers to come could not be trusted
            Ok((_, Ok(()))) => {
                let cause = format!("{} answers to {expected} statements", tables.len());
                Some(SqlError::new(SqlErrorKind::Lost { thread_id }, &self.place, cause))
            }
            Ok((conn, Err(error))) => {
                let completed = tables.len();
                // an error of the server leaves the stream in step, any other does not
                if matches!(&error, Error::Server(error) if error.code != IDLE_TOO_LONG) {
                    self.conn = Some(conn);
                }
                Some(SqlError::asking(&self.place, &error, completed, thread_id))
            }
            Err(_) => {
                let timeout = SqlErrorKind::Timeout { thread_id };
                Some(SqlError::new(timeout, &self.place, format!("no answer within {limit:?}")))
            }
        };
        if self.conn.is_none() {
            let why = error.as_ref().map(|error| error.cause.clone());
            self.ended = why.unwrap_or_default();
        }
        sent.ended(error.as_ref());
        Ran { tables, error }
    }

    /// Says goodbye, at most for `limit`: a server that is not told counts an aborted connection.
    pub async fn close(self, limit: Duration) {
        if let Some(conn) = self.conn {
            // nothing is left to be done about a goodbye that fails
            let _ = timeout(limit, conn.disconnect()).await;
        }
    }
}

struct Ran {
    /// Complete ones only.
    tables: Vec<Table>,
    error: Option<SqlError>,
}

impl Ran {
    fn into_result(self) -> Result<Vec<Table>, SqlError> {
        match self.error {
            None => Ok(self.tables),
            Some(error) => Err(error),
        }
    }
}

/// Sends the text and reads all results. After an error the tables are those of the statements that had run.
async fn ask(conn: &mut Conn, text: &str, tables: &mut Vec<Table>) -> Result<(), Error> {
    let mut results = conn.query_iter(text).await?;
    while results.columns().is_some() {
        let mut table = Table::default();
        // row by row and not by `collect`, which turns rows into types, and loses those that came before an error
        while let Some(row) = results.next().await? {
            table.0.push(record(row));
        }
        tables.push(table);
    }
    // The error of a second or later statement is put aside by the driver, where it looks like the end of the
    // results; only asking for more brings it out.
    results.drop_result().await
}

fn record(row: Row) -> Record {
    let columns = row.columns();
    let value = |value: Option<Value>| match value {
        None | Some(Value::NULL) => None,
        Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        // not in the text protocol
        Some(other) => Some(other.as_sql(true)),
    };
    Record::new(columns.iter().zip(row.unwrap_raw()).map(|(c, v)| (c.name_str().into_owned(), value(v))).collect())
}

/// `10.0.0.11:3306`, `[fd00::11]:3306`.
fn place(target: &MysqlTarget) -> String {
    at_port(target.host.as_str(), target.port)
}

fn options(target: &MysqlTarget) -> Result<OptsBuilder, String> {
    let opts = OptsBuilder::default()
        .ip_or_hostname(target.host.as_str())
        .tcp_port(target.port)
        .user(Some(target.user.as_str()))
        .pass(Some(target.password()))
        // The driver would ask the server for its socket and reconnect through that path HERE: both nodes have the
        // same path, so on one node of the pair it would silently change to the wrong server.
        .prefer_socket(false)
        // given, so that the driver does not spend a round trip on asking
        .max_allowed_packet(Some(16 << 20))
        .wait_timeout(Some(28_800))
        .stmt_cache_size(Some(0))
        .tcp_keepalive(Some(Duration::from_secs(5)))
        .tcp_nodelay(true)
        .connect_attribute("program_name", "flipper");
    with_tls(opts, target)
}

#[cfg(feature = "tls")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it can fail")]
fn with_tls(opts: OptsBuilder, target: &MysqlTarget) -> Result<OptsBuilder, String> {
    let Some(tls) = &target.tls else { return Ok(opts) };
    let ssl = mysql_async::SslOpts::default()
        .with_root_certs(vec![tls.ca_file.clone().into()])
        .with_disable_built_in_roots(true)
        .with_danger_tls_hostname_override(tls.name.as_ref().map(|name| name.as_str().to_owned()));
    Ok(opts.ssl_opts(ssl))
}

#[cfg(not(feature = "tls"))]
fn with_tls(opts: OptsBuilder, target: &MysqlTarget) -> Result<OptsBuilder, String> {
    match target.tls {
        None => Ok(opts),
        Some(_) => Err("TLS is configured, but this flipper was built without it".to_owned()),
    }
}

#[cfg(test)]
mod tests;
