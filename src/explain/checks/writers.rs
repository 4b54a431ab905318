//! Who accepts writes, and what could keep a server from refusing them.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "both-open",
        "Both nodes accept writes",
        "Whatever is written on either replicates to the other, and as soon as two clients touch the same row the data differ \
         for good. flipper makes no plan that would leave or bring that about.",
        &[
            (Where::MySql, "SELECT @@hostname, @@global.read_only, @@global.super_read_only"),
            (Where::MariaDb, "SELECT @@hostname, @@global.read_only"),
        ],
        "Decide which one is the writer. Where the address is on one node only, `flipper plan PAIR set ROLE NODE` closes the other \
         one. Where it is on both, make the other one read-only by hand first. Then compare their transactions. See to it that my.cnf makes the standby start read-only.",
    ),
    Text::new(
        "none-open",
        "Neither node accepts writes",
        "A run was cut off after its fence, a server was restarted read-only, or the write role was taken down on purpose. Only a \
         person knows which node should write.",
        &[
            (Where::MySql, "SELECT @@hostname, @@global.super_read_only, @@global.gtid_executed"),
            (
                Where::MariaDb,
                "SELECT @@hostname, @@global.read_only, @@global.gtid_binlog_state, @@global.gtid_slave_pos",
            ),
        ],
        "Choose the node that has all transactions: `flipper status PAIR` shows what each has that the other lacks. Then \
         `flipper plan PAIR set ROLE NODE` opens it, and the other one catches up.",
    ),
    Text::new(
        "writer-elsewhere",
        "The open node is not the one with the write address",
        "Clients of the write address reach a server that refuses them, with error 1290, while another one would accept their \
         writes. A move was cut off, or made by hand.",
        &[(Where::Here, "flipper status PAIR")],
        "`flipper plan PAIR set ROLE NODE` with the open node finishes the move; with the holder of the address it goes back.",
    ),
    Text::new(
        "switch-under-way",
        "A read-only switch is still waiting",
        "MySQL shows `super_read_only=ON` beside `read_only=OFF` while somebody's SET waits for statements under way. It \
         takes effect when they end, even if whoever sent it is gone: in the middle of a move. The same is shown by a server \
         that was started with super_read_only=ON in its option file and a persisted read_only=OFF: it accepts writes, and \
         SET GLOBAL super_read_only=ON changes nothing there.",
        &[(
            Where::MySql,
            "SELECT ID, USER, TIME, INFO FROM performance_schema.processlist WHERE INFO LIKE 'SET GLOBAL%read_only%'",
        )],
        "Let it end, or KILL QUERY the session that waits; where nobody waits, SET GLOBAL read_only=ON. Then look again and plan \
         again.",
    ),
    Text::new(
        "half-fenced",
        "A closed node still lets administrators write",
        "`read_only=ON` alone stops ordinary accounts only. The server knows a stronger way (`super_read_only`, or \
         `NO_LOCK_NO_ADMIN` on MariaDB 12), and somebody left it at the weaker one.",
        &[
            (Where::MySql, "SELECT @@global.read_only, @@global.super_read_only"),
            (Where::MariaDb, "SELECT @@global.read_only"),
        ],
        "SET GLOBAL super_read_only=ON on the standby, or read_only='NO_LOCK_NO_ADMIN' on MariaDB 12, and in my.cnf too.",
    ),
    Text::new(
        "privileged-writer",
        "A connected account is not stopped by read_only",
        "MariaDB before 12 lets accounts with READ_ONLY ADMIN (before 10.11 also SUPER) write on a read-only server. Once the \
         fence lets its read lock go, such a session writes on the old writer only. A role that has been given to an account counts, \
         whether it is active or not.",
        &[(
            Where::MariaDb,
            "SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN')",
        )],
        "Let applications use accounts without these privileges. For one move: end the sessions, or override knowing who they are.",
    ),
    Text::new(
        "long-write",
        "A long write is under way, or the rollback of one",
        "The fence waits for statements that write, and every new write queues behind it: a statement of minutes is an outage of \
         minutes. A large transaction also takes as long again on the target before that can open.",
        &[(
            Where::Both,
            "SELECT trx_mysql_thread_id, trx_started, trx_state, trx_rows_modified, trx_query FROM information_schema.innodb_trx ORDER BY trx_started",
        )],
        "Wait until it has ended, or end it knowing that its rollback takes time too. A plan with `--kill` ends it right before \
         writes stop, waits for its rollback within `limits.pre_sync`, and gives up with nothing moved when that is over. Events \
         and replication are never ended by flipper.",
    ),
    Text::new(
        "open-transaction",
        "A transaction has changed rows and idles",
        "It does not keep the fence out, but its COMMIT fails with error 1290 afterwards, and until it ends its row locks stay. That of \
         an administrator, whom a MariaDB before 12 lets commit in spite of read_only, is rolled back before the fence's lock is let go.",
        &[(
            Where::Both,
            "SELECT t.trx_id, t.trx_started, t.trx_rows_modified, p.USER, p.TIME FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.ID = t.trx_mysql_thread_id WHERE p.COMMAND = 'Sleep'",
        )],
        "Set `limits.drain` so that such transactions may end while writes still flow. A plan with `--kill` ends those that are left.",
    ),
    Text::new(
        "table-lock",
        "Somebody holds a lock that the fence would wait for",
        "LOCK TABLES … WRITE or FLUSH TABLES WITH READ LOCK of another session keeps `read_only` from being set. A backup is the \
         usual owner.",
        &[
            (
                Where::MySql,
                "SELECT OBJECT_NAME, LOCK_TYPE, OWNER_THREAD_ID FROM performance_schema.metadata_locks WHERE LOCK_STATUS = 'GRANTED' AND (LOCK_TYPE LIKE 'SHARED_NO%' OR OBJECT_TYPE = 'GLOBAL')",
            ),
            (Where::MariaDb, "SHOW FULL PROCESSLIST"),
        ],
        "Wait until its owner lets go, or end that session.",
    ),
    Text::new(
        "schema-change",
        "A schema change or a backup is under way",
        "DDL would be cut off by the end of its session, or keeps the fence waiting; the target then repeats it from the start \
         before it can open. An online schema change (gh-ost, pt-osc) or a backup loses the server that it works on.",
        &[(
            Where::Both,
            "SELECT ID, USER, TIME, INFO FROM information_schema.processlist WHERE INFO REGEXP '^(alter|create|drop|optimize|analyze|rename)'",
        )],
        "Wait for its end. Then see that the target has applied it: `flipper status PAIR`.",
    ),
    Text::new(
        "semi-sync",
        "Commits wait for replicas that are not there",
        "With semi-synchronous replication a commit waits for an acknowledgement. Without a replica to give it, the commit holds a \
         lock that the fence needs, until the timeout of semi-sync.",
        &[(Where::Both, "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%'")],
        "Let the replica connect again, or turn semi-sync off for the move.",
    ),
    Text::new(
        "prepared-xa",
        "XA transactions are prepared",
        "A prepared XA transaction survives its session. On MySQL anybody may still commit it on a fenced server: the old writer \
         would have a transaction that the new one lacks.",
        &[(Where::Both, "XA RECOVER")],
        "Have the transaction manager commit them or roll them back. By hand: XA COMMIT or XA ROLLBACK, by what its log says. A \
         prepared one is replicated, and keeps its locks on both nodes: decide it on the writer only, and the decision is replicated, too.",
    ),
];
