//! One line: a record, when it was written, and the hash of it and of all before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::Record;

/// A record with its time of day (RFC 3339).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) at: String,
    #[serde(flatten)]
    pub(super) record: Record,
}

/// The hash of a journal up to some line; at its beginning, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain(String);

/// Before the hash at the end of a line.
const MARK: &str = ",\"chain\":\"";
/// After it.
const TAIL: &str = "\"}";
const DIGITS: usize = 64;

impl Chain {
    fn next(&self, body: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(&self.0);
        hash.update(body);
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The text of a line, its end of line included.
    pub(super) fn write(&mut self, line: &Line) -> Result<String, serde_json::Error> {
        let body = serde_json::to_string(line)?;
        let next = self.next(&body);
        let open = body.strip_suffix('}').unwrap_or(&body);
        let text = format!("{open}{MARK}{}{TAIL}\n", next.0);
        *self = next;
        Ok(text)
    }

    /// Reads a line, its end of line taken off.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Line, String> {
        let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
        let cut = || {
            let (open, rest) = text.rsplit_once(MARK)?;
            let hash = rest.strip_suffix(TAIL).filter(|hash| hash.len() == DIGITS)?;
            Some((open, hash))
        };
        let (open, hash) = cut().ok_or("carries no hash")?;
        let body = format!("{open}}}");
        let next = self.next(&body);
        if next.0 != hash {
            return Err("is not what was written: it, or a line before it, was changed".to_owned());
        }
        let line = serde_json::from_str(&body).map_err(|why| format!("is not a record: {why}"))?;
        *self = next;
        Ok(line)
    }
}
