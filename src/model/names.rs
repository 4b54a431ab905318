//! Names as parsed types: whatever reaches a shell, a statement or a file name has passed through here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Why a text is not a name of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName {
    /// What was expected: `pair name`, `interface`, …
    pub kind: &'static str,
    /// The text that was given, control characters made visible.
    pub given: String,
    /// The rule it breaks, as a clause: "must start with a letter or a digit".
    pub rule: &'static str,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.kind.to_ascii_lowercase().starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        write!(f, "`{}` is not {article} {}: it {}", self.given, self.kind, self.rule)
    }
}

impl std::error::Error for BadName {}

/// Makes control characters of a text visible, and those that nobody sees or that turn the direction of writing, so
/// that a server or a file cannot steer the terminal or look like something else.
///
/// ```
/// assert_eq!(flipper::model::printable("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' |
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
        if c.is_control() || hidden {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A host and a port as one word; an IPv6 address stands in brackets.
///
/// ```
/// assert_eq!(flipper::model::at_port("fd00::1", 3306), "[fd00::1]:3306");
/// assert_eq!(flipper::model::at_port("db1", 3306), "db1:3306");
/// ```
#[must_use]
pub fn at_port(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{}:{port}", printable(host)),
    }
}

/// `^[a-z0-9][a-z0-9._-]*$`, at most `max` bytes.
fn lower_word(kind: &'static str, text: &str, max: usize, too_long: &'static str) -> Result<String, BadName> {
    let bad = |rule| BadName { kind, given: printable(text), rule };
    let mut bytes = text.bytes();
    match bytes.next() {
        None => return Err(bad("must not be empty")),
        Some(b) if !(b.is_ascii_lowercase() || b.is_ascii_digit()) => {
            return Err(bad("must start with a lower-case letter or a digit"));
        }
        Some(_) => {}
    }
    if !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')) {
        return Err(bad("may hold only lower-case letters, digits, `.`, `_` and `-`"));
    }
    if text.len() > max {
        return Err(bad(too_long));
    }
    Ok(text.to_owned())
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $too_long:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                lower_word($kind, text, $max, $too_long).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

word!(
    /// A pair, as the operator calls it. At most 56 bytes.
    PairName, "pair name", 56, "must not be longer than 56 characters"
);
word!(
    /// One of the two servers of a pair.
    NodeName, "node name", 63, "must not be longer than 63 characters"
);
word!(
    /// A role: "write", "read", "reports", …
    RoleName, "role name", 63, "must not be longer than 63 characters"
);

/// A network interface: 1 to 15 bytes (`IFNAMSIZ` less its end), of letters, digits, `.`, `_`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface(String);

impl Interface {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Interface {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |rule| BadName { kind: "interface", given: printable(text), rule };
        if text.is_empty() {
            return Err(bad("must not be empty"));
        }
        if text.len() > 15 {
            return Err(bad("must not be longer than 15 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(bad("may hold only letters, digits, `.`, `_` and `-`"));
        }
        // `ip` takes a leading dash for an option, and the kernel refuses these two
        if text.starts_with('-') || text == "." || text == ".." {
            return Err(bad("must not start with `-` nor be `.` or `..`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a node is reached: an IP address, a DNS name, or an alias of the ssh configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// The host as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, where the host was given as one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl FromStr for Host {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |rule| BadName { kind: "host", given: printable(text), rule };
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        if text.is_empty() {
            return Err(bad("must not be empty"));
        }
        if text.len() > 253 {
            return Err(bad("must not be longer than 253 characters"));
        }
        // ssh would take a leading dash for an option
        if !text.as_bytes()[0].is_ascii_alphanumeric() {
            return Err(bad("must start with a letter or a digit"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(bad("may hold only letters, digits, `.`, `_` and `-`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An account on the node's system, as `ssh -l` takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// The account's name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |rule| BadName { kind: "user name", given: printable(text), rule };
        if text.is_empty() || text.len() > 64 {
            return Err(bad("must have 1 to 64 characters"));
        }
        if text.starts_with('-')
            || !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
        {
            return Err(bad("may hold only letters, digits, `.`, `_`, `-` and `@`, and not start with `-`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_out_whatever_a_shell_or_a_path_could_read_differently() {
        for bad in ["", "-x", ".x", "a b", "a;b", "a/b", "A", "ä", "a\n", "a$b", "a'b", "..", &"a".repeat(57)] {
            assert!(bad.parse::<PairName>().is_err(), "{bad:?}");
        }
        for good in ["orders", "0", "a.b_c-d", &"a".repeat(56)] {
            assert!(good.parse::<PairName>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn interfaces_and_hosts() {
        for bad in ["", "-eth0", "eth0:1", "sixteencharsxxxx", "eth 0", "..", "a;b"] {
            assert!(bad.parse::<Interface>().is_err(), "{bad:?}");
        }
        assert!("br-lan.42_x".parse::<Interface>().is_ok());
        let said = "eth 0".parse::<Interface>().map_err(|why| why.to_string()).unwrap_err();
        assert!(said.starts_with("`eth 0` is not an interface"), "{said}");
        for bad in ["", "-oProxyCommand=x", "a b", "user@host", "h:22", "a;b", "[::1]"] {
            assert!(bad.parse::<Host>().is_err(), "{bad:?}");
        }
        for good in ["10.0.0.1", "fd00::1", "db1.example.net", "DB1"] {
            assert!(good.parse::<Host>().is_ok(), "{good:?}");
        }
    }
}
