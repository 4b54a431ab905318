//! What the judge starts from: the few facts of both nodes that decide, read from a snapshot or from a plan's basis.

use super::{Invariant, Violation, broken};
use crate::model::{
    Access, Channel, Code, Fencing, Flavour, Held, Interface, NodeName, NodeSnapshot, Observed, Pair, Plan, Prefixed,
    RoleName, Server, Snapshot, Thread, Version, WriteAccess,
};

/// Whom a node lets write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// Everybody.
    Open,
    /// Administrators.
    Ajar,
    /// Nobody.
    Shut,
    /// Nobody knows: not seen, or a switch of somebody else's is still under way.
    Unknown,
}

/// Transactions that a node has and its peer has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Nothing,
    Something,
    /// It could not be seen.
    Unknown,
    /// A plan's basis does not say.
    Unsaid,
}

/// A role of the pair.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: RoleName,
    pub(super) address: Prefixed,
    pub(super) writes: bool,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: NodeName,
    /// Where it takes addresses; a basis does not say.
    pub(super) interface: Option<Interface>,
    pub(super) mode: Mode,
    /// Somebody's `SET` may still take effect on it.
    pub(super) haunted: bool,
    pub(super) how: Option<Fencing>,
    /// For each role, where its address is on the node.
    pub(super) held: Vec<Vec<Held>>,
    /// Its addresses could not be seen.
    pub(super) blind: bool,
    /// What the peer commits arrives: one channel, from the peer, both threads running, no delay.
    pub(super) arrives: bool,
    /// That it has arrived can be shown, and is complete: GTIDs, binary logs, no filters.
    pub(super) proves: bool,
    /// It arrives, and is not further behind than the limit.
    pub(super) fresh: bool,
    pub(super) own: Own,
    /// XA transactions are prepared on it; `None` where it is not known.
    pub(super) prepared: Option<bool>,
    /// Its server answers on every address.
    pub(super) listens: bool,
    /// Its system can move addresses.
    pub(super) moves: bool,
    /// It is the server that it is taken for.
    pub(super) itself: bool,
    /// Its server does not answer, and the goal says that it is dead.
    pub(super) gone: bool,
    /// Nothing but a plan's basis is known.
    pub(super) unsaid: bool,
    /// A server at its address greets the peer.
    pub(super) greeted_by_peer: Option<bool>,
    /// Nobody answers the peer for an address that it does not hold.
    pub(super) silent_addresses: bool,
    /// Its receiver was found stopped; its receiver and applier were found running.
    pub(super) detached: bool,
    pub(super) follows: bool,
    /// Its applier runs, without a delay, or it has nothing left to apply.
    pub(super) applies: bool,
    /// The dead peer's logs are known to hold nothing that it never received.
    pub(super) nothing_left_behind: bool,
    /// All that it lacks can still be fetched; `None` where it is not known.
    pub(super) complete: Option<bool>,
}

impl Node {
    /// There is nothing of it that could serve anybody: no server, and a machine that shows that it has no address.
    pub(super) fn is_out(&self) -> bool {
        self.gone && self.held.iter().all(Vec::is_empty)
    }
}

/// Both nodes, and what the operator has accepted.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) nodes: [Node; 2],
    pub(super) roles: Vec<Role>,
    pub(super) overrides: Vec<Code>,
    /// The two are told apart by their ids, and are of one family.
    distinct: bool,
}

/// Which of two.
pub(super) type At = usize;

/// The other one of two.
pub(super) fn other(at: At) -> At {
    1 - at
}

impl Facts {
    pub(super) fn seen(pair: &Pair, snapshot: &Snapshot, plan: &Plan) -> Self {
        let overrides = &plan.overrides[..];
        let dead = |at: At| plan.dead() == Some(&pair.nodes[at].name);
        let roles = pair.roles.iter().map(|role| (&role.name, role.address, role.access));
        let roles: Vec<Role> = roles.map(role).collect();
        let [a, b] = &snapshot.nodes;
        let distinct = match (a.server.known(), b.server.known()) {
            (Some(a), Some(b)) => distinct((a.flavour, a.server_id, &a.uuid), (b.flavour, b.server_id, &b.uuid)),
            // of a dead one nobody says who it is
            _ => dead(0) || dead(1),
        };
        let nodes = [0, 1].map(|at| {
            let node = seen_node(pair, snapshot, &roles, overrides, at);
            let gone = dead(at) && snapshot.nodes[at].server.known().is_none();
            Node { gone, itself: node.itself || gone, ..node }
        });
        Self { nodes, roles, overrides: overrides.to_vec(), distinct }
    }

    pub(super) fn claimed(plan: &Plan) -> Self {
        let roles = plan.basis.roles.iter().map(|(name, address, access)| (name, *address, *access));
        let roles: Vec<Role> = roles.map(role).collect();
        let [a, b] = &plan.basis.nodes;
        let distinct =
            plan.dead().is_some() || distinct((a.flavour, a.server_id, &a.uuid), (b.flavour, b.server_id, &b.uuid));
        let nodes = [a, b].map(|node| Node {
            name: node.name.clone(),
            interface: None,
            mode: mode(node.access),
            haunted: node.access == WriteAccess::Changing,
            how: Some(fencing(node.flavour, node.version)),
            held: roles
                .iter()
                .map(|role| node.holds.iter().filter(|(name, _)| *name == role.name).map(|(_, h)| h.clone()).collect())
                .collect(),
            blind: false,
            arrives: node.replicates,
            proves: true,
            fresh: node.replicates,
            own: Own::Unsaid,
            prepared: Some(false),
            listens: true,
            moves: true,
            itself: true,
            gone: plan.dead() == Some(&node.name) && node.access == WriteAccess::Unseen,
            unsaid: true,
            greeted_by_peer: None,
            silent_addresses: true,
            detached: plan.dead().is_some_and(|dead| *dead != node.name),
            follows: node.replicates,
            applies: true,
            nothing_left_behind: true,
            complete: None,
        });
        Self { nodes, roles, overrides: plan.overrides.clone(), distinct }
    }

    /// The operator has accepted one of these findings.
    pub(super) fn accepted(&self, codes: &[Code]) -> bool {
        codes.iter().any(|code| self.overrides.contains(code))
    }

    pub(super) fn at(&self, name: &NodeName) -> Option<At> {
        self.nodes.iter().position(|node| node.name == *name)
    }

    pub(super) fn role(&self, name: &RoleName) -> Option<usize> {
        self.roles.iter().position(|role| role.name == *name)
    }

    pub(super) fn write_role(&self) -> Option<usize> {
        self.roles.iter().position(|role| role.writes)
    }

    /// Nodes that hold a role's address at the start.
    pub(super) fn holders(&self, role: usize) -> Vec<At> {
        [0, 1].into_iter().filter(|at| self.nodes[*at].held.get(role).is_some_and(|held| !held.is_empty())).collect()
    }

    /// The addresses of each node at the start, a bit a role.
    pub(super) fn holds(&self) -> [u64; 2] {
        self.nodes.each_ref().map(|node| {
            let held = node.held.iter().enumerate().filter(|(_, held)| !held.is_empty());
            held.fold(0, |bits, (role, _)| bits | bit(role))
        })
    }

    /// The one node that accepts writes at the start.
    pub(super) fn sole_writer(&self) -> Option<At> {
        match self.nodes.each_ref().map(|node| node.mode == Mode::Open) {
            [true, false] => Some(0),
            [false, true] => Some(1),
            _ => None,
        }
    }

    pub(super) fn identity(&self) -> Vec<Violation> {
        let mut found = vec![];
        if !self.distinct {
            found.push(broken(Invariant::Identity, "the two servers are not told apart"));
        }
        if self.nodes.iter().any(|node| !node.itself) {
            found.push(broken(Invariant::Identity, "a server is not known to run on the machine of its node"));
        }
        found
    }
}

/// Nothing comes in, nothing is left, and nothing but the end of its source has stopped it.
fn has_applied(channel: &Channel, node: &NodeSnapshot) -> bool {
    let harmless = |(code, _): &(u32, String)| {
        matches!(code, 1236 | 1593 | 1594 | 1756) || (2000..3000).contains(code) || (13114..13126).contains(code)
    };
    channel.receiver == Thread::Stopped
        && node.relay.unapplied.is(&String::new())
        && channel.errors.iter().all(harmless)
}

fn role((name, address, access): (&RoleName, Prefixed, Access)) -> Role {
    Role { name: name.clone(), address, writes: access == Access::ReadWrite }
}

fn mode(access: WriteAccess) -> Mode {
    match access {
        WriteAccess::Open => Mode::Open,
        WriteAccess::Guarded => Mode::Ajar,
        WriteAccess::Fenced => Mode::Shut,
        WriteAccess::Changing | WriteAccess::Unseen => Mode::Unknown,
    }
}

/// Written down here a second time on purpose: which servers are fenced how is a hazard of its own (H-01).
fn fencing(flavour: Flavour, version: Version) -> Fencing {
    match flavour {
        Flavour::MySql => Fencing::SuperReadOnly,
        Flavour::MariaDb if version.0 >= 12 => Fencing::NoLockNoAdmin,
        Flavour::MariaDb => Fencing::ReadLock,
    }
}

type Id<'a> = (Flavour, u32, &'a Option<String>);

fn distinct(a: Id, b: Id) -> bool {
    a.0 == b.0 && a.1 != b.1 && (a.2.is_none() || a.2 != b.2)
}

fn seen_node(pair: &Pair, snapshot: &Snapshot, roles: &[Role], overrides: &[Code], at: At) -> Node {
    let (node, peer) = (&snapshot.nodes[at], &snapshot.nodes[other(at)]);
    let spec = &pair.nodes[at];
    let channels = node.channels.known().map(Vec::as_slice);
    let from_peer = |channel: &Channel| peer.server.known().is_some_and(|server| comes_from(channel, server));
    let through_address = |channel: &Channel| roles.iter().any(|role| channel.source.0 == role.address.ip.to_string());
    let ours = |channel: &&Channel| from_peer(channel) && !through_address(channel);
    let own_channel = channels.unwrap_or_default().iter().find(ours);
    let runs = |c: &Channel| c.receiver == Thread::Running && c.applier == Thread::Running && c.delay == 0;
    let arrives = own_channel.is_some_and(runs);
    let filtered = overrides.contains(&Code::ReplicationFiltered);
    let logs = [node, peer].iter().all(|node| {
        let fine = |s: &crate::model::Settings| s.log_bin && s.gtid && s.cluster.is_none() && s.left_out.is_empty();
        node.settings.known().is_some_and(fine)
    });
    let proves = match channels {
        // nothing comes in at all: whether something is missing can be shown all the same
        Some([]) => logs,
        Some([channel]) => logs && ours(&channel) && channel.by_gtid && (filtered || channel.filters.is_empty()),
        Some(_) | None => false,
    };
    let lag = own_channel.and_then(|channel| channel.lag);
    let (mode, haunted) = match &node.access {
        Observed::Known(access) => (mode(*access), *access == WriteAccess::Changing),
        Observed::Unknown(_) => (Mode::Unknown, false),
    };
    let everywhere = |s: &crate::model::Settings| {
        let on = |address: &str, six: bool| matches!(address, "" | "*" | "::") || (address == "0.0.0.0" && !six);
        roles.iter().all(|role| s.bind_address.split(',').any(|a| on(a.trim(), role.address.ip.is_ipv6())))
    };
    let able = |s: &crate::model::System| {
        let tells = |six: bool| if six { s.ndptool.is_some() } else { s.arping.is_some() };
        let whole = s.ip.is_some() && s.ss.is_some() && roles.iter().all(|role| tells(role.address.ip.is_ipv6()));
        whole && s.denied.is_empty() && s.up.contains(&spec.interface)
    };
    Node {
        name: spec.name.clone(),
        interface: Some(spec.interface.clone()),
        mode,
        haunted,
        how: node.server.known().map(|server| fencing(server.flavour, server.version)),
        held: roles
            .iter()
            .map(|role| {
                let all = node.addresses.known().into_iter().flatten();
                all.filter(|held| held.address.ip == role.address.ip).cloned().collect()
            })
            .collect(),
        blind: node.addresses.known().is_none(),
        arrives,
        proves,
        // a writer has only echoes to apply, and may not be able to say how far behind it is
        fresh: arrives && (mode == Mode::Open || lag.is_some_and(|lag| lag <= pair.limits.lag.as_secs())),
        own: match &node.ahead {
            Observed::Known(ahead) if ahead.is_empty() => Own::Nothing,
            Observed::Known(_) => Own::Something,
            Observed::Unknown(_) => Own::Unknown,
        },
        prepared: node.prepared_xa.known().map(|count| *count > 0),
        listens: node.settings.known().is_some_and(everywhere),
        moves: node.system.known().is_some_and(able),
        itself: node.server.known().is_some() && node.same_machine.is(&true),
        gone: false,
        unsaid: false,
        greeted_by_peer: peer.witness.greeted.known().copied(),
        silent_addresses: peer.witness.answering.known().is_some_and(|answering| {
            let holds = |ip| node.addresses.known().is_some_and(|all| all.iter().any(|held| held.address.ip == ip));
            roles.iter().all(|role| !answering.contains(&role.address.ip) || holds(role.address.ip))
        }),
        detached: channels.is_some_and(|all| all.iter().all(|channel| channel.receiver == Thread::Stopped)),
        follows: channels.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|c| c.receiver == Thread::Running && c.applier == Thread::Running)
        }),
        applies: matches!(channels, Some([channel]) if channel.delay == 0
            && (channel.applier == Thread::Running || has_applied(channel, node))),
        nothing_left_behind: node.witness.left_behind.is(&0),
        complete: node.relay.purged.known().map(String::is_empty),
    }
}

/// A channel that has not been connected yet shows 0 and an empty uuid.
fn comes_from(channel: &Channel, server: &Server) -> bool {
    let id = channel.source_id.is_none_or(|id| id == 0 || id == server.server_id);
    let uuid = channel.source_uuid.as_ref().is_none_or(|uuid| uuid.is_empty() || Some(uuid) == server.uuid.as_ref());
    id && uuid
}

/// The bit of a role, where roles are kept as bits.
pub(super) fn bit(role: usize) -> u64 {
    1 << (role % 64)
}
