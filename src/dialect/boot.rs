//! What a server's option file and a machine's network files must say, so that a node is safe when it starts.

use std::fmt::Write as _;

use super::release::Release;
use crate::model::{Flavour, Version};

/// A setting with the reason for it.
struct Line {
    /// `name = value`.
    set: &'static str,
    why: &'static str,
}

const fn line(set: &'static str, why: &'static str) -> Line {
    Line { set, why }
}

const CLOSED: &str = "closed after every start, whatever it was before: flipper opens the writer";
const DURABLE: &str = "a commit is on disk before it is acknowledged: nothing that a replica has is lost in a crash";

fn closed(release: Release) -> Vec<Line> {
    match (release.flavour, release.version) {
        (Flavour::MySql, _) => vec![line("super_read_only = ON", CLOSED), line("read_only = ON", "goes with it")],
        (Flavour::MariaDb, version) if version >= Version(12, 0, 0) => {
            vec![line("read_only = NO_LOCK_NO_ADMIN", CLOSED)]
        }
        (Flavour::MariaDb, _) => vec![line("read_only = ON", CLOSED)],
    }
}

/// What a pair needs anyway, and a restart must not lose.
fn kept(release: Release) -> Vec<Line> {
    let mut all =
        vec![line("sync_binlog = 1", DURABLE), line("innodb_flush_log_at_trx_commit = 1", "the same, for InnoDB")];
    match release.flavour {
        Flavour::MySql => all.extend([
            line("gtid_mode = ON", "by GTID one can prove that nothing is missing"),
            line("enforce_gtid_consistency = ON", "goes with it"),
            line("relay_log_recovery = ON", "a relay log torn by a crash is fetched anew"),
        ]),
        Flavour::MariaDb => all.extend([
            line("log_slave_updates = ON", "what is replicated is logged, for replicas below and for restores"),
            line("binlog_format = ROW", "statements that are not deterministic make the nodes differ"),
        ]),
    }
    all
}

/// The option file's part that makes a node safe when its server starts. `persisted`: what was seen in MySQL's
/// `mysqld-auto.cnf`, which is read last and wins.
#[must_use]
pub fn boot_lines(release: Release, persisted: &[(String, String)]) -> String {
    let mut out = "[mysqld]\n".to_owned();
    for Line { set, why } in closed(release).into_iter().chain(kept(release)) {
        // writing to a text cannot fail
        let _ = writeln!(out, "# {why}\n{set}");
    }
    out += "\n# Your own, and different on the two nodes or in place already: server_id; log_bin (it must be on; another\n\
            # name begins other log files); auto_increment_increment = 2, auto_increment_offset = 1 and 2; bind_address\n\
            # (* or 0.0.0.0, so that the server answers at the floating addresses).\n";
    let skip = match (release.flavour, release.version) {
        (Flavour::MySql, version) if version >= Version(8, 0, 26) => "skip_replica_start",
        _ => "skip_slave_start",
    };
    let _ = write!(
        out,
        "\n# A choice. With it a node that comes back stays apart until a person has looked at it, and `flipper plan PAIR\n\
         # rejoin NODE` starts it. Without it the node follows by itself after every restart, also after a planned one.\n\
         #{skip} = ON\n"
    );
    if release.flavour == Flavour::MySql && release.version >= Version(8, 0, 0) {
        out += "\n# What was persisted with SET PERSIST is read after this file, and wins. As an administrator:\n\
                #   SELECT * FROM performance_schema.persisted_variables WHERE VARIABLE_NAME LIKE '%read_only';\n";
        let seen: Vec<String> = persisted.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if !seen.is_empty() {
            let _ = writeln!(out, "# SEEN THERE NOW: {}", seen.join(", "));
        }
        out += "# Whatever it shows there as OFF has to go:\n\
                #   RESET PERSIST IF EXISTS read_only;\n\
                #   RESET PERSIST IF EXISTS super_read_only;\n\
                # If you want to see there that it will start closed, which `flipper check` then sees too:\n\
                #   SET PERSIST_ONLY super_read_only = ON;\n";
    }
    out
}

/// The part of a systemd-networkd file that keeps it from taking away addresses that it does not know (hazard H-67).
#[must_use]
pub fn keep_configuration() -> &'static str {
    "[Network]\nKeepConfiguration=static\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(flavour: Flavour, version: Version) -> Vec<String> {
        let text = boot_lines(Release { flavour, version }, &[]);
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn every_server_starts_closed_in_its_own_words() {
        for (flavour, version, words) in [
            (Flavour::MySql, Version(8, 0, 36), "super_read_only = ON"),
            (Flavour::MySql, Version(9, 7, 0), "super_read_only = ON"),
            (Flavour::MariaDb, Version(10, 6, 0), "read_only = ON"),
            (Flavour::MariaDb, Version(11, 8, 3), "read_only = ON"),
            (Flavour::MariaDb, Version(12, 0, 1), "read_only = NO_LOCK_NO_ADMIN"),
        ] {
            let lines = set(flavour, version);
            assert_eq!((lines[0].as_str(), lines[1].as_str()), ("[mysqld]", words), "{flavour} {version}");
            assert!(lines.iter().any(|line| line == "sync_binlog = 1"));
        }
    }

    #[test]
    fn what_is_persisted_is_named() {
        let my = Release { flavour: Flavour::MySql, version: Version(9, 7, 0) };
        let text = boot_lines(my, &[("read_only".to_owned(), "OFF".to_owned())]);
        assert!(text.contains("SEEN THERE NOW: read_only = OFF") && text.contains("RESET PERSIST IF EXISTS read_only"));
        let maria = Release { flavour: Flavour::MariaDb, version: Version(10, 11, 6) };
        assert!(!boot_lines(maria, &[]).contains("PERSIST"), "MariaDB has no such thing");
        assert!(boot_lines(maria, &[]).contains("#skip_slave_start") && text.contains("#skip_replica_start"));
    }
}
