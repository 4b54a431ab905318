//! Wrong plans: each thing in a good plan taken away or turned round, one at a time. The judge must object to all of
//! them but those that change nothing, and of these it is known why.

use std::collections::BTreeMap;

use flipper::checker;
use flipper::model::{Action, Fencing, Observed, Pair, Plan, Rule, Snapshot, Step, StepId, WriteAccess};
use flipper::planner;

use super::domain::{Kind, Node, Shape, Some3, Vary, World, consent, goals, pair};

/// A plan with one thing wrong.
struct Mutant {
    plan: Plan,
    what: String,
    /// Why nobody needs to object, where that is known from what was done.
    harmless: Option<&'static str>,
}

fn without(plan: &Plan, at: usize) -> Plan {
    let mut plan = plan.clone();
    let gone = plan.steps.remove(at);
    for step in &mut plan.steps {
        // whoever waited for it waits for what it waited for
        if step.after.iter().any(|(id, _)| *id == gone.id) {
            step.after.retain(|(id, _)| *id != gone.id);
            let known = step.after.clone();
            step.after.extend(gone.after.iter().filter(|edge| !known.contains(edge)).cloned());
        }
    }
    plan
}

/// The step comes after the other one in every order.
fn comes_after(steps: &[Step], step: &StepId, other: &StepId) -> bool {
    let after = steps.iter().find(|s| s.id == *step).map(|s| &s.after[..]).unwrap_or_default();
    after.iter().any(|(id, _)| id == other || comes_after(steps, id, other))
}

/// Steps in an order that their edges allow; `None` where they go round in a circle.
fn sorted(mut plan: Plan) -> Option<Plan> {
    let mut steps: Vec<Step> = vec![];
    while !plan.steps.is_empty() {
        let ready = |step: &Step| step.after.iter().all(|(id, _)| steps.iter().any(|done| done.id == *id));
        let next = plan.steps.iter().position(ready)?;
        steps.push(plan.steps.remove(next));
    }
    Some(Plan { steps, ..plan })
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Approach { .. } => "approach",
        Action::Drain { .. } => "drain",
        Action::EndWriters { .. } => "end writers",
        Action::Fence { .. } => "fence",
        Action::CatchUp { .. } => "catch up",
        Action::Open { .. } => "open",
        Action::Reopen { .. } => "reopen",
        Action::Take { .. } => "take",
        Action::EndSessions { .. } => "end sessions",
        Action::Drop { .. } => "drop",
        Action::Announce { .. } => "announce",
        Action::Release { .. } => "release",
        Action::Verify { .. } => "verify",
        Action::Isolate { .. } => "isolate",
        Action::StopReceiving { .. } => "stop receiving",
        Action::ResumeReceiving { .. } => "resume receiving",
        Action::ApplyReceived { .. } => "apply received",
        Action::RollBack { .. } => "roll back",
        Action::Promote { .. } => "promote",
        Action::Compare { .. } => "compare",
        Action::StartReplication { .. } => "start replication",
    }
}

fn mutants(plan: &Plan) -> Vec<Mutant> {
    let mut all = vec![];
    for (at, step) in plan.steps.iter().enumerate() {
        let name = kind(&step.action);
        all.push(Mutant { plan: without(plan, at), what: format!("no {name}"), harmless: None });
        for (edge, (before, rule)) in step.after.iter().enumerate() {
            let earlier = plan.steps.iter().find(|s| s.id == *before).expect("an earlier step");
            let mut cut = plan.clone();
            cut.steps[at].after.remove(edge);
            let implied = comes_after(&cut.steps, &step.id, before);
            all.push(Mutant {
                what: format!("{name} need not be after {} ({rule})", kind(&earlier.action)),
                harmless: implied.then_some("other rules say the same"),
                plan: cut.clone(),
            });
            // the other way round: only where nothing else holds the two in their order
            cut.steps[at].after.retain(|(id, _)| id != before);
            let Some(first) = cut.steps.iter_mut().find(|s| s.id == *before) else { continue };
            first.after.push((step.id.clone(), *rule));
            if let Some(plan) = sorted(cut) {
                all.push(Mutant {
                    plan,
                    what: format!("{name} before {} ({rule})", kind(&earlier.action)),
                    harmless: None,
                });
            }
        }
        all.extend(changed(plan, at, &step.action));
    }
    all
}

/// Steps that do something else than they should.
fn changed(plan: &Plan, at: usize, action: &Action) -> Vec<Mutant> {
    let with = |action: Action, what: &str| {
        let mut plan = plan.clone();
        let (old, new) = (plan.steps[at].id.clone(), action.id());
        (plan.steps[at].action, plan.steps[at].id) = (action, new.clone());
        let ids = plan.steps.iter_mut().flat_map(|step| &mut step.after).filter(|(id, _)| *id == old);
        ids.for_each(|(id, _)| *id = new.clone());
        Mutant { plan, what: what.to_owned(), harmless: None }
    };
    let other = |name: &flipper::model::NodeName| {
        plan.basis.nodes.iter().map(|node| node.name.clone()).find(|node| node != name).expect("two nodes")
    };
    match action.clone() {
        Action::Fence { node, how } => {
            let wrong = if how == Fencing::ReadLock { Fencing::SuperReadOnly } else { Fencing::ReadLock };
            vec![
                with(Action::Fence { node: other(&node), how }, "fence the other node"),
                with(Action::Fence { node, how: wrong }, "fence in another server's way"),
            ]
        }
        Action::CatchUp { node, source } => vec![
            with(Action::Approach { node: node.clone(), source: source.clone() }, "approach instead of catching up"),
            with(Action::CatchUp { node: source, source: node }, "the wrong one catches up"),
        ],
        Action::Open { node, peer } => vec![
            with(Action::Reopen { node: node.clone(), peer: peer.clone() }, "reopen instead of opening"),
            with(Action::Open { node: peer, peer: node }, "open the wrong one"),
        ],
        Action::Take { role, access, node, from, address, interface } => {
            let mut all = vec![];
            let from = if from.is_some() { None } else { Some(other(&node)) };
            let (there, on) = (other(&node), interface.clone());
            let take = Action::Take { role: role.clone(), access, node, from, address, interface };
            all.push(with(take, "take it from somewhere else"));
            all.push(with(
                Action::Take { role, access, node: there, from: None, address, interface: on },
                "take it on the other node",
            ));
            all
        }
        Action::Drop { role, node, to, address, interface } => {
            let to = if to.is_some() { None } else { Some(other(&node)) };
            vec![with(Action::Drop { role, node, to, address, interface }, "drop it to somebody else")]
        }
        Action::Announce { role, node, address, interface } => {
            let node = other(&node);
            vec![with(Action::Announce { role, node, address, interface }, "the other node announces")]
        }
        Action::Verify { role, access, node, address } => {
            let node = other(&node);
            vec![with(Action::Verify { role, access, node, address }, "look at the other node")]
        }
        Action::Release { node } => vec![with(Action::Release { node: other(&node) }, "release the other node")],
        Action::EndWriters { node } => {
            vec![with(Action::EndWriters { node: other(&node) }, "end the writers of the other node")]
        }
        Action::Isolate { node, how } => {
            vec![with(Action::Isolate { node: other(&node), how }, "isolate the survivor")]
        }
        Action::StopReceiving { node } => {
            vec![with(Action::StopReceiving { node: other(&node) }, "the dead one stops receiving")]
        }
        Action::ApplyReceived { node } => {
            vec![with(Action::ApplyReceived { node: other(&node) }, "the dead one applies")]
        }
        Action::RollBack { node } => vec![
            with(Action::RollBack { node: other(&node) }, "the dead one rolls back"),
            with(Action::ApplyReceived { node }, "apply instead of rolling back"),
        ],
        Action::Promote { node, dead } => vec![
            with(Action::Promote { node: dead.clone(), dead: node.clone() }, "promote the dead one"),
            with(Action::Open { node, peer: dead }, "open instead of promoting"),
        ],
        Action::Compare { node, source } => {
            vec![with(Action::Compare { node: source, source: node }, "compare the other way round")]
        }
        Action::Approach { .. }
        | Action::Drain { .. }
        | Action::EndSessions { .. }
        | Action::Reopen { .. }
        | Action::ResumeReceiving { .. }
        | Action::StartReplication { .. } => vec![],
    }
}

/// Why a mutant that the judge lets pass does no harm; `None` where it should have been caught.
fn why_harmless(mutant: &Mutant) -> Option<&'static str> {
    mutant.harmless.or_else(|| {
        let fits = |parts: &[&str]| parts.iter().all(|part| mutant.what.contains(part));
        HARMLESS.iter().find(|(parts, _)| fits(parts)).map(|(_, why)| *why)
    })
}

/// What was done, by words that are all in its description, and why that breaks nothing where the judge lets it pass.
const HARMLESS: [(&[&str], &str); 15] = [
    (&["start replication", "approach", "one-history"], "the returned node follows already, and the two are compared"),
    (&["compare", "fence", "one-history"], "the returned node let nobody but administrators write"),
    (&["take", "fence", "one-writer"], "the other one let nobody but administrators write"),
    // the judge knows in each order whether anybody is kept from writing at that moment
    (&["reads-outside-outage"], "readers move a moment earlier, while somebody can write"),
    (&["before-the-gate"], "nobody was writing, so that no gate closes"),
    // the same node may be caught up already, or never have been behind: the plan does not rely on what it cannot know
    (&["no approach"], "the node lacked nothing to begin with"),
    (&["take", "compare", "monotonic-reads"], "the node lacked nothing to begin with"),
    // taking an address announces it
    (&["no announce"], "nobody else had the address any more"),
    (&["take", "approach", "monotonic-reads"], "the node lacked nothing to begin with"),
    (&["take", "fence", "monotonic-reads"], "nobody read there before"),
    (&["verify", "release", "verify-last"], "the look from outside does not depend on the old writer's lock"),
    (&["release", "take", "lock-until-gone"], "the address was nowhere, and nobody waits for it any longer by that"),
    (&["no drain"], "writing transactions are ended sooner, and told so"),
    (&["no end writers"], "the fence waits for those who write, and gives up"),
    (&["approach", "drain", "before-the-gate"], "both are done before the gate closes, in either order"),
];

/// Worlds with every kind of plan in them.
fn corpus() -> Vec<World> {
    let mut worlds = vec![];
    let access = [Some(WriteAccess::Open), Some(WriteAccess::Guarded), Some(WriteAccess::Fenced)];
    let holds: Vec<Option<u8>> = (0..4).map(Some).collect();
    let still = Vary {
        access: &access,
        holds: &holds,
        link: &[super::domain::Link::Runs],
        ahead: &[Some3::None],
        xa: &[Some3::None],
        settings: &[true],
        system: &[true],
    };
    let nodes: Vec<Node> = still.nodes();
    for kind in [Kind::MySql, Kind::MariaDb] {
        for (i, first) in nodes.iter().enumerate() {
            worlds.extend(nodes[i..].iter().map(|second| World { kind, shape: Shape::Both, nodes: [*first, *second] }));
        }
    }
    let few = if cfg!(debug_assertions) { 11 } else { 1 };
    worlds.into_iter().step_by(few).collect()
}

#[test]
fn exhaustive_plan_mutants() {
    let mut pair = pair(Shape::Both);
    // so that there are drains, and writers that are ended, to be taken away too
    pair.limits.drain = std::time::Duration::from_secs(5);
    let (mut tried, mut caught) = (0, 0);
    let mut harmless: BTreeMap<&str, u64> = BTreeMap::new();
    let mut missed: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut plans = vec![];
    for world in corpus() {
        let seen = world.snapshot(&pair);
        let mut done = vec![];
        for goal in goals(&pair) {
            let Ok(plan) = planner::plan(&pair, &seen, &goal, consent(&pair, &[])) else { continue };
            if done.contains(&plan.steps) {
                continue;
            }
            done.push(plan.steps.clone());
            plans.push((pair.clone(), seen.clone(), plan));
        }
    }
    plans.extend(super::death::plans());
    for (pair, seen, plan) in &plans {
        for mutant in mutants(plan) {
            tried += 1;
            if checker::judge(pair, seen, &mutant.plan).is_err() {
                caught += 1;
                continue;
            }
            match why_harmless(&mutant) {
                Some(why) => *harmless.entry(why).or_default() += 1,
                None => {
                    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
                    let at = || (0, format!("{} {ids:?}", plan.goal));
                    missed.entry(mutant.what.clone()).or_insert_with(at).0 += 1;
                }
            }
        }
    }
    let total: u64 = harmless.values().sum();
    println!("plan mutants: {tried} tried, {caught} caught, {total} harmless");
    for (why, times) in &harmless {
        println!("  harmless: {times} times, {why}");
    }
    let lines: Vec<String> =
        missed.iter().map(|(what, (times, at))| format!("{times} times: {what}\n    {at}")).collect();
    assert!(missed.is_empty(), "not caught:\n{}", lines.join("\n"));
    assert!(caught > 1_000, "{caught} caught");
}

/// A planner that takes what it cannot see for what it would like to see makes these plans. The judge sees what is not
/// known, and objects.
#[test]
fn exhaustive_unknown_is_no() {
    type Blind = (&'static str, fn(&mut Snapshot));
    let blinds: [Blind; 12] = [
        ("own transactions of the old writer", |s| s.nodes[0].ahead = unknown()),
        ("own transactions of the new writer", |s| s.nodes[1].ahead = unknown()),
        ("who writes on the new writer", |s| s.nodes[1].access = unknown()),
        ("who writes on the old writer", |s| s.nodes[0].access = unknown()),
        ("addresses", |s| s.nodes[1].addresses = unknown()),
        ("the server", |s| s.nodes[0].server = unknown()),
        ("the machine", |s| s.nodes[1].same_machine = unknown()),
        ("the system", |s| s.nodes[1].system = unknown()),
        ("replication", |s| s.nodes[1].channels = unknown()),
        ("settings of the new writer", |s| s.nodes[1].settings = unknown()),
        ("settings of the old writer", |s| s.nodes[0].settings = unknown()),
        ("prepared transactions", |s| s.nodes[0].prepared_xa = unknown()),
    ];
    let pair: Pair = pair(Shape::Both);
    for kind in [Kind::MySql, Kind::MariaDb] {
        // cut off after the fence: nobody is open, so that nothing is traffic any more
        let old = Node { holds: Some(1), ..Node::SOUND };
        let new = Node { holds: Some(2), ..Node::SOUND };
        let seen = World { kind, shape: Shape::Both, nodes: [old, new] }.snapshot(&pair);
        let goal = flipper::model::Goal::Set(pair.roles[0].name.clone(), pair.nodes[1].name.clone());
        let plan = planner::plan(&pair, &seen, &goal, &[]).expect("a plan");
        for (what, blind) in blinds {
            let mut half = seen.clone();
            blind(&mut half);
            assert!(checker::judge(&pair, &half, &plan).is_err(), "{kind:?}: {what}");
        }
    }
}

fn unknown<T>() -> Observed<T> {
    Observed::Unknown("no answer".to_owned())
}

/// Every rule of order is needed by some plan.
#[test]
fn exhaustive_every_rule_is_used() {
    let pair = pair(Shape::Both);
    let mut used = std::collections::BTreeSet::new();
    for world in corpus() {
        for goal in goals(&pair) {
            let plan = planner::plan(&pair, &world.snapshot(&pair), &goal, &[]);
            let steps = plan.map(|plan| plan.steps).unwrap_or_default();
            used.extend(steps.iter().flat_map(|step| step.after.iter().map(|(_, rule)| *rule)));
        }
    }
    for (_, _, plan) in super::death::plans() {
        used.extend(plan.steps.iter().flat_map(|step| step.after.iter().map(|(_, rule)| *rule)));
    }
    let unused: Vec<Rule> = Rule::ALL.into_iter().filter(|rule| !used.contains(rule)).collect();
    assert_eq!(unused, []);
}
