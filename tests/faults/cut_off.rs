//! flipper is killed in the middle of a move: `resume` finishes it, `abort` goes back, with its journal and without.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::address::sshd;
use crate::lab::error::LabError;
use crate::lab::run::{run, wait_until};
use crate::lab::{Host, Node};
use crate::stage::{SERVED, Stage};
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("killed after the fence, then resumed or aborted", after_fence),
    ("killed after the opening, then resumed or aborted", after_open),
    ("killed after the take, then resumed or aborted", after_take),
    ("killed before the last word about the address", before_last_word),
    ("killed before the gate, there is nothing to resume", before_gate),
    ("settled from another machine, nobody moves it again unasked", settled_elsewhere),
    ("the lock of a run whose host is gone", dead_lock),
    ("a journal that cannot be written", no_journal),
];

/// ssh's master ends when nobody has used it for 30 s.
const IDLE: Duration = Duration::from_secs(35);
const LIMITS: &str = "connect: \"5s\", drain: \"8s\"";

/// One end of a run that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Resume,
    Abort,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Abort => "abort",
        }
    }

    /// Where the writer is then.
    fn writer(self) -> Node {
        match self {
            Self::Resume => Node::Db2,
            Self::Abort => Node::Db1,
        }
    }
}

/// Both ends, with the journal and from a machine without it.
const ENDS: [(End, bool); 4] = [(End::Resume, true), (End::Abort, true), (End::Resume, false), (End::Abort, false)];

struct Round<'a, 'b> {
    stage: &'a Stage<'b>,
    config: String,
    end: End,
    journal: bool,
}

impl Round<'_, '_> {
    fn flipper(&self, words: &[&str]) -> Ran {
        let mut command = self.stage.command(&[&["--config", &self.config], words].concat());
        if !self.journal {
            // another machine
            command.env("XDG_STATE_HOME", self.stage.lab.dir().join("elsewhere"));
        }
        Watched::start(command).end()
    }

    /// Ends what was cut off, as `extra` words say, and sees that it has ended.
    fn end(&self, extra: &[&str]) -> Ran {
        let word = self.end.word();
        let status = self.flipper(&["status", "lab"]);
        status.ends(0);
        let said = told(&status);
        assert_eq!(said.contains("flipper resume lab") && said.contains("flipper abort lab"), self.journal, "{said}");
        let dry = self.flipper(&[&[word, "lab", "--dry-run"], extra].concat());
        dry.ends(0);
        let begun = Instant::now();
        let ran = self.flipper(&[&["--json", word, "lab", "--yes"], extra].concat());
        ran.ends(0);
        self.stage.note(format!("{word} {} ms", begun.elapsed().as_millis()));
        let writer = self.end.writer();
        self.stage.stands(&[writer], writer);
        // and now there is nothing to do any more, either way
        for word in ["resume", "abort"] {
            if self.journal || word == self.end.word() {
                self.flipper(&[word, "lab", "--yes"]).ends(0).says_out("nothing to do");
            }
        }
        let status = told(&self.flipper(&["status", "lab"]));
        assert!(!status.contains("flipper resume lab"), "{status}");
        ran
    }

    /// Where every round starts.
    fn home(&self) {
        if self.end.writer() == Node::Db2 {
            self.flipper(&["--json", "apply", "lab", "swap", "write", "--yes"]).ends(0);
        }
    }
}

fn told(ran: &Ran) -> String {
    ran.events.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

impl Ran {
    #[track_caller]
    fn says_out(&self, words: &str) -> &Self {
        assert!(told(self).contains(words), "no `{words}`: {self}");
        self
    }
}

fn rounds(
    stage: &Stage<'_>,
    ends: &[(End, bool)],
    cut: impl Fn(&Stage<'_>, &str) -> Result<Ran, LabError>,
    stands: (&[Node], &[Node]),
) -> Outcome {
    for (end, journal) in ends.iter().copied() {
        let round = Round { stage, config: stage.config(LIMITS), end, journal };
        let scene = stage.scene()?;
        let ran = cut(stage, &round.config)?;
        assert_eq!(ran.code, None, "{ran}");
        stage.was_killed(IDLE)?;
        assert_eq!((stage.open(), stage.has_write()), (stands.0.to_vec(), stands.1.to_vec()), "{end:?} {journal}");
        let mut extra = vec![];
        if stands.0.is_empty() && end == End::Resume && !journal {
            // nobody is open: which way it was going is not to be seen
            let asked = round.flipper(&["resume", "lab", "--yes"]);
            asked.ends(2).says("flipper::resume::which").says("--to db1, or --to db2").says("flipper abort lab");
            extra = vec!["--to", "db2"];
        }
        let ended = round.end(&extra);
        stage.over_with(scene, &ended, None)?;
        round.home();
    }
    Ok(())
}

/// Killed while the target catches up.
fn after_fence(stage: &Stage<'_>) -> Outcome {
    let cut = |stage: &Stage<'_>, _: &str| {
        let mut held = stage.held("write_outage: \"20s\"")?;
        stage.told_of("catch-up-db2")?;
        held.run.signal(Signal::KILL);
        held.let_go();
        Ok(held.run.end())
    };
    rounds(stage, &ENDS, cut, (&[], &[Node::Db1]))?;
    history(stage)
}

/// Killed while the address is brought up, which never happens: the machine's own limit ends the command.
fn after_open(stage: &Stage<'_>) -> Outcome {
    let cut = |stage: &Stage<'_>, config: &str| killed_at(stage, config, "take-write-db2", (Node::Db2, " add "));
    rounds(stage, &ENDS[..2], cut, (&[Node::Db2], &[Node::Db1]))
}

/// Killed while the old node's address is removed, which never happens.
fn after_take(stage: &Stage<'_>) -> Outcome {
    let cut = |stage: &Stage<'_>, config: &str| killed_at(stage, config, "drop-write-db1", (Node::Db1, " del "));
    rounds(stage, &ENDS[2..], cut, (&[Node::Db2], &[Node::Db1, Node::Db2]))
}

/// All is where it should be, and nobody has been told by the holder alone: `resume` owes that, and a look from outside.
fn before_last_word(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let config = stage.config(LIMITS);
    let words = ["--config", &config, "--json", "apply", "lab", "swap", "write", "--yes"];
    let cut = || {
        let mut watched = Watched::start(stage.command(&words));
        watched.wait_for("step-started", "announce-write-db2");
        watched.signal(Signal::KILL);
        watched.end()
    };
    let (mut ran, mut changes) = (cut(), 1);
    for _ in 0..4 {
        // not much is left of a move then: it may have been quicker
        if ran.code == Some(0) {
            Watched::start(stage.command(&words)).end().ends(0);
            (ran, changes) = (cut(), changes + 2);
        }
    }
    stage.was_killed(IDLE)?;
    stage.stands(&[Node::Db2], Node::Db2);
    let round = Round { stage, config, end: End::Resume, journal: true };
    let resumed = round.end(&[]);
    for step in ["announce-write-db2", "verify-write-db2"] {
        let done = resumed.events.iter().any(|event| event["type"] == "step-done" && event["step"] == step);
        assert!(done, "{step}: {resumed}");
    }
    assert_eq!(resumed.count("writes-out"), 0, "{resumed}");
    stage.over_with(scene, &ran, Some(changes))?;
    round.home();
    Ok(())
}

/// A run whose `ip` hangs at this step, and that is killed then.
fn killed_at(stage: &Stage<'_>, config: &str, step: &str, (node, verb): (Node, &str)) -> Result<Ran, LabError> {
    let dir = stage.lab.dir();
    let (real, fake, mark) = (dir.join("ip-real"), dir.join("ip-hangs"), dir.join("ip-has-come"));
    let _ = fs::remove_file(&mark);
    fs::copy("/usr/sbin/ip", &real).expect("a copy of ip");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *'{verb}'*) : >{}; exec sleep 60;; esac\nexec {} \"$@\"\n",
        mark.display(),
        real.display()
    );
    fs::write(&fake, script).expect("the lab's folder");
    fs::set_permissions(&fake, Permissions::from_mode(0o755)).expect("the lab's folder");
    let sshd = sshd(stage, node.host())?.to_string();
    let words = ["-t", sshd.as_str(), "-m", "--"];
    let within = |rest: &[&str]| run(Command::new("nsenter").args(words).args(rest));
    within(&["mount", "--bind", &fake.display().to_string(), "/usr/sbin/ip"])?;
    let mut watched =
        Watched::start(stage.command(&["--config", config, "--json", "apply", "lab", "swap", "write", "--yes"]));
    watched.wait_for("step-started", step);
    let come = wait_until("the command is there", SERVED, || Ok(mark.exists().then_some(())));
    watched.signal(Signal::KILL);
    let ran = watched.end();
    within(&["umount", "-l", "/usr/sbin/ip"])?;
    come?;
    Ok(ran)
}

/// `history` tells of all of it, and a file that is broken does not hide the others.
fn history(stage: &Stage<'_>) -> Outcome {
    let look = || -> Value {
        let ran = Watched::start(stage.command(&["--json", "history", "lab"])).end();
        ran.ends(0).events.last().cloned().expect("a history")
    };
    let before = look();
    let runs = before["runs"].as_array().expect("runs");
    let of = |state: &str| runs.iter().filter(|run| run["ended"] == state).collect::<Vec<_>>();
    let cut = of("cut-off");
    assert!(cut.len() >= 2, "{before:#}");
    assert!(cut.iter().all(|run| run["at_step"] == "catch-up-db2" && run["writes_out_ms"].is_null()), "{before:#}");
    assert!(cut.iter().all(|run| run["writes_out_since"].is_string()), "{before:#}");
    let continued: Vec<_> = runs.iter().filter(|run| run["continues"].is_string()).collect();
    let names: Vec<&Value> = cut.iter().map(|run| &run["run"]).collect();
    assert!(continued.iter().any(|run| names.contains(&&run["continues"])), "{before:#}");
    for run in of("done") {
        assert!(run["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{run:#}");
        assert!(run["by"]["user"].is_string() && run["by"]["host"].is_string(), "{run:#}");
        for when in ["before", "after"] {
            let nodes = run[when].as_array().expect("nodes");
            assert!(nodes.len() == 2 && nodes.iter().all(|node| node["position"]["known"].is_string()), "{run:#}");
        }
    }
    let began: Vec<&str> = runs.iter().filter_map(|run| run["began"].as_str()).collect();
    assert!(began.is_sorted_by(|a, b| a >= b), "the newest first: {began:?}");
    // a line of the newest one is changed
    let file = runs[0]["file"].as_str().expect("its file");
    let text = fs::read_to_string(file).expect("a journal");
    assert_eq!(fs::metadata(file).expect("its file").permissions().mode() & 0o777, 0o600);
    fs::write(file, text.replacen("\"ready\"", "\"raedy\"", 1)).expect("the lab's folder");
    let after = look();
    assert_eq!(after["runs"].as_array().map(Vec::len), Some(runs.len()));
    assert!(after["runs"][0]["trouble"].as_str().is_some_and(|why| why.starts_with("line ")), "{after:#}");
    fs::write(file, "garbage\n").expect("the lab's folder");
    let people = Watched::start(stage.command(&["history"])).end();
    people
        .ends(0)
        .says_out("this journal tells nothing")
        .says_out("cut off in")
        .says_out("swap write")
        .says_out("taken back by");
    fs::write(file, text).expect("the lab's folder");
    Ok(())
}

/// Nothing was changed by then, and nobody is told otherwise.
fn before_gate(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut writing = stage.writing()?;
    let mut run = stage.swap(LIMITS);
    run.wait_for("step-started", "drain-db1");
    run.signal(Signal::KILL);
    let ran = run.end();
    stage.was_killed(IDLE)?;
    writing.exec("COMMIT")?;
    drop(writing);
    for word in ["resume", "abort"] {
        Watched::start(stage.command(&[word, "lab", "--yes"])).end().ends(0).says_out("nothing to do");
    }
    let status = told(&Watched::start(stage.command(&["status", "lab"])).end());
    assert!(!status.contains("flipper resume"), "{status}");
    stage.stands(&[Node::Db1], Node::Db1);
    stage.over(scene, &ran, 0)
}

/// Another machine takes the move back, of which the journal here knows nothing. An hour later `resume --yes` here would
/// move a healthy pair.
fn settled_elsewhere(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let mut held = stage.held("write_outage: \"20s\"")?;
    stage.told_of("catch-up-db2")?;
    held.run.signal(Signal::KILL);
    held.let_go();
    let ran = held.run.end();
    stage.was_killed(IDLE)?;
    let home = |folder: &str, words: &[&str]| {
        let mut command = stage.command(words);
        command.env("XDG_STATE_HOME", stage.lab.dir().join(folder));
        Watched::start(command).end()
    };
    home("elsewhere", &["--json", "abort", "lab", "--yes"]).ends(0);
    stage.stands(&[Node::Db1], Node::Db1);
    an_hour_older(&stage.lab.dir().join("state/flipper/lab"));
    let status = || told(&Watched::start(stage.command(&["status", "lab"])).end());
    assert!(status().contains("flipper resume lab"), "nobody here knows of it: {}", status());
    let resumed = Watched::start(stage.command(&["--json", "resume", "lab", "--yes"])).end();
    resumed.ends(11).says("flipper::resume::in_order").says("flipper resume lab");
    stage.stands(&[Node::Db1], Node::Db1);
    // whoever sees that all but the last word is said keeps that
    Watched::start(stage.command(&["abort", "lab", "--yes"])).end().ends(0);
    assert!(!status().contains("flipper resume lab"), "{}", status());
    Watched::start(stage.command(&["resume", "lab", "--yes"])).end().ends(0).says_out("nothing to do");
    stage.stands(&[Node::Db1], Node::Db1);
    stage.over(scene, &ran, 0)
}

/// The journals in that folder were written an hour ago.
fn an_hour_older(folder: &Path) {
    for entry in fs::read_dir(folder).expect("journals") {
        let path = entry.expect("a journal").path();
        let (mut chain, mut older) = (String::new(), String::new());
        for line in fs::read_to_string(&path).expect("a journal").lines() {
            let (open, _) = line.rsplit_once(",\"chain\":\"").expect("a line's hash");
            let (at, rest) = open.strip_prefix("{\"at\":\"").and_then(|rest| rest.split_once('"')).expect("its time");
            let then = humantime::parse_rfc3339(at).expect("a time") - Duration::from_secs(3600);
            let open = format!("{{\"at\":\"{}\"{rest}", humantime::format_rfc3339_micros(then));
            let hash = Sha256::digest(format!("{chain}{open}}}"));
            chain = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            older += &format!("{open},\"chain\":\"{chain}\"}}\n");
        }
        fs::write(&path, older).expect("a journal");
    }
}

/// The operator's host loses power: its sessions, and with them the lock, stay until the servers take them for gone.
/// Whoever comes is told since when, and how long it takes; `resume` waits.
fn dead_lock(stage: &Stage<'_>) -> Outcome {
    let scene = stage.scene()?;
    let limits = "connect: \"5s\", fence: \"1s\", write_outage: \"3s\", rollback: \"12s\"";
    let mut held = stage.held(limits)?;
    stage.lab.cable(Host::Operator, false)?;
    // its last words to the servers are lost, and not said again
    let retries =
        |count: &str| stage.lab.on(Host::Operator, &["sysctl", "-qw", &format!("net.ipv4.tcp_orphan_retries={count}")]);
    assert!(retries("1")?.status.success());
    held.run.signal(Signal::KILL);
    held.let_go();
    let ran = held.run.end();
    std::thread::sleep(Duration::from_secs(3));
    retries("0")?;
    stage.lab.cable(Host::Operator, true)?;
    let config = stage.config(limits);
    // on MariaDB somebody waits behind the dead run's read lock, and that is seen first
    let over = ["--override", "table-lock"];
    let words = ["--config", &config, "apply", "lab", "set", "write", "db1", "--yes"];
    let second = Watched::start(stage.command(&[&words[..], &over].concat()));
    let second = second.end();
    if second.code == Some(13) {
        second.says("flipper from 10.77.0.1").says("since").says("last heard of").says("at the latest");
    }
    let begun = Instant::now();
    let resume = || Watched::start(stage.command(&["--config", &config, "--json", "resume", "lab", "--yes"])).end();
    let mut resumed = resume();
    for _ in 0..2 {
        // a machine whose shell needs longer than a second is not made the writer's: then all is as it was, and nobody is open
        if resumed.code == Some(21) && resumed.has_said("the pair is as it was before this run") {
            stage.stands(&[], Node::Db1);
            resumed = resume();
        }
    }
    resumed.ends(0);
    stage.note(format!("apply exit {:?}; resumed after {} ms", second.code, begun.elapsed().as_millis()));
    assert_eq!(second.code, Some(13), "{second}");
    stage.stands(&[Node::Db2], Node::Db2);
    // its other sessions have no lock, and the time of a run that waits for the drain
    wait_until("its last session ends", Duration::from_secs(40), || {
        let left = stage.lab.leftovers()?;
        Ok(left.iter().all(|found| found.contains(": process ")).then_some(()))
    })?;
    stage.was_killed(IDLE)?;
    stage.over_with(scene, &ran, None)?;
    Watched::start(stage.command(&["--json", "apply", "lab", "swap", "write", "--yes"])).end().ends(0);
    Ok(())
}

/// Refused, unless told to go without.
fn no_journal(stage: &Stage<'_>) -> Outcome {
    let file = stage.lab.dir().join("own-file");
    fs::write(&file, "").expect("the lab's folder");
    let without = |words: &[&str]| {
        let mut command = stage.command(words);
        command.env("XDG_STATE_HOME", &file);
        Watched::start(command).end()
    };
    let refused = without(&["--json", "apply", "lab", "swap", "write", "--yes"]);
    refused.ends(11).says("flipper::journal::unwritable").says("--no-journal");
    stage.stands(&[Node::Db1], Node::Db1);
    for _ in 0..2 {
        without(&["--json", "apply", "lab", "swap", "write", "--yes", "--no-journal"]).ends(0);
    }
    // looking needs none
    without(&["status", "lab"]).ends(0);
    Ok(())
}
