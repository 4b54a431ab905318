//! A pair to which things are done, and what `flipper check` says of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::lab::error::{Doing, LabError, Result};
use crate::lab::run::wait_until;
use crate::lab::{Lab, Node, Server, replication};

/// How long what was done to a pair may take to be gone again.
const SETTLED: Duration = Duration::from_secs(10);

pub(crate) struct Site<'a> {
    pub(crate) lab: &'a Lab,
    /// The verdicts on the pair as it should be.
    home: BTreeMap<String, String>,
}

/// The pair's config. A login is waited for longer than by default: what is tested is not how fast the machine is.
pub(crate) fn config_text(lab: &Lab) -> String {
    lab.config().limits("connect: \"10s\"").text()
}

/// What a run of `check` said.
pub(crate) struct Said {
    code: Option<i32>,
    text: String,
    checks: Vec<Value>,
    restarts: Value,
}

impl<'a> Site<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Result<Self> {
        lab.write_config_text(&config_text(lab))?;
        let admin = lab.admin(Node::Db1);
        admin.exec("CREATE TABLE app.scratch (id INT PRIMARY KEY, x INT)")?;
        admin.exec("INSERT INTO app.scratch VALUES (1, 0), (2, 0)")?;
        lab.settle()?;
        let mut site = Self { lab, home: BTreeMap::new() };
        site.home = site.check().verdicts();
        Ok(site)
    }

    pub(crate) fn server(&self) -> Server {
        self.lab.server()
    }

    /// flipper, with these words.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = self.lab.operator(Path::new(env!("CARGO_BIN_EXE_flipper")));
        command.args(words).current_dir(self.lab.dir()).env("NO_COLOR", "1");
        command.output().expect("flipper runs")
    }

    #[track_caller]
    pub(crate) fn check(&self) -> Said {
        self.check_with(&[])
    }

    /// With words of its own before the command.
    #[track_caller]
    pub(crate) fn check_with(&self, words: &[&str]) -> Said {
        let output = self.run(&[words, &["--json", "check", "lab"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let said: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: `{text}` {errors}"));
        assert_eq!((&said["type"], &said["format"]), (&"check".into(), &1.into()), "{text}");
        let checks = said["checks"].as_array().cloned().expect("a list of checks");
        let restarts = said["after_restart"].clone();
        Said { code: output.status.code(), text, checks, restarts }
    }

    /// The same for people.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.run(&["check", "lab"]).stdout).into_owned()
    }

    /// What a swap of the write role is told.
    pub(crate) fn plan(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.run(&[&["plan", "lab", "swap", "write"], words].concat());
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// A move that works.
    #[track_caller]
    pub(crate) fn apply(&self, goal: &[&str]) {
        let output = self.run(&[&["apply", "lab"], goal, &["--yes"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks again until the check has this verdict: servers tell some things a moment late.
    #[track_caller]
    pub(crate) fn wait_named(&self, id: &str, verdict: &str) -> Said {
        let mut said = None;
        let waited = wait_until(id, SETTLED, || {
            let now = self.check();
            let is = now.verdict(id) == verdict;
            said = Some(now);
            Ok(is.then_some(()))
        });
        let said = said.expect("asked once at least");
        assert!(waited.is_ok(), "{id} is `{}`, not `{verdict}`: {}", said.verdict(id), said.text);
        said
    }

    /// All checks say what they said of the healthy pair.
    pub(crate) fn as_it_was(&self) -> Outcome {
        for node in Node::BOTH {
            replication::wait_running(&self.lab.admin(node), node)?;
        }
        self.lab.settle()?;
        wait_until("the checks say what they said before", SETTLED, || {
            let now = self.check().verdicts();
            let differ: Vec<String> = now
                .iter()
                // warm by now, and the variable that says so was set since
                .filter(|(id, verdict)| !is_passing(id) && self.home.get(*id) != Some(verdict))
                .map(|(id, verdict)| format!("{id} is {verdict}"))
                .collect();
            match differ.is_empty() {
                true => Ok(Some(())),
                false => Err(LabError::new("checking the pair after the case", differ.join(", "))),
            }
        })
    }

    /// The same statement on both nodes, in no binary log.
    pub(crate) fn on_both(&self, statement: &str) -> Outcome {
        for node in Node::BOTH {
            self.lab.admin(node).exec_all(&self.unlogged(node, statement))?;
        }
        Ok(())
    }

    /// A fenced MySQL refuses its administrators too.
    pub(crate) fn unlogged<'s>(&self, node: Node, statement: &'s str) -> Vec<&'s str> {
        match (self.server(), node) {
            (Server::MySql, Node::Db2) => vec![
                "SET SESSION sql_log_bin=0",
                "SET GLOBAL super_read_only=OFF",
                statement,
                "SET GLOBAL super_read_only=ON",
            ],
            _ => vec!["SET SESSION sql_log_bin=0", statement],
        }
    }

    /// A file in the operator's folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.lab.dir().join(name);
        std::fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
        Ok(path.display().to_string())
    }
}

/// Verdicts that change with the time of day and with what a case set, not with the pair.
fn is_passing(id: &str) -> bool {
    matches!(id, "cold-server" | "moved-lately")
}

impl Said {
    fn verdicts(&self) -> BTreeMap<String, String> {
        let word = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
        self.checks.iter().map(|check| (word(check, "id"), word(check, "verdict"))).collect()
    }

    pub(crate) fn verdict(&self, id: &str) -> String {
        self.verdicts().get(id).cloned().unwrap_or_default()
    }

    /// This check has this verdict, and says these words.
    #[track_caller]
    pub(crate) fn names(&self, id: &str, verdict: &str, words: &str) -> &Self {
        let check = self.checks.iter().find(|check| check["id"] == id).expect("a check of that id");
        assert_eq!(check["verdict"], verdict, "{id}: {check}\n{}", self.text);
        assert!(check.to_string().contains(words), "{id} should say `{words}`: {check}");
        self
    }

    /// What it says of a node's next start.
    pub(crate) fn restart(&self, node: Node) -> &Value {
        let of = self.restarts.as_array().and_then(|all| all.iter().find(|one| one["name"] == node.name()));
        &of.expect("each node has one")["boot"]
    }

    /// This check has found something on this node.
    pub(crate) fn is_said_of(&self, id: &str, node: &str) -> bool {
        let found = self.checks.iter().filter(|check| check["id"] == id);
        found.filter_map(|check| check["found"].as_array()).flatten().any(|finding| finding["node"] == node)
    }

    /// No other check but these finds anything worse than a warning.
    #[track_caller]
    pub(crate) fn blames_only(&self, ids: &[&str]) -> &Self {
        let bad = |verdict: &str| matches!(verdict, "stop" | "override");
        let blamed: Vec<String> =
            self.verdicts().into_iter().filter(|(_, verdict)| bad(verdict)).map(|(id, _)| id).collect();
        let mut expected: Vec<&str> = ids.to_vec();
        expected.sort_unstable();
        assert_eq!(blamed, expected, "{}", self.text);
        assert_eq!(self.code, Some(if blamed.is_empty() { 0 } else { 11 }), "{}", self.text);
        self
    }

    /// Ids with this verdict.
    pub(crate) fn with_verdict(&self, verdict: &str) -> Vec<String> {
        self.verdicts().into_iter().filter(|(_, it)| it == verdict).map(|(id, _)| id).collect()
    }
}
