//! The proof that ssh and MySQL lead to one machine (hazard H-79).
//!
//! Hostnames prove nothing, cloned machines share them. A connection of ours does: the server says where it comes
//! from, and the machine has exactly that one among its sockets, or it is another machine.

use std::net::{IpAddr, SocketAddr};

use crate::dialect::{Socket, parse_end};
use crate::model::Observed;

/// Whether the machine with these sockets is the one whose server sees our connections come from `seen`.
///
/// A server that resolves names shows a name and a port. A port alone could be another client's by chance, so a name
/// needs two connections of ours, found at one and the same address.
pub(super) fn same_machine(seen: &[String], sockets: &[Socket], port: u16) -> Observed<bool> {
    let unknown = |why: &str| Observed::Unknown(why.to_owned());
    let ours = || sockets.iter().filter(|socket| socket.local.port() == port).map(|socket| socket.peer);
    let mut named = Vec::new();
    for text in seen {
        let Some(peer) = parse_end(text) else {
            match text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()) {
                Some(port) => named.push(port),
                None => return unknown("the server says that the connection did not come over TCP"),
            }
            continue;
        };
        // one of ours is proof enough, and none of any other kind is needed
        return Observed::Known(ours().any(|there| there == peer));
    }
    match named[..] {
        [] => unknown("the server does not say where the connection comes from"),
        _ if named.iter().any(|port| ours().all(|peer| peer.port() != *port)) => Observed::Known(false),
        [_] => unknown("the server shows names for addresses, and one connection is not proof enough then"),
        [first, ref others @ ..] => {
            let has = |ip: IpAddr, port: u16| ours().any(|peer| peer == SocketAddr::new(ip, port));
            let together =
                |first: SocketAddr| others.iter().all(|port| *port != first.port() && has(first.ip(), *port));
            match ours().filter(|peer| peer.port() == first && together(*peer)).count() {
                1 => Observed::Known(true),
                _ => unknown("the server shows names for addresses, and the connections cannot be told from others'"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::parse_sockets;

    const SS: &str = include_str!("../../fixtures/raw/ss-established.txt");

    fn proof(seen: &[&str], text: &str) -> Observed<bool> {
        let seen: Vec<String> = seen.iter().map(|s| (*s).to_owned()).collect();
        same_machine(&seen, &parse_sockets(text).unwrap(), 3306)
    }

    #[test]
    fn addresses_in_all_their_clothes() {
        let read = parse_sockets(SS).unwrap();
        assert_eq!(read.len(), 4);
        assert!(read.iter().any(|s| s.local == "10.77.0.100:3306".parse().unwrap()));
        assert!(read.iter().any(|s| s.local == "[fd00:77::11]:3306".parse().unwrap()));
        for (text, meant) in [
            ("10.0.0.1%eth0:3306", "10.0.0.1:3306"),
            ("[fe80::1]%eth0:3306", "[fe80::1]:3306"),
            ("[fe80::1%eth0]:3306", "[fe80::1]:3306"),
            ("fd00::9:51234", "[fd00::9]:51234"),
            ("::ffff:10.0.0.9:51234", "10.0.0.9:51234"),
        ] {
            assert_eq!(parse_end(text), Some(meant.parse().unwrap()), "{text}");
        }
    }

    const TWO: &str = "0 0 10.0.0.11:3306 10.0.0.9:40001\n0 36 [::ffff:10.0.0.11]:3306 [::ffff:10.0.0.9]:40002\n";

    #[test]
    fn an_address_is_proof() {
        assert!(proof(&["10.0.0.9:40001"], TWO).is(&true));
        assert!(proof(&["10.0.0.9:40002"], TWO).is(&true));
        assert!(proof(&["10.0.0.9:40003"], TWO).is(&false));
        assert!(proof(&["10.0.0.8:40001"], TWO).is(&false));
        assert!(proof(&["10.0.0.9:40001"], "").is(&false));
        // another port of the same client is not the server's
        assert!(proof(&["10.0.0.9:40001"], "0 0 10.0.0.11:22 10.0.0.9:40001").is(&false));
    }

    #[test]
    fn a_name_needs_two_connections_and_no_doubt() {
        assert!(proof(&["ops.example:40001"], TWO).known().is_none());
        assert!(proof(&["ops.example:40001", "ops.example:40002"], TWO).is(&true));
        assert!(proof(&["ops.example:40001", "ops.example:40003"], TWO).is(&false));
        // two clients with the same two ports
        let four = format!("{TWO}{}", TWO.replace("10.0.0.9", "10.0.0.8"));
        assert!(proof(&["ops.example:40001", "ops.example:40002"], &four).known().is_none());
        // the two ports at two addresses
        let apart = "0 0 10.0.0.11:3306 10.0.0.9:40001\n0 0 10.0.0.11:3306 10.0.0.8:40002\n";
        assert!(proof(&["ops.example:40001", "ops.example:40002"], apart).known().is_none());
        assert!(proof(&["localhost"], TWO).known().is_none());
        assert!(proof(&[], TWO).known().is_none());
    }

    #[test]
    fn garbage_is_no_fact() {
        for bad in ["x", "0 0 10.0.0.1:3306", "0 0 a b", "sh: ss: not found", "0 0 10.0.0.1:3306 *:*"] {
            assert!(parse_sockets(bad).is_none(), "{bad}");
        }
        for cut in 0..TWO.len() {
            let Some(read) = parse_sockets(&TWO[..cut]) else { continue };
            assert!(read.iter().all(|socket| socket.local.ip() == IpAddr::from([10, 0, 0, 11])), "cut at {cut}");
        }
    }
}
