//! flipper moves the roles of a MySQL or MariaDB pair: it looks at both nodes, plans the safe steps to the roles that
//! the operator wants, shows the plan, and carries it out after a yes.
//!
//! # How data flows
//!
//! ```text
//! config ─┐
//!         ├─> observe ──> Snapshot ─┐
//! nodes ──┘                         ├─> planner ──> Plan ──> plan file ──> review
//! goal ──> Assignment ──────────────┘                           │
//!                                                               v
//! report <── events <── apply (World: live | simulated) <─ load · observe again · plan again · same? · confirm
//! ```
//!
//! One direction; the only way back is to look again and to plan again. Going back after a failure is a plan too.
//!
//! # Who may know what
//!
//! A module imports only those to its left; `tests/tidy` reads the `use` lines and enforces it.
//!
//! ```text
//! model <- planner, checker, dialect, config, explain <- world, import <- event, sim, planfile <- journal, link
//!       <- render, observe, effect <- apply <- cli
//! ```
//!
//! - [`model`] knows nothing: no clock, no file, no environment, no serialisation.
//! - [`planner`] decides and never touches the world. The same snapshot and goal give the same plan, byte for byte.
//! - [`checker`] judges every plan, and knows nothing of how plans are made: neither of the two uses the other.
//! - [`dialect`] holds every statement and command line that is ever said to a node. What only asks and what changes
//!   something are different types.
//! - [`effect`] is the only code that changes a node. [`cli`]'s `plan` and `status` do not import it: they cannot
//!   change anything, because they do not contain the code that could.
//! - [`link`] is the only code that knows the MySQL driver and ssh.
//! - [`explain`] has the long text behind each code; a code without one fails a test.
//! - [`import`] reads the metadata of a legacy Flipper, and makes a config of it.
//! - [`journal`] writes down what a run tells. It explains afterwards, and decides nothing.
//! - [`planfile`], [`journal`] and [`config`] are the only ones that know how things are written down.
//!
//! # What always holds
//!
//! 1. A node is opened for writes only when the other one is verified fenced.
//! 2. In a planned move it opens only after it has executed all that the fenced node committed, and that node's
//!    position is the same before and after the wait.
//! 3. An address is taken only on a node that can serve its role. Two nodes hold it only inside one handover.
//! 4. What could not be observed never allows a step that relies on it ([`model::Observed`]).
//! 5. A failure before the new writer is told to open ends with the pair as it was; after it, forward.
//! 6. Every statement, wait, command and connection has a deadline, and the write outage has one in total.
//! 7. Replication is left alone, and nothing that is said adds a transaction to a server.
//! 8. No secret is in a plan, an argument, a log line or an error.

pub mod apply;
pub mod checker;
pub mod cli;
pub mod config;
pub mod dialect;
pub mod effect;
pub mod event;
pub mod explain;
pub mod import;
pub mod journal;
pub mod link;
pub mod model;
pub mod observe;
pub mod planfile;
pub mod planner;
pub mod render;
pub mod sim;
pub mod world;
