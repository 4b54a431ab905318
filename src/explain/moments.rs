//! What a run tells while it goes, by its `type` in `--json`.

use super::Text;

pub(super) const ALL: &[Text] = &[
    Text::new(
        "ready",
        "Locks held, the plan still fits",
        "The pair's lock is held on both nodes, everything was looked at again, and planning again gave the same plan. Nothing \
         has been changed yet.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "step-started",
        "A step begins",
        "The step's statements or command lines are on their way. `way` says whether it belongs to the way forward or back.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "step-done",
        "A step is done",
        "It took effect, and that was read back where it can be. `ms` is how long it took, `note` what it has to say.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "step-failed",
        "A step failed",
        "`happened` says whether it took effect all the same: `no` is certain, `yes` too, and `unknown` means that an answer was \
         lost. What follows depends on where the step stands: `flipper show FILE --format html` has it for each one.",
        &[],
        "Wait for the end of the run; it goes back or forward by itself.",
    ),
    Text::new(
        "step-again",
        "A fence ran into a statement and is tried again",
        "A long statement kept the server from becoming read-only within `limits.fence`. flipper let go, so that writes flow, and \
         tries again after a pause, three times in all.",
        &[],
        "Nothing. If it ends with exit code 20, look for the long statement first, or set `limits.drain`.",
    ),
    Text::new(
        "writes-out",
        "Writes are out from here",
        "The fence was sent to the old writer. `limits.write_outage` runs from here; past it flipper goes back.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "writes-in",
        "Clients can write again",
        "The address leads to a node that accepts writes. `out_ms` is the time since the fence was sent, by one clock.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "turning-back",
        "The run goes back to how it was",
        "Something failed at a point from which the way back is safe. The old writer is opened first; then addresses return.",
        &[],
        "Wait for the end: exit code 20 when the pair is seen to serve as before, 21 otherwise.",
    ),
    Text::new(
        "pressing-on",
        "The new writer is open, and the run finishes",
        "Something failed after the point of no return. What is missing is planned and done again, up to three times.",
        &[],
        "Wait for the end: exit code 0 when everything is as planned.",
    ),
    Text::new(
        "end",
        "The end of a run",
        "The last record: `exit` is the exit code, `writes_out_ms` how long nobody could write, `text` what a person is told.",
        &[],
        "See the text of its exit code: `flipper explain 21`.",
    ),
];
