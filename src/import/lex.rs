//! The words of SQL as dumps have them: comments are passed over, quotes and escapes are undone, places are kept.

use std::ops::Range;

use crate::config::Mistake;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word.
    Word,
    /// A name in backticks.
    Name,
    /// A text in quotes, or of hexadecimal digits.
    Text,
    Number,
    /// One of `( ) , ; .`, or whatever else stands there.
    Sign,
    /// Behind the last one.
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What it says, quotes and escapes undone.
    pub(super) text: String,
    pub(super) from: Range<usize>,
}

fn wrong(from: Range<usize>, message: &str, help: &str) -> Mistake {
    Mistake::new("flipper::import::sql", from, message, "here").help(help)
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut tokens = vec![];
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let line_end = || rest.find('\n').unwrap_or(rest.len());
        let second = rest[first.len_utf8()..].chars().next();
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let used = match first {
            c if c.is_whitespace() => c.len_utf8(),
            '#' => line_end(),
            // MySQL wants a blank behind the dashes
            '-' if rest.starts_with("--") && rest[2..].chars().next().is_none_or(char::is_whitespace) => line_end(),
            '/' if second == Some('*') => match rest[2..].find("*/") {
                Some(end) => 2 + end + 2,
                None => return Err(wrong(at..at + 2, "this comment is not closed", "is the file cut off?")),
            },
            '\'' | '"' | '`' => {
                let (token, used) = quoted(rest, first, at)?;
                tokens.push(token);
                used
            }
            'x' | 'X' if second == Some('\'') => {
                let (digits, used) = quoted(&rest[1..], '\'', at + 1)?;
                tokens.push(hexadecimal(&digits.text, at..at + 1 + used)?);
                1 + used
            }
            c if is_word(c) => {
                let used = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let (word, from) = (&rest[..used], at..at + used);
                tokens.push(match word.strip_prefix("0x") {
                    Some(digits) => hexadecimal(digits, from)?,
                    None => {
                        let kind = if c.is_ascii_digit() { Kind::Number } else { Kind::Word };
                        Token { kind, text: word.to_owned(), from }
                    }
                });
                used
            }
            c => {
                tokens.push(Token { kind: Kind::Sign, text: c.to_string(), from: at..at + c.len_utf8() });
                c.len_utf8()
            }
        };
        at += used;
    }
    Ok(tokens)
}

/// What stands between quotes; a doubled quote stands for itself, and so does what follows a backslash.
fn quoted(rest: &str, quote: char, at: usize) -> Result<(Token, usize), Mistake> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((index, c)) = chars.next() {
        if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
                out.push(quote);
                continue;
            }
            let kind = if quote == '`' { Kind::Name } else { Kind::Text };
            // a place is what is inside; an empty one is its quotes
            let from = if index > 1 { at + 1..at + index } else { at..at + 2 };
            return Ok((Token { kind, text: out, from }, index + 1));
        }
        match (c, quote) {
            ('\\', '\'' | '"') => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('0') => out.push('\0'),
                Some('b') => out.push('\u{8}'),
                Some('Z') => out.push('\u{1a}'),
                Some(c) => out.push(c),
                None => break,
            },
            (c, _) => out.push(c),
        }
    }
    Err(wrong(at..at + 1, "this quote is not closed", "is the file cut off?"))
}

fn hexadecimal(digits: &str, from: Range<usize>) -> Result<Token, Mistake> {
    let byte = |pair: &[u8]| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> =
        if digits.len().is_multiple_of(2) { digits.as_bytes().chunks(2).map(byte).collect() } else { None };
    let Some(bytes) = bytes else {
        return Err(wrong(from, "these are no pairs of hexadecimal digits", "dump without --hex-blob"));
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Token { kind: Kind::Text, text, from }),
        Err(_) => {
            Err(wrong(from, "this value is not UTF-8", "no setting of the old Flipper is binary: look at the row"))
        }
    }
}
