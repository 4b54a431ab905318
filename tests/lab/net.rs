//! The network: a namespace a host, one more for the switch, and a cable from each host to it.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::error::{Doing, Result};
use super::run::{run, sh};
use super::{Host, Node};

pub(crate) const WRITE_ADDRESS: &str = "10.77.0.100";
pub(crate) const READ_ADDRESS: &str = "10.77.0.101";
/// For roles with IPv6 addresses; no node has it at the start.
pub(crate) const IPV6_ADDRESS: &str = "fd00:77::100";

/// All names of one lab's namespaces start with `fl-ID-`, so that two labs can run at once and a sweep finds them. The addresses may
/// be the same everywhere: nothing leaves the switch.
pub(crate) fn namespace(id: &str, host: &str) -> String {
    format!("fl-{id}-{host}")
}

/// For [`step_into`].
pub(crate) fn open_namespace(id: &str, host: Host) -> Result<File> {
    let path = Path::new("/run/netns").join(namespace(id, host.name()));
    File::open(&path).doing(|| format!("opening {}", path.display()))
}

/// Moves the calling thread, and it alone, into a host's network.
pub(crate) fn step_into(namespace: &File) -> Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .doing(|| "stepping into a network namespace".to_owned())
}

pub(crate) fn create(id: &str) -> Result<()> {
    let switch = namespace(id, "sw");
    sh(["ip", "netns", "add", &switch])?;
    sh(["ip", "-n", &switch, "link", "set", "lo", "up"])?;
    sh(["ip", "-n", &switch, "link", "add", "br0", "type", "bridge"])?;
    sh(["ip", "-n", &switch, "link", "set", "br0", "up"])?;
    for host in Host::ALL {
        let name = host.name();
        let inside = namespace(id, name);
        sh(["ip", "netns", "add", &inside])?;
        sh(["ip", "-n", &inside, "link", "set", "lo", "up"])?;
        sh(["ip", "-n", &switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", &inside])?;
        sh(["ip", "-n", &switch, "link", "set", name, "master", "br0", "up"])?;
        let address = format!("{}/24", host.address());
        sh(["ip", "-n", &inside, "addr", "add", &address, "dev", "eth0"])?;
        // a link-local address that the kernel makes changes by itself for a second or two after the start
        sh(["ip", "-n", &inside, "link", "set", "eth0", "addrgenmode", "none"])?;
        sh(["ip", "-n", &inside, "link", "set", "eth0", "up"])?;
        for address in host.ipv6_addresses() {
            sh(["ip", "-n", &inside, "addr", "add", &format!("{address}/64"), "dev", "eth0", "nodad"])?;
        }
    }
    for (node, address) in [(Node::Db1, WRITE_ADDRESS), (Node::Db2, READ_ADDRESS)] {
        let inside = namespace(id, node.name());
        let address = format!("{address}/32");
        sh(["ip", "-n", &inside, "addr", "add", &address, "dev", "eth0"])?;
    }
    Ok(())
}

/// The switch's port goes down, so the host sees no carrier, as with a real cable.
///
/// What hosts asked for in vain meanwhile is forgotten when the cable is back: the third unanswered question for a neighbour would
/// fail the next connection too, up to a second after the repair ("No route to host").
pub(crate) fn cable(id: &str, host: Host, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    sh(["ip", "-n", &namespace(id, "sw"), "link", "set", host.name(), state])?;
    if up {
        forget(id, host)?;
        for other in Host::ALL.into_iter().filter(|other| *other != host) {
            let [global, local] = host.ipv6_addresses();
            for address in [host.address(), &global, &local] {
                sh(["ip", "-n", &namespace(id, other.name()), "neigh", "flush", "to", address, "dev", "eth0"])?;
            }
        }
    }
    Ok(())
}

/// All that the others send to a host shares a narrow line, a megabyte a second; or no longer.
pub(crate) fn narrow(id: &str, host: Host, narrow: bool) -> Result<()> {
    let switch = namespace(id, "sw");
    let words: &[&str] = match narrow {
        true => &["add", "dev", host.name(), "root", "tbf", "rate", "8mbit", "burst", "64kb", "latency", "400ms"],
        false => &["del", "dev", host.name(), "root"],
    };
    run(Command::new("tc").args(["-n", &switch, "qdisc"]).args(words)).map(drop)
}

/// Cuts the switch in two: these hosts hear each other, the others hear each other, and nobody loses its carrier.
pub(crate) fn split(id: &str, side: &[Host]) -> Result<()> {
    let switch = namespace(id, "sw");
    sh(["ip", "-n", &switch, "link", "add", "br1", "type", "bridge"])?;
    sh(["ip", "-n", &switch, "link", "set", "br1", "up"])?;
    for host in side {
        sh(["ip", "-n", &switch, "link", "set", host.name(), "master", "br1"])?;
    }
    Ok(())
}

/// One switch again.
pub(crate) fn join(id: &str) -> Result<()> {
    let switch = namespace(id, "sw");
    for host in Host::ALL {
        sh(["ip", "-n", &switch, "link", "set", host.name(), "master", "br0"])?;
    }
    sh(["ip", "-n", &switch, "link", "del", "br1"])?;
    Host::ALL.into_iter().try_for_each(|host| forget(id, host))
}

/// A host asks anew for all of its neighbours.
fn forget(id: &str, host: Host) -> Result<()> {
    sh(["ip", "-n", &namespace(id, host.name()), "neigh", "flush", "dev", "eth0"]).map(drop)
}

/// A command that runs inside a host, in this process's place in the tree: `ip` replaces itself by it.
pub(crate) fn inside(id: &str, host: Host) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace(id, host.name())]);
    command
}

/// Ids of the processes whose network is that host's. Never this one, even if a thread of it stepped inside.
pub(crate) fn pids(id: &str, host: Host) -> Result<Vec<u32>> {
    let listed = run(Command::new("ip").args(["netns", "pids", &namespace(id, host.name())]))?;
    let own = std::process::id();
    Ok(listed.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid != own).collect())
}
