//! Reading what a machine brings up by itself, what else runs there, and its disks.

use std::net::{IpAddr, SocketAddr};

use super::server::Read;
use crate::dialect::{CONFIG_PLACES, MANAGERS, parse_end};
use crate::link::Answer;
use crate::model::{Disk, InFile, printable};

/// Files that name a floating address, from `dialect::mentions`. One that may not be read could name one too.
pub(super) fn files(answer: &Answer) -> Read<Vec<InFile>> {
    // 124: cut off by its limit; 127: no grep
    if answer.status > 2 {
        return Err(format!("`grep` ended with status {}", answer.status));
    }
    let mut found = vec![];
    for line in answer.text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(complaint) = line.strip_prefix("grep: ") {
            if complaint.ends_with("No such file or directory") {
                continue;
            }
            return Err(format!("not everything there can be read: {}", printable(complaint)));
        }
        let not_understood = || format!("`grep` said `{}`", printable(line));
        let file = mention(line).ok_or_else(not_understood)?;
        if !CONFIG_PLACES.iter().any(|place| file.path.starts_with(place)) {
            return Err(not_understood());
        }
        found.push(file);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// `file:line:address`. A file's name may have colons in it, and so has an IPv6 address.
fn mention(text: &str) -> Option<InFile> {
    text.match_indices(':').find_map(|(at, _)| {
        let (path, rest) = (text.get(..at)?, text.get(at + 1..)?);
        let (line, address) = rest.split_once(':')?;
        Some(InFile { path: printable(path), line: Some(line.parse().ok()?), address: address.parse().ok()? })
    })
}

/// Programs that move addresses or roles, from `dialect::managers`.
pub(super) fn managers(text: &str) -> Read<Vec<String>> {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let Some((&"managers 1", names)) = lines.split_last() else {
        return Err("the list of programs has no end".to_owned());
    };
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    match names.iter().find(|name| !MANAGERS.contains(name)) {
        Some(other) => Err(format!("the list of programs is not understood: `{}`", printable(other))),
        None => {
            let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            names.sort();
            names.dedup();
            Ok(names)
        }
    }
}

/// Whether something listens on a port of every address, from `dialect::listeners`, in the words of `bind_address`. Where a
/// server itself listens on it, on one address, only it can: nobody else may have the port then.
pub(super) fn everywhere(text: &str, port: u16) -> Vec<&'static str> {
    let locals: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    let listens = |host: &str| locals.contains(&&*format!("{host}:{port}"));
    [("*", "*"), ("0.0.0.0", "0.0.0.0"), ("[::]", "::")]
        .into_iter()
        .filter_map(|(shown, word)| listens(shown).then_some(word))
        .collect()
}

/// Listening sockets of other services that are bound to a floating address, from `dialect::listeners`.
pub(super) fn listeners(text: &str, port: u16, is_floating: impl Fn(IpAddr) -> bool) -> Read<Vec<SocketAddr>> {
    let mut found = vec![];
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // state, receive queue, send queue, local; a listener on every address of a family is shown as `*`
        let local = line.split_whitespace().nth(3);
        let local = local.ok_or_else(|| format!("the answer of `ss` is not understood: `{}`", printable(line)))?;
        found.extend(parse_end(local).filter(|socket| socket.port() != port && is_floating(socket.ip())));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Space, from `dialect::disk`: one line a folder that was asked for, in that order, after a line of headings.
pub(super) fn disk(text: &str, folders: &[&str]) -> Read<Vec<Disk>> {
    let bad = || "the answer of `df` is not understood".to_owned();
    let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
    if lines.len() != folders.len() {
        return Err(bad());
    }
    let mut all = vec![];
    let mut devices = vec![];
    for (line, folder) in lines.iter().zip(folders) {
        // the device's name may have blanks: the five columns behind it are counted from the end, where a mount
        // point with blanks would be; it starts at the first slash after the percentage
        let (front, _) = line.split_once("% ").ok_or_else(bad)?;
        let words: Vec<&str> = front.split_whitespace().collect();
        let [device @ .., blocks, _, free, _] = &words[..] else { return Err(bad()) };
        let mib = |kib: &str| kib.parse::<u64>().map(|kib| kib / 1024).map_err(|_| bad());
        // data and logs on one file system are told once
        let device = device.join(" ");
        if !devices.contains(&device) {
            all.push(Disk { path: printable(folder), size: mib(blocks)?, free: mib(free)? });
            devices.push(device);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DF: &str = include_str!("../../fixtures/raw/df.txt");
    const GREP: &str = include_str!("../../fixtures/raw/grep-addresses.txt");
    const LISTENERS: &str = include_str!("../../fixtures/raw/ss-listening.txt");

    fn answer(status: u8, text: &str) -> Answer {
        Answer { status, text: text.to_owned() }
    }

    #[test]
    fn files_that_name_an_address() {
        let found = files(&answer(2, GREP)).unwrap();
        let said: Vec<String> = found.iter().map(|f| format!("{f} {}", f.address)).collect();
        assert_eq!(
            said,
            [
                "/etc/network/interfaces:12 10.77.0.100",
                "/etc/network/interfaces:13 10.77.0.100",
                "/etc/systemd/network/10-eth0.network:5 10.77.0.101"
            ]
        );
        let odd = "/etc/NetworkManager/system-connections/a:b.nmconnection:7:fd00::64\n";
        let odd = files(&answer(0, odd)).unwrap();
        assert_eq!((odd[0].line, odd[0].address.to_string()), (Some(7), "fd00::64".to_owned()));
        assert!(odd[0].path.ends_with("/a:b.nmconnection"));
        assert_eq!(files(&answer(1, "")), Ok(vec![]));
        let denied = "grep: /etc/netplan/50.yaml: Permission denied\n";
        assert!(files(&answer(2, denied)).is_err_and(|why| why.contains("/etc/netplan/50.yaml")));
        for bad in [
            answer(127, ""),
            answer(124, ""),
            answer(0, "x"),
            answer(0, "/tmp/x:3:10.0.0.1"),
            answer(0, "/etc/rc.local:10.0.0.1"),
            answer(0, "/etc/rc.local:y"),
        ] {
            assert!(files(&bad).is_err(), "{}", bad.text);
        }
    }

    #[test]
    fn programs_and_an_end() {
        assert_eq!(managers("managers 1\n"), Ok(vec![]));
        assert_eq!(managers("keepalived\nkeepalived\nmanagers 1\n"), Ok(vec!["keepalived".to_owned()]));
        for bad in ["", "keepalived\n", "sh: readlink: not found\nmanagers 1\n"] {
            assert!(managers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_services_on_a_floating_address() {
        let floating = |ip: IpAddr| ip == IpAddr::from([10, 77, 0, 100]);
        let found = listeners(LISTENERS, 3306, floating).unwrap();
        assert_eq!(found, ["10.77.0.100:8080".parse().unwrap()]);
    }

    #[test]
    fn a_port_of_every_address() {
        assert_eq!(everywhere(LISTENERS, 3306), ["0.0.0.0"]);
        assert_eq!((everywhere(LISTENERS, 80), everywhere(LISTENERS, 22)), (vec!["*"], vec!["0.0.0.0", "::"]));
        assert_eq!((everywhere(LISTENERS, 8080), everywhere("", 3306)), (vec![], vec![]));
    }

    #[test]
    fn space_told_once_for_each_file_system() {
        let folders = ["/var/lib/mysql", "/var/log/mysql", "/srv/binlog"];
        let found = disk(DF, &folders).unwrap();
        let said: Vec<(&str, u64)> = found.iter().map(|d| (d.path.as_str(), d.free)).collect();
        assert_eq!(said, [("/var/lib/mysql", 63_630), ("/srv/binlog", 4)]);
        for cut in 0..DF.trim_end().len() {
            assert!(disk(&DF[..cut], &folders).is_err() || cut > DF.rfind('%').unwrap(), "cut at {cut}");
        }
        assert!(disk("df: /x: No such file or directory\n", &folders).is_err());
    }
}
