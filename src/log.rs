//! What an operator reads: one line for each outcome and each confirmation, and what went wrong.
//!
//! The line holds what happened and nothing that the requester wrote beyond the target. Where no
//! destination is set, the line is all that is left of an outcome, so it carries the document too.
//! Format and level are Lambda's own, set by `AWS_LAMBDA_LOG_FORMAT` and `AWS_LAMBDA_LOG_LEVEL`.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use lambda_runtime::tracing;
use lambda_runtime::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_runtime::tracing::subscriber::layer::SubscriberExt;
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt;
use lambda_runtime::tracing::subscriber::{Layer, fmt, registry};

use crate::call_error::{CallError, Class};
use crate::client;
use crate::event_source::{DeliveryError, Failure, Record};
use crate::follow_up::{Confirmation, FollowUp, Seen, Stage};
use crate::outcome::{Kind, Outcome};
use crate::publisher::{Publisher, Unpublished};
use crate::request::CancelRequest;
use crate::secrets::blotted;
use crate::sweep::{Counts, Report};
use crate::targets::{Cancellation, Forced, Service};

/// Begins to log, as Lambda's variables want it, with the version that starts.
pub fn start(level: &str, json: bool, version: &str) {
    let level = match level {
        // Lambda knows a level that nothing here is worth.
        "FATAL" => LevelFilter::ERROR,
        level => level.parse().unwrap_or(LevelFilter::INFO),
    };
    // The runtime's own traces hold whole requests.
    let targets =
        Targets::new().with_default(level.min(LevelFilter::DEBUG)).with_target("countermand", level);
    let quiet = client::QUIET.map(|(target, most)| (target, level.min(most)));
    let targets = targets.with_targets(quiet);
    let lines = fmt::layer().with_target(false).with_writer(|| Lines);
    // Without a time in a line, Lambda's filter takes its level for INFO, whatever it is.
    match json {
        true => registry().with(lines.json().with_filter(targets)).init(),
        false => registry().with(lines.without_time().with_filter(targets)).init(),
    }
    tracing::info!(version, "started");
}

/// Where Lambda reads: one line at a time, without the secrets in it, whoever wrote it.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stdout().lock().write_all(blotted(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// From now on each panic is one line that tells its place. Its words are told where they were written
/// beforehand: others may repeat a request.
pub fn panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let words = panic.payload().downcast_ref::<&'static str>();
        tracing::error!(place, words, "the function panicked");
    }));
}

/// Logs a message of our own that came back.
pub fn ours(record: &Record) {
    tracing::warn!(
        requestId = record.request_id,
        "one of our own messages came in: a rule or queue matches too much"
    );
}

/// Logs a follow-up that leads nowhere.
pub fn dropped(record: &Record, wrong: &str) {
    // Other sources take an id from whoever wrote the event.
    let id = record.source.id.as_deref().filter(|_| record.source.kind == "sqs");
    tracing::warn!(messageId = id, wrong, "a follow-up is dropped");
}

/// Logs a request that could not be followed; its record is redelivered, or was received for the last time.
pub fn not_followed(record: &Record, error: &CallError) {
    tracing::error!(
        messageId = record.source.id,
        code = error.code,
        error = error.message,
        serviceRequestId = error.request_id,
        "the follow-up could not be sent"
    );
}

/// Logs a request that names more than a message can carry.
pub fn too_long_to_follow(record: &Record, wrong: &str) {
    tracing::warn!(messageId = record.source.id, wrong, "the follow-up is longer than a message may be");
}

/// Logs a check: the row of the table that was taken.
pub fn checked(follow_up: &FollowUp, stage: Stage, seen: Seen, row: usize) {
    tracing::debug!(
        requestId = follow_up.labels.request_id,
        check = follow_up.checks,
        stage = ?stage,
        seen = ?seen,
        row,
        "check"
    );
}

/// Logs runs that were ended by force, which is to alarm, and those that could not be.
pub fn stopped_for_good(follow_up: &FollowUp, forced: &[Forced]) {
    let (id, asked) = (follow_up.labels.request_id.as_deref(), follow_up.cancellation.as_ref());
    for Forced { run, result, unanswered } in forced {
        match result {
            Ok(()) => beyond(id, asked, Some(run)),
            // It has ended meanwhile.
            Err(error) if error.class == Class::NotFound => {}
            Err(error) => tracing::error!(
                requestId = id,
                service = asked.service().name,
                target = asked.key(),
                execution = run,
                code = error.code,
                error = error.message,
                serviceRequestId = error.request_id,
                unanswered,
                "what goes on could not be stopped for good"
            ),
        }
    }
}

/// Logs a request that did more than a cancel, which is to alarm.
pub fn went_beyond(record: &Record, request: &CancelRequest) {
    let id = request.labels.request_id.as_deref().unwrap_or(&record.request_id);
    beyond(Some(id), request.cancellation.as_ref(), None);
}

fn beyond(request_id: Option<&str>, asked: &dyn Cancellation, execution: Option<&str>) {
    let service = asked.service();
    tracing::warn!(
        requestId = request_id,
        service = service.name,
        operation = service.beyond.map(|beyond| beyond.operation.own_name()),
        target = asked.key(),
        execution,
        "stopped for good"
    );
}

/// Logs a confirmation, and what kept it from its destination.
pub fn confirmation(confirmation: &Confirmation, published: &Result<(), Unpublished>, publisher: &Publisher) {
    let only_logged = matches!(publisher, Publisher::Nowhere);
    tracing::info!(
        requestId = confirmation.request_id,
        service = confirmation.service,
        status = confirmation.verdict.name(),
        target = confirmation.key,
        checks = confirmation.checks,
        confirmation = only_logged.then_some(confirmation.loggable.as_str()),
        "confirmation"
    );
    if let Err(error) = published {
        unpublished("confirmation", &confirmation.request_id, error);
    }
}

/// Logs how a sweep goes, or how it ended, and what kept that from its destination.
pub fn report(report: &Report, published: &Result<(), Unpublished>, publisher: &Publisher) {
    let only_logged = matches!(publisher, Publisher::Nowhere);
    let Counts { matched, accepted, already_canceled, not_running, failed } = report.counts;
    tracing::info!(
        requestId = report.request_id,
        service = report.service,
        status = report.status(),
        target = report.key,
        steps = report.steps,
        percent = report.percent,
        matched,
        accepted,
        alreadyCanceled = already_canceled,
        notRunning = not_running,
        failed,
        report = only_logged.then_some(report.loggable.as_str()),
        "sweep"
    );
    if let Err(error) = published {
        unpublished("report of a sweep", &report.request_id, error);
    }
}

/// Logs why an event cannot be answered; whoever polls a queue sees no other trace of it.
pub fn unreadable(error: &DeliveryError) {
    tracing::error!("the event cannot be answered: {error}");
}

/// Logs that an invocation fails. Its message is an outcome with all that the requester wrote, which is for
/// the invoker and not for the log.
pub fn failed(failure: &Failure) {
    tracing::error!("function error {}", failure.error_type);
}

/// Logs a look-up that failed. A missing permission is told once: the deployment may have chosen it.
pub fn look_up_failed(service: &Service, error: &CallError) {
    let service = service.name;
    static TOLD: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if error.class == Class::Config && told.insert(service) {
        tracing::warn!(service, code = error.code, "look-ups are refused, so outcomes stay unexplained");
    } else {
        tracing::debug!(service, code = error.code, error = error.message, "a look-up failed");
    }
}

/// Logs a record that is redelivered though what became of it is known.
pub fn no_time_to_tell(record: &Record) {
    tracing::warn!(messageId = record.source.id, "no time is left to tell of a record, which comes again");
}

/// Logs a record that stays hidden for its queue's own visibility timeout.
pub fn not_hidden(record: &Record, error: &CallError) {
    tracing::warn!(
        messageId = record.source.id,
        code = error.code,
        error = error.message,
        "the visibility timeout of a record that goes back could not be set"
    );
}

/// Logs an outcome, and what kept it from its destination; it is `withheld` where its record is redelivered.
pub fn outcome(outcome: &Outcome, withheld: bool, published: &Result<(), Unpublished>, took_ms: u64) {
    tracing::info!(
        requestId = outcome.request_id,
        service = outcome.service,
        status = outcome.status.name(),
        lastWord = outcome.kind == Kind::LastWord && !withheld,
        target = outcome.key,
        attempts = outcome.attempts,
        durationMs = took_ms,
        outcome = outcome.loggable.as_deref(),
        "outcome"
    );
    if let Err(error) = published {
        unpublished("outcome", &outcome.request_id, error);
    }
}

fn unpublished(what: &str, request_id: &str, error: &Unpublished) {
    tracing::error!(
        requestId = request_id,
        code = error.code,
        error = error.message,
        serviceRequestId = error.request_id,
        "the {what} could not be published, so its record comes again"
    );
}
