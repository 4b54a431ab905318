//! A node that is declared dead, and one that comes back.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "not-dead",
        "A node that is declared dead answers",
        "`fail NODE` is for a node that is gone. One whose MySQL answers, be it this machine or the other node, may still take \
         writes: to open a second writer beside it splits the data in two, and the best-known outages of this kind took a day to \
         mend. A node that answers can be moved from without losing anything.",
        &[(Where::Here, "mysqladmin --host=NODE ping")],
        "`flipper plan PAIR drain NODE` moves its roles. Where that is not possible because its machine cannot be reached by ssh, \
         switch the machine off first; then it is dead.",
    ),
    Text::new(
        "not-fenced",
        "A dead node is not known to be out",
        "Neither its machine answers by ssh, so that flipper could see to it, nor is there a `fence` program in the config that \
         switches it off. Out of reach is not dead: behind a broken cable its clients may go on writing.",
        &[],
        "Switch the machine off, or cut its ports at the switch, in a way that lasts. Then say so with --fenced-by-hand NODE. flipper \
         still looks for five seconds whether anybody answers for the addresses, and refuses if somebody does.",
    ),
    Text::new(
        "address-answers",
        "Somebody answers for a dead node's address",
        "On the survivor's network somebody answers (ARP, or neighbour discovery) for a floating address that the survivor does not hold. Whoever it is, clients \
         reach it: the dead node is not out, or a third machine has the address.",
        &[
            (Where::Node, "arping -D -c 3 -w 4 -I INTERFACE ADDRESS"),
            (
                Where::Node,
                "ip -6 neigh replace ADDRESS dev INTERFACE use; sleep 4; ip -6 neigh show to ADDRESS dev INTERFACE",
            ),
        ],
        "Find the hardware address, and take the floating address away there, or switch that machine off. No word overrides this.",
    ),
    Text::new(
        "cannot-apply",
        "The survivor cannot apply what it has received",
        "Its applier has stopped, applies with a delay, or there is not exactly one channel. What it has received and not applied is \
         on its disk, safe and acknowledged; to open it without that would lose transactions for nothing.",
        &[(Where::MySql, "SHOW REPLICA STATUS"), (Where::MariaDb, "SHOW ALL SLAVES STATUS")],
        "Mend the applier's error, or set the delay to 0; it then catches up by itself. Its receiver cannot reach the dead node: that is \
         to be expected here.",
    ),
    Text::new(
        "may-lose",
        "Transactions may be on the dead node only",
        "Replication is not synchronous. What the dead node acknowledged in the last moments may be on its disk only. The plan says up to \
         where the survivor has received, when the dead node committed the last of that (what it acknowledged before is on the \
         survivor), when the survivor last heard of it, and how many transactions are missing where that could be counted on the dead \
         node's disk.",
        &[],
        "Where its disk can be read, copy its binary logs first: mysqlbinlog (mariadb-binlog) shows what is missing, and it can be looked \
         at later. Then decide: --accept-loss is recorded in the plan. Or bring the dead node back instead: nothing is lost by that.",
    ),
    Text::new(
        "deposed",
        "A node was declared dead and left behind",
        "The other node took its place. This one may have transactions that nobody else has, and lacks all that came after. Until it is \
         compared and follows again, no goal but `rejoin` gives it anything. Without the memory of the machine where it was declared \
         dead it is told from the servers: a writer whose receiver somebody has stopped.",
        &[(Where::MySql, "SHOW REPLICA STATUS"), (Where::MariaDb, "SHOW ALL SLAVES STATUS")],
        "`flipper plan PAIR rejoin NODE` compares both, and starts replication where that is safe. If somebody only stopped the writer's \
         receiver for a while, rejoin starts it again.",
    ),
    Text::new(
        "second-history",
        "A node that is back has transactions of its own",
        "It committed what the other node never received, and the other one has gone on since. Let them flow together, and rows that have \
         changed meanwhile are overwritten, or replication stops half way.",
        &[
            (Where::MySql, "SELECT GTID_SUBTRACT('ITS gtid_executed', @@GLOBAL.gtid_executed)"),
            (Where::MariaDb, "SELECT @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_slave_pos"),
        ],
        "Close it first if it is open (`drain`). Save those transactions with mysqlbinlog (mariadb-binlog), have somebody who knows the data \
         decide about each, and build the node anew from the writer: the CLONE plugin or xtrabackup, mariadb-backup.",
    ),
];
