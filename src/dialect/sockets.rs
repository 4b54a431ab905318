//! What `ss` prints.

use std::net::{IpAddr, SocketAddr};

/// Both ends of an established socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// The node's end.
    pub local: SocketAddr,
    /// The client's end.
    pub peer: SocketAddr,
}

/// Reads the answer to [`super::sockets`]. `None` when a line cannot be read: a list with holes is no list.
///
/// ```
/// let text = "0      0         10.0.0.100:3306       10.0.0.21:51000\n0 0 [::ffff:10.0.0.11]:3306 [fd00::1]:4000\n";
/// let sockets = flipper::dialect::parse_sockets(text).unwrap();
/// assert_eq!(sockets[0].peer.to_string(), "10.0.0.21:51000");
/// assert_eq!(sockets[1].local.to_string(), "10.0.0.11:3306");
/// assert!(flipper::dialect::parse_sockets("ss: command not found").is_none());
/// ```
#[must_use]
pub fn parse_sockets(text: &str) -> Option<Vec<Socket>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            // receive queue, send queue, local, peer; `-H` leaves the header out, the state filter the state
            let mut words = line.split_whitespace().skip(2);
            Some(Socket { local: parse_end(words.next()?)?, peer: parse_end(words.next()?)? })
        })
        .collect()
}

/// One end: `10.0.0.1:3306`, `[fd00::1]:3306`, `10.0.0.1%eth0:3306`, `[fe80::1]%eth0:3306`; an IPv4 client of a server
/// that listens on IPv6 is shown as `[::ffff:10.0.0.1]:3306`. Servers print their clients without the brackets:
/// `fd00::1:3306`. `None` for anything else, a name among them.
#[must_use]
pub fn parse_end(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.split('%').next()?.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(ip.to_canonical(), port.parse().ok()?))
}
