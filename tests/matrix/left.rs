//! What a run may leave behind for a while, and until when: the ssh connection of a flipper that was killed ends when
//! nobody has used it for half a minute, and what a cable kept from arriving is sent again after ever longer pauses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::lab::Lab;
use crate::lab::error::{LabError, Result};
use crate::lab::run::wait_until;
use crate::stage::RETRANSMITTED;

/// Before what is left for too long.
pub(crate) const LEFT: &str = "left behind: ";
/// Where nothing was cut off.
const GONE: Duration = Duration::from_secs(5);
/// An idle ssh connection, and a busy machine.
const IDLE: Duration = Duration::from_secs(45);
/// The neighbours are told for the last time some six seconds after a move.
const TOLD: Duration = Duration::from_secs(15);

/// Processes that may be there, each with its end and the cell that it comes from.
#[derive(Default)]
pub(crate) struct Left {
    known: RefCell<BTreeMap<String, Expected>>,
}

/// A process that may be there until `end`.
struct Expected {
    end: Instant,
    cell: String,
    told: bool,
}

impl Left {
    /// Sessions and locks of flipper are gone, or go within the time that servers give a silent client. Processes go as
    /// well; where the run was `cut` off they may stay for a while, and are looked for again in later cells. How long it took,
    /// and what an earlier cell has left for longer than that.
    pub(crate) fn look(&self, lab: &Lab, cell: &str, cut: bool) -> Result<(Duration, Vec<String>)> {
        let begun = Instant::now();
        let (limit, processes) = if cut { (RETRANSMITTED, RETRANSMITTED.max(IDLE)) } else { (GONE, GONE) };
        self.expect(&lab.telling()?, TOLD, cell);
        wait_until("nothing of flipper is left", limit, || {
            let left = self.unexpected(lab)?;
            let (running, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|found| found.contains(": process "));
            if cut && others.is_empty() {
                self.expect(&running, processes, cell);
                return Ok(Some(()));
            }
            match running.is_empty() && others.is_empty() {
                true => Ok(Some(())),
                false => Err(LabError::new("looking for what is left", [others, running].concat().join("; "))),
            }
        })?;
        Ok((begun.elapsed(), self.overdue(lab)?))
    }

    /// At the end of all cells: everything that was expected to go has gone, or was told of.
    pub(crate) fn at_last(&self, lab: &Lab) -> Outcome {
        let waited = |known: &&Expected| !known.told;
        let last = self.known.borrow().values().filter(waited).map(|known| known.end).max();
        let limit = last.map_or(GONE, |end| end.saturating_duration_since(Instant::now()).max(GONE));
        wait_until("nothing of flipper is left", limit, || {
            let mut left = lab.leftovers()?;
            let known = self.known.borrow();
            left.retain(|found| known.get(&process(found)).is_none_or(|known| !known.told));
            match left.is_empty() {
                true => Ok(Some(())),
                false => Err(LabError::new("looking for what is left at last", left.join("; "))),
            }
        })
    }

    fn expect(&self, found: &[String], limit: Duration, cell: &str) {
        let mut known = self.known.borrow_mut();
        for process in found.iter().map(|found| process(found)) {
            let fresh = || Expected { end: Instant::now() + limit, cell: cell.to_owned(), told: false };
            known.entry(process).or_insert_with(fresh);
        }
    }

    fn unexpected(&self, lab: &Lab) -> Result<Vec<String>> {
        let known = self.known.borrow();
        let mut left = lab.leftovers()?;
        left.retain(|found| !known.contains_key(&process(found)));
        Ok(left)
    }

    /// Those that should be gone by now, each told once.
    fn overdue(&self, lab: &Lab) -> Result<Vec<String>> {
        let there: Vec<String> = [lab.leftovers()?, lab.telling()?].concat();
        let mut known = self.known.borrow_mut();
        known.retain(|key, _| there.iter().any(|found| process(found) == *key));
        let late = known.iter_mut().filter(|(_, known)| known.end < Instant::now() && !known.told);
        let tell = |(key, known): (&String, &mut Expected)| {
            known.told = true;
            let words = there.iter().find(|found| process(found) == *key).unwrap_or(key);
            format!("{LEFT}{words}, since {}", known.cell)
        };
        Ok(late.map(tell).collect())
    }
}

/// `db1: process 4711`, without the words, which some processes change.
fn process(found: &str) -> String {
    found.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
