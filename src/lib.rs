//! flipper moves the roles of a MySQL pair.
pub mod config;
pub mod model;
