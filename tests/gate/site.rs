//! The gate, the account and the sudoers lines on both nodes, each in its own mount namespace: nothing of it is on the
//! machine itself.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use flipper::config;
use flipper::dialect::{self, Allowed};
use flipper::model::{ArpingKind, Flavour, Side, System};

use crate::lab::error::{LabError, Result};
use crate::lab::net::{self, IPV6_ADDRESS};
use crate::lab::run::run;
use crate::lab::{Host, Lab, Node};

/// As whom flipper logs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    Root,
    Sudo,
}

impl Account {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sudo => "flipper",
        }
    }
}

/// The number of the account that is not root.
const UID: &str = "4242";

/// Below a node's own folder.
const GATE: &str = "sbin/flipper-gate-lab";
const SUDOERS: &str = "sudoers.d/flipper";

/// A pair whose nodes have gates. Dropping it takes them away again.
pub(crate) struct Site<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) account: Account,
    /// Readable by anybody; the lab's own folder is not.
    dir: PathBuf,
    /// What would be seen if a process of root's died.
    victim: Child,
}

impl<'a> Site<'a> {
    pub(crate) fn install(lab: &'a Lab, account: Account) -> Result<Self> {
        let dir = PathBuf::from(format!("/run/flipper-gate-{}", lab.id()));
        let _ = fs::remove_dir_all(&dir);
        for (folder, mode) in [("", 0o755), ("key", 0o700), ("hits", 0o777)] {
            DirBuilder::new().mode(mode).recursive(true).create(dir.join(folder)).expect("a folder of root's");
        }
        // the umask is not for this one
        fs::set_permissions(dir.join("hits"), Permissions::from_mode(0o777)).expect("a folder of root's");
        let victim = net::inside(lab.id(), Host::Db1).args(["sleep", "infinity"]).spawn().expect("a process");
        let site = Self { lab, account, dir, victim };
        site.add_key()?;
        lab.write_config_text(&site.config())?;
        for node in Node::BOTH {
            site.prepare(node)?;
        }
        site.on(Node::Db2, &["ip", "address", "add", &format!("{IPV6_ADDRESS}/128"), "dev", "eth0", "nodad"])?;
        Ok(site)
    }

    fn sudo(&self) -> bool {
        self.account == Account::Sudo
    }

    /// A second key beside the lab's own, which leads to the gate.
    fn add_key(&self) -> Outcome {
        let key = self.dir.join("key/gate");
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "gate", "-f"]).arg(&key))?;
        let public = fs::read_to_string(key.with_extension("pub")).expect("the key");
        let ssh = self.lab.ssh_config();
        let keys = ssh.with_file_name("authorized_keys");
        let operator = fs::read_to_string(ssh.with_file_name("operator.pub")).expect("the lab's key");
        let line = dialect::authorized_key(&"lab".parse().expect("a name"), &public);
        fs::write(&keys, format!("{operator}{line}")).expect("the keys");
        // sshd reads them as the account that logs in
        for (path, mode) in [(self.lab.dir(), 0o711), (&keys, 0o644)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("the lab's folder");
        }
        let plain = fs::read_to_string(&ssh).expect("the lab's configuration");
        let own = plain.replace(&ssh.with_file_name("operator").display().to_string(), &key.display().to_string());
        assert_ne!(plain, own);
        fs::write(self.ssh_config(), own).expect("a configuration");
        Ok(())
    }

    pub(crate) fn ssh_config(&self) -> PathBuf {
        self.dir.join("key/ssh_config")
    }

    fn config(&self) -> String {
        let mut config = self.lab.config().role("six", &format!("{IPV6_ADDRESS}/128"), "ReadOnly");
        let file = self.ssh_config().display().to_string();
        config.ssh = format!("user: {:?}, sudo: {}, config_file: {file:?}", self.account.name(), self.sudo());
        // what is tried here is not how quick a busy machine is
        let limits = "connect: \"15s\", pre_sync: \"30s\", write_outage: \"20s\", rollback: \"20s\"";
        config.limits(limits).text()
    }

    /// What `flipper setup` would make for a node.
    fn prepare(&self, node: Node) -> Outcome {
        let env = |name: &str| (name == "FLIPPER_PASSWORD").then(|| OsString::from("x"));
        let config = config::load(Some(&self.lab.config_path()), &env).expect("the lab's config");
        let pair = config.pair("lab").expect("the pair");
        let side = [Side::First, Side::Second][node.index()];
        let other = &side.peer().of(&pair.reach).mysql;
        let tool = |name: &str| {
            let found = ["/usr/sbin", "/usr/bin"].map(|dir| format!("{dir}/{name}"));
            found.into_iter().find(|path| Path::new(path).exists())
        };
        let system = System {
            ip: tool("ip"),
            ss: tool("ss"),
            arping: tool("arping").map(|path| (path, ArpingKind::Iputils)),
            ndptool: tool("ndptool"),
            up: vec![],
            promotes_secondaries: false,
            denied: vec![],
        };
        let allowed = Allowed {
            pair: &pair.pair,
            side,
            system: &system,
            sudo: self.sudo(),
            flavour: match self.lab.server() {
                crate::lab::Server::MariaDb => Flavour::MariaDb,
                crate::lab::Server::MySql => Flavour::MySql,
            },
            other: (&other.host, other.port),
            sources: &[],
            units: &["mariadb.service".to_owned()],
        };
        let dir = self.dir.join(node.name());
        for folder in ["sbin", "sudoers.d"] {
            DirBuilder::new().recursive(true).create(dir.join(folder)).expect("a folder");
        }
        let file = |name: &str, mode: u32, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a file");
            path.display().to_string()
        };
        let etc =
            |name: &str, line: &str| format!("{}{line}\n", fs::read_to_string(format!("/etc/{name}")).expect("/etc"));
        file(GATE, 0o755, &dialect::gate_script(&allowed));
        let lines = dialect::sudoers(&allowed, &"flipper".parse().expect("a name"));
        let lines = file(SUDOERS, 0o440, &lines);
        run(Command::new("visudo").args(["-cf", &lines]))?;
        let mounts = [
            (file("passwd", 0o644, &etc("passwd", &format!("flipper:x:{UID}:{UID}::/:/bin/sh"))), "/etc/passwd"),
            (file("shadow", 0o600, &etc("shadow", "flipper:*:19000:0:99999:7:::")), "/etc/shadow"),
            (file("group", 0o644, &etc("group", &format!("flipper:x:{UID}:"))), "/etc/group"),
            // db1 does not know its own name, of which sudo complains each time
            (file("hosts", 0o644, &etc("hosts", &format!("127.0.1.1 {}", Node::Db2.name()))), "/etc/hosts"),
            (dir.join("sbin").display().to_string(), "/usr/local/sbin"),
            (dir.join("sudoers.d").display().to_string(), "/etc/sudoers.d"),
        ];
        for (from, to) in &mounts {
            self.on(node, &["mount", "--bind", from, to])?;
        }
        Ok(())
    }

    /// The lines for sudo on a node.
    pub(crate) fn sudoers(&self, node: Node) -> String {
        fs::read_to_string(self.dir.join(node.name()).join(SUDOERS)).expect("the lines")
    }

    /// Puts others in their place.
    pub(crate) fn set_sudoers(&self, node: Node, lines: &str) {
        fs::write(self.dir.join(node.name()).join(SUDOERS), lines).expect("the lines");
    }

    /// Its gate.
    pub(crate) fn gate(&self, node: Node) -> String {
        fs::read_to_string(self.dir.join(node.name()).join(GATE)).expect("the gate")
    }

    /// Puts another one in its place.
    pub(crate) fn set_gate(&self, node: Node, script: &str) {
        fs::write(self.dir.join(node.name()).join(GATE), script).expect("the gate");
    }

    /// Where an attack leaves its mark, if it can.
    pub(crate) fn mark(&self, name: &str) -> String {
        self.dir.join("hits").join(name).display().to_string()
    }

    /// The marks that were left.
    pub(crate) fn marks(&self) -> Vec<String> {
        let found = fs::read_dir(self.dir.join("hits")).expect("the folder").flatten();
        found.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
    }

    pub(crate) fn clear_marks(&self) {
        for mark in self.marks() {
            fs::remove_file(self.mark(&mark)).expect("a mark");
        }
    }

    pub(crate) fn victim(&self) -> u32 {
        self.victim.id()
    }

    /// Everything about db1's network that an attack could change, and who lives there.
    pub(crate) fn state(&self) -> Result<String> {
        let ask = |words: &[&str]| -> Result<String> {
            Ok(String::from_utf8_lossy(&self.lab.on(Host::Db1, words)?.stdout).into_owned())
        };
        let listening = ask(&["ss", "-Hltn"])?;
        let mut listening: Vec<&str> = listening.lines().collect();
        listening.sort_unstable();
        let alive = fs::read_to_string(format!("/proc/{}/stat", self.victim.id()));
        let alive = alive.is_ok_and(|stat| !stat.contains(") Z "));
        let neighbours = ask(&["ip", "-6", "neigh", "show", "nud", "permanent"])?;
        let addresses = neighbours + &ask(&["ip", "-o", "address"])? + &ask(&["ip", "-o", "link"])?;
        Ok(format!("{addresses}{}\nvictim lives: {alive}", listening.join("\n")))
    }

    /// ssh on the operator's host with the key that leads to the gate. `options` precede the host.
    pub(crate) fn ssh(&self, options: &[&str], words: &[&str]) -> Command {
        ssh(self.lab, &self.ssh_config(), self.account, options, words)
    }

    /// The same with the lab's own key: what the attack would do where there is no gate.
    pub(crate) fn plain_ssh(&self, options: &[&str], words: &[&str]) -> Command {
        ssh(self.lab, &self.lab.ssh_config(), self.account, options, words)
    }

    /// As root on a node, in its sshd's namespaces.
    pub(crate) fn on(&self, node: Node, words: &[&str]) -> Result<String> {
        run(&mut self.within(node, words)?)
    }

    /// As the account without the key, on db1.
    pub(crate) fn as_account(&self, words: &[&str]) -> Result<Output> {
        let drop = ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups", "--"];
        let mut command = self.within(Node::Db1, &[&drop, words].concat())?;
        command.current_dir("/").stdin(Stdio::null());
        command.output().map_err(|why| LabError::new("running a command", why))
    }

    fn within(&self, node: Node, words: &[&str]) -> Result<Command> {
        let pid = self.sshd(node)?.to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-m", "-n", "-u", "--"]).args(words);
        Ok(command)
    }

    /// The listening process of a node's sshd.
    fn sshd(&self, node: Node) -> Result<u32> {
        for pid in net::pids(self.lab.id(), node.host())? {
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if words.contains("sshd") && words.contains("-D") {
                return Ok(pid);
            }
        }
        Err(LabError::new("looking for the node's sshd", "not found"))
    }
}

fn ssh(lab: &Lab, config: &Path, account: Account, options: &[&str], words: &[&str]) -> Command {
    let mut command = net::inside(lab.id(), Host::Operator);
    command.args(["timeout", "-k", "1", "10", "ssh", "-F"]).arg(config);
    command.args(["-o", "BatchMode=yes", "-l", account.name()]).args(options).arg(Host::Db1.address());
    if !words.is_empty() {
        command.arg("--").args(words);
    }
    command.env_remove("SSH_AUTH_SOCK");
    command
}

type Outcome = Result<()>;

impl Drop for Site<'_> {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        let _ = self.on(Node::Db2, &["ip", "address", "del", &format!("{IPV6_ADDRESS}/128"), "dev", "eth0"]);
        for node in Node::BOTH {
            for place in ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/usr/local/sbin", "/etc/sudoers.d"]
            {
                let _ = self.on(node, &["umount", place]);
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
