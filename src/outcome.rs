//! What became of a request: the outcome, its status, and what the status means for the record.
//!
//! An [`Outcome`] is written once, within its size limit, and from then on only its text travels: to
//! the destination, into the response and into the log. This module knows the table of the contract
//! and the form of the document; it knows no service and no destination.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call_error::{CallError, ReportedError};
use crate::event_source::{Record, Source};
use crate::request::violation::Violation;
use crate::request::{CancelRequest, Input, Labels, Rejection};
use crate::targets::{Service, Settlement};
use crate::timestamp::Timestamp;

/// An outcome is at most so many bytes, so that ten of them fit into few calls of any destination.
pub const LONGEST: usize = 200_000;

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
    pub completed_at: Timestamp,
    /// The name of what was asked for; absent where the request is not valid.
    pub key: Option<String>,
    /// The document, at most [`LONGEST`] bytes.
    pub json: String,
    /// The document without what the requester wrote beyond the target.
    pub loggable: String,
}

impl Outcome {
    /// Whether the world is told. A record that waits in line has nothing to tell yet.
    pub fn is_published(&self) -> bool {
        !(self.status == Status::Deferred && self.kind == Kind::Attempt)
    }
}

/// The document of the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Value>,
    status: Status,
    effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ReportedError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a [Violation]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Input>,
    #[serde(skip_serializing_if = "is_false")]
    input_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a RawValue>,
    attempts: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    service_request_ids: &'a [String],
    source: &'a Source,
    requested_at: Timestamp,
    completed_at: Timestamp,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Writes outcomes as one deployment wants them.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// From this receive count on, a record does not come again.
    pub max_receive_count: Option<u32>,
}

impl Writer {
    /// The outcome of a request that was carried out.
    pub fn settled(
        &self,
        record: &Record,
        request: &CancelRequest,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Outcome {
        let mut document = self.document(record, settlement.status, &request.labels, now);
        let service = request.cancellation.service();
        document.service = Some(service.name());
        document.operation = Some(service.operation());
        document.target = Some(request.cancellation.target());
        document.effect = settlement.effect;
        document.result = settlement.result.clone();
        document.error = settlement.error.as_ref();
        document.remaining = settlement.remaining.clone();
        document.attempts = settlement.attempts;
        document.service_request_ids = &settlement.service_request_ids;
        self.write(document, Some(service), record)
    }

    /// The outcome of a valid request that must not go before another one. Nothing was done about it.
    pub fn held_up(&self, record: &Record, request: &CancelRequest, now: Timestamp) -> Outcome {
        let mut document = self.document(record, Status::Deferred, &request.labels, now);
        let service = request.cancellation.service();
        document.service = Some(service.name());
        document.operation = Some(service.operation());
        document.target = Some(request.cancellation.target());
        self.write(document, Some(service), record)
    }

    /// The same for a request that breaks our own rules, which is for a later delivery to say.
    pub fn held_up_unread(&self, record: &Record, rejection: &Rejection, now: Timestamp) -> Outcome {
        let mut document = self.document(record, Status::Deferred, &rejection.labels, now);
        document.service = rejection.service.map(Service::name);
        document.operation = rejection.service.map(Service::operation);
        self.write(document, rejection.service, record)
    }

    /// The outcome of a valid request that the deployment does not allow.
    pub fn refused(
        &self,
        record: &Record,
        request: &CancelRequest,
        violations: &[Violation],
        now: Timestamp,
    ) -> Outcome {
        let mut document = self.document(record, Status::Rejected, &request.labels, now);
        let service = request.cancellation.service();
        document.service = Some(service.name());
        document.operation = Some(service.operation());
        document.target = Some(request.cancellation.target());
        document.violations = Some(violations);
        self.write(document, Some(service), record)
    }

    /// The outcome of a record over which the function itself failed.
    pub fn broken(&self, record: &Record, error: CallError, now: Timestamp) -> Outcome {
        let (labels, error) = (Labels::default(), ReportedError::from(error));
        let mut document = self.document(record, Status::Failed, &labels, now);
        document.effect = Effect::Unknown;
        document.error = Some(&error);
        self.write(document, None, record)
    }

    /// The outcome of a request that breaks our own rules.
    pub fn rejected(&self, record: &Record, rejection: &Rejection, now: Timestamp) -> Outcome {
        let mut document = self.document(record, Status::Rejected, &rejection.labels, now);
        document.service = rejection.service.map(Service::name);
        document.operation = rejection.service.map(Service::operation);
        document.violations = Some(&rejection.violations);
        self.write(document, rejection.service, record)
    }

    fn document<'a>(
        &self,
        record: &'a Record,
        status: Status,
        labels: &'a Labels,
        now: Timestamp,
    ) -> Document<'a> {
        // Whoever refused it, we or the service: its sender must see what it was.
        let (input, input_truncated) = match status {
            Status::Rejected => {
                let (input, truncated) = Input::of(&record.text);
                (Some(input), truncated)
            }
            _ => (None, false),
        };
        Document {
            kind: self.kind(record, status).name(),
            version: "1",
            request_id: labels.request_id.as_deref().unwrap_or(&record.request_id),
            service: None,
            operation: None,
            target: None,
            status,
            effect: Effect::None,
            result: None,
            error: None,
            violations: None,
            input,
            input_truncated,
            remaining: None,
            reason: labels.reason.as_deref(),
            requested_by: labels.requested_by.as_deref(),
            context: labels.context.as_deref(),
            attempts: 0,
            service_request_ids: &[],
            source: &record.source,
            requested_at: labels.counted_from(record.requested_at),
            completed_at: now,
            truncated: false,
        }
    }

    fn kind(&self, record: &Record, status: Status) -> Kind {
        let receives = record.source.receive_count.zip(self.max_receive_count);
        let comes_again = receives.is_none_or(|(count, most)| count < most);
        match status.disposition() {
            Disposition::Redeliver if comes_again => Kind::Attempt,
            _ => Kind::LastWord,
        }
    }

    fn write(&self, mut document: Document, service: Option<Service>, record: &Record) -> Outcome {
        let status = document.status;
        let key = document.target.as_ref().and_then(|target| target["key"].as_str());
        let key = key.map(String::from);
        let json = within_limit(&mut document);
        let (request_id, attempts) = (document.request_id.to_owned(), document.attempts);
        document.input = None;
        document.input_truncated = false;
        document.reason = None;
        document.requested_by = None;
        document.context = None;
        Outcome {
            kind: self.kind(record, status),
            service,
            status,
            request_id,
            attempts,
            completed_at: document.completed_at,
            key,
            json,
            loggable: to_json(&document),
        }
    }
}

/// Writes the document, leaving out lists of ids until it is short enough. The counts always stay.
/// `remaining` goes last: a part of it would be another request.
fn within_limit(document: &mut Document) -> String {
    let steps: [fn(&mut Document); 5] = [
        |document| remove(&mut document.target, "executionIds"),
        |document| {
            let executions = document.result.as_mut().and_then(|result| result.get_mut("executions"));
            if let Some(Value::Array(executions)) = executions {
                executions.retain(|execution| execution["state"] != "ACCEPTED");
                if executions.is_empty() {
                    remove(&mut document.result, "executions");
                }
            }
        },
        |document| remove(&mut document.result, "executions"),
        |document| document.service_request_ids = &[],
        |document| document.remaining = None,
    ];
    let mut json = to_json(document);
    for step in steps {
        if json.len() <= LONGEST {
            break;
        }
        step(document);
        document.truncated = true;
        json = to_json(document);
    }
    json
}

fn remove(value: &mut Option<Value>, name: &str) {
    if let Some(Value::Object(object)) = value {
        object.remove(name);
    }
}

/// Two characters are legal in JSON and not in an SQS message; inside JSON they can only stand in a
/// string, where an escape means the same.
fn to_json(document: &Document) -> String {
    // Nothing in a document can fail to be written: its map keys are strings, its numbers finite.
    serde_json::to_string(document)
        .unwrap_or_default()
        .replace('\u{FFFE}', "\\ufffe")
        .replace('\u{FFFF}', "\\uffff")
}

#[cfg(test)]
mod tests;
