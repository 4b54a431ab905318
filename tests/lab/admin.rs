//! SQL as root through a server's unix socket, which does not care about network namespaces: the lab can look at a node
//! whose cable is out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mysql_async::{OptsBuilder, Row};

use super::Node;
use super::error::Result;
use super::session::{Rows, Session, text};

/// A way in as root. Each call is a connection of its own: nothing of it stays behind between two calls.
pub(crate) struct Admin {
    node: Node,
    socket: PathBuf,
}

impl Admin {
    pub(crate) fn new(node: Node, socket: PathBuf) -> Self {
        Self { node, socket }
    }

    pub(crate) fn exec(&self, sql: &str) -> Result<()> {
        self.session()?.exec(sql)
    }

    /// Several statements in one session, for settings that hold only there.
    pub(crate) fn exec_all(&self, statements: &[&str]) -> Result<()> {
        let mut session = self.session()?;
        statements.iter().try_for_each(|sql| session.exec(sql))
    }

    pub(crate) fn rows(&self, sql: &str) -> Result<Rows> {
        self.session()?.rows(sql)
    }

    /// The first value of the first row, empty when there is none.
    pub(crate) fn value(&self, sql: &str) -> Result<String> {
        self.session()?.value(sql)
    }

    /// The first row by column names, for the wide answers. Empty when there is no row.
    pub(crate) fn named(&self, sql: &str) -> Result<BTreeMap<String, Option<String>>> {
        let rows = self.session()?.query(sql)?;
        let named = |row: &Row| {
            let columns = row.columns_ref().iter().enumerate();
            columns.map(|(at, column)| (column.name_str().into_owned(), text(row, at))).collect()
        };
        Ok(rows.first().map(named).unwrap_or_default())
    }

    /// One that stays open: to hold a lock or a transaction as root.
    pub(crate) fn session(&self) -> Result<Session> {
        let opts = OptsBuilder::default().socket(Some(self.socket.display().to_string())).user(Some("root"));
        Session::open(&format!("root on {}", self.node.name()), opts, None)
    }
}
