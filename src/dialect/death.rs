//! SQL for a node that is declared dead, the one that takes its place, and one that comes back (hazards §0.4, part F).

use super::sql::{BEGIN, Question, Statement, position_literal, processlist};
use crate::model::{Flavour, Server, Version};

/// How this version says "replica".
fn word(server: &Server) -> &'static str {
    match (server.flavour, server.version) {
        (Flavour::MySql, version) if version >= Version(8, 0, 22) => "REPLICA",
        // MariaDB knows both, MySQL 5.7 only this one
        _ => "SLAVE",
    }
}

/// `STOP REPLICA IO_THREAD`, for one channel. `None`: its name is none that can be written down safely.
fn threads(server: &Server, verb: &str, channel: &str, which: &str) -> Option<Statement> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !channel.chars().all(plain) {
        return None;
    }
    let mut statement = format!("{verb} {}", word(server));
    if server.flavour == Flavour::MariaDb && !channel.is_empty() {
        statement += &format!(" '{channel}'");
    }
    if !which.is_empty() {
        statement += &format!(" {which}");
    }
    if server.flavour == Flavour::MySql && !channel.is_empty() {
        statement += &format!(" FOR CHANNEL '{channel}'");
    }
    Some(Statement::of_text(statement))
}

/// Stops the receiver: nothing more comes in from the source, and what has come in stays. `None`: the channel's name
/// is none that can be written down.
#[must_use]
pub fn stop_receiving(server: &Server, channel: &str) -> Option<Statement> {
    threads(server, "STOP", channel, "IO_THREAD")
}

/// Starts the receiver again. `None` as with [`stop_receiving`].
#[must_use]
pub fn resume_receiving(server: &Server, channel: &str) -> Option<Statement> {
    threads(server, "START", channel, "IO_THREAD")
}

/// Stops the applier. In the middle of a transaction it rolls that back; MySQL's waits for the rest of it for a minute
/// before it does (not once the thread that holds it is killed), MariaDB's only where it has changed tables of other
/// engines than InnoDB. `None` as with [`stop_receiving`].
#[must_use]
pub fn stop_applying(server: &Server, channel: &str) -> Option<Statement> {
    threads(server, "STOP", channel, "SQL_THREAD")
}

/// Transactions that the applier has begun and not ended, a row each in the second of three tables: `id` of its thread; and
/// this session itself, because it has just begun one. Where it is missing, InnoDB has answered from its cache.
#[must_use]
pub fn applier_transactions(server: &Server) -> Question {
    Question::of([
        BEGIN,
        &format!(
            "SELECT t.trx_mysql_thread_id AS id FROM information_schema.innodb_trx t JOIN {} p ON p.ID = \
             t.trx_mysql_thread_id WHERE p.USER = 'system user' OR p.ID = CONNECTION_ID()",
            processlist(server)
        ),
        "ROLLBACK",
    ])
}

/// How many bytes of the source's log a server has received and not executed, from a row of its replica status. `None`:
/// the two positions are in different logs, or cannot be read. `given`: a column that is not empty, by any of its names.
pub fn not_executed<'a>(given: impl Fn(&[&str]) -> Option<&'a str>) -> Option<u64> {
    let Some(received) = given(&["Source_Log_File", "Master_Log_File"]) else {
        // nothing has ever come in
        return Some(0);
    };
    let executed = given(&["Relay_Source_Log_File", "Relay_Master_Log_File"])?;
    let number = |names: &[&str]| given(names)?.parse::<u64>().ok();
    let read = number(&["Read_Source_Log_Pos", "Read_Master_Log_Pos"])?;
    (received == executed)
        .then(|| number(&["Exec_Source_Log_Pos", "Exec_Master_Log_Pos"]))
        .flatten()
        .and_then(|done| read.checked_sub(done))
}

/// Starts receiver and applier. `None` as with [`stop_receiving`].
#[must_use]
pub fn start_replication(server: &Server, channel: &str) -> Option<Statement> {
    threads(server, "START", channel, "")
}

/// Stops both again. `None` as with [`stop_receiving`].
#[must_use]
pub fn stop_replication(server: &Server, channel: &str) -> Option<Statement> {
    threads(server, "STOP", channel, "")
}

/// MariaDB's binary logs, the oldest first: `Log_name`.
#[must_use]
pub fn binary_logs() -> Question {
    Question::of(["SHOW BINARY LOGS"])
}

/// From where a MariaDB server's receiver goes on: `position`. Its replica status shows something else under that name:
/// what it wrote itself counts there, too.
#[must_use]
pub fn follows_from() -> Question {
    Question::of(["SELECT @@global.gtid_slave_pos AS position"])
}

/// Where a MariaDB server stood when it began that binary log: `start`, the last transaction of each domain and server
/// that is in older logs. `None`: that is no log's name.
#[must_use]
pub fn log_start(log: &str) -> Option<Question> {
    let log = log.rsplit('/').next().filter(|name| !name.is_empty()).and_then(position_literal_of_file)?;
    Some(Question::of_text(format!("SELECT BINLOG_GTID_POS({log}, 4) AS start")))
}

fn position_literal_of_file(name: &str) -> Option<String> {
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).then(|| format!("'{name}'"))
}

/// A position that is safe inside a shell's quotes too: what [`position_literal`] lets through, without the quotes.
pub(super) fn plain_position(position: &str) -> Option<String> {
    let quoted = position_literal(position)?;
    Some(quoted.trim_matches('\'').replace(' ', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    fn said(statement: Option<Statement>) -> String {
        statement.map(|statement| statement.to_string()).unwrap_or_default()
    }

    #[test]
    fn each_version_is_told_in_its_own_words() {
        let (old, new) = (server(Flavour::MySql, Version(5, 7, 42)), server(Flavour::MySql, Version(9, 7, 0)));
        let maria = server(Flavour::MariaDb, Version(10, 11, 6));
        assert_eq!(said(stop_receiving(&old, "")), "STOP SLAVE IO_THREAD");
        assert_eq!(said(stop_receiving(&new, "")), "STOP REPLICA IO_THREAD");
        assert_eq!(said(stop_receiving(&new, "b")), "STOP REPLICA IO_THREAD FOR CHANNEL 'b'");
        assert_eq!(said(resume_receiving(&maria, "")), "START SLAVE IO_THREAD");
        assert_eq!(said(resume_receiving(&maria, "b")), "START SLAVE 'b' IO_THREAD");
        assert_eq!(said(stop_applying(&new, "")), "STOP REPLICA SQL_THREAD");
        assert_eq!(said(stop_applying(&maria, "b")), "STOP SLAVE 'b' SQL_THREAD");
        assert!(applier_transactions(&new).to_string().contains("performance_schema.processlist"));
        assert!(applier_transactions(&maria).to_string().contains("information_schema.processlist"));
        assert_eq!(said(start_replication(&new, "")), "START REPLICA");
        assert_eq!(said(stop_replication(&maria, "")), "STOP SLAVE");
        assert!(stop_receiving(&maria, "x' IO_THREAD; DROP").is_none());
    }

    #[test]
    fn what_is_received_and_not_executed_is_told_by_two_positions_in_one_log() {
        let of = |row: &[(&str, &'static str)]| {
            not_executed(|names| {
                let value = row.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| *value);
                value.filter(|value| !value.is_empty())
            })
        };
        let row = |log, read| {
            [
                ("Source_Log_File", "binlog.000002"),
                ("Relay_Source_Log_File", log),
                ("Read_Source_Log_Pos", read),
                ("Exec_Source_Log_Pos", "400"),
            ]
        };
        assert_eq!(of(&row("binlog.000002", "400")), Some(0));
        assert_eq!(of(&row("binlog.000002", "1424")), Some(1024));
        assert_eq!(of(&row("binlog.000001", "1424")), None);
        assert_eq!(of(&row("binlog.000002", "4 ")), None);
        assert_eq!(of(&row("binlog.000002", "399")), None);
        assert_eq!(of(&[("Master_Log_File", "")]), Some(0), "it was never connected");
    }

    #[test]
    fn only_names_and_positions_are_quoted() {
        assert_eq!(
            log_start("/var/log/mysql/binlog.000001").map(|q| q.to_string()).as_deref(),
            Some("SELECT BINLOG_GTID_POS('binlog.000001', 4) AS start")
        );
        assert!(log_start("b'").is_none() && log_start("").is_none());
        assert_eq!(plain_position("0-1-2, 0-2-3").as_deref(), Some("0-1-2,0-2-3"));
        assert!(plain_position("$(x)").is_none());
    }
}
