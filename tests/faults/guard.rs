//! Looks all the time whether both servers accept writes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::lab::admin::Admin;
use crate::lab::session::Session;
use crate::lab::{Lab, Node};

pub(crate) struct Guard {
    stop: Arc<AtomicBool>,
    both: Arc<AtomicU64>,
    looks: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Guard {
    pub(crate) fn watch(lab: &Lab) -> Self {
        let (stop, both, looks) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let shared = (stop.clone(), both.clone(), looks.clone());
        let admins = Node::BOTH.map(|node| lab.admin(node));
        let thread = std::thread::spawn(move || {
            let (stop, both, looks) = shared;
            let mut sessions = [None, None];
            while !stop.load(Ordering::Relaxed) {
                let mut open = |at: usize| is_open(&admins[at], &mut sessions[at]);
                // the first one before and after: open at the moment in between as well
                if open(0) && open(1) && open(0) {
                    both.fetch_add(1, Ordering::Relaxed);
                }
                looks.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        Self { stop, both, looks, thread: Some(thread) }
    }

    /// Ends it: in how many looks both were open, and how many there were. A server that hangs must go on before.
    pub(crate) fn end(mut self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the guard's thread");
        }
        (self.both.load(Ordering::Relaxed), self.looks.load(Ordering::Relaxed))
    }

    #[track_caller]
    pub(crate) fn never_both(self) {
        let (both, looks) = self.end();
        assert!(looks > 10, "looked only {looks} times");
        assert_eq!(both, 0, "both servers were open in {both} of {looks} looks");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn is_open(admin: &Admin, session: &mut Option<Session>) -> bool {
    if session.is_none() {
        *session = admin.session().ok();
    }
    let answer = session.as_mut().map(|session| session.value("SELECT @@GLOBAL.read_only"));
    match answer {
        Some(Ok(read_only)) => read_only == "0",
        _ => {
            *session = None;
            false
        }
    }
}
