//! What is said to the remote shell, and how its answers are told apart.
//!
//! Pure. A request is one line, so that all of it costs one round trip; each command's output ends with a line of its
//! own: a marker that nobody can guess, the command's number, its exit status. Status 255 or 127 and output without a
//! last newline keep their meaning. Numbers never repeat, so that an old answer cannot pass for a new one.

use super::ssh_error::{SshError, SshErrorKind};

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status; 124 or 137: it was cut off by its time limit.
    pub status: u8,
    /// Its output and errors, together.
    pub text: String,
}

/// The status of a command that was not begun, because its time was over when it arrived.
const TOO_LATE: u8 = 125;

/// The marker and the numbers of one shell.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    marker: String,
    next: u64,
}

/// Whether a failure stops the commands after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// They run all the same.
    GoOn,
    /// They do not run.
    Stop,
}

impl Frame {
    /// `marker`: letters and digits, not to be guessed.
    pub(super) fn new(marker: String) -> Self {
        Self { marker, next: 0 }
    }

    fn ended(&self, number: u64, status: &str) -> String {
        format!("printf '\\n%s %d %d\\n' {} {number} {status}", self.marker)
    }

    /// The first line: the environment, and whether `timeout` is there and understands what we need of it.
    pub(super) fn greeting(&mut self) -> String {
        let number = self.take();
        format!(
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; LC_ALL=C; export PATH LC_ALL; unset ENV; \
             timeout -k 1 5 true </dev/null >/dev/null 2>&1; s=$?; read u r </proc/uptime; \
             printf '\\nup %s\\n' \"${{u%%.*}}\"; {}\n",
            self.ended(number, "$s")
        )
    }

    /// The machine's clock since its start, in seconds, from the answer to the greeting.
    pub(super) fn clock(greeted: &Answer) -> Option<u64> {
        greeted.text.lines().rev().find_map(|line| line.strip_prefix("up ")).and_then(|up| up.trim().parse().ok())
    }

    /// Number of the first answer, and the line.
    ///
    /// The braces matter: a shell runs the rest of its input even without the last newline. Should the line be torn
    /// on its way, an open brace makes it a syntax error instead of, say, `ip address del 10.0.0.1/3`.
    ///
    /// `until`: by the machine's clock, the last second in which the first command may begin, and with it the others;
    /// later its status is [`TOO_LATE`]. A line that was held up on its way must not change anything when everybody
    /// has gone on.
    pub(super) fn request(
        &mut self,
        commands: &[String],
        after: After,
        until: Option<u64>,
    ) -> Result<(u64, String), SshError> {
        let first = self.next;
        let mut line = String::new();
        let mut open = 0;
        for (i, command) in commands.iter().enumerate() {
            if command.contains(['\n', '\r', '\0']) {
                return Err(SshError::new(SshErrorKind::NotSent, format!("`{command}` is not one line")));
            }
            let number = self.take();
            let ended = self.ended(number, "$s");
            line.push_str(if i == 0 { "{ " } else { "; " });
            if after == After::Stop && i > 0 {
                line.push_str("if [ $s -eq 0 ]; then ");
                open += 1;
            }
            match until.filter(|_| i == 0) {
                None => line.push_str(&format!("{command} </dev/null 2>&1; s=$?; {ended}")),
                Some(until) => line.push_str(&format!(
                    "read u r </proc/uptime; if [ \"${{u%%.*}}\" -le {until} ]; then {command} </dev/null 2>&1; s=$?; \
                     else s={TOO_LATE}; fi; {ended}"
                )),
            }
        }
        line.push_str(&"; fi".repeat(open));
        line.push_str("; }\n");
        Ok((first, line))
    }

    fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Takes the answer of that number off the front of what has arrived, if it is all there. What precedes it
    /// belongs to it: noise of start-up files, for the greeting.
    pub(super) fn answer(&self, number: u64, arrived: &mut Vec<u8>) -> Option<Answer> {
        let ended = format!("\n{} {number} ", self.marker).into_bytes();
        let mut from = 0;
        loop {
            let at = from + find(arrived.get(from..)?, &ended)?;
            let rest = arrived.get(at + ended.len()..)?;
            let line = rest.iter().position(|b| *b == b'\n');
            let digits = line.and_then(|end| std::str::from_utf8(rest.get(..end)?).ok());
            match (line, digits.and_then(|digits| digits.parse().ok())) {
                (None, _) => return None,
                (Some(_), None) => from = at + 1,
                (Some(end), Some(status)) => {
                    let text = String::from_utf8_lossy(arrived.get(..at)?).into_owned();
                    arrived.drain(..at + ended.len() + end + 1);
                    return Some(Answer { status, text });
                }
            }
        }
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All answers to `commands` as a local `sh` gives them, and what is left over.
    fn through_sh(commands: &[&str], after: After, cut: Option<usize>) -> (Vec<Answer>, String) {
        through_sh_until(commands, after, cut, None)
    }

    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn through_sh_until(
        commands: &[&str],
        after: After,
        cut: Option<usize>,
        until: Option<u64>,
    ) -> (Vec<Answer>, String) {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut frame = Frame::new("m4rk3r".to_owned());
        let commands: Vec<String> = commands.iter().map(|c| (*c).to_owned()).collect();
        let greeting = frame.greeting();
        let (first, line) = frame.request(&commands, after, until).unwrap();
        let line = &line[..cut.unwrap_or(line.len())];
        let mut sh =
            Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        sh.stdin.take().unwrap().write_all(format!("echo hello from rc\n{greeting}{line}").as_bytes()).unwrap();
        let mut arrived = sh.wait_with_output().unwrap().stdout;
        let greeted = frame.answer(0, &mut arrived);
        let greeted = greeted.unwrap();
        assert!(greeted.status == 0 && greeted.text.starts_with("hello from rc\n"), "{greeted:?}");
        assert!(Frame::clock(&greeted).is_some(), "{greeted:?}");
        let answers = (first..).map_while(|number| frame.answer(number, &mut arrived)).collect();
        (answers, String::from_utf8_lossy(&arrived).into_owned())
    }

    fn said(status: u8, text: &str) -> Answer {
        Answer { status, text: text.to_owned() }
    }

    #[test]
    fn each_command_has_its_own_answer() {
        let commands = [
            "printf 'no newline'",
            "sh -c 'exit 255'",
            "/no/such/thing",
            "sh -c 'cat; echo done'",
            "sh -c 'echo err >&2'",
        ];
        let (answers, rest) = through_sh(&commands, After::GoOn, None);
        // `cat` has nothing to eat: neither the rest of the line nor the next request
        let expected = [said(0, "no newline"), said(255, ""), answers[2].clone(), said(0, "done\n"), said(0, "err\n")];
        assert_eq!(answers, expected);
        assert_eq!(answers[2].status, 127);
        assert_eq!(rest, "");
    }

    #[test]
    fn a_chain_stops_at_the_first_failure() {
        let (answers, rest) = through_sh(&["echo a", "sh -c 'echo b; exit 3'", "echo c", "echo d"], After::Stop, None);
        assert_eq!(answers, [said(0, "a\n"), said(3, "b\n")]);
        assert_eq!(rest, "");
    }

    #[test]
    fn a_torn_line_does_nothing() {
        let (all, _) = through_sh(&["echo one", "echo two"], After::Stop, None);
        assert_eq!(all.len(), 2);
        let mut frame = Frame::new("m4rk3r".to_owned());
        frame.greeting();
        let until = Some(u64::from(u32::MAX));
        let (_, line) = frame.request(&["echo one".into(), "echo two".into()], After::Stop, until).unwrap();
        // without its newline the line is still all there
        for cut in 0..line.len() - 1 {
            let (answers, rest) = through_sh_until(&["echo one", "echo two"], After::Stop, Some(cut), until);
            assert_eq!((answers.len(), rest.as_str()), (0, ""), "cut at {cut}");
        }
    }

    #[test]
    fn a_line_that_comes_too_late_does_nothing() {
        let (answers, rest) = through_sh_until(&["echo one", "echo two"], After::Stop, None, Some(0));
        assert_eq!(answers, [said(TOO_LATE, "")]);
        assert_eq!(rest, "");
        let later = Some(u64::from(u32::MAX));
        let (answers, _) = through_sh_until(&["echo one", "echo two"], After::Stop, None, later);
        assert_eq!(answers, [said(0, "one\n"), said(0, "two\n")]);
    }

    #[test]
    fn quoting_survives_the_shell() {
        let nasty = r#"it's "$HOME" `id` \ ; rm -rf * ~ #c !! ) } fi"#;
        let quoted = format!("printf %s '{}'", nasty.replace('\'', r"'\''"));
        let (answers, _) = through_sh(&[&quoted], After::Stop, None);
        assert_eq!(answers, [said(0, nasty)]);
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
            let error = frame.request(&["true".into(), bad.into()], After::Stop, None).unwrap_err();
            assert_eq!(error.kind, SshErrorKind::NotSent);
            assert!(!error.may_have_happened());
        }
    }
}
