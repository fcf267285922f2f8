//! What the calls that a request is on, answered or not, mean for it.

use std::any::Any;
use std::time::Duration;

use super::{Made, Sharing};
use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::targets::{Answered, Asked, Calls, Settlement};
use crate::vocabulary::{Effect, Status};

/// What the calls that a request is on mean for it.
pub fn settlement<T: Calls>(
    Sharing { target, context, .. }: &Sharing<'_, T>,
    asked: &Asked<'_, T::Cancellation>,
    own: &[&Made<T>],
) -> Settlement {
    // A request that was called keeps the service's last error, though it was not the last word.
    let refused = own.iter().filter(|made| made.asked_again && !made.goes_first);
    let refused = { refused }.find_map(|made| made.attempts.result.as_ref().err());
    let begun = own.iter().any(|made| made.attempts.made > 0);
    let place = place_without_a_slot(own);
    let counting = own.iter().filter(|made| !made.asked_again);
    let redelivered = asked.priority.receives().is_some_and(|receives| receives > 1);
    let results: Vec<(&Made<T>, _)> = counting
        .map(|made| {
            let failed = |error: &CallError| match (begun && never_came(error), place) {
                // Something was asked: what is left is late, and not in line.
                (true, _) => CallError::deadline(Answer::NotAsked).in_words_of(refused),
                (false, Some(place)) if never_came(error) => CallError::deferred(place),
                (false, _) => error.clone().in_words_of(refused),
            };
            (*made, made.attempts.result.as_ref().map(|accepted| &accepted.reply).map_err(failed))
        })
        .collect();
    let answers: Vec<Answered<'_, T>> = results
        .iter()
        .map(|&(made, ref result)| Answered {
            call: &made.call,
            result: result.as_ref().copied(),
            began: made.attempts.began.map(|began| context.invocation.at(began)),
            repeated: made.attempts.made > 1 || redelivered,
        })
        .collect();
    let conclusion = target.conclude(asked.cancellation, &answers);
    // Nothing is accepted that no service took.
    if conclusion.status == Status::Accepted && !conclusion.taken {
        return Settlement::broken(CallError::no_result());
    }
    let error = conclusion.error.filter(|error| error.class != Class::Deferred);
    let failures = own.iter().filter_map(|made| made.attempts.result.as_ref().err());
    let failures = failures.filter(|error| error.class != Class::Deferred);
    let retry_after = failures.filter_map(|error| error.retry_after).max();
    // What went first tells nothing of the cancel.
    let cancels = || own.iter().filter(|made| !made.goes_first);
    let unanswered = cancels().any(|made| made.attempts.unanswered);
    let request_ids = cancels().flat_map(|Made { attempts, .. }| {
        let accepted = attempts.result.as_ref().ok().and_then(|accepted| accepted.request_id.as_ref());
        attempts.failed_request_ids.iter().chain(accepted)
    });
    let began = cancels().filter_map(|made| made.attempts.began).min();
    let answered = cancels().filter_map(|made| made.attempts.answered).max();
    Settlement {
        status: conclusion.status,
        effect: match (conclusion.taken, unanswered) {
            (true, _) => Effect::Requested,
            (false, true) => Effect::Unknown,
            (false, false) => Effect::None,
        },
        result: conclusion.result,
        error: error.map(|error| ReportedError::from(CallError { retry_after, ..error })),
        remaining: conclusion.remaining,
        attempts: cancels().map(|made| made.attempts.made).sum(),
        throttles: own.iter().map(|made| made.attempts.throttled).sum(),
        service_request_ids: request_ids.cloned().collect(),
        unclear: conclusion.unclear.map(|unclear| Box::new(unclear) as Box<dyn Any>),
        open_ends: conclusion.open_ends,
        went_beyond: conclusion.went_beyond,
        called: began.zip(answered),
    }
}

/// No call was made for want of a permit or of time.
fn never_came(error: &CallError) -> bool {
    error.class == Class::Deferred || (error.answer == Answer::NotAsked && error.code == "DeadlineExceeded")
}

/// The place in line of a request of which nothing was asked, though there were permits: all calls that may be
/// under way at once were.
pub fn place_without_a_slot<T: Calls>(own: &[&Made<T>]) -> Option<Duration> {
    let errors = own.iter().map(|made| made.attempts.result.as_ref().err().filter(|error| never_came(error)));
    let errors: Option<Vec<&CallError>> = errors.collect();
    let late = errors?.into_iter().filter(|error| error.class != Class::Deferred);
    late.filter_map(|error| error.retry_after).max()
}
