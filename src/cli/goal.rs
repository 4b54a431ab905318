//! The goal, as it is typed or as a file has it, and what the operator overrides.

use std::path::Path;

use super::args::GoalWords;
use super::output::tell;
use super::{Exit, Stop};
use crate::config;
use crate::model::{Assignment, Code, Goal, NodeName, Pair, Plan, Refusal, RoleName, printable};
use crate::planner::Consent;

const FORMS: &str =
    "swap [ROLE] | set ROLE NODE | drain NODE | down ROLE | up ROLE NODE | fail NODE | rejoin NODE | --goal FILE";

/// What is wanted.
pub(super) struct Wish {
    pub(super) goal: Goal,
    pub(super) overrides: Vec<Code>,
    /// Those of them that `--override` names, each once.
    said: Vec<Code>,
    pub(super) kill: bool,
}

impl Wish {
    /// What was to be overridden, and is no reason: told, so that a habit shows.
    pub(super) fn not_needed(&self, plan: &Plan) {
        for code in self.said.iter().filter(|code| !plan.overrides.contains(code)) {
            tell(&format!("note: --override {code} was not needed"));
        }
    }

    /// What was to be overridden, and refuses all the same.
    pub(super) fn not_possible(&self, refusal: &Refusal) {
        for code in self.said.iter().filter(|code| refusal.reasons.iter().any(|reason| reason.code == **code)) {
            tell(&format!("note: {code} cannot be overridden here"));
        }
    }

    pub(super) fn consent(&self) -> Consent<'_> {
        Consent { overrides: &self.overrides, kill: self.kill }
    }
}

pub(super) fn parse(pair: &Pair, typed: &GoalWords) -> Result<Wish, Stop> {
    let words: Vec<&str> = typed.words.iter().map(String::as_str).collect();
    let goal = match (&words[..], &typed.file) {
        ([], Some(file)) => Goal::Assign(assignment(pair, file)?),
        (_, Some(_)) => return Err(wrong("a goal in words and one in a file are two goals".to_owned())),
        (["swap"], None) => Goal::Swap(None),
        (["swap", role], None) => Goal::Swap(Some(known_role(pair, role)?)),
        (["set", role, node], None) => Goal::Set(known_role(pair, role)?, known_node(pair, node)?),
        (["drain", node], None) => Goal::Drain(known_node(pair, node)?),
        (["down", role], None) => Goal::Down(known_role(pair, role)?),
        (["up", role, node], None) => Goal::Up(known_role(pair, role)?, known_node(pair, node)?),
        (["fail", node], None) => Goal::Fail(known_node(pair, node)?),
        (["rejoin", node], None) => Goal::Rejoin(known_node(pair, node)?),
        ([], None) => return Err(wrong("the goal is missing".to_owned())),
        (["swap", role, node], None) => {
            let message = "swap takes a role at most: it moves to the other node".to_owned();
            return Err(Stop::say(
                Exit::Usage,
                "flipper::usage::goal",
                message,
                format!("did you mean `set {} {}`?", printable(role), printable(node)),
            ));
        }
        ([verb @ ("set" | "up"), ..], None) => {
            return Err(wrong(format!("{verb} takes a role and a node: `{verb} ROLE NODE`")));
        }
        ([verb @ ("drain" | "fail" | "rejoin"), ..], None) => {
            return Err(wrong(format!("{verb} takes a node: `{verb} NODE`")));
        }
        (["down", ..], None) => return Err(wrong("down takes a role: `down ROLE`".to_owned())),
        (words, None) => {
            return Err(wrong(format!("`{}` is not a goal", printable(&words.join(" ")))));
        }
    };
    let mut overrides: Vec<Code> = typed.overrides.iter().map(|id| known_code(id)).collect::<Result<_, _>>()?;
    let mut said = overrides.clone();
    said.sort();
    said.dedup();
    overrides.extend(words_of_failure(pair, &goal, typed)?);
    Ok(Wish { goal, overrides, said, kill: typed.kill })
}

/// What is said beside `fail` has words of its own, so that nobody says it by the way.
fn words_of_failure(pair: &Pair, goal: &Goal, typed: &GoalWords) -> Result<Vec<Code>, Stop> {
    let mut accepted = vec![];
    let word = match (&typed.fenced_by_hand, typed.accept_loss) {
        (Some(_), _) => "--fenced-by-hand",
        (None, true) => "--accept-loss",
        (None, false) => return Ok(accepted),
    };
    let Goal::Fail(dead) = goal else {
        return Err(wrong(format!("{word} is said with `fail NODE` only")));
    };
    if let Some(named) = &typed.fenced_by_hand {
        if known_node(pair, named)? != *dead {
            return Err(wrong(format!("--fenced-by-hand names {named}, and `fail` names {dead}: which one is off?")));
        }
        accepted.push(Code::NotFenced);
    }
    accepted.extend(typed.accept_loss.then_some(Code::MayLose));
    Ok(accepted)
}

#[expect(clippy::disallowed_methods, reason = "a goal file is read where the command line is understood")]
fn assignment(pair: &Pair, file: &Path) -> Result<Assignment, Stop> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        Stop::say(
            Exit::BadFile,
            "flipper::goal::unreadable",
            format!("cannot read the goal {name}: {error}"),
            "a goal file says which node is to hold which role: { \"write\": \"db1\", \"read\": None }",
        )
    })?;
    let text = config::decode(&name, &bytes).map_err(|error| Stop::new(Exit::BadFile, error))?;
    config::goal(&name, text, pair).map_err(|error| Stop::new(Exit::BadFile, error))
}

pub(super) fn known_code(id: &str) -> Result<Code, Stop> {
    for (code, word) in [(Code::NotFenced, "--fenced-by-hand NODE"), (Code::MayLose, "--accept-loss")] {
        if code.id() == id {
            return Err(Stop::say(
                Exit::Usage,
                "flipper::usage::override",
                format!("`{id}` has a word of its own: {word}"),
                format!("flipper plan PAIR fail NODE {word}"),
            ));
        }
    }
    Code::ALL.into_iter().find(|code| code.id() == id).ok_or_else(|| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::override",
            format!("there is no check `{}`", printable(id)),
            "a refusal names its checks: the word in front of what was seen",
        )
    })
}

fn wrong(message: String) -> Stop {
    Stop::say(Exit::Usage, "flipper::usage::goal", message, FORMS)
}

fn known_role(pair: &Pair, word: &str) -> Result<RoleName, Stop> {
    let role = word.parse().ok().and_then(|name: RoleName| pair.role(&name));
    role.map(|role| role.name.clone()).ok_or_else(|| {
        let known: Vec<&str> = pair.roles.iter().map(|role| role.name.as_str()).collect();
        unknown("role", word, pair, &known)
    })
}

pub(super) fn known_node(pair: &Pair, word: &str) -> Result<NodeName, Stop> {
    let node = word.parse().ok().filter(|name: &NodeName| pair.side(name).is_some());
    node.ok_or_else(|| {
        let known: Vec<&str> = pair.nodes.iter().map(|node| node.name.as_str()).collect();
        unknown("node", word, pair, &known)
    })
}

fn unknown(kind: &str, word: &str, pair: &Pair, known: &[&str]) -> Stop {
    let list = known.join(", ");
    let help = match config::nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Its {kind}s: {list}"),
        None => format!("its {kind}s: {list}"),
    };
    let message = format!("{} has no {kind} `{}`", pair.name, printable(word));
    Stop::say(Exit::Usage, "flipper::usage::goal", message, help)
}
