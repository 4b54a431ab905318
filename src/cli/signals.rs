//! Signals while a run goes on: once, twice, three times.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Exit, Stop};
use crate::apply::Cancel;

/// How a run came to its end.
pub(super) enum Ended<T> {
    /// By itself.
    Itself(T),
    /// A third signal: nobody waited for it.
    Left,
}

/// Waits for the run. `tell`: what is said at each signal.
pub(super) async fn until_end<T>(
    run: impl Future<Output = T>,
    cancel: &Cancel,
    tell: impl Fn(u8),
) -> Result<Ended<T>, Stop> {
    let (mut int, mut term, mut hup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    // Ctrl-Z would stop the run half way, with its locks and perhaps with writes out: not heard
    let mut stop = listen(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
    tokio::pin!(run);
    loop {
        tokio::select! {
            outcome = &mut run => return Ok(Ended::Itself(outcome)),
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
            _ = stop.recv() => continue,
        }
        let times = cancel.say();
        tell(times);
        if times > 2 {
            return Ok(Ended::Left);
        }
    }
}

/// Waits for a signal that asks to end.
pub(super) async fn any() -> Result<(), Stop> {
    let (mut int, mut term, mut hup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
        _ = hup.recv() => {}
    }
    Ok(())
}

fn listen(kind: SignalKind) -> Result<Signal, Stop> {
    signal(kind).map_err(|error| {
        Stop::say(
            Exit::Unexpected,
            "flipper::signals",
            format!("cannot listen for signals: {error}"),
            "is the system out of file descriptors?",
        )
    })
}
