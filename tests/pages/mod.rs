//! The documents as tests read them: their blocks, the commands in them, their links.

#![allow(dead_code, reason = "each program uses its part")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the documents are files; a test stops when one is not there"
)]

use std::path::{Path, PathBuf};

/// A page of Markdown.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A code block, and what the comment right before it says.
pub(crate) struct Block {
    /// `scenario: lagging`, from `<!-- scenario: lagging -->`.
    pub(crate) about: Option<String>,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// All that are written for people who use flipper.
pub(crate) fn all() -> Vec<Page> {
    let mut paths =
        vec![root().join("README.md"), root().join("plans/README.md"), root().join("docs/examples/README.md")];
    let docs = std::fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    paths.extend(docs.filter(|path| path.extension().is_some_and(|end| end == "md")));
    paths.sort();
    paths.into_iter().map(|path| Page { text: std::fs::read_to_string(&path).expect("text"), path }).collect()
}

impl Page {
    pub(crate) fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// Indented and fenced blocks, without indentation and fences.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = vec![];
        let (mut about, mut fenced, mut open) = (None, false, false);
        for line in self.text.lines() {
            let fence = line.trim_start().starts_with("```");
            let code = if fenced { Some(line.trim_start()) } else { line.strip_prefix("    ") };
            match code {
                _ if fence => {
                    fenced = !fenced;
                    open = false;
                }
                Some(code) => {
                    if !open {
                        blocks.push(Block { about: about.take(), text: String::new() });
                    }
                    open = true;
                    if let Some(block) = blocks.last_mut() {
                        block.text.push_str(&format!("{code}\n"));
                    }
                }
                None if line.is_empty() && open => {
                    if let Some(block) = blocks.last_mut() {
                        block.text.push('\n');
                    }
                }
                None => {
                    open = false;
                    if let Some(said) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) {
                        about = Some(said.to_owned());
                    } else if !line.is_empty() {
                        about = None;
                    }
                }
            }
        }
        for block in &mut blocks {
            block.text.truncate(block.text.trim_end().len());
        }
        blocks
    }

    /// Code spans in the running text.
    pub(crate) fn spans(&self) -> Vec<String> {
        let running: Vec<&str> = self.text.lines().filter(|line| !line.starts_with("    ")).collect();
        running.join(" ").split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Where its links lead, as written.
    pub(crate) fn links(&self) -> Vec<String> {
        let ends = self.text.split("](").skip(1);
        ends.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()).collect()
    }

    /// What a link to one of its headings is called, as GitHub does it.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let slug = |title: &str| {
            let kept = title.to_lowercase().replace(' ', "-");
            kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
        };
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .map(|title| slug(title.trim_start_matches('#').trim()))
            .collect()
    }
}

/// The command of a line that a reader would type: without a prompt, a remark, and what comes after a pipe.
pub(crate) fn typed(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("op$ ").trim_start_matches("$ ");
    let ends = ["  ", " | ", " > ", " # "];
    let command = ends.iter().fold(line, |line, end| line.split(end).next().unwrap_or(line));
    command.starts_with("flipper ").then(|| command.trim())
}

/// Whether a text is as a document shows it: a line of `…` alone stands for any lines.
pub(crate) fn shows(shown: &[&str], real: &[&str]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((&"…", rest)) => (0..=real.len()).any(|skipped| shows(rest, &real[skipped..])),
        Some((line, rest)) => real.first() == Some(line) && shows(rest, &real[1..]),
    }
}
