//! XA transactions of sessions that came by the old writer's own address or its socket: they could commit in spite of the
//! fence, and nothing else ends them.

use crate::lab::error::Result;
use crate::lab::session::Session;
use crate::lab::{Host, Node, User};
use crate::stage::Stage;
use crate::watched::{Ran, Watched};
use crate::{Case, Outcome};

pub(crate) const MYSQL: &[Case] = &[("an XA transaction that has ended costs nobody the session", ended_before)];

fn swap(stage: &Stage<'_>) -> Ran {
    let config = stage.config("");
    Watched::start(stage.command(&["--config", &config, "--json", "apply", "lab", "swap", "write", "--yes"])).end()
}

/// A client that came by the node's own address: no address leads it away, and nobody ends it for that.
fn direct(stage: &Stage<'_>) -> Result<Session> {
    stage.lab.session(User::App, Host::Clients, Node::Db1.host().address())
}

/// In the middle of an XA transaction that has changed a row.
fn begun(session: &mut Session, name: &str) -> Outcome {
    session.exec(&format!("XA START '{name}'"))?;
    session.exec("INSERT INTO app.load (client, seq, server) VALUES (800002, 0, @@server_id)")?;
    session.exec(&format!("XA END '{name}'"))
}

/// What the client of such a transaction would do next.
fn saved(session: &mut Session, name: &str) -> Outcome {
    session.exec(&format!("XA PREPARE '{name}'"))?;
    session.exec(&format!("XA COMMIT '{name}'"))
}

/// Newer servers show a transaction as prepared until its session begins the next one.
fn ended_before(stage: &Stage<'_>) -> Outcome {
    let mut app = direct(stage)?;
    let mut root = stage.lab.admin(Node::Db1).session()?;
    begun(&mut app, "kept")?;
    saved(&mut app, "kept")?;
    begun(&mut root, "root")?;
    root.exec("XA PREPARE 'root'")?;
    root.exec("XA ROLLBACK 'root'")?;
    let ran = swap(stage);
    ran.ends(0);
    for session in [&mut app, &mut root] {
        session.exec("SELECT 1").unwrap_or_else(|why| panic!("{why}: {ran}"));
    }
    stage.stands(&[Node::Db2], Node::Db2);
    swap(stage).ends(0);
    stage.lab.admin(Node::Db1).exec("DELETE FROM app.load WHERE client = 800002")?;
    stage.lab.settle()
}
