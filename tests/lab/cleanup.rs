//! The lab's place on the machine, and how it disappears again: at the end, after a panic, after Ctrl-C, after SIGKILL.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::error::{Doing, LabError, Result};
use super::run::random;

const SWEEP: &str = include_str!("sweep.sh");

/// An id and a folder that are this lab's alone. Dropping it removes all that bears the id.
pub(crate) struct Site {
    id: String,
    dir: PathBuf,
    reaper: Child,
    /// Its closing starts the sweep; the kernel closes it when this process dies.
    lifeline: Option<ChildStdin>,
}

impl Site {
    pub(crate) fn claim() -> Result<Self> {
        sweep_stale();
        for _ in 0..100 {
            let id = random(b"0123456789abcdef", 4)?;
            // short: a unix socket's path has 107 bytes at most
            let dir = PathBuf::from(format!("/tmp/fl-{id}"));
            // creating the folder is what claims the id: only one can
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Self::settle(id, dir),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(LabError::new(format!("creating {}", dir.display()), error));
                }
            }
        }
        Err(LabError::new("choosing an id", "a hundred of them are taken"))
    }

    fn settle(id: String, dir: PathBuf) -> Result<Self> {
        let owner = std::process::id();
        // there with its content or not at all: one that is still empty would be nobody's
        let unfinished = dir.join("owner.new");
        fs::write(&unfinished, format!("{owner} {}", start_time(owner).unwrap_or_default()))
            .and_then(|()| fs::rename(&unfinished, dir.join("owner")))
            .doing(|| format!("writing {}/owner", dir.display()))?;
        let mut reaper =
            sweeper(&id, &dir, owner).stdin(Stdio::piped()).spawn().doing(|| "starting the sweeper".to_owned())?;
        let lifeline = reaper.stdin.take();
        Ok(Self { id, dir, reaper, lifeline })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Copies the servers' logs out of the lab's folder; gives the folder they are in then.
    pub(crate) fn keep_logs(&self) -> Option<PathBuf> {
        let kept = logs_dir().join(&self.id);
        for host in ["db1", "db2"] {
            for name in ["server.log", "sshd.log"] {
                let log = self.dir.join(host).join(name);
                // a lab that failed early has only some of them
                if log.exists() {
                    fs::create_dir_all(&kept).ok()?;
                    fs::copy(log, kept.join(format!("{host}-{name}"))).ok()?;
                }
            }
        }
        Some(kept)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("FLIPPER_LAB_KEEP").is_some_and(|v| v == "1") {
            self.keep_logs();
        }
        drop(self.lifeline.take());
        // so that nothing is left when the test goes on or ends
        let _ = self.reaper.wait();
    }
}

/// In a session of its own (without a process group first: `setsid` would fork, and waiting for it would wait for nothing), so that a Ctrl-C in the terminal does not end it together with the test.
fn sweeper(id: &str, dir: &Path, owner: u32) -> Command {
    let mut command = Command::new("setsid");
    command
        .args(["sh", "-c", SWEEP, "flipper-lab-sweep", id])
        .arg(dir)
        .arg(owner.to_string())
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Labs whose sweeper was killed too, say by a reboot's haste or an out-of-memory kill.
fn sweep_stale() {
    let Ok(found) = fs::read_dir("/tmp") else {
        return;
    };
    for dir in found.flatten().map(|entry| entry.path()) {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // nobody else's folder, however it is named
        let hex = |id: &&str| id.len() == 4 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(id) = name.strip_prefix("fl-").filter(hex) else { continue };
        if is_stale(&dir) {
            let swept = sweeper(id, &dir, 0).stdin(Stdio::null()).status();
            drop(swept);
        }
    }
}

fn is_stale(dir: &Path) -> bool {
    let Ok(owner) = fs::read_to_string(dir.join("owner")) else {
        // being claimed this very moment, or never finished
        let age = dir.metadata().and_then(|meta| meta.modified()).ok();
        let age = age.and_then(|then| SystemTime::now().duration_since(then).ok());
        return age.is_some_and(|age| age > Duration::from_secs(60));
    };
    let mut words = owner.split(' ');
    let pid = words.next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
    // a process id comes round again, with another start time
    start_time(pid).is_none_or(|start| words.next() != Some(start.as_str()))
}

/// Field 22 of /proc/PID/stat, in ticks since boot; `None` when there is no such process, or only its remains.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the program's name, in parentheses, may hold spaces
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let dead = matches!(fields.next()?, "Z" | "X");
    fields.nth(18).filter(|_| !dead).map(str::to_owned)
}

/// `target/lab-logs`, found from the test program's own path, which is below `target`.
fn logs_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    target.map_or_else(|| PathBuf::from("target"), Path::to_owned).join("lab-logs")
}
