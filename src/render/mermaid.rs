//! The graph of a plan in Mermaid, which GitHub and GitLab draw where it stands in a fenced block.

use super::Sheet;
use super::graph::{edges, phases};
use super::plan::Marks;
use crate::model::printable;

/// The graph: steps in their stretches, an arrow for each thing that must come first, with its rule. A dashed arrow
/// follows from others.
#[must_use]
pub fn text(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let marks = Marks::of(plan);
    let mut out = "flowchart TD\n".to_owned();
    out += &format!("  head[\"{}\"]\n  class head head\n", label(&sheet.title()));
    if plan.is_empty() {
        out += "  head --- nothing[\"Nothing to do: the pair is as asked for\"]\n";
    }
    for (at, phase) in phases(plan).iter().enumerate() {
        out += &format!("  subgraph phase{at}[\"{}\"]\n", label(&phase.title));
        for number in phase.from..=phase.to {
            let mut text = format!("{number}. {}", label(&sheet.sentence(number)));
            if marks.no_return == Some(number) {
                text += "<br/>POINT OF NO RETURN";
            }
            out += &format!("    s{number}[\"{text}\"]\n");
        }
        out += "  end\n";
        out += &format!("  class phase{at} {}\n", if phase.out { "out" } else { "flow" });
    }
    if let (false, Some(first)) = (plan.is_empty(), phases(plan).first()) {
        out += &format!("  head ~~~ s{}\n", first.from);
    }
    for edge in edges(plan) {
        let rules: Vec<&str> = edge.rules.iter().map(|rule| rule.id()).collect();
        let (from, to) = (edge.from, edge.to);
        let arrow = if edge.implied { "-.->" } else { "-->" };
        out += &format!("  s{from} {arrow}|\"{}\"| s{to}\n", rules.join(", "));
    }
    if let Some(number) = marks.no_return {
        out += &format!("  class s{number} noreturn\n");
    }
    // a colour that is seen on a light and on a dark page alike, and no text on it that would not be
    out += "  classDef head fill:none,stroke:none,font-weight:bold\n";
    out += "  classDef flow fill:none,stroke:#8888\n";
    out += "  classDef out fill:#d9730d22,stroke:#d9730d,stroke-width:2px\n";
    out += "  classDef noreturn stroke:#d9730d,stroke-width:4px\n";
    out
}

/// A text between the quotes of a label: whatever is not a letter, a digit or plain punctuation is named by its number.
fn label(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '/' | '(' | ')' | '-' | '_' | '=');
    let spell = |c: char| if plain(c) { c.to_string() } else { format!("#{};", u32::from(c)) };
    printable(text).chars().map(spell).collect()
}
