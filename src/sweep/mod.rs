//! A sweep, as a chain of messages to ourselves.
//!
//! Each message carries the request and what came of it so far, and asks for one step; the step sends the next.
//! What is left to be done is in none of them: the service's list says it, so that a step which dies, or comes
//! twice, does no harm. This module knows when the next step comes and when a sweep is over; it makes no calls to
//! services.

mod message;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use self::report::{IN_PROGRESS, Report, Verdict};
use crate::call_error::ReportedError;
use crate::follow_up::{FIRST_DELAY, LONGEST_DELAY};
use crate::pace::Priority;
use crate::request::Labels;
use crate::targets::Cancellation;
use crate::targets::sweep::{End, Failure, MOST_CARRIED, Step, Swept};
use crate::timestamp::{Moment, Timestamp};

/// Between two steps lists catch up with what was asked, and permits that come meanwhile are not lost: no burst
/// fills in less.
const PAUSE: Duration = Duration::from_secs(4);
/// A sweep lasts no longer.
const LONGEST: Duration = Duration::from_hours(24);
/// How it goes is told no more often.
const TOLD_EACH: Duration = Duration::from_mins(1);

/// A sweep, as its next message carries it.
#[derive(Clone, Debug)]
pub struct Chain {
    pub labels: Labels,
    /// What was asked.
    pub cancellation: Arc<dyn Cancellation>,
    pub counts: Counts,
    /// Those that failed for good, as many as a message carries.
    failures: Vec<Failure>,
    /// Those that were asked and are listed as if they were not.
    asked: BTreeSet<String>,
    /// Steps so far, that which its message asks for included.
    pub steps: u64,
    /// So many steps came to nothing, one after the other.
    idle: u32,
    began_at: Timestamp,
    /// When it was last told how it goes.
    told_at: Timestamp,
}

/// How many executions matched, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub matched: u64,
    pub accepted: u64,
    pub already_canceled: u64,
    pub not_running: u64,
    pub failed: u64,
}

impl Counts {
    fn known(&self) -> u64 {
        self.accepted + self.already_canceled + self.not_running + self.failed
    }

    /// How much of it is done, in whole percent.
    fn percent(&self) -> u64 {
        (self.known() * 100).checked_div(self.matched).unwrap_or(100)
    }
}

/// What a step leads to.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Another step after so long.
    Step(Duration),
    Over(Verdict),
}

impl Chain {
    /// Begins a sweep of so many executions.
    pub fn begin(asked: &Arc<dyn Cancellation>, labels: Labels, matched: u64, now: Timestamp) -> Self {
        Self {
            labels,
            cancellation: Arc::clone(asked),
            counts: Counts { matched, ..Counts::default() },
            failures: Vec::new(),
            asked: BTreeSet::new(),
            steps: 0,
            idle: 0,
            began_at: now,
            told_at: now,
        }
    }

    /// The step that its message asks for; none where its time is up.
    pub fn step(&self, priority: Priority, record: usize, now: Timestamp) -> Option<Step<'_>> {
        let sweep = self.cancellation.sweep().filter(|_| now < self.began_at.plus(LONGEST))?;
        let Counts { matched, accepted, already_canceled, .. } = self.counts;
        Some(Step {
            sweep,
            requested_at: self.labels.requested_at.unwrap_or(Moment::from(self.began_at)),
            since: self.began_at,
            failed: self.failures.iter().map(|failure| failure.execution_id.as_str()).collect(),
            asked: &self.asked,
            most: sweep.bounds.max_executions.saturating_sub(accepted),
            known: accepted + already_canceled,
            missing: matched.saturating_sub(self.counts.known()),
            priority,
            record,
        })
    }

    /// Takes over what came of a step; nothing where there was no time for one.
    pub fn take(&mut self, swept: Option<Swept>) -> (Next, Option<ReportedError>) {
        let Some(swept) = swept else { return (Next::Over(Verdict::Incomplete), None) };
        let before = self.counts.known();
        self.counts.accepted += swept.accepted;
        self.counts.already_canceled += swept.already_canceled;
        self.counts.not_running += swept.not_running;
        self.counts.failed += u64::try_from(swept.failures.len()).unwrap_or_default();
        // What was listed too late to be counted at the beginning was asked all the same.
        self.counts.matched = self.counts.matched.max(self.counts.known());
        self.failures.extend(swept.failures);
        let too_many = self.failures.len() > MOST_CARRIED;
        self.failures.truncate(MOST_CARRIED);
        self.asked = swept.asked;
        self.idle = if self.counts.known() > before { 0 } else { self.idle + 1 };
        let next = match swept.end {
            Some(End::Done) if self.counts.failed == 0 => Next::Over(Verdict::Completed),
            Some(_) => Next::Over(Verdict::Incomplete),
            None if too_many => Next::Over(Verdict::Incomplete),
            None => Next::Step(self.delay(swept.wait.unwrap_or_default())),
        };
        (next, swept.held_up)
    }

    /// Whether it is to be told how it goes. Once it is, that was now.
    pub fn tells(&mut self, now: Timestamp) -> bool {
        let tells = u128::from(now.millis_since(self.told_at)) >= TOLD_EACH.as_millis();
        if tells {
            self.told_at = now;
        }
        tells
    }

    /// In whole seconds, which is how SQS counts. Where steps come to nothing it doubles.
    fn delay(&self, asked: Duration) -> Duration {
        let own = match self.idle {
            0 => PAUSE,
            idle => FIRST_DELAY.saturating_mul(1 << (idle - 1).min(16)).mul_f64(1.0 + 0.2 * fastrand::f64()),
        };
        let asked = asked.as_millis().div_ceil(1_000).try_into().map_or(LONGEST_DELAY, Duration::from_secs);
        Duration::from_secs(own.max(asked).min(LONGEST_DELAY).as_secs())
    }
}
