//! What a node's machine has for itself: its network files, and the program that brings up what they say when it starts.
//!
//! Both nodes share this machine's file system, but for `/etc/network`: each one's sshd and all that is run there see
//! the node's own, whether this machine has such a folder or not. What is done there with Debian's `ifup` stays in the
//! node's network; the package is unpacked, not installed, so that nothing of this machine's own network knows of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Doing, LabError, Result};
use super::run::run;
use super::{Lab, Node, packages};

/// The file of a node that may name a floating address, as its machine sees it.
pub(crate) const FLOATING: &str = "/etc/network/interfaces.d/floating";

/// The node's own address, as an installer writes it down.
fn interfaces(node: Node) -> String {
    format!(
        "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    \
         address {}/24\n{}",
        node.host().address(),
        node.host().ipv6_addresses().map(|six| format!("    up ip addr add {six}/64 dev eth0 nodad\n")).concat()
    )
}

/// The network files of a node, in its folder.
pub(crate) fn create(node: Node, dir: &Path) -> Result<()> {
    let network = network(dir);
    for folder in ["interfaces.d", "if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"] {
        let folder = network.join(folder);
        fs::create_dir_all(&folder).doing(|| format!("creating {}", folder.display()))?;
    }
    let place = dir.join("etc/network");
    fs::create_dir_all(&place).doing(|| format!("creating {}", place.display()))?;
    fs::write(network.join("interfaces"), interfaces(node)).doing(|| format!("writing {}", network.display()))
}

fn network(dir: &Path) -> PathBuf {
    dir.join("network")
}

/// Words that become the words behind them, with the node's name, and its own `/etc/network`: in mounts of their own,
/// which nobody else sees. The lower one of the two makes the place, which this machine may not have.
pub(crate) fn become_one(node: Node, dir: &Path) -> Vec<String> {
    let script = "mount -t overlay -o \"lowerdir=$1:/etc\" none /etc && mount --bind \"$2\" /etc/network && \
                  hostname \"$0\" && shift 2 && exec \"$@\"";
    let words = ["unshare", "--mount", "--uts", "sh", "-c", script, node.name()];
    let places = [dir.join("etc"), network(dir)].map(|place| place.display().to_string());
    words.into_iter().map(str::to_owned).chain(places).collect()
}

impl Lab {
    /// The listening process of a node's sshd.
    pub(crate) fn sshd(&self, node: Node) -> Result<u32> {
        let child = self.sshds.get(node.index()).ok_or_else(|| LabError::new(node.name(), "it has no sshd"))?;
        Ok(child.id())
    }

    /// A command on a node that sees what its ssh sessions see: its network, its name, its files.
    pub(crate) fn machine(&self, node: Node) -> Result<Command> {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.sshd(node)?.to_string(), "-m", "-n", "-u", "--"]);
        Ok(command)
    }

    /// What stands in a node's [`FLOATING`], for its next start; `None`: it has no such file, as any node of a pair.
    pub(crate) fn network_file(&self, node: Node, text: Option<&str>) -> Result<()> {
        let name = Path::new(FLOATING).file_name().unwrap_or_default();
        let file = network(&self.dir().join(node.name())).join("interfaces.d").join(name);
        match text {
            Some(text) => fs::write(&file, text).doing(|| format!("writing {}", file.display())),
            None if file.exists() => fs::remove_file(&file).doing(|| format!("removing {}", file.display())),
            None => Ok(()),
        }
    }

    /// A node's machine is switched off, as far as its network is concerned: whatever was up is gone.
    pub(crate) fn network_stops(&self, node: Node) -> Result<()> {
        for device in ["eth0", "lo"] {
            run(self.machine(node)?.args(["ip", "address", "flush", "dev", device]))?;
            run(self.machine(node)?.args(["ip", "link", "set", device, "down"]))?;
        }
        Ok(())
    }

    /// It starts anew: what its network files say comes up, and nothing else.
    pub(crate) fn network_starts(&self, node: Node) -> Result<()> {
        self.network_stops(node)?;
        let install = self.with_database(node, |database| Ok(database.install().clone()))?;
        let ifup = packages::ifup(&install)?;
        // it is on a file system that is empty after every start
        let state = self.dir().join(node.name()).join("ifstate");
        if state.exists() {
            fs::remove_dir_all(&state).doing(|| format!("clearing {}", state.display()))?;
        }
        fs::create_dir(&state).doing(|| format!("creating {}", state.display()))?;
        run(self.machine(node)?.args(ifup).args(["-a", "--state-dir"]).arg(&state)).map(drop)
    }
}
