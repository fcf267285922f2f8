//! The whole flow: from an event to the response.
//!
//! Asking is in `steps`, telling in `telling`, what is known of a record in `case`; this module only drives
//! them, under the invocation's time. Records go side by side, or one by one where their order counts.

mod case;
mod steps;
mod sweeping;
mod telling;

use std::time::{Duration, SystemTime};

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::case::{Case, Read};
use crate::event_source::{self, Delivery, Failure, Invoked, Record, Repeats, Settled};
use crate::follow_up::FollowUps;
use crate::invocation::Invocation;
use crate::log;
use crate::metrics::Metrics;
use crate::outcome::Writer;
use crate::pace::Pace;
use crate::plan::Planner;
use crate::policy::Policy;
use crate::publisher::Publisher;
use crate::retry::{Retry, beside};
use crate::targets::Targets;
use crate::visibility::{self, Return, Visibility, When};

/// What stays from one invocation to the next.
pub struct Handler {
    pub targets: Targets,
    pub publisher: Publisher,
    pub follow_ups: FollowUps,
    pub visibility: Visibility,
    pub policy: Policy,
    /// The function's own.
    pub region: Option<String>,
    pub planner: Planner,
    pub retry: Retry,
    pub pace: Pace,
    pub writer: Writer,
    pub metrics: Metrics,
    /// Invocations that Lambda may repeat.
    pub repeats: Repeats,
    /// So many pages of a flow's records are read to explain an outcome.
    pub explain_max_pages: u32,
    /// What is kept of an invocation's time for publishing and the response.
    pub margin: Duration,
}

impl Handler {
    /// Answers one event.
    ///
    /// # Errors
    /// A function error where a record is to be redelivered and its source has no other way to hear it.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Failure> {
        self.handle_at(SystemTime::now(), event).await
    }

    /// Answers one event that came at `now`.
    ///
    /// # Errors
    /// The same.
    pub async fn handle_at(
        &self,
        now: SystemTime,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<Box<RawValue>, Failure> {
        let (payload, context) = event.into_parts();
        let invocation = Invocation::begin(now, context.deadline(), self.margin);
        let before = self.repeats.first(&context.request_id);
        let invoked = Invoked { request_id: &context.request_id, now: invocation.now(), before };
        let delivery = event_source::read(&payload, invoked).inspect_err(log::unreadable)?;
        // It may have megabytes, and all that is used of it is in the records.
        drop(payload);
        let (returning, returns) = unbounded_channel();
        let handed_back = self.visibility.run(&delivery.records, returns, invocation.hiding_until);
        let settled = self.settle_all(&delivery, &invocation, returning);
        let settled = beside(settled, handed_back, visibility::GRACE).await;
        let response = delivery.respond(&settled);
        if response.is_err() {
            self.repeats.failed(&context.request_id, invoked.now);
        }
        response
    }

    /// Every record, those side by side that may go so. After the first that goes back, none follows.
    async fn settle_all(
        &self,
        delivery: &Delivery,
        invocation: &Invocation,
        returning: UnboundedSender<Return>,
    ) -> Vec<Settled> {
        let mut settled: Vec<Settled> = Vec::new();
        for places in delivery.turns() {
            let held_up = settled.iter().any(Settled::is_redelivered);
            let redeliver = steps::redeliver(&returning, places.start);
            let records = &delivery.records[places];
            let read = self.read(records, invocation);
            settled.extend(match held_up {
                false => self.settle(records, &read, invocation, &redeliver).await,
                true => self.hold_up(records, &read, invocation, &redeliver).await,
            });
        }
        settled
    }

    /// Records that may go side by side, from their texts to their published outcomes.
    async fn settle(
        &self,
        records: &[Record],
        read: &[Read],
        invocation: &Invocation,
        redeliver: &dyn Fn(usize, When),
    ) -> Vec<Settled> {
        let (knowing, known) = unbounded_channel();
        let ask = self.ask(records, read, invocation, redeliver, knowing);
        let tell = self.tell(records, read, known, invocation, redeliver);
        tokio::join!(ask, tell).1
    }

    /// Records that must not go before one that goes back. Nothing is asked for them.
    async fn hold_up(
        &self,
        records: &[Record],
        read: &[Read],
        invocation: &Invocation,
        redeliver: &dyn Fn(usize, When),
    ) -> Vec<Settled> {
        let cases = records.iter().zip(read).enumerate();
        let case = |(place, (record, read))| Case::new(place, record, read, invocation.now());
        let mut cases: Vec<Case> = cases.map(case).collect();
        self.defer(&mut cases, redeliver);
        self.finish(self.publish(cases, invocation, redeliver).await, invocation)
    }
}
