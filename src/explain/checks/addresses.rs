//! Where the floating addresses are, and what it takes to move them.

use super::{Text, Where};

pub(super) const TEXTS: &[Text] = &[
    Text::new(
        "address-on-both",
        "Both nodes have one address",
        "Neighbours send to whoever answered last: some clients reach one node, some the other, and it changes without a reason. \
         A machine was restarted with the address in its network configuration, or a move was cut off.",
        &[(Where::Node, "ip -brief address show")],
        "`flipper plan PAIR set ROLE NODE` leaves it on the node that you name. If it comes back after a restart, take it out of \
         the system's network configuration.",
    ),
    Text::new(
        "address-nowhere",
        "Neither node has the address",
        "Clients of that role reach nobody. After a restart of its holder that is normal: floating addresses are not configured \
         in the system.",
        &[(Where::Node, "ip -brief address show")],
        "`flipper plan PAIR up ROLE NODE` brings it up.",
    ),
    Text::new(
        "address-elsewhere",
        "The role is up on the other node",
        "`up` is for a role that is down. Clients are served on the other node; to bring the address up here would be a move.",
        &[(Where::Here, "flipper status PAIR")],
        "If a move is what you want: `flipper plan PAIR set ROLE NODE`.",
    ),
    Text::new(
        "address-place",
        "An address is where it cannot be moved safely",
        "It is on the loopback interface (a load balancer's way), there twice, on an interface that is missing or down, or the \
         primary one of its subnet: removing that may take its secondary addresses along. Or it is an IPv6 address that the \
         kernel does not use, because its search for another holder is not over (`tentative`) or has found one (`dadfailed`).",
        &[(Where::Node, "ip address show"), (Where::Node, "sysctl net.ipv4.conf.all.promote_secondaries")],
        "Give floating addresses a /32 (or /128) of their own, on the interface that the config names.",
    ),
    Text::new(
        "cannot-announce",
        "The address cannot be announced",
        "After a move the neighbours must hear where the address is now; otherwise they send to the old node until their ARP \
         or neighbour cache ends, half a minute or more. There is no `arping` on the node, or, for a role with an IPv6 address, no \
         `ndptool`.",
        &[(Where::Node, "command -v arping; arping -V; command -v ndptool")],
        "Install iputils-arping (or Habets' arping) on the node; for IPv6 libndp-tools (Debian, Ubuntu) or libndp (Red Hat, SUSE).",
    ),
    Text::new(
        "missing-tool",
        "A tool is missing on the node",
        "flipper reads and changes addresses with `ip`, and finds the sessions of an address with `ss`. Both are of iproute2.",
        &[(Where::Node, "command -v ip ss")],
        "Install iproute2, or let the account's PATH lead to it (often /usr/sbin is missing).",
    ),
    Text::new(
        "not-permitted",
        "The account on the node may not do what a move needs",
        "Addresses are changed by root. An account that is not root needs `sudo -n` for a few exact commands; asked in the middle \
         of a move, it would be too late to find that out. Where flipper's key leads to a gate, the gate lets through what was \
         in the config when it was made.",
        &[(Where::Node, "id -u; sudo -n -l; grep -c . /usr/local/sbin/flipper-gate-*")],
        "Log in as root, or set `ssh.sudo: true` and install the lines that `flipper setup PAIR --only sudoers` prints. After a change of the \
         config run it again, and install the lines and the gate.",
    ),
    Text::new(
        "fail-not-permitted",
        "The account on the node may not do what `fail` needs",
        "A move needs less than `fail`, which masks and stops the server's unit and ends whoever listens on its port, where the dead \
         node's machine answers (`stop*`); listens with `arping -D` on the survivor whether anybody answers in the dead one's place, \
         where it does not (`stop*`); and counts with mysqlbinlog what is on the dead one's disk only (`warn`). An account that is not \
         root needs `sudo -n` for that, and to read the binary logs; a gate must have been made with it. What is not permitted is said \
         here, on a day when it does not matter, and again when `fail` is planned, before anything is begun.",
        &[(Where::Node, "sudo -n -l; ls -l /var/lib/mysql/*.[0-9]*; command -v bash mysqlbinlog")],
        "Run `flipper setup PAIR` again, and install the lines for sudo that it prints (or the gate, where there is one). To let an \
         account count, add it to the group that may read the binary logs, or give it an ACL.",
    ),
    Text::new(
        "not-listening",
        "The server does not listen on the address",
        "With a `bind_address` of one address only, or of one family only, the server takes no connections at a floating address \
         that is brought up later, or is of the other family: clients would be refused.",
        &[(Where::Both, "SELECT @@bind_address"), (Where::Node, "ss -ltn sport = :3306")],
        "Set bind_address=* (0.0.0.0 is enough for IPv4 roles) in my.cnf and restart the server while it has no role.",
    ),
    Text::new(
        "wrong-machine",
        "ssh and MySQL lead to two machines",
        "The address would move on one machine while the server is switched on another. flipper finds its own MySQL session among \
         the sockets of the machine that it reached by ssh; here it is not there.",
        &[(Where::Both, "SELECT @@hostname"), (Where::Node, "hostname; ss -tn sport = :3306")],
        "Check `host`, `ssh.host` and `mysql.host` of the node. A proxy, NAT or a floating address in between leads elsewhere.",
    ),
    Text::new(
        "address-at-boot",
        "A file of the system brings the address up by itself",
        "After a restart the machine takes the address whether it has the role or not, and then two nodes have it. As long as its \
         server starts read-only, nobody writes there; clients may still be led to it.",
        &[(
            Where::Node,
            "grep -rsnwF ADDRESS /etc/network /etc/netplan /etc/systemd/network /etc/NetworkManager /etc/sysconfig",
        )],
        "Take it out of the system's network configuration: who has the address is decided by flipper, not by a restart.",
    ),
    Text::new(
        "other-manager",
        "Something else moves addresses or roles",
        "keepalived, pacemaker, MMM, orchestrator, MHA, MaxScale or a script watches this pair. It would take the move for a \
         failure and undo it, or make one of its own in the middle.",
        &[(Where::Node, "systemctl list-units --state=running; ps -e")],
        "Decide for one of the two. Stop the other one for the length of the move, or for good.",
    ),
    Text::new(
        "shared-address",
        "Another service uses the floating address",
        "Something besides the MySQL server listens on it, or on all addresses. Its clients move along, to a node where the \
         service may not run.",
        &[(Where::Node, "ss -ltnp")],
        "Give that service an address of its own, or see that it runs on both nodes.",
    ),
];
