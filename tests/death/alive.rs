//! Whoever still answers is not dead, and nothing is lost that need not be: refused, and nothing is changed.

use rustix::process::Signal;

use crate::lab::net::{IPV6_ADDRESS, READ_ADDRESS};
use crate::lab::run::run;
use crate::lab::{Host, Node, Server};
use crate::scene::{Theatre, starts};
use crate::watched::Ran;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("MySQL answers, ssh does not", ssh_dead),
    ("MySQL answers the survivor only", seen_by_survivor),
    ("the dead node's machine answers for its address", answers_arp),
    ("the dead node's machine answers for its IPv6 address, until it is off", answers_nd),
    ("the survivor's applier is broken", broken_applier),
    ("words that belong to a failure", words),
];

/// With the words that would let anything else through.
fn said(theatre: &Theatre<'_>) -> Ran {
    theatre.flipper(&["--json", "plan", "lab", "fail", "db1", "--fenced-by-hand", "db1", "--accept-loss"])
}

fn ssh_dead(theatre: &Theatre<'_>) -> Outcome {
    let before = theatre.lab().fingerprint(Node::Db2)?;
    theatre.signal_sshd(Node::Db1, Signal::STOP)?;
    let ran = said(theatre);
    theatre.signal_sshd(Node::Db1, Signal::CONT)?;
    ran.ends(11).says("not-dead").says("flipper plan lab drain db1");
    // the end of its own sessions takes a server a moment
    theatre.stage.nothing_left()?;
    let after = theatre.lab().fingerprint(Node::Db2)?;
    assert_eq!(crate::lab::observe::differences(&before, &after), Vec::<String>::new());
    Ok(())
}

fn seen_by_survivor(theatre: &Theatre<'_>) -> Outcome {
    theatre.stage.cut(Host::Operator, Host::Db1, true)?;
    let ran = said(theatre);
    theatre.stage.cut(Host::Operator, Host::Db1, false)?;
    ran.ends(11).says("not-dead").says("answers db2, though not this machine");
    Ok(())
}

fn answers_arp(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    lab.stop_server(Node::Db1, Signal::KILL)?;
    theatre.signal_sshd(Node::Db1, Signal::STOP)?;
    let ran = said(theatre);
    theatre.signal_sshd(Node::Db1, Signal::CONT)?;
    ran.ends(11).says("address-answers").never_says("not-dead");
    starts(theatre, Node::Db1)?;
    // it was the writer, and nobody has taken its place
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")
}

fn answers_nd(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let address = format!("{IPV6_ADDRESS}/128");
    let mut config = lab.config();
    for (name, of_role, _) in &mut config.roles {
        if name == "write" {
            of_role.clone_from(&address);
        }
    }
    let file = lab.dir().join("ipv6.ron");
    std::fs::write(&file, config.text()).expect("the operator's folder");
    let file = file.display().to_string();
    let ip =
        |node: Node, verb: &str| run(lab.machine(node)?.args(["ip", "addr", verb, &address, "dev", "eth0"])).map(drop);
    let flipper = |words: &[&str]| theatre.flipper(&[&["--config", &file, "--json"], words].concat());
    ip(Node::Db1, "add")?;
    lab.settle()?;
    lab.stop_server(Node::Db1, Signal::KILL)?;
    theatre.signal_sshd(Node::Db1, Signal::STOP)?;
    let words = ["fail", "db1", "--fenced-by-hand", "db1", "--accept-loss"];
    flipper(&[&["plan", "lab"], &words[..]].concat()).ends(11).says("address-answers").never_says("not-dead");
    ip(Node::Db1, "del")?;
    flipper(&[&["apply", "lab"], &words[..], &["--yes"]].concat()).ends(0);
    assert_eq!((theatre.holders(IPV6_ADDRESS), theatre.stage.open()), (vec![Node::Db2], vec![Node::Db2]));
    theatre.signal_sshd(Node::Db1, Signal::CONT)?;
    starts(theatre, Node::Db1)?;
    for goal in [&["rejoin", "db1"][..], &["set", "write", "db1"], &["set", "read", "db2"]] {
        flipper(&[&["apply", "lab"], goal, &["--yes"]].concat()).ends(0);
    }
    assert_eq!((theatre.holders(IPV6_ADDRESS), theatre.stage.open()), (vec![Node::Db1], vec![Node::Db1]));
    ip(Node::Db1, "del")
}

fn broken_applier(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let word = if lab.server() == Server::MySql { "REPLICA" } else { "SLAVE" };
    lab.admin(Node::Db2).exec(&format!("STOP {word} SQL_THREAD"))?;
    lab.stop_server(Node::Db1, Signal::KILL)?;
    let ran = said(theatre);
    // one that breaks between the plan and the yes is found, too: the plan is made again under the lock
    starts(theatre, Node::Db1)?;
    lab.admin(Node::Db2).exec(&format!("START {word} SQL_THREAD"))?;
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    ran.ends(11).says("cannot-apply");
    Ok(())
}

fn words(theatre: &Theatre<'_>) -> Outcome {
    for (words, why) in [
        (&["plan", "lab", "swap", "--accept-loss"][..], "said with `fail NODE` only"),
        (&["plan", "lab", "fail", "db1", "--fenced-by-hand", "db2"], "which one is off?"),
        (&["plan", "lab", "fail", "db1", "--override", "not-fenced"], "--fenced-by-hand NODE"),
        (&["plan", "lab", "fail", "db1", "--override", "may-lose"], "--accept-loss"),
        (&["plan", "lab", "swap", "--not-within", "soon"], "is not a time"),
    ] {
        theatre.flipper(words).ends(2).says(why);
    }
    // moved a moment ago, and asked to take care
    theatre.moves(&["set", "read", "db1"]);
    theatre.flipper(&["plan", "lab", "swap", "--not-within", "10m"]).ends(11).says("moved-lately");
    theatre
        .flipper(&["apply", "lab", "set", "read", "db2", "--yes", "--not-within", "10m"])
        .ends(11)
        .says("moved-lately");
    assert_eq!(theatre.holders(READ_ADDRESS), [Node::Db1]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    theatre.flipper(&["apply", "lab", "set", "read", "db2", "--yes", "--not-within", "1s"]).ends(0);
    Ok(())
}
