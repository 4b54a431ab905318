//! The texts of errors. A test compares them with the codes in the sources, both ways.

mod config;
mod other;
mod start;

use super::{Text, Where};

pub(super) const ALL: &[&[Text]] = &[other::TEXTS, config::TEXTS, start::TEXTS];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every `flipper::…` code in a folder of sources, this one left out.
    #[expect(clippy::disallowed_methods, reason = "reads the sources")]
    fn codes(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match path.is_dir() {
                true if path.ends_with("explain") => {}
                true => codes(&path, found),
                false => {
                    let text = std::fs::read_to_string(&path).unwrap();
                    // as a text, and as thiserror's neighbour writes it
                    for start in ["\"flipper::", "code(flipper::"] {
                        for rest in text.split(start).skip(1) {
                            let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
                            let code: String = rest.chars().take_while(|c| word(*c)).collect();
                            if rest[code.len()..].starts_with(['"', ')']) && !code.is_empty() && !code.ends_with(':') {
                                found.insert(format!("flipper::{code}"));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_error_has_a_text_and_every_text_an_error() {
        let mut found = BTreeSet::new();
        codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let texts: BTreeSet<String> = ALL.iter().copied().flatten().map(|text| text.id.to_owned()).collect();
        let missing: Vec<&String> = found.difference(&texts).collect();
        assert!(missing.is_empty(), "write a text in src/explain/errors for: {missing:?}");
        let idle: Vec<&String> = texts.difference(&found).collect();
        assert!(idle.is_empty(), "no error has these codes any more: {idle:?}");
        assert!(found.len() > 40, "{found:?}");
    }
}
