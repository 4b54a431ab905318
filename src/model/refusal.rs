//! The planner's typed "no".

use std::fmt;

use super::{Goal, PairName};

/// Why a plan is refused: an id for scripts and `explain`, and a closed list for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A fact that the goal relies on could not be observed.
    Unknown,
    /// ssh and MySQL lead to two machines (H-79).
    WrongMachine,
    /// Both addresses lead to the same server, or both servers have one id (H-41).
    SameServer,
    /// The two nodes are of two families.
    MixedFlavours,
    /// Both nodes accept writes (H-36).
    BothOpen,
    /// Neither node accepts writes (H-37).
    NoneOpen,
    /// A read-only switch is still under way (H-03).
    SwitchUnderWay,
    /// The node that accepts writes is not the one with the write address.
    WriterElsewhere,
    /// Both nodes have an address (H-55).
    AddressOnBoth,
    /// Neither node has an address (H-56).
    AddressNowhere,
    /// A role that is to come up is up on the other node.
    AddressElsewhere,
    /// An address is on an interface, or shared in a way, where it cannot be moved safely (H-58, H-59, H-64).
    AddressPlace,
    /// No tool to announce an address (H-61).
    CannotAnnounce,
    /// `ip` or `ss` is missing on the node.
    MissingTool,
    /// The account on the node's system may not do what a move needs.
    NotPermitted,
    /// The node does not replicate from its peer (H-42).
    NotReplica,
    /// More than one channel comes in (H-43).
    ManyChannels,
    /// Receiver or applier does not run (H-29).
    ReplicationStopped,
    /// Filters or skips are in force (H-32, H-33).
    ReplicationFiltered,
    /// A delay is configured (H-31).
    ReplicationDelayed,
    /// The target is too far behind (H-30).
    Lagging,
    /// The node has transactions that its peer lacks (H-34).
    Diverged,
    /// Replication is not by GTID (H-99).
    NoGtid,
    /// The binary log is off (H-38).
    NoBinlog,
    /// XA transactions are prepared on the writer (H-10).
    PreparedXa,
    /// The server does not listen on the address (H-69).
    NotListening,
    /// A Galera cluster or a replication group (H-100).
    Cluster,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 27] = [
        Self::Unknown,
        Self::WrongMachine,
        Self::SameServer,
        Self::MixedFlavours,
        Self::BothOpen,
        Self::NoneOpen,
        Self::SwitchUnderWay,
        Self::WriterElsewhere,
        Self::AddressOnBoth,
        Self::AddressNowhere,
        Self::AddressElsewhere,
        Self::AddressPlace,
        Self::CannotAnnounce,
        Self::MissingTool,
        Self::NotPermitted,
        Self::NotReplica,
        Self::ManyChannels,
        Self::ReplicationStopped,
        Self::ReplicationFiltered,
        Self::ReplicationDelayed,
        Self::Lagging,
        Self::Diverged,
        Self::NoGtid,
        Self::NoBinlog,
        Self::PreparedXa,
        Self::NotListening,
        Self::Cluster,
    ];

    /// The stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::WrongMachine => "wrong-machine",
            Self::SameServer => "same-server",
            Self::MixedFlavours => "mixed-flavours",
            Self::BothOpen => "both-open",
            Self::NoneOpen => "none-open",
            Self::SwitchUnderWay => "switch-under-way",
            Self::WriterElsewhere => "writer-elsewhere",
            Self::AddressOnBoth => "address-on-both",
            Self::AddressNowhere => "address-nowhere",
            Self::AddressElsewhere => "address-elsewhere",
            Self::AddressPlace => "address-place",
            Self::CannotAnnounce => "cannot-announce",
            Self::MissingTool => "missing-tool",
            Self::NotPermitted => "not-permitted",
            Self::NotReplica => "not-replica",
            Self::ManyChannels => "many-channels",
            Self::ReplicationStopped => "replication-stopped",
            Self::ReplicationFiltered => "replication-filtered",
            Self::ReplicationDelayed => "replication-delayed",
            Self::Lagging => "lagging",
            Self::Diverged => "diverged",
            Self::NoGtid => "no-gtid",
            Self::NoBinlog => "no-binlog",
            Self::PreparedXa => "prepared-xa",
            Self::NotListening => "not-listening",
            Self::Cluster => "cluster",
        }
    }

    /// Why it matters, in a sentence.
    #[must_use]
    pub fn matters(self) -> &'static str {
        match self {
            Self::Unknown => "what cannot be seen cannot be relied on",
            Self::WrongMachine => "one node's address would move while the other's server is switched",
            Self::SameServer => "a pair needs two servers that can tell each other's transactions apart",
            Self::MixedFlavours => "MySQL and MariaDB cannot replicate to each other both ways",
            Self::BothOpen => "two writers diverge",
            Self::NoneOpen => "nobody can write, and only a person knows which node should",
            Self::SwitchUnderWay => "a waiting SET may still take effect in the middle of a move",
            Self::WriterElsewhere => "clients of the write address reach a server that refuses them",
            Self::AddressOnBoth => "clients reach one node or the other by chance",
            Self::AddressNowhere => "there is no holder to move the role from",
            Self::AddressElsewhere => "clients are served there, and bringing it up elsewhere would move them",
            Self::AddressPlace => "moving it could take other addresses along, or leave it answering in two places",
            Self::CannotAnnounce => "neighbours would send to the old node for half a minute",
            Self::NotPermitted => "the move would stop half way, with nobody at the address",
            Self::MissingTool => "flipper reads and changes addresses with it",
            Self::NotReplica => "the old writer's transactions would not reach the new one, or not come back",
            Self::ManyChannels => "transactions from elsewhere flow into the pair",
            Self::ReplicationStopped => "the target cannot catch up, or the old writer would not follow",
            Self::ReplicationFiltered => "what is filtered on the way is missing after the move",
            Self::ReplicationDelayed => "writes would be out for the length of the delay",
            Self::Lagging => "writes would be out until it has caught up",
            Self::Diverged => "the nodes' data differ, and replication breaks later",
            Self::NoGtid => "without GTIDs nobody can prove that nothing is missing",
            Self::NoBinlog => "there would be no way back",
            Self::PreparedXa => "they can still commit on a fenced server, after the new writer is open",
            Self::NotListening => "clients would be refused at the address",
            Self::Cluster => "its members are not a dual-master pair",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// One reason for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// Which one.
    pub code: Code,
    /// What was seen, with names.
    pub seen: String,
    /// What the operator can do next.
    pub help: String,
}

/// The planner's "no", with every reason, not the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The pair.
    pub pair: PairName,
    /// What was asked for.
    pub goal: Goal,
    /// All reasons, never empty.
    pub reasons: Vec<Reason>,
}
