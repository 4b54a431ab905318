//! Reading nodes.
use crate::link::Link;
use crate::model::{Pair, Snapshot};
/// Reads.
pub async fn snapshot(_: &Pair, _: &mut [Link; 2]) -> Snapshot {
    unimplemented!()
}
