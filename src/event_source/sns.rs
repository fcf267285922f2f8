//! SNS, where a topic invokes the function directly.
//!
//! Lambda hands over one record an event, in a list. The notification's message is the request or a
//! further envelope.
//! Format: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use serde_json::value::RawValue;

use super::envelope::{self, Layer};
use super::json;
use super::{Invoked, Record, Source};

/// What SNS calls itself in its records.
pub const NAME: &str = "aws:sns";

/// Whether SNS made one of these records, and so all of them.
pub fn made(records: &[&RawValue]) -> bool {
    json::made(records, "EventSource", NAME)
}

/// One record for each notification.
pub fn records(notifications: &[&RawValue], invoked: Invoked) -> Vec<Record> {
    notifications.iter().map(|notification| record(notification.get(), invoked)).collect()
}

fn record(notification: &str, invoked: Invoked) -> Record {
    let object = json::object(notification);
    let layer = Layer::of_topic(&object);
    let source = Source {
        kind: "sns",
        id: layer.id,
        arn: json::id(&object, "EventSubscriptionArn"),
        receive_count: None,
        who: layer.who,
        wrapped: false,
    };
    envelope::open(layer.content, source, layer.time, invoked)
}
