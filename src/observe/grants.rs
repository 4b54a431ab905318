//! What flipper's account may do on a server, and who else is above a read-only switch.
//!
//! Of its own account what counts is what holds in its session: what it was granted itself, what roles give it that are
//! active since it logged in, and what everybody has. `SHOW GRANTS` tells exactly that, on both families; the tables
//! of `information_schema` leave roles out.

use std::collections::{BTreeMap, BTreeSet};

use super::server::Read;
use crate::dialect::{DATA_RIGHTS, On, Privilege, Release, privileges_needed};
use crate::link::Table;
use crate::model::{Fencing, Server, Version, printable};

/// Stands for every privilege that can be granted there.
const ALL: &str = "ALL PRIVILEGES";

/// Privileges as far as flipper's account sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Grants {
    /// Its own: the place (empty: everywhere; a schema, a table, a routine), and the privilege.
    own: BTreeSet<(String, String)>,
    /// What it has everywhere but there.
    revoked: BTreeSet<(String, String)>,
    /// Others' users, by privilege, also those who have it by a role, active or not: they may make it so at any time.
    others: BTreeMap<String, BTreeSet<String>>,
    /// Why those are not known.
    unseen: Option<String>,
}

impl Grants {
    /// Whether the account has a privilege on everything.
    pub(super) fn has(&self, privilege: &str) -> bool {
        self.has_on("", privilege)
    }

    fn has_on(&self, place: &str, privilege: &str) -> bool {
        self.own.iter().any(|(at, name)| at == place && (name == privilege || name == ALL))
    }

    /// Whether it has a privilege on a schema.
    fn has_in(&self, schema: &str, privilege: &str) -> bool {
        let revoked = self.revoked.contains(&(schema.to_owned(), privilege.to_owned()));
        (self.has(privilege) && !revoked) || self.has_on(schema, privilege)
    }

    /// Who has a privilege, by user name.
    pub(super) fn holders(&self, privilege: &str) -> Read<BTreeSet<&str>> {
        if let Some(why) = &self.unseen {
            return Err(why.clone());
        }
        Ok(self.others.get(privilege).into_iter().flatten().map(String::as_str).collect())
    }

    /// Users whom no read-only switch of the server stops; `own`: the account that flipper uses.
    pub(super) fn unstopped<'a>(&'a self, server: &Server, own: &'a str) -> Read<BTreeSet<&'a str>> {
        // from 10.11 on SUPER alone does not let anybody write any more
        let privileges: &[&str] = match server.fencing() {
            Fencing::SuperReadOnly | Fencing::NoLockNoAdmin => &[],
            Fencing::ReadLock if server.version < Version(10, 11, 0) => &["READ_ONLY ADMIN", "SUPER"],
            Fencing::ReadLock => &["READ_ONLY ADMIN"],
        };
        let mut all = BTreeSet::new();
        for privilege in privileges {
            all.extend(self.holders(privilege)?);
            all.extend(self.has(privilege).then_some(own));
        }
        Ok(all)
    }

    /// These privileges of its own, on everything.
    #[cfg(test)]
    pub(super) fn of(names: &[&str]) -> Self {
        Self { own: names.iter().map(|name| (String::new(), (*name).to_owned())).collect(), ..Self::default() }
    }

    /// And these of others: user, privilege.
    #[cfg(test)]
    pub(super) fn beside(mut self, others: &[(&str, &str)]) -> Self {
        for (user, privilege) in others {
            self.others.entry((*privilege).to_owned()).or_default().insert((*user).to_owned());
        }
        self.unseen = others.is_empty().then(|| "flipper's account sees nobody else's".to_owned());
        self
    }
}

/// From `dialect::own_grants`, `dialect::privileges` and `dialect::roles`.
pub(super) fn grants(own: &Table, others: &Table, roles: &Read<Table>) -> Read<Grants> {
    let mut grants = Grants::default();
    for row in &own.0 {
        let line = row.columns().next().and_then(|(_, text)| text).unwrap_or_default();
        // what is not understood is not shown: MariaDB tells how the account proves who it is in such a line
        match granted(line).ok_or("the answer of SHOW GRANTS is not understood")? {
            Line::Given(privileges, place) => {
                grants.own.extend(privileges.into_iter().map(|name| (place.clone(), name)))
            }
            Line::Taken(privileges, place) => {
                grants.revoked.extend(privileges.into_iter().map(|name| (place.clone(), name)));
            }
            Line::Other => {}
        }
    }
    for row in &others.0 {
        let text = |name: &str| row.text(&[name]).map_err(|why| why.to_string());
        // 'user'@'host'
        let user = text("grantee")?.trim_start_matches('\'').split("'@'").next().unwrap_or_default().to_owned();
        grants.others.entry(text("privilege")?.to_owned()).or_default().insert(user);
    }
    // every server has an administrator: who sees none is not allowed to
    grants.unseen = match (grants.others.is_empty(), roles) {
        (true, _) => {
            let why = "flipper's account sees its own privileges only: SELECT ON mysql.* would show those of others";
            Some(why.to_owned())
        }
        (false, Err(why)) => Some(why.clone()),
        (false, Ok(roles)) => by_roles(&mut grants.others, roles).err(),
    };
    Ok(grants)
}

/// Adds those who have a privilege by a role, or by a role of a role.
fn by_roles(holders: &mut BTreeMap<String, BTreeSet<String>>, roles: &Table) -> Read<()> {
    let mut edges: Vec<(String, String)> = vec![];
    for row in &roles.0 {
        let text = |name: &str| row.text(&[name]).map(str::to_owned).map_err(|why| why.to_string());
        let (role, user, privilege) = (text("role")?, text("user")?, text("privilege")?);
        match privilege.is_empty() {
            true => edges.push((role, user)),
            false => drop(holders.entry(privilege).or_default().insert(role)),
        }
    }
    for users in holders.values_mut() {
        // as many rounds as roles can follow each other
        for _ in 0..edges.len() {
            let more: Vec<&String> = edges
                .iter()
                .filter(|(role, user)| users.contains(role) && !users.contains(user))
                .map(|(_, u)| u)
                .collect();
            if more.is_empty() {
                break;
            }
            users.extend(more.into_iter().cloned());
        }
    }
    Ok(())
}

/// A line of `SHOW GRANTS`.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Privileges, and where.
    Given(Vec<String>, String),
    /// The same, taken away from what is granted everywhere.
    Taken(Vec<String>, String),
    /// A role, a default role, or being somebody else.
    Other,
}

fn granted(line: &str) -> Option<Line> {
    if line.starts_with("SET DEFAULT ROLE ") {
        return Some(Line::Other);
    }
    let (rest, taken) = match (line.strip_prefix("GRANT "), line.strip_prefix("REVOKE ")) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return None,
    };
    let (before, after) = (plain(rest), if taken { " FROM " } else { " TO " });
    let to = before.find(after)?;
    let Some(on) = before.get(..to)?.find(" ON ") else {
        return Some(Line::Other);
    };
    let mut privileges = vec![];
    for part in before.get(..on)?.split(',') {
        // `SELECT (a, b)`: on columns only; what was inside is blank by now
        let name = part.split('(').next().unwrap_or_default().trim();
        match name {
            "PROXY" => return Some(Line::Other),
            "USAGE" => {}
            "" => return None,
            name => privileges.push(name.to_owned()),
        }
    }
    let place = place(rest.get(on + " ON ".len()..to)?)?;
    Some(if taken { Line::Taken(privileges, place) } else { Line::Given(privileges, place) })
}

/// The same length, with blanks in the place of what stands in quotes or in brackets.
fn plain(text: &str) -> String {
    let (mut quote, mut depth) = (None, 0_u32);
    let keep = |c: char, blank: bool| if blank { " ".repeat(c.len_utf8()) } else { c.to_string() };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let blank = quote.is_some() || depth > 0;
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '`' | '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        out += &keep(c, blank);
    }
    out
}

/// `*.*`, `` `app`.* ``, `` `app`.`t` ``, `` PROCEDURE `app`.`p` ``: as a person writes it, and without the stars.
fn place(text: &str) -> Option<String> {
    if text == "*.*" {
        return Some(String::new());
    }
    let text = text.strip_suffix(".*").unwrap_or(text);
    let (mut out, mut quote) = (String::new(), None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) if c == open && chars.peek() == Some(&open) => {
                chars.next();
                out.push(c);
            }
            Some(open) if c == open => quote = None,
            None if matches!(c, '`' | '"' | '\'') => quote = Some(c),
            _ => out.push(c),
        }
    }
    (quote.is_none() && !out.is_empty()).then_some(out)
}

/// What flipper needs and the account does not have.
pub(super) fn missing_grants(server: &Server, grants: &Grants) -> Vec<String> {
    let has = |need: &Privilege| {
        let here = |name: &str| match need.on {
            On::Server => grants.has(name),
            On::PerformanceSchema => grants.has_in("performance_schema", name),
        };
        here(need.name) || need.within.iter().any(|name| here(name))
    };
    let missing = privileges_needed(Release::of(server)).into_iter().filter(|need| !has(need));
    missing
        .map(|need| match need.on {
            On::Server => need.name.to_owned(),
            on => format!("{} ON {}", need.name, on.spelled()),
        })
        .collect()
}

/// Rights to change data that the account has, which it needs for nothing. What is in the server's own memory is no data.
pub(super) fn data_rights(grants: &Grants) -> Vec<String> {
    let changes = |(place, name): &&(String, String)| {
        let schema = place.split('.').next().unwrap_or_default();
        schema != "performance_schema" && (name == ALL || DATA_RIGHTS.contains(&name.as_str()))
    };
    let all = grants.own.iter().filter(changes);
    all.map(|(place, name)| match place.as_str() {
        "" => format!("{name} ON *.*"),
        place => printable(&format!("{name} ON {place}")),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::rows;
    use super::*;
    use crate::model::Flavour;

    fn server(flavour: Flavour, version: Version) -> Server {
        Server { flavour, version, server_id: 1, uuid: None, hostname: "db1".to_owned() }
    }

    fn read(text: &str) -> Grants {
        grants(&rows(text), &Table::default(), &Ok(Table::default())).unwrap()
    }

    const MYSQL: &str = include_str!("../../fixtures/raw/mysql-9.7-grants.tsv");
    const MARIADB: &str = include_str!("../../fixtures/raw/mariadb-10.11-grants.tsv");

    #[test]
    fn roles_that_are_active_count_on_both_families() {
        let my = read(MYSQL);
        let lacks = missing_grants(&server(Flavour::MySql, Version(9, 7, 4)), &my);
        assert_eq!(lacks, ["REPLICATION_SLAVE_ADMIN", "XA_RECOVER_ADMIN"]);
        let maria = read(MARIADB);
        let lacks = missing_grants(&server(Flavour::MariaDb, Version(10, 11, 18)), &maria);
        assert_eq!(lacks, ["REPLICATION SLAVE ADMIN", "SLAVE MONITOR", "RELOAD"]);
        for grants in [my, maria] {
            assert_eq!(data_rights(&grants), ["ALL PRIVILEGES ON app", "UPDATE ON app.t"]);
        }
    }

    #[test]
    fn one_of_several_privileges_is_enough() {
        let maria = |v| server(Flavour::MariaDb, v);
        let old = Grants::of(&["SUPER", "PROCESS", "RELOAD", "BINLOG MONITOR", "SLAVE MONITOR"]);
        assert_eq!(missing_grants(&maria(Version(10, 6, 1)), &old), [] as [&str; 0]);
        let new = missing_grants(&maria(Version(10, 11, 1)), &old);
        assert_eq!(new, ["READ_ONLY ADMIN", "CONNECTION ADMIN", "REPLICATION SLAVE ADMIN"]);
        let my = Grants::of(&["SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN", "REPLICATION CLIENT", "PROCESS"]);
        let missing = missing_grants(&server(Flavour::MySql, Version(9, 7, 0)), &my);
        assert_eq!(missing, ["REPLICATION_SLAVE_ADMIN", "XA_RECOVER_ADMIN", "SELECT ON performance_schema.*"]);
        let all = read("Grants for f@h\nGRANT ALL PRIVILEGES ON *.* TO `f`@`h` WITH GRANT OPTION\n");
        assert_eq!(missing_grants(&maria(Version(11, 8, 3)), &all), [] as [&str; 0]);
        assert_eq!(data_rights(&all), ["ALL PRIVILEGES ON *.*"]);
    }

    #[test]
    fn what_is_granted_on_a_part_counts_there_only() {
        let my = server(Flavour::MySql, Version(9, 7, 0));
        let lacks = |grants: &Grants, name: &str| missing_grants(&my, grants).iter().any(|lack| lack.starts_with(name));
        let some = read(
            "Grants for f@h\nGRANT PROCESS ON *.* TO `f`@`h`\nGRANT SELECT ON `performance_schema`.* TO `f`@`h`\n\
             GRANT UPDATE ON `performance_schema`.`x` TO `f`@`h`\nGRANT SELECT ON `app`.* TO `f`@`h`\n\
             GRANT INSERT ON `app`.`t` TO `f`@`h`\nGRANT ALTER ROUTINE ON PROCEDURE `app`.`p` TO `f`@`h`\n",
        );
        assert_eq!(data_rights(&some), ["ALTER ROUTINE ON PROCEDURE app.p", "INSERT ON app.t"]);
        assert!(!lacks(&some, "PROCESS") && !lacks(&some, "SELECT"));
        let elsewhere = read(
            "Grants for f@h\nGRANT DROP, SELECT ON *.* TO `f`@`h`\nGRANT PROCESS ON `app`.* TO `f`@`h`\n\
             REVOKE SELECT ON `performance_schema`.* FROM `f`@`h`\n",
        );
        assert!(lacks(&elsewhere, "PROCESS") && lacks(&elsewhere, "SELECT"));
        assert_eq!(data_rights(&elsewhere), ["DROP ON *.*"]);
    }

    #[test]
    fn others_by_roles_of_roles() {
        let others = rows("grantee\tprivilege\n'root'@'localhost'\tSUPER\n");
        let all =
            "role\tuser\tprivilege\ndba\tstaff\t\nstaff\tanna\t\nother\tbob\t\nstaff\tdba\t\ndba\t\tREAD_ONLY ADMIN\n";
        let seen = grants(&Table::default(), &others, &Ok(rows(all))).unwrap();
        assert_eq!(seen.holders("READ_ONLY ADMIN"), Ok(["anna", "dba", "staff"].into()));
        assert_eq!(seen.holders("SUPER"), Ok(["root"].into()));
        let blind = grants(&Table::default(), &others, &Err("denied".to_owned())).unwrap();
        assert_eq!(blind.holders("SUPER"), Err("denied".to_owned()));
    }

    #[test]
    fn names_may_be_anything() {
        let given = |names: &[&str], place: &str| {
            Some(Line::Given(names.iter().map(|n| (*n).to_owned()).collect(), place.to_owned()))
        };
        let line = "GRANT SELECT (`a``b,c`, `d)`), UPDATE (`x TO y`) ON `a ON b`.`t``u` TO `f`@`h`";
        assert_eq!(granted(line), given(&["SELECT", "UPDATE"], "a ON b.t`u"));
        // MySQL 5.7, and a server that was told to quote as the standard does
        assert_eq!(granted("GRANT SUPER ON *.* TO 'f'@'h'"), given(&["SUPER"], ""));
        assert_eq!(granted("GRANT ALL PRIVILEGES ON \"app\".* TO \"f\"@\"h\""), given(&["ALL PRIVILEGES"], "app"));
        let secret = "GRANT USAGE ON *.* TO `f`@`h` IDENTIFIED BY PASSWORD '* ON x TO y'";
        assert_eq!(granted(secret), given(&[], ""));
        for other in ["GRANT `r ON x`@`%`,`s`@`%` TO `f`@`h`", "GRANT PROXY ON ''@'' TO 'f'@'h' WITH GRANT OPTION"] {
            assert_eq!(granted(other), Some(Line::Other), "{other}");
        }
        for bad in ["", "x", "GRANT", "GRANT ALL", "GRANT SELECT ON `a TO x"] {
            assert_eq!(granted(bad), None, "{bad}");
        }
        let unread = grants(
            &rows("Grants for f@h\nSOMETHING IDENTIFIED BY PASSWORD '*secret'\n"),
            &Table::default(),
            &Ok(Table::default()),
        );
        assert!(unread.is_err_and(|why| !why.contains("secret")));
    }
}
