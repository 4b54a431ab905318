//! What one machine can tell of another: whether its server greets, whether it answers at all, and whether anybody
//! answers for an address. All of it is asked at the same time, each with its own end.

use std::net::IpAddr;

use super::argv::Look;
use super::line::Argv;
use crate::model::{ArpingKind, Host, Interface, System};

/// A sign of life that is looked for from a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A server says its first words at that port. One that is frozen takes the connection and says nothing.
    Greets(Host, u16),
    /// The machine answers a ping.
    Pings(Host),
    /// The machine answers for its own address on the link of that interface.
    Links(Interface, IpAddr),
    /// Somebody on the link of that interface answers for an address, within so many seconds.
    Answers(Interface, IpAddr, u64),
}

/// Seconds for each sign but the last.
const SOON: u64 = 2;

/// How many seconds it is listened, at most, whether anybody answers for an address: while a plan is made or looked at
/// again, where a program has confirmed that the machine is off, and where a person alone vouches for it.
pub const LISTEN: [u64; 3] = [1, 2, 5];

/// The last line of what [`signs`] prints.
const END: &str = "signs 1";

/// Connects, and shows the first bytes that come. `/dev/tcp` is bash's own.
const GREETS: &str = r#"exec 3<>"/dev/tcp/$1/$2" && head -c 5 <&3 | od -An -tx1"#;

impl Sign {
    pub(super) fn argv(&self, system: &System, sudo: bool) -> Argv {
        let arping = || system.arping.as_ref().map_or(("arping", ArpingKind::Iputils), |(path, kind)| (path, *kind));
        let soon = SOON.to_string();
        match self {
            Self::Greets(host, port) => {
                let (host, port) = (host.to_string(), port.to_string());
                Argv::of(["timeout", "-k", "1", &soon, "bash", "-c", GREETS, "flipper", &host, &port])
            }
            Self::Pings(host) => Argv::of(["ping", "-n", "-c", "2", "-w", &soon, host.as_str()]),
            Self::Links(interface, ip) => {
                let (path, kind) = arping();
                let interface_is = if kind == ArpingKind::Iputils { "-I" } else { "-i" };
                let words = [path, "-c", "1", "-w", &soon, interface_is, interface.as_str(), &ip.to_string()];
                Argv::of(words).run_by(sudo)
            }
            Self::Answers(interface, ip, seconds) => {
                let ((path, kind), seconds, ip) = (arping(), seconds.to_string(), ip.to_string());
                let interface = interface.as_str();
                match kind {
                    _ if ip.contains(':') => Argv::of(["ndisc6", "-1", "-r", &seconds, "-w", "1000", &ip, interface]),
                    ArpingKind::Iputils => Argv::of([path, "-D", "-w", &seconds, "-I", interface, &ip]),
                    ArpingKind::Habets => Argv::of([path, "-0", "-c", &seconds, "-w", &seconds, "-i", interface, &ip]),
                }
                .run_by(sudo)
            }
        }
    }

    /// Whether the sign was seen, from how its command ended. What a program says decides, and not its status alone:
    /// `sudo` refuses with the status that an answer has.
    fn seen(&self, status: u8, text: &str) -> Result<bool, String> {
        let unclear = || format!("`{}` (status {status})", crate::model::printable(text.trim()));
        match self {
            Self::Greets(..) => {
                let byte = |word: &str| word.len() == 2 && u8::from_str_radix(word, 16).is_ok();
                let nobody = ["Connection refused", "No route to host", "timed out", "reset by peer"];
                match status {
                    0 if text.split_whitespace().next().is_some_and(byte) => Ok(true),
                    // it took the connection, and said nothing in time or hung up
                    0 if text.trim().is_empty() => Ok(false),
                    124 | 137 => Ok(false),
                    _ if nobody.iter().any(|why| text.contains(why)) => Ok(false),
                    _ => Err(unclear()),
                }
            }
            Self::Pings(_) => match status {
                0 => Ok(true),
                1 => Ok(false),
                _ => Err(unclear()),
            },
            Self::Answers(_, ip, _) if ip.is_ipv6() => match status {
                0 => Ok(true),
                2 => Ok(false),
                _ => Err(unclear()),
            },
            Self::Links(..) | Self::Answers(..) => received(text).map(|count| count > 0).ok_or_else(unclear),
        }
    }
}

/// `Received 1 response(s)`, and Habets' `3 packets transmitted, 1 packets received`.
fn received(text: &str) -> Option<u32> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(3).rev().find_map(|three| match three {
        ["Received", count, what] if what.starts_with("response") => count.parse().ok(),
        [count, packets, what] if packets.starts_with("packet") && what.starts_with("received") => count.parse().ok(),
        _ => None,
    })
}

/// What a survivor can see of the other node, whose server is at `there`: by the way that its replication takes, too,
/// because the operator's names may be known to nobody there. All addresses of the pair are asked for, also those that it
/// has itself, for which nobody else should answer: so it is the same question every time.
#[must_use]
pub fn of_the_other(
    interface: &Interface,
    there: (&Host, u16),
    sources: &[(Host, u16)],
    addresses: &[IpAddr],
    seconds: u64,
) -> Vec<Sign> {
    let (host, port) = there;
    let mut signs = vec![Sign::Greets(host.clone(), port), Sign::Pings(host.clone())];
    for (source, port) in sources {
        let sign = Sign::Greets(source.clone(), *port);
        if !signs.contains(&sign) {
            signs.push(sign);
        }
    }
    signs.extend(host.ip().filter(IpAddr::is_ipv4).map(|ip| Sign::Links(interface.clone(), ip)));
    signs.extend(addresses.iter().map(|ip| Sign::Answers(interface.clone(), *ip, seconds)));
    signs
}

/// Whether the other node's server greets, and whether anybody answers for an address of the pair.
#[must_use]
pub fn of_silence(interface: &Interface, there: (&Host, u16), addresses: &[IpAddr], seconds: u64) -> Vec<Sign> {
    let answers = addresses.iter().map(|ip| Sign::Answers(interface.clone(), *ip, seconds));
    std::iter::once(Sign::Greets(there.0.clone(), there.1)).chain(answers).collect()
}

/// Looks for all of these at the same time; [`read_signs`] reads the answer.
#[must_use]
pub fn signs(system: &System, sudo: bool, signs: &[Sign]) -> Look {
    let mut script = String::new();
    for (at, sign) in signs.iter().enumerate() {
        let argv = sign.argv(system, sudo);
        script += &format!(
            "{{ t=$({argv} </dev/null 2>&1); s=$?; printf '%s %s %s\\n' {at} $s \"$(printf %s \"$t\" | tr '\\n' ' ')\"; }} & "
        );
    }
    Look::Command(Argv::of(["sh", "-c", &format!("{script}wait; echo {END}")]))
}

/// How long [`signs`] takes at most.
#[must_use]
pub fn signs_take(signs: &[Sign]) -> u64 {
    let longest = signs.iter().map(|sign| match sign {
        Sign::Greets(..) | Sign::Pings(_) | Sign::Links(..) => SOON + 1,
        Sign::Answers(_, _, seconds) => seconds + 1,
    });
    longest.max().unwrap_or(0)
}

/// Which signs were seen, in the order in which they were asked for. What was not answered is an error, each by itself.
#[must_use]
pub fn read_signs(asked: &[Sign], text: &str) -> Vec<Result<bool, String>> {
    let whole = text.lines().any(|line| line.trim() == END);
    let read = |at: usize, sign: &Sign| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{at} ")));
        let (status, said) = line.and_then(|line| line.split_once(' ')).filter(|_| whole).ok_or("no answer")?;
        sign.seen(status.parse().map_err(|_| "no answer")?, said)
    };
    asked.iter().enumerate().map(|(at, sign)| read(at, sign)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Vec<Sign> {
        let (eth0, ip): (Interface, IpAddr) = ("eth0".parse().unwrap(), IpAddr::from([10, 77, 0, 100]));
        vec![
            Sign::Greets("10.77.0.11".parse().unwrap(), 3306),
            Sign::Pings("10.77.0.11".parse().unwrap()),
            Sign::Links(eth0.clone(), ip),
            Sign::Answers(eth0, ip, 5),
        ]
    }

    fn of(at: usize, status: u8, text: &str) -> Result<bool, String> {
        asked()[at].seen(status, text)
    }

    #[test]
    fn a_greeting_is_bytes_and_nothing_else() {
        assert_eq!(of(0, 0, " 68 00 00 00 0a "), Ok(true));
        assert_eq!(of(0, 0, ""), Ok(false), "hung up");
        assert_eq!(of(0, 124, ""), Ok(false), "frozen");
        assert_eq!(of(0, 1, "flipper: connect: Connection refused flipper: line 1: /dev/tcp/…"), Ok(false));
        assert_eq!(of(0, 1, "flipper: connect: No route to host"), Ok(false));
        for unclear in ["bash: not found", "Name or service not known", "connect: Network is unreachable"] {
            assert!(of(0, 1, unclear).is_err(), "{unclear}");
        }
        assert!(of(0, 127, "").is_err());
    }

    #[test]
    fn an_answer_for_an_address_is_counted_and_not_guessed_from_a_status() {
        let none = "ARPING 10.77.0.105 from 0.0.0.0 eth0 Sent 3 probes (3 broadcast(s)) Received 0 response(s)";
        let some = "Unicast reply from 10.77.0.100 [92:ED:E8:84:18:F4]  0.575ms Sent 1 probes Received 1 response(s)";
        assert_eq!(of(3, 0, none), Ok(false));
        assert_eq!(of(3, 1, some), Ok(true));
        assert_eq!(of(2, 1, none), Ok(false));
        assert_eq!(of(3, 1, "5 packets transmitted, 0 packets received, 100% unanswered (0 extra)"), Ok(false));
        assert_eq!(of(3, 0, "5 packets transmitted, 2 packets received,   60% unanswered"), Ok(true));
        assert!(of(3, 1, "sudo: a password is required").is_err());
        assert!(of(3, 2, "arping: socket: Operation not permitted").is_err());
    }

    #[test]
    fn a_torn_answer_says_nothing() {
        let asked = &asked()[..2];
        let text = "1 1 \n0 0  68 00 00 00 0a\nsigns 1\n";
        assert_eq!(read_signs(asked, text), [Ok(true), Ok(false)]);
        assert!(read_signs(asked, "0 0  68 00 00 00 0a\n").iter().all(Result::is_err));
        assert!(read_signs(asked, "0 0  68\nsigns 1")[1].is_err());
    }
}
