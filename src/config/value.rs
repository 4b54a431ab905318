//! Settings as values: each text becomes what it means, or a mistake with its place.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::field::Field;
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
    /// A value whose type parses itself.
    pub(super) fn word<T: FromStr<Err: std::fmt::Display>>(
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

    pub(super) fn port(&mut self, given: Option<i64>, at: &At<'_>) -> Field<u16> {
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

    pub(super) fn mysql_user(&mut self, given: Option<&String>, at: &At<'_>) -> Field<String> {
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

    pub(super) fn password(&mut self, raw: &raw::Mysql, at: &At<'_>) -> Field<PasswordSource> {
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
    pub(super) fn path(&mut self, given: Option<&String>, at: &At<'_>, field: &str) -> Field<PathBuf> {
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
