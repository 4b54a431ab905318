//! What people and machines are shown. The pictures are in `fixtures/render`; `UPDATE=1` rewrites them.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

#[path = "samples/journal.rs"]
mod journal;
mod samples;

use std::time::{Duration, SystemTime};

use flipper::dialect::{Account, Release};
use flipper::journal::Found;
use flipper::model::{
    Action, Answered, Code, Flavour, Goal, Observed, Pair, Pending, Plan, Quick, Reached, Reason, Refusal, Side,
    Snapshot, Traffic, Version,
};
use flipper::render::screen::Besides;
use flipper::render::setup::{self, Needs, Part, Ssh};
use flipper::render::{check, describe, json, plan, quick, refusal, screen, status};
use flipper::{planfile, planner};
use samples::p;

/// Compares with `fixtures/NAME`, or writes it when `UPDATE` is set.
fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} differs; UPDATE=1 rewrites it", path.display());
}

fn refused() -> Refusal {
    let reason = |code, seen: &str, help: &str| Reason { code, seen: seen.to_owned(), help: help.to_owned() };
    Refusal {
        pair: p("orders"),
        goal: Goal::Swap(Some(p("write"))),
        reasons: vec![
            reason(
                Code::Lagging,
                "db2 is 312 s behind db1, and the limit is 10 s",
                "Wait until it has caught up: `flipper status orders` shows it. Or, if writes may be out for that \
                 long, raise `limits.lag` and `limits.write_outage` of the pair.",
            ),
            reason(
                Code::PreparedXa,
                "db1 has 2 prepared XA transactions",
                "See them with `XA RECOVER`; have the application commit them or roll them back.",
            ),
            reason(
                Code::Unknown,
                "whether db2 filters what it replicates is not known: Access denied; you need (at least one of) the \
                 REPLICATION CLIENT privilege(s) for this operation\u{1b}[2J",
                "Give flipper's account the grants that `flipper setup orders` prints.",
            ),
        ],
    }
}

fn digest(plan: &Plan) -> String {
    // not the plan's own one: that changes with flipper's version
    planfile::Digest::of(&plan.goal.to_string()).to_string()
}

#[test]
fn plans() {
    for (name, sample) in [
        ("plan-swap-write-mysql", samples::swap_write()),
        ("plan-swap-all-mariadb", samples::swap_all()),
        ("plan-swap-read-mariadb", samples::swap_read()),
        ("plan-drop-first", samples::drop_first()),
        ("plan-nothing-to-do", samples::nothing_to_do()),
    ] {
        golden(&format!("render/{name}.txt"), &plan::text(&sample, Some(&digest(&sample))));
        golden(&format!("render/{name}.json"), &format!("{:#}\n", json::plan(&sample, Some(&digest(&sample)))));
    }
}

#[test]
fn refusals() {
    golden("render/refusal.txt", &refusal::text(&refused()));
    golden("render/refusal.json", &format!("{:#}\n", json::refusal(&refused())));
}

#[test]
fn statuses() {
    for (name, sample) in [
        ("status-healthy", samples::healthy()),
        ("status-troubled", samples::troubled()),
        ("status-unreachable", samples::unreachable()),
        ("status-blind", samples::blind()),
    ] {
        golden(&format!("render/{name}.txt"), &status::text(&samples::pair(), &sample));
        let (sample, last) = (busy(sample), last_move(name));
        let findings = planner::findings(&samples::pair(), &sample);
        let besides = Besides { findings: &findings, last: &last, now: now() };
        golden(&format!("render/{name}.json"), &format!("{:#}\n", json::status(&samples::pair(), &sample, &besides)));
        let shown = screen::text(&samples::pair(), &sample, &besides);
        golden(&format!("render/{}.txt", name.replace("status", "screen")), &shown);
        fits(&shown, 100);
    }
}

/// Three hours after the sample's run.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + 3 * 3600)
}

fn last_move(name: &str) -> Observed<Option<Found>> {
    let run = || {
        let (pair, plan) = (samples::pair(), samples::swap_write());
        journal::found(&pair, &plan, &samples::healthy(), &samples::healthy())
    };
    match name {
        "status-healthy" => Observed::Known(Some(run())),
        "status-troubled" => Observed::Known(Some(journal::troubled(&run()))),
        "status-blind" => Observed::Unknown("permission denied".to_owned()),
        _ => Observed::Known(None),
    }
}

/// With clients, and replication that has something to do on db2, where they can be seen.
fn busy(mut seen: Snapshot) -> Snapshot {
    let reached = |address: Option<&str>, count, writing| Reached { address: address.map(p), count, writing };
    let waiting = Pending {
        receiver: "Waiting for source to send event".to_owned(),
        applier: "Replica has read all relay log; waiting for more updates".to_owned(),
        bytes: Some(0),
        transactions: Some(0),
        retry_every: Some(60),
        ..Pending::default()
    };
    let behind = Pending {
        applier: "Applying batch of row changes (update)".to_owned(),
        bytes: Some(5 << 20),
        transactions: Some(1200),
        ..waiting.clone()
    };
    let retries =
        Pending { channel: "old".to_owned(), delay_left: Some(1800), applier: String::new(), ..waiting.clone() };
    let [db1, db2] = &mut seen.nodes;
    if db1.server.known().is_some() {
        db1.traffic = Traffic {
            sessions: Observed::Known(vec![
                reached(None, 1, 0),
                reached(Some("10.77.0.11"), 2, 0),
                reached(Some("10.77.0.100"), 214, 3),
            ]),
            pending: Observed::Known(vec![waiting.clone()]),
        };
    }
    if db2.server.known().is_some() {
        let troubled = db2.channels.known().is_some_and(|all| all.len() > 1);
        db2.traffic = Traffic {
            sessions: Observed::Known(if troubled { vec![] } else { vec![reached(Some("10.77.0.101"), 87, 0)] }),
            pending: Observed::Known(if troubled { vec![behind, retries] } else { vec![waiting] }),
        };
    }
    seen
}

/// The same as seen through the addresses alone.
fn asked(seen: &Snapshot, at: [Option<usize>; 2]) -> Quick {
    let of = |node: usize| match (seen.nodes[node].server.known(), &seen.nodes[node].access) {
        (Some(server), access) => Observed::Known(Answered { server: server.clone(), access: access.clone() }),
        (None, _) => Observed::Unknown("MySQL at 10.77.0.12:3306: no connection within 3s".to_owned()),
    };
    let silent = || Observed::Unknown("MySQL at 10.77.0.101:3306: no route to host".to_owned());
    let roles = at.map(|node| node.map_or_else(silent, of)).to_vec();
    Quick { nodes: [of(0), of(1)], roles, refused: ([false; 2], vec![false; 2]) }
}

#[test]
fn quick_statuses() {
    let mut stranger = asked(&samples::healthy(), [Some(0), Some(1)]);
    if let Observed::Known(answered) = &mut stranger.roles[0] {
        answered.server.server_id = 99;
    }
    // every server turns flipper's account down
    let denied =
        |at: &str| Observed::Unknown(format!("MySQL at {at}:3306: Access denied for user 'flipper'@'10.77.0.20'"));
    let refused = Quick {
        nodes: ["10.77.0.11", "10.77.0.12"].map(denied),
        roles: ["10.77.0.100", "10.77.0.101"].map(denied).to_vec(),
        refused: ([true; 2], vec![true; 2]),
    };
    // one of them does, and whoever answers at the write address may be it
    let mut half = asked(&samples::healthy(), [Some(0), Some(1)]);
    (half.nodes[0], half.refused.0[0]) = (denied("10.77.0.11"), true);
    for (name, sample) in [
        ("quick-refused", refused),
        ("quick-half-refused", half),
        ("quick-healthy", asked(&samples::healthy(), [Some(0), Some(1)])),
        ("quick-troubled", asked(&samples::troubled(), [Some(1), None])),
        ("quick-unreachable", asked(&samples::unreachable(), [Some(0), None])),
        ("quick-stranger", stranger),
    ] {
        let text = quick::text(&samples::pair(), &sample);
        golden(&format!("render/{name}.txt"), &text);
        golden(&format!("render/{name}.json"), &format!("{:#}\n", quick::json(&samples::pair(), &sample)));
        fits(&text, 100);
        assert_eq!(sample.is_whole(&samples::pair()), name == "quick-healthy");
    }
}

fn checked(snapshot: &flipper::model::Snapshot) -> Vec<planner::Checked> {
    let ago = Observed::Known(Some(std::time::Duration::from_secs(86_400)));
    planner::check(&samples::pair(), snapshot, &ago)
}

#[test]
fn checks() {
    for (name, sample) in [
        ("check-healthy", samples::healthy()),
        ("check-troubled", samples::troubled()),
        ("check-unreachable", samples::unreachable()),
        ("check-blind", samples::blind()),
    ] {
        let checks = checked(&sample);
        golden(&format!("render/{name}.txt"), &check::text(&samples::pair(), &sample, &checks));
        let json = json::check(&samples::pair(), &sample, &checks);
        golden(&format!("render/{name}.json"), &format!("{json:#}\n"));
    }
}

/// Every check is in the text once, whatever its verdict; and the exit code has its reason there.
#[test]
fn no_check_is_passed_over() {
    for sample in [samples::healthy(), samples::troubled(), samples::unreachable(), samples::blind()] {
        let checks = checked(&sample);
        let text = check::text(&samples::pair(), &sample, &checks);
        for check in &checks {
            let id = check.code.id();
            let words = || text.split(|c: char| c.is_whitespace() || c == ',');
            assert!(words().any(|word| word == id), "{id} is missing: {text}");
        }
        let bad = checks.iter().any(|check| check.verdict.is_bad());
        assert_eq!(bad, text.lines().any(|line| line.starts_with("stop") && !line.contains("a plan that")), "{text}");
    }
}

/// All names and texts of a sample made as long as they may be, and worse.
fn stretched(mut plan: Plan) -> Plan {
    let long = |name: &str| "x-".repeat(30) + name;
    let text = format!("{:?}", plan.notes);
    plan.pair = p(&"p".repeat(56));
    for node in &mut plan.basis.nodes {
        node.name = p(&long(node.name.as_str()));
        for (role, _) in &mut node.holds {
            *role = p(&"r".repeat(63));
        }
        node.uuid = Some("u".repeat(300));
    }
    for (role, _, _) in &mut plan.basis.roles {
        *role = p(&long("r"));
    }
    for step in &mut plan.steps {
        step.id.0 = long(&step.id.0);
        for (id, _) in &mut step.after {
            id.0 = long(&id.0);
        }
        if let Action::Take { role, node, interface, .. } = &mut step.action {
            (*role, *node, *interface) = (p(&"r".repeat(63)), p(&"n".repeat(63)), p("fifteen-letters"));
        }
    }
    plan.notes = vec![text.repeat(5), "z".repeat(500), "\u{1b}[2J\u{202e}".repeat(40)];
    plan
}

fn fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
        assert_eq!(line.trim_end(), line, "blanks at the end: {line:?}");
        assert_eq!(flipper::model::printable(line), line, "a terminal can be steered by {line:?}");
    }
    assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains("\n\n\n"), "{text:?}");
}

#[test]
fn no_line_is_wider_than_a_ticket() {
    for sample in [samples::swap_write(), samples::swap_all(), samples::swap_read(), samples::nothing_to_do()] {
        fits(&plan::text(&sample, None), 80);
        fits(&plan::text(&stretched(sample.clone()), Some(&digest(&sample))), 80);
        fits(&plan::text(&stretched(sample), Some(&"\u{1b}".repeat(200))), 80);
    }
    let mut sample = refused();
    fits(&refusal::text(&sample), 80);
    for Reason { seen, help, .. } in &mut sample.reasons {
        *seen = "s".repeat(700);
        *help = format!("{help} {}", "h\n".repeat(99));
    }
    fits(&refusal::text(&sample), 80);
    for sample in [samples::healthy(), samples::troubled(), samples::unreachable(), samples::blind()] {
        fits(&status::text(&samples::pair(), &sample), 100);
        fits(&check::text(&samples::pair(), &sample, &checked(&sample)), 100);
    }
}

/// The point of no return in the text is the one of the model, and the outage too.
#[test]
fn markers_stand_where_the_model_says() {
    for sample in [samples::swap_write(), samples::swap_all(), samples::drop_first()] {
        let text = plan::text(&sample, None);
        let line = |needle: &str| text.lines().position(|line| line.contains(needle)).unwrap();
        let (first, last) = sample.outage().unwrap();
        let end = line("CLIENTS CAN WRITE AGAIN");
        let between: Vec<&str> = text.lines().skip(line("WRITES ARE OUT")).take(end - line("WRITES ARE OUT")).collect();
        let ids: Vec<&str> = between.iter().filter_map(|line| line.split(['[', ']']).nth(1)).collect();
        assert_eq!((ids.first(), ids.last()), (Some(&first.0.as_str()), Some(&last.0.as_str())));
        let no_return = flipper::planner::point_of_no_return(&sample).unwrap();
        let after: Vec<&str> = text.lines().skip(line("POINT OF NO RETURN")).collect();
        assert_eq!(after.iter().find_map(|line| line.split(['[', ']']).nth(1)), Some(no_return.0.as_str()));
    }
}

/// Nothing that was not seen is passed over.
#[test]
fn every_unknown_fact_is_told() {
    let healthy = samples::healthy();
    let all = samples::blind();
    let sides = |edit: &dyn Fn(&mut flipper::model::NodeSnapshot, &flipper::model::NodeSnapshot)| {
        let mut snapshot = healthy.clone();
        edit(&mut snapshot.nodes[1], &all.nodes[1]);
        snapshot
    };
    for one in [
        sides(&|node, blind| node.server = blind.server.clone()),
        sides(&|node, blind| node.same_machine = blind.same_machine.clone()),
        sides(&|node, blind| node.access = blind.access.clone()),
        sides(&|node, blind| node.addresses = blind.addresses.clone()),
        sides(&|node, blind| node.system = blind.system.clone()),
        sides(&|node, blind| node.channels = blind.channels.clone()),
        sides(&|node, blind| node.settings = blind.settings.clone()),
        sides(&|node, blind| node.position = blind.position.clone()),
        sides(&|node, blind| node.ahead = blind.ahead.clone()),
        sides(&|node, blind| node.prepared_xa = blind.prepared_xa.clone()),
    ] {
        let besides = Besides { findings: &[], last: &Observed::Known(None), now: now() };
        let text = status::text(&samples::pair(), &one);
        assert!(text.contains("unknown: no \"route\"\\tto host\\n"), "{text}");
        let text = screen::text(&samples::pair(), &busy(one), &besides);
        assert!(text.contains("  unknown       ") && text.contains(": no \"route\"\\tto host\\n"), "{text}");
    }
}

/// A node as setup sees it, of some version.
fn needs<'a>(pair: &'a Pair, release: Result<(Flavour, Version), &str>) -> Needs<'a> {
    let [one, other] = &pair.nodes;
    Needs {
        pair,
        side: Side::First,
        release: release
            .map(|(flavour, version)| (Release { flavour, version }, "as it greets"))
            .map_err(str::to_owned),
        server: (&one.host, one.port),
        other: (&other.host, other.port),
        account: Ok(Account { user: "flipper".to_owned(), host: "10.77.0.9".to_owned(), tls: false }),
        ssh: Ssh { host: &one.host, port: None, user: None, sudo: false, config_file: None },
        system: Err("ssh to 10.77.0.11: no login within 3s".to_owned()),
        units: vec!["mysql.service".to_owned()],
        sources: vec![],
        persisted: vec![],
        key: None,
    }
}

#[test]
fn what_a_node_needs_in_the_words_of_each_version() {
    let pair = samples::pair();
    for (name, flavour, version) in [
        ("mysql-8.0", Flavour::MySql, Version(8, 0, 36)),
        ("mysql-8.4", Flavour::MySql, Version(8, 4, 3)),
        ("mysql-9.7", Flavour::MySql, Version(9, 7, 4)),
        ("mariadb-10.6", Flavour::MariaDb, Version(10, 6, 20)),
        ("mariadb-10.11", Flavour::MariaDb, Version(10, 11, 18)),
        ("mariadb-12", Flavour::MariaDb, Version(12, 1, 2)),
    ] {
        let mut needs = needs(&pair, Ok((flavour, version)));
        needs.persisted = vec![("read_only".to_owned(), "OFF".to_owned())];
        let [grants, boot] = [Part::Grants, Part::Boot].map(|part| needs.block(part).text.unwrap());
        golden(&format!("render/setup-{name}.txt"), &format!("{grants}\n{boot}"));
        assert!(grants.lines().chain(boot.lines()).all(|line| line.chars().count() <= 120), "{grants}{boot}");
    }
}

#[test]
fn what_a_node_needs_as_a_whole() {
    let pair = samples::pair();
    let user = p("flipper-ops");
    let mut known = needs(&pair, Ok((Flavour::MySql, Version(9, 7, 4))));
    known.account = Ok(Account { user: "o'brien".to_owned(), host: "fd00::9".to_owned(), tls: true });
    known.system = Ok(samples::healthy().nodes[0].system.known().unwrap().clone());
    known.ssh = Ssh { user: Some(&user), sudo: true, port: Some(2222), config_file: Some("/etc/my ssh"), ..known.ssh };
    known.key = Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ops".to_owned());
    let unknown = needs(&pair, Err("the server at 10.77.0.11 port 3306 cannot be reached: Connection refused"));
    // these two are told elsewhere, line by line
    let others = [Part::Gate, Part::Sudoers].map(|part| known.block(part).text.unwrap());
    let text = others
        .iter()
        .fold(setup::text(std::slice::from_ref(&known)), |text, other| text.replace(other.as_str(), "[…]\n"));
    golden("render/setup-known.txt", &text);
    golden("render/setup-unknown.txt", &setup::text(std::slice::from_ref(&unknown)));
    golden(
        "render/setup.json",
        &format!("{:#}\n", setup::json(&pair, &[known.clone(), unknown], &[Part::Grants, Part::Key])),
    );
    let grants = known.block(Part::Grants).text.unwrap();
    assert!(grants.contains("CREATE USER 'o''brien'@'fd00::9' IDENTIFIED BY <password> REQUIRE SSL;"), "{grants}");
    // nothing that is pasted as it stands makes an account, takes in an unknown key, or lets one in
    assert!(
        known.block(Part::KnownHosts).text.unwrap().lines().all(|line| line.starts_with('#') || !line.contains(">>"))
    );
}

#[test]
fn sentences_start_with_a_verb_and_end_without_a_stop() {
    for step in samples::swap_write().steps.iter().chain(&samples::swap_all().steps) {
        let sentence = describe::sentence(&step.action);
        assert!(sentence.starts_with(|c: char| c.is_ascii_lowercase()) && !sentence.ends_with('.'), "{sentence}");
    }
}

/// flipper logs in at a role's address from its own address of that family, which is another account.
#[test]
fn an_account_for_each_family() {
    let mut pair = samples::pair();
    let said = |pair: &Pair, host: &str| {
        let mut needs = needs(pair, Ok((Flavour::MySql, Version(9, 7, 4))));
        needs.account = Ok(Account { user: "flipper".to_owned(), host: host.to_owned(), tls: false });
        let text = needs.block(Part::Grants).text.unwrap();
        ["IPv4", "IPv6"].map(|family| text.contains(&format!("A role has an {family} address")))
    };
    assert_eq!(said(&pair, "10.77.0.9"), [false, false]);
    assert_eq!(said(&pair, "fd00:77::9"), [true, false]);
    pair.roles[0].address = samples::p("fd00:77::100/128");
    for (host, lacks) in [("10.77.0.%", [false, true]), ("fd00:77::%", [true, false]), ("%", [false, false])] {
        assert_eq!(said(&pair, host), lacks, "{host}");
    }
    pair.roles[1].address = samples::p("fd00:77::101/128");
    assert_eq!(said(&pair, "fd00:77::9"), [false, false]);
}
