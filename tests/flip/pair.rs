//! How the pair stands, as the servers and hosts themselves say, not as flipper does.

use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::bench::Bench;
use crate::lab::error::{Doing, LabError, Result};
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::observe::{Fingerprint, differences};
use crate::lab::run::wait_until;
use crate::lab::session::Session;
use crate::lab::{Host, Node, User, replication};

impl Bench<'_> {
    /// Both nodes at rest, to be compared by [`Self::unchanged`]. A node's own transactions come back from its peer and
    /// move its position a moment after the case that wrote them: that is waited for.
    pub(crate) fn look(&self) -> [Fingerprint; 2] {
        let mut before = self.at_this_moment();
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.at_this_moment();
            if now == before {
                return now;
            }
            before = now;
        }
        panic!("the pair does not come to rest");
    }

    fn at_this_moment(&self) -> [Fingerprint; 2] {
        Node::BOTH.map(|node| self.lab.fingerprint(node).expect("a node's fingerprint"))
    }

    /// Variables, positions, addresses, sessions and locks are what they were.
    #[track_caller]
    pub(crate) fn unchanged(&self, before: &[Fingerprint; 2]) {
        let after = self.at_this_moment();
        for (node, (before, after)) in Node::BOTH.into_iter().zip(before.iter().zip(&after)) {
            let changed = differences(before, after);
            assert!(changed.is_empty(), "{} was changed: {}", node.name(), changed.join("; "));
        }
    }

    /// The node that holds an address; on exactly one.
    pub(crate) fn holder(&self, address: &str) -> Result<Node> {
        let holds = |node: &Node| {
            let held = self.lab.addresses(*node).unwrap_or_default();
            held.iter().any(|held| held.starts_with(&format!("{address}/")))
        };
        let holders: Vec<Node> = Node::BOTH.into_iter().filter(holds).collect();
        match holders[..] {
            [one] => Ok(one),
            _ => Err(LabError::new(format!("looking for {address}"), format!("on {holders:?}"))),
        }
    }

    pub(crate) fn is_open(&self, node: Node) -> Result<bool> {
        Ok(self.lab.admin(node).value("SELECT @@GLOBAL.read_only")? == "0")
    }

    /// This node is the only open one and has the write address.
    pub(crate) fn serves_from(&self, writer: Node) -> Outcome {
        let (write, open) = (self.holder(WRITE_ADDRESS)?, Node::BOTH.map(|node| self.is_open(node)));
        let [first, second] = open;
        let open = [first?, second?];
        let expected = Node::BOTH.map(|node| node == writer);
        if write == writer && open == expected {
            return Ok(());
        }
        Err(LabError::new("looking who serves", format!("write is on {write:?}, open are {open:?}")))
    }

    /// Where every case starts: db1 open with the write address, db2 with the read address, replication both ways.
    pub(crate) fn at_home(&self) -> Outcome {
        self.serves_from(Node::Db1)?;
        let read = self.holder(READ_ADDRESS)?;
        if read != Node::Db2 {
            return Err(LabError::new("looking at the pair after the case", format!("read is on {read:?}")));
        }
        for node in Node::BOTH {
            replication::wait_running(&self.lab.admin(node), node)?;
        }
        self.nothing_left();
        self.lab.settle()
    }

    /// Makes a node refuse writes, as a person would.
    pub(crate) fn fence(&self, node: Node) -> Outcome {
        self.lab.admin(node).exec(self.server().fence())
    }

    /// A client of the write role in the middle of a transaction.
    pub(crate) fn writing(&self) -> Result<Session> {
        let mut session = self.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
        session.exec("BEGIN")?;
        session.exec("INSERT INTO app.load (client, seq, server) VALUES (800000, 0, @@server_id)")?;
        Ok(session)
    }

    /// Waits until somebody holds the pair's lock on both nodes.
    pub(crate) fn wait_locked(&self) -> Outcome {
        wait_until("the pair's lock is held on both nodes", Duration::from_secs(10), || {
            let held = |node: Node| {
                let holder = self.lab.admin(node).value("SELECT IS_USED_LOCK('flipper:roles')");
                holder.map(|holder| !holder.is_empty())
            };
            Ok((held(Node::Db1)? && held(Node::Db2)?).then_some(()))
        })
    }
    /// Waits until the run that goes on has begun this step, as its journal tells.
    pub(crate) fn wait_at(&self, step: &str) -> Outcome {
        wait_until("the run is at that step", Duration::from_secs(20), || {
            let told = self.command(&["--json", "history", "lab"]).output().doing(|| "asking flipper".to_owned())?;
            let told: Value = serde_json::from_slice(&told.stdout).doing(|| "reading a history".to_owned())?;
            let goes_on = told["runs"].as_array().and_then(|runs| runs.iter().find(|run| run["ended"] == "running"));
            match goes_on {
                Some(run) if run["at_step"] == step => Ok(Some(())),
                Some(run) => Err(LabError::new("reading the journal", run)),
                None => Err(LabError::new("reading the journal", "no run goes on")),
            }
        })
    }
}
