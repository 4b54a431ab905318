//! Healthy pairs for unit tests.

use std::time::Duration;

use super::*;

fn known<T>(value: T) -> Observed<T> {
    Observed::Known(value)
}

fn parse<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a good name")
}

/// Pair `orders` of db1 and db2, with roles write and read.
pub(crate) fn pair() -> Pair {
    let node = |name: &str, host: &str| NodeSpec {
        name: parse(name),
        host: parse(host),
        interface: parse("eth0"),
        port: 3306,
        has_fence: false,
    };
    let role = |name: &str, address: &str, access| RoleSpec { name: parse(name), address: parse(address), access };
    Pair {
        name: parse("orders"),
        nodes: [node("db1", "10.77.0.11"), node("db2", "10.77.0.12")],
        roles: vec![
            role("write", "10.77.0.100/32", Access::ReadWrite),
            role("read", "10.77.0.101/32", Access::ReadOnly),
        ],
        limits: Limits { connect: Duration::from_secs(3), ..Limits::default() },
    }
}

/// What a server is after a restart, and what says so.
pub(crate) fn boot_access(access: WriteAccess, setting: &str, origin: Origin) -> BootAccess {
    BootAccess { access, ruling: Ruling { setting: setting.to_owned(), origin } }
}

/// db1 open with write, db2 fenced with read, both replicating.
pub(crate) fn healthy(flavour: Flavour) -> Snapshot {
    let node = |n: u8, access, role: &str| {
        let peer = 3 - n;
        let uuid = |n: u8| (flavour == Flavour::MySql).then(|| format!("0000000{n}-0000-0000-0000-000000000000"));
        NodeSnapshot {
            name: parse(&format!("db{n}")),
            server: known(Server {
                flavour,
                version: if flavour == Flavour::MySql { Version(9, 7, 0) } else { Version(10, 11, 6) },
                server_id: n.into(),
                uuid: uuid(n),
                hostname: format!("db{n}"),
            }),
            same_machine: known(true),
            access: known(access),
            addresses: known(vec![
                Held {
                    address: parse(&format!("10.77.0.1{n}/24")),
                    interface: parse("eth0"),
                    secondary: false,
                    unusable: false,
                },
                Held { address: parse(role), interface: parse("eth0"), secondary: false, unusable: false },
            ]),
            system: known(System {
                ip: Some("/usr/sbin/ip".to_owned()),
                ss: Some("/usr/bin/ss".to_owned()),
                arping: Some(("/usr/bin/arping".to_owned(), ArpingKind::Iputils)),
                ndptool: None,
                up: vec![parse("eth0")],
                promotes_secondaries: false,
                denied: vec![],
            }),
            channels: known(vec![Channel {
                name: String::new(),
                source: (format!("10.77.0.1{peer}"), 3306),
                source_id: Some(peer.into()),
                source_uuid: uuid(peer),
                receiver: Thread::Running,
                applier: Thread::Running,
                errors: vec![],
                lag: Some(0),
                delay: 0,
                by_gtid: true,
                filters: vec![],
            }]),
            settings: known(Settings {
                log_bin: true,
                log_replica_updates: true,
                gtid: true,
                binlog_format: "ROW".to_owned(),
                bind_address: "*".to_owned(),
                cluster: None,
                left_out: vec![],
            }),
            position: known("0-1-7".to_owned()),
            ahead: known(String::new()),
            prepared_xa: known(0),
            workload: Workload {
                work: known(vec![]),
                locks: known(vec![]),
                privileged: known(vec![]),
                protected: known(vec![]),
                direct: known(vec![]),
                without_tls: known(vec![]),
                downstream: known(vec![]),
                temp_tables: known(0),
                semi_sync: known(None),
            },
            health: Health {
                turned_away: known(false),
                connections: known(Connections { now: 12, most: 40, limit: 151 }),
                uptime: known(86_400),
                disk: known(vec![Disk { path: "/var/lib/mysql".to_owned(), size: 100_000, free: 60_000 }]),
                clock_ahead: known(0),
                listeners: known(vec![]),
            },
            boot: Boot {
                read_only: known(Kept::Configured),
                access: known(boot_access(WriteAccess::Fenced, "super_read_only=ON", Origin::CommandLine)),
                follows: known(BootReplication {
                    by_itself: true,
                    ruling: Ruling { setting: "skip_replica_start".to_owned(), origin: Origin::Default },
                }),
                unit: known(BootUnit { name: "mysql.service".to_owned(), state: "enabled".to_owned() }),
                files: known(vec![]),
                managers: known(vec![]),
            },
            relay: Relay {
                worker_errors: known(vec![]),
                retries: known(None),
                unapplied: known(String::new()),
                half_received: known(0),
                purged: known(String::new()),
            },
            inventory: Inventory {
                variables: known(variables(n)),
                accounts: known(vec![Account { name: "app@%".to_owned(), plugin: "ed25519".to_owned() }]),
                missing_grants: known(vec![]),
                data_rights: known(vec![]),
                events: known(vec![]),
                unstopped_events: known(vec![]),
            },
            witness: Witness::unseen("not asked"),
            readiness: Readiness { isolate: known(vec![]), listen: known(vec![]), count: known(vec![]) },
            traffic: Traffic::unseen("not looked at"),
            deposed: None,
        }
    };
    Snapshot { nodes: [node(1, WriteAccess::Open, "10.77.0.100/32"), node(2, WriteAccess::Fenced, "10.77.0.101/32")] }
}

/// As healthy, but nobody reaches db1; db2 is asked about it.
pub(crate) fn dead(flavour: Flavour) -> Snapshot {
    without_db1(healthy(flavour))
}

/// Nobody reaches db1 any more.
pub(crate) fn without_db1(seen: Snapshot) -> Snapshot {
    let Snapshot { nodes: [first, mut second] } = seen;
    let first = NodeSnapshot::unseen(first.name, "no route to host");
    let Observed::Known(channels) = &mut second.channels else { return Snapshot { nodes: [first, second] } };
    for channel in channels {
        (channel.receiver, channel.lag) = (Thread::Connecting, None);
        channel.errors = vec![(2003, "Can't connect to server on '10.77.0.11'".to_owned())];
    }
    second.ahead = Observed::Unknown("no route to host".to_owned());
    second.relay.purged = Observed::Unknown("no route to host".to_owned());
    second.witness = Witness {
        greeted: known(false),
        answered: known(false),
        answering: known(vec![]),
        received: known("0-1-7".to_owned()),
        silent: known(Some(4)),
        heard_at: known(Some(1_795_921_132_577)),
        committed_at: known(1_795_921_132_174),
        semi_sync: known(false),
        left_behind: Observed::Unknown("its disk cannot be read".to_owned()),
        export: Observed::Unknown("its disk cannot be read".to_owned()),
    };
    Snapshot { nodes: [first, second] }
}

/// After db1 was declared dead: db2 is the writer with both roles and receives nothing; db1 is back, as it should be.
pub(crate) fn returned(flavour: Flavour) -> Snapshot {
    with_db1_back(healthy(flavour))
}

/// The same of any pair.
pub(crate) fn with_db1_back(seen: Snapshot) -> Snapshot {
    let Snapshot { nodes: [mut first, mut second] } = seen;
    let held = |role: &str| Held { address: parse(role), interface: parse("eth0"), secondary: false, unusable: false };
    (first.access, second.access) = (known(WriteAccess::Fenced), known(WriteAccess::Open));
    first.addresses = known(vec![held("10.77.0.11/24")]);
    second.addresses = known(vec![held("10.77.0.12/24"), held("10.77.0.100/32"), held("10.77.0.101/32")]);
    let threads = [(&mut first, Thread::Stopped), (&mut second, Thread::Running)];
    for (node, applier) in threads {
        let Observed::Known(channels) = &mut node.channels else { continue };
        for channel in channels {
            (channel.receiver, channel.applier, channel.lag) = (Thread::Stopped, applier, None);
        }
    }
    second.ahead = known("0-2-9".to_owned());
    Snapshot { nodes: [first, second] }
}

/// Variables as they should be; only the offset of generated keys is a node's own.
fn variables(offset: u8) -> std::collections::BTreeMap<String, String> {
    let mut all: std::collections::BTreeMap<_, _> = [
        ("auto_increment_increment", "2"),
        ("binlog_row_image", "FULL"),
        ("innodb_flush_log_at_trx_commit", "1"),
        ("innodb_force_recovery", "0"),
        ("innodb_read_only", "OFF"),
        ("relay_log_recovery", "ON"),
        ("replica_net_timeout", "60"),
        ("sql_mode", "STRICT_TRANS_TABLES"),
        ("sync_binlog", "1"),
        ("event_scheduler", "OFF"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.insert("auto_increment_offset".to_owned(), offset.to_string());
    all
}
