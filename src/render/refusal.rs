//! The planner's "no" as text.

use super::WIDTH;
use super::wrap::hang;
use crate::model::{Reason, Refusal, printable};

/// Every reason, with what was seen, why it matters and what to do; at most 80 columns.
#[must_use]
pub fn text(refusal: &Refusal) -> String {
    let Refusal { pair, goal, reasons } = refusal;
    let count = match reasons.len() {
        1 => "1 reason".to_owned(),
        n => format!("{n} reasons"),
    };
    let mut out = hang("", &format!("Refused for pair {pair}: {goal}. Nothing was changed. {count}:"), WIDTH);
    for (at, reason) in reasons.iter().enumerate() {
        let Reason { code, seen, help } = reason;
        out += "\n";
        out += &hang(&format!("{}. ", at + 1), code.id(), WIDTH);
        out += &hang("   seen     ", &printable(seen), WIDTH);
        out += &hang("   matters  ", code.matters(), WIDTH);
        out += &hang("   do       ", &printable(help), WIDTH);
    }
    out
}
