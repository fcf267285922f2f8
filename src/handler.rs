//! The whole flow: from an event to the response.
//!
//! Each step is a module of its own; this one only drives them, in order, under the invocation's
//! time. Records go side by side, or one by one where their order counts.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::call_error::CallError;
use crate::contained::contained;
use crate::event_source::{self, Delivery, Failure, Invoked, Record, Settled};
use crate::hand_back::{self, HandBack, Return, When};
use crate::invocation::Invocation;
use crate::log;
use crate::outcome::{Outcome, Writer};
use crate::pace::Pace;
use crate::plan::Planner;
use crate::policy::Policy;
use crate::publisher::Publisher;
use crate::request::violation::Violation;
use crate::request::{self, CancelRequest, Reading, Rejection};
use crate::retry::Retry;
use crate::targets::{Means, Settlement, Targets};
use crate::timestamp::Timestamp;

/// What stays from one invocation to the next.
pub struct Handler {
    pub targets: Targets,
    pub publisher: Publisher,
    pub hand_back: HandBack,
    pub policy: Policy,
    pub planner: Planner,
    pub retry: Retry,
    pub pace: Pace,
    pub writer: Writer,
    /// So many pages of a flow's records are read to explain an outcome.
    pub explain_max_pages: u32,
    /// What is kept of an invocation's time for publishing and the response.
    pub margin: Duration,
}

/// What a record turned out to be.
enum Handled {
    /// One of our own messages.
    Ours,
    /// It breaks a rule of the contract.
    Rejected(Box<Rejection>),
    /// It breaks a rule of the deployment.
    Refused(Box<CancelRequest>, Vec<Violation>),
    /// It is to be carried out; since when it counts.
    Valid(Box<CancelRequest>, Timestamp),
    /// The function itself failed over it.
    Broken(CallError),
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
        let (returning, returns) = unbounded_channel();
        let handed_back = self.hand_back.run(&delivery.records, returns, invocation.handing_back_until);
        let (settled, ()) = tokio::join!(self.settle_all(&delivery, &invocation, returning), handed_back);
        delivery.respond(&settled)
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
            let held_up = settled.iter().any(Settled::comes_again);
            settled.extend(self.settle(delivery, places, held_up, invocation, &returning).await);
        }
        settled
    }

    /// Records that may go side by side, from their texts to their published outcomes.
    async fn settle(
        &self,
        delivery: &Delivery,
        places: Range<usize>,
        held_up: bool,
        invocation: &Invocation,
        returning: &UnboundedSender<Return>,
    ) -> Vec<Settled> {
        let records = &delivery.records[places.clone()];
        let read = |record| contained(|| self.read(record, invocation)).unwrap_or_else(Handled::Broken);
        let handled: Vec<Handled> = records.iter().map(read).collect();
        // Once the time is up nobody listens, and the queue hides the record as long as it always does.
        let come_again = |place: usize, when| {
            let _ = returning.send(Return { record: places.start + place, when });
        };
        let mut settlements = match held_up {
            false => self.carry_out(records, &handled, invocation, &come_again).await,
            true => records.iter().map(|_| None).collect(),
        };
        self.explain(&handled, &mut settlements, invocation).await;
        let outcomes =
            records.iter().zip(&handled).zip(settlements).map(|((record, handled), settlement)| {
                let now = invocation.now();
                let outcome = contained(|| match held_up {
                    false => self.report(record, handled, settlement, now),
                    true => self.hold_up(record, handled, now),
                });
                outcome.unwrap_or_else(|error| Some(self.writer.broken(record, error, now)))
            });
        let settled = self.publish(outcomes.collect(), held_up, invocation).await;
        for (place, (record, settled)) in records.iter().zip(&settled).enumerate() {
            if held_up {
                come_again(place, When::WithTheOneBefore);
            } else if let Some(wait) = hand_back::wait(settled, record.source.receive_count) {
                come_again(place, When::At(Instant::now() + wait));
            }
        }
        settled
    }

    /// Whether a record is a request, and one that is allowed.
    fn read(&self, record: &Record, invocation: &Invocation) -> Handled {
        let request = match request::read(&record.text) {
            Reading::Ours => return Handled::Ours,
            Reading::Rejected(rejection) => return Handled::Rejected(rejection),
            Reading::Request(request) => request,
        };
        let requested_at = request.labels.counted_from(record.requested_at);
        let violations = self.policy.check(&request.cancellation, requested_at, invocation.now());
        match violations.is_empty() {
            true => Handled::Valid(request, requested_at),
            false => Handled::Refused(request, violations),
        }
    }

    /// Asks the services; one settlement for each valid request.
    async fn carry_out(
        &self,
        records: &[Record],
        handled: &[Handled],
        invocation: &Invocation,
        come_again: &dyn Fn(usize, When),
    ) -> Vec<Option<Settlement>> {
        let requests = records.iter().zip(handled).enumerate().filter_map(|(place, (record, handled))| {
            let Handled::Valid(request, requested_at) = handled else { return None };
            Some((place, record, request.as_ref(), *requested_at))
        });
        let plan = self.planner.plan(requests, invocation.now());
        let deferred = |place, wait| come_again(place, When::At(Instant::now() + wait));
        let carried_out = plan.carry_out(&self.targets, &self.means(invocation, &deferred)).await;
        let mut settlements: Vec<_> = records.iter().map(|_| None).collect();
        carried_out.into_iter().for_each(|(place, settlement)| settlements[place] = Some(settlement));
        settlements
    }

    fn means<'a>(&'a self, invocation: &Invocation, deferred: &'a dyn Fn(usize, Duration)) -> Means<'a> {
        Means {
            retry: &self.retry,
            pace: &self.pace,
            until: invocation.calls_until,
            max_pages: self.explain_max_pages,
            deferred,
        }
    }

    /// What the answers left open is asked after every cancel, in the time that is left.
    async fn explain(
        &self,
        handled: &[Handled],
        settlements: &mut [Option<Settlement>],
        invocation: &Invocation,
    ) {
        let settled = handled.iter().zip(settlements).filter_map(|(handled, settlement)| match handled {
            Handled::Valid(_, requested_at) => Some((*requested_at, settlement.as_mut()?)),
            _ => None,
        });
        self.targets.explain(settled.collect(), &self.means(invocation, &|_, _| {})).await;
    }

    /// The outcome of a record; none for a message of our own.
    fn report(
        &self,
        record: &Record,
        handled: &Handled,
        settlement: Option<Settlement>,
        now: Timestamp,
    ) -> Option<Outcome> {
        Some(match (handled, settlement) {
            (Handled::Ours, _) => {
                log::ours(record);
                return None;
            }
            (Handled::Rejected(rejection), _) => self.writer.rejected(record, rejection, now),
            (Handled::Refused(request, violations), _) => {
                self.writer.refused(record, request, violations, now)
            }
            (Handled::Valid(request, _), Some(settlement)) => {
                self.writer.settled(record, request, &settlement, now)
            }
            (Handled::Valid(..), None) => self.writer.broken(record, CallError::panicked(), now),
            (Handled::Broken(error), _) => self.writer.broken(record, error.clone(), now),
        })
    }

    /// The outcome of a record that must not go before another one; none for a message of our own, which
    /// must not go either.
    fn hold_up(&self, record: &Record, handled: &Handled, now: Timestamp) -> Option<Outcome> {
        match handled {
            Handled::Ours => None,
            Handled::Rejected(rejection) => Some(self.writer.held_up_unread(record, rejection, now)),
            Handled::Refused(request, _) | Handled::Valid(request, _) => {
                Some(self.writer.held_up(record, request, now))
            }
            Handled::Broken(error) => Some(self.writer.broken(record, error.clone(), now)),
        }
    }

    /// Tells the world, in as few calls as can be.
    async fn publish(
        &self,
        outcomes: Vec<Option<Outcome>>,
        held_up: bool,
        invocation: &Invocation,
    ) -> Vec<Settled> {
        let written: Vec<&Outcome> =
            outcomes.iter().flatten().filter(|outcome| outcome.is_published()).collect();
        let until = invocation.publishing_until;
        let mut results = self.publisher.publish(&written, &self.retry, until).await.into_iter();
        outcomes
            .into_iter()
            .map(|outcome| {
                let told = outcome.as_ref().is_some_and(Outcome::is_published);
                let result = if told { results.next().unwrap_or(Ok(())) } else { Ok(()) };
                if let Some(outcome) = &outcome {
                    let took = invocation.millis_until(outcome.completed_at);
                    log::outcome(outcome, &result, &self.publisher, took);
                }
                Settled { outcome, done: result.is_ok() && !held_up }
            })
            .collect()
    }
}
