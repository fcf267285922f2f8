//! The whole flow: from an event to the response.
//!
//! Each step is a module of its own; this one only drives them, in order, under the invocation's
//! time. Requests are carried out side by side, their outcomes published together.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;

use crate::event_source::{self, Failure, Invoked, Record, Settled};
use crate::invocation::Invocation;
use crate::log;
use crate::outcome::{Outcome, Writer};
use crate::policy::Policy;
use crate::publisher::Publisher;
use crate::request::violation::Violation;
use crate::request::{self, CancelRequest, Reading, Rejection};
use crate::retry::Retry;
use crate::targets::{LookUp, Settlement, Targets};
use crate::timestamp::Timestamp;

/// What stays from one invocation to the next.
pub struct Handler {
    pub targets: Targets,
    pub publisher: Publisher,
    pub policy: Policy,
    pub retry: Retry,
    pub writer: Writer,
    /// From this age on, an open-ended request is pinned to the runs of its moment.
    pub pin_after: Duration,
    /// Nothing is ever canceled, only told what would be.
    pub dry_run: bool,
    /// So many pages of a flow's records are read to explain an outcome.
    pub explain_max_pages: u32,
    /// What is kept of an invocation's time for publishing and the response.
    pub margin: Duration,
}

/// What became of a record before it is told.
enum Handled {
    /// One of our own messages.
    Ours,
    /// It breaks a rule of the contract.
    Rejected(Box<Rejection>),
    /// It breaks a rule of the deployment.
    Refused(Box<CancelRequest>, Vec<Violation>),
    /// Its service was asked; since when it counts.
    Settled(Box<CancelRequest>, Timestamp, Box<Settlement>),
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
        let mut handled = join_all(records.map(|record| self.carry_out(record, &invocation))).await;
        self.explain(&mut handled, &invocation).await;
        let outcomes = delivery.records.iter().zip(handled);
        let outcomes = outcomes.map(|(record, handled)| self.report(record, handled, &invocation)).collect();
        let settled = self.publish(outcomes, &invocation).await;
        delivery.respond(&settled)
    }

    /// One record, from its text to its settlement.
    async fn carry_out(&self, record: &Record, invocation: &Invocation) -> Handled {
        let request = match request::read(&record.text) {
            Reading::Ours => return Handled::Ours,
            Reading::Rejected(rejection) => return Handled::Rejected(rejection),
            Reading::Request(request) => request,
        };
        let requested_at = request.labels.counted_from(record.requested_at);
        let violations = self.policy.check(&request.cancellation, requested_at, invocation.now());
        if !violations.is_empty() {
            return Handled::Refused(request, violations);
        }
        let settlement = self.settle(record, &request, requested_at, invocation).await;
        Handled::Settled(request, requested_at, Box::new(settlement))
    }

    /// Asks the service, as carefully as the age of the request demands.
    async fn settle(
        &self,
        record: &Record,
        request: &CancelRequest,
        requested_at: Timestamp,
        invocation: &Invocation,
    ) -> Settlement {
        let look_up = self.look_up(invocation);
        let age = Duration::from_millis(invocation.now().millis_since(requested_at));
        let redelivered = record.source.receive_count > Some(1);
        let late = redelivered || age > self.pin_after || self.pin_after.is_zero();
        let pinned = request.cancellation.is_open_ended() && late;
        let asked = &request.cancellation;
        if self.dry_run || request.dry_run {
            self.targets.rehearse(asked, pinned.then_some(requested_at), look_up).await
        } else if pinned {
            self.targets.settle_pinned(asked, requested_at, look_up).await
        } else {
            self.targets.settle(asked, &self.retry, invocation.calls_until).await
        }
    }

    fn look_up(&self, invocation: &Invocation) -> LookUp<'_> {
        LookUp { retry: &self.retry, until: invocation.calls_until, max_pages: self.explain_max_pages }
    }

    /// What the answers left open is asked after every cancel, in the time that is left.
    async fn explain(&self, handled: &mut [Handled], invocation: &Invocation) {
        let settled = handled.iter_mut().filter_map(|handled| match handled {
            Handled::Settled(_, requested_at, settlement) => Some((*requested_at, settlement.as_mut())),
            _ => None,
        });
        self.targets.explain(settled.collect(), self.look_up(invocation)).await;
    }

    /// The outcome of a record; none for a message of our own.
    fn report(&self, record: &Record, handled: Handled, invocation: &Invocation) -> Option<Outcome> {
        let now = invocation.now();
        Some(match handled {
            Handled::Ours => {
                log::ours(record);
                return None;
            }
            Handled::Rejected(rejection) => self.writer.rejected(record, &rejection, now),
            Handled::Refused(request, violations) => self.writer.refused(record, &request, &violations, now),
            Handled::Settled(request, _, settlement) => {
                self.writer.settled(record, &request, &settlement, now)
            }
        })
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
