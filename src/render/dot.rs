//! The graph of a plan for Graphviz: `flipper show FILE --format dot | dot -Tsvg`.

use super::Sheet;
use super::graph::{edges, phases};
use super::plan::Marks;
use super::wrap::wrap;
use crate::model::printable;

/// The graph: a cluster for each stretch, an edge for each thing that must come first, with its rule. A dashed edge
/// follows from others.
#[must_use]
pub fn text(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let marks = Marks::of(plan);
    let mut out = "digraph plan {\n".to_owned();
    out += &format!("  label={};\n", quoted(&sheet.title()));
    out += "  labelloc=t; rankdir=TB; fontname=\"sans-serif\"; charset=\"UTF-8\";\n";
    out += "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", fontsize=11];\n";
    out += "  edge [fontname=\"sans-serif\", fontsize=9, color=gray30];\n";
    if plan.is_empty() {
        out += "  nothing [label=\"Nothing to do: the pair is as asked for\"];\n";
    }
    for (at, phase) in phases(plan).iter().enumerate() {
        out += &format!("  subgraph cluster_{at} {{\n    label={};\n", quoted(&phase.title));
        out += match phase.out {
            true => "    style=\"rounded,filled\"; color=\"#d9730d\"; fillcolor=\"#fdf1e7\"; penwidth=2;\n",
            false => "    style=rounded; color=gray70;\n",
        };
        for number in phase.from..=phase.to {
            out += &node(sheet, number, marks.no_return == Some(number));
        }
        out += "  }\n";
    }
    for edge in edges(plan) {
        let rules: Vec<&str> = edge.rules.iter().map(|rule| rule.id()).collect();
        let reasons: Vec<&str> = edge.rules.iter().map(|rule| rule.reason()).collect();
        let style = if edge.implied { ", style=dashed, color=gray60" } else { "" };
        out += &format!(
            "  s{} -> s{} [label={}, tooltip={}{style}];\n",
            edge.from,
            edge.to,
            quoted(&rules.join(", ")),
            quoted(&reasons.join("; "))
        );
    }
    out + "}\n"
}

fn node(sheet: &Sheet<'_>, number: usize, no_return: bool) -> String {
    let mut lines = wrap(&format!("{number}. {}", sheet.sentence(number)), 38);
    if no_return {
        lines.push("POINT OF NO RETURN".to_owned());
    }
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    let style = if no_return { ", color=\"#d9730d\", penwidth=3" } else { "" };
    format!("    s{number} [label=\"{}\", tooltip={}{style}];\n", lines.join("\\n"), quoted(&sheet.id(number)))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Inside of a quoted string, where Graphviz also reads `\n` and `&lt;`.
fn escaped(text: &str) -> String {
    printable(text)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
