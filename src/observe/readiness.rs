//! Whether the account on each machine may do what only `fail` asks for: found out on a day when it does not matter.
//!
//! Asked by `check`, and where somebody is to be declared dead. Each goal by itself: a machine that may not read its
//! binary logs can still be kept out. Nothing of it is done: a gate and `sudo` are asked whether they would let it.

use std::time::Duration;

use super::server::Read;
use super::{NOT_ROOT, text, witness};
use crate::dialect::{self, Allowed, LogsFolder, Look, Tools};
use crate::link::{Link, Shell, SshError};
use crate::model::{Flavour, Host, NodeSnapshot, Pair, Readiness, Server, Side, Snapshot};

/// What a gate says that was made for another config.
const CLOSED: &str = "the gate there does not let it through: run `flipper setup` again";

/// What a gate says that an older flipper made.
const OLDER: &str = "the gate there is older and does not let it be asked: run `flipper setup` again";

/// Asks both machines, each for its part in `fail` of either node. The results stand in their parts of `seen`.
pub async fn readiness(pair: &Pair, links: &mut [Link; 2], seen: &mut Snapshot) {
    let [first, second] = links;
    let address = |link: &Link| (link.target.mysql.host.clone(), link.target.mysql.port);
    let (one, two) = (address(first), address(second));
    let (one, two) =
        tokio::join!(of_node(pair, Side::First, first, seen, two), of_node(pair, Side::Second, second, seen, one));
    let [first, second] = &mut seen.nodes;
    (first.readiness, second.readiness) = (one, two);
}

async fn of_node(pair: &Pair, side: Side, link: &mut Link, seen: &Snapshot, other: (Host, u16)) -> Readiness {
    let limit = pair.limits.connect;
    let Ok(shell) = &mut link.shell else {
        let why = link.shell.as_ref().err().map(ToString::to_string).unwrap_or_default();
        return Readiness::unseen(&why);
    };
    match ask(pair, side, shell, link.target.ssh.sudo, seen, other).await {
        Ok(readiness) => readiness,
        Err(why) => {
            // what is looked for here must not cost the shell that a move needs
            let _ = shell.reopen(limit).await;
            Readiness::unseen(&why.to_string())
        }
    }
}

async fn ask(
    pair: &Pair,
    side: Side,
    shell: &mut Shell,
    sudo: bool,
    seen: &Snapshot,
    (host, port): (Host, u16),
) -> Result<Readiness, SshError> {
    let (limit, node) = (pair.limits.connect, seen.node(side));
    let Some(system) = node.system.known() else {
        return Ok(Readiness::unseen(node.system.why_unknown().unwrap_or_default()));
    };
    let units = units(shell, limit).await?;
    // how it is spelled does not depend on the family but for counting, where a server says it itself
    let flavour = node.server.known().map_or(Flavour::MySql, |server| server.flavour);
    let sources = witness::sources(node);
    let known = units.as_deref().unwrap_or_default();
    let allowed = Allowed { pair, side, system, sudo, flavour, other: (&host, port), sources: &sources, units: known };
    let nothing = system.denied.iter().any(|why| why == NOT_ROOT).then(|| Ok(vec![NOT_ROOT.to_owned()]));
    let isolate = match (&nothing, &units) {
        (Some(nothing), _) => nothing.clone(),
        (None, Err(why)) => Err(why.clone()),
        (None, Ok(_)) => denied(shell, &allowed.said_to_isolate(), &allowed.may_isolate(), limit).await?,
    };
    let tools = tools(shell, node, limit).await?;
    let listen = match nothing {
        Some(nothing) => nothing,
        None => denied(shell, &allowed.said_to_listen(), &allowed.may_listen(), limit).await?,
    };
    let (listen, tools) = match tools {
        Err(why) => (listen, Err(why)),
        Ok((tools, folder)) => (listen.map(|denied| with_programs(denied, tools)), Ok((tools, folder))),
    };
    let count = match (node.server.known(), tools) {
        (_, Err(why)) => Err(why),
        (None, _) | (_, Ok((_, None))) => Err("its server does not say where its binary logs are".to_owned()),
        (Some(server), Ok((tools, Some(folder)))) => {
            let lines = counted(server, node, pair.node(side).port);
            denied(shell, &lines, &[], limit).await?.map(|mut denied| {
                denied.extend(hidden(tools, &folder));
                denied
            })
        }
    };
    Ok(Readiness { isolate: isolate.into(), listen: listen.into(), count: count.into() })
}

/// Units that run its server. A gate that does not let that be asked is said to be closed by whoever asks about the rest.
async fn units(shell: &mut Shell, limit: Duration) -> Result<Read<Vec<String>>, SshError> {
    let look = dialect::units();
    if !shell.lets_through(&[look.within(1)], limit).await?.contains(&true) {
        return Ok(Ok(vec![]));
    }
    let answers = shell.look(&[look], limit).await?;
    let answer = answers.first().ok_or("no answer".to_owned()).and_then(|answer| text("sh", answer));
    Ok(answer.and_then(|text| {
        let units = dialect::parse_units(text).map(|units| dialect::names_of(&units));
        units.ok_or_else(|| "it does not say which units its server runs in".to_owned())
    }))
}

/// What of it is not allowed: by the gate, or by `sudo`. An error: it cannot be asked.
async fn denied(
    shell: &mut Shell,
    said: &[dialect::Line],
    asks: &[(String, Look)],
    limit: Duration,
) -> Result<Read<Vec<String>>, SshError> {
    if shell.lets_through(said, limit).await?.contains(&false) {
        return Ok(Ok(vec![CLOSED.to_owned()]));
    }
    let looks: Vec<Look> = asks.iter().map(|(_, look)| look.clone()).collect();
    let lines: Vec<_> = looks.iter().map(|look| look.within(1)).collect();
    if shell.lets_through(&lines, limit).await?.contains(&false) {
        return Ok(Err(OLDER.to_owned()));
    }
    let answers = shell.look(&looks, limit).await?;
    let refused = asks.iter().zip(answers).filter(|(_, answer)| answer.status != 0);
    Ok(Ok(refused.map(|((command, _), _)| format!("`{command}` is not allowed")).collect()))
}

/// Programs there, and the folder of binary logs, where its server names it.
async fn tools(
    shell: &mut Shell,
    node: &NodeSnapshot,
    limit: Duration,
) -> Result<Read<(Tools, Option<String>)>, SshError> {
    let folder = witness::folders(node).pop();
    // without a folder the programs still count
    let Some(look) = dialect::tools(folder.as_deref().unwrap_or("/")) else {
        return Ok(Err("its server names a folder that is no plain path".to_owned()));
    };
    if !shell.lets_through(&[look.within(1)], limit).await?.contains(&true) {
        return Ok(Err(OLDER.to_owned()));
    }
    let answers = shell.look(&[look], limit).await?;
    let answer = answers.first().ok_or("no answer".to_owned()).and_then(|answer| text("sh", answer));
    let tools = answer.and_then(|text| {
        dialect::parse_tools(text).ok_or_else(|| "the answer about its programs is not understood".to_owned())
    });
    Ok(tools.map(|tools| (tools, folder)))
}

/// What is needed to find out whether anybody answers, besides what is allowed.
fn with_programs(mut denied: Vec<String>, tools: Tools) -> Vec<String> {
    if !tools.bash {
        denied.push("it has no `bash`, with which it is seen whether a server greets".to_owned());
    }
    denied
}

/// What is said to count them, with names that stand for those of the moment.
fn counted(server: &Server, node: &NodeSnapshot, port: u16) -> Vec<dialect::Line> {
    let folders = witness::folders(node);
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let look = dialect::left_behind(server, (server.server_id, port), ("binlog.000001", 4), "", &folders);
    look.iter().map(|look| look.within(1)).collect()
}

/// What keeps the account from counting.
fn hidden(tools: Tools, folder: &str) -> Vec<String> {
    let mut all = vec![];
    if tools.logs == LogsFolder::Hidden {
        all.push(format!("the account may not read the binary logs in {folder}"));
    }
    if !tools.mysqlbinlog {
        all.push("there is no mysqlbinlog there".to_owned());
    }
    all
}
