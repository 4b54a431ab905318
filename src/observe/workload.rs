//! Who is at work on a server, from its sessions, its locks and the machine's sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::grants::Grants;
use super::process::Process;
use super::server::Read;
use super::traffic::by_peer;
use crate::dialect::Socket;
use crate::link::Table;
use crate::model::{Account, Downstream, Fencing, Flavour, Lock, LockKind, Server, Sessions, Version, printable};

/// Locks, from `dialect::locks`. Where the server does not list them, sessions that wait for one still tell of it.
pub(super) fn locks(flavour: Flavour, table: Read<Table>, processes: &Read<Vec<Process>>) -> Read<Vec<Lock>> {
    let waiting = processes.iter().flatten().filter(|process| {
        ["Waiting for table metadata lock", "Waiting for global read lock", "Waiting for backup lock"]
            .contains(&process.state.as_str())
    });
    let waiting: Vec<Lock> = waiting
        .map(|process| Lock { kind: LockKind::WaitedFor, name: String::new(), session: Some(process.id) })
        .collect();
    let table = match table {
        Ok(table) => table,
        Err(_) if !waiting.is_empty() => return Ok(waiting),
        Err(why) if flavour == Flavour::MariaDb && why.contains("1109") => {
            return Err("the plugin metadata_lock_info is not installed there".to_owned());
        }
        Err(why) => return Err(why),
    };
    let mut locks = vec![];
    for row in &table.0 {
        let text = |name: &str| row.text(&[name]).map_err(|why| why.to_string());
        let (kind, mode) = (text("type")?.to_ascii_lowercase(), text("mode")?.to_ascii_uppercase());
        let part = |name: &str| row.get(&[name]).flatten().filter(|part| !part.is_empty());
        let name = [part("schema_name"), part("name")].into_iter().flatten().collect::<Vec<_>>().join(".");
        let strong = ["NO_READ_WRITE", "NO_WRITE", "READ_ONLY", "EXCLUSIVE"];
        let weak = mode.contains("INTENTION");
        let kind = match kind.as_str() {
            "user level lock" | "user lock" => LockKind::User,
            "backup lock" | "backup" if !weak && (flavour == Flavour::MySql || mode.contains("BACKUP")) => {
                // MariaDB's statements take one of these each; only those of a backup or a global lock block others
                match mode.as_str() {
                    "MDL_BACKUP_FTWRL1" | "MDL_BACKUP_FTWRL2" => LockKind::Global,
                    mode if mode.ends_with("DML") || mode.ends_with("DDL") || mode.ends_with("COMMIT") => continue,
                    _ => LockKind::Backup,
                }
            }
            "global" | "global read lock" if !weak => LockKind::Global,
            "table" | "table metadata lock" if !weak && strong.iter().any(|end| mode.ends_with(end)) => LockKind::Table,
            _ => continue,
        };
        // flipper's own, which another run may hold
        if kind == LockKind::User && name.starts_with("flipper:") {
            continue;
        }
        let session = row.get(&["id"]).flatten().and_then(|id| id.parse().ok());
        locks.push(Lock { kind, name: printable(&name), session });
    }
    locks.sort();
    locks.dedup();
    Ok(locks)
}

/// Sessions counted by account.
fn counted<'a>(sessions: impl Iterator<Item = &'a Process>) -> Vec<Sessions> {
    let mut all: BTreeMap<(String, bool), u32> = BTreeMap::new();
    for process in sessions {
        *all.entry((process.account(), process.is_local())).or_default() += 1;
    }
    all.into_iter().map(|((account, local), count)| Sessions { account, count, local }).collect()
}

/// Sessions that no read-only switch of the server stops. By the user's name alone: which of several accounts of one
/// name a session has, the server does not show.
pub(super) fn privileged(
    server: &Server,
    processes: &[Process],
    grants: Read<&Grants>,
    own: &str,
) -> Read<Vec<Sessions>> {
    if server.fencing() != Fencing::ReadLock {
        return Ok(vec![]);
    }
    let passing = grants?.unstopped(server, own)?;
    Ok(counted(processes.iter().filter(|p| p.is_client(own) && passing.contains(p.user.as_str()))))
}

/// Sessions that flipper's account may not end: MySQL protects those of `SYSTEM_USER` from all who have it not.
pub(super) fn protected(
    server: &Server,
    processes: &[Process],
    grants: Read<&Grants>,
    own: &str,
) -> Read<Vec<Sessions>> {
    if server.flavour == Flavour::MariaDb || server.version < Version(8, 0, 16) {
        return Ok(vec![]);
    }
    let grants = grants?;
    if grants.has("SYSTEM_USER") {
        return Ok(vec![]);
    }
    let holders = grants.holders("SYSTEM_USER")?;
    Ok(counted(processes.iter().filter(|p| p.is_client(own) && holders.contains(p.user.as_str()))))
}

/// Clients that came through the node's own addresses.
pub(super) fn direct(
    processes: &[Process],
    sockets: &[Socket],
    is_floating: impl Fn(IpAddr) -> bool,
    own: &str,
) -> Vec<Sessions> {
    let by_peer = by_peer(sockets);
    let local = |process: &Process| by_peer.get(&process.peer()?).copied();
    counted(processes.iter().filter(|p| {
        p.is_client(own) && !p.is_local() && local(p).is_some_and(|ip| !ip.is_loopback() && !is_floating(ip))
    }))
}

/// Clients without TLS of accounts that log in by `caching_sha2_password`, which needs it, or the server's public key,
/// once for each server.
pub(super) fn without_tls(
    server: &Server,
    processes: &[Process],
    accounts: &Read<Vec<Account>>,
    own: &str,
) -> Read<Vec<Sessions>> {
    if server.flavour == Flavour::MariaDb || server.version < Version(8, 0, 0) {
        return Ok(vec![]);
    }
    let plain = |p: &&Process| p.is_client(own) && p.transport.as_deref() == Some("TCP/IP");
    let is_its = |user: &str| {
        let named = |account: &&Account| account.name.rsplit_once('@').is_some_and(|(name, _)| name == user);
        match accounts {
            Ok(all) => all.iter().filter(named).any(|account| account.plugin == "caching_sha2_password"),
            // 9.0 dropped the older way
            Err(_) => true,
        }
    };
    match accounts {
        Err(why) if server.version < Version(9, 0, 0) => Err(why.clone()),
        _ => Ok(counted(processes.iter().filter(|p| plain(p) && is_its(&p.user)))),
    }
}

/// Servers that replicate from this one.
pub(super) fn downstream(
    flavour: Flavour,
    processes: &[Process],
    sockets: &[Socket],
    is_floating: impl Fn(IpAddr) -> bool,
) -> Vec<Downstream> {
    let of = |process: &Process| {
        let peer = process.peer();
        let socket = sockets.iter().find(|socket| Some(socket.peer) == peer);
        Downstream {
            account: process.account(),
            from: peer.map(|peer| peer.ip()),
            through: socket.map(|socket| socket.local.ip()).filter(|ip| is_floating(*ip)),
            by_gtid: match flavour {
                Flavour::MySql => Some(process.command.ends_with("GTID")),
                Flavour::MariaDb => None,
            },
        }
    };
    let mut all: Vec<Downstream> = processes.iter().filter(|process| process.is_dump()).map(of).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::super::grants;
    use super::super::samples::rows;
    use super::*;
    use crate::dialect::parse_sockets;

    const LOCKS: &str = include_str!("../../fixtures/raw/mysql-9.7-locks.tsv");

    fn process(user: &str, host: &str, command: &str) -> Process {
        Process { user: user.to_owned(), host: host.to_owned(), command: command.to_owned(), ..Process::default() }
    }

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    #[test]
    fn captured_locks() {
        let read = locks(Flavour::MySql, Ok(rows(LOCKS)), &Ok(vec![])).unwrap();
        let said: Vec<(LockKind, &str)> = read.iter().map(|lock| (lock.kind, lock.name.as_str())).collect();
        assert_eq!(said, [(LockKind::Table, "app.t"), (LockKind::Backup, ""), (LockKind::User, "job-1")]);
    }

    #[test]
    fn locks_of_mariadb_and_those_who_wait_for_one() {
        let table = rows(
            "type\tmode\tschema_name\tname\tid\nTable metadata lock\tMDL_SHARED_NO_READ_WRITE\tapp\tt\t7\n\
             Table metadata lock\tMDL_SHARED_WRITE\tapp\tt\t8\nBackup lock\tMDL_BACKUP_DML\t\t\t8\n\
             Backup lock\tMDL_BACKUP_FTWRL2\t\t\t9\nUser lock\tMDL_SHARED_NO_WRITE\tflipper:orders\t\t5\n",
        );
        let read = locks(Flavour::MariaDb, Ok(table), &Ok(vec![])).unwrap();
        let kinds: Vec<LockKind> = read.iter().map(|lock| lock.kind).collect();
        assert_eq!(kinds, [LockKind::Table, LockKind::Global]);
        let blind = || Err("Unknown table (error 1109)".to_owned());
        assert!(locks(Flavour::MariaDb, blind(), &Ok(vec![])).is_err_and(|why| why.contains("plugin")));
        let mut victim = process("app", "h:1", "Query");
        victim.state = "Waiting for table metadata lock".to_owned();
        let read = locks(Flavour::MariaDb, blind(), &Ok(vec![victim])).unwrap();
        assert_eq!(read.first().map(|lock| lock.kind), Some(LockKind::WaitedFor));
        assert!(locks(Flavour::MySql, Ok(rows("type\nTABLE\n")), &Ok(vec![])).is_err());
    }

    #[test]
    fn whom_a_fence_does_not_stop() {
        let all = rows(
            "grantee\tprivilege\n'root'@'localhost'\tSUPER\n'root'@'localhost'\tREAD_ONLY ADMIN\n\
             'adm'@'%'\tREAD_ONLY ADMIN\n'old'@'%'\tSUPER\n",
        );
        let grants = grants::grants(&Table::default(), &all, &Ok(Table::default())).unwrap();
        let sessions = [
            process("adm", "10.0.0.9:1", "Sleep"),
            process("adm", "10.0.0.9:2", "Query"),
            process("root", "localhost", "Sleep"),
            process("old", "10.0.0.9:3", "Sleep"),
            process("app", "10.0.0.9:4", "Sleep"),
            process("adm", "10.0.0.12:5", "Binlog Dump"),
        ];
        let count = |flavour, version| {
            let found = privileged(&server(flavour, version), &sessions, Ok(&grants), "flipper").unwrap();
            found.iter().map(|s| (s.account.clone(), s.count, s.local)).collect::<Vec<_>>()
        };
        let adm = ("adm@10.0.0.9".to_owned(), 2, false);
        let root = ("root@localhost".to_owned(), 1, true);
        assert_eq!(count(Flavour::MariaDb, Version(10, 11, 6)), [adm.clone(), root.clone()]);
        assert_eq!(count(Flavour::MariaDb, Version(10, 6, 6)), [adm, ("old@10.0.0.9".to_owned(), 1, false), root]);
        assert_eq!(count(Flavour::MySql, Version(9, 7, 0)), []);
        assert_eq!(count(Flavour::MariaDb, Version(12, 1, 0)), []);
        let own_only = grants::grants(&Table::default(), &Table::default(), &Ok(Table::default())).unwrap();
        let maria = server(Flavour::MariaDb, Version(10, 11, 6));
        assert!(privileged(&maria, &sessions, Ok(&own_only), "flipper").is_err_and(|why| why.contains("mysql.*")));
    }

    #[test]
    fn clients_by_the_address_they_came_through() {
        let sockets = parse_sockets(
            "0 0 10.0.0.100:3306 10.0.0.9:1\n0 0 10.0.0.11:3306 10.0.0.9:2\n0 0 10.0.0.11:3306 10.0.0.12:3\n\
             0 0 10.0.0.100:3306 10.0.0.13:4\n",
        )
        .unwrap();
        let sessions = [
            process("app", "10.0.0.9:1", "Sleep"),
            process("app", "10.0.0.9:2", "Sleep"),
            process("flipper", "10.0.0.9:2", "Query"),
            process("repl", "10.0.0.12:3", "Binlog Dump GTID"),
            process("repl", "10.0.0.13:4", "Binlog Dump"),
        ];
        let floating = |ip: IpAddr| ip == IpAddr::from([10, 0, 0, 100]);
        let found = direct(&sessions, &sockets, floating, "flipper");
        assert_eq!(found.iter().map(|s| (s.account.as_str(), s.count)).collect::<Vec<_>>(), [("app@10.0.0.9", 1)]);
        let found = downstream(Flavour::MySql, &sessions, &sockets, floating);
        let said: Vec<_> = found.iter().map(|d| (d.account.as_str(), d.through.is_some(), d.by_gtid)).collect();
        assert_eq!(said, [("repl@10.0.0.12", false, Some(true)), ("repl@10.0.0.13", true, Some(false))]);
    }
}
