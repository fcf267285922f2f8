//! From "accepted" to "really stopped".
//!
//! A service only takes a request to cancel; when, and whether, the run ends is another matter. A request
//! that asks for it is followed: messages to ourselves, with a delay, each of which looks the runs up and
//! sends the next one or tells how it ended. Nothing waits in between, and nothing is kept. This module
//! knows when a request is looked at again and when that is over; it makes no calls to services.

pub mod confirmation;
mod message;

use std::sync::Arc;
use std::time::Duration;

pub use self::confirmation::{Confirmation, Verdict};
use crate::event_source::Source;
use crate::fields::violation::{Code, Violation};
use crate::marker;
use crate::publisher::{Entry, Publisher};
use crate::request::Labels;
use crate::targets::{Cancellation, MOST_RUNS, Runs, Settlement, Sight};
use crate::timestamp::{Span, Timestamp};
use crate::vocabulary::Status;

/// The first check comes so long after the outcome; the wait doubles from there.
const FIRST_DELAY: Duration = Duration::from_secs(15);
/// SQS hides a message no longer.
const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// Runs that were canceled together are not looked up together: a delay grows by up to this part.
const JITTER: f64 = 0.2;
/// Lambda stops a function that has invoked itself about 16 times in a row, so this check is the last.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
pub const LAST_CHECK: u32 = 14;
/// A message of SQS is no longer, in bytes.
const LONGEST_MESSAGE: usize = 1_048_576;

/// Whether and how requests are followed.
pub struct FollowUps {
    /// Where our messages to ourselves go; nowhere where nothing is followed.
    pub queue: Publisher,
    /// The ARN of that queue, the only one that they come from.
    pub arn: Option<String>,
    /// The id of the role that sends them; without it every sender counts that the queue lets in.
    pub sender_id: Option<String>,
    /// Requests that do not say are followed too.
    pub by_default: bool,
    /// For so long, where a request does not say.
    pub within: Duration,
}

/// A request that is followed, as its next message carries it.
#[derive(Clone, Debug)]
pub struct FollowUp {
    pub labels: Labels,
    /// What was asked.
    pub cancellation: Arc<dyn Cancellation>,
    pub runs: Runs,
    /// When the outcome was written, from which the time runs.
    outcome_at: Timestamp,
    within: Duration,
    /// Checks so far, that which its message asked for included.
    pub checks: u32,
}

/// A message that is ready to be sent.
pub struct Message {
    json: String,
    service: &'static str,
    delay: Duration,
}

impl FollowUps {
    /// Requests can be followed.
    pub fn are_enabled(&self) -> bool {
        !matches!(self.queue, Publisher::Nowhere)
    }

    /// Whether a record can be a message of ours. Whoever else can send to the function must not tell
    /// anything in its name.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_origin(&self, source: &Source) -> Result<(), &'static str> {
        let Some(queue) = &self.arn else { return Err("COUNTERMAND_FOLLOW_UP_QUEUE_ARN is not set") };
        if source.kind != "sqs" || source.wrapped || source.arn.as_ref() != Some(queue) {
            return Err("expected it unwrapped, from the queue of COUNTERMAND_FOLLOW_UP_QUEUE_ARN");
        }
        let sender = source.who.sender_id.as_deref().unwrap_or_default();
        let session = |id: &String| sender.strip_prefix(id.as_str()).is_some_and(|it| it.starts_with(':'));
        let ours = self.sender_id.as_ref().is_none_or(session);
        ours.then_some(()).ok_or("expected a session of COUNTERMAND_FOLLOW_UP_SENDER_ID as its sender")
    }

    /// For how long a request is to be followed, if it is.
    pub fn asked(&self, labels: &Labels) -> Option<Duration> {
        let asked = self.are_enabled() && labels.confirm.unwrap_or(self.by_default);
        asked.then(|| labels.confirm_within.unwrap_or(self.within))
    }

    /// A request that asks for what the deployment cannot do is told so.
    pub fn check(&self, labels: &Labels) -> Option<Violation> {
        let refused = labels.confirm == Some(true) && !self.are_enabled();
        refused.then(|| Violation {
            path: "confirm".into(),
            code: Code::NotEnabled,
            message: "expected false or no such field, as COUNTERMAND_FOLLOW_UP_QUEUE_ARN is not set".into(),
        })
    }
}

impl FollowUp {
    /// Begins to follow a request, if what became of it leaves something to follow; `called` is when its
    /// call was made.
    pub fn begin(
        asked: &Arc<dyn Cancellation>,
        labels: Labels,
        settlement: &Settlement,
        called: Option<Span>,
        within: Duration,
        outcome_at: Timestamp,
    ) -> Option<Self> {
        let taken = matches!(settlement.status, Status::Accepted | Status::Partial | Status::AlreadyCanceled);
        let open_ends = &settlement.open_ends;
        let of_its_moment = labels.requested_at.map(|at| Span { from: at.begins(), until: at.ends() });
        let runs = match (open_ends.len(), asked.is_open_ended()) {
            (0, true) => called.map(Runs::Asked),
            (0, false) => None,
            (number, true) if number > MOST_RUNS => of_its_moment.map(Runs::Asked),
            _ => Some(Runs::Known(open_ends.clone())),
        };
        let runs = runs.filter(|_| taken)?;
        Some(Self { labels, cancellation: Arc::clone(asked), runs, outcome_at, within, checks: 0 })
    }

    /// Takes over which runs there are.
    pub fn learn(&mut self, seen: &Sight) {
        self.runs = self.runs.after(seen);
    }

    /// Whether what was seen asks for another check, and there is to be one.
    pub fn goes_on(&self, seen: &Sight, now: Timestamp) -> bool {
        let over = self.checks >= LAST_CHECK || now >= self.ends_at();
        Verdict::of(seen) == Verdict::StillRunning && !over
    }

    /// The message that asks for the next check, to be seen when that is due.
    ///
    /// # Errors
    /// Why there is none, where it would be longer than SQS takes.
    pub fn message(&self, now: Timestamp) -> Result<Message, String> {
        let json = self.write();
        if json.len() > LONGEST_MESSAGE {
            return Err(format!("expected at most {LONGEST_MESSAGE} bytes, got {}", json.len()));
        }
        Ok(Message { json, service: self.cancellation.service().name, delay: self.delay(now) })
    }

    fn ends_at(&self) -> Timestamp {
        self.outcome_at.plus(self.within)
    }

    /// In whole seconds, which is how SQS counts; the last one ends with the time.
    fn delay(&self, now: Timestamp) -> Duration {
        let doubled = FIRST_DELAY.saturating_mul(1 << self.checks.min(16));
        let spread = doubled.min(LONGEST_DELAY).mul_f64(1.0 + JITTER * fastrand::f64());
        let left = self.ends_at().millis_since(now).div_ceil(1_000);
        Duration::from_secs(spread.min(LONGEST_DELAY).as_secs().min(left))
    }
}

impl Message {
    /// As it travels to the queue.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            kind: marker::FOLLOW_UP,
            detail_type: "",
            service: Some(self.service),
            status: None,
            json: &self.json,
            delay: self.delay,
        }
    }
}

#[cfg(test)]
mod tests;
