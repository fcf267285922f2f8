//! SQS, by its event source mapping or by an EventBridge pipe, which hands over the bare list.
//!
//! The whole batch is never decoded into one type: a record that is not as SQS makes it must not
//! cost the others theirs. Its `messageId` alone cannot be done without.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use serde_json::value::RawValue;

use super::envelope::{self, Layer};
use super::json::{self, Object};
use super::{DeliveryError, Invoked, Record, Source};

/// What SQS calls itself in its records.
pub const NAME: &str = "aws:sqs";

/// Whether SQS made one of these records, and so all of them.
pub fn made(records: &[&RawValue]) -> bool {
    json::made(records, "eventSource", NAME)
}

/// One record for each message.
///
/// # Errors
/// A message without an id could not be named in the response.
pub fn records(messages: &[&RawValue], invoked: Invoked) -> Result<Vec<Record>, DeliveryError> {
    // Results would be collected into a list that doubles as it grows, and a batch may have 10,000.
    let mut records = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let record = record(&json::object(message.get()), invoked);
        records.push(record.ok_or(DeliveryError::NoMessageId { index })?);
    }
    Ok(records)
}

fn record(message: &Object, invoked: Invoked) -> Option<Record> {
    let layer = Layer::of_queue(message);
    let source = Source {
        kind: "sqs",
        id: Some(layer.id?),
        arn: json::id(message, "eventSourceARN"),
        receive_count: layer.receives,
        who: layer.who,
        wrapped: false,
    };
    let opened = envelope::open(layer.content, source, layer.time, invoked);
    Some(Record { receipt_handle: json::id(message, "receiptHandle"), ..opened })
}
