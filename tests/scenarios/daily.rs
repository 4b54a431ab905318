//! What goes on, on a server that is in use: some of it stands in a move's way, some of it is only worth knowing.

use std::collections::BTreeMap;

use flipper::model::{
    Boot, BootAccess, Connections, Disk, Downstream, InFile, Lock, LockKind, NodeSnapshot, Observed, Origin, Ruling,
    Sessions, Thread, Version, Work, WorkKind, WriteAccess,
};

use crate::Scenario;
use crate::edit::{mariadb, mysql};
use crate::samples::p;
use crate::worlds::tell;

pub(crate) fn all() -> Vec<Scenario> {
    [sessions(), locks(), capacity(), copies(), restarts()].into_iter().flatten().collect()
}

fn known<T>(value: T) -> Observed<T> {
    Observed::Known(value)
}

fn some(account: &str, count: u32, local: bool) -> Observed<Vec<Sessions>> {
    known(vec![Sessions { account: account.to_owned(), count, local }])
}

fn work(kind: WorkKind, what: &str, seconds: u64, rows: u64) -> Observed<Vec<Work>> {
    let (account, what) = ("app@10.77.0.21".to_owned(), what.to_owned());
    known(vec![Work { kind, session: 4711, account, what, seconds, rows }])
}

fn lock(kind: LockKind, name: &str) -> Observed<Vec<Lock>> {
    known(vec![Lock { kind, name: name.to_owned(), session: Some(4711) }])
}

fn set(node: &mut NodeSnapshot, name: &str, value: &str) {
    if let Observed::Known(variables) = &mut node.inventory.variables {
        let variables: &mut BTreeMap<String, String> = variables;
        variables.insert(name.to_owned(), value.to_owned());
    }
}

fn downstream(through: &str, by_gtid: bool) -> Observed<Vec<Downstream>> {
    let (account, from, through) = ("repl@10.77.0.30".to_owned(), Some(p("10.77.0.30")), Some(p(through)));
    known(vec![Downstream { account, from, through, by_gtid: Some(by_gtid) }])
}

fn sessions() -> Vec<Scenario> {
    let long = || mysql().edit(1, |n| n.workload.work = work(WorkKind::Statement, "UPDATE", 612, 0));
    vec![
        tell(
            "privileged-writer",
            "swap write",
            "A monitoring tool with READ_ONLY ADMIN is connected: no read_only stops it.",
            mariadb().edit(1, |n| n.workload.privileged = some("monitor@10.77.0.40", 1, false)),
        ),
        tell("privileged-writer-local", "swap write", "Root is logged in on the node itself.", {
            mariadb().edit(1, |n| n.workload.privileged = some("root@localhost", 1, true))
        }),
        tell(
            "cannot-end-sessions",
            "swap write",
            "A session of root came through the address, which flipper may not end.",
            mysql().edit(1, |n| n.workload.protected = some("root@10.77.0.40", 1, false)),
        ),
        tell("missing-grants", "swap write", "flipper's account lacks PROCESS on db1.", {
            mysql().edit(1, |n| n.inventory.missing_grants = known(vec!["PROCESS".to_owned()]))
        }),
        tell("data-rights", "swap write", "flipper's account on db2 was given ALL on a schema.", {
            mariadb().edit(2, |n| {
                n.inventory.data_rights = known(vec!["INSERT ON app".to_owned(), "UPDATE ON app".to_owned()])
            })
        }),
        tell("long-update", "swap write", "An UPDATE has run for ten minutes: the fence would wait for it.", long()),
        tell(
            "long-update-meant",
            "swap write --override long-write",
            "The same; the operator bets that it ends in time.",
            long(),
        ),
        tell("long-update-ended", "swap write --kill", "The same; the operator has it ended.", long()),
        tell("long-event", "swap write --kill", "An event has run for ten minutes, which flipper does not end.", {
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Event, "DELETE FROM", 612, 40_000))
        }),
        tell("huge-transaction", "swap write", "A transaction has changed two million rows and idles.", {
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Idle, "", 40, 2_000_000))
        }),
        tell(
            "huge-transaction-ended",
            "swap write --kill",
            "The same; it is ended, and its rollback takes its time.",
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Idle, "", 40, 2_000_000)),
        ),
        tell("rollback-under-way", "swap write", "Somebody killed a batch job, and it rolls back.", {
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Ending, "", 90, 1_500_000))
        }),
        tell("open-transaction", "swap write", "A client has a transaction open, and went to lunch.", {
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Idle, "", 1800, 3))
        }),
        tell("direct-clients", "swap write", "A pool connects to db1's own address instead of the role's.", {
            mysql().edit(1, |n| n.workload.direct = some("shop@10.77.0.22", 40, false))
        }),
        tell("password-exchange", "swap write", "Clients without TLS log in for the first time on the new server.", {
            mysql().edit(1, |n| n.workload.without_tls = some("shop@10.77.0.22", 12, false))
        }),
    ]
}

fn locks() -> Vec<Scenario> {
    vec![
        tell("table-locked", "swap write", "A session holds LOCK TABLES … WRITE.", {
            mysql().edit(1, |n| n.workload.locks = lock(LockKind::Table, "shop.orders"))
        }),
        tell("everything-locked", "swap write", "A backup script holds FLUSH TABLES WITH READ LOCK on db2.", {
            mysql().edit(2, |n| n.workload.locks = lock(LockKind::Global, ""))
        }),
        tell("alter-table", "swap write", "An ALTER TABLE runs on db1.", {
            mysql().edit(1, |n| n.workload.work = work(WorkKind::Schema, "ALTER TABLE", 300, 0))
        }),
        tell("backup-runs", "swap write", "mysqldump reads db2.", {
            mysql().edit(2, |n| n.workload.work = work(WorkKind::Backup, "mysqldump", 900, 0))
        }),
        tell(
            "user-locks",
            "swap write",
            "An application keeps others out with GET_LOCK, which the other node knows nothing of.",
            mysql().edit(1, |n| n.workload.locks = lock(LockKind::User, "cron.nightly")),
        ),
        tell("semi-sync-alone", "swap write", "Commits wait for a replica that is not there.", {
            mysql().edit(1, |n| n.workload.semi_sync = known(Some(0)))
        }),
        tell("temporary-tables", "swap write", "db2's applier holds temporary tables of db1's sessions.", {
            mysql().edit(2, |n| n.workload.temp_tables = known(3))
        }),
        tell(
            "replica-behind-the-address",
            "swap write",
            "A third server replicates through the write address by file and position.",
            mysql().edit(1, |n| n.workload.downstream = downstream("10.77.0.100", false)),
        ),
        tell(
            "replica-behind-the-address-gtid",
            "swap write",
            "The same by GTID: it finds its place on the new writer.",
            mysql().edit(1, |n| n.workload.downstream = downstream("10.77.0.100", true)),
        ),
    ]
}

fn capacity() -> Vec<Scenario> {
    let full = |now, limit| known(Connections { now, most: now, limit });
    vec![
        tell("connections-full", "swap write", "db1 has no session left for flipper.", {
            mysql().edit(1, |n| n.health.turned_away = known(true))
        }),
        tell("connections-nearly-full", "swap write", "db1 has two sessions left.", {
            mysql().edit(1, |n| n.health.connections = full(149, 151))
        }),
        tell("fewer-connections", "swap write", "db2 takes fewer sessions than db1 has.", {
            mysql().edit(2, |n| n.health.connections = full(1, 39))
        }),
        tell("disk-nearly-full", "swap write", "db2's disk is nearly full.", {
            let disk = Disk { path: "/var/lib/mysql".to_owned(), size: 100_000, free: 900 };
            mysql().edit(2, |n| n.health.disk = known(vec![disk]))
        }),
        tell("innodb-in-recovery", "swap write", "db2 runs with innodb_force_recovery.", {
            mysql().edit(2, |n| set(n, "innodb_force_recovery", "3"))
        }),
        tell("server-offline", "swap write", "Somebody has set offline_mode on db2 for a repair, and forgotten it.", {
            mysql().edit(2, |n| set(n, "offline_mode", "ON"))
        }),
        tell("cold-server", "swap write", "db2 was restarted five minutes ago: its caches are empty.", {
            mysql().edit(2, |n| n.health.uptime = known(300))
        }),
        tell("clocks-differ", "swap write", "db1's clock is half a minute behind.", {
            mysql().edit(1, |n| n.health.clock_ahead = known(-31_000))
        }),
        tell("other-service-on-the-address", "swap write", "A web server listens on the write address as well.", {
            mysql().edit(1, |n| n.health.listeners = known(vec![p("10.77.0.100:80")]))
        }),
    ]
}

/// Whether the two are alike.
fn copies() -> Vec<Scenario> {
    vec![
        tell("accounts-differ", "swap write", "An account was made on one node only.", {
            mysql().edit(2, |n| n.inventory.accounts = known(vec![]))
        }),
        tell(
            "settings-differ",
            "swap write",
            "sql_mode is not the same on both.",
            mysql().edit(2, |n| set(n, "sql_mode", "ANSI")),
        ),
        tell("events", "swap write", "db1 has an event that would not run on db2.", {
            mysql().edit(1, |n| n.inventory.events = known(vec!["shop.nightly".to_owned()]))
        }),
        tell("event-writes-on", "swap write", "db1 runs an event with root's rights, which no read_only stops.", {
            mariadb()
                .edit(1, |n| n.inventory.unstopped_events = known(vec!["shop.nightly of root@localhost".to_owned()]))
        }),
        tell("binlog-format-mixed", "swap write", "db1 logs statements where it can.", {
            mariadb().settings(1, |s| s.binlog_format = "MIXED".to_owned())
        }),
        tell(
            "applied-not-logged",
            "swap write",
            "db2 does not log what it applies.",
            mysql().settings(2, |s| s.log_replica_updates = false),
        ),
        tell(
            "auto-increment",
            "swap write",
            "Both nodes would hand out the same numbers.",
            mysql().edit(2, |n| set(n, "auto_increment_offset", "1")),
        ),
        tell(
            "newer-writer",
            "swap write",
            "The writer is the newer of the two, which its replica cannot be sure to follow: the move puts that right.",
            mysql().server(1, |s| s.version = Version(26, 7, 0)),
        ),
        tell("readers-to-a-lagging-node", "swap read", "Readers would go to a node that is five minutes behind.", {
            mysql()
                .fenced(1)
                .open(2)
                .without(1, "10.77.0.100/32")
                .with(2, "10.77.0.100/32")
                .channel(1, |c| c.lag = Some(312))
        }),
        tell(
            "readers-on-a-lagging-node",
            "swap write",
            "Readers are on a node that is five minutes behind.",
            mysql().channel(2, |c| c.lag = Some(312)),
        ),
        tell(
            "received-not-applied",
            "set read db2",
            "db2 has received what it has not applied, and its source is gone.",
            {
                mysql()
                    .edit(2, |n| n.relay.unapplied = known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:48214".to_owned()))
                    .channel(2, |c| {
                        (c.receiver, c.lag) = (Thread::Connecting, None);
                    })
            },
        ),
        tell("logs-purged", "swap write", "db1 has purged what db2 has not read yet.", {
            mysql().edit(2, |n| n.relay.purged = known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-5".to_owned()))
        }),
        tell(
            "gives-up-early",
            "swap write",
            "db1 stops asking its source after ten tries.",
            mysql().edit(1, |n| n.relay.retries = known(Some(10))),
        ),
        tell(
            "slow-timeout",
            "swap write",
            "db1 would notice a dead source after an hour.",
            mysql().edit(1, |n| set(n, "replica_net_timeout", "3600")),
        ),
    ]
}

/// What a node will be after a restart.
fn restarts() -> Vec<Scenario> {
    vec![
        tell(
            "opens-at-boot",
            "swap write",
            "Somebody persisted read_only=OFF on db1: after a restart it accepts writes.",
            {
                let ruling = Ruling { setting: "read_only=OFF".to_owned(), origin: Origin::Persisted };
                mysql().edit(1, |n| n.boot.access = known(BootAccess { access: WriteAccess::Open, ruling }))
            },
        ),
        tell("opens-by-its-file", "swap write", "A colleague's file on db2 says read_only=OFF.", {
            let origin = Origin::File("/etc/mysql/conf.d/tuning.cnf".to_owned(), 7);
            let ruling = Ruling { setting: "read_only=OFF".to_owned(), origin };
            mariadb().edit(2, |n| n.boot.access = known(BootAccess { access: WriteAccess::Open, ruling }))
        }),
        tell("nobody-sees-its-files", "swap write", "The account on db1's machine is not root.", {
            let why = "only root on the machine may see what its server is started with";
            mysql().edit(1, |n| n.boot = Boot { files: n.boot.files.clone(), ..Boot::unseen(why) })
        }),
        tell("address-at-boot", "swap write", "The write address is in a network file of db2.", {
            let file = InFile { path: "/etc/network/interfaces".to_owned(), line: Some(12), address: p("10.77.0.100") };
            mysql().edit(2, |n| n.boot.files = known(vec![file]))
        }),
        tell("other-manager", "swap write", "keepalived runs on db2.", {
            mysql().edit(2, |n| n.boot.managers = known(vec!["keepalived".to_owned()]))
        }),
        tell(
            "relaxed-durability",
            "swap write",
            "db1 does not sync its binary log.",
            mariadb().edit(1, |n| set(n, "sync_binlog", "0")),
        ),
        tell(
            "relay-log-not-recovered",
            "swap write",
            "db1 would trust a relay log after a crash.",
            mysql().edit(1, |n| set(n, "relay_log_recovery", "OFF")),
        ),
    ]
}
