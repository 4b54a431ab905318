//! The closed list of checks, and of reasons to refuse.

use super::Severity;
use super::codes::codes;

codes! {
    /// A fact that the goal relies on could not be observed (H-82).
    Unknown {
        id: "unknown", worst: Stop, hazards: "H-82",
        title: "all that every move relies on can be seen",
        matters: "what cannot be seen cannot be relied on",
    }
    /// ssh and MySQL lead to two machines.
    WrongMachine {
        id: "wrong-machine", worst: Stop, hazards: "H-79",
        title: "ssh and MySQL lead to one machine",
        matters: "one node's address would move while the other's server is switched",
    }
    /// Both addresses lead to the same server, or both servers have one id.
    SameServer {
        id: "same-server", worst: Stop, hazards: "H-41",
        title: "two servers, with an id each",
        matters: "a pair needs two servers that can tell each other's transactions apart",
    }
    /// The two nodes are of two families.
    MixedFlavours {
        id: "mixed-flavours", worst: Stop, hazards: "H-49",
        title: "both are MySQL, or both MariaDB",
        matters: "MySQL and MariaDB cannot replicate to each other both ways",
    }
    /// Both nodes accept writes.
    BothOpen {
        id: "both-open", worst: Stop, hazards: "H-36",
        title: "not more than one accepts writes",
        matters: "two writers diverge",
    }
    /// Neither node accepts writes.
    NoneOpen {
        id: "none-open", worst: Stop, hazards: "H-37",
        title: "one accepts writes",
        matters: "nobody can write, and only a person knows which node should",
    }
    /// A read-only switch is still under way.
    SwitchUnderWay {
        id: "switch-under-way", worst: Stop, hazards: "H-03",
        title: "no SET of a read-only variable waits",
        matters: "a waiting SET may still take effect in the middle of a move",
    }
    /// The node that accepts writes is not the one with the write address.
    WriterElsewhere {
        id: "writer-elsewhere", worst: Stop, hazards: "H-37",
        title: "the write address is on the node that accepts writes",
        matters: "clients of the write address reach a server that refuses them",
    }
    /// Both nodes have an address.
    AddressOnBoth {
        id: "address-on-both", worst: Stop, hazards: "H-55",
        title: "no address is on both nodes",
        matters: "clients reach one node or the other by chance",
    }
    /// Neither node has an address.
    AddressNowhere {
        id: "address-nowhere", worst: Stop, hazards: "H-37, H-56",
        title: "every address is on a node",
        matters: "there is no holder to move the role from",
    }
    /// A role that is to come up is up on the other node: decided with the goal `up`.
    AddressElsewhere {
        id: "address-elsewhere", worst: Stop, hazards: "H-83",
        title: "a role that is to come up is not up elsewhere",
        matters: "clients are served there, and bringing it up elsewhere would move them",
    }
    /// An address is on an interface, or shared in a way, where it cannot be moved safely.
    AddressPlace {
        id: "address-place", worst: Stop, hazards: "H-58, H-59, H-64",
        title: "addresses are where they can be moved from",
        matters: "moving it could take other addresses along, or leave it answering in two places",
    }
    /// No tool to announce an address.
    CannotAnnounce {
        id: "cannot-announce", worst: Stop, hazards: "H-61",
        title: "each node can announce an address",
        matters: "neighbours would send to the old node for half a minute",
    }
    /// `ip` or `ss` is missing on the node.
    MissingTool {
        id: "missing-tool", worst: Stop, hazards: "H-57",
        title: "each node has `ip` and `ss`",
        matters: "flipper reads and changes addresses with it",
    }
    /// The account on the node's system may not do what a move needs.
    NotPermitted {
        id: "not-permitted", worst: Stop, hazards: "H-81",
        title: "the account on each machine may change addresses",
        matters: "the move would stop half way, with nobody at the address",
    }
    /// The account on the node's system may not do what only `fail` needs.
    FailNotPermitted {
        id: "fail-not-permitted", worst: Override, hazards: "H-84, H-86, H-89",
        title: "the account on each machine may do what `fail` needs",
        matters: "in the night of a failure a dead node could not be kept out, or nobody could tell who answers in its place",
    }
    /// The node does not replicate from its peer.
    NotReplica {
        id: "not-replica", worst: Stop, hazards: "H-42",
        title: "each node replicates from its peer's own address",
        matters: "the old writer's transactions would not reach the new one, or not come back",
    }
    /// More than one channel comes in.
    ManyChannels {
        id: "many-channels", worst: Stop, hazards: "H-43",
        title: "one replication channel comes into each node",
        matters: "transactions from elsewhere flow into the pair",
    }
    /// Receiver or applier does not run; what an applier's worker said about it is told (H-48).
    ReplicationStopped {
        id: "replication-stopped", worst: Stop, hazards: "H-29, H-48",
        title: "receivers and appliers run",
        matters: "the target cannot catch up, or the old writer would not follow",
    }
    /// Filters or skips are in force.
    ReplicationFiltered {
        id: "replication-filtered", worst: Stop, hazards: "H-32, H-33",
        title: "nothing is filtered or skipped",
        matters: "what is filtered on the way is missing after the move",
    }
    /// A delay is configured.
    ReplicationDelayed {
        id: "replication-delayed", worst: Stop, hazards: "H-31",
        title: "no delay is configured",
        matters: "writes would be out for the length of the delay",
    }
    /// The target is too far behind.
    Lagging {
        id: "lagging", worst: Override, hazards: "H-30",
        title: "the standby is not further behind than `lag` allows",
        matters: "writes would be out, or readers would see old data, until it has caught up",
    }
    /// The node has transactions that its peer lacks.
    Diverged {
        id: "diverged", worst: Override, hazards: "H-34",
        title: "the standby has no transactions of its own",
        matters: "the nodes' data differ, and replication breaks later",
    }
    /// Replication is not by GTID.
    NoGtid {
        id: "no-gtid", worst: Stop, hazards: "H-99",
        title: "replication is by GTID",
        matters: "without GTIDs nobody can prove that nothing is missing",
    }
    /// The binary log is off.
    NoBinlog {
        id: "no-binlog", worst: Stop, hazards: "H-38",
        title: "binary logs are on",
        matters: "there would be no way back",
    }
    /// XA transactions are prepared.
    PreparedXa {
        id: "prepared-xa", worst: Override, hazards: "H-10",
        title: "no XA transaction is prepared",
        matters: "they can still commit on a fenced server, after the new writer is open",
    }
    /// The server does not listen on the address.
    NotListening {
        id: "not-listening", worst: Stop, hazards: "H-69",
        title: "each server listens on the floating addresses too",
        matters: "clients would be refused at the address",
    }
    /// A Galera cluster, a replication group, or a service that manages its servers itself.
    Cluster {
        id: "cluster", worst: Stop, hazards: "H-100",
        title: "no cluster, no managed service",
        matters: "its members are not a dual-master pair",
    }
    /// The node refuses ordinary accounts only, although its server could refuse all.
    HalfFenced {
        id: "half-fenced", worst: Warn, hazards: "H-13, H-14",
        title: "a node that is closed refuses everybody",
        matters: "administrators still write there, and their transactions are on one node only",
    }
    /// A session of an account that `read_only` does not stop is connected to a server that cannot stop it.
    PrivilegedWriter {
        id: "privileged-writer", worst: Override, hazards: "H-01",
        title: "nobody is connected whom a fence would not stop",
        matters: "it writes on a server that is read-only, as soon as the fence lets its read lock go",
    }
    /// Sessions are connected that flipper's account may not end.
    CannotEndSessions {
        id: "cannot-end-sessions", worst: Warn, hazards: "H-17",
        title: "flipper may end every session",
        matters: "such a session stays on the old writer, where it can read but not write",
    }
    /// flipper's account lacks a privilege that a move needs.
    MissingGrants {
        id: "missing-grants", worst: Warn, hazards: "H-17",
        title: "flipper's account has the privileges that a move needs",
        matters: "the step that needs it would fail in the middle of a move",
    }
    /// flipper's account may change data, although nothing that it does needs that.
    DataRights {
        id: "data-rights", worst: Warn, hazards: "H-01",
        title: "flipper's account may not change data",
        matters: "it may open a closed node: whoever has its password could write there",
    }
    /// A write runs for longer than the fence waits, or so much was changed that its end takes long.
    LongWrite {
        id: "long-write", worst: Override, hazards: "H-02, H-18, H-94",
        title: "no long or large write, nor the rollback of one",
        matters: "the fence waits for it and all new writes queue behind, or the target needs long to catch up",
    }
    /// A transaction has changed rows and idles.
    OpenTransaction {
        id: "open-transaction", worst: Warn, hazards: "H-04",
        title: "no transaction idles with changes that are not committed",
        matters: "its commit will fail once the fence is closed; `drain` gives it time",
    }
    /// Somebody holds a lock that the fence would wait for.
    TableLock {
        id: "table-lock", worst: Override, hazards: "H-05, H-07",
        title: "no LOCK TABLES, no global read lock",
        matters: "the fence would wait for it, or what is replicated could not be applied",
    }
    /// DDL, a schema-change tool or a backup is at work.
    SchemaChange {
        id: "schema-change", worst: Override, hazards: "H-93",
        title: "no DDL, schema change or backup under way",
        matters: "it would be cut off or block the fence, and the target repeats it before it can open",
    }
    /// Semi-synchronous replication waits for replicas that are not there.
    SemiSync {
        id: "semi-sync", worst: Override, hazards: "H-09",
        title: "no commit waits for a replica that is not there",
        matters: "a commit that waits for an acknowledgement holds the fence up, and nobody can write",
    }
    /// User-level locks are held, which the other server does not know of.
    UserLocks {
        id: "user-locks", worst: Warn, hazards: "H-22",
        title: "no GET_LOCK is held",
        matters: "they are not replicated: the new writer gives the same lock to somebody else",
    }
    /// The applier holds temporary tables of sessions of the peer.
    TempTables {
        id: "temp-tables", worst: Override, hazards: "H-28",
        title: "no replicated temporary tables",
        matters: "statements of the old writer that use them cannot be applied after a restart or a move",
    }
    /// Clients use the node's own address.
    DirectClients {
        id: "direct-clients", worst: Warn, hazards: "H-21",
        title: "clients of the writer come through a floating address",
        matters: "they stay on the old writer after a move, where they can only read",
    }
    /// Another server replicates from the pair through a floating address.
    Downstream {
        id: "downstream", worst: Override, hazards: "H-43",
        title: "no other server replicates through a floating address by position",
        matters: "after the move it continues in another server's log, and misses or repeats transactions",
    }
    /// The server has turned a session of flipper's away.
    ConnectionsFull {
        id: "connections-full", worst: Stop, hazards: "H-23",
        title: "both servers have room for more sessions",
        matters: "flipper could not get back in, in the middle of a move",
    }
    /// The node takes fewer sessions than its peer has had.
    FewerConnections {
        id: "fewer-connections", worst: Warn, hazards: "H-24",
        title: "each server takes as many sessions as the other has had",
        matters: "clients would be turned away there",
    }
    /// Accounts of the two nodes differ.
    AccountsDiffer {
        id: "accounts-differ", worst: Warn, hazards: "H-25",
        title: "both have the same accounts",
        matters: "clients that could log in before would be denied after the move",
    }
    /// Clients without TLS, of accounts whose first login on a server needs it or a public key.
    PasswordExchange {
        id: "password-exchange", worst: Warn, hazards: "H-26",
        title: "no clients without TLS of caching_sha2_password accounts",
        matters: "their first login on the new writer needs TLS or its public key",
    }
    /// Scheduled events.
    Events {
        id: "events", worst: Warn, hazards: "H-52",
        title: "no scheduled events",
        matters: "a move neither starts them on the new writer nor stops them on the old one",
    }
    /// A scheduled event runs with rights that no read-only switch of the server stops.
    EventWritesOn {
        id: "event-writes-on", worst: Override, hazards: "H-01, H-52",
        title: "no scheduled event that a fence would not stop",
        matters: "it writes on the old writer after the other node is open: the data differ, and replication breaks",
    }
    /// Settings that change what a statement does differ between the nodes.
    SettingsDiffer {
        id: "settings-differ", worst: Warn, hazards: "H-24, H-39, H-53",
        title: "both servers are set alike",
        matters: "the same statement may do something else after the move",
    }
    /// The binary log does not hold whole rows.
    BinlogFormat {
        id: "binlog-format", worst: Warn, hazards: "H-39",
        title: "binary logs hold whole rows",
        matters: "statements that are not deterministic make the nodes differ, and conflicts cannot be mended",
    }
    /// Generated keys of the two nodes can collide.
    AutoIncrement {
        id: "auto-increment", worst: Warn, hazards: "H-40",
        title: "generated keys of the two nodes never collide",
        matters: "should both ever accept writes, replication stops with duplicate keys",
    }
    /// What is applied is not logged.
    AppliedNotLogged {
        id: "applied-not-logged", worst: Warn, hazards: "H-38",
        title: "what is replicated is logged again",
        matters: "replicas below the node miss the peer's transactions",
    }
    /// The servers are of two versions.
    VersionsDiffer {
        id: "versions-differ", worst: Override, hazards: "H-49",
        title: "both are of one version",
        matters: "replication from the newer to the older is not supported by their makers: no way back",
    }
    /// The peer has purged what the node still lacks.
    PurgedLogs {
        id: "purged-logs", worst: Stop, hazards: "H-44",
        title: "each still has the binary logs that the other needs",
        matters: "the node can never fetch it: it must be built anew from its peer",
    }
    /// The receiver gives up after few tries.
    GivesUp {
        id: "gives-up", worst: Warn, hazards: "H-45",
        title: "receivers go on trying to reach their source",
        matters: "after an outage of its peer the node stays without replication until somebody starts it",
    }
    /// A dead link is noticed late.
    SlowTimeout {
        id: "slow-timeout", worst: Warn, hazards: "H-46",
        title: "a dead replication link is noticed within a minute",
        matters: "until then the receiver seems to run although nothing arrives",
    }
    /// A relay log that a crash has torn is read on.
    RelayRecovery {
        id: "relay-recovery", worst: Warn, hazards: "H-47",
        title: "relay logs are fetched anew after a crash",
        matters: "after a crash the server applies a relay log whose end may be torn",
    }
    /// The source is gone, and what was received from it is not applied yet.
    Unapplied {
        id: "unapplied", worst: Warn, hazards: "H-85",
        title: "what was received from a lost source is applied",
        matters: "it would be missing on the new writer if it opened before",
    }
    /// A transaction has come in without its end, and its source is gone.
    HalfReceived {
        id: "half-received", worst: Warn, hazards: "H-85, H-87",
        title: "no transaction has come in without its end",
        matters: "the applier keeps its row locks for ever, or begins it again on data that has changed since",
    }
    /// A read role is on a node whose data is old.
    StaleReads {
        id: "stale-reads", worst: Warn, hazards: "H-97",
        title: "read roles are on nodes that follow the writer",
        matters: "its clients read old data now",
    }
    /// A crash may lose committed transactions.
    Durability {
        id: "durability", worst: Warn, hazards: "H-50",
        title: "commits are on disk before they are acknowledged",
        matters: "a writer that crashes may come back without transactions that its replica has",
    }
    /// A file of the system brings an address up by itself.
    AddressAtBoot {
        id: "address-at-boot", worst: Override, hazards: "H-66",
        title: "no file of the system brings a floating address up",
        matters: "after a restart the address is on two nodes",
    }
    /// Something else moves addresses or roles.
    OtherManager {
        id: "other-manager", worst: Override, hazards: "H-68",
        title: "nothing else moves addresses or roles",
        matters: "it would undo the move, or make one of its own in the middle of it",
    }
    /// Another service uses a floating address.
    SharedAddress {
        id: "shared-address", worst: Warn, hazards: "H-70",
        title: "no other service listens on a floating address",
        matters: "its clients are moved along, to a node where it may not run",
    }
    /// The nodes' clocks differ.
    ClocksDiffer {
        id: "clocks-differ", worst: Override, hazards: "H-80",
        title: "both clocks say the same",
        matters: "lag is measured wrongly, and timestamps jump with the move",
    }
    /// The server accepts writes after a restart.
    OpensAtBoot {
        id: "opens-at-boot", worst: Override, hazards: "H-88",
        title: "a server that restarts does not accept writes",
        matters: "an old writer that is restarted becomes a second one",
    }
    /// A receiver that was stopped starts with the server.
    FollowsAtBoot {
        id: "follows-at-boot", worst: Warn, hazards: "H-87",
        title: "a receiver that was stopped stays so after a restart",
        matters: "what a node that was declared dead still has flows in, once both are up",
    }
    /// Little disk space is left.
    DiskSpace {
        id: "disk-space", worst: Override, hazards: "H-91",
        title: "there is disk space for data and logs",
        matters: "a writer whose disk is full stops",
    }
    /// InnoDB runs in a mode for emergencies.
    InnodbState {
        id: "innodb-state", worst: Override, hazards: "H-91",
        title: "InnoDB is not in recovery or read-only mode",
        matters: "the server cannot serve writes",
    }
    /// Its server lets only administrators in, or lets nobody write unless they ask for it.
    TurnsAway {
        id: "turns-away", worst: Stop, hazards: "H-20",
        title: "servers let clients in, and let them write",
        matters: "clients that come to it are turned away, or their writes fail",
    }
    /// The server was started a moment ago.
    ColdServer {
        id: "cold-server", worst: Warn, hazards: "H-92",
        title: "servers have run for ten minutes at least",
        matters: "its caches are empty: it will be slow as a writer",
    }
    /// A node that is to be declared dead answers: decided with the goal `fail`.
    NotDead {
        id: "not-dead", worst: Stop, hazards: "H-84",
        title: "a node that is declared dead does not answer",
        matters: "a server that answers may still take writes, and can be moved from without loss",
    }
    /// A node that is declared dead is not known to be out.
    NotFenced {
        id: "not-fenced", worst: Override, hazards: "H-84, H-89",
        title: "a node that is declared dead can be kept from serving anybody",
        matters: "it may be alive behind a broken cable, with clients that write on it",
    }
    /// Somebody answers for an address of the node that is declared dead.
    AddressAnswers {
        id: "address-answers", worst: Stop, hazards: "H-55, H-84",
        title: "nobody answers for the addresses of a node that is declared dead",
        matters: "whoever answers has the address, and its clients with it",
    }
    /// The survivor cannot apply what it has received.
    CannotApply {
        id: "cannot-apply", worst: Stop, hazards: "H-85",
        title: "the survivor can apply all that it has received",
        matters: "transactions that it has on disk would be lost, although nothing is wrong with them",
    }
    /// Transactions of the dead node may never have reached the survivor.
    MayLose {
        id: "may-lose", worst: Override, hazards: "H-86",
        title: "nothing was committed on the dead node that the survivor lacks",
        matters: "replication is not synchronous: the last acknowledged writes may be on the dead node only",
    }
    /// A node was declared dead, and has not come back.
    Deposed {
        id: "deposed", worst: Stop, hazards: "H-87, H-88, H-96",
        title: "no node was declared dead and left behind",
        matters: "it may have transactions of its own, and lacks those that came after it",
    }
    /// A node that has come back has transactions of its own: decided with the goal `rejoin`.
    SecondHistory {
        id: "second-history", worst: Stop, hazards: "H-50, H-95",
        title: "a node that comes back has no transactions of its own",
        matters: "they would flow into the writer, onto data that has changed since",
    }
    /// Roles were moved a moment ago.
    MovedLately {
        id: "moved-lately", worst: Warn, hazards: "H-96",
        title: "within the last ten minutes no move, or one that went well",
        matters: "roles that go to and fro hide a cause that should be found first",
    }
}

impl Code {
    /// It is decided with a goal, and no check of a pair at rest looks for it.
    #[must_use]
    pub fn is_of_goal(self) -> bool {
        matches!(
            self,
            Self::AddressElsewhere
                | Self::NotDead
                | Self::NotFenced
                | Self::AddressAnswers
                | Self::CannotApply
                | Self::MayLose
                | Self::SecondHistory
        )
    }
}
