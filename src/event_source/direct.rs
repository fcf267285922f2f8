//! Everything else: a direct invocation, Scheduler, Step Functions, a rule's input transformer.
//!
//! The payload is the request, Lambda's request id is its id, and it was asked for just now.

use super::{Invoked, Record, Source};

/// The one record of a payload.
pub fn record(event: &str, invoked: Invoked) -> Record {
    Record {
        text: event.into(),
        request_id: invoked.request_id.into(),
        requested_at: invoked.now.into(),
        receipt_handle: None,
        source: Source { kind: "direct", id: Some(invoked.request_id.into()), ..Source::default() },
    }
}
