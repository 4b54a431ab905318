//! What a node looks like, to be compared before and after; and what a run of flipper has left behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::error::{Doing, LabError, Result};
use super::session::Rows;
use super::{Host, Lab, Node, Server, net};

/// A node's state by name: variables as `var:NAME`, then `addresses`, `sessions`, `locks`.
pub(crate) type Fingerprint = BTreeMap<String, String>;

/// Variables that follow the traffic.
const TRAFFIC: [&str; 6] =
    ["gtid_executed", "gtid_purged", "gtid_binlog_pos", "gtid_binlog_state", "gtid_current_pos", "gtid_slave_pos"];

/// For comparing while clients write: without what they move.
pub(crate) fn without_traffic(mut fingerprint: Fingerprint) -> Fingerprint {
    for name in TRAFFIC {
        fingerprint.remove(&format!("var:{name}"));
    }
    fingerprint
}

/// What differs, one line each, for an assertion's message.
pub(crate) fn differences(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {:?} became {:?}", before.get(name), after.get(name)))
        .collect()
}

impl Lab {
    /// All that flipper must leave alone on a node when it only looks.
    pub(crate) fn fingerprint(&self, node: Node) -> Result<Fingerprint> {
        let admin = self.admin(node);
        let mut seen = Fingerprint::new();
        for row in admin.rows("SHOW GLOBAL VARIABLES")? {
            if let [Some(name), value] = row.as_slice() {
                seen.insert(format!("var:{name}"), value.clone().unwrap_or_default());
            }
        }
        let addresses = self.on(node.host(), &["ip", "-j", "addr"])?;
        seen.insert("addresses".to_owned(), String::from_utf8_lossy(&addresses.stdout).trim().to_owned());
        let sessions = admin.rows(
            "SELECT CONCAT(user, '@', host) FROM information_schema.processlist \
             WHERE user NOT IN ('root', 'repl', 'system user', 'event_scheduler') ORDER BY 1",
        )?;
        seen.insert("sessions".to_owned(), lines(sessions));
        seen.insert("locks".to_owned(), lines(self.user_locks(node)?));
        Ok(seen)
    }

    fn user_locks(&self, node: Node) -> Result<Rows> {
        let sql = match self.server() {
            Server::MySql => {
                "SELECT object_name FROM performance_schema.metadata_locks \
                 WHERE object_type='USER LEVEL LOCK' ORDER BY 1"
            }
            // it cannot list them without a plugin that these packages lack; asked by name
            Server::MariaDb => {
                "SELECT name FROM (SELECT 'flipper' AS name UNION ALL SELECT 'flipper:roles') names \
                 WHERE IS_USED_LOCK(name) IS NOT NULL"
            }
        };
        self.admin(node).rows(sql)
    }

    /// What is still there of a flipper run, one line each. Nodes whose server is down are asked only for processes.
    pub(crate) fn leftovers(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for node in Node::BOTH {
            let name = node.name();
            if self.server_pid(node).is_some() {
                let sessions = self.admin(node).rows(
                    // not `info`: a text that large makes MariaDB write a table to disk, for every look
                    "SELECT CONCAT(id, ' from ', host, ': ', command, ' ', COALESCE(state, '')) \
                     FROM information_schema.processlist WHERE user='flipper' ORDER BY 1",
                )?;
                found.extend(flat(sessions).map(|session| format!("{name}: session {session}")));
                let locks = flat(self.user_locks(node)?).filter(|lock| lock.starts_with("flipper"));
                found.extend(locks.map(|lock| format!("{name}: lock {lock}")));
            }
            let own = self.own_pids();
            for pid in net::pids(self.id(), node.host())? {
                if !own.contains(&pid) {
                    let words = command_line(pid).filter(|words| !is_told_again(words));
                    found.extend(words.map(|words| format!("{name}: process {pid} {words}")));
                }
            }
        }
        for pid in net::pids(self.id(), Host::Operator)? {
            found.extend(command_line(pid).map(|words| format!("op: process {pid} {words}")));
        }
        Ok(found)
    }

    /// Announcements that a move has left word for, which [`Self::leftovers`] passes over.
    pub(crate) fn telling(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for node in Node::BOTH {
            for pid in net::pids(self.id(), node.host())? {
                let words = command_line(pid).filter(|words| is_told_again(words));
                found.extend(words.map(|words| format!("{}: process {pid} {words}", node.name())));
            }
        }
        Ok(found)
    }

    /// An ssh session's end takes the servers a moment.
    pub(crate) fn wait_for_no_leftovers(&self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let found = self.leftovers()?;
            if found.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(LabError::new(format!("waiting {limit:?} for nothing to be left"), found.join("; ")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The roles' and other addresses on a node's interface, as `10.77.0.100/32`, but for its own IPv6 addresses, which stay.
    pub(crate) fn addresses(&self, node: Node) -> Result<Vec<String>> {
        let output = self.on(node.host(), &["ip", "-j", "addr", "show", "dev", "eth0"])?;
        let parsed: serde_json::Value =
            serde_json::from_slice(&output.stdout).doing(|| "reading `ip -j addr`".to_owned())?;
        let own = node.host().ipv6_addresses();
        let infos = parsed.pointer("/0/addr_info").and_then(serde_json::Value::as_array);
        Ok(infos
            .into_iter()
            .flatten()
            .filter(|info| !own.iter().any(|own| info.get("local").is_some_and(|local| local == own.as_str())))
            .filter_map(|info| Some(format!("{}/{}", info.get("local")?.as_str()?, info.get("prefixlen")?)))
            .collect())
    }

    /// The process of a server that was started.
    pub(crate) fn server_pid(&self, node: Node) -> Option<u32> {
        self.databases().get(node.index()).and_then(super::server::Database::pid)
    }

    /// How a node's server is started, word for word.
    pub(crate) fn server_words(&self, node: Node) -> Vec<std::ffi::OsString> {
        self.databases().get(node.index()).map(super::server::Database::words).unwrap_or_default()
    }

    fn own_pids(&self) -> Vec<u32> {
        let servers = Node::BOTH.into_iter().filter_map(|node| self.server_pid(node));
        servers.chain(self.sshds.iter().map(std::process::Child::id)).collect()
    }
}

fn flat(rows: Rows) -> impl Iterator<Item = String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten())
}

fn lines(rows: Rows) -> String {
    flat(rows).collect::<Vec<_>>().join("\n")
}

/// An announcement that a move has left word for: it ends by itself some six seconds after the move, by design.
fn is_told_again(words: &str) -> bool {
    words.contains("for s in 1 4;")
        || matches!(words, "sleep 1" | "sleep 4")
        || words.contains("arping -U -c 1 ")
        || words.contains("ndptool -t na ")
}

/// `None` when the process has ended meanwhile.
fn command_line(pid: u32) -> Option<String> {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&words).replace('\0', " ");
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}
