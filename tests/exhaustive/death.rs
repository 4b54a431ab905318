//! A node that is declared dead, and one that comes back: every world of a domain of their own, with the same questions
//! as for a move, and those of a failover besides (hazards S14, S15, S18).

use std::collections::BTreeSet;

use flipper::model::{
    Action, Code, Goal, Isolation, NodeSnapshot, Observed, Pair, Plan, Snapshot, Thread, WriteAccess,
};
use flipper::{checker, planner};

use super::domain::{Kind, Link, Node, Shape, Some3, World, goals, pair};
use super::restarts::{Passes, Restarts};
use super::walk::{self, Known, Walk};
use super::{Report, kept, reasoned};

const SMALL: bool = cfg!(debug_assertions);

fn fact<T>(known: Option<T>) -> Observed<T> {
    known.map_or_else(|| Observed::Unknown("no answer".to_owned()), Observed::Known)
}

fn threads(node: &mut NodeSnapshot, receiver: Thread, applier: Thread) {
    let Observed::Known(channels) = &mut node.channels else { return };
    for channel in channels {
        (channel.receiver, channel.applier) = (receiver, applier);
        if (receiver, applier) != (Thread::Running, Thread::Running) {
            channel.lag = None;
        }
    }
}

/// What is behind the last transaction that a node has applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// The beginning of one.
    Half,
    /// Complete ones.
    Whole,
}

impl Rest {
    fn stands(self, node: &mut NodeSnapshot) {
        node.relay.half_received = Observed::Known(if self == Self::Half { 4096 } else { 0 });
        node.relay.unapplied = Observed::Known(if self == Self::Whole { "u:7".to_owned() } else { String::new() });
        // what an applier of MySQL says that was stopped in the middle of it
        if let (Self::Half, Observed::Known(channels)) = (self, &mut node.channels) {
            let stopped = channels.iter_mut().filter(|channel| channel.applier == Thread::Stopped);
            stopped.for_each(|channel| channel.errors = vec![(1756, "stopped".to_owned())]);
        }
    }
}

/// Receiver, applier, its delay.
type Running = (Thread, Thread, u64, Rest);

/// A world, and what is asked of it.
struct Case {
    seen: Snapshot,
    pair: Pair,
    goal: Goal,
    kind: Kind,
    shape: Shape,
    story: String,
}

fn mirrored(mut snapshot: Snapshot) -> Snapshot {
    snapshot.nodes.reverse();
    let names = ["db1", "db2"].map(|name| name.parse().expect("a name"));
    for (node, name) in snapshot.nodes.iter_mut().zip(names) {
        node.name = name;
    }
    snapshot
}

/// The survivor, and what it and the machine of the dead one say.
fn dead_worlds() -> Vec<Case> {
    let mut all = vec![];
    let access = [WriteAccess::Open, WriteAccess::Guarded, WriteAccess::Fenced, WriteAccess::Changing];
    let survivor_access: Vec<Option<WriteAccess>> = access.map(Some).into_iter().chain([None]).collect();
    let replication = [
        Some((Thread::Connecting, Thread::Running, 0, Rest::Nothing)),
        Some((Thread::Connecting, Thread::Running, 0, Rest::Half)),
        Some((Thread::Running, Thread::Running, 0, Rest::Nothing)),
        Some((Thread::Stopped, Thread::Running, 0, Rest::Half)),
        Some((Thread::Stopped, Thread::Running, 0, Rest::Whole)),
        Some((Thread::Connecting, Thread::Stopped, 0, Rest::Nothing)),
        Some((Thread::Connecting, Thread::Running, 600, Rest::Nothing)),
        // as a run leaves it that was cut off before it opened anybody, or as somebody has stopped it
        Some((Thread::Stopped, Thread::Stopped, 0, Rest::Nothing)),
        Some((Thread::Stopped, Thread::Stopped, 0, Rest::Half)),
        Some((Thread::Stopped, Thread::Stopped, 0, Rest::Whole)),
        None,
    ];
    let machines = [None, Some(0), Some(1), Some(2), Some(3)];
    for (kind, shape) in [
        (Kind::MySql, Shape::Both),
        (Kind::MariaDb, Shape::Both),
        (Kind::MySql, Shape::WriteOnly),
        (Kind::MariaDb12, Shape::ReadOnly),
    ] {
        let places = if shape == Shape::Both { 4 } else { 2 };
        for (at, &survivor) in survivor_access.iter().enumerate() {
            for holds in (0..places).map(Some).chain([None]) {
                for (link, &running) in replication.iter().enumerate() {
                    for &machine in machines.iter().filter(|machine| machine.is_none_or(|bits| bits < places)) {
                        let node = Node { access: survivor, holds, ..Node::SOUND };
                        let gone = Node { holds: machine, ..Node::SOUND };
                        let base = World { kind, shape, nodes: [gone, node] };
                        let story = format!("{base:?}, replication {running:?}");
                        all.extend(witnesses(&base, running, machine.is_some(), at + link, &story));
                    }
                }
            }
        }
    }
    all
}

/// What the survivor saw; a part of it for each world, so that all of it meets all of the rest.
fn witnesses(base: &World, running: Option<Running>, by_ssh: bool, turn: usize, story: &str) -> Vec<Case> {
    let mut all = vec![];
    let greeted = [Some(false), Some(true), None];
    let answering = [Some(0_u8), Some(1), Some(2), None];
    let left = [None, Some(0), Some(3)];
    let mut number = 0_usize;
    for greeted in greeted {
        for answering in answering {
            for left in left {
                for has_fence in [false, true] {
                    number += 1;
                    // all that the survivor saw, spread over all the rest
                    if !(number + turn).is_multiple_of(if SMALL { 29 } else { 3 }) {
                        continue;
                    }
                    let mut pair = pair(base.shape);
                    let mut seen = base.snapshot(&pair);
                    let dead = &mut seen.nodes[0];
                    let (addresses, system) = (dead.addresses.clone(), dead.system.clone());
                    *dead = NodeSnapshot::unseen(dead.name.clone(), "no route to host");
                    if by_ssh {
                        (dead.addresses, dead.system) = (addresses, system);
                    }
                    let survivor = &mut seen.nodes[1];
                    match running {
                        Some((receiver, applier, delay, rest)) => {
                            threads(survivor, receiver, applier);
                            rest.stands(survivor);
                            if let Observed::Known(channels) = &mut survivor.channels {
                                channels[0].delay = delay;
                            }
                        }
                        None => survivor.channels = Observed::Known(vec![]),
                    }
                    survivor.ahead = fact(None);
                    survivor.relay.purged = fact(None);
                    survivor.witness.greeted = fact(greeted);
                    let roles = pair.roles.iter().enumerate();
                    survivor.witness.answering = fact(answering.map(|bits| {
                        roles.filter(|(i, _)| bits & (1 << i) != 0).map(|(_, role)| role.address.ip).collect()
                    }));
                    survivor.witness.left_behind = fact(left);
                    let other = (number + turn).is_multiple_of(2);
                    pair.nodes[usize::from(other)].has_fence = has_fence;
                    let name = pair.nodes[usize::from(other)].name.clone();
                    all.push(Case {
                        seen: if other { mirrored(seen) } else { seen },
                        pair,
                        goal: Goal::Fail(name),
                        kind: base.kind,
                        shape: base.shape,
                        story: format!(
                            "{story}, greeted {greeted:?}, answering {answering:?}, left {left:?}, hook {has_fence}"
                        ),
                    });
                }
            }
        }
    }
    all
}

/// The one that comes back, and the writer.
fn returned_worlds() -> Vec<Case> {
    let mut all = vec![];
    let ways = [
        (Thread::Stopped, Thread::Stopped),
        (Thread::Running, Thread::Running),
        (Thread::Connecting, Thread::Running),
        (Thread::Stopped, Thread::Running),
    ];
    let every = [Some3::None, Some3::Some, Some3::Unknown];
    let accesses = [Some(WriteAccess::Open), Some(WriteAccess::Guarded), Some(WriteAccess::Fenced), None];
    let mut number = 0_usize;
    for kind in [Kind::MySql, Kind::MariaDb] {
        for access in accesses {
            for holds in (0..4).map(Some).chain([None]) {
                for ahead in every {
                    for xa in every {
                        for purged in every {
                            for back in ways {
                                for (writer, its) in [
                                    (WriteAccess::Open, 3),
                                    (WriteAccess::Open, 1),
                                    (WriteAccess::Open, 0),
                                    (WriteAccess::Fenced, 3),
                                ] {
                                    for (receiver, applier, rest) in [
                                        (Thread::Stopped, Thread::Running, Rest::Nothing),
                                        (Thread::Stopped, Thread::Running, Rest::Half),
                                        (Thread::Running, Thread::Running, Rest::Nothing),
                                        (Thread::Stopped, Thread::Stopped, Rest::Half),
                                    ] {
                                        number += 1;
                                        if SMALL && !number.is_multiple_of(101) {
                                            continue;
                                        }
                                        let first = Node { access, holds, ahead, xa, ..Node::SOUND };
                                        let second = Node { access: Some(writer), holds: Some(its), ..Node::SOUND };
                                        let base = World { kind, shape: Shape::Both, nodes: [first, second] };
                                        let pair = pair(Shape::Both);
                                        let mut seen = base.snapshot(&pair);
                                        threads(&mut seen.nodes[0], back.0, back.1);
                                        threads(&mut seen.nodes[1], receiver, applier);
                                        rest.stands(&mut seen.nodes[1]);
                                        seen.nodes[0].relay.purged = match purged {
                                            Some3::None => Observed::Known(String::new()),
                                            Some3::Some => Observed::Known("u:1-3".to_owned()),
                                            Some3::Unknown => fact(None),
                                        };
                                        let other = number.is_multiple_of(2);
                                        let name = pair.nodes[usize::from(other)].name.clone();
                                        all.push(Case {
                                            seen: if other { mirrored(seen) } else { seen },
                                            pair,
                                            goal: Goal::Rejoin(name),
                                            kind,
                                            shape: Shape::Both,
                                            story: format!(
                                                "{base:?}, back {back:?}, purged {purged:?}, writer {receiver:?} \
                                                 {applier:?} {rest:?}"
                                            ),
                                        });
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

/// What is said on the command line, beside the goal.
fn words() -> Vec<Vec<Code>> {
    vec![vec![], vec![Code::NotFenced], vec![Code::MayLose], Code::ALL.to_vec()]
}

/// The protocol in the words of the hazards, on the steps in the order in which they are printed; what the judge knows of
/// other orders is its own.
fn protocol(case: &Case, plan: &Plan, fault: &mut impl FnMut(String)) {
    let at = |wanted: &dyn Fn(&Action) -> bool| plan.steps.iter().position(|step| wanted(&step.action));
    let isolate = at(&|action| matches!(action, Action::Isolate { .. }));
    let promote = at(&|action| matches!(action, Action::Promote { .. }));
    let first_take = at(&|action| matches!(action, Action::Take { .. }));
    if matches!(case.goal, Goal::Fail(_)) {
        let before = |a: Option<usize>, b: Option<usize>| b.is_none() || (a.is_some() && a < b);
        if !before(isolate, promote) || !before(isolate, first_take) {
            fault("S14: somebody takes the place of a node that is not out".to_owned());
        }
        let by_hand = plan.steps.iter().any(|step| matches!(step.action, Action::Isolate { how: Isolation::Hand, .. }));
        if by_hand && !plan.overrides.contains(&Code::NotFenced) {
            fault("S14: nobody vouches for the dead node".to_owned());
        }
        let survivor = case.seen.nodes.iter().find(|node| Some(&node.name) != plan.dead()).expect("a survivor");
        if promote.is_some() {
            let applied = at(&|action| matches!(action, Action::ApplyReceived { .. }));
            let runs = survivor.channels.known().is_some_and(|all| all.iter().all(|c| c.applier == Thread::Running));
            let done = survivor.relay.unapplied.is(&String::new())
                && survivor.channels.known().is_some_and(|all| all.iter().all(|c| c.receiver == Thread::Stopped));
            if !before(applied, promote) || !(runs || done) {
                fault("S15: opened before all that was received is applied".to_owned());
            }
            let rolled = at(&|action| matches!(action, Action::RollBack { .. }));
            if !before(applied, rolled) || !before(rolled, promote) {
                fault("S15: opened while its applier may hold a transaction that never ends".to_owned());
            }
            let known_empty = survivor.witness.left_behind.is(&0);
            if !known_empty && !plan.overrides.contains(&Code::MayLose) {
                fault("S3: a loss that nobody has accepted".to_owned());
            }
        }
        return;
    }
    let back = case.seen.nodes.iter().find(|node| Goal::Rejoin(node.name.clone()) == case.goal).expect("one is back");
    let starts = plan.steps.iter().any(|step| matches!(step.action, Action::StartReplication { .. }));
    let alone = back.ahead.is(&String::new()) && back.relay.purged.is(&String::new());
    if starts && !alone {
        fault("S18: replication starts between two histories".to_owned());
    }
    let writer = case.seen.nodes.iter().find(|node| node.name != back.name).expect("a writer");
    let half = writer.relay.half_received.is(&4096)
        && writer.channels.known().is_some_and(|all| all.iter().any(|c| c.applier == Thread::Stopped));
    if starts && half && case.kind == Kind::MySql {
        fault("S18: the writer's applier begins a transaction again, on data that has changed since".to_owned());
    }
}

/// Until it is brought back, the node that was declared dead gets nothing by any other goal.
fn left_out(case: &Case, fault: &mut impl FnMut(String)) {
    let Goal::Rejoin(back) = &case.goal else { return };
    let deposed = planner::findings(&case.pair, &case.seen)
        .iter()
        .any(|finding| finding.code == Code::Deposed && finding.side == case.pair.side(back));
    if !deposed {
        return;
    }
    for goal in goals(&case.pair) {
        let Ok(plan) = planner::plan(&case.pair, &case.seen, &goal, &Code::ALL) else { continue };
        let given =
            |action: &Action| matches!(action, Action::Take { .. } | Action::Open { .. }) && action.node() == back;
        if plan.steps.iter().any(|step| given(&step.action)) {
            fault(format!("{goal} gives a role to a node that was declared dead"));
        }
    }
}

/// Each fact that could not be seen, with its values: the judge objects to none.
fn filled(case: &Case) -> Vec<Snapshot> {
    let mut all = vec![];
    for at in [0, 1] {
        let node = &case.seen.nodes[at];
        let mut fill = |change: &dyn Fn(&mut NodeSnapshot)| {
            let mut filled = case.seen.clone();
            change(&mut filled.nodes[at]);
            all.push(filled);
        };
        if node.server.known().is_none() {
            continue;
        }
        if node.witness.left_behind.known().is_none() {
            fill(&|node| node.witness.left_behind = Observed::Known(9));
        }
        if node.witness.greeted.known().is_none() && matches!(case.goal, Goal::Fail(_)) {
            fill(&|node| node.witness.greeted = Observed::Known(true));
        }
        if node.prepared_xa.known().is_none() {
            fill(&|node| node.prepared_xa = Observed::Known(1));
        }
    }
    all
}

fn enumerate(cases: &[Case], passes: &Passes) -> Report {
    let mut report = Report::default();
    let mut restarts = Restarts::new(passes);
    let (mut walked, mut known, mut written) = (BTreeSet::new(), Known::new(), BTreeSet::new());
    for (number, case) in cases.iter().enumerate() {
        if report.faults.many() {
            break;
        }
        report.worlds += 1;
        let mut outside = vec![];
        left_out(case, &mut |what| outside.push(what));
        for what in outside {
            report.faults.add(what, || case.story.clone());
        }
        let said = words();
        for (word, overrides) in said.iter().map(Vec::as_slice).enumerate() {
            let plan = match planner::plan(&case.pair, &case.seen, &case.goal, overrides) {
                Ok(plan) => plan,
                Err(refusal) => {
                    report.refusals += 1;
                    if let Err(what) = reasoned(&refusal) {
                        report.faults.add(what, || case.story.clone());
                    }
                    report.codes.extend(refusal.reasons.iter().map(|reason| reason.code));
                    continue;
                }
            };
            report.plans += 1;
            report.empty += u64::from(plan.is_empty());
            report.accepted += u64::from(!plan.overrides.is_empty());
            let mut faults = vec![];
            let mut fault = |what: String| faults.push(what);
            if let Err(found) = checker::judge(&case.pair, &case.seen, &plan) {
                fault(format!("judged: {found:?}"));
            }
            for filled in filled(case) {
                if let Err(found) = checker::judge(&case.pair, &filled, &plan) {
                    fault(format!("relies on something unknown: {found:?}"));
                }
            }
            protocol(case, &plan, &mut fault);
            let still = (Link::Runs, Some3::None, true, true);
            let scene = (case.kind, case.shape, [still, still], false, word > 0);
            let goal = 100 + (number % 100) as u8;
            let walk = Walk { pair: &case.pair, start: &case.seen, plan: &plan, overrides, scene, goal };
            walk.end(&mut fault);
            let ids = |plan: &Plan| plan.steps.iter().map(|step| step.id.0.clone()).collect::<Vec<_>>();
            let same = ((case.kind, case.shape, word), walk::look(&case.pair, &case.seen), ids(&plan));
            if walked.insert(same) {
                report.distinct += 1;
                known.clear();
                report.walked.add(walk.every_order(&mut known, &mut fault));
                restarts.plan(case.shape, &case.seen, &plan, &mut fault);
                if let Err(found) = checker::sound(&plan) {
                    fault(format!("by itself: {found:?}"));
                }
                if written.insert((case.kind, word, ids(&plan))) {
                    kept(&case.pair, &case.seen, &plan, overrides, &mut fault);
                }
            }
            for what in faults {
                let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
                report.faults.add(what, || format!("{} {} {:?} {ids:?}", case.story, case.goal, plan.overrides));
            }
        }
    }
    report.restarts = restarts.counted;
    report
}

/// Plans of both kinds, for those who put mistakes into them: one of each shape.
pub(crate) fn plans() -> Vec<(Pair, Snapshot, Plan)> {
    let mut done = BTreeSet::new();
    let mut all = vec![];
    // the same shapes come again and again
    let cases = dead_worlds().into_iter().chain(returned_worlds()).step_by(if SMALL { 1 } else { 5 });
    for case in cases {
        let Ok(plan) = planner::plan(&case.pair, &case.seen, &case.goal, &Code::ALL) else { continue };
        let ids: Vec<String> = plan.steps.iter().map(|step| step.id.0.clone()).collect();
        if done.insert((case.kind, ids)) {
            all.push((case.pair, case.seen, plan));
        }
    }
    all
}

/// Both kinds of worlds, each in two halves.
pub(crate) fn report(passes: &Passes) -> [(&'static str, Report); 2] {
    let both = |cases: Vec<Case>| {
        let mut report = Report::default();
        let chunk = cases.len().div_ceil(2).max(1);
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                cases.chunks(chunk).map(|half| scope.spawn(move || enumerate(half, passes))).collect();
            threads.into_iter().for_each(|thread| report.add(thread.join().expect("a planner that does not panic")));
        });
        report
    };
    [("declared dead", both(dead_worlds())), ("come back", both(returned_worlds()))]
}
