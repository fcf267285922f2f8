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
mod payload;
mod repeats;
mod response;
mod sns;
mod sqs;

use std::ops::Range;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::payload::payload;
pub use self::repeats::Repeats;
pub use self::response::{Document, Failure, Settled};
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
    /// The ids of the records that are to be redelivered.
    BatchItemFailures,
    /// The one outcome.
    Outcome,
    /// All outcomes, or nothing where there is none.
    Outcomes,
    /// All outcomes, as the requests were listed.
    List,
}

/// One request as it was delivered.
#[derive(Debug)]
pub struct Record {
    /// The text that should be a request.
    pub text: String,
    /// The id of the innermost envelope that has one.
    pub request_id: String,
    /// The earliest time that anything says, never in the future.
    pub requested_at: Moment,
    /// It was delivered before, as far as is known.
    pub repeated: bool,
    pub source: Source,
    /// What names this receive to the queue that it came from.
    pub receipt_handle: Option<String>,
}

impl Record {
    /// The queue's order counts: no record may go before one that failed.
    fn is_in_order(&self) -> bool {
        self.source.is_queue() && self.source.arn.as_ref().is_some_and(|arn| arn.ends_with(".fifo"))
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

impl Source {
    /// Whether SQS keeps what it delivered, be it read by a mapping or a pipe.
    pub fn is_queue(&self) -> bool {
        self.kind == "sqs"
    }

    /// A source that only ever invokes asynchronously, so that Lambda itself repeats what fails.
    pub fn is_asynchronous(&self) -> bool {
        matches!(self.kind, "eventbridge" | "sns")
    }

    /// Takes over what an envelope further inside knows. Of a queue's own messages SQS has said who sent them.
    fn learn(&mut self, inner: Who) {
        let sender_id = if self.is_queue() { None } else { inner.sender_id };
        let learn = |known: &mut Option<String>, inner: Option<String>| *known = inner.or(known.take());
        learn(&mut self.who.account, inner.account);
        learn(&mut self.who.event_source, inner.event_source);
        learn(&mut self.who.detail_type, inner.detail_type);
        learn(&mut self.who.replay_name, inner.replay_name);
        learn(&mut self.who.sender_id, sender_id);
        learn(&mut self.who.topic_arn, inner.topic_arn);
    }
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
    /// When this process had the same invocation before, which failed.
    pub before: Option<Timestamp>,
}

/// An event that cannot be answered record by record.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DeliveryError {
    /// An empty identifier would fail, and so repeat, the whole batch again and again unseen.
    #[error("record {index} of the batch: expected a messageId, got none")]
    NoMessageId { index: usize },
    /// It says what is wrong and repeats nothing of the payload, which is not for the log.
    #[error("the payload: expected one JSON value, a cancel request or an event that carries one; got {0}")]
    NotJson(String),
    /// Each is answered with an outcome, and a response has its limit.
    #[error("the payload: expected a list of at most {most} items, got {got}", most = MOST_LISTED)]
    TooManyListed { got: usize },
}

/// A batch of a queue is no longer either.
const MOST_LISTED: usize = 10_000;

/// Recognizes the source of an event and reads its records.
///
/// # Errors
/// An SQS record without a `messageId`, or a list without end, fails the whole event, before anything is done.
pub fn read(event: &RawValue, invoked: Invoked) -> Result<Delivery, DeliveryError> {
    let text = event.get();
    let bare = json::list(text, MOST_LISTED);
    let is_bare = bare.is_some();
    let listed = bare.or_else(|| json::list(json::object(text).get("Records")?.get(), MOST_LISTED));
    if let Some((_, got)) = listed.as_ref().filter(|(_, got)| *got > MOST_LISTED) {
        return Err(DeliveryError::TooManyListed { got: *got });
    }
    let (records, answered_as) = match listed {
        // A pipe hands over the bare list.
        Some((list, _)) if sqs::made(&list) || (list.is_empty() && !is_bare) => {
            (sqs::records(&list, invoked)?, AnsweredAs::BatchItemFailures)
        }
        Some((list, _)) if is_bare => {
            let records = list.iter().map(|member| direct::record(member.get(), invoked));
            (records.collect(), AnsweredAs::List)
        }
        Some((list, _)) if sns::made(&list) => (sns::records(&list, invoked), AnsweredAs::Outcomes),
        _ => {
            // What a payload is made of is looked at once at a time: it may be made of a great deal.
            let event = eventbridge::record(&json::object(text), invoked);
            (vec![event.unwrap_or_else(|| direct::record(text, invoked))], AnsweredAs::Outcome)
        }
    };
    Ok(Delivery { records, answered_as })
}

#[cfg(test)]
mod tests;
