//! Why one step of a plan comes after another.

use super::Text;

pub(super) const ALL: &[Text] = &[
    Text::new(
        "one-writer",
        "Never two writers",
        "A node opens, or takes the write address, only after the other one is fenced and was read back as refusing writes. Two \
         servers that accept writes at once diverge, and no tool can bring their data together again.",
        &[],
        "Nothing: it is why the fence comes first.",
    ),
    Text::new(
        "fence-first",
        "Nobody is sent away who could come back and write",
        "Sessions of the write address are ended, and the address is dropped, only on a node that is fenced. Otherwise a client \
         would connect to the same node again, or go on through an address that is still there, and write.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "no-loss",
        "Nothing committed is left behind",
        "The new writer opens only after it has executed everything that the fenced one committed. Both positions are read \
         after the fence, so that nothing can slip in between.",
        &[],
        "If this step takes long, the target was behind: see the lag in `flipper status PAIR` before the next move.",
    ),
    Text::new(
        "address-serves-role",
        "An address leads only where its role can be served",
        "The address of a write role comes to a node that accepts writes already. A client that connects a moment too early \
         would get error 1290 from a server that is still read-only.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "take-before-drop",
        "The new holder answers before the old one is silent",
        "For a moment both nodes hold the address, the old one fenced. If it were dropped first, a segment lost in the hole \
         would cost its client 200 ms, and a lost SYN a whole second.",
        &[],
        "Nothing. Where the old writer cannot be fenced against everybody, the plan drops first and says so.",
    ),
    Text::new(
        "before-the-gate",
        "What may take its time is done while writes still flow",
        "Catching up and waiting for transactions cost nothing before the fence, and are part of the write outage after it.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "reconnect-lands-right",
        "Ended sessions come back to the new holder",
        "Sessions on the old node are ended only once their address leads to the new one. Ended earlier, clients would connect \
         to the old node again.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "goodbye-arrives",
        "The end of a session reaches its client",
        "The server's last packet has the floating address as its source. Once the address is gone it cannot be sent, and the \
         client would wait for its own timeout.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "last-word",
        "The last announcement is the holder's",
        "While two nodes have the address, either may answer whoever asks for it (ARP, neighbour discovery). When the old one has let go, the new one announces \
         it again, so that every neighbour's last word is right.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "lock-until-gone",
        "The read lock is held until the address has left",
        "On MariaDB before 12, `read_only` lets administrators through. A global read lock stops them too, and it is let go only \
         when no client can reach the old writer through the address any more.",
        &[],
        "Nothing. Clients that write meanwhile wait instead of getting an error.",
    ),
    Text::new(
        "reads-outside-outage",
        "Read roles do not lengthen the write outage",
        "Addresses of read roles move after the new writer was seen from outside. Readers need no fence, so nobody waits for them.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "monotonic-reads",
        "Readers never see less than before",
        "A node that takes a read role catches up with the one that gives it, first. Otherwise a client could read a row, \
         reconnect, and not find it any more.",
        &[],
        "Nothing.",
    ),
    Text::new(
        "verify-last",
        "Seen from outside when it is done",
        "Variables and interfaces say what a node believes. Only a new connection through the address proves that clients arrive, \
         and at whom.",
        &[],
        "If this step fails while all others were done, look at the network between the operator and the pair: ARP and neighbour caches, \
         switches, firewalls.",
    ),
    Text::new(
        "isolate-first",
        "Nobody takes the place of a node that may still serve",
        "A node that was declared dead is kept out first: by ssh, by the operator's own program, or by a person's word with a look at \
         the network. Only then is anything changed on the other one. Should it turn out to be alive, nothing has happened yet.",
        &[],
        "If this step fails, the node is not out. Switch it off, then plan again.",
    ),
    Text::new(
        "one-history",
        "Transactions of one node alone never flow into the other",
        "The survivor stops receiving before it opens, so that what a dead node still has cannot flow in when it comes back. A node that \
         has come back is closed and compared before it follows, and the writer follows it last.",
        &[],
        "Nothing; if the comparison fails, the refusal says how to save what differs and how to build the node anew.",
    ),
    Text::new(
        "nothing-held",
        "Nobody waits for a transaction whose end never came",
        "A node that died in the middle of sending a transaction leaves its beginning in the survivor's relay log. The survivor's applier \
         has changed rows by it, and holds their locks until the rest comes. Once all that is complete is applied, such an applier is \
         stopped, which rolls that back; only then is the node opened.",
        &[],
        "If this step fails, nobody was opened. `flipper explain half-received` says how to see what the applier holds.",
    ),
];
