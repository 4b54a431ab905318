//! The goal, as typed.

use super::{Exit, Stop};
use crate::model::{Goal, NodeName, Pair, RoleName};

const FORMS: &str = "a goal is one of: swap [ROLE], set ROLE NODE";

/// Reads the words of a goal for a pair.
pub(super) fn parse(pair: &Pair, words: &[String]) -> Result<Goal, Stop> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["swap"] => Ok(Goal::Swap(None)),
        ["swap", role] => Ok(Goal::Swap(Some(known_role(pair, role)?))),
        ["set", role, node] => Ok(Goal::Set(known_role(pair, role)?, known_node(pair, node)?)),
        [] => Err(wrong("the goal is missing".to_owned())),
        words => Err(wrong(format!("`{}` is not a goal", crate::model::printable(&words.join(" "))))),
    }
}

fn wrong(message: String) -> Stop {
    Stop::say(Exit::Usage, "flipper::usage::goal", message, FORMS)
}

fn known_role(pair: &Pair, word: &str) -> Result<RoleName, Stop> {
    let role = word.parse().ok().and_then(|name: RoleName| pair.role(&name));
    role.map(|role| role.name.clone()).ok_or_else(|| {
        let known = pair.roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ");
        unknown("role", word, pair, &known)
    })
}

fn known_node(pair: &Pair, word: &str) -> Result<NodeName, Stop> {
    let node = word.parse().ok().filter(|name: &NodeName| pair.side(name).is_some());
    node.ok_or_else(|| {
        let known = pair.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ");
        unknown("node", word, pair, &known)
    })
}

fn unknown(kind: &str, word: &str, pair: &Pair, known: &str) -> Stop {
    Stop::say(
        Exit::Usage,
        "flipper::usage::goal",
        format!("{} has no {kind} `{}`", pair.name, crate::model::printable(word)),
        format!("its {kind}s: {known}"),
    )
}
