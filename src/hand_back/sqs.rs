//! SQS: `ChangeMessageVisibility`.
//!
//! The visibility timeout counts whole seconds from now; a part of one is rounded up, since a record that
//! comes too early has come for nothing. A receipt that is outdated is refused, and nothing is lost.
//! API: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::SdkConfig;

use crate::call_error::CallError;
use crate::client::{self, ReadableReply, error::throttling};

/// The queues that records come from. Few records go back, so the client is built for the first that does.
pub struct Queues {
    aws: SdkConfig,
    client: OnceLock<aws_sdk_sqs::Client>,
}

impl Queues {
    pub fn connect(aws: &SdkConfig) -> Self {
        Self { aws: aws.clone(), client: OnceLock::new() }
    }

    /// Hides a received message for so long from now.
    ///
    /// # Errors
    /// Every failure; the message is then hidden for the queue's own visibility timeout.
    pub async fn hide(&self, url: &str, receipt: &str, wait: Duration) -> Result<(), CallError> {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let client = || {
            let config = aws_sdk_sqs::config::Builder::from(&self.aws).interceptor(ReadableReply);
            aws_sdk_sqs::Client::from_conf(config.build())
        };
        let call = self
            .client
            .get_or_init(client)
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX));
        call.send().await.map(|_| ()).map_err(|error| client::call_error(error, throttling))
    }
}
