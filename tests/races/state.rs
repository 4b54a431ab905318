//! What the model knows of the world: two servers, two operators, everything that is still on its way.
//!
//! A state is worked on as a plain struct and kept as 128 bits, so that millions of them fit into memory.

/// db1 and db2, or the first and the second operator.
pub(crate) type Id = usize;

/// Nobody, where an [`Id`] plus one is kept.
pub(crate) const NOBODY: u8 = 0;

/// A statement that was sent, had no answer, and may still take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ghost {
    None,
    Close,
    Open,
}

/// A server and its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) up: bool,
    /// Accepts writes of anybody who has the grants.
    pub(crate) open: bool,
    /// Has the write address.
    pub(crate) holds: bool,
    /// Transactions that it has committed or applied, a bit each: its GTID set.
    pub(crate) has: u8,
    /// Received and not applied.
    pub(crate) relay: u8,
    /// Its receiver runs.
    pub(crate) receives: bool,
    /// An XA transaction is prepared.
    pub(crate) xa: bool,
    /// Whose session has the pair's lock here.
    pub(crate) lock: u8,
    /// Whose session holds a read lock here.
    pub(crate) read_lock: u8,
    pub(crate) ghost: Ghost,
    pub(crate) ghost_of: Id,
    /// No operator reaches it; its peer and its clients do.
    pub(crate) cut: bool,
    /// Declared dead and switched off; until it has rejoined.
    pub(crate) deposed: bool,
}

/// What a run knows of the server that it told to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Never,
    Unknown,
    Done,
    /// It was told, and is seen to be closed; or nobody but this run vouches for it any more.
    Undone,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    Idle,
    Planned,
    SecondLock,
    Look,
    EarlyTake,
    EarlyRead,
    Fence,
    CatchUp,
    Check,
    Open,
    EarlyRelease,
    Take,
    Drop,
    Announce,
    Release,
    Verify,
    Reopen,
    ReopenAnew,
    Back,
    Undecided,
    Forward,
    TurnRound,
    FailFence,
    FailLock,
    FailStop,
    FailDrain,
    FailOpen,
    FailTake,
    JoinLock,
    JoinCompare,
    JoinStart,
    JoinWait,
    JoinBoth,
    // from here on the run has ended
    Dead,
    Done,
    BackBefore,
    BackAfter,
    Hold,
    Stuck,
    Refused,
    Stale,
    LockedOut,
    FailDone,
    JoinDone,
}

impl At {
    const ALL: [Self; 44] = [
        Self::Idle,
        Self::Planned,
        Self::SecondLock,
        Self::Look,
        Self::EarlyTake,
        Self::EarlyRead,
        Self::Fence,
        Self::CatchUp,
        Self::Check,
        Self::Open,
        Self::EarlyRelease,
        Self::Take,
        Self::Drop,
        Self::Announce,
        Self::Release,
        Self::Verify,
        Self::Reopen,
        Self::ReopenAnew,
        Self::Back,
        Self::Undecided,
        Self::Forward,
        Self::TurnRound,
        Self::FailFence,
        Self::FailLock,
        Self::FailStop,
        Self::FailDrain,
        Self::FailOpen,
        Self::FailTake,
        Self::JoinLock,
        Self::JoinCompare,
        Self::JoinStart,
        Self::JoinWait,
        Self::JoinBoth,
        Self::Dead,
        Self::Done,
        Self::BackBefore,
        Self::BackAfter,
        Self::Hold,
        Self::Stuck,
        Self::Refused,
        Self::Stale,
        Self::LockedOut,
        Self::FailDone,
        Self::JoinDone,
    ];

    pub(crate) fn runs(self) -> bool {
        self > Self::Idle && self < Self::Dead
    }
}

/// An operator's run of flipper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) at: At,
    /// The server that is to be the writer; for `fail` and `rejoin` the survivor.
    pub(crate) to: Id,
    /// On the way back, where the other one is to be the writer.
    pub(crate) back: bool,
    pub(crate) opening: Opening,
    /// The fenced server's position, as read.
    pub(crate) position: u8,
    /// How often it has looked in vain.
    pub(crate) tries: u8,
    /// Servers, a bit each, on which its lock was lost and taken again.
    pub(crate) retaken: u8,
}

impl Tool {
    /// Who is to be opened by the steps under way.
    pub(crate) fn target(&self) -> Id {
        if self.back { 1 - self.to } else { self.to }
    }

    fn new() -> Self {
        Self { at: At::Idle, to: 0, back: false, opening: Opening::Never, position: 0, tries: 0, retaken: 0 }
    }

    /// What has ended is forgotten, so that ends of many ways are one state.
    pub(crate) fn ended(at: At) -> Self {
        Self { at, ..Self::new() }
    }
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) nodes: [Node; 2],
    pub(crate) tools: [Tool; 2],
    /// Replication between the nodes gets through.
    pub(crate) link: bool,
    /// Where clients and operators find the address.
    pub(crate) neighbours: Id,
    /// Transactions committed so far.
    pub(crate) count: u8,
    /// Faults that may still happen.
    pub(crate) faults: u8,
    /// Openings by hand that may still happen.
    pub(crate) hands: u8,
    /// Runs that may still be started.
    pub(crate) runs: u8,
    pub(crate) xa_used: bool,
    /// A node was declared dead at some time: what only it had may be lost.
    pub(crate) failed: bool,
}

impl State {
    /// db1 is the writer, db2 follows.
    pub(crate) fn new(faults: u8, hands: u8, runs: u8) -> Self {
        let node = |first: bool| Node {
            up: true,
            open: first,
            holds: first,
            has: 0,
            relay: 0,
            receives: true,
            xa: false,
            lock: NOBODY,
            read_lock: NOBODY,
            ghost: Ghost::None,
            ghost_of: 0,
            cut: false,
            deposed: false,
        };
        Self {
            nodes: [node(true), node(false)],
            tools: [Tool::new(), Tool::new()],
            link: true,
            neighbours: 0,
            count: 0,
            faults,
            hands,
            runs,
            xa_used: false,
            failed: false,
        }
    }

    /// An operator's run has an answer from there when it asks.
    pub(crate) fn seen(&self, n: Id) -> bool {
        self.nodes[n].up && !self.nodes[n].cut
    }

    pub(crate) fn all_seen(&self) -> bool {
        self.seen(0) && self.seen(1)
    }

    /// Lets `n` forget every session: it went down, or ended them.
    pub(crate) fn forget_sessions(&mut self, n: Id) {
        let node = &mut self.nodes[n];
        (node.lock, node.read_lock, node.ghost, node.ghost_of) = (NOBODY, NOBODY, Ghost::None, 0);
    }

    /// All of it in 128 bits.
    pub(crate) fn pack(&self) -> u128 {
        let [a, b] = [node_bits(&self.nodes[0]), node_bits(&self.nodes[1])];
        let [c, d] = [tool_bits(&self.tools[0]), tool_bits(&self.tools[1])];
        let rest = u64::from(self.link)
            | u64::from(self.neighbours == 1) << 1
            | u64::from(self.xa_used) << 2
            | u64::from(self.failed) << 3
            | u64::from(self.count) << 4
            | u64::from(self.faults) << 6
            | u64::from(self.hands) << 8
            | u64::from(self.runs) << 10;
        let high = c | d << 17 | rest << 34;
        u128::from(a | b << 20) | u128::from(high) << 64
    }

    pub(crate) fn unpack(word: u128) -> Self {
        let [low, high] = [word as u64, (word >> 64) as u64];
        let rest = high >> 34;
        Self {
            nodes: [node_of(low), node_of(low >> 20)],
            tools: [tool_of(high), tool_of(high >> 17)],
            link: rest & 1 != 0,
            neighbours: (rest >> 1 & 1) as Id,
            xa_used: rest & 4 != 0,
            failed: rest & 8 != 0,
            count: (rest >> 4 & 3) as u8,
            faults: (rest >> 6 & 3) as u8,
            hands: (rest >> 8 & 3) as u8,
            runs: (rest >> 10 & 3) as u8,
        }
    }
}

fn node_bits(node: &Node) -> u64 {
    // whoever adds a field decides here where it goes
    let Node { up, open, holds, has, relay, receives, xa, lock, read_lock, ghost, ghost_of, cut, deposed } = *node;
    u64::from(up)
        | u64::from(open) << 1
        | u64::from(holds) << 2
        | u64::from(receives) << 3
        | u64::from(xa) << 4
        | u64::from(cut) << 5
        | u64::from(deposed) << 6
        | u64::from(has) << 7
        | u64::from(relay) << 10
        | u64::from(lock) << 13
        | u64::from(read_lock) << 15
        | (ghost as u64) << 17
        | (ghost_of as u64) << 19
}

fn node_of(bits: u64) -> Node {
    Node {
        up: bits & 1 != 0,
        open: bits & 2 != 0,
        holds: bits & 4 != 0,
        receives: bits & 8 != 0,
        xa: bits & 16 != 0,
        cut: bits & 32 != 0,
        deposed: bits & 64 != 0,
        has: (bits >> 7 & 7) as u8,
        relay: (bits >> 10 & 7) as u8,
        lock: (bits >> 13 & 3) as u8,
        read_lock: (bits >> 15 & 3) as u8,
        ghost: match bits >> 17 & 3 {
            0 => Ghost::None,
            1 => Ghost::Close,
            _ => Ghost::Open,
        },
        ghost_of: (bits >> 19 & 1) as Id,
    }
}

fn tool_bits(tool: &Tool) -> u64 {
    let Tool { at, to, back, opening, position, tries, retaken } = *tool;
    at as u64
        | (to as u64) << 6
        | u64::from(back) << 7
        | (opening as u64) << 8
        | u64::from(position) << 10
        | u64::from(tries) << 13
        | u64::from(retaken) << 15
}

fn tool_of(bits: u64) -> Tool {
    Tool {
        at: At::ALL[(bits & 63) as usize],
        to: (bits >> 6 & 1) as Id,
        back: bits & 128 != 0,
        opening: match bits >> 8 & 3 {
            0 => Opening::Never,
            1 => Opening::Unknown,
            2 => Opening::Done,
            _ => Opening::Undone,
        },
        position: (bits >> 10 & 7) as u8,
        tries: (bits >> 13 & 3) as u8,
        retaken: (bits >> 15 & 3) as u8,
    }
}
