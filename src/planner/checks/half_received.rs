//! Transactions that came in without their end: what an applier holds of one, and what a relay log keeps of it.

use super::{found, report};
use crate::model::{
    Channel, Code, Finding, Flavour, NodeSnapshot, Pair, Scope, Severity, Side, Snapshot, Thread, WriteAccess,
};

/// The beginning of a transaction is in its relay log, and its receiver does not run: the rest is not on its way.
pub(super) fn is_cut_off(node: &NodeSnapshot) -> bool {
    let some = node.relay.half_received.known().is_some_and(|bytes| *bytes > 0);
    let receives = |channel: &Channel| channel.receiver == Thread::Running;
    some && node.channels.known().is_some_and(|all| !all.iter().any(receives))
}

/// MySQL's applier begins it again when it is started, on whatever has become of the data since. MariaDB's throws its
/// relay log away then.
pub(super) fn would_be_applied_again(node: &NodeSnapshot) -> bool {
    let mariadb = node.server.known().is_some_and(|server| server.flavour == Flavour::MariaDb);
    !mariadb && is_cut_off(node) && !applies(node)
}

fn applies(node: &NodeSnapshot) -> bool {
    node.channels.known().is_some_and(|all| all.iter().any(|channel| channel.applier == Thread::Running))
}

/// Clients wait for the locks that it holds, or would; and what its applier would do if somebody started it.
pub(super) fn of_node(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let (node, source) = (snapshot.node(side), &pair.node(side.peer()).name);
    let name = &node.name;
    if !is_cut_off(node) {
        return None;
    }
    let open = node.access.is(&WriteAccess::Open);
    match (applies(node), open) {
        (true, true) => {
            let (stop, time) = match node.server.known().map(|server| server.flavour) {
                Some(Flavour::MariaDb) => ("STOP SLAVE SQL_THREAD", ""),
                Some(Flavour::MySql) | None => {
                    ("STOP REPLICA SQL_THREAD", ", within a minute, or at once after KILL of its thread")
                }
            };
            Some(found(
                Code::HalfReceived,
                side,
                format!("{name}: its applier holds a transaction of {source} that came in without its end"),
                format!("{stop} on {name} rolls it back{time}"),
                vec![(Scope::Plan, Severity::Warn), (Scope::Report, Severity::Warn)],
            ))
        }
        // nobody writes here, and whoever is opened in the place of its source rolls it back before
        (true, false) => Some(report(
            Code::HalfReceived,
            side,
            format!("{name}: its applier holds a transaction of {source} that came in without its end"),
            format!("it is fetched again when {source} is back; `fail {source}` rolls it back first"),
        )),
        (false, true) if would_be_applied_again(node) => Some(report(
            Code::HalfReceived,
            side,
            format!("{name}: its relay log ends with a transaction of {source} that came in without its end"),
            format!("leave its applier stopped; when {source} is to rejoin: RESET REPLICA on {name}"),
        )),
        (false, _) => None,
    }
}
