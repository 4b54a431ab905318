//! What the documents show is true: every config in them is read, every command in them is understood, what is shown of its
//! output is what it prints, and every link leads somewhere.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the documents are files; a test says what is wrong by panicking"
)]

mod pages;

use std::path::Path;
use std::process::Command;

use flipper::model::{Code, Severity};
use pages::{Page, root, shows, typed};

#[test]
fn every_config_in_the_documents_is_a_config() {
    let mut found = 0;
    let blocks = |page: &Page| page.blocks().into_iter().map(|block| block.text).collect::<Vec<_>>();
    let example = std::fs::read_to_string(root().join("docs/examples/flipper.ron")).expect("the example");
    let shown: Vec<(String, Vec<String>)> = pages::all().iter().map(|page| (page.name(), blocks(page))).collect();
    for (name, blocks) in shown.into_iter().chain([("docs/examples/flipper.ron".to_owned(), vec![example])]) {
        for block in blocks.iter().filter(|block| block.starts_with("(\n") || block.contains("\n(\n")) {
            let parsed = flipper::config::Config::parse("doc.ron", block, Path::new("/"), Some(Path::new("/home/x")));
            assert!(parsed.is_ok(), "{name}: {:?}\n{block}", parsed.err().map(|e| format!("{e:?}")));
            found += 1;
        }
    }
    assert!(found >= 3, "{found} configs found");
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

/// Words that stand for something in a document.
const STANDS_FOR: [(&str, &str); 10] = [
    ("PAIR", "orders"),
    ("ROLE", "write"),
    ("NODE", "db1"),
    ("GOAL", "swap"),
    ("FILE", "swap.ron"),
    ("ID", "lagging"),
    ("CODE", "lagging"),
    ("SHELL", "bash"),
    ("DIGEST", "sha256:b129c8c714d1873902d643c74b45a34820c0bf26dfa9d4a5ea1abb18abe497f9"),
    ("COMMAND", "plan"),
];

/// What `apply` knows and `plan` does not, with the words that follow it.
const OF_APPLY: [(&str, usize); 5] =
    [("--yes", 0), ("--dry-run", 0), ("--no-journal", 0), ("--show-statements", 0), ("--expect-digest", 1)];

/// Runs a command of a document where it can do no harm: in an empty folder, and against what was seen of a pair once. Gives its
/// exit code and all that it said.
fn tried(command: &str, scenario: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let meant =
        |word: &str| STANDS_FOR.iter().find(|(name, _)| *name == word).map_or(word, |(_, meant)| *meant).to_owned();
    let mut words: Vec<String> = command.split_whitespace().skip(1).map(meant).collect();
    let place = words.iter().position(|word| word == "plan" || word == "apply");
    // `plan PAIR GOAL` and `apply PAIR GOAL`; not `apply FILE`, `man plan`, and what reads a snapshot anyway
    let first = words.iter().position(|word| !word.starts_with("--"));
    let plans =
        place.is_some_and(|at| Some(at) == first && words.get(at + 1).is_some_and(|word| !word.ends_with(".ron")));
    let mut flipper = Command::new(env!("CARGO_BIN_EXE_flipper"));
    flipper.env("FLIPPER_CONFIG", "/nonexistent/flipper.ron");
    if let Some(at) = place.filter(|_| plans) {
        if words[at] == "apply" {
            words[at] = "plan".to_owned();
            for (option, more) in OF_APPLY {
                while let Some(here) = words.iter().position(|word| word == option) {
                    words.drain(here..=(here + more).min(words.len() - 1));
                }
            }
        }
        words[at + 1] = words[at + 1].replace("lab", "orders");
        if !words.iter().any(|word| word == "--snapshot") {
            let world = root().join("fixtures/scenarios").join(scenario).join("world.ron");
            words.extend(["--snapshot".to_owned(), world.display().to_string()]);
        }
        flipper.env("FLIPPER_CONFIG", root().join("fixtures/scenarios/flipper.ron"));
    }
    // files that are named as they are in the repository
    for word in words.iter_mut().filter(|word| word.starts_with("fixtures/") || word.starts_with("plans/")) {
        *word = root().join(&*word).display().to_string();
    }
    let output = flipper
        .args(&words)
        .env("XDG_STATE_HOME", folder.path())
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("flipper");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.code(), said)
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let mut found = std::collections::BTreeSet::new();
    for page in pages::all() {
        let blocks = page.blocks();
        let spans = page.spans();
        let lines = blocks.iter().flat_map(|block| block.text.lines());
        // a span may leave something out
        let whole = spans.iter().map(String::as_str).filter(|span| !span.contains(['…', '[', '|']));
        // and one with nothing but a command names it
        let name = |span: &str| {
            let words: Vec<&str> = span.split(' ').skip(1).filter(|word| !word.starts_with('-')).collect();
            if words.len() == 1 { format!("flipper help {}", words[0]) } else { span.to_owned() }
        };
        let commands = lines.filter_map(typed).map(str::to_owned).chain(whole.filter_map(typed).map(name));
        for command in commands {
            if !found.insert(command.clone()) {
                continue;
            }
            let (code, said) = tried(&command, "planned-swap-mysql");
            // without a config or the file, 3 is as far as a command that is understood can come; 11 is an answer, too
            // nobody is there to be asked, and nothing was ever run
            let waits = ["flipper::init::missing", "flipper::usage::run"].iter().any(|code| said.starts_with(code));
            assert!(
                matches!(code, Some(0 | 3 | 11)) || waits,
                "{}: `{command}` ends with {code:?}: {said}",
                page.name()
            );
        }
    }
    assert!(found.len() >= 40, "{} commands found", found.len());
}

/// A block after `<!-- scenario: NAME -->` is what the command says to what was seen there.
#[test]
fn what_is_shown_of_an_output_is_what_is_printed() {
    let mut found = 0;
    for page in pages::all() {
        for block in page.blocks() {
            let Some(scenario) = block.about.as_deref().and_then(|about| about.strip_prefix("scenario: ")) else {
                continue;
            };
            let (command, shown) = block.text.split_once('\n').expect("a command and its output");
            let (_, said) = tried(typed(command).expect("a command"), scenario);
            let lines = |text: &str| text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
            let (shown, real) = (lines(shown), lines(&said));
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            let real: Vec<&str> = real.iter().map(String::as_str).collect();
            assert!(shows(&shown, &real), "{}: `{command}` says\n{said}", page.name());
            found += 1;
        }
    }
    assert!(found >= 2, "{found} outputs found");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages::all();
    let mut found = 0;
    for page in &pages {
        for link in page.links().iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { page.path.clone() } else { page.path.parent().expect("a folder").join(file) };
            let target = target.canonicalize().unwrap_or_else(|_| panic!("{}: no {link}", page.name()));
            let there = pages.iter().find(|other| other.path == target);
            let known =
                anchor.is_empty() || there.is_some_and(|there| there.anchors().iter().any(|known| known == anchor));
            assert!(known, "{}: no heading for {link}", page.name());
            found += 1;
        }
    }
    assert!(found >= 30, "{found} links found");
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

/// The accounts in the documents are those that `flipper setup` prints and `flipper check` asks for; `UPDATE=1`
/// rewrites them.
#[test]
fn the_accounts_in_the_documents_are_those_of_the_code() {
    use flipper::dialect::{Account, Release};
    use flipper::model::{Flavour, Version};
    const BEGIN: &str = "<!-- made from the code -->\n";
    const END: &str = "<!-- to here -->\n";
    let account = Account { user: "flipper".to_owned(), host: "10.0.0.9".to_owned(), tls: false };
    let mut made = String::new();
    for (title, flavour, version) in [
        ("MySQL 8.0.22 and later", Flavour::MySql, Version(9, 7, 0)),
        ("MariaDB 10.5.9 to 11", Flavour::MariaDb, Version(10, 11, 0)),
        ("MariaDB 12 and later", Flavour::MariaDb, Version(12, 0, 0)),
    ] {
        made += &format!("\n    -- {title}\n");
        for statement in account.statements(Release { flavour, version }) {
            made += &format!("    {};\n", flipper::render::setup::broken(&statement).replace('\n', "\n    "));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.md");
    let kept = std::fs::read_to_string(&path).expect("docs/config.md");
    let (before, rest) = kept.split_once(BEGIN).expect("the place for the accounts");
    let (_, after) = rest.split_once(END).expect("the end of the accounts");
    let text = format!("{before}{BEGIN}{made}\n{END}{after}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("docs/config.md");
    } else {
        assert_eq!(kept, text, "docs/config.md differs; UPDATE=1 rewrites it");
    }
    // and what lets checks see more is in their list
    let checks = std::fs::read_to_string(path.with_file_name("checks.md")).expect("docs/checks.md");
    for (flavour, version) in [(Flavour::MySql, Version(9, 7, 0)), (Flavour::MariaDb, Version(10, 11, 0))] {
        for extra in account.extras(Release { flavour, version }) {
            let wanted = extra.statement.trim_start_matches("GRANT ").split(" TO ").next().unwrap_or_default();
            assert!(checks.contains(&format!("`{wanted}`")), "docs/checks.md does not know of `{wanted}`");
            assert!(extra.checks.iter().all(|code| checks.contains(&format!("`{}`", code.id()))));
        }
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
