//! A node dies, and comes back.

use flipper::model::{Boot, Deposed, InFile, NodeSnapshot, Observed, Thread, Witness, WriteAccess};

use crate::Scenario;
use crate::edit::{World, mariadb, mysql};
use crate::samples::p;
use crate::worlds::tell;

const WRITE: &str = "10.77.0.100/32";
const SAID: &str = "fail db1 --fenced-by-hand db1 --accept-loss";

pub(crate) fn all() -> Vec<Scenario> {
    [dies(), returns()].into_iter().flatten().collect()
}

fn known<T>(value: T) -> Observed<T> {
    Observed::Known(value)
}

fn unknown<T>(why: &str) -> Observed<T> {
    Observed::Unknown(why.to_owned())
}

/// Nobody reaches db1, and db2 says what it knows of it.
fn without_db1(world: World) -> World {
    lost(world, 1)
}

fn lost(world: World, n: usize) -> World {
    let why = "no route to host";
    let silent = |node: &mut NodeSnapshot| {
        threads(node, Thread::Connecting, Thread::Running);
        if let Observed::Known(channels) = &mut node.channels {
            channels[0].errors = vec![(2003, "Can't connect to server (113)".to_owned())];
        }
        (node.ahead, node.relay.purged) = (unknown(why), unknown(why));
        node.witness = Witness {
            greeted: known(false),
            answered: known(false),
            answering: known(vec![]),
            received: node.position.clone(),
            silent: known(Some(14)),
            heard_at: known(Some(1_795_921_132_577)),
            committed_at: known(1_795_921_132_174),
            semi_sync: known(false),
            left_behind: unknown("its disk cannot be read"),
            export: unknown("its disk cannot be read"),
        };
    };
    world.edit(n, |node| *node = NodeSnapshot::unseen(node.name.clone(), why)).edit(3 - n, silent)
}

/// Only the server of db1 is dead; its machine answers, and shows its files.
fn without_server(world: World) -> World {
    let seen = world.0.nodes[0].clone();
    without_db1(world).edit(1, |node| {
        (node.addresses, node.system, node.health.listeners) = (seen.addresses, seen.system, seen.health.listeners);
        node.boot = Boot {
            files: seen.boot.files,
            managers: seen.boot.managers,
            read_only: node.boot.read_only.clone(),
            ..Boot::unseen("its server does not answer")
        };
    })
}

fn threads(node: &mut NodeSnapshot, receiver: Thread, applier: Thread) {
    if let Observed::Known(channels) = &mut node.channels {
        for channel in channels {
            (channel.receiver, channel.applier, channel.lag) = (receiver, applier, None);
        }
    }
}

fn dies() -> Vec<Scenario> {
    let dead = || without_db1(mysql());
    vec![
        tell("dead-machine", SAID, "db1 has lost its power supply; the operator has pulled its cable too.", dead()),
        tell("dead-machine-mariadb", SAID, "The same on MariaDB.", without_db1(mariadb())),
        tell("dead-nobody-vouches", "fail db1 --accept-loss", "db1 is out of reach: is it dead, or the cable?", dead()),
        tell(
            "dead-loss-not-accepted",
            "fail db1 --fenced-by-hand db1",
            "It is off; whether its last transactions arrived nobody knows.",
            dead(),
        ),
        tell(
            "dead-machine-may-not-end-it",
            "fail db1 --accept-loss",
            "mysqld on db1 hangs, and the account on its machine may not end it.",
            without_server(mysql()).edit(1, |n| {
                let denied = "`sudo -n systemctl mask --runtime mysql.service` is not allowed";
                n.readiness.isolate = known(vec![denied.to_owned()]);
            }),
        ),
        tell(
            "dead-while-sending",
            SAID,
            "db1 has lost its power supply in the middle of sending a large transaction.",
            dead().edit(2, |node| node.relay.half_received = known(786_432)),
        ),
        tell(
            "dead-nothing-is-missing",
            "fail db1",
            "mysqld on db1 has crashed for good; its disk shows that db2 has everything.",
            without_server(mysql()).edit(2, |node| node.witness.left_behind = known(0)),
        ),
        tell(
            "dead-server-machine-alive",
            "fail db1 --accept-loss",
            "mysqld on db1 does not start any more; its last three transactions never reached db2.",
            without_server(mysql()).edit(2, |node| node.witness.left_behind = known(3)),
        ),
        tell(
            "dead-takes-the-address-again",
            "fail db1 --accept-loss",
            "mysqld on db1 does not start any more. Long ago somebody wrote the address into a network file there.",
            without_server(mysql()).edit(1, |node| {
                let path = "/etc/network/interfaces".to_owned();
                node.boot.files = known(vec![InFile { path, line: Some(9), address: p("10.77.0.100") }]);
            }),
        ),
        tell(
            "dead-with-another-manager",
            "fail db1 --accept-loss",
            "mysqld on db1 does not start any more, and keepalived runs on beside it.",
            without_server(mysql()).edit(1, |node| node.boot.managers = known(vec!["keepalived".to_owned()])),
        ),
        tell("dead-but-answers", SAID, "A monitor said that db1 is dead; it is not.", mysql()),
        tell(
            "dead-only-from-here",
            SAID,
            "The operator's network has lost db1; db2 has not.",
            dead().edit(2, |node| node.witness.greeted = known(true)),
        ),
        tell(
            "dead-but-address-answers",
            SAID,
            "The power was cut, says the data centre; somebody still answers for the write address.",
            dead().edit(2, |node| node.witness.answering = known(vec![p("10.77.0.100")])),
        ),
        tell("dead-without-a-witness", SAID, "db2 cannot be asked by ssh what it sees of db1.", {
            dead().edit(2, |node| node.witness.greeted = unknown("ssh to 10.77.0.12: connection refused"))
        }),
        tell("dead-applier-broken", SAID, "db1 is dead, and the applier of db2 stopped an hour ago.", {
            dead().edit(2, |node| {
                threads(node, Thread::Connecting, Thread::Stopped);
                if let Observed::Known(channels) = &mut node.channels {
                    channels[0].errors = vec![(1062, "Duplicate entry '7' for key 'PRIMARY'".to_owned())];
                }
            })
        }),
        tell(
            "dead-reader",
            "fail db2 --fenced-by-hand db2",
            "The node that only served readers is dead; the writer takes them.",
            lost(mysql(), 2),
        ),
        tell(
            "dead-after-a-cut-off-swap",
            "fail db1 --fenced-by-hand db1",
            "A swap was cut off after db2 had opened; then db1 died.",
            dead().access(2, WriteAccess::Open),
        ),
    ]
}

/// db2 took the place of db1, which is back.
fn back(world: World) -> World {
    world
        .without(1, WRITE)
        .fenced(1)
        .with(2, WRITE)
        .access(2, WriteAccess::Open)
        .edit(1, |node| threads(node, Thread::Stopped, Thread::Stopped))
        .edit(2, |node| threads(node, Thread::Stopped, Thread::Running))
}

/// This machine knows that a node was declared dead.
fn remembered(world: World, n: usize) -> World {
    world.edit(n, |node| {
        let (since, position) =
            ("2026-01-01T23:14:00Z".to_owned(), "26a0f1c2-3d4e-11f0-8a1b-0242ac110002:1-9".to_owned());
        node.deposed = Some(Deposed { since, position });
    })
}

/// The receiver of db1 was stopped while its source did not answer, which it says for ever.
fn left(world: World) -> World {
    world.edit(1, |node| {
        threads(node, Thread::Stopped, Thread::Running);
        if let Observed::Known(channels) = &mut node.channels {
            channels[0].errors = vec![(2003, "Can't connect to server on '10.77.0.12' (111)".to_owned())];
        }
    })
}

fn returns() -> Vec<Scenario> {
    let own = "16a0f1c2-3d4e-11f0-8a1b-0242ac110001:48214-48216";
    let open = || back(mysql()).access(1, WriteAccess::Open).with(1, WRITE);
    vec![
        tell("back-rejoin", "rejoin db1", "db1 is repaired, and has nothing of its own.", back(mysql())),
        tell("back-rejoin-mariadb", "rejoin db1", "The same on MariaDB.", back(mariadb())),
        tell("back-open-with-address", "rejoin db1", "db1 booted open, with the write address from a file.", open()),
        tell("back-open-mariadb", "rejoin db1", "The same on MariaDB.", {
            back(mariadb()).access(1, WriteAccess::Open).with(1, WRITE)
        }),
        tell("back-errant", "rejoin db1", "db1 has three transactions that nobody else has.", {
            back(mysql()).edit(1, |node| node.ahead = known(own.to_owned()))
        }),
        tell("back-errant-closed-first", "drain db1", "It is open, too, with the address: at least it is closed.", {
            open().edit(1, |node| node.ahead = known(own.to_owned()))
        }),
        tell("back-too-late", "rejoin db1", "db2 has purged what db1 would need.", {
            back(mysql())
                .edit(1, |node| node.relay.purged = known("26a0f1c2-3d4e-11f0-8a1b-0242ac110002:1-9".to_owned()))
        }),
        tell(
            "back-half-received",
            "rejoin db1",
            "db1 had died while sending; what db2 has of it is still in its relay log.",
            {
                back(mysql()).edit(2, |node| {
                    threads(node, Thread::Stopped, Thread::Stopped);
                    node.relay.half_received = known(786_432);
                })
            },
        ),
        tell("back-swap-first", "swap", "Somebody wants the roles back on db1 before it is back.", back(mysql())),
        tell("back-remembered", "set read db1", "The servers show nothing; this machine remembers.", {
            remembered(mysql(), 1)
        }),
        tell("back-standby-swap", "swap write", "db2 is up again after its `fail`; db1 was told not to receive.", {
            left(remembered(mariadb(), 2))
        }),
        tell("back-writer-restarted", "set write db1", "The same, and db1 has started anew, closed, since then.", {
            left(remembered(mysql(), 2)).fenced(1)
        }),
        tell("back-masked", "rejoin db1", "Its server has not been started yet.", {
            remembered(back(mysql()), 1).without_server(1, "MySQL at 10.77.0.11:3306: connection refused")
        }),
        tell(
            "back-in-order",
            "rejoin db1",
            "It was brought back already.",
            mysql().without(1, WRITE).fenced(1).with(2, WRITE).access(2, WriteAccess::Open),
        ),
    ]
}
