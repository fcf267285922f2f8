//! Everything else: a direct invocation, Scheduler, Step Functions, a rule's input transformer.
//!
//! The payload is the request, or an envelope that somebody kept and sent again; a list is a batch of
//! them. Lambda's request id is the id, and it was asked for just now.

use super::envelope;
use super::{Invoked, Record, Source};

/// The record of a payload, or of one that is listed in it.
pub fn record(payload: &str, invoked: Invoked) -> Record {
    let source = Source { kind: "direct", id: Some(invoked.request_id.into()), ..Source::default() };
    envelope::open(payload.into(), source, None, invoked)
}
