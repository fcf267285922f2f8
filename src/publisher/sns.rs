//! An SNS topic: `PublishBatch`.
//!
//! Ten entries and 262,144 bytes a call, all entries together; the limit of a topic can be raised,
//! which nobody tells a publisher. Entries are matched by an id that is their place in the call.
//! API: <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>

use std::collections::HashMap;

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use super::{Entry, Transport, attributes, entry_results};
use crate::call_error::CallError;
use crate::client::{self, error::throttling};
use crate::retry::Taken;

/// A topic and how to reach it.
pub struct Topic {
    pub client: aws_sdk_sns::Client,
    pub arn: String,
}

impl Transport for Topic {
    const LONGEST_CALL: usize = 262_144;

    async fn send(&self, entries: &[Entry<'_>]) -> Result<Taken, CallError> {
        let batch = entries.iter().enumerate().map(|(index, entry)| {
            let attributes: HashMap<_, _> = attributes(entry)
                .map(|(name, value)| {
                    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
                    value.build().map(|value| (name.to_owned(), value))
                })
                .collect::<Result<_, _>>()?;
            PublishBatchRequestEntry::builder()
                .id(index.to_string())
                .message(entry.json)
                .set_message_attributes(Some(attributes))
                .build()
        });
        let output = self
            .client
            .publish_batch()
            .topic_arn(&self.arn)
            .set_publish_batch_request_entries(Some(batch.collect::<Result<_, _>>()?))
            .send()
            .await
            .map_err(|error| client::call_error(error, throttling))?;
        let taken = output.successful().iter().filter_map(|it| it.id());
        let failed = output.failed().iter();
        let failed = failed.map(|it| (it.id(), it.code(), it.message(), it.sender_fault()));
        Ok(entry_results(entries.len(), taken, failed))
    }
}
