//! Floating addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An IP address with the prefix length it has, or is to have, on an interface: `10.0.0.100/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefixed {
    /// The address itself.
    pub ip: IpAddr,
    /// Prefix length: 0 to 32, or to 128 for IPv6.
    pub prefix: u8,
}

/// Why a text is not a floating address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAddress {
    /// What was given.
    pub given: String,
    /// What is wrong with it, as a clause.
    pub rule: &'static str,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be a floating address: it {}", self.given, self.rule)
    }
}

impl std::error::Error for BadAddress {}

impl Prefixed {
    /// An address with its longest prefix: /32 or /128.
    #[must_use]
    pub fn host(ip: IpAddr) -> Self {
        Self { ip, prefix: longest(ip) }
    }

    /// Whether the prefix is the longest one, so that the address stands alone on its interface (hazard H-58).
    #[must_use]
    pub fn is_host(self) -> bool {
        self.prefix == longest(self.ip)
    }
}

fn longest(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Prefixed {
    type Err = BadAddress;

    /// Reads `ADDRESS/PREFIX`, or `ADDRESS` alone for the longest prefix. Addresses that no client could be
    /// given (loopback, multicast, unspecified, broadcast, link-local IPv6) are refused.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |rule| BadAddress { given: super::printable(text), rule };
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_| bad("is not an IPv4 or IPv6 address, with or without /PREFIX"))?;
        let prefix = match prefix {
            None => longest(ip),
            // digits only: "+8" parses as a number too
            Some(p) if !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) => p
                .parse()
                .ok()
                .filter(|p| (1..=longest(ip)).contains(p))
                .ok_or_else(|| bad("has a prefix length out of range (1 to 32, or to 128 for IPv6)"))?,
            Some(_) => return Err(bad("has a prefix length that is not a number")),
        };
        if ip.is_loopback() || ip.is_multicast() || ip.is_unspecified() {
            return Err(bad("is a loopback, multicast or unspecified address"));
        }
        match ip {
            IpAddr::V4(v4) if v4.is_broadcast() || v4.is_link_local() => {
                return Err(bad("is a broadcast or link-local address"));
            }
            IpAddr::V6(v6) if v6.is_unicast_link_local() => return Err(bad("is a link-local address")),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return Err(bad("is an IPv4 address in IPv6 clothes")),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Ok(Self { ip, prefix })
    }
}

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.ip, self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_and_print() {
        for (text, printed) in [("10.0.0.1", "10.0.0.1/32"), ("10.0.0.1/24", "10.0.0.1/24"), ("fd00::7", "fd00::7/128")]
        {
            assert_eq!(text.parse::<Prefixed>().map(|a| a.to_string()), Ok(printed.to_owned()));
        }
        for bad in [
            "",
            "10.0.0",
            "10.0.0.1/33",
            "10.0.0.1/0",
            "10.0.0.1/",
            "10.0.0.1/+8",
            "127.0.0.1",
            "224.0.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "255.255.255.255",
            "::ffff:10.0.0.1",
            "10.0.0.1 ",
            "10.0.0.1/32;id",
        ] {
            assert!(bad.parse::<Prefixed>().is_err(), "{bad:?}");
        }
    }
}
