//! What a plan rests on.

use crate::model::{Basis, Channel, NodeBasis, Pair, RoleSpec, Side, Snapshot, Thread, WriteAccess};

/// The structural facts of both nodes. `None` where one of them is unknown.
/// `dead`: a node of which its peer says who it is.
pub(super) fn basis(pair: &Pair, snapshot: &Snapshot, dead: Option<Side>) -> Option<Basis> {
    let roles = pair.roles.iter().map(|role| {
        let RoleSpec { name, address, access } = role;
        (name.clone(), *address, *access)
    });
    let [first, second] = Side::BOTH.map(|side| match dead {
        Some(dead) if dead == side => lost(pair, snapshot, side),
        // whether its receiver has noticed by now is no reason for another plan
        Some(_) => node(pair, snapshot, side).map(|node| NodeBasis { replicates: false, ..node }),
        None => node(pair, snapshot, side),
    });
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

/// A node that is declared dead: its peer knows whose replica it is, and its machine may still say what it holds.
fn lost(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<NodeBasis> {
    let peer = snapshot.node(side.peer());
    let server = peer.server.known()?;
    let channel = peer.channels.known()?.first();
    let holds = pair.roles.iter().flat_map(|role| {
        let held = snapshot.node(side).holds(role).known().cloned().unwrap_or_default();
        held.into_iter().map(|held| (role.name.clone(), held.clone())).collect::<Vec<_>>()
    });
    Some(NodeBasis {
        name: pair.node(side).name.clone(),
        flavour: server.flavour,
        version: server.version,
        server_id: channel.and_then(|channel| channel.source_id).unwrap_or(0),
        uuid: channel.and_then(|channel| channel.source_uuid.clone()).filter(|uuid| !uuid.is_empty()),
        access: WriteAccess::Unseen,
        holds: holds.collect(),
        replicates: false,
    })
}

/// Receiver and applier both run.
pub(super) fn runs(channel: &Channel) -> bool {
    channel.receiver == Thread::Running && channel.applier == Thread::Running
}
