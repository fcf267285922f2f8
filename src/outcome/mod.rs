//! What became of a request: the outcome, its status, and what the status means for the record.
//!
//! An [`Outcome`] is written once, within its size limit, and from then on only its text travels: to
//! the destination, into the response and into the log. This module knows the table of statuses
//! and the form of the document; it knows no service and no destination.

mod document;
mod writer;

use std::time::Duration;

use serde::Serialize;

pub use self::document::{LONGEST, is_false, remove, shortened, to_json};
pub use self::writer::Writer;
use crate::publisher::Entry;
use crate::targets::Service;
use crate::timestamp::Timestamp;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Accepted,
    Partial,
    AlreadyCanceled,
    NotRunning,
    NotFound,
    Rejected,
    DryRun,
    Denied,
    Failed,
    Deferred,
}

/// What happens to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Acknowledge,
    Redeliver,
}

impl Status {
    /// The table: what is final is acknowledged, what may go better or needs a person goes back.
    pub fn disposition(self) -> Disposition {
        match self {
            Self::Accepted
            | Self::Partial
            | Self::AlreadyCanceled
            | Self::NotRunning
            | Self::NotFound
            | Self::Rejected
            | Self::DryRun => Disposition::Acknowledge,
            Self::Denied | Self::Failed | Self::Deferred => Disposition::Redeliver,
        }
    }

    /// As outcomes write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Partial => "PARTIAL",
            Self::AlreadyCanceled => "ALREADY_CANCELED",
            Self::NotRunning => "NOT_RUNNING",
            Self::NotFound => "NOT_FOUND",
            Self::Rejected => "REJECTED",
            Self::DryRun => "DRY_RUN",
            Self::Denied => "DENIED",
            Self::Failed => "FAILED",
            Self::Deferred => "DEFERRED",
        }
    }
}

/// Whether the request changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Effect {
    Requested,
    None,
    Unknown,
}

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
            Self::LastWord => "CancellationOutcome",
            Self::Attempt => "CancellationAttemptFailed",
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
    pub service: Option<Service>,
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
            service: self.service.map(Service::name),
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
