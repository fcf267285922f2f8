//! One operation's limiter: who waits for a permit, in what order, and what the answers teach.
//!
//! Permits are taken in the order of joining, but the repeat of a call goes first: it has little time, and a
//! record that is sent away loses nothing. Whoever joins learns at once whether the permit will come in
//! time, and gets a place in the line of those sent away where it will not. A pace that changes moves
//! the permits of all who wait.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::bucket::Bucket;
use super::line::{Line, Priority};
use super::operation::Quota;

/// A first call waits so long for its permit.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// A busy process takes its permits later than they were promised, and all behind them come later by as much.
const SLACK: Duration = Duration::from_millis(100);

/// How long a call may wait for its permit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deadline {
    /// Nothing was asked yet, so the record can as well be redelivered.
    First { until: Instant },
    /// Something was asked: the rest is worth all the time there is.
    Begun { until: Instant },
    /// It was called and is called again, before it is too late: it goes first.
    Repeat { until: Instant },
}

impl Deadline {
    /// A first call leaves time to be repeated: refused too late it would have failed, and burned a receive
    /// as one that was deferred.
    fn ends(self, now: Instant, repeat: Duration) -> Instant {
        match self {
            Self::First { until } => until.checked_sub(repeat).unwrap_or(now).clamp(now, now + FIRST_WAIT),
            Self::Begun { until } | Self::Repeat { until } => until,
        }
    }
}

/// Where the calls of one operation wait.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
    /// The permits of those who wait have moved.
    moved: Notify,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    /// In the order of their permits.
    waiting: VecDeque<Ticket>,
    next: u64,
    line: Line,
}

/// Who goes first: the repeat of a call, then who joined first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    is_first: bool,
    number: u64,
}

/// Someone who waits. Leaving gives the place up.
#[derive(Debug)]
pub struct Waiting<'a> {
    pub limiter: &'a Limiter,
    pub priority: Priority,
    ticket: Ticket,
    deadline: Deadline,
    ends: Instant,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Came {
    /// One call may go.
    Permit,
    /// Nothing was asked, and the permit has moved too far away: best tried again after so long.
    Away(Duration),
    /// The time is up.
    Never,
}

impl Limiter {
    /// A limiter for one of so many processes; `known` is the quota of the account.
    pub fn new(known: Option<Quota>, processes: u32) -> Self {
        let part = known.unwrap_or(Quota::UNPUBLISHED).part(processes);
        Self {
            state: Mutex::new(State {
                bucket: Bucket::new(part, known.is_some(), Instant::now()),
                waiting: VecDeque::new(),
                next: 0,
                line: Line::new(processes),
            }),
            moved: Notify::new(),
        }
    }

    /// Joins those who wait.
    ///
    /// # Errors
    /// How long to stay away, where the permit would not come in time.
    pub fn join(&self, priority: Priority, deadline: Deadline) -> Result<Waiting<'_>, Duration> {
        let now = Instant::now();
        let mut state = self.state();
        state.bucket.fill(now);
        let ticket = Ticket { is_first: !matches!(deadline, Deadline::Repeat { .. }), number: state.next };
        let place = state.waiting.partition_point(|other| *other < ticket);
        let permit = state.permit_of(place);
        if !permit.is_zero() {
            state.bucket.wanted(now);
        }
        let ahead = match deadline {
            Deadline::First { .. } => state.ahead(priority, now),
            Deadline::Begun { .. } | Deadline::Repeat { .. } => Duration::ZERO,
        };
        let ends = deadline.ends(now, state.bucket.time_to_repeat());
        // A permit that is there is taken even where no time is left: that is for the call to say.
        let wait = permit.max(ahead);
        if !wait.is_zero() && wait > ends.saturating_duration_since(now) {
            return Err(match deadline {
                Deadline::First { .. } => state.place(priority, now),
                Deadline::Begun { .. } | Deadline::Repeat { .. } => wait,
            });
        }
        state.next += 1;
        state.waiting.insert(place, ticket);
        Ok(Waiting { limiter: self, ticket, priority, deadline, ends })
    }

    /// A place in the line of those sent away.
    pub fn place(&self, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        state.bucket.fill(now);
        state.place(priority, now)
    }

    /// How many permits come in so long, once there is nothing left to begin with.
    pub fn permits_in(&self, time: Duration) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate has a limit")]
        let permits = (self.state().bucket.rate() * time.as_secs_f64()) as usize;
        permits
    }

    /// How long it takes until so many calls have gone, if nobody else calls.
    pub fn time_for(&self, count: u64) -> Duration {
        let mut state = self.state();
        state.bucket.fill(Instant::now());
        // No sweep is so large that its size is not exact.
        state.bucket.wait_for(count as f64)
    }

    /// The call that started at `started` was answered, and not by throttling.
    pub fn taken(&self, started: Instant) {
        if self.state().bucket.taken(started, Instant::now()) {
            self.moved.notify_waiters();
        }
    }

    /// The call that started at `started` was throttled.
    pub fn refused(&self, started: Instant) {
        if self.state().bucket.refused(started, Instant::now()) {
            self.moved.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the permit comes of whoever has so many before him.
    fn permit_of(&self, before: usize) -> Duration {
        // No limiter is so long that its length is not exact.
        self.bucket.wait_for(before as f64 + 1.0)
    }

    /// How long those in line come first.
    fn ahead(&mut self, priority: Priority, now: Instant) -> Duration {
        // What others wait for is not unused.
        let unused = if self.waiting.is_empty() { self.bucket.unused() } else { Duration::ZERO };
        let rate = self.bucket.rate();
        self.line.comes(priority, unused, rate, now);
        self.line.ahead(priority, rate, now)
    }

    fn place(&mut self, priority: Priority, now: Instant) -> Duration {
        let permit = self.permit_of(self.waiting.len());
        self.line.place(priority, permit, self.bucket.rate(), now)
    }

    /// Takes the permit, or says how long it is still away.
    fn take(&mut self, ticket: Ticket, now: Instant) -> Result<(), Duration> {
        self.bucket.fill(now);
        let place = self.waiting.binary_search(&ticket).unwrap_or_default();
        let wait = self.permit_of(place);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.waiting.remove(place);
        self.bucket.take(now);
        Ok(())
    }
}

impl Waiting<'_> {
    /// Nothing was asked yet, so the record can as well be redelivered.
    pub fn is_first(&self) -> bool {
        matches!(self.deadline, Deadline::First { .. })
    }

    /// More was begun with this one, so it is worth all the time there is.
    pub fn begun(mut self, until: Instant) -> Self {
        self.deadline = Deadline::Begun { until };
        self.ends = until;
        self
    }

    /// Waits for the permit, as long as the deadline lasts.
    pub async fn permit(self) -> Came {
        loop {
            let mut moved = pin!(self.limiter.moved.notified());
            moved.as_mut().enable();
            let now = Instant::now();
            let away = match self.limiter.state().take(self.ticket, now) {
                Ok(()) => return Came::Permit,
                Err(away) => away,
            };
            // A clock that ticks in milliseconds would otherwise wake a moment too early, and again.
            let due = now + away.max(Duration::from_millis(1));
            if now >= self.ends && !self.is_merely_late(due) {
                return match self.deadline {
                    Deadline::First { .. } => Came::Away(self.limiter.place(self.priority)),
                    Deadline::Begun { .. } | Deadline::Repeat { .. } => Came::Never,
                };
            }
            let wake = if now < self.ends { due.min(self.ends) } else { due };
            let _ = timeout_at(wake, moved).await;
        }
    }

    /// A permit that was promised in time is not given up for the moment by which it comes later.
    fn is_merely_late(&self, due: Instant) -> bool {
        matches!(self.deadline, Deadline::First { until } if due <= self.ends + SLACK && due < until)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        if let Ok(place) = state.waiting.binary_search(&self.ticket) {
            state.waiting.remove(place);
            drop(state);
            self.limiter.moved.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
