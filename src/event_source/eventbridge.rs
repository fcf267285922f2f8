//! EventBridge, where a rule invokes the function directly.
//!
//! Any detail-type is taken: the rule decides what is a cancel request. The detail is the request.
//! Format: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>

use super::envelope::{detail, time};
use super::json::{self, Object};
use super::{Invoked, Record, Source, Who};

/// The one record of an event that a rule delivered; `None` where it is none.
pub fn record(event: &Object, invoked: Invoked) -> Option<Record> {
    let text = detail(event)?.into();
    let id = json::id(event, "id");
    Some(Record {
        text,
        request_id: id.clone().unwrap_or_else(|| invoked.request_id.into()),
        requested_at: time(event, "time").unwrap_or(invoked.now.into()).earlier(invoked.now),
        receipt_handle: None,
        source: Source { kind: "eventbridge", id, who: Who::of_event(event), ..Source::default() },
    })
}
