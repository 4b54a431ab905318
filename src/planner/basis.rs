//! What a plan rests on.

use crate::model::{Basis, Channel, NodeBasis, Pair, RoleSpec, Side, Snapshot, Thread};

/// The structural facts of both nodes. `None` where one of them is unknown.
pub(super) fn basis(pair: &Pair, snapshot: &Snapshot) -> Option<Basis> {
    let roles = pair.roles.iter().map(|role| {
        let RoleSpec { name, address, access } = role;
        (name.clone(), *address, *access)
    });
    let [first, second] = Side::BOTH.map(|side| node(pair, snapshot, side));
    Some(Basis { roles: roles.collect(), nodes: [first?, second?] })
}

fn node(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<NodeBasis> {
    let seen = snapshot.node(side);
    let server = seen.server.known()?;
    let mut holds = vec![];
    for role in &pair.roles {
        let held =
            seen.holds(role).known()?.iter().map(|held| (role.name.clone(), (*held).clone())).collect::<Vec<_>>();
        holds.extend(held);
    }
    Some(NodeBasis {
        name: seen.name.clone(),
        flavour: server.flavour,
        version: server.version,
        server_id: server.server_id,
        uuid: server.uuid.clone(),
        access: *seen.access.known()?,
        holds,
        replicates: matches!(&seen.channels.known()?[..], [channel] if runs(channel)),
    })
}

/// Receiver and applier both run.
pub(super) fn runs(channel: &Channel) -> bool {
    channel.receiver == Thread::Running && channel.applier == Thread::Running
}
