//! What the importer says beside the config that it makes.

use std::fmt;

use crate::model::printable;

/// One line: what was in the old metadata, why it is not in the config as it was, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Line in the file, from 1.
    pub line: usize,
    /// The pair, or `defaults`.
    pub pair: String,
    /// The node, where it is about one.
    pub node: Option<String>,
    /// The setting.
    pub name: String,
    /// Its value; `***` for a secret, nothing where it was not set.
    pub value: Option<String>,
    /// Why it is not taken as it was.
    pub why: String,
    /// What to do.
    pub instead: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, pair, node, name, value, why, instead } = self;
        write!(f, "{line}: {}", printable(pair))?;
        if let Some(node) = node {
            write!(f, "/{}", printable(node))?;
        }
        write!(f, ": {}", printable(name))?;
        match value {
            Some(value) => write!(f, " = {}", printable(value))?,
            None => f.write_str(" (not set)")?,
        }
        write!(f, ": {why}; {instead}")
    }
}
