//! SNS, where a topic invokes the function directly.
//!
//! Lambda hands over one record an event, in a list. The notification's message is the request or a
//! further envelope.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use serde_json::value::RawValue;

use super::envelope::{self, time};
use super::json;
use super::{Invoked, Record, Source, Who};

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
    let source = Source {
        kind: "sns",
        id: json::id(&sns, "MessageId"),
        arn: json::id(&outer, "EventSubscriptionArn"),
        receive_count: None,
        who: Who::of_notification(&sns),
        wrapped: false,
    };
    envelope::open(sns.get("Message"), source, time(&sns, "Timestamp"), invoked)
}
