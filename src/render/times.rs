//! Times, in words and as numbers.

use std::time::Duration;

use serde_json::{Value, json};

/// Milliseconds with one place, for an operator's eye.
#[must_use]
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Whole milliseconds, for a sentence.
#[must_use]
pub fn whole(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// `for 2.1 ms`, or how often, where it was several times. `one`: a single time in words.
#[must_use]
pub fn outages(outages: &[Duration], one: impl Fn(Duration) -> String) -> String {
    match outages {
        [outage] => format!("for {}", one(*outage)),
        _ => format!(
            "{} times, {} in all, {} at most",
            outages.len(),
            seconds(outages.iter().sum()),
            seconds(outages.iter().max().copied().unwrap_or_default())
        ),
    }
}

/// Seconds with one place, for what takes long enough to be waited for.
#[must_use]
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A number of milliseconds with three places.
#[must_use]
pub fn millis(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1_000_000.0).round() / 1000.0)
}

/// A moment in milliseconds since 1970, in UTC: `2026-11-29T02:58:52.174Z`.
pub(super) fn moment(millis: u64) -> String {
    // the format ends with the year 9999
    let millis = millis.min(253_402_300_799_999);
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + Duration::from_millis(millis)).to_string()
}

/// In its largest unit, and the one below: `12 days 3 h`.
pub(super) fn since(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("days", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let first = UNITS.iter().position(|(_, unit)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let mut left = seconds;
    let mut said = vec![];
    for (name, unit) in UNITS.iter().skip(first).take(2) {
        if left >= *unit || said.is_empty() {
            said.push(format!("{} {name}", left / unit));
        }
        left %= unit;
    }
    said.join(" ")
}

/// In whole seconds, and whatever is larger.
pub(super) fn long_time(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}
