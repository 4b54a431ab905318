//! `flipper init`: the first config, from flags or from answers.

mod ask;
mod words;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{Output, tell};
use super::{Exit, Stop, here, newfile};
use crate::config::{self, ConfigErrors, DraftPassword, Given};
use crate::model::printable;
pub(super) use words::{Words, password};

/// Where a config is written to.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct To {
    /// Write it here [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// A file that is there already may go
    #[arg(long)]
    pub(super) replace: bool,
}

impl To {
    /// Before anything is asked or read: what would be in the way at the end.
    pub(super) fn is_free(&self) -> Result<(), Stop> {
        match &self.output {
            Some(path) if !self.replace && newfile::is_there(path) => Err(newfile::in_the_way(path)),
            _ => Ok(()),
        }
    }
}

pub(super) fn run(words: &Words, to: &To, output: &Output) -> Result<Exit, Stop> {
    to.is_free()?;
    let home = here::environment("HOME").map(PathBuf::from);
    let (mut words, mut to) = (words.clone(), to.clone());
    if !words.missing().is_empty() {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            let help = "give them, or start `flipper init` on a terminal: it asks for what is missing";
            let message = format!("nobody can be asked here, and this is missing: {}", words.missing().join(", "));
            return Err(Stop::say(Exit::Usage, "flipper::init::missing", message, help));
        }
        let asked = ask::ask(&mut words, home.as_deref(), &mut stdin.lock(), &mut std::io::stderr().lock());
        asked.and_then(|()| where_to(&mut to)).map_err(|ask::Unanswered| {
            let message = "the answers ended before the questions did; nothing was written";
            let help = "start again, or give what is known as flags: `flipper init --help`";
            Stop::say(Exit::Declined, "flipper::init::unanswered", message, help)
        })?;
    }
    let mistakes = |(mistakes, line): (_, String)| ConfigErrors::new("command line", &line, mistakes);
    let text = words
        .draft()
        .map_err(mistakes)
        .and_then(|(draft, line)| draft.text("command line", &line, home.as_deref()))
        .map_err(|errors| Stop::new(Exit::Usage, errors))?;
    let pair = words.pair.as_deref().unwrap_or_default();
    deliver(&text, &to, output, "init", &[])?;
    tell(&next(pair, &words, to.output.as_deref(), home.as_deref()));
    Ok(Exit::Done)
}

/// Asks for a file, where none was named.
fn where_to(to: &mut To) -> Result<(), ask::Unanswered> {
    if to.output.is_some() {
        return Ok(());
    }
    let (mut answers, mut questions) = (std::io::stdin().lock(), std::io::stderr().lock());
    let path = ask::line(&mut answers, &mut questions, "Write it to", Some("flipper.ron"), |typed| {
        let path = PathBuf::from(typed);
        if newfile::is_there(&path) {
            return Err(format!("{} is there already; name another file", printable(typed)));
        }
        Ok(path)
    })?;
    to.output = Some(path);
    Ok(())
}

/// Writes a config to where it is wanted; with `--json`, what it is and what was noted go to stdout too.
pub(super) fn deliver(
    text: &str,
    to: &To,
    output: &Output,
    kind: &str,
    notes: &[serde_json::Value],
) -> Result<(), Stop> {
    let file = to.output.as_ref();
    if let Some(path) = file {
        newfile::write(path, text, to.replace)?;
        tell(&format!("written to {}", printable(&path.display().to_string())));
    }
    if file.is_none() || output.is_json() {
        output.data(
            || text.to_owned(),
            || {
                serde_json::json!({
                    "type": kind, "format": 1, "file": file.map(|path| path.display().to_string()), "config": text,
                    "notes": notes,
                })
            },
        );
    }
    Ok(())
}

/// What to run next, as it must be typed here.
fn next(pair: &str, words: &Words, file: Option<&Path>, home: Option<&Path>) -> String {
    let flipper = flipper_for(file);
    let source = words.password_from.as_deref().map(|source| password(&Given::assumed(source)));
    let file_of_it = source.and_then(|source| match source {
        DraftPassword::File(path) => Some(path.text),
        DraftPassword::Env(_) | DraftPassword::OptionFile(_) => None,
    });
    let password = file_of_it.map(|path| {
        let path = match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => file.and_then(Path::parent).unwrap_or(Path::new("")).join(&path),
        };
        format!(
            "  the password goes into {}, which nobody else may read (mode 600)\n",
            printable(&path.display().to_string())
        )
    });
    format!(
        "next:\n{}  {flipper} setup {pair}   what the servers and the machines need: grants, sudoers lines, ssh key\n  \
         {flipper} check {pair}   every check of the pair; changes nothing\n",
        password.unwrap_or_default()
    )
}

/// `flipper`, with `--config` where it would not find this file by itself.
pub(super) fn flipper_for(file: Option<&Path>) -> String {
    let Some(file) = file else { return "flipper --config FILE".to_owned() };
    match config::load(None, &here::environment) {
        Ok(found) if std::path::absolute(&found.path).ok() == std::path::absolute(file).ok() => "flipper".to_owned(),
        _ => format!("flipper --config {}", printable(&file.display().to_string())),
    }
}
