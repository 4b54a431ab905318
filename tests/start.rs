//! The first config, through the real binary: `init` by flags and by answers on a terminal, `import` from a file and a pipe.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests are at the edge, and say so by panicking")]

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flipper::config::{Config, load};

const FLAGS: &str = "init --pair orders --node db1=10.0.0.11 --node db2=10.0.0.12 --interface eth0 --interface db2=eth1 \
                     --role write=10.0.0.100/32:rw --role read=fd00::101:ro --mysql-user flipper \
                     --password-from ~/.config/flipper/password --ssh-user ops --sudo";

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// `flipper` in a folder that has nothing to do with this machine's own configs.
fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("HOME", folder).env_remove("XDG_CONFIG_HOME").env_remove("FLIPPER_CONFIG");
    command
}

fn flipper(folder: &Path, words: &str) -> Ran {
    let words = words.split_whitespace();
    ran(command(folder, env!("CARGO_BIN_EXE_flipper")).args(words).stdin(Stdio::null()).output().unwrap())
}

/// What a config in force says of its first pair.
fn effective(text: &str) -> String {
    Config::parse("flipper.ron", text, Path::new("/etc/flipper"), Some(Path::new("/home/ops"))).unwrap().pairs[0]
        .effective()
}

/// Everything that is commented out as a setting, put in force.
fn commented_in(text: &str) -> String {
    let is_setting = |rest: &str| {
        let rest = rest.split(" // ").next().unwrap_or_default().trim();
        let name = rest.split(':').next().unwrap_or_default();
        rest == "),"
            || (name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && rest.ends_with([',', '('])
                && rest.contains(':'))
    };
    let line = |line: &str| match line.split_once("// ").filter(|(before, _)| before.trim().is_empty()) {
        Some((before, rest)) if is_setting(rest) => format!("{before}{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn flags_make_a_whole_config_and_its_comments_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let made = flipper(folder.path(), FLAGS);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/init.ron");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &made.out).unwrap();
    }
    assert_eq!(made.out, std::fs::read_to_string(expected).unwrap());
    assert!(made.err.contains("flipper --config FILE setup orders") && made.err.contains("mode 600"), "{}", made.err);

    let before = effective(&made.out);
    let all = commented_in(&made.out);
    for setting in [
        "\n            port: 3306,",
        "\n        limits: (\n",
        "\n            recovery: \"10m\",",
        "tls: (",
        "config_file",
    ] {
        assert!(all.contains(setting), "{setting}\n{all}");
    }
    // a limit or a port that is put in force as it stands there changes nothing
    let without = |text: &str| {
        text.replace("CA /etc/flipper/ca.pem, name 10.0.0.11", "off")
            .replace("CA /etc/flipper/ca.pem, name 10.0.0.12", "off")
    };
    assert_eq!(without(&effective(&all)).replace(", configuration /etc/flipper/ssh_config", ""), before);
    assert!(made.out.lines().all(|line| line.chars().count() <= 120), "{}", made.out);
}

#[test]
fn a_file_is_written_whole_and_never_over_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let to_file = format!("{FLAGS} -o flipper.ron");
    let made = flipper(folder.path(), &to_file);
    assert_eq!((made.code, made.out.as_str()), (Some(0), ""), "{}", made.err);
    assert!(
        made.err.contains("\n  flipper setup orders ") && made.err.contains("\n  flipper check orders "),
        "{}",
        made.err
    );
    let path = folder.path().join("flipper.ron");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let home = OsString::from(folder.path());
    let config = load(Some(&path), &|name| (name == "HOME").then(|| home.clone())).unwrap();
    assert_eq!(config.pairs[0].pair.name.as_str(), "orders");
    assert_eq!(flipper(folder.path(), "pairs").out, "orders\n");

    std::fs::write(&path, "precious").unwrap();
    let again = flipper(folder.path(), &to_file);
    assert!(again.code == Some(2) && again.err.contains("flipper::usage::exists"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(flipper(folder.path(), &format!("{to_file} --replace")).code, Some(0));
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"orders\""));
    let nowhere = flipper(folder.path(), &format!("{FLAGS} -o nowhere/flipper.ron"));
    assert!(nowhere.code == Some(2) && nowhere.err.contains("flipper::usage::file"), "{}", nowhere.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left lying about");
    // where flipper would not look by itself, it is told
    let elsewhere = flipper(folder.path(), &format!("{FLAGS} -o mine.ron"));
    assert!(elsewhere.err.contains("flipper --config mine.ron check orders"), "{}", elsewhere.err);
}

#[test]
fn what_a_flag_says_wrong_is_shown_in_the_line_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (good, bad, code, place) in [
        ("10.0.0.12", "10.0.0.12;reboot", "flipper::config::bad_host", "here"),
        ("orders", "Orders", "flipper::config::bad_name", "here"),
        ("10.0.0.100/32:rw", "10.0.0.100/33:rw", "flipper::config::bad_address", "here"),
        ("10.0.0.100/32:rw", "10.0.0.11:rw", "flipper::config::address_of_node", "would move away"),
        ("10.0.0.100/32:rw", "10.0.0.100", "flipper::init::flag", "here"),
        ("eth0", "eth0:99", "flipper::config::bad_interface", "here"),
        (
            "--node db2=10.0.0.12",
            "--node db2=10.0.0.12 --node db3=10.0.0.13",
            "flipper::config::two_nodes",
            "must be two",
        ),
    ] {
        let made = flipper(folder.path(), &FLAGS.replacen(good, bad, 1));
        assert_eq!((made.code, made.out.as_str()), (Some(2), ""), "{bad}: {}", made.err);
        assert!(
            made.err.contains(code) && made.err.contains("[command line:1:") && made.err.contains(place),
            "{bad}: {}",
            made.err
        );
    }
    let none = flipper(folder.path(), "init --pair orders --node db1=10.0.0.11");
    assert_eq!(none.code, Some(2));
    for flag in [
        "flipper::init::missing",
        "--node NAME=HOST (the other one)",
        "--interface",
        "--role",
        "--mysql-user",
        "--password-from",
    ] {
        assert!(none.err.contains(flag), "{flag}: {}", none.err);
    }
    assert!(!none.err.contains("--pair"), "{}", none.err);
    let json = flipper(folder.path(), "--json init");
    assert!(
        json.out.contains("\"code\":\"flipper::init::missing\"") && json.out.contains("\"exit\":2"),
        "{}",
        json.out
    );
}

/// On a terminal of its own (script(1) makes one), with what is typed into it.
fn typed(folder: &Path, words: &str, answers: &str) -> (Option<i32>, String) {
    let line = format!("{} {words}", env!("CARGO_BIN_EXE_flipper"));
    let mut child = command(folder, "script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there.ron"), "precious").unwrap();
    // the second answer is refused, and so is the file that is there
    let answers = "orders\nDB 1\ndb1\n10.0.0.11\n\n10.0.0.12\neth0\n\n10.0.0.100\n10.0.0.101\n\n\nroot\nthere.ron\n\n";
    let (code, said) = typed(folder.path(), "init", answers);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("lower-case letters") && said.contains("there.ron is there already"), "{said}");
    assert!(said.contains("written to flipper.ron") && said.contains("flipper setup orders"), "{said}");
    let text = std::fs::read_to_string(folder.path().join("flipper.ron")).unwrap();
    assert!(effective(&text).contains("10.0.0.101/32"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("there.ron")).unwrap(), "precious");

    let (code, said) = typed(folder.path(), "init -o other.ron", "orders\n\u{4}");
    assert!(code == Some(14) && said.contains("flipper::init::unanswered"), "{code:?} {said}");
    assert!(!folder.path().join("other.ron").exists());
}

#[test]
fn legacy_metadata_comes_from_a_file_or_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/import/good").join(name);
    let yaml = fixture("customerdata.yaml");
    let made = flipper(folder.path(), &format!("import {} -o flipper.ron", yaml.display()));
    assert_eq!((made.code, made.out.as_str()), (Some(0), ""), "{}", made.err);
    assert!(made.err.contains("customerdata.yaml:8: defaults: mysql_password = ***: "), "{}", made.err);
    assert!(made.err.contains("flipper check customerdata") && !made.err.contains("l3t"), "{}", made.err);
    assert_eq!(flipper(folder.path(), "pairs").out, "customerdata\nsessions\n");
    assert_eq!(flipper(folder.path(), &format!("import {} -o flipper.ron", yaml.display())).code, Some(2));

    let dump = std::fs::File::open(fixture("by-hand.sql")).unwrap();
    let words = "--json import - --interface ens3 --password-from env:FLIPPER_PASSWORD";
    let piped =
        command(folder.path(), env!("CARGO_BIN_EXE_flipper")).args(words.split(' ')).stdin(dump).output().unwrap();
    let piped = ran(piped);
    let json: serde_json::Value = serde_json::from_str(&piped.out).unwrap();
    assert_eq!((piped.code, &json["type"]), (Some(0), &"import".into()), "{}", piped.err);
    let config = json["config"].as_str().unwrap();
    assert!(config.contains("password_env: \"FLIPPER_PASSWORD\"") && effective(config).contains("ens3"), "{config}");
    let netmask = json["notes"].as_array().unwrap().iter().find(|note| note["name"] == "netmask").unwrap();
    assert!(netmask["line"] == 17 && netmask["value"] == "255.255.255.0", "{netmask}");

    let without = flipper(folder.path(), &format!("import {}", fixture("by-hand.sql").display()));
    assert!(
        without.code == Some(3)
            && without.err.contains("flipper::import::missing")
            && without.err.contains("--interface")
    );
    let gone = flipper(folder.path(), "import gone.yaml");
    assert!(gone.code == Some(3) && gone.err.contains("flipper::import::unreadable"), "{}", gone.err);
}
