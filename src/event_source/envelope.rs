//! Envelopes around a request: an EventBridge event or an SNS notification in a body or message.
//!
//! Rules, topics and queues can be chained, and each link wraps what it carries. The innermost
//! envelope that has a readable id or time knows best what was asked and when.

use serde_json::value::RawValue;

use super::Invoked;
use super::json::{self, Object};
use crate::timestamp::Timestamp;

/// So many envelopes are opened, far more than services wrap: each costs a look through all that is
/// left, so a text that is nothing but envelopes would take the time of every other record.
const MOST_ENVELOPES: usize = 8;

/// A request taken out of its envelopes.
#[derive(Debug)]
pub struct Unwrapped {
    pub text: String,
    pub request_id: String,
    pub requested_at: Timestamp,
}

/// Opens the body or message of a delivery. `id` and `time` are those of the delivery itself, where
/// it has them; Lambda's own serve where nobody has.
pub fn open(
    content: Option<&RawValue>,
    id: Option<String>,
    time: Option<Timestamp>,
    invoked: Invoked,
) -> Unwrapped {
    let mut unwrapped = Unwrapped {
        text: text_of(content),
        request_id: id.unwrap_or_else(|| invoked.request_id.into()),
        requested_at: time.unwrap_or(invoked.now),
    };
    for _ in 0..MOST_ENVELOPES {
        let Some(layer) = Layer::of(&unwrapped.text) else {
            break;
        };
        unwrapped.request_id = layer.id.unwrap_or(unwrapped.request_id);
        unwrapped.requested_at = layer.time.unwrap_or(unwrapped.requested_at);
        unwrapped.text = layer.content;
        if layer.last {
            break;
        }
    }
    // A clock that runs ahead must not make a request younger than it is.
    unwrapped.requested_at = unwrapped.requested_at.min(invoked.now);
    unwrapped
}

/// One envelope.
struct Layer {
    content: String,
    id: Option<String>,
    time: Option<Timestamp>,
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
                last: true,
            })
        } else if json::string(&object, "Type").as_deref() == Some("Notification") {
            Some(Self {
                content: text_of(object.get("Message")),
                id: json::id(&object, "MessageId"),
                time: time(&object, "Timestamp"),
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
pub fn time(object: &Object, name: &str) -> Option<Timestamp> {
    Timestamp::parse(&json::string(object, name)?)
}

/// The text in a string, which every body and message should be. What is none is given as its JSON,
/// for the request's own rules to judge.
fn text_of(content: Option<&RawValue>) -> String {
    let json = content.map_or("null", RawValue::get);
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}
