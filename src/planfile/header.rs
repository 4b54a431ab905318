//! The top of a plan file, for whoever opens it first.
//!
//! It is comment, and no part of the digest. Yet a file is compared with its own header byte for byte: each one that was
//! ever written is kept here, so that no text of somebody else's can stand at the top of an approved plan, and old files
//! stay readable.

/// What is written today.
pub(super) const NEWEST: &str = "\
// A plan of flipper: the steps that move roles of a MySQL or MariaDB pair. Nothing has been done yet.
//
// Read it as prose, or as a page with each step's reason, its exact SQL and command lines, and what comes of a failure:
//   flipper show FILE
//   flipper show FILE --format html > plan.html
//
// Before you approve it, look at
//   pair, goal      is it the right pair, and what was asked for?
//   overrides       if there: what would have refused this plan, had somebody not accepted it. Do you?
//                   flipper explain ID
//   before, after   which node holds each role now, and which one in the end
//   steps           what is done, in this order; `after` says what must come first, and by which rule.
//                   Fence to Take: nobody can write. From Open on there is no way back but a new plan.
//                   EndWriters: clients lose what they have not committed.
//                   Isolate, Promote: a node is declared dead, and what it did not pass on may be lost.
//   notes           what the planner wants you to know
//   digest          the last line: approve by it, in full
// `basis` is what the plan rests on; `seen` is for you only.
//
// What it would say to the nodes, word for word; then, to carry it out:
//   flipper apply FILE --dry-run
//   flipper apply FILE --expect-digest DIGEST
//
// apply looks at the pair again and changes nothing
//   when any byte of this file was changed, or the digest is another one (exit code 3): do not edit it
//   when the pair is not as `basis` says any more (12), is unhealthy, or cannot be seen in full (11)
//   when somebody else is at work on the pair (13)
";

/// Until November 2026.
const FIRST: &str = "\
// A plan of flipper: steps that move the roles of a MySQL pair. Nothing has been done yet.
//
// To review it, read:
//   pair, goal      is it the right pair, and what was asked for?
//   before, after   which node holds each role now, and which one in the end
//   steps           what is done, in this order; `after` says what must come first, and by which rule
//   notes           what the planner wants you to know
//   digest          the last line: approve this plan by this digest, in full
// `basis` is what the plan rests on; when the pair no longer looks like that, the plan is refused as stale.
// `seen` is for you only.
//
// To see it as a picture or as prose:   flipper show FILE
// To carry it out:                      flipper apply FILE --expect-digest DIGEST
//
// Do not edit it: a file with any byte changed is refused. Make a new plan instead.
";

/// The header that a text begins with; the newest one where it begins with none.
pub(super) fn of(text: &str) -> &'static str {
    [NEWEST, FIRST].into_iter().find(|header| text.starts_with(header)).unwrap_or(NEWEST)
}
