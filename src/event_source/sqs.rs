//! SQS, by its event source mapping or by an EventBridge pipe, which hands over the bare list.
//!
//! The whole batch is never decoded into one type: a record that is not as SQS makes it must not
//! cost the others theirs. Its `messageId` alone cannot be done without.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use serde_json::value::RawValue;

use super::envelope;
use super::json::{self, Object};
use super::{DeliveryError, Invoked, Record, Source, Who};
use crate::timestamp::{Moment, Timestamp};

/// Whether SQS made one of these records, and so all of them.
pub fn made(records: &[&RawValue]) -> bool {
    let source = |record: &RawValue| json::string(&json::object(record.get()), "eventSource");
    records.iter().any(|record| source(record).as_deref() == Some("aws:sqs"))
}

/// One record for each message.
///
/// # Errors
/// A message without an id could not be named in the response.
pub fn records(messages: &[&RawValue], invoked: Invoked) -> Result<Vec<Record>, DeliveryError> {
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| {
            let object = json::object(message.get());
            let id = json::id(&object, "messageId").ok_or(DeliveryError::NoMessageId { index })?;
            Ok(record(&object, id, invoked))
        })
        .collect()
}

fn record(message: &Object, id: String, invoked: Invoked) -> Record {
    let attributes = json::nested(message, "attributes");
    let number = |name| json::string(&attributes, name)?.parse::<i64>().ok();
    let sent = number("SentTimestamp").and_then(Timestamp::from_millis);
    let source = Source {
        kind: "sqs",
        id: Some(id),
        arn: json::id(message, "eventSourceARN"),
        receive_count: number("ApproximateReceiveCount").and_then(|count| u32::try_from(count).ok()),
        who: Who { sender_id: json::id(&attributes, "SenderId"), ..Who::default() },
        wrapped: false,
    };
    let opened = envelope::open(message.get("body"), source, sent.map(Moment::from), invoked);
    Record { receipt_handle: json::id(message, "receiptHandle"), ..opened }
}
