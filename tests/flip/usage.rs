//! What can be said without any server: exit codes 2 and 3.

use crate::bench::Bench;
use crate::ran::Ran;
use crate::{Case, Outcome};

/// No server has a part in it.
pub(crate) const ONCE: &[Case] = &[
    ("the command line does not make sense", command_line),
    ("the config has mistakes", mistakes),
    ("there is no config", no_config),
    ("the password variable is missing", no_password),
];

fn command_line(bench: &Bench<'_>) -> Outcome {
    let usage = |words: &[&str], said: &[&str]| {
        let ran = bench.flipper(words);
        ran.ends(2);
        for said in said {
            ran.says(said);
        }
        assert_eq!(ran.stdout, "", "{ran}");
    };
    usage(&["plan", "nope", "swap"], &["flipper::config::", "`nope`", "lab"]);
    usage(&["status", "nope"], &["`nope`", "lab"]);
    usage(&["apply", "lab", "set", "nope", "db1", "--yes"], &["flipper::usage::goal", "no role `nope`", "write, read"]);
    usage(&["apply", "lab", "set", "write", "db3", "--yes"], &["flipper::usage::goal", "no node `db3`", "db1, db2"]);
    usage(&["apply", "lab", "swap", "nope"], &["no role `nope`"]);
    usage(&["plan", "lab"], &["the goal is missing", "swap [ROLE] | set ROLE NODE"]);
    usage(&["apply", "lab"], &["the goal is missing"]);
    usage(&["plan", "lab", "jump"], &["`jump` is not a goal"]);
    usage(&["plan", "lab", "set", "write"], &["set takes a role and a node"]);
    usage(&["plan", "lab", "swap", "write", "db2"], &["did you mean `set write db2`?"]);
    usage(&["plan", "lab", "set", "wirte", "db2"], &["did you mean `write`?"]);
    usage(&["apply", "lab", "swap", "--expect-digest", "xyz"], &["flipper::usage::digest", "`xyz` is not a digest"]);
    usage(&["move", "lab"], &["unrecognized subcommand", "move"]);
    usage(&["apply", "lab", "swap", "--force"], &["unexpected argument", "--force"]);
    usage(&[], &["Usage"]);
    let ran = bench.flipper(&["--json", "plan", "nope", "swap"]);
    assert!(
        ran.ends_in_json("error", 2)["error"]["message"].as_str().is_some_and(|text| text.contains("nope")),
        "{ran}"
    );
    // and what is no mistake
    bench.flipper(&["--help"]).ends(0).answers("20 failed; rolled back and verified, the pair serves as before");
    bench.flipper(&["--version"]).ends(0).answers("flipper");
    bench.flipper(&["pairs"]).ends(0).answers("lab");
    let shown = bench.flipper(&["config", "lab"]);
    shown.ends(0).answers("FLIPPER_PASSWORD");
    Ok(())
}

fn mistakes(bench: &Bench<'_>) -> Outcome {
    let good = bench.lab.config_text();
    // several at once: each is shown, with its place
    let bad = good
        .replace("10.77.0.100/32", "10.77.0.300/32")
        .replace("port: 3306", "port: 70000")
        .replace("access: ReadOnly", "access: ReadWrite")
        .replace("sudo: false", "sudo: false, host: \"10.77.0.11; reboot\"");
    let seen = |ran: &Ran| {
        ran.ends(3).says("10.77.0.300").says("70000").says("flipper::config::");
    };
    seen(&bench.with_config(&bad, &["status", "lab"]));
    seen(&bench.with_config(&bad, &["apply", "lab", "swap", "--yes"]));
    let ran = bench.with_config(&bad, &["--json", "plan", "lab", "swap"]);
    ran.ends_in_json("error", 3);
    for (good_part, bad_part, said) in [
        ("\"db2\": (", "\"db1\": (", "db1"),
        ("limits", "limits", ""),
        ("roles: {", "rolls: {", "rolls"),
        ("pairs: {", "pairs: ", "flipper::config::"),
        ("\"eth0\"", "\"eth0; reboot\"", "eth0; reboot"),
        ("port: 3306", "port: 3306, password: \"x\"", "password"),
    ] {
        if good_part != bad_part {
            bench.with_config(&good.replace(good_part, bad_part), &["status", "lab"]).ends(3).says(said);
        }
    }
    // a limit that makes no sense
    let text = bench.lab.config().limits("fence: \"9s\", write_outage: \"2s\"").text();
    bench.with_config(&text, &["plan", "lab", "swap"]).ends(3).says("fence").says("write_outage");
    Ok(())
}

fn no_config(bench: &Bench<'_>) -> Outcome {
    let empty = bench.new_path("empty");
    std::fs::create_dir(&empty).expect("an empty folder");
    let mut command = bench.command(&["status"]);
    command.env_remove("FLIPPER_CONFIG").env("XDG_CONFIG_HOME", &empty).env("HOME", &empty).current_dir(&empty);
    bench.run(command).ends(3).says("flipper::config::not_found").says("--config FILE");
    let gone = empty.join("gone.ron").display().to_string();
    bench.flipper(&["--config", &gone, "status"]).ends(3).says("flipper::config::not_found").says("gone.ron");
    let mut command = bench.command(&["--json", "apply", "lab", "swap"]);
    command.env("FLIPPER_CONFIG", &gone);
    bench.run(command).ends_in_json("error", 3);
    Ok(())
}

fn no_password(bench: &Bench<'_>) -> Outcome {
    for words in [&["status", "lab"][..], &["plan", "lab", "swap"], &["apply", "lab", "swap", "--yes"]] {
        let mut command = bench.command(words);
        command.env_remove("FLIPPER_PASSWORD");
        bench.run(command).ends(3).says("flipper::config::password_variable").says("$FLIPPER_PASSWORD");
        let mut command = bench.command(words);
        command.env("FLIPPER_PASSWORD", "");
        bench.run(command).ends(3).says("is empty");
    }
    Ok(())
}
