//! Requests that share calls: the fewest calls for all, and to each request its own part of the answers.
//!
//! Calls wait for their permits side by side, in the order of the requests. A request of which nothing was
//! asked when its permit proves too far away is deferred; once one of its calls goes, the others wait for
//! theirs. A shared call that is refused for good is made again for each request alone: what is wrong
//! with one must not decide for the others. Where a request wants more than a cancel, that call goes first, and
//! its cancels follow the first attempt of it. Nothing here knows a service.

mod gate;
mod settled;

use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use self::gate::{Gate, Opening};
use self::settled::{place_without_a_slot, settlement};
use super::target::{Accepted, Calls, Shared};
use super::{Asked, Context, Settlement, Tell};
use crate::call_error::{CallError, Class};
use crate::contained::contained;
use crate::pace::{Deadline, Priority, Waiting};
use crate::retry::Attempts;

/// A call that was made, or whose permit did not come.
struct Made<T: Calls> {
    call: T::Call,
    requests: Vec<usize>,
    attempts: Attempts<Accepted<T::Reply>>,
    /// Asked again for each request alone, whose answers count.
    asked_again: bool,
    /// It is no cancel.
    goes_first: bool,
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
    let gate = |shared: &Shared<T::Call>| target.goes_first(&shared.call).map(|_| Gate::new());
    let gates: Vec<Option<Gate>> = calls.iter().map(gate).collect();
    let joined = match target.ready() {
        Ok(()) => sharing.joined(calls, &calls_of, &gates),
        Err(error) => calls.into_iter().map(|call| (call, Some(Err(error.clone())))).collect(),
    };
    let making = joined.into_iter().enumerate().map(async |(call, (shared, waiting))| {
        let _opening = gates[call].as_ref().map(Opening);
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => sharing.behind(&shared, &calls_of, &gates).await,
        };
        let made = sharing.make(shared, waiting, gates[call].as_ref()).await;
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

/// A call and its place among those that wait, or why it is not made; nothing where another one goes first.
type Joined<'a, Call> = (Shared<Call>, Option<Result<Waiting<'a>, CallError>>);

impl<'a, T: Calls> Sharing<'a, T> {
    /// All calls join before any goes, so that each request is known to be called in time or not at all.
    fn joined(
        &self,
        calls: Vec<Shared<T::Call>>,
        calls_of: &[Vec<usize>],
        gates: &[Option<Gate>],
    ) -> Vec<Joined<'a, T::Call>> {
        let (requests, until) = (self.requests, self.context.until);
        let mut begun = vec![false; requests.len()];
        let mut away: Vec<Option<Duration>> = vec![None; requests.len()];
        let join = |(call, shared): (usize, Shared<T::Call>)| {
            if gates[call].is_none() && Self::gates_before(&shared, calls_of, gates).next().is_some() {
                return (shared, None);
            }
            let any_begun = shared.requests.iter().any(|&request| begun[request]);
            // A request has one place in line, however many calls it needs.
            let known = shared.requests.iter().filter_map(|&request| away[request]).max();
            let waiting = match known.filter(|_| !any_begun) {
                Some(place) => Err(place),
                None if any_begun => self.join(&shared, Deadline::Begun { until }),
                None => self.join(&shared, Deadline::First { until }),
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
            (shared, Some(waiting.map_err(CallError::deferred)))
        };
        calls.into_iter().enumerate().map(join).collect()
    }

    fn join(&self, shared: &Shared<T::Call>, deadline: Deadline) -> Result<Waiting<'a>, Duration> {
        let priorities = shared.requests.iter().map(|&request| self.requests[request].priority);
        let operation = self.target.goes_first(&shared.call).unwrap_or(T::CANCEL);
        self.context.pace.limiter(operation).join(Priority::highest(priorities), deadline)
    }

    /// The gates of the calls that go before this one.
    fn gates_before<'g>(
        shared: &Shared<T::Call>,
        calls_of: &[Vec<usize>],
        gates: &'g [Option<Gate>],
    ) -> impl Iterator<Item = &'g Gate> {
        let calls = shared.requests.iter().flat_map(|&request| &calls_of[request]);
        calls.filter_map(|&call| gates[call].as_ref())
    }

    /// Joins behind the calls that go first: where one was made, the cancel is worth all the time there is.
    async fn behind(
        &self,
        shared: &Shared<T::Call>,
        calls_of: &[Vec<usize>],
        gates: &[Option<Gate>],
    ) -> Result<Waiting<'a>, CallError> {
        let mut asked = false;
        for gate in Self::gates_before(shared, calls_of, gates) {
            asked |= gate.opened().await;
        }
        let until = self.context.until;
        let deadline = if asked { Deadline::Begun { until } } else { Deadline::First { until } };
        self.join(shared, deadline).map_err(|place| {
            let records = shared.requests.iter().map(|&request| self.requests[request].record);
            records.for_each(|record| self.context.defer(record, place));
            CallError::deferred(place)
        })
    }

    async fn make(
        &self,
        shared: Shared<T::Call>,
        waiting: Result<Waiting<'_>, CallError>,
        gate: Option<&Gate>,
    ) -> Made<T> {
        let (Shared { mut call, requests }, context) = (shared, self.context);
        let attempts = match waiting {
            Err(error) => Attempts::none(error),
            Ok(waiting) => {
                let cancel = async || {
                    gate.inspect(|gate| gate.asked.set(true));
                    let _opening = gate.map(Opening);
                    self.target.cancel(&mut call).await
                };
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
        let goes_first = self.target.goes_first(&call).is_some();
        Made { call, requests, attempts, asked_again: false, goes_first }
    }

    /// Makes a call for requests of which something was asked before.
    async fn make_begun(&self, shared: Shared<T::Call>) -> Made<T> {
        let waiting = self.join(&shared, Deadline::Begun { until: self.context.until });
        self.make(shared, waiting.map_err(CallError::deferred), None).await
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
