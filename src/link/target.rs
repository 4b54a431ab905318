//! Where a node is reached, and as whom.

use std::path::PathBuf;

use super::ear::Ear;
use crate::model::{Host, UserName};

/// A MySQL server and the account to use there.
///
/// Has no `Debug`: the password must not get into a log line by accident.
#[derive(Clone)]
pub struct MysqlTarget {
    /// Where the server is.
    pub host: Host,
    /// Its TCP port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// TLS, unless the network is trusted.
    pub tls: Option<TlsTarget>,
    /// Hears what is said there.
    pub ear: Ear,
    password: String,
}

/// How a server proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsTarget {
    /// Certificates of the authorities that may vouch for the server (PEM); no others are trusted.
    pub ca_file: PathBuf,
    /// The name in its certificate; its host when `None`.
    pub name: Option<Host>,
}

impl MysqlTarget {
    /// A target without TLS.
    #[must_use]
    pub fn new(host: Host, port: u16, user: String, password: String) -> Self {
        Self { host, port, user, tls: None, ear: Ear::default(), password }
    }

    /// The same, with TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<TlsTarget>) -> Self {
        self.tls = tls;
        self
    }

    /// The same, with somebody who listens.
    #[must_use]
    pub fn heard_by(mut self, ear: Ear) -> Self {
        self.ear = ear;
        self
    }

    /// The other one is logged in to in the same way, but for the place.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.user == other.user && self.password == other.password && self.tls.is_none() && other.tls.is_none()
    }

    /// The same account at another address (a floating one). The certificate must still be this server's.
    #[must_use]
    pub fn at(&self, host: Host) -> Self {
        let mut other = self.clone();
        if let Some(tls) = &mut other.tls {
            tls.name.get_or_insert_with(|| self.host.clone());
        }
        other.host = host;
        other
    }

    /// For the driver alone.
    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

/// A machine and how to log in there. What is not said here, the operator's ssh configuration says.
#[derive(Debug, Clone)]
pub struct SshTarget {
    /// An address, a name, or an alias of the ssh configuration.
    pub host: Host,
    /// TCP port.
    pub port: Option<u16>,
    /// The account.
    pub user: Option<UserName>,
    /// Changes need `sudo`: for whoever spells them, the shell itself never runs as root.
    pub sudo: bool,
    /// Read instead of the operator's own configuration.
    pub config_file: Option<PathBuf>,
    /// Hears what is said there.
    pub ear: Ear,
}
