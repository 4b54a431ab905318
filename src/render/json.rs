//! The same things for machines: one JSON object each, with its `type` and a `format` number.
//!
//! Fields may be added within a format; none is removed, renamed or given another meaning.

use serde_json::{Value, json};

use super::json_words::{fact, word_access, word_flavour, word_thread};
use super::plan::Marks;
use super::screen::Besides;
use super::{describe, json_facts, json_history};
use crate::model::{
    Action, ArpingKind, Assignment, Channel, Finding, Goal, Held, NodeBasis, NodeSnapshot, NodeSpec, Observed, Pair,
    Plan, Reason, Refusal, RoleSpec, Server, Settings, Side, Snapshot, Step, System, printable,
};
use crate::planner::{Checked, Verdict};

const FORMAT: u32 = 1;

/// A plan; `digest` is its digest, as `sha256:…`, where it has one.
#[must_use]
pub fn plan(plan: &Plan, digest: Option<&str>) -> Value {
    let Plan { pair, goal: _, overrides, basis, before, after, steps, notes } = plan;
    let roles = basis.roles.iter().map(|(name, address, access)| {
        json!({ "name": name.as_str(), "address": address.to_string(), "access": access.to_string() })
    });
    let id = |number: usize| steps.get(number.saturating_sub(1)).map(|step| printable(&step.id.0));
    let outage = Marks::of(plan).outage.map(|(from, to)| json!({ "from": id(from), "to": id(to) }));
    json!({
        "type": "plan",
        "format": FORMAT,
        "pair": pair.as_str(),
        "goal": goal(&plan.goal),
        "overrides": overrides.iter().map(|code| code.id()).collect::<Value>(),
        "kill": plan.ends_writers(),
        "digest": digest.map(printable),
        "empty": plan.is_empty(),
        "before": assignment(before),
        "held_by": basis.roles.iter().map(|(name, ..)| {
            let nodes = plan.held_by(name).into_iter().map(|node| Value::from(node.as_str()));
            (name.to_string(), nodes.collect::<Value>())
        }).collect::<serde_json::Map<_, _>>(),
        "after": assignment(after),
        "steps": steps.iter().map(step).collect::<Value>(),
        "write_outage": outage,
        "point_of_no_return": crate::planner::point_of_no_return(plan).map(|id| printable(&id.0)),
        "notes": notes.iter().map(|note| printable(note)).collect::<Value>(),
        "basis": {
            "roles": roles.collect::<Value>(),
            "nodes": basis.nodes.iter().map(node_basis).collect::<Value>(),
        },
    })
}

/// A refusal.
#[must_use]
pub fn refusal(refusal: &Refusal) -> Value {
    let Refusal { pair, goal: _, reasons } = refusal;
    let reason = |Reason { code, seen, help }: &Reason| json!({ "code": code.id(), "seen": printable(seen), "matters": code.matters(), "help": printable(help) });
    json!({
        "type": "refusal",
        "format": FORMAT,
        "pair": pair.as_str(),
        "goal": goal(&refusal.goal),
        "reasons": reasons.iter().map(reason).collect::<Value>(),
    })
}

/// What was seen of a pair, what the checks find in it, and its last move. Each fact is `{"known": …}` or `{"unknown": "why"}`.
#[must_use]
pub fn status(pair: &Pair, snapshot: &Snapshot, besides: &Besides<'_>) -> Value {
    let role = |RoleSpec { name, address, access }: &RoleSpec| {
        let role = RoleSpec { name: name.clone(), address: *address, access: *access };
        let holders = snapshot.holders(&role).into_iter().map(|side| snapshot.node(side).name.as_str());
        json!({
            "name": name.as_str(),
            "address": address.to_string(),
            "access": access.to_string(),
            "held_by": holders.collect::<Value>(),
            "unknown_on": snapshot.nodes.iter().filter(|node| node.addresses.known().is_none())
                .map(|node| node.name.as_str()).collect::<Value>(),
        })
    };
    json!({
        "type": "status",
        "format": FORMAT,
        "pair": pair.name.as_str(),
        "roles": pair.roles.iter().map(role).collect::<Value>(),
        "nodes": pair.nodes.iter().zip(&snapshot.nodes).map(|(spec, node)| node_status(spec, node)).collect::<Value>(),
        "findings": besides.findings.iter().map(|found| {
            let mut value = finding(pair, found);
            value["id"] = json!(found.code.id());
            value
        }).collect::<Value>(),
        "last_move": match besides.last {
            Observed::Known(Some(found)) => json!({ "known": json_history::told(found) }),
            Observed::Known(None) => json!({ "known": null }),
            Observed::Unknown(why) => json!({ "unknown": printable(why) }),
        },
    })
}

/// Every check of a pair: `verdict` is `stop`, `override` (`stop*` for people), `unknown`, `warn` or `ok`, and `worst` the
/// worst of all.
#[must_use]
pub fn check(pair: &Pair, seen: &Snapshot, checks: &[Checked]) -> Value {
    let found = |found: &Finding| finding(pair, found);
    let one = |Checked { code, verdict, found: all, unknown }: &Checked| {
        let unseen = |(node, why): &(String, String)| {
            let node = (!node.is_empty()).then(|| printable(node));
            json!({ "node": node, "why": printable(why) })
        };
        json!({
            "id": code.id(),
            "verdict": verdict.id(),
            "title": code.title(),
            "matters": code.matters(),
            "hazards": code.hazards(),
            "found": all.iter().map(found).collect::<Value>(),
            "unknown": unknown.iter().map(unseen).collect::<Value>(),
        })
    };
    let worst = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok);
    json!({
        "type": "check",
        "format": FORMAT,
        "pair": pair.name.as_str(),
        "worst": worst.id(),
        "checks": checks.iter().map(one).collect::<Value>(),
        "after_restart": seen.nodes.iter().map(|node| json!({
            "name": node.name.as_str(), "boot": json_facts::boot(&node.boot),
        })).collect::<Value>(),
    })
}

fn finding(pair: &Pair, finding: &Finding) -> Value {
    json!({
        "node": finding.side.map(|side| pair.node(side).name.as_str()),
        "severity": finding.severity().id(),
        "seen": printable(&finding.seen),
        "help": printable(&finding.help),
    })
}

/// How the nodes stand, in short: who is open, who holds what, and where each is.
pub(super) fn stands(pair: &Pair, snapshot: &Snapshot) -> Value {
    let one = |side: Side| {
        let node = snapshot.node(side);
        let roles = || snapshot.roles_on(pair, side).iter().map(|role| json!(role.as_str())).collect();
        json!({
            "name": node.name.as_str(),
            "access": fact(&node.access, |access| json!(word_access(*access))),
            "holds": fact(&node.addresses, |_| roles()),
            "position": fact(&node.position, |text| json!(printable(text))),
            "ahead": fact(&node.ahead, |text| json!(printable(text))),
        })
    };
    Side::BOTH.into_iter().map(one).collect()
}

fn goal(goal: &Goal) -> Value {
    match goal {
        Goal::Swap(role) => json!({ "kind": "swap", "role": role.as_ref().map(|role| role.as_str()) }),
        Goal::Set(role, node) => json!({ "kind": "set", "role": role.as_str(), "node": node.as_str() }),
        Goal::Drain(node) => json!({ "kind": "drain", "node": node.as_str() }),
        Goal::Down(role) => json!({ "kind": "down", "role": role.as_str() }),
        Goal::Up(role, node) => json!({ "kind": "up", "role": role.as_str(), "node": node.as_str() }),
        Goal::Fail(node) => json!({ "kind": "fail", "node": node.as_str() }),
        Goal::Rejoin(node) => json!({ "kind": "rejoin", "node": node.as_str() }),
        Goal::Assign(wanted) => json!({ "kind": "assign", "roles": assignment(wanted) }),
    }
}

fn assignment(assignment: &Assignment) -> Value {
    let Assignment(holders) = assignment;
    let one = |(role, node): (&crate::model::RoleName, &Option<crate::model::NodeName>)| {
        (role.to_string(), json!(node.as_ref().map(|node| node.as_str())))
    };
    Value::Object(holders.iter().map(one).collect())
}

fn step(step: &Step) -> Value {
    let Step { id, action: does, after } = step;
    let after =
        after.iter().map(|(id, rule)| json!({ "step": printable(&id.0), "rule": rule.id(), "reason": rule.reason() }));
    json!({
        "id": printable(&id.0),
        "sentence": describe::sentence(does),
        "action": action(does),
        "after": after.collect::<Value>(),
    })
}

fn action(action: &Action) -> Value {
    match action {
        Action::Approach { node, source } => {
            json!({ "kind": "approach", "node": node.as_str(), "source": source.as_str() })
        }
        Action::Drain { node } => json!({ "kind": "drain", "node": node.as_str() }),
        Action::EndWriters { node } => json!({ "kind": "end-writers", "node": node.as_str() }),
        Action::Fence { node, how } => {
            json!({ "kind": "fence", "node": node.as_str(), "how": describe::fence(*how) })
        }
        Action::CatchUp { node, source } => {
            json!({ "kind": "catch-up", "node": node.as_str(), "source": source.as_str() })
        }
        Action::Open { node, peer } => json!({ "kind": "open", "node": node.as_str(), "peer": peer.as_str() }),
        Action::Reopen { node, peer } => json!({ "kind": "reopen", "node": node.as_str(), "peer": peer.as_str() }),
        Action::Take { role, access, node, from, address, interface } => json!({
            "kind": "take",
            "role": role.as_str(),
            "access": access.to_string(),
            "node": node.as_str(),
            "from": from.as_ref().map(|from| from.as_str()),
            "address": address.to_string(),
            "interface": interface.as_str(),
        }),
        Action::EndSessions { role, node, address } => json!({
            "kind": "end-sessions",
            "role": role.as_str(),
            "node": node.as_str(),
            "address": address.to_string(),
        }),
        Action::Drop { role, node, to, address, interface } => json!({
            "kind": "drop",
            "role": role.as_str(),
            "node": node.as_str(),
            "to": to.as_ref().map(|to| to.as_str()),
            "address": address.to_string(),
            "interface": interface.as_str(),
        }),
        Action::Announce { role, node, address, interface } => json!({
            "kind": "announce",
            "role": role.as_str(),
            "node": node.as_str(),
            "address": address.to_string(),
            "interface": interface.as_str(),
        }),
        Action::Release { node } => json!({ "kind": "release", "node": node.as_str() }),
        Action::Verify { role, access, node, address } => json!({
            "kind": "verify",
            "role": role.as_str(),
            "access": access.to_string(),
            "node": node.as_str(),
            "address": address.to_string(),
        }),
        Action::Isolate { node, how } => {
            json!({ "kind": "isolate", "node": node.as_str(), "how": describe::isolation(*how) })
        }
        Action::StopReceiving { node } => json!({ "kind": "stop-receiving", "node": node.as_str() }),
        Action::ResumeReceiving { node } => json!({ "kind": "resume-receiving", "node": node.as_str() }),
        Action::ApplyReceived { node } => json!({ "kind": "apply-received", "node": node.as_str() }),
        Action::RollBack { node } => json!({ "kind": "roll-back", "node": node.as_str() }),
        Action::Promote { node, dead } => {
            json!({ "kind": "promote", "node": node.as_str(), "dead": dead.as_str() })
        }
        Action::Compare { node, source } => {
            json!({ "kind": "compare", "node": node.as_str(), "source": source.as_str() })
        }
        Action::StartReplication { node, source } => {
            json!({ "kind": "start-replication", "node": node.as_str(), "source": source.as_str() })
        }
    }
}

fn node_basis(node: &NodeBasis) -> Value {
    let NodeBasis { name, flavour, version, server_id, uuid, access, holds, replicates } = node;
    let holds = holds.iter().map(|(role, held)| {
        let mut value = self::held(held);
        value["role"] = json!(role.as_str());
        value
    });
    json!({
        "name": name.as_str(),
        "flavour": word_flavour(*flavour),
        "version": version.to_string(),
        "server_id": server_id,
        "uuid": uuid.as_deref().map(printable),
        "access": word_access(*access),
        "holds": holds.collect::<Value>(),
        "replicates": replicates,
    })
}

fn node_status(spec: &NodeSpec, node: &NodeSnapshot) -> Value {
    let NodeSpec { name: _, host, interface, port, has_fence: _ } = spec;
    let NodeSnapshot {
        name,
        server,
        same_machine,
        access,
        addresses,
        system,
        channels,
        settings,
        position,
        ahead,
        prepared_xa,
        workload,
        health,
        boot,
        relay,
        inventory,
        witness,
        // what is wrong with it is told by `check`; `status` does not ask
        readiness: _,
        traffic,
        deposed,
    } = node;
    json!({
        "name": name.as_str(),
        "host": host.as_str(),
        "port": port,
        "interface": interface.as_str(),
        "server": fact(server, says_server),
        "same_machine": fact(same_machine, |same| json!(same)),
        "access": fact(access, |access| json!(word_access(*access))),
        "addresses": fact(addresses, |all| all.iter().map(held).collect()),
        "system": fact(system, says_system),
        "channels": fact(channels, |all| all.iter().map(channel).collect()),
        "settings": fact(settings, says_settings),
        "position": fact(position, |text| json!(printable(text))),
        "ahead": fact(ahead, |text| json!(printable(text))),
        "prepared_xa": fact(prepared_xa, |count| json!(count)),
        "workload": json_facts::workload(workload),
        "health": json_facts::health(health),
        "boot": json_facts::boot(boot),
        "relay": json_facts::relay(relay),
        "inventory": json_facts::inventory(inventory),
        "witness": json_facts::witness(witness),
        "traffic": json_facts::traffic(traffic),
        "deposed": deposed.as_ref().map(|deposed| {
            json!({ "since": printable(&deposed.since), "position": printable(&deposed.position) })
        }),
    })
}

fn held(held: &Held) -> Value {
    let Held { address, interface, secondary, unusable } = held;
    json!({ "address": address.to_string(), "interface": interface.as_str(), "secondary": secondary, "unusable": unusable })
}

pub(super) fn says_server(server: &Server) -> Value {
    let Server { flavour, version, server_id, uuid, hostname } = server;
    json!({
        "flavour": word_flavour(*flavour),
        "version": version.to_string(),
        "server_id": server_id,
        "uuid": uuid.as_deref().map(printable),
        "hostname": printable(hostname),
    })
}

fn says_system(system: &System) -> Value {
    let System { ip, ss, arping, ndptool, up, promotes_secondaries, denied } = system;
    let arping = arping.as_ref().map(|(path, kind)| {
        let kind = match kind {
            ArpingKind::Iputils => "iputils",
            ArpingKind::Habets => "habets",
        };
        json!({ "path": printable(path), "kind": kind })
    });
    json!({
        "ip": ip.as_deref().map(printable),
        "ss": ss.as_deref().map(printable),
        "arping": arping,
        "ndptool": ndptool.as_deref().map(printable),
        "up": up.iter().map(|interface| interface.as_str()).collect::<Value>(),
        "promotes_secondaries": promotes_secondaries,
        "denied": denied.iter().map(|denied| printable(denied)).collect::<Vec<_>>(),
    })
}

fn channel(channel: &Channel) -> Value {
    let Channel { name, source, source_id, source_uuid, receiver, applier, errors, lag, delay, by_gtid, filters } =
        channel;
    let (host, port) = source;
    let error = |(number, text): &(u32, String)| json!({ "number": number, "text": printable(text) });
    json!({
        "name": printable(name),
        "source": { "host": printable(host), "port": port },
        "source_id": source_id,
        "source_uuid": source_uuid.as_deref().map(printable),
        "receiver": word_thread(*receiver),
        "applier": word_thread(*applier),
        "errors": errors.iter().map(error).collect::<Value>(),
        "lag": lag,
        "delay": delay,
        "by_gtid": by_gtid,
        "filters": filters.iter().map(|filter| printable(filter)).collect::<Value>(),
    })
}

fn says_settings(settings: &Settings) -> Value {
    let Settings { log_bin, log_replica_updates, gtid, binlog_format, bind_address, cluster, left_out } = settings;
    json!({
        "log_bin": log_bin,
        "log_replica_updates": log_replica_updates,
        "gtid": gtid,
        "binlog_format": printable(binlog_format),
        "bind_address": printable(bind_address),
        "cluster": cluster.as_deref().map(printable),
        "left_out": left_out.iter().map(|left| printable(left)).collect::<Vec<_>>(),
    })
}
