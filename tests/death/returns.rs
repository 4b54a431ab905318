//! A machine that was declared dead starts anew, by its own files: what `check` has said of that comes true.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::guard::Guard;
use crate::lab::machine::FLOATING;
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::{Host, Node, Server, replication};
use crate::scene::{DB1, SERVED, Scene, Theatre, starts};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("the host is cut off, starts open with its address, and is plugged in then", cut_off),
    ("the host was cut off, and starts open with its address within reach", within_reach),
    ("what check has said is mended, and the host that was cut off comes back closed", mended),
];

const BY_HAND: [&str; 3] = ["--fenced-by-hand", "db1", "--accept-loss"];

/// When its cable is plugged in again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plugged {
    /// Once its machine has started.
    Afterwards,
    /// While it is off.
    Before,
}

fn cut_off(theatre: &Theatre<'_>) -> Outcome {
    let mut scene = forgotten(theatre)?;
    // the way between the two breaks first, so that something is lost
    scene.dies(|| theatre.stage.cut(Host::Db1, Host::Db2, true))?;
    scene.load.wait_for(60, SERVED)?;
    theatre.lab().cable(DB1, false)?;
    theatre.stage.cut(Host::Db1, Host::Db2, false)?;
    scene.asks(theatre, &["--accept-loss"]).ends(11).says("not-fenced").says("--fenced-by-hand db1");
    let asked = scene.asks(theatre, &["--fenced-by-hand", "db1"]);
    asked.ends(11).says("may-lose").never_says("not-fenced");
    scene.counts(theatre, &asked)?;
    let lost = scene.fails_over(theatre, "host cut off, fenced by hand", &BY_HAND)?;
    // some of the sixty may have been on their way
    assert!(lost >= 50, "{lost} rows lost, and 60 were acknowledged after that");
    second_writer(theatre, Plugged::Afterwards)
}

fn within_reach(theatre: &Theatre<'_>) -> Outcome {
    let mut scene = forgotten(theatre)?;
    scene.dies(|| theatre.lab().cable(DB1, false))?;
    scene.asks(theatre, &BY_HAND).ends(0);
    scene.fails_over(theatre, "host cut off, started within reach", &BY_HAND)?;
    second_writer(theatre, Plugged::Before)
}

/// Clients at work on a pair where somebody has forgotten two things on db1: an address in a network file, and what makes
/// its server open when it starts. `check` knows both.
fn forgotten(theatre: &Theatre<'_>) -> Result<Scene, crate::LabError> {
    let lab = theatre.lab();
    let (safe, _) = option_file(lab.server());
    // started with a file, as servers are, which says nothing wrong
    lab.option_file(Node::Db1, Some(safe))?;
    lab.stop_server(Node::Db1, Signal::TERM)?;
    starts(theatre, Node::Db1)?;
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    said(theatre, 0).finds("address-at-boot", "ok", &[]).finds("opens-at-boot", "ok", &[]);
    lab.network_file(Node::Db1, Some(STANZA))?;
    let by = match lab.server() {
        // what was persisted is read last, over a safe file
        Server::MySql => {
            lab.admin(Node::Db1).exec("SET PERSIST read_only=OFF")?;
            "read_only=OFF, persisted"
        }
        Server::MariaDb => {
            lab.option_file(Node::Db1, Some(option_file(Server::MariaDb).1))?;
            "/my.cnf:2"
        }
    };
    let place = format!("{FLOATING}:{AT}");
    let said = said(theatre, 11);
    said.finds("address-at-boot", "override", &["db1", &place, "take 10.77.0.100 out there on db1"]);
    said.finds("opens-at-boot", "override", &["db1", by, way_out(lab.server())]);
    let boot = &said.0["after_restart"][0]["boot"];
    assert_eq!(boot["files"]["known"][0]["line"], AT, "{boot}");
    assert_eq!(boot["access"]["known"]["access"], "open", "{boot}");
    // the machine's own words, by the place that was named and by the command that `setup` prints
    let line = lab.ssh(Node::Db1, &["sed", "-n", &format!("{AT}p"), FLOATING])?;
    assert!(String::from_utf8_lossy(&line.stdout).contains(WRITE_ADDRESS), "{line:?}");
    let setup = theatre.flipper(&["setup", "lab", "--node", "db1", "--only", "network"]);
    let setup = setup.ends(0).text();
    let looks = setup.lines().find_map(|line| line.strip_prefix("#   ")).unwrap_or_default();
    let found = lab.ssh(Node::Db1, &[looks])?;
    assert!(String::from_utf8_lossy(&found.stdout).contains(&place), "{looks}: {found:?}");
    theatre.scene()
}

/// The write address, as administrators add one.
const STANZA: &str =
    "# clients write here\nauto eth0:1\niface eth0:1 inet static\n    address 10.77.0.100/32\n    # until it moves\n";

/// The line in it that names the address.
const AT: u64 = 4;

/// An option file that lets a server start closed, and the one that somebody has made of it.
fn option_file(server: Server) -> (&'static str, &'static str) {
    match server {
        Server::MySql => ("[mysqld]\nread_only=ON\n", "[mysqld]\nread_only=ON\n"),
        Server::MariaDb => ("[mariadbd]\nread_only=ON\n", "[mariadbd]\nread_only=OFF\n"),
    }
}

/// What `check` tells to do about it.
fn way_out(server: Server) -> &'static str {
    match server {
        Server::MySql => "RESET PERSIST read_only, and SET PERSIST_ONLY super_read_only=ON on db1",
        Server::MariaDb => "read_only=ON in line 2 of ",
    }
}

/// What `check` has said.
struct Said(Value);

#[track_caller]
fn said(theatre: &Theatre<'_>, code: i32) -> Said {
    let ran = theatre.flipper(&["--json", "check", "lab"]);
    ran.ends(code);
    Said(ran.events.first().cloned().unwrap_or_default())
}

impl Said {
    /// This check comes to that, in these words.
    #[track_caller]
    fn finds(&self, id: &str, verdict: &str, words: &[&str]) -> &Self {
        let checks = self.0["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["id"] == id).expect("a check of that id");
        assert_eq!(check["verdict"], verdict, "{check}");
        let text = check["found"].to_string();
        assert!(words.iter().all(|words| text.contains(words)), "{words:?}: {text}");
        self
    }
}

/// Its machine is switched off.
fn off(theatre: &Theatre<'_>) -> Outcome {
    theatre.lab().stop_server(Node::Db1, Signal::KILL)?;
    theatre.lab().network_stops(Node::Db1)
}

/// Its machine starts: the network by its files, the server by what it has kept. Nobody adds anything.
fn on(theatre: &Theatre<'_>) -> Outcome {
    theatre.lab().network_starts(Node::Db1)?;
    starts(theatre, Node::Db1)
}

/// It comes back open and with its address, where clients reach it: two writers, until flipper is told to end that.
fn second_writer(theatre: &Theatre<'_>, plugged: Plugged) -> Outcome {
    let lab = theatre.lab();
    let again = theatre.scene()?;
    off(theatre)?;
    assert_eq!(theatre.holders(WRITE_ADDRESS), [Node::Db2]);
    if plugged == Plugged::Before {
        lab.cable(DB1, true)?;
    }
    on(theatre)?;
    let access = lab.admin(Node::Db1).value("SELECT @@GLOBAL.read_only")?;
    assert_eq!(access, "0", "nobody but the server itself has opened it");
    if plugged == Plugged::Afterwards {
        lab.cable(DB1, true)?;
    }
    assert_eq!(theatre.holders(WRITE_ADDRESS), [Node::Db1, Node::Db2], "nobody but its network file has brought it up");
    let status = theatre.status();
    assert!(status.contains("db1 was declared dead"), "{status}");
    theatre.flipper(&["plan", "lab", "swap", "write"]).ends(11);
    theatre.flipper(&["check", "lab"]).ends(11).says("opens-at-boot").says("address-at-boot").says("deposed");
    theatre.flipper(&["check", "lab"]).ends(11).says("both-open").says("address-on-both");
    // flipper ends that, and adds nothing to it
    // clients may write to it until then: only a run can say what is true by now, a plan of a moment ago cannot
    let ran = theatre.flipper(&["--json", "apply", "lab", "rejoin", "db1", "--yes"]);
    let errant = ran.code != Some(0);
    if errant {
        ran.says("db1 has transactions that db2 lacks");
        theatre.moves(&["drain", "db1"]);
    }
    // an answer that was under way may have come by then, to clients who are not quick
    std::thread::sleep(Duration::from_secs(1));
    let closed = again.load.mark();
    theatre.stage.stands(&[Node::Db2], Node::Db2);
    again.load.wait_for(60, Duration::from_secs(10))?;
    let report = again.load.stop()?;
    let acks = || report.clients.iter().flat_map(|client| &client.acks);
    let late = acks().filter(|ack| ack.at > closed && ack.server == 1).count();
    assert_eq!(late, 0, "one writer from then on: {report}");
    let strays = acks().filter(|ack| ack.server == 1).count();
    assert!(errant || strays == 0, "{strays} rows are on db1 only: {report}");
    theatre.stage.note(if errant {
        format!("{strays} rows went to it before flipper closed it; it was built anew")
    } else {
        "it came back open, and followed".to_owned()
    });
    if errant {
        theatre.rebuild(Node::Db1)?;
        // what it has kept is not gone with its data
        lab.stop_server(Node::Db1, Signal::TERM)?;
        starts(theatre, Node::Db1)?;
        assert_eq!(lab.admin(Node::Db1).value("SELECT @@GLOBAL.read_only")?, "0");
    }
    theatre.rejoins(Node::Db1)?;
    theatre.stage.moves();
    as_before(theatre)
}

/// The same machine, once somebody has done what `check` says: it starts closed and without an address, follows, and
/// nobody who writes feels anything.
fn mended(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mut scene = forgotten(theatre)?;
    lab.network_file(Node::Db1, None)?;
    match lab.server() {
        Server::MySql => {
            lab.admin(Node::Db1).exec_all(&["RESET PERSIST read_only", "SET PERSIST_ONLY super_read_only=ON"])?
        }
        Server::MariaDb => lab.option_file(Node::Db1, Some(option_file(Server::MariaDb).0))?,
    }
    said(theatre, 0).finds("address-at-boot", "ok", &[]).finds("opens-at-boot", "ok", &[]);
    // in a moment in which all that it has committed has arrived: what has not is another case's
    let mut still = lab.admin(Node::Db1).session()?;
    still.exec("FLUSH TABLES WITH READ LOCK")?;
    lab.settle()?;
    scene.dies(|| lab.cable(DB1, false))?;
    scene.asks(theatre, &BY_HAND).ends(0);
    scene.fails_over(theatre, "host cut off in a quiet moment", &BY_HAND)?;
    let again = theatre.scene()?;
    let guard = Guard::watch(lab);
    off(theatre)?;
    drop(still);
    lab.cable(DB1, true)?;
    on(theatre)?;
    theatre.stage.stands(&[Node::Db2], Node::Db2);
    let status = theatre.status();
    assert!(status.contains("db1 was declared dead"), "{status}");
    theatre.flipper(&["plan", "lab", "set", "write", "db1"]).ends(11).says("deposed");
    theatre.flipper(&["plan", "lab", "rejoin", "db1"]).ends(0);
    theatre.moves(&["rejoin", "db1"]);
    assert!(!theatre.status().contains("was declared dead"), "{}", theatre.status());
    again.load.wait_for(60, Duration::from_secs(10))?;
    guard.never_both();
    let report = again.load.stop()?;
    let strays = report.clients.iter().flat_map(|client| &client.acks).filter(|ack| ack.server != 2).count();
    assert!(strays == 0 && report.changes().is_empty(), "{strays} rows were taken by somebody else: {report}");
    theatre.stage.note(format!("silence {} ms while it came back", report.slowest().as_millis()));
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    for (role, node) in [("write", "db1"), ("read", "db2")] {
        theatre.moves(&["set", role, node]);
    }
    theatre.stage.moves();
    as_before(theatre)
}

fn as_before(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    if lab.server() == Server::MySql {
        lab.admin(Node::Db1).exec("RESET PERSIST")?;
    }
    lab.network_file(Node::Db1, None)?;
    lab.option_file(Node::Db1, None)
}
