//! Words and pictures: values in, text out. Nothing in here prints, reads or decides; no line carries a colour, and
//! whatever came from a server or a file has its control characters made visible.

pub mod check;
pub mod describe;
pub mod dry_run;
pub mod events;
pub mod history;
pub mod json;
mod json_facts;
pub mod plan;
pub mod refusal;
pub mod stale;
pub mod status;
pub mod stuck;
pub mod timeline;
mod wrap;

/// Width of texts that go into a terminal or a change ticket.
const WIDTH: usize = 80;
