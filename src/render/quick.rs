//! A pair by what its addresses answer.

use serde_json::{Value, json};

use super::check::bare;
use super::wrap::{hang, list, table};
use super::{describe, json, json_words};
use crate::model::{Answered, NodeSpec, Observed, Pair, Quick, RoleSpec, Server, WriteAccess, at_port, printable};

/// Wider than a plan: it is looked at, not pasted.
const WIDTH: usize = 100;

/// A line about who accepts writes, and one for each address.
#[must_use]
pub fn text(pair: &Pair, quick: &Quick) -> String {
    let mut out = hang(&format!("Pair {}: ", pair.name), &writers(pair, quick), WIDTH);
    out += "\n";
    let mut rows = vec![["WHOSE", "ADDRESS", "ANSWERED BY", "WRITES", "AGREES"].map(str::to_owned).to_vec()];
    let (nodes, roles) = &quick.refused;
    for ((role, answer), refused) in pair.roles.iter().zip(&quick.roles).zip(roles) {
        let cells = [role.name.to_string(), role.address.ip.to_string()];
        rows.push(row(pair, quick, cells, (answer, *refused)));
    }
    for ((spec, answer), refused) in pair.nodes.iter().zip(&quick.nodes).zip(nodes) {
        let cells = [spec.name.to_string(), at_port(spec.host.as_str(), spec.port)];
        rows.push(row(pair, quick, cells, (answer, *refused)));
    }
    out + &table(&rows, WIDTH)
}

/// By what the nodes say of themselves.
fn writers(pair: &Pair, quick: &Quick) -> String {
    let nodes = || pair.nodes.iter().zip(&quick.nodes);
    let access = |answer: &Observed<Answered>| answer.known().and_then(|answered| answered.access.known().copied());
    let is_open = |(_, answer): &(&NodeSpec, &Observed<Answered>)| access(answer) == Some(WriteAccess::Open);
    let open: Vec<String> = nodes().filter(is_open).map(|(spec, _)| spec.name.to_string()).collect();
    let silent = nodes().filter(|(_, answer)| access(answer).is_none());
    let silent: Vec<String> = silent.map(|(spec, _)| spec.name.to_string()).collect();
    let mut said = match (&open[..], silent.is_empty()) {
        ([], true) => "NOBODY accepts writes".to_owned(),
        ([], false) => "no node is known to accept writes".to_owned(),
        ([one], _) => format!("{one} accepts writes"),
        (both, _) => format!("{} BOTH accept writes", list(both)),
    };
    if !silent.is_empty() {
        let does = if silent.len() > 1 { "do" } else { "does" };
        said += &format!("; whether {} {does} is unknown", list(&silent));
    }
    // who turns flipper's account down may well be the right one
    let (on_nodes, on_roles) = &quick.refused;
    let all = quick.nodes.iter().zip(on_nodes).chain(quick.roles.iter().zip(on_roles));
    let wrong = |(answer, refused): (&Observed<Answered>, &bool)| match answer {
        Observed::Known(answered) => match quick.side(answered) {
            Some(_) => !quick.agrees(answered),
            None => !on_nodes.contains(&true),
        },
        Observed::Unknown(_) => !refused,
    };
    let refused = on_nodes.contains(&true) || on_roles.contains(&true);
    said + match quick.is_whole(pair) {
        true => "; every address agrees",
        false if refused && !all.into_iter().any(wrong) => "; whether every address agrees is unknown",
        false => "; NOT every address agrees",
    }
}

fn row(
    pair: &Pair,
    quick: &Quick,
    [whose, address]: [String; 2],
    (answer, refused): (&Observed<Answered>, bool),
) -> Vec<String> {
    let unknown = || "unknown".to_owned();
    let answered = match answer {
        Observed::Known(answered) => answered,
        Observed::Unknown(why) if refused => {
            return vec![whose, address, format!("refused: {}", printable(bare(why))), unknown(), unknown()];
        }
        Observed::Unknown(why) => {
            return vec![whose, address, format!("NOBODY: {}", printable(why)), unknown(), "NO".to_owned()];
        }
    };
    let Answered { server, access } = answered;
    // it may be the one that turns flipper's account down at its own address
    let doubtful = quick.side(answered).is_none() && quick.refused.0.contains(&true);
    let who = match quick.side(answered) {
        Some(side) => pair.node(side).name.to_string(),
        None if doubtful => format!("not known which: {}", stranger(server)),
        None => format!("NEITHER: {}", stranger(server)),
    };
    let writes = match access {
        Observed::Known(access) => describe::access(*access, Some(server.fencing())),
        Observed::Unknown(why) => format!("unknown: {}", printable(why)),
    };
    let agrees = match quick.agrees(answered) {
        true => "yes".to_owned(),
        false if doubtful => unknown(),
        false => "NO".to_owned(),
    };
    vec![whose, address, who, writes, agrees]
}

fn stranger(server: &Server) -> String {
    let Server { flavour, version, server_id, uuid: _, hostname } = server;
    format!("{}, host name {}, server id {server_id}", describe::server(*flavour, *version), printable(hostname))
}

/// The same for programs.
#[must_use]
pub fn json(pair: &Pair, quick: &Quick) -> Value {
    let (on_nodes, on_roles) = &quick.refused;
    let answer = |answer: &Observed<Answered>, refused: bool| {
        let of = |answered: &Answered| {
            let mut server = json::says_server(&answered.server);
            server["access"] = json_words::fact(&answered.access, |access| json!(json_words::word_access(*access)));
            server
        };
        let side = answer.known().and_then(|answered| quick.side(answered));
        json!({
            "answer": json_words::fact(answer, of),
            "node": side.map(|side| pair.node(side).name.as_str()),
            "refused": refused,
            "agrees": answer.known().is_some_and(|answered| quick.agrees(answered)),
        })
    };
    let role = |((role, answered), refused): ((&RoleSpec, &Observed<Answered>), &bool)| {
        let mut value = answer(answered, *refused);
        value["name"] = json!(role.name.as_str());
        value["address"] = json!(role.address.to_string());
        value["access"] = json!(role.access.to_string());
        value
    };
    let node = |((spec, answered), refused): ((&NodeSpec, &Observed<Answered>), &bool)| {
        let mut value = answer(answered, *refused);
        value["name"] = json!(spec.name.as_str());
        value["host"] = json!(spec.host.as_str());
        value["port"] = json!(spec.port);
        value
    };
    json!({
        "type": "status-quick",
        "format": 1,
        "pair": pair.name.as_str(),
        "whole": quick.is_whole(pair),
        "roles": pair.roles.iter().zip(&quick.roles).zip(on_roles).map(role).collect::<Value>(),
        "nodes": pair.nodes.iter().zip(&quick.nodes).zip(on_nodes).map(node).collect::<Value>(),
    })
}
