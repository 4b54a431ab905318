//! What must hold in every state and at every step.

use std::fmt;

use crate::state::{Ghost, Id, Node, State};

/// A promise that a state or a step can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    OneWriter,
    TwoOpen,
    AcknowledgedLost,
    Complete,
    Frozen,
    TwoAddresses,
    Announced,
    Neutral,
    Ghosts,
    Entitled,
    FencedDead,
    RelayDrained,
    SafeBack,
    TailMixed,
    Settled,
    Ends,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneWriter => "S1: both nodes serve the write address and accept writes",
            Self::TwoOpen => "S2: a run opened a node while the other one was open",
            Self::AcknowledgedLost => "S3: a move has ended and the new writer lacks an acknowledged transaction",
            Self::Complete => "S4: opened while the nodes differ, or while the other one could still write",
            Self::Frozen => "S5: a transaction began on a node while the other one was open",
            Self::TwoAddresses => "S6: the address was taken while its holder was not fenced",
            Self::Announced => "S7: a node announced an address that it does not have",
            Self::Neutral => "S8: a run wrote a transaction",
            Self::Ghosts => "S11: opened while an opening of the other one may still take effect",
            Self::Entitled => "S13: a run changed something while another one had the locks",
            Self::FencedDead => "S14: the survivor was opened and the dead node is not switched off",
            Self::RelayDrained => "S15: the survivor was opened before it applied what it had, or while it receives",
            Self::SafeBack => "S16: the old writer was opened again although it is not shown to be the only one",
            Self::TailMixed => "S18: receives from a node that has transactions of its own",
            Self::Settled => "L2: left alone, the pair ends with two open nodes, or with two histories",
            Self::Ends => "L3: a run does not end",
        })
    }
}

/// What a step was, as far as a law asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The world did it.
    World,
    /// A client or an administrator committed on this node.
    Wrote(Id),
    /// This node received from its peer.
    Received(Id),
    /// This run did something that changes nothing on a server.
    Looked,
    /// This run changed something.
    Changed(Id),
    /// This run, or a statement of its that came late, opened this node after a catch-up.
    Opened(Id, Id),
    /// This run opened this node again, without one.
    Reopened(Id, Id),
    /// A late statement opened this node.
    OpenedLate(Id),
    /// This run opened the survivor.
    Survived(Id, Id),
    Took(Id, Id),
    Told(Id, Id),
    /// This run lets this node receive from its peer.
    Joined(Id, Id),
    /// This run reached its goal with this node as the writer.
    Ended(Id),
}

/// The first law that the step from one state to another breaks.
pub(crate) fn broken(old: &State, new: &State, deed: Deed) -> Option<Law> {
    let serves = |n: Id| new.nodes[n].up && new.nodes[n].holds && new.nodes[n].open;
    if serves(0) && serves(1) {
        return Some(Law::OneWriter);
    }
    let both = |s: &State| s.nodes[0].open && s.nodes[1].open;
    let run = match deed {
        Deed::Changed(t)
        | Deed::Opened(t, _)
        | Deed::Reopened(t, _)
        | Deed::Survived(t, _)
        | Deed::Took(t, _)
        | Deed::Told(t, _)
        | Deed::Joined(t, _) => Some(t),
        _ => None,
    };
    if (run.is_some() || matches!(deed, Deed::OpenedLate(_))) && both(new) && !both(old) {
        return Some(Law::TwoOpen);
    }
    if let Some(t) = run {
        let other = u8::from(t == 0) + 1;
        if new.nodes.iter().zip(&old.nodes).any(|(a, b)| a.has != b.has) {
            return Some(Law::Neutral);
        }
        if old.nodes.iter().all(|node| node.lock == other) {
            return Some(Law::Entitled);
        }
    }
    let lacks = |n: Id| old.nodes[1 - n].has & !old.nodes[n].has != 0;
    match deed {
        Deed::Opened(_, n) => {
            let peer = &old.nodes[1 - n];
            // whoever opens with both in sight has seen the same on both, and nothing that could change that
            if peer.open || peer.xa || lacks(n) {
                return Some(Law::Complete);
            }
            (peer.ghost == Ghost::Open).then_some(Law::Ghosts)
        }
        Deed::OpenedLate(n) if old.nodes[1 - n].deposed => undrained(&old.nodes[n]).then_some(Law::RelayDrained),
        Deed::OpenedLate(n) => lacks(n).then_some(Law::Complete),
        Deed::Reopened(_, n) => {
            let peer = &old.nodes[1 - n];
            if peer.ghost == Ghost::Open {
                return Some(Law::Ghosts);
            }
            (peer.open || lacks(n)).then_some(Law::SafeBack)
        }
        Deed::Survived(_, n) => {
            if !old.nodes[1 - n].deposed {
                return Some(Law::FencedDead);
            }
            // one that was declared dead itself has received nothing since
            (undrained(&old.nodes[n]) || old.nodes[n].deposed).then_some(Law::RelayDrained)
        }
        Deed::Took(_, n) => (old.nodes[1 - n].holds && old.nodes[1 - n].open).then_some(Law::TwoAddresses),
        Deed::Told(_, n) => (!old.nodes[n].holds).then_some(Law::Announced),
        // what a deposed node commits is compared before it rejoins
        Deed::Wrote(n) => (old.nodes[1 - n].open && !old.nodes[n].deposed).then_some(Law::Frozen),
        // the rest of a dead writer is welcome until there is something new for it to meet
        Deed::Received(n) => {
            let [node, peer] = [&old.nodes[n], &old.nodes[1 - n]];
            let own = node.open || node.has & !peer.has != 0;
            // what a deposed one receives by itself is its own loss: it serves nobody, and is compared before it does
            (peer.deposed && !node.deposed && own && lacks(n)).then_some(Law::TailMixed)
        }
        Deed::Joined(_, n) => (!old.nodes[n].deposed && lacks(n)).then_some(Law::TailMixed),
        Deed::Ended(n) => {
            let all = (1_u8 << new.count) - 1;
            (!new.failed && new.nodes[n].has != all).then_some(Law::AcknowledgedLost)
        }
        Deed::World | Deed::Looked | Deed::Changed(_) => None,
    }
}

/// It may still get something of the node that it is to replace.
fn undrained(survivor: &Node) -> bool {
    survivor.receives || survivor.relay != 0
}
