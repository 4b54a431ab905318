//! Reading a machine: addresses and tools.

use std::net::IpAddr;

use serde_json::Value;

use super::server::Read;
use crate::dialect::PROBE_END;
use crate::model::{ArpingKind, Held, Interface, Prefixed, System, printable};

/// Every address, from `dialect::addresses` (`ip -json address show`).
///
/// An interface whose name we have no type for (an alias with `:`) is passed over, unless a role's address is on it:
/// then nothing may be said about who holds what.
pub(super) fn addresses(json: &str, is_floating: impl Fn(IpAddr) -> bool) -> Read<Vec<Held>> {
    let bad = |what: &str| format!("the answer of `ip -json address show` is not understood: {what}");
    let interfaces: Vec<Value> = serde_json::from_str(json).map_err(|why| bad(&why.to_string()))?;
    let mut held = Vec::new();
    // older versions of `ip` leave an empty object for an interface that they skip
    for interface in interfaces.iter().filter(|interface| interface.as_object().is_none_or(|o| !o.is_empty())) {
        let name = interface["ifname"].as_str().ok_or_else(|| bad("an interface without a name"))?;
        let on_it = interface["addr_info"].as_array().ok_or_else(|| bad("an interface without a list of addresses"))?;
        for info in on_it.iter().filter(|info| info.as_object().is_none_or(|o| !o.is_empty())) {
            let ip = match info["family"].as_str() {
                Some("inet" | "inet6") => info["local"].as_str().and_then(|local| local.parse::<IpAddr>().ok()),
                Some(_) => continue,
                None => None,
            };
            let ip = ip.ok_or_else(|| bad("an address that is none"))?;
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let prefix = info["prefixlen"].as_u64().and_then(|prefix| u8::try_from(prefix).ok());
            let prefix = prefix.filter(|prefix| *prefix <= most).ok_or_else(|| bad("an address without its length"))?;
            let flag = |name: &str| info[name].as_bool().unwrap_or(false);
            match name.parse::<Interface>() {
                Ok(interface) => held.push(Held {
                    // built, not parsed: what no role could have is on the machine all the same
                    address: Prefixed { ip, prefix },
                    interface,
                    secondary: flag("secondary"),
                    unusable: flag("dadfailed") || flag("tentative") && !flag("optimistic"),
                }),
                Err(_) if is_floating(ip) => {
                    return Err(format!("{ip} is on the interface `{}`, which flipper cannot name", printable(name)));
                }
                Err(_) => {}
            }
        }
    }
    // a machine has its loopback at least
    if interfaces.is_empty() {
        return Err(bad("no interface at all"));
    }
    Ok(held)
}

/// Tools and interfaces, from `dialect::probe`.
pub(super) fn system(text: &str) -> Read<System> {
    let bad = |what: &str| format!("the answer about the machine's tools is not understood: {what}");
    if text.lines().rfind(|line| !line.trim().is_empty()) != Some(PROBE_END) {
        return Err(bad("it has no end"));
    }
    let rest = |name: &str| {
        text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.trim())).ok_or_else(|| bad(name))
    };
    let tool = |name: &str| rest(name).map(|path| path.starts_with('/').then(|| printable(path)));
    let version = rest("arping-version")?;
    Ok(System {
        ip: tool("ip")?,
        ss: tool("ss")?,
        // one of a kind that is not known is none: its options could mean something else
        arping: tool("arping")?.zip(arping(version)),
        ndptool: tool("ndptool")?,
        up: text
            .lines()
            .filter_map(|line| line.strip_prefix("up ")?.split_once(' '))
            // drivers without a carrier to report say "unknown" while up
            .filter(|(_, state)| matches!(state.trim(), "up" | "unknown"))
            .filter_map(|(name, _)| name.parse().ok())
            .collect(),
        promotes_secondaries: rest("promote")? == "1",
        denied: vec![],
    })
}

/// Whether the account there is root's, from `dialect::probe`.
pub(super) fn is_root(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "uid 0")
}

/// What answers to `arping -V`: iputils with its version, Habets' with a complaint, because `-V` wants a VLAN there,
/// BusyBox' with another one and the options of iputils.
fn arping(version: &str) -> Option<ArpingKind> {
    let has = |part: &str| version.contains(part);
    if has("iputils") || has("BusyBox") {
        Some(ArpingKind::Iputils)
    } else if has("Habets") || has("requires an argument -- 'V'") {
        Some(ArpingKind::Habets)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = include_str!("../../fixtures/raw/ip-json-address.json");
    const PROBE: &str = include_str!("../../fixtures/raw/probe.txt");

    fn all(json: &str) -> Read<Vec<Held>> {
        addresses(json, |ip| ip == IpAddr::from([10, 77, 0, 100]))
    }

    #[test]
    fn every_address_with_its_length_and_place() {
        let read = all(JSON).unwrap();
        let told: Vec<String> = read
            .iter()
            .filter(|held| held.interface.as_str() == "eth0" && held.address.ip.is_ipv4())
            .map(|held| format!("{}{}", held.address, if held.secondary { " secondary" } else { "" }))
            .collect();
        assert_eq!(told, ["10.77.0.11/24", "10.77.0.100/32", "10.77.0.101/24 secondary"]);
        let printed: Vec<String> = read.iter().map(|held| held.address.to_string()).collect();
        for other in ["127.0.0.1/8", "::1/128", "fd00:77::11/64"] {
            assert!(printed.iter().any(|p| p == other), "{other} in {printed:?}");
        }
    }

    #[test]
    fn an_address_that_the_kernel_does_not_use() {
        let of = |flags: &str| {
            let info = r#""family":"inet6","local":"fd00:77::100","prefixlen":128,"scope":"global""#;
            let read = all(&format!(r#"[{{"ifname":"eth0","addr_info":[{{{info}{flags}}}]}}]"#)).unwrap();
            read[0].unusable
        };
        // as a move leaves it, and as a person may
        assert!(!of(r#","nodad":true,"deprecated":true,"preferred_life_time":0"#) && !of(""));
        assert!(!of(r#","tentative":true,"optimistic":true"#));
        assert!(
            of(r#","dadfailed":true,"tentative":true"#) && of(r#","tentative":true"#) && of(r#","dadfailed":true"#)
        );
    }

    #[test]
    fn an_interface_without_a_name_of_ours() {
        let odd = |ip: &str| {
            format!(r#"[{{}},{{"ifname":"a b","addr_info":[{{"family":"inet","local":"{ip}","prefixlen":32}}]}}]"#)
        };
        assert_eq!(all(&odd("10.77.0.7")), Ok(vec![]));
        assert!(all(&odd("10.77.0.100")).is_err_and(|why| why.contains("`a b`")));
    }

    #[test]
    fn garbage_is_no_fact() {
        for cut in 0..JSON.trim_end().len() {
            assert!(all(&JSON[..cut]).is_err(), "cut at {cut}");
        }
        for bad in [
            "[]",
            "{}",
            "null",
            "sh: ip: not found",
            r#"["eth0"]"#,
            r#"[{"ifname":"eth0"}]"#,
            r#"[{"ifname":"eth0","addr_info":[7]}]"#,
            r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.300","prefixlen":32}]}]"#,
            r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.3","prefixlen":33}]}]"#,
            r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.3"}]}]"#,
        ] {
            assert!(all(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tools_and_interfaces() {
        let read = system(PROBE).unwrap();
        assert!(read.ip.is_some_and(|path| path.ends_with("/ip")) && read.ss.is_some());
        assert!(read.up.iter().any(|name| name.as_str() == "lo"));
        assert!(read.arping.is_some_and(|(_, kind)| kind == ArpingKind::Iputils));
        assert_eq!(read.ndptool.as_deref(), Some("/usr/bin/ndptool"));
        assert!(!read.promotes_secondaries);
        let other = "ip /sbin/ip\nss \narping /usr/sbin/arping\nndptool \n\
                     arping-version arping from iputils 20221126 libcap: yes \npromote 1\n\
                     up bonding_masters cat: not a directory\nup eth0 up\nup eth1 down\nup dummy0 unknown\nprobe 1\n";
        let read = system(other).unwrap();
        assert_eq!((read.ss, read.ndptool), (None, None));
        assert_eq!(read.arping, Some(("/usr/sbin/arping".to_owned(), ArpingKind::Iputils)));
        assert_eq!(read.up.iter().map(Interface::as_str).collect::<Vec<_>>(), ["eth0", "dummy0"]);
        assert!(read.promotes_secondaries);
        for cut in 0..other.trim_end().len() {
            assert!(system(&other[..cut]).is_err(), "cut at {cut}");
        }
        assert!(system(PROBE_END).is_err());
    }

    #[test]
    fn kinds_of_arping() {
        assert_eq!(arping("arping from iputils s20161105"), Some(ArpingKind::Iputils));
        assert_eq!(
            arping("arping: invalid option -- 'V' BusyBox v1.36.1 multi-call binary."),
            Some(ArpingKind::Iputils)
        );
        assert_eq!(arping("arping: option requires an argument -- 'V'"), Some(ArpingKind::Habets));
        assert_eq!(arping("ARPing 2.23, by Thomas Habets <thomas@habets.se>"), Some(ArpingKind::Habets));
        assert_eq!(arping("sh: 1: arping: not found"), None);
    }
}
