//! Where journals are: the only place of this module that touches files.
#![expect(clippy::disallowed_methods, reason = "keeping and reading the journal's files is this file's job")]

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::error::JournalError;
use super::pen::Store;
use super::record::{Continued, Ending, Way};
use super::story::{Story, Trouble, read};
use crate::model::PairName;

/// A journal has some KiB. Whatever is larger is something else, and is not read to its end.
const LARGEST: u64 = 16 << 20;

/// The folder of all journals of this person on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

/// The folder of journals, by the environment.
///
/// # Errors
/// Neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn home(environment: impl Fn(&str) -> Option<OsString>) -> Result<Home, JournalError> {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| Home(state.join("flipper"))).ok_or_else(JournalError::homeless)
}

impl Home {
    pub(super) fn of(&self, pair: &PairName) -> PathBuf {
        self.0.join(pair.as_str())
    }

    /// A new file for a run, readable by its owner only, locked as long as it is open: so a run that goes on can be
    /// told from one that was cut off.
    ///
    /// # Errors
    /// It cannot be made, or somebody else could write it.
    pub fn create(&self, pair: &PairName, run: &str, now: SystemTime) -> Result<Box<dyn Store>, JournalError> {
        let folder = self.ready(pair)?;
        let stamp: String =
            humantime::format_rfc3339_seconds(now).to_string().chars().filter(|c| !"-:".contains(*c)).collect();
        let short: String = run.chars().take(8).collect();
        let path = folder.join(format!("{stamp}-{short}.jsonl"));
        // never through a link, never over another file
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
        // a file system without locks makes a run that goes on look like one that was cut off, and nothing worse
        let _ = file.try_lock();
        // the name is on disk only when the folder is
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed(&folder))?;
        Ok(Box::new(OnDisk(file)))
    }

    /// The folder of a pair, made where it is not there; nobody else can write in it.
    pub(super) fn ready(&self, pair: &PairName) -> Result<PathBuf, JournalError> {
        let folder = self.of(pair);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        for own in [&self.0, &folder] {
            let seen = own.symlink_metadata().map_err(failed(own))?;
            let owner = rustix::process::geteuid().as_raw();
            if !seen.is_dir() || seen.uid() != owner || seen.mode() & 0o022 != 0 {
                return Err(JournalError::shared(own));
            }
            if seen.mode() & 0o077 != 0 {
                // made by an older umask: nobody else's business
                std::fs::set_permissions(own, Permissions::from_mode(0o700)).map_err(failed(own))?;
            }
        }
        Ok(folder)
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> JournalError {
    let path = path.to_owned();
    move |why: io::Error| JournalError::unwritable(&path, &why)
}

struct OnDisk(File);

impl Store for OnDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A journal's file, and what it tells.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its run still goes on.
    pub running: bool,
    /// The next run of the pair after it that has changed something, or has seen that nothing was left to do.
    pub then: Option<Then>,
    /// What it tells, or what is wrong with it.
    pub story: Result<Story, Unreadable>,
}

/// A later run, as it matters for an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Then {
    /// Its name.
    pub run: String,
    /// What became of the earlier one.
    pub fate: Fate,
    /// When writes came in again that the earlier one had left out, by this run or one after it.
    pub let_in: Option<SystemTime>,
}

/// What a later run made of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has finished it.
    Finished,
    /// It has taken it back.
    TakenBack,
    /// It was begun to do either, and did not come to its end.
    TakenUp,
    /// It had nothing to do with it, and has moved the pair on.
    Overtaken,
}

/// Why a file tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Its first line is not whole: its run has not begun.
    Journal(Trouble),
    /// The system did not give it.
    System(String),
}

/// Every journal of a pair, the newest first.
///
/// # Errors
/// The folder cannot be read.
pub fn find(home: &Home, pair: &PairName) -> Result<Vec<Found>, JournalError> {
    let mut names = entries(&home.of(pair))?;
    names.retain(|name| is_journal(name));
    let mut found: Vec<Found> = names.into_iter().map(|name| look(home.of(pair).join(name))).collect();
    found.sort_by_cached_key(|found| Reverse(found.age()));
    let marks: Vec<Option<Mark>> = found.iter().map(|found| found.story.as_ref().ok().map(Mark::of)).collect();
    for (at, found) in found.iter_mut().enumerate() {
        found.then = marks[at].as_ref().and_then(|mark| mark.then(&marks, at));
    }
    Ok(found)
}

impl Found {
    /// What journals are sorted by: the newer, the greater. A name has whole seconds, and two runs may begin in one: a move
    /// that was refused, or cut off, and what came next.
    #[must_use]
    pub fn age(&self) -> (String, Option<SystemTime>, String) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let second = name.get(..16).unwrap_or_default().to_owned();
        (second, self.story.as_ref().ok().map(|story| story.began), name)
    }
}

/// What a run means for those before it.
struct Mark {
    run: String,
    continues: Option<Continued>,
    ending: Option<Ending>,
    /// It has changed something, or has seen that nothing was left to do.
    touches: bool,
    let_in: Option<SystemTime>,
}

impl Mark {
    fn of(story: &Story) -> Self {
        Self {
            run: story.begin.run.clone(),
            continues: story.begin.continues.clone(),
            ending: story.end.as_ref().map(|end| end.end),
            touches: story.touches(),
            let_in: story.let_in(),
        }
    }

    /// Which run has gone on with this one, whatever the clock said; or else the next one that has moved the pair on.
    fn then(&self, marks: &[Option<Self>], at: usize) -> Option<Then> {
        let newer = || marks[..at].iter().rev().flatten().filter(|mark| mark.touches);
        let goes_on = |mark: &&Self| {
            let done = matches!(mark.ending, Some(Ending::Done | Ending::RolledBack));
            mark.continues.as_ref().is_some_and(|of| of.run == self.run) && (mark.touches || done)
        };
        let next = marks.iter().flatten().find(goes_on).or_else(|| newer().next())?;
        let fate = match (&next.continues, next.ending) {
            (Some(of), _) if of.run != self.run => Fate::Overtaken,
            (None, _) => Fate::Overtaken,
            (Some(of), Some(Ending::Done | Ending::NothingToDo)) => match of.way {
                Way::Forward => Fate::Finished,
                Way::Back => Fate::TakenBack,
            },
            (Some(_), _) => Fate::TakenUp,
        };
        let let_in = next.let_in.or_else(|| newer().find_map(|mark| mark.let_in));
        Some(Then { run: next.run.clone(), fate, let_in })
    }
}

/// The pairs that have journals, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn pairs(home: &Home) -> Result<Vec<PairName>, JournalError> {
    let mut names: Vec<PairName> = entries(&home.0)?.iter().filter_map(|name| name.parse().ok()).collect();
    names.sort();
    Ok(names)
}

fn entries(folder: &Path) -> Result<Vec<String>, JournalError> {
    let failed = |why: io::Error| JournalError::unreadable(folder, &why);
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
            names.collect::<io::Result<_>>().map_err(failed)
        }
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(why) => Err(failed(why)),
    }
}

/// `20260102T030405Z-0a1b2c3d.jsonl`
fn is_journal(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    name.len() == 31
        && name.is_ascii()
        && digits(&name[..8])
        && digits(&name[9..15])
        && &name[15..17] == "Z-"
        && name[17..25].bytes().all(|byte| byte.is_ascii_hexdigit())
        && name.ends_with(".jsonl")
}

fn look(path: PathBuf) -> Found {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let read_all = || -> io::Result<(Vec<u8>, bool)> {
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("is not a file"));
        }
        let running = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        let mut bytes = Vec::new();
        (&file).take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other("is larger than 16 MiB"));
        }
        Ok((bytes, running))
    };
    match read_all() {
        Ok((bytes, running)) => Found { path, running, then: None, story: read(&bytes).map_err(Unreadable::Journal) },
        Err(why) => Found { path, running: false, then: None, story: Err(Unreadable::System(why.to_string())) },
    }
}
