//! A wish to stop, heard at the next safe point; said again, it is more urgent.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Said by a signal, heard by the run. Once: the run stops before the gate closes; later it ends by itself. Twice: it
/// turns round after the present call. A third one is not for the run any more, but for whoever drives it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Rc<Wish>);

#[derive(Debug, Default)]
struct Wish {
    times: Cell<u8>,
    said: Notify,
}

impl Cancel {
    /// Wish to stop. How often it was said by now.
    pub fn say(&self) -> u8 {
        let times = self.0.times.get().saturating_add(1);
        self.0.times.set(times);
        self.0.said.notify_waiters();
        times
    }

    /// Somebody wishes to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.times() > 0
    }

    /// How often it was said.
    #[must_use]
    pub fn times(&self) -> u8 {
        self.0.times.get()
    }

    /// Waits until it was said so often.
    pub async fn heard(&self, times: u8) {
        loop {
            // made before the look: what is said in between is not missed
            let said = self.0.said.notified();
            if self.times() >= times {
                return;
            }
            said.await;
        }
    }
}
