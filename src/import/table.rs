//! Every command, option and setting of the legacy Flipper, and what stands for it now. The importer goes by the table of
//! settings, and docs/legacy.md is compared with all three by a test.

/// Where a setting was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// At the masterpair only.
    Pair,
    /// At the node only.
    Node,
    /// At the node, or else at its masterpair.
    Both,
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is taken over, into this setting.
    Taken(&'static str),
    /// It is taken over into this setting, and the operator is told why not as it was.
    Changed(&'static str, &'static str),
    /// It is left out, and the operator is told.
    Left(&'static str),
}

/// A setting of the legacy metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Where it was looked for.
    pub level: Level,
    /// What becomes of it.
    pub fate: Fate,
    /// What the operator has to know or to do.
    pub remark: &'static str,
}

/// A command or an option: as it was typed, as it is typed now, and what is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As it was; empty where nothing was typed.
    pub old: &'static str,
    /// As it is; empty where there is nothing to type any more.
    pub new: &'static str,
    /// The difference.
    pub remark: &'static str,
}

const fn setting(name: &'static str, level: Level, fate: Fate, remark: &'static str) -> Setting {
    Setting { name, level, fate, remark }
}

const fn row(old: &'static str, new: &'static str, remark: &'static str) -> Row {
    Row { old, new, remark }
}

/// The settings of the `masterpair` and `node` tables, of the YAML file, and of the CSV files.
pub const SETTINGS: &[Setting] = &[
    setting(
        "write_ip",
        Level::Pair,
        Fate::Taken("roles: \"write\" (address, ReadWrite)"),
        "with its whole prefix, /32",
    ),
    setting("read_ip", Level::Pair, Fate::Taken("roles: \"read\" (address, ReadOnly)"), "with its whole prefix, /32"),
    setting(
        "netmask",
        Level::Pair,
        Fate::Left("addresses are taken as /32, because dropping one with a shorter prefix can take others along"),
        "where the nodes have no other address in that network, give `address` its prefix by hand",
    ),
    setting(
        "broadcast",
        Level::Pair,
        Fate::Left("nothing needs it: an announcement goes to everybody"),
        "nothing to do",
    ),
    setting(
        "ip",
        Level::Node,
        Fate::Taken("nodes: host"),
        "MySQL is reached there too; late versions asked it at the name of the node",
    ),
    setting("ssh_ip", Level::Node, Fate::Taken("nodes: ssh (host)"), "where it is not `ip`"),
    setting(
        "disabled",
        Level::Node,
        Fate::Left("`status` only looked away from the node; now both nodes are always looked at"),
        "nothing to do, or take the pair out of the config until the node is back",
    ),
    setting(
        "interface",
        Level::Both,
        Fate::Taken("interface"),
        "one a node, for all of its addresses; `--interface` where it was not set",
    ),
    setting(
        "write_interface",
        Level::Both,
        Fate::Changed("interface", "addresses are added to the interface itself, and need no alias such as eth0:99"),
        "nothing to do",
    ),
    setting(
        "read_interface",
        Level::Both,
        Fate::Changed("interface", "addresses are added to the interface itself, and need no alias such as eth0:98"),
        "nothing to do",
    ),
    setting("mysql_user", Level::Both, Fate::Taken("mysql (user)"), "it was root where it was not set"),
    setting(
        "mysql_password",
        Level::Both,
        Fate::Changed("mysql (password_file)", "passwords do not stand in a config"),
        "write it into the file that `password_file` names, mode 600; or name another place: --password-from env:NAME",
    ),
    setting("mysql_port", Level::Both, Fate::Taken("mysql (port)"), "3306 where it was not set"),
    setting(
        "mysql_timeout",
        Level::Both,
        Fate::Left("`limits: (connect)` bounds more than it did: ssh, MySQL, and every question"),
        "its default of 3s is meant for all; raise it if your network needs more",
    ),
    setting("ssh_user", Level::Both, Fate::Taken("ssh (user)"), "ssh's own choice where it was not set"),
    setting("use_sudo", Level::Both, Fate::Taken("ssh (sudo)"), "it was on where it was not set; root needs none"),
    setting(
        "path_to_ifconfig",
        Level::Both,
        Fate::Left("addresses are changed by `ip`, not by ifconfig; `flipper check` finds it on the nodes"),
        "the nodes must be Linux; sudoers lines change: flipper setup PAIR",
    ),
    setting(
        "send_arp_command",
        Level::Both,
        Fate::Left("flipper announces addresses itself, with arping (IPv6: ndptool)"),
        "`flipper check` sees whether the nodes have it; sudoers lines change: flipper setup PAIR",
    ),
    setting(
        "quiesce_strategy",
        Level::Both,
        Fate::Left("a fence stops every writer, and sessions left on the old node are always ended"),
        "to let transactions finish first: limits: (drain: \"10s\"); to end them: --kill",
    ),
];

/// The commands, as they stood behind `flipper`.
pub const COMMANDS: &[Row] = &[
    row("", "flipper pairs", "lists the pairs"),
    row("PAIR config", "flipper config PAIR", "what is in force, after defaults; passwords are not shown"),
    row(
        "PAIR status",
        "flipper status PAIR",
        "also asks both ways of replication and says what is wrong, by id; `flipper check PAIR` says all",
    ),
    row(
        "PAIR quick_status",
        "flipper status --quick PAIR",
        "asks the addresses and both servers by MySQL, without ssh",
    ),
    row("PAIR swap", "flipper apply PAIR swap", "all roles; `flipper plan PAIR swap` shows it before"),
    row("PAIR swap write", "flipper apply PAIR swap write", "one role"),
    row("PAIR set write NODE", "flipper apply PAIR set write NODE", "nothing to do where it is there already"),
    row("PAIR disable NODE", "flipper apply PAIR drain NODE", "every role away from the node"),
    row(
        "PAIR fail NODE --yes",
        "flipper apply PAIR fail NODE",
        "keeps the dead node out before its place is taken; bring it back with `rejoin NODE`: docs/failover.md",
    ),
    row("PAIR ipdown read", "flipper apply PAIR down read", "safe for a write role too: the node is closed"),
    row("PAIR ipup read NODE", "flipper apply PAIR up read NODE", "only on a node that can serve the role"),
];

/// The options, and lines of the same names in `[flipper]` of my.cnf.
pub const OPTIONS: &[Row] = &[
    row("--metadata, -m", "--config FILE", "a file instead of a data source; `flipper import` makes it"),
    row("--username, -u; --password, -p", "", "there is no metadata database to log in to"),
    row(
        "--verbose, -v; --debug, -d",
        "--dry-run",
        "every statement and command line, word for word, before anything is done; `-v` shows each as it is sent, and `flipper history` has what was done",
    ),
    row("--yes, -y", "--yes", "it let `fail` run at all; now it answers the question that every move asks"),
    row("--identity, -i", "", "IdentityFile in your ssh configuration, or in the one that `ssh: (config_file)` names"),
    row("--help, -?", "--help", "each command has its own"),
    row("--version", "--version", "with the build"),
];
