//! A run of flipper whose events are read as they happen.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// No event is longer in coming, and no run takes longer, whatever happens to it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Watched {
    child: Child,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    events: Vec<Value>,
    begun: Instant,
}

/// How it ended.
pub(crate) struct Ran {
    /// `None`: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Watched {
    pub(crate) fn start(mut command: Command) -> Self {
        let begun = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("flipper starts");
        let (out, mut err) = (child.stdout.take().expect("its stdout"), child.stderr.take().expect("its stderr"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, lines, stderr: Some(stderr), events: vec![], begun }
    }

    /// Reads on to the next event of this type, about this step where one is named.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: &str, step: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).expect("a JSON object a line");
                    self.events.push(event.clone());
                    if event["type"] == kind && (step.is_empty() || event["step"] == step) {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{kind} {step}` within {PATIENCE:?}: {:?}", self.events),
                Err(RecvTimeoutError::Disconnected) => {
                    let stderr = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
                    panic!("it ended before `{kind} {step}`: {}\n{stderr}", told(&self.events));
                }
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("flipper can be signalled");
    }

    #[track_caller]
    pub(crate) fn end(self) -> Ran {
        let late = self.begun + PATIENCE;
        self.end_by(late)
    }

    #[track_caller]
    pub(crate) fn end_within(self, limit: Duration) -> Ran {
        self.end_by(Instant::now() + limit)
    }

    #[track_caller]
    fn end_by(mut self, late: Instant) -> Ran {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("flipper's state") {
                break status;
            }
            assert!(Instant::now() < late, "it hangs: {}", told(&self.events));
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.begun.elapsed();
        let mut events = std::mem::take(&mut self.events);
        // what is not JSON was meant for people, and tells why
        events.extend(self.lines.iter().map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line))));
        let stderr = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
        Ran { code: status.code(), events, stderr, took }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        self.ends_in(&[code])
    }

    #[track_caller]
    pub(crate) fn ends_in(&self, codes: &[i32]) -> &Self {
        assert!(self.code.is_some_and(|code| codes.contains(&code)), "should end in {codes:?}: {self}");
        if let Some(last) = self.events.last().filter(|last| last["type"] == "end") {
            assert_eq!(last["exit"].as_i64(), self.code.map(i64::from), "{self}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.has_said(words), "no `{words}`: {self}");
        self
    }

    #[track_caller]
    pub(crate) fn never_says(&self, words: &str) -> &Self {
        assert!(!self.has_said(words), "says `{words}`: {self}");
        self
    }

    pub(crate) fn has_said(&self, words: &str) -> bool {
        flat(&self.stderr).contains(words) || flat(&self.text()).contains(words)
    }

    /// The text of the last event; of a run without events, all its lines.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<&str> = self.events.iter().filter_map(Value::as_str).collect();
        match self.events.last().and_then(|end| end["text"].as_str()) {
            Some(text) => text.to_owned(),
            None => lines.join("\n"),
        }
    }

    /// How many events are of this type.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == kind).count()
    }

    /// What a step had to say.
    pub(crate) fn note(&self, step: &str) -> String {
        let done = self.events.iter().find(|event| event["type"] == "step-done" && event["step"] == step);
        done.and_then(|event| event["note"].as_str()).unwrap_or_default().to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, events, stderr, took } = self;
        write!(f, "flipper ended with {code:?} after {took:?}\n{}\n--- stderr\n{stderr}\n---", told(events))
    }
}

fn told(events: &[Value]) -> String {
    events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn flat(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !matches!(*word, "│" | "×" | "╰─▶" | "├─▶" | "·"));
    words.collect::<Vec<_>>().join(" ")
}
