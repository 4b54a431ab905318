//! What a node will be after a restart, and what else wants to move its roles.

use super::workload::few;
use super::{found, plan_warn, report};
use crate::model::{
    BootAccess, Channel, Code, Finding, Flavour, Kept, NodeSnapshot, Observed, Origin, Pair, RoleSpec, Scope, Severity,
    Side, Snapshot, Thread, WriteAccess,
};

use Scope::{Addresses, Fences, Opens, Report, Role};
use Severity::{Override, Warn};

/// All of it.
pub(super) fn all(pair: &Pair, snapshot: &Snapshot, side: Side) -> Vec<Finding> {
    let node = snapshot.node(side);
    let mut all: Vec<Finding> = opens(node, side).into_iter().chain(follows(pair, snapshot, side)).collect();
    all.extend(others(pair, node, side));
    all
}

/// It accepts writes by itself: by all that it reads when it starts, or, where that cannot be seen, by what the server
/// tells of it.
fn opens(node: &NodeSnapshot, side: Side) -> Option<Finding> {
    let name = &node.name;
    let (seen, help, origin) = match (node.boot.access.known(), node.boot.read_only.known()) {
        (Some(BootAccess { access: WriteAccess::Open, ruling }), _) => {
            let help = match &ruling.origin {
                Origin::Default => format!("read_only=ON in the option file of {name}"),
                Origin::File(path, line) => format!("read_only=ON in line {line} of {path} on {name}"),
                Origin::CommandLine => format!("take it from the command that starts the server of {name}"),
                Origin::Persisted => persisted_help(node),
            };
            (format!("{name}: {ruling}"), help, ruling.origin.clone())
        }
        (Some(_), _) => return None,
        (None, Some(Kept::Persisted(values))) if values.iter().any(|value| off(&value)) => {
            let said: Vec<String> = values.iter().filter(off).map(|(name, value)| format!("{name}={value}")).collect();
            (format!("{name}: {}, persisted", said.join(" and ")), persisted_help(node), Origin::Persisted)
        }
        (None, Some(Kept::Nowhere)) => (
            format!("{name}: nothing set read_only when the server started"),
            format!("read_only=ON in the option file of {name}"),
            Origin::Default,
        ),
        (None, _) => return None,
    };
    let help = format!("{help}: flipper opens the writer by itself");
    // the move makes it no worse, and forgetting about it makes two writers some day
    let severity = if origin == Origin::Default { Warn } else { Override };
    Some(found(Code::OpensAtBoot, side, seen, help, vec![(Report, severity), (Fences(side), Warn)]))
}

fn off((_, value): &&(String, String)) -> bool {
    matches!(value.to_ascii_uppercase().as_str(), "OFF" | "0")
}

fn persisted_help(node: &NodeSnapshot) -> String {
    format!("RESET PERSIST read_only, and SET PERSIST_ONLY super_read_only=ON on {}", node.name)
}

/// Its receiver was stopped, and starts by itself with the server (H-87).
fn follows(pair: &Pair, snapshot: &Snapshot, side: Side) -> Option<Finding> {
    let node = snapshot.node(side);
    // whichever of the two was declared dead
    let back = if super::death::deposed(pair, snapshot, side).is_some() { side } else { side.peer() };
    let (name, back) = (&node.name, &pair.node(back).name);
    let follows = node.boot.follows.known().filter(|follows| follows.by_itself)?;
    // one that has stopped with an error would stop there again
    let stopped =
        |channel: &Channel| channel.receiver == Thread::Stopped && channel.errors.iter().all(super::death::is_quiet);
    node.channels.known().filter(|channels| channels.iter().any(stopped))?;
    Some(report(
        Code::FollowsAtBoot,
        side,
        format!("{name}: its receiver was stopped, and starts with the server: {}", follows.ruling),
        format!("{} in the option file of {name} until {back} has rejoined", follows_not(node)),
    ))
}

/// The option that keeps replication from starting.
fn follows_not(node: &NodeSnapshot) -> &'static str {
    match node.server.known().map(|server| server.flavour) {
        Some(Flavour::MariaDb) => "skip_slave_start",
        Some(Flavour::MySql) | None => "skip_replica_start=ON",
    }
}

fn others(pair: &Pair, node: &NodeSnapshot, side: Side) -> Vec<Finding> {
    let name = &node.name;
    let mut all = vec![];
    for role in &pair.roles {
        let named = naming(node, role);
        if !named.is_empty() {
            all.push(found(
                Code::AddressAtBoot,
                side,
                format!("{name}: the address of {} ({}) stands in {}", role.name, role.address.ip, few(&named)),
                format!(
                    "take {} out there on {name}, with what belongs to {} alone: after a restart only flipper brings it up",
                    role.address.ip,
                    if named.len() == 1 { "that line" } else { "those lines" }
                ),
                vec![(Report, Override), (Role(role.name.clone()), Warn)],
            ));
        }
    }
    if let Some(managers) = node.boot.managers.known().filter(|managers| !managers.is_empty()) {
        all.push(found(
            Code::OtherManager,
            side,
            format!("{name}: {} runs there", managers.join(", ")),
            "let one of the two move roles: stop it, or move them by its means".to_owned(),
            vec![(Addresses(side), Override), (Fences(side), Override), (Opens(side), Override)],
        ));
    }
    all
}

/// Lines of files that name a role's address.
fn naming(node: &NodeSnapshot, role: &RoleSpec) -> Vec<String> {
    let files = node.boot.files.known().into_iter().flatten();
    files.filter(|file| file.address == role.address.ip).map(ToString::to_string).collect()
}

/// What comes back by itself once a node was declared dead: nothing that `fail` does outlives a start. The dead one comes
/// back as it starts, and what only it has flows into a survivor whose own server is restarted (H-87, H-88, H-89).
pub(super) fn comes_back(pair: &Pair, snapshot: &Snapshot, dead: Side) -> Vec<Finding> {
    let (gone, survivor) = (snapshot.node(dead), snapshot.node(dead.peer()));
    let (name, here) = (&gone.name, &survivor.name);
    let mut all = vec![];
    let opens = match &gone.boot.access {
        Observed::Known(BootAccess { access: WriteAccess::Open, ruling }) => {
            Some(format!("{name} accepts writes as soon as its server starts ({ruling}): see to that before it does"))
        }
        Observed::Known(_) => None,
        Observed::Unknown(_) => Some(format!(
            "Whether {name} accepts writes as soon as its server starts could not be seen: see that read_only=ON stands in \
             its option file before it does"
        )),
    };
    all.extend(opens.map(|seen| plan_warn(Code::OpensAtBoot, dead, seen)));
    if gone.boot.files.known().is_none() {
        let seen = format!(
            "Whether {name} takes an address when its machine starts could not be seen: look for that before it does"
        );
        all.push(plan_warn(Code::AddressAtBoot, dead, seen));
    }
    for role in &pair.roles {
        let named = naming(gone, role);
        if !named.is_empty() {
            let seen = format!(
                "{name} takes the address of {} when its machine starts ({}): take it out there before it does",
                role.name,
                few(&named)
            );
            all.push(plan_warn(Code::AddressAtBoot, dead, seen));
        }
    }
    if survivor.channels.known().is_some_and(|channels| !channels.is_empty()) {
        let until = format!("set {} in its option file until {name} has rejoined", follows_not(survivor));
        let follows = match &survivor.boot.follows {
            Observed::Known(follows) if follows.by_itself => {
                Some(format!("{here} receives from {name} again when its own server restarts: {until}"))
            }
            Observed::Known(_) => None,
            Observed::Unknown(_) => Some(format!(
                "Whether {here} receives from {name} again when its own server restarts could not be seen: {until}"
            )),
        };
        all.extend(follows.map(|seen| plan_warn(Code::FollowsAtBoot, dead.peer(), seen)));
    }
    all
}
