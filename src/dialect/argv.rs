//! Command lines for a node's system.
//!
//! Every word of them is a parsed type, a number, or a constant; still each is quoted where a shell will read it.

use std::fmt;
use std::net::IpAddr;

use super::line::{Argv, How, Line};
use crate::model::{ArpingKind, Interface, Prefixed, System};

/// A command that only looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// One command.
    Command(Argv),
    /// A text for a shell.
    Script(&'static str),
    /// Nothing: the shell that answers is what is looked for.
    Nothing,
}

/// A command that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    argv: Argv,
    manner: Manner,
}

/// How a command is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// To its end.
    Waited,
    /// Not at all: it is started, and goes on by itself for a moment.
    Started,
    /// Not at all, and it has this many seconds of its own.
    Left(u64),
    /// For this many milliseconds; then it is interrupted, which it takes for its normal end.
    Glimpsed(u32),
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(argv) => argv.fmt(f),
            Self::Script(text) => f.write_str(text),
            Self::Nothing => f.write_str(":"),
        }
    }
}

impl fmt::Display for Deed {
    /// Without the limit that is put before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.manner {
            Manner::Waited | Manner::Glimpsed(_) => self.argv.fmt(f),
            Manner::Started | Manner::Left(_) => write!(f, "{} &", self.argv),
        }
    }
}

impl Look {
    /// As it is sent: with a limit on the machine itself, because a command there outlives the connection. A text is
    /// run in a shell of its own, so that the limit is for all of it.
    #[must_use]
    pub fn within(&self, seconds: u64) -> Line {
        let line = |argv: &Argv| Line::of(How::Wait, seconds.to_string(), argv);
        match self {
            Self::Command(argv) => line(argv),
            Self::Script(text) => line(&Argv::of(["sh", "-c", text])),
            // no program is started, so it costs the round trip only
            Self::Nothing => Line::of(How::Nothing, seconds.to_string(), &Argv::of([":"])),
        }
    }
}

impl Deed {
    pub(super) fn waited(argv: Argv) -> Self {
        Self { argv, manner: Manner::Waited }
    }

    /// As it is sent: with a limit on the machine itself, because a command there outlives the connection. Outside of
    /// `sudo`, which would have to be allowed to run `timeout`; so it cannot end a command that hangs as root.
    #[must_use]
    pub fn within(&self, seconds: u64) -> Line {
        let (how, limit) = match self.manner {
            Manner::Waited => (How::Wait, seconds.to_string()),
            Manner::Started => (How::Start, seconds.to_string()),
            Manner::Left(own) => (How::Start, own.to_string()),
            Manner::Glimpsed(millis) => (How::Glimpse, format!("{}.{:03}", millis / 1000, millis % 1000)),
        };
        Line::of(how, limit, &self.argv)
    }

    /// The words.
    #[must_use]
    pub fn argv(&self) -> &Argv {
        &self.argv
    }
}

/// The last line of what [`probe`] prints.
pub const PROBE_END: &str = "probe 1";

/// What tools and interfaces the node has: a constant text, a `name value` line for each.
#[must_use]
pub fn probe() -> Look {
    Look::Script(
        "for t in ip ss arping ndptool; do printf '%s ' $t; command -v $t || echo; done; \
         printf 'arping-version '; arping -V 2>&1 | head -n 3 | tr '\\n' ' '; echo; \
         printf 'uid '; id -u; printf 'promote '; cat /proc/sys/net/ipv4/conf/all/promote_secondaries; \
         for i in /sys/class/net/*; do printf 'up %s ' \"${i##*/}\"; cat \"$i/operstate\"; done; \
         echo probe 1",
    )
}

fn ip(system: &System) -> &str {
    system.ip.as_deref().unwrap_or("ip")
}

fn ss(system: &System) -> &str {
    system.ss.as_deref().unwrap_or("ss")
}

/// Every address, as JSON.
#[must_use]
pub fn addresses() -> Look {
    Look::Command(Argv::of(["ip", "-json", "address", "show"]))
}

/// Whether `sudo` would run a command without asking; it prints nothing that matters, its exit status tells.
#[must_use]
pub fn may_run(deed: &Deed) -> Option<Look> {
    deed.argv.may_run().map(Look::Command)
}

/// Whether the shell is still there.
#[must_use]
pub fn alive() -> Look {
    Look::Nothing
}

/// Established sockets of the server's port: local and peer address, a line each.
#[must_use]
pub fn sockets(port: u16) -> Look {
    Look::Command(Argv::of(["ss", "-Htn", "state", "established", "sport", "=", &format!(":{port}")]))
}

/// Brings an address up.
#[must_use]
pub fn add_address(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Deed {
    let (cidr, interface) = (address.to_string(), interface.as_str());
    let mut argv = Argv::of([ip(system), "address", "add", &cidr, "dev", interface]);
    if address.ip.is_ipv6() {
        // duplicate address detection would keep it unusable for a second or two, and would find the node that it
        // comes from (hazard H-65); not preferred, or the node's own connections would come from it
        argv = argv.with(["nodad", "preferred_lft", "0"]);
    }
    Deed::waited(argv.run_by(sudo))
}

/// Removes an address, with exactly the prefix length it has.
#[must_use]
pub fn delete_address(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Deed {
    let cidr = address.to_string();
    Deed::waited(Argv::of([ip(system), "address", "del", &cidr, "dev", interface.as_str()]).run_by(sudo))
}

/// Tells the neighbours where an address is now. `arping` sends at once and then looks at answers for a second, which
/// nobody needs; `ndptool` sends an unsolicited neighbour advertisement that overrides what they know, and ends.
/// `None`: no tool for it.
fn tell(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Option<Argv> {
    let (ip, interface) = (address.ip.to_string(), interface.as_str());
    let argv = match address.ip {
        IpAddr::V4(_) => match system.arping.as_ref()? {
            (path, ArpingKind::Iputils) => Argv::of([path, "-U", "-c", "1", "-I", interface, &ip]),
            (path, ArpingKind::Habets) => Argv::of([path, "-U", "-c", "1", "-i", interface, "-S", &ip, &ip]),
        },
        IpAddr::V6(_) => Argv::of([system.ndptool.as_ref()?, "-t", "na", "-U", "-i", interface, "-T", &ip, "send"]),
    };
    Some(argv.run_by(sudo))
}

/// Tells the neighbours where an address is now, within the write outage: whoever starts it need not wait for its end,
/// only fetch its answer before the address goes elsewhere ([`was_announced`]).
#[must_use]
pub fn announce_at_once(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Option<Deed> {
    // under sudo it cannot be interrupted: its answer would keep the shell for a second
    let manner = if sudo { Manner::Started } else { Manner::Glimpsed(ANNOUNCED) };
    Some(Deed { argv: tell(system, sudo, address, interface)?, manner })
}

/// In how many milliseconds an announcement is out: some 3 on an idle machine.
pub const ANNOUNCED: u32 = 20;

/// Tells the neighbours where an address is now, and says whether that was sent ([`was_announced`]).
#[must_use]
pub fn announce(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Option<Deed> {
    // under sudo it cannot be interrupted, and ends by itself a second later
    Some(Deed { argv: tell(system, sudo, address, interface)?, manner: Manner::Glimpsed(60) })
}

/// The same on a node so busy that the program had not even begun when it was interrupted.
#[must_use]
pub fn announce_patiently(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Option<Deed> {
    Some(Deed { argv: tell(system, sudo, address, interface)?, manner: Manner::Glimpsed(900) })
}

/// Tells the neighbours twice more, one and five seconds from now, while nobody waits: one that missed the first word
/// would ask again only after half a minute (hazard H-60). Each time only if the address is still there, because another
/// move may have taken it away by then (hazard H-62).
#[must_use]
pub fn announce_again(system: &System, sudo: bool, address: Prefixed, interface: &Interface) -> Option<Deed> {
    let tell = tell(system, sudo, address, interface)?;
    let here = Argv::of([ip(system), "-oneline", "address", "show", "dev", interface.as_str(), "to"]);
    let script = format!("for s in 1 4; do sleep $s; {here} {} | grep -q . && {tell}; done", address.ip);
    Some(Deed { argv: Argv::of(["sh", "-c", &script, &told_again(address)]), manner: Manner::Left(10) })
}

/// The name by which [`hush`] finds it.
fn told_again(address: Prefixed) -> String {
    format!("flipper-announce-{}", address.ip)
}

/// Ends what an earlier [`announce_again`] has left behind for these addresses: while they change hands the old node
/// still has them, and its word would lead clients back to it.
#[must_use]
pub fn hush(addresses: &[Prefixed]) -> Deed {
    // the brackets keep the pattern from finding itself
    let names: Vec<String> = addresses.iter().map(|a| told_again(*a).replacen('f', "[f]", 1)).collect();
    let find = Argv::of(["grep", "-lsz"]).with(names.iter().flat_map(|name| ["-e", name]));
    let script = format!(
        "for p in $({find} /proc/[0-9]*/cmdline); do p=${{p#/proc/}}; kill ${{p%/cmdline}} 2>/dev/null; done; :"
    );
    Deed::waited(Argv::of(["sh", "-c", &script]))
}

/// Whether the answer to [`announce`] says that something was sent.
#[must_use]
pub fn was_announced(system: &System, address: Prefixed, status: u8, text: &str) -> bool {
    match (address.ip, &system.arping) {
        (IpAddr::V4(_), Some((_, ArpingKind::Iputils))) => status == 0 && text.contains("Sent 1 probe"),
        (IpAddr::V4(_), Some((_, ArpingKind::Habets))) => status == 0,
        (IpAddr::V4(_), None) => false,
        // one that is interrupted before its end has another status
        (IpAddr::V6(_), _) => status == 0 && system.ndptool.is_some(),
    }
}

/// Resets the sockets that clients still have through an address, those among them that the server has closed: the answer
/// to its goodbye goes to the address's new holder, and without it the kernel sends that goodbye again for minutes.
#[must_use]
pub fn kill_sockets(system: &System, sudo: bool, address: Prefixed, port: u16) -> Deed {
    // `ss` would take the end of a bare IPv6 address for a port
    let src = if address.ip.is_ipv6() { format!("[{}]", address.ip) } else { address.ip.to_string() };
    let sport = format!(":{port}");
    let states = ["state", "connected", "exclude", "time-wait"];
    let argv = Argv::of([ss(system), "-K", "-Htn"]).with(states).with(["src", &src, "sport", "=", &sport]);
    Deed::waited(argv.run_by(sudo))
}
