//! EventBridge, where a rule invokes the function directly.
//!
//! Any detail-type is taken: the rule decides what is a cancel request. The detail is the request or a
//! further envelope.

use super::envelope::{self, Layer};
use super::json::Object;
use super::{Invoked, Record, Source};

/// The one record of an event that a rule delivered; `None` where it is none.
pub fn record(event: &Object, invoked: Invoked) -> Option<Record> {
    let layer = Layer::event(event)?;
    let source = Source { kind: "eventbridge", id: layer.id, who: layer.who, ..Source::default() };
    Some(envelope::open(layer.content, source, layer.time, invoked))
}
