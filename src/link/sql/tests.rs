//! A server that is not one: what it answers, byte by byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::model::{Flavour, Server, Version};

async fn listener() -> (TcpListener, MysqlTarget) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = "127.0.0.1".parse().unwrap();
    (listener, MysqlTarget::new(host, port, "flipper".into(), "s3cret".into()))
}

#[tokio::test]
async fn a_silent_listener_is_cut_by_the_limit() {
    let (_listener, target) = listener().await;
    let asked = tokio::time::Instant::now();
    let Err(error) = Sql::connect(&target, Duration::from_millis(200)).await else { panic!("connected") };
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert_eq!(error.kind, SqlErrorKind::Connect);
    assert_eq!(error.to_string(), format!("MySQL at 127.0.0.1:{}: no connection within 200ms", target.port));
}

#[tokio::test]
async fn what_the_server_says_is_made_printable_and_nothing_was_asked() {
    let (listener, target) = listener().await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut packet = vec![0xff, 0x10, 0x04];
        packet.extend_from_slice(b"#08004Too many\x1b[31m connections");
        let mut bytes = vec![packet.len() as u8, 0, 0, 0];
        bytes.append(&mut packet);
        socket.write_all(&bytes).await.unwrap();
        socket.shutdown().await.unwrap();
    });
    let Err(error) = Sql::connect(&target, Duration::from_secs(5)).await else { panic!("connected") };
    assert!(!error.may_have_happened());
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    assert!(error.to_string().contains("Too many"), "{error}");
    assert!(!error.to_string().contains("s3cret"));
}

#[tokio::test]
async fn nothing_listens() {
    let (listener, target) = listener().await;
    drop(listener);
    let Err(error) = Sql::connect(&target, Duration::from_secs(5)).await else { panic!("connected") };
    assert_eq!(error.kind, SqlErrorKind::Connect);
    assert!(error.to_string().ends_with(": Connection refused"), "{error}");
}

#[test]
fn the_local_socket_is_never_taken() {
    let target = MysqlTarget::new("10.0.0.11".parse().unwrap(), 3306, "u".into(), "p".into());
    let opts: mysql_async::Opts = options(&target).unwrap().into();
    assert!(!opts.prefer_socket());
    assert_eq!(opts.stmt_cache_size(), 0);
    assert_eq!(place(&target), "10.0.0.11:3306");
}

#[test]
fn a_certificate_is_the_nodes_also_behind_a_floating_address() {
    let tls = crate::link::TlsTarget { ca_file: "/ca.pem".into(), name: None };
    let node = MysqlTarget::new("db1".parse().unwrap(), 3306, "u".into(), "p".into()).with_tls(Some(tls));
    let floating = node.at("10.0.0.100".parse().unwrap());
    assert_eq!(floating.tls.and_then(|tls| tls.name).map(|name| name.to_string()).as_deref(), Some("db1"));
}

/// Sends packets, numbered from `first`.
async fn send(socket: &mut TcpStream, first: u8, packets: &[&[u8]]) {
    for (packet, number) in packets.iter().zip(first..) {
        let mut bytes = vec![packet.len() as u8, 0, 0, number];
        bytes.extend_from_slice(packet);
        socket.write_all(&bytes).await.unwrap();
    }
}

async fn receive(socket: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await.unwrap();
    let mut packet = vec![0; usize::from(head[0])];
    socket.read_exact(&mut packet).await.unwrap();
    packet
}

/// Lets a client in, then answers each query with the next list of packets; silent when there is none left.
async fn server(answers: &'static [&'static [&'static [u8]]]) -> MysqlTarget {
    let (listener, target) = listener().await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let greeting = b"\x0a9.7.4\0\x2a\0\0\0saltsalt\0\x01\x82\xff\x02\0\x1b\0\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0\
                         mysql_native_password\0";
        send(&mut socket, 0, &[greeting]).await;
        receive(&mut socket).await;
        send(&mut socket, 2, &[DONE]).await;
        receive(&mut socket).await;
        send(&mut socket, 1, &[DONE]).await;
        for answer in answers {
            receive(&mut socket).await;
            send(&mut socket, 1, answer).await;
        }
        std::future::pending::<()>().await;
    });
    target
}

const DONE: &[u8] = b"\0\0\0\x02\0\0\0";
const DONE_AND_MORE: &[u8] = b"\0\0\0\x0a\0\0\0";
const LOCKED: &[u8] = b"\xff\xb5\x04#HY000Lock wait timeout exceeded";
const LIMIT: Duration = Duration::from_secs(5);

fn three() -> Statement {
    dialect::open(
        &Server {
            flavour: Flavour::MySql,
            version: Version(9, 7, 4),
            server_id: 1,
            uuid: None,
            hostname: String::new(),
        },
        LIMIT,
        false,
    )
}

#[tokio::test]
async fn the_error_of_a_later_statement_is_not_lost() {
    let target = server(&[&[DONE_AND_MORE, LOCKED], &[DONE_AND_MORE, DONE_AND_MORE, DONE]]).await;
    let mut sql = Sql::connect(&target, LIMIT).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sql.thread_id(), 42);
    let error = sql.change(&three(), LIMIT).await.unwrap_err();
    let SqlErrorKind::Server { code: 1205, completed: 1, .. } = error.kind else { panic!("{error:?}") };
    assert!(!error.may_have_happened());
    // and the connection is still in step
    assert_eq!(sql.change(&three(), LIMIT).await.map(|tables| tables.len()), Ok(3));
}

#[tokio::test]
async fn too_few_answers_are_none() {
    let target = server(&[&[DONE_AND_MORE, DONE]]).await;
    let mut sql = Sql::connect(&target, LIMIT).await.unwrap_or_else(|e| panic!("{e}"));
    let error = sql.change(&three(), LIMIT).await.unwrap_err();
    assert_eq!(error.kind, SqlErrorKind::Lost { thread_id: 42 });
    assert!(error.may_have_happened() && sql.is_closed());
}

#[tokio::test]
async fn after_a_timeout_nothing_is_asked_any_more() {
    let target = server(&[&[DONE_AND_MORE]]).await;
    let mut sql = Sql::connect(&target, LIMIT).await.unwrap_or_else(|e| panic!("{e}"));
    let error = sql.change(&three(), Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(error.kind, SqlErrorKind::Timeout { thread_id: 42 });
    assert!(error.may_have_happened());
    let error = sql.change(&three(), LIMIT).await.unwrap_err();
    assert_eq!(error.kind, SqlErrorKind::Closed { thread_id: 42 });
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn a_request_that_the_caller_drops_ends_the_connection() {
    let target = server(&[]).await;
    let mut sql = Sql::connect(&target, LIMIT).await.unwrap_or_else(|e| panic!("{e}"));
    assert!(timeout(Duration::from_millis(50), sql.change(&three(), LIMIT)).await.is_err());
    assert!(sql.is_closed());
}
