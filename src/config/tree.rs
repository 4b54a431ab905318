//! Where things stand in a RON text: the tree of its fields and entries, each with the bytes of its key and value.
//!
//! RON itself tells places only for what it refuses. What it accepts and flipper does not (a port of 0, an address given
//! twice) is found again here, by the same path.

use std::ops::Range;

use super::lex::{Kind, Token, tokens};

/// Bytes of a text.
pub(super) type Span = Range<usize>;

/// Deeper than RON goes itself; what is nested further is not told apart.
const DEPTH: usize = 130;

/// A field of a struct or an entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Name or key, and where it stands; nothing for list items and the root.
    pub(super) key: Option<(String, Span)>,
    /// Where the value stands, brackets included.
    pub(super) span: Span,
    /// What is inside the value.
    pub(super) inside: Vec<Entry>,
}

/// Reads the tree of a text. Broken text gives the part of it that can be made out.
pub(super) fn tree(text: &str) -> Entry {
    let tokens = tokens(text);
    let mut parser = Parser { text, tokens: &tokens, at: 0 };
    parser.skip_attributes();
    let root = parser.value(0);
    root.unwrap_or(Entry { key: None, span: 0..0, inside: Vec::new() })
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn kind(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// `#![enable(implicit_some)]` and the like, in front of the value.
    fn skip_attributes(&mut self) {
        while self.tokens.get(self.at).is_some_and(|token| self.slice(&token.span) == "#") {
            while self.kind(0).is_some_and(|kind| kind != Kind::Open) {
                self.at += 1;
            }
            if self.value(0).is_none() {
                return;
            }
        }
    }

    /// One value; nothing at the end of the text. Always moves on.
    fn value(&mut self, depth: usize) -> Option<Entry> {
        let first = self.tokens.get(self.at)?;
        self.at += 1;
        let named = first.kind == Kind::Word && self.kind(0) == Some(Kind::Open);
        if named {
            self.at += 1;
        }
        if depth > DEPTH || !(named || first.kind == Kind::Open) {
            return Some(Entry { key: None, span: first.span.clone(), inside: Vec::new() });
        }
        let inside = self.inside(depth + 1);
        let end = self.tokens.get(self.at.saturating_sub(1)).map_or(first.span.end, |token| token.span.end);
        // `Some(x)` and `x` mean the same in a config
        if named
            && self.slice(&first.span) == "Some"
            && let [only] = inside.as_slice()
            && only.key.is_none()
        {
            return Some(only.clone());
        }
        Some(Entry { key: None, span: first.span.start..end, inside })
    }

    /// Everything up to the closing bracket, which is passed over.
    fn inside(&mut self, depth: usize) -> Vec<Entry> {
        let mut out = Vec::new();
        while let Some(kind) = self.kind(0) {
            match kind {
                Kind::Close => {
                    self.at += 1;
                    break;
                }
                Kind::Comma => self.at += 1,
                Kind::Text | Kind::Word | Kind::Open | Kind::Colon | Kind::OpenComment | Kind::Other => {
                    let key = self.key();
                    let value = match self.kind(0) {
                        None | Some(Kind::Close | Kind::Comma) if key.is_some() => None,
                        _ => self.value(depth),
                    };
                    let end = key.as_ref().map_or(0, |(_, span)| span.end);
                    let value = value.unwrap_or(Entry { key: None, span: end..end, inside: Vec::new() });
                    out.push(Entry { key, ..value });
                }
            }
        }
        out
    }

    /// `name:` or `"key":`, passed over.
    fn key(&mut self) -> Option<(String, Span)> {
        let token = self.tokens.get(self.at)?;
        if self.kind(1) != Some(Kind::Colon) {
            return None;
        }
        let raw = self.slice(&token.span);
        let key = match token.kind {
            // RON reads its own escapes
            Kind::Text => ron::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()),
            Kind::Word => raw.strip_prefix("r#").unwrap_or(raw).to_owned(),
            Kind::Open | Kind::Close | Kind::Colon | Kind::Comma | Kind::OpenComment | Kind::Other => return None,
        };
        let span = token.span.clone();
        self.at += 2;
        Some((key, span))
    }
}

/// A place in the tree, named by the way to it; a way that ends early points at the last thing it met.
#[derive(Debug, Clone)]
pub(super) struct At<'t> {
    entry: Option<&'t Entry>,
    last: Span,
}

impl<'t> At<'t> {
    /// The whole text.
    pub(super) fn root(entry: &'t Entry) -> Self {
        // a bracket is enough to point at; a whole file underlined says nothing
        Self { entry: Some(entry), last: entry.span.start..entry.span.end.min(entry.span.start + 1) }
    }

    /// The field or entry of that key.
    pub(super) fn field(&self, key: &str) -> Self {
        self.find(|entry| entry.key.as_ref().is_some_and(|(k, _)| k == key))
    }

    /// The entry in that place: entries of a map are told apart by order, so that equal keys are not mixed up.
    pub(super) fn nth(&self, index: usize) -> Self {
        let entry = self.entry.and_then(|entry| entry.inside.get(index));
        Self { entry, last: entry.and_then(key_of).unwrap_or_else(|| self.key()) }
    }

    fn find(&self, is: impl Fn(&Entry) -> bool) -> Self {
        let entry = self.entry.and_then(|entry| entry.inside.iter().find(|inner| is(inner)));
        Self { entry, last: entry.and_then(key_of).unwrap_or_else(|| self.key()) }
    }

    /// Where the key stands; for what has none, the nearest one above.
    pub(super) fn key(&self) -> Span {
        self.last.clone()
    }

    /// Where the value stands.
    pub(super) fn value(&self) -> Span {
        self.entry.map_or_else(|| self.key(), |entry| entry.span.clone())
    }
}

fn key_of(entry: &Entry) -> Option<Span> {
    entry.key.as_ref().map(|(_, span)| span.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_key_and_value() {
        let text =
            "#![enable(implicit_some)]\n// (\nConfig(pairs: {\"o\\u{72}\": (host: Some(\"h\"), port: 3), \"b\": ()})";
        let tree = tree(text);
        let pairs = At::root(&tree).field("pairs");
        let host = pairs.field("or").field("host");
        assert_eq!((&text[host.key()], &text[host.value()]), ("host", "\"h\""));
        assert_eq!(&text[pairs.field("or").field("port").value()], "3");
        assert_eq!(&text[pairs.nth(1).key()], "\"b\"");
        assert_eq!(&text[pairs.field("or").field("absent").field("more").value()], "\"o\\u{72}\"");
    }

    #[test]
    fn any_text_gives_some_tree() {
        for text in
            ["", "(", ")", ":", "a:", "(a", "(a:", "(a:,b", "((((", "#", "#![", "Some(", "{:}", "(:)", "{\"a\"}"]
        {
            let tree = tree(text);
            assert!(text.get(tree.span.clone()).is_some(), "{text:?}: {tree:?}");
        }
        let deep = "(".repeat(100_000);
        assert!(deep.get(tree(&deep).span).is_some());
    }
}
