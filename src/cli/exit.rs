//! Exit codes: part of the contract, scripts rely on them.

use std::process::ExitCode;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Something that flipper does not know how to say.
    Unexpected = 1,
    /// The command line does not make sense: an unknown pair, role or node among them.
    Usage = 2,
    /// The config or a plan file is wrong.
    BadFile = 3,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 10,
    /// Refused: unsafe, or blind.
    Refused = 11,
    /// The plan is stale.
    Stale = 12,
    /// Somebody else holds the lock.
    Locked = 13,
    /// The operator said no.
    Declined = 14,
    /// Failed; rolled back and verified, the pair serves as before.
    RolledBack = 20,
    /// Stopped part way; the text says what a person must do.
    PartWay = 21,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Shown by `--help`.
pub(super) const HELP: &str = "\
Exit codes:
   0  done, or nothing to do
   1  unexpected
   2  usage
   3  config or plan file is wrong
  10  plan --detailed-exitcode: there are changes
  11  refused: unsafe, or blind
  12  plan is stale
  13  locked by somebody else
  14  declined
  20  failed; rolled back and verified, the pair serves as before
  21  stopped part way; the text says what a person must do";
