//! A wish to stop, heard at the next safe point.

use std::cell::Cell;
use std::rc::Rc;

/// Set by a signal, read by the run. Once the gate is closed a run is not interrupted any more: it ends forward or
/// back within its limits.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Rc<Cell<bool>>);

impl Cancel {
    /// Wish to stop.
    pub fn set(&self) {
        self.0.set(true);
    }

    /// Somebody wishes to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.get()
    }
}
