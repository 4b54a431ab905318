//! The only place of this module that touches files.
#![expect(clippy::disallowed_methods, reason = "reading and writing plan and snapshot files is this file's job")]

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use super::error::{Kind, PlanFileError, shown};
use super::{PlanFile, from_text};

/// A plan has some KiB. Whatever is larger is something else, and is not read to its end.
const LARGEST: u64 = 4 << 20;

/// Writes a plan file: whole or not at all, readable by its owner only. A file that is already there is replaced
/// only if it is a plan too.
///
/// # Errors
/// When the text is not a plan, when a file is in the way, or when the folder cannot be written.
pub fn save(path: &Path, text: &str) -> Result<(), PlanFileError> {
    save_as(path, text, |name, text| from_text(name, text).map(drop), "a plan of flipper")
}

/// Reads a plan file.
///
/// # Errors
/// When it cannot be read, and as [`from_text`] does.
pub fn load(path: &Path) -> Result<PlanFile, PlanFileError> {
    from_text(&path.display().to_string(), &read(path, "a plan of flipper")?)
}

type Check = fn(&str, &str) -> Result<(), PlanFileError>;

pub(super) fn save_as(path: &Path, text: &str, check: Check, what: &str) -> Result<(), PlanFileError> {
    let name = path.display().to_string();
    // what load would refuse is not written in the first place
    check(&name, text)?;
    let replace = match read(path, what) {
        Ok(old) => check(&name, &old).is_ok(),
        Err(error) if error.is_not_found() => false,
        Err(_) => return Err(in_the_way(path, what)),
    };
    let unwritable = |cause| {
        PlanFileError::io(Kind::Write, "write", path, cause, "Give the name of a file in a folder that you may write.")
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // in the same folder, because a rename does not cross file systems; its mode is 0600 from the start
    let mut file = tempfile::Builder::new().prefix(".flipper-").tempfile_in(folder).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    if replace {
        file.persist(path).map_err(|e| unwritable(e.error))?;
    } else {
        file.persist_noclobber(path).map_err(|e| match e.error.kind() {
            ErrorKind::AlreadyExists => in_the_way(path, what),
            _ => unwritable(e.error),
        })?;
    }
    // the name is on disk only when the folder is
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)
}

fn in_the_way(path: &Path, what: &str) -> PlanFileError {
    let message = format!("{} exists, and it is not {what}", shown(path));
    PlanFileError::new(Kind::Exists, message, "Only such a file is replaced. Give another name, or move it away.")
}

pub(super) fn read(path: &Path, what: &str) -> Result<String, PlanFileError> {
    let unreadable = |cause| PlanFileError::io(Kind::Read, "read", path, cause, "Is it the right name?");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let not = |why: &str| {
        PlanFileError::new(Kind::Syntax, format!("{} is not {what}: it {why}", shown(path)), "Is it the right file?")
    };
    if bytes.len() as u64 > LARGEST {
        return Err(not("is larger than 4 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| not("is not UTF-8"))
}
