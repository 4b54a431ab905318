//! Time limits: which values make sense.

use std::time::Duration;

use super::field::Field;
use super::mistake::Mistake;
use super::raw;
use super::tree::At;
use super::value::Reader;
use crate::model::Limits;

/// The limits of one level, or of several on top of each other.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitsLayer {
    connect: Field<Duration>,
    pre_sync: Field<Duration>,
    fence: Field<Duration>,
    write_outage: Field<Duration>,
    rollback: Field<Duration>,
    forward: Field<Duration>,
    drain: Field<Duration>,
    lag: Field<Duration>,
    recovery: Field<Duration>,
}

/// What a limit may be: at least, at most (inclusive), and why not more or less.
struct Bounds {
    least: Duration,
    most: Duration,
    why: &'static str,
}

const fn bounds(least_ms: u64, most_secs: u64, why: &'static str) -> Bounds {
    Bounds { least: Duration::from_millis(least_ms), most: Duration::from_secs(most_secs), why }
}

const CONNECT: Bounds = bounds(100, 300, "a node that does not answer must be noticed");
const PRE_SYNC: Bounds = bounds(100, 3_600, "a target that does not catch up must be given up");
const FENCE: Bounds =
    bounds(1_000, 300, "servers take `lock_wait_timeout` in whole seconds, and no writer may wait long");
const WRITE_OUTAGE: Bounds = bounds(1_000, 3_600, "past it flipper opens the old writer again");
const ROLLBACK: Bounds = bounds(1_000, 3_600, "the way back needs time, and an end");
const FORWARD: Bounds = bounds(1_000, 3_600, "the way forward needs time, and an end");
const DRAIN: Bounds = bounds(0, 3_600, "0s waits for nobody");
const LAG: Bounds = bounds(0, 86_400, "0s refuses a target that is behind at all");
const RECOVERY: Bounds = bounds(1_000, 86_400, "what does not end must be given up");

impl LimitsLayer {
    /// This level on top of the one above it.
    pub(super) fn over(&self, above: &Self) -> Self {
        let Self { connect, pre_sync, fence, write_outage, rollback, forward, drain, lag, recovery } = self;
        Self {
            connect: connect.or(&above.connect),
            pre_sync: pre_sync.or(&above.pre_sync),
            fence: fence.or(&above.fence),
            write_outage: write_outage.or(&above.write_outage),
            rollback: rollback.or(&above.rollback),
            forward: forward.or(&above.forward),
            drain: drain.or(&above.drain),
            lag: lag.or(&above.lag),
            recovery: recovery.or(&above.recovery),
        }
    }

    /// The limits, with the defaults of the model for what no level gives.
    pub(super) fn resolve(&self) -> Limits {
        let default = Limits::default();
        let Self { connect, pre_sync, fence, write_outage, rollback, forward, drain, lag, recovery } = self;
        let or = |field: &Field<Duration>, default| field.get().copied().unwrap_or(default);
        Limits {
            connect: or(connect, default.connect),
            pre_sync: or(pre_sync, default.pre_sync),
            fence: or(fence, default.fence),
            write_outage: or(write_outage, default.write_outage),
            rollback: or(rollback, default.rollback),
            forward: or(forward, default.forward),
            drain: or(drain, default.drain),
            lag: or(lag, default.lag),
            recovery: or(recovery, default.recovery),
        }
    }

    /// The fence is part of the outage: an outage that ends first would never be reached.
    pub(super) fn mistake(&self) -> Option<Mistake> {
        let limits = self.resolve();
        let known = !matches!((&self.fence, &self.write_outage), (Field::Bad, _) | (_, Field::Bad));
        let (fence, outage) = (self.fence.span(), self.write_outage.span());
        let place = outage.clone().or_else(|| fence.clone())?;
        if !known || limits.write_outage > limits.fence {
            return None;
        }
        let shown = |limit| humantime::format_duration(limit);
        let message = format!(
            "`write_outage` ({}) must be longer than `fence` ({})",
            shown(limits.write_outage),
            shown(limits.fence)
        );
        let mistake = Mistake::new("flipper::config::outage_shorter_than_fence", place, message, "too close")
            .help("the fence is the first step of the write outage: leave time for the steps after it");
        Some(match (outage, fence) {
            (Some(_), Some(fence)) => mistake.also(fence, "the fence"),
            _ => mistake,
        })
    }
}

impl Reader<'_> {
    /// The limits of one level.
    pub(super) fn limits(&mut self, at: &At<'_>, raw: &raw::Limits) -> LimitsLayer {
        let raw::Limits { connect, pre_sync, fence, write_outage, rollback, forward, drain, lag, recovery } = raw;
        LimitsLayer {
            connect: self.limit(at, "connect", connect.as_ref(), &CONNECT),
            pre_sync: self.limit(at, "pre_sync", pre_sync.as_ref(), &PRE_SYNC),
            fence: self.limit(at, "fence", fence.as_ref(), &FENCE),
            write_outage: self.limit(at, "write_outage", write_outage.as_ref(), &WRITE_OUTAGE),
            rollback: self.limit(at, "rollback", rollback.as_ref(), &ROLLBACK),
            forward: self.limit(at, "forward", forward.as_ref(), &FORWARD),
            drain: self.limit(at, "drain", drain.as_ref(), &DRAIN),
            lag: self.limit(at, "lag", lag.as_ref(), &LAG),
            recovery: self.limit(at, "recovery", recovery.as_ref(), &RECOVERY),
        }
    }

    fn limit(&mut self, at: &At<'_>, name: &str, given: Option<&String>, bounds: &Bounds) -> Field<Duration> {
        let Some(text) = given else { return Field::Absent };
        let span = at.field(name).value();
        let field = self.duration(text, span.clone());
        let Some(limit) = field.get() else { return field };
        let shown = |limit| humantime::format_duration(limit);
        let whole = name != "fence" || limit.subsec_nanos() == 0;
        if (bounds.least..=bounds.most).contains(limit) && whole {
            return field;
        }
        let message = if whole {
            format!("`{name}` must be from {} to {}", shown(bounds.least), shown(bounds.most))
        } else {
            format!("`{name}` must be whole seconds")
        };
        self.wrong(Mistake::new("flipper::config::bad_limit", span, message, "out of range").help(bounds.why))
    }
}
