//! A node that a person declares dead, and one that has come back.
//!
//! What is unknown of a dead node is not guessed: a person's word stands in for it, and only for that. Everything that
//! can be known is still asked for: whether it answers anybody, whether it is kept out, whether the survivor can apply
//! all that it has, and how much may be missing there.

use super::basis::runs;
use super::checks::{plan_override, plan_stop};
use super::diff;
use super::recover::Opened;
use crate::model::{
    Access, Action, Channel, Code, Finding, Flavour, Goal, Isolation, NodeName, Observed, Pair, Plan, Reason, RoleSpec,
    Scope, Severity, Side, Snapshot, Thread, WriteAccess,
};

/// The kinds of ways to a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Both nodes are there.
    Move,
    /// One is declared dead, and kept out in this way.
    Fail(Side, Isolation),
    /// One has come back.
    Rejoin(Side),
}

impl Course {
    pub(super) fn of(pair: &Pair, snapshot: &Snapshot, goal: &Goal) -> Self {
        match goal {
            Goal::Fail(node) => pair.side(node).map_or(Self::Move, |side| Self::Fail(side, rung(pair, snapshot, side))),
            Goal::Rejoin(node) => pair.side(node).map_or(Self::Move, Self::Rejoin),
            Goal::Swap(_) | Goal::Set(..) | Goal::Drain(_) | Goal::Down(_) | Goal::Up(..) | Goal::Assign(_) => {
                Self::Move
            }
        }
    }

    /// The node that is declared dead.
    pub(super) fn dead(self) -> Option<Side> {
        match self {
            Self::Fail(side, _) => Some(side),
            Self::Move | Self::Rejoin(_) => None,
        }
    }

    /// Whether a finding of a pair at rest says anything about this way at all.
    pub(super) fn heeds(self, finding: &Finding) -> bool {
        match self {
            Self::Move => true,
            // of the dead one only what its machine must still do
            Self::Fail(dead, _) => {
                finding.side != Some(dead)
                    || matches!(finding.code, Code::MissingTool | Code::NotPermitted | Code::AddressPlace)
            }
            // that it was left behind is why it is brought back; what it has of its own is asked more strictly
            Self::Rejoin(back) => {
                !(finding.code == Code::Deposed || (finding.code == Code::Diverged && finding.side == Some(back)))
            }
        }
    }

    /// What stands in the way of this goal only.
    pub(super) fn findings(self, pair: &Pair, snapshot: &Snapshot, promotes: bool) -> Vec<Finding> {
        match self {
            Self::Move => vec![],
            Self::Fail(dead, how) => Dead { pair, snapshot, dead, how }.findings(promotes),
            Self::Rejoin(back) => returned(pair, snapshot, back),
        }
    }
}

/// The highest rung of the ladder that can be had: its own machine, the operator's program, a person's word.
fn rung(pair: &Pair, snapshot: &Snapshot, dead: Side) -> Isolation {
    let node = snapshot.node(dead);
    if node.addresses.known().is_some() && node.system.known().is_some() {
        Isolation::Shell
    } else if pair.node(dead).has_fence {
        Isolation::Hook
    } else {
        Isolation::Hand
    }
}

/// Where a role of the dead node goes. `None`: it stays where it is.
pub(super) fn inherits(snapshot: &Snapshot, role: &RoleSpec, dead: Side) -> Option<Side> {
    let survivor = dead.peer();
    let holders = snapshot.holders(role);
    let held = match snapshot.node(dead).addresses {
        Observed::Known(_) => holders.contains(&dead),
        // whatever is nowhere to be seen may have been there
        Observed::Unknown(_) => !holders.contains(&survivor),
    };
    let closed = role.access == Access::ReadWrite
        && holders.contains(&survivor)
        && !snapshot.node(survivor).access.is(&WriteAccess::Open);
    (held || closed).then_some(survivor)
}

/// What is done for a dead node's survivor. `roles`: those that it gets; `isolates`: that the other one is out is not
/// certain yet.
pub(super) fn fail(
    pair: &Pair,
    snapshot: &Snapshot,
    (dead, how): (Side, Isolation),
    roles: &[&RoleSpec],
    isolates: bool,
) -> Vec<Action> {
    let survivor = dead.peer();
    let (there, here) = (pair.node(dead), pair.node(survivor));
    let seen = snapshot.node(survivor);
    let mut actions = vec![];
    let receives = |channels: &Vec<Channel>| channels.iter().any(|channel| channel.receiver != Thread::Stopped);
    if seen.channels.known().is_some_and(receives) {
        actions.push(Action::StopReceiving { node: here.name.clone() });
    }
    let writes = roles.iter().any(|role| role.access == Access::ReadWrite);
    let promotes = writes && !seen.access.is(&WriteAccess::Open);
    if promotes {
        actions.push(Action::ApplyReceived { node: here.name.clone() });
        actions.push(Action::Promote { node: here.name.clone(), dead: there.name.clone() });
    }
    for role in roles {
        let on = |side: Side| snapshot.node(side).holds(role).known().cloned().unwrap_or_default();
        for held in on(dead) {
            actions.push(Action::Drop {
                role: role.name.clone(),
                node: there.name.clone(),
                to: None,
                address: held.address,
                interface: held.interface.clone(),
            });
        }
        let taken = on(survivor).is_empty();
        let dropped = !on(dead).is_empty();
        if taken {
            actions.push(Action::Take {
                role: role.name.clone(),
                access: role.access,
                node: here.name.clone(),
                from: None,
                address: role.address,
                interface: here.interface.clone(),
            });
        }
        if taken || dropped {
            let interface = on(survivor).first().map_or_else(|| here.interface.clone(), |held| held.interface.clone());
            actions.push(Action::Announce {
                role: role.name.clone(),
                node: here.name.clone(),
                address: role.address,
                interface,
            });
        }
        if taken || dropped || (promotes && role.access == Access::ReadWrite) {
            actions.push(diff::verify(role, &here.name));
        }
    }
    if isolates && !actions.is_empty() {
        actions.insert(0, Action::Isolate { node: there.name.clone(), how });
    }
    actions
}

/// What is done for a node that has come back: it is closed and loses its addresses, then it follows, then the writer
/// follows it. `whole`: it is a plan of its own, not the rest of one, which has the read lock already.
pub(super) fn rejoin(pair: &Pair, snapshot: &Snapshot, back: Side, whole: bool) -> Vec<Action> {
    let writer = back.peer();
    let name = |side: Side| pair.node(side).name.clone();
    let mut actions = vec![];
    // administrators are kept out too, where the write address leaves it
    let holds = |side: Side| pair.write_role().is_some_and(|role| snapshot.holders(role).contains(&side));
    diff::close(pair, snapshot, back, (whole && holds(back) && !holds(writer), false), &mut actions);
    for role in pair.roles.iter().filter(|role| snapshot.holders(role).contains(&back)) {
        actions.extend(diff::move_role(pair, snapshot, role, Some(writer)));
    }
    let follows = |side: Side| snapshot.node(side).channels.known().is_some_and(|channels| channels.iter().all(runs));
    let closes = actions.iter().any(|action| matches!(action, Action::Fence { .. }));
    if follows(back) && follows(writer) && !closes {
        return actions;
    }
    actions.push(Action::Compare { node: name(back), source: name(writer) });
    if !follows(back) {
        actions.push(Action::StartReplication { node: name(back), source: name(writer) });
    }
    actions.push(Action::Approach { node: name(back), source: name(writer) });
    if !follows(writer) {
        actions.push(Action::StartReplication { node: name(writer), source: name(back) });
    }
    actions
}

/// What is asked before somebody takes a dead node's place.
struct Dead<'a> {
    pair: &'a Pair,
    snapshot: &'a Snapshot,
    dead: Side,
    how: Isolation,
}

impl Dead<'_> {
    fn names(&self) -> (&NodeName, &NodeName) {
        (&self.pair.node(self.dead).name, &self.pair.node(self.dead.peer()).name)
    }

    fn findings(&self, promotes: bool) -> Vec<Finding> {
        let mut found = vec![];
        found.extend(self.alive());
        found.extend(self.fenced());
        found.extend(self.answers());
        if promotes {
            found.extend(self.applies());
            found.extend(self.lost());
        }
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
                format!("mend that; a person's word for {dead} needs a second witness"),
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
                        "find out who: `arping -D` on {survivor} tells the hardware address; then take it away there"
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
            format!("mend the applier on {survivor} first: what it has received and not applied would be lost"),
        ))
    }

    /// How much may be lost, at most.
    fn lost(&self) -> Option<Finding> {
        let (dead, survivor) = self.names();
        let node = self.snapshot.node(self.dead.peer());
        if node.witness.left_behind.is(&0) {
            return None;
        }
        let mut said = match node.witness.left_behind.known() {
            Some(count) => {
                format!("{count} transactions are in the binary logs of {dead} that {survivor} never received")
            }
            None => format!("what {dead} committed after {survivor} last heard of it is not on {survivor}"),
        };
        if let Some(received) = node.witness.received.known() {
            said += &format!("; it has received up to {received}");
        }
        if let Some(Some(silent)) = node.witness.silent.known() {
            said += &format!("; it last heard of {dead} {silent} s ago");
        }
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

/// There is a writer for it to follow.
pub(super) fn nobody_to_follow(pair: &Pair, snapshot: &Snapshot, back: Side) -> Option<Reason> {
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
fn returned(pair: &Pair, snapshot: &Snapshot, back: Side) -> Vec<Finding> {
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
    if node.prepared_xa.known().is_some_and(|count| *count > 0) {
        found.push(plan_override(
            Code::PreparedXa,
            back,
            format!("{name} has prepared XA transactions, which can still commit there"),
            format!("XA RECOVER on {name} lists them; commit or roll back each as its coordinator says"),
        ));
    }
    for side in Side::BOTH {
        let (node, peer) = (&snapshot.node(side), &pair.node(side.peer()).name);
        let Some(channels) = node.channels.known() else { continue };
        match &channels[..] {
            [channel] if channel.applier == Thread::Stopped && !channel.errors.is_empty() => {
                let errors: Vec<String> =
                    channel.errors.iter().map(|(code, text)| format!("error {code}: {text}")).collect();
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
/// receiver somebody has stopped.
pub(super) fn deposed(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let (name, writer) = (&pair.node(side).name, &pair.node(side.peer()).name);
    let peer = snapshot.node(side.peer());
    // what it said last of a source that could not be reached is no reason of its own
    let silent = |channel: &Channel| channel.errors.iter().all(|(code, _)| (2000..3000).contains(code));
    let turned_off = |channels: &Vec<Channel>| match &channels[..] {
        [channel] => channel.receiver == Thread::Stopped && channel.applier == Thread::Running && silent(channel),
        _ => false,
    };
    let shown = peer.access.is(&WriteAccess::Open) && peer.channels.known().is_some_and(turned_off);
    let seen = match &snapshot.node(side).deposed {
        Some(deposed) => {
            format!("{name} was declared dead ({}); {writer} took its place at {}", deposed.since, deposed.position)
        }
        None if shown => format!("{writer} accepts writes, and its receiver from {name} was stopped"),
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

/// Back to how it was before a node was declared dead: as long as nobody took its place, its peer receives again what it
/// may still send one day. That the dead one is kept out stays so.
pub(super) fn undo_fail(pair: &Pair, now: &Snapshot, plan: &Plan, opened: Opened) -> Result<Vec<Action>, Vec<Reason>> {
    let Some(survivor) = plan.dead().and_then(|dead| pair.side(dead)).map(Side::peer) else { return Ok(vec![]) };
    let node = now.node(survivor);
    let promotes = plan.steps.iter().any(|step| matches!(step.action, Action::Promote { .. }));
    let forward = |code: Code, seen: String| {
        let help = format!("go forward: `flipper plan {} {}`", pair.name, plan.goal);
        Err(vec![Reason { code, seen, help }])
    };
    match node.access.known() {
        Some(WriteAccess::Open) if promotes => {
            return forward(Code::BothOpen, format!("{} is open in the place of the dead node", node.name));
        }
        None => return forward(Code::Unknown, format!("it is not known whether {} is open", node.name)),
        Some(_) if opened == Opened::Done => {
            return forward(Code::NoneOpen, format!("{} was open, and may have transactions of its own", node.name));
        }
        Some(_) => {}
    }
    let stops = plan.steps.iter().any(|step| matches!(step.action, Action::StopReceiving { .. }));
    let stopped = |channel: &Channel| channel.receiver == Thread::Stopped;
    let resume = stops && node.channels.known().is_some_and(|channels| channels.iter().any(stopped));
    Ok(if resume { vec![Action::ResumeReceiving { node: node.name.clone() }] } else { vec![] })
}

/// Back to how it was before a node came back: what was started is stopped. It stays closed, without an address.
pub(super) fn undo_rejoin(pair: &Pair, now: &Snapshot, plan: &Plan) -> Vec<Action> {
    let started = plan.steps.iter().rev().filter_map(|step| match &step.action {
        Action::StartReplication { node, .. } => pair.side(node),
        _ => None,
    });
    let receives = |side: &Side| {
        let channels = now.node(*side).channels.known();
        channels.is_some_and(|all| all.iter().any(|channel| channel.receiver != Thread::Stopped))
    };
    started.filter(receives).map(|side| Action::StopReceiving { node: pair.node(side).name.clone() }).collect()
}
