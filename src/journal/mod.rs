//! The journal: what a run is about to do, written down before it does it, and what came of it.
//!
//! It explains, it never decides: what to do about a run that was cut off follows from what is seen of the pair. One
//! file a run, under `$XDG_STATE_HOME/flipper/PAIR/`, one JSON object a line, the first one a version record with the
//! whole plan. Each line carries a hash of itself and of all lines before it, so that a change shows. Which record may
//! follow which is a closed table, kept when writing and when reading.
//!
//! Inside the write outage nothing waits for the disk. All steps from the fence to the address at the new writer are
//! one intent, which is on disk before the fence is sent; what happens between is written, and is on disk as soon as
//! clients can write again. A run that is killed loses nothing by that: what a process has written stays when it dies.
//! Only if the operator's machine itself loses power within these milliseconds is it not known how far the outage's
//! steps came, and then the servers say so.

mod error;
mod folder;
mod line;
mod mark;
mod pen;
mod record;
mod story;
mod table;
mod writer;

pub use error::JournalError;
pub use folder::{Fate, Found, Home, Then, Unreadable, find, home, pairs};
pub use mark::{depose, deposed, restore};
pub use pen::Store;
pub use record::{Begin, Continued, End, Ending, Happened, Known, Moment, Ms, NodeStand, Record, Session, Way, Who};
pub use story::{Story, Taken, Trouble, latest_touching, read};
pub use table::{Illegal, Table};
pub use writer::{Draft, Journal};

/// The newest format that this flipper writes, and reads.
pub const FORMAT: u32 = 1;

#[cfg(test)]
mod disk_tests;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
