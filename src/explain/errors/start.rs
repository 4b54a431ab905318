//! Mistakes on the way to a first config: `init` and `import`.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "flipper::usage::arguments",
        "The command line is not understood",
        "There is no such command or option, a value is missing, or two of them exclude each other. Nothing was looked at.",
        &[(Where::Here, "flipper --help")],
        "The message names the word and, where one is near, what was perhaps meant. Each command has its own --help.",
    ),
    Text::new(
        "flipper::usage::exists",
        "A file of that name is there already",
        "`-o` names it, and it may be the config that is in force.",
        &[],
        "Name another file, or say that this one may go: --replace.",
    ),
    Text::new(
        "flipper::init::missing",
        "There is nobody to be asked",
        "`flipper init` asks for what no flag has said, and stdin is no terminal.",
        &[(Where::Here, "flipper init --help")],
        "Give the flags that the message names, or start it on a terminal.",
    ),
    Text::new(
        "flipper::init::unanswered",
        "The answers ended too early",
        "The terminal was closed, or Ctrl-D was typed, before all was asked. Nothing was written.",
        &[],
        "Start again, or give what is known as flags.",
    ),
    Text::new(
        "flipper::init::flag",
        "A flag of `init` is not in its form",
        "`--node` takes NAME=HOST, `--role` NAME=ADDRESS:rw or NAME=ADDRESS:ro, `--interface` NAME or NODE=NAME.",
        &[(Where::Here, "flipper init --help")],
        "Write it as the message says; the place is marked.",
    ),
    Text::new(
        "flipper::import::unreadable",
        "The legacy file cannot be read",
        "It is not there, may not be read, is no text, or is far too large.",
        &[],
        "Check the path. A dump is made with mysqldump, and `flipper import -` reads it from a pipe.",
    ),
    Text::new(
        "flipper::import::empty",
        "There is no masterpair in the file",
        "It is empty, or it is a dump without rows of the tables `masterpair` and `node`.",
        &[],
        "Name the file that `--metadata` named, or dump the tables with their rows.",
    ),
    Text::new(
        "flipper::import::yaml",
        "The YAML is not in the form of a legacy file",
        "Maps in maps, one setting a line, plain or in quotes, indented with blanks: that is what such files have, and all \
         that is read. Anchors, lists and maps in one line are not.",
        &[],
        "Write it as the message says; docs/legacy.md has a whole file.",
    ),
    Text::new(
        "flipper::import::sql",
        "The SQL is not understood",
        "Rows are read from INSERT and REPLACE with VALUES. What changes rows in another way, or depends on a server, is not.",
        &[(Where::Here, "mysqldump --no-create-info --skip-triggers DATABASE masterpair node")],
        "Dump the two tables alone.",
    ),
    Text::new(
        "flipper::import::twice",
        "A setting is there twice",
        "The tables cannot have it twice, and in YAML the last one would win without a word.",
        &[],
        "Keep the one that is meant.",
    ),
    Text::new(
        "flipper::import::missing",
        "The metadata does not say enough",
        "A pair is two nodes, each with its `ip` and an interface, and at least one address that moves.",
        &[(Where::Node, "ip -br link")],
        "Add what is missing; `--interface` names the interface for every node that has none.",
    ),
    Text::new(
        "flipper::import::value",
        "A value makes no sense",
        "A port of the legacy metadata is no number.",
        &[],
        "Correct it in the file; the place is marked.",
    ),
];
