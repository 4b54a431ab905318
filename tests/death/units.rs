//! A machine with systemd, played by a few lines of shell where flipper looks for it: which of its servers are ended.

use std::fs;
use std::process::Child;

use rustix::process::Signal;

use crate::lab::Node;
use crate::lab::error::{Doing, LabError};
use crate::lab::run::run;
use crate::scene::{Theatre, program, starts};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("its machine has another pair's server, which is left alone", another_server)];

/// Another server's place: something that listens on its port.
const OTHER: &str =
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 5, LocalPort => 3307) or die; sleep 600";

/// What flipper asks systemd, and what it tells it. A process that is dead and not yet buried has ended.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd HERE || exit 1
pid_of() {
    p=$(cat "pid-$1" 2>/dev/null) && grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$p/status" 2>/dev/null && echo "$p" && return
    echo 0
}
case "$*" in
list-units*) echo 'mariadb@b.service loaded active running a database';;
'show -p LoadState mariadb@b.service'|'show -p LoadState mysql.service') echo LoadState=loaded;;
'show -p LoadState my'*|'show -p LoadState mar'*) echo LoadState=not-found;;
show*) for u; do :; done; printf 'MainPID=%s\nId=%s\nLoadState=loaded\n' "$(pid_of "$u")" "$u";;
*) echo "$*" >>told; for u; do :; done; case $1 in stop) p=$(pid_of "$u"); [ "$p" = 0 ] || kill "$p";; esac;;
esac
"#;

/// Its files over those of the machine, in one node's mounts only, until it is dropped.
struct Systemd<'a> {
    theatre: &'a Theatre<'a>,
    other: Child,
}

impl<'a> Systemd<'a> {
    fn on(theatre: &'a Theatre<'a>, node: Node, server: u32) -> Result<Self, LabError> {
        let lab = theatre.lab();
        let here = lab.dir().join("systemd");
        fs::create_dir_all(&here).doing(|| "making a folder".to_owned())?;
        let other = lab.machine(node)?.args(["perl", "-e", OTHER]).spawn().doing(|| "starting perl".to_owned())?;
        let write = |name: &str, pid: u32| fs::write(here.join(name), pid.to_string());
        write("pid-mysql.service", other.id()).doing(|| "writing".to_owned())?;
        write("pid-mariadb@b.service", server).doing(|| "writing".to_owned())?;
        let systemctl = here.join("systemctl");
        program(&systemctl, &SYSTEMCTL.replace("HERE", &here.display().to_string()));
        let script =
            "mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && mount --bind \"$0\" /usr/bin/systemctl";
        let words = ["sh", "-c", script, &systemctl.display().to_string()];
        run(lab.machine(node)?.args(words))?;
        Ok(Self { theatre, other })
    }

    fn told(&self) -> String {
        fs::read_to_string(self.theatre.lab().dir().join("systemd/told")).unwrap_or_default()
    }
}

impl Drop for Systemd<'_> {
    fn drop(&mut self) {
        if let Ok(mut command) = self.theatre.lab().machine(Node::Db1) {
            let _ = command.args(["umount", "/usr/bin/systemctl", "/run/systemd"]).status();
        }
        let _ = self.other.kill();
        let _ = self.other.wait();
    }
}

/// The dead pair's server is an instance on 3306; `mysql.service`, which has the usual name, is somebody else's on 3307.
fn another_server(theatre: &Theatre<'_>) -> Outcome {
    let lab = theatre.lab();
    let mut scene = theatre.scene()?;
    let mut systemd = Systemd::on(theatre, Node::Db1, lab.server_pid(Node::Db1).expect("a server"))?;
    // it takes connections and says nothing, until it is ended for good
    scene.dies(|| lab.signal_server(Node::Db1, Signal::STOP))?;
    scene.asks(theatre, &["--accept-loss"]).ends(0);
    scene.fails_over(theatre, "server frozen, ssh there", &["--accept-loss"])?;
    let told = systemd.told();
    assert_eq!(told, "mask --runtime mariadb@b.service\nstop --no-block mariadb@b.service\n", "what systemd was told");
    assert!(systemd.other.try_wait().is_ok_and(|ended| ended.is_none()), "the other server runs on");
    let history = theatre.flipper(&["history", "lab", "--run", "last"]).text();
    let history = history.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(history.contains("mysql.service is another server, on port 3307, and was left alone"), "{history}");
    drop(systemd);
    lab.stop_server(Node::Db1, Signal::KILL)?;
    starts(theatre, Node::Db1)?;
    let asked = theatre.flipper(&["plan", "lab", "rejoin", "db1"]);
    if asked.code == Some(11) {
        asked.says("second-history");
        theatre.rebuild(Node::Db1)?;
    }
    theatre.rejoins(Node::Db1)
}
