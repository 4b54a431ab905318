//! What came of many storms, in figures; and whether they mean anything.

use std::collections::BTreeMap;
use std::fmt;

use crate::boundaries::Walked;
use crate::run::{End, Report};
use crate::truth::S;
use crate::weather::Kind;

#[derive(Default)]
pub(crate) struct Sum {
    ends: BTreeMap<End, u32>,
    kinds: BTreeMap<Kind, u32>,
    felt: BTreeMap<&'static str, u32>,
    seconds: u32,
    recovered: u32,
    written: u64,
    longest: u64,
    pub(crate) broken: Vec<(u64, Vec<String>)>,
}

impl Sum {
    pub(crate) fn add(&mut self, seed: u64, report: Report) {
        *self.ends.entry(report.end).or_default() += 1;
        for (kind, times) in report.kinds {
            *self.kinds.entry(kind).or_default() += times;
        }
        for (what, times) in report.felt {
            *self.felt.entry(what).or_default() += times;
        }
        self.seconds += u32::from(report.second);
        self.recovered += report.recovered;
        self.written += u64::from(report.written);
        self.longest = self.longest.max(report.took);
        if !report.broken.is_empty() {
            self.broken.push((seed, report.broken));
        }
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (end, times) in other.ends {
            *self.ends.entry(end).or_default() += times;
        }
        for (kind, times) in other.kinds {
            *self.kinds.entry(kind).or_default() += times;
        }
        for (what, times) in other.felt {
            *self.felt.entry(what).or_default() += times;
        }
        self.seconds += other.seconds;
        self.recovered += other.recovered;
        self.written += other.written;
        self.longest = self.longest.max(other.longest);
        self.broken.extend(other.broken);
        self.broken.sort();
        self
    }

    fn ended(&self, end: End) -> u32 {
        self.ends.get(&end).copied().unwrap_or(0)
    }

    /// Each end and each kind of fault comes often enough.
    pub(crate) fn means_something(&self, count: u64) {
        let often = |end: End, one_in: u64| assert!(u64::from(self.ended(end)) > count / one_in, "{end:?}: {self}");
        often(End::Done, 4);
        often(End::RolledBack, 20);
        often(End::Stopped, 20);
        often(End::Killed, 50);
        often(End::Unchanged, 200);
        often(End::Held, 5_000);
        for kind in Kind::ALL {
            let times = self.kinds.get(&kind).copied().unwrap_or(0);
            assert!(u64::from(times) > count / 100, "{kind:?}: {times}");
        }
        for what in ["ghost", "long write", "refused"] {
            assert!(u64::from(self.felt.get(what).copied().unwrap_or(0)) > count / 500, "{what}: {:?}", self.felt);
        }
        assert!(u64::from(self.seconds) > count / 10 && u64::from(self.recovered) > count / 4);
        assert!(self.written > count * 10, "{} writes", self.written);
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u32 = self.kinds.values().sum::<u32>() + self.seconds;
        write!(
            f,
            "faults injected: {faults}, done: {}, rolled back: {}, held: {}, stopped: {}, nothing changed: {}, killed: {}, \
             ways out taken: {}, violations: {}\n  by kind: {:?}\n  second operators: {}, transactions: {}, longest run: {} s",
            self.ended(End::Done),
            self.ended(End::RolledBack),
            self.ended(End::Held),
            self.ended(End::Stopped),
            self.ended(End::Unchanged),
            self.ended(End::Killed),
            self.recovered,
            self.broken.len(),
            self.kinds,
            self.seconds,
            self.written,
            self.longest / S,
        )
    }
}

impl Walked {
    /// Every kind of fault was met, and every end.
    pub(crate) fn means_something(&self) {
        assert!(self.plans >= 50 && self.boundaries >= 400, "{self}");
        for end in [End::Done, End::RolledBack, End::Held, End::Stopped, End::Killed] {
            assert!(self.ends.iter().any(|((_, e), times)| *e == end && *times > 0), "never {end:?}: {self}");
        }
    }
}

impl fmt::Display for Walked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plans: {}, boundaries: {}, runs: {}, ways out taken: {}, violations: {}",
            self.plans,
            self.boundaries,
            self.runs,
            self.recovered,
            self.broken.len()
        )?;
        for ((what, end), times) in &self.ends {
            writeln!(f, "  {what}: {end:?}: {times}")?;
        }
        Ok(())
    }
}
