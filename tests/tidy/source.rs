//! A Rust source as the rules see it: without comments, texts and tests, and with the paths it uses.

use std::collections::BTreeSet;

/// The source with comments and the insides of literals made blank. Every line stays where it is.
pub(crate) fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => until(&chars, at, |rest| rest[0] == '\n'),
            ('/', Some('*')) => block_comment(&chars, at),
            ('"', _) => string(&chars, at),
            ('r', Some('"' | '#')) if !word_before(&chars, at, 1) => raw_string(&chars, at).unwrap_or(at),
            ('\'', _) => character(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn until(chars: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| stop(&chars[*at..])).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        match chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r"…"`, `r#"…"#`; also what `br` and `cr` start with. `None` for `r#name`.
fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|c| **c == '#').count();
    let quote = from + 1 + hashes;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let closes = |rest: &[char]| rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes;
    Some((until(chars, quote + 1, closes) + 1 + hashes).min(chars.len()))
}

/// `'x'`, `'\n'`, `'\u{1b}'`. `None` for a lifetime.
fn character(chars: &[char], from: usize) -> Option<usize> {
    match chars.get(from + 1..)? {
        ['\\', _, ..] => Some((until(chars, from + 3, |rest| rest[0] == '\'') + 1).min(chars.len())),
        [_, '\'', ..] => Some(from + 3),
        _ => None,
    }
}

/// The letter at `at` is a part of a longer word; `br"` and `cr"` count as starts.
fn word_before(chars: &[char], at: usize, back: usize) -> bool {
    match at.checked_sub(back).and_then(|at| chars.get(at)) {
        Some('b' | 'c') if back == 1 => word_before(chars, at, 2),
        Some(c) => c.is_alphanumeric() || *c == '_',
        None => false,
    }
}

/// Takes out every item under `#[cfg(test)]`, and gives the names of test modules that are files of their own.
pub(crate) fn without_tests(code: &str) -> (String, BTreeSet<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut out, mut rest, mut modules) = (String::new(), code, BTreeSet::new());
    while let Some((before, after)) = rest.split_once(MARK) {
        out.push_str(before);
        let end = item_end(after);
        let item = &after[..end];
        if let Some(name) = item.trim().strip_suffix(';').and_then(|item| item.rsplit_once("mod ")) {
            modules.insert(name.1.trim().to_owned());
        }
        out.extend(item.chars().filter(|c| *c == '\n'));
        rest = &after[end..];
    }
    (out + rest, modules)
}

/// Where the item ends that starts here: at its closing brace, or at a semicolon before any brace.
fn item_end(text: &str) -> usize {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return at + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The words of a code, with the line that each is on.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.lines().enumerate().flat_map(move |(at, line)| {
        line.split(move |c| !is_word(c)).filter(|word| !word.is_empty()).map(move |word| (at + 1, word))
    })
}

/// A top-level module that a file uses, and where. `*` when it takes all of them, which nobody can check.
pub(crate) type Use = (usize, String);

/// The top-level modules that a file's code names, by `crate::` or by as many `super::` as lead out of its own one.
/// `depth` is how deep the file's module is: 1 for `src/a.rs` and `src/a/mod.rs`, 2 for `src/a/b.rs`.
pub(crate) fn uses(code: &str, depth: usize) -> Vec<Use> {
    let mut out = vec![];
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let before = &code[..at];
            let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if inside {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            out.extend(firsts(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    // `use crate as x`, `use super as x` and the like would hide what follows
    for (at, line) in code.lines().enumerate() {
        let renamed = ["crate as ", "super as ", "self as "].iter().any(|word| line.contains(word));
        if renamed && line.contains("use ") {
            out.push((at + 1, "*".to_owned()));
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The first name of a path, or of each path in its group: `a::b` gives `a`, `{a::{b, c}, d}` gives `a` and `d`.
fn firsts(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() { "*".to_owned() } else { name }
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut depth, mut start, mut out) = (0_usize, 0, vec![]);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    out.push(name(&group[start..at]));
                }
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_not_code() {
        let source = "a // .unwrap()\nb /* x /* y */ crate::z */ c \"q\\\" // t\" d r#\"\"crate::\"# e 'x' f '\\'' g<'a> \
                      br\"k\" r#fn for\"w\"";
        let code = code(source);
        for gone in ["unwrap", "crate", "//", "x", "y", "t", "k", "w"] {
            assert!(!code.contains(gone), "{gone}: {code}");
        }
        let left: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(left, "a b c d e f g<'a> b r#fn for");
        assert_eq!(code.lines().count(), source.lines().count());
        for torn in ["\"", "'", "'\\", "/*", "r#\"", "\"\\", "r#", "b'"] {
            let _ = super::code(torn);
        }
    }

    #[test]
    fn what_is_only_for_tests_is_taken_out() {
        let (code, modules) = without_tests(
            "a\n#[cfg(test)]\nmod tests {\n fn x() { y }\n}\nb\n#[cfg(test)]\nmod checker;\n#[cfg(test)] const C: [u8; 2] = q;\nc",
        );
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(code.lines().count(), 10);
        assert_eq!(modules.into_iter().collect::<Vec<_>>(), ["checker"]);
    }

    #[test]
    fn uses_are_found_however_they_are_written() {
        let uses = |code: &str, depth| uses(code, depth).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(uses("use crate::a::B;", 1), ["a"]);
        assert_eq!(uses("use crate::{a::{B, c::D}, e,\n f::*,\n};", 1), ["a", "e", "f"]);
        assert_eq!(uses("fn f() { crate::a::b() } fn g() -> crate::c::D {}", 3), ["a", "c"]);
        assert_eq!(uses("use super::a;", 1), ["a"]);
        assert_eq!(uses("use super::a; use super::super::b; use super::super::{c, d};", 2), ["b", "c", "d"]);
        assert_eq!(uses("$crate::a::b!()", 1), ["a"]);
        assert_eq!(uses("use crate::*;", 1), ["*"]);
        assert_eq!(uses("use crate as x;", 1), ["*"]);
        assert!(uses("use mycrate::a; use std::a; self::super_::b", 1).is_empty());
        assert_eq!(super::uses("\n\nuse crate::a;", 1), [(3, "a".to_owned())]);
    }
}
