//! What the documents show is true: every config in them is read, every command in them is known.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the documents are files; a test says what is wrong by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use flipper::model::{Code, Severity};

fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md")];
    let docs = std::fs::read_dir(root.join("docs")).expect("docs");
    paths
        .extend(docs.map(|entry| entry.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "md")));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("text"))).collect()
}

/// Indented blocks, their indentation taken off.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(code) => blocks.iter_mut().last().expect("one").push_str(&format!("{code}\n")),
            None if line.is_empty() && blocks.last().is_some_and(|b| !b.is_empty()) => {
                blocks.iter_mut().last().expect("one").push('\n');
            }
            None => blocks.push(String::new()),
        }
    }
    blocks.into_iter().filter(|block| !block.trim().is_empty()).collect()
}

#[test]
fn every_config_in_the_documents_is_a_config() {
    let mut found = 0;
    for (path, text) in documents() {
        for block in blocks(&text).iter().filter(|block| block.starts_with("(\n")) {
            let parsed = flipper::config::Config::parse("doc.ron", block, Path::new("/"), Some(Path::new("/home/x")));
            assert!(parsed.is_ok(), "{}: {:?}\n{block}", path.display(), parsed.err().map(|e| format!("{e:?}")));
            found += 1;
        }
    }
    assert!(found >= 2, "{found} configs found");
}

/// `docs/codes.md` is made from the texts that `flipper explain` shows; `UPDATE=1` rewrites it.
#[test]
fn the_page_of_codes_is_what_explain_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md");
    let made = flipper::render::explain::document(&flipper::explain::all());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).expect("docs");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "docs/codes.md is not what explain says; UPDATE=1 rewrites it");
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let mut found = 0;
    for (path, text) in documents() {
        let indented = blocks(&text).join("\n");
        let lines = indented.lines().map(|line| line.strip_prefix("$ ").unwrap_or(line));
        for line in lines.filter(|line| line.starts_with("flipper ")) {
            // what follows two spaces is a remark
            let words: Vec<&str> = line.split("  ").next().unwrap_or_default().split_whitespace().skip(1).collect();
            let output = Command::new(env!("CARGO_BIN_EXE_flipper"))
                .args(&words)
                .env("FLIPPER_CONFIG", "/nonexistent/flipper.ron")
                .output()
                .expect("flipper");
            let code = output.status.code();
            // without a config, 3 is as far as a command that is understood can come
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(code, Some(0 | 3)), "{}: `{line}` ends with {code:?}: {said}", path.display());
            found += 1;
        }
    }
    assert!(found >= 5, "{found} commands found");
}

/// The list of checks is written from the code: `UPDATE=1` rewrites it, a plain run compares.
#[test]
fn the_list_of_checks_is_the_one_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    const BEGIN: &str = "| id | at worst | as it should be | otherwise | hazards |\n";
    let head = kept.split(BEGIN).next().unwrap_or_default();
    let mut text = format!("{head}{BEGIN}| --- | --- | --- | --- | --- |\n");
    for code in Code::ALL {
        let worst = match code.worst() {
            Severity::Stop => "stop",
            Severity::Override => "stop*",
            Severity::Warn => "warn",
        };
        let (id, title, matters, hazards) = (code.id(), code.title(), code.matters(), code.hazards());
        text += &format!("| `{id}` | {worst} | {title} | {matters} | {hazards} |\n");
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("docs/checks.md");
    } else {
        assert_eq!(kept, text, "docs/checks.md differs; UPDATE=1 rewrites it");
    }
}

/// Every id is a word for scripts, and no two checks say the same.
#[test]
fn every_check_has_its_own_words() {
    let mut ids = std::collections::BTreeSet::new();
    for code in Code::ALL {
        let id = code.id();
        assert!(ids.insert(id) && id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{id}");
        assert!(ids.insert(code.title()), "{id}: {}", code.title());
        assert!(code.hazards().split(", ").all(|h| h.len() >= 4 && h.starts_with("H-")), "{id}: {}", code.hazards());
        assert!(code.title().len() <= 70 && code.matters().len() <= 110, "{id}: too long for a line");
    }
}
