//! Who listens to what is said to nodes: whoever runs flipper may want to see each statement and command line.
//!
//! A listener is told at once and must not wait for anything: it is called in the middle of a move. Nothing is added to
//! what is said for its sake. A password never comes by here: what a login is made of is the driver's business.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// By which means something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A MySQL session.
    Sql,
    /// A shell by ssh.
    Ssh,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sql => "sql",
            Self::Ssh => "ssh",
        })
    }
}

/// Hears what is said to nodes.
pub trait Listener: Send + Sync {
    /// This is sent now, word for word. Returns a number by which its end is told.
    fn sent(&self, node: &str, means: Means, place: &str, text: &str) -> u64;

    /// It was answered, or came to another end: `why`.
    fn ended(&self, node: &str, number: u64, took: Duration, why: Option<&str>);
}

/// A listener with the name of a node, or nobody.
#[derive(Clone, Default)]
pub struct Ear(Option<(Arc<dyn Listener>, Arc<str>)>);

impl Ear {
    /// Tells `listener` what is said to this node.
    #[must_use]
    pub fn of(listener: Arc<dyn Listener>, node: &str) -> Self {
        Self(Some((listener, node.into())))
    }

    /// Something is sent. Unless its end is told, it was cut off.
    pub(super) fn sent(&self, means: Means, place: &str, text: impl FnOnce() -> String) -> Sent {
        let sent = self.0.as_ref().map(|(listener, node)| {
            let number = listener.sent(node, means, place, &text());
            OnItsWay { listener: Arc::clone(listener), node: Arc::clone(node), number, since: Instant::now() }
        });
        Sent(sent)
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Ear(somebody)" } else { "Ear(nobody)" })
    }
}

/// Something is on its way, or at work.
pub(super) struct Sent(Option<OnItsWay>);

struct OnItsWay {
    listener: Arc<dyn Listener>,
    node: Arc<str>,
    number: u64,
    since: Instant,
}

impl Sent {
    /// It came to its end.
    pub(super) fn ended<E: fmt::Display>(mut self, error: Option<&E>) {
        self.tell(error.map(ToString::to_string).as_deref());
    }

    fn tell(&mut self, why: Option<&str>) {
        if let Some(OnItsWay { listener, node, number, since }) = self.0.take() {
            listener.ended(&node, number, since.elapsed(), why);
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.tell(Some("given up"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it hears.
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Listener for Notes {
        fn sent(&self, node: &str, means: Means, place: &str, text: &str) -> u64 {
            let mut notes = self.0.lock().expect("the notes");
            notes.push(format!("> {node} {means} {place} {text}"));
            notes.len() as u64
        }

        fn ended(&self, node: &str, number: u64, _: Duration, why: Option<&str>) {
            self.0.lock().expect("the notes").push(format!("< {node} {number} {why:?}"));
        }
    }

    #[test]
    fn all_that_is_sent_comes_to_an_end() {
        let notes = Arc::new(Notes::default());
        let ear = Ear::of(notes.clone(), "db1");
        ear.sent(Means::Sql, "10.0.0.11:3306", || "SELECT 1".to_owned()).ended(None::<&String>);
        ear.sent(Means::Ssh, "db1", || "true".to_owned()).ended(Some(&"broke"));
        drop(ear.sent(Means::Ssh, "db1", || "sleep 9".to_owned()));
        let heard = notes.0.lock().expect("the notes").clone();
        assert_eq!(
            heard,
            [
                "> db1 sql 10.0.0.11:3306 SELECT 1",
                "< db1 1 None",
                "> db1 ssh db1 true",
                "< db1 3 Some(\"broke\")",
                "> db1 ssh db1 sleep 9",
                "< db1 5 Some(\"given up\")",
            ]
        );
    }

    #[test]
    fn nobody_costs_nothing() {
        Ear::default().sent(Means::Sql, "x", || panic!("nobody asked for the text")).ended(None::<&String>);
    }
}
