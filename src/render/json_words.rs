//! How a fact, known or not, and the words of the model are told to programs.

use serde_json::{Value, json};

use crate::model::{Flavour, Observed, Thread, WriteAccess, printable};

pub(super) fn fact<T>(fact: &Observed<T>, say: impl FnOnce(&T) -> Value) -> Value {
    match fact {
        Observed::Known(value) => json!({ "known": say(value) }),
        Observed::Unknown(why) => json!({ "unknown": printable(why) }),
    }
}

// words of their own, because what is shown to people may be said better one day, and these may not

pub(super) fn word_flavour(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::MySql => "mysql",
        Flavour::MariaDb => "mariadb",
    }
}

pub(super) fn word_access(access: WriteAccess) -> &'static str {
    match access {
        WriteAccess::Open => "open",
        WriteAccess::Guarded => "guarded",
        WriteAccess::Fenced => "fenced",
        WriteAccess::Changing => "changing",
        WriteAccess::Unseen => "unseen",
    }
}

pub(super) fn word_thread(thread: Thread) -> &'static str {
    match thread {
        Thread::Running => "running",
        Thread::Connecting => "connecting",
        Thread::Stopped => "stopped",
    }
}
