//! What a receiver has of its source, and from when that is.

use super::argv::Look;
use super::death::plain_position;
use super::line::{Argv, Hole};
use super::sql::Question;
use crate::model::{Flavour, Server, Version};

/// What a MySQL server has received: `received`; when it last heard of its source: `silent`, for how many whole seconds it
/// has not, and `heard_at`, by its own clock; and `committed_at`, when its source committed the last transaction that it
/// has received, by that one's clock. Times are milliseconds since 1970, rounded down, NULL where there is none: they are
/// of the time since the server was started. MariaDB's replica status says the first, and the rest is elsewhere
/// ([`newest_received`]) or nowhere.
#[must_use]
pub fn last_heard(server: &Server) -> Option<Question> {
    let (heard, committed) = match (server.flavour, server.version) {
        (Flavour::MariaDb, _) => return None,
        (Flavour::MySql, version) if version >= Version(8, 0, 0) => (
            "GREATEST(LAST_HEARTBEAT_TIMESTAMP, LAST_QUEUED_TRANSACTION_END_QUEUE_TIMESTAMP)",
            Some("LAST_QUEUED_TRANSACTION_IMMEDIATE_COMMIT_TIMESTAMP"),
        ),
        (Flavour::MySql, _) => ("LAST_HEARTBEAT_TIMESTAMP", None),
    };
    let millis = |time: &str| format!("IF({time} > 0, FLOOR(UNIX_TIMESTAMP({time}) * 1000), NULL)");
    Some(Question::of_text(format!(
        "SELECT RECEIVED_TRANSACTION_SET AS received, IF({heard} > 0, TIMESTAMPDIFF(SECOND, {heard}, NOW(6)), NULL) AS \
         silent, {} AS heard_at, {} AS committed_at FROM performance_schema.replication_connection_status",
        millis(heard),
        committed.map_or_else(|| "NULL".to_owned(), millis)
    )))
}

/// Whether a receiver takes part in semi-synchronous replication: `Variable_name`, `Value`. No row: its server knows
/// nothing of it. It is on as long as the receiver has asked for it, also while it tries to reach its source again, and
/// off as soon as it is stopped; whether the source waits for it is another matter.
#[must_use]
pub fn semi_sync_receiver() -> Question {
    Question::of(["SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_replica_status', \
                   'Rpl_semi_sync_slave_status')"])
}

/// Where a MariaDB server has its relay logs: `place`, a path with a name behind it. Where `relay_log` is not set, which is
/// the default, it does not say, and they are with its data.
#[must_use]
pub fn relay_logs() -> Question {
    Question::of(["SELECT COALESCE(@@global.relay_log_basename, CONCAT(@@global.datadir, 'relay')) AS place"])
}

/// Looks into a MariaDB server's relay logs for when its source began to commit the last of these transactions (the
/// position of its receiver): no table there tells. `log`: any of those logs by its name, in `folder`. `None` for what is no
/// position, name or path: nothing else reaches a shell.
///
/// It is the event's own time, in whole seconds of the source's clock. The event is found by what must be in it, not by
/// reading the logs from their start, which takes too long: its type (162), server, sequence number and domain are 17 known
/// bytes (MariaDB's manual, "Gtid_event"). It is looked for in the end of the newest logs only.
#[must_use]
pub fn newest_received(received: &str, log: &str, folder: &str) -> Option<Look> {
    let known =
        plain_position(received).filter(|known| known.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b',')))?;
    if known.is_empty() || !Hole::Log.fits(log) || !Hole::Folder.fits(folder) {
        return None;
    }
    let argv = Argv::of(["sh", "-c", NEWEST, "flipper"]);
    Some(Look::Command(argv.hole(Hole::Gtids, &known).hole(Hole::Log, log).hole(Hole::Folder, folder)))
}

const NEWEST: &str = "known=$1 base=${2%.*} dir=$3; \
    say() { echo \"newest $*\"; exit 0; }; \
    le() { n=$1; i=0; while [ $i -lt $2 ]; do printf %02x $((n % 256)); n=$((n / 256)); i=$((i + 1)); done; }; \
    p=; IFS=,; for g in $known; do s=${g#*-}; \
    p=\"$p|[0-9a-f]{8}a2$(le ${s%%-*} 4)[0-9a-f]{20}$(le ${s#*-} 8)$(le ${g%%-*} 4)\"; done; unset IFS; \
    set --; for f in \"$dir/$base\".[0-9]*; do case ${f##*.} in *[!0-9]*) ;; *) set -- \"$f\" \"$@\";; esac; done; \
    [ -r \"$1\" ] || say unreadable; \
    n=0; for f; do for w in 65536 2097152; do \
    t=$(tail -c $w \"$f\" | od -An -v -tx1 | tr -d ' \\n' | grep -oE \"${p#|}\" | tail -n 1); \
    [ -z \"$t\" ] || say at \"${t%${t#????????}}\"; \
    [ $(stat -c %s \"$f\") -gt $w ] || break; done; n=$((n + 1)); [ $n -lt 3 ] || break; done; say gone";

/// Reads the answer to [`newest_received`]: milliseconds since 1970.
///
/// # Errors
/// Why nobody can say.
pub fn parse_newest(text: &str) -> Result<u64, String> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("newest ")).unwrap_or_default();
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["at", time] if time.len() == 8 => u32::from_str_radix(time, 16)
            .map(|little| u64::from(little.swap_bytes()) * 1000)
            .map_err(|_| format!("the answer is `{}`", crate::model::printable(line))),
        ["unreadable"] => Err("its relay logs were not found there, or may not be read".to_owned()),
        ["gone"] => Err("the last transaction that it has received is not at the end of its relay logs".to_owned()),
        _ => Err(format!("the answer is `{}`", crate::model::printable(text.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positions_names_and_paths_reach_the_shell() {
        assert!(newest_received("0-1-2, 1-2-3", "relay.000002", "/data").is_some());
        for (received, log, folder) in [
            ("", "relay.000002", "/data"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", "relay.000002", "/data"),
            ("0-1-$(x)", "relay.000002", "/data"),
            ("0-1-2", "-x", "/data"),
            ("0-1-2", "../relay.1", "/data"),
            ("0-1-2", "relay.000002", "data"),
            ("0-1-2", "relay.000002", "/a;b"),
        ] {
            assert!(newest_received(received, log, folder).is_none(), "{received} {log} {folder}");
        }
    }

    #[test]
    fn a_time_or_why_not() {
        assert_eq!(parse_newest("newest at ec940b6b\n"), Ok(1_795_921_132_000));
        for unclear in ["newest unreadable", "newest gone", "", "newest at", "newest at xyzxyzxy", "sh: od: not found"]
        {
            assert!(parse_newest(unclear).is_err(), "{unclear}");
        }
    }

    /// An event of a relay log: its header, and what is behind it.
    fn event(time: u32, kind: u8, server: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(19 + body.len()).unwrap();
        let header =
            [&time.to_le_bytes()[..], &[kind], &server.to_le_bytes(), &length.to_le_bytes(), &[9, 9, 9, 9, 0, 0]];
        [&header.concat(), body].concat()
    }

    fn gtid(time: u32, domain: u32, server: u32, number: u64) -> Vec<u8> {
        let body = [&number.to_le_bytes()[..], &domain.to_le_bytes(), &[0; 7], b"CRC!"].concat();
        event(time, 162, server, &body)
    }

    /// The script itself, with files that a shell really looks at.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks a real shell")]
    fn the_last_transaction_is_found_in_the_end_of_the_logs() {
        let dir = tempfile::tempdir().unwrap();
        let rows = |size| event(7, 23, 1, &vec![0xa2; size]);
        let write = |name: &str, parts: &[Vec<u8>]| {
            std::fs::write(dir.path().join(name), [&b"\xfebin"[..], &parts.concat()].concat()).unwrap();
        };
        // a number with a byte that ends a line for some, and one whose rows are long
        write("relay.000009", &[gtid(100, 0, 1, 10), rows(10), gtid(200, 3, 4711, 0x0a0a), rows(900_000)]);
        write("relay.000010", &[event(900, 15, 2, &[0; 200])]);
        write("relay-other.000011", &[gtid(300, 0, 1, 10)]);
        write("relay.index", &[gtid(400, 0, 1, 10)]);
        let ask = |received: &str| {
            let look = newest_received(received, "relay.000009", &dir.path().display().to_string()).unwrap();
            let out = std::process::Command::new("sh").arg("-c").arg(look.to_string()).output().unwrap();
            parse_newest(&String::from_utf8_lossy(&out.stdout))
        };
        assert_eq!(ask("0-1-10"), Ok(100_000));
        assert_eq!(ask("0-1-10,3-4711-2570"), Ok(200_000), "the last one of all domains");
        assert!(ask("0-1-11").is_err() && ask("1-1-10").is_err() && ask("0-2-10").is_err());
        write("relay.000012", &[gtid(500, 0, 1, 11), rows(3_000_000)]);
        assert!(ask("0-1-11").is_err(), "too far from the end");
    }
}
