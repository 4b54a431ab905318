//! What only the checks look at, of a node in which all of it is wrong.

use flipper::model::{
    Boot, BootAccess, BootReplication, BootUnit, Connections, Disk, Downstream, Health, InFile, Kept, Lock, LockKind,
    NodeSnapshot, Observed, Origin, Relay, Ruling, Sessions, Work, WorkKind, Workload, WriteAccess,
};

use super::p;

/// What is wrong besides.
pub(super) fn besides(node: &mut NodeSnapshot) {
    let sessions = |account: &str, count, local| vec![Sessions { account: account.to_owned(), count, local }];
    let work = |kind, session, what: &str, seconds, rows| Work {
        kind,
        session,
        account: "app\u{1b}[2J@10.77.0.21".to_owned(),
        what: what.to_owned(),
        seconds,
        rows,
    };
    let lock = |kind, name: &str| Lock { kind, name: name.to_owned(), session: Some(77) };
    node.workload = Workload {
        work: Observed::Known(vec![
            work(WorkKind::Statement, 41, "UPDATE", 312, 0),
            work(WorkKind::Idle, 42, "", 9, 3),
            work(WorkKind::Ending, 43, "", 5, 2_000_000),
            work(WorkKind::Schema, 44, "ALTER TABLE", 60, 0),
            work(WorkKind::Backup, 45, "mysqldump", 900, 0),
        ]),
        locks: Observed::Known(vec![
            lock(LockKind::Table, "shop.orders"),
            lock(LockKind::Global, ""),
            lock(LockKind::Backup, ""),
            lock(LockKind::User, "job-1"),
            lock(LockKind::WaitedFor, ""),
        ]),
        privileged: Observed::Known(
            [sessions("adm@10.77.0.9", 2, false), sessions("root@localhost", 1, true)].concat(),
        ),
        protected: Observed::Known(sessions("root@10.77.0.9", 1, false)),
        direct: Observed::Known(sessions("app@10.77.0.21", 12, false)),
        without_tls: Observed::Known(sessions("app@10.77.0.21", 12, false)),
        downstream: Observed::Known(vec![Downstream {
            account: "repl@10.77.0.30".to_owned(),
            from: Some(p("10.77.0.30")),
            through: Some(p("10.77.0.100")),
            by_gtid: None,
        }]),
        temp_tables: Observed::Known(4),
        semi_sync: Observed::Known(Some(0)),
    };
    node.health = Health {
        turned_away: Observed::Known(true),
        connections: Observed::Known(Connections { now: 30, most: 30, limit: 30 }),
        uptime: Observed::Known(61),
        disk: Observed::Known(vec![Disk { path: "/var/lib/mysql".to_owned(), size: 100_000, free: 900 }]),
        clock_ahead: Observed::Known(-45_000),
        listeners: Observed::Known(vec![p("10.77.0.101:8080")]),
    };
    let off = ("read_only".to_owned(), "OFF".to_owned());
    node.boot = Boot {
        read_only: Observed::Known(Kept::Persisted(vec![off])),
        access: Observed::Known(BootAccess {
            access: WriteAccess::Open,
            ruling: Ruling { setting: "read_only=OFF".to_owned(), origin: Origin::Persisted },
        }),
        follows: Observed::Known(BootReplication {
            by_itself: false,
            ruling: Ruling { setting: "skip-slave-start".to_owned(), origin: Origin::CommandLine },
        }),
        unit: Observed::Known(BootUnit { name: "mariadb.service".to_owned(), state: "disabled".to_owned() }),
        files: Observed::Known(vec![InFile {
            path: "/etc/network/interfaces".to_owned(),
            line: Some(12),
            address: p("10.77.0.100"),
        }]),
        managers: Observed::Known(vec!["keepalived".to_owned()]),
    };
    node.relay = Relay {
        worker_errors: Observed::Known(vec![(1062, "Duplicate entry '7' for key 'PRIMARY'".to_owned())]),
        retries: Observed::Known(Some(10)),
        unapplied: Observed::Known("0-2-31".to_owned()),
        half_received: Observed::Known(0),
        purged: Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-400".to_owned()),
    };
    if let Observed::Known(variables) = &mut node.inventory.variables {
        for (name, value) in [
            ("innodb_force_recovery", "3"),
            ("sql_mode", "ANSI"),
            ("sync_binlog", "0"),
            ("replica_net_timeout", "3600"),
            ("binlog_row_image", "MINIMAL"),
            ("auto_increment_offset", "1"),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    node.inventory.accounts = Observed::Known(vec![]);
    node.inventory.missing_grants = Observed::Known(vec!["CONNECTION_ADMIN".to_owned()]);
    node.inventory.events = Observed::Known(vec!["shop.nightly".to_owned()]);
}
