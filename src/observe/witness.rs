//! What a survivor says of a node that is to be declared dead: a second witness, beside what is seen from here.
//!
//! Looked at only where somebody is to be declared dead: it takes seconds, and asks a machine about another one. All of
//! it at the same time, each part with its own end.

use std::net::IpAddr;
use std::time::Duration;

use super::heard::Heard;
use super::server::Read;
use super::text;
use crate::dialect::{self, Left, Sign};
use crate::link::{Link, Shell, SshError};
use crate::model::{Flavour, Held, Host, NodeSnapshot, Pair, Server, Side, Snapshot, Witness, printable};

/// What an answer may take on its way, beyond the time that is looked.
const GRACE: Duration = Duration::from_millis(1500);

/// How long the dead one's disk is read, at most.
const READING: Duration = Duration::from_secs(8);

/// Lets the survivor of `dead` say what it sees of it, and reads the dead one's disk where its machine answers. `watch`:
/// how long it is listened whether anybody answers for the addresses. The result stands in the survivor's part of `seen`.
pub async fn witness(pair: &Pair, links: &mut [Link; 2], seen: &mut Snapshot, dead: Side, watch: Duration) {
    let limit = pair.limits.connect;
    let [first, second] = links;
    let (there, here) = match dead {
        Side::First => (first, second),
        Side::Second => (second, first),
    };
    let address = (there.target.mysql.host.clone(), there.target.mysql.port);
    let (survivor, lost) = (seen.node(dead.peer()), seen.node(dead));
    let Link { sql, shell, target, .. } = here;
    let asked = asked(pair, survivor, dead, address, watch);
    let heard = Heard::ask(sql.as_mut(), survivor, limit).await;
    let ((committed_at, signs), left_behind) = tokio::join!(
        async {
            let committed_at = heard.committed_at(shell.as_mut(), limit).await;
            (committed_at, signs(shell.as_mut(), survivor, target.ssh.sudo, &asked, limit).await)
        },
        left_behind(there, survivor, lost, pair.node(dead).port, &heard)
    );
    let (left_behind, export) = match left_behind {
        Ok((count, export)) => (Ok(count), Ok(export)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    seen.node_mut(dead.peer()).witness = Witness {
        greeted: any(&asked, &signs, |sign| matches!(sign, Sign::Greets(..))).into(),
        answered: any(&asked, &signs, |sign| matches!(sign, Sign::Pings(_) | Sign::Links(..))).into(),
        answering: answering(&asked, &signs, survivor.addresses.known().map_or(&[], Vec::as_slice)).into(),
        received: heard.received.into(),
        silent: heard.silent.into(),
        heard_at: heard.heard_at.into(),
        committed_at: committed_at.into(),
        semi_sync: heard.semi_sync.into(),
        left_behind: left_behind.into(),
        export: export.into(),
    };
}

/// Where a node replicates from, as its server says it.
pub(super) fn sources(node: &NodeSnapshot) -> Vec<(Host, u16)> {
    let channels = node.channels.known().into_iter().flatten();
    channels.filter_map(|channel| Some((channel.source.0.parse().ok()?, channel.source.1))).collect()
}

/// The signs to look for.
fn asked(pair: &Pair, survivor: &NodeSnapshot, dead: Side, address: (Host, u16), watch: Duration) -> Vec<Sign> {
    let sources = sources(survivor);
    let addresses: Vec<IpAddr> = pair.roles.iter().map(|role| role.address.ip).collect();
    let (interface, seconds) = (&pair.node(dead.peer()).interface, watch.as_secs().max(1));
    dialect::of_the_other(interface, (&address.0, address.1), &sources, &addresses, seconds)
}

async fn signs(
    shell: Result<&mut Shell, &mut SshError>,
    survivor: &NodeSnapshot,
    sudo: bool,
    asked: &[Sign],
    limit: Duration,
) -> Read<Vec<Read<bool>>> {
    let shell = shell.map_err(|why| why.to_string())?;
    let system = survivor.system.as_ref();
    let system = system.known().ok_or_else(|| system.why_unknown().unwrap_or_default().to_owned())?;
    let look = dialect::signs(system, sudo, asked);
    let patience = Duration::from_secs(dialect::signs_take(asked)) + GRACE;
    match shell.look(&[look], patience).await {
        Ok(answers) => {
            let answer = answers.first().ok_or("no answer")?;
            Ok(dialect::read_signs(asked, &answer.text))
        }
        Err(why) => {
            // what is looked for here must not cost the shell that a move needs
            let _ = shell.reopen(limit).await;
            Err(why.to_string())
        }
    }
}

/// Whether one of these signs was seen. One that was looked for and not seen is enough for no.
fn any(asked: &[Sign], seen: &Read<Vec<Read<bool>>>, which: fn(&Sign) -> bool) -> Read<bool> {
    let seen = seen.as_ref().map_err(String::clone)?;
    let of: Vec<&Read<bool>> = asked.iter().zip(seen).filter(|(sign, _)| which(sign)).map(|(_, seen)| seen).collect();
    if of.iter().any(|seen| **seen == Ok(true)) {
        return Ok(true);
    }
    match of.iter().find(|seen| seen.is_ok()).or(of.first()) {
        Some(Ok(no)) => Ok(*no),
        Some(Err(why)) => Err(why.clone()),
        None => Err("there is nothing to look for".to_owned()),
    }
}

/// Addresses that somebody answers for, of those that the survivor does not hold. One that cannot be asked about makes
/// all unknown, unless another one is answered for: that is reason enough.
fn answering(asked: &[Sign], seen: &Read<Vec<Read<bool>>>, held: &[Held]) -> Read<Vec<IpAddr>> {
    let seen = seen.as_ref().map_err(String::clone)?;
    let (mut answering, mut unclear) = (vec![], None);
    for (sign, seen) in asked.iter().zip(seen) {
        let Sign::Answers(_, ip, _) = sign else { continue };
        match seen {
            _ if held.iter().any(|held| held.address.ip == *ip) => {}
            Ok(true) => answering.push(*ip),
            Ok(false) => {}
            Err(why) => unclear = unclear.or_else(|| Some(format!("{ip}: {why}"))),
        }
    }
    match unclear {
        Some(why) if answering.is_empty() => Err(why),
        _ => Ok(answering),
    }
}

/// How much the dead one's binary logs hold that the survivor has not, and how it is saved.
async fn left_behind(
    there: &mut Link,
    survivor: &NodeSnapshot,
    lost: &NodeSnapshot,
    port: u16,
    heard: &Heard,
) -> Read<(u64, String)> {
    if lost.server.known().is_some() {
        return Err("its server answers".to_owned());
    }
    let shell = there.shell.as_mut().map_err(|why| why.to_string())?;
    let server = survivor.server.known().ok_or("the survivor's server is unknown")?;
    let (log, position) = heard.read.as_ref().map_err(String::clone)?;
    let source = survivor.channels.known().and_then(|all| all.first()).and_then(|channel| channel.source_id);
    let source = source.ok_or("the survivor does not say which server it has read from")?;
    let received = heard.received.clone()?;
    let known = match server.flavour {
        Flavour::MySql => {
            let executed = survivor.position.as_ref();
            let executed = executed.known().ok_or_else(|| executed.why_unknown().unwrap_or_default().to_owned())?;
            [executed.as_str(), &received].into_iter().filter(|set| !set.is_empty()).collect::<Vec<_>>().join(",")
        }
        Flavour::MariaDb => received,
    };
    let folders = folders(survivor);
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let look = dialect::left_behind(server, (source, port), (log, *position), &known, &folders);
    let look = look.ok_or_else(|| format!("`{}` is not a binary log", printable(log)))?;
    let answers = match shell.look(&[look], READING + GRACE).await {
        Ok(answers) => answers,
        Err(why) => {
            let _ = shell.reopen(READING).await;
            return Err(why.to_string());
        }
    };
    let answer = answers.first().ok_or("no answer")?;
    match dialect::parse_left(text("sh", answer)?) {
        Left::Count(count, files) => Ok((count, export(server, &known, &files))),
        Left::Unclear(why) => Err(why),
    }
}

/// Two servers of a pair mostly keep their files in the same places.
pub(super) fn folders(survivor: &NodeSnapshot) -> Vec<String> {
    let variables = survivor.inventory.variables.known();
    let value = |name: &str| variables.and_then(|all| all.get(name)).cloned();
    let logs = value("log_bin_basename").and_then(|path| path.rsplit_once('/').map(|(folder, _)| folder.to_owned()));
    value("datadir").into_iter().chain(logs).map(|folder| folder.trim_end_matches('/').to_owned()).collect()
}

/// The command that saves them, on the dead one's machine.
fn export(server: &Server, known: &str, files: &str) -> String {
    match server.flavour {
        Flavour::MySql => format!("mysqlbinlog --no-defaults --exclude-gtids='{known}' {files}"),
        Flavour::MariaDb => format!("mariadb-binlog --no-defaults --start-position={known} {files}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Prefixed;

    #[test]
    fn one_answer_is_enough_for_yes_and_one_refusal_for_no() {
        let host: Host = "10.77.0.11".parse().unwrap();
        let asked = [Sign::Greets(host.clone(), 3306), Sign::Greets(host.clone(), 3307), Sign::Pings(host)];
        let unclear = || Err("x".to_owned());
        let greeted = |one, two| any(&asked, &Ok(vec![one, two, Ok(true)]), |sign| matches!(sign, Sign::Greets(..)));
        assert_eq!(greeted(Ok(false), Ok(true)), Ok(true));
        assert_eq!(greeted(unclear(), Ok(true)), Ok(true));
        assert_eq!(greeted(unclear(), Ok(false)), Ok(false));
        assert!(greeted(unclear(), unclear()).is_err());
    }

    #[test]
    fn an_address_that_cannot_be_asked_about_is_not_silent() {
        let ip = |last| IpAddr::from([10, 77, 0, last]);
        let sign = |last| Sign::Answers("eth0".parse().unwrap(), ip(last), 5);
        let asked = [sign(100), sign(101)];
        let of = |one, two| answering(&asked, &Ok(vec![one, two]), &[]);
        assert_eq!(of(Ok(false), Ok(false)), Ok(vec![]));
        assert_eq!(of(Ok(true), Err("x".to_owned())), Ok(vec![ip(100)]));
        assert!(of(Ok(false), Err("x".to_owned())).is_err());
        let own = Held {
            address: Prefixed::host(ip(101)),
            interface: "eth0".parse().unwrap(),
            secondary: false,
            unusable: false,
        };
        assert_eq!(answering(&asked, &Ok(vec![Ok(false), Ok(true)]), &[own]), Ok(vec![]), "its own");
    }
}
