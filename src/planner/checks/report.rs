//! Every check with its verdict: what `flipper check` says of a pair.

use std::time::Duration;

use super::findings;
use crate::model::{Code, Finding, Kept, NodeSnapshot, Observed, Pair, Readiness, Scope, Severity, Snapshot};

/// What one check says of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was looked at, and is as it should be.
    Ok,
    /// The operator should know.
    Warn,
    /// It could not be looked at, on one node at least, and what could be seen is in order.
    Unknown,
    /// A plan that relies on it is refused, unless this finding is overridden.
    Override,
    /// A plan that relies on it is refused.
    Stop,
}

impl Verdict {
    /// Its word in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Override => "override",
            Self::Stop => "stop",
        }
    }

    /// Whether it speaks against moving anything: what is merely unknown does not, what every move relies on and
    /// cannot be seen is a finding of its own ([`Code::Unknown`]).
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Override | Self::Stop)
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub code: Code,
    /// What it says.
    pub verdict: Verdict,
    /// What it found.
    pub found: Vec<Finding>,
    /// What it could not see: the node, and why.
    pub unknown: Vec<(String, String)>,
}

/// How long ago a move seems too soon for another one.
pub const LATELY: Duration = Duration::from_secs(600);

/// Every check of a pair, in their order. `last_move`: how long ago roles were last moved here, where that is reason to
/// wonder; `None` where it is not.
#[must_use]
pub fn check(pair: &Pair, snapshot: &Snapshot, last_move: &Observed<Option<Duration>>) -> Vec<Checked> {
    let mut found = findings(pair, snapshot);
    found.extend(moved_lately(last_move));
    let one = |code: Code| {
        let found: Vec<Finding> = found.iter().filter(|finding| finding.code == code).cloned().collect();
        let mut unknown: Vec<(String, String)> = vec![];
        for node in &snapshot.nodes {
            let why = needs(code, node).into_iter().flatten();
            unknown.extend(why.map(|why| (node.name.to_string(), why.to_owned())));
        }
        if code == Code::MovedLately {
            unknown.extend(last_move.why_unknown().map(|why| (String::new(), why.to_owned())));
        }
        unknown.dedup();
        let worst = found.iter().map(|finding| match finding.severity() {
            Severity::Warn => Verdict::Warn,
            Severity::Override => Verdict::Override,
            Severity::Stop => Verdict::Stop,
        });
        let verdict = match (worst.max(), unknown.is_empty()) {
            (Some(worst), _) => worst,
            (None, false) => Verdict::Unknown,
            (None, true) => Verdict::Ok,
        };
        Checked { code, verdict, found, unknown }
    };
    Code::ALL.into_iter().filter(|code| !code.is_of_goal()).map(one).collect()
}

fn moved_lately(last_move: &Observed<Option<Duration>>) -> Option<Finding> {
    let ago = last_move.known().copied().flatten().filter(|ago| *ago < LATELY)?;
    Some(Finding {
        code: Code::MovedLately,
        side: None,
        seen: format!("roles of this pair were moved {} s ago, from this machine", ago.as_secs()),
        help: "see with `flipper history` what was moved, and find out why before another move".to_owned(),
        scopes: vec![(Scope::Report, Severity::Warn)],
    })
}

/// Why a check could not look at a node, for each fact that it looks at. What every move relies on is the check
/// [`Code::Unknown`]'s own, and not told again by each check that looks at it as well, but for a node's check itself.
fn needs(code: Code, node: &NodeSnapshot) -> Vec<Option<&str>> {
    let NodeSnapshot {
        name: _,
        server,
        same_machine,
        access,
        addresses,
        system,
        channels,
        settings,
        position: _,
        ahead,
        prepared_xa,
        workload,
        health,
        boot,
        relay,
        inventory,
        witness: _,
        readiness,
        traffic: _,
        deposed: _,
    } = node;
    match code {
        // its findings are what is unknown
        Code::Unknown
        | Code::AddressElsewhere
        | Code::MovedLately
        | Code::NotDead
        | Code::NotFenced
        | Code::AddressAnswers
        | Code::CannotApply
        | Code::MayLose
        | Code::SecondHistory => vec![],
        Code::Deposed => vec![channels.why_unknown()],
        Code::WrongMachine => vec![same_machine.why_unknown()],
        Code::SameServer | Code::MixedFlavours | Code::VersionsDiffer => vec![server.why_unknown()],
        Code::BothOpen | Code::NoneOpen | Code::SwitchUnderWay | Code::HalfFenced => vec![access.why_unknown()],
        Code::WriterElsewhere => vec![access.why_unknown(), addresses.why_unknown()],
        Code::AddressOnBoth | Code::AddressNowhere => vec![addresses.why_unknown()],
        Code::AddressPlace => vec![addresses.why_unknown(), system.why_unknown()],
        Code::CannotAnnounce | Code::MissingTool | Code::NotPermitted => vec![system.why_unknown()],
        Code::FailNotPermitted => {
            let Readiness { isolate, listen, count } = readiness;
            vec![isolate.why_unknown(), listen.why_unknown(), count.why_unknown()]
        }
        Code::NotReplica | Code::ManyChannels | Code::ReplicationDelayed | Code::Lagging => {
            vec![channels.why_unknown()]
        }
        Code::ReplicationStopped => vec![channels.why_unknown()],
        Code::StaleReads => vec![channels.why_unknown(), addresses.why_unknown()],
        Code::ReplicationFiltered | Code::NoGtid => vec![channels.why_unknown(), settings.why_unknown()],
        Code::Diverged => vec![ahead.why_unknown()],
        Code::NoBinlog | Code::AppliedNotLogged | Code::NotListening => vec![settings.why_unknown()],
        Code::Cluster => vec![settings.why_unknown(), inventory.variables.why_unknown()],
        Code::PreparedXa => vec![prepared_xa.why_unknown()],
        Code::PrivilegedWriter => vec![workload.privileged.why_unknown()],
        Code::CannotEndSessions => vec![workload.protected.why_unknown()],
        Code::MissingGrants => vec![inventory.missing_grants.why_unknown()],
        Code::DataRights => vec![inventory.data_rights.why_unknown()],
        Code::LongWrite | Code::OpenTransaction => vec![workload.work.why_unknown()],
        Code::TableLock | Code::UserLocks => vec![workload.locks.why_unknown()],
        // backups that hold a lock and nothing else are one part of it only
        Code::SchemaChange => vec![workload.work.why_unknown()],
        Code::SemiSync => vec![workload.semi_sync.why_unknown()],
        Code::TempTables => vec![workload.temp_tables.why_unknown()],
        Code::DirectClients => vec![workload.direct.why_unknown()],
        Code::Downstream => vec![workload.downstream.why_unknown()],
        Code::ConnectionsFull => vec![health.turned_away.why_unknown(), health.connections.why_unknown()],
        Code::FewerConnections => vec![health.connections.why_unknown()],
        Code::AccountsDiffer => vec![inventory.accounts.why_unknown()],
        Code::PasswordExchange => vec![workload.without_tls.why_unknown()],
        Code::Events => vec![inventory.events.why_unknown(), inventory.variables.why_unknown()],
        // its finding says so where the events themselves are unknown, and somebody runs them
        Code::EventWritesOn
        | Code::SettingsDiffer
        | Code::AutoIncrement
        | Code::SlowTimeout
        | Code::RelayRecovery
        | Code::Durability => {
            vec![inventory.variables.why_unknown()]
        }
        Code::BinlogFormat => vec![settings.why_unknown(), inventory.variables.why_unknown()],
        Code::PurgedLogs => vec![relay.purged.why_unknown()],
        Code::GivesUp => vec![relay.retries.why_unknown()],
        Code::Unapplied => vec![relay.unapplied.why_unknown(), channels.why_unknown()],
        Code::HalfReceived => vec![relay.half_received.why_unknown(), channels.why_unknown()],
        Code::AddressAtBoot => vec![boot.files.why_unknown()],
        Code::OtherManager => vec![boot.managers.why_unknown()],
        Code::SharedAddress => vec![health.listeners.why_unknown()],
        Code::ClocksDiffer => vec![health.clock_ahead.why_unknown()],
        // what was persisted wins over all that could not be seen
        Code::OpensAtBoot => match boot.read_only.known() {
            Some(Kept::Persisted(_)) => vec![],
            _ => vec![boot.access.why_unknown()],
        },
        Code::FollowsAtBoot => vec![channels.why_unknown(), boot.follows.why_unknown()],
        Code::DiskSpace => vec![health.disk.why_unknown()],
        Code::InnodbState | Code::TurnsAway => vec![inventory.variables.why_unknown()],
        Code::ColdServer => vec![health.uptime.why_unknown()],
    }
}
