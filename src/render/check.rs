//! Every check of a pair, for people: what is wrong first, what is in order as a list.

use super::wrap::{hang, list};
use crate::model::{
    Code, Finding, NodeSnapshot, NodeSpec, Observed, Pair, Severity, Side, Snapshot, WriteAccess, at_port, printable,
};
use crate::planner::{Checked, Verdict};

/// Wider than a plan: it is looked at, not pasted.
const WIDTH: usize = 100;

/// What each word means, under the table.
const LEGEND: [(&str, &str); 5] = [
    ("stop", "a plan that relies on it is refused."),
    ("stop*", "so it is, unless it is accepted by `--override ID`, which the plan then says."),
    ("warn", "no plan is refused for it."),
    ("restart", "what each node would be after one, right now."),
    ("unknown", "it could not be looked at; what every move relies on is the check `unknown`."),
];

/// All checks; at most 100 columns.
#[must_use]
pub fn text(pair: &Pair, seen: &Snapshot, checks: &[Checked]) -> String {
    let mut out = hang(&format!("Pair {}: ", pair.name), &summary(checks), WIDTH);
    let mut bad: Vec<&Checked> = checks.iter().filter(|check| !check.found.is_empty()).collect();
    bad.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let width = checks.iter().map(|check| check.code.id().len()).max().unwrap_or(0);
    for check in &bad {
        out += "\n";
        for line in problem(check, width) {
            out += &line;
        }
    }
    out += &unknowns(pair, checks);
    out += &restarts(pair, seen);
    let fine: Vec<&Checked> = checks.iter().filter(|check| check.verdict == Verdict::Ok).collect();
    if !fine.is_empty() {
        out += "\n";
        for check in fine {
            out += &hang(&format!("ok       {:<width$}  ", check.code.id()), check.code.title(), WIDTH);
        }
    }
    if checks.iter().any(|check| check.verdict != Verdict::Ok) {
        out += "\n";
        for (word, meaning) in LEGEND {
            out += &hang(&format!("{word:<9}"), meaning, WIDTH);
        }
    }
    out
}

fn summary(checks: &[Checked]) -> String {
    let count = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let part = |verdict: Verdict, what: &str| (count(verdict) > 0).then(|| format!("{} {what}", count(verdict)));
    let parts: Vec<String> = [
        part(Verdict::Stop, "stop"),
        part(Verdict::Override, "stop*"),
        part(Verdict::Warn, "warn"),
        part(Verdict::Unknown, "unknown"),
        part(Verdict::Ok, "ok"),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{} checks: {}", checks.len(), list(&parts))
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Stop => "stop",
        Severity::Override => "stop*",
        Severity::Warn => "warn",
    }
}

/// What a check has found: each thing that was seen, why it matters, and what to do.
fn problem(check: &Checked, width: usize) -> Vec<String> {
    let Checked { code, found, unknown, verdict: _ } = check;
    let mut found: Vec<&Finding> = found.iter().collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    let mut lines = vec![];
    let blank = format!("{:<9}{:width$}  ", "", "");
    for (at, finding) in found.iter().enumerate() {
        // the worst comes first, and says its word once; others say theirs only where it is another one
        let same = at > 0 && found[at - 1].severity() == finding.severity();
        let first = match (at, same) {
            (0, _) => format!("{:<9}{:<width$}  ", word(finding.severity()), code.id()),
            (_, true) => blank.clone(),
            (_, false) => format!("{:<9}{:<width$}  ", word(finding.severity()), ""),
        };
        lines.push(hang(&first, &printable(&finding.seen), WIDTH));
        if at == 0 {
            lines.push(hang(&format!("{blank}why: "), code.matters(), WIDTH));
        }
        let last_of_help = found.get(at + 1).is_none_or(|next| next.help != finding.help);
        if last_of_help {
            lines.push(hang(&format!("{blank}do:  "), &printable(&finding.help), WIDTH));
        }
    }
    for (node, why) in unknown {
        lines.push(hang(&blank, &format!("{} unknown: {}", printable(node), printable(why)), WIDTH));
    }
    lines
}

/// What could not be looked at, by its reason: many checks have the same, and often both nodes. What one node cannot say
/// because the other one does not answer is that one's.
fn unknowns(pair: &Pair, checks: &[Checked]) -> String {
    let mut of_node: Vec<((&str, &str), Vec<Code>)> = vec![];
    for check in checks.iter().filter(|check| check.verdict == Verdict::Unknown) {
        for (node, why) in &check.unknown {
            let cause = match whose(pair, why) {
                Some(server) => (server.name.as_str(), bare(why)),
                None => (node.as_str(), why.as_str()),
            };
            match of_node.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, codes)) if codes.contains(&check.code) => {}
                Some((_, codes)) => codes.push(check.code),
                None => of_node.push((cause, vec![check.code])),
            }
        }
    }
    let mut reasons: Vec<(&str, Vec<Code>, Vec<&str>)> = vec![];
    for ((node, why), codes) in of_node {
        match reasons.iter_mut().find(|(known, all, _)| *known == why && *all == codes) {
            Some((.., nodes)) => nodes.push(node),
            None => reasons.push((why, codes, vec![node])),
        }
    }
    let mut out = String::new();
    for (why, codes, nodes) in reasons {
        let ids: Vec<&str> = codes.iter().map(|code| code.id()).collect();
        let nodes: Vec<String> = nodes.into_iter().filter(|node| !node.is_empty()).map(printable).collect();
        let on = if nodes.is_empty() { String::new() } else { format!("{}: ", list(&nodes)) };
        out += "\n";
        out += &hang("unknown  ", &ids.join(", "), WIDTH);
        out += &hang("         ", &format!("{on}{}", printable(why)), WIDTH);
    }
    out
}

/// What each node would be after a restart right now.
fn restarts(pair: &Pair, seen: &Snapshot) -> String {
    let mut out = "\n".to_owned();
    let width = seen.nodes.iter().map(|node| node.name.as_str().len()).max().unwrap_or(0);
    for (side, heading) in Side::BOTH.into_iter().zip(["restart  ", "         "]) {
        let node = seen.node(side);
        let first = format!("{heading}{:<width$}  ", node.name.as_str());
        let blank = " ".repeat(first.len());
        for (at, line) in restart(pair, node).iter().enumerate() {
            out += &hang(if at == 0 { &first } else { &blank }, line, WIDTH);
        }
    }
    out
}

/// Would it accept writes? replicate by itself? have an address? is its server started at all?
fn restart(pair: &Pair, node: &NodeSnapshot) -> Vec<String> {
    let boot = &node.boot;
    let access = boot.access.as_ref().map(|access| {
        let whom = match access.access {
            WriteAccess::Open => "accepts writes",
            WriteAccess::Guarded => "read-only, except for administrators",
            WriteAccess::Fenced => "read-only",
            WriteAccess::Changing | WriteAccess::Unseen => "nobody can say whom it lets write",
        };
        format!("{whom} ({})", access.ruling)
    });
    let follows = match node.channels.known() {
        Some(channels) if channels.is_empty() => Observed::Known("replicates from nowhere".to_owned()),
        _ => boot.follows.as_ref().map(|follows| {
            let starts = if follows.by_itself { "replicates by itself" } else { "does not replicate by itself" };
            format!("{starts} ({})", follows.ruling)
        }),
    };
    let addresses = boot.files.as_ref().map(|files| {
        let named = pair.roles.iter().filter_map(|role| {
            let named = files.iter().filter(|file| file.address == role.address.ip).map(ToString::to_string);
            let named: Vec<String> = named.collect();
            (!named.is_empty()).then(|| format!("takes the address of {} ({})", role.name, named.join(", ")))
        });
        let named: Vec<String> = named.collect();
        if named.is_empty() { "takes no address".to_owned() } else { list(&named) }
    });
    let unit = boot.unit.as_ref().map(|unit| format!("systemd's unit {} is {}", unit.name, unit.state));
    let all = [
        ("whom it lets write", access),
        ("whether it replicates", follows),
        ("whether it takes an address", addresses),
        ("whether its server is started", unit),
    ];
    let mut lines: Vec<String> = all.iter().filter_map(|(_, seen)| seen.known().map(|said| printable(said))).collect();
    let mut reasons: Vec<(&str, Vec<String>)> = vec![];
    for (what, seen) in &all {
        let Some(why) = seen.why_unknown() else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, whats)) => whats.push((*what).to_owned()),
            None => reasons.push((why, vec![(*what).to_owned()])),
        }
    }
    lines.extend(reasons.iter().map(|(why, whats)| format!("unknown: {}: {}", list(whats), printable(bare(why)))));
    lines
}

/// The node whose server's place a reason begins with.
fn whose<'a>(pair: &'a Pair, why: &str) -> Option<&'a NodeSpec> {
    let (place, _) = why.strip_prefix("MySQL at ")?.split_once(": ")?;
    pair.nodes.iter().find(|node| place == at_port(node.host.as_str(), node.port))
}

/// Without the server's place: the node is named instead.
pub(super) fn bare(why: &str) -> &str {
    match why.strip_prefix("MySQL at ").and_then(|rest| rest.split_once(": ")) {
        Some((_, why)) => why,
        None => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::pair;

    /// What db1 is asked beside db2, which does not answer.
    #[test]
    fn who_does_not_answer_is_named_whoever_was_to_be_compared_with_it() {
        let pair = pair();
        let [first, second] = &pair.nodes;
        let why = format!("MySQL at {}:{}: Connection refused", second.host, second.port);
        let check = |code: Code, node: &NodeSpec, why: &str| Checked {
            code,
            verdict: Verdict::Unknown,
            found: vec![],
            unknown: vec![(node.name.to_string(), why.to_owned())],
        };
        let checks = [
            check(Code::Diverged, first, &why),
            check(Code::DiskSpace, second, &why),
            check(Code::ClocksDiffer, first, "MySQL at 10.99.0.1:3306: gone"),
        ];
        let text = unknowns(&pair, &checks);
        let told =
            format!("unknown  {}, {}\n         {}: Connection refused\n", Code::Diverged, Code::DiskSpace, second.name);
        assert!(text.contains(&told), "{text}");
        assert!(text.contains(&format!("{}: MySQL at 10.99.0.1:3306: gone", first.name)), "{text}");
    }
}
