//! What a fault does when it begins, and when it ends.

use flipper::event::Event;
use flipper::model::Side;

use crate::truth::{MS, Micros, S};
use crate::weather::{Fault, Gust, Kind, When};
use crate::wire::{CLEAR, Core, Ev, Request, Session, Via, Way};

impl Core {
    /// Everything that has a time of its own is put on the calendar.
    pub(crate) fn forecast(&mut self) {
        for fault in self.weather.faults.clone() {
            if let When::At(when) = fault.when {
                self.at(when, Ev::Gust(Gust::Begins(fault)));
            }
        }
    }

    /// The first run has told something: what waits for that comes now.
    pub(crate) fn heed(&mut self, event: &Event) {
        let due = match event {
            Event::Started(..) => {
                self.weather.started += 1;
                let nth = self.weather.started - 1;
                self.due(|when| if let When::Step(step, later) = when { (step == nth).then_some(later) } else { None })
            }
            Event::Finished(..) | Event::Failed(..) => {
                self.weather.ended += 1;
                let nth = self.weather.ended - 1;
                self.due(|when| if let When::Heard(step, later) = when { (step == nth).then_some(later) } else { None })
            }
            _ => vec![],
        };
        for (later, fault) in due {
            match later {
                0 => self.blow(&Gust::Begins(fault)),
                _ => self.at(self.now + later, Ev::Gust(Gust::Begins(fault))),
            }
        }
    }

    fn due(&self, later: impl Fn(When) -> Option<Micros>) -> Vec<(Micros, Fault)> {
        self.weather.faults.iter().filter_map(|fault| Some((later(fault.when)?, *fault))).collect()
    }

    pub(crate) fn blow(&mut self, gust: &Gust) {
        self.troubled = self.now;
        match *gust {
            Gust::Begins(fault) => {
                *self.weather.kinds.entry(fault.kind).or_default() += 1;
                self.tell(|| format!("!!! {:?} on {:?}, for {} ms", fault.kind, fault.side, fault.lasts / MS));
                self.begins(fault);
                if !fault.kind.is_moment() {
                    self.weather.active += 1;
                    self.at(self.now + fault.lasts, Ev::Gust(Gust::Ends(fault)));
                }
            }
            Gust::Ends(fault) => {
                self.weather.active -= 1;
                self.tell(|| format!("... {:?} on {:?} is over", fault.kind, fault.side));
                self.ends(fault);
            }
        }
    }

    fn begins(&mut self, fault: Fault) {
        let Fault { kind, side, lasts, of, .. } = fault;
        let now = self.now;
        match kind {
            Kind::Slow => side.of_mut(&mut self.ways[of]).slow = self.dice.between(20 * MS, 400 * MS),
            Kind::CutThere => side.of_mut(&mut self.ways[of]).there = false,
            Kind::CutBack => side.of_mut(&mut self.ways[of]).back = false,
            Kind::CutBoth => {
                let way = side.of_mut(&mut self.ways[of]);
                (way.there, way.back) = (false, false);
            }
            Kind::Between => self.truth.between = false,
            Kind::ShellEnds => self.shell_ends(of, side),
            Kind::SqlEnds => self.sql_ends(of, side),
            Kind::Ghost => side.of_mut(&mut self.ways[of]).holds_up = lasts.min(40 * S),
            Kind::ServerCrash => self.crash(side, false, 0),
            Kind::MachineCrash => self.crash(side, true, 0),
            Kind::ComesBackOpen => {
                self.truth.node_mut(side).boots_open = true;
                self.crash(side, false, 0);
            }
            Kind::LosesTail => self.crash(side, false, 2),
            Kind::Killed => self.leave(of),
            Kind::HostGone => {
                self.operators[of].killed = true;
                self.ways[of] = [Way { there: false, back: false, ..CLEAR }; 2];
                self.give_up(|request, works| request.of == of && !works);
            }
            Kind::Signal => {
                self.operators[of].cancel.say();
            }
            Kind::TwoSignals => {
                self.operators[of].cancel.say();
                self.operators[of].cancel.say();
            }
            Kind::LockLost => self.lock_lost(side),
            Kind::LocksLost => Side::BOTH.into_iter().for_each(|side| self.lock_lost(side)),
            Kind::LongWrite => self.truth.node_mut(side).busy = now + lasts,
            Kind::SlowApply => self.truth.node_mut(side).delay = self.dice.between(100 * MS, 8 * S),
            Kind::Refused => self.truth.node_mut(side).refuses = if lasts > S { u32::MAX } else { 1 },
            Kind::Unheard => self.truth.node_mut(side).unheard = now + lasts,
            Kind::StandsStill => {
                let still = lasts.min(40 * S);
                self.operators[of].frozen = now + still;
                self.at(now + still, Ev::Wake);
            }
        }
    }

    fn ends(&mut self, fault: Fault) {
        let Fault { kind, side, of, .. } = fault;
        match kind {
            Kind::Slow => side.of_mut(&mut self.ways[of]).slow = CLEAR.slow,
            Kind::CutThere | Kind::CutBack | Kind::CutBoth => {
                if !self.operators[of].killed {
                    let way = side.of_mut(&mut self.ways[of]);
                    (way.there, way.back) = (true, true);
                    self.go_on(of, side);
                }
            }
            Kind::Between => self.truth.between = true,
            Kind::ServerCrash | Kind::MachineCrash | Kind::ComesBackOpen | Kind::LosesTail => {
                self.truth.boot(side, self.now);
            }
            Kind::LongWrite => self.truth.node_mut(side).busy = 0,
            Kind::SlowApply => self.truth.node_mut(side).delay = 2 * MS,
            Kind::Refused => self.truth.node_mut(side).refuses = 0,
            Kind::Unheard => self.truth.node_mut(side).unheard = 0,
            Kind::ShellEnds
            | Kind::SqlEnds
            | Kind::Ghost
            | Kind::Killed
            | Kind::HostGone
            | Kind::Signal
            | Kind::TwoSignals
            | Kind::LockLost
            | Kind::LocksLost
            | Kind::StandsStill => {}
        }
    }

    fn lock_lost(&mut self, side: Side) {
        if let Some(sid) = self.truth.node(side).lock {
            self.end_session(side, sid);
        }
    }

    /// Whoever waits for an answer hears that the connection is gone.
    fn hang_up(&mut self, which: impl Fn(&Request) -> bool) -> Vec<usize> {
        let ids: Vec<usize> = self.open.iter().copied().filter(|id| which(&self.requests[*id])).collect();
        for id in &ids {
            self.requests[*id].gone();
        }
        ids
    }

    fn shell_ends(&mut self, of: usize, side: Side) {
        let mine = |request: &Request| request.of == of && request.side == side && matches!(request.via, Via::Shell(_));
        for id in self.hang_up(mine) {
            // nobody knows whether what was begun, or on its way, goes on
            if self.dice.one_in(2) {
                self.over(id);
            }
        }
        side.of_mut(&mut self.operators[of].links).shell = false;
    }

    fn sql_ends(&mut self, of: usize, side: Side) {
        let mine = |(sid, session): (&u64, &Session)| (session.of == of).then_some(*sid);
        let sids: Vec<u64> = self.truth.node(side).sessions.iter().filter_map(mine).collect();
        for sid in sids {
            let under = self.hang_up(|request| request.side == side && request.via == Via::Sql(sid));
            // the server may not have noticed; what is at work there goes on in any case
            if under.iter().any(|id| self.works(*id)) || self.dice.one_in(2) {
                continue;
            }
            for id in under {
                self.over(id);
            }
            self.end_session(side, sid);
        }
        let link = side.of_mut(&mut self.operators[of].links);
        (link.sql, link.guard) = (None, None);
    }

    fn crash(&mut self, side: Side, machine: bool, loses: usize) {
        self.truth.crash(side, machine, loses);
        let at_work = |request: &Request| request.side == side && (machine || request.via.is_sql());
        let ids: Vec<usize> = self.open.iter().copied().filter(|id| at_work(&self.requests[*id])).collect();
        for id in ids {
            if !machine {
                self.requests[id].gone();
            }
            if self.works(id) || machine {
                self.over(id);
            }
        }
        if machine {
            for operator in &mut self.operators {
                side.of_mut(&mut operator.links).shell = false;
            }
        }
    }

    /// The tool's process ends; its machine says goodbye for it.
    pub(crate) fn leave(&mut self, of: usize) {
        self.operators[of].killed = true;
        for side in Side::BOTH {
            if !side.of(&self.ways[of]).there {
                continue;
            }
            let mine = |(sid, session): (&u64, &Session)| (session.of == of).then_some(*sid);
            let sids: Vec<u64> = self.truth.node(side).sessions.iter().filter_map(mine).collect();
            for sid in sids {
                let works = self.open.iter().any(|id| self.requests[*id].via == Via::Sql(sid) && self.works(*id));
                match (works, self.truth.node_mut(side).sessions.get_mut(&sid)) {
                    // a server notices when it wants to answer
                    (true, Some(session)) => session.expires = Some(0),
                    _ => self.end_session(side, sid),
                }
            }
        }
    }
}
