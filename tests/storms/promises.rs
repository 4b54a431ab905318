//! What must never be, judged on what is really so.

use flipper::model::{Side, WriteAccess};

use crate::truth::{MS, Micros, Node, Truth};

/// What was broken, each with its moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Broken(pub(crate) Vec<String>);

impl Broken {
    pub(crate) fn say(&mut self, now: Micros, what: &str) {
        // one that is broken stays broken for a while: the first time is the one to look at
        if !self.0.iter().any(|old| old.ends_with(what)) {
            self.0.push(format!("{:9.3} ms: {what}", now as f64 / MS as f64));
        }
    }

    /// A client's transaction begins while the other node is open too.
    pub(crate) fn begun_beside(&mut self, nodes: &[Node; 2], side: Side, stray: bool, now: Micros) {
        let peer = side.peer().of(nodes);
        if peer.up && peer.access == WriteAccess::Open && !stray {
            self.say(now, "S5: a transaction began while the other node was open too");
        }
    }
}

/// How a server was told to accept writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The one who told it has seen since its start that the peer was started open.
    pub(crate) knew: bool,
    /// Somebody's opening of the peer may still fire.
    pub(crate) pending: bool,
    /// The operator has accepted that the nodes differ.
    pub(crate) diverged: bool,
}

impl Truth {
    /// The tool opens a server: is that right, just now?
    pub(crate) fn opens(&mut self, side: Side, how: Opening, now: Micros) {
        let (node, peer) = (self.node(side), self.node(side.peer()));
        if node.access == WriteAccess::Open {
            return;
        }
        let beside = peer.up && peer.access == WriteAccess::Open;
        let lacks = !peer.has.within(&node.has);
        if beside && (!peer.strayed || how.knew) {
            self.broken.say(now, "S2: opened beside an open node");
        }
        if how.pending {
            self.broken.say(now, "S11: opened while an opening of the other node may still fire");
        }
        if lacks && !how.diverged && !self.stray && !self.lost {
            self.broken.say(now, "S4: opened without all that the other node has");
        }
    }

    /// The tool brings the write address up.
    pub(crate) fn takes(&mut self, side: Side, now: Micros) {
        let peer = self.node(side.peer());
        if self.holds(side.peer()) && peer.up && peer.access == WriteAccess::Open && !self.stray {
            self.broken.say(now, "S6: the write address was taken while its holder was open");
        }
    }
}
