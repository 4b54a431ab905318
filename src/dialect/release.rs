//! Which server it is, before anybody has logged in: the first packet of the protocol, and the program on its machine.

use super::argv::Look;
use crate::model::{Flavour, Server, Version, printable};

/// Which server, as far as spelling goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// MySQL or MariaDB.
    pub flavour: Flavour,
    /// Its version.
    pub version: Version,
}

impl Release {
    /// That of a server that was looked at.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        Self { flavour: server.flavour, version: server.version }
    }
}

/// The first word of a server to whoever connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// It tells who it is.
    Welcome(Release),
    /// It tells an error instead. One that has no account for this host does not say its version.
    TurnedAway {
        /// Number of the error: 1130 where no account is for this host.
        code: u16,
        /// Its text, made printable.
        said: String,
        /// The family, where the text names it.
        flavour: Option<Flavour>,
    },
}

/// The most that a first packet may hold; real ones have some hundred bytes.
pub const LONGEST_GREETING: usize = 4096;

/// The bit that MariaDB leaves unset in its greeting since 10.2, and MySQL never: `CLIENT_MYSQL`.
const IS_MYSQL: u16 = 1;

/// Reads the first packet without its header of four bytes: protocol version 10, or an error.
///
/// # Errors
///
/// Why it is no such packet: whoever listens there is no server of these families.
pub fn parse_greeting(packet: &[u8]) -> Result<Greeting, String> {
    let no_server = || "whoever listens there does not speak the MySQL protocol".to_owned();
    match packet.split_first() {
        Some((0xff, [low, high, text @ ..])) => {
            // the state is in front where the protocol is new enough
            let text = match text {
                [b'#', _, _, _, _, _, text @ ..] => text,
                text => text,
            };
            let said = printable(String::from_utf8_lossy(text).trim());
            let named = |name: &str| said.contains(name);
            let flavour = match (named("MariaDB"), named("MySQL")) {
                (true, _) => Some(Flavour::MariaDb),
                (false, true) => Some(Flavour::MySql),
                (false, false) => None,
            };
            Ok(Greeting::TurnedAway { code: u16::from_le_bytes([*low, *high]), said, flavour })
        }
        Some((10, rest)) => {
            let end = rest.iter().position(|byte| *byte == 0).ok_or_else(no_server)?;
            let (named, rest) = rest.split_at(end);
            let named = String::from_utf8_lossy(named);
            // the end of the name, the session's number, eight bytes of a challenge, and a zero
            let [low, high] = rest.get(14..16).ok_or_else(no_server)? else { return Err(no_server()) };
            let maria = named.contains("MariaDB") || u16::from_le_bytes([*low, *high]) & IS_MYSQL == 0;
            let flavour = if maria { Flavour::MariaDb } else { Flavour::MySql };
            let version = parse_version(&named).ok_or_else(|| format!("`{}` is not a version", printable(&named)))?;
            Ok(Greeting::Welcome(Release { flavour, version }))
        }
        Some((version, _)) => Err(format!("it speaks version {version} of the protocol, and only 10 is known")),
        None => Err(no_server()),
    }
}

/// The three numbers at the front of `10.11.6-MariaDB-0+deb12u1`, `9.7.0`, `8.0.36-28`.
#[must_use]
pub fn parse_version(text: &str) -> Option<Version> {
    // a prefix for old replicas that would otherwise take 10 for 1
    let text = text.strip_prefix("5.5.5-").filter(|_| text.contains("MariaDB")).unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut numbers = text.get(..end)?.split('.').map(|number| number.parse().ok());
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => Some(Version(major, minor, patch)),
        _ => None,
    }
}

/// Which server is installed on a machine: what its program says of its version.
#[must_use]
pub fn installed() -> Look {
    Look::Script(
        "PATH=$PATH:/usr/sbin:/usr/local/sbin; for s in mariadbd mysqld; do command -v $s >/dev/null && $s --version; \
         done; :",
    )
}

/// Reads the answer to [`installed`]. `None`: no server, or several that are not the same.
#[must_use]
pub fn parse_installed(text: &str) -> Option<Release> {
    let mut found = text.lines().filter_map(|line| {
        let named = line.split_once(" Ver ")?.1.split_whitespace().next()?;
        let flavour = if named.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
        Some(Release { flavour, version: parse_version(named)? })
    });
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: &[u8] = include_bytes!("../../fixtures/raw/mysql-9.7-greeting.bin");
    const MARIADB: &[u8] = include_bytes!("../../fixtures/raw/mariadb-10.11-greeting.bin");
    const MYSQL_AWAY: &[u8] = include_bytes!("../../fixtures/raw/mysql-9.7-turned-away.bin");
    const MARIADB_AWAY: &[u8] = include_bytes!("../../fixtures/raw/mariadb-10.11-turned-away.bin");

    fn release(flavour: Flavour, version: Version) -> Greeting {
        Greeting::Welcome(Release { flavour, version })
    }

    #[test]
    fn both_families_say_who_they_are() {
        assert!(MARIADB.windows(8).any(|bytes| bytes == b"5.5.5-10"), "with the prefix for old replicas");
        assert_eq!(parse_greeting(MYSQL), Ok(release(Flavour::MySql, Version(9, 7, 4))));
        assert_eq!(parse_greeting(MARIADB), Ok(release(Flavour::MariaDb, Version(10, 11, 18))));
    }

    #[test]
    fn who_claims_another_version_is_known_by_its_bits() {
        // `version=8.0.99` in the option file of a MariaDB server
        let end = MARIADB.iter().position(|byte| *byte == 0).unwrap();
        let claimed = [b"\x0a8.0.99", &MARIADB[end..]].concat();
        assert_eq!(parse_greeting(&claimed), Ok(release(Flavour::MariaDb, Version(8, 0, 99))));
    }

    #[test]
    fn without_an_account_for_the_host_only_the_family_is_told() {
        for (packet, flavour) in [(MYSQL_AWAY, Flavour::MySql), (MARIADB_AWAY, Flavour::MariaDb)] {
            let Ok(Greeting::TurnedAway { code, said, flavour: told }) = parse_greeting(packet) else {
                panic!("{packet:?}")
            };
            assert_eq!((code, told), (1130, Some(flavour)), "{said}");
            assert!(said.contains("is not allowed to connect"), "{said}");
        }
        let full = [&[0xff, 0x10, 0x04][..], b"#08004Too many connections"].concat();
        let Ok(Greeting::TurnedAway { code, said, flavour }) = parse_greeting(&full) else { panic!("an error") };
        assert_eq!((code, said.as_str(), flavour), (1040, "Too many connections", None));
    }

    #[test]
    fn garbage_is_no_greeting() {
        // what is behind the bits is not looked at
        for cut in 0..24 {
            assert!(parse_greeting(&MYSQL[..cut]).is_err(), "cut at {cut}");
        }
        for bad in [&b""[..], b"\xff", b"\xff\x10", b"\x09old", b"SSH-2.0-OpenSSH_9.2", b"\x0a9.7.4", b"\x0ax\0"] {
            assert!(parse_greeting(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_installed_says_its_version() {
        let maria = "/usr/sbin/mariadbd  Ver 10.11.18-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)\n";
        let mysql = "/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))\n";
        let read = |text: &str| parse_installed(text).map(|release| (release.flavour, release.version));
        assert_eq!(read(maria), Some((Flavour::MariaDb, Version(10, 11, 18))));
        assert_eq!(read(mysql), Some((Flavour::MySql, Version(9, 7, 4))));
        // Debian's MariaDB has both names
        assert_eq!(read(&format!("{maria}{maria}")), read(maria));
        for unclear in ["", &format!("{maria}{mysql}"), "sh: mysqld: not found", " Ver x"] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }
}
