//! `flipper setup PAIR`: cannot change anything, because no code that could is within its reach.

use std::path::Path;

use super::output::Output;
use super::{Exit, Stop, context};
use crate::config::{Config, PairConfig, Reach};
use crate::dialect::{self, Account, Greeting, Release};
use crate::link::{self, Knock, Link};
use crate::model::{Flavour, Host, Kept, NodeSnapshot, Side, printable};
use crate::render::setup::{self, Needs, Part, Ssh};

/// What was typed.
pub(super) struct Asked<'a> {
    pub(super) pair: &'a str,
    pub(super) node: Option<&'a str>,
    pub(super) only: Option<Part>,
    pub(super) server: Option<&'a str>,
    pub(super) from: Option<&'a str>,
    pub(super) key: Option<&'a Path>,
}

pub(super) fn run(config: &Config, asked: &Asked<'_>, output: &Output) -> Result<Exit, Stop> {
    let pair = context::pair(config, asked.pair)?;
    let sides = sides(pair, asked)?;
    let said = asked.server.map(release).transpose()?;
    let from = asked.from.map(host).transpose()?;
    let key = asked.key.map(public_key).transpose()?;
    let seen = context::block_on(look(pair, output))?;
    let needs = |side: Side| of_node(pair, side, side.of(&seen), (said, from, key.as_deref()));
    let needs: Vec<Needs<'_>> = sides.iter().map(|side| needs(*side)).collect();
    if let (Some(part), [needs]) = (asked.only, &needs[..]) {
        let text = needs.block(part).text.map_err(|why| {
            Stop::say(Exit::Refused, "flipper::setup::unknown", why, "say it: --server mysql-9.7, --from 10.0.0.9")
        })?;
        output.data(|| text, || setup::json(&pair.pair, std::slice::from_ref(needs), &[part]));
        return Ok(Exit::Done);
    }
    output.data(|| setup::text(&needs), || setup::json(&pair.pair, &needs, &Part::ALL));
    let whole = needs.iter().all(|needs| Part::ALL.into_iter().all(|part| needs.block(part).text.is_ok()));
    Ok(if whole { Exit::Done } else { Exit::Refused })
}

fn sides(pair: &PairConfig, asked: &Asked<'_>) -> Result<Vec<Side>, Stop> {
    let names = pair.pair.nodes.each_ref().map(|node| node.name.to_string());
    let Some(name) = asked.node else {
        return match asked.only {
            None => Ok(Side::BOTH.to_vec()),
            Some(part) => Err(Stop::say(
                Exit::Usage,
                "flipper::usage::part",
                format!("--only {} prints one file, and each node has its own", part.id()),
                format!("name the node: --node {} or --node {}", names[0], names[1]),
            )),
        };
    };
    let side = Side::BOTH.into_iter().find(|side| *side.of(&names) == name);
    side.map(|side| vec![side]).ok_or_else(|| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::part",
            format!("`{}` is no node of {}", printable(name), pair.pair.name),
            format!("its nodes are {} and {}", names[0], names[1]),
        )
    })
}

/// `mysql-9.7`, `mariadb-10.11.6`. Without its last number, the newest of that series.
fn release(text: &str) -> Result<Release, Stop> {
    let parse = || {
        let (family, version) = text.split_once('-')?;
        let flavour = match family.to_ascii_lowercase().as_str() {
            "mysql" => Flavour::MySql,
            "mariadb" => Flavour::MariaDb,
            _ => return None,
        };
        let whole = format!("{version}.{}", u16::MAX);
        let version = dialect::parse_version(version).or_else(|| dialect::parse_version(&whole))?;
        Some(Release { flavour, version })
    };
    parse().ok_or_else(|| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::server",
            format!("`{}` names no server", printable(text)),
            "family and version, as in mysql-9.7 or mariadb-10.11.6",
        )
    })
}

fn host(text: &str) -> Result<&str, Stop> {
    match Account::is_host(text) {
        true => Ok(text),
        false => Err(Stop::say(
            Exit::Usage,
            "flipper::usage::from",
            format!("`{}` cannot be the host of an account", printable(text)),
            "an address of this machine as the server sees it, or a pattern: --from 10.0.0.9, --from 10.0.0.%",
        )),
    }
}

#[expect(clippy::disallowed_methods, reason = "the command is at the edge, and this file was named to it")]
fn public_key(file: &Path) -> Result<String, Stop> {
    let bad = |why: String| {
        let message = format!("{}: {why}", printable(&file.display().to_string()));
        Stop::say(Exit::Usage, "flipper::usage::key", message, "name the file that ends with .pub")
    };
    let text = std::fs::read_to_string(file).map_err(|why| bad(why.to_string()))?;
    let line = text.trim();
    // it becomes one line of another file, and must be a key and nothing else
    let kinds = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
    let is_key =
        kinds.iter().any(|kind| line.starts_with(kind)) && line.split(' ').nth(1).is_some_and(|key| key.len() > 40);
    match is_key && !line.contains(char::is_control) {
        true => Ok(line.to_owned()),
        false => Err(bad("that is no public key".to_owned())),
    }
}

/// What was seen of a node without any account on its server, and with it where there is one already.
struct Seen {
    knock: Knock,
    node: NodeSnapshot,
    units: Vec<String>,
    /// By the program on its disk.
    installed: Option<Release>,
}

async fn look(pair: &PairConfig, output: &Output) -> Result<[Seen; 2], Stop> {
    let limit = pair.pair.limits.connect;
    let [first, second] = pair.reach.each_ref().map(|reach| link::knock(&reach.mysql.host, reach.mysql.port, limit));
    let (first, second, opened) = tokio::join!(first, second, context::open_before_setup(pair, output));
    let context::Open { mut links, seen, control } = opened?;
    let [a, b] = &mut links;
    let (x, y) = tokio::join!(machine(a, limit), machine(b, limit));
    link::close(links, control.path(), limit).await;
    let [one, other] = seen.nodes;
    let seen = |knock, node, (units, installed)| Seen { knock, node, units, installed };
    Ok([seen(first, one, x), seen(second, other, y)])
}

/// Units that run a server there, and which server is installed. What cannot be asked is left out.
async fn machine(link: &mut Link, limit: std::time::Duration) -> (Vec<String>, Option<Release>) {
    let Ok(shell) = &mut link.shell else { return (vec![], None) };
    let answers = shell.look(&[dialect::units(), dialect::installed()], limit).await.unwrap_or_default();
    let [units, installed] = &answers[..] else { return (vec![], None) };
    let units = dialect::parse_units(&units.text).unwrap_or_default();
    (dialect::names_of(&units), dialect::parse_installed(&installed.text))
}

fn of_node<'a>(
    pair: &'a PairConfig,
    side: Side,
    seen: &Seen,
    (said, from, key): (Option<Release>, Option<&str>, Option<&str>),
) -> Needs<'a> {
    let Reach { mysql, ssh, fence: _ } = side.of(&pair.reach);
    let other = &side.peer().of(&pair.reach).mysql;
    let Seen { knock, node, units, installed } = seen;
    let place = format!("{} port {}", mysql.host, mysql.port);
    let release = match (node.server.known(), &knock.heard, said, installed) {
        (Some(server), ..) => Ok((Release::of(server), "as it says")),
        (None, Ok(Greeting::Welcome(release)), ..) => Ok((*release, "as it greets")),
        (None, _, Some(said), _) => Ok((said, "as --server says")),
        (None, _, None, Some(installed)) => Ok((*installed, "as its machine has it installed")),
        (None, Ok(Greeting::TurnedAway { said, flavour, .. }), None, None) => {
            let family = flavour.map_or("the server", |flavour| match flavour {
                Flavour::MySql => "the MySQL server",
                Flavour::MariaDb => "the MariaDB server",
            });
            Err(format!("{family} at {place} does not tell its version to whoever has no account there: {said}"))
        }
        (None, Err(why), None, None) => Err(format!("the server at {place} cannot be reached: {why}")),
    };
    let account_host = from.map(str::to_owned).or_else(|| knock.from.map(|ip| ip.to_string()));
    let no_way = || format!("from which address of this machine {place} is reached is not known");
    Needs {
        pair: &pair.pair,
        side,
        release,
        server: (&mysql.host, mysql.port),
        other: (&other.host, other.port),
        account: account_host.ok_or_else(no_way).map(|host| Account {
            user: mysql.user.clone(),
            host,
            tls: mysql.tls.is_some(),
        }),
        ssh: Ssh {
            host: &ssh.host,
            port: ssh.port,
            user: ssh.user.as_ref(),
            sudo: ssh.sudo,
            config_file: ssh.config_file.as_deref().and_then(Path::to_str),
        },
        system: match node.system.known() {
            Some(system) => Ok(system.clone()),
            None => Err(node.system.why_unknown().unwrap_or_default().to_owned()),
        },
        units: units.clone(),
        sources: sources(node),
        persisted: match node.boot.read_only.known() {
            Some(Kept::Persisted(values)) => values.clone(),
            _ => vec![],
        },
        key: key.map(str::to_owned),
    }
}

fn sources(node: &NodeSnapshot) -> Vec<(Host, u16)> {
    let channels = node.channels.known().map(Vec::as_slice).unwrap_or_default();
    channels.iter().filter_map(|channel| Some((channel.source.0.parse().ok()?, channel.source.1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_an_operator_names_them() {
        let named = |text: &str| release(text).ok().map(setup::shown);
        assert_eq!(named("mysql-9.7").as_deref(), Some("MySQL 9.7"));
        assert_eq!(named("MariaDB-10.11.6").as_deref(), Some("MariaDB 10.11.6"));
        for bad in ["", "mysql", "mysql-", "mysql-9", "oracle-9.7", "mysql-x.y", "9.7", "mysql-9.7.1.2"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_can_be_the_host_of_an_account_becomes_one() {
        for good in ["10.0.0.9", "fd00::9", "10.0.0.%", "%", "ops.example.net", "10.0.0.0/255.255.255.0"] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["", "a'b", "a b", "x;", "\n", "10.0.0.9'@'%"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
