//! From what the old metadata says to the config that means the same, and to what has to be said about it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::note::Note;
use super::table::{Fate, Level, SETTINGS, Setting};
use super::{LegacyNode, LegacyPair, Said, Wanted, given, is_secret, line_of};
use crate::config::{Draft, DraftNode, DraftPair, DraftPassword, DraftRole, Given, Mistake, Settings, nearest};
use crate::model::{Access, Prefixed, printable};

pub(super) struct Built {
    pub(super) draft: Draft,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) notes: Vec<Note>,
}

/// Everything, or as much as can be made out, with the mistakes.
pub(super) fn build(pairs: &[LegacyPair], wanted: &Wanted, text: &str) -> Built {
    let built = Built { draft: Draft::default(), mistakes: vec![], notes: vec![] };
    let mut builder = Builder { pairs, wanted, text, built };
    for pair in pairs {
        builder.remarks(pair);
        let drafted = builder.pair(pair);
        builder.built.draft.pairs.push(drafted);
    }
    builder.built.notes.sort_by_key(|note| note.line);
    builder.built
}

struct Builder<'a> {
    pairs: &'a [LegacyPair],
    wanted: &'a Wanted,
    text: &'a str,
    built: Built,
}

/// The setting, where it was looked for; an empty value is none.
fn get<'a>(pair: &'a LegacyPair, node: Option<&'a LegacyNode>, name: &str) -> Option<&'a Given> {
    let find = |said: &'a [Said]| said.iter().find(|said| said.name.text == name);
    let level = SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.level)?;
    let said = match level {
        Level::Pair => find(&pair.said),
        Level::Node => node.and_then(|node| find(&node.said)),
        Level::Both => node.and_then(|node| find(&node.said)).or_else(|| find(&pair.said)),
    };
    said.map(|said| &said.value).filter(|value| !value.text.is_empty())
}

/// `eth0:98` without its alias.
fn physical(interface: &Given) -> Given {
    let end = match interface.text.rsplit_once(':') {
        Some((name, alias)) if !alias.is_empty() && alias.bytes().all(|b| b.is_ascii_digit()) => name.len(),
        _ => interface.text.len(),
    };
    given(&interface.text[..end], interface.from.clone())
}

impl Builder<'_> {
    fn missing(&mut self, at: &Given, message: String, help: &str) {
        let mistake = Mistake::new("flipper::import::missing", at.from.clone(), message, "here");
        self.built.mistakes.push(mistake.help(help));
    }

    /// A note about a place. The same place is told of once: `defaults` are met in every pair.
    fn note(
        &mut self,
        at: &Given,
        who: (&LegacyPair, Option<&LegacyNode>),
        said: (&str, Option<String>),
        words: [&str; 2],
    ) {
        let (pair, node) = who;
        let note = Note {
            line: line_of(self.text, at.from.start),
            pair: pair.name.text.clone(),
            node: node.map(|node| node.name.text.clone()),
            name: said.0.to_owned(),
            value: said.1,
            why: words[0].to_owned(),
            instead: words[1].to_owned(),
        };
        if !self.built.notes.contains(&note) {
            self.built.notes.push(note);
        }
    }

    /// What is to be said of what is written.
    fn remarks(&mut self, pair: &LegacyPair) {
        for said in &pair.said {
            self.remark((pair, None), said);
        }
        for node in &pair.nodes {
            for said in &node.said {
                self.remark((pair, Some(node)), said);
            }
        }
    }

    fn remark(&mut self, who: (&LegacyPair, Option<&LegacyNode>), said: &Said) {
        let Said { name, value, shared } = said;
        let defaults = LegacyPair { name: Given::assumed("defaults"), said: vec![], nodes: vec![] };
        let who = if *shared { (&defaults, None) } else { who };
        let shown = if is_secret(&name.text) { "***".to_owned() } else { value.text.clone() };
        let known = SETTINGS.iter().find(|setting| setting.name == name.text);
        let words = match known {
            None => {
                let near = nearest(&name.text, SETTINGS.iter().map(|setting| setting.name));
                let instead = near.map_or("see why it is there".to_owned(), |near| format!("is `{near}` meant?"));
                return self.note(
                    name,
                    who,
                    (&name.text, Some(shown)),
                    ["the old Flipper knew no such setting", &instead],
                );
            }
            Some(Setting { level: Level::Node, .. }) if who.1.is_none() => {
                ["at a pair the old Flipper did not look for it", "it belongs to a node"]
            }
            Some(Setting { level: Level::Pair, .. }) if who.1.is_some() => {
                ["at a node the old Flipper did not look for it", "it belongs to the pair"]
            }
            // an interface that is named as it is loses nothing
            Some(Setting { name: "write_interface" | "read_interface", .. }) if physical(value).text == value.text => {
                return;
            }
            Some(Setting { fate: Fate::Left(why) | Fate::Changed(_, why), remark, .. }) => [*why, *remark],
            Some(Setting { fate: Fate::Taken(_), .. }) => return,
        };
        self.note(name, who, (&name.text, Some(shown)), words);
    }

    /// A name as a config may have it.
    fn name(&mut self, pair: &LegacyPair, node: Option<&LegacyNode>) -> Given {
        let name = node.map_or(&pair.name, |node| &node.name);
        let lower = name.text.to_ascii_lowercase();
        if lower != name.text {
            let instead = format!("it is called `{}` from now on", printable(&lower));
            self.note(name, (pair, node), ("name", Some(name.text.clone())), ["names are in lower case", &instead]);
        }
        given(lower, name.from.clone())
    }

    fn pair(&mut self, pair: &LegacyPair) -> DraftPair {
        let shown = printable(&pair.name.text);
        if pair.nodes.len() != 2 {
            let message = format!("masterpair `{shown}` has {} nodes", pair.nodes.len());
            self.missing(&pair.name, message, "a pair is two nodes, each with its `ip`");
        }
        let mut roles = vec![];
        for (name, setting, access) in [("write", "write_ip", Access::ReadWrite), ("read", "read_ip", Access::ReadOnly)]
        {
            if let Some(value) = get(pair, None, setting) {
                let full = value.text.parse::<IpAddr>().map_or(value.text.clone(), |ip| Prefixed::host(ip).to_string());
                let address = given(full, value.from.clone());
                roles.push(DraftRole { name: Given::assumed(name), address, access });
            }
        }
        match roles.as_slice() {
            [] => {
                let message = format!("masterpair `{shown}` has neither a `write_ip` nor a `read_ip`");
                self.missing(&pair.name, message, "name the address that moves: write_ip, read_ip, or both");
            }
            [only] => {
                let other = if only.access == Access::ReadOnly { "write_ip" } else { "read_ip" };
                let words = ["the pair has no such address", "add a role by hand, if there is one"];
                self.note(&pair.name, (pair, None), (other, None), words);
            }
            _ => {}
        }
        let nodes = pair.nodes.iter().map(|node| self.node(pair, node)).collect();
        DraftPair { name: self.name(pair, None), nodes, roles }
    }

    fn node(&mut self, pair: &LegacyPair, node: &LegacyNode) -> DraftNode {
        let name = self.name(pair, Some(node));
        let host = get(pair, Some(node), "ip").cloned().unwrap_or_else(|| {
            self.missing(
                &node.name,
                format!("node `{}` has no `ip`", printable(&node.name.text)),
                "give the node its own, fixed address: `ip`",
            );
            // not to be complained about twice
            given(format!("node-{}.missing.invalid", node.name.from.start), node.name.from.clone())
        });
        let who = (pair, Some(node));
        let mysql_port = get(pair, Some(node), "mysql_port").and_then(|port| match port.text.parse() {
            Ok(number) => Some((number, port.from.clone())),
            Err(_) => {
                let message = format!("`{}` is no number of a port", printable(&port.text));
                let mistake = Mistake::new("flipper::import::value", port.from.clone(), message, "here");
                self.built.mistakes.push(mistake.help("a port is a number from 1 to 65535; leave it out for 3306"));
                None
            }
        });
        let mysql_user = get(pair, Some(node), "mysql_user").cloned().unwrap_or_else(|| {
            let words = [
                "it was root where it was not set, and so it is here",
                "give flipper an account of its own: `flipper setup` prints its grants",
            ];
            self.note(&pair.name, (pair, None), ("mysql_user", None), words);
            Given::assumed("root")
        });
        let ssh_user = get(pair, Some(node), "ssh_user").cloned();
        let settings = Settings {
            interface: self.interface(pair, node),
            mysql_user: Some(mysql_user),
            mysql_port,
            password: self.password(pair, node),
            ssh_host: get(pair, Some(node), "ssh_ip").filter(|ssh| ssh.text != host.text).cloned(),
            sudo: self.sudo(who, ssh_user.as_ref()),
            ssh_user,
        };
        DraftNode { name, host, settings }
    }

    /// On unless it was switched off; root needs none.
    fn sudo(&mut self, who: (&LegacyPair, Option<&LegacyNode>), user: Option<&Given>) -> bool {
        let (pair, node) = who;
        let set = get(pair, node, "use_sudo");
        match (set, user) {
            (None, Some(user)) if user.text == "root" => false,
            (Some(on), Some(user)) if user.text == "root" => {
                if on.text != "0" {
                    let at = given("", on.from.clone());
                    self.note(
                        &at,
                        (pair, None),
                        ("use_sudo", Some(on.text.clone())),
                        ["root needs no sudo", "nothing to do"],
                    );
                }
                false
            }
            (Some(on), _) => on.text != "0",
            (None, _) => {
                let words = [
                    "sudo was used where this was not set, and so it is here",
                    "write `sudo: false` if the account needs none",
                ];
                self.note(&pair.name, (pair, None), ("use_sudo", None), words);
                true
            }
        }
    }

    /// One for all addresses of the node: where the roles had different ones, the write role's.
    fn interface(&mut self, pair: &LegacyPair, node: &LegacyNode) -> Option<Given> {
        let of_node = get(pair, Some(node), "interface");
        let of_role = |address: &str, setting: &str| {
            get(pair, None, address)?;
            get(pair, Some(node), setting).or(of_node).map(physical)
        };
        let (write, read) = (of_role("write_ip", "write_interface"), of_role("read_ip", "read_interface"));
        if let (Some(write), Some(read)) = (&write, &read)
            && write.text != read.text
        {
            let why = format!("a node takes all its addresses on one interface, here `{}`", printable(&write.text));
            let said = ("read_interface", Some(read.text.clone()));
            self.note(read, (pair, Some(node)), said, [&why, "see that clients reach the read address there"]);
        }
        let found = write.or(read).or_else(|| of_node.map(physical));
        let found = found.or_else(|| self.wanted.interface.as_ref().map(Given::assumed));
        if found.is_none() {
            let message = format!("the interface of node `{}` is not said", printable(&node.name.text));
            let help = "the old Flipper took the only one that the node had: name it with --interface; `ip link` on the node shows it";
            self.missing(&node.name, message, help);
        }
        // what is missing was said
        found.or_else(|| Some(given("missing", node.name.from.clone())))
    }

    /// Where a password will be. As many places as there were passwords; which they are nobody has to know.
    fn password(&self, pair: &LegacyPair, node: &LegacyNode) -> Option<DraftPassword> {
        if let Some(wanted) = &self.wanted.password {
            return Some(wanted.clone());
        }
        get(pair, Some(node), "mysql_password")?;
        let of = |pairs: &[LegacyPair]| -> usize {
            let all = pairs
                .iter()
                .flat_map(|pair| pair.nodes.iter().map(move |node| get(pair, Some(node), "mysql_password")));
            all.flatten().map(|password| password.text.as_str()).collect::<BTreeSet<_>>().len()
        };
        let pair_name = pair.name.text.to_ascii_lowercase();
        let file = match (of(self.pairs), of(std::slice::from_ref(pair))) {
            (..=1, _) => "flipper.password".to_owned(),
            (_, ..=1) => format!("{pair_name}.password"),
            _ => format!("{pair_name}-{}.password", node.name.text.to_ascii_lowercase()),
        };
        Some(DraftPassword::File(Given::assumed(file)))
    }
}
