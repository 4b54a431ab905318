//! A config that is being written, by `flipper init` or from a legacy Flipper's metadata.
//!
//! Values are kept as they were given. Whether they make sense is for the reader of configs to say, and for nobody else:
//! the text is read before it is handed out, and each mistake is led back to where the value came from.

mod pen;
mod write;

use std::ops::Range;
use std::path::Path;

use super::{Config, ConfigErrors, Mistake};
use crate::model::Access;

/// A text as it was given, and where that is in whatever it was given in.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Its bytes in the source; empty where nobody gave it.
    pub from: Range<usize>,
}

impl Given {
    /// What nobody gave.
    #[must_use]
    pub fn assumed(text: impl Into<String>) -> Self {
        Self { text: text.into(), from: 0..0 }
    }
}

/// Where a password is to be read from.
#[derive(Debug, Clone)]
pub enum DraftPassword {
    /// A variable.
    Env(Given),
    /// A file that holds nothing else.
    File(Given),
    /// A MySQL option file.
    OptionFile(Given),
}

/// What can stand on every level of a config. Each is written as high up as it holds for all below.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Takes the addresses.
    pub interface: Option<Given>,
    /// The account on the server.
    pub mysql_user: Option<Given>,
    /// The server's port, with its place.
    pub mysql_port: Option<(i64, Range<usize>)>,
    /// The account's password.
    pub password: Option<DraftPassword>,
    /// Where ssh reaches the machine, if not at the node's host.
    pub ssh_host: Option<Given>,
    /// The account on the machine.
    pub ssh_user: Option<Given>,
    /// Whether changes go through `sudo -n`.
    pub sudo: bool,
}

/// One of the two nodes of a pair.
#[derive(Debug, Clone, Default)]
pub struct DraftNode {
    /// Its name.
    pub name: Given,
    /// Where it is reached.
    pub host: Given,
    /// How.
    pub settings: Settings,
}

/// A role of a pair.
#[derive(Debug, Clone)]
pub struct DraftRole {
    /// Its name.
    pub name: Given,
    /// Its address, with or without a prefix.
    pub address: Given,
    /// What its clients may do.
    pub access: Access,
}

/// A pair.
#[derive(Debug, Clone, Default)]
pub struct DraftPair {
    /// Its name.
    pub name: Given,
    /// Its nodes; two, or it is not taken.
    pub nodes: Vec<DraftNode>,
    /// Its roles.
    pub roles: Vec<DraftRole>,
}

/// A config that is being written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What the file says about itself, in lines at its top.
    pub remarks: Vec<String>,
    /// Its pairs.
    pub pairs: Vec<DraftPair>,
}

impl Draft {
    /// The config as text, with comments. `name` and `source` are what its values were given in, for mistakes to point
    /// into; `home` is what `~/` stands for.
    ///
    /// # Errors
    ///
    /// Every mistake that a reader of configs would find in it, at the place where the value was given.
    pub fn text(&self, name: &str, source: &str, home: Option<&Path>) -> Result<String, ConfigErrors> {
        self.checked(home).map_err(|mistakes| ConfigErrors::new(name, source, mistakes))
    }

    /// The same, with bare mistakes.
    pub(crate) fn checked(&self, home: Option<&Path>) -> Result<String, Vec<Mistake>> {
        let written = write::written(self);
        match Config::parse("flipper.ron", &written.text, Path::new("/"), home) {
            Ok(_) => Ok(written.text),
            Err(errors) => {
                let back = |mistake: &Mistake| mistake.clone().moved(|span| written.origin(span));
                Err(errors.mistakes().iter().map(back).collect())
            }
        }
    }
}
