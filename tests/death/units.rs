//! A machine with systemd, a real one: which of its servers are ended, and what would start them again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::lab::error::{Doing, LabError};
use crate::lab::run::{run, wait_until};
use crate::lab::{Node, Server, net, replication};
use crate::scene::{Theatre, starts};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("its machine has systemd, and another pair's server", on_a_real_machine)];

/// What a machine with systemd takes to be up, on a slow one.
const BOOT: Duration = Duration::from_secs(60);

/// Another server's place: something that listens on its port.
const OTHER: &str =
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 5, LocalPort => 3307) or die; sleep 6000";

/// Makes this process the first one of a machine: with its name, the lab's folder, and a folder of units. It shares this
/// machine's files, read-only but for the lab's, and knows none of its units, so that nothing of it is started, stopped
/// or mounted anew. systemd wants control groups of its own.
const MACHINE: &str = r#"set -e
name=$1 lab=$2 units=$3
mount --make-rprivate /
mount --bind "$lab" "$lab"
mount -o remount,bind,ro /
mount -t proc proc /proc
mount -t cgroup2 none /sys/fs/cgroup
for empty in /run /lib/systemd/system-generators /lib/systemd/system /etc/systemd; do mount -t tmpfs none $empty; done
mkdir /run/sshd /etc/systemd/system
cp -R "$units/lib/." /lib/systemd/system
cp -R "$units/etc/." /etc/systemd/system
hostname "$name"
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=lab.target \
    --log-target=console --log-level=info --show-status=no systemd.hostname="$name""#;

/// Before that, outside: a control group, whose inside it will take for all there are, and the other namespaces.
const AROUND: &str = r#"set -e
groups=$1 own=$1/fl-$2; shift 2
mkdir -p "$groups"
mount -t cgroup2 none "$groups"
mkdir -p "$own"
echo $$ >"$own/cgroup.procs"
umount "$groups"
exec unshare --cgroup --pid --fork --kill-child --uts --mount sh -c "$0" sh "$@""#;

/// A node that has been booted by systemd, until it is dropped. Its server is a unit there.
struct Machine<'a> {
    theatre: &'a Theatre<'a>,
    init: Child,
    config: String,
}

/// Its sshd has a port of its own beside the lab's, which stays.
const SSH: &str = "2222";

impl<'a> Machine<'a> {
    fn boots(theatre: &'a Theatre<'a>, node: Node) -> Result<Self, LabError> {
        let lab = theatre.lab();
        let dir = lab.dir().join("systemd");
        let (units, place) = (dir.join("units"), lab.dir().join(node.name()));
        let words: Vec<String> =
            lab.server_words(node).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        lab.stop_server(node, Signal::TERM)?;
        let [packaged, own] = ["lib", "etc"].map(|folder| units.join(folder));
        let wants = own.join("lab.target.wants");
        for folder in [&packaged, &wants] {
            fs::create_dir_all(folder).doing(|| "making a folder".to_owned())?;
        }
        let write = |file: PathBuf, text: &str| fs::write(&file, text).doing(|| format!("writing {}", file.display()));
        let plain = "[Unit]\nDefaultDependencies=no\n";
        let service = |exec: &str, kind: &str| {
            format!("{plain}[Service]\nType={kind}\nExecStart={exec}\n[Install]\nWantedBy=lab.target\n")
        };
        let sshd = format!("/usr/sbin/sshd -D -e -p {SSH} -f {}/sshd_config", place.display());
        write(packaged.join("lab.target"), plain)?;
        write(packaged.join("sshd.service"), &service(&sshd, "exec"))?;
        write(packaged.join("mysql.service"), &service(&format!("/usr/bin/perl -e '{OTHER}'"), "exec"))?;
        let starter = match lab.server() {
            // as Debian has it, and the machine does not start it: the first who connects does. It would listen on one
            // address only, and the socket does on all
            Server::MariaDb => {
                let listen = format!("ListenStream={}\nListenStream=3306", place.join("socket").display());
                let socket = format!("{plain}[Socket]\n{listen}\n[Install]\nWantedBy=lab.target\n");
                write(packaged.join("mariadb@b.socket"), &socket)?;
                let words = format!("{} --bind-address=127.0.0.1", words.join(" "));
                write(packaged.join("mariadb@b.service"), &service(&words, "notify"))?;
                "mariadb@b.socket"
            }
            // somebody's own unit, which no mask in /run can hide
            Server::MySql => {
                write(own.join("mysqld@b.service"), &service(&words.join(" "), "exec"))?;
                "mysqld@b.service"
            }
        };
        for name in ["sshd.service", "mysql.service", starter] {
            let folder = if own.join(name).exists() { "/etc" } else { "/lib" };
            std::os::unix::fs::symlink(format!("{folder}/systemd/system/{name}"), wants.join(name))
                .doing(|| format!("enabling {name}"))?;
        }
        let log = fs::File::create(dir.join("log")).doing(|| "making a log".to_owned())?;
        let errors = log.try_clone().doing(|| "making a log".to_owned())?;
        let init = net::inside(lab.id(), node.host())
            .args(["sh", "-c", AROUND, MACHINE])
            .args([&dir.join("groups"), Path::new(lab.id()), Path::new(node.name()), lab.dir(), &units])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .doing(|| "starting systemd".to_owned())?;
        let machine = Self { theatre, init, config: Self::config(theatre, node) };
        let up = wait_until("the machine is up", BOOT, || {
            lab.admin(node).exec("DO 0")?;
            machine.systemctl(&["is-active", "sshd.service"]).map(Some)
        });
        let said = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        up.map(|_| machine).map_err(|why| LabError::new("booting a machine", format!("{why}\n{}", said())))
    }

    /// flipper goes to its sshd.
    fn config(theatre: &Theatre<'_>, node: Node) -> String {
        let (dir, host) = (theatre.lab().dir().join("systemd"), node.host().address());
        let ssh = dir.join("ssh_config");
        let usual = theatre.lab().ssh_config().display().to_string();
        let text = format!(
            "Host systemd\n  HostName {host}\n  Port {SSH}\n  HostKeyAlias {host}\n  HostKeyAlgorithms ssh-ed25519\n\
             Include {usual}\n"
        );
        fs::write(&ssh, text).expect("the lab's folder");
        let host = format!("(host: {host:?}");
        let text = theatre.lab().config().text();
        assert!(text.contains(&host), "{text}");
        let text = text.replace(&host, &format!("{host}, ssh: (host: \"systemd\", config_file: {ssh:?})"));
        let file = dir.join("flipper.ron");
        fs::write(&file, text).expect("the lab's folder");
        file.display().to_string()
    }

    /// The first process of the machine, by its id here.
    fn first(&self) -> Result<u32, LabError> {
        let lab = self.theatre.lab();
        let of_machine = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let inner = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            inner.split_whitespace().nth(1) == Some("1")
        };
        let first = net::pids(lab.id(), Node::Db1.host())?.into_iter().find(of_machine);
        first.ok_or_else(|| LabError::new("looking for systemd", "it does not run"))
    }

    fn systemctl(&self, words: &[&str]) -> Result<String, LabError> {
        let first = self.first()?.to_string();
        run(Command::new("nsenter").args(["-t", &first, "-m", "-p", "-n", "--", "systemctl"]).args(words))
    }

    fn show(&self, unit: &str) -> String {
        let words = ["show", "-p", "LoadState", "-p", "ActiveState", "--value", unit];
        self.systemctl(&words)
            .unwrap_or_else(|why| panic!("{unit}: {why}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The server's process, by its id here.
    fn server(&self) -> Result<u32, LabError> {
        let data = self.theatre.lab().dir().join("db1/data").display().to_string();
        let is_server = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|words| words.contains(&format!("--datadir={data}")))
        };
        let pids = net::pids(self.theatre.lab().id(), Node::Db1.host())?;
        pids.into_iter().find(is_server).ok_or_else(|| LabError::new("looking for the server", "it does not run"))
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // with the first process all of its go
        if let Ok(first) = self.first() {
            let _ = signal(first, Signal::KILL);
        }
        let _ = self.init.wait();
    }
}

fn signal(pid: u32, signal: Signal) -> Outcome {
    let pid = Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
    kill_process(pid, signal).map_err(|why| LabError::new("signalling", why))
}

/// The dead pair's server is an instance on 3306, which systemd starts; `mysql.service`, which has the usual name, is
/// somebody else's on 3307.
fn on_a_real_machine(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mariadb = lab.server() == Server::MariaDb;
    let machine = Machine::boots(theatre, Node::Db1)?;
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    let with = ["--config", &machine.config];
    // what a restart would change is seen, and that it listens everywhere
    let checked = theatre.flipper(&[&["--json", "check", "lab"], &with[..]].concat());
    checked.never_says("not-listening");
    let boot = checked.events.last().map(|report| report["after_restart"][0]["boot"]["unit"].clone());
    let starter = if mariadb { "mariadb@b.socket" } else { "mysqld@b.service" };
    let expected = serde_json::json!({ "known": { "name": starter, "state": "enabled", "started": true } });
    assert_eq!(boot, Some(expected), "{checked}");
    let mut scene = theatre.scene()?;
    // it takes connections and says nothing, until it is ended for good
    let server = machine.server()?;
    scene.dies(|| signal(server, Signal::STOP))?;
    let words = ["--accept-loss", with[0], with[1]];
    scene.asks(theatre, &words).ends(0);
    scene.fails_over(theatre, "server frozen, ssh there, systemd", &words)?;
    let history = theatre.flipper(&["history", "lab", "--run", "last"]).text();
    let history = history.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = |words: &str| assert!(history.contains(words), "no `{words}`: {history}");
    says("mysql.service is another server, on port 3307, and was left alone");
    assert_eq!(machine.show("mysql.service"), "loaded active");
    if mariadb {
        says("mariadb@b.service is masked until the machine starts anew");
        // `failed` where it had to be killed
        assert!(["masked inactive", "masked failed"].contains(&&*machine.show("mariadb@b.service")));
        assert_eq!(machine.show("mariadb@b.socket"), "loaded inactive");
    } else {
        says("mysqld@b.service is stopped and, told to be masked, is not");
        assert!(["loaded inactive", "loaded failed"].contains(&&*machine.show("mysqld@b.service")));
    }
    drop(machine);
    starts(theatre, Node::Db1)?;
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    if asked.code == Some(11) {
        asked.says("second-history");
        theatre.rebuild(Node::Db1)?;
    }
    theatre.rejoins(Node::Db1)
}
