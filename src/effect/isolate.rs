//! Seeing to it that a node that was declared dead is out: the rungs of the ladder.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Hands, asked, certain, command, shell};
use crate::dialect::{self, Deed, Listening, Sign, Unit};
use crate::link::{Link, SshError};
use crate::model::{Isolation, NodeName, printable};
use crate::world::{Done, Failure, Happened};

/// How long a server may take to end by itself, once it is asked to.
const ASKED: Duration = Duration::from_secs(2);

/// How long something that starts a server again is watched for.
const WATCHED: Duration = Duration::from_secs(2);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// How long it is listened whether anybody answers, where a person is the only one who says that nobody will.
const BY_HAND: u64 = dialect::LISTEN[2];

/// The same where a program has confirmed that the machine is off.
const CONFIRMED: u64 = dialect::LISTEN[1];

/// How often the survivor hears of us while the operator's program runs.
const ALIVE: Duration = Duration::from_secs(5);

/// What an answer may take on its way, beyond the time that is looked.
const GRACE: Duration = Duration::from_millis(1500);

impl Hands<'_> {
    /// Keeps a dead node out, on the rung that the plan names.
    pub(super) async fn isolate(&mut self, node: &NodeName, how: Isolation, limit: Duration) -> Result<Done, Failure> {
        match how {
            Isolation::Shell => self.end_server(node, limit).await,
            Isolation::Hook => {
                let fence = self.memory.fence.clone();
                let fence = fence.ok_or_else(|| certain(format!("no `fence` program is configured for {node}")))?;
                let host = self.side(node).map(|side| self.pair.node(side).host.clone())?;
                let survivor = self.pair.node(self.side(node)?.peer()).name.clone();
                let running = fence.run(&self.pair.name, node, &host, limit);
                tokio::pin!(running);
                let said = loop {
                    tokio::select! {
                        ended = &mut running => break ended?,
                        // the survivor's lock would go with a session that nothing is heard of
                        () = sleep(ALIVE) => {
                            let connect = self.pair.limits.connect;
                            let (link, _) = self.on(&survivor)?;
                            if let Ok(sql) = &mut link.sql {
                                let _ = super::is_ours(sql, connect).await;
                            }
                        }
                    }
                };
                self.is_silent(node, CONFIRMED)
                    .await
                    .map_err(|why| certain(format!("the `fence` program says that {node} is out, but {}", why.what)))?;
                Ok(Done { note: Some(said) })
            }
            Isolation::Hand => {
                self.is_silent(node, BY_HAND).await?;
                let note = format!("a person vouches for {node}, and nobody answers in its place");
                Ok(Done { note: Some(note) })
            }
        }
    }

    /// Ends the server on its own machine, and what would start it again (H-89).
    async fn end_server(&mut self, node: &NodeName, limit: Duration) -> Result<Done, Failure> {
        let deadline = Instant::now() + limit.min(Duration::from_secs(30));
        let (connect, side) = (self.pair.limits.connect, self.side(node)?);
        let port = self.pair.node(side).port;
        let link = side.of_mut(self.links);
        let sudo = link.target.ssh.sudo;
        let mut told = vec![];
        let stopped = keep_down(node, link, sudo, port, connect, &mut told).await?;
        let begun = Instant::now();
        let mut signalled: Vec<(u32, bool)> = vec![];
        loop {
            let Listening { processes: pids, systemd } = listening(node, link, sudo, port, connect).await?;
            if pids.is_empty() && !systemd {
                break;
            }
            if Instant::now() >= deadline {
                return Err(certain(match pids.is_empty() {
                    false => format!("process {pids:?} on {node} still listens on port {port}: end it there"),
                    true => format!(
                        "systemd itself still listens on port {port} of {node}, and starts something when somebody \
                         connects: stop that socket there (`systemctl list-sockets` names it)"
                    ),
                }));
            }
            let ask = begun.elapsed() < ASKED;
            let new: Vec<_> = pids.into_iter().map(|pid| (pid, ask)).filter(|one| !signalled.contains(one)).collect();
            if !new.is_empty() {
                signalled.extend(new);
                // one that has gone in between is what is wanted
                command(link, &[dialect::end_listeners(sudo, port, ask)], connect).await?;
            }
            sleep(PAUSE).await;
        }
        let watched = Instant::now();
        while watched.elapsed() < WATCHED {
            if listening(node, link, sudo, port, connect).await? != Listening::default() {
                return Err(certain(format!(
                    "something on {node} starts the server again: find it (systemd, mysqld_safe, a container's manager), \
                     stop it there, then plan again"
                )));
            }
            sleep(PAUSE).await;
        }
        let units = gone(node, link, sudo, &stopped, (deadline, connect)).await?;
        told.extend(units.iter().map(how_it_stays));
        let ended: std::collections::BTreeSet<u32> = signalled.iter().map(|(pid, _)| *pid).collect();
        told.push(match ended.len() {
            0 => "nothing listened on its port any more".to_owned(),
            _ => format!("what listened on port {port} was ended"),
        });
        if stopped.is_empty() {
            told.push("no unit of systemd's has it: nothing keeps whoever else may start it from doing so".to_owned());
        }
        Ok(Done { note: Some(told.join("; ")) })
    }

    /// Nobody answers for the pair's addresses but the survivor, and no server greets it: as the survivor sees it.
    async fn is_silent(&mut self, dead: &NodeName, seconds: u64) -> Result<(), Failure> {
        let side = self.side(dead)?;
        let survivor = self.pair.node(side.peer());
        let addresses: Vec<IpAddr> = self.pair.roles.iter().map(|role| role.address.ip).collect();
        let there = &side.of(self.links).target.mysql;
        let signs = dialect::of_silence(&survivor.interface, (&there.host, there.port), &addresses, seconds);
        let (link, known) = self.on(&survivor.name)?;
        let look = dialect::signs(&known.system, known.sudo, &signs);
        let patience = Duration::from_secs(dialect::signs_take(&signs)) + GRACE;
        let answers = shell(link)?.look(&[look], patience).await.map_err(|error| asked(&error))?;
        let text = answers.first().map(|answer| answer.text.as_str()).unwrap_or_default();
        for (sign, seen) in signs.iter().zip(dialect::read_signs(&signs, text)) {
            let what = match (sign, seen) {
                (_, Ok(false)) => continue,
                (Sign::Answers(_, ip, _), Ok(true)) => format!(
                    "somebody answers for {ip} on the network of {}: find out who (`arping -D` tells the hardware \
                     address), and take it away there",
                    survivor.name
                ),
                (_, Ok(true)) => format!("MySQL on {dead} answers {}", survivor.name),
                (Sign::Answers(_, ip, _), Err(why)) => {
                    format!("{} cannot say whether anybody answers for {ip}: {why}", survivor.name)
                }
                (_, Err(why)) => format!("{} cannot say whether MySQL on {dead} answers: {why}", survivor.name),
            };
            return Err(certain(what));
        }
        Ok(())
    }
}

/// Masks and stops the units that may run the dead server, and names them. One whose process listens elsewhere is another
/// server, of another pair perhaps: it is left alone.
async fn keep_down(
    node: &NodeName,
    link: &mut Link,
    sudo: bool,
    port: u16,
    limit: Duration,
    told: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    let units = units_of(node, link, limit).await?;
    let ports = match units.iter().any(|unit| unit.process.is_some()) {
        true => dialect::parse_ports(&look(link, &dialect::all_who_listen(sudo), limit).await?),
        false => vec![],
    };
    let mut stopped = vec![];
    for unit in units {
        let Unit { name, process, masked: cannot_start, ports: of_sockets, .. } = &unit;
        let its: Vec<u16> = match process {
            Some(process) => ports.iter().filter(|(pid, _)| pid == process).map(|(_, port)| *port).collect(),
            None => of_sockets.clone(),
        };
        if let Some(other) = its.first()
            && !its.contains(&port)
        {
            told.push(format!("{name} is another server, on port {other}, and was left alone"));
            continue;
        }
        // before it, or whoever connects in between starts it again where it cannot be masked
        for socket in &unit.sockets {
            for deed in dialect::keep_down(sudo, socket) {
                one(node, link, deed, limit).await?;
            }
            told.push(format!("{socket}, which would start it again, is stopped"));
        }
        // by an earlier try of this, perhaps
        if process.is_some() || !cannot_start {
            for deed in dialect::keep_down(sudo, name) {
                one(node, link, deed, limit).await?;
            }
        }
        stopped.push(unit.name);
    }
    Ok(stopped)
}

/// Waits for the end of those that were told to stop, and ends whoever takes long for it; they as they are then.
async fn gone(
    node: &NodeName,
    link: &mut Link,
    sudo: bool,
    stopped: &[String],
    (deadline, limit): (Instant, Duration),
) -> Result<Vec<Unit>, Failure> {
    let mut killed = vec![];
    loop {
        let mut units = units_of(node, link, limit).await?;
        units.retain(|unit| stopped.contains(&unit.name));
        let Some((name, process)) = units.iter().find_map(|unit| Some((&unit.name, unit.process?))) else {
            return Ok(units);
        };
        // it has had its time while it was watched; where this is not allowed, it may end by itself
        if !killed.contains(&process) {
            killed.push(process);
            let _ = command(link, &[dialect::end_unit(sudo, name)], limit).await;
        }
        if Instant::now() >= deadline {
            return Err(certain(format!(
                "{name} on {node} was told to stop, and its process {process} has not ended: end it there"
            )));
        }
        sleep(PAUSE).await;
    }
}

/// What keeps a unit that has ended from being started.
fn how_it_stays(Unit { name, masked, .. }: &Unit) -> String {
    match masked {
        true => format!(
            "{name} is masked until the machine starts anew, or `systemctl unmask --runtime {name}` is said there"
        ),
        false => format!(
            "{name} is stopped and, told to be masked, is not (a file in /etc/systemd/system goes before a mask in /run): \
             nothing keeps whoever else may start it from doing so"
        ),
    }
}

async fn units_of(node: &NodeName, link: &mut Link, limit: Duration) -> Result<Vec<Unit>, Failure> {
    let units = look(link, &dialect::units(), limit).await?;
    dialect::parse_units(&units)
        .ok_or_else(|| certain(format!("{node} does not say which units it has: {}", printable(units.trim()))))
}

async fn look(link: &mut Link, look: &dialect::Look, limit: Duration) -> Result<String, Failure> {
    let failed = |error: &SshError| certain(error.to_string());
    let answers = shell(link)?.look(std::slice::from_ref(look), limit).await.map_err(|error| failed(&error))?;
    match answers.into_iter().next() {
        Some(answer) if answer.status == 0 => Ok(answer.text),
        Some(answer) => Err(certain(format!(
            "`{look}` ended with status {} and said `{}`",
            answer.status,
            printable(answer.text.trim())
        ))),
        None => Err(certain("no answer")),
    }
}

async fn listening(
    node: &NodeName,
    link: &mut Link,
    sudo: bool,
    port: u16,
    limit: Duration,
) -> Result<Listening, Failure> {
    let text = look(link, &dialect::who_listens(sudo, port), limit).await?;
    dialect::parse_listening(&text).ok_or_else(|| {
        certain(format!("something listens on port {port} of {node}, and its process cannot be seen: only root may"))
    })
}

async fn one(node: &NodeName, link: &mut Link, deed: Deed, limit: Duration) -> Result<(), Failure> {
    let answers = command(link, std::slice::from_ref(&deed), limit).await?;
    match answers.first() {
        Some(answer) if answer.status == 0 => Ok(()),
        answer => {
            let said = answer.map(|a| format!("{} (exit {})", a.text.trim(), a.status)).unwrap_or_default();
            let cut = answer.is_none_or(|answer| matches!(answer.status, 124 | 137));
            let happened = if cut { Happened::Unknown } else { Happened::No };
            Err(Failure { happened, what: format!("{node}: `{deed}`: {}", printable(&said)), again: false })
        }
    }
}
