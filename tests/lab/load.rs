//! Clients that write unique rows through the write address and remember every answer.
//!
//! They behave like a careful application: short timeouts, no delayed ACKs, connecting again at once. A row that was refused
//! is written again; a row whose fate is unknown never is, so a doubled row is the pair's fault.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Row};
use tokio::time::{sleep, sleep_until, timeout};

use super::error::{Doing, LabError, Result};
use super::net;
use super::report::{Ack, ClientLog, LoadReport};
use super::{Host, Node};

/// No unique key on (client, seq): a row applied twice must show.
pub(crate) const TABLE: &str = "CREATE TABLE app.load (id BIGINT AUTO_INCREMENT PRIMARY KEY, client INT NOT NULL, \
    seq BIGINT NOT NULL, server INT NOT NULL, KEY (client, seq)) ENGINE=InnoDB";

const CONNECT: Duration = Duration::from_millis(200);
/// Long enough for a write that waits out a fence: `FLUSH TABLES WITH READ LOCK` blocks it rather than refusing it.
const STATEMENT: Duration = Duration::from_secs(1);
/// After a failure, so that a client does not spin.
const PAUSE: Duration = Duration::from_millis(2);

/// Running clients. Dropping it stops them.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    acked: Arc<AtomicU64>,
    started: Instant,
    thread: Option<JoinHandle<Result<Vec<ClientLog>>>>,
}

impl Load {
    pub(crate) fn start(id: &str, address: &str, first: u32, clients: u32, rate: u32, password: &str) -> Result<Self> {
        if clients == 0 || rate == 0 {
            return Err(LabError::new("starting clients", "some clients and some rate are needed"));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let acked = Arc::new(AtomicU64::new(0));
        let shared = (stop.clone(), acked.clone());
        let namespace = net::open_namespace(id, Host::Clients)?;
        // the whole fleet's rate, divided among the clients, who start one after another within the first interval
        let interval = Duration::from_secs(1) * clients / rate;
        let opts = options(address, password);
        let started = Instant::now();
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                net::step_into(&namespace)?;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .doing(|| "starting the clients' runtime".to_owned())?;
                let logs = runtime.block_on(async {
                    let mut running = Vec::new();
                    for number in 0..clients {
                        let (stop, acked) = shared.clone();
                        let client = Client {
                            number: first + number,
                            opts: opts.clone(),
                            conn: None,
                            log: ClientLog::new(first + number),
                            stop,
                            acked,
                        };
                        let start = started + interval * number / clients;
                        running.push(tokio::spawn(client.run(start, interval)));
                    }
                    let mut logs = Vec::new();
                    for client in running {
                        logs.push(client.await.doing(|| "a client ended badly".to_owned())?);
                    }
                    Ok(logs)
                });
                // a connection given up may still be saying goodbye to a host that is gone
                runtime.shutdown_background();
                logs
            })
            .doing(|| "starting the clients' thread".to_owned())?;
        Ok(Self { stop, acked, started, thread: Some(thread) })
    }

    /// Rows acknowledged so far.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// A moment to ask the report about later: `silence_between(mark, mark)`.
    pub(crate) fn mark(&self) -> Instant {
        Instant::now()
    }

    /// Waits until `more` further rows are acknowledged: the clients are (again) served.
    pub(crate) fn wait_for(&self, more: u64, limit: Duration) -> Result<()> {
        let goal = self.acked() + more;
        let end = Instant::now() + limit;
        while self.acked() < goal {
            if Instant::now() > end {
                let doing = format!("waiting {limit:?} for {more} more rows");
                return Err(LabError::new(doing, format!("{} rows came", more - (goal - self.acked()))));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Stops the clients after the statement each is in.
    pub(crate) fn stop(mut self) -> Result<LoadReport> {
        self.stop.store(true, Ordering::Relaxed);
        let logs = match self.thread.take().map(JoinHandle::join) {
            Some(Ok(logs)) => logs?,
            _ => {
                return Err(LabError::new("stopping the clients", "their thread panicked"));
            }
        };
        Ok(LoadReport::new(self.started, Instant::now(), logs))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn options(address: &str, password: &str) -> Opts {
    Opts::from(
        OptsBuilder::default()
            .ip_or_hostname(address)
            .tcp_port(3306)
            .user(Some("app"))
            .pass(Some(password))
            .db_name(Some("app"))
            .prefer_socket(false)
            .tcp_nodelay(true)
            .max_allowed_packet(Some(16 << 20))
            .wait_timeout(Some(28_800))
            .stmt_cache_size(Some(0)),
    )
}

struct Client {
    number: u32,
    opts: Opts,
    /// With the id of the server that answered when it was opened.
    conn: Option<(Conn, u32)>,
    log: ClientLog,
    stop: Arc<AtomicBool>,
    acked: Arc<AtomicU64>,
}

/// What is known of a row after the attempt to write it.
enum Outcome {
    Written(u32),
    NotWritten,
    Unknown,
}

impl Client {
    async fn run(mut self, start: Instant, interval: Duration) -> ClientLog {
        let mut due = start;
        let mut seq = 0;
        while !self.stop.load(Ordering::Relaxed) {
            sleep_until(due.into()).await;
            match self.write(seq).await {
                Outcome::Written(server) => {
                    self.log.acks.push(Ack { at: Instant::now(), client: self.number, seq, server });
                    self.acked.fetch_add(1, Ordering::Relaxed);
                    seq += 1;
                    // no burst after a silence: it would look like a faster client
                    due = (due + interval).max(Instant::now());
                }
                Outcome::NotWritten => sleep(PAUSE).await,
                Outcome::Unknown => {
                    self.log.unknown.push(seq);
                    seq += 1;
                    sleep(PAUSE).await;
                }
            }
        }
        if let Some((conn, _)) = self.conn.take() {
            let _ = timeout(CONNECT, conn.disconnect()).await;
        }
        self.log
    }

    /// The connection moves into the future that is timed: given up half way, it is gone and cannot answer the next question with
    /// the last one's answer.
    async fn write(&mut self, seq: u64) -> Outcome {
        let (mut conn, server) = match self.conn.take() {
            Some(open) => open,
            None => match timeout(CONNECT, connect(self.opts.clone())).await {
                Ok(Ok(open)) => open,
                Ok(Err(error)) => {
                    self.log.count(&name(&error));
                    return Outcome::NotWritten;
                }
                Err(_) => {
                    self.log.count("connect timeout");
                    return Outcome::NotWritten;
                }
            },
        };
        let sql = format!("INSERT INTO app.load (client, seq, server) VALUES ({}, {seq}, @@server_id)", self.number);
        let attempt = async move {
            let answer = conn.query_drop(sql).await;
            (conn, answer)
        };
        match timeout(STATEMENT, attempt).await {
            Ok((conn, Ok(()))) => {
                self.conn = Some((conn, server));
                Outcome::Written(server)
            }
            Ok((conn, Err(error))) => {
                self.log.count(&name(&error));
                match error {
                    // the server says that it did not: read only, transaction rolled back. Applications keep such a connection,
                    // so these do too
                    Error::Server(refusal) if matches!(refusal.code, 1290 | 1792 | 1836 | 1205 | 1213) => {
                        self.conn = Some((conn, server));
                        Outcome::NotWritten
                    }
                    _ => Outcome::Unknown,
                }
            }
            Err(_) => {
                self.log.count("statement timeout");
                Outcome::Unknown
            }
        }
    }
}

/// Asks once who answers: a connection stays with its server.
async fn connect(opts: Opts) -> Result<(Conn, u32), Error> {
    let mut conn = Conn::new(opts).await?;
    let row: Option<Row> = conn.query_first("SELECT @@server_id").await?;
    let server = row.and_then(|row| row.get_opt::<u32, _>(0)).and_then(std::result::Result::ok);
    Ok((conn, server.unwrap_or_default()))
}

/// A server's error by its number, any other by its kind.
fn name(error: &Error) -> String {
    match error {
        Error::Server(refusal) => refusal.code.to_string(),
        Error::Io(mysql_async::IoError::Io(cause)) => match cause.kind() {
            io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
            kind => kind.to_string(),
        },
        other => other.to_string(),
    }
}

/// Which node has this server id.
pub(crate) fn node_of(server: u32) -> Option<Node> {
    Node::BOTH.into_iter().find(|node| node.number() == server)
}
