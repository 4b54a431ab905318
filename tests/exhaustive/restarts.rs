//! Crashes and starts at every moment of every order of a plan, any number of them, of any nodes (hazards S14, S17, S18).
//!
//! The run goes on as if nothing had happened, as long as its steps can be done: the worst that it could do. Only what the
//! laws ask about is followed: who is open, who holds what, who receives. What a start makes of a node is all that a
//! [`Premise`] leaves open, chosen anew each time.

use std::collections::{BTreeMap, BTreeSet};

use flipper::model::{Action, Code, Isolation, Observed, Pair, Plan, Side, Snapshot, StepId, Thread, WriteAccess};

use super::boot::{Check, Passed, Start, every};
use super::domain::{Shape, pair};

/// A node, as far as restarts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Now {
    up: bool,
    open: bool,
    holds: u8,
    receives: bool,
    /// It has been open with the write address: it has transactions of its own.
    writes: bool,
    /// Its server does not start by itself: its machine would have to.
    kept_out: bool,
}

type Two = [Now; 2];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// S1: the write address never leads to two open nodes.
    OneWriter,
    /// S2: no step leaves two nodes open.
    TwoOpen,
    /// S6: no node has an address that the plan does not have there.
    Addresses,
    /// S18: a survivor whose receiver was stopped does not receive from a node that is up again.
    Apart,
}

/// What is known of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Premise {
    /// `check` says `ok` to this of both nodes.
    Ok(Code),
    /// The same of the node that is declared dead, which starts no sooner than it is kept out; of the other one nothing.
    DeadOk(Code),
    /// Exactly this one, of both nodes.
    Only(Start),
    /// Exactly this one of the node that is declared dead, as above.
    DeadOnly(Start),
    /// The dead node's machine does not start: it is plugged in again.
    Plugged,
}

impl Premise {
    /// Says something of a node that is declared dead.
    fn of_dead(self) -> bool {
        matches!(self, Self::DeadOk(_) | Self::DeadOnly(_) | Self::Plugged)
    }
}

const OPEN: Start = Start { open: true, takes: 0, follows: false };
const TAKES: Start = Start { open: false, takes: u8::MAX, follows: false };
const BOTH: Start = Start { open: true, takes: u8::MAX, follows: false };
const FOLLOWS: Start = Start { open: false, takes: 0, follows: true };

/// A law, and what must be known of starts so that it holds.
pub(crate) const PROMISES: [(&str, Law, Premise); 7] = [
    ("S17 opens-at-boot is ok", Law::OneWriter, Premise::Ok(Code::OpensAtBoot)),
    ("S17 opens-at-boot is ok", Law::TwoOpen, Premise::Ok(Code::OpensAtBoot)),
    ("S17 address-at-boot is ok", Law::Addresses, Premise::Ok(Code::AddressAtBoot)),
    ("S17 follows-at-boot is ok", Law::Apart, Premise::Ok(Code::FollowsAtBoot)),
    ("S14 opens-at-boot is ok of the dead node", Law::OneWriter, Premise::DeadOk(Code::OpensAtBoot)),
    ("S14 address-at-boot is ok of the dead node", Law::OneWriter, Premise::DeadOk(Code::AddressAtBoot)),
    ("S17 starts closed, with every address", Law::OneWriter, Premise::Only(TAKES)),
];

/// What breaks a law: by somebody at least it must, or the promises above would say nothing.
pub(crate) const OTHERWISE: [(&str, Law, Premise); 7] = [
    ("starts open", Law::OneWriter, Premise::Only(OPEN)),
    ("starts open", Law::TwoOpen, Premise::Only(OPEN)),
    ("starts open, with every address", Law::OneWriter, Premise::Only(BOTH)),
    ("starts closed, with every address", Law::Addresses, Premise::Only(TAKES)),
    ("receives by itself", Law::Apart, Premise::Only(FOLLOWS)),
    ("declared dead, starts open, with every address", Law::OneWriter, Premise::DeadOnly(BOTH)),
    ("declared dead, is plugged in again without a start", Law::OneWriter, Premise::Plugged),
];

/// What was walked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) plans: u64,
    pub(crate) moments: u64,
    /// Pairs at a moment that have crashes and starts behind them.
    pub(crate) pairs: u64,
    /// Plans that each of [`OTHERWISE`] breaks the law in.
    pub(crate) broken: [u64; OTHERWISE.len()],
}

impl Counted {
    pub(crate) fn add(&mut self, other: Self) {
        self.plans += other.plans;
        self.moments += other.moments;
        self.pairs += other.pairs;
        self.broken.iter_mut().zip(other.broken).for_each(|(sum, more)| *sum += more);
    }
}

/// What `check` lets pass, by the roles of a pair.
pub(crate) struct Passes(BTreeMap<Shape, Passed>);

impl Passes {
    pub(crate) fn of(check: Check<'_>) -> Self {
        let shapes = [Shape::Both, Shape::WriteOnly, Shape::ReadOnly, Shape::Three];
        Self(shapes.map(|shape| (shape, Passed::of(check, shape))).into())
    }
}

/// A plan is one of those that were walked already when it has the same steps in the same orders, from the same start.
type Seen = (Shape, Two, [Option<usize>; 2], Vec<(StepId, Vec<StepId>)>);

/// What becomes of a node, by the node and what it was.
type Becomes = BTreeMap<(usize, Now), Vec<Now>>;

/// Restarts in plans, each plan once.
pub(crate) struct Restarts<'a> {
    passes: &'a Passes,
    seen: BTreeSet<Seen>,
    pub(crate) counted: Counted,
}

impl<'a> Restarts<'a> {
    pub(crate) fn new(passes: &'a Passes) -> Self {
        Self { passes, seen: BTreeSet::new(), counted: Counted::default() }
    }

    /// Every promise in this plan.
    pub(crate) fn plan(&mut self, shape: Shape, start: &Snapshot, plan: &Plan, fault: &mut impl FnMut(String)) {
        let pair = pair(shape);
        let dead = plan.dead().and_then(|name| pair.side(name)).map(index);
        let begun = start.nodes.each_ref().map(|node| {
            let held = pair.roles.iter().enumerate();
            let held = held.filter(|(_, role)| node.holds(role).known().is_some_and(|held| !held.is_empty()));
            let channels = node.channels.known();
            Now {
                up: node.server.known().is_some(),
                // between two states it may let people write
                open: matches!(node.access, Observed::Known(WriteAccess::Open | WriteAccess::Changing)),
                holds: held.fold(0, |bits, (role, _)| bits | 1 << role),
                // nobody asks about it where nobody is declared dead
                receives: dead.is_some()
                    && channels.is_some_and(|all| all.iter().any(|channel| channel.receiver != Thread::Stopped)),
                writes: false,
                kept_out: false,
            }
        });
        let steps = plan.steps.iter().map(|step| {
            let after = step.after.iter().map(|(id, _)| id.clone()).collect();
            (step.id.clone(), after)
        });
        let blind = dead.filter(|dead| start.nodes[*dead].addresses.known().is_none());
        if !self.seen.insert((shape, begun, [dead, blind], steps.collect())) {
            return;
        }
        self.counted.plans += 1;
        let walk = Walked { passed: &self.passes.0[&shape], pair: &pair, plan, begun, dead, blind };
        for (name, law, premise) in PROMISES {
            if let Some(what) = walk.breaks(law, premise, &mut self.counted) {
                fault(format!("{name}: {law:?} is broken: {what}"));
            }
        }
        for (at, (_, law, premise)) in OTHERWISE.into_iter().enumerate() {
            let broken = walk.breaks(law, premise, &mut self.counted).is_some();
            self.counted.broken[at] += u64::from(broken);
        }
    }
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Second)
}

struct Walked<'a> {
    passed: &'a Passed,
    pair: &'a Pair,
    plan: &'a Plan,
    begun: Two,
    /// Who is declared dead by it.
    dead: Option<usize>,
    /// The same, where nobody sees which addresses it holds.
    blind: Option<usize>,
}

impl Walked<'_> {
    /// The first moment at which a law is broken by crashes and starts.
    fn breaks(&self, law: Law, premise: Premise, counted: &mut Counted) -> Option<String> {
        let (plan, dead) = (self.plan, self.dead);
        if dead.is_none() && (premise.of_dead() || law == Law::Apart) {
            return None;
        }
        let number: BTreeMap<&StepId, usize> = plan.steps.iter().enumerate().map(|(i, step)| (&step.id, i)).collect();
        let before: Vec<u64> =
            plan.steps.iter().map(|step| step.after.iter().fold(0, |all, (id, _)| all | 1 << number[id])).collect();
        let plain = self.begun.map(|now| self.asked(law, now));
        let mut real: BTreeSet<Two> = self.really(law, plain);
        real.retain(|two| !self.two_writers(two) || self.two_writers(&plain));
        let mut moments = BTreeMap::from([((0, 0), (plain, real))]);
        let mut becomes = Becomes::new();
        while let Some(((size, done), (plain, mut real))) = moments.pop_first() {
            // what is asked of a dead node's start is asked once it is out
            if !premise.of_dead() || dead.is_some_and(|dead| plain[dead].kept_out) {
                self.restart(law, premise, &mut becomes, &mut real);
            }
            counted.moments += 1;
            counted.pairs += real.len() as u64;
            let said = |two: &Two| format!("after {size} of its steps it stands so: {two:?}");
            if let Some(two) = real.iter().find(|two| self.broken(law, &plain, two)) {
                return Some(said(two));
            }
            for (i, next) in plan.steps.iter().enumerate() {
                if done & (1 << i) != 0 || before[i] & !done != 0 {
                    continue;
                }
                let Some(then) = self.step(law, plain, &next.action) else {
                    return Some(format!("{} cannot be done", next.id));
                };
                let (_, there) =
                    moments.entry((size + 1, done | 1 << i)).or_insert_with(|| (then, BTreeSet::default()));
                let both = |two: &Two| two.iter().all(|now| now.open);
                for two in &real {
                    let Some(after) = self.step(law, *two, &next.action) else { continue };
                    if law == Law::TwoOpen && both(&after) && !both(two) {
                        return Some(said(&after));
                    }
                    there.insert(after);
                }
            }
        }
        None
    }

    /// As it may really be where the snapshot does not show it: whoever is declared dead may live.
    fn really(&self, law: Law, plain: Two) -> BTreeSet<Two> {
        let Some(dead) = self.dead else { return BTreeSet::from([plain]) };
        let all = |now: Now| {
            let holds =
                if self.blind == Some(dead) { 0..1_u8 << self.pair.roles.len() } else { now.holds..now.holds + 1 };
            holds.flat_map(move |holds| {
                [(false, false), (true, false), (true, true)].map(|(up, open)| Now { up, open, holds, ..now })
            })
        };
        all(self.begun[dead])
            .map(|now| {
                let mut two = plain;
                two[dead] = self.asked(law, now);
                two
            })
            .collect()
    }

    /// Only what the law asks about.
    fn asked(&self, law: Law, now: Now) -> Now {
        let (write, roles) = (self.write(), (1 << self.pair.roles.len()) - 1);
        let writes = now.writes || (now.up && now.open && now.holds & write != 0);
        let now = Now { writes, holds: now.holds & roles, ..now };
        match law {
            Law::OneWriter | Law::TwoOpen => Now { holds: now.holds & write, receives: false, writes: false, ..now },
            Law::Addresses => Now { up: true, open: false, receives: false, writes: false, ..now },
            Law::Apart => Now { holds: now.holds & write, ..now },
        }
    }

    /// The bit of the write role.
    fn write(&self) -> u8 {
        let role = self.pair.write_role();
        let at = self.pair.roles.iter().position(|other| Some(other) == role);
        at.map_or(0, |at| 1 << at)
    }

    /// What a step makes of a pair. `None`: it cannot be done, and the run ends there.
    fn step(&self, law: Law, mut two: Two, action: &Action) -> Option<Two> {
        let at = index(self.pair.side(action.node())?);
        let now = &mut two[at];
        match action {
            Action::Take { role, .. } => now.holds |= self.bit(role),
            Action::Drop { role, .. } => now.holds &= !self.bit(role),
            Action::Announce { .. } | Action::EndSessions { .. } | Action::Verify { .. } => {}
            Action::Isolate { how, .. } => {
                (now.open, now.kept_out) = (false, true);
                now.up &= law == Law::Addresses;
                if *how != Isolation::Shell {
                    now.holds = 0;
                }
            }
            _ if !now.up => return None,
            Action::Fence { .. } => now.open = false,
            Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. } => now.open = true,
            Action::StopReceiving { .. } => now.receives = false,
            Action::ResumeReceiving { .. } | Action::StartReplication { .. } => now.receives = true,
            Action::Approach { .. }
            | Action::Drain { .. }
            | Action::EndWriters { .. }
            | Action::CatchUp { .. }
            | Action::Release { .. }
            | Action::ApplyReceived { .. }
            | Action::RollBack { .. }
            | Action::Compare { .. } => {}
        }
        Some(two.map(|now| self.asked(law, now)))
    }

    fn bit(&self, role: &flipper::model::RoleName) -> u8 {
        self.pair.roles.iter().position(|other| other.name == *role).map_or(0, |at| 1 << at)
    }

    /// Crashes and starts, of any nodes and any number of them, at one moment.
    fn restart(&self, law: Law, premise: Premise, becomes: &mut Becomes, real: &mut BTreeSet<Two>) {
        let mut left: Vec<Two> = real.iter().copied().collect();
        while let Some(two) = left.pop() {
            for at in [0, 1] {
                let all = becomes.entry((at, two[at])).or_insert_with(|| {
                    let all = self.becomes(premise, at, two[at]).into_iter().map(|now| self.asked(law, now));
                    BTreeSet::from_iter(all).into_iter().collect()
                });
                for now in all {
                    let mut after = two;
                    after[at] = *now;
                    if real.insert(after) {
                        left.push(after);
                    }
                }
            }
        }
    }

    /// All that a crash or a start makes of one node.
    fn becomes(&self, premise: Premise, at: usize, now: Now) -> Vec<Now> {
        let stopped = !now.receives;
        let dead = self.dead == Some(at);
        let every = || every(self.pair.roles.len());
        let starts = match premise {
            // it was not declared dead, or what it receives is asked later, when it is compared
            Premise::Ok(Code::FollowsAtBoot) if dead => every(),
            Premise::Ok(code) => self.passed.starts(code, at, stopped).to_vec(),
            Premise::DeadOk(code) if dead => self.passed.starts(code, at, stopped).to_vec(),
            Premise::Only(start) => vec![start],
            Premise::DeadOnly(start) if dead => vec![start],
            // it is as it was, whatever that is
            Premise::Plugged if dead => {
                let was = self.begun[at];
                let holds = if self.blind.is_some() { u8::MAX } else { was.holds };
                return vec![Now { up: true, open: true, holds, kept_out: false, ..now }];
            }
            Premise::DeadOk(_) | Premise::DeadOnly(_) | Premise::Plugged => every(),
        };
        let mut all = vec![];
        if !now.kept_out {
            all.push(Now { up: false, open: false, ..now });
        }
        for Start { open, takes, follows } in starts {
            let machine = Now { up: false, open: false, holds: takes, kept_out: false, ..now };
            let served = |now: Now| Now { up: true, open, receives: follows, ..now };
            all.extend([machine, served(machine)]);
            if !now.kept_out {
                all.push(served(now));
            }
        }
        all
    }

    fn two_writers(&self, two: &Two) -> bool {
        two.iter().all(|now| now.up && now.open && now.holds & self.write() != 0)
    }

    fn broken(&self, law: Law, plain: &Two, real: &Two) -> bool {
        match law {
            Law::OneWriter => self.two_writers(real) && !self.two_writers(plain),
            // asked of steps
            Law::TwoOpen => false,
            Law::Addresses => [0, 1].into_iter().any(|at| {
                // which addresses a dead node has is not known before it is out
                let known = self.blind != Some(at) || plain[at].kept_out;
                known && real[at].holds & !plain[at].holds != 0
            }),
            Law::Apart => self.dead.is_some_and(|dead| {
                let survivor = &real[1 - dead];
                let stopped = !plain[1 - dead].receives;
                stopped && survivor.up && survivor.receives && survivor.writes && real[dead].up
            }),
        }
    }
}
