//! Looks at a machine that only the checks take.

use std::net::IpAddr;

use super::argv::Look;
use super::line::{Argv, Hole};

/// Where systems keep what they bring up at their start, and other programs their addresses.
pub const CONFIG_PLACES: [&str; 16] = [
    "/etc/network",
    "/etc/netplan",
    "/run/netplan",
    "/etc/systemd/network",
    "/run/systemd/network",
    "/etc/NetworkManager/system-connections",
    "/run/NetworkManager/system-connections",
    "/etc/sysconfig/network-scripts",
    "/etc/sysconfig/network",
    "/etc/conf.d",
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/keepalived",
    "/etc/crontab",
    "/etc/cron.d",
    "/var/spool/cron",
];

/// How people write an address down, but for the case of its letters: an IPv6 address as programs print it, without
/// anything left out, and with every zero.
fn spellings(address: &IpAddr) -> Vec<String> {
    let mut all = vec![address.to_string()];
    if let IpAddr::V6(six) = address {
        all.push(six.segments().map(|part| format!("{part:x}")).join(":"));
        all.push(six.segments().map(|part| format!("{part:04x}")).join(":"));
        all.dedup();
    }
    all
}

/// Programs that move addresses or roles, by the name that the kernel knows them by: at most 15 bytes.
pub const MANAGERS: [&str; 16] = [
    "keepalived",
    "vrrpd",
    "ucarp",
    "corosync",
    "pacemakerd",
    "heartbeat",
    "mmm_agentd",
    "mmm_mond",
    "orchestrator",
    "maxscale",
    "masterha_manage",
    "replication-man",
    "mysqlfailover",
    "mysqlrpladmin",
    "patroni",
    "clvip",
];

/// Every place in [`CONFIG_PLACES`] where one of these addresses stands as a whole word: `file:line:address`, a line each;
/// what cannot be read is complained about. Its exit status says nothing: most of the places are on no one machine.
#[must_use]
pub fn mentions(addresses: &[IpAddr]) -> Look {
    let mut argv = Argv::of(["env", "LC_ALL=C", "grep", "-rHnoiwIF"]);
    for spelling in addresses.iter().flat_map(spellings) {
        argv = argv.with(["-e", &spelling]);
    }
    Look::Command(argv.with(["--"]).with(CONFIG_PLACES))
}

/// Which of [`MANAGERS`] run in this machine's network: a name a line, then an end. Containers and other networks of
/// the same kernel are told apart by their network namespace, which only root sees of others' processes; one that
/// cannot be told apart counts.
#[must_use]
pub fn managers() -> Look {
    Look::Script(
        "own=$(readlink /proc/self/ns/net); for f in $(grep -slxE \
         'keepalived|vrrpd|ucarp|corosync|pacemakerd|heartbeat|mmm_agentd|mmm_mond|orchestrator|maxscale|masterha_manage|replication-man|mysqlfailover|mysqlrpladmin|patroni|clvip' \
         /proc/[0-9]*/comm); do ns=$(readlink \"${f%comm}ns/net\"); \
         if [ -z \"$ns\" ] || [ \"$ns\" = \"$own\" ]; then cat \"$f\"; fi; done 2>/dev/null; echo managers 1",
    )
}

/// Listening TCP sockets: local addresses, a line each.
#[must_use]
pub fn listeners() -> Look {
    Look::Command(Argv::of(["ss", "-Htln"]))
}

/// Space on the file systems of these folders, which servers named. `None` for what is no plain absolute path:
/// nothing else reaches a shell.
#[must_use]
pub fn disk(folders: &[&str]) -> Option<Look> {
    let good = |folder: &&str| folder.len() < 1000 && Hole::Folder.fits(folder);
    if folders.is_empty() || !folders.iter().all(good) {
        return None;
    }
    let argv = Argv::of(["env", "LC_ALL=C", "df", "-Pk", "--"]);
    Some(Look::Command(folders.iter().fold(argv, |argv, folder| argv.hole(Hole::Folder, folder))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_found_however_it_is_written() {
        let look = mentions(&["fd00:77::100".parse().unwrap(), IpAddr::from([10, 77, 0, 100])]).to_string();
        for spelling in
            ["fd00:77::100", "fd00:77:0:0:0:0:0:100", "fd00:0077:0000:0000:0000:0000:0000:0100", "10.77.0.100"]
        {
            assert!(look.contains(&format!("-e {spelling} ")), "{look}");
        }
    }

    #[test]
    fn only_plain_paths_reach_a_shell() {
        assert_eq!(
            disk(&["/var/lib/mysql/"]).map(|look| look.to_string()).as_deref(),
            Some("env LC_ALL=C df -Pk -- /var/lib/mysql/")
        );
        for bad in ["", "var", "-x", "/a;b", "/a'b", "/a\nb", "/$x"] {
            assert!(disk(&["/var", bad]).is_none(), "{bad}");
        }
        assert!(disk(&[]).is_none());
    }

    #[test]
    fn every_manager_is_looked_for_by_a_name_that_the_kernel_can_have() {
        let script = managers().to_string();
        for name in MANAGERS {
            assert!(name.len() <= 15 && script.contains(name), "{name}");
        }
    }
}
