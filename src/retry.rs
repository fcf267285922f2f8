//! The one owner of attempts: classification, then delay, then budget, under the deadline.
//!
//! Every call to a service, cancel or publish, goes through [`Retry::run`]; the SDK's own retries
//! are off. It knows the class of a failure and the time there is, and nothing of what the call does.
//! It is also the only place that bounds how many calls are under way at once.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::call_error::{Answer, CallError, Class};

/// One attempt lasts at most this long, from connecting to the last byte of the answer.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// Connecting lasts at most this long.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The ceiling of the wait before the second attempt; it doubles from there.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// No wait of our own choice is longer than this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// The limits that every call shares.
#[derive(Debug)]
pub struct Retry {
    max_attempts: u32,
    in_flight: Semaphore,
}

/// What became of a call, all its attempts taken together.
#[derive(Debug)]
pub struct Attempts<T> {
    pub result: Result<T, CallError>,
    /// Calls made, repeats included.
    pub made: u32,
    /// An attempt went out and no answer came: it may have been done.
    pub unanswered: bool,
    /// The service's ids of the attempts that failed, in order.
    pub failed_request_ids: Vec<String>,
}

impl Retry {
    /// `max_attempts` for each call, the first counted; at most `in_flight` calls at once.
    pub fn new(max_attempts: u32, in_flight: usize) -> Self {
        Self { max_attempts, in_flight: Semaphore::new(in_flight) }
    }

    /// Calls until it succeeds, fails for good, or neither attempts nor time are left. What ends
    /// with the time keeps the service's last error, where there was one.
    pub async fn run<T>(
        &self,
        until: Instant,
        mut call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Attempts<T> {
        let mut attempts = Attempts {
            result: Err(CallError::deadline(Answer::NotAsked)),
            made: 0,
            unanswered: false,
            failed_request_ids: Vec::new(),
        };
        let mut repeats = Repeats::default();
        while let Some(result) = self.attempt(until, &mut call).await {
            let error = match result {
                Ok(value) => {
                    attempts.made += 1;
                    attempts.result = Ok(value);
                    return attempts;
                }
                Err(error) => error,
            };
            attempts.record(error.clone());
            if !repeats.allowed(error.class) || repeats.made >= self.max_attempts {
                return attempts;
            }
            let wait = backoff(repeats.made).max(error.retry_after.unwrap_or_default());
            // A wait that ends past the deadline is time paid for nothing.
            if wait >= until.saturating_duration_since(Instant::now()) {
                return attempts;
            }
            sleep(wait).await;
        }
        attempts
    }

    /// One attempt, within its own limit and the deadline; `None` where there was no time to start.
    async fn attempt<T>(
        &self,
        until: Instant,
        call: &mut impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Option<Result<T, CallError>> {
        let _slot = timeout_at(until, self.in_flight.acquire()).await.ok()?;
        let now = Instant::now();
        if now >= until {
            return None;
        }
        let end = until.min(now + ATTEMPT_LIMIT);
        Some(timeout_at(end, call()).await.unwrap_or_else(|_| {
            Err(if end == until {
                CallError::deadline(Answer::Missing)
            } else {
                CallError::timeout(ATTEMPT_LIMIT)
            })
        }))
    }
}

impl<T> Attempts<T> {
    fn record(&mut self, error: CallError) {
        self.made += u32::from(error.answer != Answer::NotAsked);
        self.unanswered |= error.answer == Answer::Missing;
        self.failed_request_ids.extend(error.request_id.clone());
        let cut_off = error.code == "DeadlineExceeded";
        let said_before = matches!(&self.result, Err(last) if last.is_from_service());
        if !(cut_off && said_before) {
            self.result = Err(error);
        }
    }
}

/// Which attempts were used up, those included that ended before a call was made.
#[derive(Default)]
struct Repeats {
    made: u32,
    freshly_signed: bool,
}

impl Repeats {
    fn allowed(&mut self, class: Class) -> bool {
        self.made += 1;
        match class {
            Class::Throttle | Class::Retry => true,
            Class::RetryOnce => !std::mem::replace(&mut self.freshly_signed, true),
            Class::NotFound | Class::NotRunning | Class::Terminal | Class::Config | Class::Unknown => false,
        }
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
