//! What clients have on a node, and whether they find the same on the other one.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "cannot-end-sessions",
        "Some sessions may not be ended by flipper",
        "On MySQL a session of an account with SYSTEM_USER (root) is ended only by another such account. It stays on the old \
         writer, where it can read but not write.",
        &[(
            Where::MySql,
            "SELECT GRANTEE FROM information_schema.user_privileges WHERE PRIVILEGE_TYPE = 'SYSTEM_USER'",
        )],
        "Let applications use other accounts. `super_read_only` makes such a session harmless.",
    ),
    Text::new(
        "user-locks",
        "User-level locks are held",
        "GET_LOCK is known to one server only. The new writer gives the same lock to somebody else while the first owner still \
         believes that it holds it.",
        &[
            (
                Where::MySql,
                "SELECT OBJECT_NAME, OWNER_THREAD_ID FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK'",
            ),
            (Where::MariaDb, "SHOW FULL PROCESSLIST"),
        ],
        "Stop what relies on these locks for the length of the move.",
    ),
    Text::new(
        "direct-clients",
        "Clients use the node's own address",
        "They do not follow the role. After a move they are on the old writer, where they can only read.",
        &[(Where::Node, "ss -tn state established sport = :3306")],
        "Give them the floating address of their role.",
    ),
    Text::new(
        "connections-full",
        "A server has turned a session of flipper's away",
        "All connections are taken (error 1040). flipper could not get back in, in the middle of a move.",
        &[(Where::Both, "SELECT @@global.max_connections; SHOW GLOBAL STATUS LIKE 'Threads_connected'")],
        "End idle sessions, or raise max_connections.",
    ),
    Text::new(
        "fewer-connections",
        "One server takes fewer sessions than the other has had",
        "After the move all clients come at once; those beyond max_connections are turned away.",
        &[(Where::Both, "SELECT @@global.max_connections; SHOW GLOBAL STATUS LIKE 'Max_used_connections'")],
        "Set the same max_connections on both nodes.",
    ),
    Text::new(
        "accounts-differ",
        "Accounts of the two nodes differ",
        "A client that could log in before gets error 1045 after the move. Accounts were made with sql_log_bin=0, or on the \
         wrong node.",
        &[(Where::Both, "SELECT User, Host, plugin FROM mysql.user ORDER BY User, Host")],
        "Make the accounts the same on both.",
    ),
    Text::new(
        "password-exchange",
        "First logins on the new writer need TLS or a public key",
        "With caching_sha2_password a server whose cache has not seen an account yet asks for the whole password, over TLS or \
         under its public key. Clients without either cannot log in.",
        &[(Where::MySql, "SELECT User, Host FROM mysql.user WHERE plugin = 'caching_sha2_password'")],
        "Let clients use TLS, or allow the retrieval of the public key; or log in once on the standby with each account.",
    ),
    Text::new(
        "events",
        "There are scheduled events",
        "An event is enabled on the server where it was made and disabled on its replica. A move changes neither: they do not \
         run on the new writer, and fail on the old one, which is read-only. Where that does not stop them, `event-writes-on` \
         says so.",
        &[(Where::Both, "SELECT EVENT_SCHEMA, EVENT_NAME, STATUS, DEFINER FROM information_schema.events")],
        "After the move: ALTER EVENT … ENABLE on the new writer, ALTER EVENT … DISABLE ON SLAVE on the old one (newer MySQL \
         says DISABLE ON REPLICA).",
    ),
    Text::new(
        "event-writes-on",
        "A scheduled event writes on a server that is read-only",
        "MariaDB before 12 has no switch that stops everybody: read_only lets accounts with READ_ONLY ADMIN write (before 10.11: \
         with SUPER), and an event has its definer's rights. It would write on the old writer after the other node is open; \
         both directions of replication then stop with error 1950. It is asked about while the scheduler runs, also where \
         flipper's account may not see the events, or whose rights they have.",
        &[
            (Where::MariaDb, "SELECT @@global.event_scheduler"),
            (Where::MariaDb, "SELECT db, name, status, definer FROM mysql.event"),
            (
                Where::MariaDb,
                "SELECT GRANTEE FROM information_schema.user_privileges WHERE PRIVILEGE_TYPE IN ('READ_ONLY ADMIN', 'SUPER')",
            ),
        ],
        "SET GLOBAL event_scheduler=OFF there until the move is over. For good: ALTER DEFINER=ACCOUNT EVENT … with an account that \
         has only what the event needs; or ALTER EVENT … DISABLE ON SLAVE. `flipper setup PAIR` prints what lets flipper see more.",
    ),
];
