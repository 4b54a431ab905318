//! In which order: a graph of steps whose every edge names its rule.
//!
//! Two kinds of edges. Where one action ensures a fact that another requires, it comes first: that is what the
//! actions themselves say. The rest is [`rule`], a table of pairs that are free by their facts but not by experience
//! (measured silences, hazards). Steps are then taken in waves of those whose predecessors are done; among these, in
//! the order in which the differences were found, so that the same input gives the same plan.

use std::collections::BTreeSet;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::model::{Access, Action, Fact, Fencing, NodeName, Pair, RoleName, Rule, Step, StepId};

/// What a rule may look at besides the two actions that it orders.
struct Context<'a> {
    /// The role whose clients write.
    write: Option<&'a RoleName>,
    /// The node that writing clients are led to.
    writer: Option<&'a NodeName>,
    /// Somebody is opened, which needs the other one closed.
    opens: bool,
    /// The node that has come back.
    returned: Option<&'a NodeName>,
    /// The nodes that get a read lock.
    locked: BTreeSet<&'a NodeName>,
}

/// The graph of actions, an edge for each rule that orders two of them.
fn graph<'a>(pair: &Pair, actions: &'a [Action]) -> DiGraph<&'a Action, Rule> {
    let mut graph = DiGraph::new();
    let context = Context {
        write: pair.write_role().map(|role| &role.name),
        writer: actions.iter().find_map(|action| match action {
            Action::Verify { access: Access::ReadWrite, node, .. } => Some(node),
            _ => None,
        }),
        opens: actions
            .iter()
            .any(|action| matches!(action, Action::Open { .. } | Action::Reopen { .. } | Action::Promote { .. })),
        returned: actions.iter().find_map(|action| match action {
            Action::Compare { node, .. } => Some(node),
            _ => None,
        }),
        locked: actions
            .iter()
            .filter_map(|action| match action {
                Action::Fence { node, how: Fencing::ReadLock } => Some(node),
                _ => None,
            })
            .collect(),
    };
    let nodes: Vec<NodeIndex> = actions.iter().map(|action| graph.add_node(action)).collect();
    let ensures: Vec<Vec<Fact>> = actions.iter().map(Action::ensures).collect();
    let requires: Vec<Vec<Fact>> = actions.iter().map(Action::requires).collect();
    for ((before, a), ensured) in nodes.iter().zip(actions).zip(&ensures) {
        for ((after, b), required) in nodes.iter().zip(actions).zip(&requires) {
            if before == after {
                continue;
            }
            // two read locks at once would keep both nodes from following: the first one is let go before the second is
            // taken, and one that is held already before any
            if let (Action::Release { node }, Action::Fence { node: next, .. }) = (a, b)
                && node != next
                && (before < after || !context.locked.contains(node))
            {
                graph.add_edge(*before, *after, Rule::NoLoss);
            }
            let mut rules: BTreeSet<Rule> =
                required.iter().filter(|fact| ensured.contains(fact)).map(|fact| why(fact, b)).collect();
            rules.extend(rule(a, b, &context));
            for rule in rules {
                graph.add_edge(*before, *after, rule);
            }
        }
    }
    graph
}

/// The rule behind a required fact.
fn why(fact: &Fact, by: &Action) -> Rule {
    match (fact, by) {
        (Fact::Compared(_) | Fact::Closed(_), Action::StartReplication { .. } | Action::Compare { .. }) => {
            Rule::OneHistory
        }
        (Fact::Isolated(_), _) => Rule::IsolateFirst,
        (Fact::Detached(_) | Fact::Applied(_), _) => Rule::NoLoss,
        (Fact::Whole(_), _) => Rule::NothingHeld,
        (Fact::Closed(_), Action::CatchUp { .. }) | (Fact::CaughtUp(..) | Fact::Near(..), _) => Rule::NoLoss,
        (Fact::Closed(_), Action::Release { .. }) => Rule::LockUntilGone,
        (Fact::Closed(_) | Fact::Unlocked(_) | Fact::Drained(_), _) => Rule::OneWriter,
        (_, Action::Verify { .. }) => Rule::VerifyLast,
        (_, Action::Announce { .. }) => Rule::LastWord,
        (Fact::Holds(..), _) => Rule::TakeBeforeDrop,
        (
            Fact::Writable(_)
            | Fact::Lacks(..)
            | Fact::Quiet(..)
            | Fact::Announced(..)
            | Fact::Reached(..)
            | Fact::Compared(_)
            | Fact::Replicates(_),
            _,
        ) => Rule::AddressServesRole,
    }
}

/// The rule that puts one action before another, apart from their facts.
fn rule(before: &Action, after: &Action, context: &Context) -> Option<Rule> {
    let Context { write, writer, opens, returned, locked } = context;
    match (before, after) {
        // what may take its time is done before the gate closes, on the node that still takes writes
        (
            Action::Approach { source: a, .. } | Action::Drain { node: a } | Action::EndWriters { node: a },
            Action::Fence { node: b, .. },
        ) if a == b => Some(Rule::BeforeTheGate),
        // waiting for the target first makes the drain's end the last moment before the gate
        (Action::Approach { source: a, .. }, Action::Drain { node: b } | Action::EndWriters { node: b }) if a == b => {
            Some(Rule::BeforeTheGate)
        }
        // nobody is ended who would have come to an end in time
        (Action::Drain { node: a }, Action::EndWriters { node: b }) if a == b => Some(Rule::BeforeTheGate),
        (Action::Take { role: a, .. }, Action::EndSessions { role: b, .. }) if a == b => {
            Some(Rule::ReconnectLandsRight)
        }
        (Action::EndSessions { role: a, node: on, .. }, Action::Drop { role: b, node: from, .. })
            if a == b && on == from =>
        {
            Some(Rule::GoodbyeArrives)
        }
        (Action::Drop { role: a, .. }, Action::Announce { role: b, .. }) if a == b => Some(Rule::LastWord),
        // a read lock is only ever held on the node that gives the write address up; read roles do not wait for it
        (
            Action::EndSessions { node: a, role, .. } | Action::Drop { node: a, role, .. },
            Action::Release { node: b },
        ) if a == b && *write == Some(role) => Some(Rule::LockUntilGone),
        (Action::Open { peer: a, .. }, Action::Release { node: b }) if a == b => Some(Rule::LockUntilGone),
        // letting go can wait until clients can write again
        (Action::Take { access: Access::ReadWrite, node: a, .. }, Action::Release { node: b }) if a != b => {
            Some(Rule::LockUntilGone)
        }
        // where the address is at the new writer already, its opening is what clients wait for
        (
            Action::Open { peer: a, .. },
            Action::EndSessions { node: b, role, .. } | Action::Drop { node: b, role, .. },
        ) if a == b && *write == Some(role) => Some(Rule::ReconnectLandsRight),
        (Action::Open { node: a, .. }, Action::Announce { node: b, role, .. }) if a == b && *write == Some(role) => {
            Some(Rule::AddressServesRole)
        }
        // a node that still accepted writes would lose the sessions in the middle of them
        (
            Action::Fence { node: a, .. },
            Action::EndSessions { node: b, role, .. } | Action::Drop { node: b, role, .. },
        ) if a == b && *write == Some(role) => Some(Rule::FenceFirst),
        // a node's own appliers wait behind its read lock: it follows a new writer after it, and anybody else before it
        (Action::Release { node: a }, Action::CatchUp { node: b, .. }) if a == b => Some(Rule::NoLoss),
        (Action::Release { node: a }, Action::Approach { node: b, source })
            if a == b && (*writer == Some(source) || *returned == Some(a) || !locked.contains(b)) =>
        {
            Some(Rule::NoLoss)
        }
        (Action::Approach { node: a, source }, Action::Fence { node: b, how: Fencing::ReadLock })
            if a == b && *writer != Some(source) && *returned != Some(a) =>
        {
            Some(Rule::BeforeTheGate)
        }
        // of two that are open one is closed before the address leads to the other one
        (Action::Fence { node: a, .. }, Action::Take { access: Access::ReadWrite, node: b, .. })
            if a != b && !*opens =>
        {
            Some(Rule::OneWriter)
        }
        // readers leave a node that still takes writes only for one that has them all
        (Action::Fence { node: a, .. }, Action::Take { access: Access::ReadOnly, node: b, .. }) if a != b => {
            Some(Rule::MonotonicReads)
        }
        (
            Action::Announce { role: a, .. } | Action::Take { role: a, .. } | Action::EndSessions { role: a, .. },
            Action::Verify { role: b, .. },
        ) if a == b => Some(Rule::VerifyLast),
        (Action::Release { .. }, Action::Verify { access: Access::ReadWrite, .. }) => Some(Rule::VerifyLast),
        // nothing is changed on the survivor, and nobody is led there, before the dead node is out for certain
        (Action::Isolate { .. }, Action::StopReceiving { .. } | Action::Take { .. } | Action::Drop { .. }) => {
            Some(Rule::IsolateFirst)
        }
        // the last address leaves a dead machine when somebody is there to take it; until then there is a way back
        (Action::Promote { .. }, Action::Drop { to: None, .. }) => Some(Rule::AddressServesRole),
        // a dead server holds no client: its address leaves first, and the machine may still answer for it
        (Action::Drop { role: a, to: None, .. }, Action::Take { role: b, from: None, .. }) if a == b => {
            Some(Rule::IsolateFirst)
        }
        // what may take its time is done before clients are sent for
        (Action::Promote { .. }, Action::Take { access: Access::ReadOnly, .. }) => Some(Rule::ReadsOutsideOutage),
        // where the address is at the survivor already, its opening is what clients wait for
        (Action::Promote { node: a, .. }, Action::Verify { access: Access::ReadWrite, node: b, .. }) if a == b => {
            Some(Rule::VerifyLast)
        }
        // a node's own appliers wait behind its read lock, and what it may have of its own is final behind it
        (Action::Compare { node: a, .. }, Action::Release { node: b }) if a == b => Some(Rule::OneHistory),
        // what the returned node alone has shown is on the writer, before its readers come there
        (Action::Compare { source: a, .. }, Action::Take { access: Access::ReadOnly, node: b, .. }) if a == b => {
            Some(Rule::MonotonicReads)
        }
        (Action::Release { node: a }, Action::StartReplication { node: b, .. }) if a == b => Some(Rule::NoLoss),
        // a node that has come back loses its addresses before anything else is done for it
        (Action::Drop { node: a, .. } | Action::EndSessions { node: a, .. }, Action::StartReplication { .. })
            if *returned == Some(a) =>
        {
            Some(Rule::OneWriter)
        }
        // it follows first; the writer follows it when that works
        (Action::StartReplication { node: a, .. }, Action::Approach { node: b, .. }) if a == b => {
            Some(Rule::OneHistory)
        }
        (Action::Approach { source: a, .. }, Action::StartReplication { node: b, .. }) if a == b => {
            Some(Rule::OneHistory)
        }
        (Action::Verify { access: Access::ReadWrite, .. }, Action::Take { access: Access::ReadOnly, .. }) => {
            Some(Rule::ReadsOutsideOutage)
        }
        // also where a read role only leaves: ending its sessions takes its time
        (
            Action::Verify { access: Access::ReadWrite, .. },
            Action::EndSessions { role, .. } | Action::Drop { role, .. },
        ) if *write != Some(role) => Some(Rule::ReadsOutsideOutage),
        // reads follow the writer of afterwards: the wait makes sense only once that one is the writer
        (Action::Verify { access: Access::ReadWrite, node: a, .. }, Action::Approach { source: b, .. }) if a == b => {
            Some(Rule::ReadsOutsideOutage)
        }
        (Action::Approach { node: a, .. }, Action::Take { access: Access::ReadOnly, node: b, .. }) if a == b => {
            Some(Rule::MonotonicReads)
        }
        _ => None,
    }
}

/// The steps, in an order that satisfies every rule. `None`: the rules contradict each other, which is a mistake in
/// them; the tests try every shape of difference.
pub(super) fn steps(pair: &Pair, actions: &[Action]) -> Option<Vec<Step>> {
    let graph = graph(pair, actions);
    let mut open: Vec<usize> =
        graph.node_indices().map(|n| graph.edges_directed(n, Direction::Incoming).count()).collect();
    let mut ready: BTreeSet<NodeIndex> = graph.node_indices().filter(|n| open[n.index()] == 0).collect();
    let mut steps = vec![];
    while let Some(next) = ready.pop_first() {
        let action = graph[next];
        let mut after: Vec<(NodeIndex, Rule)> =
            graph.edges_directed(next, Direction::Incoming).map(|edge| (edge.source(), *edge.weight())).collect();
        after.sort();
        let after: Vec<(StepId, Rule)> = after.into_iter().map(|(n, rule)| (graph[n].id(), rule)).collect();
        steps.push(Step { id: action.id(), action: action.clone(), after });
        for edge in graph.edges_directed(next, Direction::Outgoing) {
            let left = &mut open[edge.target().index()];
            *left -= 1;
            if *left == 0 {
                ready.insert(edge.target());
            }
        }
    }
    // a cycle leaves steps out
    (steps.len() == actions.len()).then_some(steps)
}
