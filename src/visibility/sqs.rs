//! SQS: `ChangeMessageVisibility`, and for several messages `ChangeMessageVisibilityBatch`, which the same
//! permission allows.
//!
//! The visibility timeout counts whole seconds from now; a part of one is rounded up, since a record that
//! comes too early has come for nothing. A receipt that is outdated is refused, and nothing is lost.
//! API: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;

use crate::call_error::CallError;
use crate::client::{self, Body, ReadableReply, Successes, error::throttling};
use crate::publisher::entry_results;
use crate::retry::Taken;

pub const SUCCESSES: Successes = &[
    ("ChangeMessageVisibility", Body::Empty),
    ("ChangeMessageVisibilityBatch", Body::Member(&["Successful", "Failed"])),
];

/// So many messages fit into one call.
pub const MOST_ENTRIES: usize = 10;

/// The queues that records come from. Few records go back, so the client is built for the first that does.
pub struct Queues {
    aws: SdkConfig,
    client: OnceLock<aws_sdk_sqs::Client>,
}

impl Queues {
    pub fn connect(aws: &SdkConfig) -> Self {
        Self { aws: aws.clone(), client: OnceLock::new() }
    }

    /// Hides received messages, each for so long from now; at most [`MOST_ENTRIES`] of one queue.
    ///
    /// # Errors
    /// A call that failed as a whole. A message that is not hidden by us is hidden for the queue's own
    /// visibility timeout.
    pub async fn hide(&self, url: &str, messages: &[(&str, Duration)]) -> Result<Taken, CallError> {
        let client = self.client.get_or_init(|| {
            let config = aws_sdk_sqs::config::Builder::from(&self.aws).interceptor(ReadableReply(SUCCESSES));
            aws_sdk_sqs::Client::from_conf(config.build())
        });
        if let [(receipt, wait)] = *messages {
            let call = client.change_message_visibility().queue_url(url).receipt_handle(receipt);
            let done = call.visibility_timeout(seconds(wait)).send().await;
            return done.map(|_| vec![Ok(())]).map_err(|error| client::call_error(error, throttling));
        }
        let entries = messages.iter().enumerate().map(|(place, (receipt, wait))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
            entry.receipt_handle(*receipt).visibility_timeout(seconds(*wait)).build()
        });
        let entries = entries.collect::<Result<_, _>>()?;
        let call = client.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        let output = call.send().await;
        let output = output.map_err(|error| client::call_error(error, throttling))?;
        let hidden = output.successful().iter().map(|it| it.id());
        let failed = output.failed().iter();
        let failed = failed.map(|it| (it.id(), it.code(), it.message(), it.sender_fault()));
        Ok(entry_results(messages.len(), hidden, failed))
    }
}

fn seconds(wait: Duration) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
