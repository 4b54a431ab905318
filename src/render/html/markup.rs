//! HTML that cannot hold what it should not: tags are constants of this program, and everything else is escaped.

use std::fmt::Display;

use crate::model::printable;

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Markup as it is. `'static`, so that nothing that was read from anywhere can come this way.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// A text, also between the quotes of an attribute.
    pub(super) fn text(mut self, text: impl Display) -> Self {
        for c in printable(&text.to_string()).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// An element with a text in it; `tag` may carry attributes.
    pub(super) fn element(self, tag: &'static str, text: impl Display) -> Self {
        let name = tag.split(' ').next().unwrap_or(tag);
        self.raw("<").raw(tag).raw(">").text(text).raw("</").raw(name).raw(">")
    }

    /// A sentence, with what stands between backticks as code.
    pub(super) fn prose(mut self, text: &str) -> Self {
        let parts: Vec<&str> = text.split('`').collect();
        for (at, part) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            self = match (at % 2, last) {
                (1, false) => self.element("code", part),
                // a backtick without a second one
                (1, true) => self.text("`").text(part),
                _ => self.text(part),
            };
        }
        self
    }

    /// Another piece.
    pub(super) fn add(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// Pieces, one for each thing.
    pub(super) fn each<T>(self, things: impl IntoIterator<Item = T>, draw: impl Fn(T) -> Self) -> Self {
        things.into_iter().fold(self, |page, thing| page.add(draw(thing)))
    }

    pub(super) fn end(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let page = Markup::new().raw("<a title=\"").text("\"'><script>&\u{202e}\n").raw("\">").end();
        assert_eq!(page, "<a title=\"&quot;&#39;&gt;&lt;script&gt;&amp;\\u{202e}\\n\">");
        let page = Markup::new().prose("a `<b>` c `d").element("p class=\"x\"", '<').end();
        assert_eq!(page, "a <code>&lt;b&gt;</code> c `d<p class=\"x\">&lt;</p>");
    }
}
