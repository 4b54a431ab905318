//! A run that could not end by itself.

use super::WIDTH;
use super::wrap::hang;
use crate::model::printable;

/// What failed, how things stand, and what a person must do; at most 80 columns.
#[must_use]
pub fn text(why: &str, stands: &[String], todo: &[String]) -> String {
    let mut out = hang("STOPPED PART WAY: ", &printable(why), WIDTH);
    out += "How things stand:\n";
    for line in stands {
        out += &hang("  - ", &printable(line), WIDTH);
    }
    out += "What to do:\n";
    for line in todo {
        out += &hang("  - ", &printable(line), WIDTH);
    }
    out
}
