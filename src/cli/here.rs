//! What the process finds around it: its environment and the time of day, each of which comes in as a value.

use std::ffi::OsString;
use std::time::SystemTime;

#[expect(clippy::disallowed_methods, reason = "the environment comes in here, as a value")]
pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[expect(clippy::disallowed_methods, reason = "the time of day is for the journal and for people")]
pub(super) fn clock() -> SystemTime {
    SystemTime::now()
}
