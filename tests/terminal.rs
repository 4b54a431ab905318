//! What is shown while something is waited for: on a terminal only, and nothing of it stays. `script` lends the terminal.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests are at the edge, and say so by panicking"
)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

const PASSWORD: &str = "s3cret-of-nobody";

/// A pair of which nothing ever answers: connections are taken, and not a word is said.
struct Silent {
    folder: tempfile::TempDir,
    _listeners: [TcpListener; 2],
}

impl Silent {
    fn new() -> Self {
        let listeners = ["127.0.0.2:0", "127.0.0.3:0"].map(|at| TcpListener::bind(at).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let nodes = [("db1", 0), ("db2", 1)].map(|(name, at)| {
            let at: &std::net::TcpListener = &listeners[at];
            let (ip, port) = (at.local_addr().unwrap().ip(), at.local_addr().unwrap().port());
            format!("{name:?}: (host: \"{ip}\", mysql: (port: {port}), ssh: (port: {port})),\n")
        });
        let config = format!(
            "#![enable(implicit_some)]\n(\n  defaults: (\n    interface: \"eth0\",\n    mysql: (user: \"flipper\", \
             password_env: \"FLIPPER_PASSWORD\"),\n    limits: (connect: \"1s 500ms\"),\n  ),\n  pairs: {{\n    \
             \"orders\": (\n      nodes: {{\n{}      }},\n      roles: {{ \"write\": (address: \"192.0.2.100\", access: \
             ReadWrite) }},\n    ),\n  }},\n)\n",
            nodes.concat()
        );
        std::fs::write(folder.path().join("flipper.ron"), config).unwrap();
        Self { folder, _listeners: listeners }
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.folder.path())
            .env("FLIPPER_CONFIG", self.folder.path().join("flipper.ron"))
            .env("FLIPPER_PASSWORD", PASSWORD)
            .env("XDG_STATE_HOME", self.folder.path())
            .env("TERM", "xterm")
    }

    fn flipper(&self, words: &[&str]) -> Output {
        self.environment(Command::new(env!("CARGO_BIN_EXE_flipper")).args(words)).output().unwrap()
    }

    /// The same on a terminal, whose end of line is two characters.
    fn on_a_terminal(&self, words: &str, term: &str) -> String {
        let flipper = format!("{} {words}", env!("CARGO_BIN_EXE_flipper"));
        let mut command = Command::new("script");
        self.environment(command.args(["-qec", &flipper, "/dev/null"])).env("TERM", term);
        let output = command.output().expect("`script` of util-linux lends a terminal");
        String::from_utf8(output.stdout).unwrap()
    }
}

const AFRESH: &str = "\r\u{1b}[K";

#[test]
fn what_is_waited_for_stands_on_a_terminal_and_goes() {
    let pair = Silent::new();
    for (words, said) in [
        ("status", "looking at orders … "),
        ("check orders", "looking at orders … "),
        ("plan orders swap", "looking at orders … "),
    ] {
        let shown = pair.on_a_terminal(words, "xterm");
        let seconds = shown.split(&format!("{AFRESH}{said}")).nth(1).and_then(|rest| rest.chars().next());
        assert!(seconds.is_some_and(|digit| digit.is_ascii_digit()), "{words}: {shown:?}");
        // the last of it is taken away before anything else is said
        let after = shown.rsplit_once("looking at orders").unwrap().1;
        let (_, rest) = after.split_once(AFRESH).unwrap_or_else(|| panic!("{words}: it stays: {shown:?}"));
        assert!(!rest.contains('\u{1b}'), "{words}: {rest:?}");
        let line = after.split_once(AFRESH).unwrap().0;
        assert!(line.len() < 16 && rest.contains("orders"), "{words}: told onto that line: {shown:?}");
    }
    let dumb = pair.on_a_terminal("status", "dumb");
    assert!(
        dumb.contains("  unknown       addresses, ") && !dumb.contains('\u{1b}') && !dumb.contains("looking at"),
        "{dumb:?}"
    );
    let json = pair.on_a_terminal("--json status", "xterm");
    assert!(
        json.contains("\"type\":\"status\"") && !json.contains('\u{1b}') && !json.contains("looking at"),
        "{json:?}"
    );
}

#[test]
fn nothing_of_it_is_in_a_pipe() {
    let ran = Silent::new().flipper(&["status"]);
    assert_eq!((ran.status.code(), &ran.stderr[..]), (Some(11), &b""[..]), "{ran:?}");
    assert!(!ran.stdout.contains(&0x1b), "{ran:?}");
}

#[test]
fn each_thing_said_is_shown_and_logged_and_no_password() {
    let pair = Silent::new();
    let ran = pair.flipper(&["-v", "--log-file", "log", "status", "orders"]);
    assert_eq!(ran.status.code(), Some(11), "{ran:?}");
    let stderr = String::from_utf8(ran.stderr).unwrap();
    let log = std::fs::read_to_string(pair.folder.path().join("log")).unwrap();
    let mode = Path::new(&pair.folder.path().join("log")).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for text in [&stderr, &log] {
        assert_eq!(text.matches("(connect as flipper)").count(), 4, "two sessions a node: {text}");
        assert_eq!(text.matches("(log in)").count(), 2, "{text}");
        assert!(text.contains(" db1 sql 127.0.0.2:") && text.contains(" db2 ssh 127.0.0.3"), "{text}");
        assert_eq!(text.matches("no connection within 1.5s").count(), 4, "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
    // what is sent is told before its end, and by one number
    let number = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    let sent: Vec<_> = stderr.lines().filter(|line| line.starts_with("> ")).map(number).collect();
    let ended: Vec<_> = stderr.lines().filter(|line| line.starts_with("< ")).map(number).collect();
    assert_eq!((sent.len(), ended.len()), (6, 6), "{stderr}");
    assert!(ended.iter().all(|number| sent.contains(number)), "{stderr}");
    let first = log.lines().next().unwrap();
    assert!(first.contains("Z flipper 0.1.0") && first.ends_with("status orders"), "{first}");
    assert!(log.trim_end().ends_with("Z exit 11"), "{log}");
    // appended, errors too; nothing is lost of what was there
    let ran = pair.flipper(&["--log-file", "log", "status", "nope"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let longer = std::fs::read_to_string(pair.folder.path().join("log")).unwrap();
    assert!(longer.starts_with(&log) && longer.contains("Z error, exit 2") && longer.contains("`nope`"), "{longer}");
    let ran = pair.flipper(&["--log-file", "/nonexistent/log", "pairs"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(String::from_utf8(ran.stderr).unwrap().contains("flipper::usage::file"));
}

/// Pairs are looked at all at once: two that are silent take as long as one.
#[test]
fn a_silent_pair_delays_no_other() {
    let pair = Silent::new();
    let text = std::fs::read_to_string(pair.folder.path().join("flipper.ron")).unwrap();
    let (head, body) = text.split_once("    \"orders\": (").unwrap();
    let (body, tail) = body.split_once("    ),\n  },").unwrap();
    let other = body.replace("127.0.0.", "127.0.1.").replace("192.0.2.100", "192.0.2.101");
    // these refuse at once
    let two = format!("{head}    \"orders\": ({body}    ),\n    \"shop\": ({other}    ),\n  }},{tail}");
    std::fs::write(pair.folder.path().join("flipper.ron"), two).unwrap();
    let ran = pair.flipper(&["-v", "status", "shop", "orders"]);
    let (out, said) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    let place = |name: &str| out.find(&format!("Pair {name}:")).unwrap_or_else(|| panic!("{out}"));
    assert!(place("orders") < place("shop"), "in the order of the config: {out}");
    // the second pair's end came while the first one was waited for
    let end = |host: &str| said.lines().position(|line| line.starts_with("< ") && line.contains(host));
    assert!(end("127.0.1.2").unwrap() < end("127.0.0.2").unwrap(), "{said}");
    for (words, said) in [
        (&["status", "--watch", "0"][..], "flipper::usage::time"),
        (&["status", "--watch", "--save", "x", "orders"], "flipper::usage::save"),
        (&["status", "--quick", "--save", "x", "orders"], "flipper::usage::save"),
        (&["status", "--save", "x"], "flipper::usage::save"),
    ] {
        let ran = pair.flipper(words);
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {ran:?}");
        assert!(String::from_utf8(ran.stderr).unwrap().contains(said), "{words:?}");
    }
}
