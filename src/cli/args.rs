//! What was typed. What it means is decided in each command's own file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::exit;
use super::run::How;

/// Moves the roles of a MySQL or MariaDB pair: looks, plans, shows, and carries out after a yes.
#[derive(Debug, Parser)]
#[command(name = "flipper", version, after_help = exit::HELP, max_term_width = 100)]
pub(super) struct Typed {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// The config [default: $FLIPPER_CONFIG, ./flipper.ron, $XDG_CONFIG_HOME/flipper/flipper.ron,
    /// /etc/flipper/flipper.ron]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the pairs in the config
    Pairs,
    /// Show effective settings, secrets left out
    Config {
        /// Only this pair
        pair: Option<String>,
    },
    /// Show who holds what, who accepts writes, and replication both ways
    Status {
        /// The pairs [default: all]
        pairs: Vec<String>,
        /// Save what was seen, for `plan --snapshot`
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Run every check of a pair: what was seen, why it matters, what to do; changes nothing
    Check {
        /// The pair
        pair: String,
    },
    /// Plan the way to a goal and show it; changes nothing
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
    Show {
        /// The plan file
        file: PathBuf,
        /// How
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Carry out a plan file, or plan and carry out, after a yes
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
    /// Finish a move that was cut off: what is seen of the pair decides, the journal says what was wanted
    Resume(GoOn),
    /// Go back to how it was before a move that was cut off
    Abort(GoOn),
    /// Show what was done from this machine, when, by whom, how it ended, and how long writes were out
    History {
        /// Only this pair
        pair: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct GoOn {
    /// The pair
    pub(super) pair: String,
    /// The node that is to have the role whose clients write, where nothing else tells
    #[arg(long, value_name = "NODE")]
    pub(super) to: Option<String>,
    /// Accept a finding that would refuse the plan; may be given several times, and is recorded in the plan
    #[arg(long = "override", value_name = "ID")]
    pub(super) overrides: Vec<String>,
    #[command(flatten)]
    pub(super) how: HowWords,
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
}

impl HowWords {
    pub(super) fn how(&self) -> How {
        How { dry_run: self.dry_run, yes: self.yes, journal: !self.no_journal }
    }
}

#[derive(Debug, Args)]
pub(super) struct GoalWords {
    /// swap [ROLE] | set ROLE NODE | drain NODE | down ROLE | up ROLE NODE
    #[arg(value_name = "GOAL", num_args = 0..)]
    pub(super) words: Vec<String>,
    /// The goal as a file: which node is to hold which role
    #[arg(long = "goal", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Accept a finding that would refuse the plan; may be given several times, and is recorded in the plan
    #[arg(long = "override", value_name = "ID")]
    pub(super) overrides: Vec<String>,
}

impl GoalWords {
    /// A goal was given, in words or as a file.
    pub(super) fn is_given(&self) -> bool {
        !self.words.is_empty() || self.file.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal or a change ticket
    Text,
    /// For programs
    Json,
}
