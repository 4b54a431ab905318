//! The files that the cases need.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use flipper::model::StepId;
use flipper::planfile;

use crate::{Scene, root};

/// Nobody listens there, and that is known at once.
pub(crate) const CONFIG: &str = r#"(
    defaults: (interface: "eth0", mysql: (user: "flipper", password_env: "FLIPPER_PASSWORD", port: 1), ssh: (user: "root", port: 1)),
    pairs: {
        "orders": (
            nodes: { "db1": (host: "127.0.0.2"), "db2": (host: "127.0.0.3") },
            roles: {
                "write": (address: "10.77.0.100/32", access: ReadWrite),
                "read": (address: "10.77.0.101/32", access: ReadOnly),
            },
        ),
        "archive": (
            nodes: { "a1": (host: "127.0.0.4"), "a2": (host: "127.0.0.5") },
            roles: { "read": (address: "10.77.0.102/32", access: ReadOnly) },
        ),
    },
)
"#;

/// The config, with another source of the password.
pub(crate) fn with_password(scene: &Scene, source: &str) {
    scene.write("flipper.ron", CONFIG.replace("password_env: \"FLIPPER_PASSWORD\"", source));
}

/// A file `secret` with a mode, and the config that names it.
pub(crate) fn secret(scene: &Scene, text: &[u8], mode: u32) {
    let path = scene.write("secret", text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    with_password(scene, "password_file: \"secret\"");
}

/// The config of the scenarios, and what was seen in one of them: a plan comes of it without any server.
pub(crate) fn scenario(scene: &Scene) {
    let scenarios = root().join("fixtures/scenarios");
    scene.write("flipper.ron", std::fs::read(scenarios.join("flipper.ron")).unwrap());
    scene.write("seen.ron", std::fs::read(scenarios.join("planned-swap-mysql/world.ron")).unwrap());
}

fn plan_file() -> std::path::PathBuf {
    root().join("fixtures/scenarios/planned-swap-mysql/plan.ron")
}

/// A plan file, its text changed.
pub(crate) fn plan(scene: &Scene, change: impl Fn(String) -> String) {
    scene.write("plan.ron", change(std::fs::read_to_string(plan_file()).unwrap()));
}

/// A plan file whose plan was changed by somebody who signs it again.
pub(crate) fn signed(scene: &Scene, change: impl Fn(&mut flipper::model::Plan)) {
    let planfile::PlanFile { mut plan, seen, .. } = planfile::load(&plan_file()).unwrap();
    change(&mut plan);
    scene.write("plan.ron", planfile::to_text(&plan, &seen));
}

/// The first step is called otherwise.
pub(crate) fn misnamed(plan: &mut flipper::model::Plan) {
    plan.steps[0].id = StepId("look-away".to_owned());
}

/// Nothing waits any more for the target to catch up.
pub(crate) fn hasty(plan: &mut flipper::model::Plan) {
    for step in &mut plan.steps {
        step.after.retain(|(id, _)| !id.0.starts_with("catch-up"));
    }
}

/// The same command, behind another one.
pub(crate) fn behind(wrapper: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(command.get_current_dir().unwrap_or(Path::new("."))).stdin(std::process::Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}
