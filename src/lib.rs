//! flipper moves the roles of a MySQL pair.
pub mod apply;
pub mod config;
pub mod dialect;
pub mod effect;
pub mod event;
pub mod link;
pub mod model;
pub mod observe;
pub mod planner;
pub mod sim;
pub mod world;
