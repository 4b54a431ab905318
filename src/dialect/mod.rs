//! How each flavour of server, and each system, spells what flipper asks and does.
//!
//! Pure functions from values to text. What only asks and what changes something are different types: the transport
//! takes a change only through another method than a question, and only `effect` calls that one. There is no way to
//! make a statement or a command line outside of this module, so what is listed here is all that flipper ever says
//! to a node, and all of it leaves the GTID sets alone (hazard H-11: no `FLUSH` but `FLUSH TABLES WITH READ LOCK`).

mod argv;
mod boot;
mod checks;
mod death;
mod gate;
#[cfg(test)]
mod gate_tests;
mod grants;
mod heard;
mod isolate;
mod line;
mod machine;
mod preview;
mod readiness;
mod release;
mod runner;
mod signs;
mod sockets;
mod sql;
mod start;
mod sudoers;
mod words;

pub use argv::{
    ANNOUNCED, Deed, Look, PROBE_END, add_address, addresses, alive, announce, announce_again, announce_at_once,
    announce_patiently, delete_address, hush, kill_sockets, may_run, probe, sockets, was_announced,
};
pub use boot::{boot_lines, keep_configuration};
pub use checks::{
    VARIABLES, accounts, clock, counters, events, locks, own_grants, privileges, purged, read_only_origin, received,
    roles, transactions, transports, variables, work, worker_errors,
};
pub use death::{
    applier_transactions, binary_logs, follows_from, log_start, not_executed, resume_receiving, start_replication,
    stop_applying, stop_receiving, stop_replication,
};
pub use gate::{Allowed, authorized_key, gate_path, gate_script};
pub use grants::{Account, DATA_RIGHTS, Extra, On, PASSWORD_HERE, Privilege, privileges_needed};
pub use heard::{last_heard, newest_received, parse_newest, relay_logs, semi_sync_receiver};
pub use isolate::{
    Left, Listening, Unit, all_who_listen, end_listeners, end_unit, keep_down, left_behind, names_of, parse_left,
    parse_listening, parse_ports, parse_units, units, who_listens,
};
pub use line::{Argv, Hole, Line};
pub use machine::{CONFIG_PLACES, MANAGERS, disk, listeners, managers, mentions};
pub use preview::{Spelled, Target, spell};
pub use readiness::{LogsFolder, Tools, parse_tools, tools};
pub use release::{Greeting, LONGEST_GREETING, Release, installed, parse_greeting, parse_installed, parse_version};
pub use runner::{CUT_OFF, MOST, PROTOCOL, REFUSED, TOO_LATE, greeting};
pub use signs::{LISTEN, Sign, of_silence, of_the_other, read_signs, signs, signs_take};
pub use sockets::{Socket, parse_end, parse_sockets};
pub use sql::{
    LoginName, Question, Statement, access_and_position, binlog_filters, catch_up, changed_rows, changes_under_way,
    channels, executed_state, expire, expire_and_lock_is_ours, facts, fence, identity, kill, lock, lock_holder,
    lock_is_ours, missing, open, own_address, parse_access, prepared_xa, release, session, sessions, settings, unlock,
    writers, writing_transactions,
};
pub use start::{option_files, option_paths, persisted, server_process};
pub use sudoers::{sudoers, sudoers_path};
pub use words::{begins, changes_data};
