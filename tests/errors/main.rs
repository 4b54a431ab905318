//! Every error code is provoked: here, through the real binary, or by the test that is named for it. A code without an entry
//! fails, and so does an entry without a code.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests are at the edge, and say so by panicking")]

mod cases;
mod files;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flipper::explain::{self, Kind};
use serde_json::Value;

use cases::{CASES, How};

/// A folder of its own, with a config of two pairs that nobody answers for. Not in /tmp: one of the tests takes that away.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        scene.write("flipper.ron", files::CONFIG);
        scene
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `flipper` in this folder, with a password and nothing else of this machine's.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
        command.args(words).current_dir(self.path()).stdin(std::process::Stdio::null());
        for name in ["FLIPPER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.path()).env("FLIPPER_PASSWORD", "hunter2").env("NO_COLOR", "1");
        command
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is said to people, as one line.
fn flat(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap().replace(['│', '\n'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as Rust prints it for its own people.
fn debug_print(text: &str) -> Option<String> {
    let words = ["Some(", "None)", "Ok(", "Err(", "Os {", "Error {", "kind: ", "::Error"];
    let found = words.into_iter().find(|word| text.contains(word)).map(str::to_owned);
    found.or_else(|| {
        // `Name { field: `
        let begins = text.match_indices(" { ").find(|(at, _)| {
            let name = text[..*at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            name.starts_with(char::is_uppercase)
        })?;
        Some(text[begins.0..].chars().take(20).collect())
    })
}

/// Each text of a diagnostic: what is wrong, what to do, and what is said of the places.
fn texts(error: &Value, found: &mut Vec<String>) {
    found.extend(["message", "help"].iter().filter_map(|field| error[*field].as_str()).map(str::to_owned));
    let labels = error["labels"].as_array().into_iter().flatten();
    found.extend(labels.filter_map(|label| label["label"].as_str()).map(str::to_owned));
    for related in error["related"].as_array().into_iter().flatten() {
        texts(related, found);
    }
}

/// The diagnostic with this code: the one that was told, or one of those that came together.
fn with_code<'j>(error: &'j Value, code: &str) -> Option<&'j Value> {
    if error["code"] == code {
        return Some(error);
    }
    error["related"].as_array()?.iter().find_map(|related| with_code(related, code))
}

/// What is expected of everything that is told as an error.
fn judge(code: &str, exit: i32, names: Option<&str>, people: &Output, programs: &Output, faults: &mut Vec<String>) {
    let said = flat(&people.stderr);
    let mut fault = |what: String| faults.push(format!("{code}: {what}\n    {said}"));
    if people.status.code() != Some(exit) || programs.status.code() != Some(exit) {
        fault(format!("ends with {:?} and {:?}, not {exit}", people.status.code(), programs.status.code()));
    }
    if !said.contains(code) || !said.contains("help: ") {
        fault("its code or its way out is not shown".to_owned());
    }
    if let Some(names) = names
        && !said.contains(names)
    {
        fault(format!("does not name `{names}`"));
    }
    let stdout = String::from_utf8(programs.stdout.clone()).unwrap();
    let json: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap_or_default();
    if json["type"] != "error" || json["format"] != 1 || json["exit"] != exit {
        return fault(format!("no error for programs: {stdout}"));
    }
    let Some(error) = with_code(&json["error"], code) else { return fault(format!("another code: {stdout}")) };
    let placed = error["labels"].as_array().is_some_and(|labels| !labels.is_empty());
    if error["message"].as_str().is_none_or(str::is_empty) || error["help"].as_str().is_none_or(str::is_empty) {
        fault(format!("no message or no help for programs: {error}"));
    }
    if names.is_none() && !placed {
        fault(format!("no place: {error}"));
    }
    let mut all = vec![];
    texts(&json["error"], &mut all);
    for text in all {
        if let Some(printed) = debug_print(&text) {
            fault(format!("prints for the makers, not for people: `{printed}` in {text}"));
        }
        if text.contains("hunter2") {
            fault(format!("shows a password: {text}"));
        }
    }
}

#[test]
fn every_error_code_is_provoked_and_told_as_it_should_be() {
    let mut faults = vec![];
    for (code, how) in CASES {
        let code = format!("flipper::{code}");
        match how {
            How::Config(fixture) => {
                let scene = Scene::new();
                let path = root().join(format!("fixtures/config/bad/{fixture}.ron"));
                let run = |first: &[&str]| {
                    let words = [first, &["--config", path.to_str().unwrap(), "pairs"]].concat();
                    scene.command(&words).output().unwrap()
                };
                judge(&code, 3, None, &run(&[]), &run(&["--json"]), &mut faults);
            }
            How::Run { words, exit, names, file, prepare } => {
                let run = |json: bool| {
                    let scene = Scene::new();
                    if let Some((name, text)) = file {
                        scene.write(name, text);
                    }
                    let words = words.split_whitespace().filter(|word| !json || *word != "--json");
                    let words: Vec<&str> =
                        if json { std::iter::once("--json").chain(words).collect() } else { words.collect() };
                    prepare(&scene, scene.command(&words)).output().unwrap()
                };
                let named = Some(*names).filter(|names| !names.is_empty());
                judge(&code, *exit, named, &run(false), &run(true), &mut faults);
            }
            How::Elsewhere(file) => {
                let text = std::fs::read_to_string(root().join(file)).unwrap();
                if !text.contains(&code) {
                    faults.push(format!("{code}: {file} says nothing of it"));
                }
            }
            How::Beyond(why) => assert!(why.ends_with('.') && why.len() > 40, "{code}: {why}"),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_code_has_one_entry_and_every_entry_a_code() {
    let codes: BTreeSet<String> =
        explain::all().iter().filter(|entry| entry.kind == Kind::Error).map(|entry| entry.text.id.to_owned()).collect();
    let entries: Vec<String> = CASES.iter().map(|(code, _)| format!("flipper::{code}")).collect();
    let missing: Vec<&String> = codes.iter().filter(|code| !entries.contains(code)).collect();
    assert!(missing.is_empty(), "say in tests/errors/cases.rs how to provoke: {missing:?}");
    let idle: Vec<&String> = entries.iter().filter(|code| !codes.contains(*code)).collect();
    assert!(idle.is_empty(), "no such codes any more: {idle:?}");
    assert_eq!(entries.len(), codes.len(), "a code has two entries");
    // what cannot be provoked at all stays rare
    let beyond = CASES.iter().filter(|(_, how)| matches!(how, How::Beyond(_))).count();
    assert!(beyond <= 3, "{beyond} codes that nobody has ever seen");
}

/// The judge itself: it would see what it looks for.
#[test]
fn a_debug_print_is_seen() {
    for text in ["failed: Os { code: 2, kind: NotFound }", "got Some(\"x\")", "bad Host { name: \"x\" }", "Err(Broken)"]
    {
        assert!(debug_print(text).is_some(), "{text}");
    }
    for text in [
        "add `nodes: { \"db1\": (host: \"…\") }`",
        "pairs: { \"NAME\": (…) }",
        "the form is { \"write\": \"db1\", \"read\": None }",
    ] {
        assert_eq!(debug_print(text), None, "{text}");
    }
}
