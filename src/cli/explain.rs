//! `flipper explain [CODE]`

use super::output::Output;
use super::{Exit, Stop};
use crate::config::nearest;
use crate::model::printable;
use crate::{explain, render};

pub(super) fn run(code: Option<&str>, output: &Output) -> Result<Exit, Stop> {
    let all = explain::all();
    let Some(code) = code else {
        output.data(|| render::explain::list(&all), || render::explain::json_list(&all));
        return Ok(Exit::Done);
    };
    let Some(entry) = explain::find(code) else {
        let ids = || all.iter().map(|entry| entry.text.id);
        let near = nearest(code, ids()).or_else(|| nearest(&format!("flipper::{code}"), ids()));
        return Err(Stop::say(
            Exit::Usage,
            "flipper::usage::code",
            format!("there is no code `{}`", printable(code)),
            match near {
                Some(near) => format!("did you mean `{near}`? `flipper explain` lists all"),
                None => "`flipper explain` lists all".to_owned(),
            },
        ));
    };
    output.data(|| render::explain::text(&entry), || render::explain::json(&entry));
    Ok(Exit::Done)
}
