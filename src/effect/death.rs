//! A node that was declared dead, the one that takes its place, and one that comes back.

use std::time::Duration;

use super::{Hands, certain};
use crate::model::{Isolation, NodeName};
use crate::world::{Done, Failure};

impl Hands<'_> {
    pub(super) async fn isolate(&mut self, _: &NodeName, _: Isolation, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn stop_receiving(&mut self, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn resume_receiving(&mut self, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn apply_received(&mut self, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn promote(&mut self, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn compare(&mut self, _: &NodeName, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }

    pub(super) async fn start_replication(&mut self, _: &NodeName, _: Duration) -> Result<Done, Failure> {
        Err(certain("not there yet"))
    }
}
