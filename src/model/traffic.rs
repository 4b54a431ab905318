//! What goes on at a node and in a pair, for whoever looks: no plan and no check depends on any of it.

use std::net::IpAddr;

use super::{Observed, Pair, Server, Side, WriteAccess};

/// Client sessions that came to one address of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// The address; `None`: by the machine's own socket, or it cannot be told.
    pub address: Option<IpAddr>,
    /// How many.
    pub count: u32,
    /// Those among them that are in the middle of a write.
    pub writing: u32,
}

/// What an incoming channel is at, in its server's own words and numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pending {
    /// The channel's name; empty for the default one.
    pub channel: String,
    /// What the receiver is at.
    pub receiver: String,
    /// What the applier is at.
    pub applier: String,
    /// Bytes of the source's log that were received and not executed; `None` where the two stand in different files.
    pub bytes: Option<u64>,
    /// Transactions that were received and not executed, where the server's positions tell.
    pub transactions: Option<u64>,
    /// Seconds that a delayed replica still holds the next transaction back.
    pub delay_left: Option<u64>,
    /// Seconds between two tries to reach the source.
    pub retry_every: Option<u64>,
}

/// What goes on at a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Client sessions, by the address that they came to.
    pub sessions: Observed<Vec<Reached>>,
    /// Its incoming channels, in the order of [`super::NodeSnapshot::channels`].
    pub pending: Observed<Vec<Pending>>,
}

impl Traffic {
    /// Nothing of it could be seen.
    #[must_use]
    pub fn unseen(why: &str) -> Self {
        Self { sessions: Observed::Unknown(why.to_owned()), pending: Observed::Unknown(why.to_owned()) }
    }

    /// Sessions at an address, and how many of them write.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Observed<(u32, u32)> {
        self.sessions.as_ref().map(|all| {
            let here = all.iter().find(|reached| reached.address == Some(address));
            here.map_or((0, 0), |reached| (reached.count, reached.writing))
        })
    }
}

/// Who answered at an address, asked like a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The server.
    pub server: Server,
    /// Whom it lets write.
    pub access: Observed<WriteAccess>,
}

/// A pair by what its addresses answer, without a look at its machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quick {
    /// The nodes at their own addresses.
    pub nodes: [Observed<Answered>; 2],
    /// The roles' addresses, in the order of the pair's roles.
    pub roles: Vec<Observed<Answered>>,
    /// Where a server answered and turned flipper's account down, by node and by role: who is there is not known.
    pub refused: ([bool; 2], Vec<bool>),
}

impl Quick {
    /// The node that answered; `None` where it is neither of the two, or might be both.
    #[must_use]
    pub fn side(&self, answered: &Answered) -> Option<Side> {
        let same = |side: &Side| side.of(&self.nodes).known().is_some_and(|node| node.server == answered.server);
        let sides: Vec<Side> = Side::BOTH.into_iter().filter(same).collect();
        match sides[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether a role's address leads to a node that says the same of itself at its own address.
    #[must_use]
    pub fn agrees(&self, answered: &Answered) -> bool {
        let node = self.side(answered).and_then(|side| side.of(&self.nodes).known());
        node.is_some_and(|node| node.access.known().is_some() && node.access == answered.access)
    }

    /// Every address was answered, and they all agree.
    #[must_use]
    pub fn is_whole(&self, pair: &Pair) -> bool {
        let answered = |answer: &Observed<Answered>| answer.known().is_some_and(|answered| self.agrees(answered));
        pair.roles.len() == self.roles.len() && self.roles.iter().all(answered) && self.nodes.iter().all(answered)
    }
}

/// How many transactions a MySQL set of GTIDs has: `uuid:1-5:7,uuid:tag:1-3`. `None` for anything else.
///
/// ```
/// use flipper::model::count_gtids;
/// assert_eq!(count_gtids("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,4e11fa47-71ca-11e1-9e33-c80aa9429562:tag:2"), Some(7));
/// assert_eq!(count_gtids(""), Some(0));
/// assert_eq!(count_gtids("0-1-30"), None);
/// ```
#[must_use]
pub fn count_gtids(set: &str) -> Option<u64> {
    let mut count = 0;
    for part in set.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (_, intervals) = part.split_once(':')?;
        for interval in intervals.split(':') {
            let ends: Option<Vec<u64>> = interval.split('-').map(|end| end.trim().parse().ok()).collect();
            count += match ends.as_deref() {
                Some([_]) => 1,
                Some([from, to]) => (to + 1).checked_sub(*from)?,
                _ if interval.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => 0,
                _ => return None,
            };
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{healthy, pair};
    use crate::model::{Flavour, Side};

    fn answered(side: Side, access: WriteAccess) -> Observed<Answered> {
        let seen = healthy(Flavour::MySql);
        let server = seen.node(side).server.known().expect("a server").clone();
        Observed::Known(Answered { server, access: Observed::Known(access) })
    }

    fn whole() -> Quick {
        let (first, second) = (answered(Side::First, WriteAccess::Open), answered(Side::Second, WriteAccess::Fenced));
        let roles: Vec<_> = pair().roles.iter().map(|_| first.clone()).collect();
        let refused = ([false; 2], vec![false; roles.len()]);
        Quick { nodes: [first, second], roles, refused }
    }

    #[test]
    fn an_address_agrees_with_the_node_that_it_leads_to() {
        let quick = whole();
        assert!(quick.is_whole(&pair()));
        let role = quick.roles[0].known().expect("an answer");
        assert_eq!(quick.side(role), Some(Side::First));

        let mut other = whole();
        other.roles[0] = answered(Side::First, WriteAccess::Fenced);
        assert!(!other.is_whole(&pair()), "it says something else there");
        let mut stranger = whole();
        if let Observed::Known(answered) = &mut stranger.roles[0] {
            answered.server.server_id = 99;
        }
        assert!(!stranger.is_whole(&pair()), "neither of the two");
        let mut twins = whole();
        twins.nodes[1] = twins.nodes[0].clone();
        assert!(!twins.is_whole(&pair()), "which of the two it is cannot be told");
        let mut silent = whole();
        silent.nodes[1] = Observed::Unknown("no route to host".to_owned());
        assert!(!silent.is_whole(&pair()));
    }

    #[test]
    fn a_set_that_is_not_understood_has_no_number() {
        for bad in ["x", "u:5-1x", "u:", "u:1-2-3"] {
            assert_eq!(count_gtids(bad), None, "{bad}");
        }
    }
}
