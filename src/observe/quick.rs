//! Who answers at the addresses of a pair, asked like a client: by MySQL alone, all at once.

use std::time::Duration;

use super::server::{self, Read};
use crate::dialect;
use crate::link::{MysqlTarget, Sql, SqlError};
use crate::model::{Answered, Host, Observed, Pair, Quick};

/// Asks both nodes at their own addresses and every role's address. Each login, and each of two questions after it, has
/// `pair.limits.connect`.
pub async fn quick(pair: &Pair, targets: &[MysqlTarget; 2]) -> Quick {
    let limit = pair.limits.connect;
    let [first, second] = targets;
    let nodes = async { tokio::join!(node(first, limit), node(second, limit)) };
    let roles = async {
        let mut asked = tokio::task::JoinSet::new();
        for (at, role) in pair.roles.iter().enumerate() {
            let (address, targets) = (role.address.ip.to_string(), targets.clone());
            asked.spawn(async move { (at, self::role(&address, &targets, limit).await) });
        }
        let unasked = || Answer { refused: false, who: Observed::Unknown("was not asked".to_owned()) };
        let mut roles: Vec<Answer> = pair.roles.iter().map(|_| unasked()).collect();
        while let Some(done) = asked.join_next().await {
            // a task that panics leaves its role unknown
            if let Ok((at, answered)) = done
                && let Some(place) = roles.get_mut(at)
            {
                *place = answered;
            }
        }
        roles
    };
    let ((first, second), roles) = tokio::join!(nodes, roles);
    let refused = ([first.refused, second.refused], roles.iter().map(|role| role.refused).collect());
    Quick { nodes: [first.who, second.who], roles: roles.into_iter().map(|role| role.who).collect(), refused }
}

/// What came of a login.
struct Answer {
    /// A server is there, and turned it down.
    refused: bool,
    who: Observed<Answered>,
}

impl Answer {
    fn none(why: &SqlError) -> Self {
        Self { refused: why.code().is_some(), who: Observed::Unknown(why.to_string()) }
    }
}

async fn node(target: &MysqlTarget, limit: Duration) -> Answer {
    match Sql::connect(target, limit).await {
        Ok(sql) => who(sql, limit).await,
        Err(why) => Answer::none(&why),
    }
}

/// At a floating address either node may answer: with its own account, and its own certificate.
async fn role(address: &str, targets: &[MysqlTarget; 2], limit: Duration) -> Answer {
    let host: Host = match address.parse() {
        Ok(host) => host,
        Err(why) => {
            let why: crate::model::BadName = why;
            return Answer { refused: false, who: Observed::Unknown(why.to_string()) };
        }
    };
    let [first, second] = targets;
    match Sql::connect(&first.at(host.clone()), limit).await {
        Ok(sql) => who(sql, limit).await,
        Err(why) if first.is_like(second) || why.code().is_none() && first.tls.is_none() => Answer::none(&why),
        Err(_) => match Sql::connect(&second.at(host), limit).await {
            Ok(sql) => who(sql, limit).await,
            Err(why) => Answer::none(&why),
        },
    }
}

async fn who(mut sql: Sql, limit: Duration) -> Answer {
    let answered = ask(&mut sql, limit).await;
    sql.close(limit).await;
    Answer { refused: false, who: answered.into() }
}

async fn ask(sql: &mut Sql, limit: Duration) -> Read<Answered> {
    let [identity, settings] = super::ask(sql, [&dialect::identity(), &dialect::settings()], limit).await;
    let server = server::identity(&identity?, settings.as_ref().map_err(String::clone))?;
    let [standing] = super::ask(sql, [&dialect::access_and_position(&server)], limit).await;
    let access = standing.and_then(|table| server::standing(&server, &table)).and_then(|standing| standing.access);
    Ok(Answered { server, access: access.into() })
}
