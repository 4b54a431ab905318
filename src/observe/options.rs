//! The option files of a server, followed as it follows them itself when it starts.
//!
//! Pure: what was fetched by `dialect::option_files` goes in, and what else must be fetched comes out, until nothing
//! is missing. That the order is right is shown against both families' own `my_print_defaults`.

use std::collections::{BTreeMap, BTreeSet};

use super::server::Read;
use crate::config::{OptionLine, option_line};
use crate::model::{Flavour, Origin, Server, Version, printable};

/// How deep files include each other, at most: servers pass over what is deeper.
const DEEPEST: u32 = 10;

/// A place that was looked at.
enum Place {
    Missing,
    /// Everybody may write to it, and so no server reads it.
    Ignored,
    Unclear,
    /// Its lines, as far as they matter, with their numbers.
    File(Vec<(u32, String)>),
    /// Files in it that a server reads, in that order.
    Folder(Vec<String>),
}

/// A setting for the server, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) origin: Origin,
}

/// What was fetched so far.
#[derive(Default)]
pub(super) struct OptionFiles(BTreeMap<String, Place>);

/// What a server takes from its option files.
#[derive(Default)]
pub(super) struct Taken {
    /// Settings, in the order in which they count.
    pub(super) given: Vec<Given>,
    /// Files that were read, or passed over, and folders.
    pub(super) seen: BTreeSet<String>,
    /// What must be fetched before the rest is true.
    pub(super) wanted: BTreeSet<String>,
}

/// Groups that a server reads, in lower case. `suffix`: from `--defaults-group-suffix`.
pub(super) fn groups(server: &Server, suffix: Option<&str>) -> BTreeSet<String> {
    let Version(major, minor, _) = server.version;
    let mut groups: Vec<String> = vec!["mysqld".to_owned(), "server".to_owned(), format!("mysqld-{major}.{minor}")];
    if server.flavour == Flavour::MariaDb {
        groups.extend(["mariadb", "mariadbd", "client-server", "galera"].map(str::to_owned));
        groups.extend([format!("mariadb-{major}.{minor}"), format!("mariadbd-{major}.{minor}")]);
    }
    let suffixed: Vec<String> = suffix.iter().flat_map(|s| groups.iter().map(move |g| format!("{g}{s}"))).collect();
    groups.into_iter().chain(suffixed).map(|group| group.to_ascii_lowercase()).collect()
}

/// Two slashes are one.
fn plain(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars().filter(|c| *c != '\0') {
        if !(c == '/' && out.ends_with('/')) {
            out.push(c);
        }
    }
    out
}

impl OptionFiles {
    /// Takes in an answer to `dialect::option_files`.
    pub(super) fn add(&mut self, text: &str) -> Read<()> {
        let mut lines = text.lines();
        if lines.next_back().map(str::trim) != Some("option-files 1") {
            return Err("the answer about option files has no end".to_owned());
        }
        let (mut folder, mut file) = (None::<String>, None::<String>);
        for line in lines {
            let (word, path) = line.split_once(' ').unwrap_or((line, ""));
            let place = match word {
                "folder" => Place::Folder(vec![]),
                "file" => Place::File(vec![]),
                "ignored" => Place::Ignored,
                "none" => Place::Missing,
                "unclear" => Place::Unclear,
                _ => {
                    let numbered = line.split_once(':').and_then(|(n, text)| Some((n.parse().ok()?, text.to_owned())));
                    let of = file.as_ref().and_then(|file| self.0.get_mut(file));
                    match (numbered, of) {
                        (Some(line), Some(Place::File(lines))) => lines.push(line),
                        _ => {
                            return Err(format!(
                                "an answer about option files is not understood: `{}`",
                                printable(line)
                            ));
                        }
                    }
                    continue;
                }
            };
            let inside = folder.as_ref().and_then(|folder| path.strip_prefix(folder.as_str()));
            if let Some(name) = inside.filter(|name| !name.contains('/') && name.ends_with(".cnf"))
                && !name.is_empty()
                && let Some(Place::Folder(members)) = folder.as_ref().and_then(|folder| self.0.get_mut(folder))
            {
                members.push(path.to_owned());
                members.sort_unstable();
                members.dedup();
            }
            if let Place::Folder(_) = place {
                folder = Some(path.to_owned());
            }
            file = Some(path.to_owned());
            self.0.insert(path.to_owned(), place);
        }
        Ok(())
    }

    /// What a server takes from a file, and from all that it includes. `required`: it does not start without it.
    ///
    /// # Errors
    /// Where something cannot be read, or the server would not start.
    pub(super) fn take(&self, path: &str, required: bool, groups: &BTreeSet<String>, into: &mut Taken) -> Read<()> {
        let path = plain(path);
        if required && matches!(self.0.get(&path), Some(Place::Missing | Place::Folder(_))) {
            return Err(format!("its option file {} is not there: its server would not start", printable(&path)));
        }
        self.walk(&path, 0, groups, into)
    }

    fn walk(&self, path: &str, depth: u32, groups: &BTreeSet<String>, into: &mut Taken) -> Read<()> {
        into.seen.insert(path.to_owned());
        let lines = match self.0.get(path) {
            None => {
                into.wanted.insert(path.to_owned());
                return Ok(());
            }
            Some(Place::Unclear) => return Err(format!("{} cannot be read", printable(path))),
            Some(Place::File(lines)) => lines,
            Some(Place::Missing | Place::Ignored | Place::Folder(_)) => return Ok(()),
        };
        let mut counts = false;
        for (number, line) in lines {
            let followed = |what: &str| match what.starts_with('/') && !what.contains(['#', '"', '\'']) {
                true => Ok(plain(what)),
                false => Err(format!(
                    "{}:{number} includes `{}`, which flipper does not follow",
                    printable(path),
                    printable(what)
                )),
            };
            match option_line(line) {
                OptionLine::Group(name) => counts = groups.contains(&name.to_ascii_lowercase()),
                OptionLine::Include(_) | OptionLine::IncludeFolder(_) if depth >= DEEPEST => {}
                OptionLine::Include(file) => self.walk(&followed(file)?, depth + 1, groups, into)?,
                OptionLine::IncludeFolder(folder) => {
                    let folder = format!("{}/", followed(folder)?.trim_end_matches('/'));
                    into.seen.insert(folder.clone());
                    match self.0.get(&folder) {
                        None => drop(into.wanted.insert(folder)),
                        Some(Place::Folder(members)) => {
                            for member in members {
                                self.walk(member, depth + 1, groups, into)?;
                            }
                        }
                        Some(Place::Missing) => {
                            let why = format!(
                                "{}:{number} includes {}, which is not there",
                                printable(path),
                                printable(&folder)
                            );
                            return Err(format!("{why}: its server would not start"));
                        }
                        Some(_) => return Err(format!("{} cannot be read", printable(&folder))),
                    }
                }
                OptionLine::Setting(name, value) if counts => into.given.push(Given {
                    name: name.to_owned(),
                    value,
                    origin: Origin::File(printable(path), *number),
                }),
                OptionLine::Setting(..) | OptionLine::Nothing => {}
            }
        }
        Ok(())
    }
}

/// Whether a path that a server names is one of those that were seen, or in a folder of those.
pub(super) fn is_seen(seen: &BTreeSet<String>, path: &str) -> bool {
    let path = plain(path);
    let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
    seen.contains(&path) || folder.is_some_and(|folder| seen.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    const DEBIAN: &str = include_str!("../../fixtures/raw/option-files-debian.txt");

    /// All that a server takes from that file, once nothing is wanted any more.
    fn taken(texts: &[&str], path: &str, groups: &BTreeSet<String>) -> Read<Vec<String>> {
        let mut files = OptionFiles::default();
        for text in texts {
            files.add(&format!("{}option-files 1\n", text.trim_end_matches("option-files 1\n")))?;
        }
        let mut into = Taken::default();
        files.take(path, true, groups, &mut into)?;
        assert_eq!(into.wanted, BTreeSet::new());
        let say = |given: Given| match given.origin {
            Origin::File(path, line) => {
                format!("{path}:{line} {}={}", given.name, given.value.as_deref().unwrap_or("-"))
            }
            other => format!("{other:?}"),
        };
        Ok(into.given.into_iter().map(say).collect())
    }

    #[test]
    fn a_machine_of_debians() {
        let maria = groups(&server(Flavour::MariaDb, Version(10, 11, 18)), None);
        let said = taken(&[DEBIAN], "/etc/mysql/my.cnf", &maria).unwrap();
        assert_eq!(
            said,
            [
                "/etc/mysql/mariadb.conf.d/50-server.cnf:10 read_only=1",
                "/etc/mysql/mariadb.conf.d/99-local.cnf:2 read-only=OFF",
                "/etc/mysql/mariadb.conf.d/99-local.cnf:5 skip-slave-start=-",
            ]
        );
        let my = groups(&server(Flavour::MySql, Version(8, 4, 3)), None);
        assert_eq!(taken(&[DEBIAN], "/etc/mysql/my.cnf", &my).unwrap().len(), 2, "[mariadb-10.11] is not MySQL's");
    }

    #[test]
    fn what_is_missing_is_wanted_in_turn() {
        let my = groups(&server(Flavour::MySql, Version(9, 7, 4)), Some("2"));
        let mut files = OptionFiles::default();
        let mut steps = vec![];
        for answer in [
            "file /etc/my.cnf\n1:!includedir /etc//my.cnf.d\n2:[mysqld2]\n3:read_only=0\n",
            "folder /etc/my.cnf.d/\nfile /etc/my.cnf.d/b.cnf\n1:[mysqld]\n2:read_only\nignored /etc/my.cnf.d/a.cnf\n",
        ] {
            let mut into = Taken::default();
            files.take("/etc/my.cnf", true, &my, &mut into).unwrap();
            steps.push(into.wanted.into_iter().collect::<Vec<_>>().join(" "));
            files.add(&format!("{answer}option-files 1\n")).unwrap();
        }
        assert_eq!(steps, ["/etc/my.cnf", "/etc/my.cnf.d/"]);
        let mut into = Taken::default();
        files.take("/etc/my.cnf", true, &my, &mut into).unwrap();
        let lines: Vec<Origin> = into.given.into_iter().map(|given| given.origin).collect();
        assert_eq!(lines, [Origin::File("/etc/my.cnf.d/b.cnf".into(), 2), Origin::File("/etc/my.cnf".into(), 3)]);
        assert!(is_seen(&into.seen, "/etc//my.cnf.d//gone.cnf") && !is_seen(&into.seen, "/opt/my.cnf"));
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        let my = groups(&server(Flavour::MySql, Version(9, 7, 4)), None);
        for (text, why) in [
            ("none /f\n", "would not start"),
            ("unclear /f\n", "/f cannot be read"),
            ("file /f\n1:!include x.cnf\n", "/f:1 includes `x.cnf`"),
            ("file /f\n1:!include /x # why\n", "does not follow"),
            ("file /f\n4:!includedir /d\nnone /d/\n", "/f:4 includes /d/, which is not there"),
            ("file /f\n4:!includedir /d\nunclear /d/\n", "/d/ cannot be read"),
            ("sh: grep: not found\n", "not understood"),
        ] {
            let said = taken(&[text], "/f", &my);
            assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{text}: {said:?}");
        }
        assert!(OptionFiles::default().add("file /f\n").is_err(), "no end");
        // one that includes itself is read eleven times, as servers do
        assert_eq!(taken(&["file /f\n1:[mysqld]\n2:read_only\n3:!include /f\n"], "/f", &my).unwrap().len(), 11);
    }
}
