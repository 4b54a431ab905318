//! The config, and the open ways to a pair's nodes.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tempfile::TempDir;

use super::here::environment;
use super::output::Output;
use super::{Exit, Stop, deposed};
use crate::config::{self, Config, PairConfig, Reach};
use crate::link::{self, Link, LinkTarget, MysqlTarget, SshTarget, TlsTarget};
use crate::model::{Goal, NodeName, Side, Snapshot};
use crate::observe;

/// Reads the config.
pub(super) fn config(explicit: Option<&Path>) -> Result<Config, Stop> {
    config::load(explicit, &environment).map_err(|error| Stop::new(Exit::BadFile, error))
}

/// A pair by its name.
pub(super) fn pair<'a>(config: &'a Config, name: &str) -> Result<&'a PairConfig, Stop> {
    config.pair(name).map_err(|error| Stop::new(Exit::Usage, error))
}

/// Open links to both nodes, and what was seen through them.
pub(super) struct Open {
    pub(super) links: [Link; 2],
    pub(super) seen: Snapshot,
    /// Where the ssh connections live; removed at the end.
    pub(super) control: Rc<TempDir>,
}

/// Opens the links to both nodes at once and looks.
pub(super) async fn open(pair: &PairConfig, output: &Output) -> Result<Open, Stop> {
    let _waiting = output.waiting(format!("looking at {}", pair.pair.name));
    reach(pair, Rc::new(control_dir()?), output).await
}

/// The same, for who tells himself what is waited for. Whoever may not wait for its end sweeps `control` after that.
pub(super) async fn reach(pair: &PairConfig, control: Rc<TempDir>, output: &Output) -> Result<Open, Stop> {
    let [first, second] = targets(pair, output)?;
    let limit = pair.pair.limits.connect;
    let (a, b) = tokio::join!(Link::open(first, control.path(), limit), Link::open(second, control.path(), limit));
    let mut links = [a, b];
    let mut seen = observe::snapshot(&pair.pair, &mut links).await;
    deposed::remember(&pair.pair, &mut seen);
    Ok(Open { links, seen, control })
}

/// The same where flipper's account may not be there yet: without its password only the machine is looked at.
pub(super) async fn open_before_setup(pair: &PairConfig, output: &Output) -> Result<Open, Stop> {
    let _waiting = output.waiting(format!("looking at {}", pair.pair.name));
    let control = Rc::new(control_dir()?);
    let limit = pair.pair.limits.connect;
    let open = async |side: Side| {
        let (name, reach) = (&pair.pair.node(side).name, side.of(&pair.reach));
        match password(reach) {
            Ok(secret) => Link::open(target(name, reach, secret, output), control.path(), limit).await,
            Err(stop) => {
                let why = stop.report.to_string();
                Link::open_machine(target(name, reach, String::new(), output), &why, control.path(), limit).await
            }
        }
    };
    let (a, b) = tokio::join!(open(Side::First), open(Side::Second));
    let mut links = [a, b];
    let seen = observe::snapshot(&pair.pair, &mut links).await;
    Ok(Open { links, seen, control })
}

/// How long it is listened whether anybody answers for an address, where nothing but a person's word keeps the dead one
/// out: by whoever only plans, because no step comes after him that does. Otherwise as briefly.
const LISTEN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(1)];

impl Open {
    /// Looks again by the same links; what has broken since is opened again.
    pub(super) async fn again(&mut self, pair: &PairConfig) {
        let limit = pair.pair.limits.connect;
        // what was lost since the last round shows only when it is used: then it is opened, and looked at once more
        for _ in 0..2 {
            let control = self.control.path();
            let [first, second] = &mut self.links;
            tokio::join!(first.mend(control, limit), second.mend(control, limit));
            let broken = self.links.each_ref().map(Link::is_broken);
            self.seen = observe::snapshot(&pair.pair, &mut self.links).await;
            if self.links.each_ref().map(Link::is_broken) == broken {
                break;
            }
        }
        deposed::remember(&pair.pair, &mut self.seen);
    }

    /// Asks the survivor, where the goal declares a node dead.
    pub(super) async fn with_witness(
        mut self,
        pair: &PairConfig,
        goal: &Goal,
        only_plans: bool,
        output: &Output,
    ) -> Self {
        if let Some(dead) = goal.dead().and_then(|node| pair.pair.side(node)) {
            let _waiting =
                output.waiting(format!("listening whether anybody answers for {}", pair.pair.node(dead).name));
            let [patient, short] = LISTEN;
            let listen = if only_plans && self.seen.node(dead).system.known().is_none() { patient } else { short };
            observe::witness(&pair.pair, &mut self.links, &mut self.seen, dead, listen).await;
            observe::readiness(&pair.pair, &mut self.links, &mut self.seen).await;
        }
        self
    }
}

/// Looks at both nodes, also whether `fail` could be carried out there, and says goodbye.
pub(super) async fn examine(pair: &PairConfig, output: &Output) -> Result<Snapshot, Stop> {
    let Open { mut links, mut seen, control } = open(pair, output).await?;
    observe::readiness(&pair.pair, &mut links, &mut seen).await;
    link::close(links, control.path(), pair.pair.limits.connect).await;
    Ok(seen)
}

/// Looks at both nodes for a goal, and says goodbye.
pub(super) async fn look_for(pair: &PairConfig, goal: &Goal, output: &Output) -> Result<Snapshot, Stop> {
    let Open { links, seen, control } = open(pair, output).await?.with_witness(pair, goal, true, output).await;
    link::close(links, control.path(), pair.pair.limits.connect).await;
    Ok(seen)
}

/// A private folder with a short path: a socket's path may have some hundred bytes only.
pub(super) fn control_dir() -> Result<TempDir, Stop> {
    let runtime = environment("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute() && dir.len() < 50);
    let attempt = |dir: &Path| tempfile::Builder::new().prefix("flipper-").tempdir_in(dir);
    runtime.and_then(|dir| attempt(Path::new(&dir)).ok()).map_or_else(|| attempt(Path::new("/tmp")), Ok).map_err(
        |error| {
            Stop::say(
                Exit::Unexpected,
                "flipper::control_dir",
                format!("cannot make a private folder for ssh connections: {error}"),
                "set XDG_RUNTIME_DIR to a folder that you may write to",
            )
        },
    )
}

/// The servers alone, and how to log in there.
pub(super) fn servers(pair: &PairConfig, output: &Output) -> Result<[MysqlTarget; 2], Stop> {
    Ok(targets(pair, output)?.map(|target| target.mysql))
}

fn targets(pair: &PairConfig, output: &Output) -> Result<[LinkTarget; 2], Stop> {
    let [a, b] = &pair.pair.nodes;
    let [first, second] = &pair.reach;
    Ok([target(&a.name, first, password(first)?, output), target(&b.name, second, password(second)?, output)])
}

/// Also sees that all else is there with which one logs in.
fn password(reach: &Reach) -> Result<String, Stop> {
    if let Some(tls) = &reach.mysql.tls {
        tls.check().map_err(|error| Stop::new(Exit::BadFile, error))?;
    }
    let password = reach.mysql.password.read(&environment).map_err(|error| Stop::new(Exit::BadFile, error))?;
    Ok(password.expose().to_owned())
}

fn target(name: &NodeName, reach: &Reach, secret: String, output: &Output) -> LinkTarget {
    let Reach { mysql, ssh, fence: _ } = reach;
    let tls = mysql.tls.as_ref().map(|tls| TlsTarget { ca_file: tls.ca_file.clone(), name: tls.name.clone() });
    LinkTarget {
        name: name.clone(),
        mysql: MysqlTarget::new(mysql.host.clone(), mysql.port, mysql.user.clone(), secret)
            .with_tls(tls)
            .heard_by(output.ear(name)),
        ssh: SshTarget {
            host: ssh.host.clone(),
            port: ssh.port,
            user: ssh.user.clone(),
            sudo: ssh.sudo,
            config_file: ssh.config_file.clone(),
            ear: output.ear(name),
        },
    }
}

/// Runs a future to its end, on one thread: two nodes need no more.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Stop::say(
            Exit::Unexpected,
            "flipper::runtime",
            format!("cannot start: {error}"),
            "is the system out of file descriptors?",
        )
    })?;
    let result = runtime.block_on(future);
    // a name lookup that hangs must not keep the command from ending
    runtime.shutdown_background();
    result
}
