//! Reading what a server holds besides data, and how full it is.

use std::collections::BTreeMap;

use super::grants::Grants;
use super::server::Read;
use crate::link::Table;
use crate::model::{Account, Connections, Fencing, Flavour, Kept, Server, Version, printable};

/// Rows of `Variable_name` and `Value`, by the newest of each variable's names.
pub(super) fn variables(table: &Table) -> Read<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for row in &table.0 {
        let name = row.text(&["Variable_name"]).map_err(|why| why.to_string())?.to_ascii_lowercase();
        let value = row.get(&["Value"]).flatten().unwrap_or_default();
        let name = match name.as_str() {
            "slave_net_timeout" => "replica_net_timeout",
            "tx_isolation" => "transaction_isolation",
            "slave_open_temp_tables" => "replica_open_temp_tables",
            name => name,
        };
        all.insert(printable(name), printable(value));
    }
    match all.is_empty() {
        true => Err("the server named no variable".to_owned()),
        false => Ok(all),
    }
}

fn number(all: &BTreeMap<String, String>, name: &str) -> Read<u32> {
    let value = all.get(name).ok_or_else(|| format!("the server has no `{name}`"))?;
    value.parse().map_err(|_| format!("`{name}` is `{value}`, which is no number"))
}

pub(super) fn connections(
    variables: &BTreeMap<String, String>,
    counters: &BTreeMap<String, String>,
) -> Read<Connections> {
    Ok(Connections {
        now: number(counters, "threads_connected")?,
        most: number(counters, "max_used_connections")?,
        limit: number(variables, "max_connections")?,
    })
}

pub(super) fn uptime(counters: &BTreeMap<String, String>) -> Read<u64> {
    number(counters, "uptime").map(u64::from)
}

pub(super) fn temp_tables(counters: &BTreeMap<String, String>) -> Read<u32> {
    number(counters, "replica_open_temp_tables")
}

/// How many replicas acknowledge, where commits wait for them. A server without the plugin has no such counter.
pub(super) fn semi_sync(counters: &BTreeMap<String, String>) -> Read<Option<u32>> {
    for word in ["source", "master"] {
        if counters.get(&format!("rpl_semi_sync_{word}_status")).is_some_and(|status| status == "ON") {
            return number(counters, &format!("rpl_semi_sync_{word}_clients")).map(Some);
        }
    }
    Ok(None)
}

/// Accounts, from `dialect::accounts`; those that servers make for themselves left out.
pub(super) fn accounts(table: &Table) -> Read<Vec<Account>> {
    let mut all = vec![];
    for row in &table.0 {
        let text = |name: &str| row.get(&[name]).flatten().unwrap_or_default();
        let user = row.text(&["user"]).map_err(|why| why.to_string())?;
        if user.starts_with("mysql.") || user == "mariadb.sys" {
            continue;
        }
        all.push(Account { name: printable(&format!("{user}@{}", text("host"))), plugin: printable(text("plugin")) });
    }
    all.sort();
    Ok(all)
}

/// Scheduled events that are enabled on this server, from `dialect::events`.
pub(super) fn events(server: &Server, table: &Table, grants: &Read<Grants>) -> Read<Vec<String>> {
    let all: Vec<String> = enabled(table)?.into_iter().map(|(event, _)| event).collect();
    let sees_all = match (server.flavour, grants) {
        (Flavour::MariaDb, _) => true,
        (Flavour::MySql, Ok(grants)) => grants.has("EVENT") || grants.has("SUPER"),
        (Flavour::MySql, Err(why)) => return Err(why.clone()),
    };
    match all.is_empty() && !sees_all {
        true => Err("flipper's account sees no events: the privilege EVENT would show them".to_owned()),
        false => Ok(all),
    }
}

/// Events that are enabled here, with their definers.
fn enabled(table: &Table) -> Read<Vec<(String, &str)>> {
    let mut all = vec![];
    for row in &table.0 {
        let text = |name: &str| row.text(&[name]).map_err(|why| why.to_string());
        if text("status")?.eq_ignore_ascii_case("enabled") {
            all.push((printable(&format!("{}.{}", text("schema_name")?, text("name")?)), text("definer")?));
        }
    }
    all.sort();
    Ok(all)
}

/// Of these, those that a fence does not stop, because their definers may write on a server that is read-only. An event has
/// its definer's rights, whoever turns it on. By the user's name alone, as sessions are (see `workload::privileged`).
pub(super) fn unstopped_events(
    server: &Server,
    table: Read<&Table>,
    grants: &Read<Grants>,
    own: &str,
) -> Read<Vec<String>> {
    if server.fencing() != Fencing::ReadLock {
        return Ok(vec![]);
    }
    let events = enabled(table?)?;
    if events.is_empty() {
        return Ok(vec![]);
    }
    let unstopped = grants.as_ref().map_err(String::clone)?.unstopped(server, own)?;
    let user = |definer: &str| definer.rsplit_once('@').map_or(definer, |(user, _)| user).to_owned();
    let told = |(event, definer): (String, &str)| printable(&format!("{event} of {definer}"));
    Ok(events.into_iter().filter(|(_, definer)| unstopped.contains(user(definer).as_str())).map(told).collect())
}

/// Where `read_only` comes from after a restart, from `dialect::read_only_origin`.
pub(super) fn read_only(server: &Server, table: &Table) -> Read<Kept> {
    let mut origins = vec![];
    let mut persisted = vec![];
    for row in &table.0 {
        let text = |name: &str| row.text(&[name]).map_err(|why| why.to_string());
        let name = text("name")?;
        origins.push(text("origin")?.to_ascii_uppercase());
        persisted.extend(row.get(&["value"]).flatten().map(|value| (printable(name), printable(value))));
    }
    if !persisted.is_empty() {
        return Ok(Kept::Persisted(persisted));
    }
    if origins.is_empty() {
        return Err(match server.flavour {
            Flavour::MySql if server.version < Version(8, 0, 0) => "this version does not tell".to_owned(),
            _ => "the server names no origin of read_only".to_owned(),
        });
    }
    let is = |origin: &String| matches!(origin.as_str(), "COMPILED" | "COMPILE-TIME" | "AUTO");
    let set = |origin: &String| matches!(origin.as_str(), "DYNAMIC" | "SQL");
    Ok(if !origins.iter().all(|origin| is(origin) || set(origin)) {
        Kept::Configured
    } else if origins.iter().any(set) {
        Kept::Overlaid
    } else {
        Kept::Nowhere
    })
}

/// What the applier's workers failed with, from `dialect::worker_errors`.
pub(super) fn worker_errors(table: &Table) -> Read<Vec<(u32, String)>> {
    let read = |row: &crate::link::Record| -> Read<(u32, String)> {
        let number = row.number(&["number"]).map_err(|why| why.to_string())?;
        Ok((number, printable(row.get(&["text"]).flatten().unwrap_or_default())))
    };
    let mut all = table.0.iter().map(read).collect::<Read<Vec<_>>>()?;
    // every worker of a stopped applier may say the same
    all.sort();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::samples::rows;
    use super::*;

    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-variables.tsv");
    const MARIADB: &str = include_str!("../../fixtures/raw/mariadb-10.11-variables.tsv");
    const MYSQL_COUNTERS: &str = include_str!("../../fixtures/raw/mysql-9.7-counters.tsv");
    const MARIADB_COUNTERS: &str = include_str!("../../fixtures/raw/mariadb-10.11-counters.tsv");

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    #[test]
    fn variables_and_counters_of_both_families_by_one_name() {
        for (text, counted) in [(MYSQL, MYSQL_COUNTERS), (MARIADB, MARIADB_COUNTERS)] {
            let read = variables(&rows(text)).unwrap();
            for name in [
                "auto_increment_increment",
                "binlog_row_image",
                "datadir",
                "event_scheduler",
                "innodb_force_recovery",
                "max_connections",
                "relay_log_recovery",
                "replica_net_timeout",
                "sql_mode",
                "sync_binlog",
                "transaction_isolation",
            ] {
                assert!(read.contains_key(name), "{name} in {read:?}");
            }
            let counters = variables(&rows(counted)).unwrap();
            let connections = connections(&read, &counters).unwrap();
            assert!(connections.now >= 1 && connections.most >= connections.now && connections.limit == 151);
            assert!(uptime(&counters).unwrap() > 0);
            assert_eq!((temp_tables(&counters), semi_sync(&counters)), (Ok(0), Ok(None)));
        }
        assert!(variables(&Table::default()).is_err());
        assert!(connections(&BTreeMap::new(), &BTreeMap::new()).is_err());
    }

    #[test]
    fn semi_sync_counts_only_where_it_is_on() {
        let with = |word: &str, status: &str, clients: &str| {
            let text = format!(
                "Variable_name\tValue\nRpl_semi_sync_{word}_status\t{status}\nRpl_semi_sync_{word}_clients\t{clients}\n"
            );
            semi_sync(&variables(&rows(&text)).unwrap())
        };
        assert_eq!(with("source", "ON", "0"), Ok(Some(0)));
        assert_eq!(with("master", "ON", "2"), Ok(Some(2)));
        assert_eq!(with("master", "OFF", "0"), Ok(None));
        assert!(with("master", "ON", "x").is_err());
    }

    #[test]
    fn events_that_cannot_be_seen_are_not_none() {
        let my = server(Flavour::MySql, Version(9, 7, 0));
        let some = rows(
            "schema_name\tname\tstatus\tdefiner\napp\tnightly\tENABLED\troot@%\napp\tother\tREPLICA_SIDE_DISABLED\tx@%\n",
        );
        let blind = Ok(Grants::default());
        assert_eq!(events(&my, &some, &blind), Ok(vec!["app.nightly".to_owned()]));
        assert!(events(&my, &Table::default(), &blind).is_err_and(|why| why.contains("EVENT")));
        let sees = Ok(Grants::of(&["EVENT"]));
        assert_eq!(events(&my, &Table::default(), &sees), Ok(vec![]));
    }

    #[test]
    fn an_event_writes_on_where_its_definer_may() {
        let table = rows(
            "schema_name\tname\tstatus\tdefiner\napp\ta\tENABLED\troot@localhost\napp\tb\tENABLED\tjob@%\n\
             app\tc\tSLAVESIDE_DISABLED\troot@localhost\napp\td\tENABLED\tflipper@10.77.0.%\n",
        );
        let grants = |own: &[&str], others: &[(&str, &str)]| Ok(Grants::of(own).beside(others));
        let of = |flavour, version, grants: &Read<Grants>| {
            unstopped_events(&server(flavour, version), Ok(&table), grants, "flipper").map(|all| all.join(", "))
        };
        let maria = |version, grants: &Read<Grants>| of(Flavour::MariaDb, version, grants);
        let sees = grants(&[], &[("root", "READ_ONLY ADMIN"), ("job", "SUPER")]);
        assert_eq!(maria(Version(10, 11, 6), &sees).as_deref(), Ok("app.a of root@localhost"));
        // before, SUPER was enough
        assert_eq!(maria(Version(10, 6, 1), &sees).as_deref(), Ok("app.a of root@localhost, app.b of job@%"));
        let own = grants(&["READ_ONLY ADMIN"], &[("root", "SUPER")]);
        assert_eq!(maria(Version(11, 4, 2), &own).as_deref(), Ok("app.d of flipper@10.77.0.%"));
        // a stronger fence stops all
        assert_eq!(maria(Version(12, 1, 2), &sees).as_deref(), Ok(""));
        assert_eq!(of(Flavour::MySql, Version(9, 7, 0), &sees).as_deref(), Ok(""));
        // unknown is not no
        assert!(maria(Version(10, 11, 6), &grants(&["READ_ONLY ADMIN"], &[])).is_err());
        let old = server(Flavour::MariaDb, Version(10, 11, 6));
        assert!(unstopped_events(&old, Err("denied".to_owned()), &sees, "flipper").is_err());
        assert_eq!(unstopped_events(&old, Ok(&Table::default()), &grants(&[], &[]), "flipper"), Ok(vec![]));
    }

    #[test]
    fn where_read_only_comes_from() {
        let my = server(Flavour::MySql, Version(9, 7, 0));
        let read = |values: &str| {
            read_only(
                &my,
                &rows(&format!("name\tvalue\torigin\nread_only\t{values}\nsuper_read_only\tNULL\tDYNAMIC\n")),
            )
        };
        let off = ("read_only".to_owned(), "OFF".to_owned());
        assert_eq!(read("OFF\tDYNAMIC"), Ok(Kept::Persisted(vec![off])));
        assert_eq!(read("NULL\tCOMMAND_LINE"), Ok(Kept::Configured));
        assert_eq!(read("NULL\tCOMPILED"), Ok(Kept::Overlaid));
        assert!(read_only(&my, &Table::default()).is_err());
        let maria = server(Flavour::MariaDb, Version(10, 11, 6));
        let of = |origin: &str| read_only(&maria, &rows(&format!("name\tvalue\torigin\nread_only\tNULL\t{origin}\n")));
        assert_eq!(
            [of("SQL"), of("CONFIG"), of("COMPILE-TIME")],
            [Kept::Overlaid, Kept::Configured, Kept::Nowhere].map(Ok)
        );
    }

    #[test]
    fn accounts_without_those_of_the_server_itself() {
        let table = rows("User\tHost\tplugin\nroot\tlocalhost\tx\nmysql.sys\tlocalhost\tx\nmariadb.sys\tlocalhost\t\n");
        let names: Vec<String> = accounts(&table).unwrap().into_iter().map(|account| account.name).collect();
        assert_eq!(names, ["root@localhost"]);
        assert!(accounts(&rows("x\n1\n")).is_err());
    }
}
