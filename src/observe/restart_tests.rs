//! What a server is after its next start, against what real servers were.

use super::options::OptionFiles;
use super::restart::*;
use super::server::Read;
use crate::model::{BootAccess, BootReplication, Flavour, Origin, Server, Version, WriteAccess};

const PROCESS: &str = include_str!("../../fixtures/raw/server-process-mysql.txt");
const PERSISTED: &str = include_str!("../../fixtures/raw/mysqld-auto-9.7.json");

fn server(flavour: Flavour) -> Server {
    let version = match flavour {
        Flavour::MySql => Version(9, 7, 4),
        Flavour::MariaDb => Version(10, 11, 18),
    };
    Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
}

fn started(words: &str) -> Started {
    let words: String = words.split_whitespace().map(|word| format!("word {word}\n")).collect();
    started_with(&format!("root same\nword /usr/sbin/mysqld\n{words}unit -\nprocess 1\n"), &server(Flavour::MySql))
        .unwrap()
}

/// What comes of one option file, words on the command line, and what was persisted.
fn after(flavour: Flavour, file: &str, words: &str, persisted: &str) -> (Read<BootAccess>, Read<BootReplication>) {
    let lines: String = file.lines().enumerate().map(|(n, line)| format!("{}:{line}\n", n + 1)).collect();
    let mut files = OptionFiles::default();
    files.add(&format!("file /my.cnf\n{lines}option-files 1\n")).unwrap();
    let started = started(&format!("--defaults-file=/my.cnf {words}"));
    let (access, follows, _) = resolve(started, &server(flavour), &files, &[], Ok(persisted.to_owned())).parts();
    (access, follows)
}

fn say(access: &Read<BootAccess>) -> String {
    match access {
        Ok(BootAccess { access, ruling }) => format!("{access:?}: {ruling}"),
        Err(why) => why.clone(),
    }
}

/// What `mysqld --verbose --help` and `mariadbd --verbose --help` said of `read_only` for the same lines.
#[test]
fn lines_as_real_servers_took_them() {
    use Flavour::{MariaDb, MySql};
    for (lines, my, maria) in [
        ("read_only", true, true),
        ("read_only=", false, false),
        ("read_only=yes", false, false),
        ("read_only=2", false, false),
        ("read_only=oFF", false, false),
        ("read_only=tRue", true, true),
        ("Read_Only=1", false, true),
        ("read_only=1\nskip-read_only", false, false),
        ("read_only=1\ndisable-read-only", false, false),
        ("enable-read-only", true, true),
        ("enable-read-only=0", false, false),
        ("skip-read-only=0", true, true),
        ("skip-read-only=1", false, false),
        ("loose_read_only=1", true, true),
        ("read_only=1\nloose-skip-read_only", false, false),
        ("loose-enable-read_only=0", false, false),
        ("read_o=1", false, true),
        ("read-only=1\nread-onl=0", true, false),
        ("loose-super_read_only=1", true, false),
        ("super_read_only=1\nread_only=0", true, false),
        ("super_read_only=1\nsuper_read_only=0", false, false),
        ("--read_only=1", false, false),
        ("read_only 1", false, false),
        ("read_only='ON'", true, true),
        ("read_only=\"on\" x", false, false),
        ("read_only=on#x", true, true),
    ] {
        for (flavour, closed) in [(MySql, my), (MariaDb, maria)] {
            let (access, _) = after(flavour, &format!("[mysqld]\n{lines}\n"), "", "");
            let access = access.unwrap().access;
            assert_eq!(access != WriteAccess::Open, closed, "{flavour:?} {lines}");
        }
    }
}

#[test]
fn whether_replication_starts_as_real_servers_took_it() {
    use Flavour::{MariaDb, MySql};
    for (lines, my, maria) in [
        ("", true, true),
        ("skip-slave-start", false, false),
        ("skip_slave_start=0", true, true),
        ("skip_slave_start=yes", true, true),
        ("skip-slave", true, false),
        ("loose-skip-replica-start", false, true),
        ("loose-skip-replica-start=0", true, true),
        ("skip-slave-start\ndisable-skip-slave-start", true, true),
    ] {
        for (flavour, by_itself) in [(MySql, my), (MariaDb, maria)] {
            let (_, follows) = after(flavour, &format!("[mysqld]\n{lines}\n"), "", "");
            assert_eq!(follows.unwrap().by_itself, by_itself, "{flavour:?} {lines}");
        }
    }
}

fn auto(all: &[(&str, &str)]) -> String {
    let one = |(at, (name, value)): (usize, &(&str, &str))| {
        format!("\"{name}\": {{\"Value\": \"{value}\", \"Metadata\": {{\"Timestamp\": {}}}}}", at + 5)
    };
    let all: Vec<String> = all.iter().enumerate().map(one).collect();
    format!("{{\"Version\": 2, \"mysql_dynamic_variables\": {{{}}}}}", all.join(", "))
}

/// Each was tried on MySQL 9.7: a file, `SET PERSIST_ONLY` one after the other, a start, and a write.
#[test]
fn what_was_persisted_as_a_real_server_took_it() {
    let (on, off) = ("ON", "OFF");
    for (file, persisted, expected) in [
        ("super_read_only=ON", &[("read_only", off)][..], "Open: read_only=OFF, persisted"),
        ("super_read_only=ON", &[("super_read_only", off)], "Guarded: super_read_only=ON in /my.cnf:2"),
        ("", &[("super_read_only", on)], "Fenced: super_read_only=ON, persisted"),
        ("", &[("read_only", on)], "Guarded: read_only=ON, persisted"),
        ("", &[("super_read_only", on), ("read_only", off)], "Open: read_only=OFF, persisted"),
        ("", &[("read_only", off), ("super_read_only", on)], "Fenced: super_read_only=ON, persisted"),
        ("read_only=ON", &[("super_read_only", off)], "Guarded: read_only=ON in /my.cnf:2"),
        ("read_only=ON", &[("read_only", off)], "Open: read_only=OFF, persisted"),
        ("super_read_only=ON", &[("read_only", off), ("super_read_only", off)], "Open: read_only=OFF, persisted"),
    ] {
        let (access, _) = after(Flavour::MySql, &format!("[mysqld]\n{file}\n"), "", &auto(persisted));
        assert_eq!(say(&access), expected, "{file} {persisted:?}");
    }
    let (access, follows) = after(Flavour::MySql, "[mysqld]\nsuper_read_only\n", "--skip-replica-start=0", PERSISTED);
    assert_eq!(say(&access), "Open: read_only=OFF, persisted");
    assert_eq!(follows.unwrap().ruling.to_string(), "skip_replica_start=ON, persisted", "over the command line");
}

#[test]
fn what_is_not_loaded_does_not_count() {
    let off = auto(&[("read_only", "OFF")]);
    let safe = "[mysqld]\nread_only\n";
    let words = "--persisted-globals-load=OFF";
    assert_eq!(say(&after(Flavour::MySql, safe, words, &off).0), "Guarded: read_only in /my.cnf:2");
    assert_eq!(say(&after(Flavour::MariaDb, safe, "", &off).0), "Fenced: read_only in /my.cnf:2");
    assert_eq!(say(&after(Flavour::MySql, safe, "--read-only=0", "").0), "Open: read-only=0 on its command line");
    assert!(say(&after(Flavour::MySql, safe, "", "{\"Version\"").0).contains("would not start"));
    let alone = resolve(
        started("--no-defaults --super-read-only"),
        &server(Flavour::MySql),
        &OptionFiles::default(),
        &[],
        Ok(off),
    );
    assert_eq!(say(&alone.parts().0), "Fenced: super-read-only on its command line");
    let nothing =
        resolve(started("--no-defaults"), &server(Flavour::MySql), &OptionFiles::default(), &[], Ok(String::new()));
    assert_eq!(say(&nothing.parts().0), "Open: nothing sets read_only");
}

#[test]
fn a_process_of_a_real_machine() {
    let read = started_with(PROCESS, &server(Flavour::MySql)).unwrap();
    assert_eq!(read.defaults, Defaults::Only("/etc/mysql/my.cnf".to_owned()));
    assert_eq!(read.homes, [None, Some("/home/mysql".to_owned())]);
    let names: Vec<&str> = read.given.iter().map(|given| given.name.as_str()).collect();
    assert_eq!((names, read.unit.is_err()), (vec!["read-only"], true));
    let with_unit = PROCESS.replace("unit -", "unit mysql.service enabled");
    let unit = started_with(&with_unit, &server(Flavour::MySql)).unwrap().unit.unwrap();
    assert_eq!((unit.name.as_str(), unit.is_started()), ("mysql.service", Some(true)));
    // a socket starts it where the machine does not, and nothing starts what is masked
    for (state, name, is_started) in
        [("disabled", "mariadb.socket", Some(true)), ("masked", "mariadb.service", Some(false))]
    {
        let starters = format!("unit mariadb.service {state}\nstarter a.timer static\nstarter mariadb.socket enabled");
        let unit = started_with(&PROCESS.replace("unit -", &starters), &server(Flavour::MySql)).unwrap().unit.unwrap();
        assert_eq!((unit.name.as_str(), unit.is_started()), (name, is_started));
    }
    for (text, why) in [
        (PROCESS.replace("process 1", ""), "no end"),
        (PROCESS.replace("root same", "root other"), "container"),
        (PROCESS.replace("root same", "root unseen"), "only root"),
        (PROCESS.replace("sbin/mysqld", "bin/docker-proxy"), "no mysqld"),
    ] {
        let said = started_with(&text, &server(Flavour::MySql));
        assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{why}: {said:?}");
    }
}

#[test]
fn the_usual_files_in_their_order() {
    let text =
        "root same\nenv HOME=/h\nenv MYSQL_HOME=/m\nword /usr/sbin/mysqld\nword --defaults-extra-file=/x\nprocess 1\n";
    let my = server(Flavour::MySql);
    let started = started_with(text, &my).unwrap();
    let with = |places: &[&str], paths: &[&str]| {
        let mut files = OptionFiles::default();
        for path in EVERYWHERE.iter().chain(&SOMEWHERE).chain(&["/m/my.cnf", "/x", "/h/.my.cnf"]) {
            let there = places.contains(path);
            let place =
                if there { format!("file {path}\n1:[mysqld]\n2:read_only\n") } else { format!("none {path}\n") };
            files.add(&format!("{place}option-files 1\n")).unwrap();
        }
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        all_given(&started, &my, &files, &paths).map(|taken| {
            let origin = |given: super::options::Given| match given.origin {
                Origin::File(path, _) => path,
                other => format!("{other:?}"),
            };
            taken.given.into_iter().map(origin).collect::<Vec<_>>()
        })
    };
    let order = ["/etc/my.cnf", "/etc/mysql/my.cnf", "/m/my.cnf", "/x", "/h/.my.cnf"];
    assert_eq!(with(&["/h/.my.cnf", "/x", "/m/my.cnf", "/etc/mysql/my.cnf", "/etc/my.cnf"], &[]).unwrap(), order);
    assert!(with(&["/etc/my.cnf"], &[]).is_err_and(|why| why.contains("/x is not there")));
    assert!(with(&["/x", "/usr/etc/my.cnf"], &[]).is_err_and(|why| why.contains("how it was compiled")));
    assert_eq!(with(&["/x", "/usr/etc/my.cnf"], &["/usr/etc/my.cnf"]).unwrap(), ["/usr/etc/my.cnf", "/x"]);
    assert!(with(&["/x"], &["/opt/my.cnf"]).is_err_and(|why| why.contains("/opt/my.cnf")));
}
