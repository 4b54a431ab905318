//! An ssh server on each database host, and the operator's client files.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::error::{Doing, LabError, Result};
use super::run::{run, wait_until};
use super::{Host, Node, machine, net};

/// The operator's key pair, known hosts and ssh configuration, all in one folder.
pub(crate) struct Keys {
    dir: PathBuf,
}

impl Keys {
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).doing(|| format!("creating {}", dir.display()))?;
        let keys = Self { dir: dir.to_owned() };
        let mut known = String::new();
        for node in Node::BOTH {
            keygen(&keys.host_key(node), node.name())?;
            let public = read(&keys.host_key(node).with_extension("pub"))?;
            known.push_str(&format!("{} {public}", node.host().address()));
        }
        keygen(&dir.join("operator"), "operator")?;
        let public = read(&dir.join("operator.pub"))?;
        write(&dir.join("authorized_keys"), &public)?;
        write(&dir.join("known_hosts"), &known)?;
        let config = format!(
            "Host *\n  User root\n  IdentityFile {dir}/operator\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {dir}/known_hosts\n  GlobalKnownHostsFile none\n  \
             StrictHostKeyChecking yes\n",
            dir = dir.display(),
        );
        write(&keys.ssh_config(), &config)?;
        Ok(keys)
    }

    pub(crate) fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    fn host_key(&self, node: Node) -> PathBuf {
        self.dir.join(format!("host-{}", node.name()))
    }
}

fn keygen(file: &Path, comment: &str) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    run(command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(file)).map(drop)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).doing(|| format!("reading {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .and_then(|()| fs::set_permissions(file, Permissions::from_mode(0o600)))
        .doing(|| format!("writing {}", file.display()))
}

/// Starts the node's ssh server and waits until it answers the operator's host.
pub(crate) fn start(id: &str, node: Node, keys: &Keys, dir: &Path) -> Result<Child> {
    // sshd refuses to start without it; on a machine whose own sshd never ran it is not there
    fs::create_dir_all("/run/sshd").doing(|| "creating /run/sshd".to_owned())?;
    machine::create(node, dir)?;
    let home = dir.join("home");
    fs::create_dir_all(&home).doing(|| format!("creating {}", home.display()))?;
    let config = dir.join("sshd_config");
    // a client that vanished without a goodbye (a cable, a host) is not kept for hours
    let text = format!(
        "Port 22\nListenAddress 0.0.0.0\nHostKey {key}\nPidFile {dir}/sshd.pid\n\
         ClientAliveInterval 5\nClientAliveCountMax 3\n\
         AuthorizedKeysFile {authorized}\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM {pam}\n\
         UseDNS no\nPrintMotd no\nSetEnv HOME={home}\n",
        key = keys.host_key(node).display(),
        dir = dir.display(),
        authorized = keys.dir.join("authorized_keys").display(),
        pam = if root_is_locked() { "yes" } else { "no" },
        // the shell's rc files of this machine's root, slow or noisy, are no part of the lab
        home = home.display(),
    );
    write(&config, &text)?;
    let log = dir.join("sshd.log");
    let output = File::create(&log).doing(|| format!("opening {}", log.display()))?;
    let mut command = net::inside(id, node.host());
    let mut child = command
        .args(machine::become_one(node, dir))
        // by its full path: it executes itself again for every connection
        .args(["/usr/sbin/sshd", "-D", "-e", "-f"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .process_group(0)
        .spawn()
        .doing(|| format!("starting sshd on {}", node.name()))?;
    let answering = wait_until("sshd listens", Duration::from_secs(10), || {
        if let Some(status) = child.try_wait().doing(|| "asking for sshd's state".to_owned())? {
            return Err(LabError::new("starting sshd", format!("it ended: {status}")));
        }
        let listening = run(net::inside(id, node.host()).args(["ss", "-Hltn", "sport", "=", ":22"]))?;
        Ok((!listening.is_empty()).then_some(()))
    });
    match answering {
        Ok(()) => Ok(child),
        Err(error) => {
            // the caller never sees this child; its namespace's sweep ends it
            drop(child);
            Err(error.log(&log))
        }
    }
}

/// Without PAM sshd turns locked accounts away, with it it does not. PAM is slower, so only where it must be.
fn root_is_locked() -> bool {
    fs::read_to_string("/etc/shadow").is_ok_and(|shadow| shadow.lines().any(|line| line.starts_with("root:!")))
}

/// An ssh command from the operator's host, as a person there would type it.
pub(crate) fn ssh(id: &str, keys: &Keys, node: Node, words: &[&str]) -> Command {
    let mut command = net::inside(id, Host::Operator);
    command
        .args(["ssh", "-F"])
        .arg(keys.ssh_config())
        .args(["-o", "BatchMode=yes", node.host().address(), "--"])
        .args(words);
    command
}
