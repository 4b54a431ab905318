//! Small changes to a healthy pair.

use flipper::model::{
    Channel, Flavour, Held, NodeSnapshot, Observed, Server, Settings, Snapshot, System, Thread, Version, WriteAccess,
};

use crate::samples::{healthy, p};

/// db1 writes, db2 reads, MySQL.
pub(crate) struct World(pub(crate) Snapshot);

pub(crate) fn mysql() -> World {
    World(healthy())
}

/// The same as MariaDB 10.11.
pub(crate) fn mariadb() -> World {
    let mut world = healthy();
    for (n, node) in world.nodes.iter_mut().enumerate() {
        let server = known(&mut node.server);
        (server.flavour, server.version, server.uuid) = (Flavour::MariaDb, Version(10, 11, 18), None);
        known(&mut node.channels)[0].source_uuid = None;
        node.position = Observed::Known(format!("0-{}-48213", n + 1));
        known(&mut node.boot.access).ruling.setting = "read_only=ON".to_owned();
        known(&mut node.boot.follows).ruling.setting = "skip_slave_start".to_owned();
        known(&mut node.boot.unit).name = "mariadb.service".to_owned();
    }
    World(world)
}

fn known<T>(fact: &mut Observed<T>) -> &mut T {
    match fact {
        Observed::Known(value) => value,
        Observed::Unknown(why) => panic!("unknown: {why}"),
    }
}

const OWN: &str = "26a0f1c2-3d4e-11f0-8a1b-0242ac110002:9-11";

impl World {
    pub(crate) fn done(self) -> Snapshot {
        self.0
    }

    /// `n` is 1 or 2.
    pub(crate) fn node(&mut self, n: usize) -> &mut NodeSnapshot {
        &mut self.0.nodes[n - 1]
    }

    pub(crate) fn edit(mut self, n: usize, edit: impl FnOnce(&mut NodeSnapshot)) -> Self {
        edit(self.node(n));
        self
    }

    pub(crate) fn server(self, n: usize, edit: impl FnOnce(&mut Server)) -> Self {
        self.edit(n, |node| edit(known(&mut node.server)))
    }

    pub(crate) fn settings(self, n: usize, edit: impl FnOnce(&mut Settings)) -> Self {
        self.edit(n, |node| edit(known(&mut node.settings)))
    }

    pub(crate) fn system(self, n: usize, edit: impl FnOnce(&mut System)) -> Self {
        self.edit(n, |node| edit(known(&mut node.system)))
    }

    pub(crate) fn channel(self, n: usize, edit: impl FnOnce(&mut Channel)) -> Self {
        self.edit(n, |node| edit(&mut known(&mut node.channels)[0]))
    }

    pub(crate) fn channels(self, n: usize, edit: impl FnOnce(&mut Vec<Channel>)) -> Self {
        self.edit(n, |node| edit(known(&mut node.channels)))
    }

    pub(crate) fn held(self, n: usize, edit: impl FnOnce(&mut Vec<Held>)) -> Self {
        self.edit(n, |node| edit(known(&mut node.addresses)))
    }

    pub(crate) fn open(self, n: usize) -> Self {
        self.access(n, WriteAccess::Open)
    }

    pub(crate) fn fenced(self, n: usize) -> Self {
        self.access(n, WriteAccess::Fenced)
    }

    pub(crate) fn access(self, n: usize, access: WriteAccess) -> Self {
        self.edit(n, |node| node.access = Observed::Known(access))
    }

    /// A role's address comes to a node.
    pub(crate) fn with(self, n: usize, address: &str) -> Self {
        let interface = if n == 1 { "eth0" } else { "eth1" };
        self.held(n, |held| {
            held.push(Held { address: p(address), interface: p(interface), secondary: false, unusable: false })
        })
    }

    /// A role's address leaves a node.
    pub(crate) fn without(self, n: usize, address: &str) -> Self {
        let address: flipper::model::Prefixed = p(address);
        self.held(n, |held| held.retain(|held| held.address.ip != address.ip))
    }

    /// A node has transactions that its peer has not.
    pub(crate) fn ahead(self, n: usize) -> Self {
        self.edit(n, |node| node.ahead = Observed::Known(OWN.to_owned()))
    }

    /// Replication into a node was stopped.
    pub(crate) fn stopped(self, n: usize) -> Self {
        self.channel(n, |channel| {
            (channel.receiver, channel.applier, channel.lag) = (Thread::Stopped, Thread::Stopped, None);
        })
    }

    /// A node's server could not be asked; its machine can.
    pub(crate) fn without_server(self, n: usize, why: &str) -> Self {
        let unknown = || why.to_owned();
        self.edit(n, |node| {
            node.server = Observed::Unknown(unknown());
            node.access = Observed::Unknown(unknown());
            node.channels = Observed::Unknown(unknown());
            node.settings = Observed::Unknown(unknown());
            node.position = Observed::Unknown(unknown());
            node.prepared_xa = Observed::Unknown(unknown());
            node.ahead = Observed::Unknown(unknown());
            node.same_machine = Observed::Unknown(unknown());
        })
    }

    /// Nothing of a node could be seen, nor what its peer has more than it.
    pub(crate) fn unseen(mut self, n: usize, why: &str) -> Self {
        let name = self.node(n).name.clone();
        *self.node(n) = NodeSnapshot::unseen(name.clone(), why);
        self.edit(3 - n, |peer| peer.ahead = Observed::Unknown(format!("{name} was not seen")))
    }
}
