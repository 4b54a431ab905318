//! Exact lines for sudo, for an account that is not root.

use super::gate::Allowed;
use super::line::Argv;
use crate::model::{PairName, System, UserName};

/// Where a pair's lines are on its nodes. sudo passes over files there whose name has a point.
#[must_use]
pub fn sudoers_path(pair: &PairName) -> String {
    format!("/etc/sudoers.d/flipper-{}", pair.as_str().replace('.', "_"))
}

/// Lines for `/etc/sudoers.d`, with which an account may run what changes a node, and asks what only root is told. Each
/// names a program and all of its arguments; nothing in them is a wildcard.
#[must_use]
pub fn sudoers(allowed: &Allowed<'_>, user: &UserName) -> String {
    let (pair, node) = (&allowed.pair.name, &allowed.pair.node(allowed.side).name);
    let mut out = format!(
        "# What flipper may run as root on {node}, a node of the pair {pair}. Made by `flipper setup {pair}`; make it again\n\
         # after a change of the config. The file belongs to root, with mode 440; try it first with `visudo -cf FILE`.\n"
    );
    for command in commands(allowed) {
        out += &format!("{user} ALL=(root) NOPASSWD: {command}\n");
    }
    out
}

/// Each command once, in the order of their making.
fn commands(allowed: &Allowed<'_>) -> Vec<String> {
    // whatever the account will be, the lines are for one that needs sudo
    let allowed = Allowed { sudo: true, ..*allowed };
    let port = allowed.pair.node(allowed.side).port;
    let signs = allowed.signs();
    let signs = signs.iter().flatten().flat_map(|sign| sign.as_root(allowed.system));
    let deeds = allowed.deeds();
    let listens = [super::isolate::listens(true, port), super::isolate::all_listen(true)];
    let others = deeds.iter().map(|deed| deed.argv().clone()).chain(listens);
    let mut commands: Vec<String> = vec![];
    for argv in others.filter_map(|argv| argv.as_root()).chain(signs) {
        let command = spelled(allowed.system, &argv);
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

/// A command as sudoers has it: the program by its path, each argument exactly.
fn spelled(system: &System, argv: &Argv) -> String {
    let mut words = argv.words().iter();
    let program = words.next().map(String::as_str).unwrap_or_default();
    let program = path(system, program);
    let words: Vec<String> = words.map(|word| escaped(word)).collect();
    format!("{} {}", escaped(&program), words.join(" "))
}

/// The path under which sudo finds a program.
fn path(system: &System, program: &str) -> String {
    match program {
        path if path.starts_with('/') => path.to_owned(),
        "ip" => system.ip.clone().unwrap_or_else(|| "/usr/sbin/ip".to_owned()),
        "ss" => system.ss.clone().unwrap_or_else(|| "/usr/bin/ss".to_owned()),
        other => format!("/usr/bin/{other}"),
    }
}

/// With a backslash before each character that means something to sudo.
fn escaped(word: &str) -> String {
    let special = |c: char| ",:=\\#*?[]!".contains(c);
    word.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
