//! What speaks for a node being dead: what is seen from here, and what its survivor says.

use serde_json::{Value, json};

use super::json_facts;
use super::screen::size;
use super::times::moment;
use crate::model::{Channel, Flavour, NodeSnapshot, Observed, Pair, Side, Snapshot, Thread, printable};

/// A line for each witness and question, with a title; for the operator, beside the plan or the refusal.
#[must_use]
pub fn text(pair: &Pair, seen: &Snapshot, dead: Side) -> String {
    let (there, here) = (&pair.node(dead).name, &pair.node(dead.peer()).name);
    let mut out = format!("What is seen of {there}:\n");
    for (who, what) in lines(seen, dead, there.as_str(), here.as_str()) {
        out += &format!("  {who:<10} {}\n", printable(&what));
    }
    out
}

/// The same for programs, with the facts behind the lines.
#[must_use]
pub fn json(pair: &Pair, seen: &Snapshot, dead: Side) -> Value {
    let (there, here) = (&pair.node(dead).name, &pair.node(dead.peer()).name);
    let lines = lines(seen, dead, there.as_str(), here.as_str());
    json!({
        "node": there.as_str(),
        "survivor": here.as_str(),
        "seen": lines.iter().map(|(who, what)| json!({ "by": who, "what": printable(what) })).collect::<Vec<_>>(),
        "witness": json_facts::witness(&seen.node(dead.peer()).witness),
    })
}

fn lines(seen: &Snapshot, dead: Side, there: &str, here: &str) -> Vec<(String, String)> {
    let (lost, survivor) = (seen.node(dead), seen.node(dead.peer()));
    let witness = &survivor.witness;
    let mut lines = vec![
        ("from here".to_owned(), answers("MySQL", lost.server.why_unknown())),
        ("from here".to_owned(), answers("ssh", lost.system.why_unknown())),
    ];
    let mut says = |what: String| lines.push((here.to_owned(), what));
    says(yes_or_no(&witness.greeted, "a MySQL server greets it there", "no MySQL server greets it there"));
    says(yes_or_no(&witness.answered, "the machine answers it", "the machine does not answer it"));
    says(match &witness.answering {
        Observed::Known(ips) if ips.is_empty() => "nobody answers for the addresses that it does not hold".to_owned(),
        Observed::Known(ips) => {
            let ips: Vec<String> = ips.iter().map(ToString::to_string).collect();
            format!("somebody answers for {}", ips.join(", "))
        }
        Observed::Unknown(why) => format!("whether anybody answers for the addresses is unknown: {why}"),
    });
    says(threads(survivor));
    says(match &witness.received {
        Observed::Known(received) if received.is_empty() => "it has received nothing".to_owned(),
        Observed::Known(received) => format!("it has received up to {received}"),
        Observed::Unknown(why) => format!("what it has received is unknown: {why}"),
    });
    says(match &witness.committed_at {
        Observed::Known(at) => format!(
            "{there} committed the last of that at {}, by its own clock: what {there} acknowledged before is here",
            moment(*at)
        ),
        Observed::Unknown(why) => format!("when {there} committed the last of that is unknown: {why}"),
    });
    says(match (&witness.silent, &witness.heard_at) {
        (Observed::Known(Some(silent)), Observed::Known(Some(at))) => {
            format!("it last heard of {there} {silent} s ago, at {} by its own clock", moment(*at))
        }
        (Observed::Known(Some(silent)), _) => format!("it last heard of {there} {silent} s ago"),
        (Observed::Known(None), _) => format!("its server does not say when it last heard of {there}"),
        (Observed::Unknown(why), _) => format!("when it last heard of {there} is unknown: {why}"),
    });
    says(semi_sync(survivor, there, here));
    if let Observed::Known(unapplied) = &survivor.relay.unapplied
        && !unapplied.is_empty()
    {
        says(format!("of that it has not applied yet: {unapplied}"));
    }
    if let Some(half) = half_received(survivor) {
        says(half);
    }
    if let Observed::Known(acknowledging) = &survivor.workload.semi_sync {
        says(match acknowledging {
            Some(clients) => format!("its own commits wait for replicas, {clients} of which acknowledge"),
            None => "its own commits wait for no replica".to_owned(),
        });
    }
    lines.push((
        "its disk".to_owned(),
        match &witness.left_behind {
            Observed::Known(0) => format!("holds no transaction that {here} has not received"),
            Observed::Known(count) => format!("holds {count} transactions that {here} has not received"),
            Observed::Unknown(why) => format!("cannot be read: {why}"),
        },
    ));
    if let (Observed::Known(export), false) = (&witness.export, witness.left_behind.is(&0)) {
        lines.push(("save them".to_owned(), export.clone()));
    }
    lines
}

/// What its receiver's part in semi-synchronous replication says of the transactions that it never received.
fn semi_sync(survivor: &NodeSnapshot, there: &str, here: &str) -> String {
    let stopped = survivor.channels.known().is_some_and(|all| all.iter().any(|one| one.receiver == Thread::Stopped));
    match &survivor.witness.semi_sync {
        Observed::Known(true) => format!(
            "its receiver is semi-synchronous: whatever {there} acknowledged is here, as long as {there} waited for it; \
             whether {there} had given up waiting (its timeout), or had it switched off, cannot be seen from {here}"
        ),
        Observed::Known(false) if stopped => {
            format!("its receiver is stopped: whether {there} waited for it (semi-sync) cannot be told any more")
        }
        Observed::Known(false) => format!("its receiver is not semi-synchronous: {there} did not wait for it"),
        Observed::Unknown(why) => format!("whether its receiver is semi-synchronous is unknown: {why}"),
    }
}

/// It died in the middle of sending; a receiver that has not noticed yet still says that it runs.
fn half_received(survivor: &NodeSnapshot) -> Option<String> {
    let bytes = survivor.relay.half_received.known().filter(|bytes| **bytes > 0)?;
    let applies = survivor.channels.known()?.iter().any(|channel| channel.applier == Thread::Running);
    let begun = format!("it has received {} of a transaction whose end has not come", size(*bytes));
    let (mysql, name) =
        (survivor.server.known().is_some_and(|server| server.flavour == Flavour::MySql), &survivor.name);
    Some(match (applies, mysql) {
        (true, true) => format!(
            "{begun}; its applier is stopped before {name} is opened: within a minute, or at once where it has changed rows \
             and flipper's account has SYSTEM_USER"
        ),
        (true, false) => format!("{begun}; its applier is stopped before {name} is opened"),
        (false, _) => begun,
    })
}

fn answers(what: &str, unseen: Option<&str>) -> String {
    match unseen {
        None => format!("{what} answers"),
        Some(why) => format!("{what} does not answer: {why}"),
    }
}

fn yes_or_no(fact: &Observed<bool>, yes: &str, no: &str) -> String {
    match fact {
        Observed::Known(true) => yes.to_owned(),
        Observed::Known(false) => no.to_owned(),
        Observed::Unknown(why) => format!("whether {yes} is unknown: {why}"),
    }
}

fn threads(survivor: &NodeSnapshot) -> String {
    let one = |channel: &Channel| {
        let errors = channel.errors.iter().map(|(code, text)| format!("; error {code}: {text}"));
        let broken = channel.applier == Thread::Stopped || channel.receiver != Thread::Running;
        let errors: String = errors.filter(|_| broken).collect();
        format!("its receiver is {}, its applier {}{errors}", channel.receiver, channel.applier)
    };
    match &survivor.channels {
        Observed::Known(channels) if channels.is_empty() => "it replicates from nowhere".to_owned(),
        Observed::Known(channels) => channels.iter().map(one).collect::<Vec<_>>().join("; "),
        Observed::Unknown(why) => format!("its replication is unknown: {why}"),
    }
}
