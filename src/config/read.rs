//! The only code of this module that touches the file system.

#![expect(clippy::disallowed_methods, reason = "the one place of this module that touches files")]

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A config of this size in bytes is none.
const MOST: u64 = 4 * 1024 * 1024;

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// What the system said.
    Io(String),
    NotAFile,
    /// Permission bits that let others in.
    Mode(u32),
    /// Its owner is neither this user nor root.
    Owner(u32),
}

/// A config file that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) bytes: Vec<u8>,
    /// Anybody may write to it.
    pub(super) world_writable: bool,
    /// Its owner, where that is neither this user nor root.
    pub(super) foreign: Option<u32>,
}

/// Reads a config file; `None` if there is none. It may be a pipe.
pub(super) fn config(path: &Path) -> Result<Option<Opened>, Refused> {
    let file = match File::open(path) {
        Ok(file) => file,
        // a folder of the path that is a file is "not there" too
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(Refused::Io(error.to_string())),
    };
    // of the open file, so that nobody can swap it in between
    let meta = file.metadata().map_err(|error| Refused::Io(error.to_string()))?;
    if meta.is_dir() {
        return Err(Refused::NotAFile);
    }
    let world_writable = meta.is_file() && meta.mode() & 0o002 != 0;
    let foreign = foreign_owner(&meta);
    let bytes = bytes(file)?;
    Ok(Some(Opened { bytes, world_writable, foreign }))
}

/// Reads a file that holds a password: a regular file of this user or root, closed to everybody else.
pub(super) fn private(path: &Path) -> Result<Vec<u8>, Refused> {
    let io = |error: std::io::Error| Refused::Io(error.to_string());
    // before it is opened as well: opening a pipe would wait for its writer
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(Refused::NotAFile);
    }
    let file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(Refused::NotAFile);
    }
    if let Some(owner) = foreign_owner(&meta) {
        return Err(Refused::Owner(owner));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(Refused::Mode(meta.mode() & 0o7777));
    }
    bytes(file)
}

/// Reads a regular file that is no secret, whoever owns it.
pub(super) fn anybodys(path: &Path) -> Result<Vec<u8>, Refused> {
    let io = |error: std::io::Error| Refused::Io(error.to_string());
    // before it is opened: opening a pipe would wait for its writer
    match std::fs::metadata(path).map_err(io)?.is_file() {
        true => bytes(File::open(path).map_err(io)?),
        false => Err(Refused::NotAFile),
    }
}

/// The folder that relative paths of a config start at, in full.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn bytes(file: File) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| Refused::Io(error.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(Refused::Io(format!("it has more than {MOST} bytes")));
    }
    Ok(bytes)
}

/// The owner of a file, where that is neither this user nor root.
fn foreign_owner(meta: &Metadata) -> Option<u32> {
    let uid = meta.uid();
    // the standard library has no call for the effective user, but a process and the files it makes belong to it; the
    // first is wrong where there is no /proc, the second fails on a full disk
    let same = |made: std::io::Result<Metadata>| made.is_ok_and(|made| made.uid() == uid);
    let own = uid == 0
        || same(std::fs::metadata("/proc/self"))
        || same(tempfile::tempfile().and_then(|file| file.metadata()));
    (!own).then_some(uid)
}
