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
    /// How it is looked for.
    fn argv(&self, system: &System, sudo: bool) -> Argv {
        match self.asks_as_root(system) {
            Asks::Itself(argv) => argv,
            Asks::Arp(argv) => argv.run_by(sudo),
            Asks::Neighbours(neighbours) => neighbours.argv(sudo),
        }
    }

    /// What of it is run as root.
    pub(super) fn as_root(&self, system: &System) -> Vec<Argv> {
        match self.asks_as_root(system) {
            Asks::Itself(_) => vec![],
            Asks::Arp(argv) => vec![argv],
            Asks::Neighbours(neighbours) => vec![neighbours.forget(), neighbours.ask()],
        }
    }

    fn asks_as_root(&self, system: &System) -> Asks {
        let arping = || system.arping.as_ref().map_or(("arping", ArpingKind::Iputils), |(path, kind)| (path, *kind));
        let soon = SOON.to_string();
        let neighbours = |interface: &Interface, ip: &IpAddr, seconds| {
            let program = system.ip.clone().unwrap_or_else(|| "ip".to_owned());
            Asks::Neighbours(Neighbours { program, interface: interface.clone(), ip: *ip, rounds: rounds(seconds) })
        };
        match self {
            Self::Greets(host, port) => {
                let (host, port) = (host.to_string(), port.to_string());
                Asks::Itself(Argv::of(["timeout", "-k", "1", &soon, "bash", "-c", GREETS, "flipper", &host, &port]))
            }
            Self::Pings(host) => Asks::Itself(Argv::of(["ping", "-n", "-c", "2", "-w", &soon, host.as_str()])),
            Self::Links(interface, ip) if ip.is_ipv6() => neighbours(interface, ip, SOON),
            Self::Answers(interface, ip, seconds) if ip.is_ipv6() => neighbours(interface, ip, *seconds),
            Self::Links(interface, ip) => {
                let (path, kind) = arping();
                let interface_is = if kind == ArpingKind::Iputils { "-I" } else { "-i" };
                let words = [path, "-c", "1", "-w", &soon, interface_is, interface.as_str(), &ip.to_string()];
                Asks::Arp(Argv::of(words))
            }
            Self::Answers(interface, ip, seconds) => {
                let ((path, kind), seconds, ip) = (arping(), seconds.to_string(), ip.to_string());
                let interface = interface.as_str();
                Asks::Arp(match kind {
                    ArpingKind::Iputils => Argv::of([path, "-D", "-w", &seconds, "-I", interface, &ip]),
                    ArpingKind::Habets => Argv::of([path, "-0", "-c", &seconds, "-w", &seconds, "-i", interface, &ip]),
                })
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
            Self::Links(_, ip) | Self::Answers(_, ip, _) if ip.is_ipv6() => {
                neighbour(text).filter(|_| status == 0).ok_or_else(unclear)
            }
            Self::Links(..) | Self::Answers(..) => received(text).map(|count| count > 0).ok_or_else(unclear),
        }
    }
}

/// How a sign is looked for, and as whom.
enum Asks {
    /// As whoever logs in.
    Itself(Argv),
    /// As root.
    Arp(Argv),
    /// Partly as root.
    Neighbours(Neighbours),
}

/// Asks a link, by the kernel's own neighbour discovery, whether anybody answers for an IPv6 address. What the kernel
/// still knew of it is forgotten before: it may be of a holder that is gone.
struct Neighbours {
    program: String,
    interface: Interface,
    ip: IpAddr,
    rounds: u64,
}

/// The kernel asks three times in as many seconds, and says only then that nobody answers.
const ROUND: u64 = 3;

/// How often it is let ask, so that it is listened for so many seconds at least.
fn rounds(seconds: u64) -> u64 {
    seconds.div_ceil(ROUND).max(1)
}

impl Neighbours {
    fn forget(&self) -> Argv {
        let (ip, interface) = (self.ip.to_string(), self.interface.as_str());
        Argv::of([&self.program, "-6", "neigh", "flush", "to", &ip, "dev", interface])
    }

    fn ask(&self) -> Argv {
        let (ip, interface) = (self.ip.to_string(), self.interface.as_str());
        Argv::of([&self.program, "-6", "neigh", "replace", &ip, "dev", interface, "use"])
    }

    /// The end of what it prints is `REACHABLE`, `FAILED`, `own`, or a reason why that cannot be found out.
    ///
    /// Without a link-local address the kernel asks nobody, and then says that nobody answers. An entry that somebody
    /// has made for good would be overwritten. A node that has the address itself hears no other holder.
    fn argv(&self, sudo: bool) -> Argv {
        let (ip, interface) = (self.ip.to_string(), self.interface.as_str());
        let show = |words: &[&str]| Argv::of([&self.program, "-6", "-oneline"]).with(words.iter().copied());
        let own = show(&["address", "show", "dev", interface, "to", &ip]);
        let local = show(&["address", "show", "dev", interface, "scope", "link"]);
        let known = show(&["neigh", "show", "to", &ip, "dev", interface]);
        let (forget, ask) = (self.forget().run_by(sudo), self.ask().run_by(sudo));
        let script = format!(
            "o=$({own}) || exit 1; [ -z \"$o\" ] || {{ echo own; exit 0; }}; \
             case $({local}) in *tentative*|*dadfailed*|'') echo no usable link-local address; exit 1;; esac; \
             case $({known} nud permanent; {known} nud noarp) in '') ;; *) echo an entry of its own; exit 1;; esac; \
             {forget} || exit 1; r=0; while [ $r -lt {rounds} ]; do r=$((r+1)); {ask} || exit 1; t=0; \
             while [ $t -lt {ticks} ]; do t=$((t+1)); sleep 0.1; n=$({known}) || exit 1; \
             case $n in *REACHABLE*) echo \"$n\"; exit 0;; *FAILED*) break;; esac; done; done; echo \"$n\"",
            rounds = self.rounds,
            // a second more than it should take
            ticks = (ROUND + 1) * 10,
        );
        Argv::of(["sh", "-c", &script])
    }
}

/// `fd00::100 lladdr 92:ed:e8:84:18:f4 REACHABLE`, `fd00::100  FAILED`; what the kernel has only heard is no answer.
fn neighbour(text: &str) -> Option<bool> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match *words.last()? {
        "REACHABLE" if words.contains(&"lladdr") => Some(true),
        "FAILED" if !words.contains(&"lladdr") => Some(false),
        "own" => Some(false),
        _ => None,
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
    signs.extend(host.ip().map(|ip| Sign::Links(interface.clone(), ip)));
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
        Sign::Links(_, ip) if ip.is_ipv6() => rounds(SOON) * (ROUND + 1) + 1,
        Sign::Answers(_, ip, seconds) if ip.is_ipv6() => rounds(*seconds) * (ROUND + 1) + 1,
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
    fn only_an_answer_or_its_end_decides_about_an_ipv6_address() {
        let sign = Sign::Answers("eth0".parse().unwrap(), "fd00:77::100".parse().unwrap(), 5);
        let of = |status, text: &str| sign.seen(status, text);
        assert_eq!(of(0, "fd00:77::100 lladdr ba:11:ef:4e:8e:1f REACHABLE "), Ok(true));
        assert_eq!(of(0, "fd00:77::100 lladdr ba:11:ef:4e:8e:1f router REACHABLE"), Ok(true));
        assert_eq!(of(0, "fd00:77::100  FAILED "), Ok(false));
        assert_eq!(of(0, "own"), Ok(false));
        for (status, unclear) in [
            (0, ""),
            (0, "fd00:77::100  INCOMPLETE"),
            (0, "fd00:77::100 lladdr ba:11:ef:4e:8e:1f STALE"),
            (0, "fd00:77::100 lladdr ba:11:ef:4e:8e:1f PROBE"),
            (0, "fd00:77::100 lladdr ba:11:ef:4e:8e:1f DELAY"),
            (1, "no usable link-local address"),
            (1, "an entry of its own"),
            (1, "Error: either \"to\" is duplicate, or \"use\" is a garbage."),
            (1, "sudo: a password is required"),
            (1, "fd00:77::100  FAILED"),
            (1, "own"),
        ] {
            assert!(of(status, unclear).is_err(), "{unclear}");
        }
        assert!(signs_take(&[sign]) >= 6, "it takes the kernel three seconds to find out that nobody answers, twice");
    }

    #[test]
    fn what_was_known_of_an_ipv6_address_is_forgotten_first() {
        let sign = Sign::Answers("eth0".parse().unwrap(), "fd00:77::100".parse().unwrap(), 1);
        let system = crate::model::samples::healthy(crate::model::Flavour::MySql).nodes[0].system.known().cloned();
        let system = system.unwrap();
        let script = sign.argv(&system, true).to_string();
        let roots: Vec<String> = sign.as_root(&system).into_iter().map(|argv| argv.to_string()).collect();
        assert_eq!(
            roots,
            [
                "/usr/sbin/ip -6 neigh flush to fd00:77::100 dev eth0",
                "/usr/sbin/ip -6 neigh replace fd00:77::100 dev eth0 use"
            ]
        );
        let at: Vec<Option<usize>> = roots.iter().map(|root| script.find(&format!("sudo -n {root}"))).collect();
        assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{script}");
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
