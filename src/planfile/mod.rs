//! The files that flipper writes for people to read and for itself to read back: reviewed plans, and snapshots.
//!
//! A plan file is RON in one canonical form. Three things keep it honest: the digest of its body on the last line,
//! which a reviewer approves; the body being checked again as if nobody had; and the demand that the plan, written
//! out again, gives the file byte for byte, so that not even a comment in it can be changed.
//!
//! Format 1 includes the layout: it may not change without a new format number, because files in change tickets must
//! stay readable for ever. The comment at the top may, because each one that was ever written is known (`header`).

mod body;
mod digest;
mod error;
mod facts;
mod file;
mod header;
mod mirror;
mod seen;
pub mod snapshot;

pub use digest::{BadDigest, Digest};
pub use error::{Kind, PlanFileError};
pub use file::{load, save};
pub use seen::seen;

use std::collections::BTreeSet;

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{Plan, printable};

/// The newest format that this flipper writes, and reads.
const FORMAT: u32 = 1;

/// The version that plan files are signed with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A plan as it was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// The plan.
    pub plan: Plan,
    /// What the reviewer was told about the servers. Nothing is decided by it.
    pub seen: Vec<String>,
    /// The flipper that wrote it.
    pub flipper_version: String,
    /// By which it was approved.
    pub digest: Digest,
}

/// A plan as the text of a plan file. The same plan gives the same bytes.
#[must_use]
pub fn to_text(plan: &Plan, seen: &[String]) -> String {
    write(header::NEWEST, plan, seen, VERSION).0
}

/// The digest that [`to_text`] ends with.
#[must_use]
pub fn digest(plan: &Plan, seen: &[String]) -> Digest {
    write(header::NEWEST, plan, seen, VERSION).1
}

fn write(header: &str, plan: &Plan, seen: &[String], version: &str) -> (String, Digest) {
    let mut body = body::Plan::of(plan, seen, version);
    let digest = Digest::of(&canonical(&body));
    body.digest = Some(digest.to_string());
    (format!("{header}{}", canonical(&body)), digest)
}

/// The one way in which flipper writes RON.
fn canonical(value: &impl Serialize) -> String {
    // three levels open up, so that each action, and each node, is one line to read and to compare
    let layout = PrettyConfig::new()
        .struct_names(true)
        .indentor("  ")
        .new_line("\n")
        .depth_limit(3)
        .extensions(Extensions::IMPLICIT_SOME);
    // Mirrors are plain structs, enums, lists and strings, which RON can always write. If one day it cannot, the
    // text below is no plan: it is refused when it is saved, and when it is read.
    let text = ron::ser::to_string_pretty(value, layout).unwrap_or_else(|why| format!("// not written: {why}"));
    text + "\n"
}

/// Reads a plan file's text. `name` is what the file is called in an error.
///
/// # Errors
/// When it is not a plan, not of a known format, or not exactly what flipper wrote.
pub fn from_text(name: &str, text: &str) -> Result<PlanFile, PlanFileError> {
    let body: body::Plan = read(name, text, "a plan of flipper")?;
    let (seen, flipper_version, claimed) = (body.seen.clone(), body.flipper.clone(), body.digest.clone());
    let plan = body.back();
    let (again, digest) = write(header::of(text), &plan, &seen, &flipper_version);
    check_digest(name, text, claimed.as_deref(), digest)?;
    check_steps(name, text, &plan)?;
    check_canonical(name, text, &again)?;
    Ok(PlanFile { plan, seen, flipper_version, digest })
}

/// Reads RON, and tells a newer format from a broken file: what a newer format holds is not for this flipper to judge.
fn read<T: DeserializeOwned>(name: &str, text: &str, what: &str) -> Result<T, PlanFileError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let whole = ron::from_str(text);
    // any struct name will do for the number alone, and whatever else is there
    match ron::from_str(&unnamed(text)) {
        Ok(Format { format }) if format != FORMAT => {
            let message = format!("{} is of format {format}, and this flipper reads formats up to 1", printable(name));
            let help = "Update flipper, or have the file made by this one.";
            let line = line_with(text, "format:");
            Err(PlanFileError::new(Kind::Format, message, help).at(name, text, line, "this format"))
        }
        Ok(_) | Err(_) => whole.map_err(|error| PlanFileError::syntax(name, text, what, &error)),
    }
}

/// The text with the name of its outermost struct made blank, all positions as they were.
fn unnamed(text: &str) -> String {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.starts_with("//") && !line.starts_with("#!") && !line.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    let (top, rest) = text.split_at(at);
    let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{top}{}{}", " ".repeat(name.len()), &rest[name.len()..])
}

fn check_digest(name: &str, text: &str, claimed: Option<&str>, digest: Digest) -> Result<(), PlanFileError> {
    let Some(claimed) = claimed else {
        let message = format!("{} has no digest", printable(name));
        return Err(PlanFileError::new(Kind::Changed, message, "Make a new plan, and approve that one."));
    };
    if claimed == digest.to_string() {
        return Ok(());
    }
    let message =
        format!("{} was changed after it was written: its digest is not that of its content", printable(name));
    // the right digest is not told: whoever would paste it in has not read the plan
    let help = "Make a new plan, and approve that one.";
    let line = line_with(text, "digest:");
    Err(PlanFileError::new(Kind::Changed, message, help).at(name, text, line, "does not fit the content"))
}

/// The body may be any that was signed: names are right by now, but whether the steps hang together is not known.
fn check_steps(name: &str, text: &str, plan: &Plan) -> Result<(), PlanFileError> {
    let wrong = |needle: String, message: String| {
        let help = "No planner writes this. Make a new plan, and look at who made this one.";
        let at = text.rfind(&needle).unwrap_or_default();
        Err(PlanFileError::new(Kind::Step, message, help).at(name, text, at..at + needle.len(), "here"))
    };
    let mut earlier = BTreeSet::new();
    for step in &plan.steps {
        let quoted = format!("{:?}", step.id.0);
        if step.id != step.action.id() {
            let message = format!("step `{}` does something else than it is called", printable(&step.id.0));
            return wrong(format!("id: {quoted}"), message);
        }
        for (before, rule) in &step.after {
            if !earlier.contains(before) {
                let (id, before) = (&step.id, printable(&before.0));
                let message = format!("step `{id}` is to come after `{before}` ({rule}), which is no step before it");
                return wrong(format!("id: {quoted}"), message);
            }
        }
        if !earlier.insert(&step.id) {
            return wrong(format!("id: {quoted}"), format!("step `{}` is there twice", step.id));
        }
    }
    let nodes: BTreeSet<_> = plan.basis.nodes.iter().map(|node| &node.name).collect();
    if nodes.len() != 2 {
        return wrong("nodes:".to_owned(), "the pair's two nodes have one name".to_owned());
    }
    if let Some(step) = plan.steps.iter().find(|step| !nodes.contains(step.action.node())) {
        let message = format!("step `{}` is about a node that is not of the pair", step.id);
        return wrong(format!("id: {:?}", step.id.0), message);
    }
    Ok(())
}

fn check_canonical(name: &str, text: &str, again: &str) -> Result<(), PlanFileError> {
    if text == again {
        return Ok(());
    }
    let at = text.bytes().zip(again.bytes()).take_while(|(a, b)| a == b).count();
    let message = format!("{} is not as flipper wrote it", printable(name));
    let help = if text.contains('\r') {
        "Its line ends were changed on the way (CRLF). Send it as an attachment, or make a new plan."
    } else {
        "Even comments and spaces belong to the plan that was approved. Make a new plan, and approve that one."
    };
    Err(PlanFileError::new(Kind::Changed, message, help).at(name, text, at..at + 1, "differs from here on"))
}

/// The last line that starts, after its indentation, with a word; the file's end if none does.
fn line_with(text: &str, word: &str) -> std::ops::Range<usize> {
    let mut at = 0;
    let mut found = text.len()..text.len();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(word) {
            found = at + (line.len() - line.trim_start().len())..at + line.trim_end().len();
        }
        at += line.len();
    }
    found
}
