//! What `docs/quickstart.md` tells a reader to type is typed, on a real pair, in the shell that the reader gets; and what it
//! shows of the output is what is printed, figures aside.

#![allow(clippy::disallowed_methods, reason = "programs and files are what a lab is made of")]

mod lab;
mod pages;

use std::io::Write;
use std::process::Stdio;

use lab::error::{Doing, LabError};
use lab::stay::Stay;
use lab::{Lab, Server, Turn};

const PROMPT: &str = "op$ ";

/// One command of the page.
struct Typed {
    command: String,
    code: i32,
    shown: Vec<String>,
}

fn typed() -> Vec<Typed> {
    let page = pages::all().into_iter().find(|page| page.name() == "docs/quickstart.md");
    let blocks = page.map(|page| page.blocks()).unwrap_or_default();
    let mut all: Vec<Typed> = vec![];
    for block in blocks.iter().filter(|block| block.text.starts_with(PROMPT)) {
        for line in block.text.lines() {
            match line.strip_prefix(PROMPT) {
                Some(typed) => {
                    let (command, remark) = typed.split_once("  # exit code ").unwrap_or((typed, "0"));
                    let code = remark.parse().unwrap_or(-1);
                    all.push(Typed { command: command.to_owned(), code, shown: vec![] });
                }
                None => all.iter_mut().last().into_iter().for_each(|typed| typed.shown.push(line.to_owned())),
            }
        }
    }
    all
}

/// Figures are those of one run: times, positions, digests. Their columns, too.
fn without_figures(line: &str) -> String {
    let word = |word: &str| {
        if word.contains(|c: char| c.is_ascii_digit()) && !word.starts_with("db") { "#" } else { word }.to_owned()
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_quick_start_is_as_it_says() -> Result<(), LabError> {
    let typed = typed();
    assert!(typed.len() >= 12, "{} commands", typed.len());
    lab::with(Turn::Shared, Server::MariaDb, |lab| walk(lab, &typed))
}

fn walk(lab: &Lab, typed: &[Typed]) -> Result<(), LabError> {
    let stay = Stay::prepare(lab, &[env!("CARGO_BIN_EXE_flipper").to_owned()])?;
    // the reader's machine is not as busy as one that runs tests
    let patient = "connect: \"20s\", pre_sync: \"60s\", write_outage: \"20s\"";
    lab.write_config_text(&lab.config().limits(patient).text())?;
    let mut script = String::from("export NO_COLOR=1\n");
    for Typed { command, .. } in typed.iter().filter(|typed| typed.command != "exit") {
        // a reader types the pair's name
        let asks = command.starts_with("flipper apply") && !command.contains("--dry-run");
        let yes = if asks { " --yes" } else { "" };
        script.push_str(&format!("echo '@@@'; {command}{yes} </dev/null 2>&1; echo \"@@ $?\"\n"));
    }
    let output = stay.answering(|| {
        let mut shell = stay.shell();
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(script.as_bytes())?;
        }
        child.wait_with_output()
    });
    let output = output.doing(|| "the shell".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<&str> = text.split("@@@\n").skip(1).collect();
    let asked: Vec<&Typed> = typed.iter().filter(|typed| typed.command != "exit").collect();
    assert_eq!(answers.len(), asked.len(), "{text}");
    for (Typed { command, code, shown }, answer) in asked.into_iter().zip(answers) {
        let (said, ended) = answer.rsplit_once("@@ ").unwrap_or((answer, ""));
        assert_eq!(ended.trim(), code.to_string(), "`{command}` ends with {ended}: {said}");
        let plain = |line: &str| without_figures(line);
        let shown: Vec<String> = shown.iter().map(|line| plain(line)).collect();
        let real: Vec<String> = said.lines().map(plain).collect();
        let (mut shown, real): (Vec<&str>, Vec<&str>) =
            (shown.iter().map(String::as_str).collect(), real.iter().map(String::as_str).collect());
        // a blank line before the next prompt is the page's own
        while shown.last().is_some_and(|line| line.is_empty()) {
            shown.pop();
        }
        assert!(
            shown.is_empty() || pages::shows(&shown, &real),
            "`{command}` says\n{said}\nand the page\n{}",
            shown.join("\n")
        );
    }
    Ok(())
}
