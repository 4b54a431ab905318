//! Reaching a node: two MySQL sessions and one warm remote shell, each with its own limit on every wait.
//!
//! Nothing here knows what it carries. What only asks and what changes something take different types
//! ([`Sql::read`] and [`Sql::change`], [`Shell::look`] and [`Shell::perform`]).

mod ear;
mod frame;
#[cfg(test)]
mod frame_tests;
mod greeting;
mod master;
mod node;
mod sql;
mod sql_error;
mod ssh;
mod ssh_config;
mod ssh_error;
mod table;
mod target;

pub use ear::{Ear, Listener, Means};
pub use frame::Answer;
pub use greeting::{Knock, knock};
pub use master::sweep;
pub use node::{Link, LinkTarget, close};
pub use sql::Sql;
pub use sql_error::{SqlError, SqlErrorKind};
pub use ssh::Shell;
pub use ssh_error::{SshError, SshErrorKind};
pub use table::{BadColumn, Record, Table};
pub use target::{MysqlTarget, SshTarget, TlsTarget};
