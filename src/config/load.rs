//! Finding the config file.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use super::Config;
use super::mistake::{ConfigErrors, Mistake};
use super::read::{self, Opened, Refused};
use super::secret::Env;
use crate::model::printable;

/// Why there is no config.
#[derive(Debug, Error, Diagnostic)]
#[non_exhaustive]
pub enum LoadError {
    /// None of the places has one.
    #[error("there is no config file; looked at {}", list(.looked))]
    #[diagnostic(
        code(flipper::config::not_found),
        help("`flipper init -o flipper.ron` writes one; name one elsewhere with --config FILE or $FLIPPER_CONFIG")
    )]
    NotFound {
        /// Where flipper looked, in order.
        looked: Vec<PathBuf>,
    },
    /// The file that was asked for is not there.
    #[error("there is no config file {}, which {by} names", shown(.path))]
    #[diagnostic(
        code(flipper::config::not_found),
        help("check the path; flipper looks nowhere else when it is told one")
    )]
    NotThere {
        /// The file.
        path: PathBuf,
        /// `--config` or `$FLIPPER_CONFIG`.
        by: &'static str,
    },
    /// It is there and cannot be read.
    #[error("cannot read the config file {}: {why}", shown(.path))]
    #[diagnostic(
        code(flipper::config::unreadable),
        help("let this user read the file, or name another one with --config FILE")
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Anybody may write to it.
    #[error("anybody on this machine may change the config file {}", shown(.path))]
    #[diagnostic(
        code(flipper::config::world_writable),
        help("whoever writes it decides which servers flipper moves: look through it, then chmod o-w {}", shown(.path))
    )]
    WorldWritable {
        /// The file.
        path: PathBuf,
    },
    /// The file in the working folder belongs to somebody else.
    #[error("{} belongs to user id {owner}, neither to this user nor to root", shown(.path))]
    #[diagnostic(
        code(flipper::config::foreign),
        help("a config found by chance in the working folder must be your own; to use it all the same: --config {}", shown(.path))
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Its contents are wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wrong(#[from] ConfigErrors),
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ")
}

/// Finds, reads and checks the config: the file given, or else `$FLIPPER_CONFIG`, `./flipper.ron`,
/// `$XDG_CONFIG_HOME/flipper/flipper.ron` (`~/.config` where that is not set) and `/etc/flipper/flipper.ron`, the first
/// one that is there.
///
/// # Errors
///
/// If there is none, if it cannot be read or others could have written it, and for every mistake in it.
pub fn load(explicit: Option<&Path>, env: &Env<'_>) -> Result<Config, LoadError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME");
    let told = match explicit {
        Some(path) => Some((path.to_owned(), "--config")),
        None => set("FLIPPER_CONFIG").map(|path| (path, "$FLIPPER_CONFIG")),
    };
    if let Some((path, by)) = told {
        return match open(&path)? {
            Some(opened) => parse(path, &opened, home.as_deref()),
            None => Err(LoadError::NotThere { path, by }),
        };
    }
    let looked = places(set("XDG_CONFIG_HOME"), home.as_deref());
    for (index, path) in looked.iter().enumerate() {
        let Some(opened) = open(path)? else { continue };
        // only the first place can be a folder of somebody else's: flipper could be pointed at any server, or made to
        // run any command by the ssh configuration, just by being started there
        if let (0, Some(owner)) = (index, opened.foreign) {
            return Err(LoadError::Foreign { path: path.clone(), owner });
        }
        return parse(path.clone(), &opened, home.as_deref());
    }
    Err(LoadError::NotFound { looked })
}

/// Where to look, in order.
fn places(xdg: Option<PathBuf>, home: Option<&Path>) -> Vec<PathBuf> {
    // the XDG specification: a relative one is to be ignored
    let user = xdg.filter(|path| path.is_absolute()).or_else(|| home.map(|home| home.join(".config")));
    let mut out = vec![PathBuf::from("./flipper.ron")];
    out.extend(user.map(|folder| folder.join("flipper/flipper.ron")));
    out.push(PathBuf::from("/etc/flipper/flipper.ron"));
    out
}

fn open(path: &Path) -> Result<Option<Opened>, LoadError> {
    let opened = read::config(path).map_err(|refused| {
        let why = match refused {
            Refused::Io(why) => why,
            Refused::NotAFile => "it is a folder".to_owned(),
            Refused::Mode(_) | Refused::Owner(_) => "others may change it".to_owned(),
        };
        LoadError::Unreadable { path: path.to_owned(), why }
    })?;
    match opened {
        Some(opened) if opened.world_writable => Err(LoadError::WorldWritable { path: path.to_owned() }),
        opened => Ok(opened),
    }
}

fn parse(path: PathBuf, opened: &Opened, home: Option<&Path>) -> Result<Config, LoadError> {
    let name = path.display().to_string();
    let text = decode(&name, &opened.bytes)?;
    let config = Config::parse(&name, text, &read::folder_of(&path), home)?;
    Ok(Config { path, ..config })
}

/// The text of a file.
///
/// # Errors
///
/// A mistake at the first byte that is not UTF-8.
pub fn decode<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, ConfigErrors> {
    str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let mistake = Mistake::new(
            "flipper::config::not_utf8",
            at..at + 1,
            "the config is not UTF-8",
            format!("byte 0x{byte:02X}"),
        )
        .help("save the file as UTF-8; `iconv -f latin1 -t utf-8` turns an old encoding into it");
        // up to the place the text is the same, and only the place is shown
        ConfigErrors::new(name, &String::from_utf8_lossy(bytes), vec![mistake])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_order() {
        let shown = |xdg: Option<&str>, home: Option<&str>| list(&places(xdg.map(PathBuf::from), home.map(Path::new)));
        assert_eq!(shown(Some("/x"), Some("/h")), "./flipper.ron, /x/flipper/flipper.ron, /etc/flipper/flipper.ron");
        assert_eq!(
            shown(Some("relative"), Some("/h")),
            "./flipper.ron, /h/.config/flipper/flipper.ron, /etc/flipper/flipper.ron"
        );
        assert_eq!(shown(None, None), "./flipper.ron, /etc/flipper/flipper.ron");
    }
}
