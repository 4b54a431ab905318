//! What was typed. What it means is decided in each command's own file.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::exit;
use super::init::{To, Words};
use crate::render::setup::Part;

/// The version, and the commit where the build knew it.
pub(super) const VERSION: &str = env!("FLIPPER_VERSION");

/// Moves the roles of a MySQL or MariaDB pair: looks, plans, shows, and carries out after a yes.
#[derive(Debug, Parser)]
#[command(name = "flipper", version = VERSION, after_help = exit::HELP, max_term_width = 100)]
pub(super) struct Typed {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// The config [default: $FLIPPER_CONFIG, or a usual place]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Show each statement and command as it is sent
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Append the same, events and errors to it
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the first config: asks, or takes it all as flags
    #[command(
        after_help = "Example:\n  flipper init --pair orders --node db1=10.0.0.11 --node db2=10.0.0.12 \\\n    --interface eth0 --role write=10.0.0.100:rw --mysql-user flipper \\\n    --password-from env:FLIPPER_PASSWORD"
    )]
    Init {
        #[command(flatten)]
        words: Box<Words>,
        #[command(flatten)]
        to: To,
    },
    /// Make a config of a legacy Flipper's metadata
    #[command(
        after_help = "Examples:\n  flipper import /etc/flipper.yaml -o flipper.ron\n  mysqldump --skip-extended-insert flipper masterpair node | flipper import - --interface eth0"
    )]
    Import {
        /// A YAML file, or an SQL dump of the tables `masterpair` and `node`; `-` is stdin
        file: PathBuf,
        /// Takes the addresses where the metadata names no interface
        #[arg(long, value_name = "IF")]
        interface: Option<String>,
        /// Where the MySQL password will be: FILE, env:NAME, or cnf:FILE [default: flipper.password, beside the config]
        #[arg(long, value_name = "SOURCE")]
        password_from: Option<String>,
        #[command(flatten)]
        to: To,
    },
    /// List the pairs in the config
    #[command(after_help = "Example:\n  flipper pairs")]
    Pairs,
    /// Show effective settings, secrets left out
    #[command(after_help = "Example:\n  flipper config orders")]
    Config {
        /// Only this pair
        pair: Option<String>,
    },
    /// Show who holds what, who writes, replication and findings
    #[command(
        after_help = "Examples:\n  flipper status --watch 5\n  flipper status --quick orders\n  flipper status orders --save orders.snapshot.ron"
    )]
    Status {
        /// The pairs [default: all]
        pairs: Vec<String>,
        /// Save what was seen, for `plan --snapshot`
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        /// Again and again, until Ctrl-C [default: every 2 seconds]
        #[arg(short, long, value_name = "SECONDS", num_args = 0..=1)]
        watch: Option<Option<String>>,
        /// Ask the addresses only, by MySQL: who answers, and whether it accepts writes
        #[arg(short, long)]
        quick: bool,
        /// Also what is in order: systems, settings
        #[arg(short, long, conflicts_with = "quick")]
        long: bool,
    },
    /// Run every check of a pair, say what to do; changes nothing
    #[command(after_help = "Example:\n  flipper check orders")]
    Check {
        /// The pair
        pair: String,
    },
    /// Print what each node needs, ready to paste; changes nothing
    #[command(
        after_help = "Examples:\n  flipper setup orders\n  flipper setup orders --node db1 --only grants > db1.sql"
    )]
    Setup {
        /// The pair
        pair: String,
        /// Only for this node
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        /// Only this, exactly as the file is to be
        #[arg(long, value_parser = part(), value_name = "PART")]
        only: Option<Part>,
        /// What runs there, where the server cannot be asked: mysql-9.7, mariadb-10.11
        #[arg(long, value_name = "SERVER")]
        server: Option<String>,
        /// From where flipper's account may log in [default: this machine's address on the way there]
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// The public key that is to be restricted
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Plan the way to a goal and show it; changes nothing
    #[command(
        after_help = "Examples:\n  flipper plan orders swap -o swap.ron\n  flipper plan orders drain db1 --override lagging"
    )]
    Plan {
        /// The pair
        pair: String,
        #[command(flatten)]
        goal: GoalWords,
        /// Save the plan, for review and `apply`
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Plan for what `status --save` has saved, without any server
        #[arg(long, value_name = "FILE")]
        snapshot: Option<PathBuf>,
        /// Exit with 10 when there is something to do
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Show a plan file
    #[command(after_help = "Example:\n  flipper show swap.ron --format html > swap.html")]
    Show {
        /// The plan file
        file: PathBuf,
        /// How [default: text]
        #[arg(long, value_enum)]
        format: Option<Format>,
    },
    /// Carry out a plan file, or plan and carry out, after a yes
    #[command(
        after_help = "Examples:\n  flipper apply swap.ron --dry-run\n  flipper apply swap.ron --expect-digest sha256:…\n  flipper apply orders set write db2"
    )]
    Apply {
        /// A plan file, or a pair with a goal after it
        #[arg(value_name = "FILE|PAIR")]
        target: String,
        #[command(flatten)]
        goal: GoalWords,
        #[command(flatten)]
        how: HowWords,
        /// Only if the plan has this digest (`sha256:` or its hex digits)
        #[arg(long, value_name = "HEX")]
        expect_digest: Option<String>,
    },
    /// Finish a move that was cut off, as its journal says it was wanted
    #[command(after_help = "Example:\n  flipper resume orders --dry-run")]
    Resume(GoOn),
    /// Go back to how it was before a move that was cut off
    #[command(after_help = "Example:\n  flipper abort orders --dry-run")]
    Abort(GoOn),
    /// Show what was done from here, by whom, and how it ended
    #[command(
        after_help = "Examples:\n  flipper history orders\n  flipper history orders --run last --format html > run.html"
    )]
    History {
        /// Only this pair
        pair: Option<String>,
        /// One run with its timeline: `last`, a number from the newest (1) on, or its name
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
        /// How: text, json, or html (a page of one run) [default: text]
        #[arg(long, value_enum, hide_possible_values = true)]
        format: Option<RunFormat>,
    },
    /// Explain a code: what it means, how to see it, what to do
    #[command(after_help = "Examples:\n  flipper explain both-open\n  flipper explain no-loss\n  flipper explain 21")]
    Explain {
        /// A check, a rule, an exit code or an error [default: list all]
        code: Option<String>,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  flipper completions bash > /etc/bash_completion.d/flipper")]
    Completions {
        /// For this one
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print a man page, or write all of them
    #[command(after_help = "Examples:\n  flipper man plan | man -l -\n  flipper man --dir /usr/local/share/man/man1")]
    Man {
        /// Of this command [default: of flipper itself]
        #[arg(conflicts_with = "dir")]
        command: Option<String>,
        /// Write every page into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct GoOn {
    /// The pair
    pub(super) pair: String,
    /// The node that is to have the role whose clients write, where nothing else tells
    #[arg(long, value_name = "NODE")]
    pub(super) to: Option<String>,
    /// Accept a finding that would refuse; recorded in the plan
    #[arg(long = "override", value_name = "ID")]
    pub(super) overrides: Vec<String>,
    /// End who still writes when writes are to stop, and roll it back; a move that was planned so goes on so
    #[arg(long)]
    pub(super) kill: bool,
    #[command(flatten)]
    pub(super) how: HowWords,
}

/// How the operator wants it carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) dry_run: bool,
    pub(super) yes: bool,
    pub(super) journal: bool,
    /// Sessions are listed with their statements.
    pub(super) statements: bool,
}

#[derive(Debug, Args)]
pub(super) struct HowWords {
    /// Print every SQL statement and command line, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Go without a journal, where none can be written
    #[arg(long)]
    no_journal: bool,
    /// Show statements of listed sessions; may hold data
    #[arg(long)]
    show_statements: bool,
}

impl HowWords {
    pub(super) fn how(&self) -> How {
        let Self { dry_run, yes, no_journal, show_statements } = *self;
        How { dry_run, yes, journal: !no_journal, statements: show_statements }
    }
}

#[derive(Debug, Args)]
pub(super) struct GoalWords {
    /// swap [ROLE] | set ROLE NODE | drain NODE | down ROLE | up ROLE NODE | fail NODE | rejoin NODE
    #[arg(value_name = "GOAL", num_args = 0..)]
    pub(super) words: Vec<String>,
    /// The goal as a file
    #[arg(long = "goal", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Accept a finding that would refuse; recorded in the plan
    #[arg(long = "override", value_name = "ID")]
    pub(super) overrides: Vec<String>,
    /// End who still writes when writes stop; recorded in the plan
    #[arg(long)]
    pub(super) kill: bool,
    /// With `fail`: that node is off, and stays so; you vouch for it
    #[arg(long, value_name = "NODE")]
    pub(super) fenced_by_hand: Option<String>,
    /// With `fail`: what was not replicated may be lost
    #[arg(long)]
    pub(super) accept_loss: bool,
    /// Refuse if roles were moved from here within it
    #[arg(long, value_name = "TIME")]
    pub(super) not_within: Option<String>,
}

impl GoalWords {
    /// Something of the plan is accepted beforehand.
    pub(super) fn accepts(&self) -> bool {
        !self.overrides.is_empty() || self.kill || self.fenced_by_hand.is_some() || self.accept_loss
    }

    /// A goal was given, in words or as a file.
    pub(super) fn is_given(&self) -> bool {
        !self.words.is_empty() || self.file.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal, or a ticket that shows text as it is
    Text,
    /// For programs
    Json,
    /// For a ticket: GitHub, GitLab, Jira
    Markdown,
    /// The graph of the steps, as GitHub and GitLab draw it
    Mermaid,
    /// The graph of the steps, for Graphviz
    Dot,
    /// One page with everything, for any browser and for print
    Html,
}

/// The parts of a setup, by their words.
fn part() -> impl TypedValueParser<Value = Part> {
    let known = |word: String| Part::ALL.into_iter().find(|part| part.id() == word).ok_or("there is no such part");
    PossibleValuesParser::new(Part::ALL.map(Part::id)).try_map(known)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RunFormat {
    /// For a terminal, or a ticket that shows text as it is
    Text,
    /// For programs
    Json,
    /// One page of one run, for any browser and for print: evidence for a ticket
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Typed;

    /// Each command, as the words that lead to it.
    fn commands() -> Vec<String> {
        fn walk(words: &str, command: &clap::Command, found: &mut Vec<String>) {
            found.push(words.to_owned());
            for inner in command.get_subcommands() {
                walk(&format!("{words} {}", inner.get_name()), inner, found);
            }
        }
        let mut found = vec![];
        walk("flipper", &Typed::command(), &mut found);
        found
    }

    #[test]
    fn the_command_line_holds_together() {
        Typed::command().debug_assert();
    }

    #[test]
    fn every_help_fits_one_screen_and_has_an_example() {
        for words in commands() {
            for flag in ["-h", "--help"] {
                let typed = words.split(' ').chain([flag]);
                let shown = Typed::command().term_width(80).try_get_matches_from(typed);
                let help = shown.map_err(|help| help.render().to_string()).expect_err("help is no command");
                assert!(help.lines().count() <= 40, "{words}: {} lines\n{help}", help.lines().count());
                let widest = help.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(widest <= 90, "{words}: {widest} columns\n{help}");
                // the top has the list of commands instead
                let example = words == "flipper" || help.contains(&format!("\n  {words}"));
                assert!(example, "{words} has no example\n{help}");
            }
        }
    }
}
