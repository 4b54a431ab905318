//! `flipper import FILE`: a legacy Flipper's metadata as a config.
#![expect(clippy::disallowed_methods, reason = "the legacy file is read where the command line is understood")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::init::{self, To, deliver, flipper_for};
use super::output::{Output, tell};
use super::{Exit, Stop, here};
use crate::config::Given;
use crate::import::{self, Imported, Note, Wanted};
use crate::model::printable;

/// Metadata of this size in bytes is none.
const MOST: u64 = 16 << 20;

pub(super) struct Asked<'a> {
    pub(super) file: &'a Path,
    pub(super) interface: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    pub(super) to: &'a To,
}

pub(super) fn run(asked: &Asked<'_>, output: &Output) -> Result<Exit, Stop> {
    let Asked { file, interface, password, to } = asked;
    to.is_free()?;
    let name = if *file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    let text = read(file, &name)?;
    let wanted = Wanted {
        interface: interface.map(str::to_owned),
        password: password.map(|source| init::password(&Given::assumed(source))),
    };
    let home = here::environment("HOME").map(PathBuf::from);
    let Imported { config, pairs, notes } =
        import::import(&name, &text, &wanted, home.as_deref()).map_err(|errors| Stop::new(Exit::BadFile, errors))?;
    let json: Vec<serde_json::Value> = notes.iter().map(note).collect();
    deliver(&config, to, output, "import", &json)?;
    for note in &notes {
        tell(&format!("{}:{note}", printable(&name)));
    }
    let flipper = flipper_for(to.output.as_deref());
    let first = pairs.first().map_or("PAIR", String::as_str);
    tell(&format!(
        "next, for each of {}:\n  {flipper} setup {first}   what the servers and the machines need: grants, sudoers lines, ssh key\n  \
         {flipper} check {first}   every check of the pair; changes nothing\n",
        pairs.join(", ")
    ));
    Ok(Exit::Done)
}

fn read(file: &Path, name: &str) -> Result<String, Stop> {
    let stop = |why: String| {
        let help = "name a YAML file or an SQL dump that you may read, or `-` for stdin";
        let message = format!("cannot read {}: {why}", printable(name));
        Stop::say(Exit::BadFile, "flipper::import::unreadable", message, help)
    };
    let unreadable = |error: std::io::Error| stop(error.to_string());
    let mut bytes = vec![];
    if file == Path::new("-") {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(file).map_err(unreadable)?;
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.len() as u64 > MOST {
        return Err(stop(format!("it has more than {MOST} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| stop(format!("it is not UTF-8: {}", error.utf8_error())))
}

fn note(note: &Note) -> serde_json::Value {
    let Note { line, pair, node, name, value, why, instead } = note;
    serde_json::json!({
        "line": line, "pair": pair, "node": node, "name": name, "value": value, "why": why, "instead": instead,
    })
}
