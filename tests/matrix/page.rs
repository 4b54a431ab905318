//! The page: what was found, as tables.

use std::collections::BTreeMap;

use crate::cell::{Cell, LIMITS, WRITE_OUTAGE};
use crate::cells;
use crate::fault::Fault;
use crate::lab::Server;
use crate::left::LEFT;
use crate::results::{Ended, Results, Row};

const HEAD: &str = "\
# Faults at every step of a move, on real pairs

Every fault below, at every step of a move of the write role, on a real pair of each flavour, while clients write. Made by

    cargo bench --bench matrix -- --all --out docs/faults.md

which needs Linux, root and Debian's apt (see `tests/lab`) and takes one to two hours. `--server mysql`, `--fault kill,hang` and
`--step fence` run a part; `--missing` and `--failed` go on where an earlier call stopped; `--out` alone writes this page from
what is known by then. What is looked at in every test run is `cargo test --test faults`, described in
[safety.md](safety.md).

## How a cell is played

1. Three clients write 150 rows a second through the write address, each connecting again as soon as it is turned away. All
   the time, every few milliseconds, both servers are asked whether they accept writes.
2. `flipper --json apply … swap write --yes` runs. As soon as it tells that the step begins, it is stopped by SIGSTOP, the
   fault is made, and it goes on. So the fault meets the step's request on its way, or just before or after it. `before` is
   before flipper was started; `overridden`, the same, accepted by the operator with `--override`; `fence done` and the like
   are when flipper has told that the step is done; `end`, when the last one is.
3. When flipper has ended, and not before, the fault is repaired: a killed server is started again (it comes back read-only,
   as servers of a pair should), a stopped one goes on, the cable is back.
4. If flipper said that it is done, rolled back or refused, that must be so. If it stopped part way or was killed,
   `resume` or `abort` ends it: by turns, each with the journal and from a machine that has none; where nobody is open and
   there is no journal, `resume` asks for the node, and is told.
5. Clients must be served. All rows of both servers are compared with each other and with what clients were told: a row
   that was acknowledged and is missing is lost; one that is there twice is doubled.
6. What is left: no session, lock or read lock of flipper, exactly one address, replication running both ways. Processes may
   outlive a flipper that was killed (ssh ends when it has been idle for 30 s) or whose cable was cut; those are looked for
   again later. The next cell begins where this one ended, in the other direction after each move.

";

const WORDS: &str = "\
| outcome | meaning |
| --- | --- |
| done | exit 0: moved, and seen from outside |
| back | exit 20: the old writer serves as before |
| refused, stale, locked | exit 11, 12, 13: nothing was touched |
| 21 | exit 21: stopped part way, saying how both nodes stand and what to run |
| killed | flipper was killed |
| = | of those two: it was in order, and `resume` or `abort` had nothing to do |
| → | `resume` ended it |
| ← | `abort` ended it |

Silence is the longest time that the slowest client was without an acknowledged row. Where a person has to act it lasts until
then: here the test acts at once after the repair, so that what is shown is mostly the fault's own time. A server that is killed or
hangs answers nobody until it is repaired, whatever flipper does, and in these cells it is repaired only after flipper has
ended. Figures come from a small and busy machine: two cores for both servers, the clients,
flipper, and other work.
";

pub(crate) fn text(all: &[(Server, Results); 2]) -> String {
    let mut text = HEAD.to_owned();
    text +=
        &format!("The limits are short ({LIMITS}), so that a cell does not take minutes.\n\n## What comes of it\n\n");
    text += WORDS;
    for (server, results) in all {
        text += &flavour(*server, results);
    }
    text += &statements(all);
    text += &seconds(all);
    text += &left_behind(all);
    text += &open(all);
    text
}

fn flavour(server: Server, results: &Results) -> String {
    let rows = || results.rows.iter();
    let Some(version) = rows().next_back().map(|row| &row.version) else {
        return format!("\n### {}\n\nNot run.\n", server.title());
    };
    let mut text = format!("\n### {} {version}\n\n", server.title());
    let sum = |of: fn(&Row) -> usize| rows().map(of).sum::<usize>();
    let looks: u64 = rows().map(|row| row.looks).sum();
    let both: u64 = rows().map(|row| row.both_open).sum();
    text += &format!(
        "{} cells, {} rows acknowledged, {} lost, {} doubled, {} not alike on both servers; both servers open in {both} of {looks} \
         looks; {} cells failed.\n\n",
        results.rows.len(),
        sum(|row| row.acked),
        sum(|row| row.lost),
        sum(|row| row.doubled),
        sum(|row| row.differ),
        rows().filter(|row| row.failed.is_some()).count(),
    );
    text += "| what happens | moments | done | back | refused | 21: = / → / ← | killed: = / → / ← | silence, flipper ended \
             it: median, worst (ms) | silence, a person did: median, worst (ms) | the run, worst (ms) | rows acknowledged | lost | doubled | two \
             writers |\n";
    text += "| --- | --: | --: | --: | --: | --- | --- | --- | --- | --: | --: | --: | --: | --: |\n";
    for fault in Fault::ALL {
        let of: Vec<&Row> = rows().filter(|row| row.fault == fault.word()).collect();
        if !of.is_empty() {
            text += &line(fault, &of);
        }
    }
    text + &grid(server, results)
}

fn line(fault: Fault, rows: &[&Row]) -> String {
    let exit = |code: Option<i32>| rows.iter().filter(move |row| row.exit == code);
    let alone = |codes: &[i32]| {
        let of = codes.iter().flat_map(|code| exit(Some(*code))).filter(|row| row.ended == Ended::Itself);
        match of.count() {
            0 => "–".to_owned(),
            count => count.to_string(),
        }
    };
    let ended = |code: Option<i32>| {
        let ways = [Ended::InOrder, Ended::Resumed, Ended::Aborted];
        let counts = ways.map(|way| exit(code).filter(|row| row.ended == way).count());
        match counts {
            [0, 0, 0] => "–".to_owned(),
            [a, b, c] => format!("{a} / {b} / {c}"),
        }
    };
    let silence = |by_itself: bool| {
        let of = rows.iter().filter(|row| (row.ended == Ended::Itself) == by_itself && row.ended != Ended::Not);
        let mut ms: Vec<u64> = of.map(|row| row.silence_ms).collect();
        ms.sort_unstable();
        match (ms.get(ms.len() / 2), ms.last()) {
            (Some(median), Some(worst)) => format!("{median}, {worst}"),
            _ => "–".to_owned(),
        }
    };
    let sum = |of: fn(&Row) -> usize| rows.iter().map(|row| of(row)).sum::<usize>();
    format!(
        "| {} (`{}`) | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        fault.sentence(),
        fault.word(),
        rows.len(),
        alone(&[0]),
        alone(&[20]),
        alone(&[11, 12, 13]),
        ended(Some(21)),
        ended(None),
        silence(true),
        silence(false),
        rows.iter().map(|row| row.run_ms).max().unwrap_or_default(),
        sum(|row| row.acked),
        sum(|row| row.lost),
        sum(|row| row.doubled),
        rows.iter().map(|row| row.both_open).sum::<u64>(),
    )
}

/// Every cell by itself.
fn grid(server: Server, results: &Results) -> String {
    let mut moments: Vec<String> = vec![];
    for cell in cells(server) {
        let at = cell.at.word();
        if !moments.contains(&at) {
            moments.push(at);
        }
    }
    // the order of the longest list, with what is before it and within it in its place
    let place = |word: &String| {
        const ORDER: [&str; 17] = [
            "before",
            "overridden",
            "approach",
            "drain",
            "fence",
            "fence done",
            "catch-up",
            "open",
            "open done",
            "take",
            "take done",
            "end-sessions",
            "drop",
            "release",
            "announce",
            "verify",
            "end",
        ];
        ORDER.iter().position(|known| known == word)
    };
    moments.sort_by_key(place);
    let mut text = format!("\n| | {} |\n|{}\n", moments.join(" | "), " --- |".repeat(moments.len() + 1));
    for fault in Fault::ALL {
        let of = |at: &String| results.rows.iter().find(|row| row.fault == fault.word() && row.at == *at);
        let cells: Vec<String> = moments.iter().map(|at| of(at).map(short).unwrap_or_default()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            text += &format!("| `{}` | {} |\n", fault.word(), cells.join(" | "));
        }
    }
    text
}

fn short(row: &Row) -> String {
    let outcome = row.outcome();
    outcome.replace(", in order", " =").replace(", resumed", " →").replace(", aborted", " ←")
}

/// The promise about a statement that does not end.
fn statements(all: &[(Server, Results); 2]) -> String {
    let mut text = format!(
        "\n## A statement of 60 s on the old writer\n\nWrites stay out for less than `write_outage` ({} s here), or nothing \
         is touched. The fence waits for the statement for `fence` (1 s here) at a time, three times at most, and writes flow in \
         between.\n\n| server | the statement is there | outcome | writes out, longest time (ms) | silence (ms) | the run \
         (ms) |\n| --- | --- | --- | --: | --: | --: |\n",
        WRITE_OUTAGE.as_secs()
    );
    for (server, results) in all {
        for row in results.rows.iter().filter(|row| row.fault == Fault::Statement.word()) {
            let when = match row.at.as_str() {
                "before" => "before the plan".to_owned(),
                "overridden" => "before the plan, accepted with `--override long-write`".to_owned(),
                "fence" => "right before the fence".to_owned(),
                step => format!("since the step `{step}` began"),
            };
            let out = row.out_ms.map_or("not at all".to_owned(), |ms| ms.to_string());
            let Row { silence_ms, run_ms, .. } = row;
            text += &format!("| {} | {when} | {} | {out} | {silence_ms} | {run_ms} |\n", server.title(), row.outcome());
        }
    }
    text
}

/// How the second operator's runs ended.
fn seconds(all: &[(Server, Results); 2]) -> String {
    let mut text = "\n## A second operator\n\nWho starts `apply … set write` towards the same node while the first run stands at the \
                    moment (`before`: both at once). Exit 13: locked by the other one, whose name and age are told; 11 and 12: \
                    refused, or stale, because the pair is seen to change; 0: what it wanted was so \
                    already, or the first one was over.\n\n| server | exit of the second operator | cells |\n| --- | --: | --: |\n"
        .to_owned();
    for (server, results) in all {
        let exits =
            results.rows.iter().filter(|row| row.fault == Fault::SecondOperator.word()).flat_map(|row| &row.notes);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for exit in exits.filter_map(|note| note.strip_prefix("second operator ")) {
            *counts.entry(exit).or_default() += 1;
        }
        for (exit, count) in counts {
            text += &format!("| {} | {exit} | {count} |\n", server.title());
        }
    }
    text
}

/// Processes that stayed for longer than half a minute of ssh and the pauses of a cable explain.
fn left_behind(all: &[(Server, Results); 2]) -> String {
    let mut lines = vec![];
    for (server, results) in all {
        let notes = results.rows.iter().flat_map(|row| &row.notes).filter_map(|note| note.strip_prefix(LEFT));
        lines.extend(notes.map(|note| format!("- {}: {note}\n", server.title())));
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!(
            "\n## Left behind\n\nA node's ssh server that is never told of the end of a connection keeps it, with an idle shell, until \
             its own keepalive (two hours, by default; see `ClientAliveInterval` in sshd_config). Nothing is at work in it.\n\n{}",
            lines.concat()
        ),
    }
}

/// What is not shown above, and what went wrong.
fn open(all: &[(Server, Results); 2]) -> String {
    let mut text = String::new();
    for (server, results) in all {
        let missing: Vec<Cell> = cells(*server).into_iter().filter(|cell| results.get(cell).is_none()).collect();
        if !missing.is_empty() {
            let words: Vec<String> =
                missing.iter().map(|cell| format!("{} at {}", cell.fault.word(), cell.at.word())).collect();
            text += &format!("\nNot run on {}: {}.\n", server.title(), words.join(", "));
        }
        for row in results.rows.iter().filter(|row| row.failed.is_some()) {
            let why = row.failed.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
            let why: String = why.chars().take(300).collect();
            text += &format!("\nFailed on {}: {} at {}: {why}\n", server.title(), row.fault, row.at);
        }
    }
    match text.is_empty() {
        true => "\nAll cells were run, and none failed.\n".to_owned(),
        false => format!("\n## Not run, or failed\n{text}"),
    }
}
