//! What only the checks look at. It is asked in a session of its own, beside the questions that a move relies on, and
//! of the machine once those are answered; whatever of it fails is unknown by itself.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::grants;
use super::inventory;
use super::process::{self, Process};
use super::restart::{Restart, Told};
use super::server::Read;
use super::{ask, boot, restart, traffic, workload};
use crate::dialect::{self, Socket};
use crate::link::{Answer, Shell, Sql, SqlError, SshError, Table};
use crate::model::{
    Boot, Disk, Flavour, Inventory, NodeSnapshot, Observed, Relay, Server, Workload, count_gtids, printable,
};

/// Why it is not asked on this flavour: it has no such thing.
const NONE: &str = "this server has no such thing";

/// Answers of a server, not understood yet.
pub(super) struct Answers {
    variables: Read<Table>,
    counters: Read<Table>,
    work: Read<Table>,
    transactions: Read<Table>,
    locks: Read<Table>,
    accounts: Read<Table>,
    own_grants: Read<Table>,
    privileges: Read<Table>,
    roles: Read<Table>,
    events: Read<Table>,
    origin: Read<Table>,
    paths: Read<Table>,
    worker_errors: Read<Table>,
    received: Read<Table>,
    purged: Read<Table>,
    transports: Read<Table>,
}

impl Answers {
    pub(super) fn unseen(why: &str) -> Self {
        let why = || Err(why.to_owned());
        Self {
            variables: why(),
            counters: why(),
            work: why(),
            transactions: why(),
            locks: why(),
            accounts: why(),
            own_grants: why(),
            privileges: why(),
            roles: why(),
            events: why(),
            origin: why(),
            paths: why(),
            worker_errors: why(),
            received: why(),
            purged: why(),
            transports: why(),
        }
    }

    /// Variables, by their newest names.
    fn variables(&self) -> Read<BTreeMap<String, String>> {
        inventory::variables(self.variables.as_ref().map_err(String::clone)?)
    }

    /// What the peer is asked about: transactions that are in no binary log here any more.
    pub(super) fn purged(&self) -> Read<String> {
        let row = self.purged.as_ref().map_err(String::clone)?.row().map_err(|why| why.to_string())?;
        Ok(row.text(&["purged"]).map_err(|why| why.to_string())?.replace('\n', ""))
    }

    /// What the server says of the files that it reads when it starts.
    pub(super) fn told(&self) -> Told {
        let data = self.variables().and_then(|all| {
            all.get("datadir").cloned().ok_or_else(|| "the server does not name its data folder".to_owned())
        });
        let paths = self.paths.iter().flat_map(|table| &table.0);
        let paths = paths.filter_map(|row| row.text(&["path"]).ok().map(str::to_owned)).collect();
        Told { data, paths }
    }

    /// Folders that the server writes to, as it names them.
    pub(super) fn folders(&self) -> Read<Vec<String>> {
        let variables = self.variables()?;
        let data = variables.get("datadir").ok_or("the server does not name its data folder")?;
        let logs = variables.get("log_bin_basename").and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
        let mut folders = vec![data.clone()];
        // relative to the data folder, or in it: the same disk
        folders.extend(
            logs.filter(|logs| logs.starts_with('/') && *logs != data.trim_end_matches('/')).map(str::to_owned),
        );
        Ok(folders)
    }
}

/// Asks a server all of it, in as many round trips as it turns questions down, and one.
pub(super) async fn ask_server(sql: &mut Sql, server: &Server, limit: Duration) -> Answers {
    let both = [
        &dialect::variables(),
        &dialect::counters(),
        &dialect::work(server),
        &dialect::transactions(),
        &dialect::own_grants(),
        &dialect::privileges(),
        &dialect::roles(server),
        &dialect::read_only_origin(server),
        &dialect::locks(server),
        &dialect::accounts(),
        &dialect::events(server),
        &dialect::option_paths(server),
    ];
    let [
        variables,
        counters,
        work,
        transactions,
        own_grants,
        privileges,
        roles,
        origin,
        locks,
        accounts,
        events,
        paths,
    ] = ask(sql, both, limit).await;
    let [worker_errors, received, purged, transports] = match server.flavour {
        Flavour::MySql => {
            let own = [&dialect::worker_errors(), &dialect::received(), &dialect::purged(), &dialect::transports()];
            ask(sql, own, limit).await
        }
        Flavour::MariaDb => std::array::from_fn(|_| Err(NONE.to_owned())),
    };
    Answers {
        variables,
        counters,
        work,
        transactions,
        locks,
        accounts,
        own_grants,
        privileges,
        roles,
        events,
        origin,
        paths,
        worker_errors,
        received,
        purged,
        transports,
    }
}

/// Answers of a machine, not understood yet.
pub(super) struct Looks {
    files: Read<Answer>,
    managers: Read<Answer>,
    listeners: Read<Answer>,
    disk: Read<(Answer, Vec<String>)>,
    restart: Restart,
}

impl Looks {
    pub(super) fn unseen(why: &str) -> Self {
        let restart = Restart::unseen(why);
        let why = || why.to_owned();
        Self { files: Err(why()), managers: Err(why()), listeners: Err(why()), disk: Err(why()), restart }
    }
}

/// What a machine is asked about.
pub(super) struct Ask<'a> {
    pub(super) floating: &'a [IpAddr],
    pub(super) folders: Read<Vec<String>>,
    pub(super) sudo: bool,
    /// The server's.
    pub(super) port: u16,
}

/// Looks at a machine, in one round trip, and some more for what its server starts with.
pub(super) async fn ask_machine(
    shell: Result<&mut Shell, &mut SshError>,
    ask: Ask<'_>,
    server: Option<(Server, Told)>,
    limit: Duration,
) -> Looks {
    let shell = match shell {
        Ok(shell) => shell,
        Err(why) => return Looks::unseen(&why.to_string()),
    };
    match look(shell, ask, server, limit).await {
        Ok(looks) => looks,
        Err(why) => {
            // what is looked for here must not cost the shell that a move needs
            let _ = shell.reopen(limit).await;
            Looks::unseen(&why.to_string())
        }
    }
}

async fn look(
    shell: &mut Shell,
    ask: Ask<'_>,
    server: Option<(Server, Told)>,
    limit: Duration,
) -> Result<Looks, SshError> {
    let Ask { floating, folders, sudo, port } = ask;
    let mut looks =
        vec![dialect::mentions(floating), dialect::managers(), dialect::listeners(), dialect::who_listens(sudo, port)];
    let disk = folders.as_ref().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
    let disk = disk.map_err(String::clone).and_then(|folders| {
        dialect::disk(&folders).ok_or_else(|| format!("{} is no plain path", printable(&folders.join(", "))))
    });
    looks.extend(disk.as_ref().ok().cloned());
    let mut answers = shell.look(&looks, limit).await?.into_iter();
    let mut next = || answers.next().ok_or_else(|| "not all was answered".to_owned());
    let (files, managers, listeners) = (next(), next(), next());
    let listening = next();
    let disk = disk.and_then(|_| next()).and_then(|answer| Ok((answer, folders?)));
    let restart = match (server, listening) {
        (Some((server, told)), Ok(listening)) => restart::look(shell, &server, &listening, &told, limit).await?,
        (None, _) => Restart::unseen("its server does not answer"),
        (_, Err(why)) => Restart::unseen(&why),
    };
    Ok(Looks { files, managers, listeners, disk, restart })
}

/// What is known of a node besides.
pub(super) struct Known<'a> {
    pub(super) server: &'a Server,
    /// The account that flipper uses there.
    pub(super) own: &'a str,
    pub(super) port: u16,
    pub(super) floating: &'a [IpAddr],
    pub(super) sockets: &'a Read<Vec<Socket>>,
}

/// Puts what a machine says into the node, whether its server answers or not.
pub(super) fn fill_machine(node: &mut NodeSnapshot, port: u16, floating: &[IpAddr], looks: Looks) {
    let Looks { files, managers, listeners, disk, restart } = looks;
    let is_floating = |ip: IpAddr| floating.contains(&ip);
    let text = |command: &str, answer: Read<Answer>| -> Read<String> {
        answer.and_then(|answer| super::text(command, &answer).map(str::to_owned))
    };
    node.health.disk = disk.and_then(|(answer, folders)| space(answer, &folders)).into();
    let listeners = text("ss", listeners);
    // systemd's socket listens on addresses that a server started by it does not know of
    if let (Ok(text), Observed::Known(settings)) = (&listeners, &mut node.settings) {
        for everywhere in boot::everywhere(text, port) {
            let mut own = settings.bind_address.split(',').map(str::trim);
            if !own.any(|own| own == everywhere || matches!(own, "" | "*" | "::")) {
                settings.bind_address = format!("{},{everywhere}", settings.bind_address);
            }
        }
    }
    node.health.listeners = listeners.and_then(|text| boot::listeners(&text, port, is_floating)).into();
    let (access, follows, unit) = restart.parts();
    node.boot = Boot {
        access: access.into(),
        follows: follows.into(),
        unit: unit.into(),
        read_only: node.boot.read_only.clone(),
        files: files.and_then(|answer| boot::files(&answer)).into(),
        managers: text("sh", managers).and_then(|text| boot::managers(&text)).into(),
    };
}

/// Puts all of it into the node.
pub(super) fn fill(node: &mut NodeSnapshot, known: &Known<'_>, answers: &Answers, looks: Looks) {
    let Known { server, own, port, floating, sockets } = *known;
    let is_floating = |ip: IpAddr| floating.contains(&ip);
    let grants = both(table(&answers.own_grants), table(&answers.privileges));
    let grants = grants.and_then(|(own, others)| grants::grants(own, others, &answers.roles));
    let accounts = table(&answers.accounts).and_then(inventory::accounts);
    let counters = table(&answers.counters).and_then(inventory::variables);
    let variables = answers.variables();
    let processes = processes(answers);
    let part = |of: fn(&BTreeMap<String, String>) -> Read<_>| counters.as_ref().map_err(String::clone).and_then(of);
    node.workload = {
        let all = || processes.as_deref().map_err(String::clone);
        let grants = || grants.as_ref().map_err(String::clone);
        let sockets = || sockets.as_deref().map_err(String::clone);
        Workload {
            work: all().map(|all| process::work(all, own)).into(),
            locks: workload::locks(server.flavour, answers.locks.clone(), &processes).into(),
            privileged: all().and_then(|all| workload::privileged(server, all, grants(), own)).into(),
            protected: all().and_then(|all| workload::protected(server, all, grants(), own)).into(),
            direct: both(all(), sockets()).map(|(all, s)| workload::direct(all, s, is_floating, own)).into(),
            without_tls: all().and_then(|all| workload::without_tls(server, all, &accounts, own)).into(),
            downstream: both(all(), sockets())
                .map(|(all, sockets)| workload::downstream(server.flavour, all, sockets, is_floating))
                .into(),
            temp_tables: part(inventory::temp_tables).into(),
            semi_sync: counters.as_ref().map_err(String::clone).and_then(inventory::semi_sync).into(),
        }
    };
    node.traffic.sessions =
        both(processes.as_deref().map_err(String::clone), sockets.as_deref().map_err(String::clone))
            .map(|(all, sockets)| traffic::sessions(all, sockets, own))
            .into();
    node.boot.read_only = table(&answers.origin).and_then(|table| inventory::read_only(server, table)).into();
    node.health.connections = both(variables.as_ref().map_err(String::clone), counters.as_ref().map_err(String::clone))
        .and_then(|(variables, counters)| inventory::connections(variables, counters))
        .into();
    node.health.uptime = counters.as_ref().map_err(String::clone).and_then(inventory::uptime).into();
    fill_machine(node, port, floating, looks);
    node.relay = Relay {
        worker_errors: match server.flavour {
            Flavour::MySql => table(&answers.worker_errors).and_then(inventory::worker_errors).into(),
            // its replica status says it all
            Flavour::MariaDb => Observed::Known(vec![]),
        },
        unapplied: match server.flavour {
            Flavour::MySql => table(&answers.received).and_then(missing).into(),
            Flavour::MariaDb => node.relay.unapplied.clone(),
        },
        ..node.relay.clone()
    };
    if let (Flavour::MySql, Some(set), Observed::Known(pending)) =
        (server.flavour, node.relay.unapplied.known(), &mut node.traffic.pending)
        && let [only] = &mut pending[..]
    {
        only.transactions = count_gtids(set);
    }
    node.inventory = Inventory {
        variables: variables.into(),
        events: table(&answers.events).and_then(|table| inventory::events(server, table, &grants)).into(),
        unstopped_events: inventory::unstopped_events(server, table(&answers.events), &grants, own).into(),
        missing_grants: grants
            .as_ref()
            .map(|grants| grants::missing_grants(server, grants))
            .map_err(String::clone)
            .into(),
        data_rights: grants.as_ref().map(grants::data_rights).map_err(String::clone).into(),
        accounts: accounts.into(),
    };
}

fn table(answer: &Read<Table>) -> Read<&Table> {
    answer.as_ref().map_err(String::clone)
}

fn both<A, B>(a: Read<A>, b: Read<B>) -> Read<(A, B)> {
    Ok((a?, b?))
}

/// Sessions with their transactions; how they are connected is added where the server tells.
fn processes(answers: &Answers) -> Read<Vec<Process>> {
    let mut all = process::processes(table(&answers.work)?)?;
    process::with_transactions(&mut all, table(&answers.transactions)?)?;
    if let Ok(transports) = &answers.transports {
        process::with_transports(&mut all, transports);
    }
    Ok(all)
}

fn space(answer: Answer, folders: &[String]) -> Read<Vec<Disk>> {
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    boot::disk(super::text("df", &answer)?, &folders)
}

/// A set a row, as `missing`; together, on one line.
fn missing(table: &Table) -> Read<String> {
    let mut sets = vec![];
    for row in &table.0 {
        let set = row.text(&["missing"]).map_err(|why| why.to_string())?.replace('\n', "");
        sets.extend((!set.is_empty()).then(|| printable(&set)));
    }
    Ok(sets.join(","))
}

/// Whether a session of ours was turned away because there are too many.
pub(super) fn turned_away(errors: [Option<&SqlError>; 2]) -> bool {
    // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
    errors.into_iter().flatten().any(|error| matches!(error.code(), Some(1040 | 1203 | 1226)))
}

/// What the replica status says of the relay log.
pub(super) struct RelayLog {
    /// MySQL's retry limit; MariaDB before 10.6 has no such column.
    pub(super) retries: Read<Option<u64>>,
    /// MariaDB: what is not applied.
    pub(super) unapplied: Read<String>,
    /// How far what is applied is behind what was received, in bytes of the source's log.
    pub(super) rest: Read<u64>,
}

/// Reads the replica status.
pub(super) fn relay(server: &Server, channels: Read<&Table>) -> RelayLog {
    let rows = match channels {
        Ok(table) => &table.0,
        Err(why) => return RelayLog { retries: Err(why.clone()), unapplied: Err(why.clone()), rest: Err(why) },
    };
    let rest = rows.iter().try_fold(0_u64, |sum, row| {
        Some(sum + dialect::not_executed(|names| row.get(names).flatten().filter(|text| !text.is_empty()))?)
    });
    let rest = rest.ok_or_else(|| "what was received and what is applied stand in different logs".to_owned());
    let retries = rows.iter().filter_map(|row| row.get(&["Source_Retry_Count", "Master_Retry_Count"]).flatten());
    let retries = retries.filter_map(|text| text.parse().ok()).min();
    let behind = rows.iter().filter_map(|row| {
        let received = row.get(&["Gtid_IO_Pos"]).flatten().filter(|text| !text.is_empty())?;
        let applied = row.get(&["Gtid_Slave_Pos"]).flatten().unwrap_or_default();
        (!is_within(received, applied)).then(|| printable(&format!("up to {received}, of which {applied} is applied")))
    });
    let unapplied = match server.flavour {
        Flavour::MySql => Err(NONE.to_owned()),
        Flavour::MariaDb => Ok(behind.collect::<Vec<_>>().join("; ")),
    };
    RelayLog { retries: Ok(retries), unapplied, rest }
}

/// Whether each domain of a MariaDB position is reached by the other one: `0-1-30,2-1-7`.
fn is_within(received: &str, applied: &str) -> bool {
    let parse = |text: &str| -> BTreeMap<u64, u64> {
        let part = |gtid: &str| {
            let mut numbers = gtid.trim().split('-').map(|number| number.parse::<u64>().ok());
            Some((numbers.next()??, numbers.nth(1)??))
        };
        text.split(',').filter_map(part).collect()
    };
    let applied = parse(applied);
    parse(received).iter().all(|(domain, sequence)| applied.get(domain).is_some_and(|reached| reached >= sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mariadb_has_received_and_not_applied() {
        assert!(is_within("0-1-30", "0-2-31") && is_within("0-1-30", "0-1-30,1-1-5") && is_within("", ""));
        assert!(!is_within("0-1-30", "0-1-29") && !is_within("0-1-3,1-1-1", "0-1-3") && !is_within("0-1-3", ""));
    }
}
