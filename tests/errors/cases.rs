//! Code by code: how it is provoked.

use std::process::Command;

use crate::Scene;
use crate::files::{behind, hasty, misnamed, plan, scenario, secret, signed, with_password};

pub(crate) enum How {
    /// The config `fixtures/config/bad/NAME.ron` has the mistake; the place is shown.
    Config(&'static str),
    /// A command in a scene.
    Run {
        words: &'static str,
        exit: i32,
        /// What is at fault, as it is named; nothing where a place in a file is shown.
        names: &'static str,
        /// A file that it reads.
        file: Option<(&'static str, &'static str)>,
        prepare: fn(&Scene, Command) -> Command,
    },
    /// It takes servers, a terminal or another's hand: that test provokes it.
    Elsewhere(&'static str),
    /// Nothing that a test can do brings it about.
    Beyond(&'static str),
}

use How::{Beyond, Config, Elsewhere};

const fn run(words: &'static str, exit: i32, names: &'static str) -> How {
    How::Run { words, exit, names, file: None, prepare: |_, command| command }
}

/// A file with a mistake in it, whose place is shown.
const fn file(name: &'static str, text: &'static str, words: &'static str) -> How {
    How::Run { words, exit: 3, names: "", file: Some((name, text)), prepare: |_, command| command }
}

const fn with(words: &'static str, exit: i32, names: &'static str, prepare: fn(&Scene, Command) -> Command) -> How {
    How::Run { words, exit, names, file: None, prepare }
}

const PORT: &str = "a:\n  write_ip: 10.0.0.100\n  interface: eth0\n  mysql_port: 33o6\n  nodes:\n    b:\n      ip: 10.0.0.1\n    \
                    c:\n      ip: 10.0.0.2\n";

pub(crate) const CASES: &[(&str, How)] = &[
    // the config
    ("config::address_of_node", Config("address_of_node")),
    ("config::bad_address", Config("bad_address")),
    ("config::bad_duration", Config("bad_duration")),
    ("config::bad_fence", Config("fence_relative")),
    ("config::bad_host", Config("bad_host")),
    ("config::bad_interface", Config("bad_interface")),
    ("config::bad_limit", Config("duration_absurd")),
    ("config::bad_name", Config("bad_node_name")),
    ("config::bad_path", Config("path_of_somebody")),
    ("config::bad_port", Config("port_large")),
    ("config::bad_user", Config("ssh_user")),
    ("config::bad_variable", Config("password_as_variable")),
    ("config::duplicate_field", Config("duplicate_field")),
    ("config::duplicate_key", Config("duplicate_node")),
    ("config::missing", Config("no_host")),
    ("config::no_pairs", Config("pairs_empty")),
    ("config::no_roles", Config("no_roles")),
    ("config::not_utf8", Config("not_utf8")),
    ("config::outage_shorter_than_fence", Config("outage_shorter_than_fence")),
    ("config::password", Config("password_literal")),
    ("config::same_address", Config("same_address")),
    ("config::same_server", Config("same_server")),
    ("config::same_system", Config("same_system")),
    ("config::syntax", Config("bracket_missing")),
    ("config::two_nodes", Config("three_nodes")),
    ("config::two_passwords", Config("two_passwords")),
    ("config::two_writers", Config("two_writers")),
    ("config::unknown_field", Config("unknown_field")),
    ("config::unknown_variant", Config("unknown_access")),
    ("config::wrong_type", Config("wrong_type_bool")),
    ("config::not_found", run("--config gone.ron pairs", 3, "gone.ron")),
    ("config::unreadable", run("--config . pairs", 3, "the config file .:")),
    (
        "config::world_writable",
        with("--config open.ron pairs", 3, "open.ron", |scene, command| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = scene.write("open.ron", "()");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
            command
        }),
    ),
    (
        "config::foreign",
        with("pairs", 3, "user id 65534", |scene, command| {
            // as root, as all of these tests
            std::os::unix::fs::chown(scene.path().join("flipper.ron"), Some(65534), None).unwrap();
            command
        }),
    ),
    ("config::unknown_pair", run("plan ordres swap", 2, "did you mean `orders`?")),
    // its password
    (
        "config::password_variable",
        with("status orders", 3, "$FLIPPER_PASSWORD", |_, mut command| {
            command.env_remove("FLIPPER_PASSWORD");
            command
        }),
    ),
    (
        "config::password_unreadable",
        with("status orders", 3, "gone", |scene, command| {
            with_password(scene, "password_file: \"gone\"");
            command
        }),
    ),
    (
        "config::password_not_a_file",
        with("status orders", 3, "/dev/null", |scene, command| {
            with_password(scene, "password_file: \"/dev/null\"");
            command
        }),
    ),
    (
        "config::authority",
        with("status orders", 3, "gone.pem", |scene, command| {
            with_password(scene, "password_env: \"FLIPPER_PASSWORD\", tls: (ca_file: \"gone.pem\")");
            command
        }),
    ),
    (
        "config::password_mode",
        with("status orders", 3, "mode 644", |scene, command| {
            secret(scene, b"hunter2\n", 0o644);
            command
        }),
    ),
    (
        "config::password_owner",
        with("status orders", 3, "user id 65534", |scene, command| {
            secret(scene, b"hunter2\n", 0o600);
            std::os::unix::fs::chown(scene.path().join("secret"), Some(65534), None).unwrap();
            command
        }),
    ),
    (
        "config::password_absent",
        with("status orders", 3, "secret", |scene, command| {
            secret(scene, b"", 0o600);
            command
        }),
    ),
    (
        "config::password_lines",
        with("status orders", 3, "secret", |scene, command| {
            secret(scene, b"[client]\npassword=hunter2\n", 0o600);
            command
        }),
    ),
    (
        "config::password_not_utf8",
        with("status orders", 3, "secret", |scene, command| {
            secret(scene, b"hunter2\xff", 0o600);
            command
        }),
    ),
    (
        "config::option_file_include",
        with("status orders", 3, "secret", |scene, command| {
            secret(scene, b"[client]\n!includedir /etc/mysql\n", 0o600);
            with_password(scene, "option_file: \"secret\"");
            command
        }),
    ),
    // the command line
    ("usage::arguments", run("apply orders swap --force", 2, "--force")),
    ("usage::goal", run("plan orders jump", 2, "`jump`")),
    ("usage::time", run("plan orders swap --not-within soon", 2, "`soon`")),
    ("usage::override", run("plan orders swap --override nope", 2, "`nope`")),
    ("usage::save", run("status --save seen.ron", 2, "2 are asked for")),
    ("usage::digest", run("apply orders swap --expect-digest xyz", 2, "`xyz`")),
    (
        "usage::format",
        with("--json show plan.ron --format html", 2, "--format", |scene, command| {
            plan(scene, |text| text);
            command
        }),
    ),
    ("usage::code", run("explain both-opne", 2, "`both-opne`")),
    ("usage::command", run("man nope", 2, "`nope`")),
    ("usage::file", run("man --dir nowhere/at/all", 2, "nowhere/at/all")),
    ("usage::exists", run("import legacy.sql -o flipper.ron", 2, "flipper.ron")),
    ("usage::run", run("history orders --run 7", 2, "`7`")),
    ("usage::pair", run("history Orders", 2, "`Orders`")),
    ("usage::part", run("setup orders --node db3", 2, "`db3`")),
    ("usage::server", run("setup orders --server oracle-23", 2, "`oracle-23`")),
    ("usage::from", run("setup orders --from 10.0.0.9;x", 2, "`10.0.0.9;x`")),
    ("usage::key", run("setup orders --key gone.pub", 2, "gone.pub")),
    ("setup::unknown", run("setup orders --node db1 --only grants", 11, "127.0.0.2")),
    // goals and snapshots
    ("goal::unreadable", run("plan orders --goal gone.ron", 3, "gone.ron")),
    ("goal::empty", file("goal.ron", "{}", "plan orders --goal goal.ron")),
    ("goal::duplicate_key", file("goal.ron", r#"{ "write": "db1", "write": "db2" }"#, "plan orders --goal goal.ron")),
    ("goal::unknown", file("goal.ron", r#"{ "wirte": "db1" }"#, "plan orders --goal goal.ron")),
    (
        "snapshot::pair",
        with("plan archive swap --snapshot seen.ron", 3, "of pair orders", |scene, command| {
            scenario(scene);
            scene.write("flipper.ron", crate::files::CONFIG);
            command
        }),
    ),
    // plan files
    (
        "apply::digest",
        with(
            "apply plan.ron --expect-digest 0000000000000000000000000000000000000000000000000000000000000000",
            3,
            "plan.ron",
            |scene, command| {
                plan(scene, |text| text);
                command
            },
        ),
    ),
    ("planfile::read", run("show gone.ron", 3, "gone.ron")),
    (
        "planfile::write",
        with("plan orders swap --snapshot seen.ron -o nowhere/plan.ron", 3, "nowhere/plan.ron", |scene, command| {
            scenario(scene);
            command
        }),
    ),
    (
        "planfile::exists",
        with("plan orders swap --snapshot seen.ron -o notes.txt", 3, "notes.txt", |scene, command| {
            scenario(scene);
            scene.write("notes.txt", "precious");
            command
        }),
    ),
    ("planfile::syntax", run("show flipper.ron", 3, "")),
    (
        "planfile::format",
        with("show plan.ron", 3, "", |scene, command| {
            plan(scene, |text| text.replacen("format: 1", "format: 2", 1));
            command
        }),
    ),
    (
        "planfile::changed",
        with("show plan.ron", 3, "", |scene, command| {
            plan(scene, |text| text.replacen("db1", "db3", 1));
            command
        }),
    ),
    (
        "planfile::step",
        with("show plan.ron", 3, "", |scene, command| {
            signed(scene, misnamed);
            command
        }),
    ),
    (
        "planfile::unsafe",
        with("show plan.ron", 3, "no-loss", |scene, command| {
            signed(scene, hasty);
            command
        }),
    ),
    (
        "plan::unsafe",
        Beyond(
            "The planner would have to be wrong; tests/exhaustive enumerates that it is not, and that the judge would see it.",
        ),
    ),
    // the journal, and what comes after a run that was cut off
    (
        "journal::unwritable",
        with("history", 11, "neither XDG_STATE_HOME nor HOME", |_, mut command| {
            command.env_remove("HOME");
            command
        }),
    ),
    ("journal::shared", Elsewhere("src/journal/disk_tests.rs")),
    (
        "journal::unreadable",
        with("history", 11, "flipper", |scene, mut command| {
            scene.write("flipper", "a file where a folder should be");
            command.env("XDG_STATE_HOME", scene.path());
            command
        }),
    ),
    ("resume::blind", run("resume orders", 11, "db1")),
    ("resume::in_order", Elsewhere("tests/faults/cut_off.rs")),
    ("resume::which", Elsewhere("tests/faults/cut_off.rs")),
    // the machine
    (
        "control_dir",
        with("status orders", 1, "private folder", |_, command| {
            // the program itself, which may be below /tmp, is opened before
            let script = "exec 9<\"$0\"; mount -t tmpfs -o ro none /tmp && exec /proc/self/fd/9 \"$@\"";
            behind(&["unshare", "--mount", "sh", "-c", script], &command)
        }),
    ),
    ("runtime", with("status orders", 1, "cannot start", |_, command| behind(&["prlimit", "--nofile=4"], &command))),
    (
        "signals",
        Beyond("The system would have to refuse a signal handler to a program that has opened all of its connections."),
    ),
    (
        "man",
        Beyond(
            "A page is rendered into memory, and that is only refused when the description of the command line is broken.",
        ),
    ),
    // the first config
    ("init::missing", run("init --pair orders", 2, "--node NAME=HOST")),
    (
        "init::flag",
        run(
            "init --pair orders --node db1 --node db2=10.0.0.2 --interface eth0 --role write=10.0.0.3:rw --mysql-user f --password-from env:P",
            2,
            "",
        ),
    ),
    ("init::unanswered", Elsewhere("tests/start.rs")),
    ("import::unreadable", run("import gone.yaml", 3, "gone.yaml")),
    ("import::empty", file("legacy.yaml", "# nothing yet\n", "import legacy.yaml")),
    ("import::yaml", file("legacy.yaml", "orders: [10.0.0.1]\n", "import legacy.yaml")),
    (
        "import::sql",
        file("dump.sql", "INSERT INTO masterpair VALUES ('orders','mysql_password','hunter2'", "import dump.sql"),
    ),
    (
        "import::twice",
        file("legacy.yaml", "a:\n  mysql_password: hunter2\n  mysql_password: hunter2\n", "import legacy.yaml"),
    ),
    ("import::missing", file("legacy.yaml", "orders:\n  write_ip: 10.0.0.100\n", "import legacy.yaml")),
    ("import::value", file("legacy.yaml", PORT, "import legacy.yaml")),
];
