//! What a run of flipper said, and how it ended.

use std::time::Duration;

use serde_json::Value;

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) words: String,
    /// `None`: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// stderr has these words, however they are broken into lines.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.has_said(words), "stderr should say `{words}`: {self}");
        self
    }

    pub(crate) fn has_said(&self, words: &str) -> bool {
        flat(&self.stderr).contains(words)
    }

    #[track_caller]
    pub(crate) fn never_says(&self, words: &str) -> &Self {
        assert!(!flat(&self.stderr).contains(words), "stderr should not say `{words}`: {self}");
        self
    }

    /// stdout has these words.
    #[track_caller]
    pub(crate) fn answers(&self, words: &str) -> &Self {
        assert!(flat(&self.stdout).contains(words), "stdout should say `{words}`: {self}");
        self
    }

    /// It took no longer.
    #[track_caller]
    pub(crate) fn within(&self, limit: Duration) -> &Self {
        assert!(self.took <= limit, "longer than {limit:?}: {self}");
        self
    }

    /// Every line of stdout as an object.
    #[track_caller]
    pub(crate) fn objects(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: `{line}` of {self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The last line of stdout is an object of this type, and names this exit code.
    #[track_caller]
    pub(crate) fn ends_in_json(&self, kind: &str, code: i32) -> Value {
        self.ends(code);
        let last = self.objects().pop().unwrap_or_else(|| panic!("nothing on stdout: {self}"));
        assert_eq!((&last["type"], &last["exit"]), (&kind.into(), &code.into()), "{self}");
        last
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { words, code, stdout, stderr, took } = self;
        let code = code.map_or("a signal".to_owned(), |code| code.to_string());
        write!(f, "`flipper {words}` ({code} after {took:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// Without line breaks and frames.
fn flat(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !matches!(*word, "│" | "×" | "╰─▶" | "├─▶" | "·"));
    words.collect::<Vec<_>>().join(" ")
}
