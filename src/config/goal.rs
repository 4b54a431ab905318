//! A goal file: a desired assignment, kept beside the config.
//!
//! ```ron
//! { "write": "db1", "read": "db2", "reports": None }
//! ```

use super::mistake::{ConfigErrors, Mistake};
use super::near::nearest;
use super::raw::Entries;
use super::tree::{At, tree};
use super::{raw, syntax};
use crate::model::{Assignment, NodeName, Pair, RoleName, printable};

/// Reads which node is to hold which role. Roles that are not named stay where they are.
///
/// # Errors
/// The first mistake of syntax, or all mistakes of meaning: a role or node that the pair has not, a role given twice.
pub fn goal(name: &str, text: &str, pair: &Pair) -> Result<Assignment, ConfigErrors> {
    let raw: raw::Goal = syntax::read_as(text).map_err(|mistake| ConfigErrors::new(name, text, vec![mistake]))?;
    let Entries(entries) = raw.0;
    let entries_tree = tree(text);
    let root = At::root(&entries_tree);
    let mut mistakes = vec![];
    let mut wanted = Assignment::default();
    if entries.is_empty() {
        let mistake = Mistake::new("flipper::goal::empty", root.value(), "the goal names no role", "here");
        mistakes.push(mistake.help("name at least one role: { \"write\": \"db1\" }"));
    }
    for (index, (role, node)) in entries.iter().enumerate() {
        let at = root.nth(index);
        let known_role = role.parse().ok().filter(|name: &RoleName| pair.role(name).is_some());
        if known_role.is_none() {
            let roles = pair.roles.iter().map(|role| role.name.as_str());
            mistakes.push(unknown("role", role, at.key(), &pair.name.to_string(), roles.collect()));
        }
        let known_node =
            node.as_ref().map(|node| node.parse().ok().filter(|name: &NodeName| pair.side(name).is_some()));
        if let (Some(None), Some(node)) = (&known_node, node) {
            let nodes = pair.nodes.iter().map(|node| node.name.as_str());
            mistakes.push(unknown("node", node, at.value(), &pair.name.to_string(), nodes.collect()));
        }
        let Some(role) = known_role else { continue };
        if let Some(first) = entries.iter().position(|(before, _)| before == role.as_str()).filter(|at| *at < index) {
            mistakes.push(
                Mistake::new(
                    "flipper::goal::duplicate_key",
                    at.key(),
                    format!("the role {role} is there twice"),
                    "and again here",
                )
                .also(root.nth(first).key(), "first here")
                .help("a role has one place: take one of the two out"),
            );
        }
        wanted.0.insert(role, known_node.flatten());
    }
    if mistakes.is_empty() { Ok(wanted) } else { Err(ConfigErrors::new(name, text, mistakes)) }
}

fn unknown(kind: &str, given: &str, span: super::tree::Span, pair: &str, known: Vec<&str>) -> Mistake {
    let near = nearest(given, known.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let message = format!("{pair} has no {kind} `{}`", printable(given));
    Mistake::new("flipper::goal::unknown", span, message, "here")
        .help(format!("{near}its {kind}s: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;

    fn read(text: &str) -> Result<String, Vec<String>> {
        let told = |errors: ConfigErrors| {
            errors.mistakes().iter().map(|m| format!("{} {}: {m}", m.offset(), m.code())).collect::<Vec<_>>()
        };
        goal("goal.ron", text, &samples::pair()).map(|wanted| wanted.to_string()).map_err(told)
    }

    #[test]
    fn a_place_or_none_for_each_role() {
        assert_eq!(read(r#"{ "write": "db2", "read": None }"#), Ok("read on nobody, write on db2".to_owned()));
        assert_eq!(read(r#"{"read":Some("db1")}"#), Ok("read on db1".to_owned()));
    }

    #[test]
    fn every_mistake_has_its_place() {
        assert_eq!(read("{}"), Err(vec!["0 flipper::goal::empty: the goal names no role".to_owned()]));
        assert_eq!(
            read(r#"{ "wrote": "db2", "read": "db3", "read": "db1" }"#),
            Err(vec![
                "2 flipper::goal::unknown: orders has no role `wrote`".to_owned(),
                "26 flipper::goal::unknown: orders has no node `db3`".to_owned(),
                "33 flipper::goal::duplicate_key: the role read is there twice".to_owned(),
            ])
        );
        assert!(read("{ \"write\": ").is_err_and(|errors| errors.len() == 1));
    }
}
