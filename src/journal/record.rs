//! The records of a journal.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::{self, Event};
use crate::model::{NodeSnapshot, Observed, Pair, PairName, Side, Snapshot, WriteAccess, printable};
use crate::world;

/// One thing written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Record {
    /// The first line: which run this is.
    FlipperJournal(Begin),
    /// How the pair was seen to stand.
    Stands {
        /// When, in the course of the run.
        when: Moment,
        /// The nodes.
        nodes: Vec<NodeStand>,
    },
    /// The locks are held, and the plan still fits.
    Ready,
    /// What is done next: one step, or all those of the write outage.
    Intent {
        /// In which direction.
        way: Way,
        /// The steps, in order.
        steps: Vec<String>,
    },
    /// A step is told to the nodes.
    Started {
        /// In which direction.
        way: Way,
        /// The step.
        step: String,
    },
    /// Whom a step met at their writing.
    Writers {
        /// The step.
        step: String,
        /// Who they are.
        sessions: Vec<Session>,
    },
    /// A step is done.
    Done {
        /// In which direction.
        way: Way,
        /// The step.
        step: String,
        /// How long it took.
        ms: Ms,
        /// What it had to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A step failed.
    Failed {
        /// In which direction.
        way: Way,
        /// The step.
        step: String,
        /// How long it took.
        ms: Ms,
        /// Whether it took effect all the same.
        happened: Happened,
        /// What was seen.
        why: String,
    },
    /// A step is tried again.
    Again {
        /// The step.
        step: String,
        /// After this pause.
        in_ms: Ms,
    },
    /// Nobody can write from here on.
    WritesOut,
    /// Clients can write again.
    WritesIn {
        /// How long they could not.
        out_ms: Ms,
    },
    /// The run turns round.
    TurningBack {
        /// Why.
        why: String,
    },
    /// The run cannot go back any more.
    PressingOn {
        /// Why.
        why: String,
    },
    /// A signal came.
    Interrupted {
        /// The how manieth.
        times: u8,
    },
    /// The last line of a run that was not cut off.
    End(End),
}

/// Which run a journal is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Of the journal.
    pub format: u32,
    /// The flipper that writes it.
    pub flipper: String,
    /// The run's own name: 32 hexadecimal digits.
    pub run: String,
    /// The pair.
    pub pair: String,
    /// Who runs it, and where.
    pub by: Who,
    /// What was asked for, as it is typed.
    pub goal: String,
    /// The plan's digest.
    pub digest: String,
    /// The plan, as the text of a plan file.
    pub plan: String,
    /// The run that this one finishes, or takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continued>,
}

/// A run that was cut off, as seen by the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// That run's name.
    pub run: String,
    /// Whether it is finished or taken back.
    pub way: Way,
}

/// A person at a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The account, as the system names it.
    pub user: String,
    /// The machine.
    pub host: String,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", printable(&self.user), printable(&self.host))
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// In a word.
    pub end: Ending,
    /// The exit code.
    pub exit: u8,
    /// How long clients could not write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_out_ms: Option<Ms>,
    /// What the operator was told.
    pub text: String,
}

/// How a run ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The goal is reached.
    Done,
    /// There was nothing to do.
    NothingToDo,
    /// The pair serves as before.
    RolledBack,
    /// A person must act.
    PartWay,
    /// The operator left at once, by a third signal.
    Left,
    /// Somebody else held the lock; nothing was changed.
    Locked,
    /// The plan no longer fitted; nothing was changed.
    Stale,
    /// No plan was safe, or the locks could not be had; nothing was changed.
    Refused,
}

impl Ending {
    /// Its word in a journal, and in `--json`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing-to-do",
            Self::RolledBack => "rolled-back",
            Self::PartWay => "part-way",
            Self::Left => "left",
            Self::Locked => "locked",
            Self::Stale => "stale",
            Self::Refused => "refused",
        }
    }

    /// The pair may be in between.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::PartWay | Self::Left => true,
            Self::Done | Self::NothingToDo | Self::RolledBack | Self::Locked | Self::Stale | Self::Refused => false,
        }
    }
}

/// A session that a step met at its writing. What it says to its server is no business of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The server's id of it.
    pub id: u64,
    /// Whose it is.
    pub user: String,
    /// Where it comes from.
    pub host: String,
    /// How old its transaction is; without one, its statement.
    pub seconds: u64,
    /// Rows that it has changed.
    pub rows: u64,
    /// `idle`, `running` or `rolling-back`.
    pub doing: String,
}

impl Session {
    fn of(writer: &world::Writer) -> Self {
        let world::Writer { id, user, host, seconds, rows, doing, statement: _ } = writer;
        let doing = doing.id().to_owned();
        Self { id: *id, user: user.clone(), host: host.clone(), seconds: *seconds, rows: *rows, doing }
    }
}

/// When, in the course of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Under the locks, before the first step.
    Before,
    /// At the end.
    After,
}

/// In which direction steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// As planned.
    Forward,
    /// Back to how it was.
    Back,
}

/// Whether a step that failed took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// It did not.
    No,
    /// It did.
    Yes,
    /// Nobody knows.
    Unknown,
}

/// Something seen, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// It was.
    Known(T),
    /// It was not.
    Unknown(String),
}

impl<T> From<Observed<T>> for Known<T> {
    fn from(seen: Observed<T>) -> Self {
        match seen {
            Observed::Known(value) => Self::Known(value),
            Observed::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// How a node was seen to stand. Downstream replicas are pointed at the new writer by these positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStand {
    /// The node.
    pub node: String,
    /// `open`, `guarded`, `fenced` or `changing`.
    pub access: Known<String>,
    /// The roles whose addresses it has.
    pub holds: Known<Vec<String>>,
    /// What it has executed, in its server's own words.
    pub position: Known<String>,
    /// What its peer lacked of that.
    pub ahead: Known<String>,
}

/// Milliseconds with three places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ms(pub Duration);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1_000_000.0).round() / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        let time = Duration::try_from_secs_f64(ms / 1000.0).map_err(serde::de::Error::custom)?;
        // whole microseconds: what was written is what is read
        Ok(Self(Duration::from_micros(u64::try_from((time.as_nanos() + 500) / 1000).unwrap_or(u64::MAX))))
    }
}

impl From<event::Way> for Way {
    fn from(way: event::Way) -> Self {
        match way {
            event::Way::Forward => Self::Forward,
            event::Way::Back => Self::Back,
        }
    }
}

impl From<world::Happened> for Happened {
    fn from(happened: world::Happened) -> Self {
        match happened {
            world::Happened::No => Self::No,
            world::Happened::Yes => Self::Yes,
            world::Happened::Unknown => Self::Unknown,
        }
    }
}

impl Record {
    /// What an event is as a record. `pair`: to name the roles of addresses.
    #[must_use]
    pub fn of(event: &Event, pair: &Pair) -> Self {
        let id = |id: &crate::model::StepId| id.0.clone();
        match event {
            Event::Stands(when, seen) => {
                let when = match when {
                    event::Moment::Before => Moment::Before,
                    event::Moment::After => Moment::After,
                };
                Self::Stands { when, nodes: stands(pair, seen) }
            }
            Event::Ready => Self::Ready,
            Event::Intends(way, steps) => Self::Intent { way: (*way).into(), steps: steps.iter().map(id).collect() },
            Event::Started(way, step) => Self::Started { way: (*way).into(), step: id(step) },
            Event::Finished(way, step, took, note) => {
                Self::Done { way: (*way).into(), step: id(step), ms: Ms(*took), note: note.clone() }
            }
            Event::Failed(way, step, took, failure) => Self::Failed {
                way: (*way).into(),
                step: id(step),
                ms: Ms(*took),
                happened: failure.happened.into(),
                why: failure.what.clone(),
            },
            Event::Writers(step, writers) => {
                Self::Writers { step: id(step), sessions: writers.iter().map(Session::of).collect() }
            }
            Event::Again(step, pause) => Self::Again { step: id(step), in_ms: Ms(*pause) },
            Event::GateClosed => Self::WritesOut,
            Event::GateOpened(out) => Self::WritesIn { out_ms: Ms(*out) },
            Event::TurningBack(why) => Self::TurningBack { why: why.clone() },
            Event::PressingOn(why) => Self::PressingOn { why: why.clone() },
            Event::Interrupted(times) => Self::Interrupted { times: *times },
        }
    }
}

fn stands(pair: &Pair, seen: &Snapshot) -> Vec<NodeStand> {
    let one = |side: Side| {
        let node: &NodeSnapshot = seen.node(side);
        let roles = || seen.roles_on(pair, side).iter().map(ToString::to_string).collect();
        NodeStand {
            node: node.name.to_string(),
            access: node.access.as_ref().map(|access| word(*access).to_owned()).into(),
            holds: node.addresses.as_ref().map(|_| roles()).into(),
            position: node.position.clone().into(),
            ahead: node.ahead.clone().into(),
        }
    };
    Side::BOTH.into_iter().map(one).collect()
}

fn word(access: WriteAccess) -> &'static str {
    match access {
        WriteAccess::Open => "open",
        WriteAccess::Guarded => "guarded",
        WriteAccess::Fenced => "fenced",
        WriteAccess::Changing => "changing",
        WriteAccess::Unseen => "unseen",
    }
}

impl Begin {
    /// The pair's name, where the journal was not made by hand.
    #[must_use]
    pub fn pair_name(&self) -> Option<PairName> {
        self.pair.parse().ok()
    }
}
