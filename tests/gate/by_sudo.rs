//! What the account tries with sudo where it has a shell of its own: the lines allow each command with exactly these
//! arguments, and nothing that they could be made to mean.

use flipper::dialect;

use crate::Outcome;
use crate::lab::net::{IPV6_ADDRESS as SIX, WRITE_ADDRESS};
use crate::lab::{Host, User};
use crate::site::Site;

pub(crate) fn all(site: &Site<'_>) -> Outcome {
    // what is allowed is allowed
    for good in [
        &["/usr/bin/ss", "-Hltnp", "sport", "=", ":3306"][..],
        &[
            "ss",
            "-K",
            "-Htn",
            "state",
            "connected",
            "exclude",
            "time-wait",
            "src",
            "10.77.0.101",
            "sport",
            "=",
            ":3306",
        ],
        &["ip", "-6", "neigh", "flush", "to", SIX, "dev", "eth0"],
        &["ip", "-6", "neigh", "replace", SIX, "dev", "eth0", "use"],
    ] {
        let output = site.as_account(&[&["sudo", "-n"], good].concat())?;
        assert!(output.status.success(), "{good:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let before = site.state()?;
    let mut client = site.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    let attacks = attacks(site);
    for attack in &attacks {
        let words: Vec<&str> = attack.iter().map(String::as_str).collect();
        site.as_account(&words)?;
        assert_eq!(site.marks(), Vec::<String>::new(), "{words:?} got through");
        assert_eq!(site.state()?, before, "{words:?} changed something");
        client.exec("DO 1")?;
    }
    println!("{} attacks by sudo, none got through", attacks.len());
    assert!(attacks.len() >= 30);
    Ok(())
}

fn attacks(site: &Site<'_>) -> Vec<Vec<String>> {
    let (mark, victim) = (site.mark("sudo"), site.victim().to_string());
    let script = |ask: bool| dialect::end_listeners(true, 3306, ask).argv().words().last().cloned().unwrap_or_default();
    let (kill, term) = (script(false), script(true));
    let parts = |text: &str, first: usize| {
        let words: Vec<&str> = text.split(' ').collect();
        let (head, tail) = words.split_at(first);
        vec![head.join(" "), tail.join(" ")]
    };
    let mut all: Vec<Vec<String>> = [
        &["ip", "address", "add", "10.77.0.102/32", "dev", "eth0"][..],
        &["ip", "address", "add", "10.77.0.101/24", "dev", "eth0"],
        &["ip", "address", "add", "10.77.0.101/32", "dev", "lo"],
        &["ip", "address", "add", "10.77.0.101/32", "dev", "eth0", "label", "eth0:x"],
        &["ip", "address", "del", "10.77.0.11/24", "dev", "eth0"],
        &["ip", "address", "flush", "dev", "eth0"],
        &["ip", "link", "set", "eth0", "down"],
        &["ip", "-batch", "/proc/self/environ"],
        &["ip", "netns", "exec", "x", "touch", &mark],
        &["arping", "-U", "-c", "1", "-I", "lo", "10.77.0.101"],
        &["arping", "-U", "-c", "1", "-I", "eth0", "10.77.0.12"],
        &["arping", "-D", "-w", "9", "-I", "eth0", "10.77.0.101"],
        &["ip", "address", "add", "fd00:77::100/64", "dev", "eth0", "nodad", "preferred_lft", "0"],
        &["ip", "address", "add", "fd00:77::100/128", "dev", "lo", "nodad", "preferred_lft", "0"],
        &["ip", "-6", "neigh", "replace", SIX, "dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", "permanent"],
        &["ip", "-6", "neigh", "replace", "fd00:77::12", "dev", "eth0", "use"],
        &["ip", "-6", "neigh", "flush", "all"],
        &["ndptool", "-t", "na", "-U", "-i", "eth0", "-T", "fd00:77::12", "send"],
        &["ndptool", "-t", "ra", "-i", "eth0", "send"],
        &["ss", "-K"],
        &["ss", "-K", "-Htn", "state", "connected", "exclude", "time-wait", "src", "10.77.0.100"],
        &["ss", "-K", "-Htn", "state", "connected", "exclude", "time-wait", "src", "10.77.0.100", "sport", "=", ":22"],
        &["ss", "-Hltnp", "sport", "=", ":3306", "-D", &mark],
        &["kill", "-s", "KILL", &victim],
        &["kill", "-s", "TERM", &victim],
        &["/bin/sh", "-c", &format!("touch {mark}")],
        &["/bin/sh", "-c", &format!("{{ set -f; kill -s KILL {victim}; }}")],
        &["/bin/sh", "-c", &kill.replace("3306", "22")],
        &["/bin/sh", "-c", &format!("{kill}; touch {mark}")],
        &["/bin/sh", "-c", &kill, &mark],
        &["/bin/sh", "-ic", &kill],
        &["systemctl", "stop", "--no-block", "ssh.service"],
        &["systemctl", "mask", "--runtime", "mariadb.service", "ssh.service"],
        &["touch", &mark],
        &["env", "touch", &mark],
        &["-s", "touch", &mark],
        &["-i", "touch", &mark],
        &["-e", "/etc/passwd"],
        &["-u", "daemon", "touch", &mark],
        &["--", "touch", &mark],
    ]
    .into_iter()
    .map(|words| ["sudo", "-n"].into_iter().chain(words.iter().copied()).map(str::to_owned).collect())
    .collect();
    // the same words, put together in another way: sudo compares them with a blank between two
    for text in [&kill, &term] {
        for first in 1..text.split(' ').count() {
            let words = ["sudo", "-n", "/bin/sh", "-c"].map(str::to_owned);
            all.push(words.into_iter().chain(parts(text, first)).collect());
        }
        all.push(["sudo", "-n", "/bin/sh", &format!("-c {text}")].map(str::to_owned).to_vec());
    }
    for variable in ["LD_PRELOAD", "BASH_ENV", "ENV", "PATH", "PS4"] {
        let set = format!("{variable}=$(touch {mark})");
        all.push(
            ["env", &set, "sudo", "-n", "/usr/bin/ss", "-Hltnp", "sport", "=", ":3306"].map(str::to_owned).to_vec(),
        );
        all.push(["sudo", "-n", &set, "/usr/bin/ss", "-Hltnp", "sport", "=", ":3306"].map(str::to_owned).to_vec());
    }
    all
}
