//! What a node is once it has started, what is seen of that beforehand, and what `check` says to it (hazard S17).
//!
//! The truth and what is seen of it are two things: a fact that is not known may be anything. `check` must say `ok` where
//! everything that may be is safe, and nowhere else.

use std::collections::BTreeMap;

use flipper::model::{
    BootAccess, BootReplication, BootUnit, Code, InFile, Kept, NodeSnapshot, Observed, Origin, Pair, Ruling, Snapshot,
    Thread, WriteAccess,
};
use flipper::planner::{self, Checked, Verdict};

use super::domain::{Kind, Node, Shape, World, pair};

/// The checks of a restart.
pub(crate) const CODES: [Code; 3] = [Code::OpensAtBoot, Code::AddressAtBoot, Code::FollowsAtBoot];

/// What a node is once it has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start {
    /// Its server accepts writes.
    pub(crate) open: bool,
    /// Addresses that its machine takes, a bit each.
    pub(crate) takes: u8,
    /// It receives.
    pub(crate) follows: bool,
}

/// Everything that a start may be, in a pair with so many roles.
pub(crate) fn every(roles: usize) -> Vec<Start> {
    let mut all = vec![];
    for takes in 0..1_u8 << roles {
        for (open, follows) in [(false, false), (false, true), (true, false), (true, true)] {
            all.push(Start { open, takes, follows });
        }
    }
    all
}

/// What `check` is, or what somebody has made of it.
pub(crate) type Check<'a> = &'a (dyn Fn(&Pair, &Snapshot) -> Vec<Checked> + Sync);

/// The real one.
pub(crate) fn check(pair: &Pair, seen: &Snapshot) -> Vec<Checked> {
    planner::check(pair, seen, &Observed::Known(None))
}

fn unseen<T>() -> Observed<T> {
    Observed::Unknown("nobody looked".to_owned())
}

fn ruling(setting: &str, origin: Origin) -> Ruling {
    Ruling { setting: setting.to_owned(), origin }
}

/// What is seen of one thing, and the values that it may have.
#[derive(Debug, Clone)]
struct Seen<F, T> {
    fact: F,
    may_be: Vec<T>,
}

type AccessFacts = (Observed<BootAccess>, Observed<Kept>);

/// Whether the server would be open: by all that it reads, by who says so, or by what the server itself tells.
fn accesses(few: bool) -> Vec<Seen<AccessFacts, bool>> {
    let (on, off) = (("read_only", "ON"), ("read_only", "OFF"));
    let persisted = |values: &[(&str, &str)]| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Observed::Known(Kept::Persisted(values.collect()))
    };
    let kept = [
        unseen(),
        Observed::Known(Kept::Configured),
        Observed::Known(Kept::Nowhere),
        Observed::Known(Kept::Overlaid),
        persisted(&[off]),
        persisted(&[("super_read_only", "ON"), off]),
        persisted(&[on]),
    ];
    let file = || Origin::File("/etc/my.cnf".to_owned(), 3);
    let mut all = vec![];
    for access in [WriteAccess::Open, WriteAccess::Guarded, WriteAccess::Fenced] {
        let may_be = vec![access == WriteAccess::Open];
        let known = |origin| Observed::Known(BootAccess { access, ruling: ruling("read_only", origin) });
        for origin in [Origin::Default, file(), Origin::CommandLine, Origin::Persisted] {
            all.push(Seen { fact: (known(origin), Observed::Known(Kept::Configured)), may_be: may_be.clone() });
        }
        let others = kept.iter().map(|kept| Seen { fact: (known(file()), kept.clone()), may_be: may_be.clone() });
        all.extend(others);
    }
    for (at, kept) in kept.iter().enumerate() {
        // what was persisted wins over all that could not be seen
        let may_be = if at == 6 { vec![false] } else { vec![false, true] };
        all.push(Seen { fact: (unseen(), kept.clone()), may_be });
    }
    // from a file, or not seen
    let telling = |seen: &Seen<AccessFacts, bool>| match seen.fact.0.known() {
        Some(access) => access.ruling.origin == file() && seen.fact.1.is(&Kept::Configured),
        None => true,
    };
    all.retain(|seen| !few || telling(seen));
    all
}

fn addresses(pair: &Pair) -> Vec<Seen<Observed<Vec<InFile>>, u8>> {
    let every = || 0..1_u8 << pair.roles.len();
    let named = |takes: u8| {
        let roles = pair.roles.iter().enumerate().filter(|(role, _)| takes & (1 << role) != 0);
        let file = |ip| InFile { path: "/etc/network/interfaces".to_owned(), line: Some(7), address: ip };
        roles.map(|(_, role)| file(role.address.ip)).collect()
    };
    let known = every().map(|takes| Seen { fact: Observed::Known(named(takes)), may_be: vec![takes] });
    known.chain([Seen { fact: unseen(), may_be: every().collect() }]).collect()
}

fn replication() -> Vec<Seen<Observed<BootReplication>, bool>> {
    let known = |by_itself| {
        let ruling = ruling("skip_replica_start", Origin::Default);
        Seen { fact: Observed::Known(BootReplication { by_itself, ruling }), may_be: vec![by_itself] }
    };
    vec![known(false), known(true), Seen { fact: unseen(), may_be: vec![false, true] }]
}

/// Whether systemd starts it at all.
fn units() -> Vec<Observed<BootUnit>> {
    let known = |state: &str| Observed::Known(BootUnit { name: "mysql.service".to_owned(), state: state.to_owned() });
    vec![known("enabled"), known("disabled"), known("masked-runtime"), unseen()]
}

/// How its replication stands when `check` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Receiver {
    Runs,
    Connects,
    /// Somebody has stopped it, as `fail` does.
    Stopped,
    /// It has stopped by itself, and would again.
    Broken,
    None,
    Unknown,
}

const RECEIVERS: [Receiver; 6] =
    [Receiver::Runs, Receiver::Connects, Receiver::Stopped, Receiver::Broken, Receiver::None, Receiver::Unknown];

fn receive(node: &mut NodeSnapshot, receiver: Receiver) {
    match (receiver, &mut node.channels) {
        (Receiver::Unknown, channels) => *channels = unseen(),
        (Receiver::None, channels) => *channels = Observed::Known(vec![]),
        (_, Observed::Known(channels)) => {
            for channel in channels {
                (channel.receiver, channel.errors) = match receiver {
                    Receiver::Connects => (Thread::Connecting, vec![(2003, "Can't connect".to_owned())]),
                    Receiver::Stopped => (Thread::Stopped, vec![(2003, "Can't connect".to_owned())]),
                    Receiver::Broken => (Thread::Stopped, vec![(13114, "purged".to_owned())]),
                    _ => (Thread::Running, vec![]),
                };
            }
        }
        (_, Observed::Unknown(_)) => {}
    }
}

/// The start of one node, as far as it is seen: what is seen of it, and all that it may be.
struct Sight<'a> {
    access: &'a Seen<AccessFacts, bool>,
    addresses: &'a Seen<Observed<Vec<InFile>>, u8>,
    follows: &'a Seen<Observed<BootReplication>, bool>,
    unit: &'a Observed<BootUnit>,
    receiver: Receiver,
}

impl Sight<'_> {
    /// What `check` says of that node, the other one being in order.
    fn said(&self, check: Check<'_>, pair: &Pair, healthy: &Snapshot, side: usize) -> [Verdict; 3] {
        let mut seen = healthy.clone();
        let node = &mut seen.nodes[side];
        (node.boot.access, node.boot.read_only) = self.access.fact.clone();
        node.boot.files = self.addresses.fact.clone();
        node.boot.follows = self.follows.fact.clone();
        node.boot.unit = self.unit.clone();
        receive(node, self.receiver);
        let all = check(pair, &seen);
        CODES.map(|code| all.iter().find(|checked| checked.code == code).expect("every check is there").verdict)
    }

    fn starts(&self) -> Vec<Start> {
        let mut all = vec![];
        for &open in &self.access.may_be {
            for &takes in &self.addresses.may_be {
                all.extend(self.follows.may_be.iter().map(|&follows| Start { open, takes, follows }));
            }
        }
        all
    }
}

fn healthy(kind: Kind, shape: Shape) -> (Pair, Snapshot) {
    let pair = pair(shape);
    let seen = World { kind, shape, nodes: [Node::SOUND; 2] }.snapshot(&pair);
    (pair, seen)
}

/// What each check must say of all that may be: `ok` where all of it is safe, that something was found where none of it
/// is, and never `ok` otherwise.
fn expected(starts: &[Start], receiver: Receiver) -> [(bool, bool); 3] {
    let all = |safe: &dyn Fn(&Start) -> bool| (starts.iter().all(safe), !starts.iter().any(safe));
    // what runs may go on after a restart; what nobody knows of may have been stopped
    let quiet = |start: &Start| match receiver {
        Receiver::Stopped => !start.follows,
        _ => true,
    };
    [all(&|start| !start.open), all(&|start| start.takes == 0), all(&quiet)]
}

/// Whether `check` says exactly what is so, for everything that may be seen of a node's next start. How many were tried.
pub(crate) fn exact(check: Check<'_>, step: usize, fault: &mut dyn FnMut(String)) -> u64 {
    let mut tried = 0;
    let mut number = 0_usize;
    for (kind, shape) in [(Kind::MySql, Shape::Both), (Kind::MariaDb, Shape::WriteOnly)] {
        let (pair, healthy) = healthy(kind, shape);
        let (accesses, addresses, replication, units) = (accesses(false), addresses(&pair), replication(), units());
        for access in &accesses {
            for addresses in &addresses {
                for follows in &replication {
                    for unit in &units {
                        for receiver in RECEIVERS {
                            number += 1;
                            if !number.is_multiple_of(step) {
                                continue;
                            }
                            // the two nodes take turns
                            let side = number / step % 2;
                            let sight = Sight { access, addresses, follows, unit, receiver };
                            tried += 1;
                            let said = sight.said(check, &pair, &healthy, side);
                            let expected = expected(&sight.starts(), receiver);
                            for ((code, said), (safe, harmful)) in CODES.iter().zip(said).zip(expected) {
                                let blind = match code {
                                    Code::FollowsAtBoot => {
                                        receiver == Receiver::Unknown || follows.fact.known().is_none()
                                    }
                                    _ => false,
                                };
                                let found = matches!(said, Verdict::Warn | Verdict::Override | Verdict::Stop);
                                match (safe, said == Verdict::Ok) {
                                    (false, true) => fault(format!("S17: {code} is ok, and is not so")),
                                    // more careful than it would have to be
                                    (true, false) if blind && said == Verdict::Unknown => {}
                                    (true, false) => fault(format!("S17: {code} is {said:?}, and all is well")),
                                    _ if harmful && !found => fault(format!("S17: {code} is {said:?}, and is known")),
                                    _ => {}
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    tried
}

/// What a start may be where `check` says `ok` to something: of each code and node, with a receiver that runs and with one
/// that was stopped.
#[derive(Debug, Default)]
pub(crate) struct Passed(BTreeMap<(Code, usize, bool), Vec<Start>>);

impl Passed {
    pub(crate) fn of(check: Check<'_>, shape: Shape) -> Self {
        let (pair, healthy) = healthy(Kind::MySql, shape);
        let (accesses, addresses, replication, units) = (accesses(true), addresses(&pair), replication(), units());
        let mut all: BTreeMap<(Code, usize, bool), Vec<Start>> = BTreeMap::new();
        for side in [0, 1] {
            for receiver in [Receiver::Runs, Receiver::Stopped] {
                for access in &accesses {
                    for addresses in &addresses {
                        for follows in &replication {
                            let sight = Sight { access, addresses, follows, unit: &units[0], receiver };
                            let said = sight.said(check, &pair, &healthy, side);
                            for (code, _) in CODES.into_iter().zip(said).filter(|(_, said)| *said == Verdict::Ok) {
                                let stopped = receiver == Receiver::Stopped;
                                all.entry((code, side, stopped)).or_default().extend(sight.starts());
                            }
                        }
                    }
                }
            }
        }
        for starts in all.values_mut() {
            starts.sort_unstable();
            starts.dedup();
        }
        Self(all)
    }

    pub(crate) fn starts(&self, code: Code, side: usize, stopped: bool) -> &[Start] {
        self.0.get(&(code, side, stopped)).map(Vec::as_slice).unwrap_or_default()
    }
}
