//! The lock that keeps two operators apart.
//!
//! It has one name on every server, whatever a config calls the pair and whoever else is in it: two runs that touch
//! the same server exclude each other. A second lock, held beside it, has the minute in its name at which it was taken:
//! no server tells how old a lock is, but each tells who has one of a given name.

use std::time::Duration;

use super::{Question, Statement, expire, processlist};
use crate::model::Server;

/// The lock's name, as a literal.
const NAME: &str = "'flipper:roles'";

/// What the second lock's name starts with, as a literal.
const SINCE: &str = "'flipper:since:'";

/// Takes the lock on a server, without waiting: `got` is 1, or 0 when somebody else has it. From here on the server ends
/// this session, and with it the lock, when it hears nothing of it for `idle`.
#[must_use]
pub fn lock(idle: Duration) -> Statement {
    let mut statements = expire(idle).0;
    statements.push(format!(
        "SELECT IF(GET_LOCK({NAME}, 0) = 1, COALESCE(GET_LOCK(CONCAT({SINCE}, UNIX_TIMESTAMP() DIV 60), 0), 0) >= 0, 0) \
         AS got"
    ));
    Statement(statements)
}

/// Lets go of the lock. The second one goes with the session.
#[must_use]
pub fn unlock() -> Statement {
    Statement(vec![format!("SELECT RELEASE_LOCK({NAME}) AS released")])
}

/// Whether this session has the lock: `ours` is 1.
#[must_use]
pub fn lock_is_ours() -> Question {
    Question(vec![is_ours()])
}

fn is_ours() -> String {
    format!("SELECT IS_USED_LOCK({NAME}) = CONNECTION_ID() AS ours")
}

/// [`expire`], and in the same round trip whether this session has the lock: `ours` is 1.
#[must_use]
pub fn expire_and_lock_is_ours(idle: Duration) -> Statement {
    let mut statements = expire(idle).0;
    statements.push(is_ours());
    Statement(statements)
}

/// Who has the lock, in two tables: `holder` (a session id, or NULL), `own` (this session's id), `user`, `host`, `idle`
/// (seconds since it was last heard of, where `command` is `Sleep`); then `since` (the minute at which it was taken, NULL
/// when that is more than a week ago or it was not flipper), and `now` (in seconds, by the same clock).
#[must_use]
pub fn lock_holder(server: &Server) -> Question {
    let digits = (0..10).map(|digit| format!("SELECT {digit} AS n")).collect::<Vec<_>>().join(" UNION ALL ");
    let sessions = processlist(server);
    Question(vec![
        format!(
            "SELECT IS_USED_LOCK({NAME}) AS holder, CONNECTION_ID() AS own, p.USER AS user, p.HOST AS host, p.TIME AS \
             idle, p.COMMAND AS command FROM (SELECT 1) one LEFT JOIN {sessions} p ON p.ID = IS_USED_LOCK({NAME})"
        ),
        format!(
            "SELECT MAX(m.n) AS since, UNIX_TIMESTAMP() AS now FROM (SELECT UNIX_TIMESTAMP() DIV 60 - (a.n + 10 * b.n + \
             100 * c.n + 1000 * d.n) AS n FROM ({digits}) a, ({digits}) b, ({digits}) c, ({digits}) d) m WHERE \
             IS_USED_LOCK(CONCAT({SINCE}, m.n)) = IS_USED_LOCK({NAME})"
        ),
    ])
}

/// Sessions (`id`, `user`) in which something that changes the server is still under way. Whoever holds the lock on both
/// nodes may take those of flipper's account for the remains of a run that is dead (hazard H-03).
#[must_use]
pub fn changes_under_way(server: &Server) -> Question {
    Question(vec![format!(
        "SELECT ID AS id, USER AS user FROM {} WHERE COMMAND = 'Query' AND ID <> CONNECTION_ID() AND \
         (INFO LIKE 'SET GLOBAL%' OR INFO LIKE 'FLUSH%' OR INFO LIKE 'UNLOCK%')",
        processlist(server)
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_has_one_name_and_fits() {
        let text = lock(Duration::from_secs(28)).to_string();
        assert!(
            text.starts_with("SET SESSION wait_timeout = 28; SELECT IF(GET_LOCK('flipper:roles', 0) = 1"),
            "{text}"
        );
        assert!(unlock().to_string().contains("RELEASE_LOCK('flipper:roles')"));
        // 64 characters is what a server takes
        assert!(NAME.len() - 2 <= 64 && SINCE.len() - 2 + "29455384".len() <= 64);
    }
}
