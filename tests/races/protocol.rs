//! The protocol as switches: all of them on is what flipper promises, each one off is a mistake that somebody could make.

use crate::laws::Law;
use crate::world::{Flavour, Scene};
use Flavour::{MariaDb, MySql};
use Law::{
    Announced, Complete, Entitled, FencedDead, Frozen, OneWriter, RelayDrained, TailMixed, TwoAddresses, TwoOpen,
};
use Scene::{Death, Move};

/// What a run does, and what it relies on. Each field is a thing that is done right. What is said of restarts is no choice
/// of the model's: any of what a field leaves open may happen, at each restart anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    /// The old writer is fenced, and that is looked at.
    pub(crate) fences: bool,
    /// Its position is read by the fence itself, not before.
    pub(crate) reads_after_fence: bool,
    /// The target is opened only when it has reached that position.
    pub(crate) catches_up: bool,
    /// The position is read again just before the opening.
    pub(crate) reads_again: bool,
    /// The address goes to a target only once the old writer is fenced and the target open.
    pub(crate) takes_last: bool,
    /// MariaDB before 12: the fence holds a read lock.
    pub(crate) read_lock: bool,
    /// That is held until the address has left.
    pub(crate) lock_until_gone: bool,
    /// Prepared XA transactions are a reason not to open.
    pub(crate) heeds_xa: bool,
    /// A target that may be open, and cannot be asked, keeps the old writer closed.
    pub(crate) holds: bool,
    /// "No answer" is not "not done".
    pub(crate) heeds_unknown: bool,
    /// What had no answer is ended on the server before anybody looks, and ends by itself before a person acts.
    pub(crate) lays_ghosts: bool,
    /// An address is announced by its holder only.
    pub(crate) announces_last: bool,
    /// Both servers' locks are had.
    pub(crate) locks: bool,
    /// The pair is looked at again under them.
    pub(crate) looks_again: bool,
    /// A run whose lock was lost on both servers does not rely on what it saw under it.
    pub(crate) heeds_lost_lock: bool,
    /// An address is moved only while the run's lock is there.
    pub(crate) moves_under_lock: bool,
    /// `fail`: the dead node is switched off first.
    pub(crate) switches_off: bool,
    /// `fail`: a node that was declared dead, and has not rejoined, is no survivor.
    pub(crate) spares_deposed: bool,
    /// `fail`: the survivor's lock is had before the dead node is switched off.
    pub(crate) locks_before_off: bool,
    /// `fail`: the survivor stops receiving before it opens.
    pub(crate) stops_receiving: bool,
    /// `fail`: what it has received is applied before it opens.
    pub(crate) drains_relay: bool,
    /// `rejoin`: the node's transactions are compared before anybody receives from anybody.
    pub(crate) compares: bool,
    /// Not flipper's doing: `check` does not say `opens-at-boot`, a server that starts is read-only.
    pub(crate) boots_closed: bool,
    /// Not flipper's doing: `check` does not say `address-at-boot`, a machine that starts does not take the address.
    pub(crate) boots_bare: bool,
    /// Not flipper's doing: `check` does not say `follows-at-boot`, a receiver that was stopped stays so.
    pub(crate) boots_quiet: bool,
    /// Not flipper's doing: a person who opens a node by hand sees that no XA transaction is prepared.
    pub(crate) persons_heed_xa: bool,
}

impl Protocol {
    pub(crate) const SOUND: Self = Self {
        fences: true,
        reads_after_fence: true,
        catches_up: true,
        reads_again: true,
        takes_last: true,
        read_lock: true,
        lock_until_gone: true,
        heeds_xa: true,
        holds: true,
        heeds_unknown: true,
        lays_ghosts: true,
        announces_last: true,
        locks: true,
        looks_again: true,
        heeds_lost_lock: true,
        moves_under_lock: true,
        switches_off: true,
        locks_before_off: true,
        spares_deposed: true,
        stops_receiving: true,
        drains_relay: true,
        compares: true,
        boots_closed: true,
        boots_bare: true,
        boots_quiet: true,
        persons_heed_xa: true,
    };
}

/// A protocol with one mistake, where it shows, and the law that it breaks there.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) flavour: Flavour,
    pub(crate) scene: Scene,
    pub(crate) protocol: Protocol,
    pub(crate) breaks: Law,
}

const P: Protocol = Protocol::SOUND;

const fn mutant(name: &'static str, flavour: Flavour, scene: Scene, protocol: Protocol, breaks: Law) -> Mutant {
    Mutant { name, flavour, scene, protocol, breaks }
}

/// Mistakes of flipper.
pub(crate) const MISTAKES: &[Mutant] = &[
    mutant("the old writer is not fenced", MySql, Move, Protocol { fences: false, ..P }, TwoOpen),
    mutant(
        "position read before the fence",
        MySql,
        Move,
        Protocol { reads_after_fence: false, reads_again: false, ..P },
        Complete,
    ),
    mutant("opened before it has caught up", MySql, Move, Protocol { catches_up: false, ..P }, Complete),
    mutant("opened although the position moved", MySql, Move, Protocol { reads_again: false, ..P }, Complete),
    mutant(
        "address taken before the old writer is fenced",
        MySql,
        Move,
        Protocol { takes_last: false, ..P },
        TwoAddresses,
    ),
    mutant("no read lock against administrators", MariaDb, Move, Protocol { read_lock: false, ..P }, Frozen),
    mutant(
        "read lock let go before the address is gone",
        MariaDb,
        Move,
        Protocol { lock_until_gone: false, ..P },
        Frozen,
    ),
    mutant("prepared XA transactions ignored", MySql, Move, Protocol { heeds_xa: false, ..P }, Complete),
    mutant("reopened although the target may be open", MySql, Move, Protocol { holds: false, ..P }, TwoOpen),
    mutant("no answer taken for not done", MySql, Move, Protocol { heeds_unknown: false, ..P }, TwoOpen),
    mutant("a SET without an answer is left on its way", MySql, Move, Protocol { lays_ghosts: false, ..P }, TwoOpen),
    mutant("announced before it is taken", MySql, Move, Protocol { announces_last: false, ..P }, Announced),
    mutant("no lock", MySql, Move, Protocol { locks: false, ..P }, TwoOpen),
    mutant("stale plan carried out", MySql, Move, Protocol { looks_again: false, ..P }, TwoOpen),
    mutant("dead node not switched off", MySql, Death, Protocol { switches_off: false, ..P }, FencedDead),
    mutant(
        "switched off before the survivor's lock is had",
        MySql,
        Death,
        Protocol { locks_before_off: false, ..P },
        Entitled,
    ),
    mutant("survivor opened while it receives", MySql, Death, Protocol { stops_receiving: false, ..P }, RelayDrained),
    mutant(
        "survivor opened before it applied what it had",
        MySql,
        Death,
        Protocol { drains_relay: false, ..P },
        RelayDrained,
    ),
    mutant(
        "the survivor was itself declared dead",
        MySql,
        Death,
        Protocol { spares_deposed: false, ..P },
        RelayDrained,
    ),
    mutant("receives from the returned node uncompared", MySql, Death, Protocol { compares: false, ..P }, TailMixed),
    mutant(
        "a lost lock taken again as if nothing had been",
        MySql,
        Move,
        Protocol { heeds_lost_lock: false, ..P },
        TwoOpen,
    ),
    mutant(
        "the address is moved without a look at the lock",
        MySql,
        Move,
        Protocol { moves_under_lock: false, ..P },
        Entitled,
    ),
];

/// What `check` says of a restart, by the codes that it would say it with: this is what comes of it where nobody heeds it.
pub(crate) const BOOTS: &[Mutant] = &[
    mutant("opens-at-boot", MySql, Move, Protocol { boots_closed: false, ..P }, OneWriter),
    mutant(
        "opens-at-boot, of a node that is declared dead",
        MySql,
        Death,
        Protocol { boots_closed: false, ..P },
        TwoOpen,
    ),
    mutant(
        "opens-at-boot and address-at-boot, without any run",
        MySql,
        Move,
        Protocol { boots_closed: false, boots_bare: false, ..P },
        OneWriter,
    ),
    mutant("follows-at-boot", MySql, Death, Protocol { boots_quiet: false, ..P }, TailMixed),
];

/// What `check` says of a restart, and no promise of the model depends on: a node that is closed takes no writes at the
/// address either. Who serves at it then is another question: see [`Stands::AddressOnBoth`](crate::world::Stands).
pub(crate) const HARMLESS: (&str, Protocol) = ("address-at-boot", Protocol { boots_bare: false, ..P });

/// What flipper relies on and cannot see: this is what comes of it where it does not hold.
pub(crate) const ASSUMPTIONS: &[Mutant] = &[mutant(
    "opened by hand while an XA transaction is prepared",
    MySql,
    Move,
    Protocol { persons_heed_xa: false, ..P },
    Frozen,
)];
