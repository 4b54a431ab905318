//! The `flipper` command.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "what was typed comes in here")]
fn main() -> ExitCode {
    flipper::cli::run(std::env::args_os().collect())
}
