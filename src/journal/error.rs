//! Why a journal cannot be kept or read.

use std::path::Path;

use thiserror::Error;

use crate::model::printable;

/// Why a journal cannot be kept, or not be read.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct JournalError {
    message: String,
    code: &'static str,
    help: String,
}

impl JournalError {
    /// The journal cannot be written.
    pub(super) fn unwritable(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self {
            message: format!("the journal cannot be written: {}: {why}", shown(path)),
            code: "flipper::journal::unwritable",
            help: "make that folder writable for you (XDG_STATE_HOME chooses another place), or go without a journal: \
                   --no-journal; a run that is cut off can then only be explained by what is seen of the pair"
                .to_owned(),
        }
    }

    /// There is no place for it.
    pub(super) fn homeless() -> Self {
        Self {
            message: "there is no place for the journal: neither XDG_STATE_HOME nor HOME is set".to_owned(),
            code: "flipper::journal::unwritable",
            help: "set XDG_STATE_HOME to a folder of yours, or go without a journal: --no-journal".to_owned(),
        }
    }

    /// Others could have written it.
    pub(super) fn shared(path: &Path) -> Self {
        Self {
            message: format!("the journal's folder {} is not yours alone to write", shown(path)),
            code: "flipper::journal::shared",
            help: format!("chmod go-w {}, if it is yours; or set XDG_STATE_HOME to a folder of your own", shown(path)),
        }
    }

    /// A folder of journals cannot be read.
    pub(super) fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self {
            message: format!("journals cannot be read: {}: {why}", shown(path)),
            code: "flipper::journal::unreadable",
            help: "look at the folder's owner and mode".to_owned(),
        }
    }

    /// The diagnostic's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
