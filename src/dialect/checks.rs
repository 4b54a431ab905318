//! Questions that only the checks ask. Each may be turned down for want of a privilege, and takes nothing else along.

use super::sql::{Question, processlist};
use crate::model::{Flavour, Server, Version};

/// Variables that are compared between the nodes, or judged: a name that a version does not know is left out. Where a
/// variable was renamed, both names are asked for.
pub const VARIABLES: &[&str] = &[
    "aurora_version",
    "auto_increment_increment",
    "auto_increment_offset",
    "back_log",
    "basedir",
    "binlog_format",
    "binlog_row_image",
    "character_set_server",
    "collation_server",
    "datadir",
    "default_storage_engine",
    "event_scheduler",
    "explicit_defaults_for_timestamp",
    "innodb_flush_log_at_trx_commit",
    "innodb_force_recovery",
    "innodb_read_only",
    "innodb_strict_mode",
    "log_bin_basename",
    "log_bin_trust_function_creators",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_connections",
    "max_user_connections",
    "offline_mode",
    "relay_log_recovery",
    "replica_net_timeout",
    "require_secure_transport",
    "slave_net_timeout",
    "slave_run_triggers_for_rbr",
    "sql_mode",
    "sync_binlog",
    "system_time_zone",
    "time_zone",
    "transaction_isolation",
    "transaction_read_only",
    "tx_isolation",
    "tx_read_only",
    "wait_timeout",
];

/// The clock, to be compared with the peer's: `clock`, seconds with a fraction.
#[must_use]
pub fn clock() -> Question {
    Question::of(["SELECT UNIX_TIMESTAMP(NOW(6)) AS clock"])
}

/// [`VARIABLES`], a row each: `Variable_name`, `Value`.
#[must_use]
pub fn variables() -> Question {
    Question::of_text(format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('{}')", VARIABLES.join("', '")))
}

/// Counters, a row each: `Variable_name`, `Value`.
#[must_use]
pub fn counters() -> Question {
    Question::of(["SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Max_used_connections', 'Uptime', \
                   'Replica_open_temp_tables', 'Slave_open_temp_tables', 'Rpl_semi_sync_source_status', \
                   'Rpl_semi_sync_master_status', 'Rpl_semi_sync_source_clients', 'Rpl_semi_sync_master_clients')"])
}

/// All sessions: `id`, `user`, `host`, `command`, `time`, `state`, `info` (cut short). On MariaDB by `SHOW`, because a
/// table with a text that large is written to disk there, for every look.
#[must_use]
pub fn work(server: &Server) -> Question {
    match processlist(server) {
        table @ "performance_schema.processlist" => Question::of_text(format!(
            "SELECT ID AS id, USER AS user, HOST AS host, COMMAND AS command, TIME AS time, STATE AS state, \
             LEFT(INFO, 100) AS info FROM {table}"
        )),
        _ => Question::of(["SHOW PROCESSLIST"]),
    }
}

/// Transactions that have changed rows: `id` of the session, `state`, `changed`. Without their age: the server tells
/// the start by the machine's time zone, and the present by its own.
#[must_use]
pub fn transactions() -> Question {
    Question::of(["SELECT trx_mysql_thread_id AS id, trx_state AS state, trx_rows_modified AS changed FROM \
                   information_schema.innodb_trx WHERE trx_rows_modified > 0 OR trx_state = 'ROLLING BACK'"])
}

/// Locks held for longer than a statement: `type`, `mode`, `schema_name`, `name`, `id` of the session. MariaDB has
/// them in a plugin, and shows there no session ids but those of its threads, which are the same.
#[must_use]
pub fn locks(server: &Server) -> Question {
    match server.flavour {
        Flavour::MySql => Question::of(["SELECT l.OBJECT_TYPE AS type, l.LOCK_TYPE AS mode, l.OBJECT_SCHEMA AS \
                                         schema_name, l.OBJECT_NAME AS name, t.PROCESSLIST_ID AS id FROM \
                                         performance_schema.metadata_locks l JOIN performance_schema.threads t ON \
                                         t.THREAD_ID = l.OWNER_THREAD_ID WHERE l.LOCK_STATUS = 'GRANTED' AND \
                                         t.PROCESSLIST_ID <> CONNECTION_ID() AND (l.OBJECT_TYPE IN ('USER LEVEL \
                                         LOCK', 'BACKUP LOCK', 'GLOBAL') AND l.LOCK_TYPE IN ('SHARED', 'EXCLUSIVE') \
                                         OR l.OBJECT_TYPE = 'TABLE' AND l.LOCK_TYPE IN ('SHARED_NO_READ_WRITE', \
                                         'SHARED_READ_ONLY', 'EXCLUSIVE', 'SHARED_NO_WRITE'))"]),
        Flavour::MariaDb => {
            Question::of(["SELECT LOCK_TYPE AS type, LOCK_MODE AS mode, TABLE_SCHEMA AS schema_name, \
                                           TABLE_NAME AS name, THREAD_ID AS id FROM \
                                           information_schema.METADATA_LOCK_INFO WHERE THREAD_ID <> CONNECTION_ID()"])
        }
    }
}

/// All accounts: `user`, `host`, `plugin`. Not how they prove who they are: a salted hash differs between two servers
/// that know the same password.
#[must_use]
pub fn accounts() -> Question {
    Question::of(["SELECT user AS user, host AS host, plugin AS plugin FROM mysql.user"])
}

/// What this account may do in its session, roles that are active included: a line each, in the only column.
#[must_use]
pub fn own_grants() -> Question {
    Question::of(["SHOW GRANTS"])
}

/// Other accounts that no read-only switch stops, or that may not be ended: `grantee` (`'user'@'host'`), `privilege`.
/// Only who may read `mysql.*` sees them.
#[must_use]
pub fn privileges() -> Question {
    Question::of(["SELECT GRANTEE AS grantee, PRIVILEGE_TYPE AS privilege FROM information_schema.user_privileges \
                   WHERE PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN', 'SYSTEM_USER') AND GRANTEE <> CONCAT('''', \
                   SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), \
                   '''')"])
}

/// Who has been given which role, and which roles have what [`privileges`] looks for: `role`, `user` (another role, too),
/// `privilege`; one of the last two is empty. MySQL's roles are accounts: what they have is told with those.
#[must_use]
pub fn roles(server: &Server) -> Question {
    match (server.flavour, server.version) {
        (Flavour::MySql, version) if version < Version(8, 0, 0) => {
            Question::of(["SELECT '' AS role, '' AS user, '' AS privilege FROM DUAL WHERE FALSE"])
        }
        (Flavour::MySql, _) => Question::of(["SELECT FROM_USER AS role, TO_USER AS user, '' AS privilege FROM \
                                              mysql.role_edges"]),
        // no table but its own shows what a role has: a number, one bit for each privilege
        (Flavour::MariaDb, _) => Question::of(["SELECT Role AS role, User AS user, '' AS privilege FROM \
                                                mysql.roles_mapping UNION ALL SELECT g.User, '', p.name FROM \
                                                mysql.global_priv g JOIN (SELECT 15 AS bit, 'SUPER' AS name UNION ALL \
                                                SELECT 33, 'READ_ONLY ADMIN') p ON CAST(JSON_VALUE(g.Priv, '$.access') AS \
                                                UNSIGNED) & (1 << p.bit) <> 0 WHERE JSON_VALUE(g.Priv, '$.is_role')"]),
    }
}

/// Scheduled events: `schema_name`, `name`, `status`, `definer` (`user@host`). MySQL shows only those of schemas on which
/// the account has the privilege EVENT, and no error; MariaDB's own table is read or denied as a whole.
#[must_use]
pub fn events(server: &Server) -> Question {
    match server.flavour {
        Flavour::MySql => Question::of(["SELECT EVENT_SCHEMA AS schema_name, EVENT_NAME AS name, STATUS AS status, \
                                         DEFINER AS definer FROM information_schema.events"]),
        Flavour::MariaDb => Question::of(["SELECT db AS schema_name, name AS name, status AS status, definer AS \
                                           definer FROM mysql.event"]),
    }
}

/// Where `read_only` comes from: `name`, `value` (as persisted, or NULL), `origin`. MySQL 5.7 has no answer to that.
#[must_use]
pub fn read_only_origin(server: &Server) -> Question {
    match server.flavour {
        Flavour::MySql => {
            Question::of(["SELECT i.VARIABLE_NAME AS name, p.VARIABLE_VALUE AS value, i.VARIABLE_SOURCE \
                                         AS origin FROM performance_schema.variables_info i LEFT JOIN \
                                         performance_schema.persisted_variables p ON p.VARIABLE_NAME = \
                                         i.VARIABLE_NAME WHERE i.VARIABLE_NAME IN ('read_only', 'super_read_only')"])
        }
        Flavour::MariaDb => {
            Question::of(["SELECT LOWER(VARIABLE_NAME) AS name, NULL AS value, GLOBAL_VALUE_ORIGIN AS \
                                           origin FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = \
                                           'READ_ONLY'"])
        }
    }
}

/// What the applier's workers last failed with: `number`, `text`. MySQL's replica status only points there.
#[must_use]
pub fn worker_errors() -> Question {
    Question::of(["SELECT LAST_ERROR_NUMBER AS number, LAST_ERROR_MESSAGE AS text FROM \
                   performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0"])
}

/// What MySQL has received and not executed: `missing`, a row for each channel.
#[must_use]
pub fn received() -> Question {
    Question::of(["SELECT GTID_SUBTRACT(RECEIVED_TRANSACTION_SET, @@global.gtid_executed) AS missing FROM \
                   performance_schema.replication_connection_status"])
}

/// What MySQL has purged from its binary logs: `purged`.
#[must_use]
pub fn purged() -> Question {
    Question::of(["SELECT @@global.gtid_purged AS purged"])
}

/// How MySQL's sessions are connected, and by which program: `id`, `transport`, `program`.
#[must_use]
pub fn transports() -> Question {
    Question::of(["SELECT t.PROCESSLIST_ID AS id, t.CONNECTION_TYPE AS transport, a.ATTR_VALUE AS program FROM \
                   performance_schema.threads t LEFT JOIN performance_schema.session_connect_attrs a ON \
                   a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name' WHERE t.TYPE = 'FOREGROUND' \
                   AND t.PROCESSLIST_ID IS NOT NULL"])
}
