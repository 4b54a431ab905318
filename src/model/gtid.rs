//! MariaDB's binary log state as a vector clock.
//!
//! MySQL compares GTID sets on the server (`GTID_SUBTRACT`), which knows its own newer forms (tagged GTIDs) better
//! than any parser of ours. MariaDB has no such function, and its `MASTER_GTID_WAIT` looks at sequence numbers only,
//! so that a diverged peer can look caught up (hazards §0.4).

use std::collections::BTreeMap;
use std::fmt;

/// `@@gtid_binlog_state`, or that and what was replicated: the last sequence number for each (domain, server).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BinlogState(BTreeMap<(u32, u32), u64>);

impl BinlogState {
    /// Reads `0-1-30,0-2-27`. `None` for anything else.
    ///
    /// ```
    /// use flipper::model::BinlogState;
    /// let a = BinlogState::parse("0-2-24,0-1-30").unwrap();
    /// let b = BinlogState::parse("0-1-25,0-2-27").unwrap();
    /// assert_eq!(a.lacking_in(&b).to_string(), "0-1-30");
    /// assert_eq!(b.lacking_in(&a).to_string(), "0-2-27");
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut state = BTreeMap::new();
        for gtid in text.split(',').map(str::trim).filter(|gtid| !gtid.is_empty()) {
            let mut parts = gtid.split('-');
            let (domain, server, seq) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let last = state.entry((domain.parse().ok()?, server.parse().ok()?)).or_insert(0);
            *last = seq.parse().ok().map(|seq: u64| seq.max(*last))?;
        }
        Some(Self(state))
    }

    /// What this state has and the other one lacks: for each (domain, server) the last GTID that is missing there.
    #[must_use]
    pub fn lacking_in(&self, other: &Self) -> Self {
        let missing = |(key, seq): (&(u32, u32), &u64)| {
            let there = other.0.get(key).copied().unwrap_or(0);
            (*seq > there).then_some((*key, *seq))
        };
        Self(self.0.iter().filter_map(missing).collect())
    }

    /// Domains of this state whose last sequence number the other one has not reached, whichever server it is of, each
    /// by the GTID that is missing: what a MariaDB replica at `other` does not find in logs that begin after this state.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let last = |state: &Self, domain: u32| {
            let of = state.0.iter().filter(|((d, _), _)| *d == domain);
            of.map(|(key, seq)| (*seq, *key)).max()
        };
        let mut missing = BTreeMap::new();
        for (domain, _) in self.0.keys() {
            if let Some((seq, key)) = last(self, *domain)
                && last(other, *domain).is_none_or(|(there, _)| there < seq)
            {
                missing.insert(key, seq);
            }
        }
        Self(missing)
    }

    /// How many transactions this replication position (`@@gtid_slave_pos`, one GTID a domain) is ahead of another one:
    /// by sequence numbers, which have no gaps while one server writes.
    #[must_use]
    pub fn ahead_of(&self, other: &Self) -> u64 {
        let reached = |state: &Self, domain: u32| {
            state.0.iter().filter(|((d, _), _)| *d == domain).map(|(_, seq)| *seq).max().unwrap_or(0)
        };
        let domains: std::collections::BTreeSet<u32> = self.0.keys().map(|(domain, _)| *domain).collect();
        domains.into_iter().map(|domain| reached(self, domain).saturating_sub(reached(other, domain))).sum()
    }

    /// What of it one server has committed.
    #[must_use]
    pub fn of_server(&self, server: u32) -> Self {
        Self(self.0.iter().filter(|((_, of), _)| *of == server).map(|(key, seq)| (*key, *seq)).collect())
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for BinlogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, ((domain, server), seq)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{domain}-{server}-{seq}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_print_and_nothing_else() {
        assert_eq!(BinlogState::parse(""), Some(BinlogState::default()));
        assert!(BinlogState::parse("0-1-30, 1-2-4\n").is_some());
        // its own log, and what it has replicated besides
        let both = BinlogState::parse("0-1-30,0-2-27,0-1-28,1-2-9").map(|state| state.to_string());
        assert_eq!(both.as_deref(), Some("0-1-30,0-2-27,1-2-9"));
        for bad in ["0-1", "0-1-2-3", "a-1-2", "0-1--2", "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5"] {
            assert_eq!(BinlogState::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_replica_is_looked_for_by_domain() {
        let state = |text| BinlogState::parse(text).unwrap();
        let beyond = |start, at| state(start).beyond(&state(at)).to_string();
        assert_eq!(beyond("0-2-408", "0-1-200"), "0-2-408");
        assert_eq!(beyond("0-1-200,0-2-408", "0-2-408"), "");
        assert_eq!(beyond("0-1-200", "0-2-408"), "");
        assert_eq!(beyond("0-1-2,1-1-5", "0-1-3"), "1-1-5");
        assert_eq!(beyond("", ""), "");
    }

    #[test]
    fn a_domain_or_server_unknown_to_the_other_is_missing_there() {
        let all = BinlogState::parse("0-1-5,0-2-6,1-1-1");
        let some = BinlogState::parse("0-1-9,0-2-6");
        let missing = all.zip(some).map(|(all, some)| all.lacking_in(&some).to_string());
        assert_eq!(missing.as_deref(), Some("1-1-1"));
    }
}
