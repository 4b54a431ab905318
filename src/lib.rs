//! flipper moves the roles of a MySQL pair.
pub mod dialect;
pub mod link;
pub mod model;
pub mod observe;
