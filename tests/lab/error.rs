//! What the lab says when it cannot go on.

use std::fmt;
use std::path::{Path, PathBuf};

/// A failure of the lab: what was being done, what went wrong, and where to read more.
pub(crate) struct LabError {
    doing: String,
    cause: String,
    log: Option<PathBuf>,
    code: Option<u16>,
}

pub(crate) type Result<T, E = LabError> = std::result::Result<T, E>;

impl LabError {
    pub(crate) fn new(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self { doing: doing.into(), cause: cause.to_string(), log: None, code: None }
    }

    pub(crate) fn code(mut self, code: Option<u16>) -> Self {
        self.code = code;
        self
    }

    /// The server's error number, where it was a server that refused.
    pub(crate) fn sql_code(&self) -> Option<u16> {
        self.code
    }

    /// Names the file in which the program that failed has told its side.
    pub(crate) fn log(mut self, log: &Path) -> Self {
        self.log = Some(log.to_owned());
        self
    }

    /// The lab's folder is removed at the end; its logs may have been copied elsewhere before.
    pub(crate) fn moved_log(mut self, from: &Path, to: &Path) -> Self {
        if let Some(name) = self.log.as_ref().and_then(|log| log.strip_prefix(from).ok()) {
            // copied flat: "db1/mysqld.log" becomes "db1-mysqld.log"
            let flat = name.to_string_lossy().replace('/', "-");
            self.log = Some(to.join(flat));
        }
        self
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lab: {}: {}", self.doing, self.cause)?;
        if let Some(log) = &self.log {
            write!(f, " (see {})", log.display())?;
        }
        Ok(())
    }
}

/// A test that returns an error prints its `Debug`: it should read like a sentence there too.
impl fmt::Debug for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for LabError {}

/// Says what was being done, at the place that knows.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| LabError::new(what(), error))
    }
}
