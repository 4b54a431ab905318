//! What is asked before a node is declared dead, and before one that has come back follows again.

use std::net::IpAddr;

use super::{boot, half_received, plan_override, plan_stop, plan_warn};
use crate::model::{
    BinlogState, Channel, Code, Finding, Flavour, Isolation, NodeName, NodeSnapshot, Observed, Pair, Reason, Relay,
    RoleSpec, Scope, Severity, Side, Snapshot, Thread, WriteAccess,
};

/// What is asked before somebody takes a dead node's place.
pub(in crate::planner) struct Dead<'a> {
    pub(in crate::planner) pair: &'a Pair,
    pub(in crate::planner) snapshot: &'a Snapshot,
    pub(in crate::planner) dead: Side,
    pub(in crate::planner) how: Isolation,
}

impl Dead<'_> {
    fn names(&self) -> (&NodeName, &NodeName) {
        (&self.pair.node(self.dead).name, &self.pair.node(self.dead.peer()).name)
    }

    pub(in crate::planner) fn findings(&self, promotes: bool) -> Vec<Finding> {
        let mut found = vec![];
        found.extend(self.alive());
        found.extend(self.fenced());
        found.extend(self.answers());
        if promotes {
            found.extend(self.applies());
            found.extend(self.lost());
            found.extend(self.prepared());
        }
        found.extend(boot::comes_back(self.pair, self.snapshot, self.dead));
        found
    }

    /// A server that answers anybody is not dead.
    fn alive(&self) -> Vec<Finding> {
        let (dead, survivor) = self.names();
        let node = self.snapshot.node(self.dead);
        let witness = &self.snapshot.node(self.dead.peer()).witness;
        let pair = &self.pair.name;
        let moves = format!(
            "`flipper plan {pair} drain {dead}` moves its roles without losing anything; where that cannot be had, switch \
             the machine off first, then say `fail {dead}` again"
        );
        let mut found = vec![];
        if node.server.known().is_some() {
            found.push(plan_stop(Code::NotDead, self.dead, format!("MySQL on {dead} answers"), moves));
        } else if witness.greeted.is(&true) {
            found.push(plan_stop(
                Code::NotDead,
                self.dead,
                format!("MySQL on {dead} answers {survivor}, though not this machine"),
                format!("mend the way from here to {dead}; {moves}"),
            ));
        } else if self.how == Isolation::Hand
            && let Some(why) = witness.greeted.why_unknown()
        {
            found.push(plan_stop(
                Code::Unknown,
                self.dead,
                format!("{survivor} cannot say whether MySQL on {dead} answers it: {why}"),
                format!("mend the way to {survivor} by ssh: it must confirm that {dead} is silent"),
            ));
        }
        found
    }

    fn fenced(&self) -> Option<Finding> {
        let (dead, _) = self.names();
        (self.how == Isolation::Hand).then(|| {
            plan_override(
                Code::NotFenced,
                self.dead,
                format!("{dead} does not answer by ssh, and no `fence` program is configured for it"),
                format!(
                    "switch {dead} off, or cut its network at the switch, so that it stays so; then say it: \
                     --fenced-by-hand {dead}"
                ),
            )
        })
    }

    /// Somebody who has an address, and of whom nobody knows that he will lose it.
    fn answers(&self) -> Vec<Finding> {
        let (dead, survivor) = self.names();
        let witness = &self.snapshot.node(self.dead.peer()).witness;
        let node = self.snapshot.node(self.dead);
        let answering = match (&witness.answering, self.how) {
            // before the machine is switched off it may well answer; afterwards it is looked at
            (_, Isolation::Hook) | (Observed::Unknown(_), Isolation::Shell) => return vec![],
            (Observed::Unknown(why), Isolation::Hand) => {
                return vec![plan_stop(
                    Code::Unknown,
                    self.dead,
                    format!("{survivor} cannot say whether anybody answers for the addresses: {why}"),
                    format!("mend that; a person's word for {dead} needs it"),
                )];
            }
            (Observed::Known(answering), _) => answering,
        };
        let interface = &self.pair.node(self.dead.peer()).interface;
        let roles = self.pair.roles.iter().filter(|role| answering.contains(&role.address.ip));
        let there = |role: &&RoleSpec| node.holds(role).known().is_some_and(|held| !held.is_empty());
        roles
            .filter(|role| !there(role))
            .map(|role| {
                plan_stop(
                    Code::AddressAnswers,
                    self.dead,
                    format!("somebody answers for {} ({}) on the network of {survivor}", role.name, role.address),
                    format!(
                        "find out who: `{}` on {survivor} tells the hardware address; then take it away there",
                        match role.address.ip {
                            IpAddr::V4(ip) => format!("arping -D -c 2 -I {interface} {ip}"),
                            IpAddr::V6(ip) => format!("ndisc6 {ip} {interface}"),
                        }
                    ),
                )
            })
            .collect()
    }

    /// What is on the survivor's disk is not lost: it must be able to apply it.
    fn applies(&self) -> Option<Finding> {
        let (_, survivor) = self.names();
        let channels = self.snapshot.node(self.dead.peer()).channels.known()?;
        let seen = match &channels[..] {
            // as a run leaves it that was cut off before it opened anybody: there is nothing to apply
            [channel] if channel.delay == 0 && is_done(channel, &self.snapshot.node(self.dead.peer()).relay) => {
                return None;
            }
            [channel] if channel.applier != Thread::Running => {
                let errors: Vec<String> =
                    channel.errors.iter().map(|(code, text)| format!("; error {code}: {text}")).collect();
                format!("{survivor}: applier {}{}", channel.applier, errors.concat())
            }
            [channel] if channel.delay > 0 => format!("{survivor} applies with a delay of {} s", channel.delay),
            [_] => return None,
            several => format!("{survivor} has {} replication channels", several.len()),
        };
        Some(plan_stop(
            Code::CannotApply,
            self.dead.peer(),
            seen,
            match throws_away(self.snapshot.node(self.dead.peer())) {
                false => format!(
                    "mend what stops it on {survivor}, start the applier there, and plan again; no RESET REPLICA: what it has \
                     received and not applied would be lost"
                ),
                true => format!(
                    "save the relay logs of {survivor}: they may be the only copy, and START SLAVE throws them away while neither \
                     thread runs. Mend what stops the applier, apply the rest of them by mariadb-binlog, and plan again"
                ),
            },
        ))
    }

    /// What the dead one has prepared keeps its locks on the survivor until it is decided.
    fn prepared(&self) -> Option<Finding> {
        let (_, survivor) = self.names();
        let count = self.snapshot.node(self.dead.peer()).prepared_xa.known().filter(|count| **count > 0)?;
        Some(plan_warn(
            Code::PreparedXa,
            self.dead.peer(),
            format!(
                "{survivor} has {count} prepared XA transaction(s): they keep their locks until their coordinator, or a \
                 person, commits or rolls them back there (XA RECOVER)"
            ),
        ))
    }

    /// How much may be lost, at most.
    fn lost(&self) -> Option<Finding> {
        let (dead, survivor) = self.names();
        let node = self.snapshot.node(self.dead.peer());
        if node.witness.left_behind.is(&0) {
            return None;
        }
        // a plan says this, and no position is part of a plan: a node that is only cut off may still send
        let said = match node.witness.left_behind.known() {
            Some(count) => {
                format!("{count} transactions are in the binary logs of {dead} that {survivor} never received")
            }
            None => format!(
                "what {dead} committed after the last transaction that {survivor} has received of it is not on {survivor}"
            ),
        };
        Some(plan_override(
            Code::MayLose,
            self.dead,
            said,
            match node.witness.export.known() {
                Some(export) => format!("save them on {dead}: `{export}`; then, if it must be: --accept-loss"),
                None => {
                    format!(
                        "save the binary logs of {dead} where its disk can be read; then, if it must be: --accept-loss"
                    )
                }
            },
        ))
    }
}

/// A MariaDB replica by GTID of which neither thread runs begins with new relay logs.
pub(super) fn throws_away(node: &NodeSnapshot) -> bool {
    let mariadb = node.server.known().is_some_and(|server| server.flavour == Flavour::MariaDb);
    let stopped = |channel: &Channel| channel.receiver == Thread::Stopped && channel.applier == Thread::Stopped;
    mariadb && node.channels.known().is_some_and(|all| all.iter().any(stopped))
}

/// Neither receiver nor applier runs, nothing that was received is left to apply, and no error of the data's is the
/// reason.
fn is_done(channel: &Channel, relay: &Relay) -> bool {
    channel.receiver == Thread::Stopped
        && channel.applier == Thread::Stopped
        && relay.unapplied.as_ref().map(String::is_empty).is(&true)
        && !channel.errors.iter().any(of_applier)
}

/// There is a writer for it to follow.
pub(in crate::planner) fn nobody_to_follow(pair: &Pair, snapshot: &Snapshot, back: Side) -> Option<Reason> {
    let (name, writer) = (&pair.node(back).name, &pair.node(back.peer()).name);
    (!snapshot.node(back.peer()).access.is(&WriteAccess::Open)).then(|| Reason {
        code: Code::NoneOpen,
        seen: format!("{writer} does not accept writes, so there is nobody for {name} to follow"),
        help: format!(
            "make {writer} the writer first: `flipper plan {} set ROLE {writer}`, or `fail {name}`",
            pair.name
        ),
    })
}

/// What is asked before a node that has come back follows again.
pub(in crate::planner) fn returned(pair: &Pair, snapshot: &Snapshot, back: Side) -> Vec<Finding> {
    let (name, writer) = (&pair.node(back).name, &pair.node(back.peer()).name);
    let node = snapshot.node(back);
    let stop = |code: Code, seen: String, help: String| plan_stop(code, back, seen, help);
    let mut found = vec![];
    let close =
        format!("`flipper plan {} drain {name}` closes it and takes its addresses away, where it has any", pair.name);
    let rebuild = rebuild(snapshot, back);
    match &node.ahead {
        Observed::Known(own) if own.is_empty() => {}
        Observed::Known(own) => found.push(stop(
            Code::SecondHistory,
            format!("{name} has transactions that {writer} lacks: {own}"),
            format!(
                "{close}; save them: {}; then build {name} anew from {writer}: {rebuild}",
                export(snapshot, back, own)
            ),
        )),
        Observed::Unknown(why) => found.push(stop(
            Code::Unknown,
            format!("it cannot be told whether {name} has transactions of its own: {why}"),
            format!("mend that; {close}"),
        )),
    }
    match &node.relay.purged {
        Observed::Known(purged) if purged.is_empty() => {}
        Observed::Known(purged) => found.push(stop(
            Code::PurgedLogs,
            format!("{name} lacks what {writer} has purged from its binary logs: {purged}"),
            format!("{close}; then build {name} anew from {writer}: {rebuild}"),
        )),
        Observed::Unknown(why) => found.push(stop(
            Code::Unknown,
            format!("it cannot be told whether {writer} still has all that {name} lacks: {why}"),
            "mend that, then plan again".to_owned(),
        )),
    }
    if let Some(own) = never_sent(snapshot, back) {
        found.push(stop(
            Code::PurgedLogs,
            format!("{writer} has transactions of {name} that it lacks itself, and nobody sends a server its own: {own}"),
            format!(
                "if {name} was built anew from {writer} since then: RESET MASTER there, and SET GLOBAL gtid_binlog_state = \
                 '{own},POSITION' with the position of the backup; else build it anew"
            ),
        ));
    }
    if let Observed::Known(purged) = &snapshot.node(back.peer()).relay.purged
        && !purged.is_empty()
    {
        let help = match node.server.known().map(|server| server.flavour) {
            Some(Flavour::MariaDb) => format!(
                "where {name} was built anew from {writer}, it has all that {writer} has: on {writer}, STOP SLAVE; SET GLOBAL \
                 gtid_slave_pos = @@global.gtid_binlog_pos"
            ),
            Some(Flavour::MySql) | None => format!("{close}; then build {name} anew from {writer}: {rebuild}"),
        };
        found.push(plan_stop(
            Code::PurgedLogs,
            back.peer(),
            format!("{writer} would go on before the oldest binary log of {name}, which begins after {purged}"),
            help,
        ));
    }
    if node.prepared_xa.known().is_some_and(|count| *count > 0) {
        found.push(plan_override(
            Code::PreparedXa,
            back,
            format!("{name} has prepared XA transactions, which can still commit there"),
            format!(
                "XA RECOVER lists them: what {writer} has prepared, too, is committed or rolled back there, and comes to \
                 {name} by replication; the others, on {name}, as their coordinator says"
            ),
        ));
    }
    if half_received::would_be_applied_again(snapshot.node(back.peer())) {
        found.push(plan_stop(
            Code::HalfReceived,
            back.peer(),
            format!("the applier of {writer} would begin a transaction of {name} again that came in without its end"),
            format!(
                "on {writer}, with its replication stopped: RESET REPLICA. It discards only the relay log, of which all that is \
                 complete is applied, and keeps where to replicate from. Then plan again"
            ),
        ));
    }
    for side in Side::BOTH {
        let (node, peer) = (&snapshot.node(side), &pair.node(side.peer()).name);
        let Some(channels) = node.channels.known() else { continue };
        match &channels[..] {
            [channel] if channel.applier == Thread::Stopped && channel.errors.iter().any(of_applier) => {
                let errors = channel.errors.iter().filter(|error| of_applier(error));
                let errors: Vec<String> = errors.map(|(code, text)| format!("error {code}: {text}")).collect();
                found.push(plan_stop(
                    Code::ReplicationStopped,
                    side,
                    format!("{}: the applier has stopped: {}", node.name, errors.join("; ")),
                    format!("mend the cause on {}; it would stop there again", node.name),
                ));
            }
            [_] => {}
            _ => found.push(plan_stop(
                Code::NotReplica,
                side,
                format!("{} has {} replication channels", node.name, channels.len()),
                format!("let it have one, from {peer}"),
            )),
        }
    }
    found
}

/// What a receiver says of its source (it cannot be reached, has purged its logs, has the same id) is no error of the
/// applier's, and gone when the receiver is started.
pub(super) fn of_applier(error: &(u32, String)) -> bool {
    !matches!(error.0, 1236 | 1593 | 13114..=13125) && !is_quiet(error)
}

/// A source that could not be reached; and what is left behind by an applier that was stopped in the middle of a
/// transaction: MySQL's 1756, MariaDB's 1594 after changes to other engines than InnoDB. Both are gone when it is started.
pub(super) fn is_quiet((code, _): &(u32, String)) -> bool {
    matches!(code, 1594 | 1756 | 2000..3000)
}

/// MariaDB: what a node has committed in a former life, as its peer knows and it does not. It ignores its own transactions when
/// it receives them.
fn never_sent(snapshot: &Snapshot, back: Side) -> Option<BinlogState> {
    let server = snapshot.node(back).server.known().filter(|server| server.flavour == Flavour::MariaDb)?;
    let lacks = BinlogState::parse(snapshot.node(back.peer()).ahead.known()?)?;
    Some(lacks.of_server(server.server_id)).filter(|own| !own.is_empty())
}

/// How a server's own transactions are saved.
fn export(snapshot: &Snapshot, side: Side, own: &str) -> String {
    match snapshot.node(side).server.known().map(|server| server.flavour) {
        Some(Flavour::MariaDb) => "`mariadb-binlog --start-position=GTID BINLOG…` there".to_owned(),
        Some(Flavour::MySql) | None => format!("`mysqlbinlog --include-gtids='{own}' BINLOG…` there"),
    }
}

fn rebuild(snapshot: &Snapshot, side: Side) -> &'static str {
    match snapshot.node(side).server.known().map(|server| server.flavour) {
        Some(Flavour::MariaDb) => "mariadb-backup",
        Some(Flavour::MySql) | None => "the CLONE plugin, or xtrabackup",
    }
}

/// A node was declared dead, as this machine remembers, or as the servers themselves show: an open writer whose
/// receiver somebody has stopped, and its applier only where that was in the middle of something.
pub(in crate::planner) fn deposed(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let (name, writer) = (&pair.node(side).name, &pair.node(side.peer()).name);
    let peer = snapshot.node(side.peer());
    // what it said last of a source that could not be reached is no reason of its own
    let rolled_back = half_received::is_cut_off(peer);
    let turned_off = |channels: &Vec<Channel>| match &channels[..] {
        [channel] => {
            channel.receiver == Thread::Stopped
                && (channel.applier == Thread::Running || rolled_back)
                && channel.errors.iter().all(is_quiet)
        }
        _ => false,
    };
    let shown = peer.access.is(&WriteAccess::Open) && peer.channels.known().is_some_and(turned_off);
    let seen = match &snapshot.node(side).deposed {
        Some(deposed) => {
            format!("{name} was declared dead ({}); {writer} took its place at {}", deposed.since, deposed.position)
        }
        None if shown => {
            format!(
                "{name} seems to have been declared dead: {writer} accepts writes, and its receiver from {name} was stopped"
            )
        }
        None => return None,
    };
    Some(Finding {
        code: Code::Deposed,
        side: Some(side),
        seen,
        help: format!("`flipper plan {} rejoin {name}` compares both and brings it back", pair.name),
        scopes: vec![(Scope::Serves(side), Severity::Stop)],
    })
}
