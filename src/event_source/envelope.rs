//! Envelopes around a request, and the one rule for all of them.
//!
//! Rules, topics, queues and pipes can be chained, and each link wraps what it carries; what is kept after
//! a failure is wrapped once more. Whatever is an envelope is opened, in any order: the innermost id that
//! can be read counts, since it was given first, and the earliest time, since no envelope makes an old
//! request young.

use super::json::{self, Object};
use super::{Invoked, Record, Source, Who};
use crate::marker::{Undelivered, is_control_message};
use crate::timestamp::{Moment, Timestamp};

/// So many envelopes are opened, far more than services wrap: each costs a look through all that is
/// left, so a text that is nothing but envelopes would take the time of every other record.
const MOST_ENVELOPES: usize = 8;

/// Opens what a delivery carries. The delivery's own id, and its time, count where no envelope inside
/// has one; Lambda's own serve where nobody has. A time in the future counts as now.
pub fn open(text: String, source: Source, time: Option<Moment>, invoked: Invoked) -> Record {
    let came_at = Moment::from(invoked.before.unwrap_or(invoked.now));
    let mut record = Record {
        text: json::without_mark(text),
        request_id: source.id.clone().unwrap_or_else(|| invoked.request_id.into()),
        requested_at: time.map_or(came_at, |time| came_at.earlier(time)),
        repeated: invoked.before.is_some() || source.receive_count > Some(1),
        source,
        receipt_handle: None,
    };
    for _ in 0..MOST_ENVELOPES {
        let Some(layer) = Layer::of(&record.text, &record.source) else { break };
        record.request_id = layer.id.unwrap_or(record.request_id);
        if let Some(time) = layer.time {
            record.requested_at = record.requested_at.earlier(time);
        }
        record.repeated |= layer.receives > Some(1);
        record.source.learn(layer.who);
        record.text = json::without_mark(layer.content);
        record.source.wrapped = true;
    }
    record
}

/// One envelope.
#[derive(Default)]
pub struct Layer {
    pub content: String,
    pub id: Option<String>,
    pub time: Option<Moment>,
    /// How often it was handed to somebody.
    pub receives: Option<u32>,
    pub who: Who,
}

impl Layer {
    fn of(text: &str, source: &Source) -> Option<Self> {
        let object = json::object(text);
        Self::event(&object)
            .or_else(|| Self::notification(&object))
            .or_else(|| Self::record(&object))
            .or_else(|| Self::only_record(&object))
            .or_else(|| Self::undelivered(&object).filter(|_| source.is_queue()))
    }

    /// An EventBridge event. Its detail is an object, so that a string in its place is no text to be read.
    /// Format: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
    pub fn event(object: &Object) -> Option<Self> {
        let detail = object.get("detail-type").and(object.get("detail"))?;
        Some(Self {
            content: detail.get().into(),
            id: json::id(object, "id"),
            time: time(object, "time"),
            who: Who {
                account: json::id(object, "account"),
                event_source: json::id(object, "source"),
                detail_type: json::id(object, "detail-type"),
                replay_name: json::id(object, "replay-name"),
                ..Who::default()
            },
            ..Self::default()
        })
    }

    /// What a topic sends to a queue.
    /// Format: <https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html>
    fn notification(object: &Object) -> Option<Self> {
        let notified = json::string(object, "Type").as_deref() == Some("Notification");
        notified.then(|| Self::notified(object, json::text(object.get("Message"))))
    }

    fn notified(object: &Object, content: String) -> Self {
        Self {
            content,
            id: json::id(object, "MessageId"),
            time: time(object, "Timestamp"),
            who: Who { topic_arn: json::id(object, "TopicArn"), ..Who::default() },
            ..Self::default()
        }
    }

    /// A record of a queue, as a pipe hands it on, or of a topic.
    fn record(object: &Object) -> Option<Self> {
        match (json::string(object, "eventSource"), json::string(object, "EventSource")) {
            (Some(source), _) if source == super::sqs::NAME => Some(Self::of_queue(object)),
            (_, Some(source)) if source == super::sns::NAME => Some(Self::of_topic(object)),
            _ => None,
        }
    }

    /// A record of a queue.
    pub fn of_queue(message: &Object) -> Self {
        let attributes = json::nested(message, "attributes");
        let number = |name| json::string(&attributes, name)?.parse::<i64>().ok();
        Self {
            content: json::text(message.get("body")),
            id: json::id(message, "messageId"),
            time: number("SentTimestamp").and_then(Timestamp::from_millis).map(Moment::from),
            receives: number("ApproximateReceiveCount").and_then(|count| count.try_into().ok()),
            who: Who { sender_id: json::id(&attributes, "SenderId"), ..Who::default() },
        }
    }

    /// A record of a topic. A message that asks for a subscription is not what it says beside that.
    pub fn of_topic(record: &Object) -> Self {
        let sns = json::nested(record, "Sns");
        let content = match is_control_message(&sns) {
            true => json::text(record.get("Sns")),
            false => json::text(sns.get("Message")),
        };
        Self::notified(&sns, content)
    }

    /// Lambda's own event, as it is kept where the invocation failed: with one record it is an envelope.
    fn only_record(object: &Object) -> Option<Self> {
        let (records, length) = json::list(object.get("Records")?.get(), 1)?;
        Self::record(&json::object(records.first().filter(|_| length == 1)?.get()))
    }

    /// The record of an asynchronous invocation that failed for good, as an on-failure destination gets it.
    /// Its id is that of the invocation, under which every attempt was answered.
    fn undelivered(object: &Object) -> Option<Self> {
        let undelivered = Undelivered::of(object).filter(Undelivered::tells_failure)?;
        Some(Self {
            content: undelivered.payload.get().into(),
            id: undelivered.request_id,
            time: time(object, "timestamp"),
            // What came of the attempts nobody knows here: this one is another.
            receives: Some(2),
            ..Self::default()
        })
    }
}

/// A member that is an RFC 3339 time.
fn time(object: &Object, name: &str) -> Option<Moment> {
    Moment::parse(&json::string(object, name)?)
}
