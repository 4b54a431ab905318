//! One remote shell, opened before it is needed and kept warm: a request then costs one round trip.
//!
//! Two things of the driver are kept away from callers. A request that was cut off leaves an answer behind that the
//! next one would take for its own, so the channel is moved into each timed request and comes back only with a
//! complete answer. And dropping a session talks to the local ssh master without any limit, so a session is closed
//! under one, or left to end by itself; it is never just dropped.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Child, ChildStdin, ChildStdout, ControlPersist, KnownHosts, Session, SessionBuilder, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::ear::{Ear, Means};
use super::frame::{After, Answer, Frame};
use super::ssh_error::{SshError, SshErrorKind};
use super::target::SshTarget;
use super::{master, ssh_config};
use crate::dialect::{self, Deed, Line, Look};

/// A master that nobody closed (flipper was killed) ends when it has been idle for so many seconds.
const IDLE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(29);

/// The machine's clock counts seconds, and was read a little before its answer arrived.
const SLACK: Duration = Duration::from_secs(2);

/// A shell on a node, not as root: deeds carry their own `sudo`.
pub struct Shell {
    place: String,
    ear: Ear,
    /// Taken only by the end of the shell.
    session: Option<Arc<Session>>,
    /// The local ssh process.
    master: Option<u32>,
    /// Absent after a request whose end is not known.
    channel: Option<Channel>,
    /// Until then a deed whose end is not known may still happen.
    may_fire_until: Option<Instant>,
}

struct Channel {
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// Keeps the remote shell's session open.
    _child: Child<Arc<Session>>,
    arrived: Vec<u8>,
    /// The answer that somebody comes back for, by its number; it precedes every later one.
    due: Option<u64>,
    frame: Frame,
    /// The machine's clock in seconds, and when it was read by ours.
    clock: (u64, Instant),
    /// A gate stands before the shell, and lets through what is on its list.
    gated: bool,
}

impl Shell {
    /// Logs in, and starts the shell; `limit` is for each of the two, and rounded up to whole seconds for the first.
    /// `control_dir`: a private directory with a short path (at most some 90 bytes), which outlives the shell.
    pub async fn open(target: &SshTarget, control_dir: &Path, limit: Duration) -> Result<Self, SshError> {
        let place = target.host.to_string();
        let sent = target.ear.sent(Means::Ssh, &place, || "(log in)".to_owned());
        let session = connect(target, control_dir, limit).await.map_err(|error| error.at(&place));
        sent.ended(session.as_ref().err());
        let (session, ear) = (session?, target.ear.clone());
        // in place before anything else can fail, so that the session is never just dropped
        let mut shell =
            Self { place, ear, session: Some(Arc::new(session)), master: None, channel: None, may_fire_until: None };
        if let Some(session) = &shell.session {
            let asked = timeout(limit, master::pid(session.control_socket())).await;
            shell.master = asked.ok().and_then(Result::ok);
        }
        match shell.reopen(limit).await {
            Ok(()) => Ok(shell),
            Err(error) => {
                shell.close(limit).await;
                Err(error)
            }
        }
    }

    /// Starts a new shell over the same login, after an answer was lost.
    pub async fn reopen(&mut self, limit: Duration) -> Result<(), SshError> {
        self.channel = None;
        let opened = match &self.session {
            Some(session) => timeout(limit, Channel::open(Arc::clone(session))).await,
            None => Ok(Err(SshError::new(SshErrorKind::Unsuitable, "the login has ended"))),
        };
        let late =
            || SshError::new(SshErrorKind::Unsuitable, format!("the shell there did not start within {limit:?}"));
        let channel = opened.unwrap_or_else(|_| Err(late())).map_err(|error| error.at(&self.place))?;
        self.channel = Some(channel);
        Ok(())
    }

    /// The machine, as the operator calls it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// An earlier request was lost; only [`Self::reopen`] helps.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.is_none()
    }

    /// Asks, all in one round trip where it is not very much: an answer each. `limit` is for the whole of it.
    pub async fn look(&mut self, looks: &[Look], limit: Duration) -> Result<Vec<Answer>, SshError> {
        let seconds = remote_limit(limit);
        let commands: Vec<Line> = looks.iter().map(|look| look.within(seconds)).collect();
        self.ask(&commands, After::GoOn, limit).await
    }

    /// What a node takes in one request has an end.
    async fn ask(&mut self, commands: &[Line], after: After, limit: Duration) -> Result<Vec<Answer>, SshError> {
        let deadline = Instant::now() + limit;
        let mut answers = vec![];
        for commands in commands.chunks(dialect::MOST) {
            let left = deadline.saturating_duration_since(Instant::now());
            answers.extend(self.exchange(commands, commands.len(), after, None, left).await?);
        }
        Ok(answers)
    }

    /// Whether each of these would be let through, without doing any of it: all, where there is no gate.
    pub async fn lets_through(&mut self, commands: &[Line], limit: Duration) -> Result<Vec<bool>, SshError> {
        if !self.is_gated() {
            return Ok(commands.iter().map(|_| true).collect());
        }
        let answers = self.ask(commands, After::Ask, limit).await?;
        Ok(answers.iter().map(|answer| answer.status == 0).collect())
    }

    /// A gate stands before the shell.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.gated)
    }

    /// Does one thing after the other, all in one round trip, and stops at the first that fails: the answers then end
    /// with the one of the failure. `limit` is for the whole of it. None of them begins later than about `limit` from
    /// now, however long it was held up on its way or by those before it. Only `effect` calls this.
    pub async fn perform(&mut self, deeds: &[Deed], limit: Duration) -> Result<Vec<Answer>, SshError> {
        self.perform_first(deeds, deeds.len(), limit).await
    }

    /// The same, but comes back as soon as the first `count` of them have ended. Where one more was begun, its answer is
    /// fetched by [`Self::due`]; the shell does nothing else before.
    pub async fn perform_first(
        &mut self,
        deeds: &[Deed],
        count: usize,
        limit: Duration,
    ) -> Result<Vec<Answer>, SshError> {
        let seconds = remote_limit(limit);
        let commands: Vec<Line> = deeds.iter().map(|deed| deed.within(seconds)).collect();
        let asked = Instant::now();
        let result = self.exchange(&commands, count, After::Stop, Some(limit), limit).await;
        if result.as_ref().is_err_and(SshError::may_have_happened) {
            // begun in the last second that it may begin in, cut off by its own limit, and ended by force a second after
            // that
            self.may_fire_until = Some(asked + limit + SLACK + Duration::from_secs(1 + seconds + 1));
        }
        result
    }

    /// The answer that [`Self::perform_first`] did not wait for. `None`: there is none, or it did not come; in that case
    /// the shell has ended for us.
    pub async fn due(&mut self, limit: Duration) -> Option<Answer> {
        let number = self.channel.as_mut()?.due.take()?;
        let mut channel = self.channel.take()?;
        let fetched = timeout(limit, async {
            let answer = channel.receive(number).await;
            (channel, answer)
        });
        let (channel, answer) = fetched.await.ok()?;
        let answer = answer.ok()?;
        self.channel = Some(channel);
        Some(answer)
    }

    /// Until when a deed whose end is not known may still happen.
    pub(super) fn may_fire_until(&self) -> Option<Instant> {
        self.may_fire_until
    }

    async fn exchange(
        &mut self,
        commands: &[Line],
        count: usize,
        after: After,
        begin_within: Option<Duration>,
        limit: Duration,
    ) -> Result<Vec<Answer>, SshError> {
        if commands.is_empty() {
            return Ok(vec![]);
        }
        let error = |kind, cause: String| SshError::new(kind, cause).at(&self.place);
        let Some(mut channel) = self.channel.take() else {
            return Err(error(SshErrorKind::NotSent, "the shell there has ended".to_owned()));
        };
        let (first, request) =
            match channel.frame.request(commands, after, begin_within.map(|time| channel.until(time))) {
                Ok(request) => request,
                Err(refused) => {
                    self.channel = Some(channel);
                    return Err(refused.at(&self.place));
                }
            };
        let heard = self.ear.sent(Means::Ssh, &self.place, || spoken(commands, after));
        let mut sent = 0;
        let done = timeout(limit, async {
            if let Some(due) = channel.due.take() {
                // nobody came for it
                channel.receive(due).await?;
            }
            channel.send(request.as_bytes(), &mut sent).await?;
            let mut answers: Vec<Answer> = Vec::new();
            let stopped = |answers: &[Answer]| after == After::Stop && answers.last().is_some_and(|a| a.status != 0);
            while answers.len() < count && !stopped(&answers) {
                answers.push(channel.receive(first + answers.len() as u64).await?);
            }
            channel.due = (count < commands.len() && !stopped(&answers)).then(|| first + count as u64);
            Ok::<_, std::io::Error>((channel, answers))
        });
        let why = match done.await {
            Ok(Ok((channel, answers))) => {
                let refused = answers.iter().find(|answer| channel.gated && answer.status == dialect::REFUSED);
                let refused = refused.filter(|_| after != After::Ask).map(|answer| refused_by_gate(&answer.text));
                self.channel = Some(channel);
                let failed = answers.iter().find(|answer| answer.status != 0);
                heard.ended(failed.map(|answer| format!("status {}", answer.status)).as_ref());
                return refused.map_or(Ok(answers), |why| Err(error(SshErrorKind::Refused, why)));
            }
            Ok(Err(why)) => format!("the connection broke ({why})"),
            Err(_) => format!("no answer within {limit:?}"),
        };
        // nothing is begun there before the last newline has arrived, see `Frame::request`
        let kind = if sent < request.len() { SshErrorKind::NotSent } else { SshErrorKind::Unknown };
        heard.ended(Some(&why));
        Err(error(kind, why))
    }

    /// Ends the shell and the login, at most for `limit`. What then still runs is cut off.
    pub async fn close(mut self, limit: Duration) {
        let lost = self.channel.is_none();
        // the remote shell ends with its input
        self.channel = None;
        let Some(session) = self.session.take().and_then(Arc::into_inner) else { return };
        let closed = timeout(limit, session.close()).await;
        // A master that does not answer would stay for ever if it was stopped; one with a command that hangs would
        // stay as long as the command.
        if let Some(pid) = self.master
            && (lost || !matches!(closed, Ok(Ok(()))))
        {
            master::kill(pid).await;
        }
    }
}

impl Drop for Shell {
    /// Not closed: the master is left to end by itself, because talking to it here could block for ever.
    fn drop(&mut self) {
        self.channel = None;
        if let Some(session) = self.session.take().and_then(Arc::into_inner) {
            drop(session.detach());
        }
    }
}

impl Channel {
    async fn open(session: Arc<Session>) -> Result<Self, SshError> {
        let unsuitable = |why: String| SshError::new(SshErrorKind::Unsuitable, why);
        let marker = marker().map_err(|why| unsuitable(format!("no random numbers here: {why}")))?;
        // text for whatever login shell there is; `exec sh` means the same to all of them
        let mut command = session.arc_raw_command("exec sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command
            .spawn()
            .await
            .map_err(|why| unsuitable(format!("no shell: {}", SshError::from_ssh(&why).cause())))?;
        let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(unsuitable("no shell".to_owned()));
        };
        let (frame, clock) = (Frame::new(marker), (0, Instant::now()));
        let mut channel =
            Self { stdin, stdout, _child: child, arrived: Vec::new(), due: None, frame, clock, gated: false };
        let greeting = channel.frame.greeting();
        let broke = |why: std::io::Error| unsuitable(format!("the shell there ended at once ({why})"));
        channel.send(greeting.as_bytes(), &mut 0).await.map_err(broke)?;
        let greeted = channel.receive(0).await.map_err(broke)?;
        let gate = Frame::gate(&greeted);
        if let Some(other) = gate.filter(|version| *version != dialect::PROTOCOL) {
            let why = format!("the gate there is of version {other}, and flipper needs {}; {ANEW}", dialect::PROTOCOL);
            return Err(unsuitable(why));
        }
        channel.gated = gate.is_some();
        match greeted.status {
            0 => {
                let clock = Frame::clock(&greeted);
                channel.clock =
                    (clock.ok_or_else(|| unsuitable("/proc/uptime is missing there".to_owned()))?, Instant::now());
                Ok(channel)
            }
            127 => Err(unsuitable("the command `timeout` (coreutils) is missing there".to_owned())),
            status => {
                let why =
                    format!("`{}` fails there with status {status}: it is not that of GNU coreutils", dialect::CUT_OFF);
                Err(unsuitable(why))
            }
        }
    }

    /// A moment from now by the machine's clock, which counts whole seconds.
    fn until(&self, time: Duration) -> u64 {
        let (clock, read) = self.clock;
        clock + (read.elapsed() + time).as_secs() + SLACK.as_secs()
    }

    /// `sent` counts what went out, also when it stops half way.
    async fn send(&mut self, line: &[u8], sent: &mut usize) -> std::io::Result<()> {
        while let Some(rest) = line.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.stdin.write(rest).await? {
                0 => return Err(std::io::ErrorKind::WriteZero.into()),
                count => *sent += count,
            }
        }
        self.stdin.flush().await
    }

    async fn receive(&mut self, number: u64) -> std::io::Result<Answer> {
        loop {
            if let Some(answer) = self.frame.answer(number, &mut self.arrived) {
                return Ok(answer);
            }
            if self.stdout.read_buf(&mut self.arrived).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// What is asked for, as a person reads it.
fn spoken(commands: &[Line], after: After) -> String {
    let between = if after == After::Stop { " && " } else { "; " };
    let text = commands.iter().map(ToString::to_string).collect::<Vec<_>>().join(between);
    if after == After::Ask { format!("(is it let through?) {text}") } else { text }
}

/// What helps where a gate does not fit.
const ANEW: &str = "run `flipper setup` for the pair again and install the gate that it prints";

fn refused_by_gate(text: &str) -> String {
    format!("the gate there does not let `{}` through: it was made for another config; {ANEW}", text.trim())
}

/// The remote limit is the shorter one, where whole seconds allow it: then the answer says what happened.
fn remote_limit(limit: Duration) -> u64 {
    limit.saturating_sub(Duration::from_millis(500)).as_secs().max(1)
}

#[expect(clippy::disallowed_methods, reason = "the system's random numbers are a file")]
fn marker() -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn connect(target: &SshTarget, control_dir: &Path, limit: Duration) -> Result<Session, SshError> {
    let config = ssh_config::write(target, control_dir)?;
    // whole seconds only: less than one would be zero, which means for ever
    let seconds = Duration::from_secs((limit.as_millis().div_ceil(1000) as u64).max(1));
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .config_file(config.path())
        .control_directory(control_dir)
        .control_persist(ControlPersist::IdleFor(IDLE))
        .connect_timeout(seconds)
        .server_alive_interval(Duration::from_secs(1));
    if let Some(port) = target.port {
        builder.port(port);
    }
    if let Some(user) = &target.user {
        builder.user(user.as_str().to_owned());
    }
    // `ssh` ends itself in time, except while it waits for an agent; cutting it off would not end it
    let outer = seconds + Duration::from_millis(500);
    match timeout(outer, builder.connect_mux(target.host.as_str())).await {
        Ok(connected) => connected.map_err(|error| SshError::from_ssh(&error)),
        Err(_) => Err(SshError::new(SshErrorKind::Unreachable, format!("no login within {outer:?}"))),
    }
}
