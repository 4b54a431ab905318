//! What the nodes of a pair need before flipper can use them: texts to be pasted, or saved as files, each with who puts
//! it where.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::dialect::{self, Account, Allowed, Release};
use crate::model::{Flavour, Host, Pair, Side, System, UserName, Version, printable};

/// A text for one node. In the order in which they are put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How the operator's machine gets to know the node. First: the paths of what follows are looked up by ssh.
    KnownHosts,
    /// SQL: the account and its privileges.
    Grants,
    /// The program that the restricted key may run.
    Gate,
    /// The line of `authorized_keys`.
    Key,
    /// Lines for sudo.
    Sudoers,
    /// Lines of the server's option file.
    Boot,
    /// Lines of the machine's network files.
    Network,
}

impl Part {
    /// All, in order.
    pub const ALL: [Self; 7] =
        [Self::KnownHosts, Self::Grants, Self::Gate, Self::Key, Self::Sudoers, Self::Boot, Self::Network];

    /// Its word on the command line and in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Grants => "grants",
            Self::Gate => "gate",
            Self::Key => "key",
            Self::Sudoers => "sudoers",
            Self::Boot => "boot",
            Self::Network => "network",
            Self::KnownHosts => "known-hosts",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Grants => "the account on the server",
            Self::Gate => "the gate, which lets nothing through but what flipper says",
            Self::Key => "the key, which opens nothing but the gate",
            Self::Sudoers => "what the account on the machine may do as root",
            Self::Boot => "how the server starts",
            Self::Network => "what the machine does with its addresses",
            Self::KnownHosts => "the machine's host key, for this machine",
        }
    }
}

/// What is known of a node that the texts are made from.
#[derive(Debug, Clone)]
pub struct Needs<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// Which of its nodes.
    pub side: Side,
    /// The server's family and version, with how it is known; or why it is not.
    pub release: Result<(Release, &'static str), String>,
    /// Where the server is.
    pub server: (&'a Host, u16),
    /// Where the other node's is.
    pub other: (&'a Host, u16),
    /// The account that flipper will use there, or why its host part is not known.
    pub account: Result<Account, String>,
    /// How the machine is reached by ssh.
    pub ssh: Ssh<'a>,
    /// The machine's tools, or why they are not known.
    pub system: Result<System, String>,
    /// Units that run the server there.
    pub units: Vec<String>,
    /// Where it replicates from, as far as it was seen.
    pub sources: Vec<(Host, u16)>,
    /// What of `read_only` is persisted there, as far as it was seen.
    pub persisted: Vec<(String, String)>,
    /// The operator's public key.
    pub key: Option<String>,
}

/// How a machine is reached by ssh, as the config says it.
#[derive(Debug, Clone, Copy)]
pub struct Ssh<'a> {
    /// An address, a name, or an alias of the ssh configuration.
    pub host: &'a Host,
    /// TCP port.
    pub port: Option<u16>,
    /// The account there.
    pub user: Option<&'a UserName>,
    /// Changes are made through `sudo`.
    pub sudo: bool,
    /// Read instead of the operator's own ssh configuration.
    pub config_file: Option<&'a str>,
}

/// A text, or why there is none, with who puts it where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub part: Part,
    /// Who does it.
    pub who: String,
    /// Where it belongs.
    pub place: String,
    /// Exactly what belongs there.
    pub text: Result<String, String>,
}

/// `MySQL 9.7.4`; without the last number where only two were given.
#[must_use]
pub fn shown(release: Release) -> String {
    format!("{} {}", release.flavour, number(release.version))
}

fn number(version: Version) -> String {
    match version {
        Version(major, minor, u16::MAX) => format!("{major}.{minor}"),
        version => version.to_string(),
    }
}

/// What flipper is tried on begins with these.
fn is_too_old(release: Release) -> Option<&'static str> {
    match release.flavour {
        Flavour::MySql if release.version < Version(8, 0, 22) => Some("MySQL 8.0.22"),
        Flavour::MariaDb if release.version < Version(10, 5, 9) => Some("MariaDB 10.5.9"),
        _ => None,
    }
}

/// Where distributions have the tools, for a machine that was not seen.
fn usual_tools() -> System {
    System {
        ip: Some("/usr/sbin/ip".to_owned()),
        ss: Some("/usr/bin/ss".to_owned()),
        arping: Some(("/usr/bin/arping".to_owned(), crate::model::ArpingKind::Iputils)),
        ndptool: Some("/usr/bin/ndptool".to_owned()),
        up: vec![],
        promotes_secondaries: false,
        denied: vec![],
    }
}

impl Needs<'_> {
    fn name(&self) -> &str {
        self.pair.node(self.side).name.as_str()
    }

    /// A part of it.
    #[must_use]
    pub fn block(&self, part: Part) -> Block {
        let (name, (host, port)) = (self.name(), self.server);
        let root = || format!("root on {name}");
        let (who, place, text) = match part {
            Part::Grants => {
                let place = format!("the server at {host} port {port}, in its client; it is in no binary log");
                ("an administrator of the server".to_owned(), place, self.grants())
            }
            Part::Gate => {
                let path = dialect::gate_path(&self.pair.name);
                (root(), format!("{path}, owner root, mode 755"), self.gate())
            }
            Part::Key => (root(), format!("~{}/.ssh/authorized_keys", self.user()), Ok(self.key())),
            Part::Sudoers => {
                let place = format!("{}, owner root, mode 440", dialect::sudoers_path(&self.pair.name));
                (root(), place, self.sudoers())
            }
            Part::Boot => {
                let place = "an option file that the server reads last (/etc/mysql/conf.d, /etc/my.cnf.d); read when it \
                             starts";
                ("an administrator of the server".to_owned(), place.to_owned(), self.boot())
            }
            Part::Network => {
                let place = "/etc/systemd/network/NAME.network.d/flipper.conf, NAME.network being the file of the \
                             interface; only where systemd-networkd runs";
                (root(), place.to_owned(), Ok(self.network()))
            }
            Part::KnownHosts => {
                ("you, and somebody at its console".to_owned(), "this machine".to_owned(), Ok(self.known_hosts()))
            }
        };
        Block { part, who, place, text }
    }

    fn user(&self) -> String {
        self.ssh.user.map_or_else(|| "USER".to_owned(), ToString::to_string)
    }

    fn release(&self) -> Result<Release, String> {
        self.release.as_ref().map(|(release, _)| *release).map_err(String::clone)
    }

    fn grants(&self) -> Result<String, String> {
        let (release, account) = (self.release()?, self.account.as_ref().map_err(String::clone)?);
        let (name, pair) = (self.name(), &self.pair.name);
        let how = self.release.as_ref().map(|(_, how)| *how).unwrap_or_default();
        let mut out = format!(
            "-- The account of flipper on {name}, a node of the pair {pair}: {}, {how}.\n\
             -- Put the password, in quotes, in the place of {here}; as it stands, the statement fails.\n\
             -- It is not written to the binary log: the other node gets its own text. Never give this account a right to\n\
             -- change data: it may open a closed server{bypass}.\n",
            shown(release),
            here = dialect::PASSWORD_HERE,
            bypass = match release.flavour {
                Flavour::MariaDb if release.version < Version(12, 0, 0) => ", and read_only does not stop it",
                _ => "",
            },
        );
        if let Some(first) = is_too_old(release) {
            out += &format!("-- flipper is not made for a version this old: {first} is the first.\n");
        }
        out += &format!("-- Where it may log in from: {}. Another one: --from ADDRESS.\n", printable(&account.host));
        out += &self.other_family(&account.host);
        out += "\n";
        out += "SET SESSION sql_log_bin = 0;\n";
        let closed = match (release.flavour, release.version) {
            (Flavour::MySql, _) => {
                out += "-- A closed server refuses administrators, too, so it is opened to them for this moment. The last but one\n\
                        -- line closes it again: run it whatever fails before.\n";
                out += "SET @closed = @@GLOBAL.super_read_only;\nSET GLOBAL super_read_only = OFF;\n";
                "SET GLOBAL super_read_only = @closed;\n"
            }
            (Flavour::MariaDb, version) if version >= Version(12, 0, 0) => {
                out += "-- Where read_only is NO_LOCK_NO_ADMIN, administrators are refused, too. There, and only there, first\n\
                        --   SET GLOBAL read_only = 'NO_LOCK';   and at the end   SET GLOBAL read_only = 'NO_LOCK_NO_ADMIN';\n";
                ""
            }
            (Flavour::MariaDb, _) => "",
        };
        for statement in account.statements(release) {
            out += &format!("{};\n", broken(&statement));
        }
        out += closed;
        out += "SET SESSION sql_log_bin = 1;\n";
        out += "\n-- What each is for:\n";
        for need in dialect::privileges_needed(release) {
            let on = if need.on == dialect::On::Server { String::new() } else { format!(" ON {}", need.on.spelled()) };
            out += &format!("--   {:<32}{}\n", format!("{}{on}", need.name), need.purpose);
        }
        out += "\n-- No move needs these; they let `flipper check` see more. Put those that you want behind the last GRANT.\n";
        for extra in account.extras(release) {
            let checks: Vec<&str> = extra.checks.iter().map(|code| code.id()).collect();
            let but = extra.but.map(|but| format!("; {but}")).unwrap_or_default();
            out += &format!("-- {}{but}:\n--   {};\n", checks.join(", "), extra.statement);
        }
        Ok(out)
    }

    /// At the end of a move flipper logs in at the address itself, from its own address of that family.
    fn other_family(&self, host: &str) -> String {
        let (four, six) = (host.starts_with(|c: char| c.is_ascii_digit()) && !host.contains(':'), host.contains(':'));
        let has = |family: fn(&IpAddr) -> bool| self.pair.roles.iter().any(|role| family(&role.address.ip));
        let other = match () {
            () if four && has(IpAddr::is_ipv6) => "IPv6",
            () if six && has(IpAddr::is_ipv4) => "IPv4",
            () => return String::new(),
        };
        format!(
            "-- A role has an {other} address, at which flipper logs in from this machine's {other} address: the account is\n\
             -- needed a second time, --from that one.\n"
        )
    }

    fn boot(&self) -> Result<String, String> {
        let release = self.release()?;
        Ok(format!(
            "# How the server of {} starts: {}. Made by `flipper setup {}`.\n{}",
            self.name(),
            shown(release),
            self.pair.name,
            dialect::boot_lines(release, &self.persisted)
        ))
    }

    fn network(&self) -> String {
        let addresses: Vec<String> = self.pair.roles.iter().map(|role| role.address.ip.to_string()).collect();
        let interface = &self.pair.node(self.side).interface;
        format!(
            "# Floating addresses are in no file of this machine: {}. Whatever brings one up at the start has two\n\
             # machines answer for it. To see whether any does, as root:\n\
             #   grep -rsniwF {} {}\n\
             # systemd-networkd takes away addresses that it does not know when it is restarted. On {interface} it is not to:\n{}",
            addresses.join(", "),
            addresses.iter().map(|address| format!("-e {address}")).collect::<Vec<_>>().join(" "),
            "/etc/network /etc/netplan /etc/systemd/network /etc/NetworkManager /etc/sysconfig",
            dialect::keep_configuration()
        )
    }

    fn known_hosts(&self) -> String {
        let name = self.name();
        let Ssh { host, port, user: _, sudo: _, config_file } = self.ssh;
        let option = config_file.map(|file| format!("-F {} ", quoted(file))).unwrap_or_default();
        let port = port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let file = format!("{name}.host-keys");
        format!(
            "# Where ssh really goes, and in which file it looks for the key:\n\
             ssh {option}{port}-G {host} | grep -E '^(hostname|port|hostkeyalias|userknownhostsfile) '\n\
             # What the network says the key is. Nobody has vouched for it yet:\n\
             ssh-keyscan {port}{host} > {file}\n\
             ssh-keygen -l -f {file}\n\
             # What the machine itself says, at its console or from the record of its installation, not over this network:\n\
             #   for k in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -l -f \"$k\"; done\n\
             # Only if both say the same (take off the #; never let ssh accept a key by itself):\n\
             #cat {file} >> ~/.ssh/known_hosts\n"
        )
    }

    fn tools(&self) -> (System, String) {
        match &self.system {
            Ok(system) => (system.clone(), String::new()),
            Err(why) => (
                usual_tools(),
                format!(
                    "# The machine was not seen ({}): paths are the usual ones. Make it again once ssh works.\n",
                    printable(why)
                ),
            ),
        }
    }

    fn allowed<'b>(&'b self, system: &'b System, flavour: Flavour) -> Allowed<'b> {
        Allowed {
            pair: self.pair,
            side: self.side,
            system,
            sudo: self.ssh.sudo,
            flavour,
            other: self.other,
            sources: &self.sources,
            units: &self.units,
        }
    }

    fn gate(&self) -> Result<String, String> {
        let (system, note) = self.tools();
        let script = dialect::gate_script(&self.allowed(&system, self.release()?.flavour));
        // behind the first line, which says what runs it
        Ok(match script.split_once('\n') {
            Some((first, rest)) => format!("{first}\n{note}{rest}"),
            None => script,
        })
    }

    fn sudoers(&self) -> Result<String, String> {
        if !self.ssh.sudo {
            return Ok("# Not needed: `ssh.sudo` is off in the config, so flipper logs in as root.\n".to_owned());
        }
        let (system, note) = self.tools();
        let user = self.ssh.user.cloned().map_or_else(|| "USER".parse(), Ok);
        let user: UserName = user.map_err(|why| why.to_string())?;
        let unnamed = match self.ssh.user {
            Some(_) => "",
            None => "# USER stands for the account: the config does not name it (`ssh.user`).\n",
        };
        // no line of it depends on the family
        let lines = dialect::sudoers(&self.allowed(&system, Flavour::MySql), &user);
        Ok(format!("{unnamed}{note}{lines}"))
    }

    fn key(&self) -> String {
        let pair = &self.pair.name;
        match &self.key {
            Some(key) => dialect::authorized_key(pair, key),
            None => format!(
                "# The public key goes in the place of PUBLIC-KEY, or is put there by --key FILE. To make one, on this machine:\n\
                 #   ssh-keygen -t ed25519 -f ~/.ssh/flipper-{pair}\n\
                 {}",
                dialect::authorized_key(pair, "PUBLIC-KEY")
            ),
        }
    }
}

/// A statement over several lines where it is long, broken between words only.
#[must_use]
pub fn broken(statement: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for word in statement.split_inclusive(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.trim_end().len() <= 100 => line.push_str(word),
            Some(_) => lines.push(format!("      {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// All parts of these nodes, each under a heading that says who puts it where.
#[must_use]
pub fn text(nodes: &[Needs<'_>]) -> String {
    let mut out = String::new();
    for needs in nodes {
        let (name, pair) = (needs.name(), &needs.pair.name);
        for (at, part) in Part::ALL.into_iter().enumerate() {
            let Block { part, who, place, text } = needs.block(part);
            out += &format!("######## {name}, {} of {}: {}\n", at + 1, Part::ALL.len(), part.title());
            out += &format!("# who    {who}\n# where  {place}\n");
            match text {
                Ok(text) => {
                    out += &format!("# file   flipper setup {pair} --node {name} --only {}\n\n{text}\n", part.id());
                }
                Err(why) => out += &format!("# not yet: {}\n\n", printable(&why)),
            }
        }
    }
    out += &format!(
        "######## Last: see that all of it is in force\n\n{}",
        nodes.first().map(|needs| format!("flipper check {}\n", needs.pair.name)).unwrap_or_default()
    );
    out
}

/// The same for programs.
#[must_use]
pub fn json(pair: &Pair, nodes: &[Needs<'_>], parts: &[Part]) -> Value {
    let node = |needs: &Needs<'_>| {
        let parts: Vec<Value> = parts
            .iter()
            .map(|part| {
                let Block { part, who, place, text } = needs.block(*part);
                json!({
                    "part": part.id(), "who": who, "where": place,
                    "text": text.as_ref().ok(), "missing": text.as_ref().err(),
                })
            })
            .collect();
        let server = needs.release.as_ref().ok().map(|(release, how)| {
            json!({ "flavour": release.flavour.to_string(), "version": number(release.version), "known_by": how })
        });
        json!({
            "node": needs.name(),
            "server": server,
            "account": needs.account.as_ref().ok().map(Account::spelled),
            "parts": parts,
        })
    };
    json!({
        "type": "setup", "format": 1, "pair": pair.name.as_str(),
        "nodes": nodes.iter().map(node).collect::<Vec<_>>(),
    })
}
