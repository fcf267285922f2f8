//! Where an event came from, and how its records are answered there.
//!
//! [`read`] recognizes the source of a raw event and gives its records, each with the text of its
//! request; [`Delivery::respond`] turns what became of them into that source's response. Only this
//! module knows of batches. It does not look into requests: the text of each is decoded on its own,
//! later, so that one bad record never touches another.

mod direct;
mod envelope;
mod eventbridge;
mod json;
mod response;
mod sns;
mod sqs;

use std::ops::Range;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::response::{Failure, Settled};
use crate::timestamp::{Moment, Timestamp};

/// What Lambda delivered.
#[derive(Debug)]
pub struct Delivery {
    pub records: Vec<Record>,
    answered_as: AnsweredAs,
}

/// The form of the response.
#[derive(Clone, Copy, Debug, PartialEq)]
enum AnsweredAs {
    /// The ids of the records that are to come again.
    BatchItemFailures,
    /// The one outcome.
    Outcome,
    /// All outcomes.
    Outcomes,
}

/// One request as it was delivered.
#[derive(Debug)]
pub struct Record {
    /// The text that should be a request.
    pub text: String,
    /// The id of the innermost envelope that has one.
    pub request_id: String,
    /// The time of the innermost envelope that has one, never in the future.
    pub requested_at: Moment,
    pub source: Source,
    /// What names this receive to the queue that it came from.
    pub receipt_handle: Option<String>,
}

impl Record {
    /// The queue's order counts: no record may go before one that failed.
    fn is_in_order(&self) -> bool {
        self.source.kind == "sqs" && self.source.arn.as_ref().is_some_and(|arn| arn.ends_with(".fifo"))
    }
}

impl Delivery {
    /// The records that may go side by side, by their places: all of them, or one by one where their
    /// order counts.
    pub fn turns(&self) -> Vec<Range<usize>> {
        let together = match self.records.iter().any(Record::is_in_order) {
            true => 1,
            false => self.records.len().max(1),
        };
        let starts = (0..self.records.len()).step_by(together);
        starts.map(|start| start..start + together).collect()
    }
}

/// The delivery that Lambda received, as an outcome describes it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_count: Option<u32>,
    #[serde(flatten)]
    pub who: Who,
    /// What it delivered held a further envelope.
    #[serde(skip)]
    pub wrapped: bool,
}

/// Who asked, as far as the envelopes know, the innermost that knows it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// The account of an EventBridge event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<String>,
    /// The replay that sent the event again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_name: Option<String>,
    /// The principal that sent the message to the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_arn: Option<String>,
}

/// What Lambda itself knows of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invoked<'a> {
    pub request_id: &'a str,
    pub now: Timestamp,
}

/// An event that cannot be answered record by record.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DeliveryError {
    /// An empty identifier would fail, and so repeat, the whole batch again and again unseen.
    #[error("record {index} of the batch: expected a messageId, got none")]
    NoMessageId { index: usize },
}

/// Recognizes the source of an event and reads its records.
///
/// # Errors
/// An SQS record without a `messageId` fails the whole event, before anything is done.
pub fn read(event: &RawValue, invoked: Invoked) -> Result<Delivery, DeliveryError> {
    let text = event.get();
    let object = json::object(text);
    let listed: Option<Vec<&RawValue>> = json::member(&object, "Records");
    let (records, answered_as) = match (json::list(text), listed) {
        // A pipe hands over the bare list.
        (Some(list), _) if sqs::made(&list) => (sqs::records(&list, invoked)?, AnsweredAs::BatchItemFailures),
        (_, Some(list)) if list.is_empty() || sqs::made(&list) => {
            (sqs::records(&list, invoked)?, AnsweredAs::BatchItemFailures)
        }
        (_, Some(list)) if sns::made(&list) => (sns::records(&list, invoked), AnsweredAs::Outcomes),
        _ => {
            let record = eventbridge::record(&object, invoked);
            (vec![record.unwrap_or_else(|| direct::record(text, invoked))], AnsweredAs::Outcome)
        }
    };
    Ok(Delivery { records, answered_as })
}

#[cfg(test)]
mod tests;
