//! The long text of a code, a list of all, and the document made from them.

use serde_json::{Value, json};

use super::WIDTH;
use super::wrap::{hang, table};
use crate::explain::{Entry, Kind, Text};

/// One code; at most 80 columns, but for what is to be typed, which stays in one piece.
#[must_use]
pub fn text(entry: &Entry) -> String {
    let Entry { kind: _, text: Text { id, title, detail, see, todo }, matters } = entry;
    let mut out = hang(&format!("{id}: "), title, WIDTH);
    out += "\n";
    out += &hang("", detail, WIDTH);
    if let Some(matters) = matters {
        out += "\n";
        out += &hang("Why it matters: ", matters, WIDTH);
    }
    if !see.is_empty() {
        out += "\nHow to see it:\n";
        for (place, typed) in *see {
            out += &format!("  {:<13}  {typed}\n", place.title());
        }
    }
    out += "\n";
    out + &hang("What to do: ", todo, WIDTH)
}

/// Every code with its title.
#[must_use]
pub fn list(entries: &[Entry]) -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let blank = if out.is_empty() { "" } else { "\n" };
        out += &format!("{blank}{}\n\n", kind.title());
        let of_kind = entries.iter().filter(|entry| entry.kind == kind);
        let rows: Vec<Vec<String>> =
            of_kind.map(|entry| vec![format!("  {}", entry.text.id), entry.text.title.to_owned()]).collect();
        // wide enough for the longest code and the longest title
        out += &indented(&table(&rows, 110));
    }
    out + "\nMore about one of them: flipper explain CODE\n"
}

/// Tables take blanks for gaps between words.
fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}

/// One code for programs.
#[must_use]
pub fn json(entry: &Entry) -> Value {
    let Entry { kind, text: Text { id, title, detail, see, todo }, matters } = entry;
    json!({
        "type": "explanation",
        "format": 1,
        "kind": kind.id(),
        "code": id,
        "title": title,
        "detail": detail,
        "matters": matters,
        "see": see.iter().map(|(place, typed)| json!({ "where": place.title(), "typed": typed })).collect::<Value>(),
        "do": todo,
    })
}

/// Every code for programs.
#[must_use]
pub fn json_list(entries: &[Entry]) -> Value {
    let one = |entry: &Entry| json!({ "kind": entry.kind.id(), "code": entry.text.id, "title": entry.text.title });
    json!({ "type": "codes", "format": 1, "codes": entries.iter().map(one).collect::<Value>() })
}

/// All of it, as `docs/codes.md`.
#[must_use]
pub fn document(entries: &[Entry]) -> String {
    let mut out =
        "# Codes\n\nWhat each code means, how to see it, and what to do. On the command line: `flipper explain CODE`. \
                   This page is made\nfrom the same texts.\n"
            .to_owned();
    for kind in Kind::ALL {
        out += &format!("\n## {}\n", kind.title());
        for Entry { kind: _, text, matters } in entries.iter().filter(|entry| entry.kind == kind) {
            let Text { id, title, detail, see, todo } = text;
            out += &format!("\n### `{id}`: {title}\n\n{}", hang("", &plain(detail), 120));
            if let Some(matters) = matters {
                out += &format!("\n{}", hang("", &format!("**Why it matters:** {}.", plain(matters)), 120));
            }
            if !see.is_empty() {
                out += "\n**How to see it:**\n\n";
                for (place, typed) in *see {
                    out += &format!("- {}: `{typed}`\n", place.title());
                }
            }
            out += &format!("\n{}", hang("", &format!("**What to do:** {}", plain(todo)), 120));
        }
    }
    out
}

/// The texts are ours: all that could be read as more than text outside of code are the signs of these few.
fn plain(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let spell = |(at, part): (usize, &str)| match at % 2 {
        0 => part.replace('_', "\\_").replace('*', "\\*").replace('<', "&lt;").replace('[', "\\["),
        _ => part.to_owned(),
    };
    parts.map(spell).collect::<Vec<_>>().join("`")
}
