//! All that leads to one node.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::{MysqlTarget, Shell, Sql, SqlError, SqlErrorKind, SshError, SshTarget};
use crate::model::NodeName;

/// How one node is reached.
#[derive(Clone)]
pub struct LinkTarget {
    /// The node.
    pub name: NodeName,
    /// Its server.
    pub mysql: MysqlTarget,
    /// Its machine.
    pub ssh: SshTarget,
}

/// The open ways to one node. Each may be missing, with the reason: what can be seen by the others is still seen.
pub struct Link {
    /// How the node is reached.
    pub target: LinkTarget,
    /// The session for questions and changes; it also holds the pair's lock.
    pub sql: Result<Sql, SqlError>,
    /// A second session, which fences, and holds the read lock of a fence where there is one.
    pub guard: Result<Sql, SqlError>,
    /// The shell on its machine.
    pub shell: Result<Shell, SshError>,
    /// Until then a deed may still happen there that was told to a shell which is gone.
    late: Option<Instant>,
}

impl Link {
    /// Opens all at once. `limit` is for each MySQL session, and for the login and the shell one after the other.
    /// `control_dir`: see [`Shell::open`].
    pub async fn open(target: LinkTarget, control_dir: &Path, limit: Duration) -> Self {
        let (sql, guard, shell) = tokio::join!(
            Sql::connect(&target.mysql, limit),
            Sql::connect(&target.mysql, limit),
            Shell::open(&target.ssh, control_dir, limit),
        );
        Self { target, sql, guard, shell, late: None }
    }

    /// Opens the way to the machine only, because there is none into the server.
    pub async fn open_machine(target: LinkTarget, why: &str, control_dir: &Path, limit: Duration) -> Self {
        let none = || SqlError::new(SqlErrorKind::Connect, target.mysql.host.as_str(), why);
        let (sql, guard) = (Err(none()), Err(none()));
        let shell = Shell::open(&target.ssh, control_dir, limit).await;
        Self { target, sql, guard, shell, late: None }
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.target.name
    }

    /// Replaces the session for questions and changes by a new one. The old one may still be at work on the server.
    pub async fn reconnect_sql(&mut self, limit: Duration) -> Result<&mut Sql, SqlError> {
        replace(&mut self.sql, &self.target.mysql, limit).await
    }

    /// Replaces the second session by a new one. Locks that the old one held are gone, at the latest when the server
    /// notices.
    pub async fn reconnect_guard(&mut self, limit: Duration) -> Result<&mut Sql, SqlError> {
        replace(&mut self.guard, &self.target.mysql, limit).await
    }

    /// Replaces the shell: over the same login where there is one, by a new login otherwise.
    pub async fn reopen_shell(&mut self, control_dir: &Path, limit: Duration) -> Result<&mut Shell, SshError> {
        if let Ok(shell) = &mut self.shell
            && shell.reopen(limit).await.is_err()
        {
            let opened = Shell::open(&self.target.ssh, control_dir, limit).await;
            change_over(&mut self.shell, opened, &mut self.late, limit).await;
        } else if self.shell.is_err() {
            self.shell = Shell::open(&self.target.ssh, control_dir, limit).await;
        }
        self.shell.as_mut().map_err(|error| error.clone())
    }

    /// How long a deed whose end is not known may still happen on the machine, by whichever shell it was told to; none:
    /// everything that was asked for has ended.
    #[must_use]
    pub fn may_fire_for(&self) -> Option<Duration> {
        let until = self.late.max(self.shell.as_ref().ok().and_then(Shell::may_fire_until));
        until.map(|until| until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Something of it has broken, or could not be had.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let sql = |sql: &Result<Sql, SqlError>| sql.as_ref().map_or(true, Sql::is_closed);
        sql(&self.sql) || sql(&self.guard) || self.shell.as_ref().map_or(true, Shell::is_closed)
    }

    /// Opens again whatever has broken or could not be had, all at once; the limits are those of [`Self::open`].
    pub async fn mend(&mut self, control_dir: &Path, limit: Duration) {
        let sql = async |place: &mut Result<Sql, SqlError>, target: &MysqlTarget| {
            if place.as_ref().map_or(true, Sql::is_closed) {
                // why it cannot be had is kept in its place
                let _ = replace(place, target, limit).await;
            }
        };
        let target = &self.target;
        let shell = async {
            if let Ok(shell) = &mut self.shell
                && (!shell.is_closed() || shell.reopen(limit).await.is_ok())
            {
                return;
            }
            let opened = Shell::open(&target.ssh, control_dir, limit).await;
            change_over(&mut self.shell, opened, &mut self.late, limit).await;
        };
        tokio::join!(sql(&mut self.sql, &target.mysql), sql(&mut self.guard, &target.mysql), shell);
    }

    /// Ends everything at once; each part takes at most `limit`.
    pub async fn close(self, limit: Duration) {
        let sql = async |sql: Result<Sql, SqlError>| {
            if let Ok(sql) = sql {
                sql.close(limit).await;
            }
        };
        let shell = async {
            if let Ok(shell) = self.shell {
                shell.close(limit).await;
            }
        };
        tokio::join!(sql(self.sql), sql(self.guard), shell);
    }
}

/// Another shell takes the place of one, or the reason why there is none. What was told to the old one may still happen.
async fn change_over(
    shell: &mut Result<Shell, SshError>,
    opened: Result<Shell, SshError>,
    late: &mut Option<Instant>,
    limit: Duration,
) {
    if let Ok(old) = std::mem::replace(shell, opened) {
        *late = old.may_fire_until().max(*late);
        old.close(limit).await;
    }
}

async fn replace<'a>(
    place: &'a mut Result<Sql, SqlError>,
    target: &MysqlTarget,
    limit: Duration,
) -> Result<&'a mut Sql, SqlError> {
    let fresh = Sql::connect(target, limit).await;
    if let Ok(old) = std::mem::replace(place, fresh) {
        old.close(limit).await;
    }
    place.as_mut().map_err(|error| error.clone())
}

/// Ends the links of both nodes at once, and whatever is left of their logins in `control_dir`, which is theirs alone.
pub async fn close(links: [Link; 2], control_dir: &Path, limit: Duration) {
    let [first, second] = links;
    tokio::join!(first.close(limit), second.close(limit));
    super::master::sweep(control_dir).await;
}
