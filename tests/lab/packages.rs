//! Fetches the servers as Debian packages and unpacks them into a cache folder, each with all of its libraries, so
//! that they run next to whatever the machine has: nothing is installed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Server;
use super::error::{Doing, LabError, Result};
use super::run::{run, run_for, sh};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An unpacked server.
#[derive(Clone)]
pub(crate) struct Install {
    pub(crate) server: Server,
    pub(crate) version: String,
    /// What would be `/` if the packages were installed.
    pub(crate) root: PathBuf,
    loader: PathBuf,
    libraries: String,
}

impl Install {
    /// A program of the package, started by the loader of the same libc: the machine's own may be older.
    pub(crate) fn program(&self, path: &str) -> Vec<OsString> {
        self.starts(&self.root.join(path))
    }

    /// The same for a program of another package, which was unpacked without its libraries.
    fn starts(&self, program: &Path) -> Vec<OsString> {
        vec![self.loader.clone().into(), "--library-path".into(), self.libraries.clone().into(), program.into()]
    }

    /// From the cache, or fetched. The caller holds the cache's lock.
    pub(crate) fn ensure(server: Server, cache: &Path, tell: &dyn Fn(&str)) -> Result<Self> {
        let home = cache.join(server.name());
        if !home.exists() {
            tell(&format!("fetching {} (once)", server.title()));
            fetch(server, &home)?;
        }
        Self::open(server, &home)
    }

    fn open(server: Server, home: &Path) -> Result<Self> {
        let root = home.join("root");
        let version =
            fs::read_to_string(home.join("version")).doing(|| format!("reading the version in {}", home.display()))?;
        let mut libraries = Vec::new();
        let mut loader = None;
        for parent in ["lib", "usr/lib", "lib64", "usr/lib64"] {
            let parent = root.join(parent);
            for dir in entries(&parent)
                .into_iter()
                .filter(|entry| entry.is_dir() && entry.to_string_lossy().ends_with("-linux-gnu"))
            {
                libraries.push(dir.display().to_string());
                loader = find_loader(&dir).or(loader);
            }
            loader = find_loader(&parent).or(loader);
        }
        let loader = loader.ok_or_else(|| {
            LabError::new(
                format!("looking for the dynamic loader in {}", root.display()),
                "not there: remove that folder to have it fetched again",
            )
        })?;
        Ok(Self { server, version, root, loader, libraries: libraries.join(":") })
    }
}

/// Where something is made before it is moved into its place whole. One name is enough: the cache's lock is held.
pub(crate) fn unfinished(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn find_loader(dir: &Path) -> Option<PathBuf> {
    entries(dir)
        .into_iter()
        .find(|entry| entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux")))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|found| found.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Where servers and template data directories are kept between runs.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let dir = from("FLIPPER_LAB_CACHE")
        .map(PathBuf::from)
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| PathBuf::from(dir).join("flipper-lab")))
        .or_else(|| from("HOME").map(|dir| PathBuf::from(dir).join(".cache/flipper-lab")))
        .ok_or_else(|| LabError::new("choosing a cache folder", "set FLIPPER_LAB_CACHE or HOME"))?;
    fs::create_dir_all(&dir).doing(|| format!("creating {}", dir.display()))?;
    dir.canonicalize().doing(|| format!("opening {}", dir.display()))
}

/// Holds the cache's lock until dropped: several test programs may start at once, and one of them fetches.
pub(crate) fn lock_cache(cache: &Path, tell: &dyn Fn(&str)) -> Result<File> {
    let path = cache.join("lock");
    let file = File::create(&path).doing(|| format!("opening {}", path.display()))?;
    if file.try_lock().is_err() {
        tell("waiting for another lab that prepares the same");
        file.lock().doing(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

/// A folder with the programs that read binary logs, which Debian has in a package of their own for MariaDB: fetched
/// once, beside the server.
pub(crate) fn binlog_tool(install: &Install) -> Result<Vec<OsString>> {
    let cache = cache_dir()?;
    match install.server {
        Server::MySql => Ok(install.program("usr/bin/mysqlbinlog")),
        Server::MariaDb => {
            let home = cache.join("mariadb-tools");
            let _lock = lock_cache(&cache, &|_| {})?;
            if !home.exists() {
                fetch_one(install.server, "mariadb-client", &home)?;
            }
            Ok(install.starts(&home.join("root/usr/bin/mariadb-binlog")))
        }
    }
}

/// The program that brings up what a machine's network files say.
pub(crate) fn ifup(install: &Install) -> Result<Vec<OsString>> {
    let cache = cache_dir()?;
    let home = cache.join("ifupdown");
    let _lock = lock_cache(&cache, &|_| {})?;
    if !home.exists() {
        // from the stable release, whichever server this is
        fetch_one(Server::MariaDb, "ifupdown", &home)?;
    }
    Ok(install.starts(&home.join("root/sbin/ifup")))
}

/// One package without what it depends on.
fn fetch_one(server: Server, package: &str, home: &Path) -> Result<()> {
    let work = unfinished(home);
    if work.exists() {
        fs::remove_dir_all(&work).doing(|| format!("clearing {}", work.display()))?;
    }
    let apt = prepare_apt(server, &work)?;
    run_for(&format!("downloading {package}"), apt_get(&apt).arg("download").arg(package).current_dir(&work))?;
    for deb in entries(&work).iter().filter(|path| path.extension().is_some_and(|end| end == "deb")) {
        run(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(work.join("root")))?;
    }
    fs::remove_dir_all(&apt).doing(|| format!("clearing {}", apt.display()))?;
    fs::rename(&work, home).doing(|| format!("moving {} into place", work.display()))
}

/// Private apt folders: the system's package lists and its record of what is installed are neither read nor changed. An empty
/// record makes apt fetch the whole closure, libc included.
fn prepare_apt(server: Server, work: &Path) -> Result<PathBuf> {
    let mirror = debian_mirror()?;
    let (apt, root) = (work.join("apt"), work.join("root"));
    for dir in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(dir)).doing(|| format!("creating {}", apt.display()))?;
    }
    fs::create_dir_all(&root).doing(|| format!("creating {}", root.display()))?;
    let sources = format!("deb [signed-by={KEYRING}] {mirror} {} main\n", server.suite());
    fs::write(apt.join("sources.list"), sources).doing(|| "writing sources.list".to_owned())?;
    fs::write(apt.join("status"), "").doing(|| "writing an empty status file".to_owned())?;

    let reading = format!("reading the package lists of {} at {mirror}", server.suite());
    run_for(&reading, apt_get(&apt).arg("update"))?;
    Ok(apt)
}

fn fetch(server: Server, home: &Path) -> Result<()> {
    let work = unfinished(home);
    if work.exists() {
        fs::remove_dir_all(&work).doing(|| format!("clearing {}", work.display()))?;
    }
    let apt = prepare_apt(server, &work)?;
    let root = work.join("root");
    let downloading = format!("downloading {}", server.title());
    run_for(
        &downloading,
        apt_get(&apt).args(["install", "--yes", "--no-install-recommends", "--download-only"]).args(server.packages()),
    )?;

    let mut version = None;
    for deb in entries(&apt.join("cache/archives")) {
        let name = deb.file_name().unwrap_or_default().to_string_lossy();
        if !name.ends_with(".deb") {
            continue;
        }
        run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&root))?;
        let mut parts = name.split('_');
        if parts.next() == server.packages().first().copied() {
            // without the epoch, which file names write as "1%3a"
            version = parts.next().and_then(|full| full.split("%3a").last()).map(str::to_owned);
        }
    }
    let version = version.ok_or_else(|| {
        LabError::new(
            format!("unpacking {}", server.title()),
            format!("{:?} was not among the packages", server.packages()),
        )
    })?;
    fs::write(work.join("version"), version).doing(|| "writing the version".to_owned())?;
    fs::remove_dir_all(&apt).doing(|| format!("clearing {}", apt.display()))?;
    fs::rename(&work, home).doing(|| format!("moving {} into place", work.display()))
}

fn apt_get(apt: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.env("LC_ALL", "C").arg("-q");
    for (key, value) in [
        ("Dir::Etc::SourceList", "sources.list"),
        ("Dir::State::Lists", "lists"),
        ("Dir::Cache", "cache"),
        ("Dir::State::status", "status"),
    ] {
        let path = apt.join(value);
        command.args(["-o", &format!("{key}={}", path.display())]);
    }
    for option in [
        "Dir::Etc::SourceParts=/dev/null",
        "Dir::Etc::Preferences=/dev/null",
        "Dir::Etc::PreferencesParts=/dev/null",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
        // a mirror out of reach is an error here, not a warning and a puzzling one later
        "APT::Update::Error-Mode=any",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        // the unprivileged download user may not be able to enter the cache folder
        "APT::Sandbox::User=root",
    ] {
        command.args(["-o", option]);
    }
    command
}

/// The Debian archive that this machine uses anyway. `FLIPPER_LAB_MIRROR` overrides, for machines that are not Debian.
fn debian_mirror() -> Result<String> {
    if !Path::new(KEYRING).exists() {
        return Err(LabError::new(
            "looking for Debian's archive keys",
            format!("no {KEYRING}: install the package debian-archive-keyring"),
        ));
    }
    if let Some(mirror) = std::env::var("FLIPPER_LAB_MIRROR").ok().filter(|m| !m.is_empty()) {
        return Ok(mirror);
    }
    let targets = sh(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)|$(RELEASE)"])?;
    targets.lines().find_map(archive_site).ok_or_else(|| {
        LabError::new(
            "looking for a Debian archive in apt's sources",
            "none there: set FLIPPER_LAB_MIRROR to the address of one",
        )
    })
}

/// The site, if the line is one of Debian's main archive: not the security archive, not somebody else's.
fn archive_site(line: &str) -> Option<String> {
    const SUITES: [&str; 10] = [
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "oldoldstable",
        "oldstable",
        "stable",
        "testing",
        "unstable",
    ];
    let mut fields = line.split('|');
    let (origin, label, site, release) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    // before the first `apt-get update` neither origin nor label are known
    let debian = matches!(origin, "" | "Debian") && matches!(label, "" | "Debian");
    (debian && SUITES.contains(&release) && !site.contains("security")).then(|| site.to_owned())
}

/// One sentence rather than the first system call that fails.
pub(crate) fn check_machine() -> Result<()> {
    let refuse = |why: &str| Err(LabError::new("starting a pair", why));
    if !cfg!(target_os = "linux") {
        return refuse("it lives in network namespaces, which only Linux has");
    }
    if !rustix::process::geteuid().is_root() {
        return refuse("it needs root, for network namespaces; run it again with sudo");
    }
    if !Path::new("/usr/bin/apt-get").exists() || !Path::new("/usr/bin/dpkg-deb").exists() {
        return refuse("it fetches the servers as Debian packages and finds no apt-get and dpkg-deb here");
    }
    Ok(())
}

/// The few programs that must be the system's own: they are asked for by flipper's commands on the nodes.
pub(crate) fn ensure_system_programs(tell: &dyn Fn(&str)) -> Result<()> {
    const NEEDED: [(&str, &str); 13] = [
        ("sshd", "openssh-server"),
        ("ssh", "openssh-client"),
        ("ssh-keygen", "openssh-client"),
        ("ip", "iproute2"),
        ("ss", "iproute2"),
        ("arping", "iputils-arping"),
        ("ndptool", "libndp-tools"),
        ("sudo", "sudo"),
        ("visudo", "sudo"),
        ("systemctl", "systemd"),
        ("openssl", "openssl"),
        ("unshare", "util-linux"),
        ("setsid", "util-linux"),
    ];
    let mut missing: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    tell(&format!("installing {}", missing.join(", ")));
    sh(["apt-get", "-q", "update"])?;
    let installing = format!("installing {}", missing.join(", "));
    run_for(
        &installing,
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-q", "install", "--yes", "--no-install-recommends"])
            .args(missing),
    )?;
    Ok(())
}

fn is_there(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|dir| Path::new(dir).join(program).exists())
}
