//! The restricted key: what one node of one pair may be told, and the program that lets nothing else through.
//!
//! The list is made by the very functions that make what is said, called with this pair's names: it cannot say
//! anything else than they do.

use std::net::IpAddr;

use super::argv::{self, Deed, Look};
use super::line::Hole;
use super::runner::{ANSWER_GREETING, LOOP, PROTOCOL};
use super::{heard, isolate, machine, readiness, signs, start};
use crate::model::{Flavour, Host, Pair, PairName, Server, Side, System, Version};

/// A node of a pair, and all that a command line to it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// Which of its nodes.
    pub side: Side,
    /// The node's tools.
    pub system: &'a System,
    /// Changes are made through `sudo`.
    pub sudo: bool,
    /// The pair's servers.
    pub flavour: Flavour,
    /// Where the other node's server is, as the config says it.
    pub other: (&'a Host, u16),
    /// Where this node replicates from, as its server says it: looked at where the other one is declared dead.
    pub sources: &'a [(Host, u16)],
    /// Units that run this node's server, where it has systemd.
    pub units: &'a [String],
}

impl Allowed<'_> {
    fn addresses(&self) -> Vec<IpAddr> {
        self.pair.roles.iter().map(|role| role.address.ip).collect()
    }

    /// Every change that this node can be told.
    pub(super) fn deeds(&self) -> Vec<Deed> {
        let Self { pair, side, system, sudo, flavour: _, other: _, sources: _, units: _ } = *self;
        let node = pair.node(side);
        let mut all = vec![];
        for role in &pair.roles {
            let (address, interface) = (role.address, &node.interface);
            all.push(argv::add_address(system, sudo, address, interface));
            all.push(argv::delete_address(system, sudo, address, interface));
            let announcements = [
                argv::announce_at_once(system, sudo, address, interface),
                argv::announce(system, sudo, address, interface),
                argv::announce_patiently(system, sudo, address, interface),
                argv::announce_again(system, sudo, address, interface),
            ];
            all.extend(announcements.into_iter().flatten());
            all.push(argv::kill_sockets(system, sudo, address, node.port));
        }
        all.push(argv::hush(&pair.roles.iter().map(|role| role.address).collect::<Vec<_>>()));
        all.extend(self.isolation());
        all
    }

    /// What this node can be asked about the other one, as lists of signs.
    pub(super) fn signs(&self) -> Vec<Vec<signs::Sign>> {
        let (interface, addresses) = (&self.pair.node(self.side).interface, self.addresses());
        let with_and_without = [&[], self.sources];
        let mut all: Vec<Vec<signs::Sign>> = vec![];
        for seconds in signs::LISTEN {
            all.push(signs::of_silence(interface, self.other, &addresses, seconds));
            all.extend(
                with_and_without.map(|from| signs::of_the_other(interface, self.other, from, &addresses, seconds)),
            );
        }
        all
    }

    /// Every question that this node can be asked. Values that the moment decides are samples.
    fn looks(&self) -> Vec<Look> {
        let Self { pair, side, system, sudo, flavour, other: _, sources: _, units: _ } = *self;
        let port = pair.node(side).port;
        let mut all = vec![
            argv::alive(),
            argv::addresses(),
            argv::sockets(port),
            argv::probe(),
            machine::mentions(&self.addresses()),
            machine::managers(),
            machine::listeners(),
            isolate::units(),
            isolate::who_listens(sudo, port),
            isolate::all_who_listen(sudo),
            start::server_process(1),
        ];
        all.extend([start::option_files("/etc/my.cnf"), start::persisted("/data")].into_iter().flatten());
        if flavour == Flavour::MariaDb {
            all.extend(heard::newest_received("0-1-1", "relay.000001", "/data"));
        }
        all.extend(self.deeds().iter().filter_map(argv::may_run));
        all.extend(self.signs().iter().map(|some| signs::signs(system, sudo, some)));
        all.extend(self.may_isolate().into_iter().chain(self.may_listen()).map(|(_, ask)| ask));
        all.extend(readiness::tools("/data"));
        let server = Server { flavour, version: Version(0, 0, 0), server_id: 1, uuid: None, hostname: String::new() };
        // data and logs may be in one folder or in two; of a server that is not known, in none
        let folders = ["/data", "/log"];
        for count in 0..=folders.len() {
            let folders = folders.get(..count).unwrap_or_default();
            all.extend(machine::disk(folders));
            all.extend(isolate::left_behind(&server, (1, port), ("binlog.000001", 4), "", folders));
        }
        all
    }

    /// The list: how it is waited for, which values it has, and its text. Each once, in the order of their making.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let looks = self.looks().into_iter().map(|look| look.within(1).entry());
        let deeds = self.deeds().into_iter().map(|deed| deed.within(1).entry());
        let mut list: Vec<String> = vec![];
        for entry in looks.chain(deeds) {
            // an entry is a line; what is said has no others
            if !entry.contains(['\n', '\r', '\0']) && !list.contains(&entry) {
                list.push(entry);
            }
        }
        list
    }
}

/// Where a pair's gate is on its nodes.
#[must_use]
pub fn gate_path(pair: &PairName) -> String {
    format!("/usr/local/sbin/flipper-gate-{pair}")
}

/// The line for `authorized_keys`. `key`: a public key as `ssh-keygen` writes it; nothing behind its first line.
#[must_use]
pub fn authorized_key(pair: &PairName, key: &str) -> String {
    format!("restrict,command=\"{}\" {}\n", gate_path(pair), key.trim().lines().next().unwrap_or_default())
}

/// The gate of a node: a program that is all that a key may run.
#[must_use]
pub fn gate_script(allowed: &Allowed<'_>) -> String {
    let Allowed { pair, side, system: _, sudo, flavour: _, other: _, sources: _, units: _ } = *allowed;
    let (name, node) = (&pair.name, &pair.node(side).name);
    let kinds = Hole::ALL.map(|hole| {
        let start = match hole {
            Hole::Folder => "case $2 in /*) ;; *) return 1;; esac; ",
            Hole::Log => "case $2 in -*) return 1;; esac; ",
            Hole::Number | Hole::Gtids => "",
        };
        let empty = if hole == Hole::Gtids { "" } else { "''|" };
        format!("{}) {start}case $2 in {empty}*[!{}]*) return 1;; esac;;\n", hole.letter(), hole.class())
    });
    let who = if sudo { "an account that may run the commands below with sudo, and no others" } else { "root" };
    format!(
        r#"#!/bin/sh
# {path}
# The gate of {node}, a node of the pair {name}: all that flipper's key may do here. Made by `flipper setup {name}`; make
# it again after a change of the config. It belongs to root, and nobody else may write to it (mode 755).
# In authorized_keys of {who}:
#   restrict,command="{path}" ssh-ed25519 ...
#
# flipper asks for `exec sh` and sends lines. They are read as data: nothing that arrives is ever run but a text that is
# word for word on the list below, whole, with the values beside it as "$1", "$2" ... and each of these checked.

if [ "$SSH_ORIGINAL_COMMAND" != 'exec sh' ]; then
echo "this key is for flipper and the pair {name} only" >&2
exit 126
fi
# nothing of the caller's environment reaches a command
[ "$1" = clean ] || exec /usr/bin/env -i SSH_ORIGINAL_COMMAND='exec sh' /bin/sh {path} clean
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
export PATH LC_ALL
unset SSH_ORIGINAL_COMMAND
cd / || exit 1

# How it is waited for (to its end; not at all; for a moment), the kinds of its values (n a number, l the name of a log,
# g GTIDs, f a folder; - none), and the text. Each is run by `timeout`.
list=$(cat <<'END-OF-LIST'
{list}END-OF-LIST
)
nl='
'

# whether $2 is a value of the kind $1
fits() {{
case $1 in
{kinds}*) return 1;;
esac
}}

# whether the command in $how, $limit, $kinds, $values and $text is on the list, and its values what they should be
allowed() {{
case $limit in ''|*[!0-9.]*) return 1;; esac
case "$nl$list$nl" in *"$nl$how $kinds $text$nl"*) ;; *) return 1;; esac
IFS='|'; set -- $values; IFS=' '
left=${{kinds#-}}
while [ -n "$left" ]; do
[ $# -gt 1 ] || return 1
rest=${{left#?}}
fits "${{left%"$rest"}}" "$1" || return 1
left=$rest; shift
done
[ $# -eq 1 ] && [ "$1" = . ]
}}

# the first line is for a node without a gate; here only its marker counts
set -f
IFS= read -r m || exit 1
m=${{m%%;*}}
case $m in m=*) m=${{m#m=}};; *) exit 1;; esac
case $m in ''|*[!0-9a-z]*) exit 1;; esac
{ANSWER_GREETING}printf 'gate {PROTOCOL}\n'
{LOOP}"#,
        path = gate_path(name),
        list = allowed.list().into_iter().map(|entry| entry + "\n").collect::<String>(),
        kinds = kinds.concat(),
    )
}
