//! Envelopes around a request: an EventBridge event or an SNS notification in a body or message.
//!
//! Rules, topics and queues can be chained, and each link wraps what it carries. The innermost
//! envelope that has a readable id or time knows best what was asked and when.

use serde_json::value::RawValue;

use super::json::{self, Object};
use super::{Invoked, Record, Source, Who};
use crate::timestamp::Moment;

/// So many envelopes are opened, far more than services wrap: each costs a look through all that is
/// left, so a text that is nothing but envelopes would take the time of every other record.
const MOST_ENVELOPES: usize = 8;

/// Opens the body or message of a delivery. The delivery's own id, and its time, count where no
/// envelope inside has one; Lambda's own serve where nobody has.
pub fn open(content: Option<&RawValue>, source: Source, time: Option<Moment>, invoked: Invoked) -> Record {
    let mut record = Record {
        text: text_of(content),
        request_id: source.id.clone().unwrap_or_else(|| invoked.request_id.into()),
        requested_at: time.unwrap_or(invoked.now.into()),
        source,
        receipt_handle: None,
    };
    for _ in 0..MOST_ENVELOPES {
        let Some(layer) = Layer::of(&record.text) else {
            break;
        };
        record.request_id = layer.id.unwrap_or(record.request_id);
        record.requested_at = layer.time.unwrap_or(record.requested_at);
        record.source.who.learn(layer.who);
        record.source.wrapped = true;
        record.text = layer.content;
        if layer.last {
            break;
        }
    }
    // A clock that runs ahead must not make a request younger than it is.
    record.requested_at = record.requested_at.earlier(invoked.now);
    record
}

impl Who {
    /// What an EventBridge event knows.
    pub fn of_event(event: &Object) -> Self {
        Self {
            account: json::id(event, "account"),
            event_source: json::id(event, "source"),
            detail_type: json::id(event, "detail-type"),
            replay_name: json::id(event, "replay-name"),
            ..Self::default()
        }
    }

    /// What an SNS notification knows.
    pub fn of_notification(notification: &Object) -> Self {
        Self { topic_arn: json::id(notification, "TopicArn"), ..Self::default() }
    }

    /// Takes over what an envelope further inside knows.
    fn learn(&mut self, inner: Self) {
        let learn = |known: &mut Option<String>, inner: Option<String>| *known = inner.or(known.take());
        learn(&mut self.account, inner.account);
        learn(&mut self.event_source, inner.event_source);
        learn(&mut self.detail_type, inner.detail_type);
        learn(&mut self.replay_name, inner.replay_name);
        learn(&mut self.sender_id, inner.sender_id);
        learn(&mut self.topic_arn, inner.topic_arn);
    }
}

/// One envelope.
struct Layer {
    content: String,
    id: Option<String>,
    time: Option<Moment>,
    who: Who,
    /// The detail of an event is the request itself; a notification's message may be wrapped again.
    last: bool,
}

impl Layer {
    fn of(text: &str) -> Option<Self> {
        let object = json::object(text);
        if let Some(detail) = detail(&object) {
            Some(Self {
                content: detail.into(),
                id: json::id(&object, "id"),
                time: time(&object, "time"),
                who: Who::of_event(&object),
                last: true,
            })
        } else if json::string(&object, "Type").as_deref() == Some("Notification") {
            Some(Self {
                content: text_of(object.get("Message")),
                id: json::id(&object, "MessageId"),
                time: time(&object, "Timestamp"),
                who: Who::of_notification(&object),
                last: false,
            })
        } else {
            None
        }
    }
}

/// The detail of an EventBridge event, which has a detail-type too, whatever else.
pub fn detail<'a>(object: &Object<'a>) -> Option<&'a str> {
    object.get("detail-type").and(object.get("detail")).map(RawValue::get)
}

/// A member that is an RFC 3339 time.
pub fn time(object: &Object, name: &str) -> Option<Moment> {
    Moment::parse(&json::string(object, name)?)
}

/// The text in a string, which every body and message should be. What is none is given as its JSON,
/// for the request's own rules to judge.
fn text_of(content: Option<&RawValue>) -> String {
    let json = content.map_or("null", RawValue::get);
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}
