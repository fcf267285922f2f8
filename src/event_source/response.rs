//! What became of the records, said as their source wants to hear it.
//!
//! A queue is told which records are to be redelivered. Whoever invoked the function otherwise gets the
//! outcome, and a function error where the record should be redelivered, so that Lambda's own retries
//! and on-failure destination take over.

use aws_lambda_events::sqs::SqsBatchResponse;
use lambda_runtime::Diagnostic;
use serde_json::value::{RawValue, to_raw_value};

use super::{AnsweredAs, Delivery, DeliveryError};
use crate::secrets::blotted;
use crate::vocabulary::{Disposition, Status};

/// An outcome, as it was written.
#[derive(Debug)]
pub struct Document {
    pub status: Status,
    pub json: String,
}

/// What became of one record; nothing to report where it was one of our own messages.
#[derive(Debug)]
pub struct Settled {
    pub outcome: Option<Document>,
    /// Silence is not safe: a record whose outcome was not published is redelivered. So is one that must
    /// not go before another.
    pub done: bool,
    /// It was deferred: when it is redelivered was said when its permit was known.
    pub in_line: bool,
}

impl Settled {
    /// The record goes back.
    pub fn is_redelivered(&self) -> bool {
        let redelivered = |outcome: &Document| outcome.status.disposition() == Disposition::Redeliver;
        !self.done || self.outcome.as_ref().is_some_and(redelivered)
    }
}

/// A function error.
#[derive(Debug, PartialEq)]
pub struct Failure {
    pub error_type: &'static str,
    pub message: String,
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        Self { error_type: "InvalidEvent", message: error.to_string() }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.into(), error_message: blotted(&failure.message).into_owned() }
    }
}

impl Delivery {
    /// The response. `settled` holds one entry for each record, in their order.
    ///
    /// # Errors
    /// A function error where the source has no other way to be told that a record is to be redelivered.
    pub fn respond(&self, settled: &[Settled]) -> Result<Box<RawValue>, Failure> {
        let outcomes: Vec<&Document> = settled.iter().filter_map(|it| it.outcome.as_ref()).collect();
        let list = || {
            let list: Vec<_> = outcomes.iter().map(|outcome| outcome.json.as_str()).collect();
            format!("[{}]", list.join(","))
        };
        let document = match self.answered_as {
            AnsweredAs::BatchItemFailures => return Ok(self.batch_item_failures(settled)),
            AnsweredAs::List => list(),
            AnsweredAs::Outcomes if !outcomes.is_empty() => list(),
            AnsweredAs::Outcome | AnsweredAs::Outcomes => {
                outcomes.first().map_or("null".into(), |outcome| outcome.json.clone())
            }
        };
        match error_type(settled) {
            Some(error_type) => Err(Failure { error_type, message: document }),
            None => Ok(raw(document)),
        }
    }

    fn batch_item_failures(&self, settled: &[Settled]) -> Box<RawValue> {
        let mut response = SqsBatchResponse::default();
        for (record, _) in self.records.iter().zip(settled).filter(|(_, settled)| settled.is_redelivered()) {
            // Records of a queue always have an id: one without it failed the event at the start.
            response.add_failure(record.source.id.clone().unwrap_or_default());
        }
        to_raw_value(&response).unwrap_or_else(|_| raw("null".into()))
    }
}

/// Why the function fails, the reason that needs the most deadline first.
fn error_type(settled: &[Settled]) -> Option<&'static str> {
    let any = |status| {
        let mut outcomes = settled.iter().filter_map(|it| it.outcome.as_ref());
        outcomes.any(|outcome| outcome.status == status)
    };
    if any(Status::Failed) || any(Status::Deferred) {
        Some("CancelFailed")
    } else if any(Status::Denied) {
        Some("CancelDenied")
    } else if settled.iter().any(Settled::is_redelivered) {
        Some("PublishFailed")
    } else {
        None
    }
}

/// JSON that was written as JSON.
fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_default()
}
