//! The pair's network is cut in two, with an operator on each side, and each of them is sure that the other node is dead.

use std::fs;
use std::time::Duration;

use crate::lab::{Host, Node, net};
use crate::scene::{Theatre, starts};
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("two operators fail opposite nodes", opposite)];

/// The old writer's side: the second operator sits at the clients' host.
const SIDE: [Host; 2] = [Host::Db1, Host::Clients];

/// Where each operator sits, and whom he takes for dead.
const SIDES: [(Host, Node); 2] = [(Host::Operator, Node::Db1), (Host::Clients, Node::Db2)];

/// Each survivor has a lock of its own, and neither sees the other. What keeps the second one from opening is the program
/// that both must ask: it switches off for one of them, and says no to the other.
fn opposite(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let [granted, denied, over] = ["granted", "denied", "over"].map(|name| lab.dir().join(name).display().to_string());
    let off = |node: Node| theatre.switches_off(node);
    // whoever comes first; the other node is off once the other operator has been told no, and has looked at his side
    let script = format!(
        "#!/bin/sh\nmkdir {granted} 2>/dev/null || {{ mkdir {denied}; echo the other side was given it; exit 1; }}\n\
         for wait in $(seq 150); do [ -e {over} ] && break; sleep 0.2; done\n\
         case $FLIPPER_NODE in\ndb1)\n{};;\ndb2)\n{};;\nesac\necho $FLIPPER_NODE is off\n",
        off(Node::Db1)?,
        off(Node::Db2)?,
    );
    let config = theatre.config_with_fence(&script, "connect: \"5s\"");
    net::split(lab.id(), &SIDE)?;
    let ended = split(theatre, &config, &over);
    net::join(lab.id())?;
    let told = || ended.iter().map(|(dead, ran)| format!("{} is dead: {ran}", dead.name())).collect::<String>();
    for asked in [&granted, &denied] {
        fs::remove_dir(asked).unwrap_or_else(|why| panic!("{asked}: {why}: {}", told()));
    }
    let won: Vec<Node> = ended.iter().filter(|(_, ran)| ran.code == Some(0)).map(|(dead, _)| *dead).collect();
    let [dead] = won[..] else { panic!("one of them: {}", told()) };
    let (_, refused) = ended.iter().find(|(node, _)| *node != dead).expect("two runs");
    refused.ends(20).says("the other side was given it").says("rolled back and verified");
    theatre.stage.note(format!("{} was declared dead, the other operator was told no", dead.name()));
    assert_eq!(theatre.stage.open(), [dead.other()], "one writer, and it is the survivor");
    assert_eq!(theatre.stage.has_write(), [dead.other()]);
    lab.stop_server(dead, rustix::process::Signal::KILL)?;
    starts(theatre, dead)?;
    // another operator than the one who won sees it by the servers themselves
    assert!(theatre.status().contains("rejoin"), "{}", theatre.status());
    theatre.rejoins(dead)
}

/// What both say while the network is cut.
fn split(theatre: &Theatre<'_>, config: &str, over: &str) -> Vec<(Node, Ran)> {
    let plain = theatre.lab().config_path().display().to_string();
    for (host, dead) in SIDES {
        let asks = |words: &[&str]| {
            let fail = ["plan", "lab", "fail", dead.name(), "--accept-loss"];
            at(theatre, host, &plain, &[&fail[..], words].concat()).end()
        };
        // nobody answers either of them: without a program a person's word is all there is, and each would be believed
        asks(&[]).ends(11).says("not-fenced").never_says("not-dead").never_says("address-answers");
        asks(&["--fenced-by-hand", dead.name()]).ends(0);
    }
    let runs = SIDES.map(|(host, dead)| {
        (dead, at(theatre, host, config, &["apply", "lab", "fail", dead.name(), "--accept-loss", "--yes"]))
    });
    let runs = runs.map(|(dead, run)| {
        let over = over.to_owned();
        let ends = move || {
            let ran = run.end();
            fs::write(&over, dead.name()).expect("the lab's folder");
            ran
        };
        (dead, std::thread::spawn(ends))
    });
    while !runs.iter().all(|(_, run)| run.is_finished()) {
        let open = theatre.stage.open();
        // the first one before and after: open at the moment in between as well
        assert!(open.len() <= 1 || !theatre.stage.open().contains(&Node::Db1), "two writers");
        std::thread::sleep(Duration::from_millis(100));
    }
    runs.into_iter().map(|(dead, run)| (dead, run.join().expect("a run that ended"))).collect()
}

/// flipper on one of the two sides, each with a memory of its own.
fn at(theatre: &Theatre<'_>, host: Host, config: &str, words: &[&str]) -> Watched {
    let lab = theatre.lab();
    let mut command = theatre.stage.command(&[]);
    if host != Host::Operator {
        let (state, run) = (lab.dir().join("elsewhere"), lab.dir().join("run2"));
        fs::create_dir_all(&run).expect("the lab's folder");
        let mut there = net::inside(lab.id(), host);
        there.arg(env!("CARGO_BIN_EXE_flipper")).current_dir(lab.dir()).env_remove("SSH_AUTH_SOCK");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                there.env(name, value);
            }
        }
        there.env("XDG_STATE_HOME", state).env("XDG_RUNTIME_DIR", run);
        command = there;
    }
    command.args(["--json", "--config", config]).args(words);
    Watched::start(command)
}
