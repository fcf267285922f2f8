//! An event bus: `PutEvents`.
//!
//! Ten entries and less than 1 MB a call. A reply is a 200 even where entries failed, and lists one
//! result for each entry in the order sent.
//! API: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::{Entry, Transport, entry_class};
use crate::call_error::{CallError, Class};
use crate::client::{self, error::throttling};
use crate::retry::Taken;

/// An event bus and how to reach it.
pub struct EventBus {
    pub client: aws_sdk_eventbridge::Client,
    /// The bus's ARN, which names it in other accounts too.
    pub arn: String,
    /// The `source` of every event.
    pub source: String,
}

impl Transport for EventBus {
    // "1 MB" is not said to be a power of two, so it is taken for the smaller number.
    const LONGEST_CALL: usize = 999_999;

    /// Source, detail-type and detail in UTF-8, and 14 bytes for the time.
    fn size(&self, entry: &Entry) -> usize {
        14 + self.source.len() + entry.detail_type.len() + entry.json.len()
    }

    async fn send(&self, entries: &[Entry<'_>]) -> Result<Taken, CallError> {
        let entries = entries.iter().map(|entry| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.arn)
                .source(&self.source)
                .detail_type(entry.detail_type)
                .detail(entry.json)
                .build()
        });
        let entries: Vec<_> = entries.collect();
        let sent = entries.len();
        let output = self
            .client
            .put_events()
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| client::call_error(error, throttling))?;
        Ok((0..sent).map(|index| result(&output, index)).collect())
    }
}

/// What the reply says of an entry. One that it passes over counts as failed.
fn result(output: &PutEventsOutput, index: usize) -> Result<(), CallError> {
    let unread = || CallError::unreadable("a result for each entry");
    let entry = output.entries().get(index).ok_or_else(unread)?;
    match entry.error_code() {
        Some(code) => {
            let class = match code {
                "InternalFailure" | "ThrottlingException" => entry_class(code, false),
                _ => Class::Terminal,
            };
            Err(CallError::service(class, code, entry.error_message().unwrap_or_default()))
        }
        None if entry.event_id().is_some() || output.failed_entry_count() == 0 => Ok(()),
        None => Err(unread()),
    }
}
