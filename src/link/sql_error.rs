//! How SQL fails.

use std::fmt;

use mysql_async::Error;

use crate::model::printable;

/// `ER_CLIENT_INTERACTION_TIMEOUT`: the last word of a MySQL server to a session that it ends because it heard nothing
/// of it for too long. What was asked afterwards never arrived.
pub(super) const IDLE_TOO_LONG: u16 = 4031;

/// `ER_XAER_RMERR`: MySQL's answer to `XA RECOVER` from an account that may not, with a text about data that are not
/// consistent. flipper says nothing else that is answered so.
const NOT_ALLOWED_TO_SEE_XA: u16 = 1401;

/// What a failure means for the request that met it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// No connection came about: nothing answers there, or TLS does not agree. Nothing was asked.
    Connect,
    /// The server turned the login down. Nothing was asked.
    Refused {
        /// The server's error number.
        code: u16,
    },
    /// A statement failed, those before it have run, those after it have not. The connection is still good.
    Server {
        /// The server's error number.
        code: u16,
        /// The SQLSTATE.
        state: String,
        /// The server's words.
        message: String,
        /// How many statements had run. A statement with rows that fails while it sends them is not counted.
        completed: usize,
    },
    /// No complete answer in time. The statement may still run on the server, now or later (hazard H-03).
    Timeout {
        /// The session to look for and to end.
        thread_id: u32,
    },
    /// The connection broke; the statement may have run, or still run.
    Lost {
        /// The session to look for and to end.
        thread_id: u32,
    },
    /// An earlier failure ended this connection. Nothing was asked.
    Closed {
        /// The session that was.
        thread_id: u32,
    },
}

/// A failure, with a text for the operator: `MySQL at 10.0.0.11:3306: Access denied for user …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What it means.
    pub kind: SqlErrorKind,
    /// Where.
    pub place: String,
    /// The cause, as a clause.
    pub cause: String,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MySQL at {}: {}", self.place, self.cause)
    }
}

impl std::error::Error for SqlError {}

impl SqlError {
    pub(super) fn new(kind: SqlErrorKind, place: &str, cause: impl fmt::Display) -> Self {
        Self { kind, place: place.to_owned(), cause: printable(cause.to_string().trim()) }
    }

    /// A connection that did not come about.
    pub(super) fn connecting(place: &str, error: &Error) -> Self {
        match error {
            Error::Server(e) => Self::new(SqlErrorKind::Refused { code: e.code }, place, &e.message),
            error => Self::new(SqlErrorKind::Connect, place, cause(error)),
        }
    }

    /// A request that failed; `completed` of its statements had run.
    pub(super) fn asking(place: &str, error: &Error, completed: usize, thread_id: u32) -> Self {
        match error {
            Error::Server(e) if e.code == IDLE_TOO_LONG => {
                Self::new(SqlErrorKind::Closed { thread_id }, place, format!("{} (error {})", e.message, e.code))
            }
            Error::Server(e) => {
                let (code, state) = (e.code, e.state.clone());
                let message = match code {
                    NOT_ALLOWED_TO_SEE_XA => {
                        format!("the privilege XA_RECOVER_ADMIN is missing, of which it says: {}", e.message)
                    }
                    _ => e.message.clone(),
                };
                let text = format!("{message} (error {code})");
                Self::new(SqlErrorKind::Server { code, state, message, completed }, place, text)
            }
            error => Self::new(SqlErrorKind::Lost { thread_id }, place, cause(error)),
        }
    }

    /// The request may have been carried out in spite of the error, or may still be: look before anything else.
    /// Statements before the failed one of a [`SqlErrorKind::Server`] error certainly were, see `completed`.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self.kind {
            SqlErrorKind::Timeout { .. } | SqlErrorKind::Lost { .. } => true,
            SqlErrorKind::Connect
            | SqlErrorKind::Refused { .. }
            | SqlErrorKind::Server { .. }
            | SqlErrorKind::Closed { .. } => false,
        }
    }

    /// The server's error number, where the server said something.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self.kind {
            SqlErrorKind::Refused { code } | SqlErrorKind::Server { code, .. } => Some(code),
            SqlErrorKind::Connect
            | SqlErrorKind::Timeout { .. }
            | SqlErrorKind::Lost { .. }
            | SqlErrorKind::Closed { .. } => None,
        }
    }
}

/// The innermost words: the driver's own wrap each other ("Input/output error: Input/output error: …").
fn cause(error: &Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    let text = inner.to_string();
    // the words say it, and the number is another one on another system
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
