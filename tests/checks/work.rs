//! Who is at work on the pair.

use std::thread;
use std::time::Duration;

use crate::lab::error::Result;
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::run::wait_until;
use crate::lab::session::Session;
use crate::lab::{Host, Node, User};
use crate::site::Site;
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("a long UPDATE", long_update),
    ("an idle transaction", idle_transaction),
    ("clients at a node's own address", direct_clients),
    ("a server full of sessions", full),
];

pub(crate) const MARIADB: &[Case] = &[
    ("a writer that no fence stops", privileged),
    ("one by a role of a role", privileged_by_role),
    ("LOCK TABLES that somebody waits for", waited_for),
];

pub(crate) const MYSQL: &[Case] = &[
    ("LOCK TABLES", lock_tables),
    ("a user-level lock, a backup lock", other_locks),
    ("sessions that may not be ended", protected),
];

fn client(site: &Site<'_>, address: &str) -> Result<Session> {
    site.lab.session(User::App, Host::Clients, address)
}

fn long_update(site: &Site<'_>) -> Outcome {
    let mut session = client(site, WRITE_ADDRESS)?;
    let own = session.id();
    // one row is enough: the pause is in its condition
    site.lab.admin(Node::Db1).exec("INSERT INTO app.load (client, seq, server) VALUES (800100, 0, 1)")?;
    let update = thread::spawn(move || session.exec("UPDATE app.load SET seq=seq WHERE client=800100+SLEEP(30)"));
    let admin = site.lab.admin(Node::Db1);
    let query = format!("SELECT time FROM information_schema.processlist WHERE id={own} AND command='Query'");
    wait_until("the update has run for 3 s", Duration::from_secs(10), || {
        Ok(admin.value(&query)?.parse::<u32>().is_ok_and(|seconds| seconds >= 3).then_some(()))
    })?;
    let said = site.check();
    let (code, refusal) = site.plan(&[]);
    let (overridden, plan) = site.plan(&["--override", "long-write"]);
    admin.exec(&format!("KILL {own}"))?;
    assert!(update.join().expect("the client's thread").is_err());
    said.names("long-write", "override", "UPDATE").names("long-write", "override", &format!("KILL {own}"));
    said.blames_only(&["long-write"]);
    assert!(code == Some(11) && refusal.contains("long-write"), "{refusal}");
    assert!(overridden == Some(0) && plan.contains("long-write"), "{plan}");
    Ok(())
}

fn idle_transaction(site: &Site<'_>) -> Outcome {
    let mut session = client(site, WRITE_ADDRESS)?;
    session.exec("BEGIN")?;
    session.exec("INSERT INTO app.load (client, seq, server) VALUES (800101, 0, @@server_id)")?;
    // InnoDB renews what it tells only when nobody has asked for a while
    site.wait_named("open-transaction", "warn").names("open-transaction", "warn", "app@10.77.0.21").blames_only(&[]);
    session.exec("ROLLBACK")
}

fn direct_clients(site: &Site<'_>) -> Outcome {
    let through = client(site, WRITE_ADDRESS)?;
    site.check().names("direct-clients", "ok", "");
    let direct = client(site, Node::Db1.host().address())?;
    site.check().names("direct-clients", "warn", "1 × app@10.77.0.21").blames_only(&[]);
    drop((through, direct));
    Ok(())
}

fn full(site: &Site<'_>) -> Outcome {
    // root has the one session more that a full server takes: it is here before, and sets it right afterwards
    let mut root = site.lab.admin(Node::Db1).session()?;
    let limit = root.value("SELECT @@GLOBAL.max_connections")?;
    root.exec("SET GLOBAL max_connections=12")?;
    let mut clients = vec![];
    let turned_away = loop {
        match client(site, WRITE_ADDRESS) {
            Ok(session) => clients.push(session),
            Err(why) => break why,
        }
        assert!(clients.len() < 20, "a server with 12 sessions takes 20");
    };
    let said = site.check();
    let (code, refusal) = site.plan(&[]);
    root.exec(&format!("SET GLOBAL max_connections={limit}"))?;
    assert_eq!(turned_away.sql_code(), Some(1040), "too many connections: {turned_away}");
    said.names("connections-full", "stop", "db1: a session of flipper's was turned away");
    assert!(code == Some(11) && refusal.contains("connections-full"), "{refusal}");
    drop(clients);
    Ok(())
}

fn privileged(site: &Site<'_>) -> Outcome {
    site.on_both("GRANT READ_ONLY ADMIN ON *.* TO 'app'@'10.77.0.%'")?;
    site.on_both("GRANT SELECT ON mysql.* TO 'flipper'@'10.77.0.%'")?;
    let session = client(site, WRITE_ADDRESS)?;
    let said = site.check();
    drop(session);
    site.on_both("REVOKE READ_ONLY ADMIN ON *.* FROM 'app'@'10.77.0.%'")?;
    site.on_both("REVOKE SELECT ON mysql.* FROM 'flipper'@'10.77.0.%'")?;
    said.names("privileged-writer", "override", "1 × app@10.77.0.21").blames_only(&["privileged-writer"]);
    // with that right it sees the accounts too
    said.names("accounts-differ", "ok", "").names("events", "ok", "");
    Ok(())
}

fn privileged_by_role(site: &Site<'_>) -> Outcome {
    let run = |all: &[&str]| all.iter().try_for_each(|sql| site.on_both(sql));
    run(&["CREATE ROLE dba", "CREATE ROLE staff", "GRANT READ_ONLY ADMIN ON *.* TO dba", "GRANT dba TO staff"])?;
    run(&["GRANT staff TO 'app'@'10.77.0.%'", "SET DEFAULT ROLE staff FOR 'app'@'10.77.0.%'"])?;
    run(&["GRANT SELECT ON mysql.* TO 'flipper'@'10.77.0.%'"])?;
    let session = client(site, WRITE_ADDRESS)?;
    // it does write where only administrators may
    let mut own = client(site, Host::Db2.address())?;
    let passes = own.exec("INSERT INTO app.load (client, seq, server) VALUES (800103, 0, 2)");
    let said = site.check();
    drop((session, own));
    run(&["DROP ROLE staff", "DROP ROLE dba", "REVOKE SELECT ON mysql.* FROM 'flipper'@'10.77.0.%'"])?;
    passes?;
    site.lab.settle()?;
    said.names("privileged-writer", "override", "1 × app@10.77.0.21").names("privileged-writer", "override", "db1: ");
    Ok(())
}

fn waited_for(site: &Site<'_>) -> Outcome {
    let mut holder = site.lab.admin(Node::Db1).session()?;
    holder.exec("LOCK TABLES app.scratch WRITE")?;
    site.check().names("table-lock", "unknown", "metadata_lock_info");
    let mut victim = client(site, WRITE_ADDRESS)?;
    let waiting = thread::spawn(move || victim.exec("UPDATE app.scratch SET x=x+1 WHERE id=1"));
    site.wait_named("table-lock", "override").names("table-lock", "override", "waits for a lock");
    holder.exec("UNLOCK TABLES")?;
    waiting.join().expect("the client's thread")
}

fn lock_tables(site: &Site<'_>) -> Outcome {
    let mut holder = site.lab.admin(Node::Db1).session()?;
    holder.exec("LOCK TABLES app.scratch WRITE")?;
    let id = holder.id();
    let said = site.check();
    holder.exec("UNLOCK TABLES")?;
    said.names("table-lock", "override", &format!("session {id} holds a lock on the table app.scratch"));
    said.blames_only(&["table-lock"]);
    holder.exec("FLUSH TABLES WITH READ LOCK")?;
    let said = site.check();
    holder.exec("UNLOCK TABLES")?;
    said.names("table-lock", "override", "global read lock").blames_only(&["table-lock"]);
    Ok(())
}

fn other_locks(site: &Site<'_>) -> Outcome {
    let mut holder = site.lab.admin(Node::Db1).session()?;
    holder.exec("SELECT GET_LOCK('nightly job', 0)")?;
    site.check().names("user-locks", "warn", "nightly job").blames_only(&[]);
    holder.exec("LOCK INSTANCE FOR BACKUP")?;
    let said = site.check();
    drop(holder);
    said.names("schema-change", "override", "backup lock").blames_only(&["schema-change"]);
    Ok(())
}

fn protected(site: &Site<'_>) -> Outcome {
    let run = |all: &[&str]| all.iter().try_for_each(|sql| site.on_both(sql));
    run(&["GRANT SYSTEM_USER ON *.* TO 'app'@'10.77.0.%'", "GRANT SELECT ON mysql.* TO 'flipper'@'10.77.0.%'"])?;
    let session = client(site, WRITE_ADDRESS)?;
    let said = site.check();
    run(&["REVOKE SYSTEM_USER ON *.* FROM 'app'@'10.77.0.%'", "CREATE ROLE boss", "GRANT SYSTEM_USER ON *.* TO boss"])?;
    let nobody = site.check();
    run(&["GRANT boss TO 'app'@'10.77.0.%'"])?;
    let by_role = site.check();
    drop(session);
    run(&["DROP ROLE boss", "REVOKE SELECT ON mysql.* FROM 'flipper'@'10.77.0.%'"])?;
    nobody.names("cannot-end-sessions", "ok", "");
    by_role.names("cannot-end-sessions", "warn", "app@10.77.0.21");
    said.names("cannot-end-sessions", "warn", "app@10.77.0.21").names("password-exchange", "warn", "app@10.77.0.21");
    said.names("accounts-differ", "ok", "").blames_only(&[]);
    Ok(())
}
