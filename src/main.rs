//! The `flipper` command.

fn main() {}
