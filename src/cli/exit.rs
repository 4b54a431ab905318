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
Exit codes (more: flipper explain 21):
   0 done, or nothing to do   1 unexpected   2 usage   3 bad config or plan file
  10 plan --detailed-exitcode: there are changes   11 refused: unsafe, or blind
  12 plan is stale   13 locked by somebody else   14 declined
  20 failed; rolled back and verified, the pair serves as before
  21 stopped part way; the text says what a person must do";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{self, Kind};

    #[test]
    fn every_exit_code_is_in_the_help_and_has_a_text() {
        let all = [
            Exit::Done,
            Exit::Unexpected,
            Exit::Usage,
            Exit::BadFile,
            Exit::Changes,
            Exit::Refused,
            Exit::Stale,
            Exit::Locked,
            Exit::Declined,
            Exit::RolledBack,
            Exit::PartWay,
        ];
        let numbers: Vec<String> = all.iter().map(|exit| (*exit as u8).to_string()).collect();
        let texts = explain::all().into_iter().filter(|entry| entry.kind == Kind::End);
        assert_eq!(texts.map(|entry| entry.text.id.to_owned()).collect::<Vec<_>>(), numbers);
        for number in numbers {
            assert!(HELP.split_whitespace().any(|word| word == number), "{number}");
        }
    }
}
