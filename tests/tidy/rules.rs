//! The rules of the tree, as functions from one file's text to what is wrong with it.

use std::collections::BTreeSet;

use crate::source::{code, uses, without_tests, words};

/// Who may import whom: a module uses only those with a smaller number.
const LEVELS: [(&str, u8); 20] = [
    ("model", 0),
    // neither of the two uses the other: the one makes plans, the other one judges them
    ("planner", 1),
    ("checker", 1),
    ("dialect", 1),
    ("config", 1),
    ("explain", 1),
    ("world", 2),
    // makes a config of a legacy one
    ("import", 2),
    // tells of what a world answered
    ("event", 3),
    ("sim", 3),
    ("planfile", 3),
    // what an event, and a plan in it, is when it is written down
    ("journal", 4),
    ("link", 4),
    // also shows journals
    ("render", 5),
    ("observe", 5),
    ("effect", 5),
    ("apply", 6),
    ("cli", 7),
    // the program itself, and the list of modules
    ("main", 8),
    ("lib", 8),
];

/// Modules that only some may use, however high the others are.
const ONLY_FOR: [(&str, &[&str]); 1] = [("config", &["link", "observe", "effect", "apply", "cli", "import"])];

/// Crates that stay in one corner.
const CRATES: [(&str, &[&str]); 3] =
    [("petgraph", &["planner", "render"]), ("mysql_async", &["link"]), ("openssh", &["link"])];

/// Crates that stay out of some.
const NOT_IN: [(&str, &[&str]); 3] = [
    ("miette", &["model", "planner", "checker", "world", "event", "sim", "observe", "effect", "link", "journal"]),
    ("serde", &["model", "checker"]),
    ("serde_json", &["model", "checker"]),
];

/// Commands that cannot change anything, because they do not contain the code that could.
const HARMLESS: [&str; 11] = [
    "cli/plan.rs",
    "cli/setup.rs",
    "cli/status.rs",
    "cli/watch.rs",
    "cli/show.rs",
    "cli/check.rs",
    "cli/explain.rs",
    "cli/completions.rs",
    "cli/man.rs",
    "cli/init/mod.rs",
    "cli/import.rs",
];

/// Lines that a file may have.
const LONGEST: usize = 500;

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

/// A file of `src`, by its path in there (`planner/order.rs`).
pub(crate) struct File<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

impl File<'_> {
    /// Its module, as a path.
    fn module(&self) -> Vec<&str> {
        let path = self.path.strip_suffix(".rs").unwrap_or(self.path);
        path.strip_suffix("/mod").unwrap_or(path).split('/').collect()
    }

    /// The paths of modules in files of their own that are compiled for tests only, without `.rs` or `/mod.rs`.
    pub(crate) fn test_modules(&self) -> BTreeSet<String> {
        let mut module = self.module();
        if module == ["lib"] || module == ["main"] {
            module.clear();
        }
        let (_, names) = without_tests(&code(self.text));
        names.iter().map(|name| module.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join("/")).collect()
    }

    /// All that is wrong with it, each with its line where it has one.
    pub(crate) fn faults(&self, test_modules: &BTreeSet<String>) -> Vec<String> {
        let mut faults = vec![];
        let mut fault = |line: usize, what: String| faults.push(format!("src/{}:{line}: {what}", self.path));

        let lines = self.text.lines().count();
        if lines > LONGEST {
            fault(lines, format!("{lines} lines, {LONGEST} are the limit: cut it by what may know what"));
        }
        if !self.text.starts_with("//!") {
            fault(1, "does not start with `//!`: say what it is for".to_owned());
        }
        let module = self.module();
        let top = module.first().copied().unwrap_or_default();
        let Some(own) = level(top) else {
            fault(1, format!("unknown module `{top}`: decide a level for it in tests/tidy/rules.rs"));
            return faults;
        };
        let path = module.join("/");
        if test_modules.iter().any(|test| path == *test || path.starts_with(&format!("{test}/"))) {
            return faults;
        }

        let (code, _) = without_tests(&code(self.text));
        for (at, line) in code.lines().enumerate() {
            for call in [".unwrap()", ".expect("] {
                if line.contains(call) {
                    fault(at + 1, format!("`{call}` outside of tests: give the error to the caller"));
                }
            }
        }
        for (line, used) in uses(&code, module.len()) {
            // `crate::Name` and `crate::name!` are of no module, and the list of modules has none of its own
            if used == top || own == 8 {
                continue;
            }
            match level(&used) {
                _ if used == "*" => fault(line, "names no module: say which one is used".to_owned()),
                None => fault(line, format!("unknown module `{used}`: decide a level for it in tests/tidy/rules.rs")),
                Some(other) if other >= own => {
                    fault(line, format!("`{top}` (level {own}) must not use `{used}` (level {other})"));
                }
                Some(_) => {}
            }
            let kept = ONLY_FOR.iter().find(|(name, _)| *name == used);
            if let Some((name, users)) = kept
                && !users.contains(&top)
            {
                fault(line, format!("`{name}` is for {} only: take what is needed as a value", users.join(", ")));
            }
        }
        for (line, word) in words(&code) {
            let kept = CRATES.iter().find(|(name, homes)| *name == word && !homes.contains(&top));
            if let Some((_, homes)) = kept {
                fault(line, format!("`{word}` is for {} only", homes.join(", ")));
            }
            if NOT_IN.iter().any(|(name, strangers)| *name == word && strangers.contains(&top)) {
                fault(line, format!("`{word}` has no place in `{top}`"));
            }
            if HARMLESS.contains(&self.path) && matches!(word, "effect" | "apply") {
                fault(line, format!("must not mention `{word}`: this command cannot change anything"));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        File { path, text: &format!("//! Doc.\n{text}") }.faults(&BTreeSet::new())
    }

    fn refused(path: &str, text: &str, why: &str) {
        let faults = faults(path, text);
        assert!(faults.len() == 1 && faults[0].contains(why), "{path}: {text}: {faults:?}");
    }

    #[test]
    fn the_way_down_is_open() {
        for (path, text) in [
            (
                "planner/order.rs",
                "use crate::model::Plan; use petgraph::Graph; use super::other; use crate::planner::x;",
            ),
            ("render/dot.rs", "use crate::planner::graph; use petgraph::dot::Dot;"),
            ("link/sql.rs", "use crate::config::Node; use mysql_async::Conn;"),
            ("apply/mod.rs", "use crate::{effect, observe, world::World, config::Pair};"),
            ("cli/apply.rs", "use crate::{apply::run, effect::live}; use serde_json::Value; use miette::Report;"),
            ("cli/plan.rs", "use crate::planner; // effect and apply are far away: \n const S: &str = \"apply\";"),
            ("main.rs", "fn main() { flipper::cli::main() }"),
            ("lib.rs", "pub mod model;\npub mod cli;"),
        ] {
            assert_eq!(faults(path, text), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn the_way_up_and_aside_is_not() {
        for (path, text, why) in [
            ("model/plan.rs", "use crate::planner::order;", "`model` (level 0) must not use `planner` (level 1)"),
            ("model/plan.rs", "use super::super::planner;", "must not use `planner`"),
            ("model/mod.rs", "use super::planner;", "must not use `planner`"),
            ("checker/walk.rs", "use crate::planner::plan;", "must not use `planner`"),
            ("planner/mod.rs", "use crate::checker::judge;", "must not use `checker`"),
            ("world.rs", "use crate::event::Event;", "must not use `event`"),
            ("planfile/mod.rs", "use crate::render::plan;", "must not use `render`"),
            ("observe/mod.rs", "fn f() { crate::effect::f() }", "must not use `effect`"),
            ("effect/live.rs", "use crate::{model::Plan, observe::look};", "must not use `observe`"),
            ("sim.rs", "use crate::config::Node;", "`config` is for link"),
            ("planfile/a.rs", "use crate::config;", "`config` is for link"),
            ("planner/a.rs", "use crate::*;", "names no module"),
            ("planner/a.rs", "use crate::idea::I;", "unknown module `idea`"),
            ("idea.rs", "", "decide a level"),
            ("apply/a.rs", "use mysql_async::Conn;", "`mysql_async` is for link only"),
            ("cli/a.rs", "openssh::Session::new()", "`openssh` is for link only"),
            ("sim.rs", "use petgraph::Graph;", "`petgraph` is for planner, render only"),
            ("link/a.rs", "#[derive(miette::Diagnostic)]", "`miette` has no place in `link`"),
            ("model/a.rs", "#[derive(serde::Serialize)]", "`serde` has no place in `model`"),
            ("cli/plan.rs", "use crate::effect::live;", "must not mention `effect`"),
            ("cli/status.rs", "use super::apply;", "must not mention `apply`"),
            ("cli/show.rs", "use crate::cli::{apply::x};", "must not mention `apply`"),
            ("model/a.rs", "let x = y.unwrap();", "`.unwrap()` outside of tests"),
            ("model/a.rs", "let x = y.expect(\"z\");", "`.expect(` outside of tests"),
        ] {
            refused(path, text, why);
        }
    }

    #[test]
    fn tests_may_do_what_they_like() {
        let text = "#[cfg(test)]\nmod tests {\n use crate::cli::x;\n fn f() { y.unwrap() }\n}\n";
        assert_eq!(faults("model/a.rs", text), Vec::<String>::new());
        refused("model/a.rs", &format!("{text}fn g() {{ y.unwrap() }}"), "src/model/a.rs:7: `.unwrap()`");

        let parent = File { path: "planner/mod.rs", text: "//! Doc.\n#[cfg(test)]\nmod checker;\n" };
        let tests = parent.test_modules();
        assert_eq!(tests, BTreeSet::from(["planner/checker".to_owned()]));
        for (path, faults) in [("planner/checker.rs", 0), ("planner/checker/mod.rs", 0), ("planner/checkers.rs", 1)] {
            let file = File { path, text: "//! Doc.\nfn f() { y.unwrap() }" };
            assert_eq!(file.faults(&tests).len(), faults, "{path}");
        }
        let parent = File { path: "lib.rs", text: "#[cfg(test)]\nmod checker;\n" };
        assert_eq!(parent.test_modules(), BTreeSet::from(["checker".to_owned()]));
    }

    #[test]
    fn files_are_short_and_say_what_they_are_for() {
        refused("model/a.rs", &"\n".repeat(LONGEST), "501 lines");
        assert_eq!(faults("model/a.rs", &"\n".repeat(LONGEST - 1)), Vec::<String>::new());
        let file = File { path: "model/a.rs", text: "// no doc\n" };
        assert_eq!(file.faults(&BTreeSet::new()), ["src/model/a.rs:1: does not start with `//!`: say what it is for"]);
    }
}
