//! What an action does, in plain words.

use crate::model::{
    Access, Action, Fencing, Flavour, Isolation, NodeName, Prefixed, RoleName, Server, Version, WriteAccess,
};

/// One sentence, without a full stop, the verb first: it stands in a plan, in a prompt and in a line of progress.
#[must_use]
pub fn sentence(action: &Action) -> String {
    match action {
        Action::Approach { node, source } => {
            format!("let {node} catch up with {source} as it is now, while writes still flow")
        }
        Action::Drain { node } => format!("wait for writing transactions on {node} to end, while writes still flow"),
        Action::EndWriters { node } => {
            format!("end the sessions whose transactions still write on {node}, and wait until they are rolled back")
        }
        Action::Fence { node, how } => format!("fence {node} ({}): nobody can write there any more", fence(*how)),
        Action::CatchUp { node, source } => format!("wait until {node} has executed all that {source} committed"),
        Action::Open { node, peer } => {
            format!("see that nothing was written on {peer} since, then open {node} for writes")
        }
        Action::Reopen { node, peer } => format!("open {node} for writes again; {peer} was never opened"),
        Action::Take { role, access: _, node, from: _, address, interface } => {
            format!("bring up {} on {node} ({interface}) and announce it", at(role, address))
        }
        Action::EndSessions { role, node, address } => {
            format!("end the client sessions on {node} that came through {}", at(role, address))
        }
        Action::Drop { role, node, to, address, interface } => {
            format!("remove {} from {node} ({interface}){}", at(role, address), held_by(to.as_ref()))
        }
        Action::Announce { role, node, address, interface } => {
            format!("announce {} from {node} ({interface}) once more, now that nobody else answers", at(role, address))
        }
        Action::Release { node } => format!("release the read lock on {node}; it stays read-only"),
        Action::Verify { role, access, node, address } => {
            let able = match access {
                Access::ReadWrite => " and accepts writes",
                Access::ReadOnly => "",
            };
            format!("connect to {} from outside and see that {node} answers{able}", at(role, address))
        }
        Action::Isolate { node, how: Isolation::Shell } => {
            format!("see by ssh that no server runs on {node}, and keep it from starting there")
        }
        Action::Isolate { node, how: Isolation::Hook } => {
            format!("switch {node} off with the operator's program, and see that nobody answers for its addresses")
        }
        Action::Isolate { node, how: Isolation::Hand } => {
            format!(
                "see for five seconds that nobody answers for the addresses of {node}; a person vouches that it is off"
            )
        }
        Action::StopReceiving { node } => {
            format!("stop the receiver on {node}: nothing of the other node comes in any more")
        }
        Action::ResumeReceiving { node } => {
            format!("let {node} receive again, and apply where its applier was stopped; nobody was opened")
        }
        Action::ApplyReceived { node } => format!("wait until {node} has applied all that it has received"),
        Action::RollBack { node } => {
            format!(
                "see that the applier of {node} holds no transaction that came without its end; stop it where it does"
            )
        }
        Action::Promote { node, dead } => format!("open {node} for writes in the place of {dead}"),
        Action::Compare { node, source } => {
            format!("see that {node} has nothing that {source} lacks, and can fetch all that it lacks itself")
        }
        Action::StartReplication { node, source } => format!("start replication on {node} from {source}"),
    }
}

/// How a node that was declared dead is kept out, as a word.
#[must_use]
pub fn isolation(how: Isolation) -> &'static str {
    match how {
        Isolation::Shell => "by ssh",
        Isolation::Hook => "by the operator's program",
        Isolation::Hand => "by hand",
    }
}

/// How a server is made to refuse writes.
#[must_use]
pub fn fence(how: Fencing) -> &'static str {
    match how {
        Fencing::SuperReadOnly => "super_read_only=ON",
        Fencing::NoLockNoAdmin => "read_only=NO_LOCK_NO_ADMIN",
        Fencing::ReadLock => "global read lock, then read_only=ON",
    }
}

/// `the write address 10.0.0.100/32`.
fn at(role: &RoleName, address: &Prefixed) -> String {
    format!("the {role} address {address}")
}

fn held_by(to: Option<&NodeName>) -> String {
    match to {
        Some(to) => format!("; {to} has it"),
        None => "; nobody has it then".to_owned(),
    }
}

/// What a role's clients do, for a table.
pub(super) fn clients(access: Access) -> &'static str {
    match access {
        Access::ReadWrite => "read and write",
        Access::ReadOnly => "read",
    }
}

/// Whom a server lets write, as a clause. One that is as closed as it can be may still let administrators through.
pub(super) fn access(access: WriteAccess, how: Option<Fencing>) -> String {
    match (access, how) {
        (WriteAccess::Fenced, Some(Fencing::ReadLock)) => WriteAccess::Guarded.to_string(),
        (access, _) => access.to_string(),
    }
}

/// Who can write on a server, short enough for a table.
pub(super) fn who(access: WriteAccess, how: Fencing) -> &'static str {
    match (access, how) {
        (WriteAccess::Open, _) => "everybody",
        (WriteAccess::Guarded, _) | (WriteAccess::Fenced, Fencing::ReadLock) => "administrators only",
        (WriteAccess::Fenced, Fencing::SuperReadOnly | Fencing::NoLockNoAdmin) => "nobody",
        (WriteAccess::Changing, _) => "between two states",
        (WriteAccess::Unseen, _) => "not seen",
    }
}

/// How a server of that kind is fenced, by the model's own rule.
pub(super) fn fencing(flavour: Flavour, version: Version) -> Fencing {
    Server { flavour, version, server_id: 0, uuid: None, hostname: String::new() }.fencing()
}

/// `MySQL 9.7.4`.
pub(super) fn server(flavour: Flavour, version: Version) -> String {
    format!("{flavour} {version}")
}
