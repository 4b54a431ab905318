//! One SQL session that stays open, from any host and as any account: a long transaction, a session that a drain must end, a
//! look through an address. Blocking, for tests that are no async code.

use std::fs::File;
use std::future::Future;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Row};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::error::{Doing, LabError, Result};
use super::words::User;
use super::{Host, Lab, net};

/// The rows of an answer; `None` is SQL's NULL.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

const CONNECT: Duration = Duration::from_secs(5);
const STATEMENT: Duration = Duration::from_secs(60);

/// An open connection. No statement waits longer than a minute; one that would is given up together with the connection.
pub(crate) struct Session {
    who: String,
    runtime: Runtime,
    /// `None` once a call has failed in a way that leaves the stream out of step.
    conn: Option<Conn>,
}

impl Session {
    /// Connects, from inside the network namespace if one is given: a socket stays where it was made.
    pub(crate) fn open(who: &str, opts: OptsBuilder, inside: Option<&File>) -> Result<Self> {
        let opts = Opts::from(
            opts
                // or the driver asks for the server's local socket and goes to whoever has that path here
                .prefer_socket(false)
                .tcp_nodelay(true)
                // both known, so not asked for
                .max_allowed_packet(Some(16 << 20))
                .wait_timeout(Some(28_800))
                .stmt_cache_size(Some(0))
                // whatever a test makes of the server's defaults
                .init(vec![
                    "SET SESSION autocommit=1, sql_select_limit=18446744073709551615, sql_big_selects=1 \
                     /*!80000 , max_execution_time=0 */ /*M!100100 , max_statement_time=0 */",
                ]),
        );
        let doing = || format!("connecting {who}");
        let connect = || {
            if let Some(namespace) = inside {
                net::step_into(namespace)?;
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .doing(|| "starting a runtime".to_owned())?;
            let conn = runtime.block_on(async { timeout(CONNECT, Conn::new(opts)).await });
            let conn = conn.doing(doing)?.map_err(|error| sql_error(doing(), &error))?;
            Ok(Self { who: who.to_owned(), runtime, conn: Some(conn) })
        };
        apart(connect)
    }

    /// The connection's id on its server.
    pub(crate) fn id(&self) -> u32 {
        self.conn.as_ref().map(Conn::id).unwrap_or_default()
    }

    pub(crate) fn exec(&mut self, sql: &str) -> Result<()> {
        self.query(sql).map(drop)
    }

    pub(crate) fn rows(&mut self, sql: &str) -> Result<Rows> {
        let rows = self.query(sql)?;
        Ok(rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect())
    }

    /// The first value of the first row, empty when there is none.
    pub(crate) fn value(&mut self, sql: &str) -> Result<String> {
        let first = self.rows(sql)?.into_iter().next();
        Ok(first.and_then(|row| row.into_iter().next().flatten()).unwrap_or_default())
    }

    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        // the statement's start says which it is; its rest may hold a password
        let shown: String = sql.chars().take(40).collect();
        let doing = format!("asking {} `{shown}`", self.who);
        let Some(mut conn) = self.conn.take() else {
            return Err(LabError::new(doing, "the connection was given up earlier"));
        };
        let work = async move {
            let answer = conn.query::<Row, _>(sql).await;
            (conn, answer)
        };
        match self.wait(async { timeout(STATEMENT, work).await }) {
            Ok((conn, Ok(rows))) => {
                self.conn = Some(conn);
                Ok(rows)
            }
            Ok((conn, Err(error))) => {
                // a refusal leaves the stream in step
                self.conn = matches!(error, Error::Server(_)).then_some(conn);
                Err(sql_error(doing, &error))
            }
            Err(_) => Err(LabError::new(doing, format!("no answer within {STATEMENT:?}"))),
        }
    }

    fn wait<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        apart(|| self.runtime.block_on(work))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // a server that hangs gets no goodbye
            let _ = self.wait(async { timeout(Duration::from_millis(500), conn.disconnect()).await });
        }
    }
}

/// In a thread of its own: it may step into another network, and the caller may be inside a runtime, which do not nest.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn sql_error(doing: String, error: &Error) -> LabError {
    let code = match error {
        Error::Server(refusal) => Some(refusal.code),
        _ => None,
    };
    LabError::new(doing, error).code(code)
}

/// By `get_opt` only: the driver's other getters panic on NULL.
pub(crate) fn text(row: &Row, column: usize) -> Option<String> {
    let bytes = row.get_opt::<Option<Vec<u8>>, _>(column)?.ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Lab {
    /// A session of that account from that host to an address: a node's own or a role's.
    pub(crate) fn session(&self, user: User, from: Host, to: &str) -> Result<Session> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(to)
            .tcp_port(3306)
            .user(Some(user.name()))
            .pass(Some(self.secrets().of(user)));
        let namespace = net::open_namespace(self.id(), from)?;
        Session::open(&format!("{}@{to} from {}", user.name(), from.name()), opts, Some(&namespace))
    }
}
