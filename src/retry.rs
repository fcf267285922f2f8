//! The one owner of attempts: classification, then delay, then budget, under the deadline.
//!
//! Every call to a service, cancel or publish, goes through [`Retry`]; the SDK's own retries are off.
//! Each attempt of a paced call waits for its permit first, and tells the limiter how it was answered. Retry
//! knows the class of a failure and the time there is, and nothing of what the call does. It is also the
//! only place that bounds how many calls are under way at once.

mod aside;
mod limits;
mod repeats;
mod together;

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

pub use self::aside::{beside, portions};
pub use self::limits::{ADDRESSES_LIMIT, ATTEMPT_LIMIT, asking, connecting, prepare, prepared};
use self::limits::{asked, noting_who_is_asked};
use self::repeats::Repeats;
pub use self::together::Taken;
use crate::call_error::{Answer, CallError, Class};
use crate::contained::contained_in;
use crate::pace::{Came, Deadline, Limiter, Priority, Waiting};

/// The ceiling of the wait before the second attempt; it doubles from there.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// No wait of our own choice is longer than this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// The limits that every call shares.
pub struct Retry {
    max_attempts: u32,
    most_in_flight: usize,
    in_flight: Semaphore,
    renew: Box<Renew>,
}

/// Whether other credentials can be had than those of a call that started then.
type Renew = dyn Fn(Instant) -> bool + Send + Sync;

/// What became of a call, all its attempts taken together.
#[derive(Debug)]
pub struct Attempts<T> {
    pub result: Result<T, CallError>,
    /// Calls made, repeats included.
    pub made: u32,
    /// Those that were answered by throttling.
    pub throttled: u32,
    /// An attempt went out and no answer came: it may have been done.
    pub unanswered: bool,
    /// The service's ids of the attempts that failed, in order.
    pub failed_request_ids: Vec<String>,
    /// When the first attempt was made.
    pub began: Option<Instant>,
    /// When the service said that it took the call.
    pub answered: Option<Instant>,
}

impl Retry {
    /// `max_attempts` for each call, the first counted; at most `in_flight` calls at once.
    pub fn new(max_attempts: u32, in_flight: usize) -> Self {
        let slots = Semaphore::new(in_flight);
        Self { max_attempts, most_in_flight: in_flight, in_flight: slots, renew: Box::new(|_| false) }
    }

    /// So many calls may be under way at once.
    pub fn in_flight(&self) -> usize {
        self.most_in_flight
    }

    /// What is asked for other credentials where those of a call have expired.
    pub fn renewing(self, renew: impl Fn(Instant) -> bool + Send + Sync + 'static) -> Self {
        Self { renew: Box::new(renew), ..self }
    }

    /// Calls until it succeeds, fails for good, or neither attempts nor time are left. What ends
    /// with the time keeps the service's last error, where there was one.
    pub async fn run<T>(
        &self,
        until: Instant,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Attempts<T> {
        self.attempts(&mut Permits::Free, until, call).await
    }

    /// The same, each attempt with a permit; `waiting` is for the first.
    pub async fn run_paced<T>(
        &self,
        waiting: Waiting<'_>,
        until: Instant,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Attempts<T> {
        let (limiter, priority, may_go_back) = (waiting.limiter, waiting.priority, waiting.is_first());
        let mut permits = Permits::In { limiter, priority, first: Some(waiting), may_go_back };
        self.attempts(&mut permits, until, call).await
    }

    async fn attempts<T>(
        &self,
        permits: &mut Permits<'_>,
        until: Instant,
        mut call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Attempts<T> {
        let mut attempts = Attempts::none(CallError::deadline(Answer::NotAsked));
        let mut repeats = Repeats::default();
        let mut wait = Duration::ZERO;
        loop {
            match permits.next(wait, until).await {
                Came::Permit => {}
                Came::Never => return attempts,
                Came::Away(place) => return Attempts::none(CallError::deferred(place)),
            }
            let Some(slot) = self.slot(until).await else { return permits.without_a_slot(attempts) };
            let Some((started, result)) = self.attempt(until, &mut call).await else { return attempts };
            drop(slot);
            permits.heard(started, &result);
            attempts.began = attempts.began.or(Some(started));
            let error = match result {
                Ok(value) => {
                    attempts.made += 1;
                    attempts.answered = Some(Instant::now());
                    attempts.result = Ok(value);
                    return attempts;
                }
                Err(error) => error,
            };
            attempts.record(error.clone());
            let allowed = repeats.allowed(&error, || (self.renew)(started));
            if !allowed || repeats.made >= self.max_attempts {
                return attempts;
            }
            wait = backoff(repeats.made).max(error.retry_after.unwrap_or_default());
        }
    }

    /// A place among the calls under way; none where there was none in time.
    async fn slot(&self, until: Instant) -> Option<SemaphorePermit<'_>> {
        if let Ok(slot) = self.in_flight.try_acquire() {
            return Some(slot);
        }
        let slot = timeout_at(until, self.in_flight.acquire()).await.ok()?.ok();
        // One that comes free as the time is up, with the call that had it, comes too late.
        slot.filter(|_| Instant::now() < until)
    }

    /// One attempt, within its own limit and the deadline; `None` where there was no time to start.
    async fn attempt<T>(
        &self,
        until: Instant,
        call: &mut impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Option<(Instant, Result<T, CallError>)> {
        let now = Instant::now();
        if now >= until {
            return None;
        }
        let end = until.min(now + ATTEMPT_LIMIT);
        // Boxed, since the clients' futures are large and deep, and each layer above would hold a copy.
        let attempt = async {
            match timeout_at(end, contained_in(Box::pin(call()))).await {
                Ok(result) => result.and_then(|result| result),
                Err(_) if end == until => Err(CallError::deadline(Answer::Missing)),
                Err(_) => Err(CallError::timeout(ATTEMPT_LIMIT, asked().as_deref())),
            }
        };
        Some((now, noting_who_is_asked(attempt).await))
    }
}

/// How a call comes to its attempts.
enum Permits<'a> {
    /// Whenever it wants.
    Free,
    In {
        limiter: &'a Limiter,
        priority: Priority,
        /// Until the first attempt.
        first: Option<Waiting<'a>>,
        /// As long as nothing was asked, the record can as well be redelivered.
        may_go_back: bool,
    },
}

impl Permits<'_> {
    /// Waits for the later of the backoff and the permit.
    async fn next(&mut self, wait: Duration, until: Instant) -> Came {
        // A wait that ends past the deadline is time paid for nothing.
        if !wait.is_zero() && wait >= until.saturating_duration_since(Instant::now()) {
            return Came::Never;
        }
        let Self::In { limiter, priority, first, .. } = self else {
            back_off(wait).await;
            return Came::Permit;
        };
        if let Some(waiting) = first.take() {
            return waiting.permit().await;
        }
        let Ok(waiting) = limiter.join(*priority, Deadline::Repeat { until }) else { return Came::Never };
        tokio::join!(back_off(wait), waiting.permit()).1
    }

    /// There was a permit, and all calls that may be under way at once were, until the time was up.
    fn without_a_slot<T>(&self, attempts: Attempts<T>) -> Attempts<T> {
        let Self::In { limiter, priority, may_go_back, .. } = self else { return attempts };
        if attempts.began.is_some() {
            return attempts;
        }
        let place = limiter.place(*priority);
        Attempts::none(match may_go_back {
            true => CallError::deferred(place),
            false => CallError { retry_after: Some(place), ..CallError::deadline(Answer::NotAsked) },
        })
    }

    fn heard<T>(&self, started: Instant, result: &Result<T, CallError>) {
        let Self::In { limiter, .. } = self else { return };
        match result {
            // What throttled us before the call says nothing of the limiter.
            Err(error) if error.answer != Answer::Received => {}
            Err(error) if error.class == Class::Throttle => limiter.refused(started),
            _ => limiter.taken(started),
        }
    }
}

impl<T> Attempts<T> {
    /// No call was made, for this reason.
    pub fn none(error: CallError) -> Self {
        Self {
            result: Err(error),
            made: 0,
            throttled: 0,
            unanswered: false,
            failed_request_ids: Vec::new(),
            began: None,
            answered: None,
        }
    }

    fn record(&mut self, error: CallError) {
        self.made += u32::from(error.answer != Answer::NotAsked);
        self.throttled += u32::from(error.class == Class::Throttle && error.answer == Answer::Received);
        self.unanswered |= error.answer == Answer::Missing;
        self.failed_request_ids.extend(error.request_id.clone());
        self.result = Err(error.in_words_of(self.result.as_ref().err()));
    }
}

/// Even a sleep of no time takes a tick of the clock.
async fn back_off(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// Full jitter: anything from nothing to the ceiling, which doubles with each repeat, so that
/// callers that failed together do not come back together.
fn backoff(repeat: u32) -> Duration {
    let ceiling = FIRST_BACKOFF.saturating_mul(1 << (repeat - 1).min(16)).min(LONGEST_BACKOFF);
    ceiling.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests;
