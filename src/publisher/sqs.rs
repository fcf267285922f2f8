//! An SQS queue: `SendMessageBatch`.
//!
//! Ten entries and 1,048,576 bytes a call, attributes counted. A message may hold only the
//! characters that XML 1.0 allows, which outcomes keep to. Entries are matched by an id that is their
//! place in the call.
//! API: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::collections::HashMap;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use super::{Entry, Transport, attributes, entry_results};
use crate::call_error::CallError;
use crate::client::{self, error::throttling};
use crate::retry::Taken;

/// A queue and how to reach it.
pub struct Queue {
    pub client: aws_sdk_sqs::Client,
    pub url: String,
}

/// Left out where there is none: the queue may have a delay of its own.
fn delay_seconds(entry: &Entry) -> Option<i32> {
    i32::try_from(entry.delay.as_secs()).ok().filter(|seconds| *seconds > 0)
}

impl Transport for Queue {
    const LONGEST_CALL: usize = 1_048_576;

    async fn send(&self, entries: &[Entry<'_>]) -> Result<Taken, CallError> {
        let batch = entries.iter().enumerate().map(|(index, entry)| {
            let attributes: HashMap<_, _> = attributes(entry)
                .map(|(name, value)| {
                    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
                    value.build().map(|value| (name.to_owned(), value))
                })
                .collect::<Result<_, _>>()?;
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(entry.json)
                .set_message_attributes(Some(attributes))
                .set_delay_seconds(delay_seconds(entry))
                .build()
        });
        let output = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(batch.collect::<Result<_, _>>()?))
            .send()
            .await
            .map_err(|error| client::call_error(error, throttling))?;
        let taken = output.successful().iter().map(|it| it.id());
        let failed = output.failed().iter();
        let failed = failed.map(|it| (it.id(), it.code(), it.message(), it.sender_fault()));
        Ok(entry_results(entries.len(), taken, failed))
    }
}
