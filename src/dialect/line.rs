//! Command lines as words, and as a node's shell is told them.
//!
//! What is told is data: a text that is the same whenever this is said to this node, and beside it the few values that
//! the moment decides (a data folder, a log's name). The shell reads the text as a command and a value never, so that
//! whoever has a list of the texts knows all that can ever be said.

use std::fmt;

/// What a value may be. No address, no interface and no program is among these: they are part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hole {
    /// A number.
    Number,
    /// The name of a binary log.
    Log,
    /// GTIDs.
    Gtids,
    /// A folder, from the root on.
    Folder,
}

impl Hole {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Number, Self::Log, Self::Gtids, Self::Folder];

    /// The letter by which a gate's list names it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Number => 'n',
            Self::Log => 'l',
            Self::Gtids => 'g',
            Self::Folder => 'f',
        }
    }

    /// The characters that a value is made of, as a shell's pattern writes them down.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Number => "0-9",
            Self::Log => "A-Za-z0-9_.-",
            Self::Gtids => "A-Za-z0-9_:,-",
            Self::Folder => "A-Za-z0-9/._+@\\ -",
        }
    }

    /// Whether a value is of this kind; a gate asks the same again.
    #[must_use]
    pub fn fits(self, value: &str) -> bool {
        let of = |others: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
        match self {
            Self::Number => !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()),
            Self::Log => !value.is_empty() && !value.starts_with('-') && of("_.-"),
            Self::Gtids => of("_:,-"),
            Self::Folder => value.starts_with('/') && of("/._+@ -"),
        }
    }
}

/// A command line as words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv {
    words: Vec<String>,
    /// Which of them are values.
    holes: Vec<(usize, Hole)>,
}

impl Argv {
    pub(super) fn of<const N: usize>(words: [&str; N]) -> Self {
        Self { words: words.into_iter().map(str::to_owned).collect(), holes: vec![] }
    }

    /// The same, with more words behind.
    pub(super) fn with<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.words.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// The same, with a value behind.
    pub(super) fn hole(mut self, hole: Hole, value: &str) -> Self {
        self.holes.push((self.words.len(), hole));
        self.words.push(value.to_owned());
        self
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The same, behind these words.
    fn behind(mut self, words: &[&str]) -> Self {
        self.words.splice(0..0, words.iter().map(|word| (*word).to_owned()));
        self.holes.iter_mut().for_each(|(at, _)| *at += words.len());
        self
    }

    /// The same, run as root by `sudo`, which must not ask (`-n`).
    #[must_use]
    pub(super) fn run_by(self, sudo: bool) -> Self {
        if sudo { self.behind(&SUDO) } else { self }
    }

    /// The question whether `sudo` would run it; `None` where it is not run by `sudo`.
    pub(super) fn may_run(&self) -> Option<Self> {
        let own = self.as_root()?;
        Some(own.behind(&["sudo", "-n", "-l"]))
    }

    /// What `sudo` is to run; `None` where it is not run by `sudo`.
    pub(super) fn as_root(&self) -> Option<Self> {
        let words = self.words.strip_prefix(&SUDO.map(str::to_owned)[..])?.to_vec();
        let holes = self.holes.iter().map(|(at, hole)| (at - SUDO.len(), *hole)).collect();
        Some(Self { words, holes })
    }

    /// As it is told, with its values apart.
    fn text(&self) -> String {
        let number = |at: usize| self.holes.iter().position(|(hole, _)| *hole == at);
        let words = self.words.iter().enumerate().map(|(at, word)| match number(at) {
            Some(number) => format!("\"${}\"", number + 1),
            None => quoted(word),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

const SUDO: [&str; 2] = ["sudo", "-n"];

impl fmt::Display for Argv {
    /// As a POSIX shell reads it back to the same words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
    }
}

/// A word as a POSIX shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How a command is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// To its end.
    Wait,
    /// Not at all: it is started, and goes on by itself for a moment.
    Start,
    /// For a moment; then it is interrupted, which it takes for its normal end.
    Glimpse,
    /// It is nothing: that there is an answer is what matters.
    Nothing,
}

/// One command as a node's shell is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    how: How,
    /// Seconds.
    limit: String,
    holes: Vec<(Hole, String)>,
    text: String,
}

impl Line {
    pub(super) fn of(how: How, limit: String, argv: &Argv) -> Self {
        let value = |(at, hole): &(usize, Hole)| Some((*hole, argv.words.get(*at)?.clone()));
        Self { how, limit, holes: argv.holes.iter().filter_map(value).collect(), text: argv.text() }
    }

    /// As a gate's list has it: what no moment changes.
    #[must_use]
    pub fn entry(&self) -> String {
        let how = match self.how {
            How::Wait => "wait",
            How::Start => "start",
            How::Glimpse => "glimpse",
            How::Nothing => "nothing",
        };
        let letters: String = self.holes.iter().map(|(hole, _)| hole.letter()).collect();
        let letters = if letters.is_empty() { "-" } else { &letters };
        format!("{how} {letters} {}", self.text)
    }

    /// As it is sent: `HOW LIMIT KINDS VALUES`, and the text on a line of its own. `None` for a text of more than one
    /// line and a value that is not of its kind: neither is ever sent.
    #[must_use]
    pub fn sent(&self) -> Option<String> {
        if self.text.contains(['\n', '\r', '\0']) || !self.holes.iter().all(|(hole, value)| hole.fits(value)) {
            return None;
        }
        let entry = self.entry();
        let (how, rest) = entry.split_once(' ')?;
        let (letters, text) = rest.split_once(' ')?;
        let values: String = self.holes.iter().map(|(_, value)| format!("{value}|")).collect();
        // the point shows where the last value ends, should it be empty
        Some(format!("{how} {} {letters} {values}.\n{text}\n", self.limit))
    }
}

impl fmt::Display for Line {
    /// With its values in their places, for a person to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |text: String, (number, (_, value)): (usize, &(Hole, String))| {
            let shown = if value.contains(' ') || value.is_empty() { format!("'{value}'") } else { value.clone() };
            text.replace(&format!("\"${number}\""), &shown)
        };
        f.write_str(&(1..).zip(&self.holes).fold(self.text.clone(), place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_the_same_words() {
        let words = ["plain", "a b", "", "it's", "$HOME `id` \\ \"x\"", ";rm -rf", "(a)", "new\nline", "*", "~", "#c"];
        let text = Argv::of(words).to_string();
        #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
        let sh = std::process::Command::new("sh").arg("-c").arg(format!("printf '%s\\0' {text}")).output();
        let read = sh.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), words);
    }

    #[test]
    fn values_stand_beside_the_text() {
        let argv = Argv::of(["df", "--"]).hole(Hole::Folder, "/var/lib/my sql").hole(Hole::Number, "7");
        assert_eq!(argv.to_string(), "df -- '/var/lib/my sql' 7");
        let line = Line::of(How::Wait, "3".to_owned(), &argv.clone().run_by(true));
        assert_eq!(line.entry(), r#"wait fn sudo -n df -- "$1" "$2""#);
        assert_eq!(line.to_string(), "sudo -n df -- '/var/lib/my sql' 7");
        assert_eq!(line.sent().as_deref(), Some("wait 3 fn /var/lib/my sql|7|.\nsudo -n df -- \"$1\" \"$2\"\n"));
        assert_eq!(argv.clone().run_by(true).as_root(), Some(argv));
    }

    #[test]
    fn what_is_not_one_line_and_of_its_kind_is_never_sent() {
        for bad in ["echo a\nreboot", "a\rb", "a\0b"] {
            assert!(Line::of(How::Wait, "1".to_owned(), &Argv::of(["sh", "-c", bad])).sent().is_none());
        }
        for (hole, bad) in [
            (Hole::Number, "1;id"),
            (Hole::Number, ""),
            (Hole::Log, "-x"),
            (Hole::Log, "a|b"),
            (Hole::Gtids, "$(id)"),
            (Hole::Folder, "var"),
            (Hole::Folder, "/a\nb"),
            (Hole::Folder, "/a'b"),
        ] {
            assert!(Line::of(How::Wait, "1".to_owned(), &Argv::of(["x"]).hole(hole, bad)).sent().is_none(), "{bad}");
        }
    }
}
