//! What a run tells while it goes, by its `type` in `--json`.

use super::{Text, Where};

pub(super) const ALL: &[Text] = &[
    Text::new(
        "flipper-run",
        "A run begins",
        "The first object of a run with `--json`: the format of those that follow, and the version of flipper that writes them.",
        &[],
        "Nothing. The run's own name is in its journal: `flipper history PAIR`.",
    ),
    Text::new(
        "stands",
        "How the pair is seen to stand",
        "All that was seen of both nodes, under the locks before the first step, and again at the end. It is for the journal.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "intent",
        "What is done next",
        "Written down before it is told to a node, so that a run that is cut off can be explained. From the fence to the address \
         at the new writer it is all of these steps at once: nothing may come between them.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "interrupted",
        "Somebody wishes to stop",
        "Ctrl-C, or a signal. Before the gate closes, the first one turns the run back. While writes are out, the second one does, \
         as long as the new writer was not told to open; later the end is near, and the run goes there.",
        &[],
        "Wait for the end of the run. To kill it instead leaves the pair as it stands at that moment.",
    ),
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
        "writers",
        "Sessions that still write",
        "Whom a step met at their writing, with what they have changed by then: those whom a drain has waited for in vain, those \
         whom `--kill` ends, or those who keep a fence waiting. Their statements are shown with `--show-statements` only, because \
         these may hold data.",
        &[(
            Where::Both,
            "SELECT p.ID, p.USER, p.HOST, p.COMMAND, t.trx_started, t.trx_rows_modified FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.ID = t.trx_mysql_thread_id ORDER BY t.trx_started",
        )],
        "Nothing while the run goes on. Who is left after a drain loses that transaction when the fence closes; raise \
         `limits.drain` for a move that can wait longer.",
    ),
    Text::new(
        "step-again",
        "A fence ran into a statement and is tried again",
        "A long statement kept the server from becoming read-only within `limits.fence`. flipper let go, so that writes flow, and \
         tries again after a pause, three times in all.",
        &[],
        "Nothing. If it ends with exit code 20, the sessions that were in the way are listed: wait for them, set `limits.drain`, or \
         plan again with `--kill`.",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "reads the sources")]
    fn every_event_has_a_text_and_every_text_an_event() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/render/events.rs");
        let source = std::fs::read_to_string(file).expect("the events as JSON");
        let kinds = source.split("\"type\": \"").skip(1).filter_map(|rest| rest.split('"').next());
        let kinds: BTreeSet<&str> = kinds.chain(["end"]).collect();
        assert_eq!(ALL.iter().map(|text| text.id).collect::<BTreeSet<_>>(), kinds);
    }
}
