//! The long text behind each code that flipper shows: what it means, how to see it with one's own eyes, what to do.
//!
//! One table a kind, each text in one place. A code without a text fails a test here; `docs/codes.md` is made from the
//! same tables.

mod checks;
mod ends;
mod errors;
mod moments;
mod rules;

use crate::model::{Code, Rule};

/// What sort of thing a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A check of the pair; its finding may refuse a plan.
    Check,
    /// Why one step of a plan comes after another.
    Rule,
    /// How a command ends, by its exit code.
    End,
    /// Something that a run tells while it goes, by its `type` in `--json`.
    Moment,
    /// A mistake in a file or on the command line, or an error of the machine that flipper runs on.
    Error,
}

impl Kind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Self; 5] = [Self::Check, Self::Rule, Self::End, Self::Moment, Self::Error];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Check => "Checks of a pair",
            Self::Rule => "Rules of order in a plan",
            Self::End => "Exit codes",
            Self::Moment => "What a run tells",
            Self::Error => "Errors",
        }
    }

    /// Its word in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Rule => "rule",
            Self::End => "exit",
            Self::Moment => "moment",
            Self::Error => "error",
        }
    }
}

/// Where something can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// A statement for MySQL.
    MySql,
    /// A statement for MariaDB.
    MariaDb,
    /// A statement for both.
    Both,
    /// A command line on the node.
    Node,
    /// A command line where flipper is.
    Here,
}

impl Where {
    /// Its name in front of what is to be typed there.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Both => "either server",
            Self::Node => "on the node",
            Self::Here => "here",
        }
    }
}

/// The text of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The code.
    pub id: &'static str,
    /// What is the matter, in a line, without a full stop.
    pub title: &'static str,
    /// What it means and why it matters.
    pub detail: &'static str,
    /// How to see it.
    pub see: &'static [(Where, &'static str)],
    /// What to do.
    pub todo: &'static str,
}

impl Text {
    const fn new(
        id: &'static str,
        title: &'static str,
        detail: &'static str,
        see: &'static [(Where, &'static str)],
        todo: &'static str,
    ) -> Self {
        Self { id, title, detail, see, todo }
    }
}

/// A code's text, and what sort of thing it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What sort.
    pub kind: Kind,
    /// Its text.
    pub text: Text,
    /// Why it matters, in the words of a refusal or a plan, where the code appears in one.
    pub matters: Option<&'static str>,
}

/// Every code with its text, kind by kind.
#[must_use]
pub fn all() -> Vec<Entry> {
    let check = |code: &Code| {
        let text = checks::ALL.iter().copied().flatten().find(|text| text.id == code.id())?;
        Some(Entry { kind: Kind::Check, text: *text, matters: Some(code.matters()) })
    };
    let rule = |rule: &Rule| {
        let text = rules::ALL.iter().find(|text| text.id == rule.id())?;
        Some(Entry { kind: Kind::Rule, text: *text, matters: Some(rule.reason()) })
    };
    let other = |kind, texts: &'static [Text]| texts.iter().map(move |text| Entry { kind, text: *text, matters: None });
    let mut all: Vec<Entry> = Code::ALL.iter().filter_map(check).collect();
    all.extend(Rule::ALL.iter().filter_map(rule));
    all.extend(other(Kind::End, ends::ALL));
    all.extend(other(Kind::Moment, moments::ALL));
    all.extend(errors::ALL.iter().flat_map(|texts| other(Kind::Error, texts)));
    all
}

/// A code's text, however it was typed: `flipper::usage::goal` also without the first word.
#[must_use]
pub fn find(id: &str) -> Option<Entry> {
    let full = format!("flipper::{id}");
    all().into_iter().find(|entry| entry.text.id == id || (entry.kind == Kind::Error && entry.text.id == full))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_and_every_rule_has_a_text_and_no_text_is_left_over() {
        let ids: BTreeSet<&str> = all().iter().map(|entry| entry.text.id).collect();
        let wanted = Code::ALL.iter().map(|code| code.id()).chain(Rule::ALL.iter().map(|rule| rule.id()));
        let missing: Vec<&str> = wanted.filter(|id| !ids.contains(id)).collect();
        assert!(missing.is_empty(), "write a text in src/explain for: {}", missing.join(", "));
        let checks: BTreeSet<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        let idle: Vec<&str> =
            checks::ALL.iter().copied().flatten().map(|text| text.id).filter(|id| !checks.contains(id)).collect();
        assert!(idle.is_empty(), "no check has these codes any more: {}", idle.join(", "));
    }

    #[test]
    fn no_code_has_two_texts_and_none_is_half_written() {
        let texts =
            || checks::ALL.iter().chain(errors::ALL).copied().chain([rules::ALL, ends::ALL, moments::ALL]).flatten();
        let mut ids = BTreeSet::new();
        for text in texts() {
            assert!(ids.insert(text.id), "{} is there twice", text.id);
            for said in [text.detail, text.todo] {
                assert!(said.ends_with('.'), "{}: a sentence ends with a full stop: {said}", text.id);
                assert!(!said.contains("  ") && said.trim() == said, "{}: {said}", text.id);
            }
            assert!(!text.title.is_empty() && !text.title.ends_with('.'), "{}: {}", text.id, text.title);
            assert!(text.title.chars().count() <= 64, "{}: {} is too long for a list", text.id, text.title);
        }
    }

    #[test]
    fn codes_are_found_as_they_are_typed() {
        assert_eq!(find("both-open").map(|entry| entry.kind), Some(Kind::Check));
        assert_eq!(find("usage::goal"), find("flipper::usage::goal"));
        assert_eq!(find("21").map(|entry| entry.kind), Some(Kind::End));
        assert_eq!(find(""), None);
    }
}
