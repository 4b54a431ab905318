//! Tells the program its version, with the commit that it was built from where that is known.

#![expect(clippy::disallowed_methods, reason = "a build script asks its surroundings")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FLIPPER_BUILD");
    // a packager who builds from an archive may say it
    let said = std::env::var("FLIPPER_BUILD").ok().filter(|said| !said.is_empty());
    let build = said.or_else(commit).map(|build| format!(" ({build})")).unwrap_or_default();
    println!("cargo::rustc-env=FLIPPER_VERSION={}{build}", env!("CARGO_PKG_VERSION"));
}

/// The commit that is checked out. `None` outside of a repository of flipper's own, and without git.
fn commit() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    // an archive that was unpacked inside of some other repository is not of that one
    let own = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    if Path::new(&root).canonicalize().ok()? != Path::new(&own).canonicalize().ok()? {
        return None;
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        // a file that is not there would have this run every time
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
