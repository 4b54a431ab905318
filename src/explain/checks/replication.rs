//! Replication between the nodes: whether it runs, whether it is complete, whether it can be relied on.

use super::{Text, Where};

const STATUS: &[(Where, &str)] = &[(Where::MySql, "SHOW REPLICA STATUS"), (Where::MariaDb, "SHOW ALL SLAVES STATUS")];

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "not-replica",
        "A node does not replicate from its peer",
        "It has no replication configured, replicates from another server, or through a floating address, which would lead it to \
         itself after a move.",
        STATUS,
        "Set replication up from the peer's own address: CHANGE REPLICATION SOURCE TO … (CHANGE MASTER TO … on MariaDB), as in \
         docs/config.md, \"What a pair must look like\".",
    ),
    Text::new(
        "many-channels",
        "More than one replication channel comes in",
        "Transactions of a third server flow into the pair. flipper cannot say any more whose transactions the target must have.",
        STATUS,
        "Remove the other channels, or feed that data into the pair in another way.",
    ),
    Text::new(
        "replication-stopped",
        "Receiver or applier does not run",
        "The target cannot catch up, or the old writer would not follow the new one. The error beside it, where there is one, says \
         why it stopped: 1062 and 1032 mean that the nodes' data differ already.",
        STATUS,
        "Mend the cause, then START REPLICA (START SLAVE on MariaDB). Skipping an error makes the data differ: find out first.",
    ),
    Text::new(
        "replication-filtered",
        "Filters or skips are in force",
        "What a filter leaves out, or an error that is passed over, is missing on the other node. After a move it is missing for \
         clients.",
        &[
            (Where::MySql, "SELECT * FROM performance_schema.replication_applier_filters"),
            (Where::MariaDb, "SHOW ALL SLAVES STATUS"),
            (Where::Both, "SHOW GLOBAL VARIABLES LIKE '%skip_errors'"),
            (Where::MariaDb, "SELECT @@global.replicate_events_marked_for_skip"),
        ],
        "Take filters and skips out of both servers' replication and out of my.cnf. If what is left out is truly of no use to \
         anybody, override.",
    ),
    Text::new(
        "replication-delayed",
        "Replication is delayed on purpose",
        "The applier waits for the configured time with everything. A move would keep writes out for that long.",
        STATUS,
        "Set the delay to 0 for the move: CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0 (MASTER_DELAY on MariaDB).",
    ),
    Text::new(
        "lagging",
        "The target is too far behind",
        "It is further behind than `limits.lag`. The seconds are the server's own reckoning, which is rough; what counts in a move \
         is that it reaches the writer's position.",
        STATUS,
        "Wait until it has caught up. Overridden, the plan tries to catch up before the gate closes, within `limits.pre_sync`, and \
         stops without any harm if it cannot.",
    ),
    Text::new(
        "diverged",
        "A node has transactions that its peer lacks",
        "On a node that is not the writer there should be none. Somebody wrote there, or it was the writer when it failed. If it \
         is opened, or its peer stays open, there are two histories.",
        &[
            (Where::MySql, "SELECT GTID_SUBTRACT(@@global.gtid_executed, 'gtid_executed of the peer')"),
            (Where::MariaDb, "SELECT @@global.gtid_binlog_state, @@global.gtid_slave_pos"),
        ],
        "Look at these transactions in the binary log (mysqlbinlog). Bring the data together or build the node anew from its \
         peer. Override only when you know what they are.",
    ),
    Text::new(
        "no-gtid",
        "Replication is not by GTID",
        "With file and position alone nobody can prove that the target has everything and the old writer nothing more.",
        &[(Where::MySql, "SELECT @@global.gtid_mode; SHOW REPLICA STATUS"), (Where::MariaDb, "SHOW ALL SLAVES STATUS")],
        "MySQL: gtid_mode=ON on both, then SOURCE_AUTO_POSITION=1. MariaDB: MASTER_USE_GTID=slave_pos.",
    ),
    Text::new(
        "no-binlog",
        "The binary log is off",
        "What is written on this node after the move would never reach the other one, so there would be no way back.",
        &[(Where::Both, "SELECT @@global.log_bin")],
        "Start the server with log_bin, on both nodes.",
    ),
    Text::new(
        "applied-not-logged",
        "What is applied is not logged again",
        "Replicas below this node miss the peer's transactions, and so does whoever restores from its logs. A move does not \
         need them there: a MariaDB server is compared by its own log and by what it has replicated (gtid_slave_pos).",
        &[(Where::Both, "SHOW GLOBAL VARIABLES LIKE 'log_%_updates'")],
        "Leave it, where nothing replicates from this node but its peer. Else set log_replica_updates (log_slave_updates) on both \
         nodes. A MariaDB pair that turns it on later has logs without the other one's transactions of before: `diverged`, until \
         RESET MASTER and SET GLOBAL gtid_binlog_state on the standby have added them.",
    ),
    Text::new(
        "binlog-format",
        "The binary log does not hold whole rows",
        "With STATEMENT or MIXED a statement may do something else on the other node; with a minimal row image a conflict cannot \
         be mended from the log.",
        &[(Where::Both, "SELECT @@global.binlog_format, @@global.binlog_row_image")],
        "Set binlog_format=ROW and binlog_row_image=FULL on both nodes.",
    ),
    Text::new(
        "purged-logs",
        "The peer has purged what the node still lacks",
        "The missing transactions exist only as data any more, not in a log. Replication ends with error 1236 (13114 on MySQL 8.0 \
         and later).",
        &[
            (Where::MySql, "SELECT GTID_SUBTRACT(@@global.gtid_purged, 'gtid_executed of the other node')"),
            (Where::MariaDb, "SHOW BINARY LOGS"),
        ],
        "Build the node anew from a backup of its peer. Keep binary logs longer than any outage that you expect.",
    ),
    Text::new(
        "gives-up",
        "The receiver gives up after a few tries",
        "MySQL 8.4 tries ten times, a minute apart, by default. After a longer outage of its source the node stays without \
         replication and without an error.",
        &[(
            Where::MySql,
            "SELECT HOST, CONNECTION_RETRY_COUNT FROM performance_schema.replication_connection_configuration",
        )],
        "CHANGE REPLICATION SOURCE TO SOURCE_RETRY_COUNT=86400.",
    ),
    Text::new(
        "slow-timeout",
        "A dead link is noticed late",
        "Until the timeout is over, the receiver says that it runs although nothing arrives.",
        &[(Where::Both, "SHOW GLOBAL VARIABLES LIKE '%net_timeout'")],
        "Set replica_net_timeout (slave_net_timeout) to 60 or less, and start replication again.",
    ),
    Text::new(
        "relay-recovery",
        "A torn relay log would be read after a crash",
        "Without relay_log_recovery a server that crashed applies a relay log whose end may be half a transaction.",
        &[(Where::Both, "SELECT @@global.relay_log_recovery")],
        "Set relay_log_recovery=ON in my.cnf; it takes effect with the next start.",
    ),
    Text::new(
        "unapplied",
        "What was received from a lost source is not applied yet",
        "The source cannot be asked again, so the relay log on this node is the only copy of these transactions.",
        STATUS,
        "Let the applier finish before anything else. No RESET REPLICA and no new source as long as something complete in it is not applied: both throw the relay log away.",
    ),
    Text::new(
        "half-received",
        "A transaction has come in without its end",
        "Its source died, or was cut off, while it was sending. An applier executes rows as they arrive: it has changed some, and holds \
         their locks until the rest comes. On a closed node nobody minds, and once the source is back, all is fetched again; on an open \
         one clients wait in vain. `fail` stops the applier before it opens a node: on MySQL within a minute, or at once where flipper's \
         account has SYSTEM_USER and may kill its thread. One of MySQL that is started again begins anew, on data that has changed \
         since: `rejoin` is refused for it.",
        &[
            (
                Where::MySql,
                "SELECT t.* FROM information_schema.innodb_trx t JOIN performance_schema.processlist p ON p.ID = \
                 t.trx_mysql_thread_id WHERE p.USER = 'system user'",
            ),
            (
                Where::MariaDb,
                "SELECT t.* FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.ID = \
                 t.trx_mysql_thread_id WHERE p.USER = 'system user'",
            ),
            (
                Where::Both,
                "SHOW REPLICA STATUS: Read_…_Log_Pos is beyond Exec_…_Log_Pos, and the receiver does not run",
            ),
        ],
        "On an open node: STOP REPLICA SQL_THREAD (MariaDB: STOP SLAVE SQL_THREAD), and leave it stopped; MySQL's waits for a minute, \
         unless the thread that the query shows is killed. Before the source rejoins, on MySQL: RESET REPLICA on the open node. It loses \
         nothing, and keeps where to replicate from.",
    ),
    Text::new(
        "stale-reads",
        "A read role is on a node whose data is old",
        "Its replication does not run, or is far behind: readers there see the past.",
        STATUS,
        "Mend replication, or move the read role to the writer: `flipper plan PAIR set ROLE NODE`.",
    ),
    Text::new(
        "temp-tables",
        "The applier holds temporary tables",
        "With STATEMENT or MIXED, temporary tables of the writer's sessions exist on the replica too. A restart or a move loses \
         them, and the statements that use them fail.",
        &[(Where::Both, "SHOW GLOBAL STATUS LIKE '%open_temp_tables'")],
        "Wait until the count is 0, or use binlog_format=ROW.",
    ),
    Text::new(
        "downstream",
        "Another server replicates through a floating address",
        "After the move it continues by file and position in another server's log, and misses or repeats transactions.",
        &[(Where::MySql, "SHOW REPLICAS"), (Where::MariaDb, "SHOW SLAVE HOSTS")],
        "Let it replicate by GTID (SOURCE_AUTO_POSITION=1, MASTER_USE_GTID=slave_pos), or from a node's own address.",
    ),
];
