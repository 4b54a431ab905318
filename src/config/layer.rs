//! One level of settings (`defaults`, a pair, or a node), each with its place, and the cascade of levels.

use std::path::PathBuf;

use super::limits::LimitsLayer;
use super::secret::PasswordSource;
use super::tree::Span;
use crate::model::{Host, Interface, UserName};

/// A setting on one level.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    /// Not given.
    #[default]
    Absent,
    /// Given, and wrong; the mistake is noted already, so nobody should complain that it is missing.
    Bad,
    /// Given, with its place.
    Good(T, Span),
}

impl<T: Clone> Field<T> {
    /// This level's value, or else the one of the level above.
    pub(super) fn or(&self, above: &Self) -> Self {
        match self {
            Self::Absent => above.clone(),
            Self::Bad | Self::Good(..) => self.clone(),
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Good(value, _) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    pub(super) fn span(&self) -> Option<Span> {
        match self {
            Self::Good(_, span) => Some(span.clone()),
            Self::Absent | Self::Bad => None,
        }
    }
}

/// The settings of one level, or of several on top of each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) interface: Field<Interface>,
    pub(super) mysql_host: Field<Host>,
    pub(super) mysql_port: Field<u16>,
    pub(super) mysql_user: Field<String>,
    pub(super) password: Field<PasswordSource>,
    pub(super) tls_ca: Field<PathBuf>,
    pub(super) tls_name: Field<Host>,
    pub(super) ssh_host: Field<Host>,
    pub(super) ssh_port: Field<u16>,
    pub(super) ssh_user: Field<UserName>,
    pub(super) ssh_sudo: Field<bool>,
    pub(super) ssh_config: Field<PathBuf>,
    pub(super) limits: LimitsLayer,
}

impl Layer {
    /// This level on top of the one above it.
    pub(super) fn over(&self, above: &Self) -> Self {
        // every field is named, so that a new one cannot be left out of the cascade
        let Self {
            interface,
            mysql_host,
            mysql_port,
            mysql_user,
            password,
            tls_ca,
            tls_name,
            ssh_host,
            ssh_port,
            ssh_user,
            ssh_sudo,
            ssh_config,
            limits,
        } = self;
        Self {
            interface: interface.or(&above.interface),
            mysql_host: mysql_host.or(&above.mysql_host),
            mysql_port: mysql_port.or(&above.mysql_port),
            mysql_user: mysql_user.or(&above.mysql_user),
            password: password.or(&above.password),
            tls_ca: tls_ca.or(&above.tls_ca),
            tls_name: tls_name.or(&above.tls_name),
            ssh_host: ssh_host.or(&above.ssh_host),
            ssh_port: ssh_port.or(&above.ssh_port),
            ssh_user: ssh_user.or(&above.ssh_user),
            ssh_sudo: ssh_sudo.or(&above.ssh_sudo),
            ssh_config: ssh_config.or(&above.ssh_config),
            limits: limits.over(&above.limits),
        }
    }
}
