//! `flipper completions SHELL`

use clap::CommandFactory;

use super::Exit;
use super::args::{Shell, Typed};
use super::output::Output;

pub(super) fn run(shell: Shell, output: &Output) -> Exit {
    let (name, generator) = match shell {
        Shell::Bash => ("bash", clap_complete::Shell::Bash),
        Shell::Zsh => ("zsh", clap_complete::Shell::Zsh),
        Shell::Fish => ("fish", clap_complete::Shell::Fish),
    };
    let text = || {
        let mut script = vec![];
        clap_complete::generate(generator, &mut Typed::command(), "flipper", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    output.data(text, || serde_json::json!({ "type": "completions", "format": 1, "shell": name, "text": text() }));
    Exit::Done
}
