//! Reads the YAML that a legacy Flipper was given: maps in maps, by indentation, with plain or quoted values.
//!
//! Such files were written by hand and have nothing else. A reader of all of YAML would be a dependency larger than
//! this whole importer, and would take silently what the old one (Perl's YAML.pm) never meant: `yes` as a boolean, an
//! address as a number. Whatever is outside is a mistake that says how to write it.

use std::ops::Range;

use super::{LegacyNode, LegacyPair, Said, given};
use crate::config::{Given, Mistake};

/// A key and what belongs to it.
struct Entry {
    key: Given,
    value: Value,
}

enum Value {
    Text(Given),
    Map(Vec<Entry>),
    /// Nothing, at this place.
    Nothing(Range<usize>),
}

/// A line that says something.
struct Line {
    indent: usize,
    key: Given,
    /// What stands behind the colon.
    value: Option<Given>,
    /// Where the line ends.
    end: usize,
}

fn wrong(span: Range<usize>, message: impl Into<String>, help: &str) -> Mistake {
    Mistake::new("flipper::import::yaml", span, message, "here").help(help)
}

const FORM: &str = "the form is `NAME:` with what belongs to it further in, or `NAME: VALUE`, one a line";

/// The pairs of a YAML text.
pub(super) fn read(text: &str) -> Result<Vec<LegacyPair>, Mistake> {
    let lines = lines(text)?;
    let mut at = 0;
    let top = entries(&lines, &mut at)?;
    if let Some(line) = lines.get(at) {
        return Err(wrong(line.key.from.clone(), "this line stands further out than the ones before it", FORM));
    }
    let mut defaults = vec![];
    let mut pairs = vec![];
    for Entry { key, value } in top {
        let inside = map(&key, value)?;
        if key.text == "defaults" {
            let said = |entry| said(entry).map(|said| Said { shared: true, ..said });
            defaults = inside.into_iter().map(said).collect::<Result<Vec<_>, _>>()?;
        } else {
            pairs.push(pair(key, inside)?);
        }
    }
    for LegacyPair { said, .. } in &mut pairs {
        let own: Vec<String> = said.iter().map(|said| said.name.text.clone()).collect();
        said.extend(defaults.iter().filter(|said| !own.contains(&said.name.text)).cloned());
    }
    Ok(pairs)
}

fn pair(name: Given, inside: Vec<Entry>) -> Result<LegacyPair, Mistake> {
    let mut pair = LegacyPair { name, said: vec![], nodes: vec![] };
    for entry in inside {
        if entry.key.text != "nodes" {
            pair.said.push(said(entry)?);
            continue;
        }
        for Entry { key, value } in map(&entry.key, entry.value)? {
            let settings = map(&key, value)?;
            let said = settings.into_iter().map(said).collect::<Result<Vec<_>, _>>()?;
            pair.nodes.push(LegacyNode { name: key, said });
        }
    }
    Ok(pair)
}

fn map(key: &Given, value: Value) -> Result<Vec<Entry>, Mistake> {
    match value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing(_) => Ok(vec![]),
        Value::Text(text) => {
            let message = format!("`{}` is to have settings, and has a value", crate::model::printable(&key.text));
            Err(wrong(text.from, message, FORM))
        }
    }
}

fn said(Entry { key, value }: Entry) -> Result<Said, Mistake> {
    match value {
        Value::Text(value) => Ok(Said { name: key, value, shared: false }),
        Value::Nothing(from) => Ok(Said { name: key, value: given("", from), shared: false }),
        Value::Map(_) => {
            let message = format!("`{}` is to have a value, and has settings", crate::model::printable(&key.text));
            Err(wrong(key.from, message, "nodes stand below `nodes:` of their pair, each with its own settings"))
        }
    }
}

/// The entries that stand as far in as the next line, and what is inside them.
fn entries(lines: &[Line], at: &mut usize) -> Result<Vec<Entry>, Mistake> {
    let mut entries: Vec<Entry> = vec![];
    let Some(indent) = lines.get(*at).map(|line| line.indent) else { return Ok(entries) };
    while let Some(line) = lines.get(*at).filter(|line| line.indent == indent) {
        if let Some(first) = entries.iter().find(|entry| entry.key.text == line.key.text) {
            return Err(twice("setting", &line.key, &first.key));
        }
        *at += 1;
        let further = lines.get(*at).is_some_and(|next| next.indent > indent);
        let value = match (&line.value, further) {
            (Some(value), false) => Value::Text(value.clone()),
            (None, true) => Value::Map(self::entries(lines, at)?),
            (None, false) => Value::Nothing(line.end..line.end),
            (Some(_), true) => {
                let next = &lines[*at].key;
                return Err(wrong(
                    next.from.clone(),
                    "this line stands inside of one that has its value already",
                    FORM,
                ));
            }
        };
        entries.push(Entry { key: line.key.clone(), value });
        if let Some(next) = lines.get(*at).filter(|next| next.indent > indent) {
            return Err(wrong(next.key.from.clone(), "this line stands neither here nor there", FORM));
        }
    }
    Ok(entries)
}

/// The same name twice: YAML takes the last one without a word, and nobody knows which was meant.
pub(super) fn twice(kind: &str, again: &Given, first: &Given) -> Mistake {
    let message = format!("the {kind} `{}` is there twice", crate::model::printable(&again.text));
    Mistake::new("flipper::import::twice", again.from.clone(), message, "and again here")
        .also(first.from.clone(), "first here")
        .help("keep the one that is meant")
}

fn lines(text: &str) -> Result<Vec<Line>, Mistake> {
    let mut lines = vec![];
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let indent = line.len() - line.trim_start_matches(' ').len();
        let (from, inside) = (start + indent, &line[indent..]);
        start += whole.len();
        let marker = inside.split_whitespace().next().unwrap_or_default();
        if marker.is_empty() || marker.starts_with('#') || (marker == "---" && lines.is_empty()) {
            continue;
        }
        if marker == "..." && indent == 0 {
            break;
        }
        lines.push(self::line(indent, from, inside)?);
    }
    Ok(lines)
}

/// One line, from its first character on.
fn line(indent: usize, from: usize, inside: &str) -> Result<Line, Mistake> {
    let here = from..from + inside.len().max(1);
    let outside = [
        ("\t", "a tab indents this line", "indent with blanks: how wide a tab is, nobody can tell"),
        ("---", "a second document begins here", "one file has one document: put all pairs into the first one"),
        ("%", "a directive stands here", "take it out; the old Flipper needed none"),
        ("- ", "a list stands here", "nodes are not a list: NAME: with `ip: …` further in"),
        ("?", "a key of more than one line stands here", FORM),
        (
            "<<",
            "a merge stands here, which the old Flipper did not know either",
            "write its settings out, or put them into `defaults:`",
        ),
    ];
    if let Some((_, message, help)) = outside.iter().find(|(start, ..)| inside.starts_with(start)) {
        return Err(wrong(here, *message, help));
    }
    let (key, rest) = match inside.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (key, used) = quoted(inside, quote, from)?;
            (key, &inside[used..])
        }
        _ => {
            let end = inside.find(": ").or_else(|| inside.find(':').filter(|at| inside[at + 1..].trim().is_empty()));
            let Some(end) = end else { return Err(wrong(here, "there is no `NAME:` on this line", FORM)) };
            (given(inside[..end].trim_end(), from..from + end), &inside[end..])
        }
    };
    let used = inside.len() - rest.len();
    let Some(rest) = rest.trim_start().strip_prefix(':') else {
        return Err(wrong(from + used..here.end, "there is no colon behind the name", FORM));
    };
    let value_from = from + inside.len() - rest.trim_start().len();
    let value = value(rest.trim_start(), value_from)?;
    Ok(Line { indent, key, value, end: here.end })
}

/// What stands behind a colon.
fn value(text: &str, from: usize) -> Result<Option<Given>, Mistake> {
    let Some(first) = text.chars().next().filter(|first| *first != '#') else { return Ok(None) };
    let here = from..from + text.trim_end().len();
    let kind = match first {
        '[' => "a list in one line",
        '{' => "a map in one line",
        '&' | '*' => "an anchor or a reference",
        '!' => "a tag",
        '|' | '>' => "a text of several lines",
        '@' | '`' | '%' => "a character that YAML keeps for itself",
        '"' | '\'' => {
            let (value, used) = quoted(text, first, from)?;
            let rest = text[used..].trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(wrong(from + used..here.end, "something stands behind the closing quote", FORM));
            }
            return Ok(Some(value));
        }
        _ => {
            let plain = text.find(" #").map_or(text, |comment| &text[..comment]).trim_end();
            if let Some(colon) = plain.find(": ") {
                let help = "put the value in quotes, or on a line of its own";
                return Err(wrong(from + colon..from + colon + 1, "a second `: ` stands on this line", help));
            }
            let nothing = matches!(plain, "~" | "null");
            return Ok((!nothing).then(|| given(plain, from..from + plain.len())));
        }
    };
    Err(wrong(
        here,
        format!("{kind} stands here"),
        "write the value as it is, in quotes if need be; maps are written one setting a line",
    ))
}

/// A text in quotes, without them, and how many bytes it takes with them.
fn quoted(text: &str, quote: char, from: usize) -> Result<(Given, usize), Mistake> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                out.push('\'');
            }
            c if c == quote => return Ok((given(out, from + 1..from + at), at + 1)),
            '\\' if quote == '"' => match chars.next() {
                Some((_, escaped @ ('"' | '\\' | '/' | ' '))) => out.push(escaped),
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                _ => {
                    let help = "known are \\\" \\\\ \\n \\t; in single quotes everything stands for itself";
                    return Err(wrong(from + at..from + at + 2, "this escape is not known", help));
                }
            },
            c => out.push(c),
        }
    }
    Err(wrong(
        from..from + text.trim_end().len(),
        "this quote is not closed on its line",
        "close it; a value is one line",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "--- #YAML:1.0\n# all pairs\ndefaults:\n  netmask: 255.255.255.0\n  mysql_user: flipper # ours\n\norders:\n  \
                        write_ip: 10.0.0.100\n  mysql_user: 'o''brien'\n  nodes:\n    db1: \n      ip: \"10.0.0.11\"\n      ssh_ip: ~\n    db2:\n";

    #[test]
    fn what_is_written_is_read_with_its_place() {
        let pairs = read(FILE).unwrap();
        let said = |said: &[Said]| said.iter().map(|s| format!("{}={}", s.name.text, s.value.text)).collect::<Vec<_>>();
        let [orders] = pairs.as_slice() else { panic!("{pairs:?}") };
        assert_eq!(said(&orders.said), ["write_ip=10.0.0.100", "mysql_user=o'brien", "netmask=255.255.255.0"]);
        assert_eq!(orders.nodes.iter().map(|node| node.name.text.as_str()).collect::<Vec<_>>(), ["db1", "db2"]);
        assert_eq!(said(&orders.nodes[0].said), ["ip=10.0.0.11", "ssh_ip="]);
        assert!(orders.nodes[1].said.is_empty());
        assert_eq!(&FILE[orders.nodes[0].said[0].value.from.clone()], "10.0.0.11");
        assert_eq!(&FILE[orders.said[0].value.from.clone()], "10.0.0.100");
    }

    #[test]
    fn what_is_outside_is_pointed_at() {
        for (text, at, why) in [
            ("a:\n\tb: c\n", 3, "tab"),
            ("a:\n  - b\n", 5, "list"),
            ("a: {b: c}\n", 3, "map in one line"),
            ("a:\n  b: [1]\n", 8, "list in one line"),
            ("a: &x\n", 3, "anchor"),
            ("a:\n  <<: *x\n", 5, "merge"),
            ("a: !!str x\n", 3, "tag"),
            ("a: |\n  x\n", 3, "several lines"),
            ("a\n", 0, "no `NAME:`"),
            ("a: b\n  c: d\n", 7, "its value already"),
            ("a:\n    b: c\n  d: e\n", 14, "neither here nor there"),
            ("  a:\nb:\n", 5, "further out"),
            ("a: 'b\n", 3, "not closed"),
            ("a: \"b\\q\"\n", 5, "escape"),
            ("a: 'b' c\n", 6, "closing quote"),
            ("a: b: c\n", 4, "second"),
            ("a: b\n---\nc: d\n", 5, "second document"),
            ("\"a\" b\n", 3, "no colon"),
            ("a: b\n", 3, "has a value"),
            ("a:\n  nodes: b\n", 12, "has a value"),
            ("a:\n  b:\n    c: d\n", 5, "has settings"),
            ("a:\n  b: c\n  b: d\n", 12, "twice"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.to_string().contains(why), "{text:?}: {mistake}");
            assert_eq!(mistake.offset(), at, "{text:?}: {mistake}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for at in 0..FILE.len() {
            for byte in ["", "\"", "'", ":", "\t", "ü", "\n", "#", " ", "\\"] {
                let _ = read(&format!("{}{byte}{}", &FILE[..at], &FILE[at + 1..]));
                let _ = read(&FILE[..at]);
            }
        }
    }
}
