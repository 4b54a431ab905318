//! Settings as values: each text becomes what it means, or a mistake with its place.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::layer::{Field, Layer};
use super::limits::LimitsLayer;
use super::mask::is_env_name;
use super::mistake::Mistake;
use super::raw;
use super::secret::PasswordSource;
use super::tree::{At, Span};
use crate::model::{Host, printable};

/// Parses values, and notes what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) base: &'a Path,
    pub(super) home: Option<&'a Path>,
    pub(super) mistakes: Vec<Mistake>,
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

    /// A value whose type parses itself.
    fn word<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        code: &'static str,
        help: &str,
        given: Option<&String>,
        at: &At<'_>,
        field: &str,
    ) -> Field<T> {
        given.map_or(Field::Absent, |text| self.parse(code, help, text, at.field(field).value()))
    }

    /// The same, where the place is known already.
    pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        code: &'static str,
        help: &str,
        text: &str,
        span: Span,
    ) -> Field<T> {
        match text.parse() {
            Ok(value) => Field::Good(value, span),
            Err(error) => self.wrong(Mistake::new(code, span, error.to_string(), "here").help(help)),
        }
    }

    /// Notes a mistake in a value.
    pub(super) fn wrong<T>(&mut self, mistake: Mistake) -> Field<T> {
        self.mistakes.push(mistake);
        Field::Bad
    }

    /// A host: an address that means "every address" or a group reaches no one machine.
    pub(super) fn host(&mut self, given: Option<&String>, at: &At<'_>, field: &str) -> Field<Host> {
        let help = "a host is an IP address, a DNS name or an alias of the ssh configuration; ports and users have their \
                    own fields";
        let host: Field<Host> = self.word("flipper::config::bad_host", help, given, at, field);
        match &host {
            Field::Good(name, span) if name.ip().is_some_and(|ip| ip.is_unspecified() || ip.is_multicast()) => {
                let message = format!("`{name}` is no address of a machine");
                self.wrong(Mistake::new("flipper::config::bad_host", span.clone(), message, "here").help(help))
            }
            _ => host,
        }
    }

    fn port(&mut self, given: Option<i64>, at: &At<'_>) -> Field<u16> {
        let Some(port) = given else { return Field::Absent };
        let span = at.field("port").value();
        match u16::try_from(port) {
            Ok(port @ 1..) => Field::Good(port, span),
            Ok(0) | Err(_) => {
                let message = format!("{port} is not a TCP port");
                self.wrong(
                    Mistake::new("flipper::config::bad_port", span, message, "here")
                        .help("a port is a number from 1 to 65535; leave it out for the default"),
                )
            }
        }
    }

    fn mysql_user(&mut self, given: Option<&String>, at: &At<'_>) -> Field<String> {
        let Some(user) = given else { return Field::Absent };
        let span = at.field("user").value();
        // MariaDB allows 128 characters, MySQL 32; the server knows better than flipper which it is
        let rule = match user.chars().count() {
            0 => "the MySQL user is empty",
            129.. => "the MySQL user is longer than 128 characters",
            _ if user.chars().any(char::is_control) => "the MySQL user has control characters in it",
            _ => return Field::Good(user.clone(), span),
        };
        self.wrong(
            Mistake::new("flipper::config::bad_user", span, rule, "here")
                .help("name the account that `flipper setup` prints the grants for, without its `@host`"),
        )
    }

    fn password(&mut self, raw: &raw::Mysql, at: &At<'_>) -> Field<PasswordSource> {
        const WAYS: &str = "name one place to read it from: `password_env: \"FLIPPER_PASSWORD\"`, `password_file: \
                            \"…\"` (mode 600) or `option_file: \"~/.my.cnf\"`";
        if raw.password.is_some() {
            let span = at.field("password").key();
            return self.wrong(
                Mistake::new("flipper::config::password", span, "passwords do not belong into the config", "here")
                    .help(format!("take it out and change it if others could read this file; {WAYS}")),
            );
        }
        let given: Vec<&str> = [
            ("password_env", &raw.password_env),
            ("password_file", &raw.password_file),
            ("option_file", &raw.option_file),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.is_some().then_some(name))
        .collect();
        if let [first, second, ..] = given.as_slice() {
            return self.wrong(
                Mistake::new(
                    "flipper::config::two_passwords",
                    at.field(second).key(),
                    "the password has more than one source",
                    "another one",
                )
                .also(at.field(first).key(), "one source")
                .help("keep one of them; a pair or a node may name another than `defaults` does"),
            );
        }
        if let Some(name) = &raw.password_env {
            let span = at.field("password_env").value();
            if !is_env_name(name) {
                // not quoted in the message: it may be the password itself
                return self.wrong(
                    Mistake::new(
                        "flipper::config::bad_variable",
                        span,
                        "`password_env` does not name an environment variable",
                        "here",
                    )
                    .help("give the variable's name, not its value: letters, digits and `_`, no `$` in front"),
                );
            }
            return Field::Good(PasswordSource::Env(name.clone()), span);
        }
        let wrap = |field: Field<PathBuf>, source: fn(PathBuf) -> PasswordSource| match field {
            Field::Good(path, span) => Field::Good(source(path), span),
            Field::Bad => Field::Bad,
            Field::Absent => Field::Absent,
        };
        if raw.password_file.is_some() {
            return wrap(self.path(raw.password_file.as_ref(), at, "password_file"), PasswordSource::File);
        }
        wrap(self.path(raw.option_file.as_ref(), at, "option_file"), PasswordSource::OptionFile)
    }

    /// A file: `~/` is the home folder, and anything relative starts at the config file's folder.
    fn path(&mut self, given: Option<&String>, at: &At<'_>, field: &str) -> Field<PathBuf> {
        let Some(text) = given else { return Field::Absent };
        let span = at.field(field).value();
        let bad = |message: String, help: &str| {
            Mistake::new("flipper::config::bad_path", span.clone(), message, "here").help(help)
        };
        if text.is_empty() || text.contains('\0') {
            let message = format!("`{field}` does not name a file");
            return self
                .wrong(bad(message, "give a path: absolute, under `~/`, or relative to the config file's folder"));
        }
        if text == "~" || text.starts_with("~/") {
            let Some(home) = self.home else {
                let message = format!("`{}` cannot be found: HOME is not set", printable(text));
                return self.wrong(bad(message, "set HOME, or write the path in full"));
            };
            return Field::Good(home.join(text.trim_start_matches('~').trim_start_matches('/')), span);
        }
        if text.starts_with('~') {
            let message = format!("`{}` names somebody else's home folder", printable(text));
            return self.wrong(bad(message, "flipper knows `~/` only; write the path in full"));
        }
        Field::Good(self.base.join(text), span)
    }

    /// A duration, in what humantime reads.
    pub(super) fn duration(&mut self, text: &str, span: Span) -> Field<Duration> {
        match humantime::parse_duration(text) {
            Ok(duration) => Field::Good(duration, span),
            Err(_) => {
                let message = format!("`{}` is not a duration", printable(text));
                self.wrong(
                    Mistake::new("flipper::config::bad_duration", span, message, "here")
                        .help("write a number with its unit: \"500ms\", \"5s\", \"1m 30s\""),
                )
            }
        }
    }
}
