//! How ssh fails.

use std::fmt;

use crate::model::printable;

/// What a failure means, for the request that met it or for the hint to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// The machine's host key is not known, or another one.
    HostKey,
    /// The machine does not let us in.
    Permission,
    /// Nothing answers at the address.
    Unreachable,
    /// We are in, but there is no usable shell, or a tool is missing that flipper cannot do without.
    Unsuitable,
    /// Another failure to get in.
    Other,
    /// The gate there does not let the request through: nothing happened.
    Refused,
    /// The request was not sent: nothing happened.
    NotSent,
    /// The request was sent and its end is not known: it may have happened, or happen yet.
    Unknown,
}

/// A failure, with a text for the operator: `ssh to 10.0.0.11: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshError {
    /// What it means.
    pub kind: SshErrorKind,
    /// The machine; empty until it is known.
    place: String,
    cause: String,
}

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.cause),
            place => write!(f, "ssh to {place}: {}", self.cause),
        }
    }
}

impl std::error::Error for SshError {}

impl SshError {
    pub(super) fn new(kind: SshErrorKind, cause: impl fmt::Display) -> Self {
        Self { kind, place: String::new(), cause: printable(&cause.to_string()) }
    }

    pub(super) fn at(mut self, place: &str) -> Self {
        place.clone_into(&mut self.place);
        self
    }

    /// The cause as a clause, without the place.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// The request may have been carried out in spite of the error, or may still be: look before anything else.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.kind == SshErrorKind::Unknown
    }

    /// What the `ssh` command wrote, as one sentence.
    pub(super) fn from_ssh(error: &openssh::Error) -> Self {
        use std::error::Error;
        let mut inner: &dyn Error = error;
        while let Some(next) = inner.source() {
            inner = next;
        }
        let text = inner.to_string();
        if let openssh::Error::Connect(io) = error
            && io.kind() == std::io::ErrorKind::NotFound
            && io.raw_os_error().is_some()
        {
            return Self::new(SshErrorKind::Other, "the `ssh` command could not be started here; is it installed?");
        }
        let (kind, cause) = interpret(&text);
        Self::new(kind, cause)
    }
}

/// The kind and the telling line of ssh's own log.
fn interpret(log: &str) -> (SshErrorKind, String) {
    let has = |part: &str| log.contains(part);
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let cause = "its host key is not the one in known_hosts: it was installed anew, or another machine answers";
        return (SshErrorKind::HostKey, cause.to_owned());
    }
    if has("host key is known for") {
        let cause = "its host key is not in known_hosts; log in once by hand and compare the fingerprint";
        return (SshErrorKind::HostKey, cause.to_owned());
    }
    let line = log.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("ssh ended without a word");
    let line = line.strip_prefix("ssh: ").unwrap_or(line);
    if has("Host key verification failed") {
        return (SshErrorKind::HostKey, line.to_owned());
    }
    if has("Permission denied (") || has("Too many authentication failures") {
        let cause = line.trim_end_matches('.');
        return (SshErrorKind::Permission, format!("{cause}; is the right key in the agent and on the machine?"));
    }
    let unreachable = [
        "Could not resolve hostname",
        "Connection refused",
        "timed out",
        "No route to host",
        "Network is unreachable",
        "Connection closed",
        "Connection reset",
    ];
    let kind = if unreachable.into_iter().any(|part| line.contains(part)) {
        SshErrorKind::Unreachable
    } else {
        SshErrorKind::Other
    };
    (kind, line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_speaks_in_many_lines_and_the_operator_gets_one() {
        for (log, kind, part) in [
            (
                "No ED25519 host key is known for 10.0.0.11 and you have requested strict checking.\r\n\
                 Host key verification failed.",
                SshErrorKind::HostKey,
                "not in known_hosts",
            ),
            (
                "@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n@@@@\r\nIT IS POSSIBLE\r\n\
                 Host key verification failed.",
                SshErrorKind::HostKey,
                "another machine",
            ),
            ("root@db1: Permission denied (publickey).", SshErrorKind::Permission, "right key"),
            ("connect to host db1 port 22: Connection refused", SshErrorKind::Unreachable, "refused"),
            ("Could not resolve hostname db9: Name or service not known", SshErrorKind::Unreachable, "db9"),
            ("Connection timed out during banner exchange", SshErrorKind::Unreachable, "timed out"),
            ("x\n/tmp/c: line 3: Bad configuration option: foo\n", SshErrorKind::Other, "line 3"),
            ("", SshErrorKind::Other, "without a word"),
        ] {
            let (found, cause) = interpret(log);
            assert_eq!(found, kind, "{log}");
            assert!(cause.contains(part) && !cause.contains('\n'), "{cause}");
        }
    }
}
