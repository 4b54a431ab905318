//! SQL, spelled for each flavour (hazards §0).

mod lock;

pub use lock::{changes_under_way, expire_and_lock_is_ours, lock, lock_holder, lock_is_ours, unlock};

use std::fmt;
use std::time::Duration;

use crate::model::{Fencing, Flavour, Server, Version, WriteAccess};

/// One or more statements, sent together in one round trip, that only ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Vec<String>);

/// One or more statements, sent together in one round trip, of which at least one changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(Vec<String>);

macro_rules! batch {
    ($name:ident) => {
        impl $name {
            pub(super) fn of<const N: usize>(statements: [&str; N]) -> Self {
                Self(statements.into_iter().map(str::to_owned).collect())
            }

            /// The statements one by one.
            #[must_use]
            pub fn statements(&self) -> &[String] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// As sent: the statements, with `; ` between them.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.join("; "))
            }
        }
    };
}
batch!(Question);
batch!(Statement);

impl Question {
    /// One statement.
    pub(super) fn of_text(statement: String) -> Self {
        Self(vec![statement])
    }
}

impl Statement {
    /// One statement.
    pub(super) fn of_text(statement: String) -> Self {
        Self(vec![statement])
    }
}

/// A text as a string literal. `None` for what no server sends as a position: nothing else is ever quoted.
pub(super) fn position_literal(position: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | ',' | '-' | '_' | ' ' | '\n');
    // a server prints a set over several lines
    position.chars().all(fits).then(|| format!("'{}'", position.replace('\n', "")))
}

/// What a session of ours must be like, whatever the server's own defaults are, before anything is asked in it. With
/// `autocommit` off a question opens a transaction, in which `super_read_only` cannot be set; a `sql_select_limit` cuts
/// lists short, and whoever is not in one would be taken for gone; a limit on statements ends a wait for the other node.
///
/// Comments that only one family executes: which it is, is not known yet.
#[must_use]
pub fn session() -> Statement {
    Statement::of(["SET SESSION autocommit = 1, sql_mode = '', sql_select_limit = 18446744073709551615, \
                    sql_big_selects = 1 /*!80000 , max_execution_time = 0 */ /*M!100100 , max_statement_time = 0 */"])
}

/// Who answers: the same on every flavour and version.
#[must_use]
pub fn identity() -> Question {
    Question::of(["SELECT @@version AS version, @@version_comment AS comment, @@server_id AS server_id, \
                   @@hostname AS hostname, CONNECTION_ID() AS connection_id"])
}

/// Variables that decide whether a move is possible. `SHOW VARIABLES` and not `@@name`: a name that a version does
/// not know is left out instead of failing the whole question.
#[must_use]
pub fn settings() -> Question {
    Question::of(["SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'log_bin', 'log_replica_updates', \
                   'log_slave_updates', 'gtid_mode', 'binlog_format', 'bind_address', 'wsrep_on', \
                   'replica_skip_errors', 'slave_skip_errors', 'replica_exec_mode', 'slave_exec_mode', \
                   'replicate_events_marked_for_skip', 'group_replication_group_name')"])
}

/// Whom the server lets write, and its position. `gtid_executed` is read as `@@GLOBAL`: the session's one is
/// empty on 5.7. The columns: `read_only`, `super_read_only` (MySQL), `position`, `state` (MariaDB).
#[must_use]
pub fn access_and_position(server: &Server) -> Question {
    Question::of_text(access_columns(server.flavour))
}

fn access_columns(flavour: Flavour) -> String {
    match flavour {
        Flavour::MySql => "SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, \
                           @@global.gtid_executed AS position"
            .to_owned(),
        Flavour::MariaDb => {
            format!("SELECT @@global.read_only AS read_only, @@global.gtid_binlog_pos AS position, {EXECUTED} AS state")
        }
    }
}

/// MariaDB: the last transaction of each (domain, server) that a server has executed. What it logs has all of them, where
/// it logs what it applies. Where it does not, which is the default, its log has its own; of the others it keeps the last
/// one of each domain, as it applies a domain in order.
const EXECUTED: &str = "IF(@@global.log_slave_updates, @@global.gtid_binlog_state, CONCAT_WS(',', \
                        NULLIF(@@global.gtid_binlog_state, ''), NULLIF(@@global.gtid_slave_pos, '')))";

/// Reads the variables of [`access_and_position`]. `None`: a spelling that no known version uses. MariaDB 12 made
/// `read_only` an enumeration (hazard H-13).
#[must_use]
pub fn parse_access(server: &Server, read_only: &str, super_read_only: Option<&str>) -> Option<WriteAccess> {
    let on = |text: &str| match text.to_ascii_uppercase().as_str() {
        "0" | "OFF" => Some(false),
        "1" | "ON" => Some(true),
        _ => None,
    };
    match server.fencing() {
        Fencing::SuperReadOnly => Some(match (on(read_only)?, on(super_read_only?)?) {
            (false, false) => WriteAccess::Open,
            (true, false) => WriteAccess::Guarded,
            (true, true) => WriteAccess::Fenced,
            (false, true) => WriteAccess::Changing,
        }),
        Fencing::ReadLock => Some(if on(read_only)? { WriteAccess::Fenced } else { WriteAccess::Open }),
        Fencing::NoLockNoAdmin => match read_only.to_ascii_uppercase().as_str() {
            "NO_LOCK" => Some(WriteAccess::Guarded),
            "NO_LOCK_NO_ADMIN" => Some(WriteAccess::Fenced),
            text => Some(if on(text)? { WriteAccess::Guarded } else { WriteAccess::Open }),
        },
    }
}

/// `SHOW REPLICA STATUS` learnt its name in 8.0.22 and forgot the old one in 8.4; MariaDB shows all connections
/// only by another statement.
#[must_use]
pub fn channels(server: &Server) -> Question {
    Question::of([match (server.flavour, server.version) {
        (Flavour::MariaDb, _) => "SHOW ALL SLAVES STATUS",
        (Flavour::MySql, version) if version >= Version(8, 0, 22) => "SHOW REPLICA STATUS",
        (Flavour::MySql, _) => "SHOW SLAVE STATUS",
    }])
}

/// What the binary log leaves out: `Binlog_Do_DB`, `Binlog_Ignore_DB`. MySQL renamed the statement in 8.2.
#[must_use]
pub fn binlog_filters(server: &Server) -> Question {
    Question::of([match (server.flavour, server.version) {
        (Flavour::MySql, version) if version >= Version(8, 2, 0) => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    }])
}

/// Prepared XA transactions, a row each.
#[must_use]
pub fn prepared_xa() -> Question {
    Question::of(["XA RECOVER"])
}

pub(super) fn processlist(server: &Server) -> &'static str {
    match (server.flavour, server.version) {
        (Flavour::MySql, version) if version >= Version(8, 0, 22) => "performance_schema.processlist",
        _ => "information_schema.processlist",
    }
}

/// The own connection as the server sees it: `address:port`, to be found among the machine's sockets (H-79).
#[must_use]
pub fn own_address(server: &Server) -> Question {
    Question(vec![format!("SELECT HOST AS host FROM {} WHERE ID = CONNECTION_ID()", processlist(server))])
}

/// All sessions: `ID`, `USER`, `HOST`, `COMMAND`, `STATE`.
#[must_use]
pub fn sessions(server: &Server) -> Question {
    Question(vec![format!(
        "SELECT ID AS id, USER AS user, HOST AS host, COMMAND AS command, COALESCE(STATE, '') AS state, \
         CONNECTION_ID() AS own FROM {}",
        processlist(server)
    )])
}

/// Transactions of clients that have changed rows and not ended, a row each: `id`. InnoDB answers from a cache, which
/// it renews only when nobody has asked for 100 ms: whoever asks more often gets the same answer for ever.
#[must_use]
pub fn writing_transactions(server: &Server) -> Question {
    Question(vec![format!(
        "SELECT t.trx_id AS id FROM information_schema.innodb_trx t JOIN {} p ON p.ID = t.trx_mysql_thread_id \
         WHERE t.trx_rows_modified > 0 AND p.USER NOT IN ('system user', 'event_scheduler')",
        processlist(server)
    )])
}

/// Sessions that are in a transaction or run a statement, with both: `id`, `user`, `host`, `command`, `time` (seconds),
/// `info` (cut short), `trx`, `trx_state`, `changed` (rows), `age` (of the transaction, in seconds). InnoDB
/// tells a start by the machine's time zone, whatever that of the session is. What it keeps from asking again at once
/// holds here, too (see [`writing_transactions`]).
#[must_use]
pub fn writers(server: &Server) -> Question {
    Question(vec![format!(
        "SELECT p.ID AS id, p.USER AS user, p.HOST AS host, p.COMMAND AS command, p.TIME AS time, LEFT(p.INFO, 200) AS \
         info, t.trx_id AS trx, t.trx_state AS trx_state, t.trx_rows_modified AS changed, \
         TIMESTAMPDIFF(SECOND, t.trx_started, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM')) AS age FROM {} p LEFT \
         JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.ID WHERE p.ID <> CONNECTION_ID() AND (t.trx_id \
         IS NOT NULL OR p.COMMAND IN ('Query', 'Execute', 'Killed'))",
        processlist(server)
    )])
}

/// What of a position, read elsewhere before, this MySQL server has not executed: `missing`, empty when nothing.
/// Computed by the server: only it knows its newer forms of a set. `None` when `position` is not a position.
#[must_use]
pub fn missing(position: &str) -> Option<Question> {
    let position = position_literal(position)?;
    Some(Question(vec![format!("SELECT GTID_SUBTRACT({position}, @@global.gtid_executed) AS missing")]))
}

/// MariaDB's vector of positions: `state`, what the server has executed, its own transactions and replicated ones.
#[must_use]
pub fn executed_state() -> Question {
    Question::of_text(format!("SELECT {EXECUTED} AS state"))
}

/// Waits on the server, at most `limit`, until it has executed `position`; then tells what it has. Two statements,
/// so that the second is read after the wait: `missing` (MySQL) or `state` (MariaDB).
/// `None` when `position` is not a position.
#[must_use]
pub fn catch_up(server: &Server, position: &str, limit: Duration) -> Option<Question> {
    let position = position_literal(position)?;
    // both functions take fractions of a second; zero would mean "do not wait" on one and "for ever" on others
    let seconds = limit.as_secs_f64().max(0.01);
    Some(Question(match server.flavour {
        Flavour::MySql => vec![
            format!("SELECT WAIT_FOR_EXECUTED_GTID_SET({position}, {seconds:.2}) AS waited"),
            format!("SELECT GTID_SUBTRACT({position}, @@global.gtid_executed) AS missing"),
        ],
        Flavour::MariaDb => vec![
            format!("SELECT MASTER_GTID_WAIT({position}, {seconds:.2}) AS waited"),
            format!("SELECT {EXECUTED} AS state"),
        ],
    }))
}

/// What of a fenced server shows that it stands still, in one round trip, in the order in which a transaction would come by:
/// sessions, prepared XA transactions (a row each), access and position.
///
/// The sessions on MySQL only: one inside an XA transaction can prepare and commit it in spite of `super_read_only` (H-10,
/// measured on 9.7), while a plain one's `COMMIT` fails. MariaDB refuses both. Six tables there:
///
/// 1. nothing,
/// 2. `id`: who has changed rows in a transaction that has not ended, and this session itself, because it has just begun
///    one. Where it is missing, InnoDB has answered from its cache (see [`writing_transactions`]), which may be older than the
///    fence,
/// 3. `id`, `xa`: who is in a transaction as far as the server notes that down, which may be turned off in four places, by
///    default in 5.7. `xa`: `ACTIVE` or `IDLE` where it could be prepared; NULL or `NOTXA` where it is a plain one. A session
///    that newer MySQL shows as `PREPARED` may have ended its transaction long ago,
/// 4. nothing.
#[must_use]
pub fn facts(server: &Server) -> Question {
    match server.flavour {
        Flavour::MySql => Question::of([
            BEGIN,
            CHANGED,
            "SELECT t.PROCESSLIST_ID AS id, e.XA_STATE AS xa FROM performance_schema.events_transactions_current e JOIN \
             performance_schema.threads t USING (THREAD_ID) WHERE e.STATE = 'ACTIVE' AND t.PROCESSLIST_ID IS NOT NULL",
            "ROLLBACK",
            "XA RECOVER",
            &access_columns(server.flavour),
        ]),
        Flavour::MariaDb => Question::of(["XA RECOVER", &access_columns(server.flavour)]),
    }
}

/// Begins a transaction that InnoDB lists at once, which tells a list that it has just made from an old one.
pub(super) const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

const CHANGED: &str = "SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0 OR \
                       trx_mysql_thread_id = CONNECTION_ID()";

/// The second of three tables: `id`, as the second one of [`facts`].
#[must_use]
pub fn changed_rows() -> Question {
    Question::of([BEGIN, CHANGED, "ROLLBACK"])
}

fn lock_wait(limit: Duration) -> String {
    format!("SET SESSION lock_wait_timeout = {}", limit.as_secs().max(1))
}

/// Lets the server end this session when it hears nothing of it for that long. A statement that is still on its way
/// when nobody waits for it any more then finds nobody; locks of a session that is lost go (hazard H-03).
#[must_use]
pub fn expire(idle: Duration) -> Statement {
    Statement(vec![format!("SET SESSION wait_timeout = {}", idle.as_millis().div_ceil(1000).max(1))])
}

/// Makes the server refuse writes, waiting at most `limit` for statements under way (hazard H-02), and reads back.
#[must_use]
pub fn fence(server: &Server, how: Fencing, limit: Duration) -> Statement {
    let mut statements = vec![lock_wait(limit)];
    statements.extend(
        match how {
            Fencing::SuperReadOnly => &["SET GLOBAL super_read_only = ON"][..],
            Fencing::NoLockNoAdmin => &["SET GLOBAL read_only = 'NO_LOCK_NO_ADMIN'"],
            Fencing::ReadLock => &["FLUSH TABLES WITH READ LOCK", "SET GLOBAL read_only = ON"],
        }
        .iter()
        .map(|s| (*s).to_owned()),
    );
    statements.push(access_columns(server.flavour));
    Statement(statements)
}

/// Lets go of the read lock of a fence, and reads back. The server stays read-only.
#[must_use]
pub fn release(server: &Server) -> Statement {
    Statement::of(["UNLOCK TABLES", &access_columns(server.flavour)])
}

/// Accepts writes, and reads back. `read_only = OFF` clears `super_read_only` too. `locked`: this session holds the
/// read lock of a fence, which is let go last, so that nobody writes between the two.
#[must_use]
pub fn open(server: &Server, limit: Duration, locked: bool) -> Statement {
    let mut statements = vec![lock_wait(limit), "SET GLOBAL read_only = OFF".to_owned()];
    if locked {
        statements.push("UNLOCK TABLES".to_owned());
    }
    statements.push(access_columns(server.flavour));
    Statement(statements)
}

/// Ends sessions by their ids.
#[must_use]
pub fn kill(ids: &[u64]) -> Statement {
    Statement(ids.iter().map(|id| format!("KILL {id}")).collect())
}

/// A session's user name, for the list of those that are never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginName<'a>(pub &'a str);

impl LoginName<'_> {
    /// Replication threads and the event scheduler: never to be killed (hazard H-16).
    #[must_use]
    pub fn is_system(self) -> bool {
        matches!(self.0, "system user" | "event_scheduler")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    #[test]
    fn each_version_is_asked_in_its_own_words() {
        let my = |v| channels(&server(Flavour::MySql, v)).to_string();
        assert_eq!(my(Version(5, 7, 42)), "SHOW SLAVE STATUS");
        assert_eq!(my(Version(8, 0, 22)), "SHOW REPLICA STATUS");
        assert_eq!(my(Version(26, 10, 0)), "SHOW REPLICA STATUS");
        assert_eq!(channels(&server(Flavour::MariaDb, Version(10, 11, 6))).to_string(), "SHOW ALL SLAVES STATUS");
    }

    #[test]
    fn a_fenced_server_is_asked_in_the_order_in_which_a_transaction_comes_by() {
        for (flavour, version) in [(Flavour::MySql, Version(9, 7, 0)), (Flavour::MariaDb, Version(10, 11, 6))] {
            let question = facts(&server(flavour, version));
            let [.., prepared, last] = question.statements() else { panic!("{question}") };
            assert_eq!((prepared.as_str(), last.as_str()), ("XA RECOVER", &access_columns(flavour)[..]));
        }
    }

    #[test]
    fn access_is_read_from_both_variables_and_from_the_enumeration() {
        let my = server(Flavour::MySql, Version(9, 7, 0));
        assert_eq!(parse_access(&my, "0", Some("0")), Some(WriteAccess::Open));
        assert_eq!(parse_access(&my, "1", Some("0")), Some(WriteAccess::Guarded));
        assert_eq!(parse_access(&my, "1", Some("1")), Some(WriteAccess::Fenced));
        assert_eq!(parse_access(&my, "0", Some("1")), Some(WriteAccess::Changing));
        assert_eq!(parse_access(&my, "1", None), None);
        let old = server(Flavour::MariaDb, Version(10, 11, 6));
        assert_eq!(parse_access(&old, "1", None), Some(WriteAccess::Fenced));
        assert_eq!(parse_access(&old, "NO_LOCK", None), None);
        let new = server(Flavour::MariaDb, Version(12, 1, 0));
        for (text, access) in [
            ("OFF", WriteAccess::Open),
            ("ON", WriteAccess::Guarded),
            ("NO_LOCK", WriteAccess::Guarded),
            ("NO_LOCK_NO_ADMIN", WriteAccess::Fenced),
        ] {
            assert_eq!(parse_access(&new, text, None), Some(access));
        }
        assert_eq!(parse_access(&new, "MAYBE", None), None);
    }

    #[test]
    fn only_a_position_is_ever_quoted() {
        let my = server(Flavour::MySql, Version(9, 7, 0));
        assert!(missing("'; DROP TABLE x; --").is_none());
        assert!(catch_up(&my, "a\\", Duration::from_secs(1)).is_none());
        let set = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n3e11fa47-71ca-11e1-9e33-c80aa9429562:tag_1:1-3";
        let asked = missing(set).map(|q| q.to_string());
        assert!(asked.is_some_and(|q| q.contains("c80aa9429562:1-5,3e11fa47") && !q.contains('\n')));
    }

    #[test]
    fn the_fence_is_bounded_and_read_back() {
        let maria = server(Flavour::MariaDb, Version(10, 11, 6));
        let fence = fence(&maria, Fencing::ReadLock, Duration::from_secs(2));
        let [wait, lock, set, read] = fence.statements() else { panic!("{fence}") };
        assert_eq!(wait, "SET SESSION lock_wait_timeout = 2");
        assert_eq!(lock, "FLUSH TABLES WITH READ LOCK");
        assert_eq!(set, "SET GLOBAL read_only = ON");
        assert!(read.starts_with("SELECT @@global.read_only"));
    }
}
