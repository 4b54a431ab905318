//! The metadata of a legacy Flipper (Proven Scaling, 2008) as a config: a YAML file, or an SQL dump of its `masterpair`
//! and `node` tables.
//!
//! Text in, text and notes out. Each value keeps its place, so that a mistake in it is shown there, also where it is the
//! reader of configs who finds it. Passwords are never taken over and never shown.

mod build;
mod lex;
mod note;
mod sql;
mod table;
mod yaml;

use std::ops::Range;
use std::path::Path;

pub use note::Note;
pub use table::{COMMANDS, Fate, Level, OPTIONS, Row, SETTINGS, Setting};

use crate::config::{ConfigErrors, DraftPassword, Given, Mistake};
use crate::model::printable;

/// What a legacy installation does not say and a config needs.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Takes the addresses where the metadata names no interface.
    pub interface: Option<String>,
    /// Where the passwords will be; a file beside the config, unless told.
    pub password: Option<DraftPassword>,
}

/// A config, and what is not in it.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The config's text.
    pub config: String,
    /// Its pairs, by name.
    pub pairs: Vec<String>,
    /// What has no counterpart, or another one than it had, in the order of the file.
    pub notes: Vec<Note>,
}

/// A setting as it stands in the file.
#[derive(Debug, Clone)]
struct Said {
    name: Given,
    value: Given,
    /// It stands in `defaults`.
    shared: bool,
}

/// A node as it stands in the file.
#[derive(Debug, Clone)]
struct LegacyNode {
    name: Given,
    said: Vec<Said>,
}

/// A pair as it stands in the file. What `defaults` say of every pair comes last in `said`.
#[derive(Debug, Clone)]
struct LegacyPair {
    name: Given,
    said: Vec<Said>,
    nodes: Vec<LegacyNode>,
}

/// Makes a config of a legacy file. `name` is how messages call the file, `home` what `~/` stands for.
///
/// # Errors
///
/// The first mistake of syntax, or every mistake of meaning, each with its place.
pub fn import(name: &str, text: &str, wanted: &Wanted, home: Option<&Path>) -> Result<Imported, ConfigErrors> {
    let read = if is_sql(name, text) { sql::read(text) } else { yaml::read(text) };
    let pairs = read.map_err(|mistake| ConfigErrors::new(name, &hidden(text), vec![mistake]))?;
    if pairs.is_empty() {
        let mistake = Mistake::new("flipper::import::empty", 0..0, "there is no masterpair in it", "")
            .help("name the YAML file, or a dump of both tables: mysqldump --no-create-info DATABASE masterpair node");
        return Err(ConfigErrors::new(name, &hidden(text), vec![mistake]));
    }
    let mut built = build::build(&pairs, wanted, text);
    let made = format!(
        "Made by `flipper import` from {} of a legacy Flipper; what it left out was said then.",
        printable(name)
    );
    built.draft.remarks.push(made);
    let config = match (built.mistakes.is_empty(), built.draft.checked(home)) {
        (true, Ok(config)) => config,
        (_, checked) => {
            // what is missing was said in the old words already
            let mut mistakes = built.mistakes;
            let known = |mistake: &Mistake| {
                !matches!(mistake.code(), "flipper::config::missing" | "flipper::config::two_nodes")
            };
            mistakes.extend(checked.err().into_iter().flatten().filter(known));
            return Err(ConfigErrors::new(name, &hidden(text), mistakes));
        }
    };
    let pairs = built.draft.pairs.iter().map(|pair| pair.name.text.clone()).collect();
    Ok(Imported { config, pairs, notes: built.notes })
}

/// By its name, or else by what is in it.
fn is_sql(name: &str, text: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "sql" => true,
        "yaml" | "yml" => false,
        _ => {
            let upper = text.to_ascii_uppercase();
            ["INSERT ", "REPLACE ", "CREATE TABLE"].iter().any(|word| upper.contains(word))
        }
    }
}

/// What a name of a password has in it, also misspelt.
const TELLTALES: [&str; 3] = ["pas", "pwd", "secret"];

/// Whether a setting of that name holds a secret.
fn is_secret(name: &str) -> bool {
    telltale(name).is_some() || crate::config::nearest(name, ["mysql_password"]).is_some()
}

/// Where the first such name ends, whatever stands between its letters.
fn telltale(text: &str) -> Option<usize> {
    let letters: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).collect();
    let bare: String = letters.iter().map(|(_, c)| c.to_ascii_lowercase()).collect();
    let ends = TELLTALES.iter().filter_map(|part| bare.find(part).map(|at| at + part.len()));
    // its letters are one byte each
    ends.min().and_then(|end| letters.get(end.saturating_sub(1))).map(|(at, _)| at + 1)
}

/// The text as it may be shown: from whatever names a password to the end of its line or, in SQL, of its row.
fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // a row of a dump ends where the next one begins, so that the rest of a long line stays to be seen
        let mut rest = line;
        while !rest.is_empty() {
            let end = rest.find("),('").map_or(rest.len(), |end| end + 2);
            let (row, after) = rest.split_at(end);
            out.push_str(&hidden_row(row));
            rest = after;
        }
    }
    out
}

fn hidden_row(row: &str) -> String {
    let Some(end) = telltale(row) else { return row.to_owned() };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = row[end..].find(|c| !word(c)).map_or(row.len(), |rest| end + rest);
    let mask = |c: char| match c {
        '\'' | '"' | ',' | ':' | ' ' | '(' | ')' | ';' | '\n' | '\r' => c.to_string(),
        c => "*".repeat(c.len_utf8()),
    };
    row[..start].chars().map(|c| c.to_string()).chain(row[start..].chars().map(mask)).collect()
}

/// The line of a place, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn given(text: impl Into<String>, from: Range<usize>) -> Given {
    Given { text: text.into(), from }
}
