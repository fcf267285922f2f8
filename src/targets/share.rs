//! Requests that share calls: the fewest calls for all, and to each request its own part of the answers.
//!
//! Calls wait for their permits side by side, in the order of the requests. A request of which nothing was
//! asked when its permit proves too far away is deferred; once one of its calls goes, the others wait for
//! theirs. A shared call that is refused for good is made again for each request alone: what is wrong
//! with one must not decide for the others. Nothing here knows a service.

use std::any::Any;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use super::target::{Accepted, Answered, Calls, Shared};
use super::{Asked, Context, Settlement, Tell};
use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::contained::contained;
use crate::pace::{Deadline, Priority, Waiting};
use crate::retry::Attempts;
use crate::vocabulary::{Effect, Status};

/// A call that was made, or whose permit did not come.
struct Made<T: Calls> {
    call: T::Call,
    requests: Vec<usize>,
    attempts: Attempts<Accepted<T::Reply>>,
    /// Asked again for each request alone, whose answers count.
    asked_again: bool,
}

/// Requests that share calls.
struct Sharing<'a, T: Calls> {
    target: &'a T,
    requests: &'a [Asked<'a, T::Cancellation>],
    context: &'a Context<'a>,
}

/// Carries requests out. What became of each is told as soon as the last of its calls is
/// done, whatever becomes of the others'.
pub async fn settle<T: Calls>(
    target: &T,
    requests: &[Asked<'_, T::Cancellation>],
    context: &Context<'_>,
    tell: Tell<'_>,
) {
    let sharing = Sharing { target, requests, context };
    let cancellations: Vec<_> = requests.iter().map(|asked| asked.cancellation).collect();
    let calls = target.calls(&cancellations);
    let mut calls_of: Vec<Vec<usize>> = requests.iter().map(|_| Vec::new()).collect();
    for (call, shared) in calls.iter().enumerate() {
        shared.requests.iter().for_each(|&request| calls_of[request].push(call));
    }
    let mut left: Vec<usize> = calls_of.iter().map(Vec::len).collect();
    let mut done: Vec<Vec<Made<T>>> = calls.iter().map(|_| Vec::new()).collect();
    let conclude = |request: usize, done: &[Vec<Made<T>>]| {
        let own = calls_of[request].iter().flat_map(|&call| &done[call]);
        let own: Vec<&Made<T>> = own.filter(|made| made.requests.binary_search(&request).is_ok()).collect();
        let asked = &requests[request];
        if let Some(place) = place_without_a_slot(&own) {
            context.defer(asked.record, place);
        }
        let settled = contained(|| settlement(&sharing, asked, &own));
        tell(asked.record, settled.unwrap_or_else(Settlement::broken));
    };
    (0..requests.len()).filter(|&request| left[request] == 0).for_each(|request| conclude(request, &done));
    let joined = match target.ready() {
        Ok(()) => sharing.joined(calls, &calls_of),
        Err(error) => calls.into_iter().map(|call| (call, Err(error.clone()))).collect(),
    };
    let making = joined.into_iter().enumerate().map(async |(call, (shared, waiting))| {
        let made = sharing.make(shared, waiting).await;
        (call, sharing.ask_again(made).await)
    });
    let mut making: FuturesUnordered<_> = making.collect();
    while let Some((call, made)) = making.next().await {
        done[call] = made;
        for &request in done[call].first().iter().flat_map(|made| &made.requests) {
            left[request] -= 1;
            if left[request] == 0 {
                conclude(request, &done);
            }
        }
    }
}

/// One more call for a request of which something was asked before.
pub async fn once_more<T: Calls>(
    target: &T,
    asked: Asked<'_, T::Cancellation>,
    context: &Context<'_>,
) -> Settlement {
    let sharing = Sharing { target, requests: std::slice::from_ref(&asked), context };
    let calls = target.calls(&[asked.cancellation]);
    let made = join_all(calls.into_iter().map(|shared| sharing.make_begun(shared))).await;
    settlement(&sharing, &asked, &made.iter().collect::<Vec<_>>())
}

/// A call and its place among those that wait, or why it is not made.
type Joined<'a, Call> = (Shared<Call>, Result<Waiting<'a>, CallError>);

impl<'a, T: Calls> Sharing<'a, T> {
    /// All calls join before any goes, so that each request is known to be called in time or not at all.
    fn joined(&self, calls: Vec<Shared<T::Call>>, calls_of: &[Vec<usize>]) -> Vec<Joined<'a, T::Call>> {
        let (requests, until) = (self.requests, self.context.until);
        let mut begun = vec![false; requests.len()];
        let mut away: Vec<Option<Duration>> = vec![None; requests.len()];
        let join = |shared: Shared<T::Call>| {
            let any_begun = shared.requests.iter().any(|&request| begun[request]);
            // A request has one place in line, however many calls it needs.
            let known = shared.requests.iter().filter_map(|&request| away[request]).max();
            let waiting = match known.filter(|_| !any_begun) {
                Some(place) => Err(place),
                None if any_begun => self.join(&shared.requests, Deadline::Begun { until }),
                None => self.join(&shared.requests, Deadline::First { until }),
            };
            let more = shared.requests.iter().any(|&request| calls_of[request].len() > 1);
            let waiting = waiting.map(|waiting| if more { waiting.begun(until) } else { waiting });
            for &request in &shared.requests {
                match waiting {
                    Ok(_) => begun[request] = true,
                    Err(place) if !begun[request] && away[request].is_none() => {
                        away[request] = Some(place);
                        self.context.defer(requests[request].record, place);
                    }
                    Err(_) => {}
                }
            }
            (shared, waiting.map_err(CallError::deferred))
        };
        calls.into_iter().map(join).collect()
    }

    fn join(&self, on_call: &[usize], deadline: Deadline) -> Result<Waiting<'a>, Duration> {
        let priority = Priority::highest(on_call.iter().map(|&request| self.requests[request].priority));
        self.context.pace.limiter(T::CANCEL).join(priority, deadline)
    }

    async fn make(&self, shared: Shared<T::Call>, waiting: Result<Waiting<'_>, CallError>) -> Made<T> {
        let (Shared { mut call, requests }, context) = (shared, self.context);
        let attempts = match waiting {
            Err(error) => Attempts::none(error),
            Ok(waiting) => {
                let cancel = async || self.target.cancel(&mut call).await;
                let attempts = context.retry.run_paced(waiting, context.until, cancel).await;
                if let Err(CallError { class: Class::Deferred, retry_after: Some(place), .. }) =
                    attempts.result
                {
                    let records = requests.iter().map(|&request| self.requests[request].record);
                    records.for_each(|record| context.defer(record, place));
                }
                attempts
            }
        };
        Made { call, requests, attempts, asked_again: false }
    }

    /// Makes a call for requests of which something was asked before.
    async fn make_begun(&self, shared: Shared<T::Call>) -> Made<T> {
        let waiting = self.join(&shared.requests, Deadline::Begun { until: self.context.until });
        self.make(shared, waiting.map_err(CallError::deferred)).await
    }

    /// Refused for good, a shared call is made for each of its requests alone.
    async fn ask_again(&self, mut shared: Made<T>) -> Vec<Made<T>> {
        let class = shared.attempts.result.as_ref().err().map(|error| error.class);
        let for_good = matches!(class, Some(Class::NotFound | Class::Terminal | Class::Unknown));
        if !for_good || shared.requests.len() < 2 {
            return vec![shared];
        }
        shared.asked_again = true;
        let alone = shared.requests.iter().map(|&request| {
            let call = self.target.part(&shared.call, self.requests[request].cancellation);
            self.make_begun(Shared { call, requests: vec![request] })
        });
        let mut made = join_all(alone).await;
        // What was answered first comes first.
        made.insert(0, shared);
        made
    }
}

/// What the calls that a request is on mean for it.
fn settlement<T: Calls>(
    Sharing { target, context, .. }: &Sharing<'_, T>,
    asked: &Asked<'_, T::Cancellation>,
    own: &[&Made<T>],
) -> Settlement {
    // A request that was called keeps the service's last error, though it was not the last word.
    let refused =
        own.iter().filter(|made| made.asked_again).find_map(|made| made.attempts.result.as_ref().err());
    let (begun, place) = (own.iter().any(|made| made.attempts.made > 0), place_without_a_slot(own));
    let redelivered = asked.priority.receives().is_some_and(|receives| receives > 1);
    let counting = own.iter().filter(|made| !made.asked_again);
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
    let request_ids = own.iter().flat_map(|Made { attempts, .. }| {
        let accepted = attempts.result.as_ref().ok().and_then(|accepted| accepted.request_id.as_ref());
        attempts.failed_request_ids.iter().chain(accepted)
    });
    let began = own.iter().filter_map(|made| made.attempts.began).min();
    let answered = own.iter().filter_map(|made| made.attempts.answered).max();
    Settlement {
        status: conclusion.status,
        effect: match (conclusion.taken, own.iter().any(|made| made.attempts.unanswered)) {
            (true, _) => Effect::Requested,
            (false, true) => Effect::Unknown,
            (false, false) => Effect::None,
        },
        result: conclusion.result,
        error: error.map(|error| ReportedError::from(CallError { retry_after, ..error })),
        remaining: conclusion.remaining,
        attempts: own.iter().map(|made| made.attempts.made).sum(),
        throttles: own.iter().map(|made| made.attempts.throttled).sum(),
        service_request_ids: request_ids.cloned().collect(),
        unclear: conclusion.unclear.map(|unclear| Box::new(unclear) as Box<dyn Any>),
        open_ends: conclusion.open_ends,
        called: began.zip(answered),
    }
}

/// No call was made for want of a permit or of time.
fn never_came(error: &CallError) -> bool {
    error.class == Class::Deferred || (error.answer == Answer::NotAsked && error.code == "DeadlineExceeded")
}

/// The place in line of a request of which nothing was asked, though there were permits: all calls that may be
/// under way at once were.
fn place_without_a_slot<T: Calls>(own: &[&Made<T>]) -> Option<Duration> {
    let errors = own.iter().map(|made| made.attempts.result.as_ref().err().filter(|error| never_came(error)));
    let errors: Option<Vec<&CallError>> = errors.collect();
    let late = errors?.into_iter().filter(|error| error.class != Class::Deferred);
    late.filter_map(|error| error.retry_after).max()
}

/// One call for all requests that are equal, where a request is its own call.
pub fn equal<C: Clone + Eq + Hash>(requests: &[&C]) -> Vec<Shared<C>> {
    let mut calls: Vec<Shared<C>> = Vec::new();
    let mut places: HashMap<&C, usize> = HashMap::new();
    for (request, cancellation) in requests.iter().enumerate() {
        match places.entry(cancellation) {
            Entry::Occupied(place) => calls[*place.get()].requests.push(request),
            Entry::Vacant(place) => {
                place.insert(calls.len());
                calls.push(Shared { call: (*cancellation).clone(), requests: vec![request] });
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests;
