//! What the driver would do wrong, with real servers: through flipper's own connections, on the operator's host.

use std::time::{Duration, Instant};

use flipper::dialect;
use flipper::link::{MysqlTarget, Sql, SqlErrorKind};
use flipper::model::{Flavour, Version};

use crate::bench::Bench;
use crate::lab::error::{Doing, LabError};
use crate::lab::{Host, Node, Server, net};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[
    ("a request without an answer closes its connection", timed_out),
    ("what is NULL is told, not panicked about", nulls),
    ("the server that was asked for answers, whatever path its socket has", no_socket),
    ("a session ended by somebody else is an error", ended),
    ("the server's defaults for sessions are not those of flipper's", defaults),
];

const LIMIT: Duration = Duration::from_secs(3);

/// Runs on the operator's host.
fn there<T: Send>(bench: &Bench<'_>, work: impl AsyncFnOnce() -> T + Send) -> Result<T, LabError> {
    let namespace = net::open_namespace(bench.lab.id(), Host::Operator)?;
    let stepped = || {
        net::step_into(&namespace)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.doing(|| "starting a runtime".to_owned())?;
        Ok(runtime.block_on(work()))
    };
    std::thread::scope(|scope| scope.spawn(stepped).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

fn target(bench: &Bench<'_>, node: Node) -> MysqlTarget {
    let host = node.host().address().parse().expect("an address");
    MysqlTarget::new(host, 3306, "flipper".to_owned(), bench.lab.secrets().flipper.clone())
}

fn model(bench: &Bench<'_>, node: Node) -> flipper::model::Server {
    let (flavour, version) = match bench.server() {
        Server::MariaDb => (Flavour::MariaDb, Version(10, 11, 0)),
        Server::MySql => (Flavour::MySql, Version(9, 7, 0)),
    };
    flipper::model::Server { flavour, version, server_id: node.number(), uuid: None, hostname: node.name().to_owned() }
}

async fn connect(target: &MysqlTarget) -> Sql {
    match Sql::connect(target, LIMIT).await {
        Ok(sql) => sql,
        Err(error) => panic!("{error}"),
    }
}

fn timed_out(bench: &Bench<'_>) -> Outcome {
    let (target, server) = (target(bench, Node::Db2), model(bench, Node::Db2));
    // a position that never comes
    let position = match bench.server() {
        Server::MariaDb => "0-1-999999999",
        Server::MySql => "00000000-0000-0000-0000-000000000001:1",
    };
    there(bench, async || {
        let mut sql = connect(&target).await;
        let slow = dialect::catch_up(&server, position, Duration::from_secs(2)).expect("a position");
        let begun = Instant::now();
        let error = sql.read(&slow, Duration::from_millis(300)).await.expect_err("no answer in time");
        assert!(begun.elapsed() < Duration::from_secs(2), "{error} after {:?}", begun.elapsed());
        assert_eq!(error.kind, SqlErrorKind::Timeout { thread_id: sql.thread_id() }, "{error}");
        assert!(error.may_have_happened() && sql.is_closed());
        // at once, and when the old answer would have come
        for pause in [0, 2500] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let error = sql.read(&dialect::identity(), LIMIT).await.expect_err("never the old answer");
            assert!(matches!(error.kind, SqlErrorKind::Closed { .. }), "{error}");
        }
        // a new connection answers what it is asked
        let mut fresh = connect(&target).await;
        let tables = fresh.read(&dialect::identity(), LIMIT).await.expect("an answer");
        assert_eq!(tables[0].row().expect("one row").text(&["server_id"]), Ok("2"));
        fresh.close(LIMIT).await;
    })
}

fn nulls(bench: &Bench<'_>) -> Outcome {
    let (target, server) = (target(bench, Node::Db2), model(bench, Node::Db2));
    let admin = bench.lab.admin(Node::Db2);
    // how far it is behind is NULL then
    admin.exec("STOP REPLICA")?;
    let asked = there(bench, async || {
        let mut sql = connect(&target).await;
        let tables = sql.read(&dialect::channels(&server), LIMIT).await.expect("an answer");
        let row = tables[0].row().expect("one channel").clone();
        let tables = sql.read(&dialect::lock_holder(&server), LIMIT).await.expect("an answer");
        let holder = tables[0].row().expect("one row").clone();
        sql.close(LIMIT).await;
        (row, holder)
    });
    admin.exec("START REPLICA")?;
    let (row, holder) = asked?;
    let behind = ["Seconds_Behind_Source", "Seconds_Behind_Master"];
    assert_eq!(row.get(&behind), Some(None), "{row:?}");
    assert!(row.number::<u64>(&behind).is_err_and(|why| why.to_string().contains("NULL")));
    assert_eq!(holder.get(&["holder"]), Some(None), "{holder:?}");
    Ok(())
}

/// Each server's socket path exists here, and the standby's leads to the writer: as on a node of a pair whose servers
/// have the same path.
fn no_socket(bench: &Bench<'_>) -> Outcome {
    let path = |node: Node| bench.lab.dir().join(node.name()).join("socket");
    let (standby, aside) = (path(Node::Db2), bench.lab.dir().join("db2").join("aside"));
    std::fs::rename(&standby, &aside).expect("the socket moves");
    std::os::unix::fs::symlink(path(Node::Db1), &standby).expect("a link in its place");
    let trap = bench.lab.admin(Node::Db2).value("SELECT @@server_id");
    let targets = Node::BOTH.map(|node| (node, target(bench, node), model(bench, node)));
    let seen = there(bench, async || {
        let mut seen = vec![];
        for (node, target, server) in &targets {
            let mut sql = connect(target).await;
            let tables = sql.read(&dialect::identity(), LIMIT).await.expect("an answer");
            let id: u32 = tables[0].row().expect("one row").number(&["server_id"]).expect("a number");
            let tables = sql.read(&dialect::own_address(server), LIMIT).await.expect("an answer");
            let from = tables[0].row().expect("one row").text(&["host"]).expect("an address").to_owned();
            sql.close(LIMIT).await;
            seen.push((*node, id, from));
        }
        seen
    });
    std::fs::remove_file(&standby).expect("the link goes");
    std::fs::rename(&aside, &standby).expect("the socket comes back");
    assert_eq!(trap?, "1", "the trap works");
    for (node, id, from) in seen? {
        assert_eq!(id, node.number());
        assert!(from.starts_with(Host::Operator.address()), "over the network, not {from}");
    }
    Ok(())
}

fn ended(bench: &Bench<'_>) -> Outcome {
    let target = target(bench, Node::Db1);
    let admin = bench.lab.admin(Node::Db1);
    there(bench, async || {
        let mut sql = connect(&target).await;
        let kill = format!("KILL {}", sql.thread_id());
        // which has a runtime of its own
        let killed = std::thread::scope(|scope| scope.spawn(|| admin.exec(&kill)).join().expect("no panic"));
        let error = sql.read(&dialect::identity(), LIMIT).await.expect_err("it was ended");
        assert!(sql.is_closed() && !error.to_string().is_empty(), "{error}");
        killed
    })?
}

/// A move goes there and back on servers whose new sessions open transactions by themselves, get two rows at most, quote
/// as no statement of flipper's does, may examine next to nothing, and end what takes long.
fn defaults(bench: &Bench<'_>) -> Outcome {
    let limit = match bench.server() {
        Server::MariaDb => "max_statement_time",
        Server::MySql => "max_execution_time",
    };
    let strange = [
        "autocommit=0".to_owned(),
        "sql_select_limit=2".to_owned(),
        "sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'".to_owned(),
        "max_join_size=3".to_owned(),
        format!("{limit}=1"),
    ];
    let all = |how: &dyn Fn(&str) -> String| -> Outcome {
        for node in Node::BOTH {
            let admin = bench.lab.admin(node);
            for setting in &strange {
                admin.exec(&how(setting))?;
            }
        }
        Ok(())
    };
    all(&|setting| format!("SET GLOBAL {setting}"))?;
    let (target, server) = (target(bench, Node::Db1), model(bench, Node::Db1));
    let seen = there(bench, async || {
        let mut sql = connect(&target).await;
        let tables = sql.read(&dialect::sessions(&server), LIMIT).await.expect("an answer");
        sql.close(LIMIT).await;
        tables[0].0.len()
    });
    for writer in [Node::Db2, Node::Db1] {
        bench.flipper(&["apply", "lab", "set", "write", writer.name(), "--yes"]).ends(0);
        bench.serves_from(writer)?;
    }
    bench.flipper(&["check", "lab"]).never_says("unknown  ");
    all(&|setting| format!("SET GLOBAL {}=DEFAULT", setting.split('=').next().unwrap_or_default()))?;
    assert!(seen? > 2, "the list of sessions is whole");
    Ok(())
}
