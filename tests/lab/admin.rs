//! SQL as root through a server's unix socket, which does not care about network namespaces: the lab can look at a node
//! whose cable is out.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row};

use super::Node;
use super::error::{Doing, LabError, Result};

/// A way in as root. Each call is a connection of its own: nothing of it stays behind between two calls.
pub(crate) struct Admin {
    node: Node,
    socket: PathBuf,
}

/// The rows of an answer; `None` is SQL's NULL.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

impl Admin {
    pub(crate) fn new(node: Node, socket: PathBuf) -> Self {
        Self { node, socket }
    }

    pub(crate) fn exec(&self, sql: &str) -> Result<()> {
        self.run(&[sql]).map(drop)
    }

    /// Several statements in one session, for settings that hold only there.
    pub(crate) fn exec_all(&self, statements: &[&str]) -> Result<()> {
        self.run(statements).map(drop)
    }

    pub(crate) fn rows(&self, sql: &str) -> Result<Rows> {
        let rows = self.run(&[sql])?;
        Ok(rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect())
    }

    /// The first value of the first row, empty when there is none.
    pub(crate) fn value(&self, sql: &str) -> Result<String> {
        let first = self.rows(sql)?.into_iter().next();
        Ok(first.and_then(|row| row.into_iter().next().flatten()).unwrap_or_default())
    }

    /// The first row by column names, for the wide answers. Empty when there is no row.
    pub(crate) fn named(&self, sql: &str) -> Result<std::collections::BTreeMap<String, Option<String>>> {
        let rows = self.run(&[sql])?;
        let Some(row) = rows.first() else {
            return Ok(std::collections::BTreeMap::new());
        };
        Ok(row
            .columns_ref()
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name_str().into_owned(), text(row, at)))
            .collect())
    }

    /// A thread of its own, so that a test with a runtime may call it too: runtimes do not nest.
    fn run(&self, statements: &[&str]) -> Result<Vec<Row>> {
        let doing = || {
            // the statement's start says which it is; its rest may hold a password
            let shown: String = statements.last().unwrap_or(&"").chars().take(40).collect();
            format!("asking {} `{shown}`", self.node.name())
        };
        std::thread::scope(|scope| {
            scope
                .spawn(|| self.run_here(statements))
                .join()
                .unwrap_or_else(|_| Err(LabError::new("running SQL", "the driver panicked")))
        })
        .doing(doing)
    }

    fn run_here(&self, statements: &[&str]) -> Result<Vec<Row>> {
        let opts = Opts::from(
            OptsBuilder::default()
                .socket(Some(self.socket.display().to_string()))
                .user(Some("root"))
                .max_allowed_packet(Some(16 << 20))
                .wait_timeout(Some(28_800))
                .stmt_cache_size(Some(0)),
        );
        let work = async {
            let mut conn = Conn::new(opts).await?;
            let mut rows = Vec::new();
            for statement in statements {
                rows = conn.query::<Row, _>(*statement).await?;
            }
            conn.disconnect().await?;
            Ok::<_, mysql_async::Error>(rows)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "starting a runtime".to_owned())?;
        let limit = Duration::from_secs(60);
        runtime
            .block_on(async { tokio::time::timeout(limit, work).await })
            .doing(|| format!("waiting {limit:?}"))?
            .doing(|| "SQL".to_owned())
    }
}

/// By `get_opt` only: the driver's other getters panic on NULL.
fn text(row: &Row, column: usize) -> Option<String> {
    let bytes = row.get_opt::<Option<Vec<u8>>, _>(column)?.ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
