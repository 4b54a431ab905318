//! Running things in the lab: flipper on the operator's host, any command on any host.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::error::{Doing, Result};
use super::{Host, Lab, Node, net, sshd};

impl Lab {
    /// A command for the operator's host with flipper's environment, passwords included: they are in no argument.
    pub(crate) fn operator(&self, program: &Path) -> Command {
        let mut command = net::inside(self.id(), Host::Operator);
        command
            .arg(program)
            .env("FLIPPER_CONFIG", self.config_path())
            .env("FLIPPER_PASSWORD", &self.secrets.flipper)
            .env("XDG_STATE_HOME", self.dir().join("state"))
            .env("XDG_RUNTIME_DIR", self.dir().join("run"))
            // the keys of the person running the tests are no part of the lab
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Runs a command on a host, not by ssh.
    pub(crate) fn on(&self, host: Host, words: &[&str]) -> Result<Output> {
        net::inside(self.id(), host)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .doing(|| format!("running `{}` on {}", words.join(" "), host.name()))
    }

    /// Runs a command on a node by ssh from the operator's host.
    pub(crate) fn ssh(&self, node: Node, words: &[&str]) -> Result<Output> {
        sshd::ssh(self.id(), &self.keys, node, words)
            .stdin(Stdio::null())
            .output()
            .doing(|| format!("running `{}` on {} by ssh", words.join(" "), node.name()))
    }

    /// The operator's ssh configuration: strict host keys, the lab's key.
    pub(crate) fn ssh_config(&self) -> PathBuf {
        self.keys.ssh_config()
    }

    /// The operator's known hosts, for tests that change a node's key.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.keys.known_hosts()
    }
}
