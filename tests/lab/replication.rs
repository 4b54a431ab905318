//! Accounts, and replication both ways.

use std::collections::BTreeMap;
use std::time::Duration;

use flipper::dialect::{self, Account, Release};
use flipper::model::Flavour;

use super::admin::Admin;
use super::error::{LabError, Result};
use super::run::wait_until;
use super::{Node, Secrets, Server};

/// From where all accounts may come, and in IPv6 all but that of replication.
const HOSTS: &str = "10.77.0.%";
const IPV6_HOSTS: &str = "fd00:77::%";

/// The same accounts on both nodes, written to neither's binary log; then both logs start empty.
pub(crate) fn create_accounts(admin: &Admin, server: Server, secrets: &Secrets) -> Result<()> {
    let user = |name: &str, password: &str| format!("CREATE USER '{name}'@'{HOSTS}' IDENTIFIED BY '{password}'");
    let by_ipv6 = |text: &String| text.replace(HOSTS, IPV6_HOSTS);
    let mut statements = vec![
        "SET SESSION sql_log_bin=0".to_owned(),
        user("repl", &secrets.repl),
        format!("GRANT REPLICATION SLAVE ON *.* TO 'repl'@'{HOSTS}'"),
    ];
    let app = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO 'app'@'{HOSTS}'");
    let mut in_both = vec![user("app", &secrets.app), app];
    in_both.extend(flipper(admin, server, &secrets.flipper)?);
    statements.extend(in_both.iter().map(by_ipv6));
    statements.extend(in_both);
    match server {
        Server::MySql => statements.push("RESET BINARY LOGS AND GTIDS".to_owned()),
        Server::MariaDb => {
            statements.push("RESET MASTER".to_owned());
            statements.push("SET GLOBAL gtid_slave_pos=''".to_owned());
        }
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    admin.exec_all(&statements)
}

/// flipper's account with what `flipper setup` prints for this server, and nothing else.
fn flipper(admin: &Admin, server: Server, password: &str) -> Result<Vec<String>> {
    let version = admin.value("SELECT VERSION()")?;
    let flavour = match server {
        Server::MariaDb => Flavour::MariaDb,
        Server::MySql => Flavour::MySql,
    };
    let release = dialect::parse_version(&version).map(|version| Release { flavour, version });
    let release = release.ok_or_else(|| LabError::new("reading a server's version", version))?;
    let account = Account { user: "flipper".to_owned(), host: HOSTS.to_owned(), tls: false };
    let put_in = |sql: String| sql.replace(dialect::PASSWORD_HERE, &format!("'{password}'"));
    Ok(account.statements(release).into_iter().map(put_in).collect())
}

/// Makes `admin`'s node a replica of `source`.
pub(crate) fn follow(admin: &Admin, server: Server, source: Node, secrets: &Secrets) -> Result<()> {
    let (host, password) = (source.host().address(), &secrets.repl);
    match server {
        // 8.4 and later give up after ten tries unless told otherwise
        Server::MySql => admin.exec_all(&[
            &format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_USER='repl', \
                 SOURCE_PASSWORD='{password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, \
                 SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400"
            ),
            "START REPLICA",
        ]),
        Server::MariaDb => admin.exec_all(&[
            &format!(
                "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_USER='repl', \
                 MASTER_PASSWORD='{password}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1"
            ),
            "START SLAVE",
        ]),
    }
}

pub(crate) fn wait_running(admin: &Admin, node: Node) -> Result<()> {
    wait_until(&format!("both replication threads of {} run", node.name()), Duration::from_secs(20), || {
        let status = admin.named("SHOW REPLICA STATUS")?;
        let yes = |thread: &str| {
            ["Replica", "Slave"].iter().any(|word| {
                let column = format!("{word}_{thread}_Running");
                status.get(&column).and_then(Option::as_deref) == Some("Yes")
            })
        };
        Ok((yes("IO") && yes("SQL")).then_some(()))
    })
}

/// All that the node has executed, from whichever node it came, in one order.
pub(crate) fn position(admin: &Admin, server: Server) -> Result<String> {
    let sql = match server {
        Server::MySql => "SELECT @@GLOBAL.gtid_executed",
        // the last of each server; `gtid_binlog_pos` would hide a diverged node. One that does not log what it applies
        // knows that as a replica
        Server::MariaDb => "SELECT CONCAT_WS(',', @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_slave_pos)",
    };
    let text = admin.value(sql)?;
    if server == Server::MariaDb {
        let mut last = BTreeMap::new();
        for gtid in text.split(',').map(str::trim).filter(|gtid| !gtid.is_empty()) {
            let read = |(of, number): (&str, &str)| Some((of.to_owned(), number.parse::<u64>().ok()?));
            let (of, number) =
                gtid.rsplit_once('-').and_then(read).ok_or_else(|| LabError::new("reading a position", gtid))?;
            last.entry(of).and_modify(|known: &mut u64| *known = number.max(*known)).or_insert(number);
        }
        return Ok(last.iter().map(|(of, number)| format!("{of}-{number}")).collect::<Vec<_>>().join(","));
    }
    let mut parts: Vec<&str> = text.split(',').map(str::trim).collect();
    parts.sort_unstable();
    Ok(parts.join(","))
}
