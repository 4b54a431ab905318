//! From what is written to what is meant: parsed names, the cascade of settings, and every mistake on the way.

use std::net::IpAddr;
use std::path::Path;

use super::check::{Across, Floating, Machine};
use super::field::Field;
use super::layer::Layer;
use super::mistake::Mistake;
use super::raw;
use super::secret::PasswordSource;
use super::tree::{At, Span};
use super::value::Reader;
use super::{MysqlReach, PairConfig, Reach, SshReach, Tls};
use crate::model::{Access, Host, NodeName, NodeSpec, Pair, PairName, Prefixed, RoleName, RoleSpec};

const MYSQL_PORT: u16 = 3306;
const NAMES: &str = "names are made of lower-case letters, digits, `.`, `_` and `-`, a letter or digit first";

/// All pairs of a file, or all mistakes in it.
pub(super) fn build(
    raw: &raw::Config,
    root: &At<'_>,
    base: &Path,
    home: Option<&Path>,
) -> Result<Vec<PairConfig>, Vec<Mistake>> {
    let mut builder = Builder { reader: Reader { base, home, mistakes: Vec::new() }, across: Across::default() };
    let defaults = raw.defaults.as_ref().map_or_else(Layer::default, |raw| {
        let raw::Defaults { interface, mysql, ssh, limits } = raw;
        let at = root.field("defaults");
        builder.reader.layer(&at, interface.as_ref(), mysql.as_ref(), ssh.as_ref(), limits.as_ref())
    });
    let at = root.field("pairs");
    let entries = raw.pairs.as_ref().map_or(&[][..], |pairs| &pairs.0);
    if entries.is_empty() {
        builder.note(
            Mistake::new("flipper::config::no_pairs", at.key(), "the config has no pairs", "here")
                .help("add `pairs: { \"NAME\": (nodes: { … }, roles: { … }) }`"),
        );
    }
    builder.unique("pair", &at, entries);
    let pairs: Vec<PairConfig> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, (name, raw))| builder.pair(index, name, raw, &at.nth(index), &defaults))
        .collect();
    let mut mistakes = builder.across.mistakes();
    mistakes.append(&mut builder.reader.mistakes);
    if mistakes.is_empty() { Ok(pairs) } else { Err(mistakes) }
}

struct Builder<'a> {
    reader: Reader<'a>,
    across: Across,
}

impl Builder<'_> {
    fn note(&mut self, mistake: Mistake) {
        self.reader.mistakes.push(mistake);
    }

    /// A field that must be given on some level.
    fn need<T: Clone>(&mut self, field: &Field<T>, span: Span, what: &str, help: &str) -> Option<T> {
        if matches!(field, Field::Absent) {
            self.note(Mistake::new("flipper::config::missing", span, format!("{what} is missing"), "here").help(help));
        }
        field.get().cloned()
    }

    /// RON takes the last of two equal keys; flipper takes neither.
    fn unique<T>(&mut self, kind: &str, at: &At<'_>, entries: &[(String, T)]) {
        for (index, (name, _)) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().position(|(before, _)| before == name) {
                let message = format!("there are two {kind}s named `{}`", crate::model::printable(name));
                self.note(
                    Mistake::new("flipper::config::duplicate_key", at.nth(index).key(), message, "and again here")
                        .also(at.nth(first).key(), "first here")
                        .help("rename one of the two, or take it out"),
                );
            }
        }
    }

    fn pair(&mut self, index: usize, name: &str, raw: &raw::Pair, at: &At<'_>, defaults: &Layer) -> Option<PairConfig> {
        let raw::Pair { interface, mysql, ssh, limits, nodes, roles } = raw;
        let pair_name = self.reader.parse::<PairName>("flipper::config::bad_name", NAMES, name, at.key());
        let layer =
            self.reader.layer(at, interface.as_ref(), mysql.as_ref(), ssh.as_ref(), limits.as_ref()).over(defaults);
        if let Some(mistake) = layer.limits.mistake() {
            self.note(mistake);
        }
        let nodes = self.nodes(index, name, nodes.as_ref().map_or(&[], |nodes| &nodes.0), at, &layer);
        let roles = self.roles(name, roles.as_ref().map_or(&[], |roles| &roles.0), at);
        let ([(first, first_reach), (second, second_reach)], roles) = (nodes?, roles?);
        Some(PairConfig {
            pair: Pair {
                name: pair_name.get()?.clone(),
                nodes: [first, second],
                roles,
                limits: layer.limits.resolve(),
            },
            reach: [first_reach, second_reach],
        })
    }

    fn nodes(
        &mut self,
        pair: usize,
        pair_name: &str,
        entries: &[(String, raw::Node)],
        at: &At<'_>,
        above: &Layer,
    ) -> Option<[(NodeSpec, Reach); 2]> {
        let at = at.field("nodes");
        if entries.len() != 2 {
            let count = match entries.len() {
                0 => "no nodes".to_owned(),
                1 => "one node only".to_owned(),
                more => format!("{more} nodes"),
            };
            let message = format!("pair `{}` has {count}", crate::model::printable(pair_name));
            self.note(
                Mistake::new("flipper::config::two_nodes", at.key(), message, "must be two")
                    .help("a pair is two nodes: nodes: { \"db1\": (host: \"…\"), \"db2\": (host: \"…\") }"),
            );
        }
        self.unique("node", &at, entries);
        let built: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(index, (name, raw))| self.node(pair, pair_name, name, raw, &at.nth(index), above))
            .collect();
        let [first, second] = <[_; 2]>::try_from(built).ok()?;
        Some([first?, second?])
    }

    fn node(
        &mut self,
        pair: usize,
        pair_name: &str,
        name: &str,
        raw: &raw::Node,
        at: &At<'_>,
        above: &Layer,
    ) -> Option<(NodeSpec, Reach)> {
        let raw::Node { host, interface, mysql, ssh, fence } = raw;
        let node_name = self.reader.parse::<NodeName>("flipper::config::bad_name", NAMES, name, at.key());
        let host = self.reader.host(host.as_ref(), at, "host");
        let layer = self.reader.layer(at, interface.as_ref(), mysql.as_ref(), ssh.as_ref(), None).over(above);

        let shown = crate::model::printable(name);
        self.need(&host, at.key(), &format!("the host of node `{shown}`"), "add `host: \"…\"`");
        let interface = self.need(
            &layer.interface,
            at.key(),
            &format!("the interface of node `{shown}`"),
            "add `interface: \"eth0\"` to the node, to its pair or to `defaults`: addresses are taken on it",
        );
        let user = self.need(
            &layer.mysql_user,
            at.key(),
            &format!("the MySQL user for node `{shown}`"),
            "add `mysql: (user: \"flipper\")` to the node, to its pair or to `defaults`",
        );
        let tls = self.tls(&layer, at);
        let fence = fence.as_ref().and_then(|argv| self.fence(argv, at));

        let mysql_host = layer.mysql_host.or(&host);
        let ssh_host = layer.ssh_host.or(&host);
        let port = layer.mysql_port.get().copied().unwrap_or(MYSQL_PORT);
        self.machine(pair, format!("{shown} of {}", crate::model::printable(pair_name)), at.key(), &layer, &host);
        let host = host.get()?.clone();
        Some((
            NodeSpec { name: node_name.get()?.clone(), host, interface: interface?, port, has_fence: fence.is_some() },
            Reach {
                mysql: MysqlReach {
                    host: mysql_host.get()?.clone(),
                    port,
                    user: user?,
                    password: layer.password.get().cloned().unwrap_or(PasswordSource::None),
                    tls,
                },
                ssh: SshReach {
                    host: ssh_host.get()?.clone(),
                    port: layer.ssh_port.get().copied(),
                    user: layer.ssh_user.get().cloned(),
                    sudo: layer.ssh_sudo.get().copied().unwrap_or(false),
                    config_file: layer.ssh_config.get().cloned(),
                },
                fence,
            },
        ))
    }

    /// The program that switches a node off. Whether it may be run is seen when it is: this is perhaps not the machine
    /// that it is on.
    fn fence(&mut self, argv: &[String], at: &At<'_>) -> Option<Vec<String>> {
        let span = at.field("fence").value();
        let wrong = match argv.first() {
            None => "`fence` names no program".to_owned(),
            Some(program) if !program.starts_with('/') => {
                format!("the program of `fence` is not an absolute path: {}", crate::model::printable(program))
            }
            _ if argv.iter().any(|word| word.contains('\0')) => "a word of `fence` has a NUL in it".to_owned(),
            _ => return Some(argv.to_vec()),
        };
        self.note(
            Mistake::new("flipper::config::bad_fence", span, wrong, "here")
                .help("a list of words, the program first: fence: [\"/usr/local/sbin/power-off\", \"db1\"]"),
        );
        None
    }

    fn tls(&mut self, layer: &Layer, at: &At<'_>) -> Option<Tls> {
        if matches!((&layer.tls_ca, &layer.tls_name), (Field::Absent, Field::Absent)) {
            return None;
        }
        let span = layer.tls_name.span().unwrap_or_else(|| at.key());
        let ca_file = self.need(
            &layer.tls_ca,
            span,
            "the CA file of `tls`",
            "add `ca_file: \"…\"`: the certificate that the server's own must be signed by",
        )?;
        Some(Tls { ca_file, name: layer.tls_name.get().cloned() })
    }

    /// Notes what other nodes and roles could collide with.
    fn machine(&mut self, pair: usize, who: String, span: Span, layer: &Layer, host: &Field<Host>) {
        let (mysql_host, ssh_host) = (layer.mysql_host.or(host), layer.ssh_host.or(host));
        let port = |field: &Field<u16>, default| match field {
            Field::Good(port, _) => Some(*port),
            Field::Absent => Some(default),
            Field::Bad => None,
        };
        let addresses: Vec<(IpAddr, Span)> = [host, &mysql_host, &ssh_host]
            .into_iter()
            .filter_map(|host| Some((host.get()?.ip()?.to_canonical(), host.span()?)))
            .collect();
        let server = mysql_host.get().cloned().zip(port(&layer.mysql_port, MYSQL_PORT));
        let system = ssh_host.get().cloned().zip(port(&layer.ssh_port, 0));
        self.across.machines.push(Machine { who, pair, span, server, system, addresses });
    }

    fn roles(&mut self, pair_name: &str, entries: &[(String, raw::Role)], at: &At<'_>) -> Option<Vec<RoleSpec>> {
        let at = at.field("roles");
        let shown = crate::model::printable(pair_name);
        if entries.is_empty() {
            let message = format!("pair `{shown}` has no roles");
            self.note(
                Mistake::new("flipper::config::no_roles", at.key(), message, "nothing to move")
                    .help("add `roles: { \"write\": (address: \"10.0.0.100/32\", access: ReadWrite) }`"),
            );
        }
        self.unique("role", &at, entries);
        let mut writer: Option<Span> = None;
        let mut roles = Vec::new();
        for (index, (name, raw)) in entries.iter().enumerate() {
            let at = at.nth(index);
            if let Some(raw::Access::ReadWrite) = raw.access {
                let span = at.field("access").value();
                match &writer {
                    Some(first) => self.note(
                        Mistake::new(
                            "flipper::config::two_writers",
                            span,
                            format!("pair `{shown}` has more than one ReadWrite role"),
                            "another one",
                        )
                        .also(first.clone(), "one writer")
                        .help("one node at a time takes writes, so one role at most is ReadWrite"),
                    ),
                    None => writer = Some(span),
                }
            }
            roles.push(self.role(&shown, name, raw, &at));
        }
        roles.into_iter().collect()
    }

    fn role(&mut self, pair: &str, name: &str, raw: &raw::Role, at: &At<'_>) -> Option<RoleSpec> {
        let raw::Role { address, access } = raw;
        let role_name = self.reader.parse::<RoleName>("flipper::config::bad_name", NAMES, name, at.key());
        let shown = crate::model::printable(name);
        let span = at.field("address").value();
        let help = "give an address that clients can reach: \"10.0.0.100/32\", \"fd00::100/128\"";
        let address = match address {
            Some(text) => self.reader.parse::<Prefixed>("flipper::config::bad_address", help, text, span.clone()),
            None => Field::Absent,
        };
        let address = self.need(&address, at.key(), &format!("the address of role `{shown}`"), help);
        if let Some(address) = address {
            self.across.floating.push(Floating { who: format!("{shown} of {pair}"), ip: address.ip, span });
        }
        if access.is_none() {
            self.note(
                Mistake::new(
                    "flipper::config::missing",
                    at.key(),
                    format!("the access of role `{shown}` is missing"),
                    "here",
                )
                .help("add `access: ReadWrite` or `access: ReadOnly`"),
            );
        }
        let access = match (*access)? {
            raw::Access::ReadWrite => Access::ReadWrite,
            raw::Access::ReadOnly => Access::ReadOnly,
        };
        Some(RoleSpec { name: role_name.get()?.clone(), address: address?, access })
    }
}
