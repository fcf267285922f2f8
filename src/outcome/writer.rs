//! Writes outcomes, for every way in which a request can end.
//!
//! It is told what became of a request and turns that into the document. It decides nothing but which word
//! is the last.

use super::document::{Document, to_json, within_limit};
use super::{Kind, Outcome};
use crate::call_error::{CallError, ReportedError};
use crate::event_source::Record;
use crate::fields::violation::Violation;
use crate::request::{CancelRequest, Input, Labels, Rejection};
use crate::targets::{Service, Settlement};
use crate::timestamp::Timestamp;
use crate::vocabulary::{Disposition, Effect, Status};

/// Writes outcomes as one deployment wants them.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// From this receive count on, a record is not redelivered.
    pub max_receive_count: Option<u32>,
    /// The log holds the outcomes.
    pub logged: bool,
}

impl Writer {
    /// The outcome of a request that was carried out; `pending` where it is followed to its end.
    pub fn settled(
        &self,
        record: &Record,
        request: &CancelRequest,
        mut settlement: Settlement,
        pending: bool,
        now: Timestamp,
    ) -> Outcome {
        let mut document = self.of_request(record, settlement.status, request, now);
        document.effect = settlement.effect;
        document.result = settlement.result.take();
        document.error = settlement.error.as_ref();
        document.remaining = settlement.remaining.take();
        document.confirmation = pending.then_some("PENDING");
        document.attempts = settlement.attempts;
        document.service_request_ids = &settlement.service_request_ids;
        Outcome { throttles: settlement.throttles, ..self.write(document, record) }
    }

    /// The outcome of a valid request that must not go before another one. Nothing was done about it.
    pub fn held_up(&self, record: &Record, request: &CancelRequest, now: Timestamp) -> Outcome {
        self.write(self.of_request(record, Status::Deferred, request, now), record)
    }

    /// The same for a request that breaks our own rules, which is for a later delivery to say.
    pub fn held_up_unread(&self, record: &Record, rejection: &Rejection, now: Timestamp) -> Outcome {
        let Rejection { service, labels, .. } = rejection;
        self.write(self.document(record, Status::Deferred, *service, labels, now), record)
    }

    /// The outcome of a valid request that the deployment does not allow.
    pub fn refused(
        &self,
        record: &Record,
        request: &CancelRequest,
        violations: &[Violation],
        now: Timestamp,
    ) -> Outcome {
        let mut document = self.of_request(record, Status::Rejected, request, now);
        document.violations = Some(violations);
        self.write(document, record)
    }

    /// The outcome of a record over which the function itself failed.
    pub fn broken(&self, record: &Record, error: CallError, now: Timestamp) -> Outcome {
        let (labels, error) = (Labels::default(), ReportedError::from(error));
        let mut document = self.document(record, Status::Failed, None, &labels, now);
        document.effect = Effect::Unknown;
        document.error = Some(&error);
        self.write(document, record)
    }

    /// The outcome of a request that breaks our own rules.
    pub fn rejected(&self, record: &Record, rejection: &Rejection, now: Timestamp) -> Outcome {
        let Rejection { service, labels, .. } = rejection;
        let mut document = self.document(record, Status::Rejected, *service, labels, now);
        document.violations = Some(&rejection.violations);
        if rejection.is_withheld {
            (document.input, document.input_truncated) = (None, false);
        }
        self.write(document, record)
    }

    fn of_request<'a>(
        &self,
        record: &'a Record,
        status: Status,
        request: &'a CancelRequest,
        now: Timestamp,
    ) -> Document<'a> {
        let (service, target) = (request.cancellation.service(), request.cancellation.target());
        let document = self.document(record, status, Some(service), &request.labels, now);
        Document { target: Some(target), ..document }
    }

    fn document<'a>(
        &self,
        record: &'a Record,
        status: Status,
        service: Option<&'static Service>,
        labels: &'a Labels,
        now: Timestamp,
    ) -> Document<'a> {
        // Whoever refused it, we or the service: its sender must see what it was.
        let (input, cut) = (status == Status::Rejected).then(|| Input::of(&record.text)).unzip();
        Document {
            kind: self.kind(record, status).name(),
            version: "1",
            request_id: labels.request_id.as_deref().unwrap_or(&record.request_id),
            service: service.map(|service| service.name),
            operation: service.map(|service| service.cancel.own_name()),
            target: None,
            status,
            effect: Effect::None,
            result: None,
            error: None,
            violations: None,
            input,
            input_truncated: cut.unwrap_or(false),
            remaining: None,
            confirmation: None,
            reason: labels.reason.as_deref(),
            requested_by: labels.requested_by.as_deref(),
            context: labels.context.as_deref(),
            attempts: 0,
            service_request_ids: &[],
            source: &record.source,
            requested_at: labels.counted_from(record.requested_at).ends(),
            completed_at: now,
            truncated: false,
        }
    }

    /// The record is not redelivered, whatever becomes of it.
    pub fn is_last_receive(&self, record: &Record) -> bool {
        let receives = record.source.receive_count.zip(self.max_receive_count);
        receives.is_some_and(|(count, most)| count >= most)
    }

    fn kind(&self, record: &Record, status: Status) -> Kind {
        match status.disposition() {
            Disposition::Redeliver if !self.is_last_receive(record) => Kind::Attempt,
            _ => Kind::LastWord,
        }
    }

    fn write(&self, mut document: Document, record: &Record) -> Outcome {
        let status = document.status;
        let key = document.target.as_ref().and_then(|target| target["key"].as_str());
        let key = key.map(String::from);
        let json = within_limit(&mut document);
        let (request_id, attempts) = (document.request_id.to_owned(), document.attempts);
        Outcome {
            kind: self.kind(record, status),
            service: document.service,
            status,
            request_id,
            attempts,
            throttles: 0,
            requested_at: document.requested_at,
            completed_at: document.completed_at,
            key,
            json,
            loggable: self.logged.then(|| loggable(document)),
        }
    }
}

fn loggable(mut document: Document) -> String {
    document.input = None;
    document.input_truncated = false;
    document.reason = None;
    document.requested_by = None;
    document.context = None;
    // A message quotes what is wrong.
    let named = |violation: &Violation| Violation { message: String::new(), ..violation.clone() };
    let violations: Option<Vec<_>> = document.violations.map(|list| list.iter().map(named).collect());
    to_json(&Document { violations: violations.as_deref(), ..document })
}
