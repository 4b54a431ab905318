//! Running programs to their end, with their own words in the error when they fail.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::error::{Doing, LabError, Result};

/// Runs a command that must succeed; gives its stdout.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let what = format!("running `{}`", describe(command));
    run_for(&what, command)
}

/// The same with a purpose, for commands whose words say little.
pub(crate) fn run_for(what: &str, command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().doing(|| what.to_owned())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(LabError::new(what, format!("{}: {}", output.status, said.trim())))
}

/// Like [`run`], for the common case of a few words.
pub(crate) fn sh<const N: usize>(words: [&str; N]) -> Result<String> {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or("true"));
    run(command.args(words))
}

/// Runs a command that must succeed with `input` on its stdin.
pub(crate) fn run_with_input(what: &str, command: &mut Command, input: &[u8]) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).spawn().doing(|| what.to_owned())?;
    if let Some(mut stdin) = child.stdin.take() {
        // a program that ended early did not read all; its exit status says more than a broken pipe
        let _ = stdin.write_all(input);
    }
    let status = child.wait().doing(|| what.to_owned())?;
    if status.success() { Ok(()) } else { Err(LabError::new(what, status)) }
}

/// Program and first words: enough to recognise it, short enough for a line.
fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().take(10).map(OsStr::to_string_lossy));
    words.join(" ")
}

/// Asks again and again until the answer is `Some`; says `what` when the time is over.
pub(crate) fn wait_until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        let seen = match ask() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => "not so yet".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= end {
            return Err(LabError::new(format!("waiting until {what}"), format!("not within {limit:?}; last: {seen}")));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Letters and digits from the kernel's generator: safe in SQL, RON, file and interface names.
pub(crate) fn random(alphabet: &[u8], length: usize) -> Result<String> {
    let mut bytes = vec![0_u8; length];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .doing(|| "reading /dev/urandom".to_owned())?;
    Ok(bytes
        .into_iter()
        .filter_map(|byte| alphabet.get(usize::from(byte) % alphabet.len()))
        .map(|byte| char::from(*byte))
        .collect())
}
