//! The texts of the checks. A check's id, its reason in a line and its place in a refusal are in `model`.

mod addresses;
mod clients;
mod death;
mod replication;
mod servers;
mod writers;

use super::{Text, Where};

/// Grouped by what they look at; the order in which they are listed is that of `Code::ALL`.
pub(super) const ALL: &[&[Text]] =
    &[writers::TEXTS, addresses::TEXTS, replication::TEXTS, servers::TEXTS, clients::TEXTS, death::TEXTS];
