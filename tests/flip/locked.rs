//! Two operators at once, and one who says no.

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::{Host, Node, User};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("two applies at once", two_at_once),
    ("two configs that call the pair differently", two_configs),
    ("somebody else holds the lock on one node", foreign_lock),
    ("the lock is lost before the gate closes", lock_lost),
];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[("declined", declined)];

fn two_at_once(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"40s\"").text());
    let mut writing = bench.writing()?;
    let minute = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() / 60);
    let taken = minute();
    // waits for the transaction, before the gate closes
    let mut first = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    bench.wait_locked()?;
    let begun = Instant::now();
    for words in
        [&["apply", "lab", "swap", "write", "--yes"][..], &["--json", "apply", "lab", "set", "read", "db1", "--yes"]]
    {
        let ask = || {
            let second = bench.run_leaving(bench.command(words), "");
            second.ends(13).says("locked").says("session").says("flipper from 10.77.0.1").says("nothing was changed");
            second
        };
        let mut second = ask();
        for _ in 0..9 {
            // said where the holder is seen idle: while it waits, it asks its server something every now and then
            if !second.has_said("a flipper that is dead") {
                second = ask();
            }
        }
        // servers keep the minute at which it was taken; it may be over, but only that one
        let since = |ago: &str| second.stderr.contains(ago) || second.stdout.contains(ago);
        let told = since("since less than a minute ago") || (minute() != taken && since("since a minute ago"));
        assert!(told, "{second}");
        second.says("a flipper that is dead");
        if words.contains(&"--json") {
            assert_eq!(second.ends_in_json("end", 13)["end"], "locked");
        }
    }
    // looking is allowed
    bench.run_leaving(bench.command(&["plan", "lab", "swap"]), "").ends(0);
    assert!(begun.elapsed() < Duration::from_secs(35) && !first.has_ended(), "the first is still waiting");
    writing.exec("COMMIT")?;
    drop(writing);
    bench.end(first).ends(0).answers("writes were out for");
    bench.serves_from(Node::Db2)?;
    bench.flipper(&["apply", "lab", "swap", "write", "--yes"]).ends(0);
    Ok(())
}

/// What excludes two operators is the servers, not what a config calls them.
fn two_configs(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"20s\"").text());
    let other = bench.file("ron", &bench.lab.config().text().replace("\"lab\":", "\"twin\":"));
    let mut writing = bench.writing()?;
    let first = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
    bench.wait_locked()?;
    let words = ["--config", &other, "apply", "twin", "set", "read", "db1", "--yes"];
    let second = bench.run_leaving(bench.command(&words), "");
    second.ends(13).says("works on twin").says("nothing was changed");
    writing.exec("COMMIT")?;
    drop(writing);
    bench.end(first).ends(0);
    bench.flipper(&["--config", &other, "apply", "twin", "swap", "write", "--yes"]).ends(0);
    Ok(())
}

/// An administrator ends the session that holds it: nothing is told to a node after that.
fn lock_lost(bench: &Bench<'_>) -> Outcome {
    let config = bench.file("ron", &bench.lab.config().limits("connect: \"10s\", drain: \"20s\"").text());
    for node in Node::BOTH {
        let mut writing = bench.writing()?;
        let run = bench.start(bench.command(&["--config", &config, "apply", "lab", "swap", "write", "--yes"]));
        // where the target's session only holds the lock
        bench.wait_at("drain-db1")?;
        let admin = bench.lab.admin(node);
        let holder = admin.value("SELECT IS_USED_LOCK('flipper:roles')")?;
        admin.exec(&format!("KILL {holder}"))?;
        writing.exec("COMMIT")?;
        let ran = bench.end(run);
        ran.ends(20).says("serves as before").never_says("-- writes are out");
        if node == Node::Db2 {
            ran.says("lock on db2 was lost");
        }
        bench.serves_from(Node::Db1)?;
        bench.nothing_left();
    }
    Ok(())
}

fn foreign_lock(bench: &Bench<'_>) -> Outcome {
    for node in Node::BOTH {
        let mut holder = bench.lab.session(User::App, Host::Clients, node.host().address())?;
        assert_eq!(holder.value("SELECT GET_LOCK('flipper:roles', 0)")?, "1");
        let before = bench.look();
        let ran = bench.run_leaving(bench.command(&["apply", "lab", "swap", "--yes"]), "");
        let session = format!("session {} of app from 10.77.0.21", holder.id());
        ran.ends(13).says(&session).says(&format!("on {}", node.name())).within(Duration::from_secs(20));
        // the lock of the other node was given back
        crate::lab::run::wait_until("flipper's sessions have ended", Duration::from_secs(8), || {
            let left = bench.lab.leftovers()?;
            Ok(left.iter().all(|found| found.contains(&format!("{}: lock flipper", node.name()))).then_some(()))
        })?;
        bench.unchanged(&before);
        drop(holder);
        bench.nothing_left();
    }
    Ok(())
}

fn declined(bench: &Bench<'_>) -> Outcome {
    let before = bench.look();
    for typed in ["\n", "", "yes\n", "LAB\n", "\nlab\n"] {
        let ran = bench.run_leaving(bench.command(&["apply", "lab", "swap", "write"]), typed);
        ran.ends(14).says("Type lab to carry this out").says("declined: nothing was changed");
        bench.nothing_left();
        bench.unchanged(&before);
    }
    let ran = bench.run_leaving(bench.command(&["--json", "apply", "lab", "swap"]), "no\n");
    assert_eq!(ran.ends_in_json("end", 14)["end"], "declined");
    bench.nothing_left();
    bench.unchanged(&before);
    let nobody = bench.run_leaving(bench.command(&["apply", "lab", "swap", "write"]), "");
    nobody.ends(14).says("nobody answered (end of input)").says("--yes");
    for signal in [Signal::INT, Signal::TERM] {
        signalled(bench, signal);
        bench.nothing_left();
        bench.unchanged(&before);
    }
    let (mut accepted, mut writer) = (vec![], Node::Db2);
    for typed in ["lab\n", " lab \n"] {
        accepted.push(bench.run_leaving(bench.command(&["apply", "lab", "swap", "write"]), typed));
        bench.serves_from(writer)?;
        writer = writer.other();
    }
    for ran in accepted {
        ran.ends(0);
    }
    Ok(())
}

/// Somebody presses Ctrl-C instead of an answer.
fn signalled(bench: &Bench<'_>, signal: Signal) {
    let mut command = bench.command(&["apply", "lab", "swap", "write"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("flipper starts");
    let (mut stderr, mut said) = (child.stderr.take().expect("a pipe"), vec![]);
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains("changes nothing.\n") {
        assert_eq!(stderr.read(&mut byte).expect("what it says"), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("flipper can be signalled");
    stderr.read_to_end(&mut said).expect("what it says");
    let status = child.wait().expect("its end");
    let said = String::from_utf8_lossy(&said);
    assert_eq!(status.code(), Some(14), "{signal:?}: {said}");
    assert!(said.contains("declined: nothing was changed"), "{signal:?}: {said}");
}
