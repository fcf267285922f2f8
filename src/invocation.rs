//! The time that one invocation has: what o'clock it is, and until when each stage may work.
//!
//! Lambda gives a deadline in wall-clock time. It is turned into instants of tokio's clock once, at
//! the start, so that every wait compares the same clock and tests can pause it. This module knows
//! the margin; it knows nothing of records, services or outcomes.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::timestamp::Timestamp;

/// When an invocation began and when its stages end.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    began: Instant,
    began_at: Timestamp,
    /// No call to a service starts, and none runs on, past this.
    pub calls_until: Instant,
    /// The same for messages to ourselves, behind which outcomes wait.
    pub following_until: Instant,
    /// The same for publishing.
    pub publishing_until: Instant,
    /// The same for telling queues when records are redelivered; what is left after it belongs to the response.
    pub hiding_until: Instant,
}

impl Invocation {
    /// An invocation that begins at `now` and must have answered by `deadline`. The margin is kept
    /// back for publishing and the response, never more than a quarter of the time there is.
    pub fn begin(now: SystemTime, deadline: SystemTime, margin: Duration) -> Self {
        let given = deadline.duration_since(now).unwrap_or_default();
        let margin = margin.min(given / 4);
        let began = Instant::now();
        Self {
            began,
            began_at: Timestamp::from(now),
            calls_until: began + (given - margin),
            following_until: began + (given - margin / 8 * 5),
            publishing_until: began + (given - margin / 4),
            hiding_until: began + (given - margin / 8),
        }
    }

    /// The time now, advancing with tokio's clock.
    pub fn now(&self) -> Timestamp {
        self.began_at.plus(self.began.elapsed())
    }

    /// That instant by the calendar.
    pub fn at(&self, instant: Instant) -> Timestamp {
        self.began_at.plus(instant.saturating_duration_since(self.began))
    }

    /// How long after the beginning a time is, in milliseconds.
    pub fn millis_until(&self, time: Timestamp) -> u64 {
        time.millis_since(self.began_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_kept_but_never_more_than_a_quarter_of_the_time() {
        for (given, margin, calls, publishing) in
            [(30_000, 1_500, 28_500, 29_625), (3_000, 1_500, 2_250, 2_812), (0, 1_500, 0, 0)]
        {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
            let invocation =
                Invocation::begin(now, now + Duration::from_millis(given), Duration::from_millis(margin));
            let from_begin = |end: Instant| (end - invocation.began).as_millis();
            assert_eq!(from_begin(invocation.calls_until), calls);
            assert_eq!(from_begin(invocation.publishing_until), publishing);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_has_passed_leaves_no_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let invocation = Invocation::begin(now, SystemTime::UNIX_EPOCH, Duration::from_secs(1));
        assert_eq!(invocation.calls_until, invocation.began);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_goes_on_with_the_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let invocation = Invocation::begin(now, now + Duration::from_secs(9), Duration::from_secs(1));
        tokio::time::advance(Duration::from_millis(1_234)).await;
        assert_eq!(invocation.now().to_string(), "1970-01-01T00:16:41.234Z");
    }
}
