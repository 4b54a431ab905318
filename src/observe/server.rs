//! Reading a server's answers about itself.

use crate::dialect::{parse_access, parse_version};
use crate::link::Table;
use crate::model::{Flavour, Server, Settings, WriteAccess, printable};

/// An answer as a fact, or why it is none.
pub(super) type Read<T> = Result<T, String>;

/// Who the server is, from `dialect::identity` and `dialect::settings`.
///
/// MariaDB is known by its name, which it puts into its version; what is left is MySQL only if it has what only
/// MySQL has, a `server_uuid`: a MariaDB server can be configured to claim any version.
pub(super) fn identity(identity: &Table, settings: Read<&Table>) -> Read<Server> {
    let row = identity.row().map_err(|why| why.to_string())?;
    let text = |name: &str| row.text(&[name]).map_err(|why| why.to_string());
    let named = text("version")?;
    let maria = [named, text("comment")?].into_iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
    let flavour = if maria { Flavour::MariaDb } else { Flavour::MySql };
    let uuid = match flavour {
        Flavour::MariaDb => None,
        Flavour::MySql => {
            let uuid = variable(settings?, &["server_uuid"]).filter(|uuid| !uuid.is_empty());
            Some(uuid.ok_or("the server calls itself neither MariaDB nor has it the server_uuid of MySQL")?.to_owned())
        }
    };
    Ok(Server {
        flavour,
        version: parse_version(named).ok_or_else(|| format!("`{}` is not a version", printable(named)))?,
        server_id: row.number(&["server_id"]).map_err(|why| why.to_string())?,
        uuid,
        hostname: printable(text("hostname")?),
    })
}

/// A row of `SHOW VARIABLES`.
fn variable<'a>(table: &'a Table, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let row =
            table.0.iter().find(|row| row.text(&["Variable_name"]).is_ok_and(|n| n.eq_ignore_ascii_case(name)))?;
        row.text(&["Value"]).ok()
    })
}

/// What decides whether a move is possible, from `dialect::settings` and `dialect::binlog_filters`.
pub(super) fn settings(flavour: Flavour, table: &Table, filters: &Table) -> Read<Settings> {
    let value =
        |names: &[&str]| variable(table, names).ok_or_else(|| format!("the server has no `{}`", names.join("` or `")));
    let on = |names: &[&str]| match value(names)?.to_ascii_uppercase().as_str() {
        "ON" | "1" => Ok(true),
        "OFF" | "0" => Ok(false),
        other => Err(format!("`{}` is `{}`, neither ON nor OFF", names.join("`, `"), printable(other))),
    };
    let group = variable(table, &["group_replication_group_name"]).filter(|name| !name.is_empty());
    let galera = variable(table, &["wsrep_on"]).is_some_and(|on| !matches!(on, "OFF" | "0"));
    Ok(Settings {
        log_bin: on(&["log_bin"])?,
        log_replica_updates: on(&["log_replica_updates", "log_slave_updates"])?,
        gtid: match flavour {
            Flavour::MariaDb => true,
            // the two permissive values let transactions without GTID in
            Flavour::MySql => value(&["gtid_mode"])? == "ON",
        },
        binlog_format: printable(value(&["binlog_format"])?),
        bind_address: printable(value(&["bind_address"])?),
        cluster: match (group, galera) {
            (Some(name), _) => Some(format!("replication group {}", printable(name))),
            (None, true) => Some("Galera cluster".to_owned()),
            (None, false) => None,
        },
        left_out: left_out(table, filters)?,
    })
}

/// What is not logged, or passed over when applied. A server without a binary log has no row of filters.
fn left_out(table: &Table, filters: &Table) -> Read<Vec<String>> {
    let mut left = vec![];
    for row in &filters.0 {
        for name in ["Binlog_Do_DB", "Binlog_Ignore_DB"] {
            let value = row.get(&[name]).ok_or_else(|| format!("the server's answer has no {name}"))?;
            left.extend(value.filter(|value| !value.is_empty()).map(|value| format!("{name}={}", printable(value))));
        }
    }
    for (names, harmless) in [
        (&["replica_skip_errors", "slave_skip_errors"][..], "OFF"),
        (&["replica_exec_mode", "slave_exec_mode"], "STRICT"),
        // MariaDB's: what is passed over leaves no gap in its vector of positions
        (&["replicate_events_marked_for_skip"], "REPLICATE"),
    ] {
        let value = variable(table, names).filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case(harmless));
        left.extend(value.map(|value| format!("{}={}", names[0], printable(value))));
    }
    Ok(left)
}

/// What `dialect::access_and_position` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whom the server lets write.
    pub(super) access: Read<WriteAccess>,
    /// Its position on one line.
    pub(super) position: Read<String>,
    /// MariaDB's vector of positions; what another server is asked about is `position` for MySQL.
    pub(super) state: Option<String>,
}

pub(super) fn standing(server: &Server, table: &Table) -> Read<Standing> {
    let row = table.row().map_err(|why| why.to_string())?;
    let access = row.text(&["read_only"]).map_err(|why| why.to_string()).and_then(|read_only| {
        let super_read_only = row.get(&["super_read_only"]).flatten();
        let unknown = || format!("`{}` is not a known value of read_only", printable(read_only));
        parse_access(server, read_only, super_read_only).ok_or_else(unknown)
    });
    let position = row.text(&["position"]).map_err(|why| why.to_string());
    Ok(Standing {
        access,
        position: position.map(|position| printable(&position.replace('\n', ""))),
        state: row.get(&["state"]).flatten().map(str::to_owned),
    })
}

/// How many XA transactions are prepared: a row each.
pub(super) fn prepared_xa(table: &Table) -> Read<u32> {
    u32::try_from(table.0.len()).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{fields, variables};
    use super::*;
    use crate::model::Version;

    fn answer(version: &str, comment: &str) -> Table {
        fields(&[("version", version), ("comment", comment), ("server_id", "7"), ("hostname", "db1\u{1b}")])
    }

    #[test]
    fn flavour_by_name_first_then_numbers() {
        let my = variables(&[("server_uuid", "3e11fa47-71ca-11e1-9e33-c80aa9429562")]);
        let none = variables(&[]);
        for (named, comment, table, flavour, version) in [
            ("10.11.18-MariaDB-0+deb12u1-log", "Debian 12", &none, Flavour::MariaDb, Version(10, 11, 18)),
            ("5.5.5-10.6.23-MariaDB", "x", &none, Flavour::MariaDb, Version(10, 6, 23)),
            ("12.1.0", "mariadb.org binary distribution", &none, Flavour::MariaDb, Version(12, 1, 0)),
            ("9.7.4-2", "(Debian)", &my, Flavour::MySql, Version(9, 7, 4)),
            ("8.0.36-28", "Percona Server (GPL)", &my, Flavour::MySql, Version(8, 0, 36)),
            ("26.10.0", "MySQL Community Server - GPL", &my, Flavour::MySql, Version(26, 10, 0)),
        ] {
            let server = identity(&answer(named, comment), Ok(table)).unwrap();
            assert_eq!((server.flavour, server.version), (flavour, version), "{named}");
            assert_eq!(server.uuid.is_some(), flavour == Flavour::MySql);
            assert_eq!(server.hostname, "db1\\u{1b}");
        }
    }

    #[test]
    fn a_server_that_hides_its_family_stays_unknown() {
        let hidden = answer("8.0.36", "Source distribution");
        assert!(identity(&hidden, Ok(&variables(&[]))).is_err_and(|why| why.contains("neither MariaDB")));
        assert_eq!(identity(&hidden, Err("no answer".to_owned())), Err("no answer".to_owned()));
        for bad in ["", "9", "9.7", "9.7.x", "a.b.c", "1.2.3.4", "9.7.99999", "MariaDB"] {
            assert!(identity(&answer(bad, "MariaDB"), Ok(&variables(&[]))).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_of_both_families() {
        // captured: MySQL 9.7.4 and MariaDB 10.11.18
        let my = variables(&[
            ("bind_address", "127.0.0.1"),
            ("binlog_format", "ROW"),
            ("gtid_mode", "ON"),
            ("log_bin", "ON"),
            ("log_replica_updates", "ON"),
            ("log_slave_updates", "ON"),
        ]);
        let read = settings(Flavour::MySql, &my, &Table::default()).unwrap();
        assert!(read.gtid && read.log_bin && read.log_replica_updates && read.cluster.is_none());
        let maria = [
            ("bind_address", "127.0.0.1"),
            ("binlog_format", "MIXED"),
            ("log_bin", "ON"),
            ("log_slave_updates", "OFF"),
            ("wsrep_on", "OFF"),
        ];
        let read = settings(Flavour::MariaDb, &variables(&maria), &Table::default()).unwrap();
        assert!(read.gtid && !read.log_replica_updates && read.cluster.is_none());
        // each one that is missing makes the fact unknown, but for the cluster's
        for left_out in 0..4 {
            let mut some = maria.to_vec();
            some.remove(left_out);
            assert!(settings(Flavour::MariaDb, &variables(&some), &Table::default()).is_err());
        }
        assert!(settings(Flavour::MySql, &variables(&maria), &Table::default()).is_err(), "no gtid_mode");
    }

    #[test]
    fn what_is_skipped_when_it_is_marked_is_left_out() {
        let with = |value: &str| {
            let all = [
                ("bind_address", "*"),
                ("binlog_format", "ROW"),
                ("log_bin", "1"),
                ("log_slave_updates", "1"),
                ("replicate_events_marked_for_skip", value),
            ];
            settings(Flavour::MariaDb, &variables(&all), &Table::default()).unwrap().left_out
        };
        assert_eq!(with("REPLICATE"), [] as [&str; 0]);
        for skips in ["FILTER_ON_SLAVE", "FILTER_ON_MASTER"] {
            assert_eq!(with(skips), [format!("replicate_events_marked_for_skip={skips}")]);
        }
        let asked = crate::dialect::settings().to_string();
        assert!(asked.contains("'replicate_events_marked_for_skip'"), "{asked}");
    }

    #[test]
    fn permissive_is_not_on_and_clusters_are_named() {
        let with = |extra: &[(&str, &str)]| {
            let mut all =
                vec![("bind_address", "*"), ("binlog_format", "ROW"), ("log_bin", "1"), ("log_slave_updates", "1")];
            all.extend_from_slice(extra);
            settings(Flavour::MySql, &variables(&all), &Table::default()).unwrap()
        };
        assert!(!with(&[("gtid_mode", "ON_PERMISSIVE")]).gtid);
        assert!(with(&[("gtid_mode", "ON"), ("wsrep_on", "ON")]).cluster.is_some());
        assert!(with(&[("gtid_mode", "ON"), ("group_replication_group_name", "")]).cluster.is_none());
        assert!(with(&[("gtid_mode", "ON"), ("group_replication_group_name", "aa-bb")]).cluster.is_some());
    }

    #[test]
    fn access_and_position_fail_apart() {
        let my = identity(&answer("9.7.4", ""), Ok(&variables(&[("server_uuid", "u")]))).unwrap();
        let read = |columns: &[(&str, &str)]| standing(&my, &fields(columns)).unwrap();
        let good = read(&[("read_only", "1"), ("super_read_only", "1"), ("position", "a:1,\nb:2")]);
        assert_eq!(good.access, Ok(WriteAccess::Fenced));
        assert_eq!(good.position.as_deref(), Ok("a:1,b:2"));
        let odd = read(&[("read_only", "PERHAPS"), ("super_read_only", "1"), ("position", "")]);
        assert!(odd.access.is_err() && odd.position.is_ok());
        assert!(standing(&my, &Table::default()).is_err());
    }
}
