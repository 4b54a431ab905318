//! How a command ends, by its exit code. Scripts rely on these numbers.

use super::{Text, Where};

pub(super) const ALL: &[Text] = &[
    Text::new("0", "Done, or nothing to do", "What was asked for is so, and was seen to be so.", &[], "Nothing."),
    Text::new(
        "1",
        "Unexpected",
        "Something of the machine that flipper runs on went wrong: no room for a temporary file, no signal handler. No node was \
         changed.",
        &[],
        "Read the message; it names what failed.",
    ),
    Text::new(
        "2",
        "The command line does not make sense",
        "An option, a pair, a role, a node or a goal is unknown, or two of them contradict each other. Nothing was looked at.",
        &[(Where::Here, "flipper help COMMAND"), (Where::Here, "flipper pairs")],
        "Correct the command. The message has the names that are known.",
    ),
    Text::new(
        "3",
        "The config or a file is wrong",
        "A config, a goal, a snapshot or a plan file cannot be read, has mistakes, or was changed after it was written. Nothing \
         was looked at.",
        &[(Where::Here, "flipper config PAIR")],
        "Each mistake is shown with its line and a way out. A plan file is never mended: make a new plan.",
    ),
    Text::new(
        "10",
        "There are changes",
        "`plan --detailed-exitcode` found something to do. Without that option the same plan ends with 0.",
        &[],
        "Nothing; it is for scripts that only want to know.",
    ),
    Text::new(
        "11",
        "Refused: unsafe, or blind",
        "At least one check speaks against the plan, or something that it relies on could not be seen. Nothing was changed.",
        &[(Where::Here, "flipper status PAIR"), (Where::Here, "flipper explain CODE")],
        "Every reason is listed with its code and what to do. Mend them and plan again; some may be overridden by `--override`.",
    ),
    Text::new(
        "12",
        "The plan is stale",
        "The pair no longer looks like what the plan rests on: a role has moved, a server was replaced or upgraded, a switch was \
         thrown. Traffic alone never makes a plan stale. Nothing was changed.",
        &[(Where::Here, "flipper status PAIR")],
        "The differences are listed. Make a new plan, and have that one approved.",
    ),
    Text::new(
        "13",
        "Somebody else holds the lock",
        "Another run of flipper works on this pair, on this or another machine. It holds a user lock on both servers. Nothing was \
         changed.",
        &[(Where::Both, "SELECT IS_USED_LOCK('flipper:roles')")],
        "Wait for the other run, or ask who it is. A lock whose owner is gone ends by itself, with its session.",
    ),
    Text::new(
        "14",
        "Declined",
        "The question was not answered with the pair's name. Nothing was changed.",
        &[],
        "Type the pair's name when asked, or give `--yes` in a script whose plan was approved.",
    ),
    Text::new(
        "20",
        "Failed; rolled back, and the pair serves as before",
        "A step failed before the new writer was told to open, or where its address had never reached it. The old writer is open \
         again, addresses are where they were, and that was seen from outside.",
        &[(Where::Here, "flipper status PAIR")],
        "The message names the step and what failed. Mend that and plan again; there is no hurry, clients are served.",
    ),
    Text::new(
        "21",
        "Stopped part way",
        "Neither the way back nor the way forward could be seen to be safe. flipper opens nothing on a guess: clients may be \
         without a writer until a person acts.",
        &[
            (Where::Here, "flipper status PAIR"),
            (Where::MySql, "SELECT @@global.read_only, @@global.super_read_only"),
            (Where::MariaDb, "SELECT @@global.read_only"),
        ],
        "The text says how both nodes stand and what to do. Restore the way to both nodes. Then `flipper resume PAIR` finishes it, or \
         `flipper abort PAIR` goes back; with `--dry-run` each shows what it would do. If both refuse, each says why.",
    ),
];
