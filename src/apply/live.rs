//! The world of real servers.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::effect::{self, Hands, Known, Memory};
use crate::link::{self, Link, Sql};
use crate::model::{Action, NodeSnapshot, Pair, Server, Side, Snapshot};
use crate::observe;
use crate::world::{Done, Failure, Happened, NoLock, World};

/// Two nodes, by their open connections.
pub struct LiveWorld {
    pair: Pair,
    links: [Link; 2],
    known: [Option<Known>; 2],
    memory: Memory,
    /// The pair's lock is ours.
    locked: bool,
    control_dir: PathBuf,
    began: Instant,
}

impl LiveWorld {
    /// The nodes behind `links`, as `seen` through them. `control_dir`: where the links' ssh connections live.
    #[must_use]
    pub fn new(pair: Pair, links: [Link; 2], control_dir: PathBuf, seen: &Snapshot) -> Self {
        let mut world = Self {
            pair,
            links,
            known: [None, None],
            memory: Memory::default(),
            locked: false,
            control_dir,
            began: Instant::now(),
        };
        world.learn(seen);
        world
    }

    /// What is known is kept while a node cannot be seen: how to spell things for it does not change.
    fn learn(&mut self, seen: &Snapshot) {
        for side in Side::BOTH {
            let node = seen.node(side);
            let target = &side.of(&self.links).target;
            if let (Some(server), Some(system)) = (node.server.known(), node.system.known()) {
                *side.of_mut(&mut self.known) = Some(Known {
                    server: server.clone(),
                    system: system.clone(),
                    sudo: target.ssh.sudo,
                    mysql: target.mysql.clone(),
                });
            }
        }
    }

    /// Says goodbye to both nodes.
    pub async fn close(self) {
        link::close(self.links, self.pair.limits.connect).await;
    }

    fn hands(&mut self) -> Hands<'_> {
        Hands { pair: &self.pair, links: &mut self.links, known: &self.known, memory: &mut self.memory }
    }

    /// Opens what an earlier failure closed, and ends what is left of it. Returns
    /// why nothing that is seen of this node can be relied on, where that is so.
    async fn mend(&mut self, side: Side) -> Result<(), String> {
        let limit = self.pair.limits.connect;
        let holds_lock = self.memory.is_locked(&self.pair.node(side).name);
        let link = side.of_mut(&mut self.links);
        if link.shell.as_ref().map_or(true, link::Shell::is_closed) {
            // why it did not work is seen by whoever uses it next
            let _ = link.reopen_shell(&self.control_dir, limit).await;
        }
        // the id of a session that may still hold a read lock on the server is not thrown away
        if !holds_lock && link.guard.as_ref().map_or(true, Sql::is_closed) {
            let _ = link.reconnect_guard(limit).await;
        }
        let lost = link.sql.as_ref().map_or(true, Sql::is_closed);
        if lost && link.reconnect_sql(limit).await.is_err() {
            // nothing can be seen of this server, which is said by whoever looks
            return Ok(());
        }
        // the lock went with the session that held it
        if let (true, true, Some(known)) = (lost, self.locked, side.of(&self.known)) {
            match effect::lock_one(&self.pair, link, &known.server, limit).await {
                Ok(()) => {}
                Err(NoLock::Taken(by)) => {
                    return Err(format!("the pair's lock was lost with a connection, and taken by {by}"));
                }
                Err(NoLock::Failed(why)) => {
                    return Err(format!("the pair's lock was lost with a connection: {why}"));
                }
            }
        }
        // what may still fire makes everything that is seen here a thing of the moment
        let name = self.pair.node(side).name.clone();
        let laid = self.hands().lay_all(&name, limit).await;
        laid.map_err(|left| format!("a statement of ours may still take effect there: {}", left.what))
    }
}

impl World for LiveWorld {
    async fn snapshot(&mut self) -> Snapshot {
        let mut lost = [None, None];
        for side in Side::BOTH {
            *side.of_mut(&mut lost) = self.mend(side).await.err();
        }
        let mut seen = observe::snapshot(&self.pair, &mut self.links).await;
        self.learn(&seen);
        for side in Side::BOTH {
            // somebody else works on this pair: nothing that is seen now can be relied on
            if let Some(why) = side.of(&lost) {
                let name = self.pair.node(side).name.clone();
                *seen.node_mut(side) = NodeSnapshot::unseen(name, why);
            }
        }
        seen
    }

    async fn perform(&mut self, action: &Action, limit: Duration) -> Result<Done, Failure> {
        // every call below has a limit of its own; this one is for what they have forgotten
        let patience = limit + self.pair.limits.connect * 2 + self.pair.limits.fence;
        match tokio::time::timeout(patience, self.hands().perform(action, limit)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Failure { happened: Happened::Unknown, what: format!("no end within {patience:?}"), again: false })
            }
        }
    }

    async fn lock(&mut self) -> Result<(), NoLock> {
        let [Some(first), Some(second)] = &self.known else {
            return Err(NoLock::Failed("a node cannot be seen".to_owned()));
        };
        let servers: [Server; 2] = [first.server.clone(), second.server.clone()];
        effect::lock(&self.pair, &mut self.links, &servers, self.pair.limits.connect).await?;
        self.locked = true;
        Ok(())
    }

    async fn unlock(&mut self) {
        effect::unlock(&self.pair, &mut self.links, self.pair.limits.connect).await;
        self.locked = false;
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn pause(&mut self, time: Duration) {
        sleep(time).await;
    }
}
