//! flipper moves the roles of a MySQL pair.
pub mod model;
pub mod planfile;
pub mod render;
