//! A node that cannot be seen, or is not what it says it is: refused within a bound, and nothing is changed.

use std::time::Duration;

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::{Host, Node, replication};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("wrong password", wrong_password), ("a node's server is stopped", server_stopped)];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("wrong host key, unknown host key", host_keys),
    ("ssh host of one node, MySQL address of the other", wrong_machine),
    ("a node's cable is out", unreachable),
    ("a node's server hangs", hangs),
];

/// Every command that would look at the pair, and what it must say.
const LOOKS: [&[&str]; 3] = [&["status", "lab"], &["plan", "lab", "swap"], &["apply", "lab", "swap", "write", "--yes"]];

/// Far less than anybody's patience: the limits of a few connections, one after the other.
const BOUND: Duration = Duration::from_secs(15);

/// What a server or machine takes to notice that its client has gone, and far less than an ssh that nobody ended stays.
const SLOW_LOGIN: Duration = Duration::from_secs(10);

fn wrong_password(bench: &Bench<'_>) -> Outcome {
    let before = bench.look();
    for words in LOOKS {
        let mut command = bench.command(words);
        command.env("FLIPPER_PASSWORD", bench.made_up_password());
        let ran = bench.run(command);
        ran.ends(11).within(BOUND);
        // wherever a line ends
        let said = format!("{} {}", ran.stdout, ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("Access denied"), "{ran}");
    }
    let mut command = bench.command(&["--json", "apply", "lab", "swap", "--yes"]);
    command.env("FLIPPER_PASSWORD", bench.made_up_password());
    let ran = bench.run(command);
    let said = ran.ends(11).objects().pop().expect("a refusal");
    assert_eq!(said["reasons"][0]["code"], "unknown", "{ran}");
    bench.unchanged(&before);
    Ok(())
}

fn host_keys(bench: &Bench<'_>) -> Outcome {
    let known = bench.lab.known_hosts();
    let good = bench.read(&known.display().to_string());
    let before = bench.look();
    let lines: Vec<&str> = good.lines().collect();
    let [first, second] = lines[..] else { panic!("two known hosts: {good}") };
    let key = |line: &str| line.split_once(' ').expect("address and key").1.to_owned();
    let swapped = format!("10.77.0.11 {}\n10.77.0.12 {}\n", key(first), key(first));
    for (text, said) in [(swapped, "is not the one in known_hosts"), (format!("{first}\n"), "is not in known_hosts")] {
        std::fs::write(&known, text).expect("known_hosts");
        let ran: Vec<_> = LOOKS.iter().map(|words| bench.flipper(words)).collect();
        std::fs::write(&known, &good).expect("known_hosts");
        for ran in ran {
            ran.ends(11).within(BOUND);
            let text = format!("{}{}", ran.stdout, ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(said) && text.contains("db2"), "`{said}` of db2: {ran}");
        }
        assert_eq!(bench.read(&known.display().to_string()), good, "known_hosts is not written to");
    }
    assert!(second.starts_with("10.77.0.12"), "{good}");
    bench.unchanged(&before);
    Ok(())
}

fn wrong_machine(bench: &Bench<'_>) -> Outcome {
    let ssh = |node: Node, there: Node| {
        let host = format!("host: \"{}\"", node.host().address());
        let both = format!("{host}, ssh: ({})", host.replace(node.host().address(), there.host().address()));
        move |text: String| text.replace(&format!("{host})"), &format!("{both})"))
    };
    let crossed = ssh(Node::Db2, Node::Db1)(bench.lab.config_text());
    let text = ssh(Node::Db1, Node::Db2)(crossed.replace("ssh: (host: \"10.77.0.11\")", "ssh: (host: \"CROSSED\")"));
    let text = text.replace("CROSSED", "10.77.0.11");
    let before = bench.look();
    for words in &LOOKS[1..] {
        let ran = bench.with_config(&text, words);
        ran.ends(11).says("wrong-machine").says("the machine reached by ssh is not the one").within(BOUND);
    }
    // where only one of the two is wrong, the config says it already
    let one = ssh(Node::Db1, Node::Db2)(bench.lab.config_text());
    bench.with_config(&one, &["apply", "lab", "swap", "write", "--yes"]).ends(3).says("flipper::config::same_system");
    bench.unchanged(&before);
    Ok(())
}

fn unreachable(bench: &Bench<'_>) -> Outcome {
    let config = bench.lab.config().limits("connect: \"2s\"").text();
    for (node, words) in [(Node::Db2, LOOKS[0]), (Node::Db2, LOOKS[1]), (Node::Db2, LOOKS[2]), (Node::Db1, LOOKS[2])] {
        bench.lab.cable(node.host(), false)?;
        let file = bench.file("ron", &config);
        let ran = bench.run_leaving(bench.command(&[&["--config", &file], words].concat()), "");
        bench.lab.cable(node.host(), true)?;
        ran.ends(11).within(BOUND);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(node.name()), "{ran}");
    }
    bench.wait_nothing_left(SLOW_LOGIN);
    bench.serves_from(Node::Db1)
}

/// It accepts connections and never answers.
fn hangs(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"2s\"").text());
    bench.lab.signal_server(Node::Db2, Signal::STOP)?;
    let ran: Vec<_> = LOOKS
        .iter()
        .map(|words| bench.run_leaving(bench.command(&[&["--config", &config], *words].concat()), ""))
        .collect();
    bench.lab.signal_server(Node::Db2, Signal::CONT)?;
    for ran in ran {
        ran.ends(11).within(BOUND);
    }
    bench.wait_nothing_left(SLOW_LOGIN);
    Ok(())
}

fn server_stopped(bench: &Bench<'_>) -> Outcome {
    bench.lab.stop_server(Node::Db2, Signal::KILL)?;
    for words in LOOKS {
        let ran = bench.flipper(words);
        ran.ends(11).within(BOUND);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains("refused"), "{ran}");
    }
    let ran = bench.flipper(&["--json", "plan", "lab", "swap"]);
    assert_eq!(ran.ends(11).objects()[0]["reasons"][0]["code"], "unknown", "{ran}");
    bench.lab.start_server(Node::Db2)?;
    bench.fence(Node::Db2)?;
    for node in Node::BOTH {
        replication::wait_running(&bench.lab.admin(node), node)?;
    }
    assert!(bench.lab.on(Host::Db2, &["true"])?.status.success());
    // as good as before
    bench.flipper(&["plan", "lab", "swap"]).ends(0);
    Ok(())
}
