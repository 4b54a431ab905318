//! What RON refuses, said in an operator's words and with a place that miette can draw.

use ron::error::{Error, Position, SpannedError};
use ron::extensions::Extensions;

use super::lex::{Kind, tokens};
use super::mistake::Mistake;
use super::near::nearest;
use super::raw;
use super::tree::{Entry, Span, tree};

/// Reads a text; RON stops at its first mistake.
pub(super) fn read(text: &str) -> Result<raw::Config, Mistake> {
    if tokens(text).is_empty() {
        return Err(Mistake::new("flipper::config::no_pairs", 0..0, "the config is empty", "")
            .help("write `(pairs: { \"NAME\": (nodes: { … }, roles: { … }) })` into it"));
    }
    read_as(text)
}

/// Reads any text with optional values written as they are.
pub(super) fn read_as<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .from_str(text)
        .map_err(|error| mistake(text, &error))
}

fn mistake(text: &str, error: &SpannedError) -> Mistake {
    let span = span(text, error);
    match &error.code {
        Error::NoSuchStructField { expected, found, outer } => {
            let place = outer.as_ref().map_or_else(String::new, |outer| format!(" of {}", place(outer)));
            let known: Vec<&str> = expected.iter().copied().filter(|field| *field != "password").collect();
            let known_text = known.join(", ");
            let help = match nearest(found, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? The fields here are: {known_text}"),
                None => format!("the fields here are: {known_text}"),
            };
            let message = format!("`{}` is not a setting{place}", crate::model::printable(found));
            Mistake::new("flipper::config::unknown_field", span, message, "unknown").help(help)
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            let all = expected.join(" or ");
            let help = match nearest(found, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? It is {all}"),
                None => format!("it is {all}, without quotes"),
            };
            let message = format!("`{}` is not an access", crate::model::printable(found));
            Mistake::new("flipper::config::unknown_variant", span, message, "unknown").help(help)
        }
        Error::DuplicateStructField { field, .. } => {
            let message = format!("`{field}` is given twice");
            let again = Mistake::new("flipper::config::duplicate_field", span.clone(), message, "and again here")
                .help("keep one of the two; flipper does not guess which");
            match first_of(&tree(text), span.start) {
                Some(first) => again.also(first, "first here"),
                None => again,
            }
        }
        code if is_type(code) => Mistake::new("flipper::config::wrong_type", whole(text, span), said(code), "here")
            .help("texts and durations stand in quotes (\"5s\"), ports are bare numbers, `sudo` is true or false"),
        code => syntax(text, span, code),
    }
}

/// What is no RON at all. Strings and comments that do not end are met far from where they begin.
fn syntax(text: &str, span: Span, code: &Error) -> Mistake {
    const CODE: &str = "flipper::config::syntax";
    let tokens = tokens(text);
    let line = |start: usize| start..text[start..].find('\n').map_or(text.len(), |end| start + end);
    if let (Error::UnclosedBlockComment, Some(open)) =
        (code, tokens.iter().find(|token| token.kind == Kind::OpenComment))
    {
        return Mistake::new(CODE, line(open.span.start), said(code), "begins here").help(way_out(code));
    }
    // no setting has a line end in it, so this is where a quote is missing
    let over_lines = |token: &&super::lex::Token| {
        token.kind == Kind::Text && token.span.start < span.start && text[token.span.clone()].contains('\n')
    };
    if let Some(open) = tokens.iter().find(over_lines) {
        return Mistake::new(CODE, line(open.span.start), "a string does not end on its line", "begins here")
            .help(way_out(&Error::ExpectedStringEnd));
    }
    Mistake::new(CODE, whole(text, span), said(code), "here").help(way_out(code))
}

/// The whole word or string that a place is the beginning of; RON stops in front of it, or at its first character.
fn whole(text: &str, span: Span) -> Span {
    let next = tokens(text).into_iter().find(|token| token.span.start >= span.start);
    match next {
        Some(token)
            if text[span.start..token.span.start].trim().is_empty() && !text[token.span.clone()].contains('\n') =>
        {
            token.span
        }
        _ => span,
    }
}

fn is_type(code: &Error) -> bool {
    matches!(
        code,
        Error::InvalidValueForType { .. }
            | Error::ExpectedString
            | Error::ExpectedInteger
            | Error::ExpectedBoolean
            | Error::IntegerOutOfBounds
            | Error::InvalidIntegerDigit { .. }
    )
}

/// RON's sentence, with a small letter as in all of flipper's messages, and without what the file says.
fn said(code: &Error) -> String {
    let text = match code {
        // RON would print the value
        Error::InvalidValueForType { expected, .. } => format!("expected {expected}"),
        code => crate::model::printable(&code.to_string()),
    };
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn way_out(code: &Error) -> &'static str {
    match code {
        Error::Eof => "the file ends too early: a closing bracket is missing",
        Error::ExpectedStringEnd => "close the string with a quote",
        Error::UnclosedBlockComment => "close the comment with `*/`",
        Error::ExpectedComma | Error::ExpectedStructLikeEnd | Error::ExpectedMapEnd => {
            "a comma or a closing bracket is missing in front of this"
        }
        Error::ExpectedMapColon => "a name and its value are separated by `:`",
        Error::ExpectedIdentifier | Error::InvalidIdentifier(_) | Error::SuggestRawIdentifier(_) => {
            "names of settings and kinds of access are bare words (`host: \"db1\"`, `access: ReadOnly`); the names of \
             pairs, nodes and roles are quoted"
        }
        Error::ExpectedMap | Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => {
            "pairs, nodes and roles stand in `{ }` with quoted names, settings in `( )` with bare ones"
        }
        Error::ExpectedDifferentStructName { .. } => "leave the word in front of the bracket out",
        Error::TrailingCharacters => "the file is one `( … )`; take away what follows it, or a bracket too many",
        Error::NoSuchExtension(_) | Error::ExpectedAttribute | Error::ExpectedAttributeEnd => {
            "the first line is `#![enable(implicit_some)]`, or nothing"
        }
        Error::InvalidEscape(_) => "write a backslash as `\\\\`, or the whole text raw: r\"…\"",
        _ => "the format is RON: settings in `( )`, named entries in `{ }`, commas between, `//` for comments",
    }
}

fn place(outer: &str) -> &str {
    match outer {
        "Config" => "the file",
        "Defaults" => "`defaults`",
        "Pair" => "a pair",
        "Node" => "a node",
        "Role" => "a role",
        "Mysql" => "`mysql`",
        "Tls" => "`tls`",
        "Ssh" => "`ssh`",
        "Limits" => "`limits`",
        other => other,
    }
}

/// The bytes an error of RON stands for; RON counts lines and characters from 1.
fn span(text: &str, error: &SpannedError) -> Span {
    let start = offset(text, error.span.start);
    let end = offset(text, error.span.end).max(start);
    // one character at least; at the end of the text, its last visible one
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    if next > 0 {
        // a span over several lines underlines half of the file
        let line = text[start..].find('\n').map_or(text.len(), |end| start + end);
        return start..end.max(start + next).min(line.max(start + next));
    }
    let last = text.trim_end().char_indices().next_back();
    last.map_or(0..0, |(at, c)| at..at + c.len_utf8())
}

fn offset(text: &str, position: Position) -> usize {
    let line = match position.line.checked_sub(2) {
        None => 0,
        Some(newline) => text.match_indices('\n').nth(newline).map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = &text[line..];
    rest.char_indices().nth(position.col.saturating_sub(1)).map_or(text.len(), |(at, _)| line + at)
}

/// For the field whose name stands at `start`: the same field before it, in the same brackets.
fn first_of(entry: &Entry, start: usize) -> Option<Span> {
    let key = entry.inside.iter().filter_map(|inner| inner.key.as_ref()).find(|(_, span)| span.start == start);
    match key {
        Some((name, _)) => entry
            .inside
            .iter()
            .filter_map(|inner| inner.key.as_ref())
            .find(|(other, span)| other == name && span.start < start)
            .map(|(_, span)| span.clone()),
        None => entry.inside.iter().find_map(|inner| first_of(inner, start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_several_bytes_do_not_shift_the_place() {
        let text = "( // größe 漢字\n  defaults: (interface: \"ä漢\", colour: 1))";
        let found = read(text).map(|_| ()).map_err(|mistake| (mistake.code(), mistake.offset()));
        assert_eq!(found, Err(("flipper::config::unknown_field", text.find("colour").unwrap_or(0))));
    }

    #[test]
    fn positions_beyond_the_text_are_its_end() {
        for position in [Position { line: 9, col: 1 }, Position { line: 1, col: 99 }, Position { line: 0, col: 0 }] {
            assert!(offset("a\nb", position) <= 3);
        }
    }
}
