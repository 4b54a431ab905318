//! What a receiver has heard of its source: up to where, from when that is, and whether the source waited for it.

use std::time::Duration;

use super::server::Read;
use super::{ask, text};
use crate::dialect;
use crate::link::{Record, Shell, Sql, SqlError, SshError, Table};
use crate::model::{Flavour, NodeSnapshot, printable};

/// How long the ends of a few relay logs are looked through, at most: some megabytes, on a busy machine.
const READING: Duration = Duration::from_secs(5);

/// What a receiver has heard of its source. Each part by itself.
pub(super) struct Heard {
    /// Up to where.
    pub(super) received: Read<String>,
    /// For how many seconds nothing; `None` where the server does not say.
    pub(super) silent: Read<Option<u64>>,
    /// When the last, by its own clock, in milliseconds since 1970; `None` as above.
    pub(super) heard_at: Read<Option<u64>>,
    /// Whether it takes part in semi-synchronous replication.
    pub(super) semi_sync: Read<bool>,
    /// The source's log, and the position in it that was read up to.
    pub(super) read: Read<(String, u64)>,
    committed: Read<Committed>,
}

/// When the source committed the last transaction that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Committed {
    /// Then, in milliseconds since 1970.
    At(u64),
    /// It stands in a relay log: one of them by its name, and their folder.
    InLog(String, String),
}

impl Heard {
    pub(super) async fn ask(sql: Result<&mut Sql, &mut SqlError>, survivor: &NodeSnapshot, limit: Duration) -> Self {
        let server = survivor.server.as_ref();
        let (sql, server) = match (sql, server.known()) {
            (Ok(sql), Some(server)) => (sql, *server),
            (Err(why), _) => return Self::unseen(&why.to_string()),
            (Ok(_), None) => return Self::unseen(server.why_unknown().unwrap_or_default()),
        };
        let rest = dialect::last_heard(server).unwrap_or_else(dialect::relay_logs);
        let questions = [&dialect::channels(server), &dialect::semi_sync_receiver(), &rest];
        let [channels, semi_sync, rest] = ask(sql, questions, limit).await;
        match channels {
            Ok(channels) => Self::understood(server.flavour, &channels, semi_sync, rest),
            Err(why) => Self::unseen(&why),
        }
    }

    fn unseen(why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            received: Err(why()),
            silent: Err(why()),
            heard_at: Err(why()),
            semi_sync: Err(why()),
            read: Err(why()),
            committed: Err(why()),
        }
    }

    fn understood(flavour: Flavour, channels: &Table, semi_sync: Read<Table>, rest: Read<Table>) -> Self {
        let Ok(row) = channels.row() else {
            return Self::unseen("it has not exactly one replication channel");
        };
        let given = |names: &[&str]| row.get(names).flatten().filter(|text| !text.is_empty());
        let log = given(&["Source_Log_File", "Master_Log_File"]).map(str::to_owned);
        let position = given(&["Read_Source_Log_Pos", "Read_Master_Log_Pos"]).and_then(|text| text.parse().ok());
        let read = log.zip(position).ok_or_else(|| "the survivor does not say up to where it has read".to_owned());
        let semi_sync = semi_sync
            .map(|all| all.0.iter().any(|row| row.get(&["Value"]).flatten().is_some_and(|value| value == "ON")));
        let rest = rest.and_then(|rest| rest.row().cloned().map_err(|why| why.to_string()));
        match flavour {
            Flavour::MariaDb => Self {
                received: Ok(printable(given(&["Gtid_IO_Pos"]).unwrap_or_default())),
                silent: Ok(None),
                heard_at: Ok(None),
                semi_sync,
                read,
                committed: rest.and_then(|rest| in_log(given(&["Relay_Log_File"]), &rest)),
            },
            Flavour::MySql => {
                let number = |name: &str| rest.as_ref().map_err(String::clone).and_then(|rest| number(rest, name));
                let received = rest.as_ref().map_err(String::clone);
                let received = received.and_then(|rest| rest.text(&["received"]).map_err(|why| why.to_string()));
                Self {
                    received: received.map(|set| printable(&set.replace('\n', ""))),
                    silent: number("silent"),
                    heard_at: number("heard_at"),
                    semi_sync,
                    read,
                    committed: number("committed_at").and_then(|at| {
                        at.map(Committed::At)
                            .ok_or_else(|| "its server has received none since it was started".to_owned())
                    }),
                }
            }
        }
    }

    /// When the source committed the last transaction that was received, by the source's clock, in milliseconds since
    /// 1970. Looked for on the survivor's disk where its server does not say.
    pub(super) async fn committed_at(&self, shell: Result<&mut Shell, &mut SshError>, limit: Duration) -> Read<u64> {
        let (log, folder) = match self.committed.as_ref().map_err(String::clone)? {
            Committed::At(at) => return Ok(*at),
            Committed::InLog(log, folder) => (log, folder),
        };
        let received = self.received.as_ref().map_err(String::clone)?;
        let look = dialect::newest_received(received, log, folder);
        let look = look.ok_or_else(|| format!("it has received up to `{received}`, by {log} in {folder}"))?;
        let shell = shell.map_err(|why| why.to_string())?;
        match shell.look(&[look], READING).await {
            Ok(answers) => dialect::parse_newest(text("sh", answers.first().ok_or("no answer")?)?),
            Err(why) => {
                // what is looked for here must not cost the shell that a move needs
                let _ = shell.reopen(limit).await;
                Err(why.to_string())
            }
        }
    }
}

/// A number that may be NULL. A clock that was set back does not make a time negative.
fn number(row: &Record, name: &str) -> Read<Option<u64>> {
    match row.get(&[name]).flatten() {
        None => Ok(None),
        Some(text) if text.starts_with('-') => Ok(Some(0)),
        Some(_) => row.number(&[name]).map(Some).map_err(|why| why.to_string()),
    }
}

/// Where MariaDB's relay logs are.
fn in_log(log: Option<&str>, rest: &Record) -> Read<Committed> {
    let place = rest.text(&["place"]).map_err(|why| why.to_string())?;
    let log = log.ok_or("it names no relay log")?;
    let (folder, _) = place.rsplit_once('/').ok_or_else(|| format!("its relay logs are at `{}`", printable(place)))?;
    // a channel's logs are named after it; a path before the name is the same folder
    let log = log.rsplit('/').next().unwrap_or_default();
    Ok(Committed::InLog(log.to_owned(), folder.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{captured, fields};
    use super::*;

    const MARIA: &str = include_str!("../../fixtures/raw/mariadb-10.11-channel-healthy.tsv");
    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-channel-healthy.tsv");

    fn none() -> Read<Table> {
        Ok(Table::default())
    }

    #[test]
    fn mariadb_says_up_to_where_and_its_disk_the_rest() {
        let place = fields(&[("place", "/var/lib/mysql/relay")]);
        let heard = Heard::understood(Flavour::MariaDb, &captured(MARIA), none(), Ok(place));
        assert!(heard.received.is_ok_and(|position| position.starts_with("0-")));
        assert_eq!((heard.silent, heard.heard_at, heard.semi_sync), (Ok(None), Ok(None), Ok(false)));
        assert!(heard.read.is_ok_and(|(log, position)| log.starts_with("binlog.") && position > 4));
        let Ok(Committed::InLog(log, folder)) = heard.committed else { panic!("{:?}", heard.committed) };
        assert!(log.starts_with("db1-relay-bin.0") && folder == "/var/lib/mysql", "{log} {folder}");
    }

    #[test]
    fn mysql_says_when() {
        let of = |said: &[(&str, &str)]| Heard::understood(Flavour::MySql, &captured(MYSQL), none(), Ok(fields(said)));
        let set = ("received", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n4:1");
        let heard = of(&[set, ("silent", "3"), ("heard_at", "1795921132577"), ("committed_at", "1795921132174")]);
        assert_eq!(heard.received, Ok("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,4:1".to_owned()));
        assert_eq!((heard.silent, heard.heard_at), (Ok(Some(3)), Ok(Some(1_795_921_132_577))));
        assert_eq!(heard.committed, Ok(Committed::At(1_795_921_132_174)));
        assert!(heard.read.is_ok());
        assert_eq!(of(&[set, ("silent", "-7200")]).silent, Ok(Some(0)), "a clock that was set back");
        assert!(of(&[set]).committed.is_err(), "nothing since its start");
    }

    #[test]
    fn a_receiver_acknowledges_where_its_server_says_so() {
        for (name, value, on) in [
            ("Rpl_semi_sync_replica_status", "ON", true),
            ("Rpl_semi_sync_slave_status", "ON", true),
            ("Rpl_semi_sync_slave_status", "OFF", false),
        ] {
            let status = Ok(fields(&[("Variable_name", name), ("Value", value)]));
            let heard = Heard::understood(Flavour::MySql, &captured(MYSQL), status, none());
            assert_eq!(heard.semi_sync, Ok(on), "{name} {value}");
            assert!(heard.received.is_err(), "nothing was answered to the rest");
        }
        let two = Heard::understood(Flavour::MySql, &Table::default(), none(), none());
        assert!(two.read.is_err() && two.semi_sync.is_err(), "not one channel");
    }
}
