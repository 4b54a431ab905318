//! What speaks for a node being dead: what is seen from here, and what its survivor says.

use serde_json::{Value, json};

use super::json_facts;
use crate::model::{Channel, NodeSnapshot, Observed, Pair, Side, Snapshot, Thread, printable};

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
    says(match (&witness.received, &witness.silent) {
        (Observed::Known(received), Observed::Known(Some(silent))) => {
            format!("it has received up to {received}, and last heard of {there} {silent} s ago")
        }
        (Observed::Known(received), _) => format!("it has received up to {received}"),
        (Observed::Unknown(why), _) => format!("what it has received is unknown: {why}"),
    });
    if let Observed::Known(unapplied) = &survivor.relay.unapplied
        && !unapplied.is_empty()
    {
        says(format!("of that it has not applied yet: {unapplied}"));
    }
    if let Observed::Known(acknowledging) = &survivor.workload.semi_sync {
        says(match acknowledging {
            Some(clients) => format!("semi-synchronous replication is on here, {clients} replicas acknowledge"),
            None => "commits here wait for no replica".to_owned(),
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
