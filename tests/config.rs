//! Config files: the good ones parse, and what is said about the bad ones is kept word for word. `UPDATE=1` rewrites.

#![allow(clippy::disallowed_methods, reason = "files and the environment are what these tests are about")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use flipper::config::{Config, ConfigErrors, decode};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

type Tested = Result<(), Box<dyn Error>>;

fn fixtures(folder: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config").join(folder);
    let mut out = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ron") {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

fn parse(bytes: &[u8]) -> Result<Config, ConfigErrors> {
    let text = decode("flipper.ron", bytes)?;
    Config::parse("flipper.ron", text, Path::new("/etc/flipper"), Some(Path::new("/home/ops")))
}

fn rendered(diagnostic: &dyn Diagnostic) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100).with_links(false);
    handler.render_report(&mut out, diagnostic)?;
    // an editor that strips blanks at line ends must not break a test
    Ok(out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_start_matches('\n').to_owned() + "\n")
}

/// Compares with the file, or writes it.
fn check(expected: &Path, found: &str) -> Option<String> {
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(expected, found).err().map(|error| format!("{}: {error}", expected.display()));
    }
    let kept = fs::read_to_string(expected).unwrap_or_default();
    (kept != found).then(|| format!("{}: expected\n{kept}\nfound\n{found}", expected.display()))
}

#[test]
fn every_bad_config_is_explained() -> Tested {
    let files = fixtures("bad")?;
    assert!(files.len() >= 25, "{}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        match parse(&fs::read(&path)?) {
            Ok(_) => wrong.push(format!("{}: accepted", path.display())),
            Err(errors) => {
                for mistake in errors.mistakes() {
                    if Diagnostic::help(mistake).is_none() || !mistake.code().starts_with("flipper::config::") {
                        wrong.push(format!("{}: `{mistake}` has no help or no code", path.display()));
                    }
                }
                wrong.extend(check(&path.with_extension("txt"), &rendered(&errors)?));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_good_config_shows_its_effective_settings() -> Tested {
    let mut wrong = Vec::new();
    for path in fixtures("good")? {
        let config = match parse(&fs::read(&path)?) {
            Ok(config) => config,
            Err(errors) => {
                wrong.push(format!("{}: refused\n{}", path.display(), rendered(&errors)?));
                continue;
            }
        };
        let shown: Vec<String> = config.pairs.iter().map(flipper::config::PairConfig::effective).collect();
        wrong.extend(check(&path.with_extension("txt"), &shown.join("\n")));
        let json: Vec<_> = config.pairs.iter().map(flipper::config::PairConfig::effective_json).collect();
        wrong.extend(check(&path.with_extension("json"), &format!("{:#}\n", serde_json::Value::Array(json))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_pair_that_is_not_there_is_answered_with_those_that_are() -> Tested {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/good/everything.ron");
    let config = parse(&fs::read(path)?)?;
    assert_eq!(config.pair("archive")?.pair.name.as_str(), "archive");
    for (given, help) in
        [("shpo", "did you mean `shop`? The pairs are: shop, archive"), ("x\u{1b}", "the pairs are: shop, archive")]
    {
        let error = config.pair(given).err().ok_or("found")?;
        assert_eq!(error.help().map(|help| help.to_string()).as_deref(), Some(help));
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
    Ok(())
}

#[test]
fn no_text_makes_it_panic() -> Tested {
    let mut texts: Vec<Vec<u8>> =
        ["(", "{", "[", "/*", "(password:", "(defaults:", "(pairs:{\"a\":", "Some(", "r#", "\\"]
            .iter()
            .map(|piece| piece.repeat(1_000).into_bytes())
            .collect();
    for path in fixtures("good")? {
        let good = fs::read(&path)?;
        texts.extend((0..good.len()).map(|end| good[..end].to_vec()));
        for at in 0..good.len() {
            // in turn, so that the test stays quick
            let bytes = [b'"', b'(', b'}', b',', b':', b'#', b'\\', b'\n', b'0', b'/', 0x00, 0xff];
            for byte in [bytes[at % bytes.len()], good[at] ^ 1] {
                let mut text = good.clone();
                text[at] = byte;
                texts.push(text);
            }
        }
    }
    for text in texts {
        if let Err(errors) = parse(&text) {
            assert!(!errors.mistakes().is_empty());
            // drawing it must work as well: that is what an operator would see
            rendered(&errors).map_err(|_| format!("cannot draw {:?}", String::from_utf8_lossy(&text)))?;
        }
    }
    Ok(())
}
