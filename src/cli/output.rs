//! stdout is data, stderr is everything else.

use std::io::Write;

use miette::{GraphicalReportHandler, GraphicalTheme, JSONReportHandler};

use super::Exit;

/// Where data goes, and in which shape.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Data: text for people, or JSON for programs, on stdout. A reader that has gone (`| head`) is no error.
    pub(super) fn data(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        let data = if self.json { json().to_string() } else { text() };
        let mut out = std::io::stdout().lock();
        let end = if data.ends_with('\n') { "" } else { "\n" };
        let _ = write!(out, "{data}{end}").and_then(|()| out.flush());
    }

    /// One JSON object a line, where JSON is wanted.
    pub(super) fn line(&self, json: &serde_json::Value) {
        if self.json {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{json}").and_then(|()| out.flush());
        }
    }
}

/// Something for the person in front of it, on stderr.
pub(super) fn tell(text: &str) {
    let mut err = std::io::stderr().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(err, "{text}{end}").and_then(|()| err.flush());
}

/// An error: a diagnostic on stderr, and with `--json` an object on stdout too.
pub(super) fn complain(output: &Output, report: &miette::Report, exit: Exit) {
    let mut text = String::new();
    // the handler of the crate decides about colour by itself (NO_COLOR, a pipe, TERM=dumb)
    let plain = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false);
    if plain.render_report(&mut text, report.as_ref()).is_err() {
        text = report.to_string();
    }
    tell(&text);
    if output.is_json() {
        let mut json = String::new();
        let diagnostic = match JSONReportHandler::new().render_report(&mut json, report.as_ref()) {
            Ok(()) => serde_json::from_str(&json).unwrap_or(serde_json::Value::String(json)),
            Err(_) => serde_json::Value::String(report.to_string()),
        };
        output.line(&serde_json::json!({
            "type": "error", "format": 1, "exit": exit as u8, "error": diagnostic,
        }));
    }
}
