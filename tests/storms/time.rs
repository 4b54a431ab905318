//! Whose turn it is: runs that wait, and a calendar of what happens next. Nothing here takes any real time.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::truth::Micros;
use crate::wire::Shared;

/// Something is asked for: whoever was killed asks for nothing any more.
pub(crate) struct Pulse<'a>(pub(crate) &'a Shared, pub(crate) usize);

impl Future for Pulse<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if stopped(self.0, self.1) { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// The time has come, or the answer.
pub(crate) struct Until<'a> {
    pub(crate) core: &'a Shared,
    pub(crate) of: usize,
    pub(crate) request: Option<usize>,
    pub(crate) until: Micros,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if stopped(self.core, self.of) {
            return Poll::Pending;
        }
        let core = self.core.borrow();
        let answered = self.request.is_some_and(|id| core.requests[id].is_heard());
        if answered || core.now >= self.until { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn stopped(core: &Shared, of: usize) -> bool {
    let core = core.borrow();
    core.operators[of].killed || core.operators[of].frozen > core.now
}

/// A run: whose it is, and what it is at. `None` once it has ended, or was killed.
pub(crate) type Task<'a, T> = (usize, Option<Pin<Box<dyn Future<Output = T> + 'a>>>);

/// Lets everybody go on until all have ended, or time is up. What each came to; `None`: it was killed.
///
/// # Errors
/// Somebody waits for what will never come, or did not end in time.
pub(crate) fn drive<T>(core: &Shared, mut tasks: Vec<Task<'_, T>>, limit: Micros) -> Result<Vec<Option<T>>, String> {
    let mut context = Context::from_waker(Waker::noop());
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    loop {
        for ((of, task), result) in tasks.iter_mut().zip(&mut results) {
            let Some(future) = task else { continue };
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                *result = Some(value);
                *task = None;
            } else if core.borrow().operators[*of].killed {
                // between two polls nothing of it runs: it is gone, and its drop sees to the rest
                *task = None;
            }
        }
        if tasks.iter().all(|(_, task)| task.is_none()) {
            return Ok(results);
        }
        if !core.borrow_mut().step() {
            return Err("a run waits for what will never come".to_owned());
        }
        if core.borrow().now > limit {
            return Err(format!("L3: a run has not ended after {} s", limit / crate::truth::S));
        }
    }
}
