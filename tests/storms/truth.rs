//! What is really so: two servers with their transactions, addresses, and clients that write wherever they are led.
//!
//! Nothing here asks what anybody has seen. Clients and replication are worked out up to a moment whenever something is
//! about to change, so that hours without an event cost nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use flipper::model::{Fencing, Held, NodeSnapshot, Pair, Side, Snapshot, Thread, WriteAccess};

use crate::dice::{Dice, Txns};
use crate::promises::Broken;
use crate::wire::{Session, Sid};

/// Since the storm began.
pub(crate) type Micros = u64;

pub(crate) const MS: Micros = 1_000;
pub(crate) const S: Micros = 1_000_000;

/// A client that is led nowhere, or turned away, tries again after this.
const AGAIN: Micros = 40 * MS;

/// A server and the machine that it runs on.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// What does not change in a storm.
    pub(crate) base: NodeSnapshot,
    pub(crate) machine: bool,
    pub(crate) up: bool,
    pub(crate) access: WriteAccess,
    pub(crate) held: Vec<Held>,
    pub(crate) has: Txns,
    /// In the order of its log, each with the time when it came in.
    log: Vec<(u32, Micros)>,
    /// How much of its peer's log it has gone through.
    fetched: usize,
    /// It replicates at all.
    pub(crate) follows: bool,
    /// From the commit on its peer to its own.
    pub(crate) delay: Micros,
    /// A statement that writes runs until then.
    pub(crate) busy: Micros,
    /// Its persisted settings say so.
    pub(crate) boots_open: bool,
    /// It is open because it was started so, not because anybody opened it.
    pub(crate) strayed: bool,
    /// The machine says no to this many commands that change it.
    pub(crate) refuses: u32,
    /// Its announcements are not heard until then.
    pub(crate) unheard: Micros,
    /// The session that has the pair's lock.
    pub(crate) lock: Option<Sid>,
    /// The session that has the read lock.
    pub(crate) read_lock: Option<Sid>,
    pub(crate) sessions: BTreeMap<Sid, Session>,
}

impl Node {
    pub(crate) fn fencing(&self) -> Fencing {
        self.base.server.known().map_or(Fencing::SuperReadOnly, flipper::model::Server::fencing)
    }

    fn open(&self) -> bool {
        self.up && self.access == WriteAccess::Open
    }
}

#[derive(Debug, Clone)]
struct Client {
    /// Where its neighbours' table leads it.
    led: Option<Side>,
    /// Its session, through the address.
    on: Option<Side>,
    next: Micros,
    every: Micros,
}

/// The pair as it is.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    pub(crate) pair: Pair,
    pub(crate) nodes: [Node; 2],
    /// The two nodes reach each other.
    pub(crate) between: bool,
    clients: Vec<Client>,
    write: Option<IpAddr>,
    /// Who announced each role last, in the order of the config.
    announced: Vec<Option<Side>>,
    pub(crate) acknowledged: Txns,
    pub(crate) count: u32,
    /// A crash has taken acknowledged transactions with it.
    pub(crate) lost: bool,
    /// Somebody's server came back open: what comes of that is not the tool's doing.
    pub(crate) stray: bool,
    pub(crate) broken: Broken,
    /// Clients and replication are worked out up to here.
    settled: Micros,
    /// Since when nobody can write, and the longest that it ever was.
    pub(crate) silent: Option<Micros>,
    pub(crate) outage: Micros,
    /// Somebody could, at some time.
    served: bool,
    dice: Dice,
}

impl Truth {
    /// A pair as it was seen, with clients that write.
    pub(crate) fn new(pair: &Pair, seen: &Snapshot, clients: usize, mut dice: Dice) -> Self {
        let open = seen.nodes.iter().filter(|node| node.access.is(&WriteAccess::Open)).count();
        let node = |side: Side| {
            let base = seen.node(side).clone();
            let runs = |thread| thread == Thread::Running;
            let follows = base
                .channels
                .known()
                .is_some_and(|channels| channels.iter().any(|c| runs(c.receiver) && runs(c.applier)));
            Node {
                machine: true,
                up: true,
                access: base.access.known().copied().unwrap_or(WriteAccess::Fenced),
                held: base.addresses.known().cloned().unwrap_or_default(),
                has: Txns::default(),
                log: vec![],
                fetched: 0,
                follows,
                delay: 2 * MS,
                busy: 0,
                boots_open: false,
                strayed: open == 2,
                refuses: 0,
                unheard: 0,
                lock: None,
                read_lock: None,
                sessions: BTreeMap::new(),
                base,
            }
        };
        let mut truth = Self {
            pair: pair.clone(),
            nodes: Side::BOTH.map(node),
            between: true,
            clients: vec![],
            write: pair.write_role().map(|role| role.address.ip),
            announced: pair.roles.iter().map(|role| seen.holders(role).first().copied()).collect(),
            acknowledged: Txns::default(),
            count: 0,
            lost: false,
            stray: open == 2,
            broken: Broken::default(),
            settled: 0,
            silent: None,
            outage: 0,
            served: false,
            dice: dice.clone(),
        };
        for side in Side::BOTH {
            // an open node's are on their way, and will arrive
            if side.of(&truth.nodes).base.ahead.known().is_some_and(|ahead| !ahead.is_empty()) {
                let txn = truth.next();
                side.of_mut(&mut truth.nodes).has.add(txn);
                side.of_mut(&mut truth.nodes).log.push((txn, 0));
            }
        }
        let led = truth.announced.first().copied().flatten();
        truth.clients = (0..clients)
            .map(|_| Client { led, on: None, next: dice.below(100 * MS), every: dice.between(60 * MS, 200 * MS) })
            .collect();
        truth
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    pub(crate) fn node(&self, side: Side) -> &Node {
        side.of(&self.nodes)
    }

    pub(crate) fn node_mut(&mut self, side: Side) -> &mut Node {
        side.of_mut(&mut self.nodes)
    }

    /// Who has the write address on a machine that runs.
    pub(crate) fn holds(&self, side: Side) -> bool {
        let node = self.node(side);
        node.machine && node.held.iter().any(|held| Some(held.address.ip) == self.write)
    }

    /// Writing clients that arrive here are served.
    pub(crate) fn serves(&self, side: Side) -> bool {
        self.node(side).open() && self.holds(side) && self.node(side).read_lock.is_none()
    }

    pub(crate) fn is_open(&self, side: Side) -> bool {
        self.node(side).open()
    }

    /// Lets clients write and servers replicate up to a moment.
    pub(crate) fn settle(&mut self, now: Micros) {
        while let Some(client) =
            (0..self.clients.len()).filter(|c| self.clients[*c].next <= now).min_by_key(|c| self.clients[*c].next)
        {
            self.write(client);
        }
        for side in Side::BOTH {
            self.replicate(side, now);
        }
        // what came in just now, goes back as an echo of what it has already
        self.settled = now;
    }

    fn write(&mut self, client: usize) {
        let Client { led, on, next: at, every } = self.clients[client].clone();
        let mut next = at + AGAIN;
        let (mut led_now, mut on_now) = (led, None);
        // one that nobody answers asks its neighbours again
        if led.is_none_or(|side| !self.holds(side)) {
            led_now = Side::BOTH.into_iter().find(|side| self.holds(*side));
        } else if let Some(side) = led {
            // a session elsewhere is told that nobody knows it here, and begun again
            if on.is_none_or(|on| on == side) && self.serves(side) {
                let txn = self.next();
                let node = side.of_mut(&mut self.nodes);
                node.has.add(txn);
                node.log.push((txn, at));
                self.acknowledged.add(txn);
                self.broken.begun_beside(&self.nodes, side, self.stray, at);
                (on_now, next) = (Some(side), at + every);
            }
        }
        let client = &mut self.clients[client];
        (client.led, client.on, client.next) = (led_now, on_now, next);
    }

    fn replicate(&mut self, side: Side, now: Micros) {
        let [first, second] = &mut self.nodes;
        let (node, peer) = match side {
            Side::First => (first, second),
            Side::Second => (second, first),
        };
        if !(self.between && node.up && peer.up && node.follows && node.read_lock.is_none()) {
            return;
        }
        while let Some((txn, at)) = peer.log.get(node.fetched).copied() {
            if at + node.delay > now {
                break;
            }
            node.fetched += 1;
            if !node.has.has(txn) {
                node.has.add(txn);
                node.log.push((txn, now));
            }
        }
    }

    /// After whatever may have changed who can write: nobody, or somebody again, or two.
    pub(crate) fn judge(&mut self, now: Micros) {
        let served = Side::BOTH.into_iter().any(|side| self.serves(side));
        match (served, self.silent) {
            (false, None) => self.silent = Some(now),
            (true, Some(since)) => {
                // where nobody could write at first, that is no outage of a run's
                if self.served {
                    self.outage = self.outage.max(now - since);
                }
                self.silent = None;
            }
            _ => {}
        }
        self.served |= served;
        let both = Side::BOTH.into_iter().all(|side| self.node(side).open() && self.holds(side));
        if both && !self.stray {
            self.broken.say(now, "S1: two writers at the write address");
        }
    }

    /// A server ends, or its whole machine, with the last of what it had where it does not sync its log.
    pub(crate) fn crash(&mut self, side: Side, machine: bool, loses: usize) {
        let node = side.of_mut(&mut self.nodes);
        (node.up, node.machine) = (false, node.machine && !machine);
        node.access = WriteAccess::Fenced;
        node.strayed = false;
        (node.lock, node.read_lock, node.busy) = (None, None, 0);
        node.sessions.clear();
        if machine {
            let floating: Vec<_> = self.pair.roles.iter().map(|role| role.address.ip).collect();
            node.held.retain(|held| !floating.contains(&held.address.ip));
        }
        let peer = side.peer().of(&self.nodes);
        let unsafe_tail: Vec<u32> = side
            .of(&self.nodes)
            .log
            .iter()
            .rev()
            .take(loses)
            .map(|(txn, _)| *txn)
            .filter(|txn| !peer.has.has(*txn))
            .collect();
        for txn in unsafe_tail {
            let node = side.of_mut(&mut self.nodes);
            node.has.remove(txn);
            node.log.retain(|(other, _)| *other != txn);
            self.lost = true;
        }
        let left = side.of(&self.nodes).log.len();
        let peer = side.peer().of_mut(&mut self.nodes);
        peer.fetched = peer.fetched.min(left);
    }

    /// The machine and its server are started.
    pub(crate) fn boot(&mut self, side: Side, now: Micros) {
        let node = side.of_mut(&mut self.nodes);
        if node.up {
            return;
        }
        (node.machine, node.up) = (true, true);
        if node.boots_open {
            (node.access, node.strayed) = (WriteAccess::Open, true);
            self.stray = true;
        }
        self.judge(now);
    }

    /// The neighbours are told where a role is.
    pub(crate) fn announce(&mut self, role: usize, side: Side, now: Micros) {
        if self.node(side).unheard > now {
            return;
        }
        self.announced[role] = Some(side);
        if self.pair.roles.get(role).is_some_and(|role| Some(role) == self.pair.write_role()) {
            for client in 0..self.clients.len() {
                // one of them may not listen just then
                if !self.dice.one_in(20) {
                    self.clients[client].led = Some(side);
                }
            }
        }
    }

    /// Where somebody outside arrives who connects to a role's address.
    pub(crate) fn leads(&self, role: usize) -> Option<Side> {
        let ip = self.pair.roles.get(role)?.address.ip;
        let has = |side: &Side| self.node(*side).machine && self.node(*side).held.iter().any(|h| h.address.ip == ip);
        self.announced[role].filter(has).or_else(|| Side::BOTH.into_iter().find(has))
    }

    /// Clients that came through the address are told to come back.
    pub(crate) fn send_away(&mut self, side: Side) {
        for client in &mut self.clients {
            client.on.take_if(|on| *on == side);
        }
    }
}
