//! What goes on at a node: what its incoming channels are at, and how many clients came to which address.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::process::Process;
use crate::dialect::{self, Socket, changes_data};
use crate::link::{Record, Table};
use crate::model::{BinlogState, Pending, Reached, printable};

/// What each channel is at, from `dialect::channels`.
pub(super) fn pending(table: &Table) -> Vec<Pending> {
    table.0.iter().map(one).collect()
}

fn one(row: &Record) -> Pending {
    let given = |names: &[&str]| row.get(names).flatten().filter(|text| !text.is_empty());
    let text = |names: &[&str]| given(names).map(printable).unwrap_or_default();
    let number = |names: &[&str]| given(names).and_then(|text| text.parse::<u64>().ok());
    let received = given(&["Source_Log_File", "Master_Log_File"]);
    Pending {
        channel: text(&["Channel_Name", "Connection_name"]),
        receiver: text(&["Replica_IO_State", "Slave_IO_State"]),
        applier: text(&["Replica_SQL_Running_State", "Slave_SQL_Running_State"]),
        bytes: received.and_then(|_| dialect::not_executed(given)),
        transactions: in_relay_log(row),
        delay_left: number(&["SQL_Remaining_Delay"]),
        retry_every: number(&["Connect_Retry"]),
    }
}

/// MariaDB's positions are numbers. What MySQL has received and not executed it is asked for by a question of its own.
fn in_relay_log(row: &Record) -> Option<u64> {
    let read = |name: &str| BinlogState::parse(row.get(&[name]).flatten()?);
    Some(read("Gtid_IO_Pos")?.ahead_of(&read("Gtid_Slave_Pos")?))
}

/// Which of the node's addresses each client's end of a socket has come to.
pub(super) fn by_peer(sockets: &[Socket]) -> BTreeMap<SocketAddr, IpAddr> {
    // of two with the same client the first one, as in the list
    sockets.iter().rev().map(|socket| (socket.peer, socket.local.ip())).collect()
}

/// Client sessions by the address that they came to. `own`: the account that flipper uses.
pub(super) fn sessions(processes: &[Process], sockets: &[Socket], own: &str) -> Vec<Reached> {
    let by_peer = by_peer(sockets);
    let mut by_port: BTreeMap<u16, (u32, IpAddr)> = BTreeMap::new();
    for socket in sockets {
        by_port.entry(socket.peer.port()).or_insert((0, socket.local.ip())).0 += 1;
    }
    let local = |process: &Process| -> Option<IpAddr> {
        match process.peer() {
            Some(peer) => by_peer.get(&peer).copied(),
            // a server that resolves names shows a name and a port: enough where only one client has that port
            None => {
                let port: u16 = process.host.rsplit_once(':')?.1.parse().ok()?;
                by_port.get(&port).filter(|(count, _)| *count == 1).map(|(_, ip)| *ip)
            }
        }
    };
    let writes = |process: &Process| {
        let runs = matches!(process.command.as_str(), "Query" | "Execute");
        process.changed > 0 || (runs && changes_data(&process.info))
    };
    let mut all: BTreeMap<Option<IpAddr>, (u32, u32)> = BTreeMap::new();
    for process in processes.iter().filter(|process| process.is_client(own)) {
        let (count, writing) = all.entry(local(process)).or_default();
        *count += 1;
        *writing += u32::from(writes(process));
    }
    all.into_iter().map(|(address, (count, writing))| Reached { address, count, writing }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::captured;
    use super::*;
    use crate::dialect::parse_sockets;

    const MARIA: &str = include_str!("../../fixtures/raw/mariadb-10.11-channel-healthy.tsv");
    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-channel-healthy.tsv");
    const MYSQL_BROKEN: &str = include_str!("../../fixtures/raw/mysql-9.7-channel-broken.tsv");

    #[test]
    fn healthy_channels_wait_for_nothing_of_theirs() {
        for (text, transactions) in [(MARIA, Some(0)), (MYSQL, None)] {
            let read = pending(&captured(text)).remove(0);
            assert_eq!((read.bytes, read.transactions, read.delay_left), (Some(0), transactions, None), "{read:?}");
            assert!(read.applier.contains("has read all relay log"), "{read:?}");
            assert!(read.receiver.to_lowercase().contains("waiting for"), "{read:?}");
            assert_eq!(read.retry_every, Some(60), "{read:?}");
        }
        assert!(pending(&captured(MYSQL_BROKEN))[0].receiver.contains("onnecting to source"));
    }

    #[test]
    fn what_was_received_and_not_executed() {
        let maria = MARIA.lines().map(|line| match line.split_once('\t') {
            Some(("Gtid_IO_Pos", _)) => "Gtid_IO_Pos\t0-1-130,1-1-5\n".to_owned(),
            Some(("Gtid_Slave_Pos", _)) => "Gtid_Slave_Pos\t0-1-30,1-1-5\n".to_owned(),
            Some(("Read_Master_Log_Pos", _)) => "Read_Master_Log_Pos\t5000\n".to_owned(),
            Some(("Exec_Master_Log_Pos", _)) => "Exec_Master_Log_Pos\t800\n".to_owned(),
            _ => format!("{line}\n"),
        });
        let read = pending(&captured(&maria.collect::<String>())).remove(0);
        assert_eq!((read.bytes, read.transactions), (Some(4200), Some(100)));
        // in another file, positions cannot be subtracted
        let apart = MARIA.replace("Relay_Master_Log_File\t", "Relay_Master_Log_File\tolder-");
        assert_eq!(pending(&captured(&apart))[0].bytes, None);
    }

    fn process(user: &str, host: &str, command: &str, info: &str, changed: u64) -> Process {
        Process {
            user: user.to_owned(),
            host: host.to_owned(),
            command: command.to_owned(),
            info: info.to_owned(),
            changed,
            ..Process::default()
        }
    }

    #[test]
    fn clients_by_the_address_that_they_came_to() {
        let sockets = parse_sockets(
            "0 0 10.0.0.100:3306 10.0.0.9:1\n0 0 10.0.0.100:3306 10.0.0.9:2\n0 0 10.0.0.11:3306 10.0.0.9:3\n\
             0 0 10.0.0.100:3306 10.0.0.8:4\n0 0 10.0.0.11:3306 10.0.0.7:4\n0 0 10.0.0.100:3306 10.0.0.8:5\n",
        )
        .unwrap();
        let found = sessions(
            &[
                process("app", "10.0.0.9:1", "Sleep", "", 0),
                process("app", "10.0.0.9:2", "Sleep", "", 3),
                process("app", "client.example:5", "Query", "update t set x=1", 0),
                process("app", "10.0.0.9:3", "Query", "select 1", 0),
                process("app", "client.example:4", "Sleep", "", 0),
                process("root", "localhost", "Sleep", "", 0),
                process("flipper", "10.0.0.9:6", "Query", "", 0),
                process("repl", "10.0.0.12:7", "Binlog Dump", "", 0),
                process("system user", "", "Connect", "", 9),
            ],
            &sockets,
            "flipper",
        );
        let said: Vec<_> = found.iter().map(|r| (r.address.map(|ip| ip.to_string()), r.count, r.writing)).collect();
        let at = |ip: &str| Some(ip.to_owned());
        assert_eq!(said, [(None, 2, 0), (at("10.0.0.11"), 1, 0), (at("10.0.0.100"), 3, 2)]);
    }
}
