//! What was seen of both nodes at one moment.

use std::fmt;
use std::net::IpAddr;

use super::{
    Access, Assignment, Boot, Health, Interface, Inventory, NodeName, Observed, Pair, Prefixed, Readiness, Relay,
    RoleName, RoleSpec, Side, Traffic, Witness, Workload,
};

/// The two families of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// MySQL and its close kin (Percona Server).
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Flavour {
    /// The option with which a server logs what it applies.
    #[must_use]
    pub fn log_applied(self) -> &'static str {
        match self {
            Self::MySql => "log_replica_updates",
            Self::MariaDb => "log_slave_updates",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// A server's version, compared number by number (26.7 is newer than 9.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16, pub u16, pub u16);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Who a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// MySQL or MariaDB.
    pub flavour: Flavour,
    /// Its version.
    pub version: Version,
    /// `@@server_id`.
    pub server_id: u32,
    /// `@@server_uuid`; MariaDB has none.
    pub uuid: Option<String>,
    /// `@@hostname`, for the reader: cloned machines often share it.
    pub hostname: String,
}

/// How this server is made to refuse writes (hazards H-01, H-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fencing {
    /// MySQL: `super_read_only=ON` refuses everybody.
    SuperReadOnly,
    /// MariaDB 12 and later: `read_only=NO_LOCK_NO_ADMIN` refuses everybody.
    NoLockNoAdmin,
    /// MariaDB before 12: `read_only=ON` lets administrators through, so a global read lock is held over the
    /// handover in a session of its own.
    ReadLock,
}

impl Server {
    /// The way of fencing that this server understands.
    #[must_use]
    pub fn fencing(&self) -> Fencing {
        match (self.flavour, self.version) {
            (Flavour::MySql, _) => Fencing::SuperReadOnly,
            (Flavour::MariaDb, version) if version >= Version(12, 0, 0) => Fencing::NoLockNoAdmin,
            (Flavour::MariaDb, _) => Fencing::ReadLock,
        }
    }
}

/// How a node that was declared dead is kept from serving anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Its machine answers by ssh: what is left of its server is stopped there, and kept from starting.
    Shell,
    /// A program of the operator's, which confirms that the machine is off or cut off.
    Hook,
    /// A person vouches for it, and nobody answers for its addresses.
    Hand,
}

/// Whom a server lets write, by its own variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteAccess {
    /// Everybody with the grants.
    Open,
    /// Administrators only (`read_only=ON` where the server could refuse them too).
    Guarded,
    /// Nobody that this server is able to refuse.
    Fenced,
    /// Between two states: somebody's `SET` is still waiting (MySQL shows `read_only=0, super_read_only=1`).
    Changing,
    /// Nobody can say, because its node is declared dead: only the basis of such a plan has it.
    Unseen,
}

impl fmt::Display for WriteAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open for writes",
            Self::Guarded => "read-only, except for administrators",
            Self::Fenced => "read-only",
            Self::Changing => "between two states",
            Self::Unseen => "not seen",
        })
    }
}

/// An address found on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The address with the prefix length it has there.
    pub address: Prefixed,
    /// The interface it is on.
    pub interface: Interface,
    /// The kernel's mark: removing the primary address of its subnet may take this one along (H-58).
    pub secondary: bool,
    /// The kernel does not use it: duplicate address detection has found another holder of an IPv6 address, or is not
    /// through (H-65).
    pub unusable: bool,
}

/// Which `arping` a node has; their options differ (H-61).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArpingKind {
    /// The one of iputils.
    Iputils,
    /// Thomas Habets' one.
    Habets,
}

/// What flipper uses on a node's system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Path of `ip` (iproute2).
    pub ip: Option<String>,
    /// Path of `ss` (iproute2).
    pub ss: Option<String>,
    /// Path and kind of `arping`, which announces IPv4 addresses.
    pub arping: Option<(String, ArpingKind)>,
    /// Path of `ndptool` (libndp), which announces IPv6 addresses.
    pub ndptool: Option<String>,
    /// Interfaces that are up.
    pub up: Vec<Interface>,
    /// `net.ipv4.conf.*.promote_secondaries` is on, so that H-58 does not bite.
    pub promotes_secondaries: bool,
    /// Commands of flipper's that the account there may not run: the reason, where it is the same for all.
    pub denied: Vec<String>,
}

impl System {
    /// The node has what tells its neighbours about an address of that family.
    #[must_use]
    pub fn announces(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(_) => self.arping.is_some(),
            IpAddr::V6(_) => self.ndptool.is_some(),
        }
    }
}

/// A replication thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// It runs.
    Running,
    /// The receiver tries to reach its source.
    Connecting,
    /// It does not run.
    Stopped,
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Connecting => "connecting",
            Self::Stopped => "stopped",
        })
    }
}

/// One incoming replication channel of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name; empty for the default one.
    pub name: String,
    /// Where it reads from, as configured.
    pub source: (String, u16),
    /// The server id its source gave.
    pub source_id: Option<u32>,
    /// The uuid its source gave (MySQL).
    pub source_uuid: Option<String>,
    /// The receiver (I/O thread).
    pub receiver: Thread,
    /// The applier (SQL thread).
    pub applier: Thread,
    /// Last errors, number and text, of receiver and applier.
    pub errors: Vec<(u32, String)>,
    /// Seconds behind, by the server's own reckoning; `None` when it cannot say.
    pub lag: Option<u64>,
    /// Configured delay in seconds.
    pub delay: u64,
    /// Positions are negotiated by GTID.
    pub by_gtid: bool,
    /// Filters and skips in force, each as `Name=value`.
    pub filters: Vec<String>,
}

/// Settings of a server that decide whether a move is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The binary log is on.
    pub log_bin: bool,
    /// What is applied from the peer is logged too.
    pub log_replica_updates: bool,
    /// GTIDs are on.
    pub gtid: bool,
    /// `ROW`, `MIXED`, `STATEMENT`.
    pub binlog_format: String,
    /// Addresses the server listens on.
    pub bind_address: String,
    /// Set when the server belongs to a Galera cluster or a replication group, which are not pairs.
    pub cluster: Option<String>,
    /// What the server leaves out of its log, or passes over when it applies: `Binlog_Ignore_DB=x` (H-32, H-33).
    pub left_out: Vec<String>,
}

impl Settings {
    /// The server takes connections at an address that is brought up later.
    #[must_use]
    pub fn listens_on(&self, ip: IpAddr) -> bool {
        self.bind_address.split(',').any(|listens| match listens.trim() {
            "" | "*" | "::" => true,
            "0.0.0.0" => ip.is_ipv4(),
            _ => false,
        })
    }
}

/// All that was seen of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSnapshot {
    /// Its name.
    pub name: NodeName,
    /// Who the server is.
    pub server: Observed<Server>,
    /// Whether the machine reached by ssh is the one whose server answered (H-79).
    pub same_machine: Observed<bool>,
    /// Whom it lets write.
    pub access: Observed<WriteAccess>,
    /// Every address on it.
    pub addresses: Observed<Vec<Held>>,
    /// Its tools and interfaces.
    pub system: Observed<System>,
    /// Where it replicates from; a healthy node has exactly one channel.
    pub channels: Observed<Vec<Channel>>,
    /// Settings.
    pub settings: Observed<Settings>,
    /// Its position, for the reader: never part of a plan.
    pub position: Observed<String>,
    /// Transactions that it has and its peer, read later, has not; empty when none. On the writer that is traffic
    /// in flight, on the other one divergence.
    pub ahead: Observed<String>,
    /// Prepared XA transactions, which could still commit on a fenced server (H-10).
    pub prepared_xa: Observed<u32>,
    /// Who is at work there.
    pub workload: Workload,
    /// How it is doing.
    pub health: Health,
    /// What it will be after a restart.
    pub boot: Boot,
    /// More about the replication into it.
    pub relay: Relay,
    /// What its server holds besides data.
    pub inventory: Inventory,
    /// What it says of its peer; looked at only where somebody is to be declared dead.
    pub witness: Witness,
    /// Whether `fail` can be carried out with the account on its machine; asked for by `check` and by `fail` only.
    pub readiness: Readiness,
    /// What goes on there; nothing is decided by it.
    pub traffic: Traffic,
    /// When it was declared dead and not brought back since, as far as this machine knows.
    pub deposed: Option<Deposed>,
}

/// A node was declared dead, and its peer took its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deposed {
    /// When (RFC 3339).
    pub since: String,
    /// Where the survivor stood when it took over: what the deposed one has beyond that is of its own.
    pub position: String,
}

impl NodeSnapshot {
    /// A node of which nothing could be seen.
    #[must_use]
    pub fn unseen(name: NodeName, cause: &str) -> Self {
        let why = || cause.to_owned();
        Self {
            name,
            server: Observed::Unknown(why()),
            same_machine: Observed::Unknown(why()),
            access: Observed::Unknown(why()),
            addresses: Observed::Unknown(why()),
            system: Observed::Unknown(why()),
            channels: Observed::Unknown(why()),
            settings: Observed::Unknown(why()),
            position: Observed::Unknown(why()),
            ahead: Observed::Unknown(why()),
            prepared_xa: Observed::Unknown(why()),
            workload: Workload::unseen(cause),
            health: Health::unseen(cause),
            boot: Boot::unseen(cause),
            relay: Relay::unseen(cause),
            inventory: Inventory::unseen(cause),
            witness: Witness::unseen(cause),
            readiness: Readiness::unseen(cause),
            traffic: Traffic::unseen(cause),
            deposed: None,
        }
    }

    /// Where a role's address is on this node, whatever its prefix length there. Empty: it is not there.
    #[must_use]
    pub fn holds(&self, role: &RoleSpec) -> Observed<Vec<&Held>> {
        self.addresses.as_ref().map(|held| held.iter().filter(|h| h.address.ip == role.address.ip).collect())
    }
}

/// All that was seen of a pair at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Both nodes, in the order of the config.
    pub nodes: [NodeSnapshot; 2],
}

impl Snapshot {
    /// The node on a side.
    #[must_use]
    pub fn node(&self, side: Side) -> &NodeSnapshot {
        side.of(&self.nodes)
    }

    /// The node on a side, to be changed (by a simulation).
    pub fn node_mut(&mut self, side: Side) -> &mut NodeSnapshot {
        side.of_mut(&mut self.nodes)
    }

    /// The sides known to hold a role's address.
    #[must_use]
    pub fn holders(&self, role: &RoleSpec) -> Vec<Side> {
        Side::BOTH
            .into_iter()
            .filter(|side| self.node(*side).holds(role).known().is_some_and(|held| !held.is_empty()))
            .collect()
    }

    /// Who holds what, for roles with exactly one known holder.
    #[must_use]
    pub fn assignment(&self, pair: &Pair) -> Assignment {
        let holder = |role: &RoleSpec| match self.holders(role)[..] {
            [side] => Some(pair.node(side).name.clone()),
            _ => None,
        };
        Assignment(pair.roles.iter().map(|role| (role.name.clone(), holder(role))).collect())
    }

    /// The side that holds the write role, where exactly one is known to.
    #[must_use]
    pub fn writer(&self, pair: &Pair) -> Option<Side> {
        let role = pair.write_role()?;
        debug_assert_eq!(role.access, Access::ReadWrite);
        match self.holders(role)[..] {
            [side] => Some(side),
            _ => None,
        }
    }

    /// Role names a side is known to hold.
    #[must_use]
    pub fn roles_on(&self, pair: &Pair, side: Side) -> Vec<RoleName> {
        pair.roles.iter().filter(|role| self.holders(role).contains(&side)).map(|role| role.name.clone()).collect()
    }
}
