//! The roles move, under load, and nothing is lost.

use std::time::Duration;

use crate::bench::Bench;
use crate::lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Host, Node};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("ten swaps under load", ten_swaps), ("both roles swap and come back", both_roles)];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("an address with the network's prefix is dropped as it was found", prefix_of_the_network),
    ("an interface of each node's own", own_interface),
    ("passwords from files", password_files),
    ("an address that would take others along is not moved", would_take_others_along),
];

const SWAPS: usize = 10;
/// The time limit proper belongs to the benchmark; this one finds only what is broken.
const SILENCE: Duration = Duration::from_secs(8);
const WHOLE: Duration = Duration::from_secs(30);
const SERVED: Duration = Duration::from_secs(10);

fn ten_swaps(bench: &Bench<'_>) -> Outcome {
    let load = bench.lab.load(4, 400)?;
    load.wait_for(200, SERVED)?;
    let mut moves = Vec::new();
    for number in 0..SWAPS {
        let from = load.mark();
        let ran = if number % 2 == 0 {
            bench.flipper(&["apply", "lab", "swap", "write", "--yes"])
        } else {
            let plan = bench.new_path("plan.ron").display().to_string();
            bench.flipper(&["plan", "lab", "swap", "write", "-o", &plan]).ends(0);
            bench.flipper(&["apply", &plan, "--yes"])
        };
        ran.ends(0).answers("writes were out for").within(WHOLE);
        load.wait_for(100, SERVED)?;
        moves.push((from, load.mark(), ran));
        bench.serves_from(if number % 2 == 0 { Node::Db2 } else { Node::Db1 })?;
    }
    let report = load.stop()?;
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!(report.changes().len(), SWAPS, "{report}");
    let mut silences = Vec::new();
    for (number, (from, to, ran)) in moves.iter().enumerate() {
        let changed: Vec<_> =
            report.changes().into_iter().filter(|change| change.at >= *from && change.at <= *to).collect();
        let [change] = changed[..] else { panic!("swap {number}: the server changed {} times", changed.len()) };
        let silence = report.silence_between(*from, *to);
        println!(
            "swap {:>2}: slowest client silent for {:>4} ms, no write for {:>4} ms; apply took {:>5} ms; {}",
            number + 1,
            silence.as_millis(),
            change.gap.as_millis(),
            ran.took.as_millis(),
            ran.stdout.trim(),
        );
        assert!(silence < SILENCE, "swap {number}: {silence:?}");
        silences.push(silence);
    }
    silences.sort();
    let median = (silences[SWAPS / 2 - 1] + silences[SWAPS / 2]) / 2;
    println!("{SWAPS} swaps: median silence of the slowest client {} ms; {report}", median.as_millis());
    Ok(())
}

fn both_roles(bench: &Bench<'_>) -> Outcome {
    let load = bench.lab.load(2, 200)?;
    load.wait_for(20, SERVED)?;
    bench.flipper(&["apply", "lab", "swap", "--yes"]).ends(0).answers("done: swap of lab");
    bench.serves_from(Node::Db2)?;
    assert_eq!(bench.holder(READ_ADDRESS)?, Node::Db1);
    let ran = bench.flipper(&["--json", "apply", "lab", "swap", "--yes"]);
    assert_eq!(ran.ends_in_json("end", 0)["end"], "done");
    let kinds: Vec<String> = ran.objects().iter().map(|object| object["type"].to_string()).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("\"flipper-run\""), "{ran}");
    for kind in ["ready", "writes-out", "writes-in", "step-done"] {
        assert!(kinds.iter().any(|found| *found == format!("\"{kind}\"")), "no {kind}: {ran}");
    }
    // one role by name, there and back
    bench.flipper(&["apply", "lab", "set", "read", "db1", "--yes"]).ends(0).answers("writes were never out");
    bench.serves_from(Node::Db1)?;
    assert_eq!(bench.holder(READ_ADDRESS)?, Node::Db1);
    bench.flipper(&["apply", "lab", "set", "read", "db2", "--yes"]).ends(0);
    load.wait_for(20, SERVED)?;
    let report = load.stop()?;
    assert_eq!(report.changes().len(), 2, "{report}");
    let verdict = report.check(bench.lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}

/// There and back with another config.
fn there_and_back(bench: &Bench<'_>, config: &str) -> Outcome {
    for writer in [Node::Db2, Node::Db1] {
        bench.with_config(config, &["apply", "lab", "set", "write", writer.name(), "--yes"]).ends(0);
        bench.serves_from(writer)?;
    }
    Ok(())
}

fn own_interface(bench: &Bench<'_>) -> Outcome {
    let text = bench.lab.config_text().replace("interface: \"eth0\"", "interface: \"eth7\"");
    bench.with_config(&text, &["plan", "lab", "swap"]).ends(11).says("address-place").says("eth7 is missing or down");
    let own = Node::BOTH.into_iter().fold(text, |text, node| {
        let host = format!("host: \"{}\"", node.host().address());
        text.replace(&host, &format!("{host}, interface: \"eth0\""))
    });
    assert_eq!(own.matches("interface: \"eth0\"").count(), 2, "{own}");
    there_and_back(bench, &own)
}

fn password_files(bench: &Bench<'_>) -> Outcome {
    // not among the files that are searched for passwords: these are where they belong
    let dir = bench.lab.dir();
    let write = |name: &str, text: String| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join(name);
        std::fs::write(&path, text).expect("the lab's folder");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        path.display().to_string()
    };
    let password = &bench.lab.secrets().flipper;
    let plain = write("password", format!("{password}\n"));
    let option = write("my.cnf", format!("[client]\nuser=else\npassword=else\n[flipper]\npassword={password}\n"));
    for (way, path) in [("password_file", &plain), ("option_file", &option)] {
        let text = bench.lab.config_text().replace("password_env: \"FLIPPER_PASSWORD\"", &format!("{way}: {path:?}"));
        let config = bench.file("ron", &text);
        let mut command = bench.command(&["--config", &config, "apply", "lab", "set", "write", "db1", "--yes"]);
        command.env_remove("FLIPPER_PASSWORD");
        bench.run(command).ends(0).answers("nothing to do");
    }
    there_and_back(
        bench,
        &bench.lab.config_text().replace("password_env: \"FLIPPER_PASSWORD\"", &format!("password_file: {plain:?}")),
    )?;
    // somebody else could read it
    let text =
        bench.lab.config_text().replace("password_env: \"FLIPPER_PASSWORD\"", &format!("password_file: {plain:?}"));
    std::fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("its mode");
    bench.with_config(&text, &["status", "lab"]).ends(3).says("flipper::config::password_mode");
    Ok(())
}

fn ip(bench: &Bench<'_>, host: Host, words: &[&str]) -> Outcome {
    let output = bench.lab.on(host, &[&["ip"], words].concat())?;
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn prefix_of_the_network(bench: &Bench<'_>) -> Outcome {
    let (host, narrow, wide) = (Host::Db1, format!("{WRITE_ADDRESS}/32"), format!("{WRITE_ADDRESS}/24"));
    ip(bench, host, &["addr", "add", &wide, "dev", "eth0"])?;
    ip(bench, host, &["addr", "del", &narrow, "dev", "eth0"])?;
    bench.flipper(&["status", "lab"]).ends(0).answers(&format!("{wide} eth0 secondary = write"));
    let dry = bench.flipper(&["apply", "lab", "swap", "write", "--dry-run"]);
    dry.ends(0).answers(&format!("address del {wide} dev eth0")).answers(&format!("address add {narrow} dev eth0"));
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    bench.serves_from(Node::Db2)?;
    assert!(bench.lab.addresses(Node::Db2)?.contains(&narrow));
    let own = format!("{}/24", host.address());
    assert_eq!(bench.lab.addresses(Node::Db1)?, [own], "nothing else is gone");
    // it comes back as the config has it
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    assert!(bench.lab.addresses(Node::Db1)?.contains(&narrow));
    Ok(())
}

fn would_take_others_along(bench: &Bench<'_>) -> Outcome {
    let (host, narrow, wide) = (Host::Db1, format!("{WRITE_ADDRESS}/32"), format!("{WRITE_ADDRESS}/24"));
    let own = format!("{}/24", host.address());
    let promote = |value: &str| {
        let setting = format!("net.ipv4.conf.all.promote_secondaries={value}");
        let each = format!("net.ipv4.conf.eth0.promote_secondaries={value}");
        bench.lab.on(host, &["sysctl", "-qw", &setting, &each]).map(|output| assert!(output.status.success()))
    };
    promote("0")?;
    // the floating one first, so that the node's own is secondary to it
    for (verb, address) in [("del", &narrow), ("del", &own), ("add", &wide), ("add", &own)] {
        ip(bench, host, &["addr", verb, address, "dev", "eth0"])?;
    }
    let before = bench.look();
    for words in
        [&["plan", "lab", "swap"][..], &["apply", "lab", "swap", "--yes"], &["apply", "lab", "swap", "write", "--yes"]]
    {
        let ran = bench.flipper(words);
        ran.ends(11).says("address-place").says("would take its secondary addresses along");
    }
    bench.unchanged(&before);
    // where the system keeps them, it may be moved
    promote("1")?;
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    assert_eq!(bench.lab.addresses(Node::Db1)?, [own], "the node's own address has stayed");
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    promote("0")
}
