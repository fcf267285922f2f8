//! SNS, where a topic invokes the function directly.
//!
//! Lambda hands over one record an event, in a list. The notification's message is the request or a
//! further envelope.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use serde_json::value::RawValue;

use super::envelope::{self, time};
use super::json;
use super::{Invoked, Record, Source};

/// Whether SNS made one of these records, and so all of them.
pub fn made(records: &[&RawValue]) -> bool {
    let source = |record: &RawValue| json::string(&json::object(record.get()), "EventSource");
    records.iter().any(|record| source(record).as_deref() == Some("aws:sns"))
}

/// One record for each notification.
pub fn records(notifications: &[&RawValue], invoked: Invoked) -> Vec<Record> {
    notifications.iter().map(|notification| record(notification.get(), invoked)).collect()
}

fn record(notification: &str, invoked: Invoked) -> Record {
    let outer = json::object(notification);
    let sns = json::nested(&outer, "Sns");
    let id = json::id(&sns, "MessageId");
    let unwrapped = envelope::open(sns.get("Message"), id.clone(), time(&sns, "Timestamp"), invoked);
    Record {
        text: unwrapped.text,
        request_id: unwrapped.request_id,
        requested_at: unwrapped.requested_at,
        source: Source {
            kind: "sns",
            id,
            arn: json::id(&outer, "EventSubscriptionArn"),
            receive_count: None,
        },
    }
}
