//! Commands that need no pair: explain, completions, man, version. stdout is data, and nothing in it is a colour.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

use std::process::{Command, Output};

use flipper::explain::{self, Kind};
use flipper::render;

fn run(words: &[&str]) -> Output {
    // colours are asked for as loudly as it goes: what is data has none all the same
    let mut command = Command::new(env!("CARGO_BIN_EXE_flipper"));
    command.args(words).env("CLICOLOR_FORCE", "1").env("FLIPPER_CONFIG", "/nonexistent/flipper.ron").output().unwrap()
}

fn stdout(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!((ran.status.code(), &ran.stderr[..]), (Some(0), &b""[..]), "{words:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(text.ends_with('\n') && !text.contains('\u{1b}'), "{words:?}: {text:?}");
    text
}

fn refused(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!((ran.status.code(), &ran.stdout[..]), (Some(2), &b""[..]), "{words:?}");
    String::from_utf8(ran.stderr).unwrap()
}

#[test]
fn every_code_is_explained_on_one_screen_of_a_terminal() {
    for entry in explain::all() {
        let text = render::explain::text(&entry);
        assert!(text.lines().count() <= 24, "{text}");
        let typed: Vec<&str> = entry.text.see.iter().map(|(_, typed)| *typed).collect();
        for line in text.lines() {
            let one_piece = typed.iter().any(|typed| line.ends_with(typed));
            assert!(line.chars().count() <= 80 || one_piece, "wider than 80: {line}");
            assert_eq!(flipper::model::printable(line), line);
        }
    }
    let text = stdout(&["explain", "both-open"]);
    assert!(text.starts_with("both-open: Both nodes accept writes\n"), "{text}");
    assert_eq!(stdout(&["explain", "usage::goal"]), stdout(&["explain", "flipper::usage::goal"]));
}

/// What an operator is told to ask the servers for is what flipper takes there.
#[test]
fn the_lock_is_named_as_it_is_taken() {
    let text = stdout(&["explain", "13"]);
    let name = text.split("IS_USED_LOCK(").nth(1).and_then(|rest| rest.split(')').next()).expect("a question");
    let taken = flipper::dialect::lock(std::time::Duration::from_secs(1)).to_string();
    assert!(taken.contains(&format!("GET_LOCK({name}, 0)")), "{name}: {taken}");
}

#[test]
fn the_list_has_every_code_and_an_unknown_one_is_told_the_nearest() {
    let list = stdout(&["explain"]);
    for entry in explain::all() {
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(entry.text.id)), "{}", entry.text.id);
        assert!(list.contains(entry.text.title), "{}", entry.text.title);
    }
    assert!(Kind::ALL.iter().all(|kind| list.contains(kind.title())));
    assert!(refused(&["explain", "both-opne"]).contains("did you mean `both-open`?"));
    assert!(refused(&["explain", "usage::gaol"]).contains("did you mean `flipper::usage::goal`?"));
    let far = refused(&["explain", "\u{1b}[31mnothing like it"]);
    assert!(far.contains("lists all") && !far.contains("did you mean") && !far.contains("\u{1b}[31mnothing"), "{far}");
}

#[test]
fn everything_is_there_for_programs_too() {
    let json = |words: &[&str]| serde_json::from_str::<serde_json::Value>(&stdout(words)).unwrap();
    let all = json(&["--json", "explain"]);
    assert_eq!(all["codes"].as_array().unwrap().len(), explain::all().len());
    let one = json(&["--json", "explain", "lagging"]);
    assert_eq!((&one["kind"], &one["code"]), (&"check".into(), &"lagging".into()));
    assert!(one["see"][0]["typed"].as_str().unwrap().starts_with("SHOW"));
    for words in [&["--json", "completions", "bash"][..], &["--json", "man", "plan"]] {
        let plain = stdout(&words[1..]);
        assert_eq!(json(words)["text"].as_str().unwrap().trim_end(), plain.trim_end());
    }
}

/// Every command is completed in every shell, and has a page.
#[test]
fn completions_and_pages_know_every_command() {
    // here clap has the last word about colours, and it is asked for none
    let help = Command::new(env!("CARGO_BIN_EXE_flipper")).arg("--help").env("NO_COLOR", "1").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // what a command is for may take more lines, further in
    let names = commands.filter_map(|line| line.strip_prefix("  ").filter(|name| !name.starts_with(' ')));
    let commands: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "help").collect();
    assert!(commands.contains(&"explain"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
    let known = refused(&["completions", "csh"]);
    assert!(["bash", "zsh", "fish"].iter().all(|shell| known.contains(shell)), "{known}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let ran = run(&["man", "--dir", path]);
    assert!(ran.status.success() && ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    for command in &commands {
        let page = std::fs::read_to_string(dir.path().join(format!("flipper-{command}.1"))).unwrap();
        assert_eq!(page.trim_end(), stdout(&["man", command]).trim_end());
        assert!(page.contains("Example") && page.contains(".TH flipper"), "{page}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), commands.len() + 1);
    assert!(stdout(&["man"]).contains("20 failed; rolled back"));
    assert!(refused(&["man", "nope"]).contains("flipper::usage::command"));
    assert!(refused(&["man", "--dir", "/nonexistent/folder"]).contains("flipper::usage::file"));
}

#[test]
fn the_version_says_which_build_and_nothing_of_its_place() {
    let said = stdout(&["--version"]);
    let rest = said.strip_prefix(&format!("flipper {}", env!("CARGO_PKG_VERSION"))).unwrap().trim_end();
    let build = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    assert!(rest.is_empty() || build.is_some_and(|build| !build.is_empty() && !build.contains('/')), "{said}");
}
