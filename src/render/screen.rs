//! A pair on one screen: who holds what and who accepts writes, replication both ways and what it waits for, sessions,
//! what the checks find, the last move. What is in order takes no room, and what is unknown says why.

use std::net::IpAddr;
use std::time::SystemTime;

use super::status::{holders, one, says_addresses, says_settings, says_system, writers};
use super::times::since;
use super::wrap::{hang, table};
use super::{check, describe, history};
use crate::journal::Found;
use crate::model::{
    Channel, Finding, NodeSnapshot, NodeSpec, Observed, Pair, Pending, Reached, RoleSpec, Server, Settings, Side,
    Snapshot, System, Thread, Traffic, at_port, printable,
};

/// Wider than a plan: it is looked at, not pasted.
const WIDTH: usize = 100;

/// What is told beside what was seen of the nodes.
pub struct Besides<'a> {
    /// What the checks find.
    pub findings: &'a [Finding],
    /// The last run from this machine that moved something.
    pub last: &'a Observed<Option<Found>>,
    /// The time of day.
    pub now: SystemTime,
}

/// The pair on a screen of at most 100 columns.
#[must_use]
pub fn text(pair: &Pair, snapshot: &Snapshot, besides: &Besides<'_>) -> String {
    let mut out = hang(&format!("Pair {}: ", pair.name), &writers(snapshot), WIDTH);
    out += "\n";
    out += &roles(pair, snapshot);
    for side in Side::BOTH {
        out += "\n";
        out += &node(pair, pair.node(side), snapshot, side);
    }
    out + &foot(pair, besides)
}

/// What the checks find, and the last move.
#[must_use]
pub fn foot(pair: &Pair, besides: &Besides<'_>) -> String {
    let mut out = "\n".to_owned();
    if besides.findings.is_empty() {
        out += "Findings  none\n";
    } else {
        out += &hang("Findings  ", &format!("what to do about them: flipper check {}", pair.name), WIDTH);
        let mut findings: Vec<&Finding> = besides.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        for finding in findings {
            let word = check::word(finding.severity());
            let says = format!("{}: {}", finding.code.id(), printable(&finding.seen));
            out += &hang(&format!("  {word:<6}  "), &says, WIDTH);
        }
    }
    out += &hang("Last move ", &last(besides), WIDTH);
    out
}

fn last(besides: &Besides<'_>) -> String {
    let found = match besides.last {
        Observed::Known(Some(found)) => found,
        Observed::Known(None) => return "none from this machine".to_owned(),
        Observed::Unknown(why) => return format!("unknown: {}", printable(why)),
    };
    history::last_move(found, besides.now)
}

fn roles(pair: &Pair, snapshot: &Snapshot) -> String {
    let mut rows = vec![["ROLE", "ADDRESS", "CLIENTS", "HELD BY", "SESSIONS"].map(str::to_owned).to_vec()];
    for role in &pair.roles {
        let clients = describe::clients(role.access);
        let (name, address) = (role.name.to_string(), role.address.to_string());
        rows.push(vec![name, address, clients.to_owned(), holders(role, snapshot), sessions_of(role, snapshot)]);
    }
    table(&rows, WIDTH)
}

/// Sessions at a role's address, on whichever node has it.
fn sessions_of(role: &RoleSpec, snapshot: &Snapshot) -> String {
    let at = |side: Side| match snapshot.node(side).traffic.at(role.address.ip) {
        Observed::Known((count, writing)) => counted(count, writing),
        Observed::Unknown(_) => "unknown".to_owned(),
    };
    match snapshot.holders(role)[..] {
        [] => "-".to_owned(),
        [one] => at(one),
        _ => Side::BOTH.map(|side| format!("{}: {}", snapshot.node(side).name, at(side))).join("; "),
    }
}

fn counted(count: u32, writing: u32) -> String {
    match writing {
        0 => count.to_string(),
        writing => format!("{count}, {writing} of them writing"),
    }
}

fn node(pair: &Pair, spec: &NodeSpec, snapshot: &Snapshot, side: Side) -> String {
    let NodeSnapshot {
        name,
        server,
        same_machine,
        access,
        addresses,
        system,
        channels,
        settings,
        position,
        ahead,
        prepared_xa,
        traffic: Traffic { sessions, pending },
        health,
        // told as findings, where there is something to be told
        workload: _,
        boot: _,
        relay: _,
        inventory: _,
        witness: _,
        readiness: _,
        deposed: _,
    } = snapshot.node(side);
    let unless = |usual: bool, says: String| if usual { vec![] } else { vec![says] };
    let plain = |text: &String| if text.is_empty() { "none".to_owned() } else { printable(text) };
    let facts: Vec<(&str, Observed<Vec<String>>)> = vec![
        ("writes", one(access, |access| describe::access(*access, server.known().map(Server::fencing)))),
        // its name and version stand above
        ("server", server.as_ref().map(|_| vec![])),
        ("replicates", channels.as_ref().map(|all| says_channels(pair, all, pending.known().map_or(&[], |all| all)))),
        ("what it waits for", pending.as_ref().map(|_| vec![])),
        ("position", one(position, plain)),
        ("peer lacks", ahead.as_ref().map(|gtids| unless(gtids.is_empty(), printable(gtids)))),
        ("prepared XA", prepared_xa.as_ref().map(|count| unless(*count == 0, count.to_string()))),
        ("same machine", same_machine.as_ref().map(|same| unless(*same, "NO: ssh and MySQL reach two".to_owned()))),
        ("addresses", one(addresses, |held| says_addresses(pair, held))),
        ("sessions", one(sessions, |all| says_sessions(pair, all))),
        ("system", system.as_ref().map(|system| unless(is_fit(pair, system), says_system(pair, system)))),
        ("settings", settings.as_ref().map(|settings| unless(is_usual(settings), says_settings(settings, server)))),
    ];
    let mut head = at_port(spec.host.as_str(), spec.port);
    if let Observed::Known(server) = server {
        head += &format!(", {}, server id {}", describe::server(server.flavour, server.version), server.server_id);
    }
    if let Observed::Known(seconds) = health.uptime {
        head += &format!(", up for {}", since(seconds));
    }
    let mut out = hang(&format!("{name}  "), &head, WIDTH);
    let reasons: Option<Vec<&str>> = facts.iter().map(|(_, fact)| fact.why_unknown()).collect();
    // ten times the same reason is one fact
    if let Some([first, rest @ ..]) = reasons.as_deref()
        && rest.iter().all(|why| why == first)
    {
        return out + &hang("  everything    ", &format!("unknown: {}", printable(first)), WIDTH);
    }
    // several things are often unknown for one reason
    let mut unknown: Vec<(&str, Vec<&str>)> = vec![];
    for (what, fact) in &facts {
        match fact {
            Observed::Known(lines) => {
                for (at, line) in lines.iter().enumerate() {
                    let what = if at == 0 { what } else { "" };
                    out += &hang(&format!("  {what:<12}  "), line, WIDTH);
                }
            }
            Observed::Unknown(why) => match unknown.iter_mut().find(|(known, _)| known == why) {
                Some((_, all)) => all.push(what),
                None => unknown.push((why, vec![what])),
            },
        }
    }
    for (why, all) in unknown {
        out += &hang("  unknown       ", &format!("{}: {}", all.join(", "), printable(why)), WIDTH);
    }
    out
}

/// Everything that a move needs is there.
fn is_fit(pair: &Pair, system: &System) -> bool {
    let System { ip, ss, arping: _, ndptool: _, up, promotes_secondaries: _, denied } = system;
    let announces = pair.roles.iter().all(|role| system.announces(role.address.ip));
    ip.is_some() && ss.is_some() && announces && !up.is_empty() && denied.is_empty()
}

/// As a pair that is moved should have it.
fn is_usual(settings: &Settings) -> bool {
    let Settings { log_bin, log_replica_updates, gtid, binlog_format, bind_address: _, cluster, left_out } = settings;
    *log_bin && *log_replica_updates && *gtid && binlog_format == "ROW" && cluster.is_none() && left_out.is_empty()
}

fn says_channels(pair: &Pair, channels: &[Channel], pending: &[Pending]) -> Vec<String> {
    if channels.is_empty() {
        return vec!["from NOBODY".to_owned()];
    }
    let with = channels.iter().enumerate().map(|(at, channel)| (channel, pending.get(at)));
    with.map(|(channel, pending)| says_channel(pair, channel, pending)).collect()
}

fn says_channel(pair: &Pair, channel: &Channel, pending: Option<&Pending>) -> String {
    let Channel {
        name,
        source: (host, port),
        source_id: _,
        source_uuid: _,
        receiver,
        applier,
        errors,
        lag,
        delay,
        by_gtid,
        filters,
    } = channel;
    let is_its = |spec: &&NodeSpec| spec.host.as_str() == host && spec.port == *port;
    let mut said = match pair.nodes.iter().find(is_its) {
        Some(spec) => format!("from {}", spec.name),
        None => format!("from {}", at_port(host, *port)),
    };
    if !name.is_empty() {
        said += &format!(", channel `{}`", printable(name));
    }
    said += ": ";
    said += &match (receiver, applier) {
        (Thread::Running, Thread::Running) => "running".to_owned(),
        (receiver, applier) => format!("receiver {receiver}, applier {applier}"),
    };
    said += &match lag {
        Some(lag) => format!(", {lag} s behind"),
        None => ", lag unknown: the server cannot say".to_owned(),
    };
    if *delay > 0 {
        said += &format!(", DELAYED by {delay} s");
    }
    if !by_gtid {
        said += ", NOT by GTID";
    }
    if !filters.is_empty() {
        said += &format!(", FILTERED: {}", printable(&filters.join(", ")));
    }
    for (number, text) in errors {
        said += &format!("; ERROR {number}: {}", printable(text));
    }
    if let Some(pending) = pending {
        said += &format!("; {}", waits(channel, pending));
    }
    said
}

/// What a channel waits for, or is busy with.
fn waits(channel: &Channel, pending: &Pending) -> String {
    let Pending { channel: _, receiver: _, applier, bytes, transactions, delay_left, retry_every } = pending;
    let mut parts = vec![];
    if channel.receiver == Thread::Connecting {
        let every = retry_every.map(|seconds| format!(" every {seconds} s")).unwrap_or_default();
        parts.push(format!("tries to reach its source{every}"));
    }
    let received: Vec<String> = [
        transactions.filter(|count| *count > 0).map(|count| format!("{count} transaction(s)")),
        bytes.filter(|count| *count > 0).map(size),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !received.is_empty() {
        parts.push(format!("received and not applied: {}", received.join(", ")));
    }
    if let Some(left) = delay_left {
        parts.push(format!("the next transaction is held back for {left} s more"));
    }
    let busy = !parts.is_empty() || channel.lag.is_none_or(|lag| lag > 0);
    if busy && channel.applier != Thread::Stopped && !applier.is_empty() {
        parts.push(format!("the applier says: {}", printable(applier)));
    }
    match parts.is_empty() {
        true => "waits for nothing".to_owned(),
        false => parts.join("; "),
    }
}

pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

fn says_sessions(pair: &Pair, sessions: &[Reached]) -> String {
    if sessions.is_empty() {
        return "none".to_owned();
    }
    let place = |address: Option<IpAddr>| match address {
        Some(ip) => match pair.roles.iter().find(|role| role.address.ip == ip) {
            Some(role) => format!("at {}", role.name),
            None => format!("at {ip}"),
        },
        None => "not by the network".to_owned(),
    };
    let mut said: Vec<String> = vec![];
    for Reached { address, count, writing } in sessions {
        said.push(match writing {
            0 => format!("{count} {}", place(*address)),
            writing => format!("{count} {} ({writing} writing)", place(*address)),
        });
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flavour;
    use crate::model::samples::healthy;

    fn channel() -> Channel {
        let seen = healthy(Flavour::MySql);
        seen.nodes[0].channels.known().and_then(|all| all.first()).expect("a channel").clone()
    }

    #[test]
    fn what_a_channel_waits_for_is_told() {
        let says = |edit: &dyn Fn(&mut Channel, &mut Pending)| {
            let mut channel = channel();
            let mut pending = Pending { applier: "Reading event".to_owned(), bytes: Some(0), ..Pending::default() };
            edit(&mut channel, &mut pending);
            waits(&channel, &pending)
        };
        assert_eq!(says(&|_, _| {}), "waits for nothing");
        assert_eq!(
            says(&|_, pending| (pending.bytes, pending.transactions) = (Some(5 << 20), Some(1200))),
            "received and not applied: 1200 transaction(s), 5.0 MiB; the applier says: Reading event"
        );
        assert_eq!(
            says(&|channel, pending| {
                channel.receiver = Thread::Connecting;
                channel.lag = None;
                pending.retry_every = Some(60);
            }),
            "tries to reach its source every 60 s; the applier says: Reading event"
        );
        let delayed = says(&|channel, pending| {
            channel.delay = 3600;
            pending.delay_left = Some(1800);
        });
        assert!(delayed.starts_with("the next transaction is held back for 1800 s more"), "{delayed}");
        assert_eq!(says(&|channel, _| channel.lag = Some(9)), "the applier says: Reading event");
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!([size(12), size(2048), size(3 << 30)], ["12 bytes", "2.0 KiB", "3.0 GiB"]);
        assert_eq!(
            [since(0), since(59), since(3605), since(3 * 86_400 + 7200 + 5)],
            ["0 s", "59 s", "1 h", "3 days 2 h"]
        );
    }
}
