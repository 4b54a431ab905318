//! The yes: typing the pair's name. Enter is no.

use std::io::BufRead;

use super::output::tell;
use crate::model::PairName;

/// Asks on stderr, reads one line of stdin.
pub(super) fn confirmed(pair: &PairName) -> bool {
    tell(&format!("Type {pair} to carry this out; anything else, or Enter alone, changes nothing."));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.is_ok() && line.trim() == pair.as_str()
}
