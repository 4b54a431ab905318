//! `flipper show FILE`

use std::path::Path;

use super::args::Format;
use super::output::Output;
use super::{Exit, Stop, judged};
use crate::render;

pub(super) fn run(file: &Path, format: Format, output: &Output) -> Result<Exit, Stop> {
    let read = judged::load(file)?;
    let digest = read.digest.to_string();
    let text = || render::plan::text(&read.plan, Some(&digest));
    let json = || render::json::plan(&read.plan, Some(&digest));
    match format {
        Format::Text => output.data(text, json),
        Format::Json => output.data(|| json().to_string(), json),
    }
    Ok(Exit::Done)
}
