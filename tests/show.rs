//! `flipper show`: a plan in every format. The pictures of the hand-made plans are in `fixtures/render`, those of plans that
//! the planner made in `docs/examples`, and their files in `plans`; `UPDATE=1` rewrites all of these, and the picture in the
//! README.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests are at the edge, and say so by panicking")]

#[path = "samples/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod samples;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flipper::model::{Code, Plan, StepId};
use flipper::planfile;
use flipper::render::{self, Sheet};

/// Plans of `fixtures/scenarios` that are shown in the documents, and are in `plans` to be read.
const EXAMPLES: [&str; 9] = [
    "planned-swap-write",
    "planned-swap-mysql",
    "planned-swap-mariadb",
    "planned-drain-writer",
    "huge-transaction-ended",
    "lagging-meant",
    "cut-off-after-open-forward",
    "dead-machine",
    "back-rejoin",
];

type Draw = fn(&Sheet<'_>) -> String;
const FORMATS: [(&str, &str, Draw); 4] = [
    ("markdown", "md", render::markdown::text),
    ("mermaid", "mmd", render::mermaid::text),
    ("dot", "dot", render::dot::text),
    ("html", "html", render::html::text),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Compares with a file, or writes it when `UPDATE` is set.
fn golden(path: &str, text: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == wanted, "{} differs; UPDATE=1 rewrites it", path.display());
}

fn plans() -> [(&'static str, Plan); 6] {
    [
        ("plan-swap-write-mysql", samples::swap_write()),
        ("plan-swap-all-mariadb", samples::swap_all()),
        ("plan-swap-read-mariadb", samples::swap_read()),
        ("plan-drop-first", samples::drop_first()),
        ("plan-nothing-to-do", samples::nothing_to_do()),
        ("plan-overridden", overridden()),
    ]
}

fn overridden() -> Plan {
    let mut plan = samples::swap_write();
    plan.overrides = vec![Code::Lagging, Code::PreparedXa];
    plan
}

/// A plan whose every free text tries to be something else.
fn hostile() -> (Plan, Vec<String>) {
    let evil = [
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "\"' onload=\"alert(3)\" style='x' --> ]]> </style></svg></title>",
        "a`b``c```d | e | f\n| --- |\n# heading\n```\n**bold** _it_ ~~no~~ [l](javascript:alert(4)) ![i](http://evil.example)",
        "@root #1 !2 http://evil.example www.evil.example ftp://evil.example mailto:a@b.example {color:red}x{color}",
        "right\u{202e}left\u{2066}iso\u{200b}zero\u{200f}mark\u{feff}bom\u{1b}[31mred\u{7}",
        "\"]; s1 --> evil; click s1 \"javascript:alert(5)\" %% #quot; \\\" \\N \\G label=\"x\"];",
        "&lt;script&gt; &amp; &#60;b&#62;",
    ];
    let mut plan = samples::swap_write();
    plan.notes = evil.map(str::to_owned).to_vec();
    for (step, evil) in plan.steps.iter_mut().zip(evil.iter().cycle()) {
        step.id = StepId(format!("{}{evil}", step.id.0));
        for (before, _) in &mut step.after {
            before.0 = format!("{}{evil}", before.0);
        }
    }
    for node in &mut plan.basis.nodes {
        node.uuid = Some(evil.concat());
    }
    (plan, evil.map(str::to_owned).to_vec())
}

const DIGEST: &str = "sha256:b129c8c714d1873902d643c74b45a34820c0bf26dfa9d4a5ea1abb18abe497f9";

fn sheet<'a>(plan: &'a Plan, seen: &'a [String]) -> Sheet<'a> {
    Sheet { plan, seen, digest: DIGEST, version: "0.1.0" }
}

#[test]
fn every_format_is_as_recorded() {
    let seen = planfile::seen(&samples::healthy());
    for (name, plan) in plans() {
        for (_, end, draw) in FORMATS {
            golden(&format!("fixtures/render/{name}.{end}"), &draw(&sheet(&plan, &seen)));
        }
    }
}

fn flipper(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flipper")).args(words).current_dir(root()).output().unwrap()
}

#[test]
fn examples_are_what_the_command_prints() {
    for name in EXAMPLES {
        let file = format!("fixtures/scenarios/{name}/plan.ron");
        for (format, end, _) in FORMATS {
            let shown = flipper(&["show", &file, "--format", format]);
            assert!(shown.status.success() && shown.stderr.is_empty(), "{shown:?}");
            golden(&format!("docs/examples/{name}.{end}"), &String::from_utf8(shown.stdout).unwrap());
        }
    }
}

/// The plan files that are there to be learnt from are those that the planner makes now, and `plans/README.md` tells each.
#[test]
fn plans_to_read_are_those_of_the_scenarios() {
    let told = std::fs::read_to_string(root().join("plans/README.md")).unwrap();
    for name in EXAMPLES {
        let scenario = root().join("fixtures/scenarios").join(name);
        golden(&format!("plans/{name}.ron"), &std::fs::read_to_string(scenario.join("plan.ron")).unwrap());
        let story = std::fs::read_to_string(scenario.join("story.txt")).unwrap();
        let command = story.lines().last().unwrap().trim();
        for said in [format!("({name}.ron)"), format!("docs/examples/{name}.html"), format!("`{command}`")] {
            assert!(told.contains(&said), "plans/README.md does not say {said}");
        }
    }
    let files = std::fs::read_dir(root().join("plans")).unwrap().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|end| end == "ron"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let mut wanted = EXAMPLES.to_vec();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
}

/// GitHub draws what stands in the README, and it is what flipper prints.
#[test]
fn the_picture_in_the_readme_is_the_example() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let shown = flipper(&["show", "fixtures/scenarios/planned-swap-write/plan.ron", "--format", "mermaid"]);
    let picture = String::from_utf8(shown.stdout).unwrap();
    let (before, rest) = readme.split_once("```mermaid\n").unwrap();
    let (now, after) = rest.split_once("```\n").unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}```mermaid\n{picture}```\n{after}")).unwrap();
    } else {
        assert!(now == picture, "the picture in the README is another one; UPDATE=1 rewrites it");
    }
}

#[test]
fn two_formats_at_once_are_a_mistake_and_a_bad_file_is_told() {
    let file = "plans/format-1/swap-write-mysql.ron";
    let both = flipper(&["--json", "show", file, "--format", "html"]);
    assert_eq!(both.status.code(), Some(2));
    assert!(String::from_utf8(both.stderr).unwrap().contains("flipper::usage::format"));
    let json = |words: &[&str]| serde_json::from_slice::<serde_json::Value>(&flipper(words).stdout).unwrap();
    assert_eq!(json(&["--json", "show", file]), json(&["show", file, "--format", "json"]));
    assert_eq!(json(&["--json", "show", file]), json(&["--json", "show", file, "--format", "json"]));
    let none = flipper(&["show", "README.md", "--format", "html"]);
    assert_eq!((none.status.code(), none.stdout.is_empty()), (Some(3), true));
}

/// What would steer a terminal or turn the direction of writing is in no format.
#[test]
fn nothing_hidden_comes_through() {
    let (plan, seen) = hostile();
    for (format, _, draw) in FORMATS {
        let text = draw(&sheet(&plan, &seen));
        for line in text.lines() {
            assert_eq!(flipper::model::printable(line), line, "{format}");
        }
    }
}

/// Every tag is one that the page is made of, they are closed in order, and no attribute does anything.
#[test]
fn a_hostile_plan_is_only_text_in_the_page() {
    let (plan, seen) = hostile();
    let page = render::html::text(&sheet(&plan, &seen));
    let tame = render::html::text(&sheet(&samples::swap_write(), &seen));
    let names = |page: &str| -> Vec<String> { tags(page).into_iter().map(|(name, _)| name).collect() };
    let (mut known, mut open) = (names(&tame), vec![]);
    known.extend(["ul", "/ul"].map(str::to_owned));
    for (name, attributes) in tags(&page) {
        assert!(known.contains(&name), "<{name}>");
        let on = attributes.split_whitespace().any(|word| word.starts_with("on"));
        assert!(!on && !attributes.contains("javascript") && !attributes.contains("style="), "<{name} {attributes}>");
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name.to_owned())),
            None if ["!doctype", "meta"].contains(&name.as_str()) || attributes.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    // nothing is fetched from anywhere: the only links are those to the steps
    let links: Vec<&str> = page.split("href=\"").skip(1).collect();
    assert!(!links.is_empty() && links.iter().all(|link| link.starts_with("#step-")));
    for word in ["src=", "url(", "@import", "<link", "<script", "<img", "<base", "<iframe", "xlink"] {
        assert!(!page.replace(r"src=x onerror", "").contains(word), "{word}");
    }
}

/// Names and attributes of all tags, as a browser would find them outside of the style sheet.
fn tags(page: &str) -> Vec<(String, String)> {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (style, body) = rest.split_once("</style>").unwrap();
    assert!(!style.contains('<'));
    let page = format!("{head}{body}");
    let mut found = vec![];
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap();
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        found.push((name.to_owned(), attributes.to_owned()));
    }
    found
}

/// Outside of code nothing is left that a ticket system reads as more than a word.
#[test]
fn a_hostile_plan_is_only_text_in_a_ticket() {
    let (plan, seen) = hostile();
    let text = render::markdown::text(&sheet(&plan, &seen));
    let columns = |line: &str| line.matches('|').count();
    for table in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let first = table.lines().next().map(columns);
        assert!(table.lines().all(|line| Some(columns(line)) == first), "{table}");
    }
    for line in text.lines() {
        let bare = without_code(line).replace("**", "");
        for sign in ["<", "`", "@", "://", "www.", "](", "~", "_", "{", "*", "javascript:", "mailto:"] {
            assert!(!bare.contains(sign), "{sign} in {bare:?} of {line:?}");
        }
        assert!(line.starts_with("# ") || line.starts_with("## ") || !bare.contains('#'), "{line:?}");
    }
}

/// A line of Markdown without its code spans, found as CommonMark finds them.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        let long = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let inside = &rest[at + long..];
        let mut from = 0;
        let end = loop {
            let next = inside[from..].find('`').unwrap() + from;
            let ticks = inside[next..].len() - inside[next..].trim_start_matches('`').len();
            if ticks == long {
                break next;
            }
            from = next + ticks;
        };
        out.push_str(&rest[..at]);
        rest = &inside[end + long..];
    }
    out + rest
}

#[test]
fn a_hostile_plan_is_only_labels_in_a_graph() {
    let (plan, seen) = hostile();
    let sheet = sheet(&plan, &seen);
    for line in render::mermaid::text(&sheet).lines() {
        assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
        let label = line.split('"').nth(1).unwrap_or_default().replace("<br/>", "");
        assert!(!label.contains(['<', '>', '[', ']', '`', '|', '{', '}', '\\', '%', '@']), "{line}");
    }
    for text in [render::dot::text(&sheet), render::dot::text(&self::sheet(&overridden(), &seen))] {
        dot_is_well_formed(&text);
    }
}

/// Strings are closed on their line, and what is left of it is a statement.
fn dot_is_well_formed(text: &str) {
    let mut depth = 0_i32;
    for line in text.lines() {
        let (mut bare, mut inside, mut chars) = (String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' if inside => assert!(matches!(chars.next(), Some('n' | '\\' | '"')), "{line}"),
                '"' => inside = !inside,
                c if inside => assert!(c != '<' && c != '>', "{line}"),
                c => bare.push(c),
            }
        }
        assert!(!inside, "{line}");
        assert!(bare.ends_with(['{', '}', ';']), "{line}");
        let plain = |c: char| c.is_ascii_alphanumeric() || " _{}[]=,;->.".contains(c);
        assert!(bare.chars().all(plain), "{bare}");
        depth += i32::try_from(bare.matches('{').count()).unwrap() - i32::try_from(bare.matches('}').count()).unwrap();
    }
    assert_eq!(depth, 0);
}

/// Each step has a reason, a fate and words in the page, and the marks stand where the model says.
#[test]
fn the_page_has_everything_of_every_step() {
    for (name, plan) in plans().into_iter().filter(|(_, plan)| !plan.is_empty()) {
        let page = render::html::text(&sheet(&plan, &[]));
        let steps = plan.steps.len();
        assert_eq!(page.matches("<p class=\"fate\">").count(), steps, "{name}");
        assert_eq!(page.matches("<details>").count(), steps, "{name}");
        assert_eq!(page.matches("<dl>\n</dl>").count(), 0, "{name}: a step says nothing");
        let edges: usize = plan.steps.iter().map(|step| step.after.len()).sum();
        assert_eq!(page.matches("<g class=\"edge").count(), edges, "{name}");
        let turns = usize::from(flipper::planner::point_of_no_return(&plan).is_some());
        assert_eq!(page.matches("<p class=\"noreturn\">").count(), turns, "{name}");
        assert_eq!(page.contains("Overridden by the operator"), !plan.overrides.is_empty(), "{name}");
        assert_eq!(page.contains("<div class=\"phase out\">"), plan.closing().is_some(), "{name}");
    }
}
