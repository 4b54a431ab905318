//! What an action says to the nodes, word for word, before it is said: for `--dry-run` and for reviewers.

use std::time::Duration;

use super::{argv, death, isolate, sql};
use crate::model::{Action, Flavour, Isolation, Limits, NodeName, Prefixed, Server, System, at_port};

/// What is known of a node that commands are spelled for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its server.
    pub server: &'a Server,
    /// Its system.
    pub system: &'a System,
    /// Changes on the system are made through `sudo`.
    pub sudo: bool,
    /// The server's port.
    pub port: u16,
    /// The other node.
    pub peer: Option<&'a NodeName>,
    /// The operator's program that keeps it out.
    pub fence: Option<&'a [String]>,
    /// It was declared dead: its server is asked nothing.
    pub lost: bool,
}

/// One thing said to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelled {
    /// SQL, one round trip.
    Sql(NodeName, String),
    /// A command line over ssh.
    Ssh(NodeName, String),
    /// A new MySQL connection from here to an address.
    Connect(String, String),
    /// A program on this machine.
    Here(String),
}

/// Everything an action says, in order. What only the moment knows stands in angle brackets.
pub fn spell<'a>(action: &Action, limits: &Limits, target: impl Fn(&NodeName) -> Option<Target<'a>>) -> Vec<Spelled> {
    let sql = |node: &NodeName, text: String| Spelled::Sql(node.clone(), text);
    let ssh = |node: &NodeName, text: String| Spelled::Ssh(node.clone(), text);
    let Some(on) = target(action.node()) else { return vec![] };
    let position_of = |node: &NodeName| format!("<position of {node}>");
    // the placeholder cannot pass for a position, so it is put in after the spelling
    let waits = |node: &NodeName, source: &NodeName, limit: Duration| {
        let asked = sql::catch_up(on.server, "0", limit).map(|q| q.to_string()).unwrap_or_default();
        sql(node, asked.replace("'0'", &format!("'{}'", position_of(source))))
    };
    match action {
        Action::Approach { node, source } => {
            let from = target(source).map(|t| sql::access_and_position(t.server).to_string()).unwrap_or_default();
            vec![sql(source, from), waits(node, source, Duration::from_secs(1).min(limits.pre_sync))]
        }
        Action::Drain { node } => vec![
            sql(node, sql::writing_transactions(on.server).to_string()),
            sql(node, sql::writers(on.server).to_string()),
        ],
        Action::EndWriters { node } => vec![
            sql(node, sql::writers(on.server).to_string()),
            sql(node, "KILL <each client session that still writes>".to_owned()),
        ],
        Action::Fence { node, how } => vec![
            // on the other node as well: its lock must not outlive the run
            sql(node, sql::expire_and_lock_is_ours(limits.silence()).to_string()),
            sql(node, sql::fence(on.server, *how, limits.fence).to_string()),
        ],
        Action::CatchUp { node, source } => vec![waits(node, source, Duration::from_secs(1).min(limits.write_outage))],
        Action::Open { node, peer } => {
            let peers = target(peer);
            let mut said = vec![sql(peer, peers.map(|t| sql::facts(t.server).to_string()).unwrap_or_default())];
            said.extend(
                peers
                    .filter(|t| t.server.flavour == Flavour::MySql)
                    .map(|_| sql(peer, "KILL <each session that could still commit>".to_owned())),
            );
            said.extend([
                sql(node, sql::expire_and_lock_is_ours(limits.silence()).to_string()),
                sql(node, sql::open(on.server, limits.fence, false).to_string()),
            ]);
            said
        }
        Action::Reopen { node, peer: _ } => vec![sql(node, sql::open(on.server, limits.fence, false).to_string())],
        Action::Take { node, address, interface, role: _, access: _, from: _ } => {
            let mut said = vec![ssh(node, argv::add_address(on.system, on.sudo, *address, interface).to_string())];
            said.extend(
                argv::announce_at_once(on.system, on.sudo, *address, interface).map(|deed| ssh(node, deed.to_string())),
            );
            said
        }
        Action::EndSessions { node, address, role: _ } => end_sessions(node, &on, *address),
        Action::Drop { node, address, interface, to, role: _ } => {
            let mut said = vec![ssh(node, argv::delete_address(on.system, on.sudo, *address, interface).to_string())];
            // nobody else has it: who came to the end is ended here
            if to.is_none() && !on.lost {
                said.extend(end_sessions(node, &on, *address));
            }
            said
        }
        Action::Announce { node, address, interface, role: _ } => {
            let tell = argv::announce(on.system, on.sudo, *address, interface);
            let again = argv::announce_again(on.system, on.sudo, *address, interface);
            tell.into_iter().chain(again).map(|deed| ssh(node, deed.to_string())).collect()
        }
        Action::Release { node } => vec![
            sql(node, sql::sessions(on.server).to_string()),
            sql(node, sql::changed_rows().to_string()),
            sql(node, "KILL <who would write as soon as the lock is let go>".to_owned()),
            sql(node, sql::release(on.server).to_string()),
        ],
        Action::Verify { address, role: _, access: _, node: _ } => vec![Spelled::Connect(
            at_port(&address.ip.to_string(), on.port),
            format!("{}; {}", sql::identity(), sql::access_and_position(on.server)),
        )],
        Action::Isolate { node, how: Isolation::Shell } => vec![
            ssh(node, isolate::units().to_string()),
            ssh(node, isolate::all_who_listen(on.sudo).to_string()),
            ssh(node, isolate::mask_unit(on.sudo, "<its unit>").to_string()),
            ssh(node, isolate::stop_unit(on.sudo, "<its unit>").to_string()),
            ssh(node, isolate::stop_unit(on.sudo, "<what would start it when somebody connects>").to_string()),
            ssh(node, isolate::who_listens(on.sudo, on.port).to_string()),
            // asked at first, and not asked any more after a while
            ssh(node, isolate::end_listeners(on.sudo, on.port, true).to_string()),
            ssh(node, isolate::end_listeners(on.sudo, on.port, false).to_string()),
            ssh(node, isolate::end_unit(on.sudo, "<its unit>").to_string()),
        ],
        Action::Isolate { node: _, how: Isolation::Hook } => {
            let program = on.fence.map(|argv| argv.join(" "));
            vec![Spelled::Here(program.unwrap_or_else(|| "<the program that `fence` names>".to_owned()))]
        }
        // a person vouches for it; that nobody answers in its place is only looked at
        Action::Isolate { node: _, how: Isolation::Hand } => {
            let listens = "<who answers for each address of the pair>".to_owned();
            on.peer.map(|peer| ssh(peer, listens)).into_iter().collect()
        }
        Action::StopReceiving { node } => {
            told(death::stop_receiving(on.server, "")).map(|text| sql(node, text)).collect()
        }
        Action::ResumeReceiving { node } => {
            told(death::resume_receiving(on.server, "")).map(|text| sql(node, text)).collect()
        }
        Action::ApplyReceived { node } => {
            let asked = sql::catch_up(on.server, "0", Duration::from_secs(1)).map(|q| q.to_string());
            vec![sql(node, asked.unwrap_or_default().replace("'0'", "'<all that it has received>'"))]
        }
        Action::RollBack { node } => {
            // only where the two before show that it holds something
            let asked = [sql::channels(on.server), death::applier_transactions(on.server)].map(|q| q.to_string());
            let kill = (on.server.flavour == Flavour::MySql).then(|| "KILL <the thread that holds one>".to_owned());
            let told = kill.into_iter().chain(told(death::stop_applying(on.server, "")));
            asked.into_iter().chain(told).map(|text| sql(node, text)).collect()
        }
        Action::Promote { node, dead: _ } => vec![
            sql(node, sql::channels(on.server).to_string()),
            sql(node, death::applier_transactions(on.server).to_string()),
            sql(node, sql::expire_and_lock_is_ours(limits.silence()).to_string()),
            sql(node, sql::open(on.server, limits.fence, false).to_string()),
        ],
        Action::Compare { node, source } => {
            let mut said = vec![sql(node, sql::access_and_position(on.server).to_string())];
            said.push(match on.server.flavour {
                Flavour::MySql => {
                    let asked = sql::missing("0").map(|q| q.to_string()).unwrap_or_default();
                    sql(source, asked.replace("'0'", &format!("'{}'", position_of(node))))
                }
                Flavour::MariaDb => sql(source, sql::executed_state().to_string()),
            });
            said.push(match on.server.flavour {
                Flavour::MySql => sql(source, super::checks::purged().to_string()),
                Flavour::MariaDb => sql(source, death::binary_logs().to_string()),
            });
            said
        }
        Action::StartReplication { node, source: _ } => {
            told(death::start_replication(on.server, "")).map(|text| sql(node, text)).collect()
        }
    }
}

/// Those who came through an address.
fn end_sessions(node: &NodeName, on: &Target<'_>, address: Prefixed) -> Vec<Spelled> {
    let ssh = |text: String| Spelled::Ssh(node.clone(), text);
    vec![
        ssh(argv::sockets(on.port).to_string()),
        Spelled::Sql(node.clone(), sql::sessions(on.server).to_string()),
        Spelled::Sql(node.clone(), "KILL <each session that came through the address>".to_owned()),
        ssh(argv::kill_sockets(on.system, on.sudo, address, on.port).to_string()),
    ]
}

fn told(statement: Option<sql::Statement>) -> impl Iterator<Item = String> {
    statement.into_iter().map(|statement| statement.to_string())
}
