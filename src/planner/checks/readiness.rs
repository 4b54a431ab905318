//! Whether `fail` could be carried out here with the account on each machine.

use super::found;
use crate::model::{Code, Finding, Pair, Readiness, Scope, Severity, Side, Snapshot};

/// What the account on this node's machine may not do, each goal of it by itself.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let (name, peer) = (&pair.node(side).name, &pair.node(side.peer()).name);
    let Readiness { isolate, listen, count } = &snapshot.node(side).readiness;
    let printed = format!(
        "`flipper setup {}` prints what to install on {name} for it: the lines for sudo, and the gate where there is one",
        pair.name
    );
    [
        (
            isolate,
            format!("`fail {name}` could not end its server there"),
            format!("{printed}; until then switch the machine of {name} off before `fail {name}`"),
            (Scope::Isolates(side), Severity::Override),
        ),
        (
            listen,
            format!("for `fail {peer}` it could not find out who answers in the place of {peer}"),
            format!("{printed}; until then only a machine of {peer} that answers by ssh can be declared dead"),
            (Scope::Listens(side), Severity::Override),
        ),
        (
            count,
            format!("`fail {name}` could not count there what {peer} never received"),
            format!(
                "let the account read them (the group of their folder, or an ACL), with mysqlbinlog installed there; without \
                 that `fail {name}` always asks for --accept-loss"
            ),
            (Scope::Report, Severity::Warn),
        ),
    ]
    .into_iter()
    .filter_map(|(denied, cannot, help, scope)| {
        let denied = denied.known().filter(|denied| !denied.is_empty())?;
        let seen = format!("{name}: {cannot}: {}", denied.join("; "));
        Some(found(Code::FailNotPermitted, side, seen, help, vec![scope]))
    })
    .collect()
}
