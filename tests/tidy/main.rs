//! Reads the sources and keeps the promises of the design: who may import whom, and what stays out of where.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

mod rules;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let inside = |path: &PathBuf| if path.is_dir() { sources(path) } else { vec![path.clone()] };
    entries.iter().flat_map(inside).filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

#[test]
fn the_tree_is_tidy() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let texts: Vec<(String, String)> = sources(&src)
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            (inside, fs::read_to_string(&path).unwrap())
        })
        .collect();
    // a walk that finds nothing would be content with everything
    assert!(texts.iter().any(|(path, _)| path == "model/mod.rs"), "{src:?} is not flipper's source");

    let files: Vec<rules::File<'_>> = texts.iter().map(|(path, text)| rules::File { path, text }).collect();
    let tests: BTreeSet<String> = files.iter().flat_map(rules::File::test_modules).collect();
    let faults: Vec<String> = files.iter().flat_map(|file| file.faults(&tests)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
