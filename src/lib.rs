//! flipper moves the roles of a MySQL pair.
pub mod apply;
pub mod dialect;
pub mod event;
pub mod model;
pub mod planner;
pub mod sim;
pub mod world;
