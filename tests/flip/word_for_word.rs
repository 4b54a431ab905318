//! What the dry run prints is what is then done: compared with the servers' own logs.
//!
//! The hosts keep no log of command lines, so those are compared by what they do: the addresses that the dry run adds and
//! deletes are the difference afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::bench::Bench;
use crate::lab::{Node, Server};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("the dry run is word for word", word_for_word)];

/// (node, statement) of what changes something.
type Said = BTreeSet<(Node, String)>;

fn word_for_word(bench: &Bench<'_>) -> Outcome {
    // there, and back
    for goal in [&["swap"][..], &["swap", "--kill"]] {
        let printed = bench.flipper(&[&["--json", "apply", "lab"], goal, &["--dry-run"]].concat());
        let printed = printed.ends(0).objects().pop().expect("a dry run");
        let text = bench.flipper(&[&["apply", "lab"], goal, &["--dry-run"]].concat());
        let lines = lines(&printed);
        for (_, _, line) in &lines {
            assert!(text.stdout.contains(line.as_str()), "the text lacks `{line}`: {text}");
        }
        let expected = addresses_after(bench, &lines)?;

        let load = bench.lab.load(2, 100)?;
        load.wait_for(10, std::time::Duration::from_secs(5))?;
        let logs = Node::BOTH.map(|node| GeneralLog::start(bench, node));
        bench.flipper(&[&["apply", "lab"], goal, &["--yes"]].concat()).ends(0);
        let mut done = Said::new();
        for (node, log) in Node::BOTH.into_iter().zip(logs) {
            done.extend(log?.stop(bench)?.into_iter().map(|sql| (node, sql)));
        }
        assert!(load.stop()?.check(bench.lab)?.is_clean());

        let lock = printed["lock"].as_str().expect("how the lock is taken");
        let promised: Said = lines
            .iter()
            .filter(|(_, channel, _)| channel == "sql")
            .map(|(node, _, text)| (*node, text.as_str()))
            .chain(Node::BOTH.map(|node| (node, lock)))
            .flat_map(|(node, text)| text.split("; ").map(move |sql| (node, sql.to_owned())))
            .filter(|(_, sql)| changes(sql))
            .collect();
        let unsaid: Vec<_> = done.iter().filter(|done| !promised.iter().any(|said| same(said, done))).collect();
        assert!(unsaid.is_empty(), "{goal:?}: done, but not printed: {unsaid:?}");
        let undone: Vec<_> = promised
            .iter()
            // there may be nobody to end
            .filter(|(_, sql)| !sql.starts_with("KILL"))
            .filter(|said| !done.iter().any(|done| same(said, done)))
            .collect();
        assert!(undone.is_empty(), "{goal:?}: printed, but not done: {undone:?}");
        for node in Node::BOTH {
            let now: BTreeSet<String> = bench.lab.addresses(node)?.into_iter().collect();
            assert_eq!(Some(&now), expected.get(&node), "{goal:?} on {}", node.name());
        }
    }
    Ok(())
}

/// (node, channel, text) of all that a dry run prints for nodes.
fn lines(printed: &serde_json::Value) -> Vec<(Node, String, String)> {
    let steps = printed["steps"].as_array().expect("steps");
    let says = steps.iter().flat_map(|step| step["says"].as_array().into_iter().flatten());
    says.filter_map(|said| {
        let node = Node::BOTH.into_iter().find(|node| said["node"] == node.name())?;
        Some((node, said["channel"].as_str()?.to_owned(), said["text"].as_str()?.to_owned()))
    })
    .collect()
}

/// What the nodes have now, and what the printed command lines add and delete.
fn addresses_after(
    bench: &Bench<'_>,
    lines: &[(Node, String, String)],
) -> Result<BTreeMap<Node, BTreeSet<String>>, crate::lab::error::LabError> {
    let mut held = BTreeMap::new();
    for node in Node::BOTH {
        held.insert(node, bench.lab.addresses(node)?.into_iter().collect::<BTreeSet<_>>());
    }
    for (node, _, line) in lines.iter().filter(|(_, channel, _)| channel == "ssh") {
        let words: Vec<&str> = line.split(' ').collect();
        let held = held.entry(*node).or_default();
        match words[..] {
            [_, "address", "add", address, "dev", "eth0"] => assert!(held.insert(address.to_owned()), "{line}"),
            [_, "address", "del", address, "dev", "eth0"] => assert!(held.remove(address), "{line}"),
            _ => {}
        }
    }
    Ok(held)
}

/// Not a question. The pair's lock is no part of any step, see [`GeneralLog`]; nor is what each session begins with.
fn changes(sql: &str) -> bool {
    sql != flipper::dialect::session().to_string()
        && !["SELECT", "SHOW", "XA RECOVER"].iter().any(|question| sql.to_ascii_uppercase().starts_with(question))
}

/// The same statement; what stands in angle brackets may be anything.
fn same((node, said): &(Node, String), (on, done): &(Node, String)) -> bool {
    let fits = match (said.find('<'), said.rfind('>')) {
        (Some(from), Some(to)) => done.starts_with(&said[..from]) && done.ends_with(&said[to + 1..]),
        _ => said == done,
    };
    node == on && fits
}

/// A server's log of everything it is told, with the sessions it came from.
struct GeneralLog {
    node: Node,
    file: std::path::PathBuf,
}

impl GeneralLog {
    fn start(bench: &Bench<'_>, node: Node) -> Result<Self, crate::lab::error::LabError> {
        let file = bench.new_path("general.log");
        let set = format!("SET GLOBAL general_log_file='{}'", file.display());
        bench.lab.admin(node).exec_all(&["SET GLOBAL log_output='FILE'", &set, "SET GLOBAL general_log=ON"])?;
        Ok(Self { node, file })
    }

    /// What sessions of flipper have told the server that changes something, but for the pair's lock.
    fn stop(self, bench: &Bench<'_>) -> Result<Vec<String>, crate::lab::error::LabError> {
        bench.lab.admin(self.node).exec("SET GLOBAL general_log=OFF")?;
        // searched for passwords later, as every file of this name
        let text = String::from_utf8_lossy(&fs::read(&self.file).expect("the server's log")).into_owned();
        let mut sessions = BTreeSet::new();
        let (mut said, mut locks) = (Vec::new(), 0);
        for (id, kind, what) in text.lines().filter_map(|line| entry(bench.server(), line)) {
            if kind == "Connect" && what.starts_with("flipper@") {
                sessions.insert(id);
            } else if kind == "Query" && sessions.contains(id) {
                locks += usize::from(what.contains("GET_LOCK('") || what.contains("RELEASE_LOCK("));
                // MariaDB logs what came together as one line, too
                said.extend(what.trim_end_matches(';').split("; ").filter(|sql| changes(sql)).map(str::to_owned));
            }
        }
        assert!(
            locks == 0 || locks == 2,
            "the lock of {} is taken once and given back once, not {locks}",
            self.node.name()
        );
        Ok(said)
    }
}

/// `TIME ID KIND\tWHAT`; MariaDB leaves the time out where it is the same as before.
fn entry(server: Server, line: &str) -> Option<(&str, &str, &str)> {
    let (head, what) = match server {
        Server::MySql => line.split_once('\t')?.1.split_once('\t')?,
        Server::MariaDb => line.rsplit_once('\t')?,
    };
    let mut words = head.split_whitespace().rev();
    let kind = words.next()?;
    Some((words.next()?, kind, what.trim()))
}
