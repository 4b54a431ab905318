//! Mistakes in a config file, as diagnostics that point at the place.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::mask::mask;
use super::tree::Span;

/// One mistake: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    code: &'static str,
    message: String,
    help: Option<String>,
    labels: Vec<(Span, String)>,
}

impl Mistake {
    pub(crate) fn new(code: &'static str, span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, labels: vec![(span, label.into())] }
    }

    pub(crate) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same mistake, each of its places led to another.
    pub(super) fn moved(mut self, to: impl Fn(&Span) -> Span) -> Self {
        for (span, _) in &mut self.labels {
            *span = to(span);
        }
        self
    }

    /// What kind of mistake it is: `flipper::config::unknown_field`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Byte offset of the place in the file.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.labels.first().map_or(0, |(span, _)| span.start)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let primary = |index| index == 0;
        Some(Box::new(self.labels.iter().enumerate().map(move |(index, (span, label))| {
            let label = Some(label.clone()).filter(|label| !label.is_empty());
            if primary(index) {
                LabeledSpan::new_primary_with_span(label, span.clone())
            } else {
                LabeledSpan::new_with_span(label, span.clone())
            }
        })))
    }
}

/// All mistakes found in a config file, at least one. A diagnostic: one mistake shows as itself, several as related ones.
#[derive(Debug, Clone)]
pub struct ConfigErrors {
    name: String,
    source: NamedSource<Arc<String>>,
    mistakes: Vec<Mistake>,
}

impl ConfigErrors {
    /// `name` is how the file is called in what is shown. Mistakes are put into the order of the file. A text that was
    /// written into the config as a password is not shown.
    pub(crate) fn new(name: &str, text: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(Mistake::offset);
        mistakes.dedup();
        let name = crate::model::printable(name);
        for (span, _) in mistakes.iter_mut().flat_map(|mistake| &mut mistake.labels) {
            *span = within(text, span);
        }
        let source = NamedSource::new(&name, Arc::new(mask(text)));
        Self { name, source, mistakes }
    }

    /// Each mistake, in the order of the file.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    fn only(&self) -> Option<&Mistake> {
        match self.mistakes.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// A span as miette can draw it: inside the text, on character boundaries.
fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.only() {
            Some(only) => only.fmt(f),
            None => write!(f, "{} has {} mistakes", self.name, self.mistakes.len()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl Diagnostic for ConfigErrors {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::code)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::help)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.only().is_some() {
            return None;
        }
        Some(Box::new(self.mistakes.iter().map(|mistake| mistake as &dyn Diagnostic)))
    }
}
