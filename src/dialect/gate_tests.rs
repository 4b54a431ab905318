//! The list and the gate: all that flipper says is let through, and nothing else.

use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use super::*;
use crate::model::{ArpingKind, Flavour, Host, Interface, Pair, Prefixed, Server, Side, System, Version, samples};

fn system() -> System {
    let system = samples::healthy(Flavour::MySql).nodes[0].system.known().cloned().unwrap();
    System { ndptool: Some("/usr/bin/ndptool".to_owned()), ..system }
}

/// A pair with addresses of both families.
fn both_families() -> Pair {
    let mut pair = samples::pair();
    let mut reports = pair.roles[1].clone();
    reports.name = "reports".parse().unwrap();
    reports.address = "fd00:77::102/128".parse().unwrap();
    pair.roles.push(reports);
    pair
}

fn with<T>(pair: &Pair, sudo: bool, flavour: Flavour, work: impl FnOnce(&Allowed<'_>) -> T) -> T {
    let (host, source): (Host, Host) = ("10.77.0.12".parse().unwrap(), "db2.example".parse().unwrap());
    let (system, sources, units) =
        (system(), [(source, 3306)], ["mariadb.service", "mariadb.socket"].map(str::to_owned));
    work(&Allowed {
        pair,
        side: Side::First,
        system: &system,
        sudo,
        flavour,
        other: (&host, 3306),
        sources: &sources,
        units: &units,
    })
}

/// What the gate says of each of these lines, one request each, as `sent` gives them: `Some(true)` for let through.
#[expect(clippy::disallowed_methods, reason = "asks a real shell")]
fn asked(shell: &[&str], script: &str, lines: &[String]) -> Vec<Option<bool>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gate");
    std::fs::write(&file, script).unwrap();
    let requests: String =
        lines.iter().enumerate().map(|(at, line)| format!("abc {} 1 ask 0\n{line}abc end\n", at + 1)).collect();
    let mut gate = Command::new(shell[0])
        .args(&shell[1..])
        .arg(&file)
        .arg("clean")
        .env("SSH_ORIGINAL_COMMAND", "exec sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // the gate answers only what it was asked, which fits into a pipe
    let sent = format!("{}{requests}", greeting("abc"));
    gate.stdin.take().unwrap().write_all(sent.as_bytes()).unwrap();
    let said = String::from_utf8_lossy(&gate.wait_with_output().unwrap().stdout).into_owned();
    assert!(said.contains("\ngate 1\n\nabc 0 0\n"), "{said}");
    let status = |at: usize| said.lines().find_map(|line| line.strip_prefix(&format!("abc {} ", at + 1)));
    (0..lines.len()).map(|at| status(at).map(|status| status == "0")).collect()
}

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

#[expect(clippy::disallowed_methods, reason = "looks for real shells")]
fn shells() -> impl Iterator<Item = &'static [&'static str]> {
    let there =
        |shell: &&[&str]| ["/bin", "/usr/bin"].iter().any(|dir| std::path::Path::new(dir).join(shell[0]).exists());
    SHELLS.into_iter().filter(there)
}

/// Everything that the planned moves and the goals `fail` and `rejoin` say to db1, with values as they come.
fn said(pair: &Pair, sudo: bool, flavour: Flavour) -> Vec<Line> {
    let (system, eth0): (System, Interface) = (system(), "eth0".parse().unwrap());
    let host: Host = "10.77.0.12".parse().unwrap();
    let floating: Vec<IpAddr> = pair.roles.iter().map(|role| role.address.ip).collect();
    let mut deeds = vec![hush(&pair.roles.iter().map(|role| role.address).collect::<Vec<_>>())];
    for role in &pair.roles {
        let address = role.address;
        deeds.push(add_address(&system, sudo, address, &eth0));
        deeds.push(delete_address(&system, sudo, address, &eth0));
        deeds.extend(announce_at_once(&system, sudo, address, &eth0));
        deeds.extend(announce(&system, sudo, address, &eth0));
        deeds.extend(announce_patiently(&system, sudo, address, &eth0));
        deeds.extend(announce_again(&system, sudo, address, &eth0));
        deeds.push(kill_sockets(&system, sudo, address, 3306));
    }
    deeds.extend(keep_down(sudo, "mariadb.service").into_iter().chain(keep_down(sudo, "mariadb.socket")));
    deeds.push(end_unit(sudo, "mariadb.service"));
    deeds.extend([end_listeners(sudo, 3306, true), end_listeners(sudo, 3306, false)]);
    let server = Server { flavour, version: Version(9, 7, 0), server_id: 4711, uuid: None, hostname: String::new() };
    let known = match flavour {
        Flavour::MySql => "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,\n3e11fa47-71ca-11e1-9e33-c80aa9429563:tag:1",
        Flavour::MariaDb => "0-1-2, 0-2-3",
    };
    let mut looks = vec![
        alive(),
        addresses(),
        sockets(3306),
        probe(),
        mentions(&floating),
        managers(),
        listeners(),
        units(),
        who_listens(sudo, 3306),
        all_who_listen(sudo),
        server_process(4711),
    ];
    looks.extend(option_files("/etc/mysql/conf.d/"));
    looks.extend(persisted("/var/lib/mysql/"));
    looks.extend(deeds.iter().filter_map(may_run));
    looks.extend(tools("/var/log/my sql/"));
    let asks = with(pair, sudo, flavour, |allowed| [allowed.may_isolate(), allowed.may_listen()].concat());
    assert_eq!(asks.is_empty(), !sudo);
    looks.extend(asks.into_iter().map(|(_, ask)| ask));
    for folders in [&["/var/lib/mysql/"][..], &["/srv/my sql@1+/", "/var/log/mysql"]] {
        looks.extend(disk(folders));
    }
    if flavour == Flavour::MariaDb {
        looks.extend(newest_received("0-4711-123, 7-1-4", "mysqld-relay-bin.000123", "/srv/my sql@1+"));
    }
    for (known, folders) in [(known, &["/var/lib/mysql", "/var/log/mysql"][..]), ("", &["/data"]), (known, &[])] {
        looks.extend(left_behind(&server, (4712, 3306), ("mysql-bin.000123", 1_073_741_824), known, folders));
    }
    let sources = [(host.clone(), 3306), ("db2.example".parse().unwrap(), 3306)];
    for seconds in LISTEN {
        looks.push(signs(&system, sudo, &of_silence(&eth0, (&host, 3306), &floating, seconds)));
        for sources in [&[][..], &sources[..1], &sources] {
            looks.push(signs(&system, sudo, &of_the_other(&eth0, (&host, 3306), sources, &floating, seconds)));
        }
    }
    // whatever time is left
    let looks = looks.iter().flat_map(|look| [1, 7, 600].map(|seconds| look.within(seconds)));
    looks.chain(deeds.iter().flat_map(|deed| [1, 7, 600].map(|seconds| deed.within(seconds)))).collect()
}

#[test]
fn all_that_is_said_is_let_through() {
    let pair = both_families();
    for (sudo, flavour) in [(false, Flavour::MySql), (true, Flavour::MariaDb)] {
        let script = with(&pair, sudo, flavour, gate_script);
        let sent: Vec<String> = said(&pair, sudo, flavour).iter().map(|line| line.sent().unwrap()).collect();
        for shell in shells() {
            for (answer, line) in asked(shell, &script, &sent).iter().zip(&sent) {
                assert_eq!(*answer, Some(true), "{shell:?}: {line}");
            }
        }
    }
}

/// Whoever adds a function that makes a command line adds it to the list, and to [`said`].
#[test]
fn every_function_that_makes_a_command_line_is_on_the_list() {
    let sources = [
        include_str!("argv.rs"),
        include_str!("heard.rs"),
        include_str!("isolate.rs"),
        include_str!("machine.rs"),
        include_str!("readiness.rs"),
        include_str!("signs.rs"),
        include_str!("sockets.rs"),
    ];
    let list = concat!(include_str!("gate.rs"), include_str!("readiness.rs"));
    let here = include_str!("gate_tests.rs");
    let mut found = 0;
    for source in sources {
        for part in source.split("\npub fn ").skip(1) {
            let head = part.split('{').next().unwrap_or_default();
            let name = head.split('(').next().unwrap_or_default();
            if head.contains("-> Look") || head.contains("Deed") && head.contains("->") || head.contains("Option<Look>")
            {
                found += 1;
                for (text, place) in [(list, "the list"), (here, "gate_tests.rs")] {
                    let named = [format!("{name}("), format!("::{name})"), format!("({name})")];
                    assert!(named.iter().any(|call| text.contains(call)), "{name} is not in {place}");
                }
            }
        }
    }
    assert!(found >= 20, "{found}");
}

#[test]
fn nothing_else_is_let_through() {
    let pair = both_families();
    let script = with(&pair, false, Flavour::MySql, gate_script);
    let (system, eth0, eth1): (System, Interface, Interface) =
        (system(), "eth0".parse().unwrap(), "eth1".parse().unwrap());
    let ours: Prefixed = "10.77.0.100/32".parse().unwrap();
    let six: Prefixed = "fd00:77::102/128".parse().unwrap();
    let deeds = [
        add_address(&system, false, "10.77.0.102/32".parse().unwrap(), &eth0),
        add_address(&system, false, "10.77.0.100/24".parse().unwrap(), &eth0),
        delete_address(&system, false, "10.77.0.11/24".parse().unwrap(), &eth0),
        delete_address(&system, false, ours, &eth1),
        add_address(&system, true, ours, &eth0),
        kill_sockets(&system, false, ours, 22),
        kill_sockets(&system, false, "10.77.0.11/32".parse().unwrap(), 3306),
        keep_down(false, "ssh.service").pop().expect("its stop"),
        end_listeners(false, 22, false),
        add_address(&system, false, "fd00:77::103/128".parse().unwrap(), &eth0),
        add_address(&system, false, "fd00:77::102/64".parse().unwrap(), &eth0),
        delete_address(&system, false, "fd00:77::11/64".parse().unwrap(), &eth0),
        announce(&system, false, "fd00:77::11/64".parse().unwrap(), &eth0).unwrap(),
        announce(&system, false, six, &eth1).unwrap(),
        kill_sockets(&system, false, six, 22),
    ];
    let host: Host = "10.77.0.12".parse().unwrap();
    let asks =
        |interface, ip: &str| signs(&system, false, &of_silence(interface, (&host, 3306), &[ip.parse().unwrap()], 1));
    let mut sent: Vec<String> = deeds.iter().map(|deed| deed.within(1).sent().unwrap()).collect();
    sent.extend([asks(&eth0, "fd00:77::11"), asks(&eth1, "fd00:77::102")].map(|look| look.within(1).sent().unwrap()));
    let good = add_address(&system, false, ours, &eth0).within(1).sent().unwrap();
    let text = good.lines().nth(1).unwrap().to_owned();
    let disk = r#"env LC_ALL=C df -Pk -- "$1""#;
    for line in [
        "wait 1 - .\nip -6 neigh replace fd00:77::102 lladdr 02:00:00:00:00:01 dev eth0\n".to_owned(),
        "wait 1 - .\nip -6 neigh flush all\n".to_owned(),
        "wait 1 - .\n/usr/bin/ndptool -t ra -i eth0 send\n".to_owned(),
        format!("wait 1 - .\n{text}; id\n"),
        format!("wait 1 - .\nid; {text}\n"),
        format!("wait 1 - .\n {text}\n"),
        format!("wait 1 - .\n{text} \n"),
        format!("wait 1 - .\n{text}\t\n"),
        format!("wait 1 - .\n{text}\r\n"),
        format!("wait 1 - .\n{text} $(id)\n"),
        format!("wait 1;id - .\n{text}\n"),
        format!("wait $(id) - .\n{text}\n"),
        format!("wait  - .\n{text}\n"),
        format!("start 1 - .\n{text}\n"),
        format!("wait 1 - x|.\n{text}\n"),
        format!("wait 1 -\n{text}\n"),
        format!("wait 1 n 5|.\n{text}\n"),
        "wait 1 - .\n*\n".to_owned(),
        "wait 1 - .\n?p -json address show\n".to_owned(),
        "wait 1 - .\n[i]p -json address show\n".to_owned(),
        "wait 1 - .\n\\ip -json address show\n".to_owned(),
        "wait 1 - .\nip -json address\n".to_owned(),
        "wait 1 - .\n\n".to_owned(),
        format!("wait 1 f /a;id|.\n{disk}\n"),
        format!("wait 1 f /a$(id)|.\n{disk}\n"),
        format!("wait 1 f /a'|.\n{disk}\n"),
        format!("wait 1 f /a\\|.\n{disk}\n"),
        format!("wait 1 f -x|.\n{disk}\n"),
        format!("wait 1 f |.\n{disk}\n"),
        format!("wait 1 f /a|/b|.\n{disk}\n"),
        format!("wait 1 ff /a|/b|.\n{disk}\n"),
        format!("wait 1 n 5|.\n{disk}\n"),
        format!("wait 1 f .\n{disk}\n"),
        format!("wait 1 f\n{disk}\n"),
    ] {
        sent.push(line);
    }
    sent.push(good);
    for shell in shells() {
        let mut answers = asked(shell, &script, &sent);
        assert_eq!(answers.pop(), Some(Some(true)), "{shell:?}");
        for (answer, line) in answers.iter().zip(&sent) {
            assert_eq!(*answer, Some(false), "{shell:?}: {line:?}");
        }
    }
}

#[test]
fn no_hole_is_an_address_an_interface_or_a_program() {
    let pair = both_families();
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let list = with(&pair, true, flavour, |allowed| allowed.list());
        assert!(list.len() > 30, "{}", list.len());
        for entry in list {
            let mut words = entry.splitn(3, ' ').skip(1);
            let (letters, text) = (words.next().unwrap(), words.next().unwrap());
            // all that reads a disk, and nothing that changes anything
            let reads = text.starts_with("env LC_ALL=C df -Pk -- ") || text.contains(" flipper 3306 m");
            let own = [" \"$1\"", " flipper \"$1\" \"$2\" \"$3\""].iter().any(|end| text.ends_with(end));
            let reads = reads || text.starts_with("sh -c ") && text.contains(" flipper ") && own;
            assert_eq!(letters != "-", reads, "{entry}");
        }
    }
}

#[test]
fn sudo_is_told_programs_and_all_of_their_arguments() {
    let pair = both_families();
    let user = "flipper".parse().unwrap();
    let lines = with(&pair, true, Flavour::MySql, |allowed| sudoers(allowed, &user));
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let command = line.strip_prefix("flipper ALL=(root) NOPASSWD: /").unwrap_or_else(|| panic!("{line}"));
        let mut before = ' ';
        for c in command.chars() {
            assert!(!",:=*?[]!#".contains(c) || before == '\\', "{line}");
            before = c;
        }
    }
}

#[test]
fn the_files_have_names_that_are_read() {
    let pair = "orders.eu".parse().unwrap();
    assert_eq!(gate_path(&pair), "/usr/local/sbin/flipper-gate-orders.eu");
    assert_eq!(sudoers_path(&pair), "/etc/sudoers.d/flipper-orders_eu");
}

#[test]
fn the_documentation_shows_exact_lines() {
    let mut pair = samples::pair();
    pair.roles.truncate(1);
    pair.roles[0].address = "10.0.0.100/32".parse().unwrap();
    let (host, user) = ("10.0.0.12".parse().unwrap(), "flipper".parse().unwrap());
    let lines =
        with(&pair, true, Flavour::MySql, |allowed| sudoers(&Allowed { other: (&host, 3306), ..*allowed }, &user));
    let docs = include_str!("../../docs/config.md");
    let commands = lines.lines().filter_map(|line| line.strip_prefix("flipper ALL=(root) NOPASSWD: "));
    let block: String = commands.map(|command| format!("    {command}\n")).collect();
    assert!(docs.contains(&block), "docs/config.md lacks\n{block}");
}

#[test]
fn a_node_with_another_arping_has_another_list() {
    let pair = samples::pair();
    let of = |kind| {
        with(&pair, false, Flavour::MySql, |allowed| {
            let system = System { arping: Some(("/usr/sbin/arping".to_owned(), kind)), ..allowed.system.clone() };
            gate_script(&Allowed { system: &system, ..*allowed })
        })
    };
    assert!(
        of(ArpingKind::Habets).contains("\nglimpse - /usr/sbin/arping -U -c 1 -i eth0 -S 10.77.0.100 10.77.0.100\n")
    );
    assert!(of(ArpingKind::Iputils).contains("\nglimpse - /usr/sbin/arping -U -c 1 -I eth0 10.77.0.100\n"));
    assert_eq!(
        authorized_key(&pair.name, "ssh-ed25519 AAAA me\nsecond line"),
        "restrict,command=\"/usr/local/sbin/flipper-gate-orders\" ssh-ed25519 AAAA me\n"
    );
}
