//! Words and pictures: values in, text out. Nothing in here prints, reads or decides; no line carries a colour, and
//! whatever came from a server or a file has its control characters made visible.

pub mod check;
pub mod describe;
pub mod dot;
pub mod dry_run;
pub mod events;
pub mod evidence;
pub mod explain;
mod fate;
mod graph;
pub mod history;
pub mod html;
pub mod json;
mod json_facts;
pub mod json_history;
mod json_words;
mod layout;
pub mod markdown;
pub mod mermaid;
pub mod next;
pub mod plan;
pub mod quick;
pub mod refusal;
pub mod screen;
pub mod setup;
mod sheet;
pub mod stale;
pub mod status;
pub mod stuck;
pub mod timeline;
pub mod times;
mod wrap;
pub mod writers;

pub use sheet::Sheet;

/// Width of texts that go into a terminal or a change ticket.
const WIDTH: usize = 80;
