//! The plans for a healthy pair, every single thing wrong with one, and every order that the rules allow.

use super::*;
use crate::model::samples::{healthy, pair};
use crate::model::{Access, Flavour, NodeSnapshot, Observed, Rule, Step, Thread, WriteAccess};
use crate::sim::SimWorld;

fn ids(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.0.as_str()).collect()
}

fn codes(refusal: &Refusal) -> Vec<Code> {
    let mut codes: Vec<Code> = refusal.reasons.iter().map(|reason| reason.code).collect();
    codes.dedup();
    codes
}

fn swap(role: &str) -> Goal {
    Goal::Swap(role.parse().ok())
}

fn set(role: &str, node: &str) -> Option<Goal> {
    Some(Goal::Set(role.parse().ok()?, node.parse().ok()?))
}

#[test]
fn the_swap_of_a_write_role_on_mysql_is_the_one_of_the_design() {
    let plan = plan(&pair(), &healthy(Flavour::MySql), &swap("write"), &[]).expect("a plan");
    let expected = [
        "approach-db2",
        "fence-db1",
        "catch-up-db2",
        "open-db2",
        "take-write-db2",
        "end-sessions-write-db1",
        "drop-write-db1",
        "announce-write-db2",
        "verify-write-db2",
    ];
    assert_eq!(ids(&plan.steps), expected);
    assert_eq!(point_of_no_return(&plan).map(|id| id.0.as_str()), Some("open-db2"));
    let outage = plan.outage().map(|(from, to)| (from.0.as_str(), to.0.as_str()));
    assert_eq!(outage, Some(("fence-db1", "take-write-db2")));
    let open = plan.steps.iter().find(|step| step.id.0 == "open-db2").expect("opens");
    let rules: Vec<Rule> = open.after.iter().map(|(_, rule)| *rule).collect();
    assert_eq!(rules, [Rule::OneWriter, Rule::NoLoss], "never before the fence, never before the catch-up");
}

#[test]
fn on_mariadb_the_read_lock_is_let_go_once_the_address_is_gone_and_reads_move_last() {
    let plan = plan(&pair(), &healthy(Flavour::MariaDb), &Goal::Swap(None), &[]).expect("a plan");
    let expected = [
        "approach-db2",
        "fence-db1",
        "catch-up-db2",
        "open-db2",
        "take-write-db2",
        "end-sessions-write-db1",
        "drop-write-db1",
        "release-db1",
        "announce-write-db2",
        "verify-write-db2",
        "approach-db1",
        "take-read-db1",
        "end-sessions-read-db2",
        "drop-read-db2",
        "announce-read-db1",
        "verify-read-db1",
    ];
    assert_eq!(ids(&plan.steps), expected);
}

#[test]
fn all_roles_from_one_node_have_an_order_too() {
    let pair = pair();
    let mut snapshot = healthy(Flavour::MariaDb);
    let Observed::Known(second) = &mut snapshot.nodes[1].addresses else { panic!() };
    let read = second.pop().expect("the read address");
    let Observed::Known(first) = &mut snapshot.nodes[0].addresses else { panic!() };
    first.push(read);
    let plan = plan(&pair, &snapshot, &Goal::Swap(None), &[]).expect("a plan");
    let ids = ids(&plan.steps);
    let at = |id: &str| ids.iter().position(|i| *i == id).expect("there");
    assert!(at("verify-write-db2") < at("take-read-db2"));
    assert!(!ids.contains(&"approach-db1"), "the reader moves to the writer, which is never behind itself");
}

#[test]
fn at_the_goal_there_is_nothing_to_do() {
    let goal = set("write", "db1").expect("names");
    let plan = plan(&pair(), &healthy(Flavour::MySql), &goal, &[]).expect("a plan");
    assert!(plan.is_empty() && plan.before == plan.after);
}

#[test]
fn traffic_does_not_change_a_plan() {
    let calm = healthy(Flavour::MySql);
    let mut busy = calm.clone();
    busy.nodes[0].position = Observed::Known("0-1-999".to_owned());
    busy.nodes[0].ahead = Observed::Known("0-1-999".to_owned());
    let Observed::Known(channels) = &mut busy.nodes[1].channels else { panic!() };
    channels[0].lag = Some(3);
    let plan = |snapshot| plan(&pair(), snapshot, &swap("write"), &[]).expect("a plan");
    assert!(plan(&calm).same_as(&plan(&busy)));
}

#[test]
fn a_refusal_gives_every_reason() {
    let mut snapshot = healthy(Flavour::MySql);
    snapshot.nodes[0].prepared_xa = Observed::Known(2);
    snapshot.nodes[1].ahead = Observed::Known("0-2-5".to_owned());
    snapshot.nodes[1].same_machine = Observed::Known(false);
    let refusal = plan(&pair(), &snapshot, &Goal::Swap(None), &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::WrongMachine, Code::Diverged, Code::PreparedXa]);
}

/// Every topological order of the steps, not only the one printed: facts required hold, and the pair is never in a
/// state that the invariants forbid. The walk branches at each set of ready steps; states are visited once.
#[test]
fn every_order_that_the_rules_allow_is_safe() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        for goal in
            [Some(Goal::Swap(None)), Some(swap("write")), Some(swap("read")), set("write", "db2"), set("read", "db1")]
        {
            let goal = goal.expect("names");
            let (pair, start) = (pair(), healthy(flavour));
            let plan = plan(&pair, &start, &goal, &[]).expect("a plan");
            let mut seen = std::collections::BTreeSet::new();
            let mut todo = vec![std::collections::BTreeSet::<usize>::new()];
            let mut orders = 0;
            while let Some(done) = todo.pop() {
                if !seen.insert(done.clone()) {
                    continue;
                }
                orders += 1;
                let mut world = SimWorld::new(pair.clone(), start.clone());
                for step in &done {
                    world.force(&plan.steps[*step].action);
                }
                assert_eq!(world.violations(), [] as [&str; 0], "{goal} after {done:?}");
                for (i, step) in plan.steps.iter().enumerate() {
                    let before =
                        |id: &crate::model::StepId| plan.steps.iter().position(|s| s.id == *id).expect("a step");
                    if !done.contains(&i) && step.after.iter().all(|(id, _)| done.contains(&before(id))) {
                        let mut next = done.clone();
                        next.insert(i);
                        todo.push(next);
                    }
                }
            }
            assert!(orders > plan.steps.len(), "{goal}: {orders}");
            let mut world = SimWorld::new(pair.clone(), start.clone());
            for step in &plan.steps {
                world.force(&step.action);
            }
            assert_eq!(world.state().assignment(&pair), plan.after, "{goal}: the full walk reaches the goal");
            let again = super::plan(&pair, world.state(), &set_all(&pair, &plan), &[]).expect("a plan");
            assert!(again.is_empty(), "{goal}: at the goal nothing is left to do: {:?}", ids(&again.steps));
        }
    }
}

fn set_all(pair: &crate::model::Pair, plan: &Plan) -> Goal {
    let write = pair.write_role().expect("a write role");
    assert_eq!(write.access, Access::ReadWrite);
    Goal::Set(write.name.clone(), plan.after.holder(&write.name).expect("held").clone())
}

#[test]
fn the_way_back_from_a_fenced_pair_opens_the_old_writer() {
    let (pair, start) = (pair(), healthy(Flavour::MySql));
    let mut now = start.clone();
    now.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    let plan = plan(&pair, &start, &swap("write"), &[]).expect("a plan");
    let back = way_back(&pair, &now, &plan, Opened::Never, &[]).expect("a way");
    assert_eq!(ids(&back), ["reopen-db1", "verify-write-db1"]);
    // the target out of reach, never told to open: still safe
    now.nodes[1] = NodeSnapshot::unseen(now.nodes[1].name.clone(), "cut off");
    let back = way_back(&pair, &now, &plan, Opened::Never, &[]).expect("a way");
    assert_eq!(ids(&back), ["reopen-db1", "verify-write-db1"]);
    // told to open, out of reach since: nobody may open the old one
    let held = way_back(&pair, &now, &plan, Opened::Undone, &[]).expect_err("no way");
    assert_eq!(held[0].code, Code::Unknown);
    // the fence never took: nothing to undo
    let back = way_back(&pair, &start, &plan, Opened::Never, &[]).expect("a way");
    assert_eq!(ids(&back), [] as [&str; 0]);
}

#[test]
fn the_way_forward_from_an_open_target_brings_the_address_there() {
    let (pair, start) = (pair(), healthy(Flavour::MySql));
    let plan = plan(&pair, &start, &swap("write"), &[]).expect("a plan");
    let mut now = start.clone();
    now.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    now.nodes[1].access = Observed::Known(WriteAccess::Open);
    let forward = way_forward(&pair, &now, &plan, &[]).expect("a way");
    let expected =
        ["take-write-db2", "end-sessions-write-db1", "drop-write-db1", "announce-write-db2", "verify-write-db2"];
    assert_eq!(ids(&forward), expected);
    // it came back by itself, open: it is closed first
    now.nodes[0].access = Observed::Known(WriteAccess::Open);
    let forward = way_forward(&pair, &now, &plan, &[]).expect("a way");
    assert_eq!(ids(&forward)[0], "fence-db1");
}

#[test]
fn what_clients_are_owed_is_done_again_even_where_every_address_is_in_its_place() {
    let (pair, start) = (pair(), healthy(Flavour::MariaDb));
    let plan = plan(&pair, &start, &swap("write"), &[]).expect("a plan");
    let mut world = SimWorld::new(pair.clone(), start);
    plan.steps.iter().for_each(|step| world.force(&step.action));
    let owed = [pair.roles[0].name.clone()];
    let forward = way_forward(&pair, world.state(), &plan, &owed).expect("a way");
    assert_eq!(ids(&forward), ["release-db1", "announce-write-db2", "verify-write-db2"]);
}

#[test]
fn a_new_writer_that_the_address_never_reached_is_fenced_again_on_the_way_back() {
    let (pair, start) = (pair(), healthy(Flavour::MariaDb));
    let mut now = start.clone();
    now.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    now.nodes[1].access = Observed::Known(WriteAccess::Open);
    let owed = [pair.roles[0].name.clone()];
    let plan = plan(&pair, &start, &swap("write"), &[]).expect("a plan");
    let back = way_back(&pair, &now, &plan, Opened::Done, &owed).expect("a way");
    let expected = [
        "approach-db1",
        "fence-db2",
        "release-db1",
        "catch-up-db1",
        "open-db1",
        "release-db2",
        "announce-write-db1",
        "verify-write-db1",
    ];
    assert_eq!(ids(&back).iter().collect::<std::collections::BTreeSet<_>>(), expected.iter().collect());
    let at = |id: &str| ids(&back).iter().position(|i| *i == id).expect("there");
    assert!(at("release-db1") < at("approach-db1") && at("fence-db2") < at("catch-up-db1"));
    assert!(at("catch-up-db1") < at("open-db1"));
}

#[test]
fn a_role_that_is_up_elsewhere_does_not_come_up_a_second_time() {
    let (pair, start) = (pair(), healthy(Flavour::MySql));
    let up = |node: &str| Goal::Up("write".parse().expect("a role"), node.parse().expect("a node"));
    let refusal = plan(&pair, &start, &up("db2"), &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::AddressElsewhere]);
    assert!(plan(&pair, &start, &up("db1"), &[]).expect("a plan").is_empty());
}

#[test]
fn a_cut_off_move_is_finished_or_taken_back_by_name() {
    let pair = pair();
    let mut cut = healthy(Flavour::MySql);
    cut.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    let forward = plan(&pair, &cut, &set("write", "db2").expect("names"), &[]).expect("a plan");
    let steps = ["catch-up-db2", "open-db2", "take-write-db2", "end-sessions-write-db1", "drop-write-db1"];
    assert_eq!(ids(&forward.steps)[..5], steps);
    let back = plan(&pair, &cut, &set("write", "db1").expect("names"), &[]).expect("a plan");
    assert_eq!(ids(&back.steps), ["catch-up-db1", "open-db1", "verify-write-db1"]);
    // the new writer was open already: the address follows
    cut.nodes[1].access = Observed::Known(WriteAccess::Open);
    let forward = plan(&pair, &cut, &set("write", "db2").expect("names"), &[]).expect("a plan");
    assert_eq!(ids(&forward.steps)[0], "take-write-db2");
    assert_eq!(forward.outage(), None);
}

#[test]
fn the_stray_one_of_two_writers_is_closed_and_nobody_is_opened() {
    let pair = pair();
    let mut both = healthy(Flavour::MySql);
    both.nodes[1].access = Observed::Known(WriteAccess::Open);
    let plan = plan(&pair, &both, &set("write", "db1").expect("names"), &[]).expect("a plan");
    assert_eq!(ids(&plan.steps), ["fence-db2"]);
    assert!(plan.closing().is_none());
    let refusal = super::plan(&pair, &both, &set("write", "db2").expect("names"), &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::BothOpen]);
}

#[test]
fn a_role_goes_down_and_comes_up_again() {
    let pair = pair();
    let start = healthy(Flavour::MariaDb);
    let goal = Goal::Down("write".parse().expect("a role"));
    let down = plan(&pair, &start, &goal, &[]).expect("a plan");
    assert_eq!(ids(&down.steps), ["fence-db1", "end-sessions-write-db1", "drop-write-db1", "release-db1"]);
    let mut world = SimWorld::new(pair.clone(), start);
    down.steps.iter().for_each(|step| world.force(&step.action));
    assert_eq!(world.violations(), [] as [&str; 0]);
    assert!(plan(&pair, world.state(), &goal, &[]).expect("a plan").is_empty());
    let up = Goal::Up("write".parse().expect("a role"), "db2".parse().expect("a node"));
    let up = plan(&pair, world.state(), &up, &[]).expect("a plan");
    // the read lock of the first plan is gone: administrators could write on db1 behind the back of the second one
    let expected = ["fence-db1", "catch-up-db2", "open-db2", "take-write-db2", "release-db1", "verify-write-db2"];
    assert_eq!(ids(&up.steps), expected);
}

#[test]
fn what_a_person_accepts_is_recorded_and_nothing_else_is_let_pass() {
    let pair = pair();
    let mut snapshot = healthy(Flavour::MySql);
    snapshot.nodes[0].prepared_xa = Observed::Known(1);
    let refusal = plan(&pair, &snapshot, &swap("write"), &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::PreparedXa]);
    assert!(refusal.reasons[0].help.contains("--override prepared-xa"), "{}", refusal.reasons[0].help);
    let other = plan(&pair, &snapshot, &swap("write"), &[Code::Lagging, Code::Diverged]).expect_err("refused");
    assert_eq!(codes(&other), [Code::PreparedXa]);
    let accepted = plan(&pair, &snapshot, &swap("write"), &Code::ALL).expect("a plan");
    assert_eq!(accepted.overrides, [Code::PreparedXa], "only what was in the way");
    snapshot.nodes[1].same_machine = Observed::Known(false);
    let refusal = plan(&pair, &snapshot, &swap("write"), &Code::ALL).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::WrongMachine], "what stops cannot be accepted");
}

#[test]
fn a_goal_that_has_no_meaning_is_refused_with_all_that_is_wrong_besides() {
    let pair = pair();
    let mut snapshot = healthy(Flavour::MySql);
    snapshot.nodes[1].access = Observed::Known(WriteAccess::Open);
    snapshot.nodes[1].same_machine = Observed::Known(false);
    snapshot.nodes[0].prepared_xa = Observed::Known(1);
    let refusal = |overrides: &[Code]| codes(&plan(&pair, &snapshot, &swap("write"), overrides).expect_err("refused"));
    assert_eq!(refusal(&[]), [Code::WrongMachine, Code::BothOpen, Code::PreparedXa]);
    // what a person accepts is not told again; what nobody can accept is
    assert_eq!(refusal(&[Code::PreparedXa, Code::WrongMachine]), [Code::WrongMachine, Code::BothOpen]);
    let Observed::Known(settings) = &mut snapshot.nodes[0].settings else { panic!() };
    settings.binlog_format = "MIXED".to_owned();
    let again = plan(&pair, &snapshot, &swap("write"), &[]).expect_err("refused");
    assert_eq!(codes(&again), [Code::WrongMachine, Code::BothOpen, Code::PreparedXa], "warnings are no reasons");
}

#[test]
fn readers_need_replication_except_on_the_writer() {
    let pair = pair();
    let mut snapshot = healthy(Flavour::MySql);
    for node in &mut snapshot.nodes {
        let Observed::Known(channels) = &mut node.channels else { panic!() };
        channels[0].applier = Thread::Stopped;
    }
    let to_writer = plan(&pair, &snapshot, &set("read", "db1").expect("names"), &[]).expect("a plan");
    assert_eq!(ids(&to_writer.steps)[0], "take-read-db1");
    // of two writers each has something that the other one lacks
    snapshot.nodes[1].access = Observed::Known(WriteAccess::Open);
    let goal = Goal::Drain("db2".parse().expect("a name"));
    let refusal = plan(&pair, &snapshot, &goal, &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::ReplicationStopped]);
}

#[test]
fn a_reviewer_is_told_of_locks_and_of_short_prefixes_and_of_nothing_that_is_not_so() {
    let mut pair = pair();
    let notes = |pair: &crate::model::Pair, flavour| {
        let plan = plan(pair, &healthy(flavour), &swap("write"), &[]).expect("a plan");
        plan.notes
            .iter()
            .filter(|note| note.contains("read lock") || note.contains("prefix"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(notes(&pair, Flavour::MySql), [] as [&str; 0]);
    let locked = notes(&pair, Flavour::MariaDb);
    assert!(locked.len() == 1 && locked[0].starts_with("While db1 holds its read lock"), "{locked:?}");
    pair.roles[0].address.prefix = 24;
    let short = notes(&pair, Flavour::MySql);
    assert!(short.len() == 1 && short[0].contains("prefix /24"), "{short:?}");
}

#[test]
fn down_closes_both_of_two_writers_and_that_is_the_point_of_no_return() {
    let pair = pair();
    let mut both = healthy(Flavour::MariaDb);
    both.nodes[1].access = Observed::Known(WriteAccess::Open);
    let down = Goal::Down("write".parse().expect("a role"));
    let plan = plan(&pair, &both, &down, &[]).expect("a plan");
    let expected = ["fence-db1", "end-sessions-write-db1", "drop-write-db1", "release-db1", "fence-db2", "release-db2"];
    assert_eq!(ids(&plan.steps), expected, "one read lock at a time");
    // the other one is still open: the one that clients wrote on is not opened beside it again
    assert_eq!(point_of_no_return(&plan).map(|id| id.0.as_str()), Some("fence-db1"));
}

#[test]
fn readers_that_nobody_writes_for_still_see_no_less_than_before() {
    let pair = pair();
    let mut snapshot = healthy(Flavour::MySql);
    snapshot.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    snapshot.nodes[1].ahead = Observed::Known("0-2-9".to_owned());
    let plan = plan(&pair, &snapshot, &set("read", "db1").expect("names"), &[]).expect("a plan");
    assert_eq!(ids(&plan.steps)[..2], ["approach-db1", "take-read-db1"]);
    // a delay that a person accepts would be waited for in vain
    let Observed::Known(channels) = &mut snapshot.nodes[0].channels else { panic!() };
    channels[0].delay = 600;
    let plan = super::plan(&pair, &snapshot, &set("read", "db1").expect("names"), &Code::ALL).expect("a plan");
    assert_eq!((ids(&plan.steps)[0], &plan.overrides[..]), ("take-read-db1", &[Code::ReplicationDelayed][..]));
}

#[test]
fn transactions_prepared_on_a_node_that_was_fenced_before_count_too() {
    let pair = pair();
    let mut cut = healthy(Flavour::MySql);
    cut.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    cut.nodes[0].prepared_xa = Observed::Known(1);
    let refusal = plan(&pair, &cut, &set("write", "db2").expect("names"), &[]).expect_err("refused");
    assert_eq!(codes(&refusal), [Code::PreparedXa]);
}

#[test]
fn readers_wait_for_whoever_they_follow_and_for_nobody_else() {
    let pair = pair();
    let healthy = healthy(Flavour::MySql);
    let first =
        |snapshot: &Snapshot, goal: Goal| plan(&pair, snapshot, &goal, &[]).expect("a plan").steps[0].id.0.clone();
    assert_eq!(first(&healthy, set("read", "db1").expect("names")), "take-read-db1", "the writer is never behind");
    // nobody reads yet, but whoever comes is to find what is written now
    let mut none = healthy.clone();
    for node in &mut none.nodes {
        let Observed::Known(held) = &mut node.addresses else { panic!() };
        held.retain(|held| held.address != pair.roles[1].address);
    }
    assert_eq!(first(&none, set("read", "db2").expect("names")), "approach-db2");
    assert_eq!(first(&none, set("read", "db1").expect("names")), "take-read-db1");
    // nobody reads, and nobody writes
    none.nodes[0].access = Observed::Known(WriteAccess::Fenced);
    assert_eq!(first(&none, set("read", "db2").expect("names")), "take-read-db2");
    // of two writers the one that readers leave may have something that the other one lacks
    let mut both = healthy;
    both.nodes[1].access = Observed::Known(WriteAccess::Open);
    assert_eq!(first(&both, Goal::Drain("db2".parse().expect("a name"))), "approach-db1");
}
