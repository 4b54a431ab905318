//! Addresses, the machines that hold them, and both families of addresses.

use flipper::model::Observed;

use crate::Scenario;
use crate::edit::{World, mariadb, mysql};
use crate::samples::p;
use crate::worlds::tell;

const WRITE: &str = "10.77.0.100/32";
const READ: &str = "10.77.0.101/32";

pub(crate) fn all() -> Vec<Scenario> {
    [addresses(), systems(), ipv6()].into_iter().flatten().collect()
}

fn addresses() -> Vec<Scenario> {
    vec![
        tell(
            "address-on-both-swap",
            "swap write",
            "Somebody brought the write address up on db2 by hand.",
            mysql().with(2, WRITE),
        ),
        tell("address-on-both-set", "set write db1", "The same; it is taken from db2 again.", mysql().with(2, WRITE)),
        tell("address-on-both-read", "set read db2", "The read address is on both nodes.", mysql().with(1, READ)),
        tell(
            "address-nowhere-swap",
            "swap read",
            "db2 was rebooted, and its address did not come back.",
            mysql().without(2, READ),
        ),
        tell("address-nowhere-up", "up read db2", "The same; it is brought up.", mysql().without(2, READ)),
        tell(
            "address-on-loopback",
            "swap write",
            "A load balancer keeps the write address on lo.",
            mysql().without(1, WRITE).held(1, |held| {
                held.push(flipper::model::Held {
                    address: p(WRITE),
                    interface: p("lo"),
                    secondary: false,
                    unusable: false,
                })
            }),
        ),
        tell(
            "address-would-take-others-along",
            "swap write",
            "The address has the network's prefix, and another one hangs on it.",
            mysql().system(1, |s| s.promotes_secondaries = false).held(1, |held| {
                held[0].secondary = true;
                held[1].address.prefix = 24;
            }),
        ),
        tell(
            "address-twice",
            "swap write",
            "The address is on two interfaces of db1.",
            mysql().held(1, |held| {
                held.push(flipper::model::Held {
                    address: p(WRITE),
                    interface: p("bond0"),
                    secondary: false,
                    unusable: false,
                })
            }),
        ),
    ]
}

fn systems() -> Vec<Scenario> {
    vec![
        tell("no-arping", "swap write", "db2 has no arping.", mysql().system(2, |s| s.arping = None)),
        tell("no-ss", "swap write", "db1 has no ss.", mysql().system(1, |s| s.ss = None)),
        tell(
            "no-root",
            "swap write",
            "flipper's account on db2 may not change addresses.",
            mysql().system(2, |s| s.denied = vec!["uid 1001 is not root, and ssh.sudo is not set".to_owned()]),
        ),
        tell(
            "fail-not-permitted",
            "swap write",
            "The lines for sudo were made before `fail` was thought of.",
            mysql().edit(1, |n| {
                n.readiness.isolate = Observed::Known(vec![
                    "`sudo -n systemctl mask --runtime mysql.service` is not allowed".to_owned(),
                    "`sudo -n systemctl stop --no-block mysql.service` is not allowed".to_owned(),
                ]);
                n.readiness.count =
                    Observed::Known(vec!["the account may not read the binary logs in /var/lib/mysql".to_owned()]);
            }),
        ),
        tell("interface-down", "swap write", "db2's interface is down.", mysql().system(2, |s| s.up = vec![p("lo")])),
    ]
}

/// The write role has an IPv6 address, the read role an IPv4 address.
fn ipv6() -> Vec<Scenario> {
    const WRITE: &str = "fd00:77::100/128";
    let both = |edit: fn(World, usize) -> World, world: World| [1, 2].into_iter().fold(world, edit);
    let six = |world: World| {
        let tool = |world: World, n| world.system(n, |s| s.ndptool = Some("/usr/bin/ndptool".to_owned()));
        both(tool, world.without(1, self::WRITE).with(1, WRITE))
    };
    let stories = vec![
        tell("ipv6-swap", "swap", "The writer's address is IPv6, the readers' is IPv4.", six(mysql())),
        tell("ipv6-swap-mariadb", "swap write", "The same on MariaDB, and only the writer moves.", six(mariadb())),
        tell(
            "ipv6-on-both",
            "set write db1",
            "A move was cut off, and both nodes have the IPv6 address.",
            six(mysql()).with(2, WRITE),
        ),
        tell(
            "ipv6-address-is-not-usable",
            "set write db2",
            "Somebody brought the address up on db2 too, whose kernel found it on db1.",
            six(mysql())
                .with(2, WRITE)
                .held(2, |held| held.iter_mut().for_each(|held| held.unusable = held.address == p(WRITE))),
        ),
        tell(
            "ipv6-no-ndptool",
            "swap write",
            "db2 has nothing to announce an IPv6 address with.",
            six(mysql()).system(2, |s| s.ndptool = None),
        ),
        tell(
            "ipv6-no-arping",
            "swap write",
            "db2 has no arping, and the role that moves needs none; the other one does.",
            six(mysql()).system(2, |s| s.arping = None),
        ),
        tell(
            "ipv6-listens-on-ipv4-only",
            "swap write",
            "db2's server has bind_address=0.0.0.0.",
            six(mysql()).settings(2, |s| s.bind_address = "0.0.0.0".to_owned()),
        ),
    ];
    stories.into_iter().map(|story| Scenario { config: "ipv6.ron", ..story }).collect()
}
