//! One level of settings (`defaults`, a pair, or a node), each with its place, and the cascade of levels.

use std::path::PathBuf;

use super::field::Field;
use super::limits::LimitsLayer;
use super::raw;
use super::secret::PasswordSource;
use super::tree::At;
use super::value::Reader;
use crate::model::{Host, Interface, UserName};

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

impl Reader<'_> {
    /// One level. `limits` is `None` where the level has none (a node).
    pub(super) fn layer(
        &mut self,
        at: &At<'_>,
        interface: Option<&String>,
        mysql: Option<&raw::Mysql>,
        ssh: Option<&raw::Ssh>,
        limits: Option<&raw::Limits>,
    ) -> Layer {
        let mut layer = Layer {
            interface: self.word(
                "flipper::config::bad_interface",
                "an interface is what `ip link` calls it",
                interface,
                at,
                "interface",
            ),
            limits: limits.map_or_else(LimitsLayer::default, |raw| self.limits(&at.field("limits"), raw)),
            ..Layer::default()
        };
        if let Some(raw) = mysql {
            let at = at.field("mysql");
            layer.mysql_host = self.host(raw.host.as_ref(), &at, "host");
            layer.mysql_port = self.port(raw.port, &at);
            layer.mysql_user = self.mysql_user(raw.user.as_ref(), &at);
            layer.password = self.password(raw, &at);
            if let Some(raw) = &raw.tls {
                let at = at.field("tls");
                layer.tls_ca = self.path(raw.ca_file.as_ref(), &at, "ca_file");
                layer.tls_name = self.host(raw.name.as_ref(), &at, "name");
            }
        }
        if let Some(raw) = ssh {
            let at = at.field("ssh");
            layer.ssh_host = self.host(raw.host.as_ref(), &at, "host");
            layer.ssh_port = self.port(raw.port, &at);
            layer.ssh_user = self.word(
                "flipper::config::bad_user",
                "leave `user` out for ssh's own default",
                raw.user.as_ref(),
                &at,
                "user",
            );
            layer.ssh_sudo = raw.sudo.map_or(Field::Absent, |sudo| Field::Good(sudo, at.field("sudo").value()));
            layer.ssh_config = self.path(raw.config_file.as_ref(), &at, "config_file");
        }
        layer
    }
}
