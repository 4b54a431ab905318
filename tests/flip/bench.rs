//! flipper at work on a lab: runs it, keeps what it says, and sees that it leaves nothing behind.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::lab::error::{Doing, LabError};
use crate::lab::run::wait_until;
use crate::lab::{Lab, Node, Server};
use crate::ran::Ran;
use crate::recorder::Recorder;
use crate::schema;

/// No run may take longer, whatever happens to it.
const PATIENCE: Duration = Duration::from_secs(90);
/// The end of a login takes an ssh server a moment.
const GONE: Duration = Duration::from_secs(8);

pub(crate) struct Bench<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) said: Recorder,
    /// Passwords that are not the lab's, which a case has made up.
    made_up: RefCell<Vec<String>>,
    /// Processes of a flipper that was killed, and when they must be gone.
    ghosts: RefCell<Vec<String>>,
    gone_by: Cell<Option<Instant>>,
    files: Cell<u32>,
    /// What `docs/json.md` says of each JSON object.
    documented: BTreeMap<String, BTreeSet<String>>,
}

/// A run that has not ended. Dropping it ends it.
pub(crate) struct Running {
    child: Option<Child>,
    words: String,
    begun: Instant,
    /// What it says, read as it comes: a pipe holds some 64 KiB.
    said: Vec<JoinHandle<String>>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        // what a login may take where that is not what is looked at: on a busy machine it takes seconds
        lab.write_config_text(&lab.config().limits("connect: \"10s\"").text()).expect("the lab's config");
        Self {
            lab,
            said: Recorder::default(),
            made_up: RefCell::default(),
            ghosts: RefCell::default(),
            gone_by: Cell::default(),
            files: Cell::default(),
            documented: schema::documented(),
        }
    }

    pub(crate) fn server(&self) -> Server {
        self.lab.server()
    }

    /// flipper on the operator's host, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.operator(Path::new(env!("CARGO_BIN_EXE_flipper")));
        command.args(words).current_dir(self.lab.dir()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs flipper to its end; nothing may be left of it then.
    pub(crate) fn flipper(&self, words: &[&str]) -> Ran {
        self.run(self.command(words))
    }

    /// The same with a config of its own.
    pub(crate) fn with_config(&self, config: &str, words: &[&str]) -> Ran {
        let file = self.file("ron", config);
        self.flipper(&[&["--config", &file], words].concat())
    }

    pub(crate) fn run(&self, command: Command) -> Ran {
        let ran = self.run_leaving(command, "");
        self.nothing_left();
        ran
    }

    /// Types something to it; whatever is left is the caller's business.
    pub(crate) fn run_leaving(&self, mut command: Command, typed: &str) -> Ran {
        command.stdin(Stdio::piped());
        let mut running = self.start(command);
        if let Some(mut stdin) = running.child.as_mut().and_then(|child| child.stdin.take()) {
            // a run that ended early reads nothing
            let _ = stdin.write_all(typed.as_bytes());
        }
        self.end(running)
    }

    pub(crate) fn start(&self, mut command: Command) -> Running {
        // program: ip netns exec NAMESPACE flipper
        let words: Vec<_> = command.get_args().skip(4).map(|word| word.to_string_lossy().into_owned()).collect();
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("flipper starts");
        let said = vec![heard(child.stdout.take().expect("a pipe")), heard(child.stderr.take().expect("a pipe"))];
        Running { child: Some(child), words: words.join(" "), begun, said }
    }

    /// Waits for the end of a run.
    pub(crate) fn end(&self, mut running: Running) -> Ran {
        let late = running.begun + PATIENCE;
        let mut child = running.child.take().expect("a run ends once");
        let status = loop {
            if let Some(status) = child.try_wait().expect("flipper's state") {
                break Some(status);
            }
            if Instant::now() > late {
                child.kill().and_then(|()| child.wait()).expect("it is ended");
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = running.begun.elapsed();
        let mut said = running.said.drain(..).map(|said| said.join().expect("it is read"));
        let (stdout, stderr) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
        drop(said);
        let Some(status) = status else { panic!("`flipper {}` hangs: {stderr}", running.words) };
        self.said.keep(format!("flipper {}", running.words), format!("{stdout}\n{stderr}"));
        let ran = Ran { words: running.words.clone(), code: status.code(), stdout, stderr, took };
        self.is_documented(&ran);
        ran
    }

    /// Every key of every JSON object is in the documents. A run that was killed may have been cut off in one.
    fn is_documented(&self, ran: &Ran) {
        if ran.words.contains("--json") && ran.code.is_some() {
            let strange: BTreeSet<String> =
                ran.objects().iter().flat_map(|object| schema::undocumented(object, &self.documented)).collect();
            assert!(strange.is_empty(), "docs/json.md does not describe {strange:?}: {ran}");
        }
    }

    /// A file of the operator's, with a name of its own.
    pub(crate) fn file(&self, extension: &str, text: &str) -> String {
        let path = self.new_path(extension);
        fs::write(&path, text).expect("the operator's folder");
        path.display().to_string()
    }

    pub(crate) fn new_path(&self, extension: &str) -> PathBuf {
        self.files.set(self.files.get() + 1);
        self.lab.dir().join(format!("own-{}.{extension}", self.files.get()))
    }

    /// Keeps a file for the search for passwords, and gives its text.
    pub(crate) fn read(&self, path: &str) -> String {
        let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{path}: {why}"));
        self.said.keep(path, text.clone());
        text
    }

    /// A password that only the test knows; it must not be seen anywhere either.
    pub(crate) fn made_up_password(&self) -> String {
        let password = crate::lab::run::random(b"abcdefghijkmnopqrstuvwxyz23456789", 24).expect("random letters");
        self.made_up.borrow_mut().push(password.clone());
        password
    }

    /// No process, lock or session of flipper, and no file of it, but of one that was killed.
    #[track_caller]
    pub(crate) fn nothing_left(&self) {
        self.wait_nothing_left(GONE);
    }

    #[track_caller]
    pub(crate) fn wait_nothing_left(&self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let ghosts = self.ghosts.borrow();
            let mut left = self.lab.leftovers().expect("a look at the nodes");
            left.retain(|found| !ghosts.contains(found));
            if ghosts.is_empty() {
                let files = fs::read_dir(self.lab.dir().join("run")).into_iter().flatten().flatten();
                left.extend(files.map(|file| format!("file {}", file.path().display())));
            }
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "still there after {limit:?}: {}", left.join("; "));
            drop(ghosts);
            std::thread::sleep(Duration::from_millis(20));
        }
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
        // its folder is the one thing that nobody removes for it
        let limit = self.gone_by.get().map_or(GONE, |end| end.saturating_duration_since(Instant::now()).max(GONE));
        self.lab.wait_for_no_leftovers(limit)
    }

    /// Everything that was said and written by anybody, searched for every password.
    pub(crate) fn no_password_anywhere(&self) -> Outcome {
        let dir = self.lab.dir();
        for place in ["state", "run", "ssh/ssh_config", "ssh/known_hosts", "flipper.ron"] {
            self.said.keep_files(&dir.join(place));
        }
        for node in Node::BOTH {
            for log in ["server.log", "sshd.log"] {
                self.said.keep_files(&dir.join(node.name()).join(log));
            }
        }
        let own = fs::read_dir(dir).doing(|| "reading the lab's folder".to_owned())?.flatten();
        own.filter(|file| file.file_name().to_string_lossy().starts_with("own-"))
            .for_each(|file| self.said.keep_files(&file.path()));
        let made_up = self.made_up.borrow();
        let mut secrets = self.lab.secrets().all().to_vec();
        secrets.extend(made_up.iter().map(String::as_str));
        let holding = self.said.holding(&secrets);
        assert!(holding.is_empty(), "a password is in: {}", holding.join(", "));
        let (texts, journals) = (self.said.len(), self.said.named(".jsonl"));
        println!("{texts} texts, {journals} journals among them, searched for {} passwords", secrets.len());
        Ok(())
    }
}

fn heard(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe is read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Running {
    /// The process; `ip netns exec` becomes what it executes.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("flipper can be signalled");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
