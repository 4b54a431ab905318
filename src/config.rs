//! The config: the pairs that flipper knows, and how their nodes are reached. Never a password.
//!
//! The format is RON, read by [`ron`] with `implicit_some` switched on. Settings cascade from `defaults` over the pair
//! to the node. Every mistake is a diagnostic that points at its place; mistakes of meaning are shown all at once. Only
//! `config/read.rs` touches the file system, and the environment is handed in.

mod build;
mod check;
mod draft;
mod field;
mod goal;
mod layer;
mod lex;
mod limits;
mod load;
mod mask;
mod mistake;
mod near;
mod option_file;
mod option_line;
mod raw;
mod read;
mod secret;
mod show;
mod syntax;
mod tls;
mod tree;
mod value;

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

pub use draft::{Draft, DraftNode, DraftPair, DraftPassword, DraftRole, Given, Settings};
pub use goal::goal;
pub use load::{LoadError, decode, load};
pub use mistake::{ConfigErrors, Mistake};
pub use near::nearest;
pub use option_line::{OptionLine, option_line};
pub use secret::{Env, PasswordSource, Secret, SecretError};
pub use tls::AuthorityError;

use crate::model::{Host, Pair, UserName};

/// All pairs of a config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file they come from.
    pub path: PathBuf,
    /// The pairs, in the order of the file; at least one, with different names.
    pub pairs: Vec<PairConfig>,
}

/// A pair and how its nodes are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairConfig {
    /// The pair itself.
    pub pair: Pair,
    /// How each node is reached, in the order of `pair.nodes`.
    pub reach: [Reach; 2],
}

/// How a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Its server.
    pub mysql: MysqlReach,
    /// Its system.
    pub ssh: SshReach,
    /// The operator's program that switches it off or cuts it off, with its arguments.
    pub fence: Option<Vec<String>>,
}

/// How a server is reached, by TCP always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlReach {
    /// The node's host, unless told apart.
    pub host: Host,
    /// TCP port, 3306 unless given.
    pub port: u16,
    /// The MySQL account, without its `@host`: 1 to 128 characters, none of them a control character.
    pub user: String,
    /// Where its password is read from.
    pub password: PasswordSource,
    /// TLS, where it is asked for.
    pub tls: Option<Tls>,
}

/// TLS to a server; its certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authority that signed the server's certificate.
    pub ca_file: PathBuf,
    /// The name in the certificate, where it is not the host that is connected to.
    pub name: Option<Host>,
}

/// How a system is reached by ssh. What is not given is left to ssh's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshReach {
    /// The node's host, unless told apart.
    pub host: Host,
    /// TCP port.
    pub port: Option<u16>,
    /// Account on the node.
    pub user: Option<UserName>,
    /// Whether commands that change addresses go through `sudo -n`.
    pub sudo: bool,
    /// What `ssh -F` is given.
    pub config_file: Option<PathBuf>,
}

/// A pair was asked for that the config does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
#[error("there is no pair `{given}`")]
#[diagnostic(code(flipper::config::unknown_pair), help("{help}"))]
pub struct UnknownPair {
    /// The name that was given, made printable.
    pub given: String,
    /// The name that is most like it.
    pub near: Option<String>,
    /// All pairs of the config, in its order.
    pub known: Vec<String>,
    help: String,
}

impl Config {
    /// Reads a config from its text. `name` is how messages call the file, `base` the folder that relative paths start
    /// at, `home` the folder that `~/` stands for.
    ///
    /// # Errors
    ///
    /// The first mistake of syntax, or all mistakes of meaning.
    pub fn parse(name: &str, text: &str, base: &Path, home: Option<&Path>) -> Result<Self, ConfigErrors> {
        let raw = syntax::read(text).map_err(|mistake| ConfigErrors::new(name, text, vec![mistake]))?;
        let tree = tree::tree(text);
        let pairs = build::build(&raw, &tree::At::root(&tree), base, home)
            .map_err(|mistakes| ConfigErrors::new(name, text, mistakes))?;
        Ok(Self { path: PathBuf::from(name), pairs })
    }

    /// The pair of that name.
    ///
    /// # Errors
    ///
    /// If there is none: with the names that there are.
    pub fn pair(&self, name: &str) -> Result<&PairConfig, UnknownPair> {
        self.pairs.iter().find(|pair| pair.pair.name.as_str() == name).ok_or_else(|| {
            let known: Vec<String> = self.pairs.iter().map(|pair| pair.pair.name.to_string()).collect();
            let near = near::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            let list = known.join(", ");
            let help = match &near {
                Some(near) => format!("did you mean `{near}`? The pairs are: {list}"),
                None => format!("the pairs are: {list}"),
            };
            UnknownPair { given: crate::model::printable(name), near, known, help }
        })
    }
}
