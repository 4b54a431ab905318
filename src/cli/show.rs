//! `flipper show FILE`

use std::path::Path;

use super::args::Format;
use super::output::Output;
use super::{Exit, Stop, judged};
use crate::planfile::PlanFile;
use crate::render::{self, Sheet};

pub(super) fn run(file: &Path, format: Option<Format>, output: &Output) -> Result<Exit, Stop> {
    if output.is_json() && format.is_some_and(|format| format != Format::Json) {
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::format",
            "--json and --format ask for two formats",
            "give one of them",
        ));
    }
    let read = judged::load(file)?;
    let PlanFile { plan, seen, flipper_version, digest } = &read;
    let digest = digest.to_string();
    let sheet = Sheet { plan, seen, digest: &digest, version: flipper_version };
    let json = || render::json::plan(plan, Some(&digest));
    let text = || match format.unwrap_or(Format::Text) {
        Format::Text => render::plan::text(plan, Some(&digest)),
        Format::Json => json().to_string(),
        Format::Markdown => render::markdown::text(&sheet),
        Format::Mermaid => render::mermaid::text(&sheet),
        Format::Dot => render::dot::text(&sheet),
        Format::Html => render::html::text(&sheet),
    };
    output.data(text, json);
    Ok(Exit::Done)
}
