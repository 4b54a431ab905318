//! The worlds: every snapshot over small finite sets of what the planner can see.

use std::collections::BTreeMap;
use std::time::Duration;

use flipper::model::{
    Access, Action, ArpingKind, Assignment, Boot, BootAccess, BootReplication, BootUnit, Channel, Code, Connections,
    Flavour, Goal, Health, Held, Inventory, Kept, Limits, NodeSnapshot, NodeSpec, Observed, Origin, Pair, Readiness,
    Relay, RoleSpec, Ruling, Server, Settings, Snapshot, System, Thread, Traffic, Version, Witness, Workload,
    WriteAccess,
};
use flipper::planner::Consent;

fn p<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// How the pair's servers are fenced: the three that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    MySql,
    MariaDb,
    MariaDb12,
}

/// Which roles a pair has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// One that writes and one that reads: the pair of the documents.
    Both,
    WriteOnly,
    ReadOnly,
    /// One that writes and two that read.
    Three,
}

/// Replication into a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Link {
    Runs,
    Stopped,
    Lags,
    Delayed,
    Filtered,
    Nobody,
    Unknown,
}

/// Something that is there or not, or that could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Some3 {
    None,
    Some,
    Unknown,
}

/// What can be seen of a node. `None`: it could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) access: Option<WriteAccess>,
    /// A bit for each role whose address is there.
    pub(crate) holds: Option<u8>,
    pub(crate) link: Link,
    /// Transactions of its own.
    pub(crate) ahead: Some3,
    pub(crate) xa: Some3,
    pub(crate) settings: bool,
    pub(crate) system: bool,
}

impl Node {
    pub(crate) const SOUND: Self = Self {
        access: Some(WriteAccess::Fenced),
        holds: Some(0),
        link: Link::Runs,
        ahead: Some3::None,
        xa: Some3::None,
        settings: true,
        system: true,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) nodes: [Node; 2],
}

pub(crate) fn pair(shape: Shape) -> Pair {
    let node = |n: u8| NodeSpec {
        name: p(&format!("db{n}")),
        host: p(&format!("10.77.0.1{n}")),
        interface: p("eth0"),
        port: 3306,
        has_fence: false,
    };
    let role = |name: &str, n: u8, access| RoleSpec { name: p(name), address: p(&format!("10.77.0.{n}/32")), access };
    let write = role("write", 100, Access::ReadWrite);
    let read = role("read", 101, Access::ReadOnly);
    let roles = match shape {
        Shape::Both => vec![write, read],
        Shape::WriteOnly => vec![write],
        Shape::ReadOnly => vec![read],
        Shape::Three => vec![write, read, role("reports", 102, Access::ReadOnly)],
    };
    // with three roles, writing transactions are waited for before the gate closes
    let drain = if shape == Shape::Three { Duration::from_secs(5) } else { Duration::ZERO };
    Pair { name: p("orders"), nodes: [node(1), node(2)], roles, limits: Limits { drain, ..Limits::default() } }
}

/// The operator's words. With three roles, whoever still writes when the gate is to close is ended.
pub(crate) fn consent<'a>(pair: &Pair, overrides: &'a [Code]) -> Consent<'a> {
    Consent { overrides, kill: !pair.limits.drain.is_zero() }
}

/// Every goal: each verb, each role, each node, and assignments of several roles at once.
pub(crate) fn goals(pair: &Pair) -> Vec<Goal> {
    let names = pair.nodes.each_ref().map(|node| node.name.clone());
    let mut goals = vec![Goal::Swap(None)];
    for role in pair.roles.iter().map(|role| &role.name) {
        goals.extend([Goal::Swap(Some(role.clone())), Goal::Down(role.clone())]);
        for node in &names {
            goals.extend([Goal::Set(role.clone(), node.clone()), Goal::Up(role.clone(), node.clone())]);
        }
    }
    goals.extend(names.iter().map(|node| Goal::Drain(node.clone())));
    let places = [Some(&names[0]), Some(&names[1]), None];
    if let [first, second, ..] = &pair.roles[..] {
        for (a, b) in places.iter().flat_map(|a| places.iter().map(move |b| (*a, *b))) {
            let both = [(first.name.clone(), a.cloned()), (second.name.clone(), b.cloned())];
            goals.push(Goal::Assign(Assignment(BTreeMap::from(both))));
        }
    }
    goals
}

fn fact<T>(known: Option<T>) -> Observed<T> {
    known.map_or_else(|| Observed::Unknown("no answer".to_owned()), Observed::Known)
}

impl World {
    pub(crate) fn snapshot(&self, pair: &Pair) -> Snapshot {
        Snapshot { nodes: [self.node(pair, 0), self.node(pair, 1)] }
    }

    fn node(&self, pair: &Pair, at: u8) -> NodeSnapshot {
        let node = &self.nodes[usize::from(at)];
        let (n, peer) = (at + 1, 2 - at);
        let (flavour, version) = match self.kind {
            Kind::MySql => (Flavour::MySql, Version(9, 7, 0)),
            Kind::MariaDb => (Flavour::MariaDb, Version(10, 11, 6)),
            Kind::MariaDb12 => (Flavour::MariaDb, Version(12, 1, 2)),
        };
        let uuid = |n: u8| (flavour == Flavour::MySql).then(|| format!("0000000{n}-0000-0000-0000-000000000000"));
        let held = |address, n| Held { address, interface: p("eth0"), secondary: n > 0, unusable: false };
        let holds = |bits: u8| {
            let own = [held(p(&format!("10.77.0.1{n}/24")), 0)];
            let roles = pair.roles.iter().enumerate().filter(|(role, _)| bits & (1 << role) != 0);
            own.into_iter().chain(roles.map(|(_, role)| held(role.address, 0))).collect()
        };
        NodeSnapshot {
            name: pair.nodes[usize::from(at)].name.clone(),
            server: Observed::Known(Server {
                flavour,
                version,
                server_id: n.into(),
                uuid: uuid(n),
                hostname: format!("db{n}"),
            }),
            same_machine: Observed::Known(true),
            access: fact(node.access),
            addresses: fact(node.holds.map(holds)),
            system: fact(node.system.then(system)),
            channels: channels(node.link, peer, uuid(peer)),
            settings: fact(node.settings.then(settings)),
            position: Observed::Known("0-1-7".to_owned()),
            ahead: match node.ahead {
                Some3::None => Observed::Known(String::new()),
                Some3::Some => Observed::Known(format!("0-{n}-9")),
                Some3::Unknown => Observed::Unknown("no answer".to_owned()),
            },
            prepared_xa: match node.xa {
                Some3::None => Observed::Known(0),
                Some3::Some => Observed::Known(2),
                Some3::Unknown => Observed::Unknown("no answer".to_owned()),
            },
            workload: idle(),
            health: well(),
            boot: Boot {
                read_only: Observed::Known(Kept::Configured),
                access: Observed::Known(BootAccess {
                    access: WriteAccess::Guarded,
                    ruling: Ruling { setting: "read_only".to_owned(), origin: Origin::CommandLine },
                }),
                follows: Observed::Known(BootReplication {
                    by_itself: false,
                    ruling: Ruling { setting: "skip_replica_start".to_owned(), origin: Origin::CommandLine },
                }),
                unit: Observed::Known(BootUnit { name: "mysql.service".to_owned(), state: "enabled".to_owned() }),
                files: none(),
                managers: none(),
            },
            relay: Relay {
                worker_errors: none(),
                retries: Observed::Known(Some(86_400)),
                unapplied: Observed::Known(String::new()),
                half_received: Observed::Known(0),
                purged: Observed::Known(String::new()),
            },
            inventory: Inventory {
                variables: Observed::Known(BTreeMap::new()),
                accounts: none(),
                missing_grants: none(),
                data_rights: none(),
                events: none(),
                unstopped_events: none(),
            },
            witness: Witness::unseen("not asked"),
            readiness: Readiness::unseen("not asked"),
            traffic: Traffic::unseen("not asked"),
            deposed: None,
        }
    }

    /// The same with the nodes the other way round.
    pub(crate) fn mirrored(self) -> Self {
        let [a, b] = self.nodes;
        Self { nodes: [b, a], ..self }
    }

    /// Nothing is wrong with it but where things are: one writer at most, all known, replication running both ways.
    pub(crate) fn is_sound(&self) -> bool {
        let open = self.nodes.iter().filter(|node| node.access == Some(WriteAccess::Open)).count();
        let sound = |node: &Node| {
            let access = matches!(node.access, Some(WriteAccess::Open | WriteAccess::Guarded | WriteAccess::Fenced));
            let bare = Node { access: Node::SOUND.access, holds: Node::SOUND.holds, ..*node };
            access && node.holds.is_some() && bare == Node::SOUND
        };
        open <= 1 && self.nodes.iter().all(sound)
    }
}

fn none<T>() -> Observed<Vec<T>> {
    Observed::Known(vec![])
}

/// What only the checks look at is not enumerated: a plan knows of it nothing but whether there is a finding.
fn idle() -> Workload {
    Workload {
        work: none(),
        locks: none(),
        privileged: none(),
        protected: none(),
        direct: none(),
        without_tls: none(),
        downstream: none(),
        temp_tables: Observed::Known(0),
        semi_sync: Observed::Known(None),
    }
}

fn well() -> Health {
    Health {
        turned_away: Observed::Known(false),
        connections: Observed::Known(Connections { now: 12, most: 40, limit: 151 }),
        uptime: Observed::Known(86_400),
        disk: none(),
        clock_ahead: Observed::Known(0),
        listeners: none(),
    }
}

pub(crate) fn system() -> System {
    System {
        ip: Some("/usr/sbin/ip".to_owned()),
        ss: Some("/usr/bin/ss".to_owned()),
        arping: Some(("/usr/bin/arping".to_owned(), ArpingKind::Iputils)),
        ndptool: None,
        up: vec![p("eth0")],
        promotes_secondaries: false,
        denied: vec![],
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        log_bin: true,
        log_replica_updates: true,
        gtid: true,
        binlog_format: "ROW".to_owned(),
        bind_address: "*".to_owned(),
        cluster: None,
        left_out: vec![],
    }
}

fn channels(link: Link, peer: u8, uuid: Option<String>) -> Observed<Vec<Channel>> {
    let mut channel = Channel {
        name: String::new(),
        source: (format!("10.77.0.1{peer}"), 3306),
        source_id: Some(peer.into()),
        source_uuid: uuid,
        receiver: Thread::Running,
        applier: Thread::Running,
        errors: vec![],
        lag: Some(0),
        delay: 0,
        by_gtid: true,
        filters: vec![],
    };
    match link {
        Link::Runs => {}
        Link::Stopped => (channel.applier, channel.lag) = (Thread::Stopped, None),
        Link::Lags => channel.lag = Some(3600),
        Link::Delayed => channel.delay = 600,
        Link::Filtered => channel.filters.push("Replicate_Do_DB=app".to_owned()),
        Link::Nobody => return Observed::Known(vec![]),
        Link::Unknown => return Observed::Unknown("no answer".to_owned()),
    }
    Observed::Known(vec![channel])
}

/// What ordinary traffic changes between two looks, and nothing else: positions, a little lag, transactions of an open
/// node that are on their way.
pub(crate) fn with_traffic(seen: &Snapshot) -> Snapshot {
    let mut busy = seen.clone();
    for node in &mut busy.nodes {
        node.position = Observed::Known("0-1-99".to_owned());
        if node.access.is(&WriteAccess::Open) && node.ahead.known().is_some() {
            let on_its_way = if node.ahead.is(&String::new()) { "0-1-99" } else { "" };
            node.ahead = Observed::Known(on_its_way.to_owned());
        }
        if let Observed::Known(channels) = &mut node.channels {
            channels.iter_mut().filter(|c| c.lag == Some(0)).for_each(|c| c.lag = Some(7));
        }
    }
    busy
}

/// What an action makes of the pair, with clients that write as soon as the write address leads to an open node.
pub(crate) fn step(pair: &Pair, state: &mut Snapshot, action: &Action) {
    flipper::planner::perform(pair, state, action);
    let Some(write) = pair.write_role() else { return };
    for node in &mut state.nodes {
        let reached = node.holds(write).known().is_some_and(|held| !held.is_empty());
        if node.access.is(&WriteAccess::Open) && reached {
            node.ahead = Observed::Known("0-9-9".to_owned());
        }
    }
}

/// The product of what a tier lets vary, for one node.
pub(crate) struct Vary<'a> {
    pub(crate) access: &'a [Option<WriteAccess>],
    pub(crate) holds: &'a [Option<u8>],
    pub(crate) link: &'a [Link],
    pub(crate) ahead: &'a [Some3],
    pub(crate) xa: &'a [Some3],
    pub(crate) settings: &'a [bool],
    pub(crate) system: &'a [bool],
}

impl Vary<'_> {
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let mut nodes = vec![];
        for &access in self.access {
            for &holds in self.holds {
                for &link in self.link {
                    for &ahead in self.ahead {
                        for &xa in self.xa {
                            for &settings in self.settings {
                                for &system in self.system {
                                    nodes.push(Node { access, holds, link, ahead, xa, settings, system });
                                }
                            }
                        }
                    }
                }
            }
        }
        nodes
    }
}
