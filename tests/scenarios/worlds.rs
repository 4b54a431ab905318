//! The stories. Names say what an operator would say; the order is the one of a book about it.

use flipper::model::{Observed, Thread, WriteAccess};

use crate::edit::{World, mariadb, mysql};
use crate::{Scenario, daily, death, machines};

const WRITE: &str = "10.77.0.100/32";
const READ: &str = "10.77.0.101/32";

pub(crate) fn tell(name: &'static str, goal: &'static str, story: &'static str, world: World) -> Scenario {
    Scenario { name, story, goal, world: world.done(), config: "flipper.ron" }
}

pub(crate) fn all() -> Vec<Scenario> {
    [planned(), cut_off(), servers(), replication(), transactions(), machines::all(), daily::all(), death::all()]
        .into_iter()
        .flatten()
        .collect()
}

/// A pair in order.
fn planned() -> Vec<Scenario> {
    let both_on_db1 = || mysql().without(2, READ).with(1, READ);
    vec![
        tell("planned-swap-mysql", "swap", "Everything is as it should be; both roles change places.", mysql()),
        tell(
            "planned-swap-mariadb",
            "swap",
            "The same on MariaDB, whose administrators a read lock keeps out.",
            mariadb(),
        ),
        tell("planned-swap-write", "swap write", "Maintenance on db1: only the writer moves.", mysql()),
        tell(
            "planned-swap-read",
            "swap read",
            "Readers move to the writer's node; nobody notices a write outage.",
            mysql(),
        ),
        tell("planned-set-where-it-is", "set write db1", "The role is there already: nothing to do.", mysql()),
        tell("planned-set-write", "set write db2", "The writer goes to db2, wherever it is now.", mariadb()),
        tell("planned-drain-writer", "drain db1", "db1 is to be rebooted: what it has goes to db2.", mysql()),
        tell(
            "planned-drain-reader",
            "drain db2",
            "db2 is to be rebooted: readers go to db1, the writer stays.",
            mysql(),
        ),
        tell("planned-drain-everything", "drain db1", "All roles are on db1, and it is to be rebooted.", both_on_db1()),
        tell("planned-drain-idle", "drain db2", "Nothing is on db2: it can be rebooted right away.", both_on_db1()),
        tell("planned-down-write", "down write", "A migration wants nobody to write for an hour.", mysql()),
        tell("planned-down-write-mariadb", "down write", "The same on MariaDB.", mariadb()),
        tell(
            "planned-up-write",
            "up write db1",
            "The hour is over: db1 takes the writes again.",
            mysql().fenced(1).without(1, WRITE),
        ),
        tell(
            "planned-up-write-elsewhere",
            "up write db2",
            "The hour is over, and db2 is to be the writer now.",
            mariadb().fenced(1).without(1, WRITE),
        ),
        tell("planned-up-while-up", "up write db2", "The role is up on db1 already.", mysql()),
        tell("planned-down-read", "down read", "The reporting clients are to stay away.", mysql()),
        tell(
            "planned-swap-with-read-down",
            "swap",
            "The read role was taken down; a swap moves the other one only.",
            mysql().without(2, READ),
        ),
        tell(
            "planned-set-guarded-standby",
            "set write db1",
            "The writer is right, but db2 lets administrators write: it is fenced.",
            mysql().access(2, WriteAccess::Guarded),
        ),
    ]
}

/// What a run that was cut off leaves behind, and a person's hand.
fn cut_off() -> Vec<Scenario> {
    let fenced = || mysql().fenced(1);
    let opened = || mysql().fenced(1).open(2);
    let taken = || opened().with(2, WRITE);
    let dropped = || opened().without(1, WRITE).with(2, WRITE);
    vec![
        tell(
            "cut-off-after-fence-swap",
            "swap write",
            "flipper was killed after the fence: nobody writes, and `swap` cannot tell who should.",
            fenced(),
        ),
        tell(
            "cut-off-after-fence-forward",
            "set write db2",
            "flipper was killed after the fence: finish the move.",
            fenced(),
        ),
        tell(
            "cut-off-after-fence-back",
            "set write db1",
            "flipper was killed after the fence: take it back.",
            fenced(),
        ),
        tell(
            "cut-off-after-fence-pending",
            "set write db2",
            "The same, and the last transactions are still on their way to db2.",
            fenced()
                .edit(1, |n| n.ahead = Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:48214-48220".to_owned())),
        ),
        tell(
            "cut-off-after-fence-pending-stopped",
            "set write db2",
            "The last transactions are on db1 only, and db2 does not fetch them.",
            fenced()
                .edit(1, |n| n.ahead = Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:48214-48220".to_owned()))
                .stopped(2),
        ),
        tell(
            "cut-off-after-fence-mariadb",
            "set write db2",
            "MariaDB: the read lock went with flipper, read_only stayed.",
            mariadb().fenced(1),
        ),
        tell(
            "cut-off-after-open-swap",
            "swap",
            "flipper was killed with db2 open and the address still on db1.",
            opened(),
        ),
        tell(
            "cut-off-after-open-forward",
            "set write db2",
            "flipper was killed with db2 open: the address follows.",
            opened(),
        ),
        tell(
            "cut-off-after-open-back",
            "set write db1",
            "flipper was killed with db2 open: back to db1, without losing what db2 got.",
            opened(),
        ),
        tell(
            "cut-off-after-take-forward",
            "set write db2",
            "flipper was killed with the address on both nodes.",
            taken(),
        ),
        tell("cut-off-after-take-back", "set write db1", "The same, and db1 is to be the writer.", taken()),
        tell(
            "cut-off-after-drop",
            "set write db2",
            "flipper was killed when all but the last look was done.",
            dropped(),
        ),
        tell(
            "writer-without-address",
            "up write db1",
            "Somebody removed the address by hand; db1 still accepts writes.",
            mysql().without(1, WRITE),
        ),
        tell(
            "writer-without-address-elsewhere",
            "up write db2",
            "db1 accepts writes, nobody has the address, and db2 is to have it.",
            mysql().without(1, WRITE),
        ),
        tell("both-open-swap", "swap", "Somebody opened db2 by hand: two writers.", mysql().open(2)),
        tell(
            "both-open-close-the-stray",
            "set write db1",
            "Two writers: the one without the address is closed.",
            mysql().open(2),
        ),
        tell(
            "both-open-move",
            "set write db2",
            "Two writers, and the address is to go to the other: not before one is closed.",
            mysql().open(2),
        ),
        tell(
            "both-open-both-addresses",
            "set write db1",
            "Two writers, each with the address: nobody can tell who reached which.",
            mysql().open(2).with(2, WRITE),
        ),
        tell("both-open-down", "down write", "Two writers, and nobody should write.", mysql().open(2)),
        tell(
            "foreign-set-waits",
            "swap write",
            "Somebody's SET waits on db1 behind a long statement.",
            mysql().access(1, WriteAccess::Changing),
        ),
    ]
}

fn servers() -> Vec<Scenario> {
    vec![
        tell(
            "wrong-machine",
            "swap",
            "ssh to db1 leads to another machine than its MySQL.",
            mysql().edit(1, |n| n.same_machine = Observed::Known(false)),
        ),
        tell(
            "same-server",
            "swap",
            "db2 was cloned from db1, identity and all.",
            mysql().server(2, |s| {
                s.server_id = 1;
                s.uuid = Some("16a0f1c2-3d4e-11f0-8a1b-0242ac110001".to_owned());
            }),
        ),
        tell(
            "mixed-flavours",
            "swap",
            "db2 was reinstalled as MariaDB.",
            mysql().server(2, |s| s.flavour = flipper::model::Flavour::MariaDb),
        ),
        tell(
            "newer-version",
            "swap write",
            "db2 was upgraded first, as one does.",
            mysql().server(2, |s| s.version = flipper::model::Version(26, 7, 0)),
        ),
        tell("no-binlog", "swap write", "db2 writes no binary log.", mysql().settings(2, |s| s.log_bin = false)),
        tell(
            "no-gtid",
            "swap write",
            "GTIDs are off on both.",
            mysql().settings(1, |s| s.gtid = false).settings(2, |s| s.gtid = false),
        ),
        tell(
            "not-listening",
            "swap write",
            "db2 listens on its own address only.",
            mysql().settings(2, |s| s.bind_address = "10.77.0.12".to_owned()),
        ),
        tell(
            "galera",
            "swap",
            "db1 is a member of a Galera cluster.",
            mysql().settings(1, |s| s.cluster = Some("Galera cluster `shop`".to_owned())),
        ),
        tell(
            "db2-dead-swap",
            "swap",
            "db2 does not answer at all.",
            mysql().unseen(2, "ssh: connect to host 10.77.0.12 port 22: timed out after 3s"),
        ),
        tell(
            "db1-mysql-dead",
            "set write db2",
            "The writer's server does not answer, its machine does.",
            mysql().without_server(1, "MySQL at 10.77.0.11:3306: connection refused"),
        ),
        tell(
            "account-missing",
            "swap",
            "db1's server does not know flipper's account.",
            mysql().without_server(
                1,
                "MySQL at 10.77.0.11:3306: Access denied for user 'flipper'@'10.77.0.9' (error 1045)",
            ),
        ),
        tell(
            "db2-shell-dead",
            "swap write",
            "db2's server answers, its ssh does not.",
            mysql().edit(2, |n| {
                n.addresses = Observed::Unknown("ssh: permission denied (publickey)".to_owned());
                n.system = Observed::Unknown("ssh: permission denied (publickey)".to_owned());
            }),
        ),
    ]
}

fn replication() -> Vec<Scenario> {
    let broken = |world: World, n| {
        world.channel(n, |c| {
            c.applier = Thread::Stopped;
            c.lag = None;
            c.errors = vec![(1062, "Duplicate entry '7' for key 'PRIMARY'".to_owned())];
        })
    };
    vec![
        tell("replication-stopped", "swap write", "Replication into db2 was stopped for a backup.", mysql().stopped(2)),
        tell("replication-broken", "swap write", "db2's applier stopped at a duplicate key.", broken(mysql(), 2)),
        tell(
            "replication-not-back",
            "swap write",
            "The writer does not follow its standby: there would be no way back.",
            mysql().stopped(1),
        ),
        tell(
            "replication-not-back-meant",
            "swap write --override replication-stopped",
            "The same, and the operator knows it.",
            mysql().stopped(1),
        ),
        tell(
            "replication-connecting",
            "swap write",
            "db2 cannot reach db1.",
            mysql().channel(2, |c| c.receiver = Thread::Connecting),
        ),
        tell(
            "replication-from-nobody",
            "swap write",
            "db2 was restored and never set up as a replica.",
            mysql().channels(2, Vec::clear),
        ),
        tell(
            "replication-from-another",
            "swap write",
            "db2 replicates from a third server.",
            mysql().channel(2, |c| {
                c.source = ("10.77.0.13".to_owned(), 3306);
                c.source_id = Some(3);
                c.source_uuid = Some("36a0f1c2-3d4e-11f0-8a1b-0242ac110003".to_owned());
            }),
        ),
        tell(
            "replication-through-the-address",
            "swap write",
            "db2 replicates through the write address: after the move from itself.",
            mysql().channel(2, |c| c.source.0 = "10.77.0.100".to_owned()),
        ),
        tell(
            "replication-two-channels",
            "swap write",
            "Another server's transactions flow into db2 as well.",
            mysql().channels(2, |c| {
                let mut other = c[0].clone();
                other.name = "reports".to_owned();
                c.push(other);
            }),
        ),
        tell(
            "replication-filtered",
            "swap write",
            "db2 leaves a database out.",
            mysql().channel(2, |c| c.filters = vec!["Replicate_Ignore_DB=scratch".to_owned()]),
        ),
        tell(
            "replication-filtered-at-the-source",
            "swap write",
            "db1 does not log a database.",
            mysql().settings(1, |s| s.left_out = vec!["Binlog_Ignore_DB=scratch".to_owned()]),
        ),
        tell(
            "replication-delayed",
            "swap write",
            "db2 applies an hour late, on purpose.",
            mysql().channel(2, |c| c.delay = 3600),
        ),
        tell(
            "replication-by-position",
            "swap write",
            "db2 replicates by file and position.",
            mysql().channel(2, |c| c.by_gtid = false),
        ),
        tell("lagging", "swap write", "db2 is five minutes behind.", mysql().channel(2, |c| c.lag = Some(312))),
        tell(
            "lagging-meant",
            "swap write --override lagging",
            "db2 is behind, and the operator is in a hurry: it catches up first, while writes flow.",
            mysql().channel(2, |c| c.lag = Some(312)),
        ),
        tell(
            "lagging-a-little",
            "swap write",
            "db2 is three seconds behind: no reason to wait for anybody.",
            mysql().channel(2, |c| c.lag = Some(3)),
        ),
        tell("lag-unknown", "swap write", "db2 cannot say how far it is behind.", mysql().channel(2, |c| c.lag = None)),
        tell(
            "readers-to-a-stopped-node",
            "swap read",
            "Readers would go to a node whose data stands still.",
            mysql().fenced(1).open(2).without(1, WRITE).with(2, WRITE).stopped(1),
        ),
    ]
}

fn transactions() -> Vec<Scenario> {
    vec![
        tell("diverged", "swap write", "Somebody wrote on the standby.", mysql().ahead(2)),
        tell(
            "diverged-meant",
            "swap write --override diverged",
            "The same; the operator has looked at the transactions.",
            mysql().ahead(2),
        ),
        tell(
            "diverged-both",
            "set write db1",
            "Nobody is open, and each node has what the other lacks.",
            mysql().fenced(1).ahead(1).ahead(2),
        ),
        tell(
            "last-writer-has-more",
            "set write db1",
            "Nobody is open; the last writer has more than the other and is opened again.",
            mysql().fenced(1).ahead(1),
        ),
        tell(
            "prepared-xa",
            "swap write",
            "An application server died between XA PREPARE and XA COMMIT.",
            mysql().edit(1, |n| n.prepared_xa = Observed::Known(2)),
        ),
        tell(
            "prepared-xa-unknown",
            "swap write",
            "flipper's account may not ask for XA transactions.",
            mysql()
                .edit(1, |n| n.prepared_xa = Observed::Unknown("access denied; XA_RECOVER_ADMIN is needed".to_owned())),
        ),
    ]
}
