//! Requests as real shells read them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::frame::{After, Answer, Frame};
use super::ssh_error::SshErrorKind;
use crate::dialect::{Line, Look, TOO_LATE};

/// What `exec sh` is on one system or another.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Those of them that this machine has.
#[expect(clippy::disallowed_methods, reason = "looks for real shells")]
fn shells() -> Vec<&'static [&'static str]> {
    let there =
        |shell: &&&[&str]| ["/bin", "/usr/bin"].iter().any(|dir| std::path::Path::new(dir).join(shell[0]).exists());
    let there: Vec<_> = SHELLS.iter().filter(there).copied().collect();
    assert!(!there.is_empty(), "none of {SHELLS:?} is here");
    there
}

fn lines(scripts: &[&'static str]) -> Vec<Line> {
    scripts.iter().map(|script| Look::Script(script).within(20)).collect()
}

/// All answers as a local shell gives them, and what is left over.
#[expect(clippy::disallowed_methods, reason = "asks a real shell")]
fn through(
    shell: &[&str],
    scripts: &[&'static str],
    after: After,
    cut: Option<usize>,
    until: Option<u64>,
) -> (Vec<Answer>, String) {
    let mut frame = Frame::new("m4rk3r".to_owned());
    let greeting = frame.greeting();
    let (first, request) = frame.request(&lines(scripts), after, until).unwrap();
    let request = &request[..cut.unwrap_or(request.len())];
    let mut sh = Command::new(shell[0])
        .args(&shell[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (sh.stdin.take().unwrap(), sh.stdout.take().unwrap());
    stdin.write_all(format!("echo hello from rc\n{greeting}").as_bytes()).unwrap();
    let mut arrived = vec![];
    let greeted = loop {
        let mut some = [0; 4096];
        let count = stdout.read(&mut some).unwrap();
        assert!(count > 0, "{shell:?} ended at the greeting");
        arrived.extend(&some[..count]);
        if let Some(greeted) = frame.answer(0, &mut arrived) {
            break greeted;
        }
    };
    assert!(greeted.status == 0 && greeted.text.starts_with("hello from rc\n"), "{greeted:?}");
    assert!(Frame::clock(&greeted).is_some() && Frame::gate(&greeted).is_none(), "{greeted:?}");
    stdin.write_all(request.as_bytes()).unwrap();
    drop(stdin);
    stdout.read_to_end(&mut arrived).unwrap();
    sh.wait().unwrap();
    let answers = (first..).map_while(|number| frame.answer(number, &mut arrived)).collect();
    (answers, String::from_utf8_lossy(&arrived).into_owned())
}

fn said(status: u8, text: &str) -> Answer {
    Answer { status, text: text.to_owned() }
}

#[test]
fn each_command_has_its_own_answer() {
    let scripts = ["printf 'no newline'", "exit 255", "/no/such/thing", "cat; echo done", "echo err >&2"];
    for shell in shells() {
        let (answers, rest) = through(shell, &scripts, After::GoOn, None, None);
        // `cat` has nothing to eat: neither the rest of the request nor the next one
        let expected = [said(0, "no newline"), said(255, ""), answers[2].clone(), said(0, "done\n"), said(0, "err\n")];
        assert_eq!(answers, expected, "{shell:?}");
        assert_eq!(answers[2].status, 127, "{shell:?}");
        assert_eq!(rest, "", "{shell:?}");
    }
}

#[test]
fn a_chain_stops_at_the_first_failure() {
    for shell in shells() {
        let (answers, rest) =
            through(shell, &["echo a", "echo b; exit 3", "echo c", "echo d"], After::Stop, None, None);
        assert_eq!(answers, [said(0, "a\n"), said(3, "b\n")], "{shell:?}");
        assert_eq!(rest, "");
    }
}

#[test]
fn what_is_only_asked_is_not_done() {
    for shell in shells() {
        let (answers, rest) = through(shell, &["echo a", "exit 3"], After::Ask, None, None);
        assert_eq!((answers, rest.as_str()), (vec![said(0, ""), said(0, "")], ""), "{shell:?}");
    }
}

#[test]
fn a_torn_request_does_nothing() {
    let until = Some(u64::from(u32::MAX));
    let scripts = ["echo one", "echo two"];
    let length = Frame::new("m4rk3r".to_owned()).request(&lines(&scripts), After::Stop, until).unwrap().1.len();
    for shell in shells() {
        let (all, _) = through(shell, &scripts, After::Stop, None, until);
        assert_eq!(all, [said(0, "one\n"), said(0, "two\n")], "{shell:?}");
        // not even when only its last newline is missing
        for cut in 0..length {
            let (answers, rest) = through(shell, &scripts, After::Stop, Some(cut), until);
            assert_eq!((answers.len(), rest.as_str()), (0, ""), "{shell:?} cut at {cut}");
        }
    }
}

#[test]
fn a_request_that_comes_too_late_does_nothing() {
    for shell in shells() {
        // zero is "no matter when"
        let (answers, rest) = through(shell, &["echo one", "echo two"], After::Stop, None, Some(1));
        assert_eq!((answers, rest.as_str()), (vec![said(TOO_LATE, "")], ""), "{shell:?}");
        let later = Some(u64::from(u32::MAX));
        let (answers, _) = through(shell, &["echo one", "echo two"], After::Stop, None, later);
        assert_eq!(answers, [said(0, "one\n"), said(0, "two\n")], "{shell:?}");
    }
}

#[test]
fn quoting_survives_the_shell() {
    let nasty = r#"it's "$HOME" `id` \ ; rm -rf * ~ #c !! ) } fi"#;
    let script: &'static str = r#"printf %s 'it'\''s "$HOME" `id` \ ; rm -rf * ~ #c !! ) } fi'"#;
    for shell in shells() {
        let (answers, _) = through(shell, &[script], After::Stop, None, None);
        assert_eq!(answers, [said(0, nasty)], "{shell:?}");
    }
}

#[test]
fn answers_arrive_in_pieces_and_with_marker_like_text() {
    let mut frame = Frame::new("abc".to_owned());
    frame.greeting();
    let stream = "noise\nabc 0 0\nout\nabc 9 0\nabc 1 x\nabc 1 300\n abc 1 7\nreally\nabc 1 7\n";
    let mut arrived = Vec::new();
    let mut answers = Vec::new();
    for byte in stream.bytes() {
        arrived.push(byte);
        while let Some(answer) = frame.answer(answers.len() as u64, &mut arrived) {
            answers.push(answer);
        }
    }
    assert_eq!(answers, [said(0, "noise"), said(7, "out\nabc 9 0\nabc 1 x\nabc 1 300\n abc 1 7\nreally")]);
    assert!(arrived.is_empty());
}

#[test]
fn more_than_one_line_is_never_sent() {
    let mut frame = Frame::new("abc".to_owned());
    for bad in ["echo a\nreboot", "a\rb", "a\0b"] {
        let error = frame.request(&lines(&["true", bad]), After::Stop, None).unwrap_err();
        assert_eq!(error.kind, SshErrorKind::NotSent);
        assert!(!error.may_have_happened());
    }
}

/// The first command may have been held up, and taken the others' time along.
#[test]
fn a_command_whose_time_has_passed_meanwhile_is_not_begun() {
    let shell = shells()[0];
    let (uptime, _) = through(shell, &["cat /proc/uptime"], After::GoOn, None, None);
    let now: u64 = uptime[0].text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap();
    let (answers, _) = through(shell, &["sleep 8; echo one", "echo two"], After::Stop, None, Some(now + 5));
    assert_eq!(answers, [said(0, "one\n"), said(TOO_LATE, "")]);
}
