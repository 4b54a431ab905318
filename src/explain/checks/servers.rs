//! The two servers: whether they are seen, whether they fit together, whether they are fit to serve.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "unknown",
        "Something that the plan relies on could not be seen",
        "Unknown is neither yes nor no. A server that does not answer, a privilege that is missing, a command that timed out: \
         flipper names what it could not see and the error that it got, and does not guess.",
        &[(Where::Here, "flipper status PAIR")],
        "Mend the cause that is named: network, ssh key, grants. docs/config.md has the rights that flipper's account needs.",
    ),
    Text::new(
        "same-server",
        "Both nodes are one server, or share an identity",
        "Two nodes of the config lead to one server, or a server was cloned with its ids. Servers of one id ignore each other's \
         transactions: replication runs and nothing arrives.",
        &[
            (Where::MySql, "SELECT @@server_id, @@server_uuid, @@hostname"),
            (Where::MariaDb, "SELECT @@server_id, @@hostname"),
        ],
        "Check the hosts in the config. A cloned server needs its own server_id; on MySQL also remove auto.cnf and restart it.",
    ),
    Text::new(
        "mixed-flavours",
        "One node is MySQL, the other MariaDB",
        "Their GTIDs do not mean the same, and neither replicates everything of the other. They are no pair.",
        &[(Where::Both, "SELECT @@version, @@version_comment")],
        "Check the hosts in the config. A migration between the two is another task than a move of roles.",
    ),
    Text::new(
        "cluster",
        "The node belongs to a cluster",
        "Galera and group replication decide themselves who accepts writes. They would undo what flipper does.",
        &[(Where::Both, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'group_replication_group_name')")],
        "Use the cluster's own means.",
    ),
    Text::new(
        "versions-differ",
        "The servers are of two versions",
        "Replication from a newer server to an older one is not supported by their makers. Once the newer one is the writer, the \
         older may not be able to follow: no way back.",
        &[(Where::Both, "SELECT @@version")],
        "In an upgrade that is the moment of no return: have a backup, and override knowingly. Otherwise upgrade the other one.",
    ),
    Text::new(
        "settings-differ",
        "The servers are set differently",
        "sql_mode, time zone, character set, packet size and their like change what a statement does. What works on one writer \
         fails, or does something else, on the other.",
        &[(Where::Both, "SHOW GLOBAL VARIABLES")],
        "Make them the same in both my.cnf, or know why they are not.",
    ),
    Text::new(
        "auto-increment",
        "Generated keys of the two nodes can collide",
        "If both ever accept writes, both give out the same numbers, and replication stops with error 1062.",
        &[(Where::Both, "SELECT @@global.auto_increment_increment, @@global.auto_increment_offset")],
        "auto_increment_increment=2 on both, auto_increment_offset=1 on one and 2 on the other. A safety net, not a licence.",
    ),
    Text::new(
        "durability",
        "A crash may lose committed transactions",
        "With sync_binlog or innodb_flush_log_at_trx_commit other than 1, a writer that crashes comes back without its last \
         transactions, which its replica may have.",
        &[(Where::Both, "SELECT @@global.sync_binlog, @@global.innodb_flush_log_at_trx_commit")],
        "Set both to 1 on both nodes, unless you have decided otherwise.",
    ),
    Text::new(
        "opens-at-boot",
        "The server would accept writes after a restart",
        "What flipper sets lasts until the server is restarted. An old writer that restarts with read_only=OFF is a second writer, \
         also one that was declared dead. Option files count in their order, the last word in each wins; then the command \
         line; then, on MySQL, what was persisted, over all of them. What a server is started with shows only while it runs: \
         of a dead one a plan says that nobody knows.",
        &[
            (
                Where::MySql,
                "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME LIKE '%read_only'",
            ),
            (Where::Node, "grep -rn read_only /etc/mysql /etc/my.cnf*"),
            (Where::Node, "tr '\\0' ' ' </proc/$(pidof mysqld mariadbd)/cmdline"),
        ],
        "Let both nodes start read-only: super_read_only=ON in my.cnf (read_only=ON on MariaDB), and no persisted OFF. flipper \
         opens the writer.",
    ),
    Text::new(
        "follows-at-boot",
        "A receiver that was stopped starts with the server",
        "`fail` stops the survivor's receiver, so that what the dead node still has does not flow in when it comes back by \
         itself. Replication threads start with the server, unless it is told not to: after a restart of the survivor nothing \
         keeps them apart.",
        &[
            (Where::MySql, "SELECT @@global.skip_replica_start"),
            (Where::Node, "grep -rn -e 'skip.replica.start' -e 'skip.slave.start' /etc/mysql /etc/my.cnf*"),
        ],
        "Put skip_replica_start=ON (MariaDB: skip_slave_start) into the option file until the other node has rejoined. Start \
         replication after a restart by hand, or by `rejoin`.",
    ),
    Text::new(
        "innodb-state",
        "InnoDB is in a mode for emergencies",
        "innodb_force_recovery or innodb_read_only is on: the server cannot serve writes, or must not.",
        &[(Where::Both, "SELECT @@global.innodb_force_recovery, @@global.innodb_read_only")],
        "Mend the server first.",
    ),
    Text::new(
        "turns-away",
        "The server turns clients away",
        "With offline_mode=ON a MySQL server lets only administrators in, and ends everybody else's sessions, the other node's receiver \
         among them. With transaction_read_only=ON (tx_read_only) sessions begin read-only. flipper opens a server by read_only alone: \
         after a move all addresses would be in place, and no client could work. The second can be overridden: clients may ask for it.",
        &[(
            Where::Both,
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('offline_mode', 'transaction_read_only', 'tx_read_only')",
        )],
        "See who has set it, and why. Then SET GLOBAL … = OFF, and look in the option file and at what is persisted.",
    ),
    Text::new(
        "cold-server",
        "The server was started a moment ago",
        "Its caches are empty. As a writer it will be slow until they are warm.",
        &[(Where::Both, "SHOW GLOBAL STATUS LIKE 'Uptime'")],
        "Wait, or let the buffer pool load (innodb_buffer_pool_load_at_startup).",
    ),
    Text::new(
        "disk-space",
        "Little disk space is left",
        "A writer whose disk is full stops, and every client with it.",
        &[(Where::Node, "df -h")],
        "Make room on the target before it becomes the writer.",
    ),
    Text::new(
        "clocks-differ",
        "The nodes' clocks differ",
        "Lag is measured wrongly, and NOW() jumps back or forward with the move.",
        &[(Where::Both, "SELECT UTC_TIMESTAMP(6)"), (Where::Node, "timedatectl")],
        "Let both machines keep the time by NTP.",
    ),
    Text::new(
        "moved-lately",
        "Roles were moved a moment ago",
        "Roles that go to and fro hide a cause. Caches and clients have not settled yet. It refuses a plan only where \
         `--not-within TIME` says so.",
        &[(Where::Here, "flipper status PAIR")],
        "Find out why the last move was made before the next one.",
    ),
    Text::new(
        "missing-grants",
        "flipper's account lacks a privilege",
        "A step that needs it would fail in the middle of a move.",
        &[(Where::Both, "SHOW GRANTS"), (Where::Here, "flipper setup PAIR --node NODE --only grants")],
        "Run the GRANT statements that `flipper setup PAIR` prints for that server; they can be run again.",
    ),
    Text::new(
        "data-rights",
        "flipper's account may change data",
        "It may open a closed server, and on MariaDB before 12 read_only does not even stop it. With rights on data, a \
         stolen password is enough to write on the node that is closed, and the two nodes differ. flipper writes nothing.",
        &[(Where::Both, "SHOW GRANTS"), (Where::Here, "flipper setup PAIR --node NODE --only grants")],
        "REVOKE what is named. All that flipper needs is what `flipper setup PAIR` prints. Use another account for other work.",
    ),
];
