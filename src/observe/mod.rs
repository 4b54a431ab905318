//! Reading nodes.
//!
//! Only asks. What cannot be seen, or not understood, is unknown with the reason, and takes nothing else along: a
//! node without ssh still shows its server, a server that refuses one question still answers the others. The parsers
//! are pure.
//!
//! A healthy pair costs three round trips to each server (who are you; all the rest; what has your peer that you have
//! not) and, at the same time, one to each machine. What only the checks look at is asked beside that, in another
//! session of each server, and by one more round trip to each machine.

mod between;
mod boot;
mod checks;
mod grants;
mod heard;
mod host;
mod inventory;
mod machine;
mod options;
mod process;
mod quick;
mod readiness;
mod replication;
mod restart;
#[cfg(test)]
mod restart_tests;
mod server;
mod traffic;
mod witness;
mod workload;

pub use quick::quick;
pub use readiness::readiness;
pub use witness::witness;

#[cfg(test)]
mod samples;

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::dialect::{self, Question, Socket};
use crate::link::{Answer, Link, Shell, Sql, SqlError, SshError, Table};
use crate::model::{
    Channel, Held, NodeSnapshot, NodeSpec, Observed, Pair, Pending, RoleSpec, Server, Settings, Snapshot, System,
    printable,
};
use checks::{Answers, Looks};
use server::{Read, Standing};

/// Looks at both nodes at once, for all that a plan and the checks want to know. Each request has
/// `pair.limits.connect` to be answered. `links` in the order of the pair's nodes.
pub async fn snapshot(pair: &Pair, links: &mut [Link; 2]) -> Snapshot {
    look_at_both(pair, links, Depth::All).await
}

/// The same without what only the checks look at: for the middle of a run, where time is short and the checks are
/// done.
pub async fn structure(pair: &Pair, links: &mut [Link; 2]) -> Snapshot {
    look_at_both(pair, links, Depth::Structure).await
}

/// Whether a machine holds an address right now. `None`: it does not say.
pub async fn holds(link: &mut Link, address: IpAddr, limit: Duration) -> Option<bool> {
    let answers = link.shell.as_mut().ok()?.look(&[dialect::addresses()], limit).await.ok()?;
    let text = text("ip", answers.first()?).ok()?;
    let held = host::addresses(text, |ip| ip == address).ok()?;
    Some(held.iter().any(|held| held.address.ip == address))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Structure,
    All,
}

async fn look_at_both(pair: &Pair, links: &mut [Link; 2], depth: Depth) -> Snapshot {
    let limit = pair.limits.connect;
    let [first_spec, second_spec] = &pair.nodes;
    let [first, second] = links;
    let (mut one, mut two) = tokio::join!(
        look(first_spec, &pair.roles, first, limit, depth),
        look(second_spec, &pair.roles, second, limit, depth)
    );
    let owners = [first.target.mysql.user.clone(), second.target.mysql.user.clone()];
    // asked of the peer after both positions were read: what is in the position and not there, is not there yet
    let (by_second, by_first, looks) = tokio::join!(
        between::ask(&one, &two, &mut second.sql, limit, depth),
        between::ask(&two, &one, &mut first.sql, limit, depth),
        async {
            let floating: Vec<IpAddr> = pair.roles.iter().map(|role| role.address.ip).collect();
            let more = |shell, sudo: bool, port: u16, seen: &Seen| {
                let ask = checks::Ask { floating: &floating, folders: seen.answers.folders(), sudo, port };
                let server = seen.node.server.known().cloned();
                let told = seen.answers.told();
                async move { checks::ask_machine(shell, ask, server.map(|server| (server, told)), limit).await }
            };
            let sudo = [first.target.ssh.sudo, second.target.ssh.sudo];
            match depth {
                Depth::Structure => None,
                Depth::All => Some(tokio::join!(
                    more(first.shell.as_mut(), sudo[0], first_spec.port, &one),
                    more(second.shell.as_mut(), sudo[1], second_spec.port, &two)
                )),
            }
        },
    );
    one.node.relay.purged = between::purged(&by_first, &by_second).into();
    two.node.relay.purged = between::purged(&by_second, &by_first).into();
    (one.node.ahead, two.node.ahead) = (by_second.ahead.into(), by_first.ahead.into());
    if let Some((first_looks, second_looks)) = looks {
        let ahead = Observed::from(ahead_in_time(&one, &two));
        one.node.health.clock_ahead = ahead.clone();
        two.node.health.clock_ahead = ahead.map(|ahead: i64| -ahead);
        let [first_owner, second_owner] = &owners;
        one.complete(pair, first_spec, first_owner, first_looks);
        two.complete(pair, second_spec, second_owner, second_looks);
    }
    Snapshot { nodes: [one.node, two.node] }
}

/// A node as seen, and its standing as its server put it.
struct Seen {
    node: NodeSnapshot,
    standing: Read<Standing>,
    sockets: Read<Vec<Socket>>,
    answers: Answers,
    /// The server's clock in seconds, and when that was by ours.
    clock: Read<(f64, Instant)>,
    /// How far what is applied is behind what was received.
    rest: Read<u64>,
}

impl Seen {
    /// Adds what only the checks look at.
    fn complete(&mut self, pair: &Pair, spec: &NodeSpec, own: &str, looks: Looks) {
        let floating: Vec<IpAddr> = pair.roles.iter().map(|role| role.address.ip).collect();
        let Observed::Known(server) = &self.node.server else {
            return checks::fill_machine(&mut self.node, spec.port, &floating, looks);
        };
        let server = server.clone();
        let known =
            checks::Known { server: &server, own, port: spec.port, floating: &floating, sockets: &self.sockets };
        checks::fill(&mut self.node, &known, &self.answers, looks);
        self.node.relay.half_received = match &self.node.relay.unapplied {
            Observed::Known(left) if left.is_empty() => self.rest.clone().into(),
            // what comes after those that are complete is not looked for before
            Observed::Known(_) => Observed::Known(0),
            Observed::Unknown(why) => Observed::Unknown(why.clone()),
        };
    }
}

/// Milliseconds that the first server's clock is ahead of the second's; wrong by half a round trip at most.
fn ahead_in_time(one: &Seen, two: &Seen) -> Read<i64> {
    let ((first, first_read), (second, second_read)) =
        (one.clock.as_ref().map_err(String::clone)?, two.clock.as_ref().map_err(String::clone)?);
    let between = match first_read.checked_duration_since(*second_read) {
        Some(later) => later.as_secs_f64(),
        None => -second_read.duration_since(*first_read).as_secs_f64(),
    };
    let ahead = (first - second - between) * 1000.0;
    #[expect(clippy::cast_possible_truncation, reason = "beyond any clock it stays at the end of the range")]
    Ok(ahead.round() as i64)
}

async fn look(spec: &NodeSpec, roles: &[RoleSpec], link: &mut Link, limit: Duration, depth: Depth) -> Seen {
    let Link { sql, guard, shell, target, .. } = link;
    let turned_away = checks::turned_away([sql.as_ref().err(), guard.as_ref().err()]);
    let (db, machine) = tokio::join!(
        ask_server(sql.as_mut(), guard.as_mut(), limit, depth),
        ask_machine(shell.as_mut(), spec, roles, target.ssh.sudo, limit),
    );
    if let Ok(old) = guard
        && depth == Depth::All
        && old.is_closed()
    {
        // what only the checks asked must not cost the session that a fence needs
        *guard = Sql::connect(&target.mysql, limit).await;
    }
    let Db {
        server,
        standing,
        channels,
        settings,
        prepared_xa,
        seen_from,
        answers,
        clock,
        retries,
        unapplied,
        rest,
        pending,
    } = db;
    let Machine { addresses, system, sockets } = machine;
    let same_machine = match (seen_from, &sockets) {
        (Ok(seen), Ok(sockets)) => machine::same_machine(&seen, sockets, spec.port),
        (Err(why), _) => Observed::Unknown(why),
        (_, Err(why)) => Observed::Unknown(why.clone()),
    };
    let part = |of: fn(&Standing) -> Read<_>| standing.as_ref().map_err(String::clone).and_then(of);
    let access = standing.as_ref().map_err(String::clone).and_then(|standing| standing.access.clone());
    let mut node = NodeSnapshot {
        access: access.into(),
        position: part(|standing| standing.position.clone()).into(),
        same_machine,
        addresses: addresses.into(),
        system: system.into(),
        channels: channels.into(),
        settings: settings.into(),
        ahead: Observed::Unknown("not asked yet".to_owned()),
        prepared_xa: prepared_xa.into(),
        ..NodeSnapshot::unseen(spec.name.clone(), server.as_ref().err().map_or(NOT_LOOKED_AT, String::as_str))
    };
    node.server = server.into();
    node.health.turned_away = Observed::Known(turned_away);
    node.relay.retries = retries.into();
    node.relay.unapplied = unapplied.into();
    node.traffic.pending = pending.into();
    Seen { node, standing, sockets, answers, clock, rest }
}

/// Why nothing is known of what only the checks look at.
const NOT_LOOKED_AT: &str = "not looked at in the middle of a run";

/// What a server says, each part by itself.
struct Db {
    server: Read<Server>,
    standing: Read<Standing>,
    channels: Read<Vec<Channel>>,
    settings: Read<Settings>,
    prepared_xa: Read<u32>,
    /// Our connections as the server sees them.
    seen_from: Read<Vec<String>>,
    answers: Answers,
    clock: Read<(f64, Instant)>,
    retries: Read<Option<u64>>,
    unapplied: Read<String>,
    rest: Read<u64>,
    pending: Read<Vec<Pending>>,
}

impl Db {
    fn unseen(why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            server: Err(why()),
            standing: Err(why()),
            channels: Err(why()),
            settings: Err(why()),
            prepared_xa: Err(why()),
            seen_from: Err(why()),
            answers: Answers::unseen(&why()),
            clock: Err(why()),
            retries: Err(why()),
            unapplied: Err(why()),
            rest: Err(why()),
            pending: Err(why()),
        }
    }
}

async fn ask_server(
    sql: Result<&mut Sql, &mut SqlError>,
    guard: Result<&mut Sql, &mut SqlError>,
    limit: Duration,
    depth: Depth,
) -> Db {
    // a server with room for one session only is seen through that one
    let (sql, guard) = if sql.is_err() && guard.is_ok() { (guard, sql) } else { (sql, guard) };
    let sql = match sql {
        Ok(sql) => sql,
        Err(why) => return Db::unseen(&why.to_string()),
    };
    let place = sql.place().to_owned();
    // a server's answer that is not understood is told with the place, as its errors are
    let at = |why: String| if why.starts_with("MySQL at ") { why } else { format!("MySQL at {place}: {why}") };
    let asked = Instant::now();
    let [clock, identity, settings] =
        ask(sql, [&dialect::clock(), &dialect::identity(), &dialect::settings()], limit).await;
    let middle = asked + asked.elapsed() / 2;
    let server = identity.and_then(|identity| server::identity(&identity, settings.as_ref().map_err(String::clone)));
    let server = match server {
        Ok(server) => server,
        // how to ask the rest depends on it
        Err(why) => return Db::unseen(&at(why)),
    };
    let questions = [
        &dialect::access_and_position(&server),
        &dialect::own_address(&server),
        &dialect::prepared_xa(),
        &dialect::binlog_filters(&server),
        // last, because it waits while replication is being stopped or started
        &dialect::channels(&server),
    ];
    let second = async {
        match guard {
            Ok(guard) => {
                let [own] = ask(guard, [&dialect::own_address(&server)], limit).await;
                let answers = match depth {
                    Depth::Structure => Answers::unseen(NOT_LOOKED_AT),
                    Depth::All => checks::ask_server(guard, &server, limit).await,
                };
                (own, answers)
            }
            Err(why) => (Err(why.to_string()), Answers::unseen(&why.to_string())),
        }
    };
    let ([standing, own, xa, filters, channels], (second, answers)) = tokio::join!(ask(sql, questions, limit), second);
    let checks::RelayLog { retries, unapplied, rest } =
        checks::relay(&server, channels.as_ref().map_err(|why| at(why.clone())));
    Db {
        pending: channels.as_ref().map(traffic::pending).map_err(|why| at(why.clone())),
        clock: clock.and_then(|table| read_clock(&table)).map(|clock| (clock, middle)).map_err(at),
        standing: standing.and_then(|table| server::standing(&server, &table)).map_err(at),
        channels: channels.and_then(|table| replication::channels(server.flavour, &table)).map_err(at),
        settings: settings.and_then(|table| server::settings(server.flavour, &table, &filters?)).map_err(at),
        prepared_xa: xa.and_then(|table| server::prepared_xa(&table)).map_err(at),
        seen_from: own.and_then(|table| host_of(&table)).map_err(at).map(|own| {
            // a second witness is welcome, not needed
            std::iter::once(own).chain(second.and_then(|table| host_of(&table))).collect()
        }),
        answers,
        retries,
        unapplied,
        rest,
        server: Ok(server),
    }
}

/// One table for each question, in one round trip.
async fn ask<const N: usize>(sql: &mut Sql, questions: [&Question; N], limit: Duration) -> [Read<Table>; N] {
    let mut answers = sql.read_each(&questions, limit).await.into_iter();
    std::array::from_fn(|_| match answers.next() {
        Some(Ok(tables)) => tables.into_iter().next().ok_or_else(|| "no answer".to_owned()),
        Some(Err(why)) => Err(why.to_string()),
        None => Err("no answer".to_owned()),
    })
}

fn read_clock(table: &Table) -> Read<f64> {
    let row = table.row().map_err(|why| why.to_string())?;
    row.number(&["clock"]).map_err(|why| why.to_string())
}

fn host_of(table: &Table) -> Read<String> {
    let row = table.row().map_err(|why| why.to_string())?;
    row.text(&["host"]).map(str::to_owned).map_err(|why| why.to_string())
}

/// What a machine says, each part by itself.
struct Machine {
    addresses: Read<Vec<Held>>,
    system: Read<System>,
    sockets: Read<Vec<Socket>>,
}

async fn ask_machine(
    shell: Result<&mut Shell, &mut SshError>,
    spec: &NodeSpec,
    roles: &[RoleSpec],
    sudo: bool,
    limit: Duration,
) -> Machine {
    let unseen = |why: String| Machine { addresses: Err(why.clone()), system: Err(why.clone()), sockets: Err(why) };
    let shell = match shell {
        Ok(shell) => shell,
        Err(why) => return unseen(why.to_string()),
    };
    let place = shell.place().to_owned();
    let at = |why: String| format!("ssh to {place}: {why}");
    let looks = [dialect::addresses(), dialect::sockets(spec.port), dialect::probe()];
    let answers = match shell.look(&looks, limit).await {
        Ok(answers) => answers,
        Err(why) => return unseen(why.to_string()),
    };
    let [addresses, sockets, system] = &answers[..] else { return unseen(at("not all was answered".to_owned())) };
    let is_floating = |ip: IpAddr| roles.iter().any(|role| role.address.ip == ip);
    let mut tools = text("sh", system).and_then(host::system);
    if let Ok(tools) = &mut tools {
        match denied(shell, tools, host::is_root(&system.text), spec, roles, sudo, limit).await {
            Ok(denied) => tools.denied = denied,
            Err(why) => return unseen(why.to_string()),
        }
    }
    Machine {
        addresses: text("ip", addresses).and_then(|text| host::addresses(text, is_floating)).map_err(at),
        sockets: text("ss", sockets).and_then(sockets_of).map_err(at),
        system: tools.map_err(at),
    }
}

/// Why an account may do nothing at all.
const NOT_ROOT: &str = "the account is not root, and `ssh.sudo` is off";

/// Which commands of a move the account there may not run. Root may all, but for a gate that does not know them; another
/// one needs `sudo`. Both are asked for exactly those commands: to find out in the middle of a move would leave nobody at
/// the address.
async fn denied(
    shell: &mut Shell,
    system: &System,
    root: bool,
    spec: &NodeSpec,
    roles: &[RoleSpec],
    sudo: bool,
    limit: Duration,
) -> Result<Vec<String>, SshError> {
    if !sudo && !root {
        return Ok(vec![NOT_ROOT.to_owned()]);
    }
    let deeds: Vec<_> = roles
        .iter()
        .flat_map(|role| {
            [
                Some(dialect::add_address(system, sudo, role.address, &spec.interface)),
                Some(dialect::delete_address(system, sudo, role.address, &spec.interface)),
                dialect::announce(system, sudo, role.address, &spec.interface),
                Some(dialect::kill_sockets(system, sudo, role.address, spec.port)),
            ]
        })
        .flatten()
        .collect();
    let lines: Vec<_> = deeds.iter().map(|deed| deed.within(1)).collect();
    let through = shell.lets_through(&lines, limit).await?;
    let closed: Vec<String> = deeds
        .iter()
        .zip(&through)
        .filter(|(_, through)| !**through)
        .map(|(deed, _)| format!("the gate there does not let `{deed}` through: run `flipper setup` again"))
        .collect();
    let looks: Vec<_> = deeds.iter().filter_map(dialect::may_run).collect();
    // what the gate does not let through, it does not let `sudo` be asked about
    if looks.is_empty() || !closed.is_empty() {
        return Ok(closed);
    }
    let answers = shell.look(&looks, limit).await?;
    let refused = deeds.iter().zip(&answers).filter(|(_, answer)| answer.status != 0);
    Ok(refused.map(|(deed, _)| format!("`{deed}` is not allowed")).collect())
}

fn sockets_of(text: &str) -> Read<Vec<Socket>> {
    dialect::parse_sockets(text).ok_or_else(|| "the answer of `ss` is not understood".to_owned())
}

/// The text of a command that succeeded.
fn text<'a>(command: &str, answer: &'a Answer) -> Read<&'a str> {
    match answer.status {
        0 => Ok(&answer.text),
        127 => Err(format!("the command `{command}` is missing there")),
        status => {
            let said = answer.text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing");
            Err(format!("`{command}` ended with status {status} and said `{}`", printable(said.trim())))
        }
    }
}
