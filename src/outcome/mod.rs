//! What became of a request: the outcome.
//!
//! An [`Outcome`] is written once, within its size limit, and from then on only its text travels: to
//! the destination, into the response and into the log. This module knows the form of the document; it
//! knows no service and no destination.

mod document;
mod writer;

use std::time::Duration;

pub use self::document::{LONGEST, is_false, remove, shortened, to_json};
pub use self::writer::Writer;
use crate::marker;
use crate::publisher::Entry;
use crate::timestamp::Timestamp;
use crate::vocabulary::Status;

/// Whether this is the last word on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    LastWord,
    /// The record goes back and may still succeed.
    Attempt,
}

impl Kind {
    /// The `type` of the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::LastWord => marker::OUTCOME,
            Self::Attempt => marker::ATTEMPT_FAILED,
        }
    }

    /// The `detail-type` of the event that carries it.
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::LastWord => "Cancellation Outcome",
            Self::Attempt => "Cancellation Attempt Failed",
        }
    }
}

/// A written outcome.
#[derive(Debug)]
pub struct Outcome {
    pub kind: Kind,
    pub service: Option<&'static str>,
    pub status: Status,
    pub request_id: String,
    pub attempts: u32,
    /// Attempts that were answered by throttling.
    pub throttles: u32,
    pub requested_at: Timestamp,
    pub completed_at: Timestamp,
    /// The name of what was asked for; absent where the request is not valid.
    pub key: Option<String>,
    /// The document, at most [`LONGEST`] bytes.
    pub json: String,
    /// The document without what the requester wrote beyond the target, where the log is all that it goes to.
    pub loggable: Option<String>,
}

impl Outcome {
    /// As it travels to a destination.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            kind: self.kind.name(),
            detail_type: self.kind.detail_type(),
            service: self.service,
            status: Some(self.status.name()),
            json: &self.json,
            delay: Duration::ZERO,
        }
    }

    /// Whether the world is told. A record that waits in line has nothing to tell yet.
    pub fn is_published(&self) -> bool {
        !(self.status == Status::Deferred && self.kind == Kind::Attempt)
    }
}

#[cfg(test)]
mod tests;
