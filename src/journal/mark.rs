//! Who was declared dead: a mark beside the journals, from the survivor's opening until the node is back.
#![expect(clippy::disallowed_methods, reason = "a mark is a file, kept beside the journals")]

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::JournalError;
use super::folder::Home;
use crate::model::{Deposed, NodeName, PairName, printable};

/// The mark's name in the pair's folder.
const NAME: &str = "deposed.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    format: u32,
    node: String,
    since: String,
    position: String,
}

/// Who of a pair was declared dead and has not come back, as far as this machine knows.
///
/// # Errors
/// There is a mark, and it cannot be read: nobody knows whom it names.
pub fn deposed(home: &Home, pair: &PairName) -> Result<Option<(NodeName, Deposed)>, JournalError> {
    let path = place(home, pair);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(JournalError::unreadable(&path, &why)),
    };
    let mark: Mark = serde_json::from_str(&text).map_err(|why| JournalError::unreadable(&path, &why))?;
    let node = mark.node.parse().map_err(|why: crate::model::BadName| JournalError::unreadable(&path, &why))?;
    Ok(Some((node, Deposed { since: printable(&mark.since), position: printable(&mark.position) })))
}

/// Remembers that a node was declared dead.
///
/// # Errors
/// It cannot be written down.
pub fn depose(home: &Home, pair: &PairName, node: &NodeName, deposed: &Deposed) -> Result<(), JournalError> {
    let folder = home.ready(pair)?;
    let path = folder.join(NAME);
    let failed = |why: &dyn std::fmt::Display| JournalError::unwritable(&path, why);
    let Deposed { since, position } = deposed.clone();
    let mark = Mark { format: super::FORMAT, node: node.to_string(), since, position };
    let text = serde_json::to_string(&mark).map_err(|why| failed(&why))?;
    // whole or not at all, readable by its owner only
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(|why| failed(&why))?;
    writeln!(file, "{text}").and_then(|()| file.as_file().sync_all()).map_err(|why| failed(&why))?;
    file.persist(&path).map_err(|why| failed(&why))?;
    std::fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|why| failed(&why))
}

/// Forgets it: the node is back.
///
/// # Errors
/// The mark is there and cannot be removed.
pub fn restore(home: &Home, pair: &PairName, node: &NodeName) -> Result<(), JournalError> {
    if !matches!(deposed(home, pair), Ok(Some((marked, _))) if marked == *node) {
        return Ok(());
    }
    let path = place(home, pair);
    std::fs::remove_file(&path).map_err(|why| JournalError::unwritable(&path, &why))
}

fn place(home: &Home, pair: &PairName) -> PathBuf {
    home.of(pair).join(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_until_its_own_node_is_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let home = super::super::home(|name| (name == "XDG_STATE_HOME").then(|| path.clone().into())).expect("a home");
        let (pair, db1, db2): (PairName, NodeName, NodeName) =
            ("orders".parse().expect("a name"), "db1".parse().expect("a name"), "db2".parse().expect("a name"));
        assert!(deposed(&home, &pair).expect("nothing").is_none());
        let mark = Deposed { since: "2026-01-02T03:04:05Z".to_owned(), position: "0-1-30".to_owned() };
        depose(&home, &pair, &db1, &mark).expect("a mark");
        depose(&home, &pair, &db1, &mark).expect("the same again");
        assert_eq!(deposed(&home, &pair).expect("a mark"), Some((db1.clone(), mark)));
        restore(&home, &pair, &db2).expect("not this one");
        assert!(deposed(&home, &pair).expect("a mark").is_some());
        restore(&home, &pair, &db1).expect("back");
        assert!(deposed(&home, &pair).expect("nothing").is_none());
        std::fs::write(place(&home, &pair), "{").expect("a file");
        assert!(deposed(&home, &pair).is_err(), "garbage is not nobody");
    }
}
