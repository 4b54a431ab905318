//! Sessions that a step met at their writing, for the person in front of it.

use super::WIDTH;
use super::wrap::hang;
use crate::model::{Action, printable};
use crate::world::Writer;

/// So many are listed one by one.
const MOST: usize = 20;

/// What they have to do with the step, and a line each.
#[must_use]
pub fn text(action: Option<&Action>, writers: &[Writer]) -> String {
    let node = action.map(|action| action.node().to_string()).unwrap_or_default();
    let why = match action {
        Some(Action::Drain { .. }) => "still in a transaction there when the time for it was over",
        Some(Action::EndWriters { .. }) => "ended there, because they still wrote",
        Some(Action::Fence { .. }) => "in the way of the fence there",
        _ => "at their writing there",
    };
    let mut out = format!("            {node}: {} session(s) {why}:", writers.len());
    for writer in writers.iter().take(MOST) {
        out += "\n";
        out += hang("              ", &writer.to_string(), WIDTH).trim_end();
        if let Some(statement) = &writer.statement {
            out += "\n";
            out += hang("                ", &printable(statement), WIDTH).trim_end();
        }
    }
    if writers.len() > MOST {
        out += &format!("\n              and {} more, all of them in the journal and in --json", writers.len() - MOST);
    }
    out
}
