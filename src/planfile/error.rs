//! Why a plan file or a snapshot file is not taken.

use std::fmt;
use std::path::Path;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use crate::model::printable;

/// What is wrong, for code that decides by it. Its diagnostic code is `flipper::planfile::` and the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The file cannot be read.
    Read,
    /// The file cannot be written.
    Write,
    /// There is a file already, and it is not one that may be replaced.
    Exists,
    /// It is not RON, or not the RON of such a file; a name or an address breaks its rules.
    Syntax,
    /// It is of a format that this flipper does not read.
    Format,
    /// It is not what flipper wrote: the digest or the text differs.
    Changed,
    /// Its steps do not make a plan.
    Step,
}

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Self::Read => "flipper::planfile::read",
            Self::Write => "flipper::planfile::write",
            Self::Exists => "flipper::planfile::exists",
            Self::Syntax => "flipper::planfile::syntax",
            Self::Format => "flipper::planfile::format",
            Self::Changed => "flipper::planfile::changed",
            Self::Step => "flipper::planfile::step",
        }
    }
}

/// Why a plan file or a snapshot file is not taken, with the place in it where there is one.
#[derive(Debug)]
pub struct PlanFileError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    help: String,
    place: Option<(NamedSource<String>, LabeledSpan)>,
    cause: Option<std::io::Error>,
}

impl PlanFileError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Line and column (in characters, both from 1) of the place in the file, where there is one.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        let (source, label) = self.0.place.as_ref()?;
        let before = source.inner().get(..label.offset())?;
        let line = before.split('\n').count();
        Some((line, before.rsplit('\n').next().unwrap_or(before).chars().count() + 1))
    }

    /// There is no such file.
    pub(super) fn is_not_found(&self) -> bool {
        self.0.cause.as_ref().is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
    }

    pub(super) fn new(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), help: help.into(), place: None, cause: None }))
    }

    pub(super) fn io(kind: Kind, doing: &str, path: &Path, cause: std::io::Error, help: &str) -> Self {
        let mut error = Self::new(kind, format!("cannot {doing} {}", shown(path)), help);
        error.0.cause = Some(cause);
        error
    }

    /// Points at some bytes of a text. Bounds that do not fit are made to: a wrong place must not hide the error.
    pub(super) fn at(mut self, name: &str, text: &str, span: std::ops::Range<usize>, label: &str) -> Self {
        let start = text.floor_char_boundary(span.start);
        let end = text.ceil_char_boundary(span.end.max(start));
        let label = LabeledSpan::new_with_span(Some(label.to_owned()), SourceSpan::from((start, end - start)));
        self.0.place = Some((NamedSource::new(printable(name), tame(text)), label));
        self
    }

    /// From what the RON reader says. Its columns count characters, a span counts bytes.
    pub(super) fn syntax(name: &str, text: &str, what: &str, error: &ron::error::SpannedError) -> Self {
        let start = offset(text, &error.span.start);
        let end = offset(text, &error.span.end).max(start + 1);
        let said = printable(&error.code.to_string());
        Self::new(
            Kind::Syntax,
            format!("{} is not {what}: {said}", printable(name)),
            "Such a file is written by flipper and not edited; make a new one.",
        )
        .at(name, text, start..end, "here")
    }
}

/// A text without characters that steer a terminal, each replaced by one of as many bytes, so that every place in the
/// text stays where it is.
fn tame(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => c,
        '\r' => ' ',
        c if printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) => c,
        c => match c.len_utf8() {
            1 => '?',
            2 => '\u{bf}',
            _ => char::REPLACEMENT_CHARACTER,
        },
    };
    text.chars().map(harmless).collect()
}

/// Byte offset of a line and column, both from 1.
fn offset(text: &str, at: &ron::error::Position) -> usize {
    let before: usize = text.split_inclusive('\n').take(at.line.saturating_sub(1)).map(str::len).sum();
    let line = text.get(before..).unwrap_or_default();
    before + line.chars().take(at.col.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

/// A path, fit for a terminal.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

impl fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for PlanFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

impl Diagnostic for PlanFileError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.kind.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.0.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|(source, _)| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, label) = self.0.place.as_ref()?;
        Some(Box::new(std::iter::once(label.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ron::error::Position;

    #[test]
    fn columns_count_characters_and_offsets_count_bytes() {
        let text = "a\näöü x\n";
        assert_eq!(offset(text, &Position { line: 1, col: 1 }), 0);
        assert_eq!(offset(text, &Position { line: 2, col: 5 }), 2 + 7);
        // beyond the end, wherever: no panic, and inside the text
        for line in 0..9 {
            for col in 0..99 {
                assert!(offset(text, &Position { line, col }) <= text.len());
            }
        }
    }

    #[test]
    fn a_file_does_not_steer_the_terminal_that_shows_its_error() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}\r\n\tä\u{7f}";
        let tamed = tame(text);
        assert_eq!(tamed, "a?[2J¿\u{fffd} \n\tä?");
        assert_eq!(tamed.len(), text.len());
    }

    #[test]
    fn a_place_is_found_again_and_a_wrong_one_does_no_harm() {
        let error = || PlanFileError::new(Kind::Syntax, "m", "h");
        assert_eq!(error().at("n", "a\näb", 4..5, "here").position(), Some((2, 2)));
        assert_eq!(error().at("n", "a\näb", 99..100, "here").position(), Some((2, 3)));
    }
}
