//! Legacy metadata: what config comes of it, what is noted, and what is said of mistakes, kept word for word. `UPDATE=1`
//! rewrites. And the tables of docs/legacy.md are the importer's own.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests are at the edge, and say so by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use flipper::config::Config;
use flipper::import::{COMMANDS, Fate, Imported, Level, OPTIONS, Row, SETTINGS, Wanted, import};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

/// Every password in the fixtures.
const SECRETS: [&str; 5] = ["l3t#me", "hunter2", "secret\"", "an0ther!", "it's;"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("fixtures/import").join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql" || extension == "yaml"));
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Compares with the file, or writes it.
fn check(expected: &Path, found: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(expected, found).unwrap();
    }
    let kept = std::fs::read_to_string(expected).unwrap_or_default();
    assert!(kept == found, "{}: expected\n{kept}\nfound\n{found}", expected.display());
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    path.with_file_name(format!("{}.{extension}", name(path)))
}

fn imported(path: &Path) -> Imported {
    // as `--interface` would say, where the metadata does not
    let wanted = Wanted { interface: Some("ens3".to_owned()), password: None };
    let text = std::fs::read_to_string(path).unwrap();
    import(&name(path), &text, &wanted, Some(Path::new("/home/ops")))
        .unwrap_or_else(|errors| panic!("{}: {errors}", path.display()))
}

#[test]
fn legacy_metadata_becomes_a_config_and_notes() {
    let files = fixtures("good");
    assert!(files.len() >= 4);
    for path in files {
        let Imported { config, pairs, notes } = imported(&path);
        let read = Config::parse("flipper.ron", &config, Path::new("/etc/flipper"), None).unwrap();
        assert_eq!(read.pairs.iter().map(|pair| pair.pair.name.to_string()).collect::<Vec<_>>(), pairs);
        let notes: String = notes.iter().map(|note| format!("{}:{note}\n", name(&path))).collect();
        for secret in SECRETS {
            assert!(!config.contains(secret) && !notes.contains(secret), "{}: {secret}", path.display());
        }
        check(&beside(&path, "ron"), &config);
        check(&beside(&path, "notes"), &notes);
    }
}

/// Nothing is lost in silence: a setting is in the config, or in a note.
#[test]
fn every_setting_of_a_file_is_in_the_config_or_in_a_note() {
    for path in fixtures("good") {
        let text = std::fs::read_to_string(&path).unwrap();
        let notes = imported(&path).notes;
        for setting in SETTINGS.iter().filter(|setting| !matches!(setting.fate, Fate::Taken(_))) {
            let written = text.lines().any(|line| {
                let bare = line.trim_start().starts_with(&format!("{}:", setting.name));
                bare || line.contains(&format!("'{}'", setting.name)) && line.starts_with("INSERT")
            });
            // an interface without an alias is what it was
            let told = notes.iter().any(|note| note.name == setting.name) || setting.name.ends_with("_interface");
            assert!(!written || told, "{}: {} is not spoken of", path.display(), setting.name);
        }
    }
}

#[test]
fn every_mistake_is_shown_at_its_place_without_a_password() {
    let files = fixtures("bad");
    assert!(files.len() >= 14);
    let mut codes = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let Err(errors) = import(&name(&path), &text, &Wanted::default(), None) else {
            panic!("{}: taken", path.display())
        };
        for mistake in errors.mistakes() {
            assert!(Diagnostic::help(mistake).is_some(), "{}: {mistake} has no help", path.display());
            codes.insert(mistake.code());
        }
        let mut shown = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100).with_links(false);
        handler.render_report(&mut shown, &errors).unwrap();
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{}: {secret}\n{shown}", path.display());
        }
        let shown =
            shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_start_matches('\n').to_owned() + "\n";
        check(&beside(&path, "txt"), &shown);
    }
    let own = ["empty", "yaml", "sql", "twice", "missing", "value"].map(|word| format!("flipper::import::{word}"));
    assert!(own.iter().all(|code| codes.contains(code.as_str())), "{codes:?}");
}

#[test]
fn passwords_are_never_shown_wherever_the_text_breaks() {
    for path in fixtures("good").into_iter().chain(fixtures("bad")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, _) in text.char_indices().step_by(31) {
            for piece in ["'", "\"", "\t", "%%", "("] {
                let broken = format!("{}{piece}{}", &text[..at], &text[at..]);
                if let Err(errors) = import(&name(&path), &broken, &Wanted::default(), None) {
                    let mut shown = String::new();
                    GraphicalReportHandler::new_themed(GraphicalTheme::none())
                        .render_report(&mut shown, &errors)
                        .unwrap();
                    // a password that was broken itself is none any more
                    for secret in SECRETS.iter().filter(|secret| broken.contains(**secret)) {
                        assert!(!shown.contains(secret), "{}: {at}: {piece}\n{shown}", path.display());
                    }
                }
            }
        }
    }
}

fn table(head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut out = format!("| {} | {} | {} |\n| --- | --- | --- |\n", head[0], head[1], head[2]);
    for [old, new, remark] in rows {
        let _ = writeln!(out, "| {old} | {new} | {remark} |");
    }
    out
}

fn rows(rows: &[Row]) -> impl Iterator<Item = [String; 3]> + '_ {
    let code =
        |words: &str| if words.is_empty() { "—".to_owned() } else { format!("`{words}`").replace("; ", "`; `") };
    rows.iter().map(move |row| [code(row.old), code(row.new), row.remark.to_owned()])
}

/// docs/legacy.md between its marks is written from the importer's tables.
#[test]
fn the_page_about_legacy_has_every_command_option_and_setting() {
    let path = root().join("docs/legacy.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let settings = SETTINGS.iter().map(|setting| {
        let level = match setting.level {
            Level::Pair => "pair",
            Level::Node => "node",
            Level::Both => "node, or pair",
        };
        let (new, why) = match setting.fate {
            Fate::Taken(new) => (format!("`{new}`"), String::new()),
            Fate::Changed(new, why) => (format!("`{new}`"), format!("{why}; ")),
            Fate::Left(why) => ("—".to_owned(), format!("{why}; ")),
        };
        [format!("`{}` ({level})", setting.name), new, format!("{why}{}", setting.remark)]
    });
    for (mark, made) in [
        ("commands", table(["then, behind `flipper`", "now", "what is different"], rows(COMMANDS))),
        ("options", table(["then", "now", "what is different"], rows(OPTIONS))),
        ("settings", table(["then (where)", "now", "why, and what to do"], settings)),
    ] {
        let (before, rest) = page.split_once(&format!("<!-- {mark} -->\n")).unwrap();
        let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
        page = format!("{before}<!-- {mark} -->\n{made}<!-- end -->\n{after}");
    }
    check(&path, &page);
}

/// What the table says is to be typed now is understood by this flipper.
#[test]
fn every_new_command_of_the_table_is_one() {
    for Row { new, .. } in COMMANDS {
        let words: Vec<&str> =
            new.split_whitespace().skip(1).map(|word| if word == "NODE" { "db1" } else { word }).collect();
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_flipper"))
            .args(&words)
            .env("FLIPPER_CONFIG", "/nonexistent/flipper.ron")
            .output()
            .unwrap();
        // without a config, 3 is as far as a command that is understood can come
        assert_eq!(ran.status.code(), Some(3), "{new}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
