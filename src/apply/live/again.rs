//! What clients wait for is asked for once more where the connection has broken.

use std::time::Duration;

use super::LiveWorld;
use crate::link;
use crate::model::Action;
use crate::observe;
use crate::world::{Done, Failure, Happened};

impl LiveWorld {
    /// Clients find nobody at an address until this is done, and the connection for it has ended.
    pub(super) fn is_owed(&self, action: &Action) -> bool {
        let Action::Take { node, .. } = action else { return false };
        let shell = self.pair.side(node).map(|side| &side.of(&self.links).shell);
        shell.is_some_and(|shell| shell.as_ref().is_ok_and(link::Shell::is_closed))
    }

    /// Asks once more. Should the first request have arrived after all, it wants the same; a look at everything, which had
    /// to wait until it can happen no more, is saved.
    pub(super) async fn over_a_new_login(
        &mut self,
        action: &Action,
        limit: Duration,
        patience: Duration,
        first: Failure,
    ) -> Result<Done, Failure> {
        let Some(side) = self.pair.side(action.node()) else { return Err(first) };
        let control = self.control_dir.as_path();
        let opened = side.of_mut(&mut self.links).reopen_shell(control, self.pair.limits.connect).await.is_ok();
        if !opened {
            return Err(first);
        }
        match self.attempt(action, limit, patience).await {
            Ok(done) => Ok(done),
            Err(second) if first.happened == Happened::No => Err(second),
            // refused, because the first one was quicker
            Err(_) if self.has_come(action, limit).await => {
                self.tell_neighbours(action, limit, patience).await;
                Ok(Done::default())
            }
            Err(_) => Err(first),
        }
    }

    /// The address is there, and nothing of what was asked for can change that any more.
    async fn has_come(&mut self, action: &Action, limit: Duration) -> bool {
        let Action::Take { node, address, .. } = action else { return false };
        let Some(side) = self.pair.side(node) else { return false };
        observe::holds(side.of_mut(&mut self.links), address.ip, limit).await == Some(true)
    }

    /// The request that brought the address up may have lost its word to the neighbours with its connection. Should this one
    /// fail, the plan has another one.
    async fn tell_neighbours(&mut self, action: &Action, limit: Duration, patience: Duration) {
        if let Action::Take { role, node, address, interface, .. } = action {
            let announce = Action::Announce {
                role: role.clone(),
                node: node.clone(),
                address: *address,
                interface: interface.clone(),
            };
            let _ = self.attempt(&announce, limit, patience).await;
        }
    }
}
