//! What goes wrong, and how it is repaired.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::Outcome;
use crate::lab::error::{LabError, Result};
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::session::Session;
use crate::lab::{Host, Node, User};
use crate::stage::Stage;
use crate::watched::Watched;

/// `ER_CON_COUNT_ERROR`.
const TOO_MANY: u16 = 1040;
/// A stopped flipper, as on a machine that is suspended or swaps.
const STANDS_STILL: Duration = Duration::from_secs(10);

/// Kills what carries the operator's commands to a node.
fn kill_ssh(stage: &Stage<'_>, node: Node) -> Outcome {
    let killed = stage.carriers(node)?.into_iter().filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count();
    // at its end the run may have closed it by itself
    match killed {
        0 if stage.lab.leftovers()?.iter().any(|found| found.contains("session ")) => {
            Err(LabError::new("killing ssh", format!("none for {} is there", node.name())))
        }
        _ => Ok(()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    Killed,
    Interrupted,
    InterruptedTwice,
    CrashOld,
    CrashNew,
    HangOld,
    HangNew,
    CutOld,
    CutNew,
    CutPair,
    SshOld,
    SshNew,
    Statement,
    Update,
    Lock,
    IdleTransaction,
    SecondOperator,
    FullOld,
    FullNew,
    Stopped,
}

impl Fault {
    /// In the order in which they are tried: what flipper does alone first, what takes longest last.
    pub(crate) const ALL: [Self; 21] = [
        Self::Nothing,
        Self::Killed,
        Self::Statement,
        Self::Interrupted,
        Self::InterruptedTwice,
        Self::CrashOld,
        Self::CrashNew,
        Self::HangOld,
        Self::HangNew,
        Self::CutOld,
        Self::CutNew,
        Self::CutPair,
        Self::SshOld,
        Self::SshNew,
        Self::Update,
        Self::Lock,
        Self::IdleTransaction,
        Self::SecondOperator,
        Self::FullOld,
        Self::FullNew,
        Self::Stopped,
    ];

    pub(crate) fn word(self) -> &'static str {
        self.words().0
    }

    /// For the page.
    pub(crate) fn sentence(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("nothing", "nothing goes wrong"),
            Self::Killed => ("sigkill", "SIGKILL of flipper"),
            Self::Interrupted => ("sigint-once", "SIGINT once"),
            Self::InterruptedTwice => ("sigint-twice", "Ctrl-C twice (SIGINT and SIGTERM at once)"),
            Self::CrashOld => ("kill-old", "the old writer's server is killed"),
            Self::CrashNew => ("kill-new", "the new writer's server is killed"),
            Self::HangOld => ("hang-old", "the old writer's server hangs (SIGSTOP)"),
            Self::HangNew => ("hang-new", "the new writer's server hangs (SIGSTOP)"),
            Self::CutOld => ("cut-op-old", "operator ↔ old writer cut"),
            Self::CutNew => ("cut-op-new", "operator ↔ new writer cut"),
            Self::CutPair => ("cut-old-new", "old writer ↔ new writer cut"),
            Self::SshOld => ("ssh-old", "ssh master of the old writer killed"),
            Self::SshNew => ("ssh-new", "ssh master of the new writer killed"),
            Self::Statement => ("statement-60s", "a statement of 60 s on the old writer"),
            Self::Update => ("update-20s", "an UPDATE of 20 s on the old writer"),
            Self::Lock => ("lock-tables", "LOCK TABLES … WRITE on the old writer"),
            Self::IdleTransaction => ("idle-transaction", "an idle transaction with changes on the old writer"),
            Self::SecondOperator => ("second-operator", "a second operator moves the same role"),
            Self::FullOld => ("full-old", "connections of the old writer exhausted"),
            Self::FullNew => ("full-new", "connections of the new writer exhausted"),
            Self::Stopped => ("sigstop-10s", "flipper stands still for 10 s (SIGSTOP, SIGCONT)"),
        }
    }

    /// What flipper has open may be cut off in the middle, and then stays until the other end notices.
    pub(crate) fn cuts(self) -> bool {
        !matches!(
            self,
            Self::Nothing
                | Self::Interrupted
                | Self::InterruptedTwice
                | Self::Statement
                | Self::Update
                | Self::Lock
                | Self::IdleTransaction
                | Self::SecondOperator
                | Self::FullOld
                | Self::FullNew
        )
    }

    /// This server comes back read-only, whatever it was.
    pub(crate) fn restarts(self) -> bool {
        matches!(self, Self::CrashOld | Self::CrashNew)
    }

    /// What a client of the old writer does, where it is a client that is in the way.
    fn statements(self) -> &'static [&'static str] {
        match self {
            Self::Statement => &["UPDATE app.scratch SET x = SLEEP(60) WHERE id = 1"],
            Self::Update => &["UPDATE app.scratch SET x = SLEEP(20) WHERE id = 1"],
            Self::Lock => &["LOCK TABLES app.scratch WRITE"],
            Self::IdleTransaction => &["BEGIN", "UPDATE app.scratch SET x = x + 1 WHERE id = 1"],
            _ => &[],
        }
    }
}

/// A client in the way, in a thread of its own: what it asks for may wait, and flipper may be what it waits for.
struct Client {
    id: u32,
    release: Sender<()>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Client {
    fn start(mut session: Session, statements: &'static [&'static str]) -> Self {
        let id = session.id();
        let ((release, released), (tell, done)) = (channel(), channel());
        let thread = std::thread::spawn(move || {
            // a server that refuses it, or ends it, has nobody in its way
            let _ = statements.iter().try_for_each(|sql| session.exec(sql));
            let _ = tell.send(());
            let _ = released.recv();
        });
        Self { id, release, done, thread }
    }
}

/// Something that goes wrong, or is about to.
pub(crate) struct Breakage<'a, 'b> {
    stage: &'a Stage<'b>,
    fault: Fault,
    old: Node,
    new: Node,
    /// Came through the write address before anything happened, as all clients.
    waiting: Option<Session>,
    client: Option<Client>,
    fillers: Vec<Session>,
    full: Option<(Session, String)>,
    second: Option<Watched>,
    second_exit: Option<i32>,
}

impl<'a, 'b> Breakage<'a, 'b> {
    pub(crate) fn prepare(stage: &'a Stage<'b>, fault: Fault, [old, new]: [Node; 2]) -> Result<Self> {
        let client = !fault.statements().is_empty();
        let waiting = client.then(|| stage.lab.session(User::App, Host::Clients, WRITE_ADDRESS)).transpose()?;
        let (client, fillers, full, second, second_exit) = Default::default();
        Ok(Self { stage, fault, old, new, waiting, client, fillers, full, second, second_exit })
    }

    /// Breaks it. A run that is there is stopped at that moment, and goes on afterwards.
    pub(crate) fn happen(&mut self, run: Option<&Watched>, second: impl FnOnce() -> Watched) -> Outcome {
        let (stage, old, new) = (self.stage, self.old, self.new);
        let signal = |signal: Signal| run.into_iter().for_each(|run| run.signal(signal));
        match self.fault {
            Fault::Nothing => {}
            Fault::Killed => signal(Signal::KILL),
            Fault::Interrupted => signal(Signal::INT),
            Fault::InterruptedTwice => {
                // two of a kind would become one while it is stopped
                signal(Signal::INT);
                signal(Signal::TERM);
            }
            Fault::Stopped => std::thread::sleep(STANDS_STILL),
            Fault::CrashOld => stage.lab.stop_server(old, Signal::KILL)?,
            Fault::CrashNew => stage.lab.stop_server(new, Signal::KILL)?,
            Fault::HangOld => stage.lab.signal_server(old, Signal::STOP)?,
            Fault::HangNew => stage.lab.signal_server(new, Signal::STOP)?,
            Fault::CutOld => stage.cut(Host::Operator, old.host(), true)?,
            Fault::CutNew => stage.cut(Host::Operator, new.host(), true)?,
            Fault::CutPair => stage.cut(old.host(), new.host(), true)?,
            Fault::SshOld => kill_ssh(stage, old)?,
            Fault::SshNew => kill_ssh(stage, new)?,
            Fault::Statement | Fault::Update | Fault::Lock | Fault::IdleTransaction => self.come_in_the_way(),
            // together, or while the first one stands at this moment
            Fault::SecondOperator if run.is_none() => self.second = Some(second()),
            Fault::SecondOperator => self.second_exit = second().end().code,
            Fault::FullOld => self.fill(old)?,
            Fault::FullNew => self.fill(new)?,
        }
        signal(Signal::CONT);
        Ok(())
    }

    /// As a service manager would, or whoever pulled the cable. How a second operator's run ended.
    pub(crate) fn repair(&mut self) -> Result<Option<i32>> {
        let (stage, old, new) = (self.stage, self.old, self.new);
        match self.fault {
            Fault::CrashOld => stage.lab.start_server(old)?,
            Fault::CrashNew => stage.lab.start_server(new)?,
            Fault::HangOld => stage.lab.signal_server(old, Signal::CONT)?,
            Fault::HangNew => stage.lab.signal_server(new, Signal::CONT)?,
            Fault::CutOld => stage.cut(Host::Operator, old.host(), false)?,
            Fault::CutNew => stage.cut(Host::Operator, new.host(), false)?,
            Fault::CutPair => stage.cut(old.host(), new.host(), false)?,
            _ => {}
        }
        if let Some(client) = self.client.take() {
            // it may have been ended long ago
            let _ = stage.lab.admin(old).exec(&format!("KILL {}", client.id));
            let _ = client.release.send(());
            client.thread.join().map_err(|_| LabError::new("a client in the way", "its thread panicked"))?;
        }
        self.waiting = None;
        self.fillers.clear();
        if let Some((mut root, most)) = self.full.take() {
            root.exec(&format!("SET GLOBAL max_connections={most}"))?;
        }
        Ok(self.second.take().and_then(|second| second.end().code).or(self.second_exit))
    }

    fn come_in_the_way(&mut self) {
        let Some(session) = self.waiting.take() else { return };
        let client = Client::start(session, self.fault.statements());
        // under way, or answered
        let _ = client.done.recv_timeout(Duration::from_millis(200));
        self.client = Some(client);
    }

    /// Nobody else gets in, except one administrator.
    fn fill(&mut self, node: Node) -> Outcome {
        let mut root = self.stage.lab.admin(node).session()?;
        let most = root.value("SELECT @@GLOBAL.max_connections")?;
        root.exec("SET GLOBAL max_connections=40")?;
        self.full = Some((root, most));
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            match self.stage.lab.session(User::App, Host::Clients, node.host().address()) {
                Ok(session) => self.fillers.push(session),
                Err(full) if full.sql_code() == Some(TOO_MANY) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(LabError::new("filling a server with sessions", format!("{} were let in", self.fillers.len())))
    }
}
