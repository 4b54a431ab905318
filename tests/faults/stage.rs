//! A pair on which things go wrong at chosen moments.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::Outcome;
use crate::guard::Guard;
use crate::lab::error::{LabError, Result};
use crate::lab::load::Load;
use crate::lab::net::{self, READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::run::wait_until;
use crate::lab::session::Session;
use crate::lab::{Host, Lab, Node, User, replication};
use crate::watched::{Ran, Watched};

/// What a login may take where that is not what is looked at: on a busy machine it takes seconds.
pub(crate) const PATIENT: &str = "connect: \"10s\"";
pub(crate) const SERVED: Duration = Duration::from_secs(10);
/// Shorter than a server waits for a run that it takes for gone: what ends by that alone is found.
const GONE: Duration = Duration::from_secs(8);
/// After a cable was out for up to half a minute: a host tries again what it could not send after ever longer pauses, the
/// last of them as long as all before.
pub(crate) const RETRANSMITTED: Duration = Duration::from_secs(75);
/// A hardware address that nobody has: what is sent there is lost, silently.
const NOBODY: &str = "02:00:00:00:00:99";

pub(crate) struct Stage<'a> {
    pub(crate) lab: &'a Lab,
    notes: RefCell<Vec<String>>,
    /// Processes of a flipper that was killed, and when they must be gone.
    ghosts: RefCell<Vec<String>>,
    gone_by: Cell<Option<Instant>>,
    files: Cell<u32>,
}

/// Clients at work, and an eye on both servers.
pub(crate) struct Scene {
    pub(crate) load: Load,
    guard: Guard,
    begun: Instant,
}

/// A run between the fence and the opening: the standby cannot execute what it is to catch up with.
pub(crate) struct Held {
    pub(crate) run: Watched,
    pub(crate) blocker: Option<Session>,
}

impl Held {
    /// The standby can go on.
    pub(crate) fn let_go(&mut self) {
        self.blocker = None;
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Result<Self> {
        lab.write_config_text(&lab.config().limits(PATIENT).text())?;
        let admin = lab.admin(Node::Db1);
        admin.exec("CREATE TABLE app.scratch (id INT PRIMARY KEY, x INT)")?;
        admin.exec("INSERT INTO app.scratch VALUES (1, 0)")?;
        lab.settle()?;
        let (notes, ghosts) = Default::default();
        Ok(Self { lab, notes, ghosts, gone_by: Cell::default(), files: Cell::default() })
    }

    /// Something to print beside the case.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.notes.borrow_mut().push(text.into());
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.take()
    }

    pub(crate) fn scene(&self) -> Result<Scene> {
        let load = self.lab.load(3, 150)?;
        load.wait_for(20, SERVED)?;
        Ok(Scene { load, guard: Guard::watch(self.lab), begun: Instant::now() })
    }

    /// The end of a scene: clients are served, by `changes` other servers in turn; both servers were never open; no row is
    /// lost. Prints the exit code and how long the clients were silent.
    #[track_caller]
    pub(crate) fn over(&self, scene: Scene, ran: &Ran, changes: usize) -> Outcome {
        self.over_with(scene, ran, Some(changes))
    }

    /// The same, when it is not certain whether a client came to another server in between.
    #[track_caller]
    pub(crate) fn over_with(&self, scene: Scene, ran: &Ran, changes: Option<usize>) -> Outcome {
        scene.load.wait_for(30, SERVED)?;
        let until = scene.load.mark();
        scene.guard.never_both();
        let report = scene.load.stop()?;
        let silence = report.silence_between(scene.begun, until);
        self.note(format!("exit {}", ran.code.map_or("signal".to_owned(), |code| code.to_string())));
        self.note(format!("silence {} ms", silence.as_millis()));
        let found = report.changes().len();
        assert!(changes.is_none_or(|changes| changes == found), "{found} changes: {report}: {ran}");
        let verdict = report.check(self.lab)?;
        assert!(verdict.is_clean(), "{verdict:?}: {ran}");
        Ok(())
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.operator(Path::new(env!("CARGO_BIN_EXE_flipper")));
        command.args(words).current_dir(self.lab.dir()).env("NO_COLOR", "1");
        command
    }

    /// A config with these limits, and a patient one where nothing is said of it.
    pub(crate) fn config(&self, limits: &str) -> String {
        let patient = if limits.contains("connect:") { "" } else { PATIENT };
        let limits = [patient, limits].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        self.files.set(self.files.get() + 1);
        let file = self.lab.dir().join(format!("own-{}.ron", self.files.get()));
        fs::write(&file, self.lab.config().limits(&limits).text()).expect("the operator's folder");
        file.display().to_string()
    }

    /// A move of the write role, with these limits.
    pub(crate) fn swap(&self, limits: &str) -> Watched {
        let config = self.config(limits);
        // a long statement that is there already would be seen: what it leads to is what is looked at here
        let words = ["apply", "lab", "swap", "write", "--yes", "--override", "long-write"];
        Watched::start(self.command(&[&["--config", &config, "--json"][..], &words].concat()))
    }

    /// A client of the write role in the middle of a transaction: a run waits for it as long as its `drain`.
    pub(crate) fn writing(&self) -> Result<Session> {
        let mut session = self.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
        session.exec("BEGIN")?;
        session.exec("INSERT INTO app.load (client, seq, server) VALUES (800000, 0, @@server_id)")?;
        Ok(session)
    }

    /// A run that stays between the fence and the opening until it is let go.
    pub(crate) fn held(&self, limits: &str) -> Result<Held> {
        let mut writing = self.writing()?;
        let mut run = self.swap(&format!("drain: \"8s\", {limits}"));
        run.wait_for("step-started", "drain-db1");
        let mut blocker = self.lab.admin(Node::Db2).session()?;
        // what is replicated to this table waits; everything else goes on
        blocker.exec("LOCK TABLES app.load READ")?;
        writing.exec("COMMIT")?;
        let committed = Instant::now();
        run.wait_for("step-started", "catch-up-db2");
        let waited = committed.elapsed();
        assert!(waited < Duration::from_secs(6), "the drain ends with the transactions, not after {waited:?}");
        Ok(Held { run, blocker: Some(blocker) })
    }

    /// What either sends the other is lost on the way; nobody is told.
    pub(crate) fn cut(&self, one: Host, other: Host, cut: bool) -> Outcome {
        self.lose(one, other.address(), cut)?;
        self.lose(other, one.address(), cut)
    }

    /// What a host sends to an address is lost on the way.
    pub(crate) fn lose(&self, from: Host, address: &str, lost: bool) -> Outcome {
        let words = match lost {
            true => vec!["ip", "neigh", "replace", address, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent"],
            false => vec!["ip", "neigh", "del", address, "dev", "eth0"],
        };
        let output = self.lab.on(from, &words)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(LabError::new(words.join(" "), String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// The operator's ssh processes for a node, which carry all commands to it.
    pub(crate) fn carriers(&self, node: Node) -> Result<Vec<Pid>> {
        let mut found = vec![];
        for pid in net::pids(self.lab.id(), Host::Operator)? {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            found.extend(pid.filter(|_| words.contains("ssh") && words.contains(node.host().address())));
        }
        Ok(found)
    }

    /// Waits until the run's journal tells that the step was begun: while writes are out the run does not wait for the disk,
    /// and whoever kills it at once may kill the last lines too.
    pub(crate) fn told_of(&self, step: &str) -> Outcome {
        wait_until("the journal tells of the step", SERVED, || {
            let ran = Watched::start(self.command(&["--json", "history", "lab"])).end();
            ran.ends(0);
            let history = ran.events.last().expect("a history");
            let goes_on = history["runs"].as_array().and_then(|runs| runs.iter().find(|run| run["ended"] == "running"));
            match goes_on {
                Some(run) if run["at_step"] == step => Ok(Some(())),
                Some(run) => Err(LabError::new("reading the journal", run)),
                None => Err(LabError::new("reading the journal", "no run goes on")),
            }
        })
    }

    fn holders(&self, address: &str) -> Vec<Node> {
        let holds = |node: &Node| {
            let held = self.lab.addresses(*node).unwrap_or_default();
            held.iter().any(|held| held.starts_with(&format!("{address}/")))
        };
        Node::BOTH.into_iter().filter(holds).collect()
    }

    /// Which servers are open; one that is down is not.
    pub(crate) fn open(&self) -> Vec<Node> {
        let open = |node: &Node| self.lab.admin(*node).value("SELECT @@GLOBAL.read_only").is_ok_and(|on| on == "0");
        Node::BOTH.into_iter().filter(open).collect()
    }

    /// Which nodes have the write address.
    pub(crate) fn has_write(&self) -> Vec<Node> {
        self.holders(WRITE_ADDRESS)
    }

    /// These servers are open, and the write address is on this node only.
    #[track_caller]
    pub(crate) fn stands(&self, open: &[Node], write: Node) {
        assert_eq!((&self.open()[..], &self.holders(WRITE_ADDRESS)[..]), (open, &[write][..]), "open, write address");
    }

    /// Nothing keeps a privileged session from writing on a node: no read lock of a fence is left there.
    pub(crate) fn no_read_lock(&self, node: Node) -> Outcome {
        self.lab.admin(node).exec_all(&["SET SESSION lock_wait_timeout=1", "UPDATE app.scratch SET x=x+1 WHERE id=1"])
    }

    /// A move there and back.
    #[track_caller]
    pub(crate) fn moves(&self) {
        let config = self.config("");
        for writer in [Node::Db2, Node::Db1] {
            let words = ["--config", &config, "--json", "apply", "lab", "swap", "write", "--yes"];
            Watched::start(self.command(&words)).end().ends(0);
            self.stands(&[writer], writer);
        }
    }

    /// Where every case starts: db1 open with the write address, db2 with the read address, replication both ways.
    pub(crate) fn at_home(&self) -> Outcome {
        self.stands(&[Node::Db1], Node::Db1);
        assert_eq!(self.holders(READ_ADDRESS), [Node::Db2]);
        for node in Node::BOTH {
            replication::wait_running(&self.lab.admin(node), node)?;
        }
        self.nothing_left()?;
        self.moves();
        self.nothing_left()?;
        self.lab.settle()
    }

    pub(crate) fn nothing_left(&self) -> Outcome {
        wait_until("nothing of flipper is left", GONE, || {
            let ghosts = self.ghosts.borrow();
            let mut left = self.lab.leftovers()?;
            left.retain(|found| !ghosts.contains(found));
            match left.is_empty() {
                true => Ok(Some(())),
                false => Err(LabError::new("looking for what is left", left.join("; "))),
            }
        })
    }

    /// flipper was killed just now: its sessions and locks go at once, what ssh has started may stay for `limit`.
    pub(crate) fn was_killed(&self, limit: Duration) -> Outcome {
        wait_until("the sessions of a killed flipper end", GONE, || {
            let left = self.lab.leftovers()?;
            if left.iter().all(|found| found.contains(": process ")) {
                self.ghosts.replace(left);
                return Ok(Some(()));
            }
            Err(LabError::new("looking for its sessions", left.join("; ")))
        })?;
        self.gone_by.set(Some(Instant::now() + limit));
        Ok(())
    }

    /// Not even of a flipper that was killed: its ssh has ended by itself.
    pub(crate) fn nothing_left_at_last(&self) -> Outcome {
        let limit = self.gone_by.get().map_or(GONE, |end| end.saturating_duration_since(Instant::now()).max(GONE));
        self.lab.wait_for_no_leftovers(limit)
    }
}
