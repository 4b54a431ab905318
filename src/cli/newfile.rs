//! A file that a command writes for people to keep: whole or not at all, and never over another one by accident.
#![expect(clippy::disallowed_methods, reason = "writing such a file is this file's job")]

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Exit, Stop};
use crate::model::printable;

/// Everybody may read it: there is no secret in it. Nobody else may write it, or flipper would not take it.
const MODE: u32 = 0o644;

/// Whether something has that name.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Writes a file. What is there under that name is replaced only where that was said.
pub(super) fn write(path: &Path, text: &str, replace: bool) -> Result<(), Stop> {
    let shown = || printable(&path.display().to_string());
    let unwritable = |why: std::io::Error| {
        let help = "name a file in a folder that is there and that you may write to";
        Stop::say(Exit::Usage, "flipper::usage::file", format!("cannot write {}: {why}", shown()), help)
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // in the same folder, because a rename does not cross file systems
    let mut file = tempfile::Builder::new().prefix(".flipper-").tempfile_in(folder).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    file.as_file().set_permissions(Permissions::from_mode(MODE)).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    if replace {
        file.persist(path).map_err(|error| unwritable(error.error))?;
    } else {
        file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => in_the_way(path),
            _ => unwritable(error.error),
        })?;
    }
    // the name is on disk only when the folder is
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)
}

/// Something has that name already.
pub(super) fn in_the_way(path: &Path) -> Stop {
    Stop::say(
        Exit::Usage,
        "flipper::usage::exists",
        format!("{} is there already", printable(&path.display().to_string())),
        "name another file with -o, or say that it may go: --replace",
    )
}
