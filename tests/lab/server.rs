//! One database server: its command line, its life.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::admin::Admin;
use super::error::{Doing, LabError, Result};
use super::packages::{self, Install};
use super::run::{run, run_with_input};
use super::{Node, Server, net};

/// A database server of one node, running or not.
pub(crate) struct Database {
    id: String,
    node: Node,
    install: Install,
    dir: PathBuf,
    child: Option<Child>,
    /// It is started with this option file, from its next start on; with none otherwise.
    option_file: Option<PathBuf>,
}

impl Database {
    /// Copies the template and starts.
    pub(crate) fn create(id: &str, node: Node, install: &Install, template: &Path, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).doing(|| format!("creating {}", dir.display()))?;
        let (data, temporary) = (dir.join("data"), dir.join("tmp"));
        fs::create_dir_all(&temporary).doing(|| format!("creating {}", temporary.display()))?;
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(template).arg(&data))?;
        // the server's own identity: both copies would have the same one
        let identity = data.join("auto.cnf");
        if identity.exists() {
            fs::remove_file(&identity).doing(|| format!("removing {}", identity.display()))?;
        }
        let mut database = Self {
            id: id.to_owned(),
            node,
            install: install.clone(),
            dir: dir.to_owned(),
            child: None,
            option_file: None,
        };
        database.spawn()?;
        Ok(database)
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.node, self.dir.join("socket"))
    }

    pub(crate) fn install(&self) -> &Install {
        &self.install
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Gives it an option file, or takes it away: from its next start on that alone says whether it is read-only.
    pub(crate) fn option_file(&mut self, text: Option<&str>) -> Result<()> {
        self.option_file = None;
        if let Some(text) = text {
            let path = self.dir.join("my.cnf");
            fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
            self.option_file = Some(path);
        }
        Ok(())
    }

    /// How it is started, word for word.
    pub(crate) fn words(&self) -> Vec<OsString> {
        self.install.program(self.install.server.daemon()).into_iter().chain(self.options()).collect()
    }

    /// Starts the server without waiting for it.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        let log = self.log();
        let output =
            File::options().create(true).append(true).open(&log).doing(|| format!("opening {}", log.display()))?;
        let errors = output.try_clone().doing(|| format!("opening {}", log.display()))?;
        let mut command = net::inside(&self.id, self.node.host());
        command
            // a hostname of its own: what `@@hostname` and `hostname` over ssh answer
            .args(["unshare", "--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\""])
            .arg(self.node.name())
            .args(self.words())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in a terminal is for the test, which ends the server
            .process_group(0);
        let child =
            command.spawn().doing(|| format!("starting {} on {}", self.install.server.title(), self.node.name()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until the server answers; a server that has ended says so at once.
    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        let admin = self.admin();
        let doing = format!("starting {} on {}", self.install.server.title(), self.node.name());
        let log = self.log();
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let last = match admin.exec("DO 0") {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(status) = self.ended()? {
                return Err(LabError::new(doing, format!("the server ended: {status}")).log(&log));
            }
            if Instant::now() > end {
                return Err(LabError::new(doing, last).log(&log));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => child.try_wait().doing(|| "asking for the server's state".to_owned()),
            None => Ok(None),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .pid()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
            .ok_or_else(|| LabError::new(format!("signalling {}", self.node.name()), "no server runs there"))?;
        kill_process(pid, signal).doing(|| format!("signalling the server of {}", self.node.name()))
    }

    /// Sends the signal and waits for the server to end: SIGKILL is a crash, SIGTERM an orderly stop.
    pub(crate) fn stop(&mut self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        let log = self.log();
        let end = Instant::now() + Duration::from_secs(60);
        while self.ended()?.is_none() {
            if Instant::now() > end {
                return Err(LabError::new(format!("stopping {}", self.node.name()), "still running").log(&log));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child = None;
        Ok(())
    }

    fn options(&self) -> Vec<OsString> {
        let number = self.node.number();
        let mut options = basic_options(&self.install, &self.dir.join("data"), &self.dir.join("tmp"));
        match &self.option_file {
            // it must be the first word
            Some(file) => options.insert(0, format!("--defaults-file={}", file.display()).into()),
            None => options.insert(0, "--no-defaults".into()),
        }
        let path = |name: &str| self.dir.join(name).display().to_string();
        options.extend(
            [
                format!("--socket={}", path("socket")),
                format!("--pid-file={}", path("pid")),
                format!("--server-id={number}"),
                format!("--auto-increment-offset={number}"),
                format!("--report-host={}", self.node.host().address()),
            ]
            .map(OsString::from),
        );
        options.extend(
            [
                "--bind-address=*",
                "--port=3306",
                "--skip-name-resolve",
                "--log-bin=binlog",
                "--binlog-format=ROW",
                "--sync-binlog=1",
                "--relay-log-recovery=ON",
                "--auto-increment-increment=2",
            ]
            .map(OsString::from),
        );
        if self.option_file.is_none() {
            // as on any real pair: a node that comes back by itself must not accept writes
            options.push("--read-only=ON".into());
        }
        // what a file says is the file's to say: a server takes the command line's word first
        let file = self.option_file.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let said = |option: &str| {
            let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
            file.contains(&name.replace('-', "_"))
        };
        let options_of_pairs = self.install.server.replication_options().iter();
        options.extend(options_of_pairs.filter(|option| !said(option)).map(OsString::from));
        options
    }
}

/// What the server needs to find its own files, for initialising and for running. Temporary tables have a folder of their
/// own: when a MariaDB starts, it removes those of all others from the one that it has, and they crash.
fn basic_options(install: &Install, data: &Path, temporary: &Path) -> Vec<OsString> {
    let root = install.root.display();
    let mut options = vec![
        "--user=root".to_owned(),
        format!("--datadir={}", data.display()),
        format!("--tmpdir={}", temporary.display()),
        format!("--lc-messages-dir={root}/usr/share/mysql"),
        format!("--plugin-dir={root}/usr/lib/mysql/plugin/"),
        format!("--character-sets-dir={root}/usr/share/mysql/charsets"),
    ];
    if install.server == Server::MySql {
        options.push("--secure-file-priv=".to_owned());
        options.push("--mysqlx=OFF".to_owned());
    }
    options.into_iter().map(OsString::from).collect()
}

/// A fresh data directory of that version, made once; each node gets a copy. The caller holds the cache's lock.
pub(crate) fn ensure_template(install: &Install, cache: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let name = format!("template-{}-{}", install.server.name(), install.version);
    let template = cache.join(name);
    if template.exists() {
        return Ok(template);
    }
    tell(&format!("preparing a data directory of {} {} (once)", install.server.title(), install.version));
    let work = packages::unfinished(&template);
    if work.exists() {
        fs::remove_dir_all(&work).doing(|| format!("clearing {}", work.display()))?;
    }
    let log = cache.join(format!("template-{}.log", install.server.name()));
    let initialised = initialise(install, &work, &log);
    initialised.map_err(|error| error.log(&log))?;
    fs::rename(&work, &template).doing(|| format!("moving {} into place", work.display()))?;
    Ok(template)
}

fn initialise(install: &Install, data: &Path, log: &Path) -> Result<()> {
    let temporary = tempfile::tempdir().doing(|| "making a folder for temporary tables".to_owned())?;
    let output = File::create(log).doing(|| format!("opening {}", log.display()))?;
    let errors = output.try_clone().doing(|| format!("opening {}", log.display()))?;
    let mut words = install.program(install.server.daemon()).into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .arg("--no-defaults")
        .args(basic_options(install, data, temporary.path()))
        .stdout(output)
        .stderr(errors);
    let what = format!("preparing a data directory of {} {}", install.server.title(), install.version);
    match install.server {
        Server::MySql => run_with_input(&what, command.arg("--initialize-insecure"), b""),
        Server::MariaDb => {
            fs::create_dir_all(data).doing(|| format!("creating {}", data.display()))?;
            run_with_input(&what, command.arg("--bootstrap"), &mariadb_bootstrap(install)?)
        }
    }
}

/// What `mariadb-install-db` feeds to the server. That script itself is a shell program that does not know of the loader.
fn mariadb_bootstrap(install: &Install) -> Result<Vec<u8>> {
    let mut sql = b"create database mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for name in [
        "mysql_system_tables",
        "mysql_performance_tables",
        "mysql_system_tables_data",
        "fill_help_tables",
        "maria_add_gis_sp_bootstrap",
        "mysql_sys_schema",
    ] {
        let file = install.root.join(format!("usr/share/mysql/{name}.sql"));
        let text = fs::read(&file).doing(|| format!("reading {}", file.display()))?;
        sql.extend(text);
        sql.push(b'\n');
    }
    Ok(sql)
}
