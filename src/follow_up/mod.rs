//! From "accepted" to "really stopped".
//!
//! A service only takes a request to cancel; when, and whether, the run ends is another matter. A request
//! that asks for it is followed: messages to ourselves, with a delay, each of which looks the runs up and
//! sends the next one or tells how it ended, as [`table`] has it. Nothing waits in between, and nothing is kept. This
//! module knows when a request is looked at again and when that is over; it makes no calls to services.

pub mod confirmation;
pub mod message;
pub mod table;

use std::sync::Arc;
use std::time::Duration;

pub use self::confirmation::{Confirmation, Verdict};
pub use self::message::Message;
pub use self::table::{Row, Seen, Stage};
use crate::event_source::{Record, Source};
use crate::fields::violation::{Code, Violation};
use crate::marker;
use crate::publisher::Publisher;
use crate::request::{CancelRequest, Labels};
use crate::targets::{Cancellation, Check, MOST_RUNS, Runs, Settlement, Sight};
use crate::timestamp::{Span, Timestamp};
use crate::vocabulary::{State, Status};

/// The first check comes so long after the outcome; the wait doubles from there.
pub const FIRST_DELAY: Duration = Duration::from_secs(15);
/// SQS hides a message no longer.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// Runs that were canceled together are not looked up together: a delay grows by up to this part.
const JITTER: f64 = 0.2;
/// After a run was ended by force there is at least so much time to see it.
const ESCALATED_TIME: Duration = Duration::from_secs(60);
/// Lambda stops a function that has invoked itself about 16 times in a row, so this check is the last.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
pub const LAST_CHECK: u32 = 14;

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
    /// What was done about runs that went on.
    pub escalation: Option<Escalation>,
}

/// What was done about runs that went on in spite of their cancel.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    /// When the first was to be ended.
    pub at: Timestamp,
    /// Those that were ended, or may have been.
    pub runs: Vec<String>,
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
    pub fn asked(&self, CancelRequest { labels, cancellation, .. }: &CancelRequest) -> Option<Duration> {
        let escalates = cancellation.escalates_after();
        let asked = escalates.is_some() || labels.confirm.unwrap_or(self.by_default);
        let within = labels.confirm_within.unwrap_or(self.within);
        let least = escalates.map(|after| after + ESCALATED_TIME);
        (asked && self.are_enabled()).then(|| within.max(least.unwrap_or_default()))
    }

    /// A request that asks for what the deployment cannot do is told so; what it asks of its service, where it is
    /// valid.
    pub fn check(
        &self,
        labels: &Labels,
        asked: Option<&dyn Cancellation>,
    ) -> impl Iterator<Item = Violation> {
        let confirm = (labels.confirm == Some(true)).then_some(("confirm", "false or no such field"));
        let escalates = asked.filter(|asked| asked.escalates_after().is_some());
        let field = escalates.and_then(|asked| Some(asked.service().beyond?.field));
        let escalates = field.map(|field| (field, "no such field"));
        let sweep = asked.and_then(|asked| asked.sweep()).map(|_| ("select", "no such field"));
        let asked = [confirm, escalates, sweep].into_iter().flatten().filter(|_| !self.are_enabled());
        asked.map(|(path, expected)| Violation {
            path: path.into(),
            code: Code::NotEnabled,
            message: format!("expected {expected}, as COUNTERMAND_FOLLOW_UP_QUEUE_ARN is not set"),
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
        let (cancellation, escalation) = (Arc::clone(asked), None);
        Some(Self { labels, cancellation, runs, outcome_at, within, checks: 0, escalation })
    }

    /// Where it stands; nothing becomes due where nothing may be ended.
    pub fn stage(&self, now: Timestamp, may_end: bool) -> Stage {
        let is_due = may_end && self.due_at().is_some_and(|due| now >= due);
        let is_last = self.checks >= LAST_CHECK;
        match (is_due, is_last || now >= self.ends_at()) {
            (false, false) => Stage::Watched,
            (false, true) => Stage::Over,
            (true, false) => Stage::Due,
            (true, true) if !is_last && self.escalation.is_none() => Stage::Late,
            (true, true) => Stage::OverAndDue,
        }
    }

    /// Takes over which runs there are.
    pub fn learn(&mut self, seen: &Sight) {
        self.runs = self.runs.after(seen);
    }

    /// Takes over what was done about those that went on. A run that is found ended by force where it was to be,
    /// at a check that was begun before, was ended by that.
    pub fn escalated(&mut self, stage: Stage, check: &Check, record: &Record, now: Timestamp) {
        let ours = check.forced.iter().filter(|it| it.result.is_ok() || it.unanswered).map(|it| &it.run);
        let begun = stage.calls() && record.source.receive_count.is_some_and(|count| count > 1);
        let found = check.sight.iter().flatten().filter(|(_, state)| begun && *state == State::Terminated);
        let ours: Vec<&String> = ours.chain(found.map(|(run, _)| run)).collect();
        if check.forced.is_empty() && ours.is_empty() {
            return;
        }
        let Escalation { runs, .. } =
            self.escalation.get_or_insert_with(|| Escalation { at: now, runs: Vec::new() });
        for run in ours {
            if !runs.contains(run) && runs.len() < MOST_RUNS {
                runs.push(run.clone());
            }
        }
    }

    /// The runs that were ended by force, as they are seen.
    pub fn forced<'a>(&'a self, seen: &'a Sight) -> impl Iterator<Item = &'a str> {
        let runs = self.escalation.iter().flat_map(|escalation| &escalation.runs);
        let is_ended = |run: &&String| {
            seen.iter().flatten().any(|(id, state)| id == *run && *state == State::Terminated)
        };
        runs.filter(is_ended).map(String::as_str)
    }

    /// The message that asks for the next check, to be seen when that is due.
    ///
    /// # Errors
    /// Why there is none, where it would be longer than SQS takes.
    pub fn message(&self, now: Timestamp) -> Result<Message, String> {
        let service = self.cancellation.service().name;
        Message::new(marker::FOLLOW_UP, self.write(), service, self.delay(now))
    }

    /// When what still runs is to be ended.
    fn due_at(&self) -> Option<Timestamp> {
        Some(self.outcome_at.plus(self.cancellation.escalates_after()?))
    }

    fn ends_at(&self) -> Timestamp {
        let end = self.outcome_at.plus(self.within);
        self.escalation.as_ref().map_or(end, |escalation| end.max(escalation.at.plus(ESCALATED_TIME)))
    }

    /// In whole seconds, which is how SQS counts; the last one ends with the time. One check comes when runs are to
    /// be ended, and delays double anew from there; before the last check it is as long as it can be.
    fn delay(&self, now: Timestamp) -> Duration {
        let (pending, past) = match self.due_at() {
            Some(due) if now < due => (Some(due), None),
            due => {
                let done = self.escalation.as_ref().map(|escalation| escalation.at);
                (None, due.max(done).map(|from| Duration::from_millis(now.millis_since(from))))
            }
        };
        let doubled = match past {
            Some(_) if self.checks + 1 >= LAST_CHECK => LONGEST_DELAY,
            Some(past) => FIRST_DELAY + past,
            None => FIRST_DELAY.saturating_mul(1 << self.checks.min(16)),
        };
        let spread = doubled.min(LONGEST_DELAY).mul_f64(1.0 + JITTER * fastrand::f64());
        let left = pending.unwrap_or_else(|| self.ends_at()).millis_since(now).div_ceil(1_000);
        Duration::from_secs(spread.min(LONGEST_DELAY).as_secs().min(left))
    }
}

#[cfg(test)]
mod tests;
