//! Passwords: where they come from, and a type that does not let them out.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use super::option_file::{self, NoPassword};
use super::read::{self, Refused};

/// The environment, handed in: a name to its value. Only the command line knows the real one.
pub type Env<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// A password. Shows as `***` wherever it is printed for debugging, and has no other way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Where the password of a MySQL account is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// An environment variable, by name.
    Env(String),
    /// A file that holds the password and nothing else.
    File(PathBuf),
    /// A MySQL option file: `password` in `[flipper]`, or else in `[client]`.
    OptionFile(PathBuf),
    /// The account has no password.
    None,
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "from ${name}"),
            Self::File(path) => write!(f, "from file {}", shown(path)),
            Self::OptionFile(path) => write!(f, "from option file {}", shown(path)),
            Self::None => f.write_str("none"),
        }
    }
}

fn shown(path: &Path) -> String {
    crate::model::printable(&path.display().to_string())
}

/// Why there is no password. Never carries any text of what was read.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable is not set, or set to nothing.
    #[error("${name}, which should hold the MySQL password, is {}", if *.empty { "empty" } else { "not set" })]
    #[diagnostic(
        code(flipper::config::password_variable),
        help("set it for this run: `read -rs {name} && export {name}`, or use `password_file`")
    )]
    Variable {
        /// Its name.
        name: String,
        /// Whether it is set, to nothing.
        empty: bool,
    },
    /// The value is not UTF-8.
    #[error("the MySQL password {source_text} is not UTF-8")]
    #[diagnostic(code(flipper::config::password_not_utf8), help("save it as UTF-8"))]
    NotUtf8 {
        /// `from $FLIPPER_PASSWORD`
        source_text: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {why}", shown(.path))]
    #[diagnostic(
        code(flipper::config::password_unreadable),
        help("check the path in the config, and that this user may read the file")
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Not a regular file.
    #[error("{} is not a regular file", shown(.path))]
    #[diagnostic(
        code(flipper::config::password_not_a_file),
        help("name a plain file; a folder, pipe or device holds no password")
    )]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Group or others may read or write the file.
    #[error("{} holds a password, but others may open it (mode {mode:03o})", shown(.path))]
    #[diagnostic(
        code(flipper::config::password_mode),
        help("chmod 600 {}   and change the password, if others have used this machine", shown(.path))
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("{} belongs to user id {owner}, neither to this user nor to root", shown(.path))]
    #[diagnostic(
        code(flipper::config::password_owner),
        help("whoever owns the file can change the password in it: make a copy of your own with mode 600")
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The file has no password in it.
    #[error("{} has no password in it", shown(.path))]
    #[diagnostic(code(flipper::config::password_absent), help("{help}"))]
    Absent {
        /// The file.
        path: PathBuf,
        /// What should be there.
        help: &'static str,
    },
    /// A password file of several lines.
    #[error("{} has more than one line", shown(.path))]
    #[diagnostic(
        code(flipper::config::password_lines),
        help("a password file holds the password and nothing else; for a MySQL option file use `option_file`")
    )]
    Lines {
        /// The file.
        path: PathBuf,
    },
    /// An option file that includes others.
    #[error("line {line} of {} includes other files", shown(.path))]
    #[diagnostic(
        code(flipper::config::option_file_include),
        help("flipper follows no `!include`: name the file that has the password itself")
    )]
    Include {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl PasswordSource {
    /// Reads the password; an empty one for [`PasswordSource::None`].
    ///
    /// # Errors
    ///
    /// If the source is not there, holds nothing, or is a file that others could read or change.
    pub fn read(&self, env: &Env<'_>) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => {
                let value = env(name).ok_or_else(|| SecretError::Variable { name: name.clone(), empty: false })?;
                let text =
                    value.into_string().map_err(|_| SecretError::NotUtf8 { source_text: self.to_string() })?;
                if text.is_empty() {
                    return Err(SecretError::Variable { name: name.clone(), empty: true });
                }
                Ok(Secret(text))
            }
            Self::File(path) => {
                let text = self.file(path)?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                let line = line.strip_suffix('\r').unwrap_or(line);
                if line.is_empty() {
                    let help = "write the password into it, as its only line";
                    return Err(SecretError::Absent { path: path.clone(), help });
                }
                if line.contains('\n') {
                    return Err(SecretError::Lines { path: path.clone() });
                }
                Ok(Secret(line.to_owned()))
            }
            Self::OptionFile(path) => option_file::password(&self.file(path)?).map(Secret).map_err(|why| match why {
                NoPassword::Absent => {
                    SecretError::Absent { path: path.clone(), help: "add `password=…` to its section [client] or [flipper]" }
                }
                NoPassword::Prompt(_) => SecretError::Absent {
                    path: path.clone(),
                    help: "`password` stands there without a value, which makes other clients ask; flipper does not ask",
                },
                NoPassword::Include(line) => SecretError::Include { path: path.clone(), line },
            }),
            Self::None => Ok(Secret(String::new())),
        }
    }

    fn file(&self, path: &Path) -> Result<String, SecretError> {
        let path = path.to_owned();
        let bytes = read::private(&path).map_err(|refused| match refused {
            Refused::Io(why) => SecretError::Unreadable { path, why },
            Refused::NotAFile => SecretError::NotAFile { path },
            Refused::Mode(mode) => SecretError::Mode { path, mode },
            Refused::Owner(owner) => SecretError::Owner { path, owner },
        })?;
        String::from_utf8(bytes).map_err(|_| SecretError::NotUtf8 { source_text: self.to_string() })
    }
}
