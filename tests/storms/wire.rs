//! Between the tool and the nodes: requests that are slow, stuck, or answered into nothing, and sessions that outlive
//! whoever asked.
//!
//! A way can be closed in either direction. What cannot go on waits, as a TCP segment does, and arrives some time after
//! the way is open again, if the session that it belongs to still exists by then: that is how a `SET` that everybody has
//! given up comes to fire late. A command for a machine carries the last moment in which it may begin.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use flipper::apply::Cancel;
use flipper::model::{Side, Snapshot};

use crate::dice::Dice;
use crate::server::{Ask, Said};
use crate::truth::{MS, Micros, Truth};
use crate::weather::{Gust, Weather};

pub(crate) type Sid = u64;

/// A session on a server.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Whose it is.
    pub(crate) of: usize,
    /// When the server heard of it last.
    pub(crate) heard: Micros,
    /// It is ended after this long a silence.
    pub(crate) expires: Option<Micros>,
}

/// How one operator reaches one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// Requests arrive.
    pub(crate) there: bool,
    /// Answers do.
    pub(crate) back: bool,
    /// What a request takes at least, one way.
    pub(crate) slow: Micros,
    /// The next statement that changes something is held up for this long.
    pub(crate) holds_up: Micros,
}

pub(crate) const CLEAR: Way = Way { there: true, back: true, slow: 300, holds_up: 0 };

/// What a request goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A session.
    Sql(Sid),
    /// A command on the machine, which may begin until then.
    Shell(Micros),
    /// A new connection.
    New,
}

impl Via {
    pub(crate) fn is_sql(self) -> bool {
        matches!(self, Self::Sql(_))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// On its way, or waiting for the way to be open.
    Under,
    /// Waits for the way.
    Held,
    /// At work on the node until then; what it says if nothing comes between.
    Working,
    /// The answer waits for the way.
    Answered(Said),
    Over,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) of: usize,
    pub(crate) side: Side,
    pub(crate) via: Via,
    pub(crate) ask: Ask,
    stage: Stage,
    heard: Option<Said>,
}

impl Request {
    /// Whoever waits for it hears that the connection is gone.
    pub(crate) fn gone(&mut self) {
        self.heard = Some(Said::Gone);
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Ev {
    Arrive(usize),
    /// A statement or command that took its time is through.
    Through(usize),
    Heard(usize),
    /// Somebody wants to be asked.
    Wake,
    Gust(Gust),
}

/// What one who runs the tool has open to a node, as far as it knows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    pub(crate) sql: Option<Sid>,
    pub(crate) guard: Option<Sid>,
    pub(crate) shell: bool,
    /// A command whose end is not known may begin, or be at work, until then.
    pub(crate) fires: Micros,
    /// Could not be reached, and is left alone until then.
    pub(crate) given_up: Micros,
}

/// One who runs the tool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operator {
    pub(crate) killed: bool,
    /// Stands still until then.
    pub(crate) frozen: Micros,
    pub(crate) cancel: Cancel,
    pub(crate) links: [Link; 2],
    /// Has changed something.
    pub(crate) changed: bool,
    /// Has seen that this node was started open.
    pub(crate) saw_stray: [bool; 2],
    /// Accepts that the nodes differ.
    pub(crate) diverged: bool,
    /// The last look, and when it was over.
    pub(crate) looked: Option<(Micros, Snapshot)>,
}

/// The storm: what is so, what is on its way, and what is going to happen.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub(crate) now: Micros,
    pub(crate) truth: Truth,
    pub(crate) ways: Vec<[Way; 2]>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) requests: Vec<Request>,
    /// Those that are not over.
    pub(crate) open: BTreeSet<usize>,
    pub(crate) weather: Weather,
    pub(crate) log: Option<Vec<String>>,
    /// When the last fault was felt.
    pub(crate) troubled: Micros,
    events: BTreeMap<(Micros, u64), Ev>,
    order: u64,
    sids: Sid,
    pub(crate) dice: Dice,
}

pub(crate) type Shared = Rc<RefCell<Core>>;

impl Core {
    pub(crate) fn new(truth: Truth, weather: Weather, dice: Dice, log: bool) -> Self {
        Self {
            now: 0,
            truth,
            ways: vec![],
            operators: vec![],
            requests: vec![],
            open: BTreeSet::new(),
            weather,
            log: log.then(Vec::new),
            troubled: 0,
            events: BTreeMap::new(),
            order: 0,
            sids: 0,
            dice,
        }
    }

    pub(crate) fn operator(&mut self) -> usize {
        self.operators.push(Operator::default());
        self.ways.push([CLEAR; 2]);
        self.operators.len() - 1
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(log) = &mut self.log {
            log.push(format!("{:11.3} ms  {}", now as f64 / MS as f64, what()));
        }
    }

    pub(crate) fn at(&mut self, when: Micros, ev: Ev) {
        self.order += 1;
        self.events.insert((when.max(self.now), self.order), ev);
    }

    /// What was to go wrong does not, and what went wrong is not mended by itself.
    pub(crate) fn no_more_gusts(&mut self) {
        self.events.retain(|_, ev| !matches!(ev, Ev::Gust(_)));
    }

    /// The next thing happens. `false`: nothing will.
    pub(crate) fn step(&mut self) -> bool {
        let Some(((when, _), ev)) = self.events.pop_first() else { return false };
        self.now = when;
        Side::BOTH.into_iter().for_each(|side| self.reap(side));
        self.truth.settle(when);
        match ev {
            Ev::Arrive(id) => self.arrive(id),
            Ev::Through(id) => self.through(id),
            Ev::Heard(id) => {
                if let Stage::Answered(said) = self.requests[id].stage.clone() {
                    self.requests[id].heard = Some(said);
                    self.over(id);
                }
            }
            Ev::Wake => {}
            Ev::Gust(gust) => self.blow(&gust),
        }
        self.truth.judge(when);
        true
    }

    pub(crate) fn name(&self, side: Side) -> String {
        self.truth.pair.node(side).name.to_string()
    }

    fn lag(&mut self, of: usize, side: Side) -> Micros {
        let slow = side.of(&self.ways[of]).slow;
        slow + self.dice.below(slow)
    }

    /// Something is asked of a node.
    pub(crate) fn send(&mut self, of: usize, side: Side, via: Via, ask: Ask) -> usize {
        let id = self.requests.len();
        let change = ask.changes();
        self.operators[of].changed |= ask.moves();
        self.requests.push(Request { of, side, via, ask, stage: Stage::Under, heard: None });
        self.open.insert(id);
        let way = *side.of(&self.ways[of]);
        let held_up = if change && matches!(via, Via::Sql(_)) { way.holds_up } else { 0 };
        if held_up > 0 {
            side.of_mut(&mut self.ways[of]).holds_up = 0;
            self.weather.felt("ghost");
            self.troubled = self.now + held_up;
            self.tell(|| format!("    stuck on its way for {} ms", held_up / MS));
        }
        if way.there {
            let when = self.now + held_up + self.lag(of, side);
            self.at(when, Ev::Arrive(id));
        } else {
            self.requests[id].stage = Stage::Held;
        }
        id
    }

    /// The answer, if it has come.
    pub(crate) fn hear(&mut self, id: usize) -> Option<Said> {
        self.requests[id].heard.take()
    }

    pub(crate) fn over(&mut self, id: usize) {
        self.requests[id].stage = Stage::Over;
        self.open.remove(&id);
    }

    fn arrive(&mut self, id: usize) {
        let Request { of, side, via, stage, .. } = self.requests[id].clone();
        if stage != Stage::Under {
            return;
        }
        if !side.of(&self.ways[of]).there {
            self.requests[id].stage = Stage::Held;
            return;
        }
        let node = self.truth.node(side);
        if !node.machine {
            // nobody is there to say so
            return self.over(id);
        }
        if !node.up && !matches!(via, Via::Shell(_)) {
            return self.answer(id, Said::Gone);
        }
        if let Via::Sql(sid) = via {
            let now = self.now;
            self.reap(side);
            match self.truth.node_mut(side).sessions.get_mut(&sid) {
                Some(session) => session.heard = now,
                None => return self.answer(id, Said::Gone),
            }
        }
        if let Via::Shell(begin_by) = via
            && self.now > begin_by
        {
            return self.answer(id, Said::No("came too late".to_owned(), false));
        }
        match self.begin(id) {
            Ok(said) => self.answer(id, said),
            Err(through) => {
                self.requests[id].stage = Stage::Working;
                self.at(through, Ev::Through(id));
            }
        }
    }

    fn through(&mut self, id: usize) {
        let Request { side, via, stage, .. } = self.requests[id].clone();
        if stage != Stage::Working {
            return;
        }
        if let Via::Sql(sid) = via
            && let Some(session) = self.truth.node_mut(side).sessions.get_mut(&sid)
        {
            session.heard = self.now;
        }
        match self.end(id) {
            Ok(said) => self.answer(id, said),
            Err(later) => self.at(later, Ev::Through(id)),
        }
    }

    fn answer(&mut self, id: usize, said: Said) {
        let Request { of, side, .. } = self.requests[id];
        self.requests[id].stage = Stage::Answered(said);
        if side.of(&self.ways[of]).back {
            let when = self.now + self.lag(of, side);
            self.at(when, Ev::Heard(id));
        }
    }

    /// A way was opened: what waited for it goes on, each at its own time.
    pub(crate) fn go_on(&mut self, of: usize, side: Side) {
        let way = *side.of(&self.ways[of]);
        for id in self.open.clone() {
            let request = &self.requests[id];
            if request.of != of || request.side != side {
                continue;
            }
            let when = self.now + self.dice.between(MS, 400 * MS);
            match self.requests[id].stage {
                Stage::Held if way.there => {
                    self.requests[id].stage = Stage::Under;
                    self.at(when, Ev::Arrive(id));
                }
                Stage::Answered(_) if way.back => self.at(when, Ev::Heard(id)),
                _ => {}
            }
        }
    }

    /// What is at work on a node, or on its way there, ends with what it belongs to.
    pub(crate) fn give_up(&mut self, which: impl Fn(&Request, bool) -> bool) {
        for id in self.open.clone() {
            let request = &self.requests[id];
            if which(request, request.stage == Stage::Working) {
                self.over(id);
            }
        }
    }

    /// Is at work there now.
    pub(crate) fn works(&self, id: usize) -> bool {
        self.requests[id].stage == Stage::Working
    }

    /// Has not been done, and may be.
    pub(crate) fn may_fire(&self, id: usize) -> bool {
        let request = &self.requests[id];
        let there = match request.via {
            Via::Sql(sid) => self.truth.node(request.side).sessions.contains_key(&sid),
            Via::Shell(begin_by) => self.now <= begin_by,
            Via::New => true,
        };
        there && matches!(request.stage, Stage::Under | Stage::Held | Stage::Working)
    }

    pub(crate) fn session(&mut self, of: usize, side: Side) -> Sid {
        self.sids += 1;
        let session = Session { of, heard: self.now, expires: None };
        self.truth.node_mut(side).sessions.insert(self.sids, session);
        self.sids
    }

    /// Ends sessions that nothing was heard of.
    pub(crate) fn reap(&mut self, side: Side) {
        let now = self.now;
        let due = |session: &Session| session.expires.is_some_and(|expires| session.heard + expires <= now);
        let silent: Vec<Sid> =
            self.truth.node(side).sessions.iter().filter(|(_, s)| due(s)).map(|(sid, _)| *sid).collect();
        for sid in silent {
            let busy = self.open.iter().any(|id| self.requests[*id].via == Via::Sql(sid) && self.works(*id));
            if !busy {
                self.end_session(side, sid);
            }
        }
    }

    /// A session ends, with what it holds and with what it was asked for.
    pub(crate) fn end_session(&mut self, side: Side, sid: Sid) {
        let node = self.truth.node_mut(side);
        node.sessions.remove(&sid);
        node.lock.take_if(|lock| *lock == sid);
        node.read_lock.take_if(|lock| *lock == sid);
        let mine = |request: &Request| request.side == side && request.via == Via::Sql(sid);
        let at_work: Vec<usize> =
            self.open.iter().copied().filter(|id| self.works(*id) && mine(&self.requests[*id])).collect();
        for id in at_work {
            self.answer(id, Said::Gone);
        }
    }
}
