//! A plan for a change ticket, in the Markdown that GitHub, GitLab and Jira have in common: headings, lists, tables and
//! code, no HTML.
//!
//! Free text of a plan (notes, what was seen) may come from a server or from somebody else's file. Whatever in it could
//! mean something to a ticket system (links, mentions, tags, formatting) stands as code, where it means nothing.

use super::plan::{Marks, ground, holder, holder_now, outage, reasons, way_back};
use super::{Sheet, describe, fate};
use crate::model::printable;

/// The plan as Markdown.
#[must_use]
pub fn text(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let mut out = format!("# {}\n\n", prose(&sheet.title()));
    if plan.is_empty() {
        out += "Nothing to do: the pair is as asked for.\n\n";
        out += &roles(sheet);
        out += &notes(sheet);
        out += &digest(sheet);
        return out;
    }
    out += "## Look at this before you approve it\n\n";
    for asked in sheet.review() {
        out += &format!("- {}\n", prose(&asked));
    }
    out += "- Approve this plan by its digest, in full.\n\n";
    out += &overrides(sheet);
    out += &format!("**Write outage:** {}\n\n", prose(&outage(plan)));
    out += &format!("**Way back:** {}\n\n", prose(&way_back(plan)));
    out += &notes(sheet);
    out += &roles(sheet);
    out += &nodes(sheet);
    out += &steps(sheet);
    out += "## When a step fails\n\n";
    for rule in fate::RULES {
        out += &format!("- {rule}\n");
    }
    out += "\n";
    out += &basis(sheet);
    out += &digest(sheet);
    out
}

fn overrides(sheet: &Sheet<'_>) -> String {
    let codes = &sheet.plan.overrides;
    if codes.is_empty() {
        return String::new();
    }
    let mut out = "**OVERRIDDEN: without these words of the operator the plan is refused**\n\n".to_owned();
    for code in codes {
        out += &format!("- {}: {}\n", code_span(code.id()), prose(code.matters()));
    }
    out + "\n"
}

fn notes(sheet: &Sheet<'_>) -> String {
    let notes = &sheet.plan.notes;
    if notes.is_empty() {
        return String::new();
    }
    let lines: String = notes.iter().map(|note| format!("- {}\n", prose(note))).collect();
    format!("## Notes\n\n{lines}\n")
}

fn roles(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let mut out = "## Roles, now and after\n\n".to_owned();
    out += &row(&["Role", "Address", "Clients", "Now", "After", ""].map(str::to_owned));
    out += &rule(6);
    for (role, address, access) in &plan.basis.roles {
        let (now, after) = (holder_now(plan, role), holder(plan.after.holder(role)));
        out += &row(&[
            cell(role.as_str()),
            cell(&address.to_string()),
            describe::clients(*access).to_owned(),
            cell(&now),
            cell(&after),
            if now == after { "stays" } else { "**moves**" }.to_owned(),
        ]);
    }
    out + "\n"
}

fn nodes(sheet: &Sheet<'_>) -> String {
    let mut out = row(&["Node", "Server", "Who can write now", "After"].map(str::to_owned));
    out += &rule(4);
    for node in &sheet.plan.basis.nodes {
        let how = describe::fencing(node.flavour, node.version);
        out += &row(&[
            cell(node.name.as_str()),
            describe::server(node.flavour, node.version),
            describe::who(node.access, how).to_owned(),
            describe::who(sheet.plan.access_after(node), how).to_owned(),
        ]);
    }
    out + "\n"
}

fn steps(sheet: &Sheet<'_>) -> String {
    let plan = sheet.plan;
    let marks = Marks::of(plan);
    let mut out = "## Steps\n\n".to_owned();
    out += &row(&["", "Step", "Why here", "If it fails"].map(str::to_owned));
    out += &rule(4);
    let marker = |text: &str| row(&[String::new(), format!("**{text}**"), String::new(), String::new()]);
    for (number, step) in (1..).zip(&plan.steps) {
        if marks.outage.is_some_and(|(from, _)| from == number) {
            out += &marker("WRITES ARE OUT FROM HERE");
        }
        if marks.closed == Some(number) {
            out += &marker("NOBODY CAN WRITE FROM HERE");
        }
        if marks.no_return == Some(number) {
            out += &marker("POINT OF NO RETURN: from here the way is forward only");
        }
        let (way, means) = fate::of(plan, number);
        out += &row(&[
            number.to_string(),
            format!("{} ({})", prose(&sheet.sentence(number)), cell(&step.id.0)),
            prose(&reasons(plan, step)),
            format!("**{}**: {}", way.word(), prose(&means)),
        ]);
        if marks.outage.is_some_and(|(_, to)| to == number) || marks.opens == Some(number) {
            out += &marker(&format!("CLIENTS CAN WRITE AGAIN, to {}", step.action.node()));
        }
    }
    out + "\n"
}

fn basis(sheet: &Sheet<'_>) -> String {
    let mut out = "## What it rests on\n\nWhen any of this has changed, the plan is refused as stale.\n\n".to_owned();
    for node in &sheet.plan.basis.nodes {
        out += &format!("- {}: {}\n", code_span(node.name.as_str()), prose(&ground(node)));
    }
    if !sheet.seen.is_empty() {
        out += "\nSeen when it was made, for the reader only:\n\n";
        for line in sheet.seen {
            out += &format!("- {}\n", prose(line));
        }
    }
    out + "\n"
}

fn digest(sheet: &Sheet<'_>) -> String {
    let digest = printable(sheet.digest);
    let mut out = format!("## Digest\n\n{}\n", code_span(&digest));
    if !sheet.plan.is_empty() {
        out += &format!(
            "\nCarry out exactly this plan: {}\n",
            code_span(&format!("flipper apply FILE --expect-digest {digest}"))
        );
    }
    out + &format!("\nMade by {}.\n", prose(&format!("flipper {}", sheet.version)))
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn rule(columns: usize) -> String {
    row(&vec!["---".to_owned(); columns])
}

/// Code in a table, where a `|` would end the cell however it is quoted.
fn cell(text: &str) -> String {
    code_span(&text.replace('|', "¦"))
}

/// A text that means nothing: between more backticks than it has in a row.
fn code_span(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // a blank is taken off on both sides, so that backticks at the ends and a text of none at all are shown too
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A sentence. What stands between backticks is code, and so is each word that could be read as more than a word.
pub(super) fn prose(text: &str) -> String {
    let text = printable(text).replace('|', "¦");
    let parts: Vec<&str> = text.split('`').collect();
    let mut out: Vec<String> = vec![];
    for (at, part) in parts.iter().enumerate() {
        let closed = at % 2 == 1 && at + 1 < parts.len();
        if closed && !part.trim().is_empty() {
            let tight = parts.get(at - 1).is_some_and(|before| before.ends_with(['(', '“']));
            push(&mut out, &code_span(part.trim()), tight);
            continue;
        }
        if at % 2 == 1 {
            push(&mut out, &code_span(if closed { "``" } else { "`" }), false);
        }
        for (first, word) in part.split_whitespace().enumerate().map(|(at, word)| (at == 0, word)) {
            // punctuation that follows a piece of code directly belongs to it
            let tight = first && !part.starts_with(' ') && at % 2 == 0 && at > 0;
            push(&mut out, &spell(word), tight);
        }
    }
    let text = out.join(" ");
    // "1." at the start would be the first of a list
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    match (digits, text.get(digits..digits + 1)) {
        (1.., Some(stop @ ("." | ")"))) => format!("{}\\{stop}{}", &text[..digits], &text[digits + 1..]),
        _ => text,
    }
}

fn push(out: &mut Vec<String>, word: &str, tight: bool) {
    match out.last_mut() {
        Some(last) if tight => last.push_str(word),
        _ => out.push(word.to_owned()),
    }
}

/// One word, with the punctuation around it left alone.
fn spell(word: &str) -> String {
    let opening = |c: char| matches!(c, '(' | '“' | '"' | '\'');
    let closing = |c: char| matches!(c, ')' | '”' | '"' | '\'' | ',' | ';' | ':' | '.' | '?');
    let rest = word.trim_start_matches(opening);
    let (before, core) = (&word[..word.len() - rest.len()], rest.trim_end_matches(closing));
    let after = &rest[core.len()..];
    let inside =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | '\'' | '’' | ',' | ':' | '+' | '%' | '=');
    let edges = core.starts_with(char::is_alphanumeric) && core.ends_with(char::is_alphanumeric);
    let link = core.contains("://") || core.to_lowercase().starts_with("www.");
    match core.chars().all(inside) && !link {
        true if edges || core.is_empty() => word.to_owned(),
        _ => format!("{before}{}{after}", code_span(core)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_could_be_more_than_words_are_code() {
        for (text, shown) in [
            ("plain words, and db-1 (eth0).", "plain words, and db-1 (eth0)."),
            ("db1 keeps `super_read_only` only", "db1 keeps `super_read_only` only"),
            ("(super_read_only=ON): from", "(`super_read_only=ON`): from"),
            ("(`x`), and `y`.", "(`x`), and `y`."),
            ("<script>alert(1)</script>", "`<script>alert(1)</script>`"),
            ("ask @root #12 ~now~ *a* _b_", "ask `@root` `#12` `~now~` `*a*` `_b_`"),
            ("[x](http://y) www.z.example, https://z", "`[x](http://y`) `www.z.example`, `https://z`"),
            ("1. one", "1\\. one"),
            ("- a\n# b", "`-` `a\\n#` b"),
            ("a|b", "`a¦b`"),
            ("odd ` tick", "odd `` ` `` tick"),
            ("two `` ticks", "two ``` `` ``` ticks"),
            ("the neighbours' last", "the neighbours' last"),
            ("", ""),
        ] {
            assert_eq!(prose(text), shown, "{text}");
        }
    }

    #[test]
    fn code_holds_whatever_it_is_given() {
        for (text, shown) in [("a", "`a`"), ("a``b", "```a``b```"), ("`", "`` ` ``"), ("", "`  `")] {
            assert_eq!(code_span(text), shown);
        }
    }
}
