//! `flipper man [COMMAND]`

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Typed, VERSION};
use super::output::Output;
use super::{Exit, Stop};
use crate::model::printable;

pub(super) fn run(command: Option<&str>, dir: Option<&Path>, output: &Output) -> Result<Exit, Stop> {
    let mut all = Typed::command();
    all.build();
    if let Some(dir) = dir {
        for page in std::iter::once(&all).chain(all.get_subcommands().filter(|one| one.get_name() != "help")) {
            man(page).generate_to(dir).map_err(|error| {
                let what = format!("cannot write man pages to {}: {error}", printable(&dir.display().to_string()));
                Stop::say(
                    Exit::Usage,
                    "flipper::usage::file",
                    what,
                    "name a folder that is there and that you may write to",
                )
            })?;
        }
        return Ok(Exit::Done);
    }
    let page = match command {
        None => &all,
        Some(name) => all.find_subcommand(name).ok_or_else(|| {
            let what = format!("there is no command `{}`", printable(name));
            Stop::say(Exit::Usage, "flipper::usage::command", what, "`flipper help` lists all")
        })?,
    };
    let mut text = vec![];
    man(page).render(&mut text).map_err(|error| {
        Stop::say(
            Exit::Unexpected,
            "flipper::man",
            format!("cannot make the page: {error}"),
            "this is a mistake in flipper",
        )
    })?;
    let text = String::from_utf8_lossy(&text).into_owned();
    output.data(|| text.clone(), || serde_json::json!({ "type": "man", "format": 1, "text": text }));
    Ok(Exit::Done)
}

fn man(command: &Command) -> Man {
    // the same for every build of a version: a package's pages do not change with its commit
    let version = VERSION.split(' ').next().unwrap_or(VERSION);
    Man::new(command.clone()).source(format!("flipper {version}")).manual("flipper")
}
