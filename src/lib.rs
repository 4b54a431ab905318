//! flipper moves the roles of a MySQL pair.
pub mod apply;
pub mod cli;
pub mod config;
pub mod dialect;
pub mod effect;
pub mod event;
pub mod link;
pub mod model;
pub mod observe;
pub mod planfile;
pub mod planner;
pub mod render;
pub mod sim;
pub mod world;
