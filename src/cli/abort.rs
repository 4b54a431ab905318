//! `flipper abort PAIR`: back to how it was before a run that was cut off. A plan like any other: the node that goes back
//! to being the writer gets every transaction first.

use super::output::Output;
use super::resume::{self, Asked};
use super::{Exit, Stop};
use crate::apply::Toward;
use crate::config::Config;

pub(super) fn run(config: &Config, asked: Asked<'_>, output: &Output) -> Result<Exit, Stop> {
    resume::run(config, &Asked { toward: Toward::Start, ..asked }, output)
}
