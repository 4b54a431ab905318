//! Puts a config down as text, and remembers where each value came from.

use std::ops::Range;

use super::Given;

/// A text, and where its values were given.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// Bytes of the text, and the bytes of the source that they come from; in order.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Written {
    /// Where something in the text was given: there, or else at the last value before it that anybody gave.
    pub(super) fn origin(&self, span: &Range<usize>) -> Range<usize> {
        let given = |at: &&(Range<usize>, Range<usize>)| !at.1.is_empty();
        let inside = self.places.iter().filter(given).find(|(here, _)| here.start < span.end && span.start < here.end);
        let before = || self.places.iter().filter(given).rfind(|(here, _)| here.start <= span.start);
        inside.or_else(before).map_or(0..0, |(_, from)| from.clone())
    }
}

/// Writes lines, each at its depth.
#[derive(Debug, Default)]
pub(super) struct Pen {
    written: Written,
    depth: usize,
}

impl Pen {
    /// Begins a line.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.written.text.push_str(&"    ".repeat(self.depth));
        self
    }

    /// Puts something into the line, as it is.
    pub(super) fn put(&mut self, text: &str) -> &mut Self {
        self.written.text.push_str(text);
        self
    }

    /// Puts a value in, in quotes. RON's escapes are those of Rust.
    pub(super) fn quoted(&mut self, value: &Given) -> &mut Self {
        self.valued(&format!("{:?}", value.text), &value.from)
    }

    /// Puts a value in, as it is.
    pub(super) fn valued(&mut self, text: &str, from: &Range<usize>) -> &mut Self {
        let start = self.written.text.len();
        self.written.text.push_str(text);
        self.written.places.push((start..self.written.text.len(), from.clone()));
        self
    }

    /// Ends a line.
    pub(super) fn end(&mut self) -> &mut Self {
        self.written.text.push('\n');
        self
    }

    /// A whole line.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        self.begin().put(text).end()
    }

    /// Comment lines.
    pub(super) fn remark<'l>(&mut self, lines: impl IntoIterator<Item = &'l str>) -> &mut Self {
        for line in lines {
            let line = if line.is_empty() { "//".to_owned() } else { format!("// {line}") };
            self.line(&line);
        }
        self
    }

    /// A line with a bracket; what follows is further in.
    pub(super) fn open(&mut self, line: &str) -> &mut Self {
        self.line(line);
        self.depth += 1;
        self
    }

    /// The same, for a line that has begun.
    pub(super) fn open_here(&mut self, rest: &str) -> &mut Self {
        self.put(rest).end();
        self.depth += 1;
        self
    }

    /// The line that ends it.
    pub(super) fn close(&mut self, line: &str) -> &mut Self {
        self.depth = self.depth.saturating_sub(1);
        self.line(line)
    }

    pub(super) fn written(self) -> Written {
        self.written
    }
}
