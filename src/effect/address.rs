//! Taking, announcing and dropping floating addresses.

use std::time::Duration;

use super::sessions::Found;
use super::{Hands, certain, command, deeds_failed};
use crate::dialect::{self, Deed};
use crate::link::{Answer, Link};
use crate::model::{Interface, NodeName, Prefixed, Side};
use crate::world::{Done, Failure, Happened};

/// What an announcement may take until it is known to be out. It is told again once the address has left the other node,
/// so that a move does not fail for it here.
const OUT: Duration = Duration::from_millis(300);

/// An announcement that was begun.
#[derive(Debug)]
pub(super) struct Announcing {
    side: Side,
    address: Prefixed,
    /// To be done again, if it did not go out.
    again: Option<Deed>,
    /// Its answer will not come.
    blind: bool,
}

/// Looking ahead at the other node must not hold up the taking, should that node hang.
const LOOK: Duration = Duration::from_millis(500);

impl Hands<'_> {
    /// Brings an address up and starts announcing it, in one round trip; whether that was sent is asked by
    /// [`Self::announced`]. Meanwhile the sessions that are to come over are looked for where the address was.
    pub(super) async fn take(
        &mut self,
        node: &NodeName,
        from: Option<&NodeName>,
        address: Prefixed,
        interface: &Interface,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let side = self.side(node)?;
        if let Some(from) = from.filter(|from| !self.memory.hushed.contains(from)) {
            self.hush(from, limit).await?;
        }
        let locked = from.is_some_and(|from| self.memory.is_locked(from));
        let port = self.pair.node(side.peer()).port;
        let known = side.of(self.known).as_ref().ok_or_else(|| certain(format!("{node} was never seen")))?;
        let announce = dialect::announce_at_once(&known.system, known.sudo, address, interface)
            .ok_or_else(|| certain(format!("{node} has no tool to announce {address}")))?;
        let deeds = [dialect::add_address(&known.system, known.sudo, address, interface), announce];
        let [first, second] = &mut *self.links;
        let (link, other) = match side {
            Side::First => (first, second),
            Side::Second => (second, first),
        };
        let look = async {
            let (from, known) = (from?, side.peer().of(self.known).as_ref()?);
            Found::look(other, &known.server, from, address, port, locked, LOOK.min(limit)).await
        };
        let add = async {
            let shell = super::shell(link)?;
            shell.perform_first(&deeds, 1, limit).await.map_err(|error| deeds_failed(&error))
        };
        let (answers, found) = tokio::join!(add, look);
        self.memory.found = found;
        match &answers?[..] {
            [added] if added.status == 0 => {
                let again = dialect::announce(&known.system, known.sudo, address, interface);
                self.memory.announcing = Some(Announcing { side, address, again, blind: known.sudo });
                Ok(Done::default())
            }
            answers => Err(refused(node, &deeds[0], answers)),
        }
    }

    /// Ends announcements that an earlier move has left word for on a node.
    pub(super) async fn hush(&mut self, node: &NodeName, limit: Duration) -> Result<(), Failure> {
        let addresses: Vec<Prefixed> = self.pair.roles.iter().map(|role| role.address).collect();
        let (link, _) = self.on(node)?;
        command(link, &[dialect::hush(&addresses)], limit).await?;
        self.memory.hushed.push(node.clone());
        Ok(())
    }

    /// Waits until the announcement that came with the taking is known to be out, if one is under way: as long as the
    /// neighbours have not heard it they send to the node that the address leaves, and a segment that arrives there too
    /// late costs its client a retransmission (200 ms at least).
    pub(super) async fn announced(&mut self) {
        let Some(Announcing { side, address, again, blind }) = self.memory.announcing.take() else { return };
        if blind {
            tokio::time::sleep(Duration::from_millis(dialect::ANNOUNCED.into())).await;
            return;
        }
        let Some(known) = side.of(self.known).as_ref() else { return };
        let link = side.of_mut(self.links);
        let Ok(shell) = &mut link.shell else { return };
        let sent = |answer: &Answer| dialect::was_announced(&known.system, address, answer.status, &answer.text);
        let out = shell.due(OUT).await.as_ref().is_some_and(sent);
        if let (false, Some(deed)) = (out, again) {
            // a busy node had not got round to it; what comes of this is found out by the announcement at the end
            let _ = shell.perform(&[deed], OUT).await;
        }
    }

    /// Tells the neighbours once more, and leaves word to do so twice again.
    pub(super) async fn announce(
        &mut self,
        node: &NodeName,
        address: Prefixed,
        interface: &Interface,
        limit: Duration,
    ) -> Result<Done, Failure> {
        self.memory.hushed.retain(|hushed| hushed != node);
        let (link, known) = self.on(node)?;
        let (system, sudo) = (&known.system, known.sudo);
        let no_tool = || certain(format!("{node} has no tool to announce {address}"));
        let announce = dialect::announce(system, sudo, address, interface).ok_or_else(no_tool)?;
        let patiently = dialect::announce_patiently(system, sudo, address, interface).ok_or_else(no_tool)?;
        let again = dialect::announce_again(system, sudo, address, interface);
        let sent = |answers: &[Answer]| {
            answers.first().is_some_and(|answer| dialect::was_announced(system, address, answer.status, &answer.text))
        };
        let mut answers = vec![];
        for deed in [announce, patiently.clone()] {
            let deeds: Vec<Deed> = [deed].into_iter().chain(again.clone()).collect();
            answers = command(link, &deeds, limit).await?;
            if sent(&answers) {
                return Ok(Done::default());
            }
        }
        Err(certain(said(node, &patiently, &answers)))
    }

    /// Removes an address, as it was found.
    pub(super) async fn drop_address(
        &mut self,
        node: &NodeName,
        address: Prefixed,
        interface: &Interface,
        limit: Duration,
    ) -> Result<Done, Failure> {
        let (link, known) = self.on(node)?;
        one(node, link, dialect::delete_address(&known.system, known.sudo, address, interface), limit).await
    }
}

async fn one(node: &NodeName, link: &mut Link, deed: Deed, limit: Duration) -> Result<Done, Failure> {
    let deeds = [deed];
    let answers = command(link, &deeds, limit).await?;
    match &answers[..] {
        [answer] if answer.status == 0 => Ok(Done::default()),
        _ => Err(refused(node, &deeds[0], &answers)),
    }
}

/// The system said no, and nothing was changed; or it was cut off by its limit (124, 137), and nobody knows.
fn refused(node: &NodeName, deed: &Deed, answers: &[Answer]) -> Failure {
    let cut = answers.first().is_none_or(|answer| matches!(answer.status, 124 | 137));
    let happened = if cut { Happened::Unknown } else { Happened::No };
    Failure { happened, what: said(node, deed, answers), again: false }
}

fn said(node: &NodeName, deed: &Deed, answers: &[Answer]) -> String {
    let answer = answers.first().map_or("no answer".to_owned(), |a| format!("{} (exit {})", a.text.trim(), a.status));
    format!("{node}: `{deed}`: {}", crate::model::printable(&answer))
}
