//! The command: what was typed in, texts and an exit code out.

mod abort;
mod apply;
mod args;
mod check;
mod completions;
mod config;
mod confirm;
mod context;
mod deposed;
mod exit;
mod explain;
mod goal;
mod here;
mod history;
mod import;
mod init;
mod journal;
mod judged;
mod lately;
mod log;
mod man;
mod newfile;
mod output;
mod pairs;
mod plan;
mod progress;
mod resume;
mod run;
mod setup;
mod show;
mod signals;
mod status;
mod terminal;
mod together;
mod verbose;
mod voice;
mod watch;

pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use miette::Diagnostic;
use thiserror::Error;

use crate::apply::Toward;
use args::{Command, GoOn, Typed};
use output::{Output, complain};

/// A command that did not come to its end: the exit code, and what to tell.
struct Stop {
    exit: Exit,
    report: miette::Report,
}

impl Stop {
    /// A diagnostic, with the exit code that belongs to it.
    fn new(exit: Exit, diagnostic: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self { exit, report: miette::Report::new(diagnostic) }
    }

    /// A message with a code and a way out.
    fn say(exit: Exit, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(exit, Said { message: message.into(), code, help: help.into() })
    }
}

#[derive(Debug, Error)]
#[error("{message}")]
struct Said {
    message: String,
    code: &'static str,
    help: String,
}

impl Diagnostic for Said {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn std::fmt::Display>)
    }
}

/// Runs the command line `args`, the program's name first.
#[must_use]
pub fn run(args: Vec<OsString>) -> ExitCode {
    let json = args.iter().any(|arg| arg == "--json");
    let words: Vec<String> = args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let typed = match Typed::try_parse_from(args) {
        Ok(typed) => typed,
        Err(error) => {
            let bare = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            if bare || !error.use_stderr() {
                // nobody is left to be told when even this cannot be written
                let _ = error.print();
                return if bare { Exit::Usage } else { Exit::Done }.into();
            }
            let stop = not_understood(&error);
            complain(&Output::plain(json), &stop.report, stop.exit);
            return stop.exit.into();
        }
    };
    let args::Common { json, verbose, log_file, .. } = &typed.common;
    let (output, done) = match Output::new(*json, *verbose, log_file.as_deref()) {
        Ok(output) => {
            output.note(|| format!("flipper {}: {}", args::VERSION, words.join(" ")));
            let done = dispatch(&typed, &output);
            (output, done)
        }
        Err(stop) => (Output::plain(*json), Err(stop)),
    };
    let exit = done.unwrap_or_else(|stop| {
        complain(&output, &stop.report, stop.exit);
        stop.exit
    });
    output.note(|| format!("exit {}", exit as u8));
    output.finish();
    exit.into()
}

/// A command line that is none. What is wrong with it is clap's to say, in plain text; the rest is the way out.
fn not_understood(error: &clap::Error) -> Stop {
    let said = error.render().to_string();
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let (what, rest) = said.split_once("\n\n").unwrap_or((said, ""));
    let message = crate::model::printable(&what.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    Stop::say(Exit::Usage, "flipper::usage::arguments", message, rest.trim())
}

fn dispatch(typed: &Typed, output: &Output) -> Result<Exit, Stop> {
    let config = || context::config(typed.common.config.as_deref());
    match &typed.command {
        Command::Init { words, to } => init::run(words, to, output),
        Command::Import { file, interface, password_from, to } => import::run(
            &import::Asked { file, interface: interface.as_deref(), password: password_from.as_deref(), to },
            output,
        ),
        Command::Pairs => pairs::run(&config()?, output),
        Command::Config { pair } => config::run(&config()?, pair.as_deref(), output),
        Command::Status { pairs, save, watch, quick, long } => {
            let watch = watch.as_ref().map(Option::as_deref);
            let asked = status::Asked { pairs, save: save.as_deref(), watch, quick: *quick, long: *long };
            status::run(&config()?, &asked, output)
        }
        Command::Check { pair } => check::run(&config()?, pair, output),
        Command::Setup { pair, node, only, server, from, key } => {
            let asked = setup::Asked {
                pair,
                node: node.as_deref(),
                only: *only,
                server: server.as_deref(),
                from: from.as_deref(),
                key: key.as_deref(),
            };
            setup::run(&config()?, &asked, output)
        }
        Command::Plan { pair, goal, output: file, snapshot, detailed_exitcode } => {
            let asked = plan::Asked {
                pair,
                goal,
                file: file.as_deref(),
                snapshot: snapshot.as_deref(),
                detailed_exitcode: *detailed_exitcode,
            };
            plan::run(&config()?, &asked, output)
        }
        Command::Show { file, format } => show::run(file, *format, output),
        Command::Explain { code } => explain::run(code.as_deref(), output),
        Command::Completions { shell } => Ok(completions::run(*shell, output)),
        Command::Man { command, dir } => man::run(command.as_deref(), dir.as_deref(), output),
        Command::Apply { target, goal, how, expect_digest } => {
            let asked = apply::Asked { target, goal, how: how.how(), expect_digest: expect_digest.as_deref() };
            apply::run(&config()?, &asked, output)
        }
        Command::Resume(typed) => resume::run(&config()?, &go_on(typed), output),
        Command::Abort(typed) => abort::run(&config()?, go_on(typed), output),
        Command::History { pair, run, format } => {
            let asked = history::Asked { pair: pair.as_deref(), run: run.as_deref(), format: *format };
            history::run(&asked, || config().ok(), output)
        }
    }
}

fn go_on(typed: &GoOn) -> resume::Asked<'_> {
    resume::Asked {
        pair: &typed.pair,
        to: typed.to.as_deref(),
        overrides: &typed.overrides,
        kill: typed.kill,
        toward: Toward::Goal,
        how: typed.how.how(),
    }
}
