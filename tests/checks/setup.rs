//! What `flipper setup` prints is what flipper needs: with it everything works, and nothing of it can be left out.

use std::process::Output;

use flipper::dialect::{self, On, Privilege, Release};
use flipper::model::Flavour;

use crate::lab::error::{LabError, Result};
use crate::lab::{Host, Node, Server, User};
use crate::site::{Site, config_text};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("fresh accounts, as setup prints them", enough),
    ("the account without each of its privileges", one_by_one),
    ("the account with rights on data", data_rights),
    ("an account that has everything by roles", by_roles),
    ("an account for a server out of reach", out_of_reach),
];

/// Another account than the one that the pair came with.
const FRESH: &str = "newcomer";

fn release(site: &Site<'_>) -> Result<Release> {
    let version = site.lab.admin(Node::Db1).value("SELECT VERSION()")?;
    let flavour = match site.server() {
        Server::MySql => Flavour::MySql,
        Server::MariaDb => Flavour::MariaDb,
    };
    let version = dialect::parse_version(&version).ok_or_else(|| LabError::new("reading a version", version))?;
    Ok(Release { flavour, version })
}

/// Statements of a file, without comments.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    code.join("\n").split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn enough(site: &Site<'_>) -> Outcome {
    let config = config_text(site.lab).replace("user: \"flipper\"", &format!("user: {FRESH:?}"));
    let file = site.file("fresh.ron", &config)?;
    let before = site.check();
    for node in Node::BOTH {
        let admin = site.lab.admin(node);
        let read_only = || admin.rows("SHOW GLOBAL VARIABLES LIKE '%read_only'");
        let closed = read_only()?;
        let printed =
            succeeded(&site.run(&["--config", &file, "setup", "lab", "--node", node.name(), "--only", "grants"]));
        assert!(printed.contains(&format!("'{FRESH}'@'{}'", Host::Operator.address())), "{printed}");
        let as_it_stands = statements(&printed);
        let create = as_it_stands.iter().find(|sql| sql.starts_with("CREATE USER")).expect("an account is made");
        assert!(admin.exec(create).is_err(), "without a password there is no account: {create}");
        let password = format!("'{}'", site.lab.secrets().flipper);
        let whole: Vec<String> =
            as_it_stands.iter().map(|sql| sql.replace(dialect::PASSWORD_HERE, &password)).collect();
        admin.exec_all(&whole.iter().map(String::as_str).collect::<Vec<_>>())?;
        assert_eq!(read_only()?, closed, "who could write before can write now, and nobody else");
    }
    // no transaction of its own on either node
    before.names("diverged", "ok", "");
    let fresh = ["--config", file.as_str()];
    let said = site.check_with(&fresh);
    said.names("missing-grants", "ok", "").names("data-rights", "ok", "").names("diverged", "ok", "").blames_only(&[]);
    succeeded(&site.run(&[&fresh[..], &["status", "lab"]].concat()));
    for _ in 0..2 {
        succeeded(&site.run(&[&fresh[..], &["apply", "lab", "swap", "--yes"]].concat()));
    }
    site.on_both(&format!("DROP USER '{FRESH}'@'{}'", Host::Operator.address()))?;
    whole(site)
}

/// All parts of both nodes, with what was seen of their machines.
fn whole(site: &Site<'_>) -> Outcome {
    let text = succeeded(&site.run(&["setup", "lab"]));
    assert!(!text.contains("not yet") && !text.contains("was not seen"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&succeeded(&site.run(&["--json", "setup", "lab"]))).expect("JSON");
    for node in Node::BOTH {
        let seen = &json["nodes"][node.index()];
        assert_eq!((&seen["node"], &seen["server"]["known_by"]), (&node.name().into(), &"as it says".into()));
        for part in seen["parts"].as_array().expect("parts") {
            let alone =
                site.run(&["setup", "lab", "--node", node.name(), "--only", part["part"].as_str().expect("a word")]);
            let alone = succeeded(&alone);
            assert!(part["text"] == alone && text.contains(&alone), "{} alone is what is in the whole", part["part"]);
        }
        let gate = seen["parts"].as_array().expect("parts").iter().find(|part| part["part"] == "gate").expect("a gate");
        let file = site.file("gate", gate["text"].as_str().expect("a text"))?;
        let read = std::process::Command::new("sh").args(["-n", &file]).status().expect("a shell");
        assert!(read.success(), "a shell reads the gate");
    }
    Ok(())
}

/// A statement that wants a privilege. `session` may be ended.
fn wants(need: &Privilege, flavour: Flavour, session: u32) -> Vec<String> {
    let one = |sql: &str| vec![sql.to_owned()];
    match need.name {
        "SYSTEM_VARIABLES_ADMIN" => one("SET GLOBAL super_read_only = ON"),
        "READ_ONLY ADMIN" => one("SET GLOBAL read_only = ON"),
        "CONNECTION_ADMIN" | "CONNECTION ADMIN" => vec![format!("KILL {session}")],
        "REPLICATION_SLAVE_ADMIN" | "REPLICATION SLAVE ADMIN" => match flavour {
            Flavour::MySql => one("START REPLICA"),
            Flavour::MariaDb => one("START SLAVE"),
        },
        "REPLICATION CLIENT" => one("SHOW REPLICA STATUS"),
        "SLAVE MONITOR" => one("SHOW ALL SLAVES STATUS"),
        "BINLOG MONITOR" => one("SHOW MASTER STATUS"),
        "PROCESS" => one("SELECT COUNT(*) FROM information_schema.innodb_trx"),
        "XA_RECOVER_ADMIN" => one("XA RECOVER"),
        "SELECT" => one("SELECT COUNT(*) FROM performance_schema.metadata_locks"),
        "RELOAD" => vec!["FLUSH TABLES WITH READ LOCK".to_owned(), "UNLOCK TABLES".to_owned()],
        other => panic!("nobody has tried what `{other}` is for"),
    }
}

fn one_by_one(site: &Site<'_>) -> Outcome {
    let release = release(site)?;
    let node = Node::Db2;
    let admin = site.lab.admin(node);
    let run = |sql: &str| admin.exec_all(&site.unlogged(node, sql));
    let account = "'flipper'@'10.77.0.%'";
    let attempt = |need: &Privilege| -> Outcome {
        let victim = site.lab.session(User::App, Host::Clients, node.host().address())?;
        let mut own = site.lab.session(User::Flipper, Host::Operator, node.host().address())?;
        wants(need, release.flavour, victim.id()).iter().try_for_each(|sql| own.exec(sql))
    };
    for need in dialect::privileges_needed(release) {
        let (name, on) = (need.name, need.on.spelled());
        attempt(&need)?;
        run(&format!("REVOKE {name} ON {on} FROM {account}"))?;
        let refused = attempt(&need);
        let said = site.check();
        let (code, plan) = site.plan(&[]);
        run(&format!("GRANT {name} ON {on} TO {account}"))?;
        let refused = refused.err().map(|why| why.to_string()).unwrap_or_default();
        // access denied, also to a table; not the owner of a session; no right to see prepared XA transactions
        let is_denied =
            ["ERROR 1227 ", "ERROR 1142 ", "ERROR 1095 ", "ERROR 1401 "].iter().any(|no| refused.contains(no));
        assert!(is_denied, "{name} is needed for what it is said to be for: `{refused}`");
        let named = if need.on == On::Server { name.to_owned() } else { format!("{name} ON {on}") };
        said.names("missing-grants", "warn", &format!("db2: flipper's account lacks {named}\""));
        assert!(!said.is_said_of("missing-grants", "db1"), "only one node lacks it");
        let bad = said.with_verdict("stop").join(", ");
        let verdict = if code == Some(0) { "planned".to_owned() } else { format!("refused: {bad}") };
        println!("{:<8} {named:<32} without it: {verdict}", site.server().title());
        // the plan says it, as a note or as the reason why there is none
        let says = match code {
            Some(0) => plan.contains("missing-grants") && plan.contains(name.split(' ').next().unwrap_or(name)),
            _ => plan.contains("denied") || plan.contains(name),
        };
        assert!(says, "{name}: {plan}");
    }
    site.check().names("missing-grants", "ok", "");
    Ok(())
}

fn data_rights(site: &Site<'_>) -> Outcome {
    let account = "'flipper'@'10.77.0.%'";
    site.on_both(&format!("GRANT INSERT, SELECT ON app.* TO {account}"))?;
    let some = site.check();
    site.on_both(&format!("GRANT UPDATE (x), SELECT ON app.scratch TO {account}"))?;
    let more = site.check();
    site.on_both(&format!("REVOKE INSERT, SELECT ON app.* FROM {account}"))?;
    site.on_both(&format!("REVOKE UPDATE (x), SELECT ON app.scratch FROM {account}"))?;
    some.names("data-rights", "warn", "db1: flipper's account has INSERT ON app\"").blames_only(&[]);
    more.names("data-rights", "warn", "UPDATE ON app.scratch").blames_only(&[]);
    site.check().names("data-rights", "ok", "");
    Ok(())
}

/// One role has the privileges, and another one has that role: what is active at login counts, and is enough to move.
fn by_roles(site: &Site<'_>) -> Outcome {
    let release = release(site)?;
    let account = "'flipper'@'10.77.0.%'";
    let run = |statements: &[String]| statements.iter().try_for_each(|sql| site.on_both(sql));
    let each = |verb: &str, word: &str, who: &str| -> Vec<String> {
        let needs = dialect::privileges_needed(release);
        needs.iter().map(|need| format!("{verb} {} ON {} {word} {who}", need.name, need.on.spelled())).collect()
    };
    let default = |role: &str| match release.flavour {
        Flavour::MySql => format!("SET DEFAULT ROLE {role} TO {account}"),
        Flavour::MariaDb => format!("SET DEFAULT ROLE {role} FOR {account}"),
    };
    run(&["CREATE ROLE duty", "CREATE ROLE staff", "GRANT duty TO staff"].map(str::to_owned))?;
    run(&each("GRANT", "TO", "duty"))?;
    run(&[format!("GRANT staff TO {account}"), default("staff")])?;
    run(&each("REVOKE", "FROM", account))?;
    let active = site.check();
    let moved = site.run(&["apply", "lab", "swap", "--yes"]);
    let back = site.run(&["apply", "lab", "swap", "--yes"]);
    run(&["GRANT INSERT ON app.* TO duty".to_owned()])?;
    let more = site.check();
    run(&["REVOKE INSERT ON app.* FROM duty".to_owned(), default("NONE")])?;
    let (code, asleep) = site.plan(&[]);
    run(&each("GRANT", "TO", account))?;
    run(&["DROP ROLE staff", "DROP ROLE duty"].map(str::to_owned))?;
    active.names("missing-grants", "ok", "").names("data-rights", "ok", "").blames_only(&[]);
    succeeded(&moved);
    succeeded(&back);
    more.names("data-rights", "warn", "db2: flipper's account has INSERT ON app\"").blames_only(&[]);
    // a role that is granted and sleeps gives nothing
    assert!(code != Some(0), "{asleep}");
    site.check().names("missing-grants", "ok", "");
    Ok(())
}

fn out_of_reach(site: &Site<'_>) -> Outcome {
    let server = match site.server() {
        Server::MySql => "mysql-9.7",
        Server::MariaDb => "mariadb-10.11",
    };
    site.lab.cable(Host::Db2, false)?;
    let alone = site.run(&["setup", "lab", "--node", "db2", "--only", "grants"]);
    let told = site.run(&["setup", "lab", "--node", "db2", "--only", "grants", "--server", server]);
    let both = site.run(&["setup", "lab"]);
    site.lab.cable(Host::Db2, true)?;
    let said = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(alone.status.code() == Some(11) && alone.stdout.is_empty(), "{said}");
    assert!(said.contains("10.77.0.12 port 3306 cannot be reached") && said.contains("--server"), "{said}");
    let told = succeeded(&told);
    assert!(told.contains("as --server says") && told.contains("CREATE USER 'flipper'@'10.77.0.1'"), "{told}");
    let text = String::from_utf8_lossy(&both.stdout);
    assert!(both.status.code() == Some(11) && text.contains("# not yet: the server at 10.77.0.12"), "{text}");
    assert!(text.contains("as it says"), "db1 is there: {text}");
    Ok(())
}
