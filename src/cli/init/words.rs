//! What `flipper init` is told, by flags or by answers, and the config that comes of it.

use std::net::IpAddr;
use std::ops::Range;

use clap::Args;

use crate::config::{Draft, DraftNode, DraftPair, DraftPassword, DraftRole, Given, Mistake, Settings};
use crate::model::{Access, Prefixed};

/// What was said. Questions fill in what flags have not.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct Words {
    /// The pair, as you will call it in commands
    #[arg(long, value_name = "NAME")]
    pub(super) pair: Option<String>,
    /// A node, and its address, DNS name or ssh alias; two of them
    #[arg(long = "node", value_name = "NAME=HOST")]
    pub(super) nodes: Vec<String>,
    /// Takes the addresses on the nodes; with NODE= on that one only
    #[arg(long = "interface", value_name = "[NODE=]IF")]
    pub(super) interfaces: Vec<String>,
    /// A role, its address, and whether its clients write or read
    #[arg(long = "role", value_name = "NAME=ADDRESS:rw|ro")]
    pub(super) roles: Vec<String>,
    /// flipper's account on the servers
    #[arg(long, value_name = "USER")]
    pub(super) mysql_user: Option<String>,
    /// Where its password is: FILE (mode 600), env:NAME, or cnf:FILE
    #[arg(long, value_name = "SOURCE")]
    pub(super) password_from: Option<String>,
    /// Who changes addresses on the machines [default: ssh's own]
    #[arg(long, value_name = "USER")]
    pub(super) ssh_user: Option<String>,
    /// That account changes them through `sudo -n`
    #[arg(long)]
    pub(super) sudo: bool,
}

/// Where a password is, as it is said: a file with nothing else in it, `env:NAME`, or `cnf:FILE` for an option file.
pub(in crate::cli) fn password(given: &Given) -> DraftPassword {
    match halves(given, ':') {
        Some((kind, name)) if kind.text == "env" => DraftPassword::Env(name),
        Some((kind, path)) if kind.text == "cnf" => DraftPassword::OptionFile(path),
        _ => DraftPassword::File(given.clone()),
    }
}

impl Words {
    /// The flags that are missing, as they would be typed.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let Self { pair, nodes, interfaces, roles, mysql_user, password_from, ssh_user: _, sudo: _ } = self;
        let wanted = [
            (pair.is_none(), "--pair NAME"),
            (nodes.is_empty(), "--node NAME=HOST (two)"),
            (nodes.len() == 1, "--node NAME=HOST (the other one)"),
            (interfaces.is_empty(), "--interface NAME"),
            (roles.is_empty(), "--role NAME=ADDRESS:rw"),
            (mysql_user.is_none(), "--mysql-user USER"),
            (password_from.is_none(), "--password-from FILE"),
        ];
        wanted.into_iter().filter_map(|(missing, flag)| missing.then_some(flag)).collect()
    }

    /// The config, and what was said as one line for mistakes to point into; or what was not understood in it.
    pub(super) fn draft(&self) -> Result<(Draft, String), (Vec<Mistake>, String)> {
        let mut line = Line::default();
        let pair = line.given("--pair", self.pair.as_deref().unwrap_or_default());
        let mut mistakes = vec![];
        let mut nodes = vec![];
        for node in &self.nodes {
            let given = line.given("--node", node);
            match halves(&given, '=') {
                Some((name, host)) => nodes.push(DraftNode { name, host, settings: Settings::default() }),
                None => mistakes.push(shape(given, "`--node` takes a name and a host: --node db1=10.0.0.11")),
            }
        }
        let interfaces: Vec<_> = self.interfaces.iter().map(|word| line.given("--interface", word)).collect();
        let mut roles = vec![];
        for role in &self.roles {
            let given = line.given("--role", role);
            match self::role(&given) {
                Some(role) => roles.push(role),
                None => mistakes.push(shape(
                    given,
                    "`--role` takes a name, an address and rw or ro: --role write=10.0.0.100/32:rw",
                )),
            }
        }
        let settings = Settings {
            interface: None,
            mysql_user: self.mysql_user.as_deref().map(|user| line.given("--mysql-user", user)),
            mysql_port: None,
            password: self.password_from.as_deref().map(|source| password(&line.given("--password-from", source))),
            ssh_host: None,
            ssh_user: self.ssh_user.as_deref().map(|user| line.given("--ssh-user", user)),
            sudo: self.sudo,
        };
        for node in &mut nodes {
            node.settings = settings.clone();
        }
        for interface in interfaces {
            let (only, name) = match halves(&interface, '=') {
                Some((node, name)) => (Some(node), name),
                None => (None, interface.clone()),
            };
            let for_this = |node: &&mut DraftNode| only.as_ref().is_none_or(|only| only.text == node.name.text);
            let mut taken = false;
            for node in nodes.iter_mut().filter(for_this) {
                // what is said of one node stands before what is said of both
                if only.is_some() || node.settings.interface.is_none() {
                    node.settings.interface = Some(name.clone());
                }
                taken = true;
            }
            if let (false, Some(only), 2..) = (taken, only, nodes.len()) {
                mistakes.push(shape(only, "`--interface NODE=NAME` names one of the two nodes"));
            }
        }
        if !mistakes.is_empty() {
            return Err((mistakes, line.0));
        }
        let pair = DraftPair { name: pair, nodes, roles };
        Ok((Draft { remarks: vec![], pairs: vec![pair] }, line.0))
    }
}

fn shape(given: Given, help: &str) -> Mistake {
    let message = format!("`{}` is not understood", crate::model::printable(&given.text));
    Mistake::new("flipper::init::flag", given.from, message, "here").help(help)
}

/// The two sides of the first such character, each with its place.
fn halves(given: &Given, at: char) -> Option<(Given, Given)> {
    let (left, right) = given.text.split_once(at)?;
    let start = given.from.start;
    let part = |text: &str, from: usize| Given { text: text.to_owned(), from: from..from + text.len() };
    Some((part(left, start), part(right, start + left.len() + at.len_utf8())))
}

/// `write=10.0.0.100/32:rw`: the last colon counts, an address may have its own.
fn role(given: &Given) -> Option<DraftRole> {
    let (name, rest) = halves(given, '=')?;
    let (address, access) = rest.text.rsplit_once(':')?;
    let access = match access {
        "rw" => Access::ReadWrite,
        "ro" => Access::ReadOnly,
        _ => return None,
    };
    let from: Range<usize> = rest.from.start..rest.from.start + address.len();
    // with its whole prefix in sight, where none was typed
    let full = address.parse::<IpAddr>().map_or_else(|_| address.to_owned(), |ip| Prefixed::host(ip).to_string());
    Some(DraftRole { name, address: Given { text: full, from }, access })
}

/// Flags and their values as one line, so that a mistake has a place.
#[derive(Debug, Default)]
struct Line(String);

impl Line {
    /// Adds a flag.
    fn given(&mut self, flag: &str, value: &str) -> Given {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(flag);
        self.0.push(' ');
        let start = self.0.len();
        self.0.push_str(value);
        Given { text: value.to_owned(), from: start..self.0.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words {
            pair: Some("orders".to_owned()),
            nodes: vec!["db1=10.0.0.11".to_owned(), "db2=10.0.0.12".to_owned()],
            interfaces: vec!["db2=eth1".to_owned(), "eth0".to_owned()],
            roles: vec!["write=10.0.0.100/32:rw".to_owned(), "read=fd00::101:ro".to_owned()],
            mysql_user: Some("flipper".to_owned()),
            password_from: Some("env:FLIPPER_PASSWORD".to_owned()),
            ..Words::default()
        }
    }

    #[test]
    fn a_value_has_its_place_in_the_line() {
        let (draft, line) = words().draft().unwrap();
        let pair = &draft.pairs[0];
        for given in [&pair.name, &pair.nodes[1].host, &pair.roles[0].address] {
            assert_eq!(line[given.from.clone()], given.text);
        }
        assert_eq!((pair.roles[1].address.text.as_str(), pair.roles[1].access), ("fd00::101/128", Access::ReadOnly));
        let interfaces = pair.nodes.iter().map(|node| node.settings.interface.as_ref().unwrap().text.as_str());
        assert_eq!(interfaces.collect::<Vec<_>>(), ["eth0", "eth1"]);
        assert!(draft.checked(None).is_ok());
    }

    #[test]
    fn what_is_missing_is_named_as_it_would_be_typed() {
        assert_eq!(words().missing(), Vec::<&str>::new());
        let all = Words::default().missing();
        assert!(all.len() == 6 && all.iter().all(|flag| flag.starts_with("--")), "{all:?}");
    }

    #[test]
    fn what_is_not_understood_is_pointed_at() {
        for (flag, wrong) in
            [("node", "db1"), ("role", "write=10.0.0.100"), ("role", "write=10.0.0.1:wr"), ("interface", "db3=eth0")]
        {
            let mut words = words();
            match flag {
                "node" => words.nodes[0] = wrong.to_owned(),
                "role" => words.roles[0] = wrong.to_owned(),
                _ => words.interfaces[0] = wrong.to_owned(),
            }
            let (mistakes, line) = words.draft().unwrap_err();
            assert_eq!(mistakes.len(), 1);
            assert!(line[mistakes[0].offset()..].starts_with(wrong), "{line}");
        }
    }
}
