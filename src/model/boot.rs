//! What a server will be after its next start, and what says so.

use std::fmt;

use super::WriteAccess;

/// What decides a setting of a server that starts. Later ones win: files by their order, the command line over files,
/// what was persisted over both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nothing sets it.
    Default,
    /// An option file, and the line in it.
    File(String, u32),
    /// The words that the server was started with.
    CommandLine,
    /// `SET PERSIST` (MySQL).
    Persisted,
}

/// A setting as it will be, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ruling {
    /// As it is written there, `read_only=OFF`; where nothing is, the name alone.
    pub setting: String,
    /// Where.
    pub origin: Origin,
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = &self.setting;
        match &self.origin {
            Origin::Default => write!(f, "nothing sets {setting}"),
            Origin::File(path, line) => write!(f, "{setting} in {path}:{line}"),
            Origin::CommandLine => write!(f, "{setting} on its command line"),
            Origin::Persisted => write!(f, "{setting}, persisted"),
        }
    }
}

/// Whom a server lets write after its next start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootAccess {
    /// Whom.
    pub access: WriteAccess,
    /// What says so.
    pub ruling: Ruling,
}

/// Whether a server starts its replication threads by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootReplication {
    /// Whether, where it has a channel.
    pub by_itself: bool,
    /// What says so.
    pub ruling: Ruling,
}

/// What systemd does with the server when the machine starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootUnit {
    /// Its unit.
    pub name: String,
    /// As `systemctl is-enabled` says: `enabled`, `disabled`, `masked-runtime`.
    pub state: String,
}

impl BootUnit {
    /// Whether the unit is started with the machine. `None`: that depends on other units.
    #[must_use]
    pub fn is_started(&self) -> Option<bool> {
        match self.state.as_str() {
            "enabled" | "generated" => Some(true),
            // of a runtime state nothing is left after a restart: what is below it counts, and is not told
            "disabled" | "masked" => Some(false),
            _ => None,
        }
    }
}
