//! The nouns: pure values. Nothing in here reads a clock, a file, the environment or the network, and nothing is
//! serialised from here (`planfile` has mirror types for that).

mod action;
mod address;
mod boot;
mod code;
mod codes;
mod facts;
mod finding;
mod goal;
mod gtid;
mod names;
mod observed;
mod pair;
mod plan;
mod refusal;
mod snapshot;
mod traffic;

pub use action::{Action, Fact, StepId};
pub use address::{BadAddress, Prefixed};
pub use boot::{BootAccess, BootReplication, BootUnit, Origin, Ruling};
pub use code::Code;
pub use facts::{
    Account, Boot, Connections, Disk, Downstream, Health, InFile, Inventory, Kept, Lock, LockKind, Readiness, Relay,
    Sessions, Witness, Work, WorkKind, Workload,
};
pub use finding::{Finding, Scope, Severity};
pub use goal::{Assignment, Goal};
pub use gtid::BinlogState;
pub use names::{BadName, Host, Interface, NodeName, PairName, RoleName, UserName, at_port, printable};
pub use observed::Observed;
pub use pair::{Access, Limits, NodeSpec, Pair, RoleSpec, Side};
pub use plan::{Basis, NodeBasis, Plan, Rule, Step};
pub use refusal::{Reason, Refusal};
pub use snapshot::{
    ArpingKind, Channel, Deposed, Fencing, Flavour, Held, Isolation, NodeSnapshot, Server, Settings, Snapshot, System,
    Thread, Version, WriteAccess,
};
pub use traffic::{Answered, Pending, Quick, Reached, Traffic, count_gtids};

#[cfg(test)]
pub(crate) mod samples;
