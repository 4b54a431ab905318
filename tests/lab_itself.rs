//! The lab keeps what it promises. Each test starts real servers and fails, rather than skips, where that cannot be.

#![allow(clippy::disallowed_methods, reason = "programs, files and clocks are what a lab is made of")]

mod lab;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use flipper::config::Config;
use lab::error::LabError;
use lab::net::{READ_ADDRESS, WRITE_ADDRESS};
use lab::observe::{differences, without_traffic};
use lab::session::Session;
use lab::{Host, Lab, Node, Server, Turn, User};

type Outcome = Result<(), LabError>;

#[test]
fn mariadb_pair() -> Outcome {
    pair(Server::MariaDb)
}

#[test]
fn mysql_pair() -> Outcome {
    pair(Server::MySql)
}

/// One start for all that needs no lab of its own.
fn pair(server: Server) -> Outcome {
    lab::with(Turn::Alone, server, |lab| {
        starts_as_promised(lab)?;
        config_is_good(lab)?;
        replicates_both_ways(lab)?;
        accounts_may_do_their_work_and_no_more(lab)?;
        ssh_is_strict_and_keeps_hosts_apart(lab)?;
        load_loses_nothing(lab)?;
        wrong_rows_are_seen(lab)?;
        nothing_moves_by_itself(lab)?;
        shows_leftovers(lab)?;
        cable_and_crash(lab)?;
        move_by_hand_is_seen(lab)
    })
}

/// flipper itself reads what the lab writes.
fn config_is_good(lab: &Lab) -> Outcome {
    let text = lab.config().role("reports", "10.77.0.102/32", "ReadOnly").limits("write_outage: \"3s\"").text();
    for text in [lab.config_text(), text] {
        let parsed = Config::parse("flipper.ron", &text, lab.dir(), None);
        assert!(parsed.as_ref().is_ok_and(|config| config.pair("lab").is_ok()), "{parsed:?}\n{text}");
    }
    Ok(())
}

fn starts_as_promised(lab: &Lab) -> Outcome {
    assert_eq!(lab.admin(Node::Db1).value("SELECT @@GLOBAL.read_only")?, "0");
    assert_eq!(lab.admin(Node::Db2).value("SELECT @@GLOBAL.read_only")?, "1");
    assert!(lab.addresses(Node::Db1)?.contains(&"10.77.0.100/32".to_owned()));
    assert!(lab.addresses(Node::Db2)?.contains(&"10.77.0.101/32".to_owned()));
    for node in Node::BOTH {
        assert_eq!(lab.admin(node).value("SELECT @@hostname")?, node.name());
    }
    assert_eq!(lab.leftovers()?, Vec::<String>::new());
    Ok(())
}

fn replicates_both_ways(lab: &Lab) -> Outcome {
    for (client, node) in [(900_001, Node::Db1), (900_002, Node::Db2)] {
        // root writes through db2's fence for a moment, as a swap would leave it
        let admin = lab.admin(node);
        let fenced = admin.value("SELECT @@GLOBAL.read_only")? == "1";
        admin.exec("SET GLOBAL read_only=OFF")?;
        admin.exec(&format!("INSERT INTO app.load (client, seq, server) VALUES ({client}, 1, @@server_id)"))?;
        if fenced {
            admin.exec(lab.server().fence())?;
        }
        lab.settle()?;
        let other = lab.admin(node.other());
        let server = other.value(&format!("SELECT server FROM app.load WHERE client={client}"))?;
        assert_eq!(server, node.number().to_string());
    }
    Ok(())
}

fn accounts_may_do_their_work_and_no_more(lab: &Lab) -> Outcome {
    let refused = |session: &mut Session, sql: &str| session.exec(sql).err().and_then(|error| error.sql_code());
    for node in Node::BOTH {
        // a fenced server says that it is fenced before it looks at privileges
        let denied = |code, word| code == Some(word) || (node == Node::Db2 && code == Some(1290));
        let mut flipper = lab.session(User::Flipper, Host::Operator, node.host().address())?;
        let insert = "INSERT INTO app.load (client, seq, server) VALUES (1, 1, 1)";
        assert!(denied(refused(&mut flipper, insert), 1142));
        assert!(denied(refused(&mut flipper, "CREATE DATABASE extra"), 1044));
        flipper.exec("SHOW REPLICA STATUS")?;
        let same = flipper.value("SELECT @@GLOBAL.read_only")?;
        flipper.exec(&format!("SET GLOBAL read_only={same}"))?;
        if node == Node::Db2 {
            flipper.exec(lab.server().fence())?;
        }
        let mut app = lab.session(User::App, Host::Clients, node.host().address())?;
        assert!(denied(refused(&mut app, "DROP TABLE app.load"), 1142));
        flipper.exec(&format!("KILL {}", app.id()))?;
        assert!(app.exec("DO 0").is_err());
    }
    // through the roles' addresses
    let mut write = lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    let insert = "INSERT INTO app.load (client, seq, server) VALUES (900000, 1, @@server_id)";
    write.exec(insert)?;
    let mut read = lab.session(User::App, Host::Clients, READ_ADDRESS)?;
    assert_eq!(refused(&mut read, insert), Some(1290));
    Ok(())
}

fn ssh_is_strict_and_keeps_hosts_apart(lab: &Lab) -> Outcome {
    for node in Node::BOTH {
        let started = Instant::now();
        let output = lab.ssh(node, &["hostname"])?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(said, node.name(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    // a host that is not known is not asked twice
    let text = std::fs::read_to_string(lab.known_hosts()).unwrap_or_default();
    let without = text.lines().filter(|line| !line.starts_with("10.77.0.11")).collect::<Vec<_>>();
    assert_eq!(std::fs::write(lab.known_hosts(), without.join("\n") + "\n").ok(), Some(()));
    assert_eq!(lab.ssh(Node::Db1, &["true"])?.status.code(), Some(255));
    assert_eq!(std::fs::write(lab.known_hosts(), text).ok(), Some(()));
    lab.wait_for_no_leftovers(Duration::from_secs(5))
}

fn load_loses_nothing(lab: &Lab) -> Outcome {
    let load = lab.load(2, 200)?;
    std::thread::sleep(Duration::from_secs(2));
    let middle = load.mark();
    let report = load.stop()?;
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    // as many as were asked for, at most; a busy machine takes fewer
    let most = 200.0 * report.ended.duration_since(report.started).as_secs_f64() + 2.0;
    assert!(report.acked() >= 50 && report.acked() as f64 <= most, "{report}, at most {most}");
    assert_eq!(report.changes().len(), 0, "{report}");
    assert_eq!(report.silences().len(), 2);
    assert!(report.silence_between(middle, middle) <= report.slowest());
    Ok(())
}

/// A check that cannot fail is worth nothing.
fn wrong_rows_are_seen(lab: &Lab) -> Outcome {
    let load = lab.load(1, 100)?;
    load.wait_for(10, Duration::from_secs(5))?;
    let report = load.stop()?;
    assert!(report.check(lab)?.is_clean());
    let client = report.clients[0].client;
    let db1 = lab.admin(Node::Db1);

    db1.exec(&format!("INSERT INTO app.load (client, seq, server) VALUES ({client}, 3, 1)"))?;
    let verdict = report.check(lab)?;
    assert!(verdict.doubled.len() == 2 && verdict.lost.is_empty() && verdict.differ.is_empty(), "{verdict:?}");

    db1.exec(&format!("DELETE FROM app.load WHERE client={client} AND seq=3"))?;
    let verdict = report.check(lab)?;
    assert!(verdict.lost_rows() == 1 && verdict.lost.len() == 2 && verdict.doubled.is_empty(), "{verdict:?}");

    let only_here = format!("DELETE FROM app.load WHERE client={client} AND seq=4");
    db1.exec_all(&["SET SESSION sql_log_bin=0", &only_here])?;
    let verdict = report.check(lab)?;
    assert!(verdict.lost_rows() == 2 && verdict.differ.len() == 1, "{verdict:?}");
    // alike again, for the tests that follow
    db1.exec_all(&["SET SESSION sql_log_bin=0", "DELETE FROM app.load"])?;
    lab.admin(Node::Db2).exec_all(&[
        "SET SESSION sql_log_bin=0",
        &open_for_root(lab),
        "DELETE FROM app.load",
        lab.server().fence(),
    ])
}

/// MySQL's fence stops root too.
fn open_for_root(lab: &Lab) -> String {
    match lab.server() {
        Server::MySql => "SET GLOBAL super_read_only=OFF".to_owned(),
        Server::MariaDb => "DO 0".to_owned(),
    }
}

/// The order of a swap without its safety: the clients must see one change, one gap, and lose nothing.
fn move_by_hand_is_seen(lab: &Lab) -> Outcome {
    let load = lab.load(2, 100)?;
    load.wait_for(20, Duration::from_secs(5))?;
    let from = load.mark();
    lab.admin(Node::Db1).exec(lab.server().fence())?;
    lab.settle()?;
    lab.admin(Node::Db2).exec("SET GLOBAL read_only=OFF")?;
    let on = |node: Node, words: &[&str]| lab.on(node.host(), words).map(|output| assert!(output.status.success()));
    on(Node::Db2, &["ip", "addr", "add", "10.77.0.100/32", "dev", "eth0"])?;
    on(Node::Db2, &["arping", "-q", "-U", "-c", "1", "-I", "eth0", "10.77.0.100"])?;
    on(Node::Db1, &["ip", "addr", "del", "10.77.0.100/32", "dev", "eth0"])?;
    load.wait_for(20, Duration::from_secs(10))?;
    let to = load.mark();
    let report = load.stop()?;
    let changes = report.changes();
    assert!(changes.len() == 1 && changes[0].from == 1 && changes[0].to == 2, "{report}");
    assert!(changes[0].gap <= report.silence_between(from, to), "{report}");
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}

fn nothing_moves_by_itself(lab: &Lab) -> Outcome {
    let seen = |lab: &Lab| Node::BOTH.map(|node| lab.fingerprint(node));
    let before = seen(lab);
    std::thread::sleep(Duration::from_millis(1500));
    for (before, after) in before.into_iter().zip(seen(lab)) {
        let (before, after) = (before?, after?);
        assert!(before.len() > 400, "{} variables", before.len());
        assert_eq!(differences(&before, &after), Vec::<String>::new());
    }
    let load = lab.load(1, 50)?;
    load.wait_for(1, Duration::from_secs(5))?;
    let before = without_traffic(lab.fingerprint(Node::Db1)?);
    load.wait_for(10, Duration::from_secs(5))?;
    let after = without_traffic(lab.fingerprint(Node::Db1)?);
    assert!(before.contains_key("sessions") && !before["sessions"].is_empty());
    assert_eq!(differences(&before, &after), Vec::<String>::new());
    assert!(load.stop()?.check(lab)?.is_clean());
    Ok(())
}

fn shows_leftovers(lab: &Lab) -> Outcome {
    let mut sleeper = lab.operator(&PathBuf::from("sleep"));
    let Ok(mut child) = sleeper.arg("77").spawn() else {
        return Err(LabError::new("starting sleep", "no"));
    };
    // `ip` needs a moment to step inside
    let found = lab::run::wait_until("it is there", Duration::from_secs(10), || {
        let found = lab.leftovers()?;
        Ok((!found.is_empty() && !found.iter().any(|found| found.contains("netns"))).then_some(found))
    })?;
    assert!(found.len() == 1 && found[0].contains("sleep 77"), "{found:?}");
    assert!(lab.wait_for_no_leftovers(Duration::from_millis(100)).is_err());
    let _ = child.kill();
    let _ = child.wait();
    lab.wait_for_no_leftovers(Duration::from_secs(2))
}

/// The load client tells the truth also when things go wrong.
fn cable_and_crash(lab: &Lab) -> Outcome {
    let load = lab.load(2, 100)?;
    load.wait_for(20, Duration::from_secs(5))?;
    let (from, pulled) = (load.mark(), Duration::from_millis(1500));
    lab.cable(Host::Db1, false)?;
    std::thread::sleep(pulled);
    lab.cable(Host::Db1, true)?;
    load.wait_for(20, Duration::from_secs(10))?;
    let to = load.mark();
    lab.stop_server(Node::Db1, rustix::process::Signal::KILL)?;
    lab.start_server(Node::Db1)?;
    assert_eq!(lab.admin(Node::Db1).value("SELECT @@GLOBAL.read_only")?, "1", "comes back fenced");
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    load.wait_for(20, Duration::from_secs(10))?;
    let report = load.stop()?;
    assert!(report.silence_between(from, to) >= pulled, "{report}");
    assert!(!report.errors().is_empty(), "{report}");
    assert_eq!(report.changes().len(), 0, "{report}");
    let verdict = report.check(lab)?;
    assert!(verdict.is_clean(), "{verdict:?}");
    Ok(())
}

#[test]
fn two_labs_at_once_and_nothing_left() -> Outcome {
    let mut gone = Vec::new();
    // the turn: times measured elsewhere must not suffer from a third and fourth server
    lab::with(Turn::Alone, Server::MariaDb, |first| {
        let started = Instant::now();
        let second = Lab::start(Server::MariaDb)?;
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        assert_ne!(first.id(), second.id());
        // the same addresses, other networks
        for lab in [first, &second] {
            let load = lab.load(1, 50)?;
            load.wait_for(5, Duration::from_secs(5))?;
            assert!(load.stop()?.check(lab)?.is_clean());
            gone.push((lab.id().to_owned(), lab.dir().to_owned()));
        }
        drop(second);
        first.admin(Node::Db1).exec("DO 1")?;
        Ok::<(), LabError>(())
    })?;
    for (id, dir) in gone {
        nothing_left(&id, &dir);
    }
    Ok(())
}

/// Killed in a way that runs no destructor: the sweeper cleans.
#[test]
fn killed_test_leaves_nothing() -> Outcome {
    // the child is this same program, in the branch below
    if std::env::var_os("FLIPPER_LAB_CHILD").is_some() {
        let lab = Lab::start(Server::MariaDb)?;
        let said = std::fs::write(std::env::var_os("FLIPPER_LAB_CHILD").unwrap_or_default(), lab.id());
        assert!(said.is_ok());
        std::thread::sleep(Duration::from_secs(60));
        return Ok(());
    }
    lab::with(Turn::Alone, Server::MariaDb, |outer| {
        let file = outer.dir().join("child");
        let doing = |error: std::io::Error| LabError::new("running a child", error);
        let mut child = Command::new(std::env::current_exe().map_err(doing)?)
            .args(["--exact", "killed_test_leaves_nothing"])
            .env("FLIPPER_LAB_CHILD", &file)
            .spawn()
            .map_err(doing)?;
        let id = lab::run::wait_until("the child's lab is up", Duration::from_secs(60), || {
            Ok(std::fs::read_to_string(&file).ok().filter(|id| id.len() == 4))
        });
        child.kill().map_err(doing)?;
        child.wait().map_err(doing)?;
        let id = id?;
        let dir = PathBuf::from(format!("/tmp/fl-{id}"));
        lab::run::wait_until("the child's lab is gone", Duration::from_secs(10), || Ok((!dir.exists()).then_some(())))?;
        nothing_left(&id, &dir);
        // and the other one still stands
        outer.admin(Node::Db2).exec("DO 1")
    })
}

/// A lab whose test and sweeper were both killed; the next start removes it.
#[test]
fn stale_lab_is_swept() -> Outcome {
    let id = lab::run::random(b"0123456789abcdef", 4)?;
    let (dir, netns) = (PathBuf::from(format!("/tmp/fl-{id}")), format!("fl-{id}-db1"));
    lab::run::sh(["mkdir", &dir.display().to_string()])?;
    lab::run::sh(["ip", "netns", "add", &netns])?;
    let doing = |error: std::io::Error| LabError::new("making a stale lab", error);
    let mut sleeper = Command::new("ip").args(["netns", "exec", &netns, "sleep", "infinity"]).spawn().map_err(doing)?;
    // the sleeper's id with another start time: what a reused id looks like
    std::fs::write(dir.join("owner"), format!("{} 1", sleeper.id())).map_err(doing)?;
    lab::with(Turn::Alone, Server::MariaDb, |_| Ok::<(), LabError>(()))?;
    let status = sleeper.wait().map_err(doing)?;
    assert!(!status.success(), "ended by the sweep: {status}");
    nothing_left(&id, &dir);
    Ok(())
}

fn nothing_left(id: &str, dir: &std::path::Path) {
    assert!(!dir.exists());
    let listed = Command::new("ip").args(["netns", "list"]).output().map(|output| output.stdout);
    let listed = String::from_utf8_lossy(&listed.unwrap_or_default()).into_owned();
    assert!(!listed.contains(&format!("fl-{id}-")), "{listed}");
    // servers and sshds have the folder in their arguments
    let mark = dir.display().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.map(|entry| entry.path()) {
        let words = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        // the sweep itself, and the last thing that it does
        let sweeps = words.contains("flipper-lab-sweep") || words.starts_with("rm -rf ");
        assert!(!words.contains(&mark) || sweeps, "{words}");
    }
}
