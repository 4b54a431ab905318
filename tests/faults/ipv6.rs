//! Roles with IPv6 addresses, moved as any other: by one who has an IPv4 way to the nodes, with clients who have not.

use std::net::IpAddr;
use std::time::Duration;

use flipper::dialect::{self, Sign};
use flipper::model::System;
use rustix::process::Signal;
use serde_json::Value;

use crate::guard::Guard;
use crate::lab::error::LabError;
use crate::lab::net::{IPV6_ADDRESS, READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::run::{run, wait_until};
use crate::lab::{Host, Node, User};
use crate::stage::{PATIENT, SERVED, Stage};
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("an IPv6 address moves under load, there and back", there_and_back),
    ("the move of an IPv6 address is cut off, and resumed or aborted", cut_off),
    ("an IPv6 address is on both nodes", on_both),
    ("nothing to announce an IPv6 address with", no_ndptool),
];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[("who answers for an IPv6 address", who_answers)];

/// ssh's master ends when nobody has used it for 30 s.
const IDLE: Duration = Duration::from_secs(35);
/// It finds only what is broken.
const SILENCE: Duration = Duration::from_secs(10);
const NEIGHBOURS: Duration = Duration::from_secs(8);

/// A pair whose write role has an IPv6 address, and the read role an IPv4 address.
struct Six<'a, 'b> {
    stage: &'a Stage<'b>,
    config: String,
}

impl<'a, 'b> Six<'a, 'b> {
    /// The address was brought up on db1 by hand, with what a person would type.
    fn new(stage: &'a Stage<'b>) -> Result<Self, LabError> {
        let mut config = stage.lab.config();
        for (name, address, _) in &mut config.roles {
            if name == "write" {
                *address = format!("{IPV6_ADDRESS}/128");
            }
        }
        let file = stage.lab.dir().join("ipv6.ron");
        std::fs::write(&file, config.limits(PATIENT).text()).expect("the operator's folder");
        let six = Self { stage, config: file.display().to_string() };
        six.ip(Node::Db1, "add")?;
        // the first login of an account takes a server longer, which is not what is looked at
        for node in Node::BOTH {
            let [own, _] = node.host().ipv6_addresses();
            drop(stage.lab.session(User::App, Host::Clients, &own)?);
        }
        Ok(six)
    }

    fn ip(&self, node: Node, verb: &str) -> Outcome {
        let address = format!("{IPV6_ADDRESS}/128");
        let mut words = vec!["ip", "-6", "addr", verb, &address, "dev", "eth0"];
        words.extend((verb == "add").then_some("nodad"));
        on(self.stage, node.host(), &words).map(drop)
    }

    fn start(&self, words: &[&str]) -> Watched {
        Watched::start(self.stage.command(&[&["--config", &self.config, "--json"], words].concat()))
    }

    fn flipper(&self, words: &[&str]) -> Ran {
        self.start(words).end()
    }

    /// Said for a person.
    fn says(&self, words: &[&str]) -> Ran {
        Watched::start(self.stage.command(&[&["--config", &self.config], words].concat())).end()
    }

    fn holders(&self) -> Result<Vec<Node>, LabError> {
        let mut holders = vec![];
        for node in Node::BOTH {
            let held = self.stage.lab.addresses(node)?;
            holders.extend(held.contains(&format!("{IPV6_ADDRESS}/128")).then_some(node));
        }
        Ok(holders)
    }

    /// This server alone is open, and has the address, as flipper takes it if it came by a move.
    fn stands(&self, writer: Node) -> Outcome {
        assert_eq!((self.stage.open(), self.holders()?), (vec![writer], vec![writer]), "open, write address");
        Ok(())
    }

    /// The address is of use, and no connection of the node itself comes from it.
    fn is_well_kept(&self, node: Node) -> Outcome {
        let listed = on(self.stage, node.host(), &["ip", "-j", "-6", "addr", "show", "dev", "eth0"])?;
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let all = listed.pointer("/0/addr_info").and_then(Value::as_array).expect("addresses");
        let one = all.iter().find(|one| one["local"] == IPV6_ADDRESS).expect("the address");
        assert!(one.get("tentative").is_none() && one.get("dadfailed").is_none(), "{one}");
        assert_eq!(one["deprecated"], true, "{one}");
        let [client, _] = Host::Clients.ipv6_addresses();
        let way = on(self.stage, node.host(), &["ip", "-6", "-o", "route", "get", &client])?;
        assert!(!way.contains(IPV6_ADDRESS), "the node's own connections come from the floating address: {way}");
        Ok(())
    }

    /// The clients' machine sends to that node.
    fn neighbours_know(&self, node: Node) -> Outcome {
        let own = on(self.stage, node.host(), &["cat", "/sys/class/net/eth0/address"])?;
        wait_until("the clients' neighbour table has the new holder", NEIGHBOURS, || {
            let known = on(self.stage, Host::Clients, &["ip", "-6", "neigh", "show", IPV6_ADDRESS, "dev", "eth0"])?;
            match known.contains(own.trim()) {
                true => Ok(Some(())),
                false => Err(LabError::new("the clients' neighbours", known)),
            }
        })
    }

    fn over(self) -> Outcome {
        for node in self.holders()? {
            self.ip(node, "del")?;
        }
        Ok(())
    }
}

fn on(stage: &Stage<'_>, host: Host, words: &[&str]) -> Result<String, LabError> {
    let output = stage.lab.on(host, words)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(LabError::new(words.join(" "), String::from_utf8_lossy(&output.stderr))),
    }
}

fn there_and_back(stage: &Stage<'_>) -> Outcome {
    let six = Six::new(stage)?;
    six.flipper(&["check", "lab"]).ends(0);
    let by_ipv6 = under_load(stage, IPV6_ADDRESS, |number, writer| {
        // once with the IPv4 role, in one plan
        let goal: &[&str] = if number < 2 { &["swap"] } else { &["swap", "write"] };
        six.flipper(&[&["apply", "lab"], goal, &["--yes"]].concat()).ends(0);
        six.stands(writer)?;
        six.is_well_kept(writer)?;
        six.neighbours_know(writer)?;
        let reader = if number == 0 { Node::Db1 } else { Node::Db2 };
        assert!(stage.lab.addresses(reader)?.contains(&format!("{READ_ADDRESS}/32")));
        Ok(())
    })?;
    six.over()?;
    // how busy the machine is hits both alike
    let by_ipv4 = under_load(stage, WRITE_ADDRESS, |_, writer| {
        Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
        stage.stands(&[writer], writer);
        Ok(())
    })?;
    stage.note(format!("slowest client silent for {by_ipv6:?} ms, by IPv4 {by_ipv4:?} ms"));
    assert!(by_ipv6.iter().all(|silence| *silence < SILENCE.as_millis()), "{by_ipv6:?}");
    Ok(())
}

/// Some moves while clients write through that address: how long the slowest was silent each time. Nothing is lost,
/// nothing doubled, and never are two servers open.
fn under_load(stage: &Stage<'_>, address: &str, moves: impl Fn(usize, Node) -> Outcome) -> Result<Vec<u128>, LabError> {
    const SWAPS: usize = 4;
    let load = stage.lab.load_through(address, 4, 300)?;
    load.wait_for(100, SERVED)?;
    let guard = Guard::watch(stage.lab);
    let mut moved = vec![];
    for number in 0..SWAPS {
        let from = load.mark();
        moves(number, if number % 2 == 0 { Node::Db2 } else { Node::Db1 })?;
        load.wait_for(60, SERVED)?;
        moved.push((from, load.mark()));
    }
    guard.never_both();
    let report = load.stop()?;
    let verdict = report.check(stage.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!(report.changes().len(), SWAPS, "{report}");
    println!("{report}");
    Ok(moved.iter().map(|(from, to)| report.silence_between(*from, *to).as_millis()).collect())
}

fn cut_off(stage: &Stage<'_>) -> Outcome {
    let six = Six::new(stage)?;
    for (word, writer) in [("abort", Node::Db1), ("resume", Node::Db2)] {
        let load = stage.lab.load_through(IPV6_ADDRESS, 3, 150)?;
        load.wait_for(20, SERVED)?;
        let guard = Guard::watch(stage.lab);
        let cut = || {
            let mut cut = six.start(&["apply", "lab", "swap", "write", "--yes"]);
            cut.wait_for("step-done", "take-write-db2");
            cut.signal(Signal::KILL);
            cut.end()
        };
        let mut ran = cut();
        for _ in 0..4 {
            // not much is left of a move then: it may have been quicker
            if ran.code == Some(0) {
                six.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
                ran = cut();
            }
        }
        assert_eq!(ran.code, None, "{ran}");
        stage.was_killed(IDLE)?;
        six.flipper(&[word, "lab", "--yes"]).ends(0);
        six.stands(writer)?;
        six.neighbours_know(writer)?;
        load.wait_for(30, SERVED)?;
        guard.never_both();
        let verdict = load.stop()?.check(stage.lab)?;
        assert!(verdict.is_clean(), "{verdict:?}");
    }
    six.flipper(&["apply", "lab", "set", "write", "db1", "--yes"]).ends(0);
    six.over()
}

fn on_both(stage: &Stage<'_>) -> Outcome {
    let six = Six::new(stage)?;
    six.ip(Node::Db2, "add")?;
    six.says(&["check", "lab"]).ends(11).says("address-on-both");
    six.flipper(&["apply", "lab", "set", "write", "db1", "--yes"]).ends(0);
    six.stands(Node::Db1)?;
    six.neighbours_know(Node::Db1).or_else(|error| {
        // nobody has asked since: whoever does now gets there
        drop(stage.lab.session(User::App, Host::Clients, IPV6_ADDRESS)?);
        six.neighbours_know(Node::Db1).map_err(|_| error)
    })?;
    six.over()
}

fn no_ndptool(stage: &Stage<'_>) -> Outcome {
    let six = Six::new(stage)?;
    let there = |words: &[&str]| run(stage.lab.machine(Node::Db2)?.args(words)).map(drop);
    there(&["mount", "--bind", "/dev/null", "/usr/bin/ndptool"])?;
    let check = six.says(&["check", "lab"]);
    let plan = six.says(&["plan", "lab", "swap", "write"]);
    // a pair without such a role does not need it
    let without = Watched::start(stage.command(&["--json", "plan", "lab", "swap", "write"])).end();
    there(&["umount", "/usr/bin/ndptool"])?;
    for ran in [check, plan] {
        ran.ends(11).says("cannot-announce").says("db2 has no `ndptool`");
    }
    without.ends(0);
    six.over()
}

/// As a survivor asks, of the kernel that is here: an answer, nobody, itself; and what must not pass for an answer.
fn who_answers(stage: &Stage<'_>) -> Outcome {
    let six = Six::new(stage)?;
    let tools = System {
        ip: None,
        ss: None,
        arping: None,
        ndptool: None,
        up: vec![],
        promotes_secondaries: false,
        denied: vec![],
    };
    let ip: IpAddr = IPV6_ADDRESS.parse().expect("an address");
    let asks = |node: Node, seconds: u64| -> Result<Result<bool, String>, LabError> {
        let signs = [Sign::Answers("eth0".parse().expect("an interface"), ip, seconds)];
        let script = dialect::signs(&tools, false, &signs).to_string();
        let text = on(stage, node.host(), &["sh", "-c", &script])?;
        Ok(dialect::read_signs(&signs, &text).remove(0))
    };
    let neigh = |rest: &[&str]| on(stage, Host::Db2, &[&["ip", "-6", "neigh"], rest].concat()).map(drop);
    assert_eq!(asks(Node::Db2, 5)?, Ok(true), "db1 has it");
    assert_eq!(asks(Node::Db1, 1)?, Ok(false), "itself");
    // what db2 knows of db1 is of a moment ago, and wrong by now
    six.ip(Node::Db1, "del")?;
    neigh(&["replace", IPV6_ADDRESS, "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "reachable"])?;
    assert_eq!(asks(Node::Db2, 5)?, Ok(false), "nobody has it");
    six.ip(Node::Db1, "add")?;
    neigh(&["replace", IPV6_ADDRESS, "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "stale"])?;
    assert_eq!(asks(Node::Db2, 5)?, Ok(true), "db1 has it again");
    // an entry that somebody has made for good is left alone, and says nothing
    neigh(&["replace", IPV6_ADDRESS, "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "permanent"])?;
    assert!(asks(Node::Db2, 1)?.is_err_and(|why| why.contains("an entry of its own")));
    neigh(&["del", IPV6_ADDRESS, "dev", "eth0"])?;
    // without a link-local address the kernel asks nobody
    let [_, local] = Host::Db2.ipv6_addresses();
    let local = format!("{local}/64");
    on(stage, Host::Db2, &["ip", "-6", "addr", "del", &local, "dev", "eth0"])?;
    let blind = asks(Node::Db2, 1);
    on(stage, Host::Db2, &["ip", "-6", "addr", "add", &local, "dev", "eth0", "nodad"])?;
    assert!(blind?.is_err_and(|why| why.contains("no usable link-local address")));
    six.over()
}
