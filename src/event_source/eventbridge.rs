//! EventBridge, where a rule invokes the function directly.
//!
//! Any detail-type is taken: the rule decides what is a cancel request. The detail is the request.
//! Format: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>

use super::envelope::{is_event, time};
use super::json;
use super::{Invoked, Record, Source};

/// The one record of an event that a rule delivered; `None` where the event is none.
pub fn record(event: &str, invoked: Invoked) -> Option<Record> {
    let object = json::object(event)?;
    if !is_event(&object) {
        return None;
    }
    let id = json::id(&object, "id");
    Some(Record {
        text: object.get("detail")?.get().into(),
        request_id: id.clone().unwrap_or_else(|| invoked.request_id.into()),
        requested_at: time(&object, "time").unwrap_or(invoked.now).min(invoked.now),
        source: Source { kind: "eventbridge", id, ..Source::default() },
    })
}
