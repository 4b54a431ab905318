//! What `.ci/release` makes can be installed: a Debian package and an archive, built from this test's own binary.
//!
//! Needs Debian's `dpkg`, like the pairs of the other tests.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a package is files and programs; a test says what is wrong by panicking"
)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FLIPPER: &str = env!("CARGO_BIN_EXE_flipper");

fn run(program: impl AsRef<OsStr>, words: &[&str]) -> String {
    let name = program.as_ref().to_string_lossy().into_owned();
    let output = Command::new(&program).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {words:?}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the test")
}

/// Makes everything into a folder; gives the package and the archive.
fn release(folder: &Path) -> (PathBuf, PathBuf) {
    let words = ["--package-binary", FLIPPER, "--archive-binary", FLIPPER, "--quick", text(folder)];
    run(".ci/release", &words);
    let ends = |end: &str| {
        let files = fs::read_dir(folder).expect("made").flatten().map(|entry| entry.path());
        files.into_iter().find(|path| text(path).ends_with(end)).expect("one of them")
    };
    run("sh", &["-c", "cd \"$0\" && sha256sum --check --strict --quiet SHA256SUMS", text(folder)]);
    (ends(".deb"), ends(".tar.gz"))
}

/// `flipper`, and each of its commands as a page is called after it.
fn pages() -> BTreeSet<String> {
    let help = run(FLIPPER, &["--help"]);
    let commands = help.split_once("\nCommands:\n").expect("a list").1.split("\n\n").next().expect("its end");
    // a description that goes on in the next line stands further in
    let lines = commands.lines().filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let pages: BTreeSet<String> = names.map(|name| format!("flipper-{name}")).chain(["flipper".to_owned()]).collect();
    assert!(pages.len() > 10 && pages.contains("flipper-apply"), "{pages:?}");
    pages
}

#[test]
fn the_package_can_be_installed_and_removed_and_is_the_same_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let (deb, archive) = release(&dir.path().join("one"));
    let (again, archive_again) = release(&dir.path().join("two"));
    assert!(fs::read(&deb).expect("read") == fs::read(again).expect("read"), "two packages differ");
    assert!(fs::read(&archive).expect("read") == fs::read(archive_again).expect("read"), "two archives differ");

    let field = |name: &str| run("dpkg-deb", &["--field", text(&deb), name]).trim().to_owned();
    assert_eq!((field("Package").as_str(), field("Version")), ("flipper", format!("{}-1", env!("CARGO_PKG_VERSION"))));
    let depends = field("Depends");
    assert!(depends.contains("libc6 (>= 2.") && depends.contains("openssh-client"), "{depends}");
    let listed = run("dpkg-deb", &["--contents", text(&deb)]);
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");

    let root = dir.path().join("root");
    for folder in ["info", "updates"] {
        fs::create_dir_all(root.join("var/lib/dpkg").join(folder)).expect("a folder");
    }
    for file in ["status", "available"] {
        fs::write(root.join("var/lib/dpkg").join(file), "").expect("a file");
    }
    let option = format!("--root={}", root.display());
    let dpkg =
        |words: &[&str]| run("dpkg", &[&[option.as_str(), "--force-depends", "--force-not-root"][..], words].concat());
    dpkg(&["--install", text(&deb)]);
    assert_eq!(dpkg(&["--verify", "flipper"]), "");
    looks_as_it_should(&root.join("usr"));
    dpkg(&["--remove", "flipper"]);
    assert!(!root.join("usr").exists(), "something stays behind");

    run("tar", &["-C", text(dir.path()), "-xzf", text(&archive)]);
    let name = text(&archive).rsplit('/').next().and_then(|name| name.strip_suffix(".tar.gz")).expect("a name");
    archive_is_complete(&dir.path().join(name));
}

fn looks_as_it_should(usr: &Path) {
    assert_eq!(run(usr.join("bin/flipper"), &["--version"]), run(FLIPPER, &["--version"]));
    let man = usr.join("share/man/man1");
    let names = fs::read_dir(&man).expect("pages").flatten().map(|entry| entry.file_name().into_string());
    let there: BTreeSet<String> =
        names.map(|name| name.expect("text").strip_suffix(".1.gz").expect("a page").to_owned()).collect();
    assert_eq!(there, pages());
    for page in there {
        let roff = run("gzip", &["-dc", text(&man.join(format!("{page}.1.gz")))]);
        assert!(roff.contains(&format!(".TH {page} 1")), "{page}: {roff}");
    }
    for (file, shell) in [
        ("bash-completion/completions/flipper", "bash"),
        ("zsh/vendor-completions/_flipper", "zsh"),
        ("fish/vendor_completions.d/flipper.fish", "fish"),
    ] {
        let there = fs::read_to_string(usr.join("share").join(file)).expect(file);
        assert_eq!(there, run(FLIPPER, &["completions", shell]), "{shell}");
    }
    run("bash", &["-n", text(&usr.join("share/bash-completion/completions/flipper"))]);

    let doc = usr.join("share/doc/flipper");
    let read = |name: &str| fs::read_to_string(doc.join(name)).expect(name);
    let unpacked = |name: &str| run("gzip", &["-dc", text(&doc.join(name))]);
    assert!(unpacked("changelog.Debian.gz").starts_with(&format!("flipper ({}-1)", env!("CARGO_PKG_VERSION"))));
    assert!(unpacked("changelog.gz").starts_with("# Changes"));
    let copyright = read("copyright");
    for said in ["License: Expat or Apache-2.0", "Permission is hereby granted", "mysql_async v", "common-licenses"] {
        assert!(copyright.contains(said), "{said}: {copyright}");
    }
    assert!(!copyright.contains(env!("CARGO_MANIFEST_DIR")), "a path of the machine: {copyright}");
    assert!(read("docs/README.md").contains("quickstart.md") && read("README.md").starts_with("# flipper"));
    example_is_a_config(&doc.join("examples/flipper.ron"));
}

fn archive_is_complete(tree: &Path) {
    assert_eq!(run(tree.join("flipper"), &["--version"]), run(FLIPPER, &["--version"]));
    for page in pages() {
        assert!(tree.join("man/man1").join(format!("{page}.1")).exists(), "{page}");
    }
    for file in
        ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "LIBRARIES", "docs/safety.md", "completions/flipper.bash"]
    {
        assert!(tree.join(file).exists(), "{file}");
    }
    example_is_a_config(&tree.join("examples/flipper.ron"));
}

fn example_is_a_config(path: &Path) {
    let pairs = run(FLIPPER, &["--config", text(path), "pairs"]);
    assert!(pairs.contains("orders"), "{pairs}");
}

/// A packager's mistake is told, and nothing is made.
#[test]
fn an_unknown_option_is_refused() {
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/release")).arg("--fast").output();
    let output = output.expect("started");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no option --fast"));
}
