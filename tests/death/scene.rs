//! Clients at work, a node's death, its return, and what was lost.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use flipper::model::BinlogState;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Outcome;
use crate::lab::error::{LabError, Result};
use crate::lab::load::Load;
use crate::lab::net::{self, READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::report::{Ack, LoadReport};
use crate::lab::run::{run, wait_until};
use crate::lab::{Host, Lab, Node, Server, replication};
use crate::stage::Stage;
use crate::watched::{Ran, Watched};

pub(crate) const SERVED: Duration = Duration::from_secs(20);

/// A pair on which nodes die.
pub(crate) struct Theatre<'a> {
    pub(crate) stage: Stage<'a>,
    /// A config for those who look at two nodes that are there.
    patient: String,
    lines: RefCell<Vec<String>>,
    /// A folder that only root may write to, for the operator's program.
    hooks: PathBuf,
}

/// Clients at work.
pub(crate) struct Scene {
    pub(crate) load: Load,
    /// When the node died, at the earliest.
    died: Instant,
    /// When it was dead.
    dead: Instant,
    /// When the operator said yes.
    yes: Instant,
    said: Bound,
}

/// What was said of the loss, before anybody said yes.
#[derive(Default)]
struct Bound {
    /// So many transactions, counted on the dead one's disk.
    counted: Option<u64>,
    /// Nothing that was acknowledged before this moment.
    committed_at: Option<SystemTime>,
    /// When the survivor last heard of it.
    heard_at: Option<SystemTime>,
    /// So many are between what the dead one has and what the survivor says it has received: what only a test can know.
    by_gtid: Option<u64>,
}

impl<'a> Theatre<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Result<Self> {
        let hooks = PathBuf::from(format!("/run/flipper-lab-{}", lab.id()));
        fs::DirBuilder::new().mode(0o755).recursive(true).create(&hooks).expect("a folder of root's");
        let stage = Stage::new(lab)?;
        let patient = stage.config("");
        // for a node that is dead nobody waits for longer than by default
        lab.write_config()?;
        let theatre = Self { stage, patient, lines: RefCell::default(), hooks };
        theatre.own_disks()?;
        Ok(theatre)
    }

    pub(crate) fn lab(&self) -> &'a Lab {
        self.stage.lab
    }

    pub(crate) fn measured(&self) -> Vec<String> {
        self.lines.take()
    }

    /// Both machines of a real pair have their files in the same places. Here they share one file system: what each one's
    /// sshd shows under the other one's folder is its own. And where there is a tool to read binary logs, it is there.
    fn own_disks(&self) -> Outcome {
        let data = |node: Node| self.lab().dir().join(node.name()).join("data").display().to_string();
        let tools = self.lab().dir().join("tools");
        fs::create_dir_all(&tools).expect("the lab's folder");
        let words: Vec<String> =
            self.lab().binlog_tool()?.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let name = words.last().and_then(|path| path.rsplit('/').next()).expect("a program");
        program(&tools.join(name), &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")));
        for node in Node::BOTH {
            let within = |rest: &[&str]| run(self.lab().machine(node)?.args(rest)).map(drop);
            within(&["mount", "--bind", &data(node), &data(node.other())])?;
            within(&["mount", "--bind", &tools.display().to_string(), "/usr/local/bin"])?;
        }
        Ok(())
    }

    /// The node's ssh hangs, or goes on.
    pub(crate) fn signal_sshd(&self, node: Node, signal: Signal) -> Outcome {
        let pid = Pid::from_raw(i32::try_from(self.lab().sshd(node)?).expect("an id")).expect("an id");
        kill_process(pid, signal).map_err(|why| LabError::new("signalling sshd", why))
    }

    /// A config in which both nodes have this program, with these limits.
    pub(crate) fn config_with_fence(&self, script: &str, limits: &str) -> String {
        let file = self.hooks.join("fence");
        program(&file, script);
        let mut text = self.lab().config().limits(limits).text();
        for node in Node::BOTH {
            let host = format!("(host: {:?}", node.host().address());
            assert!(text.contains(&host), "{text}");
            text =
                text.replace(&host, &format!("{host}, fence: [{:?}, {:?}]", file.display().to_string(), node.name()));
        }
        let path = self.lab().dir().join("with-fence.ron");
        fs::write(&path, text).expect("the lab's folder");
        path.display().to_string()
    }

    /// Ends a node's server and takes the write and the read address away from it, as a script of a machine that can.
    pub(crate) fn switches_off(&self, node: Node) -> Result<String> {
        let pids = net::pids(self.lab().id(), node.host())?;
        let servers = pids.iter().filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.contains("--datadir="))
        });
        let kill: String = servers.map(|pid| format!("kill -9 {pid}\n")).collect();
        let namespace = format!("fl-{}-{}", self.lab().id(), node.name());
        let off = |address: &str| format!("ip -n {namespace} addr del {address}/32 dev eth0 2>/dev/null\n");
        Ok(format!("{kill}{}{}", off(WRITE_ADDRESS), off(READ_ADDRESS)))
    }

    pub(crate) fn flipper(&self, words: &[&str]) -> Ran {
        Watched::start(self.stage.command(words)).end()
    }

    pub(crate) fn scene(&self) -> Result<Scene> {
        let load = self.lab().load(3, 150)?;
        load.wait_for(60, SERVED)?;
        let now = Instant::now();
        Ok(Scene { load, died: now, dead: now, yes: now, said: Bound::default() })
    }

    /// What `status` says, as one text.
    pub(crate) fn status(&self) -> String {
        self.flipper(&["status", "lab"]).text()
    }

    /// A move that goes through.
    #[track_caller]
    pub(crate) fn moves(&self, words: &[&str]) -> Ran {
        let ran = self.flipper(&[&["--config", &self.patient, "--json", "apply", "lab"], words, &["--yes"]].concat());
        ran.ends(0);
        ran
    }

    /// The node comes back: it follows again, and a move is as it always was.
    #[track_caller]
    pub(crate) fn rejoins(&self, node: Node) -> Outcome {
        let begun = Instant::now();
        self.flipper(&["--config", &self.patient, "plan", "lab", "rejoin", node.name()]).ends(0);
        self.moves(&["rejoin", node.name()]);
        self.stage.note(format!("rejoined in {} ms", begun.elapsed().as_millis()));
        self.lab().settle()?;
        assert!(!self.status().contains("was declared dead"), "{}", self.status());
        for (role, node) in [("write", "db1"), ("read", "db2")] {
            self.moves(&["set", role, node]);
        }
        Ok(())
    }

    /// Builds a node anew from the other one, as its owner would with a clone: no client writes meanwhile. It stays closed
    /// and follows nobody.
    pub(crate) fn rebuild(&self, node: Node) -> Outcome {
        let (admin, source) = (self.lab().admin(node), self.lab().admin(node.other()));
        let server = self.lab().server();
        let [stop, reset] = match server {
            Server::MySql => ["STOP REPLICA", "RESET REPLICA"],
            Server::MariaDb => ["STOP SLAVE", "RESET SLAVE"],
        };
        let rows = source.rows("SELECT id, client, seq, server FROM app.load")?;
        let rows: Vec<String> = rows
            .iter()
            .map(|row| format!("({})", row.iter().map(|v| v.clone().unwrap_or_default()).collect::<Vec<_>>().join(",")))
            .collect();
        let scratch = source.value("SELECT x FROM app.scratch WHERE id=1")?;
        let mut statements = vec![
            stop.to_owned(),
            // a new server has no errors of the old one
            reset.to_owned(),
            "SET GLOBAL read_only=OFF".to_owned(),
            "SET SESSION sql_log_bin=0".to_owned(),
            "DELETE FROM app.load".to_owned(),
            format!("UPDATE app.scratch SET x={scratch} WHERE id=1"),
        ];
        statements.extend(
            rows.chunks(500)
                .map(|rows| format!("INSERT INTO app.load (id, client, seq, server) VALUES {}", rows.join(","))),
        );
        match server {
            Server::MySql => {
                let set = source.value("SELECT @@GLOBAL.gtid_executed")?.replace('\n', "");
                statements.push("RESET BINARY LOGS AND GTIDS".to_owned());
                statements.push(format!("SET GLOBAL gtid_purged='{set}'"));
            }
            Server::MariaDb => {
                let position = source.value("SELECT @@GLOBAL.gtid_binlog_pos")?;
                let state = source.value("SELECT @@GLOBAL.gtid_binlog_state")?;
                statements.push("RESET MASTER".to_owned());
                statements.push(format!("SET GLOBAL gtid_slave_pos='{position}'"));
                statements.push(format!("SET GLOBAL gtid_binlog_state='{state}'"));
                // its source is kept in a file again, for its next start
                statements.push("CHANGE MASTER TO MASTER_USE_GTID=slave_pos".to_owned());
            }
        }
        statements.push(server.fence().to_owned());
        admin.exec_all(&statements.iter().map(String::as_str).collect::<Vec<_>>())?;
        if server == Server::MariaDb {
            // the new one's logs begin here, and the writer would go on before
            let asked = self.flipper(&["plan", "lab", "rejoin", node.name()]);
            asked.ends(11).says("purged-logs").says("gtid_slave_pos = @@global.gtid_binlog_pos");
            source.exec_all(&["STOP SLAVE", "SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos"])?;
        }
        Ok(())
    }

    /// Where every case starts.
    pub(crate) fn at_home(&self) -> Outcome {
        self.stage.stands(&[Node::Db1], Node::Db1);
        assert_eq!(self.holders(READ_ADDRESS), [Node::Db2]);
        for node in Node::BOTH {
            replication::wait_running(&self.lab().admin(node), node)?;
        }
        self.stage.nothing_left()?;
        self.lab().settle()
    }

    pub(crate) fn holders(&self, address: &str) -> Vec<Node> {
        let holds = |node: &Node| {
            let held = self.lab().addresses(*node).unwrap_or_default();
            held.iter().any(|held| held.starts_with(&format!("{address}/")))
        };
        Node::BOTH.into_iter().filter(holds).collect()
    }
}

impl Drop for Theatre<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.hooks);
    }
}

impl Scene {
    /// The node dies now.
    pub(crate) fn dies(&mut self, how: impl FnOnce() -> Outcome) -> Outcome {
        self.died = Instant::now();
        let done = how();
        self.dead = Instant::now();
        done
    }

    /// The plan alone tells whether a failover would be safe, and changes nothing; what it says of the loss is remembered.
    #[track_caller]
    pub(crate) fn asks(&mut self, theatre: &Theatre<'_>, words: &[&str]) -> Ran {
        let ran = theatre.flipper(&[&["--json", "plan", "lab", "fail", "db1"], words].concat());
        let witness = &evidence(&ran)["witness"];
        let moment =
            |name: &str| witness[name]["known"].as_str().map(|at| humantime::parse_rfc3339(at).expect("a time"));
        self.said = Bound {
            counted: witness["left_behind"]["known"].as_u64(),
            committed_at: moment("committed_at"),
            heard_at: moment("heard_at"),
            by_gtid: None,
        };
        ran
    }

    pub(crate) fn says_yes(&mut self) {
        self.yes = Instant::now();
    }

    /// The operator says yes: the survivor serves. What is lost is at most what was said. How many rows that are.
    #[track_caller]
    pub(crate) fn fails_over(mut self, theatre: &Theatre<'_>, name: &str, words: &[&str]) -> Result<usize> {
        self.yes = Instant::now();
        let words = [&["--json", "apply", "lab", "fail", "db1", "--yes"], words].concat();
        let ran = Watched::start(theatre.stage.command(&words)).end();
        ran.ends(0);
        self.serves(theatre, name, &ran)
    }

    /// The survivor serves, and clients have changed over once. How many rows are lost.
    #[track_caller]
    pub(crate) fn serves(self, theatre: &Theatre<'_>, name: &str, ran: &Ran) -> Result<usize> {
        self.load.wait_for(30, SERVED)?;
        let until = self.load.mark();
        let report = self.load.stop()?;
        let changes = report.changes();
        assert_eq!(changes.len(), 1, "one writer after the other: {report}: {ran}");
        let silence = report.silence_between(self.died, until);
        let from_yes = changes[0].at.saturating_duration_since(self.yes);
        let lost = lost(theatre.lab(), &report)?;
        let (bound, how) = self.said.holds(&lost, &report, ran);
        let lost = lost.len();
        theatre.lines.borrow_mut().push(format!(
            "{name:<34} {:>6} ms {:>6} ms {lost:>6} {bound:>6}  {how}",
            silence.as_millis(),
            from_yes.as_millis()
        ));
        theatre.stage.note(format!("silence {} ms, {lost} rows lost of at most {bound}, {how}", silence.as_millis()));
        assert!(theatre.holders(WRITE_ADDRESS).contains(&Node::Db2), "{ran}");
        Ok(lost)
    }

    /// What the dead one has beyond what the survivor has said that it has received, in a plan. For one whose server goes
    /// on where nobody reaches it.
    pub(crate) fn counts(&mut self, theatre: &Theatre<'_>, asked: &Ran) -> Outcome {
        let received = evidence(asked)["witness"]["received"]["known"].as_str().expect("a position");
        self.said.by_gtid = Some(beyond(theatre.lab(), received)?);
        // nothing of it has come since it died, not even what its kernel had to send
        if let Some(heard_at) = self.said.heard_at {
            let dead = SystemTime::now() - self.dead.elapsed();
            let late = heard_at.duration_since(dead).unwrap_or_default();
            assert!(late < Duration::from_secs(1), "heard of {late:?} after its death: {asked}");
        }
        Ok(())
    }
}

/// What speaks for the node being dead.
#[track_caller]
pub(crate) fn evidence(asked: &Ran) -> &Value {
    let evidence = asked.events.iter().find_map(|event| event.get("evidence"));
    evidence.unwrap_or_else(|| panic!("no evidence: {asked}"))
}

impl Bound {
    /// What is lost is at most what was said, in each of the ways in which it was. The number that it is compared with, and
    /// whose that is.
    #[track_caller]
    fn holds(&self, lost: &[Ack], report: &LoadReport, ran: &Ran) -> (u64, &'static str) {
        let Self { counted, committed_at, heard_at: _, by_gtid } = self;
        let (count, now) = (lost.len() as u64, (Instant::now(), SystemTime::now()));
        let clock = |at: Instant| now.1 - now.0.duration_since(at);
        if let Some(by_gtid) = by_gtid {
            assert!(count <= *by_gtid, "{count} rows lost, {by_gtid} transactions were not received: {ran}");
        }
        if let Some(counted) = counted {
            assert!(count <= *counted, "{count} rows lost, {counted} were counted: {ran}");
        }
        let since = committed_at.map(|at| {
            let early = lost.iter().filter(|ack| clock(ack.at) < at).count();
            assert_eq!(early, 0, "of {count} rows lost were acknowledged before {at:?}: {ran}");
            let acks = report.clients.iter().flat_map(|client| &client.acks);
            acks.filter(|ack| ack.server == 1 && clock(ack.at) >= at).count() as u64
        });
        match (counted, by_gtid, since) {
            (Some(counted), ..) => (*counted, "counted on its disk"),
            (None, _, Some(since)) => (since, "acknowledged since the moment that was said"),
            (None, ..) => panic!("nothing was said that could be compared: {ran}"),
        }
    }
}

/// How many transactions db1 has that are not among these.
fn beyond(lab: &Lab, received: &str) -> Result<u64> {
    let admin = lab.admin(Node::Db1);
    match lab.server() {
        Server::MySql => {
            let own = lab.admin(Node::Db2).value("SELECT @@GLOBAL.gtid_executed")?;
            let sql = format!("SELECT GTID_SUBTRACT(GTID_SUBTRACT(@@GLOBAL.gtid_executed, '{received}'), '{own}')");
            // `uuid:1-5:7`, and others behind commas
            let parts = admin.value(&sql)?.replace('\n', "");
            let intervals =
                parts.split(',').flat_map(|one| one.split(':').skip(1).map(str::to_owned).collect::<Vec<_>>());
            Ok(intervals
                .map(|interval| {
                    let (from, to) = interval.split_once('-').unwrap_or((&interval, &interval));
                    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
                    number(to) - number(from) + 1
                })
                .sum())
        }
        Server::MariaDb => {
            let state = |text: &str| BinlogState::parse(text).expect("a position");
            Ok(state(&admin.value("SELECT @@GLOBAL.gtid_binlog_pos")?).ahead_of(&state(received)))
        }
    }
}

/// Acknowledged rows that the survivor does not have.
fn lost(lab: &Lab, report: &LoadReport) -> Result<Vec<Ack>> {
    let there = lab.admin(Node::Db2).rows("SELECT client, seq FROM app.load")?;
    let there: BTreeSet<(u64, u64)> = there
        .iter()
        .filter_map(|row| {
            let number = |at: usize| row.get(at)?.as_ref()?.parse().ok();
            Some((number(0)?, number(1)?))
        })
        .collect();
    let acks = report.clients.iter().flat_map(|client| &client.acks);
    Ok(acks.filter(|ack| !there.contains(&(ack.client.into(), ack.seq))).copied().collect())
}

/// Waits until a server that was started follows nobody by itself, or does, as it was left.
pub(crate) fn starts(theatre: &Theatre<'_>, node: Node) -> Outcome {
    theatre.lab().start_server(node)?;
    wait_until("the server answers", SERVED, || Ok(theatre.lab().admin(node).value("SELECT 1").is_ok().then_some(())))
}

pub(crate) fn program(file: &std::path::Path, script: &str) {
    fs::write(file, script).expect("a program");
    fs::set_permissions(file, Permissions::from_mode(0o755)).expect("a program");
}

/// Every host, for those that are cut off.
pub(crate) const DB1: Host = Host::Db1;
