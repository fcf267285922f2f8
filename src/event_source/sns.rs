//! SNS, where a topic invokes the function directly.
//!
//! Lambda hands over one record an event, in a list. The notification's message is the request or a
//! further envelope.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use serde_json::value::RawValue;

use super::envelope::{self, time};
use super::json;
use super::{Invoked, Record, Source};

/// The records of an event that SNS made.
pub fn notifications(event: &str) -> Option<Vec<&RawValue>> {
    let records: Vec<&RawValue> = json::member(&json::object(event)?, "Records")?;
    records
        .iter()
        .any(|record| {
            json::object(record.get())
                .and_then(|object| json::string(&object, "EventSource"))
                .is_some_and(|source| source == "aws:sns")
        })
        .then_some(records)
}

/// One record for each notification.
pub fn records(notifications: &[&RawValue], invoked: Invoked) -> Vec<Record> {
    notifications.iter().map(|notification| record(notification.get(), invoked)).collect()
}

fn record(notification: &str, invoked: Invoked) -> Record {
    let outer = json::object(notification).unwrap_or_default();
    let sns = json::nested(&outer, "Sns").unwrap_or_default();
    let id = json::id(&sns, "MessageId");
    let unwrapped = envelope::open(sns.get("Message").copied(), id.clone(), time(&sns, "Timestamp"), invoked);
    Record {
        text: unwrapped.text,
        request_id: unwrapped.request_id,
        requested_at: unwrapped.requested_at,
        source: Source {
            kind: "sns",
            id,
            arn: json::string(&outer, "EventSubscriptionArn"),
            receive_count: None,
        },
    }
}
