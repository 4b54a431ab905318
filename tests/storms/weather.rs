//! What goes wrong, and when: drawn from a seed, or put at one step.

use std::collections::BTreeMap;

use flipper::model::Side;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::truth::{MS, Micros, S};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Each request and each answer takes long.
    Slow,
    /// Answers come, requests do not arrive.
    CutThere,
    /// Requests arrive, answers do not come.
    CutBack,
    CutBoth,
    /// The nodes do not hear each other.
    Between,
    /// An ssh connection ends; the command under way may go on, or not.
    ShellEnds,
    /// A server's connections are reset; the statement under way goes on.
    SqlEnds,
    /// The next statement that changes something is held up on its way.
    Ghost,
    ServerCrash,
    MachineCrash,
    /// The server crashes, and its persisted settings let it come back open.
    ComesBackOpen,
    /// The server crashes and has lost the last of what it had acknowledged.
    LosesTail,
    Killed,
    /// The operator's whole machine is gone: its sessions stay.
    HostGone,
    Signal,
    TwoSignals,
    /// Somebody ends the session that has the pair's lock.
    LockLost,
    /// The same on both nodes.
    LocksLost,
    LongWrite,
    SlowApply,
    /// The machine says no to commands.
    Refused,
    /// Neighbours do not hear its announcements.
    Unheard,
    /// The tool stands still, and goes on.
    StandsStill,
}

impl Kind {
    pub(crate) const ALL: [Self; 23] = [
        Self::Slow,
        Self::CutThere,
        Self::CutBack,
        Self::CutBoth,
        Self::Between,
        Self::ShellEnds,
        Self::SqlEnds,
        Self::Ghost,
        Self::ServerCrash,
        Self::MachineCrash,
        Self::ComesBackOpen,
        Self::LosesTail,
        Self::Killed,
        Self::HostGone,
        Self::Signal,
        Self::TwoSignals,
        Self::LockLost,
        Self::LocksLost,
        Self::LongWrite,
        Self::SlowApply,
        Self::Refused,
        Self::Unheard,
        Self::StandsStill,
    ];

    /// It ends by itself at once, and only what it did is left.
    pub(crate) fn is_moment(self) -> bool {
        matches!(
            self,
            Self::ShellEnds
                | Self::SqlEnds
                | Self::Ghost
                | Self::Killed
                | Self::HostGone
                | Self::Signal
                | Self::TwoSignals
                | Self::LockLost
                | Self::LocksLost
        )
    }
}

/// When a fault begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum When {
    At(Micros),
    /// So long after the first run tells its nth step to a node.
    Step(usize, Micros),
    /// So long after it hears of the nth step.
    Heard(usize, Micros),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) when: When,
    pub(crate) side: Side,
    pub(crate) lasts: Micros,
    /// Whom it happens to, where it is somebody's way.
    pub(crate) of: usize,
}

/// A fault begins or ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gust {
    Begins(Fault),
    Ends(Fault),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    pub(crate) faults: Vec<Fault>,
    /// A second operator begins then.
    pub(crate) second: Option<Micros>,
    /// How often each was felt.
    pub(crate) felt: BTreeMap<&'static str, u32>,
    pub(crate) kinds: BTreeMap<Kind, u32>,
    /// Faults that have begun and not ended.
    pub(crate) active: u32,
    pub(crate) started: usize,
    pub(crate) ended: usize,
}

/// Until somebody mends it.
pub(crate) const FOR_GOOD: Micros = 100_000 * S;

impl Weather {
    /// One fault.
    pub(crate) fn one(fault: Fault) -> Self {
        Self { faults: vec![fault], ..Self::default() }
    }

    /// Drawn from a seed; `steps`: how many the plan has.
    pub(crate) fn drawn(dice: &mut Dice, steps: usize) -> Self {
        let count = match dice.below(20) {
            0 => 0,
            1..=9 => 1,
            10..=15 => 2,
            16..=18 => 3,
            _ => 5,
        };
        let faults = (0..count).map(|_| {
            let kind = dice.pick(&Kind::ALL);
            let step = dice.below(steps as u64) as usize;
            let when = match dice.below(10) {
                // it waits for the next statement in any case
                3..=9 if kind == Kind::Ghost => When::Step(step, 0),
                0 => When::At(dice.below(15 * S)),
                1 | 2 => When::At(dice.below(60 * MS)),
                3..=7 => When::Step(step, dice.below(3 * MS)),
                _ => When::Heard(step, dice.below(30 * MS)),
            };
            let lasts = match dice.below(6) {
                0 => dice.between(20 * MS, 300 * MS),
                1 | 2 => dice.between(300 * MS, 3 * S),
                3 | 4 => dice.between(3 * S, 25 * S),
                _ => FOR_GOOD,
            };
            Fault { kind, when, side: dice.pick(&Side::BOTH), lasts, of: 0 }
        });
        let faults = faults.collect();
        let soon = if dice.one_in(2) { 100 * MS } else { 10 * S };
        let second = dice.one_in(4).then(|| dice.below(soon));
        Self { faults, second, ..Self::default() }
    }

    pub(crate) fn felt(&mut self, what: &'static str) {
        *self.felt.entry(what).or_default() += 1;
    }
}
