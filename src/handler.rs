//! The whole flow: from an event to the response.
//!
//! Each step is a module of its own; this one only drives them, in order, under the invocation's
//! time. Requests are carried out side by side, their outcomes published together.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, tracing};
use serde_json::value::RawValue;

use crate::event_source::{self, Failure, Invoked, Record, Settled};
use crate::invocation::Invocation;
use crate::log;
use crate::outcome::{Outcome, Writer};
use crate::policy::Policy;
use crate::publisher::Publisher;
use crate::request::{self, Reading};
use crate::retry::Retry;
use crate::targets::Targets;

/// What stays from one invocation to the next.
pub struct Handler {
    pub targets: Targets,
    pub publisher: Publisher,
    pub policy: Policy,
    pub retry: Retry,
    pub writer: Writer,
    /// What is kept of an invocation's time for publishing and the response.
    pub margin: Duration,
}

impl Handler {
    /// Answers one event.
    ///
    /// # Errors
    /// A function error where a record is to come again and its source has no other way to hear it.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Failure> {
        let (payload, context) = event.into_parts();
        let invocation = Invocation::begin(SystemTime::now(), context.deadline(), self.margin);
        let invoked = Invoked { request_id: &context.request_id, now: invocation.now() };
        let delivery = event_source::read(&payload, invoked).inspect_err(log::unreadable)?;
        let records = delivery.records.iter();
        let outcomes = join_all(records.map(|record| self.carry_out(record, &invocation))).await;
        let settled = self.publish(outcomes, &invocation).await;
        delivery.respond(&settled)
    }

    /// One record, from its text to its outcome; none for a message of our own.
    async fn carry_out(&self, record: &Record, invocation: &Invocation) -> Option<Outcome> {
        match request::read(&record.text) {
            Reading::Ours => {
                tracing::warn!(
                    requestId = record.request_id,
                    "one of our own messages came in: a rule or queue matches too much"
                );
                None
            }
            Reading::Rejected(rejection) => Some(self.writer.rejected(record, &rejection, invocation.now())),
            Reading::Request(request) => {
                let requested_at = request.labels.counted_from(record.requested_at);
                let refused = self.policy.check(&request.cancellation, requested_at, invocation.now());
                if !refused.is_empty() {
                    return Some(self.writer.refused(record, &request, &refused, invocation.now()));
                }
                let settlement =
                    self.targets.settle(&request.cancellation, &self.retry, invocation.calls_until).await;
                Some(self.writer.settled(record, &request, &settlement, invocation.now()))
            }
        }
    }

    /// Tells the world, in as few calls as can be.
    async fn publish(&self, outcomes: Vec<Option<Outcome>>, invocation: &Invocation) -> Vec<Settled> {
        let written: Vec<&Outcome> = outcomes.iter().flatten().collect();
        let until = invocation.publishing_until;
        let published = self.publisher.publish(&written, &self.retry, until).await;
        for (outcome, published) in written.iter().zip(&published) {
            let took = invocation.millis_until(outcome.completed_at);
            log::outcome(outcome, published, &self.publisher, took);
        }
        let mut published = published.into_iter();
        outcomes
            .into_iter()
            .map(|outcome| Settled {
                published: outcome.is_none() || published.next().is_some_and(|result| result.is_ok()),
                outcome,
            })
            .collect()
    }
}
