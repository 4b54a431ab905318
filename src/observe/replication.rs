//! Reading a server's incoming replication channels.

use super::server::Read;
use crate::link::{Record, Table};
use crate::model::{Channel, Flavour, Thread, printable};

/// All channels, from `dialect::channels`: no row is no channel. One channel that cannot be read makes all unknown.
pub(super) fn channels(flavour: Flavour, table: &Table) -> Read<Vec<Channel>> {
    table.0.iter().map(|row| channel(flavour, row)).collect()
}

fn channel(flavour: Flavour, row: &Record) -> Read<Channel> {
    let text = |names: &[&str]| row.text(names).map_err(|why| why.to_string());
    let number = |names: &[&str]| row.number::<u64>(names).map_err(|why| why.to_string());
    let given = |names: &[&str]| row.get(names).flatten().filter(|text| !text.is_empty());
    let mut errors = Vec::new();
    for (number, words) in [("Last_IO_Errno", "Last_IO_Error"), ("Last_SQL_Errno", "Last_SQL_Error")] {
        let errno = row.number(&[number]).map_err(|why| why.to_string())?;
        if errno != 0 {
            errors.push((errno, printable(given(&[words]).unwrap_or_default())));
        }
    }
    let port = row.number(&["Source_Port", "Master_Port"]).map_err(|why| why.to_string())?;
    Ok(Channel {
        name: printable(given(&["Channel_Name", "Connection_name"]).unwrap_or_default()),
        source: (printable(text(&["Source_Host", "Master_Host"])?), port),
        // 0 and empty until the receiver has reached its source once
        source_id: given(&["Source_Server_Id", "Master_Server_Id"])
            .and_then(|id| id.parse().ok())
            .filter(|id| *id != 0),
        source_uuid: given(&["Source_UUID", "Master_UUID"]).map(printable),
        receiver: thread(text(&["Replica_IO_Running", "Slave_IO_Running"])?)?,
        applier: thread(text(&["Replica_SQL_Running", "Slave_SQL_Running"])?)?,
        errors,
        // NULL when a thread is stopped
        lag: match row.get(&["Seconds_Behind_Source", "Seconds_Behind_Master"]).flatten() {
            None => None,
            Some(_) => Some(number(&["Seconds_Behind_Source", "Seconds_Behind_Master"])?),
        },
        delay: number(&["SQL_Delay"])?,
        by_gtid: match flavour {
            Flavour::MySql => number(&["Auto_Position"])? == 1,
            Flavour::MariaDb => match text(&["Using_Gtid"])? {
                "No" => false,
                "Slave_Pos" | "Current_Pos" => true,
                other => return Err(format!("the server answered `{}` for Using_Gtid", printable(other))),
            },
        },
        filters: filters(row)?,
    })
}

fn thread(text: &str) -> Read<Thread> {
    match text {
        "Yes" => Ok(Thread::Running),
        "Connecting" | "Preparing" => Ok(Thread::Connecting),
        "No" => Ok(Thread::Stopped),
        other => Err(format!("a replication thread is `{}`", printable(other))),
    }
}

/// Whatever keeps transactions out. Their names grow with the versions, so all that start alike are taken.
fn filters(row: &Record) -> Read<Vec<String>> {
    // a table of something else has no filters either
    row.text(&["Replicate_Do_DB"]).map_err(|why| why.to_string())?;
    let mut filters: Vec<String> = row
        .columns()
        .filter(|(name, value)| name.starts_with("Replicate_") && value.is_some_and(|value| !value.is_empty()))
        .map(|(name, value)| format!("{name}={}", printable(value.unwrap_or_default())))
        .collect();
    for (name, nothing) in [("Skip_Counter", "0"), ("Until_Condition", "None")] {
        let value = row.text(&[name]).map_err(|why| why.to_string())?;
        if value != nothing {
            filters.push(format!("{name}={}", printable(value)));
        }
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::super::samples::captured;
    use super::*;

    const MARIA: &str = include_str!("../../fixtures/raw/mariadb-10.11-channel-healthy.tsv");
    const MARIA_BROKEN: &str = include_str!("../../fixtures/raw/mariadb-10.11-channel-broken.tsv");
    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-channel-healthy.tsv");
    const MYSQL_BROKEN: &str = include_str!("../../fixtures/raw/mysql-9.7-channel-broken.tsv");

    fn one(flavour: Flavour, text: &str) -> Channel {
        channels(flavour, &captured(text)).unwrap().remove(0)
    }

    #[test]
    fn healthy_ones_of_both_families() {
        let maria = one(Flavour::MariaDb, MARIA);
        let mysql = one(Flavour::MySql, MYSQL);
        for channel in [&maria, &mysql] {
            assert_eq!(channel.name, "");
            assert_eq!(channel.source, ("10.77.0.12".to_owned(), 3306));
            assert_eq!((channel.receiver, channel.applier), (Thread::Running, Thread::Running));
            assert_eq!((channel.lag, channel.delay, channel.by_gtid), (Some(0), 0, true));
            assert!(channel.errors.is_empty() && channel.filters.is_empty(), "{channel:?}");
        }
        assert_eq!((maria.source_id, maria.source_uuid), (Some(2), None));
        assert_eq!(mysql.source_id, Some(12));
        assert!(mysql.source_uuid.is_some());
    }

    #[test]
    fn what_is_broken_is_seen() {
        let maria = one(Flavour::MariaDb, MARIA_BROKEN);
        assert_eq!((maria.receiver, maria.applier, maria.lag), (Thread::Stopped, Thread::Stopped, None));
        assert!(maria.errors.iter().any(|(number, text)| *number == 1062 && text.contains("Duplicate")));
        let mysql = one(Flavour::MySql, MYSQL_BROKEN);
        assert_eq!((mysql.receiver, mysql.delay), (Thread::Connecting, 30));
        assert_eq!(mysql.errors.first().map(|(number, _)| *number), Some(2003));
        assert_eq!(mysql.filters, ["Replicate_Ignore_DB=junk", "Replicate_Wild_Ignore_Table=tmp.%"]);
    }

    #[test]
    fn older_names_mean_the_same() {
        let old = MYSQL.replace("Source_", "Master_").replace("_Source", "_Master").replace("Replica_", "Slave_");
        assert_eq!(one(Flavour::MySql, &old), one(Flavour::MySql, MYSQL));
    }

    #[test]
    fn skips_and_ends_count_as_filters() {
        let text = MARIA
            .replace("Skip_Counter\t0", "Skip_Counter\t1")
            .replace("Until_Condition\tNone", "Until_Condition\tGtid")
            .replace("Using_Gtid\tSlave_Pos", "Using_Gtid\tNo");
        let channel = one(Flavour::MariaDb, &text);
        assert_eq!(channel.filters, ["Skip_Counter=1", "Until_Condition=Gtid"]);
        assert!(!channel.by_gtid);
    }

    #[test]
    fn no_row_is_no_channel() {
        assert_eq!(channels(Flavour::MySql, &Table::default()), Ok(vec![]));
    }

    /// A row cut off anywhere, or with a column garbled, is an error or the same channel, never another one.
    #[test]
    fn garbage_is_no_fact() {
        for (flavour, text) in [(Flavour::MariaDb, MARIA), (Flavour::MySql, MYSQL)] {
            let whole = one(flavour, text);
            for cut in text.char_indices().map(|(at, _)| at) {
                if let Ok(read) = channels(flavour, &captured(&text[..cut])) {
                    assert_eq!(read.iter().map(|c| &c.source).collect::<Vec<_>>(), [&whole.source], "cut at {cut}");
                    assert_eq!((read[0].receiver, read[0].by_gtid), (whole.receiver, whole.by_gtid), "cut at {cut}");
                }
            }
            for name in ["IO_Running", "SQL_Running", "_Port", "SQL_Delay", "Last_IO_Errno"] {
                let garbled: String = text
                    .lines()
                    .map(|line| match line.split_once('\t') {
                        Some((column, _)) if column.ends_with(name) => format!("{column}\t\u{1b}?\n"),
                        _ => format!("{line}\n"),
                    })
                    .collect();
                assert!(channels(flavour, &captured(&garbled)).is_err(), "{name}");
            }
        }
    }
}
