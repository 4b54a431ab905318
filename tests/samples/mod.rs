//! Hand-made plans and snapshots that the tests of files and of rendering share.

mod trouble;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use flipper::model::{
    Access, Account, Action, ArpingKind, Assignment, Basis, Boot, BootAccess, BootReplication, BootUnit, Channel,
    Connections, Disk, Downstream, Fencing, Flavour, Goal, Health, Held, Inventory, Kept, Limits, NodeBasis, NodeName,
    NodeSnapshot, NodeSpec, Observed, Origin, Pair, Plan, Prefixed, Readiness, Relay, RoleName, RoleSpec, Rule, Ruling,
    Server, Settings, Snapshot, Step, System, Thread, Traffic, Version, Witness, Workload, WriteAccess,
};

pub(crate) fn p<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn pair() -> Pair {
    let node = |name, host, interface| NodeSpec {
        name: p(name),
        host: p(host),
        interface: p(interface),
        port: 3306,
        has_fence: false,
    };
    let role = |name, address, access| RoleSpec { name: p(name), address: p(address), access };
    Pair {
        name: p("orders"),
        nodes: [node("db1", "10.77.0.11", "eth0"), node("db2", "10.77.0.12", "eth1")],
        roles: vec![
            role("write", "10.77.0.100/32", Access::ReadWrite),
            role("read", "10.77.0.101/32", Access::ReadOnly),
        ],
        limits: Limits::default(),
    }
}

fn step(action: Action, after: &[(&Action, Rule)]) -> Step {
    Step { id: action.id(), action, after: after.iter().map(|(action, rule)| (action.id(), *rule)).collect() }
}

fn held(address: &str, interface: &str) -> Held {
    Held { address: p(address), interface: p(interface), secondary: false, unusable: false }
}

fn assignment(holders: &[(&str, &str)]) -> Assignment {
    Assignment(holders.iter().map(|(role, node)| (p(role), Some(p(node)))).collect::<BTreeMap<_, _>>())
}

/// The basis of a healthy pair: db1 writes, `read` is on the node named.
fn basis(flavour: Flavour, version: Version, readers: usize) -> Basis {
    let roles = pair().roles.iter().map(|role| (role.name.clone(), role.address, role.access)).collect();
    let uuid = |n| (flavour == Flavour::MySql).then(|| format!("{n}6a0f1c2-3d4e-11f0-8a1b-0242ac11000{n}"));
    let node = |name: &str, n: u32, access, holds| NodeBasis {
        name: p(name),
        flavour,
        version,
        server_id: n,
        uuid: uuid(n),
        access,
        holds,
        replicates: true,
    };
    let mut nodes = [
        node("db1", 1, WriteAccess::Open, vec![(p("write"), held("10.77.0.100/32", "eth0"))]),
        node("db2", 2, WriteAccess::Fenced, vec![]),
    ];
    let interface = ["eth0", "eth1"][readers];
    nodes[readers].holds.push((p("read"), held("10.77.0.101/32", interface)));
    Basis { roles, nodes }
}

/// `swap write` on MySQL: db1 to db2, readers stay on db2.
pub(crate) fn swap_write() -> Plan {
    let (db1, db2): (NodeName, NodeName) = (p("db1"), p("db2"));
    let role: RoleName = p("write");
    let address: Prefixed = p("10.77.0.100/32");
    let approach = Action::Approach { node: db2.clone(), source: db1.clone() };
    let drain = Action::Drain { node: db1.clone() };
    let fence = Action::Fence { node: db1.clone(), how: Fencing::SuperReadOnly };
    let catch_up = Action::CatchUp { node: db2.clone(), source: db1.clone() };
    let open = Action::Open { node: db2.clone(), peer: db1.clone() };
    let take = Action::Take {
        role: role.clone(),
        access: Access::ReadWrite,
        node: db2.clone(),
        from: Some(db1.clone()),
        address,
        interface: p("eth1"),
    };
    let end = Action::EndSessions { role: role.clone(), node: db1.clone(), address };
    let drop =
        Action::Drop { role: role.clone(), node: db1.clone(), to: Some(db2.clone()), address, interface: p("eth0") };
    let announce = Action::Announce { role: role.clone(), node: db2.clone(), address, interface: p("eth1") };
    let verify = Action::Verify { role, access: Access::ReadWrite, node: db2, address };
    Plan {
        pair: p("orders"),
        goal: Goal::Swap(Some(p("write"))),
        overrides: vec![],
        basis: basis(Flavour::MySql, Version(9, 7, 4), 1),
        before: assignment(&[("write", "db1"), ("read", "db2")]),
        after: assignment(&[("write", "db2"), ("read", "db2")]),
        steps: vec![
            step(approach.clone(), &[]),
            step(drain.clone(), &[(&approach, Rule::BeforeTheGate)]),
            step(fence.clone(), &[(&approach, Rule::BeforeTheGate), (&drain, Rule::BeforeTheGate)]),
            step(catch_up.clone(), &[(&fence, Rule::NoLoss)]),
            step(open.clone(), &[(&fence, Rule::OneWriter), (&catch_up, Rule::NoLoss)]),
            step(take.clone(), &[(&fence, Rule::OneWriter), (&open, Rule::AddressServesRole)]),
            step(end.clone(), &[(&take, Rule::ReconnectLandsRight)]),
            step(drop.clone(), &[(&take, Rule::TakeBeforeDrop), (&end, Rule::ReconnectLandsRight)]),
            step(announce.clone(), &[(&take, Rule::AddressServesRole), (&drop, Rule::LastWord)]),
            step(verify, &[(&announce, Rule::VerifyLast)]),
        ],
        notes: vec![
            "After the move the write and the read role are both on db2.".to_owned(),
            "db1 keeps `super_read_only` only until it is restarted; its my.cnf is not changed by flipper.".to_owned(),
        ],
    }
}

/// `swap` of both roles on MariaDB 10.11: write db1 to db2, read db2 to db1, under a read lock.
pub(crate) fn swap_all() -> Plan {
    let mut plan = swap_write();
    plan.goal = Goal::Swap(None);
    plan.basis = basis(Flavour::MariaDb, Version(10, 11, 19), 1);
    plan.after = assignment(&[("write", "db2"), ("read", "db1")]);
    let (db1, db2): (NodeName, NodeName) = (p("db1"), p("db2"));
    let role: RoleName = p("read");
    for step in &mut plan.steps {
        if let Action::Fence { how, .. } = &mut step.action {
            *how = Fencing::ReadLock;
        }
    }
    let address: Prefixed = p("10.77.0.101/32");
    let release = Action::Release { node: db1.clone() };
    let take = Action::Take {
        role: role.clone(),
        access: Access::ReadOnly,
        node: db1.clone(),
        from: Some(db2.clone()),
        address,
        interface: p("eth0"),
    };
    let drop = Action::Drop { role: role.clone(), node: db2, to: Some(db1.clone()), address, interface: p("eth1") };
    let announce = Action::Announce { role: role.clone(), node: db1.clone(), address, interface: p("eth0") };
    let verify = Action::Verify { role, access: Access::ReadOnly, node: db1, address };
    let dropped = plan.steps[7].action.clone();
    let reached = plan.steps[9].action.clone();
    plan.steps.extend([
        step(release.clone(), &[(&dropped, Rule::LockUntilGone)]),
        step(take.clone(), &[(&release, Rule::MonotonicReads), (&reached, Rule::ReadsOutsideOutage)]),
        step(drop.clone(), &[(&take, Rule::TakeBeforeDrop)]),
        step(announce.clone(), &[(&drop, Rule::LastWord)]),
        step(verify, &[(&announce, Rule::VerifyLast)]),
    ]);
    plan.notes = vec![];
    plan
}

/// `swap read`: no server is fenced, writers notice nothing.
pub(crate) fn swap_read() -> Plan {
    let mut plan = swap_all();
    plan.goal = Goal::Swap(Some(p("read")));
    plan.after = assignment(&[("write", "db1"), ("read", "db1")]);
    plan.steps.drain(..11);
    let approach = Action::Approach { node: p("db1"), source: p("db2") };
    plan.steps[0].after = vec![(approach.id(), Rule::MonotonicReads)];
    plan.steps.insert(0, step(approach, &[]));
    plan
}

/// `swap write` where the old writer cannot be fenced against everybody: drop first, take second.
pub(crate) fn drop_first() -> Plan {
    let mut plan = swap_write();
    let mut drop = plan.steps.remove(7);
    drop.after = vec![(plan.steps[2].id.clone(), Rule::OneWriter)];
    if let Action::Drop { to, .. } = &mut drop.action {
        *to = None;
    }
    plan.steps[5].after.push((drop.id.clone(), Rule::OneWriter));
    plan.steps.insert(3, drop);
    plan.notes = vec!["db1 has an administrator's session that may not be ended: its address goes first.".to_owned()];
    plan
}

/// The write role is where it is wanted.
pub(crate) fn nothing_to_do() -> Plan {
    let mut plan = swap_write();
    plan.goal = Goal::Set(p("write"), p("db1"));
    plan.after = plan.before.clone();
    plan.steps.clear();
    plan.notes.clear();
    plan
}

/// As a snapshot file of an older flipper says it.
const NOT_WRITTEN: &str = "the file was written by a flipper that did not look at it";

/// A pair as it should be: every fact is known, but for what only a living pair has.
pub(crate) fn healthy() -> Snapshot {
    let node = |name: &str, n: u32, peer: u32, access, interface: &str, addresses: Vec<Held>| NodeSnapshot {
        name: p(name),
        server: Observed::Known(Server {
            flavour: Flavour::MySql,
            version: Version(9, 7, 4),
            server_id: n,
            uuid: Some(format!("{n}6a0f1c2-3d4e-11f0-8a1b-0242ac11000{n}")),
            hostname: format!("{name}.example.net"),
        }),
        same_machine: Observed::Known(true),
        access: Observed::Known(access),
        addresses: Observed::Known(addresses),
        system: Observed::Known(System {
            ip: Some("/usr/sbin/ip".to_owned()),
            ss: Some("/usr/bin/ss".to_owned()),
            arping: Some(("/usr/bin/arping".to_owned(), ArpingKind::Iputils)),
            ndptool: None,
            up: vec![p("lo"), p(interface)],
            promotes_secondaries: true,
            denied: vec![],
        }),
        channels: Observed::Known(vec![Channel {
            name: String::new(),
            source: (format!("10.77.0.1{peer}"), 3306),
            source_id: Some(peer),
            source_uuid: Some(format!("{peer}6a0f1c2-3d4e-11f0-8a1b-0242ac11000{peer}")),
            receiver: Thread::Running,
            applier: Thread::Running,
            errors: vec![],
            lag: Some(0),
            delay: 0,
            by_gtid: true,
            filters: vec![],
        }]),
        settings: Observed::Known(Settings {
            log_bin: true,
            log_replica_updates: true,
            gtid: true,
            binlog_format: "ROW".to_owned(),
            bind_address: "*".to_owned(),
            cluster: None,
            left_out: vec![],
        }),
        position: Observed::Known("16a0f1c2-3d4e-11f0-8a1b-0242ac110001:1-48213".to_owned()),
        ahead: Observed::Known(String::new()),
        prepared_xa: Observed::Known(0),
        workload: Workload {
            work: Observed::Known(vec![]),
            locks: Observed::Known(vec![]),
            privileged: Observed::Known(vec![]),
            protected: Observed::Known(vec![]),
            direct: Observed::Known(vec![]),
            without_tls: Observed::Known(vec![]),
            downstream: Observed::Known(vec![Downstream {
                account: format!("repl@10.77.0.1{peer}"),
                from: Some(p(&format!("10.77.0.1{peer}"))),
                through: None,
                by_gtid: Some(true),
            }]),
            temp_tables: Observed::Known(0),
            semi_sync: Observed::Known(None),
        },
        health: Health {
            turned_away: Observed::Known(false),
            connections: Observed::Known(Connections { now: 12, most: 40, limit: 151 }),
            uptime: Observed::Known(86_400),
            disk: Observed::Known(vec![Disk { path: "/var/lib/mysql".to_owned(), size: 100_000, free: 60_000 }]),
            clock_ahead: Observed::Known(if n == 1 { 2 } else { -2 }),
            listeners: Observed::Known(vec![]),
        },
        boot: Boot {
            read_only: Observed::Known(Kept::Configured),
            access: Observed::Known(BootAccess {
                access: WriteAccess::Fenced,
                ruling: Ruling {
                    setting: "super_read_only=ON".to_owned(),
                    origin: Origin::File("/etc/mysql/my.cnf".to_owned(), 12),
                },
            }),
            follows: Observed::Known(BootReplication {
                by_itself: true,
                ruling: Ruling { setting: "skip_replica_start".to_owned(), origin: Origin::Default },
            }),
            unit: Observed::Known(BootUnit { name: "mysql.service".to_owned(), state: "enabled".to_owned() }),
            files: Observed::Known(vec![]),
            managers: Observed::Known(vec![]),
        },
        relay: Relay {
            worker_errors: Observed::Known(vec![]),
            retries: Observed::Known(Some(86_400)),
            unapplied: Observed::Known(String::new()),
            half_received: Observed::Known(0),
            purged: Observed::Known(String::new()),
        },
        inventory: Inventory {
            variables: Observed::Known(variables(n)),
            accounts: Observed::Known(vec![Account {
                name: "app@%".to_owned(),
                plugin: "caching_sha2_password".to_owned(),
            }]),
            missing_grants: Observed::Known(vec![]),
            data_rights: Observed::Known(vec![]),
            events: Observed::Known(vec![]),
            unstopped_events: Observed::Known(vec![]),
        },
        witness: Witness::unseen(NOT_WRITTEN),
        readiness: Readiness {
            isolate: Observed::Known(vec![]),
            listen: Observed::Known(vec![]),
            count: Observed::Known(vec![]),
        },
        traffic: Traffic::unseen(NOT_WRITTEN),
        deposed: None,
    };
    let at = |own, address, interface| vec![held(own, interface), held(address, interface)];
    Snapshot {
        nodes: [
            node("db1", 1, 2, WriteAccess::Open, "eth0", at("10.77.0.11/24", "10.77.0.100/32", "eth0")),
            node("db2", 2, 1, WriteAccess::Fenced, "eth1", at("10.77.0.12/24", "10.77.0.101/32", "eth1")),
        ],
    }
}

fn variables(offset: u32) -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> = [
        ("auto_increment_increment", "2"),
        ("binlog_row_image", "FULL"),
        ("event_scheduler", "ON"),
        ("innodb_flush_log_at_trx_commit", "1"),
        ("innodb_force_recovery", "0"),
        ("innodb_read_only", "OFF"),
        ("max_connections", "151"),
        ("relay_log_recovery", "ON"),
        ("replica_net_timeout", "60"),
        ("sql_mode", "STRICT_TRANS_TABLES,NO_ZERO_DATE"),
        ("sync_binlog", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.insert("auto_increment_offset".to_owned(), offset.to_string());
    all
}

/// db2 with everything wrong that a known fact can tell.
pub(crate) fn troubled() -> Snapshot {
    let mut snapshot = healthy();
    let [_, db2] = &mut snapshot.nodes;
    db2.server = Observed::Known(Server {
        flavour: Flavour::MariaDb,
        version: Version(10, 11, 19),
        server_id: 1,
        uuid: None,
        hostname: "evil\u{1b}[31m\n\u{202e}name".to_owned(),
    });
    db2.same_machine = Observed::Known(false);
    db2.access = Observed::Known(WriteAccess::Open);
    db2.addresses = Observed::Known(vec![Held { secondary: true, ..held("10.77.0.100/24", "eth1") }]);
    db2.system = Observed::Known(System {
        ip: None,
        ss: None,
        arping: None,
        ndptool: None,
        up: vec![],
        promotes_secondaries: false,
        denied: vec!["no root".to_owned()],
    });
    let denied = |command: &str| Observed::Known(vec![format!("`sudo -n {command}` is not allowed")]);
    db2.readiness = Readiness {
        isolate: denied("systemctl mask --runtime mysql.service"),
        listen: denied("arping -D -w 5 -I eth1 10.77.0.100"),
        count: Observed::Unknown("its server does not say where its binary logs are".to_owned()),
    };
    let broken = Channel {
        name: "old".to_owned(),
        source: ("db0.example.net".to_owned(), 3307),
        source_id: None,
        source_uuid: None,
        receiver: Thread::Connecting,
        applier: Thread::Stopped,
        errors: vec![
            (2003, "error connecting to master 'repl@db0.example.net:3307' - retry-time: 60".to_owned()),
            (1062, "Could not execute Write_rows_v1 event on table shop.orders; Duplicate entry '7'".to_owned()),
        ],
        lag: None,
        delay: 3600,
        by_gtid: false,
        filters: vec!["Replicate_Do_DB=shop".to_owned(), "Replicate_Ignore_Table=shop.log".to_owned()],
    };
    if let Observed::Known(channels) = &mut db2.channels {
        channels[0].lag = Some(312);
        channels.push(broken);
    }
    db2.settings = Observed::Known(Settings {
        log_bin: false,
        log_replica_updates: false,
        gtid: false,
        binlog_format: "STATEMENT".to_owned(),
        bind_address: "127.0.0.1".to_owned(),
        cluster: Some("Galera cluster `shop`".to_owned()),
        left_out: vec!["Binlog_Ignore_DB=scratch".to_owned()],
    });
    db2.ahead = Observed::Known("0-2-27".to_owned());
    db2.prepared_xa = Observed::Known(2);
    trouble::besides(db2);
    snapshot
}

/// db2 cannot be reached at all.
pub(crate) fn unreachable() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.nodes[1] = NodeSnapshot::unseen(p("db2"), "ssh: connect to host 10.77.0.12 port 22: timed out after 3s");
    snapshot.nodes[0].ahead = Observed::Unknown("db2 was not seen".to_owned());
    snapshot
}

/// Nothing of either node could be seen.
pub(crate) fn blind() -> Snapshot {
    Snapshot { nodes: ["db1", "db2"].map(|name| NodeSnapshot::unseen(p(name), "no \"route\"\tto host\n\u{e4}")) }
}
