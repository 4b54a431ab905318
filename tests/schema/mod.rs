//! What `docs/json.md` says of each JSON object, and what an object has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// Objects whose keys are names: of roles, of variables. In the document they are a star.
const NAMED: [&str; 6] =
    ["before", "after", "held_by", "goal.roles", "nodes[].inventory.variables", "nodes[].boot.read_only.values"];

/// What is described in one place is not described again where it occurs once more.
const ELSEWHERE: [(&str, &str); 5] = [
    ("status", "last_move"),
    ("plan", "evidence.witness"),
    ("refusal", "evidence.witness"),
    ("refusal", "goal"),
    ("error", "error.related[]"),
];

/// By an object's `type`: the paths of its keys.
pub(crate) fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = std::fs::read_to_string(&path).expect("docs/json.md");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut types: Vec<String> = vec![];
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            types = spans(heading);
            for kind in &types {
                assert!(found.insert(kind.clone(), BTreeSet::new()).is_none(), "{kind} is described twice");
            }
        } else if let Some(cell) = line.strip_prefix("| `").and_then(|rest| rest.split(" | ").next()) {
            let mut parent = String::new();
            for span in spans(&format!("`{cell}")) {
                // `.x` is beside the one before it
                let path = match span.strip_prefix('.') {
                    Some(name) => format!("{parent}{name}"),
                    None => span.clone(),
                };
                parent = path.rsplit_once('.').map(|(parent, _)| format!("{parent}.")).unwrap_or_default();
                for kind in &types {
                    let new = found.get_mut(kind).is_some_and(|paths| paths.insert(path.clone()));
                    assert!(new, "{kind}: {path} is described twice");
                }
            }
        }
    }
    found
}

/// What stands between backticks.
fn spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An object's type, and the paths of its keys. Facts (`{"known": …}`, `{"unknown": "why"}`) are described once for all.
pub(crate) fn paths(object: &Value) -> (String, BTreeSet<String>) {
    let kind = object["type"].as_str().unwrap_or_else(|| panic!("no type: {object}")).to_owned();
    let mut found = BTreeSet::new();
    walk(&kind, object, "", &mut found);
    (kind, found)
}

fn walk(kind: &str, value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if ELSEWHERE.contains(&(kind, path)) {
        return;
    }
    match value {
        Value::Object(map) => {
            let mut keys = map.keys();
            let only = keys.next().filter(|_| keys.next().is_none()).map(String::as_str);
            match only {
                Some("known") => return walk(kind, &map["known"], path, found),
                Some("unknown") => return,
                _ => {}
            }
            for (key, inner) in map {
                if path.is_empty() && matches!(key.as_str(), "type" | "format") {
                    continue;
                }
                let key = if NAMED.contains(&path) { "*" } else { key };
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                walk(kind, inner, &path, found);
                found.insert(path);
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| walk(kind, inner, &format!("{path}[]"), found)),
        _ => {}
    }
}

/// What of an object is not in the document.
pub(crate) fn undocumented(object: &Value, documented: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (kind, found) = paths(object);
    match documented.get(&kind) {
        None => vec![format!("the type {kind}")],
        Some(known) => found.difference(known).map(|path| format!("{kind}: {path}")).collect(),
    }
}
