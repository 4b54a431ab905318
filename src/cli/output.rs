//! stdout is data, stderr is everything else.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use miette::{GraphicalReportHandler, GraphicalTheme, JSONReportHandler};

use super::log::Log;
use super::verbose::Verbose;
use super::voice::{UnderWay, Voice};
use super::{Exit, Stop, terminal};
use crate::link::{Ear, Listener};
use crate::model::NodeName;
use crate::render::times::seconds;

/// Where data goes, and in which shape; and who else wants to know what goes on.
pub(super) struct Output {
    json: bool,
    /// What is under way is shown on the terminal.
    live: bool,
    voice: Arc<Voice>,
    log: Option<Log>,
    listener: Option<Arc<dyn Listener>>,
}

/// What is over sooner is not worth a line.
const SOON: Duration = Duration::from_secs(1);

impl Output {
    /// As it was asked for.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub(super) fn new(json: bool, verbose: bool, log_file: Option<&Path>) -> Result<Self, Stop> {
        let log = log_file.map(Log::open).transpose()?;
        let plain = Self::plain(json);
        let verbose = Verbose::new(verbose.then(|| Arc::clone(&plain.voice)), log.clone());
        let listener = verbose.map(|verbose| Arc::new(verbose) as Arc<dyn Listener>);
        Ok(Self { log, listener, ..plain })
    }

    /// Without a log, and nobody listens.
    pub(super) fn plain(json: bool) -> Self {
        let voice = Arc::default();
        Self { json, live: !json && terminal::is_live(), voice, log: None, listener: None }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// What is under way is shown on the terminal.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// What is said while something goes on.
    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Whoever wants to hear what is said to a node.
    pub(super) fn ear(&self, node: &NodeName) -> Ear {
        self.listener.as_ref().map(|listener| Ear::of(Arc::clone(listener), node.as_str())).unwrap_or_default()
    }

    /// For the log, where there is one.
    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        if let Some(log) = &self.log {
            log.line(text());
        }
    }

    /// Shown on a terminal with the time that it takes, where that is more than a moment; until what is returned is
    /// dropped.
    pub(super) fn waiting(&self, what: String) -> Waiting<'_> {
        if self.live {
            let line = move |took: Duration| format!("{what} … {}", seconds(took));
            self.voice.under_way(UnderWay { line: Box::new(line), after: SOON });
        }
        Waiting(self)
    }

    /// Data: text for people, or JSON for programs, on stdout. A reader that has gone (`| head`) is no error. Whether
    /// somebody still reads.
    pub(super) fn data(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) -> bool {
        let mut data = if self.json { json().to_string() } else { text() };
        if !data.ends_with('\n') {
            data.push('\n');
        }
        self.voice.show(data)
    }

    /// One JSON object a line, where JSON is wanted.
    pub(super) fn line(&self, json: &serde_json::Value) {
        if self.json {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{json}").and_then(|()| out.flush());
        }
    }

    /// The end of the command: waits until everything is written.
    pub(super) fn finish(&self) {
        self.voice.settle();
        if let Some(why) = self.log.as_ref().and_then(Log::settle) {
            tell(&format!("warning: the log is not whole: {why}"));
        }
    }
}

/// Something is waited for.
pub(super) struct Waiting<'a>(&'a Output);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.live {
            self.0.voice.clear();
            self.0.voice.settle();
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
    output.note(|| format!("error, exit {}\n{text}", exit as u8));
    // whatever stands for what is under way goes first
    output.voice.clear();
    output.voice.settle();
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
