//! What the clients of a load saw, and what became of their rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use super::error::Result;
use super::{Lab, Node};

/// An acknowledged row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) at: Instant,
    pub(crate) client: u32,
    pub(crate) seq: u64,
    /// The id of the server that answered.
    pub(crate) server: u32,
}

/// One client's memory.
pub(crate) struct ClientLog {
    pub(crate) client: u32,
    /// In the order of their time.
    pub(crate) acks: Vec<Ack>,
    /// Rows sent, whose answer never came: they may be there or not, but on both nodes alike.
    pub(crate) unknown: Vec<u64>,
    /// Failures by server error number or kind.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl ClientLog {
    pub(crate) fn new(client: u32) -> Self {
        Self { client, acks: Vec::new(), unknown: Vec::new(), errors: BTreeMap::new() }
    }

    pub(crate) fn count(&mut self, error: &str) {
        *self.errors.entry(error.to_owned()).or_default() += 1;
    }
}

/// Clients were answered by one server, then by another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// When the first answer of the new server came.
    pub(crate) at: Instant,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// From the last row that the old server acknowledged to the first of the new: the write outage as clients see it.
    pub(crate) gap: Duration,
}

/// A load that has ended.
pub(crate) struct LoadReport {
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    pub(crate) clients: Vec<ClientLog>,
}

impl LoadReport {
    pub(crate) fn new(started: Instant, ended: Instant, clients: Vec<ClientLog>) -> Self {
        Self { started, ended, clients }
    }

    pub(crate) fn acked(&self) -> usize {
        self.clients.iter().map(|client| client.acks.len()).sum()
    }

    /// Rows whose fate the clients do not know.
    pub(crate) fn unknown(&self) -> usize {
        self.clients.iter().map(|client| client.unknown.len()).sum()
    }

    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (error, count) in self.clients.iter().flat_map(|client| &client.errors) {
            *sum.entry(error.clone()).or_default() += count;
        }
        sum
    }

    /// Each client's longest time without an acknowledged row, from the start of the run to its end: a client that never
    /// comes back must not look good.
    pub(crate) fn silences(&self) -> Vec<Duration> {
        self.silences_between(self.started, self.ended)
    }

    /// The slowest client's.
    pub(crate) fn slowest(&self) -> Duration {
        self.silence_between(self.started, self.ended)
    }

    /// The longest silence of any client that touches this window: of one move among several under one load.
    pub(crate) fn silence_between(&self, from: Instant, to: Instant) -> Duration {
        self.silences_between(from, to).into_iter().max().unwrap_or_default()
    }

    /// The same for each client.
    pub(crate) fn silences_between(&self, from: Instant, to: Instant) -> Vec<Duration> {
        self.clients
            .iter()
            .map(|client| {
                let mut moments = vec![self.started];
                moments.extend(client.acks.iter().map(|ack| ack.at));
                moments.push(self.ended);
                moments
                    .windows(2)
                    .filter(|gap| gap[0] <= to && gap[1] >= from)
                    .map(|gap| gap[1].saturating_duration_since(gap[0]))
                    .max()
                    .unwrap_or_default()
            })
            .collect()
    }

    /// How often the answering server changed, all clients taken together.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut acks: Vec<Ack> = self.clients.iter().flat_map(|client| &client.acks).copied().collect();
        acks.sort_by_key(|ack| ack.at);
        acks.windows(2)
            .filter(|pair| pair[0].server != pair[1].server)
            .map(|pair| Change {
                at: pair[1].at,
                from: pair[0].server,
                to: pair[1].server,
                gap: pair[1].at.saturating_duration_since(pair[0].at),
            })
            .collect()
    }

    /// Compares the clients' memory with both nodes, once these have settled.
    pub(crate) fn check(&self, lab: &Lab) -> Result<Verdict> {
        let verdict = self.compare(lab)?;
        // a row that nobody waits for any more may have come between the two looks: it is alike at the next one
        if verdict.differ.is_empty() { Ok(verdict) } else { self.compare(lab) }
    }

    fn compare(&self, lab: &Lab) -> Result<Verdict> {
        lab.settle()?;
        let db1 = rows(lab, Node::Db1)?;
        let db2 = rows(lab, Node::Db2)?;
        let mut verdict = Verdict { acked: self.acked(), lost: Vec::new(), doubled: Vec::new(), differ: Vec::new() };
        let own: BTreeSet<u32> = self.clients.iter().map(|client| client.client).collect();
        let acked: Vec<Ack> = self.clients.iter().flat_map(|client| &client.acks).copied().collect();
        for (node, rows) in [(Node::Db1, &db1), (Node::Db2, &db2)] {
            let mut times: BTreeMap<(u32, u64), u32> = BTreeMap::new();
            for (client, seq, _) in rows.values().filter(|(client, ..)| own.contains(client)) {
                *times.entry((*client, *seq)).or_default() += 1;
            }
            let missing = acked.iter().filter(|ack| !times.contains_key(&(ack.client, ack.seq)));
            verdict.lost.extend(missing.map(|ack| (node, ack.client, ack.seq)));
            let twice = times.iter().filter(|(_, times)| **times > 1);
            verdict.doubled.extend(twice.map(|((client, seq), _)| (node, *client, *seq)));
        }
        let ids: BTreeSet<&u64> = db1.keys().chain(db2.keys()).collect();
        let differ = ids.into_iter().filter(|id| db1.get(*id) != db2.get(*id));
        verdict.differ = differ.copied().collect();
        Ok(verdict)
    }
}

/// One line for people; the numbers behind it are methods.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows acknowledged, {} unknown, slowest silence {} ms, server changed {} times, errors {:?}",
            self.acked(),
            self.unknown(),
            self.slowest().as_millis(),
            self.changes().len(),
            self.errors(),
        )
    }
}

/// id → (client, seq, server)
fn rows(lab: &Lab, node: Node) -> Result<BTreeMap<u64, (u32, u64, u32)>> {
    let rows = lab.admin(node).rows("SELECT id, client, seq, server FROM app.load")?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let number = |at: usize| row.get(at)?.as_ref()?.parse::<u64>().ok();
            let small = |at: usize| u32::try_from(number(at)?).ok();
            Some((number(0)?, (small(1)?, number(2)?, small(3)?)))
        })
        .collect())
}

/// What became of a load's rows.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) acked: usize,
    /// Acknowledged, and missing on that node.
    pub(crate) lost: Vec<(Node, u32, u64)>,
    /// There more than once on that node.
    pub(crate) doubled: Vec<(Node, u32, u64)>,
    /// Ids of rows that the two nodes do not have alike, of any load.
    pub(crate) differ: Vec<u64>,
}

impl Verdict {
    /// Rows lost, whether on one node or on both.
    pub(crate) fn lost_rows(&self) -> usize {
        self.lost.iter().map(|(_, client, seq)| (client, seq)).collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.differ.is_empty()
    }
}
