//! RON cut into tokens with their places. Not a parser of record: it only serves to find where something stands, so it
//! takes any text whatever and never fails.

use std::ops::Range;

/// What a token is, as far as finding places needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string literal of any spelling, with its quotes.
    Text,
    /// A name or a number.
    Word,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// A `/* */` that does not end.
    OpenComment,
    /// Anything else, a character at a time.
    Other,
}

/// A token and its bytes in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// All tokens of a text; comments and blanks are left out. An open string or comment reaches to the end of the text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (kind, len) = match byte {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'/' if rest.starts_with(b"//") => {
                at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                continue;
            }
            b'/' if rest.starts_with(b"/*") => match block_comment(rest) {
                Some(len) => {
                    at += len;
                    continue;
                }
                None => (Kind::OpenComment, rest.len()),
            },
            b'(' | b'[' | b'{' => (Kind::Open, 1),
            b')' | b']' | b'}' => (Kind::Close, 1),
            b':' => (Kind::Colon, 1),
            b',' => (Kind::Comma, 1),
            b'\'' => char_literal(rest),
            _ => match string(rest) {
                Some(len) => (Kind::Text, len),
                None => word(rest),
            },
        };
        out.push(Token { kind, span: at..at + len });
        at += len;
    }
    out
}

/// Length of a comment that may hold others; nothing if it does not end.
fn block_comment(rest: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 && at < rest.len() {
        if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    (depth == 0).then_some(at)
}

/// `'x'` must not be read as the start of a string when x is a quote.
fn char_literal(rest: &[u8]) -> (Kind, usize) {
    match rest {
        [_, b'\\', _, b'\'', ..] => (Kind::Other, 4),
        [_, b'"', b'\'', ..] => (Kind::Other, 3),
        _ => (Kind::Other, 1),
    }
}

/// Length of a string literal, if one starts here: `".."`, `r#".."#`, and both with a leading `b`.
fn string(rest: &[u8]) -> Option<usize> {
    let prefix = usize::from(rest.first() == Some(&b'b'));
    let after = &rest[prefix..];
    if after.first() == Some(&b'"') {
        let mut at = 1;
        while let Some(byte) = after.get(at) {
            match byte {
                b'"' => return Some(prefix + at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        return Some(rest.len());
    }
    let after = after.strip_prefix(b"r")?;
    let hashes = after.iter().take_while(|b| **b == b'#').count();
    let body = after.get(hashes..)?.strip_prefix(b"\"")?;
    let start = rest.len() - body.len();
    let end = (0..body.len()).find(|at| {
        body[*at] == b'"' && body[at + 1..].len() >= hashes && body[at + 1..][..hashes].iter().all(|b| *b == b'#')
    });
    Some(end.map_or(rest.len(), |end| start + end + 1 + hashes))
}

/// A name, a number, or one other character. Bytes of several-byte characters stay together.
fn word(rest: &[u8]) -> (Kind, usize) {
    let raw = if rest.starts_with(b"r#") { 2 } else { 0 };
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'+' | b'-') || *b >= 0x80;
    match rest[raw..].iter().take_while(|b| part(b)).count() {
        0 if raw == 0 => (Kind::Other, 1),
        0 => (Kind::Word, 1),
        len => (Kind::Word, raw + len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| &text[token.span]).collect()
    }

    #[test]
    fn strings_keep_what_looks_like_structure() {
        assert_eq!(pieces(r#"a: "x, \" (y", b"#), ["a", ":", r#""x, \" (y""#, ",", "b"]);
        assert_eq!(pieces(r###"r#"a"b"#, br"\", b"q""###), [r###"r#"a"b"#"###, ",", r#"br"\""#, ",", r#"b"q""#]);
        assert_eq!(pieces("'\"' 'a' '\\'' z"), ["'\"'", "'", "a", "'", "'\\''", "z"]);
    }

    #[test]
    fn comments_nest_and_are_left_out() {
        assert_eq!(pieces("a /* ( /* ) */ { */ b // c\n d"), ["a", "b", "d"]);
    }

    #[test]
    fn open_ends_reach_to_the_end() {
        for text in ["\"abc\\", "r##\"a\"#", "/* /* */", "// x", "b", "r#", "'", "'\\", "\"ä", "é(é"] {
            let ends = tokens(text);
            assert!(ends.iter().all(|token| text.get(token.span.clone()).is_some()), "{text:?}: {ends:?}");
        }
    }
}
