//! A real pair on one machine, for tests, benchmark and demo alike.
//!
//! Five network namespaces: a switch (`sw`), the database hosts `db1` and `db2`, the operator's host `op`, and the
//! clients' host `cl`. Each database host has its own server, sshd, host key, hostname and addresses. `db1` starts open with
//! the write address, `db2` fenced with the read address; replication runs both ways.
//!
//! | file | what it does |
//! | --- | --- |
//! | `packages` | fetches and unpacks the servers into the cache folder |
//! | `server` | one database server; the template of its data directory |
//! | `net`, `sshd`, `replication` | the hosts' parts |
//! | `machine` | a node's own network files, and what brings them up |
//! | `session`, `admin` | SQL as any account from any host; as root past the network |
//! | `observe` | fingerprints and leftovers: did flipper leave the nodes as they were? |
//! | `operator` | running things: flipper on the operator's host, commands on the others |
//! | `config` | the pair as flipper's config file |
//! | `cases` | tests that share a pair, one after the other |
//! | `load`, `report` | clients that write through the write address, and what became of their rows |
//! | `stay` | a shell on the operator's host, for somebody to work in |
//! | `cleanup`, `sweep.sh` | how all of it goes away again, whatever happens |
//!
//! Needs Linux, root and Debian's apt. The cache is `$FLIPPER_LAB_CACHE`, else `$XDG_CACHE_HOME/flipper-lab`, else
//! `~/.cache/flipper-lab`. With `FLIPPER_LAB_KEEP=1`, or after a failure, the servers' logs stay in `target/lab-logs/ID`.
//! `FLIPPER_LAB_MIRROR` names a Debian archive where apt's own sources have none.

#![allow(dead_code, unused_imports, reason = "each program uses its part of the lab")]
#![allow(clippy::disallowed_methods, reason = "programs, files and clocks are what a lab is made of")]

pub(crate) mod admin;
pub(crate) mod cases;
pub(crate) mod cleanup;
pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod net;
pub(crate) mod observe;
pub(crate) mod operator;
pub(crate) mod packages;
pub(crate) mod replication;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod sshd;
pub(crate) mod stay;
pub(crate) mod words;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rustix::process::Signal;

use admin::Admin;
use cleanup::Site;
use error::{Doing, LabError, Result};
use load::Load;
use server::Database;
use sshd::Keys;
pub(crate) use words::{Host, Node, Secrets, Server, User};

/// A running pair. Dropping it removes everything again.
pub(crate) struct Lab {
    server: Server,
    version: String,
    secrets: Secrets,
    keys: Keys,
    databases: Mutex<Vec<Database>>,
    sshds: Vec<Child>,
    loads: AtomicU32,
    // last: the others are gone when it sweeps
    site: Site,
}

impl Lab {
    /// Brings up a pair. The first time on a machine this fetches the server.
    pub(crate) fn start(server: Server) -> Result<Self> {
        Self::start_telling(server, &|_| {})
    }

    /// The same, with a line to `tell` before each part that takes long.
    pub(crate) fn start_telling(server: Server, tell: &dyn Fn(&str)) -> Result<Self> {
        packages::check_machine()?;
        let cache = packages::cache_dir()?;
        let (install, template) = {
            let _lock = packages::lock_cache(&cache, tell)?;
            packages::ensure_system_programs(tell)?;
            let install = packages::Install::ensure(server, &cache, tell)?;
            let template = server::ensure_template(&install, &cache, tell)?;
            (install, template)
        };
        tell(&format!("starting a pair of {} {}", server.title(), install.version));
        let site = Site::claim()?;
        let failed = |error: LabError, site: &Site| match site.keep_logs() {
            Some(kept) => error.moved_log(site.dir(), &kept),
            None => error,
        };
        let parts = Self::bring_up(&site, &install, &template).map_err(|error| failed(error, &site))?;
        let (secrets, keys, databases, sshds) = parts;
        let databases = Mutex::new(databases);
        let loads = AtomicU32::new(0);
        let lab = Self { server, version: install.version, secrets, keys, databases, sshds, loads, site };
        lab.introduce_clients().map_err(|error| failed(error, &lab.site))?;
        Ok(lab)
    }

    /// A pair that has been serving knows its clients' account. MySQL takes 14 ms longer for the first login of an account
    /// (`caching_sha2_password` has nothing cached), which would be counted as the first move's outage.
    fn introduce_clients(&self) -> Result<()> {
        for node in Node::BOTH {
            drop(self.session(User::App, Host::Clients, node.host().address())?);
        }
        Ok(())
    }

    fn bring_up(
        site: &Site,
        install: &packages::Install,
        template: &Path,
    ) -> Result<(Secrets, Keys, Vec<Database>, Vec<Child>)> {
        let (id, dir, server) = (site.id(), site.dir(), install.server);
        let folder = |node: Node| dir.join(node.name());
        // as on a real machine the operator's runtime folder is there before anything runs
        for name in ["run", "state"] {
            DirBuilder::new().mode(0o700).create(dir.join(name)).doing(|| format!("creating {name}"))?;
        }
        net::create(id).map_err(|error| match error.to_string().contains("not permitted") {
            true => LabError::new(
                "creating network namespaces",
                "not permitted here: run on a machine or in a privileged container where root may",
            ),
            false => error,
        })?;
        let mut databases = Vec::new();
        for node in Node::BOTH {
            databases.push(Database::create(id, node, install, template, &folder(node))?);
        }
        // while the servers start
        let secrets = Secrets::random()?;
        let keys = Keys::create(&dir.join("ssh"))?;
        let mut sshds = Vec::new();
        for node in Node::BOTH {
            sshds.push(sshd::start(id, node, &keys, &folder(node))?);
        }
        for database in &mut databases {
            database.wait_ready()?;
        }
        let admins = [databases[0].admin(), databases[1].admin()];
        for admin in &admins {
            replication::create_accounts(admin, server, &secrets)?;
        }
        for (admin, node) in admins.iter().zip(Node::BOTH) {
            replication::follow(admin, server, node.other(), &secrets)?;
        }
        for (admin, node) in admins.iter().zip(Node::BOTH) {
            replication::wait_running(admin, node)?;
        }
        let [db1, db2] = &admins;
        db1.exec("SET GLOBAL read_only=OFF")?;
        db2.exec(server.fence())?;
        db1.exec("CREATE DATABASE app")?;
        db1.exec(load::TABLE)?;
        wait_for_same_position(&admins, server, Duration::from_secs(20))?;
        Ok((secrets, keys, databases, sshds))
    }

    pub(crate) fn server(&self) -> Server {
        self.server
    }

    /// The server's package version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn id(&self) -> &str {
        self.site.id()
    }

    /// The lab's folder; it goes with the lab.
    pub(crate) fn dir(&self) -> &Path {
        self.site.dir()
    }

    /// The lab's passwords, so that a test can look for them where they must not be.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The program that reads this server's binary logs, as words.
    pub(crate) fn binlog_tool(&self) -> Result<Vec<std::ffi::OsString>> {
        let install = self.with_database(Node::Db1, |database| Ok(database.install().clone()))?;
        packages::binlog_tool(&install)
    }

    /// Root's view of a node, also while its cable is out.
    pub(crate) fn admin(&self, node: Node) -> Admin {
        Admin::new(node, self.dir().join(node.name()).join("socket"))
    }

    /// Pulls a host's cable, or plugs it in again.
    pub(crate) fn cable(&self, host: Host, up: bool) -> Result<()> {
        net::cable(self.id(), host, up)
    }

    /// Ends a node's server: SIGKILL is a crash, SIGTERM an orderly stop.
    pub(crate) fn stop_server(&self, node: Node, signal: Signal) -> Result<()> {
        self.with_database(node, |database| database.stop(signal))
    }

    /// Starts it again, with what was on disk; it comes back fenced, as it would on a real pair.
    pub(crate) fn start_server(&self, node: Node) -> Result<()> {
        self.with_database(node, |database| {
            database.spawn()?;
            database.wait_ready()
        })
    }

    /// From its next start on the server reads this option file and has no word about `read_only` on its command line;
    /// `None`: as before.
    pub(crate) fn option_file(&self, node: Node, text: Option<&str>) -> Result<()> {
        self.with_database(node, |database| database.option_file(text))
    }

    /// SIGSTOP makes a server hang without closing anything; SIGCONT lets it go on.
    pub(crate) fn signal_server(&self, node: Node, signal: Signal) -> Result<()> {
        self.with_database(node, |database| database.signal(signal))
    }

    fn with_database<T>(&self, node: Node, work: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
        match self.databases().get_mut(node.index()) {
            Some(database) => work(database),
            None => Err(LabError::new(node.name(), "no such server")),
        }
    }

    fn databases(&self) -> MutexGuard<'_, Vec<Database>> {
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts `clients` clients writing `rate` rows a second in total through the write address.
    pub(crate) fn load(&self, clients: u32, rate: u32) -> Result<Load> {
        self.load_through(net::WRITE_ADDRESS, clients, rate)
    }

    /// The same through another role's address.
    pub(crate) fn load_through(&self, address: &str, clients: u32, rate: u32) -> Result<Load> {
        // numbers that no earlier load of this lab has used, or its rows would look doubled
        let first = self.loads.fetch_add(clients, Ordering::Relaxed);
        Load::start(self.id(), address, first, clients, rate, &self.secrets.app)
    }

    /// Waits until both nodes have executed the same. For when no client writes any more.
    pub(crate) fn settle(&self) -> Result<()> {
        let admins = Node::BOTH.map(|node| self.admin(node));
        wait_for_same_position(&admins, self.server, Duration::from_secs(60))
    }

    /// Where copies of the servers' logs are, for an error that should survive the lab.
    pub(crate) fn keep_logs(&self) -> Option<PathBuf> {
        self.site.keep_logs()
    }
}

fn wait_for_same_position(admins: &[Admin; 2], server: Server, limit: Duration) -> Result<()> {
    run::wait_until("both nodes have executed the same", limit, || {
        let positions = || -> Result<[String; 2]> {
            Ok([replication::position(&admins[0], server)?, replication::position(&admins[1], server)?])
        };
        let first = positions()?;
        if first[0] != first[1] {
            return Err(LabError::new("comparing positions", format!("{} and {}", first[0], first[1])));
        }
        // and nothing is on its way any more
        std::thread::sleep(Duration::from_millis(20));
        Ok((positions()? == first).then_some(()))
    })
}

impl Drop for Lab {
    fn drop(&mut self) {
        // their data is thrown away: no reason to wait for an orderly stop
        for database in self.databases().iter_mut() {
            let _ = database.stop(Signal::KILL);
        }
        for sshd in &mut self.sshds {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }
}

/// Whether a lab has the machine for itself, as far as a program goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// As many labs as the program runs tests at a time: most of their time they wait for something.
    Shared,
    /// What is measured beside another lab means nothing.
    Alone,
}

/// A lab for a test. An error keeps the servers' logs and says where.
pub(crate) fn with<E: From<LabError>>(
    turn: Turn,
    server: Server,
    test: impl FnOnce(&Lab) -> Result<(), E>,
) -> Result<(), E> {
    static TURNS: RwLock<()> = RwLock::new(());
    let shared = || TURNS.read().unwrap_or_else(PoisonError::into_inner);
    let alone = || TURNS.write().unwrap_or_else(PoisonError::into_inner);
    let _turn = match turn {
        Turn::Shared => (Some(shared()), None),
        Turn::Alone => (None, Some(alone())),
    };
    let lab = Lab::start(server)?;
    let result = test(&lab);
    if result.is_err() {
        lab.keep_logs();
    }
    result
}
