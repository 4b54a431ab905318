//! `--not-within TIME`: a guard against flapping, for whoever starts flipper without a person who looks.

use std::time::Duration;

use super::output::tell;
use super::{Exit, Stop, here, journal};
use crate::journal::{Ending, Story, find};
use crate::model::{Code, Goal, PairName, Reason, Refusal};
use crate::planner::LATELY;

/// A refusal, where roles of the pair were moved from this machine within that time. What cannot be read is no proof that
/// they were not.
///
/// # Errors
/// The time is none, or the history cannot be read.
pub(super) fn refusal(pair: &PairName, goal: &Goal, within: Option<&str>) -> Result<Option<Refusal>, Stop> {
    let Some(text) = within else { return Ok(None) };
    let within = humantime::parse_duration(text).map_err(|why| {
        Stop::say(
            Exit::Usage,
            "flipper::usage::time",
            format!("`{}` is not a time: {why}", crate::model::printable(text)),
            "a number with its unit: --not-within 10m",
        )
    })?;
    let found = find(&journal::home()?, pair).map_err(|error| Stop::new(Exit::Refused, error))?;
    let (mut reasons, mut more) = (vec![], 0_usize);
    let mut newest: Option<Reason> = None;
    for found in found {
        match found.story {
            // the newest comes first, and the others only count
            Ok(story) => match (moved(&story, within), &newest) {
                (Some(reason), None) => newest = Some(reason),
                (Some(_), Some(_)) => more += 1,
                (None, _) => {}
            },
            // its name has its time; one whose first line is not whole has not begun
            Err(crate::journal::Unreadable::Journal(_)) => {}
            Err(crate::journal::Unreadable::System(why)) => reasons.push(Reason {
                code: Code::Unknown,
                seen: format!("{} cannot be read: {why}", found.path.display()),
                help: "it may be of a move that was just made: make it readable, or leave --not-within out".to_owned(),
            }),
        }
    }
    if let Some(Reason { code, mut seen, help }) = newest {
        if more > 0 {
            seen += &format!(" (and {more} more)");
        }
        reasons.insert(0, Reason { code, seen, help });
    }
    Ok((!reasons.is_empty()).then(|| Refusal { pair: pair.clone(), goal: goal.clone(), reasons }))
}

/// Before another move: that there was one a moment ago, whatever became of it.
pub(super) fn mention(pair: &PairName) {
    let Ok(found) = journal::home().and_then(|home| find(&home, pair).map_err(|error| Stop::new(Exit::Refused, error)))
    else {
        return;
    };
    let moved = found.iter().filter_map(|found| found.story.as_ref().ok()).find_map(|story| moved(story, LATELY));
    if let Some(Reason { seen, .. }) = moved {
        tell(&format!("note: {seen}"));
    }
}

fn moved(story: &Story, within: Duration) -> Option<Reason> {
    let back = story.end.as_ref().is_some_and(|end| !matches!(end.end, Ending::Done | Ending::PartWay | Ending::Left));
    // a moment to come is one of a clock that was set back
    let ago = here::clock().duration_since(story.last).unwrap_or_default();
    (story.moves_roles() && !back && ago < within).then(|| Reason {
        code: Code::MovedLately,
        seen: format!(
            "{} moved roles of {} {} ago: {}",
            story.begin.by,
            story.begin.pair,
            humantime::format_duration(Duration::from_secs(ago.as_secs())),
            story.begin.goal
        ),
        help: "look at what goes on before it is moved again; --not-within asks for this, leave it out to go on"
            .to_owned(),
    })
}
