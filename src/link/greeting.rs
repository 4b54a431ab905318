//! A server's first word, read without logging in: it tells who it is to whoever has no account there yet.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dialect::{Greeting, LONGEST_GREETING, parse_greeting};
use crate::model::Host;

/// What came of knocking at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// From which address of this machine it is reached; `None` when there is no way at all.
    pub from: Option<IpAddr>,
    /// Its first word, or why there is none.
    pub heard: Result<Greeting, String>,
}

/// Connects, listens to the first packet, and hangs up; `limit` is for all of it. To the server that is a connection
/// that failed, one of the hundred (`max_connect_errors`) that it allows between two that do not.
pub async fn knock(host: &Host, port: u16, limit: Duration) -> Knock {
    let mut from = None;
    let heard = timeout(limit, hear(host, port, &mut from)).await;
    let heard = heard.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")));
    if from.is_none() {
        from = timeout(limit, route(host, port)).await.ok().and_then(Result::ok);
    }
    Knock { from, heard }
}

#[expect(clippy::disallowed_methods, reason = "this is link; the caller has the deadline")]
async fn hear(host: &Host, port: u16, from: &mut Option<IpAddr>) -> Result<Greeting, String> {
    let mut stream = TcpStream::connect((host.as_str(), port)).await.map_err(|why| why.to_string())?;
    *from = stream.local_addr().ok().map(|address| address.ip().to_canonical());
    let broke = |why: std::io::Error| format!("it hung up ({why})");
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.map_err(broke)?;
    let [low, middle, high, _] = header;
    let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
    if length > LONGEST_GREETING {
        return Err("whoever listens there does not speak the MySQL protocol".to_owned());
    }
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await.map_err(broke)?;
    parse_greeting(&packet)
}

/// Which address of this machine leads there, whether or not anybody answers: asking for a way sends nothing.
#[expect(clippy::disallowed_methods, reason = "this is link; the caller has the deadline")]
async fn route(host: &Host, port: u16) -> std::io::Result<IpAddr> {
    let there = tokio::net::lookup_host((host.as_str(), port)).await?.next().ok_or(std::io::ErrorKind::NotFound)?;
    let any: IpAddr = if there.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = tokio::net::UdpSocket::bind((any, 0)).await?;
    socket.connect(there).await?;
    Ok(socket.local_addr()?.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &[u8] = include_bytes!("../../fixtures/raw/mysql-9.7-greeting.bin");

    /// Somebody who listens, says these bytes to whoever comes, and stays.
    async fn listener(said: Vec<u8>) -> u16 {
        use tokio::io::AsyncWriteExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&said).await.unwrap();
            let mut end = [0];
            let _ = stream.read(&mut end).await;
        });
        port
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        let [low, middle, high, _] = (packet.len() as u32).to_le_bytes();
        [&[low, middle, high, 0], packet].concat()
    }

    async fn at(port: u16) -> Knock {
        knock(&"127.0.0.1".parse().unwrap(), port, Duration::from_millis(300)).await
    }

    #[tokio::test]
    async fn the_first_word_and_the_way_there() {
        let knock = at(listener(framed(GREETING)).await).await;
        assert!(matches!(knock.heard, Ok(Greeting::Welcome(_))), "{knock:?}");
        assert_eq!(knock.from, Some([127, 0, 0, 1].into()));
    }

    #[tokio::test]
    async fn whoever_is_no_server_is_said_to_be_none() {
        for (said, why) in [
            (b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), "does not speak"),
            (framed(GREETING)[..20].to_vec(), "no answer within"),
            (vec![], "no answer within"),
        ] {
            let knock = at(listener(said).await).await;
            assert!(knock.heard.as_ref().is_err_and(|said| said.contains(why)), "{knock:?}");
            assert!(knock.from.is_some());
        }
        // nobody there, but a way
        let knock = at(1).await;
        assert!(knock.heard.is_err() && knock.from == Some([127, 0, 0, 1].into()), "{knock:?}");
    }
}
