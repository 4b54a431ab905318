//! The text of a drafted config: what a careful operator would write by hand.

use std::collections::BTreeSet;

use super::pen::{Pen, Written};
use super::{Draft, DraftNode, DraftPair, DraftPassword, DraftRole, Given, Settings};
use crate::model::{Access, Limits};

const HEAD: &[&str] = &[
    "flipper takes the first of: --config FILE, $FLIPPER_CONFIG, ./flipper.ron, $XDG_CONFIG_HOME/flipper/flipper.ron,",
    "/etc/flipper/flipper.ron. `flipper config` prints what is in force.",
    "",
    "What a node says stands before what its pair says, and that before `defaults`. What is commented out can be set",
    "too; limits stand there with their defaults.",
];

/// Limits, with what each is for; their defaults are taken from where they are in force.
fn limits() -> [(&'static str, std::time::Duration, &'static str); 9] {
    let Limits { connect, pre_sync, fence, write_outage, rollback, forward, drain, lag, recovery } = Limits::default();
    [
        ("connect", connect, "ssh, MySQL, and each question outside the write outage"),
        ("pre_sync", pre_sync, "the target reaches the writer's position before writes are stopped"),
        ("fence", fence, "the fence waits for statements under way, in whole seconds"),
        ("write_outage", write_outage, "the whole write outage; past it the old writer is opened again"),
        ("rollback", rollback, "the way back"),
        ("forward", forward, "the way forward, once the new writer is open"),
        ("drain", drain, "transactions may finish before writes are stopped"),
        ("lag", lag, "a target further behind is refused"),
        ("recovery", recovery, "a survivor applies what it has received, a fence program ends"),
    ]
}

/// A setting of a level: its key, and its value as it stands in the text.
struct Piece<'a> {
    slot: usize,
    key: &'static str,
    value: Value<'a>,
}

enum Value<'a> {
    Text(&'a Given),
    Bare(String, std::ops::Range<usize>),
}

impl Value<'_> {
    /// Two values are one setting if they read the same, wherever they were given.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => one.text == other.text,
            (Value::Bare(one, _), Value::Bare(other, _)) => one == other,
            _ => false,
        }
    }

    fn put(&self, pen: &mut Pen) {
        match self {
            Value::Text(given) => pen.quoted(given),
            Value::Bare(text, from) => pen.valued(text, from),
        };
    }
}

/// The settings that can stand on every level, in their order: the group they stand in, and what they are for.
const SLOTS: [(&str, &str); 7] = [
    ("", "takes the floating addresses on a node; `ip link` there has its name"),
    ("mysql", "flipper's account on both servers; `flipper setup PAIR` prints its grants"),
    ("mysql", ""),
    ("mysql", "where that account's password is; never the password itself"),
    ("ssh", ""),
    ("ssh", "may change addresses on the machines; keys and jump hosts are left to your ssh configuration"),
    ("ssh", "whether changes of addresses go through `sudo -n`"),
];

fn piece(settings: &Settings, slot: usize) -> Option<Piece<'_>> {
    let Settings { interface, mysql_user, mysql_port, password, ssh_host, ssh_user, sudo } = settings;
    let (key, value) = match slot {
        0 => ("interface", Value::Text(interface.as_ref()?)),
        1 => ("user", Value::Text(mysql_user.as_ref()?)),
        2 => ("port", mysql_port.as_ref().map(|(port, from)| Value::Bare(port.to_string(), from.clone()))?),
        3 => match password.as_ref()? {
            DraftPassword::Env(name) => ("password_env", Value::Text(name)),
            DraftPassword::File(path) => ("password_file", Value::Text(path)),
            DraftPassword::OptionFile(path) => ("option_file", Value::Text(path)),
        },
        4 => ("host", Value::Text(ssh_host.as_ref()?)),
        5 => ("user", Value::Text(ssh_user.as_ref()?)),
        _ => ("sudo", Value::Bare(sudo.to_string(), 0..0)),
    };
    Some(Piece { slot, key, value })
}

/// Whether all of these nodes say the same.
fn agree(nodes: &[&DraftNode], slot: usize) -> bool {
    let mut pieces = nodes.iter().map(|node| piece(&node.settings, slot));
    let Some(first) = pieces.next() else { return true };
    pieces.all(|other| match (&first, &other) {
        (Some(one), Some(other)) => one.key == other.key && one.value.same(&other.value),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}

/// The settings of a level by the group they stand in, in order; groups without any are left out.
fn grouped<'p, 'a>(pieces: &'p [Piece<'a>]) -> impl Iterator<Item = (&'static str, Vec<&'p Piece<'a>>)> {
    ["", "mysql", "ssh"].into_iter().filter_map(|group| {
        let inside: Vec<_> = pieces.iter().filter(|piece| SLOTS[piece.slot].0 == group).collect();
        (!inside.is_empty()).then_some((group, inside))
    })
}

fn pieces<'a>(node: Option<&&'a DraftNode>, slots: impl Iterator<Item = usize>) -> Vec<Piece<'a>> {
    node.map_or_else(Vec::new, |node| slots.filter_map(|slot| piece(&node.settings, slot)).collect())
}

/// Writes a draft down.
pub(super) fn written(draft: &Draft) -> Written {
    let mut writer = Writer { pen: Pen::default(), told: BTreeSet::new() };
    writer.draft(draft);
    writer.pen.written()
}

struct Writer {
    pen: Pen,
    /// What was explained: it is said once, where it is met first.
    told: BTreeSet<&'static str>,
}

impl Writer {
    fn draft(&mut self, draft: &Draft) {
        let Draft { remarks, pairs } = draft;
        self.pen.remark(remarks.iter().map(String::as_str));
        if !remarks.is_empty() {
            self.pen.remark([""]);
        }
        self.pen.remark(HEAD.iter().copied()).open("(").open("defaults: (");
        let all: Vec<&DraftNode> = pairs.iter().flat_map(|pair| &pair.nodes).collect();
        let high: Vec<usize> = (0..SLOTS.len()).filter(|slot| agree(&all, *slot)).collect();
        self.defaults(&all, &high);
        self.pen.close("),").open("pairs: {");
        for pair in pairs {
            self.pair(pair, &high);
        }
        self.pen.close("},").close(")");
    }

    fn defaults(&mut self, all: &[&DraftNode], high: &[usize]) {
        let pieces = pieces(all.first(), high.iter().copied());
        let settings = |writer: &mut Self, group: &str| {
            for piece in pieces.iter().filter(|piece| SLOTS[piece.slot].0 == group) {
                writer.explain(SLOTS[piece.slot].1);
                writer.pen.begin().put(piece.key).put(": ");
                piece.value.put(&mut writer.pen);
                writer.pen.put(",").end();
            }
        };
        settings(self, "");
        self.pen.open("mysql: (");
        settings(self, "mysql");
        if all.iter().all(|node| node.settings.mysql_port.is_none()) {
            self.pen.remark(["port: 3306,"]);
        }
        self.explain("TLS, with the authority that vouches for the servers");
        self.pen.remark(["tls: (ca_file: \"/etc/flipper/ca.pem\"),"]).close("),").open("ssh: (");
        settings(self, "ssh");
        self.explain("read instead of your own ssh configuration");
        self.pen.remark(["config_file: \"/etc/flipper/ssh_config\","]).close("),").remark(["limits: ("]);
        for (name, limit, what) in limits() {
            let value = format!("{name}: \"{}\",", humantime::format_duration(limit));
            self.pen.remark([format!("    {value:<22} // {what}").as_str()]);
        }
        self.pen.remark(["),"]);
    }

    fn explain(&mut self, what: &'static str) {
        if !what.is_empty() && self.told.insert(what) {
            self.pen.remark([what]);
        }
    }

    fn pair(&mut self, pair: &DraftPair, high: &[usize]) {
        let DraftPair { name, nodes, roles } = pair;
        self.pen.begin().quoted(name).open_here(": (");
        let own: Vec<&DraftNode> = nodes.iter().collect();
        let middle: Vec<usize> = (0..SLOTS.len()).filter(|slot| !high.contains(slot) && agree(&own, *slot)).collect();
        for (group, inside) in grouped(&pieces(own.first(), middle.iter().copied())) {
            for piece in &inside {
                self.explain(SLOTS[piece.slot].1);
            }
            self.pen.begin();
            self.group(group, &inside);
            self.pen.put(",").end();
        }
        self.pen.open("nodes: {");
        for node in nodes {
            let low = (0..SLOTS.len()).filter(|slot| !high.contains(slot) && !middle.contains(slot));
            self.node(node, &pieces(Some(&node), low));
        }
        self.explain("a node can also have a program that switches it off, for `fail`: `fence`, docs/failover.md");
        self.pen.close("},").open("roles: {");
        for role in roles {
            self.role(role);
        }
        self.pen.close("},").close("),");
    }

    fn node(&mut self, node: &DraftNode, settings: &[Piece<'_>]) {
        for piece in settings {
            self.explain(SLOTS[piece.slot].1);
        }
        self.pen.begin().quoted(&node.name).put(": (host: ").quoted(&node.host);
        for (group, inside) in grouped(settings) {
            self.pen.put(", ");
            self.group(group, &inside);
        }
        self.pen.put("),").end();
    }

    /// `interface: "eth1"`, or `mysql: (user: "x", port: 3307)`.
    fn group(&mut self, group: &str, inside: &[&Piece<'_>]) {
        if !group.is_empty() {
            self.pen.put(group).put(": (");
        }
        for (index, piece) in inside.iter().enumerate() {
            self.pen.put(if index == 0 { "" } else { ", " }).put(piece.key).put(": ");
            piece.value.put(&mut self.pen);
        }
        if !group.is_empty() {
            self.pen.put(")");
        }
    }

    fn role(&mut self, role: &DraftRole) {
        let DraftRole { name, address, access } = role;
        self.explain(match access {
            Access::ReadWrite => "the node that holds this one accepts writes, the other one refuses them",
            Access::ReadOnly => "clients that only read; as many of these as you like",
        });
        let access = match access {
            Access::ReadWrite => "ReadWrite",
            Access::ReadOnly => "ReadOnly",
        };
        self.pen.begin().quoted(name).put(": (address: ").quoted(address);
        self.pen.put(", access: ").put(access).put("),").end();
    }
}
