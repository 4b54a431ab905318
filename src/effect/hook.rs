//! The operator's own program that switches a node off, or cuts it off: run here, and believed only when it says so.
#![expect(clippy::disallowed_methods, reason = "the operator's program runs here, and its file is looked at before")]

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::certain;
use crate::model::{Host, NodeName, PairName, printable};
use crate::world::{Failure, Happened};

/// More is not kept of what it says.
const KEPT: usize = 4096;

/// How long it may take until its output is read, once it has ended.
const READ: Duration = Duration::from_secs(1);

/// A program and its arguments, with the little of the environment that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The program, by its absolute path, and its arguments.
    pub argv: Vec<String>,
    /// `PATH` and `LANG`, where they are set.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Fence {
    /// Runs it to its end, at most for `limit`. What it said, where it confirms.
    ///
    /// # Errors
    /// It may not be run, says no, or does not end.
    pub(super) async fn run(
        &self,
        pair: &PairName,
        node: &NodeName,
        host: &Host,
        limit: Duration,
    ) -> Result<String, Failure> {
        let [program, arguments @ ..] = &self.argv[..] else { return Err(certain("`fence` is empty")) };
        safe(Path::new(program)).map_err(certain)?;
        let failed = |why: std::io::Error| certain(format!("`{}` cannot be run: {why}", printable(program)));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .env("FLIPPER_PAIR", pair.as_str())
            .env("FLIPPER_NODE", node.as_str())
            .env("FLIPPER_HOST", host.as_str())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // its own, so that Ctrl-C does not end it half way, and that its children end with it
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let said = tokio::spawn(async move { tokio::join!(kept(out), kept(err)) });
        let ended = timeout(limit, child.wait()).await;
        let late = ended.is_err();
        if let Some(group) = group.filter(|_| late) {
            // nobody is left to be told when it is gone already
            let _ = kill_process_group(group, Signal::KILL);
        }
        // a child of its own that holds on to the output does not hold us
        let (out, err) = timeout(READ, said).await.ok().and_then(Result::ok).unwrap_or_default();
        let said = [out, err].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        let quoted = if said.is_empty() { "and said nothing".to_owned() } else { format!("and said: {said}") };
        let program = printable(program);
        match ended {
            Ok(Ok(status)) if status.success() => Ok(format!("`{program}` confirms {quoted}")),
            Ok(Ok(status)) => {
                Err(certain(format!("`{program}` does not confirm that {node} is out: {status} {quoted}")))
            }
            Ok(Err(why)) => Err(Failure {
                happened: Happened::Unknown,
                what: format!("`{program}` cannot be waited for: {why}"),
                again: false,
            }),
            Err(_) => Err(Failure {
                happened: Happened::Unknown,
                what: format!("`{program}` did not end within {limit:?} {quoted}"),
                again: false,
            }),
        }
    }
}

/// The beginning of what comes, on one line; the rest is read and thrown away.
async fn kept(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let (mut all, mut part) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let room = KEPT.saturating_sub(all.len()).min(count);
        all.extend_from_slice(&part[..room]);
    }
    let lines = String::from_utf8_lossy(&all);
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(printable).collect::<Vec<_>>().join(" | ")
}

/// Whoever could change the program could make it say that a node is dead: it is root's, and so is the way to it.
fn safe(program: &Path) -> Result<(), String> {
    if !program.is_absolute() {
        return Err(format!("`fence` is not an absolute path: {}", printable(&program.display().to_string())));
    }
    let shown = |path: &Path| printable(&path.display().to_string());
    let real = std::fs::canonicalize(program).map_err(|why| format!("`{}` cannot be run: {why}", shown(program)))?;
    let seen = std::fs::metadata(&real).map_err(|why| format!("`{}` cannot be run: {why}", shown(&real)))?;
    if !seen.is_file() || seen.permissions().mode() & 0o111 == 0 {
        return Err(format!("`{}` is not a program", shown(&real)));
    }
    let parents = |path: &Path| path.ancestors().map(Path::to_path_buf).collect::<Vec<PathBuf>>();
    for path in parents(&real).into_iter().chain(parents(program)) {
        let seen = std::fs::metadata(&path).map_err(|why| format!("`{}` cannot be looked at: {why}", shown(&path)))?;
        if seen.uid() != 0 || seen.mode() & 0o022 != 0 {
            return Err(format!(
                "`{}` could be changed by others: it must be owned by root, and writable by nobody else (`chown root`, \
                 `chmod go-w`)",
                shown(&path)
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_own_program_is_run() {
        assert!(safe(Path::new("bin/true")).is_err());
        assert!(safe(Path::new("/no/such/program")).is_err());
        assert!(safe(Path::new("/etc/passwd")).is_err(), "not a program");
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("fence");
        std::fs::write(&program, "#!/bin/sh\n").expect("a file");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a file");
        // whoever may write to the folder above
        assert!(safe(&program).is_err_and(|why| why.contains("could be changed by others")));
    }

    #[tokio::test]
    async fn it_is_believed_when_it_confirms_and_not_otherwise() {
        let run = async |script: &str, limit: u64| {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            let fence = Fence { argv, environment: vec![("PATH", OsString::from("/usr/bin:/bin"))] };
            let (pair, node, host) = ("orders".parse().ok(), "db1".parse().ok(), "10.0.0.11".parse().ok());
            let (pair, node, host) = (pair.expect("a name"), node.expect("a name"), host.expect("a host"));
            fence.run(&pair, &node, &host, Duration::from_millis(limit)).await
        };
        let said = run("echo $FLIPPER_PAIR $FLIPPER_NODE $FLIPPER_HOST $HOME; echo err >&2", 5000).await;
        assert_eq!(said.as_deref(), Ok("`/bin/sh` confirms and said: orders db1 10.0.0.11; err"));
        let no = run("echo still on; exit 3", 5000).await.expect_err("a no");
        assert!(no.happened == Happened::No && no.what.contains("still on"), "{no:?}");
        let late = run("echo began; sleep 60", 3000).await.expect_err("too late");
        assert!(late.happened == Happened::Unknown && late.what.contains("began"), "{late:?}");
    }
}
